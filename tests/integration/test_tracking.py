"""Client-side caching in the world: eviction, expiry, replicas, full syncs, slots that leave."""

import eirtest
from eirtest import wait_until


class Tracking(eirtest.TestCase):
    def reader(self, server, *modes):
        client = server.client(protocol=3, timeout=60)
        client.call("CLIENT", "TRACKING", "ON", *modes)
        return client

    def stale(self, client, count=1):
        """The keys that the next pushes name; None: all."""
        found = []
        while len(found) < count:
            kind, keys = client.read_push(60)
            self.assertEqual(kind, b"invalidate")
            if keys is None:
                return None
            found += keys
        return found

    def test_keys_that_are_evicted_are_stale(self):
        server = self.start_server()
        writer, reader = server.client(), self.reader(server)
        for number in range(50):
            writer.call("SET", "key:%d" % number, "x" * 1000)
            reader.call("GET", "key:%d" % number)
        writer.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        writer.call("CONFIG", "SET", "maxmemory", 1)
        wait_until(lambda: writer.ask("SET", "one", "more") and writer.call("DBSIZE") == 0, 60)
        self.assertEqual(len(set(self.stale(reader, 50))), 50)

    def test_keys_whose_time_has_come_are_stale_without_being_asked_for(self):
        server = self.start_server()
        reader, broadcast = self.reader(server), self.reader(server, "BCAST", "PREFIX", "s")
        server.call("SET", "short", "v", "PX", 50)
        self.assertEqual(self.stale(broadcast), [b"short"])
        reader.call("GET", "short")
        self.assertEqual(self.stale(reader), [b"short"])
        self.assertEqual(self.stale(broadcast), [b"short"])

    def test_readers_of_a_replica_hear_of_writes_and_of_full_syncs(self):
        primary = self.start_server()
        replica = self.start_server(replicaof=("127.0.0.1", primary.port))
        wait_until(lambda: replica.client().info("replication")["master_link_status"] == "up", 60)
        reader = self.reader(replica)
        reader.call("GET", "k")
        primary.call("SET", "k", "v")
        self.assertEqual(self.stale(reader), [b"k"])
        self.assertEqual(reader.call("GET", "k"), b"v")
        replica.call("REPLICAOF", "NO", "ONE")
        replica.call("SET", "of", "its own")  # no way back but a full sync
        replica.call("REPLICAOF", "127.0.0.1", primary.port)
        self.assertIsNone(self.stale(reader))
        wait_until(lambda: reader.ask("GET", "of") is None, 60)

    def test_keys_of_a_slot_that_leaves_are_stale(self):
        cluster = self.start_cluster(shards=2, replicas=0, form="commands")
        source, target = cluster.nodes
        slot = sorted(eirtest.owned_slots(source.client()))[0]
        key = eirtest.keys_of_slots([slot])[slot]
        source.call("SET", key, "v")
        reader = self.reader(source)
        broadcast = self.reader(source, "BCAST")
        self.assertEqual(reader.call("GET", key), b"v")
        target_id = target.call("CLUSTER", "MYID")
        for node in (target, source):
            node.call("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        wait_until(lambda: source.call("CLUSTER", "COUNTKEYSINSLOT", slot) == 0, 60)
        self.assertEqual(self.stale(reader), [key.encode()])
        self.assertEqual(self.stale(broadcast), [key.encode()])

    def test_many_readers_and_a_pipeline_of_writes_lose_nothing(self):
        server = self.start_server()
        readers = [self.reader(server) for _ in range(20)]
        keys = ["key:%d" % number for number in range(200)]
        for reader in readers:
            reader.pipeline([("GET", key) for key in keys])
        info = server.client().info("stats")
        self.assertEqual(info["tracking_total_keys"], "200")
        self.assertEqual(info["tracking_total_items"], "4000")
        with server.client() as writer:
            writer.pipeline([("SET", key, "v") for key in keys])
        for reader in readers:
            self.assertEqual(sorted(self.stale(reader, 200)), sorted(key.encode() for key in keys))
        self.assertEqual(server.client().info("stats")["tracking_total_keys"], "0")


if __name__ == "__main__":
    eirtest.main()
