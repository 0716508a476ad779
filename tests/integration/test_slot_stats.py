"""CLUSTER SLOT-STATS: what each slot costs, with the figures that Valkey gives in the same case."""
import eirtest
from eirtest import key_in_slot, wait_until
from resp_client import encode

NAMES = (b"key-count", b"cpu-usec", b"network-bytes-in", b"network-bytes-out")


class Stats:
    """The cases; the classes below say of which server."""
    program = None

    def setUp(self):
        super().setUp()
        self.server = self.start()
        self.server.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        self.client = self.server.client()
        self.addCleanup(self.client.close)
        self.key = key_in_slot(0)
        wait_until(lambda: self.server.client().cluster_info()["cluster_state"] == "ok")
        self.client.call("CONFIG", "RESETSTAT")

    def start(self, **options):
        return self.start_server(program=self.program, cluster_enabled="yes",
                                 cluster_slot_stats_enabled="yes", repl_diskless_sync_delay=0,
                                 **options)

    def stat(self, server=None, slot=0):
        (found, flat), = (server or self.server).call("CLUSTER", "SLOT-STATS", "SLOTSRANGE", slot,
                                                      slot)
        self.assertEqual(found, slot)
        self.assertEqual(tuple(flat[::2]), NAMES)
        return flat[1::2]

    def check(self, request, bytes_in, bytes_out):
        """What a request adds to its slot."""
        before = self.stat()
        self.client.send_bytes(request)
        self.client.read()
        _, ticks, more_in, more_out = [now - then for now, then in zip(self.stat(), before)]
        self.assertEqual((more_in, more_out), (bytes_in, bytes_out), request)
        self.assertGreaterEqual(ticks, 0)

    def test_bytes_of_requests_and_replies(self):
        key = self.key
        for words, bytes_out in ((("SET", key, "1"), 5), (("GET", key), 7),
                                 (("MGET", key, key), 18), (("INCR", key), 4),
                                 (("SPUBLISH", key, "m"), 4), (("EXPIRE", key, 100), 4)):
            self.check(encode(*words), len(encode(*words)), bytes_out)
        for words in (("GET",), ("NOSUCH", key), ("MGET", key, key_in_slot(1)), ("PING",),
                      ("GET", key_in_slot(1)), ("PUBLISH", key, "m"), ("INFO",)):
            self.check(encode(*words), 0, 0)
        self.check(b"GET %s\r\n" % key.encode(), len(key) + 6, 7)
        self.assertEqual(self.stat()[0], 1)
        wait_until(lambda: self.client.call("GET", key) and self.stat()[1] > 0, 15, "microseconds")

    def test_bytes_of_a_transaction(self):
        self.client.call("MULTI")
        get, put = encode("GET", self.key), encode("SET", self.key, "1")
        for request in (get, put):
            self.client.send_bytes(request)
            self.client.read()
        self.assertEqual(self.stat()[2], len(get) + len(put))
        self.client.call("EXEC")
        whole = encode("MULTI") + get + put + encode("EXEC")
        self.assertEqual(self.stat()[2], len(whole))
        self.assertGreater(self.stat()[3], 0)

    def test_messages_of_a_shard_channel_count_for_each_who_hears_them(self):
        message = encode("smessage", self.key, "m")
        with self.server.client() as one, self.server.client() as other:
            one.call("SSUBSCRIBE", self.key)
            other.call("SSUBSCRIBE", self.key)
            self.check(encode("SPUBLISH", self.key, "m"), len(encode("SPUBLISH", self.key, "m")),
                       4 + 2 * len(message))

    def test_the_stream_counts_on_both_of_its_ends(self):
        replica = self.start()
        replica.call("CLUSTER", "MEET", "127.0.0.1", self.server.port)
        wait_until(lambda: replica.call("CLUSTER", "REPLICATE", self.client.call("CLUSTER", "MYID"))
                   == "OK")
        wait_until(lambda: "state=online" in self.server.client().info("replication").get(
            "slave0", ""))
        put = encode("SET", self.key, "1")
        self.check(put, len(put), 5 + len(put))
        wait_until(lambda: self.stat(replica)[2] == len(put))
        self.assertEqual(self.stat(replica)[3], 0)

    def test_what_is_counted_is_forgotten_when_told_to_or_when_the_slot_goes(self):
        for words in (("CONFIG", "RESETSTAT"), ("CLUSTER", "DELSLOTS", 0)):
            self.client.call("SET", self.key, "1")
            self.assertGreater(self.stat()[2], 0)
            self.assertEqual(self.client.call(*words), "OK")
            if words[0] == "CLUSTER":
                self.assertEqual(self.server.call("CLUSTER", "SLOT-STATS", "SLOTSRANGE", 0, 0), [])
                self.client.call("CLUSTER", "ADDSLOTS", 0)
            self.assertEqual(self.stat()[1:], [0, 0, 0])

    def test_slots_are_ordered_by_what_they_cost(self):
        for number in range(3):
            for _ in range(number + 1):
                self.client.call("GET", key_in_slot(number))

        def order(*words):
            rows = self.server.call("CLUSTER", "SLOT-STATS", "ORDERBY", *words)
            return [slot for slot, _ in rows]
        for metric in NAMES[2:]:
            self.assertEqual(order(metric, "LIMIT", 4), [2, 1, 0, 3])
            self.assertEqual(order(metric, "LIMIT", 2, "DESC"), [2, 1])
            self.assertEqual(order(metric, "ASC", "LIMIT", 2), [3, 4])
            self.assertEqual(order(metric, "ASC")[-3:], [0, 1, 2])
        self.assertEqual(len(order("key-count")), 16384)
        for words, text in ((("memory-bytes",), "ERR Unrecognized sort metric for ORDERBY."),
                            (("cpu-usec", "LIMIT", 0), "ERR Limit has to lie in between 1 and 16384"
                             " (maximum number of slots).")):
            self.assertEqual(str(self.client.ask("CLUSTER", "SLOT-STATS", "ORDERBY", *words)), text)

    def test_only_keys_are_counted_unless_it_is_asked_for(self):
        self.client.call("SET", self.key, "1")
        counted = self.stat()
        self.client.call("CONFIG", "SET", "cluster-slot-stats-enabled", "no")
        self.assertEqual(self.client.call("CLUSTER", "SLOT-STATS", "SLOTSRANGE", 0, 0),
                         [[0, [b"key-count", 1]]])
        self.assertEqual(str(self.client.ask("CLUSTER", "SLOT-STATS", "ORDERBY", "cpu-usec")),
                         "ERR Unrecognized sort metric for ORDERBY.")
        self.client.call("GET", self.key)
        self.client.call("CONFIG", "SET", "cluster-slot-stats-enabled", "yes")
        self.assertEqual(self.stat(), counted)


class Eir(Stats, eirtest.TestCase):
    pass


@eirtest.needs_peer
class Valkey(Stats, eirtest.TestCase):
    program = eirtest.peer("valkey-server")


if __name__ == "__main__":
    eirtest.main()
