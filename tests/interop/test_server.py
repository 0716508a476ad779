#!/usr/bin/python3
"""What is asked of the server itself, beside Valkey's answers: CONFIG, CLIENT, errors of arguments,
transactions and watches, times of expiry."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import eirtest  # noqa: E402
import twins  # noqa: E402

# Requests as twins.py takes them, several a line.
CONFIG = """
    a: CONFIG RESETSTAT || a: CONFIG SET || a: CONFIG SET maxmemory
    a: CONFIG SET maxmemory 10mb maxmemory || a: CONFIG SET maxmemory 10mb maxmemory 20mb
    a: CONFIG GET maxmemory || a: CONFIG SET maxmemory 10mb nothing 5 || a: CONFIG SET nothing 5
    a: CONFIG SET nothing 5 maxmemory 1 || a: CONFIG GET maxmemory || a: CONFIG SET maxmemory 1x
    a: CONFIG SET maxmemory -1 || a: CONFIG SET maxmemory 1k || a: CONFIG GET maxmemory
    a: CONFIG SET maxmemory 1Kb || a: CONFIG GET maxmemory || a: CONFIG SET maxmemory 1m
    a: CONFIG GET maxmemory || a: CONFIG SET maxmemory 10gb || a: CONFIG GET maxmemory
    a: CONFIG SET maxmemory 0 || a: CONFIG SET maxmemory-policy foo
    a: CONFIG GET maxmemory-policy || a: CONFIG SET maxmemory-policy noeviction
    a: CONFIG SET appendonly maybe || a: CONFIG SET rdbcompression maybe
    a: CONFIG SET rdbcompression YES || a: CONFIG SET maxclients 0
    a: CONFIG SET maxclients 4294967296 || a: CONFIG SET maxclients abc
    a: CONFIG SET timeout -1 || a: CONFIG SET timeout 1.5 || a: CONFIG SET hz 0
    a: CONFIG SET hz 1000 || a: CONFIG GET hz || a: CONFIG SET hz 10 || a: CONFIG SET port 999999
    a: CONFIG SET databases 3 || a: CONFIG SET daemonize yes || a: CONFIG SET cluster-enabled yes
    a: CONFIG SET dbfilename a/b || a: CONFIG SET requirepass foo maxmemory bad
    a: CONFIG GET requirepass || a: CONFIG SET notify-keyspace-events KEA
    a: CONFIG GET notify-keyspace-events || a: CONFIG SET notify-keyspace-events KEAx
    a: CONFIG SET notify-keyspace-events Kg$lshzxetdmn || a: CONFIG GET notify-keyspace-events
    a: CONFIG SET notify-keyspace-events A || a: CONFIG GET notify-keyspace-events
    a: CONFIG SET notify-keyspace-events m || a: CONFIG GET notify-keyspace-events
    a: CONFIG SET notify-keyspace-events KKK || a: CONFIG GET notify-keyspace-events
    a: CONFIG SET notify-keyspace-events "" || a: CONFIG SET notify-keyspace-events q
    a: CONFIG SET client-output-buffer-limit "normal 0 0 0"
    a: CONFIG SET client-output-buffer-limit "normal 0 0"
    a: CONFIG SET client-output-buffer-limit "foo 0 0 0"
    a: CONFIG SET client-output-buffer-limit "normal 0 0 0 pubsub 1mb 1mb 10"
    a: CONFIG GET client-output-buffer-limit
    a: CONFIG SET client-output-buffer-limit "slave 1mb 512kb 10"
    a: CONFIG GET client-output-buffer-limit
    a: CONFIG SET client-output-buffer-limit "normal -1 0 0"
    a: CONFIG SET client-output-buffer-limit "normal 0 0 -1"
    a: CONFIG SET client-output-buffer-limit "normal 0 0 x"
    a: CONFIG SET client-output-buffer-limit ""
    a: CONFIG SET client-output-buffer-limit "master 0 0 0"
    a: CONFIG SET client-output-buffer-limit "replica 256mb 64mb 60" || a: CONFIG SET save ""
    a: CONFIG GET save || a: CONFIG SET save "3600 1" || a: CONFIG GET save
    a: CONFIG SET save "3600 1 60" || a: CONFIG SET save "3600 1 60 10" || a: CONFIG GET save
    a: CONFIG SET save "a b" || a: CONFIG SET save "-1 1" || a: CONFIG SET save "0 1"
    a: CONFIG SET save "1 0" || a: CONFIG SET save "1 -1" || a: CONFIG SET save ""
    a: CONFIG GET slave* || a: CONFIG GET replica* || a: CONFIG GET slave-priority
    a: CONFIG GET slave-priority replica-priority
    a: CONFIG SET slave-priority 5 replica-priority 6 || a: CONFIG SET slave-priority 5
    a: CONFIG GET replica-priority || a: CONFIG SET replica-priority 100
    a: CONFIG GET *max-*-entries* || a: CONFIG GET || a: CONFIG GET nothing
    a: CONFIG GET maxm[e]mory maxmemory || a: CONFIG SET list-max-listpack-size 0
    a: CONFIG SET list-max-listpack-size -6 || a: CONFIG SET list-max-listpack-size -2
    a: CONFIG SET proto-max-bulk-len 100 || a: CONFIG SET proto-max-bulk-len 1mb
    a: CONFIG SET proto-max-bulk-len 512mb || a: CONFIG SET client-query-buffer-limit 100
    a: CONFIG SET client-query-buffer-limit 1gb || a: CONFIG SET maxmemory-clients 10%
    a: CONFIG GET maxmemory-clients || a: CONFIG SET maxmemory-clients 101%
    a: CONFIG SET maxmemory-clients 1x% || a: CONFIG SET maxmemory-clients -5
    a: CONFIG SET maxmemory-clients 0 || a: CONFIG SET slowlog-log-slower-than -2
    a: CONFIG SET slowlog-log-slower-than -1 || a: CONFIG GET *slower-than
    a: CONFIG SET slowlog-log-slower-than 10000
    a: CONFIG SET latency-tracking-info-percentiles "50 99 99.9"
    a: CONFIG GET latency-tracking-info-percentiles
    a: CONFIG SET latency-tracking-info-percentiles "50 101"
    a: CONFIG SET latency-tracking-info-percentiles "a"
    a: CONFIG SET latency-tracking-info-percentiles ""
    a: CONFIG GET latency-tracking-info-percentiles
    a: CONFIG SET latency-tracking-info-percentiles "50 99 99.9" || a: CONFIG SET loglevel foo
    a: CONFIG SET loglevel warning || a: CONFIG SET loglevel notice
    a: CONFIG SET syslog-enabled yes || a: CONFIG SET tcp-backlog 10
    a: CONFIG SET io-threads 4 || a: CONFIG SET repl-backlog-size 1
    a: CONFIG GET repl-backlog-size || a: CONFIG SET repl-backlog-size 1mb
    a: CONFIG SET repl-diskless-load foo || a: CONFIG SET shutdown-on-sigterm "save now"
    a: CONFIG GET shutdown-on-sigterm || a: CONFIG SET shutdown-on-sigterm "save nosave"
    a: CONFIG SET shutdown-on-sigterm "foo" || a: CONFIG SET shutdown-on-sigterm default
    a: CONFIG SET cluster-announce-ip "a b" || a: CONFIG SET cluster-announce-hostname "a b"
    a: CONFIG SET cluster-announce-human-nodename "a b" || a: CONFIG SET active-expire-effort 0
    a: CONFIG SET active-expire-effort 11 || a: CONFIG SET lfu-log-factor -1
    a: CONFIG SET min-replicas-to-write 1 min-replicas-max-lag 5 || a: CONFIG GET min-*
    a: CONFIG SET min-slaves-to-write 0 || a: CONFIG SET enable-debug-command local
    a: CONFIG SET enable-protected-configs yes || a: CONFIG SET protected-mode yes
    a: CONFIG SET rename-command x || a: CONFIG SET include x || a: CONFIG SET user x
    a: CONFIG FOO || a: CONFIG || a: CONFIG HELP x
