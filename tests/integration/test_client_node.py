"""ioredis and node-redis: a cluster, all its slots, the death of a primary and its return."""
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import threading

import eirtest
from eirtest import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = ("ioredis@5", "redis@5")


def modules():
    """Folder with the libraries, installed once for this user; None where that is impossible."""
    if not shutil.which("npm") or not shutil.which("node"):
        return None
    folder = os.path.join(tempfile.gettempdir(), "eirtest-npm-%d" % os.getuid())
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = os.path.join(folder, "installed")
        if os.path.exists(done):
            return folder
        try:
            result = subprocess.run(["npm", "install", "--no-audit", "--no-fund", *LIBRARIES],
                                    cwd=folder, capture_output=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return None
        if result.returncode != 0:
            return None
        with open(done, "w", encoding="utf-8") as file:
            file.write(" ".join(LIBRARIES))
    return folder


class NodeProcess:
    """node_client.js at work."""

    def __init__(self, library, folder, keys_file, ports):
        environment = dict(os.environ, NODE_PATH=os.path.join(folder, "node_modules"))
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "node_client.js"), library, keys_file, *map(str, ports)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment)
        self.lines, self.count = [], 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            words = line.split()
            if words[:1] == ["count"]:
                self.count = int(words[1])
            else:
                self.lines.append(line.strip())

    def expect(self, line, seconds=40.0):
        def is_there():
            if line not in self.lines and self.process.poll() is not None:
                raise AssertionError("the client ended: %s" % self.lines[-20:])
            return line in self.lines
        try:
            wait_until(is_there, seconds, line)
        except AssertionError as error:
            raise AssertionError("%s\n%s" % (error, "\n".join(self.lines[-20:]))) from None

    def wait_progress(self, writes, seconds=40.0):
        target = self.count + writes
        try:
            wait_until(lambda: self.count >= target, seconds, "%d more writes" % writes)
        except AssertionError as error:
            raise AssertionError("%s\n%s" % (error, "\n".join(self.lines[-20:]))) from None

    def end(self):
        self.process.stdin.write("end\n")
        self.process.stdin.flush()

    def cleanup(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class NodeClients(eirtest.TestCase):
    def start_client(self, library, cluster):
        folder = modules()
        if folder is None:
            self.skipTest("skipped: npm, or its registry, is missing")
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(list(eirtest.keys_of_slots().values()), file)
        self.addCleanup(os.unlink, file.name)
        client = NodeProcess(library, folder, file.name, [node.port for node in cluster.nodes])
        self.addCleanup(client.cleanup)
        client.expect("filled")
        return client

    def death_and_return(self, library, recovers_alone):
        if modules() is None:
            self.skipTest("skipped: npm, or its registry, is missing")
        cluster = self.start_cluster()
        client = self.start_client(library, cluster)
        client.wait_progress(200)
        victim = cluster.primary_of(0)
        victim.kill()
        wait_until(lambda: cluster.primary_of(0) is not victim, 20)
        if recovers_alone:
            client.wait_progress(1000)
        victim.start()
        cluster.wait_ok()
        self.assertEqual(victim.call("ROLE")[0], b"slave")
        client.wait_progress(1000)
        client.end()
        client.expect("lost 0")

    def test_ioredis(self):
        self.death_and_return("ioredis", recovers_alone=True)

    def test_node_redis(self):
        self.death_and_return("redis", recovers_alone=True)


if __name__ == "__main__":
    eirtest.main()
