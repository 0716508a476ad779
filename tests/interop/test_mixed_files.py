"""Files: a node starts on what the other kind left in its folder, nodes.conf and dump.rdb."""
import os
import random
import shutil
import subprocess

import eirtest
from eirtest import key_in_slot
from mixed import (EIR, VALKEY, TestCase, content, fill, kind_of, node_id, program_of, shards_of,
                   slots_of, view_of, wait_agreed, wait_caught_up, wait_serving)


def other(kind):
    return EIR if kind == VALKEY else VALKEY


@eirtest.needs_peer
class Folders(TestCase):
    def restart_as(self, nodes, kind):
        """All of them end with their data saved, and start as programs of the other kind."""
        for node in nodes:
            node.call("SAVE")
        for node in nodes:
            node.kill()
        for node in nodes:
            node.program = program_of(kind)
            node.start(wait=False)
        for node in nodes:
            node.wait_ready()
            self.assertEqual(kind_of(node), kind)
        wait_serving(nodes, 60)
        return wait_agreed(nodes, len(nodes))

    def shards(self, view):
        """{ids of the shard: its slots}: who leads may have changed, because an Eir primary asks
        its replica to take over when that has even one PING of the stream more."""
        found = {}
        for name, row in view.items():
            if "master" in row[1]:
                ids = [name] + [other for other, of in view.items() if of[2] == name]
                found[frozenset(ids)] = row[4]
        return found

    def there_and_back(self, kind):
        cluster = self.start_mixed([kind], replicas=1)
        fill(cluster.nodes)
        for primary, replica in zip(cluster.nodes, cluster.nodes[3:]):
            wait_caught_up(primary, replica)
        view = wait_agreed(cluster.nodes, 6)
        before = [content(node) for node in cluster.nodes]
        ids = [shard[2] for shard in shards_of(cluster.nodes[0])]
        for now in (other(kind), kind):
            after = self.restart_as(cluster.nodes, now)
            self.assertEqual(self.shards(after), self.shards(view))
            self.assertEqual([shard[2] for shard in shards_of(cluster.nodes[5])], ids)
            self.assertEqual([content(node) for node in cluster.nodes], before)
        with cluster.client() as client:
            self.assertEqual(client.call("SET", "key:0", "written"), "OK")

    def test_eir_starts_on_the_folders_of_a_valkey_cluster_and_valkey_again(self):
        self.there_and_back(VALKEY)

    def test_valkey_starts_on_the_folders_of_an_eir_cluster_and_eir_again(self):
        self.there_and_back(EIR)

    def test_valkey_starts_on_the_folders_of_a_cluster_that_formed_by_its_seeds(self):
        """What is ours in nodes.conf is passed over; what Valkey writes has lost it."""
        cluster = self.start_cluster(shards=3, replicas=1)
        fill(cluster.nodes)
        shards = self.shards(wait_agreed(cluster.nodes, 6))
        ours = {name: value for name, value in cluster.nodes[0].options.items()
                if name in ("cluster-seeds", "cluster-shards", "cluster-replicas-per-shard")}
        self.assertEqual(len(ours), 3)
        for node in cluster.nodes:
            for name in ours:
                del node.options[name]
        self.assertEqual(self.shards(self.restart_as(cluster.nodes, VALKEY)), shards)
        for node in cluster.nodes:
            node.options.update(ours)
        self.assertEqual(self.shards(self.restart_as(cluster.nodes, EIR)), shards)
        with cluster.client() as client:
            self.assertEqual(client.call("GET", "key:0"), b"text-0")

    def what_a_lone_node_knows(self, kind):
        """Names and open slots survive in the file, though nobody is there to tell them again."""
        names = {"cluster_announce_hostname": "host-%d.example", "availability_zone": "zone-%d",
                 "cluster_announce_human_nodename": "human-%d",
                 "cluster_announce_client_ipv4": "192.0.2.%d"}
        nodes = []
        for number in range(3):
            options = {name: value % number for name, value in names.items()}
            nodes.append(self.start_node(kind, **options))
        first = nodes[0]
        for number, node in enumerate(nodes):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.call("CLUSTER", "ADDSLOTSRANGE", number * 5000, number * 5000 + 4999)
            if node is not first:
                first.call("CLUSTER", "MEET", "127.0.0.1", node.port)
        wait_agreed(nodes, 3)
        first.call("CLUSTER", "SETSLOT", 7, "MIGRATING", node_id(nodes[1]))
        first.call("CLUSTER", "SETSLOT", 5007, "IMPORTING", node_id(nodes[1]))
        eirtest.wait_until(lambda: "zone-2" in repr(slots_of(first)))
        before = view_of(first), repr(slots_of(first))
        for node in nodes:
            node.stop()
        first.program = program_of(other(kind))
        first.start()
        after = view_of(first), repr(slots_of(first))
        # Who does not answer is suspected one day; the rest stays.
        self.assertEqual({name: row[:1] + row[2:5] for name, row in after[0].items()},
                         {name: row[:1] + row[2:5] for name, row in before[0].items()})
        self.assertEqual(after[1], before[1])

    def test_eir_alone_knows_what_valkey_wrote(self):
        self.what_a_lone_node_knows(VALKEY)

    def test_valkey_alone_knows_what_eir_wrote(self):
        self.what_a_lone_node_knows(EIR)


