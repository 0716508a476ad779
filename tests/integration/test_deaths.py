"""Nodes of a cluster are killed: under writes, with a child at work, and come back empty."""
import os
import socket

import eirtest
from eirtest import wait_until


def role(node):
    return node.call("ROLE")[0]


class Deaths(eirtest.TestCase):
    def test_a_primary_dies_under_writes_and_comes_back_as_a_replica(self):
        cluster = self.start_cluster()
        victim = cluster.primary_of(0)
        with eirtest.Writer(cluster) as writer:
            writer.wait_progress(300)
            victim.kill()
            writer.wait_progress(600)
            successor = cluster.primary_of(0)
            victim.start()
            wait_until(lambda: role(victim) == b"slave", 20, "the dead one is a replica")
            cluster.wait_ok()
            writer.wait_progress(300)
        self.assertIsNone(writer.failure)
        self.assertEqual(role(successor), b"master")
        self.assertIn(victim, cluster.replicas_of(successor))
        eirtest.wait_replicated(successor)
        with victim.client() as client:
            client.call("READONLY")
            mine = [key for key in writer.keys if eirtest.key_slot(key) <= 5460]
            self.assertEqual([int(client.call("GET", key)) for key in mine],
                             [writer.acknowledged[key] for key in mine])

    def test_every_primary_dies_one_after_the_other(self):
        cluster = self.start_cluster()
        with eirtest.Writer(cluster) as writer:
            for slot in (0, 8000, 16000):
                writer.wait_progress(100)
                victim = cluster.primary_of(slot)
                victim.kill()
                wait_until(lambda: cluster.primary_of(slot) is not victim, 20)
                victim.start()
                cluster.wait_ok()
            writer.wait_progress(300)
        self.assertIsNone(writer.failure)

    def test_a_primary_that_comes_back_empty_at_once_does_not_destroy_the_shard(self):
        cluster = self.start_cluster()
        keys = eirtest.fill_slots(cluster, "before-{}")
        victim = cluster.primary_of(0)
        eirtest.wait_replicated(victim)
        victim.kill()
        self.assertFalse(os.path.exists(os.path.join(victim.folder, "dump.rdb")))
        victim.start(wait=False)
        victim.wait_ready()
        wait_until(lambda: cluster.primary_of(0) is not victim, 20, "its replica took over")
        cluster.wait_ok()
        self.assertEqual(eirtest.read_slots(cluster, keys),
                         {slot: "before-%d" % slot for slot in keys})
        wait_until(lambda: victim.call("DBSIZE") == cluster.primary_of(0).call("DBSIZE"), 20)

    def test_a_primary_dies_while_its_child_saves(self):
        cluster = self.start_cluster()
        victim = cluster.primary_of(0)
        keys = eirtest.fill_slots(cluster, "x" * 5000 + "-{}", eirtest.keys_of_slots())
        child = victim.save_and_stop_child()
        victim.kill()
        wait_until(lambda: eirtest.is_dead(child), 10, "the child died with it")
        for port in (victim.port, victim.port + eirtest.BUS_OFFSET):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        victim.start()
        wait_until(lambda: role(victim) == b"slave", 20, "the dead one is a replica")
        cluster.wait_ok()
        self.assertEqual(len(eirtest.read_slots(cluster, keys)), len(keys))


if __name__ == "__main__":
    eirtest.main()
