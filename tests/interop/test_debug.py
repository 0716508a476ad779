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