"""
ARGUMENTS = """
    a: CLIENT || a: CLIENT FOO || a: CLIENT HELP x || a: CLIENT LIST x || a: CLIENT LIST TYPE
    a: CLIENT LIST TYPE foo || a: CLIENT LIST TYPE normal x || a: CLIENT LIST ID
    a: CLIENT LIST ID x || a: CLIENT LIST ID 0 || a: CLIENT LIST ID -1
    a: CLIENT LIST ID 999999 || a: CLIENT LIST USER || a: CLIENT LIST USER nobody
    a: CLIENT LIST USER default ADDR 1.1.1.1:1 || a: CLIENT LIST SKIPME yes
    a: CLIENT LIST SKIPME foo || a: CLIENT LIST MAXAGE x || a: CLIENT LIST MAXAGE 100000
    a: CLIENT LIST MAXAGE -1 || a: CLIENT LIST NAME foo
    a: CLIENT LIST NAME || a: CLIENT LIST IDLE x || a: CLIENT LIST IDLE 100000
    a: CLIENT LIST FLAGS Z || a: CLIENT LIST LIB-NAME foo || a: CLIENT LIST LIB-VER foo
    a: CLIENT LIST DB 1 || a: CLIENT LIST DB x || a: CLIENT LIST DB 99 || a: CLIENT LIST CAPA r
    a: CLIENT LIST CAPA z || a: CLIENT LIST IP 1.2.3.4 || a: CLIENT LIST NOT-IP 127.0.0.1
    a: CLIENT LIST NOT-ID x || a: CLIENT LIST NOT-TYPE normal || a: CLIENT LIST NOT-USER default
    a: CLIENT LIST NOT-USER nobody || a: CLIENT LIST NOT-DB 0 || a: CLIENT LIST NOT-FLAGS N
    a: CLIENT LIST LADDR 1.1.1.1:1 || a: CLIENT LIST ID 1 ID 2 || a: CLIENT KILL
    a: CLIENT KILL x || a: CLIENT KILL 1.1.1.1:1 || a: CLIENT KILL ADDR || a: CLIENT KILL ID x
    a: CLIENT KILL ID 0 || a: CLIENT KILL ID -1 || a: CLIENT KILL ID 999999
    a: CLIENT KILL ID 999999 ID 888888 || a: CLIENT KILL ID 999999 888888
    a: CLIENT KILL TYPE foo || a: CLIENT KILL TYPE pubsub || a: CLIENT KILL TYPE slave
    a: CLIENT KILL TYPE master || a: CLIENT KILL TYPE primary || a: CLIENT KILL USER nobody
    a: CLIENT KILL SKIPME foo || a: CLIENT KILL SKIPME yes SKIPME no ID 99999
    a: CLIENT KILL MAXAGE 100000 || a: CLIENT KILL MAXAGE x || a: CLIENT KILL NAME nobody
    a: CLIENT KILL FLAGS Z || a: CLIENT KILL FLAGS P || a: CLIENT KILL IDLE 1000
    a: CLIENT KILL LADDR 1.1.1.1:1 || a: CLIENT KILL DB 7 || a: CLIENT KILL foo bar
    a: CLIENT KILL ID || b: CLIENT SETNAME bob || a: CLIENT KILL NAME bob || b: PING
    c: CLIENT ID || a: CLIENT KILL ID {c} || c: PING || d: CLIENT ID
    a: CLIENT KILL ID {d} ID 1 USER default || d: PING || a: CLIENT SETNAME
    a: CLIENT SETNAME "a b" || a: CLIENT SETNAME "a\\nb" || a: CLIENT SETNAME "\\xc3\\xa9"
    a: CLIENT SETNAME ok || a: CLIENT GETNAME || a: CLIENT SETNAME "" || a: CLIENT GETNAME
    a@3: CLIENT GETNAME || a: CLIENT SETINFO LIB-NAME "a b" || a: CLIENT SETINFO LIB-NAME foo
    a: CLIENT SETINFO LIB-VER 1.0 || a: CLIENT SETINFO FOO 1.0 || a: CLIENT SETINFO
    a: CLIENT NO-EVICT || a: CLIENT NO-EVICT x || a: CLIENT NO-EVICT on || a: CLIENT NO-TOUCH x
    a: CLIENT NO-TOUCH on || a: CLIENT NO-TOUCH off || a: CLIENT NO-EVICT off || a: CLIENT PAUSE
    a: CLIENT PAUSE x || a: CLIENT PAUSE -1 || a: CLIENT PAUSE 10 foo || a: CLIENT PAUSE 10 all x
    a: CLIENT PAUSE 99999999999999999999 || a: CLIENT PAUSE 9223372036854775807
    a: CLIENT PAUSE 100000 WRITE || a: GET foo || a: CLIENT UNPAUSE x || a: CLIENT UNPAUSE
    a: CLIENT REPLY foo || a: CLIENT REPLY || a: CLIENT REPLY ON || a: CLIENT REPLY ON x
    a: CLIENT UNBLOCK x || a: CLIENT UNBLOCK 999999 || a: CLIENT UNBLOCK 999999 foo
    a: CLIENT UNBLOCK 999999 timeout || a: CLIENT UNBLOCK 99999 error x || a: CLIENT TRACKING
    a: CLIENT TRACKING foo || a: CLIENT TRACKING on || a: CLIENT TRACKING on bcast optin
    a: CLIENT TRACKING on optin optout || a: CLIENT TRACKING on prefix a
    a: CLIENT TRACKING on bcast prefix a prefix ab || a: CLIENT TRACKING on redirect 999999
    a: CLIENT TRACKING on redirect x || a: CLIENT TRACKING on redirect || a: CLIENT TRACKINGINFO
    a: CLIENT GETREDIR || a: CLIENT CACHING yes || a: CLIENT CACHING foo
    a: CLIENT TRACKING off || a: CLIENT CACHING yes || a: CLIENT GETREDIR || a: CLIENT CAPA
    a: CLIENT CAPA foo || a: CLIENT CAPA redirect || a: CLIENT IMPORT-SOURCE on
    a: CLIENT IMPORT-SOURCE x || a: CLIENT IMPORT-SOURCE off || a: HELLO 4 || a: HELLO 1
    a: HELLO x || a: HELLO 2 AUTH || a: HELLO 2 AUTH x || a: HELLO 2 AUTH default x
    a: HELLO 2 AUTH nobody x || a: HELLO 2 SETNAME "a b" || a: HELLO 2 SETNAME || a: HELLO 2 FOO
    a: HELLO 2 SETNAME y || a: CLIENT GETNAME || a: AUTH || a: AUTH x || a: AUTH default x
    a: AUTH a b c || a: AUTH nobody x || a: RESET x || a: RESET || a: CLIENT GETNAME || a: QUIT x
    e: QUIT || f: MULTI || f: QUIT || g: SELECT x || g: SELECT 16 || g: SELECT -1
    g: SELECT 99999999999 || g: SELECT 1 || g: SWAPDB 0 99 || g: SWAPDB x 0 || g: SWAPDB 0 x
    g: ECHO || g: ECHO a b || g: PING a b || g: PING "" || g: SHUTDOWN foo
    g: SHUTDOWN save nosave || g: SHUTDOWN abort || g: SHUTDOWN abort now
    g: SHUTDOWN abort save || g: SHUTDOWN nosave now force x || g: SHUTDOWN nosave nosave foo
    g: LATENCY || g: LATENCY FOO || g: LATENCY HISTORY || g: LATENCY HISTORY foo
    g: LATENCY LATEST x || g: LATENCY LATEST || g: LATENCY GRAPH foo || g: LATENCY RESET foo
    g: LATENCY RESET || g: LATENCY HISTOGRAM foo || g: LATENCY HISTOGRAM config|foo || g: OBJECT
    g: OBJECT FOO k || g: OBJECT FREQ k || g: OBJECT IDLETIME k || g: OBJECT ENCODING k
    g: OBJECT REFCOUNT k || g: OBJECT HELP x || g: SET k 1 || g: OBJECT FREQ k
    g: OBJECT REFCOUNT k || g: SLOWLOG || g: SLOWLOG GET x || g: SLOWLOG GET -2
    g: SLOWLOG GET 1 2 || g: SLOWLOG LEN x || g: SLOWLOG RESET x || g: SLOWLOG FOO
    g: COMMANDLOG GET || g: COMMANDLOG GET 1 || g: COMMANDLOG GET 1 foo
    g: COMMANDLOG GET x slow || g: COMMANDLOG GET -2 slow || g: COMMANDLOG LEN foo
    g: COMMANDLOG RESET foo || g: ROLE x || g: DBSIZE x || g: TIME x || g: LASTSAVE x
    g: FLUSHALL foo || g: FLUSHDB foo || g: FLUSHALL sync || g: FLUSHALL async
    g: FLUSHALL sync async || g: SAVE x || g: REPLICAOF no || g: REPLICAOF a b
    g: REPLICAOF no one || g: SLAVEOF no one || g: WAIT x 1 || g: WAIT 1 x || g: WAIT 0 -1
    g: WAITAOF 1 0 0 || g: WAITAOF 2 0 0 || g: COMMAND COUNT x || g: COMMAND LIST x
    g: COMMAND LIST FILTERBY foo x || g: COMMAND LIST FILTERBY ACLCAT foo
    g: COMMAND LIST FILTERBY PATTERN xadd* || g: COMMAND LIST FILTERBY MODULE foo
    g: COMMAND LIST FILTERBY ACLCAT hyperloglog x || g: COMMAND INFO foo || g: COMMAND INFO get
    g: COMMAND INFO config|get || g: COMMAND INFO config|foo || g: COMMAND DOCS foo
    g: COMMAND FOO
