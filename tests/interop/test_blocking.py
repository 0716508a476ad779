#!/usr/bin/python3
"""Clients that wait for lists: the same conversations with us and with Valkey, byte by byte.

A line "waiting: N" goes on when so many clients are blocked. Who is to wait is asked by
"name!: ...", and what it gets stands in its transcript in the end.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import eirtest  # noqa: E402
import twins  # noqa: E402

ORDER = """
a!: BLPOP k 0
waiting: 1
b!: BRPOP k 0
waiting: 2
c!: BLMPOP 0 2 other k LEFT COUNT 2
waiting: 3
w: RPUSH k 1 2 3 4 5
w: LRANGE k 0 -1
waiting: 0
a!: BLPOP k k k 0
w: RPUSH k x
"""

LEFT_OVER = """
a!: BLPOP k 0
waiting: 1
b!: BLPOP k 0
waiting: 2
w: RPUSH k one
waiting: 1
w: INFO clients
w: RPUSH k two
waiting: 0
"""

TYPES = """
a!: BLPOP k l 0
waiting: 1
w: SET k string
w: SADD l member
w: DEL l
w: DEL k
w: RPUSH l 1
waiting: 0
b!: BLPOP m 0
waiting: 1
w: SET m string
w: INCR counter
w: RPUSH n 1
w: RENAME n m
waiting: 0
c!: BLPOP k m 0
waiting: 1
w: SET k string
w: RPUSH m 1
waiting: 0
"""

MOVES = """
a!: BLMOVE from to LEFT RIGHT 0
waiting: 1
b!: BLPOP to 0
waiting: 2
w: RPUSH from 1
waiting: 0
w: EXISTS from to
a!: BLMOVE from to LEFT RIGHT 0
waiting: 1
w: SET to string
w: RPUSH from 1
waiting: 0
w: LRANGE from 0 -1
w: DEL from to
a!: BRPOPLPUSH from from 0
waiting: 1
w: RPUSH from 1 2 3
waiting: 0
w: LRANGE from 0 -1
b!: BLMOVE x y LEFT LEFT 0
waiting: 1
c!: BLMOVE y x LEFT LEFT 0
waiting: 2
w: RPUSH x 1
waiting: 0
w: LRANGE x 0 -1
w: EXISTS y
"""

TRANSACTIONS = """
a!: BLPOP k 0
waiting: 1
w: MULTI
w: RPUSH k 1
w: DEL k
w: EXEC
w: MULTI
w: RPUSH k 1
w: RPUSH k 2
w: LRANGE k 0 -1
w: EXEC
waiting: 0
w: LRANGE k 0 -1
w: DEL k
w: MULTI
w: BLPOP k 0
w: BLMOVE k l LEFT LEFT 0
w: BLMPOP 0 1 k LEFT
w: BRPOPLPUSH k l 0
w: EXEC
w: WATCH k
a!: BLPOP k 0
waiting: 1
b: RPUSH k 1
waiting: 0
w: MULTI
w: GET x
w: EXEC
"""

ENDS = """
a: BLPOP k 0.01
a: BLMOVE k l LEFT LEFT 0.01
a: BRPOPLPUSH k l 0.01
a: BLMPOP 0.01 1 k LEFT
c@3: BLPOP k 0.01
c: BLMOVE k l LEFT LEFT 0.01
a!: BLPOP k 0
waiting: 1
w: CLIENT UNBLOCK {a}
waiting: 0
a!: BLPOP k 0
waiting: 1
w: CLIENT UNBLOCK {a} ERROR
w: CLIENT UNBLOCK {a} ERROR
w: CLIENT UNBLOCK {a} SOMEHOW
waiting: 0
a!: BLPOP k 0
waiting: 1
w: CLIENT KILL ID {a}
waiting: 0
w: RPUSH k 1
w: LLEN k
"""

ARRIVALS = """
a!: BLPOP k 0
waiting: 1
w: SELECT 1
w: RPUSH k here
w: SWAPDB 0 1
waiting: 0
a!: BLPOP k 0
waiting: 1
w: RPUSH k moved
w: MOVE k 0
waiting: 0
w: SELECT 0
a!: BLPOP k 0
waiting: 1
w: RPUSH l copied
w: COPY l k
waiting: 0
a!: BLPOP k 0
waiting: 1
w: SORT l STORE k ALPHA
waiting: 0
a!: BLPOP k 0
waiting: 1
w: LMOVE l k LEFT LEFT
waiting: 0
a!: BLPOP k 0
waiting: 1
w: FLUSHALL
w: RESTORE k 0 "\\x01\\x01\\x01a\\x0b\\x00" REPLACE
w: RPUSH k end
waiting: 0
"""

OBSERVED = """
s: PSUBSCRIBE __key*
m: MONITOR
a!: BLPOP k 0
waiting: 1
w: RPUSH k 1 2
waiting: 0
a!: BLMOVE l k LEFT LEFT 0
waiting: 1
w: RPUSH l 1
waiting: 0
a!: BLMPOP 0 1 l RIGHT COUNT 3
waiting: 1
w: RPUSH l 1 2
waiting: 0
w: LTRIM k 0 -1
w: LTRIM k 1 0
"""

STATISTICS = """
a: BLPOP k 0.01
a!: BLPOP k 0
waiting: 1
b: LPUSH k 1
waiting: 0
a!: BLPOP k 0
waiting: 1
w: CLIENT UNBLOCK {a} ERROR
waiting: 0
w: INFO commandstats
"""

# What a server has beyond what is compared, and times.
MASK = [
    (rb"\+\d+\.\d+ \[", b"+TIME ["),
    (rb"(?s)\$\d+\r\n# Clients.*?(blocked_clients:\d+).*?(total_blocking_keys:\d+)"
     rb".*?(total_blocking_keys_on_nokey:\d+).*?\r\n\r\n", rb"\1 \2 \3"),
    (rb"(?s)\$\d+\r\n# Commandstats.*?(cmdstat_blpop:calls=\d+).*?(failed_calls=\d+).*?\r\n\r\n",
     rb"\1 \2"),
]


class Conversation(twins.Conversation):
    """Knows when somebody waits. The INFO that asks is no part of the conversation."""

    def __init__(self, port, seconds=60.0):
        super().__init__(port, seconds)
        self.watcher = twins.Client(port, timeout=seconds)

    def say(self, line):
        if not line.startswith("waiting:"):
            super().say(line)
            return
        count = line.split()[1]
        eirtest.wait_until(lambda: self.watcher.info("clients")["blocked_clients"] == count, 30,
                           "%s clients wait" % count)

    def neutral(self, data, mask):
        # MONITOR shows the questions of the watcher, as many as it took.
        lines = [line for line in data.split(b"\r\n") if b'"INFO" "clients"' not in line]
        return super().neutral(b"\r\n".join(lines), mask)


@eirtest.needs_peer
class Waiting(eirtest.TestCase):
    def same(self, script, **options):
        found = []
        for server in self.start_server(**options), self.start_peer(**options):
            conversation = Conversation(server.port)
            for line in script.strip().splitlines():
                conversation.say(line)
            found.append(conversation.finish(MASK))
        ours, theirs = found
        for name, data in theirs.items():
            with self.subTest(connection=name):
                self.assertEqual(ours[name].split(b"\r\n"), data.split(b"\r\n"))

    def test_who_came_first_is_served_first(self):
        self.same(ORDER)
        self.same(LEFT_OVER)

    def test_keys_of_other_types(self):
        self.same(TYPES)

    def test_moves_that_wait_for_moves(self):
        self.same(MOVES)

    def test_transactions(self):
        self.same(TRANSACTIONS)

    def test_ways_to_end(self):
        self.same(ENDS)

    def test_ways_to_arrive(self):
        self.same(ARRIVALS)

    def test_what_others_see(self):
        self.same(OBSERVED, notify_keyspace_events="KEA")

    def test_what_is_counted(self):
        self.same(STATISTICS)


if __name__ == "__main__":
    eirtest.main()
