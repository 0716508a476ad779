"""The commands of strings, bits and keys beside Valkey's, systematically: every option with every
value at its boundaries, on keys of every kind. What is compared is the reply, byte for byte, and
what became of the keys.

Answers that need no peer stand in tests/data/commands; this here is too much to be written down."""
import itertools

import eirtest
from resp_client import encode

KEYS = ["s", "i", "t", "n"]  # a text, an integer, a text with an expiry, none
SETUP = [("SELECT", "0"), ("FLUSHALL",), ("SET", "s", "hello"), ("SET", "i", "10"),
         ("SET", "t", "world", "PX", "900000000"), ("SET", "f", "3.5"), ("SET", "e", ""),
         ("SET", "max", "9223372036854775807"), ("SET", "min", "-9223372036854775808")]
STATE_KEYS = ["s", "i", "t", "f", "e", "n", "max"]
STATE = [("SELECT", "0"), ("DBSIZE",)] + [
    (word, key) for key in STATE_KEYS for word in ("GET", "STRLEN", "PTTL")]

INTEGERS = ["0", "1", "-1", "5", "-5", "100", "9223372036854775807", "-9223372036854775808",
            "9223372036854775808", "-9223372036854775809", "2147483648", "4294967296", "x", "",
            " 1", "1 ", "01", "+1", "1.5", "-0", "0x10", "1e3", "99999999999999999999999"]
# Nothing that ends while the test runs.
TIMES = ["100000", "0", "-1", "9223372036854775807", "9223372036854775", "9223372036854776",
         "9223370000000000", "99999999999", "99999999999999", "x", "", "1.5",
         "4611686018427387904",
         "-9223372036854775808", "1000000000000000000"]
FLOATS = ["1", "-1", "0.1", "1e5", "1e-5", "inf", "-inf", "nan", "", "x", "1.7e308", "1e4932",
          "1e-4940", "0x1p-3", "3.0", "-3.5", "1e17", "123456789012345678901234567890",
          "0.00000000000000001", "infinity", "+5", " 5", "5 ", "1e", "--1"]
OPTIONS = ["EX", "PX", "EXAT", "PXAT", "NX", "XX", "KEEPTTL", "GET", "IFEQ", "PERSIST", "GT", "LT",
           "hello", "FOO", "100000", "nx"]
DUMPED = b"\x00\x01aP\x00p\xd4&\n\x11d\x1a@"
WAITS = {"0", "-1", "-5", "x", "", " 1", "1 ", "01", "+1", "1.5", "-9223372036854775808"}


def of_integers(key):
    for value in INTEGERS:
        for word in ("INCRBY", "DECRBY", "SET", "APPEND", "GETSET", "SETNX", "MOVE", "DELIFEQ",
                     "GETBIT", "BITPOS"):
            yield word, key, value
        yield "GETRANGE", key, value, "-1"
        yield "GETRANGE", key, "0", value
        yield "SUBSTR", key, value, value
        yield "SETRANGE", key, value, ""
        if value not in ("2147483648", "4294967296"):  # half a gigabyte proves nothing more
            yield "SETRANGE", key, value, "ab"
            yield "SETBIT", key, value, "1"
        yield "SETBIT", key, "1", value
        yield "BITCOUNT", key, value, "-1"
        yield "BITCOUNT", key, "0", value, "BIT"
        yield "BITPOS", key, "1", value
        yield "BITPOS", key, "0", "0", value, "BIT"
        yield "BITFIELD", key, "GET", "u8", value, "SET", "i5", "#2", value
        yield "COPY", key, "n", "DB", value
        yield "COPY", key, "s", "REPLACE", "DB", value
        yield "SET", key, "z", "IFEQ", value
        yield "MSETEX", value, key, "a"
        yield "MSETEX", value, key, "a", "n", "b", "NX"
        yield "LCS", key, "s", "IDX", "MINMATCHLEN", value
        yield "RESTORE", key, value, "x"
        yield "RESTORE", "n", "0", "x", "IDLETIME", value
        yield "RESTORE", "n", "0", "x", "FREQ", value


def of_integers_alone():
    for value in INTEGERS:
        yield "SELECT", value
        yield "SWAPDB", value, "0"
        yield "SWAPDB", "0", value
        yield "SCAN", value, "MATCH", "nothing"
        yield "SCAN", "0", "MATCH", "nothing", "COUNT", value
        yield "WAIT", "0", value
        yield "WAITAOF", "0", "0", value
        if value in WAITS:
            yield "WAIT", value, "1"
            yield "WAITAOF", value, "0", "1"
            yield "WAITAOF", "0", value, "1"