"""
TRANSACTIONS_AND_TIMES = """
    a: SET a 1 || a: SET b 2 PX 1500 || a: WATCH b || a: DEBUG SLEEP 1.6 || a: MULTI || a: PING
    a: EXEC || a: WATCH none || b: SET none 1 || a: MULTI || a: PING || a: EXEC || a: WATCH none
    b: DEL none || a: MULTI || a: EXEC || a: WATCH none || b: FLUSHALL || a: MULTI || a: PING
    a: EXEC || b: SET a 1 || a: WATCH a || b: FLUSHALL || a: MULTI || a: PING || a: EXEC
    a: WATCH a || b: SWAPDB 0 1 || a: MULTI || a: PING || a: EXEC || b: SET a 1 || a: WATCH a
    b: SWAPDB 0 1 || a: MULTI || a: PING || a: EXEC || b: SWAPDB 0 1 || a: WATCH a
    b: SWAPDB 0 0 || a: MULTI || a: PING || a: EXEC || a: WATCH a || a: WATCH a b c || a: UNWATCH
    b: SET a 2 || a: MULTI || a: PING || a: EXEC || a: WATCH a || a: DISCARD || a: MULTI
    a: WATCH a || a: UNWATCH || a: DISCARD || b: SET a 3 || a: MULTI || a: PING || a: EXEC
    a: WATCH a || b: EXPIRE a 100 || a: MULTI || a: PING || a: EXEC || a: WATCH a || b: PERSIST a
    b: GET a || a: MULTI || a: PING || a: EXEC || a: WATCH a || b: SET a 3 || b: SET a 2
    a: MULTI || a: FOO || a: EXEC || a: MULTI || a: EXEC || a: WATCH a || a: RESET || b: SET a 9
    a: MULTI || a: PING || a: EXEC || a: MULTI || a: SELECT 5 || a: SET x 1 || a: EXEC
    a: DBSIZE || a: SELECT 0 || a: MULTI || a: BLPOP no 0 || a: SUBSCRIBE x || a: EXEC || a: RESET
    a: SET k v || a: EXPIRE k 100 XX || a: EXPIRE k 100 NX || a: EXPIRE k 50 GT
    a: EXPIRE k 50 LT || a: EXPIRE k 50 GT LT || a: EXPIRE k 50 NX XX || a: EXPIRE k 50 NX GT
    a: EXPIRE k 70 XX GT || a: EXPIRE k 50 FOO || a: EXPIRE k 50 XX XX
    a: EXPIRE k 9223372036854775807 || a: EXPIRE k 9223372036854775
    a: EXPIRE k -9223372036854775808 || a: EXPIRE k 92233720368547758
    a: PEXPIRE k 9223372036854775807 || a: PEXPIREAT k 9223372036854775807
    a: EXPIREAT k 9223372036854775 || a: PEXPIRETIME k || a: EXPIRETIME k || a: TTL k
    a: EXPIRE k 1.5 || a: EXPIRE k abc || a: EXPIRE none abc || a: EXPIRE none 100 FOO
    a: SET k v EX 0 || a: SET k v EX -1 || a: SET k v EX 9223372036854775807
    a: SET k v PX 9223372036854775807 || a: SET k v PXAT 9223372036854775807
    a: SET k v EX 1 PX 1 || a: SET k v KEEPTTL EX 1 || a: SET k v NX XX || a: SET k v EXAT 1
    a: GET k || a: SETEX k 0 v || a: PSETEX k -1 v || a: SETEX k 9223372036854775807 v
    a: GETEX k EX 0 || a: SET k v || a: GETEX k EXAT 1 || a: EXISTS k || a: SET k v EX 100
    a: COPY k k2 || a: TTL k2 || a: RENAME k k3 || a: TTL k3 || a: MOVE k3 1 || a: COPY k2 k4 DB 1
    a: COPY k2 k2 || a: COPY k2 k2 DB 99 || a: COPY k2 k4 DB x || a: COPY k2 k4 FOO
    a: COPY k2 k4 REPLACE DB 1 || a: COPY k2 k4 DB 1 || a: MOVE k2 0 || a: MOVE k2 99
    a: MOVE k2 x || a: MOVE k2 1 || a: SELECT 1 || a: TTL k2 || a: TTL k3 || a: RENAME none x
    a: RENAME k2 k2 || a: RENAMENX k2 k2 || a: RENAMENX k2 k3 || a: RENAMENX none k3
    a: FLUSHALL || a: SELECT 0 || a: MSET a1 1 a2 2 b1 3 "[x" 4 "a\\\\*" 5 "^" 6 || a: SCAN x
    a: SCAN -1 || a: SCAN 18446744073709551615 || a: SCAN 18446744073709551616 || a: HSCAN a1 0
    a: SSCAN none 0 || a: SSCAN none x || a: FLUSHALL || a: CONFIG SET maxmemory 1 || a: SET a b
    a: DEL a || a: LPUSH a b || a: GET a || a: EXPIRE a 1 || a: MULTI || a: SET a b || a: EXEC
    a: MULTI || a: GET a || a: EXEC || a: PUBLISH a b || a: SUBSCRIBE foo || a: RESET
    a: CONFIG SET maxmemory-policy volatile-lru || a: SET a b
    a: CONFIG SET maxmemory-policy noeviction maxmemory 0 || a: SET a b
