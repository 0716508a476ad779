#!/usr/bin/python3
"""DEBUG beside Valkey's: what tests of client libraries expect of it."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import eirtest  # noqa: E402
import twins  # noqa: E402

TYPES = ["string", "integer", "double", "null", "array", "set", "map", "attrib", "push",
         "verbatim", "true", "false", "bignum", "nothing"]


@eirtest.needs_peer
class Debug(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        options = {"enable_debug_command": "yes"}
        self.ports = [self.start_server(**options).port, self.start_peer(**options).port]

    def same(self, script):
        ours, theirs = [twins.talk(port, script) for port in self.ports]
        self.assertEqual(ours, theirs)

    def test_values_of_every_type_in_both_protocols(self):
        for protocol in 2, 3:
            with self.subTest(protocol):
                lines = ["a: DEBUG PROTOCOL %s" % name for name in TYPES]
                self.same("a@%d:\n%s" % (protocol, "\n".join(lines)))

    def test_errors_as_they_are_asked_for(self):
        self.same('a: DEBUG ERROR "MY own error"\na: DEBUG ERROR word\na: DEBUG ERROR\n'
                  "a: DEBUG nothing")

    def test_keys_made_by_number(self):
        self.same("a: SET key:1 mine\na: DEBUG POPULATE 3\na: DEBUG POPULATE 2 other 12\n"
                  "a: DEBUG POPULATE x\na: DEBUG POPULATE 1 p -1\na: DBSIZE\na: GET key:1\n"
                  "a: GET key:2\na: GET other:0\na: STRLEN other:1")

    def test_nothing_has_the_digest_of_zeros(self):
        self.same("a: DEBUG DIGEST\na: DEBUG DIGEST-VALUE a b")


    def test_switches_take_what_valkeys_take(self):
        names = ["close-cluster-link-on-packet-drop", "disable-cluster-random-ping",
                 "disable-cluster-reconnection", "set-skip-checksum-validation", "pause-cron",
                 "dict-resizing", "hashtable-can-abort-shrink", "client-enforce-reply-list",
                 "force-free-primary-async", "set-active-expire", "set-disable-deny-scripts",
                 "aof-flush-sleep"]
        lines = ["a: DEBUG %s %s" % (name, word)
                 for name in names for word in ("", "x", "2", "-1", "1", "0", "1 2")]
        lines += ["a: DEBUG SET-ACTIVE-EXPIRE 1"]
        lines += ["a: DEBUG QUICKLIST-PACKED-THRESHOLD %s" % word
                  for word in ("", "100b", "10", "1gb", "4gb", "5gb", "x", "-1", "0")]
        lines += ["a: DEBUG REPLYBUFFER %s" % words for words in
                  ("", "x", "x y", "peak-reset-time x", "peak-reset-time never", "resizing 0",
                   "peak-reset-time 100", "peak-reset-time reset", "resizing x", "resizing 1")]
        lines += ["a: DEBUG DROP-CLUSTER-PACKET-FILTER %s" % word
                  for word in ("", "x", "99", "-2", "-1")]
        lines += ["a: DEBUG SLEEP %s" % word for word in ("x", "-1", "0", "0.001")]
        self.same("\n".join(lines))

    def test_what_is_refused_and_what_is_only_said(self):
        self.same("""
            a: SET k text
            a: SET n 12
            a: RPUSH l a b 3
            a: HSET h a b
            a: SADD i 1 2
            a: DEBUG HTSTATS 99
            a: DEBUG HTSTATS x
            a: DEBUG HTSTATS 1
            a: DEBUG HTSTATS-KEY none
            a: DEBUG HTSTATS-KEY h
            a: DEBUG HTSTATS-KEY k full
            a: DEBUG LISTPACK none
            a: DEBUG LISTPACK k
            a: DEBUG LISTPACK l
            a: DEBUG LISTPACK h
            a: DEBUG LISTPACK i
            a: DEBUG QUICKLIST l
            a: DEBUG QUICKLIST l 1
            a: DEBUG QUICKLIST none x
            a: DEBUG SDSLEN none
            a: DEBUG SDSLEN n
            a: DEBUG SDSLEN l
            a: DEBUG CLIENT-EVICTION
            a: DEBUG STRINGMATCH-TEST
            a: DEBUG LEAK
            a: DEBUG LOADAOF
            a: DEBUG MALLCTL nothing.like.that
            a: DEBUG MALLCTL-STR nothing.like.that
            a: DEBUG CLUSTERLINK KILL to
            a: DEBUG CLUSTERLINK KILL to me
            a: DEBUG CLUSTERLINK other to me
            a: DEBUG RELOAD other
            a: DEBUG DIGEST more
            a: DEBUG DIGEST-VALUE
            a: DEBUG JMAP
            a@3: DEBUG HTSTATS 1
        """)

    def test_reload_merges_what_it_is_told_to(self):
        self.same("""
            a: SET kept old
            a: RPUSH list a b c
            a: HSET hash f v
            a: EXPIRE hash 1000
            a: DEBUG RELOAD
            a: SET kept new
            a: SET own here
            a: DEL list
            a: DEBUG RELOAD NOSAVE NOFLUSH MERGE
            a: MGET kept own
            a: LRANGE list 0 -1
            a: HGETALL hash
            a: EXPIRETIME list
            a: DEBUG RELOAD MERGE
            a: DBSIZE
            a: SET own other
            a: DEBUG RELOAD nosave
            a: GET own
        """)

    def test_large_elements_stand_alone_from_the_threshold_on(self):
        long_list = " ".join("%0140d" % number for number in range(120))
        large = "x" * 20
        self.same("a: DEBUG QUICKLIST-PACKED-THRESHOLD 10b\na: RPUSH l a %s b\n"
                  "a: OBJECT ENCODING l\na: DEBUG QUICKLIST-PACKED-THRESHOLD 0\na: DEL l\n"
                  "a: RPUSH l %s" % (large, long_list))
        nodes = []
        for port in self.ports:
            with eirtest.Client(port) as client:
                seen = []
                for words in (("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "10b"),
                              ("LSET", "l", 60, large), ("LSET", "l", 60, "x"),
                              ("LINSERT", "l", "BEFORE", "x", large), ("RPUSH", "l", large),
                              ("RPUSH", "l", "y"), ("LPUSH", "l", large, large)):
                    client.call(*words)
                    text = client.text("DEBUG", "OBJECT", "l", "fast")
                    seen.append(text[text.index("ql_nodes"):])
                nodes.append(seen)
        self.assertEqual(*nodes)

    def test_any_checksum_will_do_when_asked(self):
        self.same(r"""
            a: RESTORE k 0 "\x00\x05hello\x0b\x00\x01\x02\x03\x04\x05\x06\x07\x08"
            a: DEBUG SET-SKIP-CHECKSUM-VALIDATION 1
            a: RESTORE k 0 "\x00\x05hello\x0b\x00\x01\x02\x03\x04\x05\x06\x07\x08"
            a: GET k
            a: DEBUG SET-SKIP-CHECKSUM-VALIDATION 0
            a: RESTORE k 0 "\x00\x05hello\x0b\x00\x01\x02\x03\x04\x05\x06\x07\x08" REPLACE
        """)


class Inside(eirtest.TestCase):
    def test_the_tables_say_how_full_they_are(self):
        client = self.start_server(enable_debug_command="yes").client()
        client.call("DEBUG", "POPULATE", 1000)
        client.call("EXPIRE", "key:1", 1000)
        client.call("SADD", "set", *range(0, 5000, 7), "text")
        text = client.text("DEBUG", "HTSTATS", 0, "full")
        self.assertRegex(text, r"(?s)^\[Dictionary HT\]\n.* table size: \d+\n"
                               r" number of entries: 1001"
                               r"\n.* top-level buckets: \d+\n.*\[Expires HT\]\n"
                               r" number of entries: 1\n")
        self.assertIn(" number of entries: 716\n", client.text("DEBUG", "HTSTATS-KEY", "set"))
        if "mem_allocator:jemalloc" in client.text("INFO", "memory"):
            self.assertGreater(client.call("DEBUG", "MALLCTL", "arenas.narenas"), 0)
            self.assertIn("5.", client.text("DEBUG", "MALLCTL-STR", "version"))

    def test_a_command_is_replicated_that_never_ran(self):
        primary = self.start_server(enable_debug_command="yes")
        replica = self.start_server()
        replica.client().call("REPLICAOF", "127.0.0.1", primary.port)
        client = primary.client()
        eirtest.wait_until(lambda: "state=online" in client.text("INFO", "replication"))
        client.call("DEBUG", "REPLICATE", "SET", "only", "there")
        eirtest.wait_until(lambda: replica.client().call("GET", "only") == b"there")
        self.assertIsNone(client.call("GET", "only"))

    def test_the_cron_rests_when_it_is_told_to(self):
        client = self.start_server(enable_debug_command="yes").client()
        client.call("DEBUG", "PAUSE-CRON", 1)
        client.call("SET", "k", "v", "PX", 1)
        second = int(client.call("TIME")[0])
        eirtest.wait_until(lambda: int(client.call("TIME")[0]) > second)
        self.assertEqual(client.call("DBSIZE"), 1)
        client.call("DEBUG", "PAUSE-CRON", 0)
        eirtest.wait_until(lambda: client.call("DBSIZE") == 0)


class Bus(eirtest.TestCase):
    def links(self, node):
        return {(link[b"direction"], link[b"node"]): link[b"create-time"]
                for link in (dict(zip(flat[::2], flat[1::2]))
                             for flat in node.call("CLUSTER", "LINKS"))}

    def test_links_are_cut_and_come_back_when_they_may(self):
        cluster = self.start_cluster(shards=3, replicas=0, enable_debug_command="yes")
        first, second = cluster.nodes[:2]
        other = second.call("CLUSTER", "MYID")
        eirtest.wait_until(lambda: len(self.links(first)) == 4)
        before = self.links(first)[(b"to", other)]
        self.assertEqual(first.call("DEBUG", "CLUSTERLINK", "KILL", "to", other), "OK")
        eirtest.wait_until(lambda: self.links(first).get((b"to", other), before) > before)
        for node in first, second:
            node.call("DEBUG", "DISABLE-CLUSTER-RECONNECTION", 1)
        first.call("DEBUG", "CLUSTERLINK", "KILL", "all", other)
        eirtest.wait_until(lambda: other not in {name for _, name in self.links(first)})
        for node in first, second:
            node.call("DEBUG", "DISABLE-CLUSTER-RECONNECTION", 0)
        eirtest.wait_until(lambda: len(self.links(first)) == 4)
        for words in (("all", "x" * 40), ("all", first.call("CLUSTER", "MYID")), ("up", other)):
            with self.assertRaises(eirtest.ReplyError):
                first.call("DEBUG", "CLUSTERLINK", "KILL", *words)

    def test_who_hears_nothing_takes_the_others_for_dead(self):
        cluster = self.start_cluster(shards=3, replicas=0, enable_debug_command="yes",
                                     node_timeout_ms=1000)
        deaf = cluster.nodes[0]
        deaf.call("DEBUG", "DROP-CLUSTER-PACKET-FILTER", -2)
        eirtest.wait_until(lambda: b"cluster_state:fail" in deaf.call("CLUSTER", "INFO"))
        deaf.call("DEBUG", "DROP-CLUSTER-PACKET-FILTER", -1)
        eirtest.wait_until(lambda: b"cluster_state:ok" in deaf.call("CLUSTER", "INFO"))


class Digest(eirtest.TestCase):
    def test_equal_data_have_equal_digests(self):
        first, second = [self.start_server(enable_debug_command="yes").client() for _ in "12"]
        names = list(range(50))
        for client, order in ((first, names), (second, names[::-1])):
            for name in order:
                client.call("SET", "key:%d" % name, "value %d" % name)
        self.assertEqual(first.text("DEBUG", "DIGEST"), second.text("DEBUG", "DIGEST"))
        for words in (("SET", "key:3", "other"), ("EXPIRE", "key:4", 1000), ("DEL", "key:5"),
                      ("RENAME", "key:6", "key:5")):
            before = first.text("DEBUG", "DIGEST")
            first.call(*words)
            self.assertNotEqual(first.text("DEBUG", "DIGEST"), before, words)

    def test_neither_form_nor_order_changes_the_digest_of_a_collection(self):
        first, second = [self.start_server(enable_debug_command="yes").client() for _ in "12"]
        names = ["name %d" % number for number in range(600)]
        for client, order in ((first, names), (second, names[::-1])):
            for name in order:
                client.call("SADD", "set", name)
                client.call("HSET", "hash", name, name + "'s")
                client.call("ZADD", "zset", len(name), name)
                client.call("RPUSH", "list", "element")
        # Small ones, of which one server's were large before.
        second.call("SADD", "small", *names)
        second.call("HSET", "pairs", *(names + names))
        second.call("ZADD", "scores", *sum(([1, name] for name in names), []))
        for client in (first, second):
            client.call("SADD", "small", 1, 2)
            client.call("HSET", "pairs", "a", "b")
            client.call("ZADD", "scores", 1, "a")
        second.call("SREM", "small", *names)
        second.call("HDEL", "pairs", *names)
        second.call("ZREM", "scores", *names)
        keys = ("set", "hash", "zset", "list", "small", "pairs", "scores")
        digests = first.call("DEBUG", "DIGEST-VALUE", *keys)
        self.assertEqual(len(set(digests)), len(keys))
        self.assertEqual(digests, second.call("DEBUG", "DIGEST-VALUE", *keys))
        self.assertEqual(first.text("DEBUG", "DIGEST"), second.text("DEBUG", "DIGEST"))
        for words in (("SADD", "small", 3), ("LSET", "list", 5, "x"), ("ZADD", "zset", 1, names[7]),
                      ("HSET", "hash", names[7], "x"),
                      ("HEXPIRE", "hash", 100, "FIELDS", 1, names[8])):
            before = first.text("DEBUG", "DIGEST")
            first.call(*words)
            self.assertNotEqual(first.text("DEBUG", "DIGEST"), before, words)


if __name__ == "__main__":
    eirtest.main()