@eirtest.needs_peer
class Snapshots(TestCase):
    """test_replication.py has the plain ones; these are of cluster nodes with several databases."""

    def fill_databases(self, server):
        rng = random.Random(7)
        values = [b"", b"0", b"-1", b"127", b"128", b"-32769", b"2147483647", b"2147483648",
                  b"-9223372036854775808", b"9223372036854775807", b"01", b"+1", b" 1",
                  b"x" * 10000, b"ab" * 21, b"abc" * 200000, rng.randbytes(70000), bytes(256)]
        with server.client() as client:
            for database in (0, 1, 3):
                client.call("SELECT", database)
                for number, value in enumerate(values):
                    key = key_in_slot(number, "key:%d" % database)
                    options = ("PXAT", 4102444800000 + number) if number % 2 else ()
                    client.call("SET", key, value, *options)
            client.call("SET", "gone", "before it is loaded", "PX", 1)

    def databases(self, server):
        found = []
        for database in range(4):
            with server.client() as client:
                client.call("SELECT", database)
                keys = sorted(client.call("KEYS", "*"))
                found.append([(key, client.call("GET", key), client.call("PEXPIRETIME", key))
                              for key in keys])
        return found

    def pass_on(self, kind, **options):
        options = {"cluster_databases": 4, "cluster_require_full_coverage": "no", **options}
        writer = self.start_node(kind, **options)
        writer.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        eirtest.wait_until(lambda: writer.client().cluster_info()["cluster_state"] == "ok")
        self.fill_databases(writer)
        expected = self.databases(writer)
        self.assertEqual([bool(rows) for rows in expected], [True, True, False, True])
        writer.call("SAVE")
        dump = os.path.join(writer.folder, "dump.rdb")
        done = subprocess.run([eirtest.peer("valkey-check-rdb"), dump], capture_output=True,
                              text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("RDB looks OK", done.stdout)
        writer.stop()

        reader = self.start_node(other(kind), **options)
        reader.stop()
        for name in ("dump.rdb", "nodes.conf"):
            shutil.copy(os.path.join(writer.folder, name), os.path.join(reader.folder, name))
        reader.start()
        eirtest.wait_until(lambda: reader.client().cluster_info()["cluster_state"] == "ok")
        self.assertEqual(self.databases(reader), expected)

    def test_eir_loads_the_databases_of_a_valkey_node(self):
        self.pass_on(VALKEY)

    def test_valkey_loads_the_databases_of_an_eir_node(self):
        self.pass_on(EIR)

    def test_eir_loads_them_uncompressed_and_without_a_checksum(self):
        self.pass_on(VALKEY, rdbcompression="no", rdbchecksum="no")

    def test_valkey_loads_them_uncompressed_and_without_a_checksum(self):
        self.pass_on(EIR, rdbcompression="no", rdbchecksum="no")


if __name__ == "__main__":
    eirtest.main()
