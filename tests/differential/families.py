"""What a type needs beyond COMMAND DOCS: keys of its own, good arguments, and how contents compare.

A family is chosen by the group of a command. Most of its requests name keys of its own type, so
that they find something; the others meet whatever is there. `value` may propose a word for an
argument (None: the general rules do); `request` may replace a whole request whose effect would
depend on chance or time.
"""

ELEMENTS = [b"m%d" % number for number in range(40)] + \
    [b"%d" % number for number in range(-3, 20)] + \
    [b"", b"x" * 64, b"y" * 65, b"32767", b"32768", b"-32769", b"2147483648", b"1.5", b"\x00\xff"]


class Family:
    prefix = None  # of its own keys

    def keys(self):
        return [b"%s%d" % (self.prefix, number) for number in range(6)]

    def value(self, random, argument, command):
        return None

    def request(self, random, name, words):
        return words

    def may_spoil(self, words):
        return True


class Lists(Family):
    """Elements of every size beside short ones, so that lists become long, nodes split and join,
    and elements that no node takes come between them. DUMP tells where."""
    prefix = b"l"
    sizes = (100, 700, 2500, 4000, 8160, 8192, 8193, 9000)

    def value(self, random, argument, command):
        if argument["name"] not in ("element", "pivot"):
            return None
        if argument["name"] == "element" and random.random() < 0.2:
            return random.choice((b"p", b"q")) * random.choice(self.sizes)
        return random.choice(ELEMENTS)

    def may_spoil(self, words):
        return words[0] != b"lset"

    def request(self, random, name, words):
        if name in ("lpush", "rpush") and random.random() < 0.1:
            size = random.choice((1, 2, 30, 200))
            return words[:2] + [b"%d" % number * size for number in range(60)] + words[2:]
        if name == "lset":
            # Valkey takes the lower 32 bits of an index, and sets an element that was not meant.
            return [b"70000" if len(word) > 9 and word.lstrip(b"-").isdigit() else word
                    for word in words]
        return words


class Sets(Family):
    prefix = b"s"

    def value(self, random, argument, command):
        if argument["name"] == "member":
            return random.choice(ELEMENTS)
        return None

    def may_spoil(self, words):
        return words[0] != b"spop"

    def run_of(self, random):
        """Many members at once, so that sets cross their limits: texts, or integers of a width."""
        start = random.choice((0, 100, 32700, 2147483600, -300))
        count = random.choice((3, 60, 126, 127, 128, 129, 300, 511, 512, 513))
        form = random.choice((b"%d", b"%d", b"m%d", b"a longer name of %d"))
        return [form % number for number in range(start, start + count)]

    def request(self, random, name, words):
        # All of them, or the two servers would keep different ones.
        if name == "spop":
            if random.random() < 0.1:
                return random.choice(([b"spop"], words[:2] + [random.choice((b"0", b"-1", b"x"))],
                                      words[:2] + [b"1", b"1"]))
            return words[:2] + [b"100000"]
        if name in ("sadd", "srem", "smismember") and random.random() < 0.15:
            return words[:2] + self.run_of(random) + words[2:]
        return words


class Sorting(Family):
    """SORT: of any type, by keys that are there, by chance by nothing at all."""
    prefix = b"s"
    patterns = [b"k*", b"h*->m1", b"h*->1", b"*", b"nosort", b"#", b"none_*", b"h*->", b"s*->1"]

    def value(self, random, argument, command):
        if argument["type"] != "pattern":
            return None
        return random.choice(self.patterns)

    def request(self, random, name, words):
        if len(words) < 2:
            return words
        words[1] = random.choice((b"s", b"l", b"z", b"k")) + b"%d" % random.randrange(6)
        # Elements of the same weight have no order in the part that a limit leaves.
        if b"BY" in words and b"LIMIT" in words:
            at = words.index(b"LIMIT")
            words = words[:at] + words[at + 3:]
        # A table has no order that both servers know, so there is none where all weigh the same.
        if words[1][:1] in b"sz" and b"BY" in words:
            at = words.index(b"BY")
            words = words[:at] + words[at + 2:]
        return words if random.random() < 0.3 else words + [b"ALPHA"]


