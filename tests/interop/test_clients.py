"""Connections beside Valkey's: the same conversations, the same bytes to everybody in them."""
import re

import eirtest
import twins

MASK = [
    (rb"\d{10}\.\d{6} ", b"TIME "),
    (rb"\b(fd|age|idle|qbuf|qbuf-free|argv-mem|multi-mem|rbs|rbp|obl|oll|omem|tot-mem|tot-net-in"
     rb"|tot-net-out|events)=[0-9a-z]+", rb"\1=X"),
    (rb"[$=]\d+\r\n(txt:)?id=", b"$LENGTH\r\nid="),
]

FILTERS = """
a: CLIENT LIST ID {a}
a: CLIENT LIST ID {a} ID 99999
a: CLIENT LIST ID {a} 99999
a: CLIENT LIST ID {a} 0
a: CLIENT LIST ID 1 x
a: CLIENT LIST TYPE
a: CLIENT LIST TYPE foo
a: CLIENT LIST TYPE normal ID {a}
a: CLIENT LIST TYPE NORMAL TYPE REPLICA
a: CLIENT LIST ID {a} TYPE pubsub TYPE normal
a: CLIENT LIST ID {a} USER default
a: CLIENT LIST ID {a} USER nosuch
a: CLIENT LIST ID {a} NOT-USER default
a: CLIENT LIST ID {a} MAXAGE 0
a: CLIENT LIST ID {a} MAXAGE x
a: CLIENT LIST ID {a} IDLE 1000
a: CLIENT LIST ID {a} NOT-IDLE 5
a: CLIENT LIST ID {a} SKIPME yes
a: CLIENT LIST ID {a} SKIPME maybe
a: CLIENT SETNAME x
a: CLIENT LIST ID {a} NAME x
a: CLIENT LIST ID {a} NOT-NAME x
a: CLIENT LIST ID {a} NAME ""
a: CLIENT LIST ID {a} FLAGS N
a: CLIENT LIST ID {a} FLAGS ""
a: CLIENT LIST ID {a} FLAGS Nx
a: CLIENT LIST ID {a} FLAGS Z
a: CLIENT LIST ID {a} NOT-FLAGS P
a: CLIENT LIST ID {a} NOT-FLAGS Z
a: CLIENT LIST ID {a} FLAGS RSMPxbtBduAUreTIiEcO
a: CLIENT SETINFO LIB-NAME lib
a: CLIENT SETINFO LIB-VER 1.0
a: CLIENT LIST ID {a} LIB-NAME lib
a: CLIENT LIST ID {a} NOT-LIB-VER 1.0
a: CLIENT LIST ID {a} DB 1
a: CLIENT LIST ID {a} DB 16
a: CLIENT LIST ID {a} DB x
a: CLIENT LIST ID {a} NOT-DB 99
a: CLIENT LIST ID {a} NOT-DB x
a: CLIENT LIST ID {a} CAPA x
a: CLIENT LIST ID {a} NOT-CAPA x
a: CLIENT CAPA redirect foo
a: CLIENT LIST ID {a} CAPA r
a: CLIENT LIST ID {a} NOT-CAPA r
a: CLIENT LIST ID {a} IP 127.0.0.1
a: CLIENT LIST ID {a} NOT-IP 127.0.0.1
a: CLIENT LIST ID {a} NOT-ADDR 127.0.0.1:1
a: CLIENT LIST ID {a} LADDR 127.0.0.1:1
a: CLIENT LIST NOT-TYPE normal
a: CLIENT LIST NOT-ID x
a: CLIENT LIST ID {a} foo
a: CLIENT LIST TYPE primary
a: CLIENT KILL
a: CLIENT KILL ID
a: CLIENT KILL x
a: CLIENT KILL ID x
a: CLIENT KILL ID -5
a: CLIENT KILL ID 99 98 97
a: CLIENT KILL ID 99 SKIPME yes foo
a: CLIENT KILL FOO bar baz
b: PING
c: PING
a: CLIENT KILL ID {b}
a: CLIENT KILL ID {a}
a: CLIENT KILL ID {c} {a} SKIPME no
"""

