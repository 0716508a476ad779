#!/usr/bin/python3
"""INFO's counters beside Valkey's: what each command moves."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import eirtest  # noqa: E402

LOOKS = """
    SET a 1|GET a|GET none|MGET a b a|EXISTS a b a|TOUCH a none|TTL a|TYPE none|STRLEN a|DUMP a
    OBJECT ENCODING a|OBJECT ENCODING none|MEMORY USAGE a|MEMORY USAGE none|RENAME a c|COPY c a
    UNLINK c|GETDEL none|GETEX a|APPEND a 1|SETNX a 2|INCR n|LPOP none 1|LPOS none a
    RPUSH l a b c|LPUSHX l a b|LPOP l 2|LREM l 0 a|LRANGE l 0 -1|LLEN none|LINSERT none before a b
    SADD s a b c|SREM s a b|SISMEMBER s c|SMOVE s s2 c|SINTERCARD 2 s s2|SPOP none|SMEMBERS s2
    HSET h a 1 b 2|HGET h a|HMGET none a b|HGETEX h FIELDS 1 a|HGETEX none FIELDS 1 a|HLEN h
    HSTRLEN none a|HRANDFIELD none|HEXPIRE h 100 FIELDS 1 a|HTTL h FIELDS 1 a|HTTL none FIELDS 1 a
    ZADD z 1 a 2 b 3 c|ZSCORE z a|ZRANGE z 0 -1|ZPOPMIN none|ZINTERCARD 2 z none|ZADD z 1 a
    PFADD p|PFCOUNT p none|SETBIT bits 1 1|BITCOUNT none|BITPOS bits 1|GEOPOS none a
    XADD x 1-1 a b|XADD x 2-1 a b|XRANGE x - +|XREAD STREAMS x 0|XGROUP CREATE x g 0|XLEN none
    XREADGROUP GROUP g c STREAMS x >|XPENDING x g|XCLAIM x g d 0 1-1|XAUTOCLAIM x g d 0 0
    XACK x g 1-1|XACK none g 1-1|XINFO STREAM x|XDEL x 1-1 2-1|XINFO GROUPS none
    GET|nonsense|INCR x y|LPUSH a 1|AUTH x|AUTH nobody x|DEBUG ERROR "MINE here"|SORT none
    DEBUG OBJECT a|RANDOMKEY|KEYS *|SCAN 0|PERSIST none|EXPIRE none 1|MOVE none 1|LCS a none
"""
CHANGES = """
    RPUSH l a b c a|LPUSHX l a b|LPOP l 2|LREM l 0 a|LTRIM l 0 0|SADD s a b c|SREM s a b|
    HSET h a 1 b 2
    HMSET h a 1 b 2 c 3|ZADD z 1 a 2 b 3 c|ZADD z 1 a|XADD x 1-1 a b|XADD x 2-1 a b|XDEL x 1-1 2-1
    MSET a 1 b 2 c 3|DEL a b none|APPEND c 1|SET c 1|EXPIRE c 100|PERSIST c|INCR c|LPOP none
"""
COUNTERS = ("keyspace_hits", "keyspace_misses", "total_error_replies", "expired_keys",
            "unexpected_error_replies", "acl_access_denied_auth")


def counters(client, names):
    lines = client.text("INFO", "everything").splitlines()
    return {name: int(value) for name, _, value in (line.partition(":") for line in lines)
            if name in names}


def ask(client, *words):
    try:
        client.call(*words)
    except eirtest.ReplyError:
        pass


@eirtest.needs_peer
class Counters(eirtest.TestCase):
    def clients(self, **options):
        options.update(enable_debug_command="yes")
        return self.start_server(**options).client(), self.start_peer(**options).client()

    def moved(self, client, words, names):
        before = counters(client, names)
        ask(client, *words)
        after = counters(client, names)
        return {name: after[name] - before[name] for name in after}

    def same(self, requests, names):
        clients = self.clients()
        for request in requests.replace("\n", "|").split("|"):
            words = request.split()
            if words:
                ours, theirs = [self.moved(client, words, names) for client in clients]
                self.assertEqual(ours, theirs, request)

    def test_each_command_moves_what_it_moves_there(self):
        self.same(LOOKS, COUNTERS)

    def test_each_element_is_a_change(self):
        self.same(CHANGES, ("rdb_changes_since_last_save",))

    def test_who_waits_in_vain_is_in_the_logs(self):
        for client in self.clients():
            client.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
            client.call("BLPOP", "none", 0.01)
            logged = [entry[3] for entry in client.call("SLOWLOG", "GET", -1)]
            self.assertEqual(logged.count([b"BLPOP", b"none", b"0.01"]), 1)
            self.assertIn("_usec_blpop:", client.text("INFO", "latencystats"))
            self.assertIn("cmdstat_blpop:calls=1,", client.text("INFO", "commandstats"))

    def test_what_is_freed_aside_is_counted_but_not_what_was_to_be_freed_at_once(self):
        def freed(client):
            text = client.text("INFO", "memory")
            return int(text[text.index("lazyfreed_objects:"):].split(":")[1].split()[0])

        for client in self.clients():
            for words, more in ((("FLUSHALL",), 10), (("FLUSHDB", "SYNC"), 0),
                                (("FLUSHALL", "ASYNC"), 10)):
                before = freed(client)
                client.call("DEBUG", "POPULATE", 10)
                client.call(*words)
                eirtest.wait_until(lambda: freed(client) == before + more)
            client.call("RPUSH", "l", *["x" * 200] * 5000)
            client.call("UNLINK", "l")
            eirtest.wait_until(lambda: freed(client) == before + 11)
            client.call("CONFIG", "RESETSTAT")
            self.assertEqual(freed(client), 0)


if __name__ == "__main__":
    eirtest.main()
