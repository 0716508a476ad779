"""What a connection has: transactions, watches, expiry seen exactly, channels, client commands."""

import eirtest
from eirtest import wait_until


def code(reply):
    return reply.code if isinstance(reply, eirtest.ReplyError) else reply


class Transactions(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        self.server = self.start_server()
        self.client = self.server.client()

    def test_commands_run_together_and_errors_stop_nothing(self):
        client = self.client
        self.assertEqual(client.call("MULTI"), "OK")
        for words in (("SET", "k", "text"), ("INCR", "k"), ("GET", "k")):
            self.assertEqual(client.call(*words), "QUEUED")
        replies = client.call("EXEC")
        self.assertEqual([code(reply) for reply in replies], ["OK", "ERR", b"text"])

    def test_a_wrong_command_discards_all(self):
        client = self.client
        client.call("MULTI")
        client.call("SET", "k", "v")
        self.assertEqual(code(client.ask("SET", "k")), "ERR")
        self.assertEqual(str(client.ask("EXEC")),
                         "EXECABORT Transaction discarded because of previous errors.")
        self.assertIsNone(client.call("GET", "k"))
        self.assertEqual(code(client.ask("EXEC")), "ERR")
        client.call("MULTI")
        self.assertEqual(code(client.ask("MULTI")), "ERR")
        self.assertEqual(client.call("DISCARD"), "OK")
        self.assertEqual(code(client.ask("DISCARD")), "ERR")

    def test_a_watched_key_that_changes_stops_the_transaction(self):
        client, other = self.client, self.server.client()
        for change in (("SET", "k", "w"), ("DEL", "k"), ("EXPIRE", "k", 100), ("FLUSHALL",),
                       ("RENAME", "other", "k"), ("SWAPDB", 0, 1), ("PEXPIRE", "k", -1)):
            with self.subTest(change):
                other.call("MSET", "k", "v", "other", "v")
                client.call("WATCH", "k")
                other.call(*change)
                client.call("MULTI")
                client.call("SET", "k", "mine")
                self.assertIsNone(client.call("EXEC"))
        other.call("SET", "k", "v")
        for harmless in (("GET", "k"), ("SET", "another", "v"), ("DEL", "no such key")):
            with self.subTest(harmless):
                client.call("WATCH", "k")
                other.call(*harmless)
                client.call("MULTI")
                client.call("PING")
                self.assertEqual(client.call("EXEC"), ["PONG"])
        client.call("WATCH", "k")
        other.call("SET", "k", "w")
        client.call("UNWATCH")
        client.call("MULTI")
        self.assertEqual(client.call("EXEC"), [])

    def test_a_watched_key_that_expires_stops_the_transaction(self):
        client = self.client
        # At once, so that it is watched before it expires.
        client.pipeline([("SET", "k", "v", "PX", 200), ("WATCH", "k")])
        wait_until(lambda: self.server.call("EXISTS", "k") == 0, 5)
        client.call("MULTI")
        client.call("PING")
        self.assertIsNone(client.call("EXEC"))

    def test_nobody_sees_half_of_a_transaction(self):
        writer, reader = self.server.client(), self.server.client()
        for number in range(200):
            writer.send_bytes(b"".join(eirtest.encode(*words) for words in (
                ("MULTI",), ("SET", "a", number), ("SET", "b", number), ("EXEC",))))
            reader.send("MGET", "a", "b")
            one, two = reader.read()
            self.assertEqual(one, two)
            for _ in range(4):
                writer.read()


class Pipelines(eirtest.TestCase):
    def test_keys_that_are_looked_up_together_are_those_of_their_database(self):
        client = self.start_server().client()
        for name in "abc":
            client.call("SET", name, name)
        self.assertEqual(client.pipeline([("MOVE", name, 1) for name in "abc"]), [1, 1, 1])
        self.assertEqual(client.pipeline([("GET", "a"), ("SELECT", 1), ("GET", "a"),
                                          ("COPY", "a", "a", "DB", 0), ("COPY", "b", "b", "DB", 2),
                                          ("SWAPDB", 1, 2), ("GET", "b"), ("GET", "c")]),
                         [None, "OK", b"a", 1, 1, "OK", b"b", None])
        self.assertEqual(client.pipeline([("SELECT", 0), ("GET", "a"), ("FLUSHDB",), ("GET", "a"),
                                          ("SET", "a", "new"), ("GET", "a")]),
                         ["OK", b"a", "OK", None, "OK", b"new"])


class Expiry(eirtest.TestCase):
    def test_a_key_is_gone_exactly_when_it_is_due(self):
        server = self.start_server()
        with server.client() as client:
            client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
            for _ in range(5):
                due = client.call("TIME")
                due_ms = int(due[0]) * 1000 + int(due[1]) // 1000 + 40
                client.call("SET", "k", "v", "PXAT", due_ms)
                while True:
                    client.call("MULTI")
                    client.call("TIME")
                    client.call("GET", "k")
                    now, value = client.call("EXEC")
                    now_ms = int(now[0]) * 1000 + int(now[1]) // 1000
                    if now_ms != due_ms:
                        self.assertEqual(value, b"v" if now_ms < due_ms else None)
                    if value is None:
                        break

    def test_keys_that_nobody_looks_at_are_removed(self):
        server = self.start_server()
        with server.client(timeout=120) as client:
            client.pipeline([("SET", "k%d" % number, "v", "PX", 100 + number % 200)
                             for number in range(5000)])
            client.call("SET", "stays", "v")
            wait_until(lambda: client.call("DBSIZE") == 1, 20, "5000 keys expire by themselves")
            self.assertEqual(client.info("stats")["expired_keys"], "5000")
            self.assertEqual(client.info("keyspace")["db0"].split(",")[:2],
                             ["keys=1", "expires=0"])

    def test_a_replica_shows_no_expired_key_and_removes_none_by_itself(self):
        primary = self.start_server()
        replica = self.start_server(replicaof=("127.0.0.1", primary.port))
        wait_until(lambda: replica.client().info("replication")["master_link_status"] == "up", 20)
        with primary.client() as client:
            client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
            client.call("SET", "k", "v", "PX", 50)
            self.assertEqual(client.call("WAIT", 1, 20000), 1)
            wait_until(lambda: replica.call("GET", "k") is None, 5)
            self.assertEqual(replica.call("DBSIZE"), 1)
            client.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
            wait_until(lambda: replica.call("DBSIZE") == 0, 10)


class Channels(eirtest.TestCase):
    def test_messages_reach_subscribers_of_channels_and_patterns(self):
        server = self.start_server()
        for protocol in (2, 3):
            with server.client(protocol=protocol) as subscriber, server.client() as publisher:
                read = subscriber.read_any
                subscriber.send("SUBSCRIBE", "news", "more")
                self.assertEqual(list(read()), [b"subscribe", b"news", 1])
                self.assertEqual(list(read()), [b"subscribe", b"more", 2])
                subscriber.send("PSUBSCRIBE", "n?ws*")
                self.assertEqual(list(read()), [b"psubscribe", b"n?ws*", 3])
                self.assertEqual(publisher.call("PUBLISH", "news", "hello"), 2)
                self.assertEqual(list(read()), [b"message", b"news", b"hello"])
                self.assertEqual(list(read()), [b"pmessage", b"n?ws*", b"news", b"hello"])
                self.assertEqual(publisher.call("PUBSUB", "CHANNELS", "*ew*"), [b"news"])
                self.assertEqual(publisher.call("PUBSUB", "NUMPAT"), 1)
                if protocol == 2:
                    self.assertEqual(code(subscriber.ask("GET", "k")), "ERR")
                    self.assertEqual(subscriber.ask("PING"), [b"pong", b""])
                else:
                    self.assertIsNone(subscriber.ask("GET", "k"))
                subscriber.send("UNSUBSCRIBE")
                self.assertEqual({bytes(read()[1]), bytes(read()[1])}, {b"news", b"more"})
                subscriber.send("RESET")
                self.assertEqual(subscriber.read(), "RESET")
                self.assertEqual(publisher.call("PUBLISH", "news", "hello"), 0)

    def test_messages_travel_over_the_bus(self):
        cluster = self.start_cluster()
        subscribers = [node.client(protocol=3) for node in cluster.nodes]
        for subscriber in subscribers:
            subscriber.send("SUBSCRIBE", "news")
            subscriber.read_any()
            subscriber.send("PSUBSCRIBE", "n*")
            subscriber.read_any()
        big = b"x" * 300000
        for number, node in enumerate(cluster.nodes):
            node.call("PUBLISH", "news", b"from %d" % number)
            node.call("PUBLISH", "news", big)
            for subscriber in subscribers:
                for message in (b"from %d" % number, big):
                    self.assertEqual(subscriber.read_push(), [b"message", b"news", message])
                    self.assertEqual(subscriber.read_push(), [b"pmessage", b"n*", b"news", message])

    def test_channels_of_a_shard_stay_in_the_shard(self):
        cluster = self.start_cluster()
        primary = cluster.primary_of(0)
        replica = cluster.replicas_of(primary)[0]
        channel = eirtest.key_in_slot(0)
        readers = [node.client(protocol=3) for node in (primary, replica)]
        for reader in readers:
            reader.send("SSUBSCRIBE", channel)
            self.assertEqual(list(reader.read_any()), [b"ssubscribe", channel.encode(), 1])
        self.assertEqual(primary.call("SPUBLISH", channel, "hello"), 1)
        for reader in readers:
            self.assertEqual(reader.read_push(), [b"smessage", channel.encode(), b"hello"])
        self.assertEqual(primary.call("PUBSUB", "SHARDCHANNELS"), [channel.encode()])
        self.assertEqual(primary.call("PUBSUB", "SHARDNUMSUB", channel), [channel.encode(), 1])

    def test_subscribers_of_a_slot_that_leaves_are_told(self):
        cluster = self.start_cluster(replicas=0)
        first, second = cluster.primary_of(0), cluster.primary_of(8000)
        channel = eirtest.key_in_slot(0)
        with first.client(protocol=3) as reader:
            reader.send("SSUBSCRIBE", channel)
            reader.read_any()
            second_id = second.call("CLUSTER", "MYID")
            second.call("CLUSTER", "SETSLOT", 0, "NODE", second_id)
            first.call("CLUSTER", "SETSLOT", 0, "NODE", second_id)
            self.assertEqual(reader.read_push(), [b"sunsubscribe", channel.encode(), 0])


class Clients(eirtest.TestCase):
    def test_clients_are_listed_named_and_killed(self):
        server = self.start_server()
        with server.client() as client, server.client() as other:
            self.assertEqual(client.call("CLIENT", "SETNAME", "one"), "OK")
            self.assertEqual(client.call("CLIENT", "SETINFO", "LIB-NAME", "lib"), "OK")
            other.call("CLIENT", "SETNAME", "two")
            text = client.text("CLIENT", "LIST")
            self.assertIn(" name=one ", text)
            self.assertIn(" name=two ", text)
            self.assertIn(" lib-name=lib ", text)
            other_id = other.call("CLIENT", "ID")
            self.assertEqual(client.call("CLIENT", "KILL", "ID", other_id), 1)
            self.assertEqual(other.read_until_closed(), b"")
            self.assertEqual(client.call("CLIENT", "KILL", "ID", other_id), 0)

    def test_paused_writes_wait_and_reads_do_not(self):
        server = self.start_server()
        with server.client() as client, server.client() as writer:
            client.call("CLIENT", "PAUSE", 60000, "WRITE")
            writer.send("SET", "k", "v")
            self.assertIsNone(client.call("GET", "k"))
            wait_until(lambda: client.info("clients")["blocked_clients"] == "1")
            self.assertEqual(client.call("CLIENT", "UNPAUSE"), "OK")
            self.assertEqual(writer.read(), "OK")
            client.call("CLIENT", "PAUSE", 100, "ALL")
            self.assertEqual(client.call("GET", "k"), b"v")

    def test_replies_are_switched_off(self):
        server = self.start_server()
        with server.client() as client:
            client.send("CLIENT", "REPLY", "OFF")
            client.send("SET", "k", "v")
            self.assertEqual(client.ask("CLIENT", "REPLY", "ON"), "OK")
            client.send("CLIENT", "REPLY", "SKIP")
            client.send("SET", "k", "w")
            self.assertEqual(client.ask("GET", "k"), b"w")


if __name__ == "__main__":
    eirtest.main()
