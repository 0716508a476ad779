#!/usr/bin/python3
"""Clients that wait for a list while the cluster changes under them: served, redirected or told an
error, but never left behind."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import eirtest  # noqa: E402
from eirtest import wait_until  # noqa: E402
from resp_client import ReplyError  # noqa: E402

KEY = "{fHh}list"  # of slot 0
KEY_SLOT = 0


def wait_blocked(node, count):
    wait_until(lambda: node.client().info("clients")["blocked_clients"] == str(count), 30,
               "%d clients wait" % count)


class InACluster(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        self.cluster = self.start_cluster()
        self.primary = self.cluster.primary_of(KEY_SLOT)
        self.replica = self.cluster.replicas_of(self.primary)[0]

    def waiting(self, node, *words, readonly=False):
        client = node.client(timeout=120.0)
        self.addCleanup(client.close)
        if readonly:
            client.call("READONLY")
        client.send(*words)
        return client

    def test_a_manual_failover_sends_who_waits_to_the_new_primary(self):
        client = self.waiting(self.primary, "BLPOP", KEY, 0)
        mover = self.waiting(self.primary, "BLMOVE", KEY, KEY + "2", "LEFT", "LEFT", 0)
        wait_blocked(self.primary, 2)
        self.assertEqual(self.replica.call("CLUSTER", "FAILOVER"), "OK")
        moved = "MOVED %d 127.0.0.1:%d" % (KEY_SLOT, self.replica.port)
        self.assertEqual(str(client.read()), moved)
        self.assertEqual(str(mover.read()), moved)
        self.cluster.wait_ok()
        again = self.waiting(self.replica, "BLPOP", KEY, 0)
        wait_blocked(self.replica, 1)
        self.assertEqual(self.replica.call("RPUSH", KEY, "value"), 1)
        self.assertEqual(again.read(), [KEY.encode(), b"value"])

    def test_a_primary_that_is_replaced_while_it_stands_still_tells_it_later(self):
        client = self.waiting(self.primary, "BLPOP", KEY, 0)
        wait_blocked(self.primary, 1)
        self.primary.signal(signal.SIGSTOP)
        try:
            self.assertEqual(self.replica.call("CLUSTER", "FAILOVER", "FORCE"), "OK")
            wait_until(lambda: KEY_SLOT in eirtest.owned_slots(self.replica.client()), 30,
                       "it leads")
        finally:
            self.primary.signal(signal.SIGCONT)
        reply = client.read()
        self.assertIsInstance(reply, ReplyError)
        self.assertIn(reply.code, ("MOVED", "CLUSTERDOWN"))

    def test_a_primary_without_a_majority_tells_it(self):
        client = self.waiting(self.primary, "BLPOP", KEY, 0)
        wait_blocked(self.primary, 1)
        others = [node for node in self.cluster.nodes if node is not self.primary]
        for node in others:
            node.signal(signal.SIGSTOP)
        try:
            self.assertEqual(client.read().code, "CLUSTERDOWN")
        finally:
            for node in others:
                node.signal(signal.SIGCONT)

    def test_a_slot_that_goes_to_another_shard(self):
        other = next(node for node in self.cluster.primaries() if node is not self.primary)
        client = self.waiting(self.primary, "BLPOP", KEY, 0)
        stays = self.waiting(self.primary, "BLPOP", "{d9C}list", 0)  # of slot 1
        wait_blocked(self.primary, 2)
        theirs, ours = (node.call("CLUSTER", "MYID") for node in (other, self.primary))
        other.call("CLUSTER", "SETSLOT", KEY_SLOT, "IMPORTING", ours)
        self.primary.call("CLUSTER", "SETSLOT", KEY_SLOT, "MIGRATING", theirs)
        for node in (other, self.primary):
            node.call("CLUSTER", "SETSLOT", KEY_SLOT, "NODE", theirs)
        self.assertEqual(str(client.read()), "MOVED %d 127.0.0.1:%d" % (KEY_SLOT, other.port))
        self.primary.call("RPUSH", "{d9C}list", "value")
        self.assertEqual(stays.read(), [b"{d9C}list", b"value"])


class Alone(eirtest.TestCase):
    def test_a_primary_that_becomes_a_replica_says_so_and_closes(self):
        server, other = self.start_server(), self.start_server()
        client = server.client(timeout=120.0)
        client.send("BLPOP", "k", 0)
        waiter = server.client(timeout=120.0)
        waiter.send("WAIT", 1, 0)
        wait_blocked(server, 2)
        server.call("REPLICAOF", "127.0.0.1", other.port)
        for told in client, waiter:
            self.assertEqual(told.read_until_closed(),
                             b"-UNBLOCKED force unblock from blocking operation, instance state "
                             b"changed (master -> replica?)\r\n")

    def test_clients_that_leave_are_not_waited_for(self):
        server = self.start_server()
        client = server.client()
        client.send("BLPOP", "k", 0)
        wait_blocked(server, 1)
        client.close()
        wait_blocked(server, 0)
        self.assertEqual(server.client().info("clients")["total_blocking_keys"], "0")
        self.assertEqual(server.call("RPUSH", "k", "kept"), 1)
        self.assertEqual(server.call("LLEN", "k"), 1)

    def test_replicas_hear_of_the_effect(self):
        primary = self.start_server()
        replica = self.start_server()
        replica.call("REPLICAOF", "127.0.0.1", primary.port)
        client = primary.client(timeout=120.0)
        client.send("BLMPOP", 0, 1, "k", "LEFT", "COUNT", 2)
        wait_blocked(primary, 1)
        primary.call("RPUSH", "k", "a", "b", "c")
        self.assertEqual(client.read(), [b"k", [b"a", b"b"]])
        client.send("BLMOVE", "l", "k", "LEFT", "LEFT", 0)
        wait_blocked(primary, 1)
        primary.call("RPUSH", "l", "d")
        self.assertEqual(client.read(), b"d")
        eirtest.wait_replicated(primary)
        self.assertEqual(replica.call("LRANGE", "k", 0, -1), [b"d", b"c"])
        self.assertEqual(replica.call("EXISTS", "l"), 0)


if __name__ == "__main__":
    eirtest.main()
