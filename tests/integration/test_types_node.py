"""A tour of all types with ioredis and node-redis, alone and in a cluster."""
import os
import subprocess

import eirtest
from test_client_node import HERE, modules

TYPES = ("list", "hash", "set", "zset", "stream", "hyperloglog", "geo", "sort", "transaction")


class NodeTour(eirtest.TestCase):
    def tour(self, library, kind, ports):
        folder = modules()
        environment = dict(os.environ, NODE_PATH=os.path.join(folder, "node_modules"))
        words = ["node", os.path.join(HERE, "types_tour.js"), library, kind, *map(str, ports)]
        result = subprocess.run(words, env=environment, capture_output=True, text=True, check=False,
                                timeout=60 * eirtest.PATIENCE)
        self.assertEqual(result.stdout.split("\n")[:-1], ["done " + name for name in TYPES],
                         result.stdout + result.stderr)

    def setUp(self):
        super().setUp()
        if modules() is None:
            self.skipTest("skipped: npm, or its registry, is missing")

    def test_ioredis_alone(self):
        self.tour("ioredis", "alone", [self.start_server().port])

    def test_node_redis_alone(self):
        self.tour("redis", "alone", [self.start_server().port])

    def test_both_in_a_cluster(self):
        cluster = self.start_cluster(replicas=0)
        for library in ("ioredis", "redis"):
            self.tour(library, "cluster", [node.port for node in cluster.nodes])


if __name__ == "__main__":
    eirtest.main()
