#!/usr/bin/python3
"""The same random stream of commands to Eir and to Valkey: every reply compared, and the data left.

    tests/differential/differential.py [--seed 1] [--commands 20000] [--protocol 2|3]
                                       [--ours PORT --theirs PORT] [--keep-going]

EIR_SERVER names our server (default: the newest build), EIR_PEER the folder with valkey-server. A
stream is cut into rounds; after each the keys of all databases are compared: type, encoding,
expiry, DUMP, contents. In the end so are their copies: a replica of ours and one of Valkey, and
what servers of both kinds load from the snapshots of both. What differs is printed with the
requests that touched the same keys before; a difference that is meant stands in MEANT with its
reason, and is counted. Exit 1 when others are left.
"""
import argparse
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, HERE)
import eirtest  # noqa: E402
import contents  # noqa: E402
import copies  # noqa: E402
import streams  # noqa: E402
from resp_client import Client, ReplyError  # noqa: E402

ROUND = 2000
BATCH = 100
SHOWN = 16  # requests before a difference that are shown

# Replies that depend on time, chance or what a server is: only their kind is compared.
ANY_VALUE = {
    "dbsize",  # counts what has expired until somebody looks
    "randomkey", "time", "info", "lastsave", "object|idletime", "object|freq", "client|id",
    "client|info", "client|list", "client|getname", "memory|usage", "memory|stats", "scan",
    "config|get", "slowlog|get", "slowlog|len", "commandlog|get", "commandlog|len",
    "latency|latest", "latency|history", "latency|reset", "latency|graph", "acl|log", "acl|genpass",
    "acl|list", "acl|users", "acl|cat", "acl|getuser", "role", "cluster|myid", "cluster|nodes",
    "cluster|shards", "cluster|slots", "cluster|info", "cluster|links", "cluster|myshardid",
    "cluster|slot-stats", "function|dump", "function|stats", "clusterscan", "client|trackinginfo",
    "xpending", "xinfo|consumers",
    "srandmember", "hrandfield", "zrandmember", "spop", "hscan", "sscan", "zscan",
}
# Integers that may differ by what passes between two servers: (unit of a second).
TIMES = {"ttl": 1, "expiretime": 1, "pttl": 1000, "pexpiretime": 1000,
         "httl": 1, "hexpiretime": 1, "hpttl": 1000, "hpexpiretime": 1000}
PATIENCE_S = 60
SORTED = {"keys", "pubsub|channels", "pubsub|shardchannels", "sunion", "sinter", "sdiff",
          "smembers", "hkeys", "hvals", "hgetall"}

RAW = "a value that a transaction or a script wrote is 'raw' in Valkey: it was shared for a moment"
SORT_ENLARGES = "SORT makes a skiplist of any sorted set that it reads in Valkey"

# (name or None, pattern of what they say, pattern of what we say, why)
MEANT = [
    ("client|setname", "'OK'", "Client names cannot contain",
     "a name with a zero byte: Valkey looks at what stands before it"),
    ("client|list", "", "Unknown (flags|capa) found in the .*filter: ",
     "a filter with a zero byte: Valkey looks at what stands before it"),
    ("object|encoding", "^b'raw'", "^b'(embstr|int)'", RAW),
    (None, r"'0\.0000'.*'0\.0000'", r"'0\.0000'.*'0\.0000'",
     "places of the same distance: Valkey's partial sort leaves them in any order"),
    ("object|encoding", "^b'skiplist'", "^b'listpack'", SORT_ENLARGES),
    ("state", "^..zset., b.skiplist", "^..zset., b.listpack", SORT_ENLARGES),
    ("dump", "^b.\\\\x05", "^b.\\\\x11", SORT_ENLARGES),
    ("dump", "^b.\\\\x02", "^b.\\\\x02", "a table's own order"),
    ("dump", "^b.\\\\x04", "^b.\\\\x04", "a table's own order"),
    ("dump", "^b.\\\\x16", "^b.\\\\x16", "a table's own order, and times of fields"),
    ("dump", "^b.\\\\x15", "^b.\\\\x15", "streams keep when consumers were seen"),
    ("object|refcount", "^[2-9]", "^1$", "Valkey counts a queued request's own hold on a value"),
]


