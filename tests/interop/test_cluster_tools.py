"""valkey-benchmark and the repairs of valkey-cli --cluster on pure Eir clusters."""
import os
import subprocess
import tempfile

import eirtest
from eirtest import key_in_slot, wait_until
from mixed import (EIR, TestCase, cli, content, fill, node_id, place, wait_agreed, wait_caught_up,
                   wait_serving)


def benchmark(port, *words):
    """Its output; it must succeed without a word of errors."""
    command = [eirtest.peer("valkey-benchmark"), "--cluster", "-p", str(port), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "rror" not in done.stdout, done.stdout
    return done.stdout


@eirtest.needs_peer
class Benchmark(TestCase):
    def test_it_finds_every_shard_and_no_request_fails(self):
        cluster = self.start_cluster(shards=3, replicas=1)
        port = cluster.nodes[0].port
        out = benchmark(port, "-t", "set,get,incr,mset", "-n", "2000", "-r", "500", "--csv")
        self.assertIn("3 primary nodes", out)
        for name in ('"SET"', '"GET"', '"INCR"', '"MSET (10 keys)"'):
            self.assertIn(name, out)
        benchmark(port, "-t", "set,get", "-n", "3000", "-P", "16", "--threads", "2", "-d", "2000")
        benchmark(port, "-n", "1000", "-r", "100", "SET", "key:__rand_int__:{tag}", "v", "EX", "99")
        benchmark(port, "-t", "get", "-n", "500", "--enable-tracking", "-3")
        wait_serving(cluster.nodes)
        self.assertTrue(all(content(cluster.primary_of(slot)) for slot in (0, 8000, 16383)))

    def test_it_reads_from_replicas(self):
        cluster = self.start_cluster(shards=3, replicas=1)
        for kind in ("yes", "all"):
            out = benchmark(cluster.nodes[0].port, "-t", "get", "-n", "500", "--rfr", kind)
            self.assertIn("Node", out)


@eirtest.needs_peer
class Repairs(TestCase):
    def setUp(self):
        super().setUp()
        self.nodes = self.start_mixed([EIR]).nodes
        fill(self.nodes)

    def verb(self, verb, *words):
        return cli("--cluster", verb, place(self.nodes[0]), *words, typed="yes\n")

    def fix(self):
        out = self.verb("fix")
        wait_agreed(self.nodes, 3)
        wait_serving(self.nodes)
        checked = self.verb("check")
        self.assertIn("[OK] All 16384 slots covered", checked)
        self.assertNotIn("ERR", checked)
        return out

    def owner_in_view(self, slot):
        return next(node for node in self.nodes if slot in eirtest.owned_slots(node.client()))

    def test_a_slot_that_only_its_target_knows_to_be_on_its_way(self):
        self.nodes[1].call("CLUSTER", "SETSLOT", 78, "IMPORTING", node_id(self.nodes[0]))
        self.fix()
        self.assertIs(self.owner_in_view(78), self.nodes[0])

    def test_a_slot_that_only_its_source_knows_to_be_on_its_way(self):
        self.nodes[0].call("SET", key_in_slot(79), "v")
        self.nodes[0].call("CLUSTER", "SETSLOT", 79, "MIGRATING", node_id(self.nodes[1]))
        self.fix()
        self.assertEqual(self.owner_in_view(79).call("GET", key_in_slot(79)), b"v")

    def test_slots_that_nobody_serves(self):
        for node in self.nodes:
            node.call("CLUSTER", "DELSLOTSRANGE", 100, 105)
        self.fix()
        owned = [eirtest.owned_slots(node.client()) for node in self.nodes]
        self.assertEqual(sum(len(slots) for slots in owned), 16384)

    def test_a_node_that_holds_keys_of_a_slot_without_an_owner_gets_it(self):
        key = key_in_slot(101)
        self.nodes[0].call("SET", key, "v")
        for node in self.nodes:
            node.call("CLUSTER", "DELSLOTS", 101)
        self.fix()
        self.assertEqual(self.owner_in_view(101).call("GET", key), b"v")


@eirtest.needs_peer
class Verbs(TestCase):
    def test_every_node_is_called_or_those_that_were_asked_for(self):
        nodes = self.start_cluster(shards=3, replicas=1).nodes
        out = cli("--cluster", "call", place(nodes[0]), "config", "get", "port")
        for node in nodes:
            self.assertIn("%d: port\n%d" % (node.port, node.port), out)
        only = cli("--cluster", "call", place(nodes[0]), "role", "--cluster-only-primaries")
        self.assertEqual((only.count("master"), only.count("slave")), (3, 0))
        only = cli("--cluster", "call", place(nodes[0]), "role", "--cluster-only-replicas")
        self.assertEqual((only.count("master"), only.count("slave")), (0, 3))

    def test_the_node_timeout_is_set_everywhere(self):
        nodes = self.start_cluster(shards=3, replicas=0).nodes
        cli("--cluster", "set-timeout", place(nodes[0]), 4321)
        for node in nodes:
            self.assertEqual(node.call("CONFIG", "GET", "cluster-node-timeout")[1], b"4321")

    def test_a_backup_is_taken_of_every_shard(self):
        cluster = self.start_cluster(shards=3, replicas=1)
        fill(cluster.nodes)
        with tempfile.TemporaryDirectory() as folder:
            cli("--cluster", "backup", place(cluster.nodes[0]), folder)
            dumps = sorted(name for name in os.listdir(folder) if name.endswith(".rdb"))
            self.assertEqual(len(dumps), 3)
            for name in dumps:
                subprocess.run([eirtest.peer("valkey-check-rdb"), os.path.join(folder, name)],
                               check=True, timeout=120, capture_output=True)

    def test_a_lone_valkey_is_imported(self):
        nodes = self.start_cluster(shards=3, replicas=0).nodes
        lone = self.start_peer()
        for number in range(200):
            lone.call("SET", "lone:%d" % number, "value %d" % number)
        cli("--cluster", "import", place(nodes[0]), "--cluster-from", place(lone))
        self.assertEqual(lone.call("DBSIZE"), 0)
        with eirtest.ClusterClient([nodes[0].port]) as client:
            for number in range(200):
                self.assertEqual(client.call("GET", "lone:%d" % number), b"value %d" % number)

    def test_nodes_are_added_and_removed(self):
        cluster = self.start_cluster(shards=3, replicas=0)
        primary, replica = self.start_node(EIR), self.start_node(EIR)
        first = cluster.nodes[0]
        nodes = cluster.nodes + [primary, replica]
        wait_agreed(cluster.nodes, 3)
        cli("--cluster", "add-node", place(primary), place(first))
        wait_agreed(nodes[:4], 4)
        cli("--cluster", "add-node", place(replica), place(first), "--cluster-replica",
            "--cluster-primary-id", node_id(first))
        wait_agreed(nodes, 5)
        wait_caught_up(first, replica)
        cli("--cluster", "reshard", place(first), "--cluster-from", "all", "--cluster-to",
            node_id(primary), "--cluster-slots", 60, "--cluster-yes")
        wait_agreed(nodes, 5)
        self.assertGreater(len(eirtest.owned_slots(primary.client())), 50)
        fill(cluster.nodes)
        wait_caught_up(first, replica)
        self.assertEqual(content(replica), content(first))
        cli("--cluster", "del-node", place(first), node_id(replica))
        wait_agreed(nodes[:4], 4)
        wait_until(lambda: replica.client().cluster_info()["cluster_known_nodes"] == "1")


if __name__ == "__main__":
    eirtest.main()
