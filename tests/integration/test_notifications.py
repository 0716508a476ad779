"""Keyspace notifications that no command of the listener's own node causes: expiry, eviction, the
primary's stream; and that they stay on their node."""
import eirtest
from eirtest import wait_until


class Listener:
    def __init__(self, server, pattern="__key*__:*"):
        self.client = server.client(protocol=3, timeout=60)
        self.client.send("PSUBSCRIBE", pattern, "end")
        self.client.read_any()
        self.client.read_any()

    def next(self):
        """Channel and payload of the next message."""
        message = self.client.read_any()
        return message[2].decode() + " " + message[3].decode()


class Notifications(eirtest.TestCase):
    def start(self, **options):
        return self.start_server(**{"notify-keyspace-events": "KEA", **options})

    def test_the_cycle_tells_what_has_expired(self):
        server = self.start()
        listener = Listener(server, "__keyevent@*__:expired")
        server.call("SET", "short", "v", "PX", "50")
        self.assertEqual(listener.next(), "__keyevent@0__:expired short")

    def test_eviction_tells_which_keys_went(self):
        server = self.start(maxmemory_policy="allkeys-random")
        listener = Listener(server, "__keyevent@*__:evicted")
        with server.client(timeout=60) as client:
            keys = {"key:%d" % number for number in range(2000)}
            for key in keys:
                client.call("SET", key, "v" * 100)
            client.call("CONFIG", "SET", "maxmemory", "1")
            client.ask("SET", "another", "v")
        channel, key = listener.next().split(" ")
        self.assertEqual(channel, "__keyevent@0__:evicted")
        self.assertIn(key, keys)

    def test_a_replica_tells_what_its_primary_sends(self):
        primary = self.start_server()
        replica = self.start(replicaof=("127.0.0.1", primary.port))
        wait_until(lambda: b"master_link_status:up" in replica.call("INFO", "replication"), 60)
        listener = Listener(replica, "__keyevent@*")
        primary.call("SET", "k", "v", "EX", "100")
        primary.call("INCR", "n")
        primary.call("DEL", "k")
        self.assertEqual([listener.next() for _ in range(4)],
                         ["__keyevent@0__:set k", "__keyevent@0__:expire k",
                          "__keyevent@0__:incrby n", "__keyevent@0__:del k"])

    def test_the_option_is_followed_at_once(self):
        server = self.start_server()
        listener = Listener(server)
        server.call("SET", "k", "1")
        server.call("CONFIG", "SET", "notify-keyspace-events", "E$")
        server.call("SET", "k", "2")
        server.call("DEL", "k")
        server.call("CONFIG", "SET", "notify-keyspace-events", "")
        server.call("SET", "k", "3")
        server.call("PUBLISH", "end", "")
        self.assertEqual([listener.next(), listener.next()], ["__keyevent@0__:set k", "end "])

    def test_events_stay_on_their_node_of_a_cluster(self):
        cluster = self.start_cluster(shards=3, replicas=0)
        owner = cluster.primary_of(eirtest.key_slot("k"))
        other = next(node for node in cluster.primaries() if node is not owner)
        for node in (owner, other):
            node.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
        here, elsewhere = Listener(owner), Listener(other)
        owner.call("SET", "k", "v")
        self.assertEqual(here.next(), "__keyspace@0__:k set")
        self.assertEqual(here.next(), "__keyevent@0__:set k")
        owner.call("PUBLISH", "end", "")  # goes to every node, behind whatever went before
        self.assertEqual(elsewhere.next(), "end ")
        self.assertEqual(here.next(), "end ")
        owner.call("CLUSTER", "FLUSHSLOT", eirtest.key_slot("k"))
        self.assertEqual(here.next(), "__keyspace@0__:k del")


if __name__ == "__main__":
    eirtest.main()
