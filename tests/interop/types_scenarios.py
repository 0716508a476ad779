"""What is asked of collections at their boundaries, for comparing two servers line by line.

SCENARIOS is {name: requests}, a request a line; between double quotes stand escapes. Nothing
in them depends on chance, or on how fast they are asked."""
import itertools

ENCODING = "OBJECT ENCODING "


def settings(*pairs):
    return ["CONFIG SET %s %s" % pair for pair in pairs]


# --- encodings ---

def encodings_of_lists():
    for limit in "-1", "-2", "3", "1", "0", "128":
        yield from settings(("list-max-listpack-size", limit))
        steps = ["RPUSH l a b c", "RPUSH l d", "LPOP l", "LPOP l", "RPUSH l " + "y" * 4000,
                 "RPUSH l " + "y" * 4050, "LINSERT l AFTER d " + "z" * 200,
                 "LSET l 0 " + "x" * 9000, "DEBUG RELOAD", "LSET l 0 s", "LTRIM l 0 0",
                 "RPUSH l " + " ".join("v%d" % number for number in range(130)), "LPOP l 60",
                 "RPOP l 50", "LREM l 0 v75", "LTRIM l 0 3", "COPY l l2 REPLACE",
                 "SORT l BY nosort STORE l"]
        yield "DEL l"
        for step in steps:
            yield from (step, ENCODING + "l")
    yield from settings(("list-max-listpack-size", "-2"))
    for size in [*range(4070, 4100, 3), *range(8160, 8200, 3)]:
        yield from ("DEL l", "RPUSH l a " + "w" * size, ENCODING + "l", "RPOP l", ENCODING + "l",
                    "LSET l 0 " + "w" * size, ENCODING + "l", "DEL l", "RPUSH l a",
                    "LINSERT l BEFORE a " + "w" * size, ENCODING + "l", "LREM l 1 a",
                    ENCODING + "l")


def long_elements():
    numbers = " ".join("%sabc" % number * 5 for number in range(50))
    for depth, limit in itertools.product("012", ("2", "-1", "-2")):
        yield from settings(("list-compress-depth", depth), ("list-max-listpack-size", limit))
        yield from ("DEL l", "RPUSH l " + numbers, "RPUSH l " + "P" * 20000, "RPUSH l " + numbers,
                    "LSET l 50 small", "LSET l 20 " + "R" * 30000,
                    "LINSERT l BEFORE small " + "Q" * 40000, "LINSERT l AFTER small " + "S" * 40000,
                    "LREM l 1 " + "R" * 30000, "LTRIM l 40 60", "LMOVE l m RIGHT LEFT",
                    "LREM l -1 " + "Q" * 40000, "DEBUG RELOAD", "LRANGE l 0 -1", ENCODING + "l",
                    "LMOVE l l LEFT RIGHT", "LTRIM l 1 1", "LSET l 0 tiny", ENCODING + "l",
                    "LRANGE l 0 -1")
    yield from settings(("list-compress-depth", "0"), ("list-max-listpack-size", "-2"))


def encodings_of_sets():
    sets = ["i1 1 2 3", "i2 2 3 4", "p1 1 2 3 x", "p2 2 3 a", "h1 1 2 3 " + "x" * 70,
            "h2 2 3 b " + "x" * 70, "ib 550 551", "m 2 m5 m6",
            "big " + " ".join(str(number) for number in range(600)),
            "texts " + " ".join("m%d" % number for number in range(150))]
    yield from ("SADD " + line for line in sets)
    yield from ("SREM p1 x", "SREM h1 " + "x" * 70)
    names = [line.split()[0] for line in sets] + ["none"]
    for word in "SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE":
        for one, other in itertools.product(names, names):
            yield from ("%s d %s %s" % (word, one, other), ENCODING + "d", "DEL d")


