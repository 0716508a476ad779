"""Connections beside Valkey's: the same conversations, the same bytes to everybody in them."""
import re
import socket

import eirtest
import twins

MASK = [
    (rb"\d{10}\.\d{6} ", b"TIME "),
    (rb"\b(fd|age|idle|qbuf|qbuf-free|argv-mem|multi-mem|rbs|rbp|obl|oll|omem|tot-mem|tot-net-in"
     rb"|tot-net-out|events)=[0-9a-z]+", rb"\1=X"),
    (rb"[$=]\d+\r\n(txt:)?id=", b"$LENGTH\r\nid="),
    (rb"redir=[1-9]\d*", b"redir=SOMEBODY"),
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


IMPORTED = """
s: CLIENT IMPORT-SOURCE ON
s: CLIENT IMPORT-SOURCE OFF
a: CONFIG SET import-mode yes
s: CLIENT IMPORT-SOURCE foo
s: CLIENT IMPORT-SOURCE ON
s: CLIENT LIST FLAGS I
s: SET old v PXAT 1000
a: GET old
s: GET old
s: PTTL old
s: EXISTS old
s: KEYS *
a: KEYS *
a: DBSIZE
a: SCAN 0
s: SCAN 0
a: SET older v PXAT 1000
a: GET older
s: GET older
a: SET live v
a: EXPIRE live -1
a: GET live
s: GET live
s: SET live w NX
s: APPEND live x
a: SET live w NX
a: GET live
a: CONFIG SET maxmemory-policy allkeys-random
a: CONFIG SET maxmemory 1
a: SET more v
a: CONFIG SET maxmemory 0
a: DBSIZE
s: CLIENT IMPORT-SOURCE OFF
s: GET old
s: CLIENT IMPORT-SOURCE ON
s: RESET
s: CLIENT INFO
"""

TRACKING_ORDERS = """
a@3: CLIENT TRACKING
a: CLIENT TRACKING foo
a: CLIENT TRACKING ON FOO
a: CLIENT TRACKING ON PREFIX
a: CLIENT TRACKING ON PREFIX a
a: CLIENT TRACKING ON BCAST PREFIX a PREFIX ab
a: CLIENT TRACKING ON BCAST PREFIX a PREFIX a
a: CLIENT TRACKING ON REDIRECT 999999
a: CLIENT TRACKING ON REDIRECT x
a: CLIENT TRACKING ON REDIRECT
a: CLIENT TRACKING ON REDIRECT {a}
a: CLIENT TRACKING ON REDIRECT 1 REDIRECT 2
a: CLIENT TRACKING ON OPTIN OPTOUT
a: CLIENT TRACKING ON BCAST OPTIN
a: CLIENT TRACKING ON BCAST OPTOUT
a: CLIENT CACHING yes
a: CLIENT CACHING foo
a: CLIENT CACHING
a: CLIENT TRACKINGINFO
a: CLIENT TRACKING ON
a: CLIENT TRACKINGINFO
a: CLIENT GETREDIR
a: CLIENT INFO
a: CLIENT CACHING yes
a: CLIENT TRACKING ON BCAST
a: CLIENT TRACKING ON OPTIN
a: CLIENT TRACKING ON OPTOUT
a: CLIENT TRACKING ON NOLOOP
a: CLIENT TRACKINGINFO
a: CLIENT TRACKING OFF
a: CLIENT TRACKING OFF FOO
a: CLIENT TRACKING OFF BCAST
a: CLIENT TRACKING OFF PREFIX a
a: CLIENT TRACKING OFF OPTIN OPTOUT
a: CLIENT TRACKING ON OPTIN
a: CLIENT TRACKINGINFO
a: CLIENT CACHING yes
a: CLIENT TRACKINGINFO
a: CLIENT TRACKINGINFO
a: CLIENT CACHING no
a: CLIENT CACHING yes
a: CLIENT CACHING foo
a: GET k
a: CLIENT TRACKINGINFO
a: CLIENT TRACKING ON OPTIN NOLOOP
a: CLIENT TRACKING ON OPTOUT
a: CLIENT TRACKING OFF
a: CLIENT TRACKING ON OPTOUT
a: CLIENT CACHING yes
a: CLIENT CACHING no
a: CLIENT TRACKINGINFO
a: GET k
a: CLIENT TRACKINGINFO
a: CLIENT TRACKING OFF
a: CLIENT TRACKING ON BCAST PREFIX foo PREFIX bar
a: CLIENT TRACKINGINFO
a: CLIENT TRACKING ON BCAST PREFIX foob
a: CLIENT TRACKING ON BCAST PREFIX fo
a: CLIENT TRACKING ON BCAST PREFIX zoo PREFIX foo
a: CLIENT TRACKINGINFO
a: CLIENT TRACKING ON BCAST
a: CLIENT TRACKING ON BCAST PREFIX ""
a: CLIENT TRACKING ON
a: CLIENT TRACKING OFF
a: CLIENT TRACKING ON BCAST
a: CLIENT TRACKINGINFO
a: CLIENT TRACKING ON BCAST PREFIX ""
a: CLIENT TRACKINGINFO
a: CLIENT INFO
a: CLIENT TRACKING OFF
b: PING
a: CLIENT TRACKING ON REDIRECT {b}
a: CLIENT TRACKINGINFO
a: CLIENT GETREDIR
a: CLIENT INFO
a: CLIENT TRACKING ON REDIRECT {a}
a: CLIENT TRACKINGINFO
a: CLIENT TRACKING ON REDIRECT 0
a: CLIENT TRACKINGINFO
a: RESET
a: CLIENT TRACKINGINFO
c: CLIENT TRACKING ON
c: CLIENT TRACKINGINFO
c: CLIENT TRACKING ON PREFIX foo BCAST REDIRECT {a} NOLOOP
c: CLIENT TRACKINGINFO
"""

TRACKED = """
a@3: CLIENT TRACKING ON
b: PING
a: GET k
b: SET k 1
b: SET k 2
a: GET k
a: SET k 3
a: GET k
a: DEL k
a: MGET x y z
b: MSET x 1 y 2 z 3
a: MGET x y z
b: DEL x y z
a: MULTI
a: GET k
a: SET k 5
a: GET k
a: EXEC
b: SET k 6
a: GET k
a: MULTI
a: SET k 1
a: SET k 2
a: GET k
a: EXEC
b: FLUSHALL
b: FLUSHDB
a: FLUSHALL
a: MULTI
a: FLUSHALL
a: GET k
a: EXEC
b: SET k v
a: GET k
b: EXPIRE k 100
a: GET k
b: PERSIST k
a: GET k
b: APPEND k x
a: GET k
b: RENAME k k2
a: GET k2
b: COPY k2 k3
b: RENAME k3 k2
b: SELECT 1
a: GET k
b: SET k other
b: SELECT 0
a: EXISTS k
b: SET k x
a: TTL k
b: SET k x
a: STRLEN k
b: SET k x
a: KEYS *
b: SET k x
a: GETEX k EX 100
b: SET k x
a: GETSET k z
b: SET k x
a: TYPE k
b: SET k x
a: OBJECT ENCODING k
b: SET k x
a: EXPIRE k 100
a: GET k
a: EXPIRE k 100
a: INCR n
a: GET n
a: INCR n
a: DUMP n
b: INCR n
a: TOUCH n
b: INCR n
a: SET n 1 GET
b: INCR n
a: GETDEL n
b: INCR n
a: WATCH n
b: INCR n
"""

TOLD = """
r: SUBSCRIBE __redis__:invalidate
a: CLIENT TRACKING ON REDIRECT {r}
b: PING
a: GET k
b: SET k 1
a: GET k
a: SET k 2
a: MGET x y
b: MSET x 1 y 2
a: GET k
b: FLUSHALL
a: FLUSHDB
a: CLIENT TRACKING ON REDIRECT {r} REDIRECT {r}
r: UNSUBSCRIBE
a: GET k
b: SET k 1
r: SUBSCRIBE other
a: GET k
b: SET k 1
r: RESET
r: HELLO 3
a: GET k
b: SET k 1
b: FLUSHALL
b: SET k 1
a: GET k
r: QUIT
b: SET k 1
a: CLIENT TRACKINGINFO
a: CLIENT LIST ID {a}
a: HELLO 3
a: GET k
b: SET k 1
a: GET k
a: SET k 1
b: FLUSHALL
a: CLIENT TRACKINGINFO
a: CLIENT TRACKING ON
a: CLIENT TRACKINGINFO
a: GET k
b: SET k 2
c@3: CLIENT TRACKING ON BCAST OPTIN
c: CLIENT TRACKING ON BCAST OPTOUT PREFIX x
c: CLIENT TRACKING ON BCAST OPTIN OPTOUT PREFIX x
c: CLIENT TRACKING ON OPTIN OPTOUT PREFIX x
c: CLIENT TRACKING ON PREFIX x
c: CLIENT TRACKING ON BCAST PREFIX x PREFIX y NOLOOP
b: MSET x1 1 x2 2 y1 3 z 4
c: MSET x1 1 x2 2 y1 3 z 4
b: DEL x2 x1
b: FLUSHALL
c: SET x1 1
c: FLUSHALL
d@3: CLIENT TRACKING ON BCAST
d: SET foo bar
d: MSET c 1 b 2 a 3
d: MULTI
d: SET foo 1
d: SET bar 2
d: EXEC
d: FLUSHALL
d: GET x1
d: MULTI
d: SET foo 1
d: FLUSHALL
d: SET bar 2
d: EXEC
e@3: CLIENT TRACKING ON NOLOOP
e: GET k
e: SET k 1
b: SET k 2
e: GET k
b: SET k 2
e: GET k
e: FLUSHALL
e: GET k
e: GET k
f: CLIENT TRACKING ON REDIRECT {f}
f: GET k
b: SET k 1
f: SUBSCRIBE x
b: SET k 1
f: UNSUBSCRIBE x
f: GET k
f: SUBSCRIBE x
b: SET k 1
g@3: CLIENT TRACKING ON OPTIN
g: GET k
b: SET k 1
g: CLIENT CACHING YES
g: CLIENT ID
g: PING
g: GET k
b: SET k 1
g: CLIENT CACHING YES
g: CLIENT ID
g: GET k
b: SET k 1
g: CLIENT CACHING YES
g: MULTI
g: GET k
g: GET j
g: EXEC
b: SET k 1
b: SET j 1
g: MULTI
g: CLIENT CACHING YES
g: GET k
g: GET j
g: EXEC
b: SET k 1
b: SET j 1
g: GET k
g: CLIENT CACHING YES
g: GET
g: GET k
b: SET k 1
g: CLIENT CACHING YES
g: NOSUCH
g: GET k
b: SET k 1
h@3: CLIENT TRACKING ON OPTOUT
h: GET k
b: SET k 1
h: CLIENT CACHING NO
h: GET k
b: SET k 1
b: SELECT 5
h: GET k
b: SELECT 0
b: DEL k
i@3: CLIENT TRACKING ON
i!: CLIENT REPLY OFF
i!: GET k
b: SET k 1
i: CLIENT REPLY ON
"""


STRANGERS = """
a: PING
a: HELLO
a: HELLO 3
a: HELLO 2 SETNAME x
a: HELLO 3 AUTH default wrong
a: HELLO 9 AUTH default s3
a: HELLO 3 SETNAME "a b" AUTH default s3
a: PING
a: HELLO 3 AUTH default wrong SETNAME y
a: NOSUCH
a: GET
a: GET k
a: MULTI
a: EXEC
a: SUBSCRIBE x
a: RESET
a: AUTH
a: AUTH s3 s3 s3
a: AUTH wrong
a: AUTH default wrong
a: AUTH bob s3
a: CLIENT ID
a: CLIENT
a: CLIENT SETINFO LIB-NAME x
a: HELLO 3 AUTH default s3 SETNAME me
a: CLIENT GETNAME
a: PING
a: AUTH wrong
a: PING
a: MULTI
a: AUTH wrong
a: AUTH s3
a: PING
a: EXEC
a: RESET
a: PING
a: HELLO
a: AUTH s3
a: CLIENT GETNAME
a: SUBSCRIBE c
a: AUTH s3
a: HELLO 3
a: PING
a: RESET
a: GET x
b: QUIT
c: AUTH s3
c: CLIENT TRACKING ON
c: MONITOR
c: RESET
c: PING
c: AUTH default s3
c: CLIENT TRACKINGINFO
c: READONLY
c: SELECT 2
c: MULTI
c: SET a b
c: RESET
c: AUTH s3
c: EXEC
c: DBSIZE
c: ECHO
c: echo "hello world"
c: QUIT
d: AUTH s3
d: HELLO 3
d: CLIENT CAPA redirect
d: ASKING
d: CLIENT NO-TOUCH on
d: RESET
d: AUTH s3
d: CLIENT TRACKINGINFO
e: HELLO 3 AUTH default s3
e: SUBSCRIBE x
e: UNSUBSCRIBE
e: PSUBSCRIBE a* b*
e: PUNSUBSCRIBE b* c*
e: SSUBSCRIBE q
e: SUNSUBSCRIBE
e: SUNSUBSCRIBE
e: PUNSUBSCRIBE
e: PUNSUBSCRIBE
e: UNSUBSCRIBE
e: UNSUBSCRIBE a b
e: CLIENT KILL TYPE normal SKIPME no
"""


def inline(port, script):
    """As typed by hand, and the answers up to the end; who must name itself cannot ask for ids."""
    found = {}
    for line in script.strip().splitlines():
        name, _, request = line.partition(": ")
        found[name] = found.get(name, b"") + request.encode() + b"\r\n"
    return {name: re.sub(rb"\bid\r\n:\d+", b"id\r\n:ID", talk(port, data))
            for name, data in found.items()}


def talk(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            piece = connection.recv(65536)
            if not piece:
                return answer
            answer += piece


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

    def test_strangers_introduce_themselves(self):
        options = {"requirepass": "s3"}
        theirs, ours = self.start_peer(**options), self.start_server(**options)
        expected, found = inline(theirs.port, STRANGERS), inline(ours.port, STRANGERS)
        for name, data in expected.items():
            with self.subTest(connection=name):
                self.assertEqual(lines(found[name]), lines(data))

    def test_lists_and_filters(self):
        self.compare(FILTERS)

    def test_states_of_connections(self):
        self.compare(STATES)

    def test_what_a_monitor_sees(self):
        self.compare(MONITORED.replace("CONFIG GET port", "CONFIG GET maxclients"))

    def test_imports_see_what_has_expired(self):
        self.compare(IMPORTED)

    def test_orders_of_tracking(self):
        self.compare(TRACKING_ORDERS)

    def test_which_keys_are_tracked(self):
        self.compare(TRACKED)

    def test_who_is_told_how(self):
        self.compare(TOLD)

    def test_subscribers_of_both_protocols(self):
        self.compare(SUBSCRIBED)


def lines(data):
    return re.split(rb"\r\n", data)


if __name__ == "__main__":
    eirtest.main()
