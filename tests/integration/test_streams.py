"""Streams: who waits for entries is given them, a replica keeps what its primary keeps, and so does
a snapshot."""
import random

import eirtest
from eirtest import wait_until
from replication_stories import caught_up, info

KEYS = ["s%d" % number for number in range(4)]


def as_map(reply):
    return dict(zip(reply[::2], reply[1::2]))


def contents(server, with_consumers=True):
    """All that XINFO STREAM FULL knows. A consumer that owns nothing may be unknown to a replica,
    as may the time at which one was seen: then only what is pending is told."""
    found = {}
    with server.client() as client:
        for key in client.call("KEYS", "*"):
            stream = as_map(client.call("XINFO", "STREAM", key, "FULL", "COUNT", 0))
            stream[b"groups"] = [as_map(group) for group in stream[b"groups"]]
            for group in stream[b"groups"]:
                consumers = [as_map(consumer) for consumer in group.pop(b"consumers")]
                group["consumers"] = consumers if with_consumers else [
                    (consumer[b"name"], consumer[b"pending"])
                    for consumer in consumers if consumer[b"pending"]]
            found[key] = stream
    return found


def request(rng):
    """One of the commands that change a stream or its groups."""
    key, group, consumer = rng.choice(KEYS), rng.choice("gh"), rng.choice("abc")
    ids = ["%d-%d" % (rng.randrange(300), rng.randrange(2)) for _ in range(rng.randrange(1, 6))]
    pairs = [word for number in range(rng.randrange(1, 3))
             for word in ("f%d" % number, rng.choice(("v", "12", "x" * 100)))]
    trim = rng.choice(("MAXLEN", "MINID")), rng.choice("=~"), rng.randrange(200)
    add = ("XADD", key, "%d-*" % rng.randrange(300), *pairs)
    return rng.choice((
        add, add, add, ("XADD", key, "NOMKSTREAM", *trim, "%d-*" % rng.randrange(300), *pairs),
        ("XADD", key + "time", "*", *pairs),
        ("XDEL", key, *ids),
        ("XTRIM", key, *trim),
        ("XGROUP", "CREATE", key, group, rng.choice(("0", "$", ids[0])), "MKSTREAM"),
        ("XGROUP", "SETID", key, group, rng.choice(("0", "$", ids[0]))),
        ("XGROUP", rng.choice(("CREATECONSUMER", "DELCONSUMER")), key, group, consumer),
        ("XREADGROUP", "GROUP", group, consumer, "COUNT", 5, "STREAMS", key, ">"),
        ("XREADGROUP", "GROUP", group, consumer, "NOACK", "COUNT", 2, "STREAMS", key, ">"),
        ("XACK", key, group, *ids),
        ("XCLAIM", key, group, consumer, 0, *ids, "FORCE"),
        ("XCLAIM", key, group, consumer, 0, *ids, "JUSTID", "LASTID", ids[0]),
        ("XAUTOCLAIM", key, group, consumer, 0, ids[0], "COUNT", 5),
        ("XSETID", key, "%d-0" % rng.randrange(400)),
        ("COPY", key, "copy", "REPLACE"),
    ))


class Streams(eirtest.TestCase):
    def fill(self, server, seed):
        rng = random.Random(seed)
        with server.client() as client:
            for _ in range(4000):
                client.ask(*request(rng))

    def test_a_replica_has_the_streams_of_its_primary(self):
        primary = self.start_server(repl_diskless_sync_delay=0, stream_node_max_entries=7)
        replica = self.start_server(stream_node_max_entries=7)
        self.fill(primary, 1)
        replica.call("REPLICAOF", "127.0.0.1", primary.port)
        caught_up(primary, replica)
        self.fill(primary, 2)
        caught_up(primary, replica)
        self.assertEqual(contents(replica, False), contents(primary, False))
        self.assertGreater(len(contents(replica)), len(KEYS))

    def test_streams_and_groups_survive_a_restart(self):
        server = self.start_server(save="3600 1")
        self.fill(server, 3)
        before = contents(server)
        server.call("SAVE")
        server.restart()
        self.assertEqual(contents(server), before)

    def waiting(self, server, *words):
        client = server.client(timeout=120.0)
        self.addCleanup(client.close)
        client.send(*words)
        return client

    def wait_blocked(self, server, count):
        wait_until(lambda: info(server, "clients")["blocked_clients"] == str(count), 30)

    def test_every_entry_goes_to_one_of_those_who_wait_in_a_group(self):
        server = self.start_server()
        server.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
        clients = [self.waiting(server, "XREADGROUP", "GROUP", "g", "c%d" % number, "BLOCK", 0,
                                "STREAMS", "s", ">") for number in range(5)]
        readers = [self.waiting(server, "XREAD", "BLOCK", 0, "STREAMS", "s", "$")
                   for _ in range(3)]
        self.wait_blocked(server, 8)
        for number in range(1, 6):
            server.call("XADD", "s", "%d-0" % number, "f", "v")
        entry = [b"f", b"v"]
        given = sorted(client.read()[0][1][0] for client in clients)
        self.assertEqual(given, [[b"%d-0" % number, entry] for number in range(1, 6)])
        for reader in readers:
            self.assertEqual(reader.read(), [[b"s", [[b"1-0", entry]]]])
        self.assertEqual(server.call("XPENDING", "s", "g")[0], 5)

    def test_who_waits_in_a_group_that_goes_is_told_so(self):
        server = self.start_server()
        for words, error in ((("XGROUP", "DESTROY", "s", "g"), "NOGROUP"),
                             (("DEL", "s"), "NOGROUP"), (("RENAME", "s", "other"), "NOGROUP"),
                             (("FLUSHALL",), "NOGROUP"), (("SET", "s", "text"), "WRONGTYPE")):
            server.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
            client = self.waiting(server, "XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS",
                                  "s", ">")
            self.wait_blocked(server, 1)
            server.call(*words)
            self.assertEqual(str(client.read()).split()[0], error)


if __name__ == "__main__":
    eirtest.main()
