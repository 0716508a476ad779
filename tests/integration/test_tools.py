"""The --cluster verbs of redis-cli and valkey-cli on our nodes, where no data has to move."""
import os
import re
import shutil
import subprocess
import unittest

import eirtest
from eirtest import wait_until


class Tool:
    """A cli; run() returns status and output."""

    def __init__(self, path):
        self.path = path

    def run(self, *words, seconds=40, answer=""):
        done = subprocess.run([self.path, *map(str, words)], capture_output=True, text=True,
                              input=answer, timeout=seconds, check=False,
                              env=dict(os.environ, TERM="dumb"))
        return done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


class Verbs:
    """The cases; the classes below say with which tool."""
    path = None

    def setUp(self):
        super().setUp()
        self.tool = Tool(self.path)

    def bare_nodes(self, count, **options):
        nodes = [self.new_server(cluster_enabled="yes", cluster_node_timeout=2000, **options)
                 for _ in range(count)]
        for node in nodes:
            node.start(wait=False)
        for node in nodes:
            node.wait_ready()
        return nodes

    def good(self, *words):
        status, output = self.tool.run(*words)
        self.assertEqual(status, 0, output)
        self.assertNotIn("[ERR]", output)
        return output

    def address(self, node):
        return "127.0.0.1:%d" % node.port

    def create(self, count=6, replicas=1):
        nodes = self.bare_nodes(count)
        output = self.good("--cluster", "create", *map(self.address, nodes),
                           "--cluster-replicas", replicas, "--cluster-yes")
        self.assertIn("[OK] All nodes agree about slots configuration.", output)
        self.assertIn("[OK] All 16384 slots covered.", output)
        for node in nodes:
            wait_until(lambda: eirtest.Cluster.node_is_ok(node), 30, "%s is ok" % node.name)
        return nodes

    def check(self, node):
        """The check passes as soon as everybody has heard everything."""
        output = []

        def passes():
            status, text = self.tool.run("--cluster", "check", self.address(node))
            output[:] = [text]
            return status == 0 and "[OK] All nodes agree" in text and "[ERR]" not in text
        try:
            wait_until(passes, 30, "--cluster check")
        except AssertionError:
            raise AssertionError("--cluster check:\n%s" % output[0]) from None
        return output[0]

    def test_create_check_info_and_call(self):
        nodes = self.create()
        output = self.check(nodes[3])
        self.assertIn("[OK] All 16384 slots covered.", output)
        self.assertEqual(output.count("\nM: "), 3)
        self.assertEqual(output.count("\nS: "), 3)
        with eirtest.ClusterClient([nodes[0].port]) as client:
            for number in range(100):
                client.call("SET", "key:%d" % number, number)
        output = self.good("--cluster", "info", self.address(nodes[0]))
        self.assertIn("[OK] 100 keys in 3 ", output)
        output = self.good("--cluster", "call", self.address(nodes[0]), "PING")
        self.assertEqual(output.count(": PONG"), 6)
        output = self.good("--cluster", "call", self.address(nodes[0]), "CONFIG", "SET",
                           "cluster-node-timeout", "3000")
        self.assertEqual(output.count(": OK"), 6)
        output = self.good("--cluster", "set-timeout", self.address(nodes[0]), "4000")
        for node in nodes:
            self.assertEqual(node.call("CONFIG", "GET", "cluster-node-timeout")[1], b"4000")

    def test_nodes_are_added_and_deleted(self):
        nodes = self.create(count=3, replicas=0)
        extra, replica = self.bare_nodes(2)
        self.good("--cluster", "add-node", self.address(extra), self.address(nodes[0]))
        wait_until(lambda: len(eirtest.cluster_nodes(nodes[2].client())) == 4, 20)
        self.check(nodes[0])
        primary = nodes[1].call("CLUSTER", "MYID").decode()
        self.good("--cluster", "add-node", self.address(replica), self.address(nodes[0]),
                  "--cluster-replica" if self.is_new() else "--cluster-slave",
                  "--cluster-primary-id" if self.is_new() else "--cluster-master-id", primary)
        wait_until(lambda: replica.call("ROLE")[0] == b"slave", 20)
        wait_until(lambda: eirtest.Cluster.node_is_ok(replica), 20)
        output = self.check(nodes[0])
        self.assertEqual(output.count("\nS: "), 1)
        for node in (extra, replica):
            node_id = node.call("CLUSTER", "MYID").decode()
            self.good("--cluster", "del-node", self.address(nodes[0]), node_id)
        wait_until(lambda: len(eirtest.cluster_nodes(nodes[0].client())) == 3, 20)
        self.assertEqual(len(eirtest.cluster_nodes(extra.client())), 1)
        self.check(nodes[0])

    def test_fix_covers_slots_that_nobody_owns(self):
        nodes = self.create(count=3, replicas=0)
        nodes[0].call("CLUSTER", "DELSLOTSRANGE", 100, 110)
        for node in nodes[1:]:
            node.call("CLUSTER", "DELSLOTSRANGE", 100, 110)
        status, output = self.tool.run("--cluster", "check", self.address(nodes[0]))
        self.assertEqual(status, 1, output)
        self.assertIn("[ERR] Not all 16384 slots are covered by nodes.", output)
        self.good_fix(nodes[0])
        self.check(nodes[0])

    def test_fix_closes_slots_that_were_left_open(self):
        nodes = self.create(count=3, replicas=0)
        other = nodes[2].call("CLUSTER", "MYID")
        nodes[0].call("CLUSTER", "SETSLOT", 5, "MIGRATING", other)
        status, output = self.tool.run("--cluster", "check", self.address(nodes[0]))
        self.assertEqual(status, 1, output)
        self.assertIn("open slots", output)
        self.good_fix(nodes[0])
        self.assertNotIn("[5->-", nodes[0].client().text("CLUSTER", "NODES"))
        self.check(nodes[0])

    def good_fix(self, node):
        status, output = self.tool.run("--cluster", "fix", self.address(node), answer="yes\n")
        self.assertEqual(status, 0, output)

    def test_create_refuses_nodes_that_are_not_empty(self):
        nodes = self.bare_nodes(3)
        nodes[1].call("CLUSTER", "MEET", "127.0.0.1", nodes[2].port)
        wait_until(lambda: nodes[1].client().cluster_info()["cluster_known_nodes"] == "2", 20)
        status, output = self.tool.run("--cluster", "create", *map(self.address, nodes),
                                       "--cluster-yes")
        self.assertEqual(status, 1, output)
        self.assertIn("is not empty", output)

    def test_the_cli_follows_redirects(self):
        nodes = self.create(count=3, replicas=0)
        for number in range(20):
            status, output = self.tool.run("-c", "-p", nodes[0].port, "SET", "k%d" % number, number)
            self.assertEqual((status, output), (0, "OK\n"))
        self.assertEqual(sum(node.call("DBSIZE") for node in nodes), 20)

    def is_new(self):
        return "valkey" in os.path.basename(self.path)


@unittest.skipUnless(shutil.which("redis-cli"), "skipped: redis-cli is not installed")
class RedisCli(Verbs, eirtest.TestCase):
    path = shutil.which("redis-cli")


@unittest.skipUnless(eirtest.peer("valkey-cli"), "skipped: EIR_PEER is not set")
class ValkeyCli(Verbs, eirtest.TestCase):
    path = eirtest.peer("valkey-cli")


if __name__ == "__main__":
    eirtest.main()