class Hashes(Family):
    prefix = b"h"

    def value(self, random, argument, command):
        if argument["name"] in ("field", "value") and argument["type"] == "string":
            return random.choice(ELEMENTS)
        return None

    def run_of(self, random, has_values):
        """Many fields at once, so that hashes cross their limit of 512, or leave again."""
        count = random.choice((3, 60, 255, 256, 510, 511, 512, 513))
        start = random.randrange(3) * 100
        words = []
        for number in range(start, start + count):
            words.append(b"f%d" % number)
            if has_values:
                words.append(random.choice(ELEMENTS))
        return words

    def request(self, random, name, words):
        if name == "hrandfield" and len(words) > 2 and words[2][:1] == b"-":
            words[2] = b"-7"  # of a very long reply there is nothing to learn
        elif name in ("hset", "hmset", "hdel", "hmget") and random.random() < 0.1:
            return words[:2] + self.run_of(random, name in ("hset", "hmset"))
        return words


SCORES = [b"0", b"1", b"2", b"3", b"-1", b"10", b"1.5", b"-2.25", b"0.1", b"1e20", b"3e-10",
          b"inf", b"-inf", b"-0", b"123456789", b"9007199254740993", b"4.35", b"100", b"1e17"]
BY_MEMBER = ("zrangebylex", "zrevrangebylex", "zlexcount", "zremrangebylex")


class SortedSets(Family):
    """Ranges by member mean something only where all scores are the same: they have a key of their
    own, which nothing else writes."""
    prefix = b"z"
    one_score = b"zlex"

    def bound(self, random):
        if random.random() < 0.2:
            return random.choice((b"-inf", b"+inf", b"", b"(", b"(inf", b"nan", b"1e400", b"a"))
        return random.choice((b"", b"(")) + random.choice(SCORES)

    def lex_bound(self, random):
        if random.random() < 0.3:
            return random.choice((b"-", b"+", b"m", b"", b"[", b"("))
        return random.choice((b"[", b"(")) + random.choice(ELEMENTS)

    def value(self, random, argument, command):
        name = argument["name"]
        if name == "member":
            return random.choice(ELEMENTS)
        if name == "score" or (name == "increment" and command == "zincrby"):
            return random.choice(SCORES) if random.random() < 0.95 else None
        if name in ("min", "max"):
            return self.lex_bound(random) if command in BY_MEMBER else self.bound(random)
        if name in ("start", "stop") and argument["type"] == "string":
            return b"%d" % random.randrange(-20, 20)
        return None

    def ordered(self, random, words, at):
        """Bounds of the kind that BYSCORE or BYLEX asks for."""
        if b"BYLEX" in words:
            words[at:at + 3] = [self.one_score, self.lex_bound(random), self.lex_bound(random)]
        elif b"BYSCORE" in words:
            words[at + 1:at + 3] = [self.bound(random), self.bound(random)]
        return words

    def may_spoil(self, words):
        return self.one_score not in words

    def request(self, random, name, words):
        if name == "zrandmember" and len(words) > 2 and words[2][:1] == b"-":
            words[2] = b"-7"  # of a very long reply there is nothing to learn
        if name in BY_MEMBER and len(words) > 1:
            words[1] = self.one_score
        elif name in ("zrange", "zrangestore"):
            return self.ordered(random, words, 1 if name == "zrange" else 2)
        elif name == "zadd" and random.random() < 0.2:
            return [b"zadd", self.one_score] + [word for _ in range(random.choice((1, 5, 30)))
                                                for word in (b"0", random.choice(ELEMENTS))]
        elif name == "zadd" and random.random() < 0.05:
            return words[:2] + [word for _ in range(random.choice((60, 128, 129)))
                                for word in (random.choice(SCORES),
                                             b"n%d" % random.randrange(300))]
        return words


