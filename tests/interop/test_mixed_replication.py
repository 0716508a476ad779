"""Replication between Eir and Valkey nodes of one cluster, both directions."""
import eirtest
from eirtest import key_in_slot, wait_until
from mixed import (EIR, VALKEY, TestCase, content, dumps, fill, info, node_id, wait_agreed,
                   wait_caught_up, wait_serving)


class Stories:
    """Three primaries; the first has a replica of the other kind. The subclass says who is who."""
    primary_kind = replica_kind = None

    def pair(self, **options):
        kinds = [self.primary_kind] * 3 + [self.replica_kind] * 3
        cluster = self.start_mixed(kinds, replicas=1, **options)
        fill(cluster.nodes)
        for primary, replica in zip(cluster.nodes[:3], cluster.nodes[3:]):
            wait_caught_up(primary, replica)
        return cluster

    def check_equal(self, primary, replica):
        wait_caught_up(primary, replica)
        mine = content(primary)
        self.assertEqual(content(replica), mine)
        keys = [key for _, key in mine]
        self.assertTrue(keys)
        self.assertEqual([len(dump) for dump in dumps(replica, keys)],
                         [len(dump) for dump in dumps(primary, keys)])

    def test_every_value_arrives_with_its_expiry(self):
        cluster = self.pair()
        for primary, replica in zip(cluster.nodes[:3], cluster.nodes[3:]):
            self.check_equal(primary, replica)
            self.assertEqual(info(replica)["master_replid"], info(primary)["master_replid"])

    def test_a_dump_of_one_is_restored_by_the_other(self):
        cluster = self.pair()
        primary, replica = cluster.nodes[0], cluster.nodes[3]
        keys = [key for _, key in content(primary)]
        expected = [value for value, _ in content(primary).values()]
        with primary.client() as client:
            for key, dump in zip(keys, dumps(replica, keys)):
                self.assertEqual(client.call("RESTORE", key, 0, dump, "REPLACE"), "OK")
            self.assertEqual(client.pipeline([("GET", key) for key in keys]), expected)
        self.check_equal(primary, replica)

    def test_a_link_that_is_cut_is_taken_up_again_without_a_full_sync(self):
        cluster = self.pair()
        primary, replica = cluster.nodes[0], cluster.nodes[3]
        full = int(info(primary, "stats")["sync_full"])
        with primary.client() as client:
            key = key_in_slot(0)
            for count in range(1, 4):
                wait_until(lambda: info(replica)["master_link_status"] == "up")
                before = int(info(primary, "stats")["sync_partial_ok"])
                victim, kind = (primary, "replica") if count % 2 else (replica, "master")
                self.assertEqual(victim.call("CLIENT", "KILL", "TYPE", kind), 1)
                client.call("APPEND", key, "x" * count)
                wait_until(lambda: int(info(primary, "stats")["sync_partial_ok"]) > before, 20)
        self.check_equal(primary, replica)
        self.assertEqual(int(info(primary, "stats")["sync_full"]), full)

    def test_a_backlog_that_is_too_short_means_a_full_sync(self):
        self.expected_warnings = ["Unable to AUTH to PRIMARY", "MASTERAUTH|invalid password"]
        cluster = self.pair(repl_backlog_size="16kb")
        primary, replica = cluster.nodes[0], cluster.nodes[3]
        full = int(info(primary, "stats")["sync_full"])
        replica.call("DEBUG", "SLEEP", 0)
        replica.call("CONFIG", "SET", "primaryuser", "nobody", "primaryauth", "wrong")
        with primary.client() as client:
            client.call("CLIENT", "KILL", "TYPE", "replica")
            wait_until(lambda: info(replica)["master_link_status"] == "down")
            for number in range(60):
                client.call("SET", key_in_slot(number % 5), "y" * 10000)
        replica.call("CONFIG", "SET", "primaryuser", "", "primaryauth", "")
        self.check_equal(primary, replica)
        self.assertEqual(int(info(primary, "stats")["sync_full"]), full + 1)

    def test_the_primary_expires_for_its_replica(self):
        cluster = self.pair()
        primary, replica = cluster.nodes[0], cluster.nodes[3]
        key = key_in_slot(1)
        with primary.client() as here, replica.client() as there:
            there.call("READONLY")
            size = there.call("DBSIZE")
            here.call("SET", key, "short", "PX", 150)
            here.call("SET", key_in_slot(2), "long", "PX", 3600000)
            here.call("WAIT", 1, 20000)
            wait_until(lambda: there.call("GET", key) is None)
            wait_until(lambda: there.call("DBSIZE") == size + 1, 15)
        self.check_equal(primary, replica)

    def test_a_replica_of_a_replica_and_back_to_the_first(self):
        """Told by REPLICATE: in a cluster a replica's replica goes to its primary at once."""
        cluster = self.pair()
        first, replica = cluster.nodes[0], cluster.nodes[3]
        third = self.start_node(self.primary_kind)
        third.call("CLUSTER", "MEET", "127.0.0.1", first.port)
        nodes = cluster.nodes + [third]
        wait_agreed(nodes, 7)
        refused = third.client().ask("CLUSTER", "REPLICATE", node_id(replica))
        self.assertIn("I can only replicate", str(refused))
        third.call("CLUSTER", "REPLICATE", node_id(first))
        wait_agreed(nodes, 7)
        wait_serving(nodes)
        # The replica takes over: the third and the old primary follow it without full syncs.
        full = [int(info(node, "stats")["sync_full"]) for node in (first, replica)]
        replica.call("CLUSTER", "FAILOVER")
        wait_until(lambda: info(replica)["connected_slaves"] == "2", 20)
        wait_agreed(nodes, 7)
        wait_serving(nodes)
        with replica.client() as client:
            client.call("SET", key_in_slot(3), "behind the change")
        self.check_equal(replica, third)
        self.check_equal(replica, first)
        self.assertEqual([int(info(node, "stats")["sync_full"]) for node in (first, replica)], full)


@eirtest.needs_peer
class EirFollowsValkey(Stories, TestCase):
    primary_kind, replica_kind = VALKEY, EIR


@eirtest.needs_peer
class ValkeyFollowsEir(Stories, TestCase):
    primary_kind, replica_kind = EIR, VALKEY


if __name__ == "__main__":
    eirtest.main()
