"""What a node answers for slots that are not its own, half its own, or nobody's."""
import eirtest
from eirtest import wait_until


def code(reply):
    return reply.code if isinstance(reply, eirtest.ReplyError) else reply


class Redirects(eirtest.TestCase):
    """One cluster of three primaries with a replica each for all cases that leave it whole."""

    def setUp(self):
        super().setUp()
        self.cluster = self.start_cluster()
        self.keys = eirtest.keys_of_slots([0, 1, 100, 8000, 16000])
        self.first = self.cluster.primary_of(0)
        self.second = self.cluster.primary_of(8000)
        self.replica = self.cluster.replicas_of(self.first)[0]

    def test_moved_names_the_owner_and_crossslot_nobody(self):
        key, far = self.keys[0], self.keys[8000]
        with self.second.client() as client:
            self.assertEqual(str(client.ask("SET", key, "v")),
                             "MOVED 0 127.0.0.1:%d" % self.first.port)
            self.assertEqual(str(client.ask("MSET", far, 1, key, 2)),
                             "CROSSSLOT Keys in request don't hash to the same slot")
            self.assertEqual(client.ask("MSET", far, 1, "{%s}x" % far, 2), "OK")
            self.assertEqual(code(client.ask("EXISTS", "{%s}a" % key, "{%s}b" % key)), "MOVED")
            self.assertEqual(client.ask("PING"), "PONG")
            self.assertEqual(code(client.ask("RENAME", far, key)), "CROSSSLOT")

    def test_a_transaction_with_a_foreign_key_is_discarded(self):
        with self.first.client() as client:
            client.call("MULTI")
            self.assertEqual(client.ask("SET", self.keys[0], 1), "QUEUED")
            self.assertEqual(code(client.ask("SET", self.keys[8000], 1)), "MOVED")
            self.assertEqual(code(client.ask("EXEC")), "EXECABORT")
            client.call("MULTI")
            client.ask("SET", self.keys[0], 1)
            client.ask("SET", self.keys[1], 1)
            self.assertEqual(code(client.ask("EXEC")), "CROSSSLOT")
            self.assertIsNone(client.call("GET", self.keys[0]))

    def test_replicas_redirect_until_they_may_be_read(self):
        key = self.keys[0]
        self.first.call("SET", key, "v")
        with self.first.client() as client:
            client.call("SET", key, "v")
            self.assertEqual(client.call("WAIT", 1, 20000), 1)
        with self.replica.client() as client:
            self.assertEqual(str(client.ask("GET", key)),
                             "MOVED 0 127.0.0.1:%d" % self.first.port)
            client.call("READONLY")
            self.assertEqual(client.call("GET", key), b"v")
            self.assertEqual(code(client.ask("SET", key, "w")), "MOVED")
            self.assertEqual(code(client.ask("GET", self.keys[8000])), "MOVED")
            client.call("MULTI")
            client.call("GET", key)
            self.assertEqual(client.call("EXEC"), [b"v"])
            client.call("READWRITE")
            self.assertEqual(code(client.ask("GET", key)), "MOVED")

    def test_a_slot_that_moves_is_asked_for_key_by_key(self):
        here, there = "{%s}here" % self.keys[0], "{%s}there" % self.keys[0]
        first_id = self.first.call("CLUSTER", "MYID")
        second_id = self.second.call("CLUSTER", "MYID")
        self.first.call("SET", here, "v")
        self.assertEqual(self.second.call("CLUSTER", "SETSLOT", 0, "IMPORTING", first_id), "OK")
        self.assertEqual(self.first.call("CLUSTER", "SETSLOT", 0, "MIGRATING", second_id), "OK")
        with self.first.client() as source, self.second.client() as target:
            self.assertEqual(source.ask("GET", here), b"v")
            self.assertEqual(str(source.ask("GET", there)),
                             "ASK 0 127.0.0.1:%d" % self.second.port)
            self.assertEqual(code(source.ask("MGET", here, there)), "TRYAGAIN")
            self.assertEqual(code(source.ask("MGET", there, there + "2")), "ASK")
            self.assertEqual(code(target.ask("SET", there, "w")), "MOVED")
            target.call("ASKING")
            self.assertEqual(target.ask("SET", there, "w"), "OK")
            self.assertEqual(code(target.ask("GET", there)), "MOVED")
            target.call("ASKING")
            self.assertEqual(target.ask("GET", there), b"w")
            target.call("ASKING")
            self.assertEqual(code(target.ask("MGET", there, here)), "TRYAGAIN")
            nodes = source.text("CLUSTER", "NODES")
            self.assertIn("[0->-%s]" % second_id.decode(), nodes)
            self.assertIn("[0-<-%s]" % first_id.decode(), target.text("CLUSTER", "NODES"))
            self.hand_over_by_hand(source, target, here, second_id)
            self.assertEqual(code(source.ask("GET", here)), "MOVED")
            self.assertEqual(target.ask("MGET", here, there), [b"v", b"w"])
        other = self.cluster.primary_of(16000)
        wait_until(lambda: str(other.client().ask("GET", here)) ==
                   "MOVED 0 127.0.0.1:%d" % self.second.port, 20, "everybody has heard")

    def hand_over_by_hand(self, source, target, key, second_id):
        """DUMP, RESTORE and SETSLOT NODE: what MIGRATE and the tools do."""
        self.assertEqual(source.call("CLUSTER", "COUNTKEYSINSLOT", 0), 1)
        self.assertEqual(source.call("CLUSTER", "GETKEYSINSLOT", 0, 10), [key.encode()])
        payload = source.call("DUMP", key)
        target.call("ASKING")
        self.assertEqual(target.call("RESTORE", key, 0, payload), "OK")
        self.assertEqual(str(source.ask("CLUSTER", "SETSLOT", 0, "NODE", second_id)),
                         "ERR Can't assign hashslot 0 to a different node while I still hold keys "
                         "for this hash slot.")
        self.assertEqual(source.call("DEL", key), 1)
        self.assertEqual(target.call("CLUSTER", "SETSLOT", 0, "NODE", second_id), "OK")
        self.assertEqual(source.call("CLUSTER", "SETSLOT", 0, "NODE", second_id), "OK")

    def test_a_slot_is_open_until_stable_is_said(self):
        second_id = self.second.call("CLUSTER", "MYID")
        self.first.call("CLUSTER", "SETSLOT", 1, "MIGRATING", second_id)
        self.assertEqual(code(self.first.client().ask("GET", self.keys[1])), "ASK")
        self.first.call("CLUSTER", "SETSLOT", 1, "STABLE")
        self.assertIsNone(self.first.call("GET", self.keys[1]))
        for words in ((20000, "STABLE"), (0, "MIGRATING", second_id[:-1] + b"z"),
                      (0, "IMPORTING", second_id), (8000, "MIGRATING", second_id), (0, "SOMEHOW")):
            self.assertEqual(code(self.first.client().ask("CLUSTER", "SETSLOT", *words)), "ERR",
                             words)

    def test_channels_of_shards_are_redirected_too(self):
        channel, far = self.keys[0], self.keys[8000]
        with self.second.client() as client:
            self.assertEqual(code(client.ask("SSUBSCRIBE", channel)), "MOVED")
            self.assertEqual(code(client.ask("SPUBLISH", channel, "m")), "MOVED")
            self.assertEqual(code(client.ask("SSUBSCRIBE", far, channel)), "CROSSSLOT")


