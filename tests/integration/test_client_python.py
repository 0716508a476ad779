"""python3-redis, as Debian ships it: a whole cluster, through deaths and restarts."""
import logging
import threading
import unittest

import eirtest
from eirtest import wait_until

try:
    import redis
    import redis.cluster
except ImportError:
    redis = None


logging.getLogger("redis").addHandler(logging.NullHandler())  # it reports each lost connection


class LibraryWriter(threading.Thread):
    """Writes with the library's own cluster client, which is never made anew."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.acknowledged = {}
        self.count = 0
        self.errors = []
        self.ends = threading.Event()

    def run(self):
        number = 0
        while not self.ends.is_set():
            number += 1
            key = "library:%d" % (number % 200)
            try:
                self.client.set(key, number)
            except (redis.RedisError, redis.exceptions.RedisClusterException) as error:
                self.errors.append(error)
                continue
            self.acknowledged[key] = number
            self.count += 1

    def wait_progress(self, writes, seconds=40.0):
        target = self.count + writes
        wait_until(lambda: self.count >= target, seconds, "%d more writes" % writes)


@unittest.skipUnless(redis, "skipped: python3-redis is not installed")
class PythonRedis(eirtest.TestCase):
    def library(self, cluster, **options):
        client = redis.cluster.RedisCluster(host="127.0.0.1", port=cluster.nodes[0].port,
                                            socket_timeout=20, **options)
        self.addCleanup(client.close)
        return client

    def test_keys_of_all_slots_are_written_and_read(self):
        cluster = self.start_cluster()
        client = self.library(cluster, read_from_replicas=False)
        keys = eirtest.keys_of_slots()
        pipeline = client.pipeline()
        for slot, key in keys.items():
            pipeline.set(key, slot)
        self.assertEqual(set(pipeline.execute()), {True})
        for slot in range(0, eirtest.SLOT_COUNT, 64):
            self.assertEqual(client.get(keys[slot]), b"%d" % slot)
        self.assertEqual(client.dbsize(target_nodes=client.PRIMARIES), eirtest.SLOT_COUNT)
        self.assertEqual(len(client.get_primaries()), 3)
        self.assertEqual(len(client.get_replicas()), 3)
        self.assertEqual(client.mset_nonatomic({"a": 1, "b": 2, "{x}c": 3}), [True] * 3)
        self.assertEqual(client.mget_nonatomic("a", "b", "{x}c"), [b"1", b"2", b"3"])

    def test_replicas_are_read(self):
        cluster = self.start_cluster()
        writer = self.library(cluster)
        reader = self.library(cluster, read_from_replicas=True)
        for number in range(200):
            writer.set("read:%d" % number, number)
        for node in cluster.primaries():
            eirtest.wait_replicated(node)
        for _ in range(2):
            for number in range(200):
                self.assertEqual(reader.get("read:%d" % number), b"%d" % number)
        calls = [int(node.client().info("stats")["keyspace_hits"]) for node in cluster.nodes]
        self.assertTrue(all(calls), calls)

    def test_the_client_survives_the_death_of_a_primary_and_its_return(self):
        # Not the owner of slot 0: the client asks that one first for the new layout, and version
        # 4.3.4 stumbles over the dead connection (it copies a lock) before it asks another.
        cluster = self.start_cluster()
        writer = LibraryWriter(self.library(cluster))
        writer.start()
        try:
            writer.wait_progress(200)
            victim = cluster.primary_of(16000)
            victim.kill()
            wait_until(lambda: cluster.primary_of(16000) is not victim, 20)
            writer.wait_progress(400)
            victim.start()
            cluster.wait_ok()
            wait_until(lambda: victim.call("ROLE")[0] == b"slave")
            writer.wait_progress(200)
        finally:
            writer.ends.set()
            writer.join()

    def test_the_client_survives_a_rolling_restart(self):
        cluster = self.start_cluster(save=["3600 1"])
        writer = LibraryWriter(self.library(cluster))
        writer.start()
        try:
            for node in cluster.nodes:
                writer.wait_progress(50)
                node.restart()
                cluster.wait_ok()
            writer.wait_progress(200)
        finally:
            writer.ends.set()
            writer.join()
        with cluster.client() as client:
            for key, number in writer.acknowledged.items():
                self.assertGreaterEqual(int(client.call("GET", key)), number)

    def test_a_single_server_with_everything_a_session_has(self):
        server = self.start_server(requirepass="secret")
        client = redis.Redis(host="127.0.0.1", port=server.port, db=3, password="secret",
                             client_name="tests", socket_timeout=20)
        self.addCleanup(client.close)
        with client.pipeline(transaction=True) as pipeline:
            pipeline.watch("counter")
            pipeline.multi()
            pipeline.set("counter", 1).incr("counter").get("counter")
            self.assertEqual(pipeline.execute(), [True, 2, b"2"])
        subscription = client.pubsub()
        subscription.subscribe("news")
        subscription.psubscribe("n*")
        got = []
        client.publish("news", "hello")
        wait_until(lambda: got.append(subscription.get_message(timeout=1)) or len(
            [item for item in got if item and item["type"].endswith("message")]) == 2, 10)
        subscription.close()
        self.assertEqual(client.client_getname(), "tests")
        self.assertEqual(client.info("server")["redis_version"], "7.2.4")
        self.assertEqual(client.config_get("maxclients"), {"maxclients": "10000"})
        self.assertEqual(sorted(client.scan_iter("c*")), [b"counter"])

    def test_a_cache_beside_the_library_is_never_stale(self):
        """Values are kept by this side, and thrown away when the server says so."""
        server = self.start_server()
        listener = redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=20)
        reader = redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=20,
                             single_connection_client=True)
        writer = redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=20)
        for client in (listener, reader, writer):
            self.addCleanup(client.close)
        messages = listener.pubsub(ignore_subscribe_messages=True)
        messages.connection_pool.reset()
        messages.execute_command("CLIENT", "ID")
        client_id = messages.parse_response()
        messages.subscribe("__redis__:invalidate")
        reader.client_tracking_on(clientid=client_id)
        cache = {}

        def get(key):
            if key not in cache:
                cache[key] = reader.get(key)
            return cache[key]

        def drop_stale():
            message = messages.get_message(timeout=0.1)
            for key in (message["data"] or list(cache)) if message else []:
                cache.pop(key if isinstance(key, str) else key.decode(), None)
            return message

        def sees(key, value):
            drop_stale()
            return get(key) == value
        for number in range(20):
            writer.set("k", number)
            wait_until(lambda: sees("k", b"%d" % number), 30)
        writer.set("short", "lived", px=1)
        wait_until(lambda: sees("short", None), 30)
        writer.flushall()
        wait_until(lambda: sees("k", None), 30)

    def test_the_monitor_of_the_library_reads_our_lines(self):
        server = self.start_server()
        client = redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=20, db=2)
        self.addCleanup(client.close)
        client.ping()
        with client.monitor() as monitor:
            client.set("a key", "a \"value\"")
            while True:
                line = monitor.next_command()
                if line["command"].startswith("SET"):
                    break
            self.assertEqual(line["command"], "SET a key a \"value\"")
            self.assertEqual((line["db"], line["client_type"]), (2, "tcp"))


if __name__ == "__main__":
    eirtest.main()
