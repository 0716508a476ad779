"""Fields of hashes that end at a time of their own: a replica keeps what its primary keeps, and so
does a snapshot."""
import random
import time

import eirtest
from eirtest import wait_until
from replication_stories import FAR, caught_up, info


def hashes(server):
    """{key: {field: (value, end)}} of all that are seen."""
    found = {}
    with server.client() as client:
        for key in client.call("KEYS", "*"):
            words = client.call("HGETALL", key)
            fields = words[::2]
            if not fields:
                continue
            ends = client.call("HPEXPIRETIME", key, "FIELDS", len(fields), *fields)
            found[key] = {field: (value, end)
                          for field, value, end in zip(fields, words[1::2], ends)}
    return found


def request(rng):
    """One of the commands that give fields a time, take it away, or change what has one."""
    key = "h%d" % rng.randrange(20)
    fields = ["f%d" % rng.randrange(30) for _ in range(rng.randrange(1, 4))]
    count = len(fields)
    soon = rng.choice((0, 1, 20, 200, FAR - int(time.time() * 1000)))
    pairs = [word for field in fields for word in (field, rng.randrange(1000))]
    return rng.choice((
        ("HSET", key, *pairs),
        ("HSETEX", key, "PX", soon, "FIELDS", count, *pairs),
        ("HSETEX", key, "KEEPTTL", "FIELDS", count, *pairs),
        ("HSETEX", key, "FNX", "FIELDS", count, *pairs),
        ("HPEXPIRE", key, soon, "FIELDS", count, *fields),
        ("HPEXPIRE", key, soon, "NX", "FIELDS", count, *fields),
        ("HPERSIST", key, "FIELDS", count, *fields),
        ("HGETEX", key, "PX", soon, "FIELDS", count, *fields),
        ("HGETEX", key, "PERSIST", "FIELDS", count, *fields),
        ("HGETDEL", key, "FIELDS", count, *fields),
        ("HINCRBY", key, fields[0], 5),
        ("HINCRBYFLOAT", key, fields[0], "0.5"),
        ("HSETNX", key, fields[0], 5),
        ("HDEL", key, *fields),
        ("COPY", key, "h1", "REPLACE"),
        ("RENAME", key, "h2"),
    ))


def nothing_is_about_to_end(server):
    now = int(time.time() * 1000)
    return all(end == -1 or end > now + 10**9
               for fields in hashes(server).values() for _, end in fields.values())


class HashFields(eirtest.TestCase):
    def pair(self):
        primary = self.start_server(repl_diskless_sync_delay=0)
        replica = self.start_server()
        replica.call("REPLICAOF", "127.0.0.1", primary.port)
        caught_up(primary, replica)
        return primary, replica

    def test_a_replica_has_the_fields_of_its_primary(self):
        primary, replica = self.pair()
        rng = random.Random(17)
        with primary.client() as client:
            for _ in range(3000):
                client.ask(*request(rng))
        wait_until(lambda: nothing_is_about_to_end(primary), 60)
        self.assertGreater(int(info(primary, "stats")["expired_fields"]), 100)
        self.assertEqual(info(replica, "stats")["expired_fields"], "0")
        caught_up(primary, replica)
        self.assertEqual(hashes(replica), hashes(primary))
        self.assertEqual(primary.call("DBSIZE"), replica.call("DBSIZE"))

    def test_a_replica_hides_what_has_ended_and_waits_for_its_primary_to_delete_it(self):
        primary, replica = self.pair()
        primary.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        primary.call("HSET", "h", "stays", 1, "ends", 2)
        primary.call("HPEXPIRE", "h", 1, "FIELDS", 1, "ends")
        for server in primary, replica:
            wait_until(lambda: server.call("HGETALL", "h") == [b"stays", b"1"], 60)
        caught_up(primary, replica)
        self.assertIn("keys_with_volatile_items=1", replica.call("INFO", "keyspace").decode())
        self.assertEqual(replica.call("HLEN", "h"), 2)  # it counts until it is deleted
        primary.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
        wait_until(lambda: "keys_with_volatile_items=0" in
                   replica.call("INFO", "keyspace").decode(), 60)

    def test_a_hash_whose_fields_have_all_ended_goes(self):
        primary, replica = self.pair()
        primary.call("HSETEX", "h", "PX", 1, "FIELDS", 2, "a", 1, "b", 2)
        for server in primary, replica:
            wait_until(lambda: server.call("DBSIZE") == 0, 60)

    def test_times_survive_a_restart_and_what_ended_meanwhile_does_not(self):
        server = self.start_server(save="3600 1")
        server.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        server.call("HSET", "h", "a", 1, "b", 2, "c", 3)
        server.call("HPEXPIREAT", "h", FAR, "FIELDS", 1, "a")
        server.call("HPEXPIRE", "h", 1, "FIELDS", 1, "b")
        server.call("HSETEX", "gone", "PX", 1, "FIELDS", 1, "a", 1)
        wait_until(lambda: server.call("HGETALL", "gone") == [], 60)
        server.call("SAVE")
        server.restart()
        self.assertEqual(server.call("DBSIZE"), 1)
        self.assertEqual(hashes(server)[b"h"], {b"a": (b"1", FAR), b"c": (b"3", -1)})


if __name__ == "__main__":
    eirtest.main()