class Streams(Family):
    """Ids from a small range, so that they meet; nothing that the wall clock decides."""
    prefix = b"x"

    def id(self, random):
        return random.choice((b"%d" % random.randrange(60), b"%d-%d" % (
            random.randrange(60), random.randrange(4)), b"0", b"0-1"))

    def new_id(self, random):
        return random.choice((b"%d-*" % random.randrange(200), b"%d-%d" % (
            random.randrange(200), random.randrange(9)), self.id(random)))

    def value(self, random, argument, command):
        name = argument["name"]
        if name in ("id", "new-id", "lastid", "last-id", "max-deleted-id", "threshold"):
            if command == "xadd" and name == "id":
                return self.new_id(random)
            if name == "threshold" and random.random() < 0.5:
                return b"%d" % random.randrange(30)
            if command == "xread" and random.random() < 0.2:
                return random.choice((b"$", b"+"))
            if command == "xreadgroup" and random.random() < 0.6:
                return b">"
            return self.id(random)
        if name in ("start", "end"):
            return random.choice((b"-", b"+", self.id(random), b"(" + self.id(random)))
        if name == "group":
            return random.choice((b"g1", b"g1", b"g2"))
        if name == "consumer":
            return random.choice((b"c1", b"c2", b"c3"))
        if name == "min-idle-time":
            return random.choice((b"0", b"0", b"1000000000"))
        if name == "field":
            return random.choice((b"f", b"f", b"g", b"12"))
        if name == "value":
            return random.choice(ELEMENTS)
        if name in ("count", "entries-added", "entriesread"):
            return random.choice((b"-1", b"0", b"1", b"2", b"3", b"5", b"20", b"100"))
        return None

    def may_spoil(self, words):
        return b"BLOCK" not in words and words[0] != b"xadd"

    def request(self, random, name, words):
        words = [random.choice((b"1", b"-1")) if before == b"BLOCK" else word
                 for before, word in zip([b""] + words, words)]
        if name == "xadd":
            words = [b"%d-*" % random.randrange(200) if word == b"*" else word for word in words]
        if name == "xinfo|stream":
            words = words[:3]  # FULL shows times
        if name in ("xread", "xreadgroup") and b"STREAMS" in words:
            at = words.index(b"STREAMS") + 1
            half = (len(words) - at + 1) // 2
            keys = [random.choice(self.keys()) for _ in range(half)]
            ids = [word for word in words[at:] if word[:1] not in b"xkslhz"]
            ids = (ids + [self.id(random)] * half)[:half]
            if random.random() < 0.95:
                words = words[:at] + keys + ids
        return words


class HyperLogLogs(Family):
    """Often many elements at once, so that they leave the sparse form."""
    prefix = b"p"

    def value(self, random, argument, command):
        return random.choice(ELEMENTS) if argument["name"] == "element" else None

    def request(self, random, name, words):
        if name == "pfadd" and len(words) > 1 and random.random() < 0.3:
            start, count = random.randrange(100000), random.choice((10, 200, 3000))
            words = words[:2] + [b"%d" % number for number in range(start, start + count)]
        return words


class Geo(SortedSets):
    prefix = b"g"

    def value(self, random, argument, command):
        name = argument["name"]
        if random.random() < 0.03:
            return None
        if name == "longitude":
            return b"%.3f" % random.choice((random.uniform(-180, 180), random.uniform(10, 16)))
        if name == "latitude":
            return b"%.3f" % random.choice((random.uniform(-85, 85), random.uniform(35, 40)))
        if name in ("radius", "width", "height"):
            return random.choice((b"0", b"1", b"50", b"300.5", b"1000", b"5000", b"20000", b"1e6"))
        return super().value(random, argument, command)

    def request(self, random, name, words):
        if b"BYPOLYGON" in words and random.random() < 0.9:
            at = words.index(b"BYPOLYGON")
            end = at + 2
            while end < len(words) and words[end][:1] in b"-0123456789":
                end += 1
            size = random.choice((1, 5, 40))
            west, south = random.uniform(-160, 120), random.uniform(-80, 40)
            if size < 40:
                west, south = random.uniform(8, 14), random.uniform(34, 39)
            count = random.randrange(3, 7)
            words[at + 1:end] = [b"%d" % count] + [
                word for _ in range(count)
                for word in (b"%.3f" % (west + random.uniform(0, size)),
                             b"%.3f" % (south + random.uniform(0, size)))]
        return words


# Commands whose family is not that of their group.
OWN_FAMILIES = {"sort": Sorting(), "sort_ro": Sorting()}

FAMILIES = {
    "list": Lists(),
    "set": Sets(),
    "hash": Hashes(),
    "sorted-set": SortedSets(),
    "stream": Streams(),
    "hyperloglog": HyperLogLogs(),
    "geo": Geo(),
}


def family_of(name, group):
    return OWN_FAMILIES.get(name) or FAMILIES.get(group)


def pairs(reply):
    """Field and value as pairs, in whatever protocol they came."""
    if isinstance(reply, dict):
        return sorted(reply.items())
    return sorted(zip(reply[::2], reply[1::2]))


# How the contents of a type are read, and brought into an order.
CONTENTS = {
    "list": (lambda key: [b"LRANGE", key, b"0", b"-1"], lambda reply: reply),
    "set": (lambda key: [b"SMEMBERS", key], sorted),
    # A skiplist holds a zero below zero; the listpack that a small one is loaded as does not.
    "zset": (lambda key: [b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"],
             lambda reply: [b"0" if word == b"-0" else word for word in reply]),
    "hash": (lambda key: [b"HGETALL", key], pairs),
    "stream": (lambda key: [b"XRANGE", key, b"-", b"+"], lambda reply: reply),
}
# Where DUMP's payload stands in the order of a table, or holds times of its own, only the contents
# are compared.
UNORDERED = (b"hashtable",)
TIMED = ("stream",)