def edges_of_sets():
    yield from settings(("set-max-intset-entries", 4), ("set-max-listpack-entries", 6),
                        ("set-max-listpack-value", 8))
    for added in ("1 2 3", "1 2 3 4", "1 2 3 4 5", "1 2 3 4 5 6 7", "1 a", "a b c d e f",
                  "a b c d e f g", "1 " + "a" * 8, "1 " + "a" * 9, "1 2 a 3 4 5", "01", "-0", "+1"):
        yield from ("SADD s " + added, ENCODING + "s", "SADD s 9", ENCODING + "s", "SADD s z",
                    ENCODING + "s", "SREM s z 9", ENCODING + "s", "DEBUG RELOAD", ENCODING + "s",
                    "COPY s c", ENCODING + "c", "DEL s c")
    yield from settings(("set-max-intset-entries", 512), ("set-max-listpack-entries", 128),
                        ("set-max-listpack-value", 64))


def edges_of_hashes_and_sorted_sets():
    yield from settings(("hash-max-listpack-entries", 3), ("hash-max-listpack-value", 5),
                        ("zset-max-listpack-entries", 3), ("zset-max-listpack-value", 5))
    for step in ("HSET k a 1 b 2 c 3", "HSET k a 12345", "HSET k a 123456",
                 "HSET k a 1 b 2 c 3 d 4",
                 "HINCRBY k a 999999", "HSETNX k abcdef 1", "HINCRBYFLOAT k a 1.00001",
                 "HSETEX k EX 100 FIELDS 1 a 1", "HSET k a 1 a 2 a 3 a 4", "ZADD k 1 a 2 b 3 c",
                 "ZADD k 1 a 2 b 3 c 4 d", "ZADD k 1 abcde", "ZADD k 1 abcdef",
                 "ZADD k 1 a 2 a 3 a 4 a", "ZINCRBY k 1 abcdef",
                 "GEOADD k 1 1 a 2 2 b 3 3 c 4 4 d"):
        word = step[0]
        yield from (step, ENCODING + "k", "HSET k z 1" if word == "H" else "ZADD k 9 z",
                    ENCODING + "k", "HDEL k z d" if word == "H" else "ZREM k z d", ENCODING + "k",
                    "DEBUG RELOAD", ENCODING + "k", "COPY k c", ENCODING + "c",
                    "ZRANGESTORE d k 0 1", ENCODING + "d", "ZUNIONSTORE d 1 k", ENCODING + "d",
                    "DEL k c d")
    yield from settings(("hash-max-listpack-entries", 512), ("hash-max-listpack-value", 64),
                        ("zset-max-listpack-entries", 128), ("zset-max-listpack-value", 64))


# --- sorted sets ---

SCORES = ["0", "-0", "1", "0.1", "0.30000000000000004", "3.14159265358979", "1e5", "1e16", "1e17",
          "1e21", "123456789012345678", "9007199254740993", "1e-4", "1e-5", "1e-7", "5e-324",
          "1.7976931348623157e308", "inf", "-inf", "-1.5", "2.675", "9223372036854775807",
          "-9223372036854775809", "18446744073709551615", "99999999999999999"]


def texts_of_scores():
    for entries in "128", "0":
        yield from settings(("zset-max-listpack-entries", entries))
        for score in SCORES:
            yield from ("ZADD one %s x" % score, "ZSCORE one x", "ZRANGE one 0 -1 WITHSCORES",
                        "ZSCAN one 0", "ZMSCORE one x y", "ZRANK one x WITHSCORE", "ZPOPMIN one",
                        "ZADD one INCR %s x" % score, "ZINCRBY one 1.1 x",
                        "ZRANGEBYSCORE one %s %s WITHSCORES" % (score, score), "DEL one")
    yield from settings(("zset-max-listpack-entries", 128))