STATES = """
a: MULTI
a: GET k
a: GET k
b: CLIENT LIST ID {a}
a: EXEC
a: CLIENT INFO
b: SUBSCRIBE c
a: CLIENT LIST ID {b} TYPE pubsub
b: PSUBSCRIBE p*
b: SSUBSCRIBE s
a: CLIENT LIST ID {b}
w: WATCH k1 k2 k1
a: CLIENT LIST ID {w}
a: SET k1 x
a: CLIENT LIST ID {w}
w: UNWATCH
a: CLIENT LIST ID {w}
x@3: CLIENT INFO
x: CLIENT GETREDIR
x: CLIENT GETNAME
x: CLIENT SETNAME "a\\nb"
x: CLIENT SETNAME ""
x: CLIENT SETINFO LIB-NAME "a b"
x: CLIENT SETINFO LIB-NAME ""
x: CLIENT NO-EVICT ON
x: CLIENT NO-EVICT foo
x: CLIENT NO-TOUCH ON
x: CLIENT INFO
x: READONLY
x: CLIENT REPLY foo
x: CLIENT REPLY ON
x!: CLIENT REPLY OFF
x!: PING
x!: CLIENT REPLY SKIP
x!: PING
x: CLIENT REPLY ON
x!: CLIENT REPLY SKIP
x!: CLIENT REPLY SKIP
x!: PING
x: ECHO heard
x: CLIENT PAUSE x
x: CLIENT PAUSE -1
x: CLIENT PAUSE 1 foo
x: CLIENT PAUSE 9223372036854775807
x: CLIENT PAUSE 100000 WRITE
w!: SET k v
x: CLIENT UNPAUSE
w: PING
x: CLIENT UNBLOCK x
x: CLIENT UNBLOCK {w}
x: CLIENT UNBLOCK {w} foo
x: CLIENT HELP
x: CLIENT FOO
r: CLIENT SETNAME foo
r: CLIENT SETINFO LIB-NAME foo
r: CLIENT NO-TOUCH ON
r: CLIENT NO-EVICT ON
r: CLIENT CAPA redirect
r: READONLY
r: SELECT 4
r: MULTI
r: RESET
r: CLIENT INFO
q: MULTI
q: QUIT
"""

MONITORED = """
m: MONITOR
a: SET k "v\\x00\\"\\n\\\\'\\xff\\x7f"
a: FLUSHALL
a: CONFIG GET port
a: AUTH x
a: AUTH default x
a: HELLO 4 AUTH default x
a: HELLO 3 AUTH default x FOO
a: HELLO 2 AUTH default x SETNAME foo
a: SELECT 3
a: MULTI
a: GET k
a: INCR z
a: EXEC
a: NOSUCH x
a: GET
a: CLIENT NO-EVICT on
a!: CLIENT REPLY SKIP
a!: PING
a: CLIENT SETNAME foo
a: DEBUG SLEEP 0
a: OBJECT ENCODING z
a: PUBLISH c m
a: CONFIG RESETSTAT
a: RESET
m: PING
a: MONITOR x
n@3: MONITOR
n: GET k
n: SUBSCRIBE x
a: PUBLISH x y
n: CLIENT LIST ID {n}
n: RESET
o: MULTI
o: MONITOR
o: EXEC
m: RESET
m: CLIENT INFO
a: PING
"""

SUBSCRIBED = """
a: PING a b
a: ECHO
a: SELECT x
a: SELECT 99
a: QUIT x
b: SUBSCRIBE a b a
b: PING
b: PING x
b: PING x y
b: GET k
b: HELLO 2
b: CLIENT ID
b: NOSUCH
b: UNSUBSCRIBE zz
b: PSUBSCRIBE p* q*
b: PUNSUBSCRIBE
b: UNSUBSCRIBE
b: UNSUBSCRIBE
b: PUNSUBSCRIBE
b: SUNSUBSCRIBE
b: SUNSUBSCRIBE x
b: SSUBSCRIBE s1 s2
b: SPUBLISH s1 x
b: SUNSUBSCRIBE
b: SUBSCRIBE a
b: RESET
b: ECHO a
c@3: SUBSCRIBE a
c: PING
c: PUBLISH a self
c: GET k
c: PSUBSCRIBE a*
c: PUBLISH a self
c: SSUBSCRIBE a
c: SPUBLISH a self
c: MULTI
c: SUBSCRIBE z
c: PUBLISH z m
c: UNSUBSCRIBE z
c: EXEC
c: PUBSUB CHANNELS
c: PUBSUB CHANNELS a* b
c: PUBSUB NUMSUB a b a
c: PUBSUB NUMPAT
c: PUBSUB SHARDCHANNELS
c: PUBSUB SHARDCHANNELS x y
c: PUBSUB SHARDNUMSUB a b
c: PUBSUB HELP
c: PUBSUB FOO
c: HELLO 2
c: GET k
c: UNSUBSCRIBE
c: PUNSUBSCRIBE
c: SUNSUBSCRIBE
d: SUBSCRIBE "" "a\\r\\nb"
d: UNSUBSCRIBE "" x
e: MULTI
e: SUBSCRIBE x
e: PING
e: EXEC
e: QUIT
f: MULTI
f: SSUBSCRIBE x
f: EXEC
g: MULTI
g: HELLO 3
g: EXEC
g: MULTI
g: CLIENT REPLY OFF
g: EXEC
"""


@eirtest.needs_peer
class SameConversations(eirtest.TestCase):
    def compare(self, script, **options):
        theirs = self.start_peer(**options)
        ours = self.start_server(**options)
        expected = twins.talk(theirs.port, script, MASK)
        found = twins.talk(ours.port, script, MASK)
        for name, data in expected.items():
            with self.subTest(connection=name):
                self.assertEqual(lines(found[name]), lines(data))

    def test_lists_and_filters(self):
        self.compare(FILTERS)

    def test_states_of_connections(self):
        self.compare(STATES)

    def test_what_a_monitor_sees(self):
        self.compare(MONITORED.replace("CONFIG GET port", "CONFIG GET maxclients"))

    def test_subscribers_of_both_protocols(self):
        self.compare(SUBSCRIBED)


def lines(data):
    return re.split(rb"\r\n", data)


if __name__ == "__main__":
    eirtest.main()