def kind_of(reply):
    return "error" if isinstance(reply, ReplyError) else type(reply).__name__


def flat(reply):
    return sorted(reply, key=repr) if isinstance(reply, list) else reply


def is_equal(name, theirs, ours, their_raw=None, our_raw=None):
    if isinstance(theirs, ReplyError) or isinstance(ours, ReplyError):
        return isinstance(theirs, ReplyError) and isinstance(ours, ReplyError) and \
            str(theirs) == str(ours)
    if name in ANY_VALUE:
        return kind_of(theirs) == kind_of(ours) or None in (theirs, ours)
    if name in TIMES and isinstance(theirs, int) and isinstance(ours, int):
        return theirs == ours or (min(theirs, ours) > 0 and
                                  abs(theirs - ours) <= PATIENCE_S * TIMES[name])
    if name in TIMES and isinstance(theirs, list) and isinstance(ours, list):
        return len(theirs) == len(ours) and \
            all(is_equal(name, *pair) for pair in zip(theirs, ours))
    if name in SORTED:
        return flat(theirs) == flat(ours)
    if their_raw is not None:
        return their_raw == our_raw
    return kind_of(theirs) == kind_of(ours) and theirs == ours


class Side:
    """One server and what is asked of it."""

    def __init__(self, port, protocol):
        self.client = Client(port, timeout=120.0, protocol=protocol)

    def run(self, requests):
        self.client.send_bytes(b"".join(map(self.encode, requests)))
        replies = []
        for words in requests:
            try:
                replies.append((self.client.read(), self.client.raw))
            except ConnectionError as error:
                raise ConnectionError("%s, when asked %r" % (error, words)) from None
        return replies

    @staticmethod
    def encode(words):
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word)
                                                   for word in words)


class Comparison:
    def __init__(self, ours, theirs, seed, protocol, databases=3):
        self.ours, self.theirs = Side(ours, protocol), Side(theirs, protocol)
        self.databases, self.protocol = databases, protocol
        docs = streams.read_docs(self.theirs.client)
        names = [set(self.names(side.client)) for side in (self.ours, self.theirs)]
        self.generator = streams.Generator(seed, docs, names[0] & names[1])
        self.history, self.queue = [], None
        self.differences, self.meant, self.compared = [], {}, 0
        self.coverage = set()

    @staticmethod
    def names(client):
        def walk(rows):
            for row in rows:
                subs = row[9] if len(row) > 9 else []
                if subs:
                    yield from walk(subs)
                else:
                    yield row[0].decode() if isinstance(row[0], bytes) else row[0]
        return walk(client.call("COMMAND"))

    def note(self, name, words, theirs, ours):
        for meant_name, their_text, our_text, why in MEANT:
            if meant_name in (None, name) and re.search(their_text, repr(theirs)) and \
                    re.search(our_text, repr(ours)):
                self.meant[why] = self.meant.get(why, 0) + 1
                return
        keys = set(words[1:]) & set(streams.KEYS + streams.TYPED_KEYS)
        before = [line for line in self.history[-3000:] if keys & set(line)][-SHOWN:]
        self.differences.append((words, theirs, ours, before))

    def compare(self, name, words, theirs, ours):
        self.compared += 1
        self.coverage.add(name)
        self.history.append(words)
        (their_reply, their_raw), (our_reply, our_raw) = theirs, ours
        if self.queue is not None and their_reply == "QUEUED":
            self.queue.append((name, words))
        is_exec = name == "exec" and self.queue is not None and \
            isinstance(their_reply, list) and isinstance(our_reply, list) and \
            len(their_reply) == len(our_reply) == len(self.queue)
        if is_exec:
            for (each, request), one, other in zip(self.queue, their_reply, our_reply):
                if not is_equal(each, one, other):
                    self.note(each, [b"(EXEC)"] + request, one, other)
        elif not is_equal(name, their_reply, our_reply, their_raw, our_raw):
            self.note(name, words, their_reply, our_reply)
        if name == "multi" and their_reply == "OK":
            self.queue = []
        elif name in ("exec", "discard") and self.queue is not None:
            self.queue = None if not isinstance(their_reply, ReplyError) or \
                their_reply.code == "EXECABORT" else self.queue

    def batch(self, requests):
        theirs = self.theirs.run([words for _, words in requests])
        ours = self.ours.run([words for _, words in requests])
        for (name, words), one, other in zip(requests, theirs, ours):
            self.compare(name, words, one, other)
        del self.history[:-5000]

    # What is left of the data.

    def state_of(self, port):
        side = Side(port, self.protocol)
        try:
            return contents.of_server(side.run, self.databases)
        finally:
            side.client.close()

    def compare_state(self):
        self.queue = None
        theirs, ours = (contents.of_server(side.run, self.databases)
                        for side in (self.theirs, self.ours))
        for place in sorted(set(theirs) | set(ours)):
            words = [b"(STATE)", b"%d" % place[0], place[1]]
            if place not in theirs or place not in ours:
                self.note("state", words, theirs.get(place), ours.get(place))
                continue
            one, other = theirs[place], ours[place]
            is_same = contents.is_equal(one, other)
            if is_same and one[1] == b"raw" and other[1] in (b"embstr", b"int"):
                self.meant[RAW] = self.meant.get(RAW, 0) + 1
            elif not is_same or one[1] != other[1]:
                self.note("state", words, one, other)

    def compare_copies(self, copies):
        def note(label, place, expected, found):
            self.note("copy", [b"(COPY)", label.encode(), b"%d" % place[0], place[1]], expected,
                      found)
        return copies.compare(self.state_of, note)

    def run(self, commands, keep_going=False, progress=lambda done: None):
        for done in range(0, commands, BATCH):
            count = min(BATCH, commands - done)
            self.batch([self.generator.next() for _ in range(count)])
            if (done + BATCH) % ROUND == 0 or done + BATCH >= commands:
                self.compare_state()
                progress(done + count)
            if self.differences and not keep_going:
                break