def products_that_are_no_number():
    yield from ("ZADD a inf i", "ZADD b 5 i 1 o", "ZADD c -inf i 1 o 2 p", "SADD s i x y z")
    for word in "ZUNION", "ZINTER":
        for keys in "1 a", "2 a b", "2 b a", "2 a c", "2 c a", "3 a b c", "2 a a", "2 c s":
            for weights in itertools.product(("0", "1", "inf", "-inf"), repeat=int(keys[0])):
                for how in "SUM", "MIN", "MAX":
                    yield "%s %s WEIGHTS %s AGGREGATE %s WITHSCORES" % (word, keys,
                                                                        " ".join(weights), how)


# --- streams ---

LOOKS = ["XINFO GROUPS s", "XLEN s", "XRANGE s - + COUNT 1"]


def progress_of_groups():
    """Lag and entries-read when holes are made before, at and behind where a group stands."""
    for made in (["XDEL s 3-0", "XGROUP CREATE s g 0"],
                 ["XGROUP CREATE s g 0", "XREADGROUP GROUP g c COUNT 1 STREAMS s >", "XDEL s 3-0"],
                 ["XGROUP CREATE s g 2-0", "XDEL s 1-0"],
                 ["XGROUP CREATE s g 5-0", "XDEL s 5-0"],
                 ["XGROUP CREATE s g 2-0", "XTRIM s MINID 3-0"],
                 ["XGROUP CREATE s g 1-0 ENTRIESREAD 1", "XDEL s 1-0 2-0"]):
        yield from ("XADD s %d-0 f v" % number for number in range(1, 6))
        for step in made + ["XREADGROUP GROUP g c COUNT 1 STREAMS s >"] * 3 + [
                "XADD s 10-0 a b", "XTRIM s MAXLEN 1", "XDEL s 10-0", "XADD s 11-0 a b",
                "XREADGROUP GROUP g c STREAMS s >", "XGROUP SETID s g 2-0",
                "XREADGROUP GROUP g c COUNT 1 STREAMS s >", "DEBUG RELOAD",
                "XSETID s 20-0 ENTRIESADDED 40 MAXDELETEDID 12-0", "XADD s 21-0 a b"]:
            yield from [step] + LOOKS
        yield "DEL s"


def trims():
    yield from settings(("stream-node-max-entries", 10))
    yield from ("XADD s %d-0 a %d" % (number, number) for number in range(1, 46))
    for step in ("MAXLEN ~ 40", "MAXLEN ~ 30", "MAXLEN ~ 22 LIMIT 5", "MAXLEN ~ 5 LIMIT 10",
                 "MAXLEN ~ 0 LIMIT 11", "MINID ~ 33", "MINID 33-0", "MINID ~ 999 LIMIT 3",
                 "MINID ~ 999 LIMIT 10", "MAXLEN = 1 LIMIT 1", "MAXLEN -1", "MINID x"):
        yield from ("XTRIM s " + step, "XINFO STREAM s")
    for number in range(50, 75):
        yield from ("XADD s MAXLEN ~ 5 LIMIT 10 %d-0 a b" % number, "XLEN s")
    yield from settings(("stream-node-max-entries", 100))


def errors_of_streams():
    yield from ("XADD s 1-1 a b", "XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >")
    for line in ("XACK nokey g 1-0", "XCLAIM nokey g c 0 1-0", "XAUTOCLAIM nokey g c 0 0",
                 "XPENDING nokey g", "XGROUP SETID s g 0 FOO 1", "XGROUP setid s g 0 FOO 1",
                 "XGROUP CREATE s q 0 MKSTREAM FOO", "XGROUP CREATE s q 0 ENTRIESREAD",
                 "XINFO STREAM s FULL COUNT", "XINFO stream s FOO", "XINFO Stream s FULL COUNT 1 2",
                 "XCLAIM s g c 0 1-1 TIME -9223372036854775808 JUSTID",
                 "XCLAIM s g d 100 1-1 IDLE 9223372036854775807 JUSTID",
                 "XACK str g 1-0", "XACK s nog 1-0"):
        yield from (line, "EXISTS s")


# --- hashes with times ---

