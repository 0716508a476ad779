"""Stories of replication that hold whoever leads and whoever follows: mixed into test cases."""
import random
import threading

from eirtest import wait_until

FAR = 4102444800000  # 2100-01-01


def info(server, section="replication"):
    text = server.call("INFO", section).decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def fill(server, count=300, seed=1):
    """Strings of all forms, with and without expiry, in two databases."""
    rng = random.Random(seed)
    with server.client() as client:
        for db in (0, 5):
            client.call("SELECT", db)
            for i in range(count):
                value = rng.choice([b"%d" % rng.randrange(-2**40, 2**40), b"a" * rng.randrange(200),
                                    rng.randbytes(rng.randrange(3000))])
                options = ("PXAT", FAR + i) if rng.random() < 0.3 else ()
                client.call("SET", "key:%d" % i, value, *options)


def content(server):
    """Everything that a server holds: {(db, key): (value, expiry)}."""
    found = {}
    with server.client() as client:
        for db in range(16):
            client.call("SELECT", db)
            cursor = b"0"
            while True:
                cursor, keys = client.call("SCAN", cursor, "COUNT", 1000)
                for key in keys:
                    found[db, key] = (client.call("GET", key), client.call("PEXPIRETIME", key))
                if cursor == b"0":
                    break
    return found


def is_following(server):
    return info(server).get("master_link_status") == "up"


def caught_up(primary, replica):
    return wait_until(lambda: is_following(replica) and
                      info(primary)["master_repl_offset"] == info(replica)["slave_repl_offset"],
                      30, "the replica has caught up")


class Replication:
    """One story for each direction; who leads and who follows is said by the subclass."""

    def start_primary(self, **options):
        raise NotImplementedError

    def start_replica(self, **options):
        raise NotImplementedError

    def pair(self, primary_options=(), replica_options=()):
        primary = self.start_primary(**{"repl_diskless_sync_delay": 0, **dict(primary_options)})
        fill(primary)
        replica = self.start_replica(**dict(replica_options))
        replica.call("SET", "old", "data of another life")
        replica.call("REPLICAOF", "127.0.0.1", primary.port)
        caught_up(primary, replica)
        return primary, replica

    def test_a_full_sync_and_the_stream_behind_it(self):
        primary, replica = self.pair()
        self.assertEqual(content(replica), content(primary))
        with primary.client() as client:
            for i in range(2000):
                client.call("SET", "more:%d" % i, i)
            client.call("SELECT", 7)
            client.call("MSET", "a", 1, "b", 2)
            client.call("MULTI")
            client.call("INCR", "a")
            client.call("DEL", "b")
            client.call("EXEC")
            client.call("SET", "short", "life", "PX", 50)
            self.assertEqual(client.call("WAIT", 1, 20000), 1)
            wait_until(lambda: client.call("EXISTS", "short") == 0)
        caught_up(primary, replica)
        self.assertEqual(content(replica), content(primary))

    def test_a_full_sync_while_clients_write(self):
        primary = self.start_primary(repl_diskless_sync_delay=0)
        fill(primary, 3000)
        replica = self.start_replica()
        stop = threading.Event()

        def write():
            with primary.client() as client:
                number = 0
                while not stop.is_set():
                    for _ in range(50):
                        client.call("INCRBY", "counter:%d" % (number % 100), number)
                        number += 1
                    client.call("APPEND", "appended:%d" % (number % 7), "x")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            replica.call("REPLICAOF", "127.0.0.1", primary.port)
            wait_until(lambda: is_following(replica), 30)
            for _ in range(3):
                before = int(info(primary, "stats")["sync_partial_ok"])
                primary.call("CLIENT", "KILL", "TYPE", "replica")
                wait_until(lambda: int(info(primary, "stats")["sync_partial_ok"]) > before, 30)
        finally:
            stop.set()
            writer.join()
        caught_up(primary, replica)
        self.assertEqual(content(replica), content(primary))

    def test_a_sync_by_length(self):
        primary, replica = self.pair(primary_options={"repl_diskless_sync": "no"})
        primary.call("SET", "behind", "it")
        caught_up(primary, replica)
        self.assertEqual(content(replica), content(primary))

    def test_a_lost_link_is_taken_up_where_it_broke(self):
        primary, replica = self.pair()
        for _ in range(3):
            primary.call("CLIENT", "KILL", "TYPE", "replica")
            primary.call("SET", "x", random.random())
            caught_up(primary, replica)
        self.assertEqual(content(replica), content(primary))
        stats = info(primary, "stats")
        self.assertEqual(stats["sync_full"], "1")
        self.assertEqual(stats["sync_partial_ok"], "3")

    def test_large_values_pass(self):
        primary, replica = self.pair()
        value = random.Random(3).randbytes(20 * 1024 * 1024)
        primary.call("SET", "large", value)
        caught_up(primary, replica)
        self.assertEqual(replica.call("GET", "large"), value)

    def test_the_promoted_one_feeds_its_former_primary_without_a_full_sync(self):
        primary, replica = self.pair()
        primary.call("SET", "x", 1)
        caught_up(primary, replica)
        replica.call("REPLICAOF", "NO", "ONE")
        replica.call("SET", "y", 2)
        primary.call("REPLICAOF", "127.0.0.1", replica.port)
        caught_up(replica, primary)
        self.assertEqual(content(primary), content(replica))
        self.assertEqual(info(replica, "stats")["sync_full"], "0")
        self.assertEqual(info(replica, "stats")["sync_partial_ok"], "1")

    def test_failover_hands_over_and_back_and_loses_no_write(self):
        primary, replica = self.pair()
        for old, new in ((primary, replica), (replica, primary)):
            wait_until(lambda: "state=online" in info(old).get("slave0", ""))
            full, syncs = info(old)["master_replid"], info(new, "stats")["sync_full"]
            old.call("SET", "last", old.port)
            self.assertEqual(old.call("FAILOVER"), "OK")
            wait_until(lambda: info(new)["role"] == "master", 30)
            caught_up(new, old)
            self.assertEqual(info(old)["master_failover_state"], "no-failover")
            self.assertEqual(info(new)["master_replid2"], full)
            self.assertEqual(info(new, "stats")["sync_full"], syncs)
            self.assertEqual(new.call("GET", "last"), b"%d" % old.port)
            new.call("SET", "x", 1)
            caught_up(new, old)
            self.assertEqual(content(old), content(new))

    def test_a_chain_of_three(self):
        primary, middle = self.pair(replica_options={"repl_diskless_sync_delay": 0})
        last = self.start_primary()
        last.call("REPLICAOF", "127.0.0.1", middle.port)
        caught_up(middle, last)
        primary.call("SET", "through", "the chain")
        caught_up(primary, last)
        self.assertEqual(content(last), content(primary))
        self.assertEqual(info(last)["master_replid"], info(primary)["master_replid"])
