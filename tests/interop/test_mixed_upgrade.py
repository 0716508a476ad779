"""A cluster under a writing client is changed node by node into one of the other kind."""
import eirtest
from eirtest import wait_until
from mixed import (EIR, VALKEY, TestCase, Writer, fill, info, kind_of, node_id, program_of,
                   wait_agreed, wait_role, wait_serving)


def primaries_and_replicas(nodes):
    """Pairs of servers, as their own words say it now."""
    pairs = []
    for primary in nodes:
        if info(primary)["role"] != "master":
            continue
        for node in nodes:
            role = node.call("ROLE")
            if role[0] == b"slave" and role[2] == primary.port:
                pairs.append((primary, node))
    return pairs


@eirtest.needs_peer
class Replace(TestCase):
    """With new nodes beside the old ones."""

    def add_replica(self, nodes, primary, kind):
        node = self.start_node(kind)
        node.call("CLUSTER", "MEET", "127.0.0.1", primary.port)
        nodes.append(node)
        wait_agreed(nodes, len(nodes))
        wait_until(lambda: node.call("CLUSTER", "REPLICATE", node_id(primary)) == "OK")
        wait_agreed(nodes, len(nodes))
        wait_until(lambda: info(node)["master_link_status"] == "up")
        return node

    def fail_over(self, nodes, old, new):
        new.call("CLUSTER", "FAILOVER")
        wait_role(new, "master")
        wait_role(old, "slave")
        wait_agreed(nodes, len(nodes))
        wait_serving(nodes)

    def remove(self, nodes, node):
        gone = node_id(node)
        node.stop()
        nodes.remove(node)
        for left in nodes:
            # One that heard of it from another has forgotten it already.
            left.client().ask("CLUSTER", "FORGET", gone)
        wait_agreed(nodes, len(nodes))

    def replace_all(self, nodes, kind):
        fill(nodes)
        with Writer(nodes) as writer:
            writer.wait_progress()
            for primary, replica in primaries_and_replicas(nodes):
                heir = self.add_replica(nodes, primary, kind)
                self.fail_over(nodes, primary, heir)
                writer.wait_progress(20)
                self.remove(nodes, primary)
                self.add_replica(nodes, heir, kind)
                self.remove(nodes, replica)
                writer.wait_progress(20)
        self.assertIsNone(writer.failure)
        self.assertEqual({kind_of(node) for node in nodes}, {kind})
        self.assertEqual(len(nodes), 6)
        self.assertEqual(writer.lost(nodes), {})
        with eirtest.ClusterClient([nodes[0].port]) as client:
            for number in range(0, 400, 5):
                self.assertEqual(client.call("GET", "key:%d" % number), b"text-%d" % number)

    def test_valkey_is_replaced_by_eir(self):
        cluster = self.start_mixed([VALKEY], replicas=1)
        self.replace_all(list(cluster.nodes), EIR)

    def test_eir_that_formed_by_its_seeds_is_replaced_by_valkey(self):
        cluster = self.start_cluster(shards=3, replicas=1)
        self.replace_all(list(cluster.nodes), VALKEY)


@eirtest.needs_peer
class InPlace(TestCase):
    """Each stops and starts again as the other kind, on the same port and folder."""

    def change(self, nodes, node, kind):
        node.call("SAVE")
        node.stop()
        node.program = program_of(kind)
        for name in ("cluster-seeds", "cluster-shards", "cluster-replicas-per-shard"):
            if kind == VALKEY and name in node.options:
                self.seeds[name] = node.options.pop(name)
        if kind == EIR:
            node.options.update(self.seeds)
        node.start()
        wait_serving(nodes)
        wait_agreed(nodes, len(nodes))

    def change_all(self, nodes, kind):
        for primary, replica in primaries_and_replicas(nodes):
            self.change(nodes, replica, kind)
            replica.call("CLUSTER", "FAILOVER")
            wait_role(replica, "master")
            wait_role(primary, "slave")
            wait_agreed(nodes, len(nodes))
            wait_serving(nodes)
            self.change(nodes, primary, kind)
            self.writer.wait_progress(20)
        self.assertEqual({kind_of(node) for node in nodes}, {kind})

    def there_and_back(self, nodes, kinds):
        self.seeds = {}
        fill(nodes)
        with Writer(nodes) as self.writer:
            self.writer.wait_progress()
            for kind in kinds:
                self.change_all(nodes, kind)
        self.assertIsNone(self.writer.failure)
        self.assertEqual(self.writer.lost(nodes), {})
        with eirtest.ClusterClient([nodes[0].port]) as client:
            for number in range(0, 400, 5):
                self.assertEqual(client.call("GET", "key:%d" % number), b"text-%d" % number)

    def test_one_node_of_a_cluster_with_an_id_is_valkey_for_a_while(self):
        """It comes back without the id, and is known all the same."""
        self.seeds = {}
        nodes = self.start_cluster(shards=3, replicas=1).nodes
        fill(nodes)
        primary, replica = primaries_and_replicas(nodes)[0]
        cluster_id = replica.client().cluster_info()["eir_cluster_id"]
        self.assertNotEqual(int(cluster_id, 16), 0)
        for node in (replica, primary):
            self.change(nodes, node, VALKEY)
            self.change(nodes, node, EIR)
            wait_until(lambda: node.client().cluster_info()["eir_cluster_id"] == cluster_id)
        with eirtest.ClusterClient([nodes[0].port]) as client:
            self.assertEqual(client.call("GET", "key:0"), b"text-0")

    def test_valkey_becomes_eir_and_valkey_again(self):
        self.there_and_back(self.start_mixed([VALKEY], replicas=1).nodes, [EIR, VALKEY])

    def test_eir_that_formed_by_its_seeds_becomes_valkey_and_eir_again(self):
        self.there_and_back(self.start_cluster(shards=3, replicas=1).nodes, [VALKEY, EIR])


if __name__ == "__main__":
    eirtest.main()
