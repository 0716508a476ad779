"""Nodes of one kind join a cluster of the other, and all see the same cluster."""
import re

import eirtest
from eirtest import wait_until
from mixed import (EIR, VALKEY, TestCase, cli, content, fill, info, node_id, place, wait_agreed,
                   wait_caught_up, wait_role, wait_serving)

# How a node may put it at any level that it does not take a message.
WORDS = re.compile(r"unknown (packet|type|ext|message)|invalid|malformed|[Ii]gnor|unsupported|"
                   r"[Ww]rong|[Bb]ad |corrupt|unexpected", re.IGNORECASE)


@eirtest.needs_peer
class Join(TestCase):
    def join(self, cluster, node):
        """By CLUSTER MEET, said to the newcomer."""
        node.call("CLUSTER", "MEET", "127.0.0.1", cluster.nodes[0].port)
        nodes = cluster.nodes + [node]
        wait_agreed(nodes, len(nodes))
        return nodes

    def check_join(self, kinds, newcomer):
        cluster = self.start_mixed(kinds)
        fill(cluster.nodes)
        nodes = self.join(cluster, self.start_node(newcomer))
        last = nodes[-1]

        primary = cluster.nodes[0]
        wait_until(lambda: last.call("CLUSTER", "REPLICATE", node_id(primary)) == "OK")
        wait_agreed(nodes, len(nodes))
        wait_serving(nodes)
        wait_caught_up(primary, last)
        self.assertEqual(content(last), content(primary))

    def test_an_eir_node_joins_a_valkey_cluster(self):
        self.check_join([VALKEY] * 3, EIR)

    def test_a_valkey_node_joins_an_eir_cluster(self):
        self.check_join([EIR] * 3, VALKEY)

    def test_a_mixed_cluster_of_six_agrees(self):
        cluster = self.start_mixed([EIR, VALKEY, EIR, VALKEY, EIR, VALKEY], replicas=1)
        view = wait_agreed(cluster.nodes, 6)
        self.assertEqual(sum("slave" in row[1] for row in view.values()), 3)

    def test_valkey_takes_every_packet_of_ours(self):
        cluster = self.start_mixed([EIR, VALKEY] * 3, replicas=1, loglevel="debug")
        wait_agreed(cluster.nodes, 6)
        with cluster.nodes[1].client() as client:  # Eir's PUBLISH goes over the bus, both forms
            client.call("SUBSCRIBE", "channel")
            wait_until(lambda: cluster.nodes[0].call("PUBLISH", "channel", "x") == 0)
            self.assertEqual(client.read(), [b"message", b"channel", b"x"])
        cluster.nodes[3].call("CLUSTER", "FAILOVER")
        wait_role(cluster.nodes[3], "master")
        wait_agreed(cluster.nodes, 6)
        for node in cluster.nodes[1::2]:
            self.assertEqual([line for line in node.log().splitlines() if WORDS.search(line)], [])

    def test_large_publications_cross_the_bus(self):
        cluster = self.start_mixed([EIR, VALKEY, EIR], node_timeout_ms=20000,
                                   client_output_buffer_limit=("pubsub", "0", "0", "0"))
        payload = b"p" * (70 << 20)
        for source in cluster.nodes[:2]:
            others = [node for node in cluster.nodes if node is not source]
            subscribers = [node.client(timeout=120) for node in others]
            for subscriber in subscribers:
                subscriber.call("SUBSCRIBE", "channel")
            with source.client(timeout=120) as client:
                self.assertEqual(client.call("PUBLISH", "channel", payload), 0)
            for subscriber in subscribers:
                self.assertTrue(subscriber.read()[2] == payload)
                subscriber.close()
        wait_agreed(cluster.nodes, 3)

    def test_valkey_nodes_join_a_cluster_that_formed_by_its_seeds(self):
        cluster = self.start_cluster(shards=3, replicas=1)
        newcomers = [self.start_node(VALKEY), self.start_node(VALKEY)]
        nodes = list(cluster.nodes)
        wait_agreed(nodes, 6)
        for node in newcomers:
            cli("--cluster", "add-node", place(node), place(cluster.nodes[0]))
            nodes.append(node)
            wait_agreed(nodes, len(nodes))  # it refuses while they do not
        fill(cluster.nodes)

        # One becomes a replica, the other a primary with slots of its own.
        primary = cluster.primary_of(0)
        newcomers[0].call("CLUSTER", "REPLICATE", node_id(primary))
        wait_agreed(nodes, 8)
        wait_serving(nodes)
        wait_caught_up(primary, newcomers[0])
        cli("--cluster", "reshard", place(newcomers[1]), "--cluster-from", node_id(primary),
            "--cluster-to", node_id(newcomers[1]), "--cluster-slots", 20, "--cluster-yes")
        wait_agreed(nodes, 8)
        self.assertEqual(len(eirtest.owned_slots(newcomers[1].client())), 20)
        with eirtest.ClusterClient([newcomers[1].port]) as client:
            self.assertEqual(client.call("GET", "key:0"), b"text-0")

    def add_by_cli(self, kinds, newcomer):
        cluster = self.start_mixed(kinds)
        fill(cluster.nodes)
        first, second = self.start_node(newcomer), self.start_node(newcomer)
        nodes = cluster.nodes + [first, second]
        target = cluster.nodes[1]
        cli("--cluster", "add-node", place(first), place(target))
        wait_agreed(nodes[:-1], 4)
        cli("--cluster", "add-node", place(second), place(target), "--cluster-replica",
            "--cluster-primary-id", node_id(target))
        wait_agreed(nodes, 5)
        wait_serving(nodes)
        self.assertEqual(info(first)["role"], "master")
        self.assertEqual(info(second)["role"], "slave")
        wait_caught_up(target, second)
        self.assertEqual(content(second), content(target))

        # The first takes slots with their keys, gives them back, and goes.
        for source, sink in ((target, first), (first, target)):
            cli("--cluster", "reshard", place(target), "--cluster-from", node_id(source),
                "--cluster-to", node_id(sink), "--cluster-slots", 20, "--cluster-yes")
            wait_agreed(nodes, 5)
            wait_serving(nodes)
        wait_caught_up(target, second)
        self.assertEqual(content(second), content(target))
        cli("--cluster", "del-node", place(target), node_id(first))
        wait_agreed(cluster.nodes + [second], 4)

    def test_valkey_cli_adds_eir_nodes_to_a_valkey_cluster(self):
        self.add_by_cli([VALKEY] * 3, EIR)

    def test_valkey_cli_adds_valkey_nodes_to_an_eir_cluster(self):
        self.add_by_cli([EIR] * 3, VALKEY)


if __name__ == "__main__":
    eirtest.main()
