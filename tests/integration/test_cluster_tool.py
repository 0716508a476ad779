"""tools/cluster: a cluster goes up, loses a node, gets it back, and goes down without a trace."""
import json
import os
import subprocess
import tempfile

import eirtest

TOOL = os.path.join(eirtest.ROOT, "tools", "cluster")


class ClusterTool(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="eirtest-tool-")
        self.addCleanup(lambda: self.tool("down"))
        self.port = eirtest.free_ports(4)

    def tool(self, *words, fails=False):
        done = subprocess.run([TOOL, *words, "--dir", self.folder], capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 1 if fails else 0, done.stdout + done.stderr)
        return done.stderr if fails else done.stdout

    def rows(self):
        return json.loads(self.tool("status", "--json"))

    def roles(self):
        return [row["role"].split()[0] for row in self.rows()]

    def test_a_cluster_goes_up_is_broken_and_goes_down(self):
        out = self.tool("up", "--shards", "3", "--replicas", "0", "--port", str(self.port),
                        "--server", eirtest.eir_server(), "--option", "maxmemory=100mb")
        self.assertIn("all 16384 slots are served", out)
        self.assertEqual(self.roles(), ["primary"] * 3)
        with eirtest.Client(self.port) as client:
            self.assertEqual(client.call("CONFIG", "GET", "maxmemory")[1], b"104857600")
        self.assertIn("runs already", self.tool("up", "--port", str(self.port), fails=True))

        pids = [row["pid"] for row in self.rows()]
        self.assertIn("SIGKILL sent to node 1", self.tool("kill", str(self.port + 1)))
        eirtest.wait_until(lambda: self.roles()[1] == "down")
        self.assertIn("does not run", self.tool("kill", "1", fails=True))
        self.tool("start", "all")
        self.assertEqual([row["pid"] == pid for row, pid in zip(self.rows(), pids)],
                         [True, False, True])
        self.assertIn("port", self.tool("status"))
        self.assertTrue(self.tool("logs", "1"))

        self.assertIn("3 nodes stopped", self.tool("down"))
        self.assertFalse(os.path.exists(self.folder))
        self.assertIn("there is no cluster", self.tool("status", fails=True))

    def test_a_process_that_is_not_ours_is_left_alone(self):
        self.tool("up", "--shards", "1", "--replicas", "0", "--port", str(self.port),
                  "--server", eirtest.eir_server())
        path = os.path.join(self.folder, "cluster.json")
        with open(path, encoding="utf-8") as file:
            state = json.load(file)
        # Out of the tool's sight it would go on writing into the folder that is removed.
        self.tool("kill", "0")
        eirtest.wait_until(lambda: self.roles() == ["down"])
        bystander = subprocess.Popen(["sleep", "60"])
        self.addCleanup(bystander.wait)
        self.addCleanup(bystander.kill)
        state["nodes"][0]["pid"] = bystander.pid  # as if the number had been given out again
        with open(path, "w", encoding="utf-8") as file:
            json.dump(state, file)
        self.assertEqual(self.roles(), ["down"])
        self.tool("down")
        self.assertIsNone(bystander.poll())


if __name__ == "__main__":
    eirtest.main()