def shown(value):
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "... (%d)" % len(text)


def report(comparison, file=sys.stdout):
    for words, theirs, ours, before in comparison.differences[:50]:
        print("--- %s" % b" ".join(words)[:300].decode("latin1"), file=file)
        print("    Valkey: %s" % shown(theirs), file=file)
        print("    Eir:    %s" % shown(ours), file=file)
        for line in before[-SHOWN:]:
            print("        before: %s" % b" ".join(line)[:200].decode("latin1"), file=file)
    for why, count in comparison.meant.items():
        print("meant, %d times: %s" % (count, why), file=file)
    print("%d commands of %d kinds compared, %d differences left, %d that are meant" %
          (comparison.compared, len(comparison.coverage), len(comparison.differences),
           sum(comparison.meant.values())), file=file)


def start_pair():
    """Our server and theirs, with the same options."""
    ours = eirtest.Server(save="")
    theirs = eirtest.Server(eirtest.peer("valkey-server"), save="")
    return ours.start(), theirs.start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--commands", type=int, default=20000)
    parser.add_argument("--protocol", type=int, choices=(2, 3), default=2)
    parser.add_argument("--ours", type=int, help="port of a server that runs already")
    parser.add_argument("--theirs", type=int)
    parser.add_argument("--keep-going", action="store_true", help="don't stop at a difference")
    arguments = parser.parse_args()
    servers, elsewhere = [], None
    if not arguments.ours:
        if not eirtest.peer("valkey-server"):
            print("skipped: EIR_PEER is not set")
            return eirtest.SKIPPED
        servers = start_pair()
        arguments.ours, arguments.theirs = servers[0].port, servers[1].port
        elsewhere = copies.Copies(*servers)
    try:
        comparison = Comparison(arguments.ours, arguments.theirs, arguments.seed,
                                arguments.protocol)
        print("seed %d" % arguments.seed)
        comparison.run(arguments.commands, arguments.keep_going,
                       lambda done: print("\r%d" % done, end="", file=sys.stderr, flush=True))
        print(file=sys.stderr)
        if elsewhere is not None:
            print("%d copies of the data compared" % comparison.compare_copies(elsewhere))
        report(comparison)
        return 1 if comparison.differences else 0
    except ConnectionError as error:
        print(error)
        for server in servers:
            print(server.log()[-3000:])
        return 1
    finally:
        for server in ([elsewhere] if elsewhere else []) + list(servers):
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
