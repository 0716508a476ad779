"""Nodes of mixed clusters restart: with their data, and without."""
import os

import eirtest
from eirtest import wait_until
from mixed import (EIR, VALKEY, TestCase, content, info, node_id, view_of, wait_agreed,
                   wait_caught_up, wait_role, wait_serving)


@eirtest.needs_peer
class EmptyRestart(TestCase):
    """A primary comes back at once, with nodes.conf and without its data. It owns its slots
    before anybody missed it; its replica has all that is left."""

    def check(self, kinds, heir):
        nodes, primary, replica = self.start_shard(kinds, heir, node_timeout_ms=3000)
        before = content(primary)
        self.assertTrue(before)
        self.assertFalse(os.path.exists(os.path.join(primary.folder, "dump.rdb")))
        primary.kill()
        primary.start()
        wait_role(replica, "master", 40)
        self.assertEqual(content(replica), before)
        wait_role(primary, "slave", 40)
        view = wait_agreed(nodes, len(nodes))
        self.assertEqual(view[node_id(primary)][2], node_id(replica))
        wait_serving(nodes)
        wait_caught_up(replica, primary)
        self.assertEqual(content(primary), before)
        with eirtest.ClusterClient([node.port for node in nodes]) as client:
            self.assertEqual(client.call("GET", "key:0"), b"text-0")

    def test_a_valkey_replica_takes_over_among_valkey_voters(self):
        self.check([EIR, VALKEY, VALKEY], VALKEY)

    def test_a_valkey_replica_takes_over_among_eir_voters(self):
        self.check([EIR, EIR, EIR], VALKEY)

    def test_a_valkey_replica_takes_over_among_both(self):
        self.check([EIR, EIR, VALKEY], VALKEY)

    def test_an_eir_replica_takes_over_among_valkey_voters(self):
        self.check([EIR, VALKEY, VALKEY], EIR)


def save_and_kill(node):
    """No PING of the stream comes in between: a replica that has even one more than its primary
    saved takes over from it."""
    node.call("CONFIG", "SET", "repl-ping-replica-period", 3600)
    node.call("SAVE")
    node.kill()


@eirtest.needs_peer
class Restart(TestCase):
    def check(self, kinds, heir):
        nodes, primary, replica = self.start_shard(kinds, heir, node_timeout_ms=20000)
        before = content(primary)
        view = view_of(replica)
        for node in (replica, primary):
            save_and_kill(node)
            node.start()
            wait_serving(nodes)
            wait_agreed(nodes, len(nodes))
        wait_caught_up(primary, replica)
        self.assertEqual(view_of(replica), view, "the same roles, epochs and addresses")
        self.assertEqual(content(primary), before)
        self.assertEqual(content(replica), before)

    def test_an_eir_primary_and_its_valkey_replica_come_back(self):
        self.check([EIR, VALKEY, VALKEY], VALKEY)

    def test_a_valkey_primary_and_its_eir_replica_come_back(self):
        self.check([VALKEY, VALKEY, VALKEY], EIR)

    def test_all_of_them_at_once(self):
        cluster = self.start_mixed([EIR, VALKEY] * 3, replicas=1, node_timeout_ms=20000)
        with cluster.client() as client:
            for number in range(300):
                client.call("SET", "key:%d" % number, number)
        view = wait_agreed(cluster.nodes, 6)
        for node in cluster.nodes:
            save_and_kill(node)
        for node in cluster.nodes:
            node.start(wait=False)
        for node in cluster.nodes:
            node.wait_ready()
        wait_serving(cluster.nodes, 60)
        self.assertEqual(wait_agreed(cluster.nodes, 6), view)
        with cluster.client() as client:
            for number in range(300):
                self.assertEqual(client.call("GET", "key:%d" % number), b"%d" % number)


if __name__ == "__main__":
    eirtest.main()
