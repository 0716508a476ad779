#!/usr/bin/python3
"""maxmemory with real processes: refusing, evicting by each policy, and what replicas see of it."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import eirtest  # noqa: E402
from resp_client import ReplyError  # noqa: E402

OOM = "OOM command not allowed when used memory > 'maxmemory'."
VALUE = "v" * 1000
BUFFERS = 3000000  # of a connection with a pipeline: they count as well, and come and go


def used(client):
    return int(client.info("memory")["used_memory"])


def figure(client, name):
    return int(client.info("stats")[name])


def fill(client, count, start=0, *words):
    return client.pipeline([("SET", "key:%d" % at, VALUE, *words)
                            for at in range(start, start + count)])


class Refusing(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        self.client = self.start_server().client(timeout=60.0)
        fill(self.client, 2000)

    def full(self):
        self.client.call("CONFIG", "SET", "maxmemory", used(self.client) - 100000)

    def test_writes_that_need_memory_are_refused_and_others_are_not(self):
        self.full()
        client = self.client
        self.assertEqual(client.ask("SET", "key:1", "x"), ReplyError(OOM))
        self.assertEqual(client.ask("APPEND", "new", "x"), ReplyError(OOM))
        self.assertEqual(client.call("GET", "key:1"), VALUE.encode())
        self.assertEqual(client.call("EXPIRE", "key:2", 1000), 1)
        self.assertEqual(client.call("DBSIZE"), 2000)
        self.assertEqual(figure(client, "evicted_keys"), 0)
        client.pipeline([("DEL", "key:%d" % at) for at in range(500)])
        self.assertEqual(client.call("SET", "key:1", "x"), "OK")

    def test_a_transaction_that_was_refused_a_command_fails(self):
        self.full()
        client = self.client
        client.call("MULTI")
        self.assertEqual(client.ask("SET", "a", "1"), ReplyError(OOM))
        self.assertEqual(client.call("GET", "a"), "QUEUED")
        self.assertEqual(client.ask("EXEC").code, "EXECABORT")
        self.assertEqual(client.call("EXISTS", "a"), 0)

    def test_no_limit_any_more_means_no_refusal(self):
        self.full()
        client = self.client
        self.assertEqual(client.ask("SET", "a", "1"), ReplyError(OOM))
        client.call("CONFIG", "SET", "maxmemory", 0)
        self.assertEqual(client.call("SET", "a", "1"), "OK")

    def test_a_policy_for_keys_that_end_refuses_when_there_are_none(self):
        self.client.call("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        self.full()
        self.assertEqual(self.client.ask("SET", "a", "1"), ReplyError(OOM))


class Evicting(eirtest.TestCase):
    def test_each_policy_keeps_below_the_limit(self):
        for policy in ("allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
                       "volatile-lfu", "volatile-random", "volatile-ttl"):
            with self.subTest(policy):
                server = self.start_server(maxmemory_policy=policy)
                client = server.client(timeout=60.0)
                limit = used(client) + 8000000
                client.call("CONFIG", "SET", "maxmemory", limit)
                ends = ("EX", 100000) if policy.startswith("volatile") else ()
                for start in range(0, 20000, 500):
                    for reply in fill(client, 500, start, *ends):
                        self.assertEqual(reply, "OK")
                # At once: an answer takes memory too, for which more may have to go.
                keys, stats = client.pipeline([("MULTI",), ("DBSIZE",), ("INFO", "stats"),
                                               ("EXEC",)])[-1]
                self.assertGreater(keys, 500)
                self.assertIn("evicted_keys:%d\r\n" % (20000 - keys), stats.decode())
                client.call("PING")
                self.assertLess(used(client), limit + BUFFERS)

    def test_the_key_that_ends_first_goes_first(self):
        client = self.start_server(maxmemory_policy="volatile-ttl").client(timeout=60.0)
        start = int(time.time()) + 10000
        for at in range(1000):
            client.call("SET", "key:%d" % at, VALUE, "EXAT", start + at * 7 % 1000)
        client.call("SET", "for ever", VALUE)
        client.call("CONFIG", "SET", "maxmemory", used(client) - 300000)
        client.call("SET", "one more", "x")
        eirtest.wait_until(lambda: client.call("DBSIZE") < 900)
        client.call("CONFIG", "SET", "maxmemory", 0)
        left = client.call("DBSIZE") - 2
        endings = [client.call("TTL", "key:%d" % at) for at in range(1000)]
        kept = [at for at, ending in enumerate(endings) if ending >= 0]
        self.assertEqual(len(kept), left)
        self.assertEqual(min(at * 7 % 1000 for at in kept), 1000 - left)
        self.assertEqual(client.call("EXISTS", "for ever"), 1)

    def test_a_lower_limit_is_reached_without_a_command(self):
        server = self.start_server(maxmemory_policy="allkeys-lru", maxmemory_eviction_tenacity=0)
        client = server.client(timeout=60.0)
        fill(client, 20000)
        limit = used(client) // 2
        client.call("CONFIG", "SET", "maxmemory", limit)
        eirtest.wait_until(lambda: used(client) < limit + BUFFERS)
        keys, stats = client.pipeline([("DBSIZE",), ("INFO", "stats")])
        evicted = int(re.search(r"evicted_keys:(\d+)", stats.decode())[1])
        self.assertGreater(evicted, 1000)
        self.assertEqual(keys + evicted, 20000)

    def test_replicas_lose_what_the_primary_evicts_and_nothing_else(self):
        primary = self.start_server(maxmemory_policy="allkeys-lru", repl_diskless_sync_delay=0)
        replica = self.start_server(replicaof=("127.0.0.1", primary.port),
                                    maxmemory_policy="allkeys-lru", maxmemory=1)
        with primary.client(timeout=60.0) as client, replica.client(timeout=60.0) as other:
            eirtest.wait_until(lambda: other.info("replication")["master_link_status"] == "up")
            fill(client, 12000)
            limit = used(client) - 6000000
            client.call("CONFIG", "SET", "maxmemory", limit)
            eirtest.wait_until(lambda: used(client) < limit + BUFFERS)
            client.call("CONFIG", "SET", "maxmemory", 0)
            self.assertLess(client.call("DBSIZE"), 12000)
            eirtest.wait_until(lambda: client.call("DBSIZE") == other.call("DBSIZE"))
            keys = sorted(client.call("KEYS", "*"))
            self.assertEqual(keys, sorted(other.call("KEYS", "*")))
            self.assertGreater(len(keys), 500)
            self.assertEqual(figure(other, "evicted_keys"), 0)


POLICY = "/sys/kernel/mm/transparent_hugepage/enabled"
REGION = 2 << 20


def system_gives_large_pages():
    if not os.path.exists(POLICY):
        return False
    with open(POLICY) as file:
        return "[never]" not in file.read()


class LargePages(eirtest.TestCase):
    def check(self, server, is_asked):
        with server.client() as client:
            asked = int(client.info("memory")["eir_large_page_bytes"])
            self.assertEqual(asked, 0)
            fill(client, 10000)
            asked = int(client.info("memory")["eir_large_page_bytes"])
            self.assertEqual(asked >= 3 * REGION, is_asked)
            client.call("FLUSHALL", "SYNC")
            eirtest.wait_until(
                lambda: int(client.info("memory")["eir_large_page_bytes"]) <= REGION)

    def test_they_are_asked_for_when_there_are_many_keys_and_given_back(self):
        server = self.start_server()
        has = system_gives_large_pages() and "the C library)" not in server.log()
        self.assertIn("Large pages for keys: %s" % ("yes" if has else "no"), server.log())
        self.check(server, has)

    def test_none_are_when_they_are_not_wanted(self):
        server = self.start_server(large_pages="no")
        self.assertIn("Large pages for keys: no (as configured)", server.log())
        self.check(server, False)


if __name__ == "__main__":
    eirtest.main()
