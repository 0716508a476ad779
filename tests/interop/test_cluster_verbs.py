"""The verbs of `valkey-cli --cluster`, unmodified, on a cluster of Eir nodes."""
import subprocess

import eirtest

KEYS = 500


@eirtest.needs_peer
class ClusterVerbs(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        self.nodes = [self.start_server(cluster_enabled="yes", cluster_node_timeout=2000)
                      for _ in range(6)]

    def address(self, node):
        return "127.0.0.1:%d" % node.port

    def verb(self, *words):
        command = [eirtest.peer("valkey-cli"), "--cluster", *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, " ".join(command) + done.stdout + done.stderr)
        return done.stdout

    def wait_agreed(self, nodes):
        """valkey-cli asks every node: they must have heard of a change before its next verb."""
        def views():
            return {tuple(sorted((row["id"], " ".join(row["slots"]))
                                 for row in eirtest.cluster_nodes(node.client())
                                 if "fail" not in row["flags"])) for node in nodes}
        eirtest.wait_until(lambda: len(views()) == 1, 30, "all nodes have one view")

    def create(self, nodes, replicas):
        out = self.verb("create", *[self.address(node) for node in nodes],
                        "--cluster-replicas", str(replicas), "--cluster-yes")
        self.assertIn("All 16384 slots covered", out)
        for node in nodes:
            eirtest.wait_until(lambda: eirtest.Cluster.node_is_ok(node), 30,
                               "%s is ok" % node.name)
        self.wait_agreed(nodes)

    def test_a_cluster_is_created_checked_and_resharded(self):
        self.create(self.nodes, 1)
        first = self.nodes[0]
        with eirtest.ClusterClient([first.port]) as client:
            for number in range(KEYS):
                client.call("SET", "key:%d" % number, number)
        self.assertIn("[OK] All nodes agree", self.verb("check", self.address(first)))
        self.assertIn("[OK] %d keys in 3 primaries" % KEYS,
                      self.verb("info", self.address(first)))
        self.assertEqual(self.verb("call", self.address(first), "ping").count("PONG"), 6)
        self.assertIn("No rebalancing needed", self.verb("rebalance", self.address(first)))
        with eirtest.ClusterClient([first.port]) as client:
            for number in range(KEYS):
                self.assertEqual(client.call("DEL", "key:%d" % number), 1)

        before = eirtest.owned_slots(first.client())
        self.verb("reshard", self.address(first), "--cluster-from", "all", "--cluster-to",
                  first.call("CLUSTER", "MYID").decode(), "--cluster-slots", "60",
                  "--cluster-yes")
        self.wait_agreed(self.nodes)
        after = eirtest.owned_slots(first.client())
        self.assertEqual(len(after), len(before) + 60)
        self.assertTrue(before < after)
        self.assertIn("[OK] All 16384 slots covered", self.verb("check", self.address(first)))
        self.verb("rebalance", self.address(first), "--cluster-threshold", "0.5")
        self.wait_agreed(self.nodes)
        self.assertLess(len(eirtest.owned_slots(first.client())), len(after))


if __name__ == "__main__":
    eirtest.main()
