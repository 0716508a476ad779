"""How nodes are named to clients: addresses announced, hostnames, zones, and what is preferred."""
import eirtest
from eirtest import wait_until

SLOT = 0


class Endpoints(eirtest.TestCase):
    """Two primaries; all that the second says about the first has travelled over the bus."""

    def setUp(self):
        super().setUp()
        self.cluster = self.start_cluster(form="commands", shards=3, replicas=0)
        self.first, self.second = self.cluster.nodes[:2]
        self.key = eirtest.key_in_slot(SLOT)

    def moved(self):
        return str(self.second.client().ask("GET", self.key))

    def shown(self):
        """The first node in CLUSTER SLOTS of the second."""
        with self.second.client(protocol=3) as client:
            for first, _, primary, *_ in client.call("CLUSTER", "SLOTS"):
                if first == SLOT:
                    return primary
        return None

    def shard(self):
        with self.second.client(protocol=3) as client:
            for shard in client.call("CLUSTER", "SHARDS"):
                if SLOT in shard[b"slots"]:
                    return shard[b"nodes"][0]
        return None

    def set_first(self, *words):
        self.assertEqual(self.first.call("CONFIG", "SET", *words), "OK")

    def prefer(self, kind):
        self.second.call("CONFIG", "SET", "cluster-preferred-endpoint-type", kind)

    def test_addresses_are_preferred_unless_something_else_is_said(self):
        port = self.first.port
        self.assertEqual(self.moved(), "MOVED 0 127.0.0.1:%d" % port)
        self.assertEqual(self.shown()[:2], [b"127.0.0.1", port])
        self.set_first("cluster-announce-hostname", "first.example")
        wait_until(lambda: self.shown()[3].get(b"hostname") == b"first.example", 20)
        self.assertEqual(self.moved(), "MOVED 0 127.0.0.1:%d" % port)
        self.assertEqual(self.shard()[b"hostname"], b"first.example")
        self.assertEqual(self.shard()[b"endpoint"], b"127.0.0.1")

    def test_hostnames_are_preferred(self):
        port = self.first.port
        self.prefer("hostname")
        self.assertEqual(self.moved(), "MOVED 0 ?:%d" % port)
        self.assertEqual(self.shown()[0], b"?")
        self.set_first("cluster-announce-hostname", "first.example")
        wait_until(lambda: self.moved() == "MOVED 0 first.example:%d" % port, 20)
        node = self.shown()
        self.assertEqual(node[:2], [b"first.example", port])
        self.assertEqual(node[3], {b"ip": b"127.0.0.1"})
        self.assertEqual(self.shard()[b"endpoint"], b"first.example")
        self.assertIn("127.0.0.1:%d@%d,first.example " % (port, port + eirtest.BUS_OFFSET),
                      self.second.client().text("CLUSTER", "NODES"))
        self.set_first("cluster-announce-hostname", "")
        wait_until(lambda: self.moved() == "MOVED 0 ?:%d" % port, 20, "the name is forgotten")

    def test_an_unknown_endpoint_leaves_the_host_to_the_client(self):
        port = self.first.port
        self.prefer("unknown-endpoint")
        self.assertEqual(self.moved(), "MOVED 0 :%d" % port)
        node = self.shown()
        self.assertEqual(node[:2], [None, port])
        self.assertEqual(node[3], {b"ip": b"127.0.0.1"})
        self.assertIsNone(self.shard()[b"endpoint"])

    def test_announced_ports_and_addresses_are_told_to_clients(self):
        self.set_first("cluster-announce-client-ipv4", "10.1.2.3")
        wait_until(lambda: self.moved().startswith("MOVED 0 10.1.2.3:"), 20)
        self.set_first("cluster-announce-port", "7777")
        wait_until(lambda: self.moved() == "MOVED 0 10.1.2.3:7777", 20)
        self.assertEqual(self.shown()[:2], [b"10.1.2.3", 7777])
        self.assertEqual((self.shard()[b"ip"], self.shard()[b"port"]), (b"10.1.2.3", 7777))
        self.cluster.wait_ok()

    def test_names_and_zones_are_told(self):
        self.set_first("availability-zone", "zone-a")
        wait_until(lambda: self.shown()[3].get(b"availability-zone") == b"zone-a", 20)
        self.assertEqual(self.shard()[b"availability-zone"], b"zone-a")
        self.set_first("cluster-announce-human-nodename", "first")

    def test_what_cannot_be_a_name_is_refused(self):
        for name in ("bad name", "bad/name", "x" * 300):
            with self.first.client() as client:
                self.assertIsInstance(
                    client.ask("CONFIG", "SET", "cluster-announce-hostname", name),
                    eirtest.ReplyError)


class Announced(eirtest.TestCase):
    def test_a_cluster_forms_by_announced_bus_ports_and_addresses(self):
        cluster = eirtest.Cluster(shards=3, replicas=0)
        for node in cluster.nodes:
            self._servers.append(node)
            node.options.update({"cluster-announce-ip": "127.0.0.1",
                                 "cluster-announce-port": node.port,
                                 "cluster-announce-bus-port": node.port + 9000,
                                 "cluster-port": node.port + 9000,
                                 "cluster-seeds": "127.0.0.1:%d@%d" % (
                                     cluster.nodes[0].port, cluster.nodes[0].port + 9000)})
        cluster.start()
        for row in eirtest.cluster_nodes(cluster.nodes[2].client()):
            port, bus_port = row["address"].split(":")[1].split("@")
            self.assertEqual(int(bus_port), int(port) + 9000)


if __name__ == "__main__":
    eirtest.main()