def times_of_fields():
    for word, times in (("HPEXPIRE", ("1000000", "0", "-5", "x", "9223372036854775807")),
                        ("HEXPIREAT", ("4000000000", "0", "1", "x", "9223372036854776")),
                        ("HPEXPIREAT", ("4000000000000", "1", "-1"))):
        for time, condition in itertools.product(times, ("", "NX", "XX", "GT", "LT")):
            yield from ("HSET h a 1 b 2 c 3", "HPEXPIREAT h 3900000000000 FIELDS 1 b",
                        "%s h %s %s FIELDS 3 a b none" % (word, time, condition),
                        "%s h %s %s FIELDS 1 a" % (word, time, condition), "HGETALL h", "DEL h")


def sets_with_times():
    for options in ("", "FNX", "FXX", "NX", "XX", "KEEPTTL", "PXAT 4000000000000", "EX 0", "PX 0",
                    "EXAT 1", "PXAT 1", "EX -1", "EX x", "EX 10 PX 10", "FXX PXAT 1", "FNX EX"):
        yield from ("HSETEX h %s FIELDS 2 a 1 b 2" % options, "HGETALL h", "DEL h", "HSET h a 0",
                    "HPEXPIREAT h 4000000000000 FIELDS 1 a",
                    "HSETEX h %s FIELDS 2 a 1 b 2" % options, "HPEXPIRETIME h FIELDS 2 a b",
                    "HSETEX h %s FIELDS 1 z 5" % options, "HGETALL h", "DEL h")
    for options in "", "PXAT 4000000000000", "PERSIST", "EX 0", "PXAT 1", "EX x", "EX 10 PERSIST":
        yield from ("HSET h a 1 b 2", "HPEXPIREAT h 3900000000000 FIELDS 1 a",
                    "HGETEX h %s FIELDS 3 a b z" % options, "HPEXPIRETIME h FIELDS 2 a b",
                    "HGETEX h %s FIELDS 1 z" % options, "HGETALL h", "DEL h",
                    "HGETEX h %s FIELDS 2 a b" % options)


def writes_beside_times():
    """A hash with a field that ends is edited by what came of a command, not by the command."""
    for setup in (["HSET h a 1 b 2"], ["HSET h a 1 b 2", "HPEXPIREAT h 4000000000000 FIELDS 1 b"],
                  ["HSET h b 2", "HPEXPIREAT h 4000000000000 FIELDS 1 b"],
                  ["HSET h a 1 b 2", "HEXPIRE h 100 FIELDS 1 b", "HPERSIST h FIELDS 1 b"]):
        for line in ("HINCRBY h a 1", "HINCRBY h z 1", "HINCRBY h b 1", "HINCRBYFLOAT h a 1",
                     "HSETNX h a 1", "HSETNX h z 1", "HSET h a 5 z 4", "HDEL h a",
                     "HGETDEL h FIELDS 2 a z", "HSETEX h KEEPTTL FIELDS 1 a 1",
                     "HGETEX h PERSIST FIELDS 2 a b", "HPERSIST h FIELDS 2 a b"):
            yield from setup + [line, "HGETALL h", "DEL h"]


def counts_of_what_has_ended():
    yield from ("DEBUG SET-ACTIVE-EXPIRE 0", "HSET h a 1 b 2 c 3", "HPEXPIREAT h 1 FIELDS 1 c",
                "HLEN h", "HSETEX h PX 1 FIELDS 1 a 1", "DEBUG SLEEP 0.01", "HGETALL h", "HLEN h",
                "EXISTS h", "HRANDFIELD h 5", "HSCAN h 0", "HMGET h a b", "HLEN h",
                "DEL h", "DEBUG SET-ACTIVE-EXPIRE 1")


SCENARIOS = {make.__name__: list(make()) for make in (
    encodings_of_lists, long_elements, encodings_of_sets, edges_of_sets,
    edges_of_hashes_and_sorted_sets, texts_of_scores, products_that_are_no_number,
    progress_of_groups, trims, errors_of_streams, times_of_fields, sets_with_times,
    writes_beside_times, counts_of_what_has_ended)}