"""
MASKS = [(rb":(\d{9,}|100|9\d)\r\n", b":T\r\n")]  # times, and what is left of 100 s


@eirtest.needs_peer
class Server(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        options = {"enable_debug_command": "yes"}
        self.ports = [self.start_server(**options).port, self.start_peer(**options).port]

    def same(self, script):
        """Request by request, so that a failure names the one that differs."""
        requests = [part.strip() for part in script.replace("\n", "||").split("||") if part.strip()]
        seen = []
        for port in self.ports:
            conversation, replies = twins.Conversation(port), []
            for request in requests:
                name = request.partition(":")[0].partition("@")[0]
                before = len(conversation.parts.get(name, []))
                try:
                    conversation.say(request)
                    raw = b"".join(conversation.parts[name][before:])
                except ConnectionError:
                    raw = b"(closed)"
                replies.append((request, conversation.neutral(raw, MASKS)))
            conversation.finish()
            seen.append(replies)
        for ours, theirs in zip(*seen):
            self.assertEqual(ours, theirs)

    def test_options_are_set_and_refused_alike(self):
        self.same(CONFIG)

    def test_arguments_of_commands_about_the_server(self):
        self.same(ARGUMENTS)

    def test_transactions_watches_and_times(self):
        self.same(TRANSACTIONS_AND_TIMES)

    def test_a_request_over_the_limit_ends_its_client(self):
        for port in self.ports:
            with eirtest.Client(port) as asking:
                asking.call("CONFIG", "SET", "client-query-buffer-limit", "1mb")
            for size, is_over in (1000000, False), (1100000, True), (2000000, True):
                with eirtest.Client(port) as client:
                    try:
                        client.call("SET", "k", "x" * size)
                        was_over = False
                    except OSError:
                        was_over = True
                    self.assertEqual(was_over, is_over, (port, size))

    def test_commands_are_listed_with_their_subcommands(self):
        names = [set(eirtest.Client(port).call("COMMAND", "LIST")) for port in self.ports]
        self.assertIn(b"client|list", names[0])
        ours = {name for name in names[1] if name.partition(b"|")[0] in names[0]}
        self.assertEqual({name for name in ours - names[0] if b"slotmigration" not in name}
                         - {b"cluster|" + word for word in (b"cancelslotmigrations", b"syncslots",
                                                            b"getslotmigrations", b"migrateslots")}
                         - {b"function|" + word for word in (b"delete", b"kill", b"load")}, set())


if __name__ == "__main__":
    eirtest.main()