def of_times(key):
    for value in TIMES:
        for word in ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"):
            for options in ((), ("NX",), ("XX",), ("GT",), ("LT",), ("XX", "GT"), ("XX", "LT"),
                            ("nx",), ("gt", "gt"), ("NX", "NX"), ("FOO",)):
                yield (word, key, value) + options
        for word in ("SETEX", "PSETEX"):
            yield word, key, value, "v"
        for unit in ("EX", "PX", "EXAT", "PXAT"):
            yield "SET", key, "v", unit, value
            yield "SET", key, "v", unit, value, "GET"
            yield "SET", key, "v", unit, value, "NX"
            yield "SET", key, "v", unit, value, "XX", "GET"
            yield "SET", key, "v", "IFEQ", "hello", unit, value
            yield "GETEX", key, unit, value
            yield "GETEX", key, unit.lower(), value, "PERSIST"
            yield "MSETEX", "1", key, "v", unit, value
            yield "MSETEX", "2", key, "v", "n", "w", unit, value, "XX"
            yield "MSETEX", "2", "n", "v", "m", "w", "NX", unit, value
        yield "RESTORE", "n", value, "x", "ABSTTL"
        yield "RESTORE", "n", value, DUMPED
        yield "RESTORE", key, value, DUMPED, "ABSTTL", "REPLACE"


def of_options(key):
    for count in range(4 if key == "s" else 3):
        for options in itertools.product(OPTIONS, repeat=count):
            yield ("SET", key, "v") + options
            if count == 3:
                continue
            yield ("GETEX", key) + options
            yield ("MSETEX", "1", key, "v") + options
            yield ("EXPIRE", key, "100000") + options
            yield ("COPY", key, "i") + options


def of_pairs(key):
    for other in KEYS + ["e", "nn"]:
        for word in ("RENAME", "RENAMENX", "COPY", "LCS", "MGET", "EXISTS", "TOUCH", "DEL",
                     "UNLINK", "MSETNX", "GETSET"):
            yield word, key, other
        yield "COPY", key, other, "REPLACE"
        yield "COPY", key, other, "DB", "1"
        yield "MSETNX", key, "1", other, "2"
        yield "MSET", key, "1", other, "2", key, "3"
        yield "DEL", key, other, key
        yield "MSETEX", "2", key, "1", other, "2", "KEEPTTL"
        yield "BITOP", "AND", key, other, "s"
        yield "BITOP", "NOT", key, other
        yield "BITOP", "OR", key, other


def of_nothing(key):
    for word in ("GET", "GETDEL", "GETEX", "STRLEN", "PERSIST", "TYPE", "INCR", "DECR", "DUMP",
                 "EXISTS", "BITCOUNT"):
        yield from ((word, key), (word,), (word, key, "extra"), (word.lower(), key))
    for word in ("ENCODING", "REFCOUNT", "FREQ", "HELP", "FOO", ""):
        yield from (("OBJECT", word), ("OBJECT", word, key), ("OBJECT", word, key, "x"))
    for value in FLOATS:
        yield "INCRBYFLOAT", key, value


def cases_of(key):
    for source in (of_integers, of_times, of_options, of_pairs, of_nothing):
        yield from source(key)


class Asked:
    """A connection that sends many requests together and keeps replies as bytes."""

    def __init__(self, server, protocol):
        self.client = server.client(timeout=120, protocol=protocol)

    def replies(self, requests):
        self.client.send_bytes(b"".join(encode(*request) for request in requests))
        found = []
        for _ in requests:
            self.client.read_any()
            found.append(self.client.raw)
        return found


def same_state(request, ours, theirs):
    if request[0] != "PTTL":
        return ours == theirs
    mine, wanted = int(ours[1:]), int(theirs[1:])
    return mine == wanted if min(mine, wanted) < 0 else abs(mine - wanted) < 600000


BATCH = 40  # cases that are sent together


@eirtest.needs_peer
class SameCommands(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        self.servers = self.start_server(save=""), self.start_peer(save="")

    def compare_case(self, case, ours, theirs):
        at = len(SETUP)
        self.assertEqual(ours[at], theirs[at], case)
        for request, mine, wanted in zip(STATE, ours[at + 1:], theirs[at + 1:]):
            self.assertTrue(same_state(request, mine, wanted), (case, request, mine, wanted))

    def compare(self, cases, protocol):
        connections = [Asked(server, protocol) for server in self.servers]
        cases = list(cases)
        size = len(SETUP) + 1 + len(STATE)
        for start in range(0, len(cases), BATCH):
            batch = cases[start:start + BATCH]
            requests = [request for case in batch for request in SETUP + [case] + STATE]
            ours, theirs = (connection.replies(requests) for connection in connections)
            for number, case in enumerate(batch):
                part = slice(number * size, (number + 1) * size)
                with self.subTest(case=case, protocol=protocol):
                    self.compare_case(case, ours[part], theirs[part])

    def test_a_text(self):
        self.compare(cases_of("s"), 2)

    def test_an_integer(self):
        self.compare(cases_of("i"), 2)

    def test_a_key_with_an_expiry(self):
        self.compare(cases_of("t"), 2)

    def test_no_key(self):
        self.compare(cases_of("n"), 2)

    def test_whole_databases(self):
        for protocol in (2, 3):
            self.compare(of_integers_alone(), protocol)

    def test_the_same_in_resp3(self):
        for key in ("i", "n"):
            self.compare(of_integers(key), 3)
            self.compare(of_pairs(key), 3)
            self.compare(of_nothing(key), 3)


if __name__ == "__main__":
    eirtest.main()
