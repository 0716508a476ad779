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


class Lists(Family):
    prefix = b"l"

    def value(self, random, argument, command):
        if argument["name"] in ("element", "pivot"):
            return random.choice(ELEMENTS)
        return None


class Sets(Family):
    prefix = b"s"

    def value(self, random, argument, command):
        if argument["name"] == "member":
            return random.choice(ELEMENTS)
        return None

    def run_of(self, random):
        """Many members at once, so that sets cross their limits: texts, or integers of a width."""
        start = random.choice((0, 100, 32700, 2147483600, -300))
        count = random.choice((3, 60, 126, 127, 128, 129, 300, 511, 512, 513))
        form = random.choice((b"%d", b"%d", b"m%d", b"a longer name of %d"))
        return [form % number for number in range(start, start + count)]

    def request(self, random, name, words):
        # All of them, or the two servers would keep different ones.
        if name == "spop" and len(words) > 1:
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
        # A set in a table has no order that both servers know.
        if words[1].startswith(b"s"):
            words = [b"*" if word == b"nosort" else word for word in words]
        return words if random.random() < 0.3 else words + [b"ALPHA"]


class Hashes(Family):
    prefix = b"h"

    def value(self, random, argument, command):
        if argument["name"] in ("field", "value") and argument["type"] == "string":
            return random.choice(ELEMENTS)
        return None


class SortedSets(Family):
    prefix = b"z"

    def value(self, random, argument, command):
        if argument["name"] == "member":
            return random.choice(ELEMENTS)
        return None


class Streams(Family):
    prefix = b"x"


class HyperLogLogs(Family):
    prefix = b"p"

    def value(self, random, argument, command):
        return random.choice(ELEMENTS) if argument["name"] == "element" else None


class Geo(SortedSets):
    prefix = b"g"


# Commands whose family is not that of their group.
OWN_FAMILIES = {"sort": Sorting(), "sort_ro": Sorting()}

FAMILIES = {
    "list": Lists(),
    "set": Sets(),
    "hash": Hashes(),
    "sorted_set": SortedSets(),
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
    "zset": (lambda key: [b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"], lambda reply: reply),
    "hash": (lambda key: [b"HGETALL", key], pairs),
    "stream": (lambda key: [b"XRANGE", key, b"-", b"+"], lambda reply: reply),
}
# Where DUMP's payload stands in the order of a table, or holds times of its own, only the contents
# are compared.
UNORDERED = (b"hashtable",)
TIMED = ("stream",)
