"""Streams of commands by seed: any command, any option, wrong ones among them.

What a command may be sent is read off the peer's COMMAND DOCS, so a new command needs nothing here.
Values come from small pools that hold the boundaries; one request in twenty is spoilt on purpose:
an argument too few or too many, a word in the place of a number, a wrong option.
"""
import random

from families import FAMILIES, HyperLogLogs, family_of

KEYS = [b"k%d" % number for number in range(12)] + [b"", b"key with spaces", b"k\x00\xff"]
TYPED_KEYS = [key for family in FAMILIES.values() for key in family.keys()]
INTEGERS = [b"0", b"1", b"-1", b"2", b"3", b"5", b"7", b"8", b"10", b"63", b"64", b"100", b"-2",
            b"-5", b"1000", b"65536"]
EDGES = [b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"4294967295",
         b"4294967296", b"2147483647", b"-2147483648", b"1.5", b"abc", b"", b" 1", b"1 ", b"+1",
         b"01", b"-0", b"0x10", b"1e3", b"18446744073709551615", b"99999999999999999999"]
DOUBLES = [b"0", b"1", b"-1", b"1.5", b"-2.25", b"3.0e3", b"0.1", b"1e308", b"-1e308", b"1e-10"]
DOUBLE_EDGES = [b"inf", b"-inf", b"nan", b"abc", b"", b"1e400", b" 1", b"1,5", b"5e-324", b"0x1p3"]
VALUES = [b"", b"a", b"b", b"hello", b"hello world", b"0", b"1", b"10", b"-7", b"3.14", b"x" * 30,
          b"y" * 44, b"y" * 45, b"z" * 64, b"z" * 65, b"w" * 200, b"\x00\x01\xfe\xff", b"foobar",
          b"9223372036854775807", b"1e10", b"ab\r\ncd", b"mynewtext", b"ohmytext"]
PATTERNS = [b"*", b"k*", b"k?", b"k[1-3]", b"k[^1]", b"", b"[", b"\\*", b"h*o", b"*a*b*", b"k1"]
# Far enough away that nothing ends while a stream runs.
SECONDS = [b"100000", b"86400000", b"4000000"]
SECONDS_EDGES = [b"0", b"-1", b"9223372036854775807", b"9223372036854775", b"abc", b"1.5", b""]
# None is near one of the seconds: GT and LT compare with what was set a moment ago.
MILLISECONDS = [b"100900000", b"87000000000", b"99999999999"]
UNIX_TIMES = [b"33177117420", b"33177117420000", b"40000000000", b"40000000000123"]
UNIX_TIME_EDGES = [b"0", b"1", b"-1", b"9223372036854775807", b"abc", b"1.5"]
TOKENS = [b"NX", b"XX", b"GT", b"LT", b"EX", b"PX", b"KEEPTTL", b"GET", b"COUNT", b"MATCH", b"FOO",
          b"LIMIT", b"WITHSCORES", b"REPLACE", b"ABSTTL", b"BYTE", b"BIT", b"LEN", b"IDX"]

# Never sent: they end the server or the connection, change its kind, or wait.
EXCLUDED = {
    "shutdown", "debug", "replicaof", "slaveof", "sync", "psync", "replconf", "monitor", "quit",
    "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe",
    "hello", "reset", "client|kill", "client|pause", "client|reply", "client|no-evict",
    "client|tracking", "client|caching", "client|unblock", "client|unpause", "failover", "save",
    "bgsave", "bgrewriteaof", "config|set", "config|rewrite", "config|resetstat", "wait", "waitaof",
    "migrate", "module|load", "module|loadex", "module|unload", "pfdebug", "pfselftest", "auth",
    "blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop",
    "command", "command|docs", "command|info", "command|count", "command|list", "command|help",
    "memory|malloc-stats", "lolwut", "latency|doctor", "memory|doctor", "latency|histogram",
    "client|import-source", "cluster|reset", "client|setinfo", "memory|purge", "eval", "evalsha",
    "eval_ro", "evalsha_ro", "fcall", "fcall_ro", "script|kill", "script|debug", "function|kill",
}
# A negative count draws so often, whatever that takes.
WITH_REPETITION = {"srandmember", "hrandfield", "zrandmember"}
TOO_OFTEN = {b"-2147483648"}
# Edits of strings spare HyperLogLogs: in a broken one Valkey changes what it cannot read.
STRING_EDITS = {"append", "setrange", "setbit", "bitfield"}
REGISTERS = set(HyperLogLogs().keys())
RARE = {"flushall", "flushdb", "swapdb", "multi", "exec", "discard", "select", "watch"}


