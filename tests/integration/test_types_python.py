"""A tour of all types with python3-redis: every family of commands, alone and in a cluster."""
import logging
import threading
import unittest

import eirtest

try:
    import redis
    import redis.cluster
except ImportError:
    redis = None


logging.getLogger("redis").addHandler(logging.NullHandler())  # it reports each refusal


@unittest.skipUnless(redis, "skipped: python3-redis is not installed")
class Tour:
    """One stop a type. Keys share a hash tag, so that commands on several keys find them together;
    tags differ between the stops, so that a cluster serves the tour with all its nodes."""

    def key(self, name):
        return "{%s}%s" % (self.id(), name)

    def keys(self, *names):
        return [self.key(name) for name in names]

    def test_strings(self):
        client, key, other = self.client, self.key("s"), self.key("t")
        self.assertTrue(client.set(key, "hello", ex=100))
        self.assertTrue(95 < client.ttl(key) <= 100)
        self.assertIsNone(client.set(key, "x", nx=True))
        self.assertEqual(client.append(key, " world"), 11)
        self.assertEqual(client.getrange(key, 0, 4), "hello")
        self.assertEqual(client.strlen(key), 11)
        self.assertEqual(client.setrange(key, 6, "World"), 11)
        self.assertEqual(client.getset(key, "1"), "hello World")
        self.assertEqual(client.incr(key, 5), 6)
        self.assertEqual(client.incrbyfloat(key, 0.5), 6.5)
        self.assertEqual(client.getdel(key), "6.5")
        self.assertTrue(client.mset({key: "a", other: "b"}))
        self.assertEqual(client.mget(key, other, self.key("none")), ["a", "b", None])
        self.assertEqual(client.setbit(key, 7, 0), 1)
        self.assertEqual(client.bitcount(key), 2)
        self.assertEqual(client.bitop("XOR", self.key("x"), key, other), 1)
        self.assertEqual(client.getex(other, persist=True), "b")

    def test_lists(self):
        client, key, other = self.client, self.key("l"), self.key("m")
        self.assertEqual(client.rpush(key, "a", "b", "c"), 3)
        self.assertEqual(client.lpush(key, "z"), 4)
        self.assertEqual(client.lrange(key, 0, -1), ["z", "a", "b", "c"])
        self.assertEqual(client.linsert(key, "BEFORE", "b", "x"), 5)
        self.assertEqual(client.lindex(key, 2), "x")
        self.assertTrue(client.lset(key, 2, "y"))
        self.assertEqual(client.lrem(key, 0, "y"), 1)
        self.assertEqual(client.lpos(key, "c"), 3)
        self.assertEqual(client.lpop(key), "z")
        self.assertEqual(client.rpop(key, 2), ["c", "b"])
        self.assertEqual(client.rpush(key, "1", "2", "3"), 4)
        self.assertTrue(client.ltrim(key, 1, -1))
        self.assertEqual(client.lmove(key, other, "LEFT", "RIGHT"), "1")
        self.assertEqual(client.rpoplpush(key, other), "3")
        self.assertEqual(client.lmpop(2, self.key("none"), other, direction="LEFT", count=5),
                         [other, ["3", "1"]])
        self.assertEqual(client.llen(key), 1)
        self.assertEqual(client.rpushx(self.key("none"), "a"), 0)

    def test_lists_of_many_elements(self):
        client, key = self.client, self.key("many")
        elements = ["element %d" % number for number in range(5000)]
        for start in range(0, 5000, 500):
            client.rpush(key, *elements[start:start + 500])
        self.assertEqual(client.llen(key), 5000)
        self.assertEqual(client.lrange(key, 2490, 2509), elements[2490:2510])
        self.assertEqual(client.lindex(key, -1), elements[-1])
        self.assertEqual(client.object("ENCODING", key), "quicklist")
        self.assertTrue(client.ltrim(key, 100, 109))
        self.assertEqual(client.lrange(key, 0, -1), elements[100:110])

    def test_blocking(self):
        client, key = self.client, self.key("b")
        waiting = [("blpop", lambda one: one.blpop([key], timeout=30), (key, "one")),
                   ("brpop", lambda one: one.brpop([key], timeout=30), (key, "one")),
                   ("bzpopmin", lambda one: one.bzpopmin([key], timeout=30), (key, "one", 1.0))]
        for name, wait, expected in waiting:
            found = []
            helper = threading.Thread(target=lambda w=wait: found.append(w(self.connect())))
            helper.start()
            eirtest.wait_until(self.somebody_waits, 30)
            if name == "bzpopmin":
                client.zadd(key, {"one": 1})
            else:
                client.rpush(key, "one")
            helper.join(60)
            self.assertEqual(found, [expected], name)
        self.assertIsNone(client.blpop([key], timeout=0.01))
        self.assertIsNone(client.blmove(key, key, 0.01, "LEFT", "RIGHT"))

    def test_hashes(self):
        client, key = self.client, self.key("h")
        self.assertEqual(client.hset(key, mapping={"a": 1, "b": "two"}), 2)
        self.assertEqual(client.hsetnx(key, "a", 5), 0)
        self.assertEqual(client.hget(key, "b"), "two")
        self.assertEqual(client.hmget(key, "a", "none"), ["1", None])
        self.assertEqual(client.hgetall(key), {"a": "1", "b": "two"})
        self.assertEqual(client.hincrby(key, "a", 4), 5)
        self.assertEqual(client.hincrbyfloat(key, "a", 0.25), 5.25)
        self.assertTrue(client.hexists(key, "a"))
        self.assertEqual(client.hstrlen(key, "b"), 3)
        self.assertEqual(client.hdel(key, "b", "none"), 1)
        self.assertEqual((client.hkeys(key), client.hvals(key)), (["a"], ["5.25"]))
        self.assertEqual(client.hrandfield(key), "a")
        fields = {"field %d" % number: "value %d" % number for number in range(2000)}
        client.hset(key, mapping=fields)
        self.assertEqual(client.object("ENCODING", key), "hashtable")
        self.assertEqual(client.hlen(key), 2001)
        self.assertEqual(dict(client.hscan_iter(key, match="field*")), fields)

    def test_fields_that_end(self):
        client, key = self.client, self.key("f")
        client.hset(key, mapping={"a": 1, "b": 2, "c": 3})
        call = client.execute_command
        self.assertEqual(call("HEXPIRE", key, 100, "FIELDS", 2, "a", "none"), [1, -2])
        self.assertEqual(call("HPERSIST", key, "FIELDS", 1, "b"), [-1])
        self.assertTrue(90 < call("HTTL", key, "FIELDS", 1, "a")[0] <= 100)
        self.assertEqual(call("HPEXPIRE", key, 1, "FIELDS", 1, "b"), [1])
        eirtest.wait_until(lambda: client.hexists(key, "b") is False, 20)
        self.assertEqual(call("HSETEX", key, "EX", 50, "FIELDS", 1, "d", 4), 1)
        self.assertEqual(call("HGETEX", key, "PERSIST", "FIELDS", 1, "d"), ["4"])
        self.assertEqual(call("HGETDEL", key, "FIELDS", 2, "c", "none"), ["3", None])
        self.assertEqual(sorted(client.hkeys(key)), ["a", "d"])

    def test_sets(self):
        client, a, b, c = self.client, *self.keys("a", "b", "c")
        self.assertEqual(client.sadd(a, 1, 2, 3, 4), 4)
        self.assertEqual(client.sadd(b, 3, 4, 5), 3)
        self.assertEqual(client.object("ENCODING", a), "intset")
        self.assertTrue(client.sismember(a, 1))
        self.assertEqual(client.smismember(a, 1, 9), [1, 0])
        self.assertEqual(client.sinter(a, b), {"3", "4"})
        self.assertEqual(client.sintercard(2, [a, b], limit=1), 1)
        self.assertEqual(client.sunion(a, b), {"1", "2", "3", "4", "5"})
        self.assertEqual(client.sdiff(a, b), {"1", "2"})
        self.assertEqual(client.sinterstore(c, a, b), 2)
        self.assertEqual(client.sunionstore(c, a, b), 5)
        self.assertEqual(client.sdiffstore(c, a, b), 2)
        self.assertTrue(client.smove(c, b, "1"))
        self.assertEqual(client.scard(c), 1)
        self.assertEqual(client.srem(c, "2", "none"), 1)
        self.assertEqual(client.exists(c), 0)
        members = {"member %d" % number for number in range(3000)}
        client.sadd(c, *members)
        self.assertEqual(client.smembers(c), members)
        self.assertEqual(set(client.sscan_iter(c, count=100)), members)
        self.assertEqual(len(set(client.srandmember(c, 50))), 50)
        self.assertEqual(len(client.srandmember(c, -50)), 50)
        popped = set(client.spop(c, 1000))
        self.assertEqual(len(popped), 1000)
        self.assertEqual(client.smembers(c), members - popped)

    def test_sorted_sets(self):
        client, key, other, third = self.client, *self.keys("z", "y", "x")
        self.assertEqual(client.zadd(key, {"a": 1, "b": 2, "c": 3}), 3)
        self.assertEqual(client.zadd(key, {"a": 5}, gt=True, ch=True), 1)
        self.assertEqual(client.zscore(key, "a"), 5.0)
        self.assertEqual(client.zincrby(key, 0.5, "b"), 2.5)
        self.assertEqual(client.zrange(key, 0, -1, withscores=True),
                         [("b", 2.5), ("c", 3.0), ("a", 5.0)])
        self.assertEqual(client.zrange(key, "(2.5", "+inf", byscore=True, offset=0, num=1), ["c"])
        self.assertEqual(client.zrevrange(key, 0, 0), ["a"])
        self.assertEqual(client.zrangebyscore(key, 3, 5), ["c", "a"])
        self.assertEqual((client.zrank(key, "a"), client.zrevrank(key, "a")), (2, 0))
        self.assertEqual(client.zcount(key, 3, 5), 2)
        self.assertEqual(client.zmscore(key, ["a", "none"]), [5.0, None])
        self.assertEqual(client.zadd(other, {"a": 1, "d": 1}), 2)
        self.assertEqual(client.zunion([key, other], withscores=True),
                         [("d", 1.0), ("b", 2.5), ("c", 3.0), ("a", 6.0)])
        self.assertEqual(client.zinter([key, other], aggregate="MIN"), ["a"])
        self.assertEqual(client.zdiff([key, other]), ["b", "c"])
        self.assertEqual(client.zunionstore(third, [key, other]), 4)
        self.assertEqual(client.zinterstore(third, [key, other]), 1)
        self.assertEqual(client.zrangestore(third, key, 0, 1), 2)
        self.assertEqual(client.zpopmin(key), [("b", 2.5)])
        self.assertEqual(client.zpopmax(key, 2), [("a", 5.0), ("c", 3.0)])
        client.zadd(key, {name: 0 for name in "abcdef"})
        self.assertEqual(client.zrangebylex(key, "[b", "(e"), ["b", "c", "d"])
        self.assertEqual(client.zlexcount(key, "-", "+"), 6)
        self.assertEqual(client.zremrangebylex(key, "-", "(c"), 2)
        self.assertEqual(client.zremrangebyrank(key, 0, 0), 1)
        self.assertEqual(client.zremrangebyscore(key, 0, 0), 3)
        members = {"member %d" % number: float(number) for number in range(2000)}
        client.zadd(key, members)
        self.assertEqual(client.object("ENCODING", key), "skiplist")
        self.assertEqual(client.zrank(key, "member 1234"), 1234)
        self.assertEqual(dict(client.zscan_iter(key)), members)

    def test_streams(self):
        client, key = self.client, self.key("stream")
        ids = [client.xadd(key, {"n": number}, id="%d-1" % number) for number in range(1, 301)]
        self.assertEqual(client.xlen(key), 300)
        self.assertEqual(client.xrange(key, "2", "3"), [("2-1", {"n": "2"}), ("3-1", {"n": "3"})])
        self.assertEqual(client.xrevrange(key, count=1), [("300-1", {"n": "300"})])
        self.assertEqual(client.xdel(key, "2-1"), 1)
        self.assertEqual(client.xtrim(key, maxlen=100, approximate=False), 199)
        self.assertEqual(client.xread({key: "299-1"}), [[key, [("300-1", {"n": "300"})]]])
        self.assertTrue(client.xgroup_create(key, "group", id="0"))
        read = client.xreadgroup("group", "one", {key: ">"}, count=10)
        self.assertEqual([entry for entry, _ in read[0][1]], ids[200:210])
        self.assertEqual(client.xack(key, "group", *ids[200:205]), 5)
        self.assertEqual(client.xpending(key, "group")["pending"], 5)
        claimed = client.xclaim(key, "group", "two", 0, [ids[205]])
        self.assertEqual(claimed, [(ids[205], {"n": "206"})])
        pending = client.xpending_range(key, "group", "-", "+", 10, consumername="two")
        self.assertEqual([entry["message_id"] for entry in pending], [ids[205]])
        self.assertEqual(client.xinfo_stream(key)["length"], 100)
        self.assertEqual(client.xinfo_groups(key)[0]["consumers"], 2)
        self.assertEqual(client.xgroup_delconsumer(key, "group", "one"), 4)
        self.assertEqual(client.xgroup_destroy(key, "group"), 1)

    def test_hyperloglogs(self):
        client, key, other = self.client, self.key("p"), self.key("q")
        for start in range(0, 10000, 1000):
            client.pfadd(key, *range(start, start + 1000))
        self.assertTrue(9700 < client.pfcount(key) < 10300)
        client.pfadd(other, *range(9000, 11000))
        self.assertTrue(client.pfmerge(self.key("both"), key, other))
        self.assertTrue(10600 < client.pfcount(self.key("both")) < 11400)

    def test_geo(self):
        client, key = self.client, self.key("g")
        places = (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")
        self.assertEqual(client.geoadd(key, places), 2)
        self.assertAlmostEqual(client.geodist(key, "Palermo", "Catania", unit="km"), 166.2742, 3)
        self.assertEqual(client.geohash(key, "Palermo"), ["sqc8b49rny0"])
        self.assertAlmostEqual(client.geopos(key, "Palermo")[0][0], 13.361389, 4)
        self.assertEqual(client.geosearch(key, longitude=15, latitude=37, radius=200, unit="km",
                                          sort="ASC"), ["Catania", "Palermo"])
        self.assertEqual(client.geosearchstore(self.key("near"), key, longitude=15, latitude=37,
                                               width=200, height=150, unit="km"), 1)

    def test_sorting(self):
        client, key = self.client, self.key("sort")
        client.rpush(key, 3, 1, 2)
        for number, weight in ((1, 30), (2, 10), (3, 20)):
            client.set(self.key("weight_%d" % number), weight)
            client.hset(self.key("data_%d" % number), "name", "name %d" % number)
        self.assertEqual(client.sort(key), ["1", "2", "3"])
        self.assertEqual(client.sort(key, desc=True, start=0, num=2), ["3", "2"])
        by, get = self.key("weight_*"), self.key("data_*->name")
        self.assertEqual(client.sort(key, by=by), ["2", "3", "1"])
        self.assertEqual(client.sort(key, by=by, get=["#", get], groups=True),
                         [("2", "name 2"), ("3", "name 3"), ("1", "name 1")])
        self.assertEqual(client.sort(key, store=self.key("sorted")), 3)
        self.assertEqual(client.lrange(self.key("sorted"), 0, -1), ["1", "2", "3"])

    def test_keys_of_every_type(self):
        client = self.client
        makers = {"string": lambda key: client.set(key, "v"),
                  "list": lambda key: client.rpush(key, 1),
                  "set": lambda key: client.sadd(key, 1),
                  "hash": lambda key: client.hset(key, "f", 1),
                  "zset": lambda key: client.zadd(key, {"m": 1}),
                  "stream": lambda key: client.xadd(key, {"f": 1}, id="1-1")}
        for name, make in makers.items():
            key, copy, restored = self.keys(name, name + " copy", name + " restored")
            make(key)
            self.assertEqual(client.type(key), name)
            self.assertTrue(client.copy(key, copy))
            payload = self.binary.dump(key)
            self.assertTrue(client.restore(restored, 0, payload))
            self.assertEqual(self.binary.dump(restored), payload)
            self.assertTrue(client.rename(copy, key))
            self.assertGreater(client.memory_usage(key), 0)
            self.assertTrue(client.expire(key, 100))
            self.assertTrue(client.persist(key))
            with self.assertRaises(redis.ResponseError):
                client.execute_command("GETRANGE" if name != "string" else "LLEN", key,
                                       *((0, 1) if name != "string" else ()))
            self.assertEqual(client.unlink(key), 1)

    def test_transactions(self):
        client, key, other = self.client, self.key("n"), self.key("l")
        with client.pipeline() as pipeline:
            pipeline.sadd(key, 1).rpush(other, "a").scard(key)
            self.assertEqual(pipeline.execute(), [1, 1, 1])


class Alone(Tour, eirtest.TestCase):
    def connect(self):
        client = redis.Redis(port=self.server.port, decode_responses=True, socket_timeout=120)
        self.addCleanup(client.close)
        return client

    def somebody_waits(self):
        return self.client.info("clients")["blocked_clients"] == 1

    def setUp(self):
        super().setUp()
        self.server = self.start_server()
        self.client = self.connect()
        self.binary = redis.Redis(port=self.server.port, socket_timeout=120)
        self.addCleanup(self.binary.close)


class Clustered(Tour, eirtest.TestCase):
    def connect(self, decodes=True):
        client = redis.cluster.RedisCluster(host="127.0.0.1", port=self.cluster.nodes[0].port,
                                            decode_responses=decodes, socket_timeout=120)
        self.addCleanup(client.close)
        return client

    def somebody_waits(self):
        infos = self.client.info("clients", target_nodes=redis.cluster.RedisCluster.PRIMARIES)
        return sum(info["blocked_clients"] for info in infos.values()) == 1

    def setUp(self):
        super().setUp()
        self.cluster = self.start_cluster(replicas=0)
        self.client = self.connect()
        self.binary = self.connect(decodes=False)


if __name__ == "__main__":
    eirtest.main()