class Down(eirtest.TestCase):
    def three(self, **options):
        return self.start_cluster(replicas=0, node_timeout_ms=3000, **options)

    def lose(self, cluster, slot):
        victim = cluster.primary_of(slot)
        victim.kill()
        for node in cluster.running():
            wait_until(lambda: int(node.client().cluster_info()["cluster_slots_fail"]) > 0, 20,
                       "%s knows" % node.name)
        return victim

    def test_a_cluster_with_a_hole_serves_nothing(self):
        cluster = self.three()
        keys = eirtest.keys_of_slots([0, 8000])
        node = cluster.primary_of(8000)
        node.call("SET", keys[8000], "v")
        self.lose(cluster, 0)
        with node.client() as client:
            self.assertEqual(str(client.ask("SET", keys[8000], "w")),
                             "CLUSTERDOWN The cluster is down")
            self.assertEqual(code(client.ask("GET", keys[8000])), "CLUSTERDOWN")
            self.assertEqual(client.cluster_info()["cluster_state"], "fail")

    def test_a_cluster_that_needs_no_full_coverage_serves_the_rest(self):
        cluster = self.three(cluster_require_full_coverage="no")
        keys = eirtest.keys_of_slots([0, 8000, 16000])
        self.lose(cluster, 0)
        node = cluster.primary_of(8000)
        with node.client() as client:
            self.assertEqual(client.ask("SET", keys[8000], "v"), "OK")
            self.assertEqual(client.cluster_info()["cluster_state"], "ok")
            self.assertIn(code(client.ask("SET", keys[0], "v")), ("MOVED", "CLUSTERDOWN"))
            client.call("CONFIG", "SET", "cluster-require-full-coverage", "yes")
            wait_until(lambda: code(client.ask("SET", keys[8000], "v")) == "CLUSTERDOWN")

    def test_a_slot_that_nobody_owns(self):
        cluster = self.three(cluster_require_full_coverage="no")
        key = eirtest.key_in_slot(3)
        for node in cluster.nodes:
            node.call("CLUSTER", "DELSLOTS", 3)
        with cluster.nodes[0].client() as client:
            self.assertEqual(str(client.ask("GET", key)), "CLUSTERDOWN Hash slot not served")

    def test_reads_go_on_where_they_are_allowed_while_the_cluster_is_down(self):
        cluster = self.three(cluster_allow_reads_when_down="yes")
        keys = eirtest.keys_of_slots([8000])
        node = cluster.primary_of(8000)
        node.call("SET", keys[8000], "v")
        self.lose(cluster, 0)
        with node.client() as client:
            self.assertEqual(client.ask("GET", keys[8000]), b"v")
            self.assertEqual(str(client.ask("SET", keys[8000], "w")),
                             "CLUSTERDOWN The cluster is down and only accepts read commands")

    def test_channels_of_shards_go_on_unless_that_is_forbidden(self):
        cluster = self.three()
        self.lose(cluster, 0)
        node = cluster.primary_of(8000)
        channel = eirtest.key_in_slot(8000)
        with node.client() as client:
            self.assertEqual(client.ask("SPUBLISH", channel, "m"), 0)
            client.call("CONFIG", "SET", "cluster-allow-pubsubshard-when-down", "no")
            wait_until(lambda: code(client.ask("SPUBLISH", channel, "m")) == "CLUSTERDOWN")


if __name__ == "__main__":
    eirtest.main()