class Generator:
    def __init__(self, seed, docs, names):
        """docs: {name: {"arguments": [...], "arity": n}}, names: those that both servers have."""
        self.random = random.Random(seed)
        self.docs = docs
        self.names = sorted(name for name in names
                            if name in docs and not self.is_excluded(name))

    @staticmethod
    def is_excluded(name):
        return name in EXCLUDED or name.split("|")[0] in EXCLUDED - {"command"}

    def pick(self, usual, edges, chance=0.12):
        return self.random.choice(edges if self.random.random() < chance else usual)

    def key_for(self, family):
        chance = self.random.random()
        if family is None:
            return self.random.choice(TYPED_KEYS if chance < 0.2 else KEYS)
        if chance < 0.9:
            return self.random.choice(family.keys())
        return self.random.choice(TYPED_KEYS if chance < 0.95 else KEYS)

    def value_of(self, argument, command):
        kind, name = argument["type"], argument["name"]
        family = family_of(command, self.docs[command]["group"])
        if kind == "key":
            return self.key_for(family)
        proposed = family.value(self.random, argument, command) if family else None
        if proposed is not None:
            return proposed
        if kind == "integer":
            if "millisecond" in name:
                return self.pick(MILLISECONDS, SECONDS_EDGES)
            if "second" in name or name == "ttl":
                return self.pick(SECONDS, SECONDS_EDGES)
            if name in ("index", "destination-db", "db", "index1", "index2"):
                return self.pick([b"0", b"1", b"2"], EDGES + [b"16"])
            if name == "offset":
                return self.pick(INTEGERS, EDGES + [b"#1", b"#0", b"536870911"])
            return self.pick(INTEGERS, EDGES)
        if kind == "double":
            return self.pick(DOUBLES, DOUBLE_EDGES)
        if kind == "unix-time":
            return self.pick(UNIX_TIMES, UNIX_TIME_EDGES)
        if kind == "pattern":
            return self.random.choice(PATTERNS)
        if name == "encoding":
            return self.pick([b"u8", b"i8", b"i5", b"u63", b"i64", b"u1"], [b"u64", b"i65", b"x"])
        if name == "numeric" or name == "increment":
            return self.pick(INTEGERS, EDGES)
        if name == "cursor":
            return self.pick([b"0"], [b"1", b"abc", b"-1"])
        return self.random.choice(VALUES)

    def words_of(self, argument, command):
        """One occurrence of an argument, its token included."""
        words = [argument["token"].encode()] if argument.get("token") else []
        kind = argument["type"]
        if kind == "pure-token":
            return words
        if kind == "oneof":
            return words + self.words_of(self.random.choice(argument["arguments"]), command)
        if kind == "block":
            return words + self.list_of(argument["arguments"], command)
        return words + [self.value_of(argument, command)]

    def occurrences(self, argument, command):
        flags = argument.get("flags", ())
        if "optional" in flags and self.random.random() < 0.6:
            return []
        times = self.random.choice((1, 1, 2, 3)) if "multiple" in flags else 1
        words = []
        for index in range(times):
            more = self.words_of(argument, command)
            if index > 0 and argument.get("token") and "multiple_token" not in flags:
                more = more[1:]
            words += more
        return words

    def list_of(self, arguments, command):
        words, number_at = [], None
        for argument in arguments:
            here = self.occurrences(argument, command)
            if argument["name"] in ("numkeys", "numfields") and argument["type"] == "integer":
                number_at = len(words) + len(here) - 1 if here else None
            elif number_at is not None:
                if self.random.random() < 0.95:
                    words[number_at] = b"%d" % (len(here) // self.width(argument))
                number_at = None
            words += here
        return words

    @staticmethod
    def width(argument):
        return len(argument["arguments"]) if argument["type"] == "block" else 1

    def spoil(self, words, first):
        chance = self.random.random()
        if chance < 0.3 and len(words) > first:
            del words[self.random.randrange(first, len(words))]
        elif chance < 0.6:
            words.insert(self.random.randrange(first, len(words) + 1),
                         self.random.choice(VALUES + TOKENS))
        elif chance < 0.8 and len(words) > first:
            words[self.random.randrange(first, len(words))] = self.random.choice(EDGES)
        else:
            words.append(self.random.choice(TOKENS))

    def next(self):
        """(name, words) of one request."""
        while True:
            name = self.random.choice(self.names)
            if name in RARE and self.random.random() < 0.8:
                continue
            break
        words = [part.encode() for part in name.split("|")]
        first = len(words)
        words += self.list_of(self.docs[name].get("arguments", []), name)
        family = family_of(name, self.docs[name]["group"])
        if family is not None:
            words = family.request(self.random, name, words)
        if self.random.random() < 0.05 and (family is None or family.may_spoil(words)):
            self.spoil(words, first)
        if name in STRING_EDITS:
            words = [b"k1" if word in REGISTERS else word for word in words]
        if name in ("commandlog|get", "slowlog|get"):
            # To 0 Valkey promises nothing and then sends entries: all later replies are shifted.
            words = [b"1" if word in (b"0", b"-0") else word for word in words]
        if name == "function|list":
            # Valkey's error has the line's end in it, as it was sent.
            words = [word for word in words if b"\n" not in word]
        if name in WITH_REPETITION:
            words = [b"-20" if word in TOO_OFTEN else word for word in words]
        if self.random.random() < 0.2:
            words[0] = words[0].upper()
        return name, words


def read_docs(client):
    """COMMAND DOCS of a server, subcommands under their full names."""
    docs = {}

    def as_map(value):
        if isinstance(value, dict):
            return value
        return dict(zip(value[::2], value[1::2])) if isinstance(value, list) else value

    def text(value):
        return value.decode() if isinstance(value, bytes) else value

    def argument_of(raw):
        found = {text(key): value for key, value in as_map(raw).items()}
        argument = {"name": text(found["name"]), "type": text(found["type"])}
        if "token" in found:
            argument["token"] = text(found["token"])
        argument["flags"] = [text(flag) for flag in found.get("flags", [])]
        argument["arguments"] = [argument_of(each) for each in found.get("arguments", [])]
        return argument

    def add(name, raw):
        found = {text(key): value for key, value in as_map(raw).items()}
        for sub, value in as_map(found.get("subcommands", [])).items():
            add(text(sub), value)
        if "subcommands" not in found:
            docs[name] = {"arguments": [argument_of(each) for each in found.get("arguments", [])],
                          "group": text(found["group"])}

    for name, raw in as_map(client.call("COMMAND", "DOCS")).items():
        add(text(name), raw)
    return docs
