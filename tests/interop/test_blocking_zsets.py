#!/usr/bin/python3
"""Clients that wait for sorted sets: the same conversations with us and with Valkey, byte by byte.

Written like those of test_blocking.py.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, HERE)
import eirtest  # noqa: E402
import test_blocking  # noqa: E402

ORDER = """
a!: BZPOPMIN z y 0
waiting: 1
b!: BZPOPMAX z 0
waiting: 2
c!: BZMPOP 0 2 other z MAX COUNT 2
waiting: 3
w: ZADD z 1 a 2 b 3 c 4 d 5 e
w: ZRANGE z 0 -1 WITHSCORES
waiting: 0
a!: BZPOPMAX y z 0
w: ZCARD z
"""

TYPES = """
a!: BZPOPMIN z 0
waiting: 1
w: SADD z member
w: DEL z
w: RPUSH z x
w: DEL z
w: GEOADD g 1 1 place
w: RENAME g z
waiting: 0
b!: BZMPOP 0 1 z MIN
waiting: 1
w: ZADD source 7 x inf y
w: ZUNIONSTORE z 1 source WEIGHTS 2
waiting: 0
c!: BZPOPMIN k 0
waiting: 1
w: ZRANGESTORE k source 0 0
waiting: 0
a!: BZPOPMAX l 0
waiting: 1
w: COPY source l
waiting: 0
"""

TRANSACTIONS = """
a!: BZPOPMIN z 0
waiting: 1
w: MULTI
w: ZADD z 5 x
w: ZADD z 1 y
w: BZPOPMAX nokey 0
w: BZMPOP 0 1 nokey MIN
w: EXEC
waiting: 0
w: ZRANGE z 0 -1
b: BZPOPMIN nokey 0.05
b: BZMPOP 0.05 1 nokey MAX
"""

OBSERVED = """
l: PSUBSCRIBE __keyevent*
a!: BZPOPMIN z 0
waiting: 1
b!: BZMPOP 0 1 z MAX COUNT 10
waiting: 2
w: ZADD z 1 a 2 b 3 c
waiting: 0
w: EXISTS z
"""


@eirtest.needs_peer
class WaitingForSortedSets(eirtest.TestCase):
    same = test_blocking.Waiting.same

    def test_who_came_first_is_served_first(self):
        self.same(ORDER)

    def test_ways_to_arrive(self):
        self.same(TYPES)

    def test_transactions(self):
        self.same(TRANSACTIONS)

    def test_what_others_see(self):
        self.same(OBSERVED, notify_keyspace_events="KEA")


if __name__ == "__main__":
    eirtest.main()
