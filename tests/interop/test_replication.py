"""Replication and snapshots with Valkey in both directions: syncs, framings, files."""
import os
import shutil
import socket
import subprocess

import eirtest
from eirtest import wait_until
from replication_stories import Replication, caught_up, content, fill, info, is_following
from resp_client import encode

# What we cannot hold: there are no functions yet.
LIBRARY = "#!lua name=ours\nserver.register_function('one', function() return 1 end)"


@eirtest.needs_peer
class Snapshots(eirtest.TestCase):
    def test_valkey_loads_what_we_save(self):
        ours = self.start_server()
        fill(ours)
        ours.call("SAVE")
        peer = self.start_peer(appendonly="no")
        peer.stop()
        shutil.copy(os.path.join(ours.folder, "dump.rdb"), os.path.join(peer.folder, "dump.rdb"))
        peer.start()
        self.assertEqual(content(peer), content(ours))

    def test_we_load_what_valkey_saves(self):
        peer = self.start_peer()
        fill(peer)
        peer.call("SAVE")
        ours = self.start_server()
        ours.stop()
        shutil.copy(os.path.join(peer.folder, "dump.rdb"), os.path.join(ours.folder, "dump.rdb"))
        ours.start()
        self.assertEqual(content(ours), content(peer))

    def test_a_file_with_what_we_cannot_hold_is_refused_and_kept(self):
        peer = self.start_peer()
        peer.call("FUNCTION", "LOAD", LIBRARY)
        peer.call("SAVE")
        ours = self.start_server()
        ours.stop()
        path = os.path.join(ours.folder, "dump.rdb")
        shutil.copy(os.path.join(peer.folder, "dump.rdb"), path)
        with open(path, "rb") as file:
            before = file.read()
        ours.start(wait=False)
        self.assertEqual(ours.process.wait(80), 1)
        self.assertIn("a function library (#!lua name=ours)", ours.log())
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)


@eirtest.needs_peer
class WeFollow(Replication, eirtest.TestCase):
    def start_primary(self, **options):
        return self.start_peer(**options)

    def start_replica(self, **options):
        return self.start_server(**options)

    def test_a_restarted_replica_goes_on_from_its_snapshot(self):
        primary, replica = self.pair()
        replica.call("SAVE")
        replica.kill()
        primary.call("SET", "while", "away")
        replica.options["replicaof"] = ("127.0.0.1", primary.port)
        replica.start()
        caught_up(primary, replica)
        self.assertEqual(content(replica), content(primary))
        self.assertEqual(info(primary, "stats")["sync_full"], "1")

    def test_a_snapshot_that_we_cannot_hold_leaves_our_data_alone(self):
        primary, replica = self.pair()
        before = content(replica)
        other = self.start_peer(repl_diskless_sync_delay=0)
        other.call("FUNCTION", "LOAD", LIBRARY)
        replica.call("REPLICAOF", "127.0.0.1", other.port)
        wait_until(lambda: "a function library (#!lua name=ours)" in replica.log(), 15)
        self.assertFalse(is_following(replica))
        self.assertEqual(content(replica), before)


@eirtest.needs_peer
class TheyFollow(Replication, eirtest.TestCase):
    def start_primary(self, **options):
        return self.start_server(**options)

    def start_replica(self, **options):
        return self.start_peer(**options)

    def test_a_replica_that_knows_no_marker_gets_a_length(self):
        primary = self.start_server(repl_diskless_sync_delay=0)
        fill(primary, 20)
        with socket.create_connection(("127.0.0.1", primary.port), timeout=60) as link:
            answers = link.makefile("rb")
            link.sendall(encode("PSYNC", "?", "-1"))
            line = b"\n"
            while line == b"\n":
                line = answers.readline()
            self.assertTrue(line.startswith(b"+FULLRESYNC "))
            line = b"\n"
            while line == b"\n":
                line = answers.readline()
            self.assertTrue(line.startswith(b"$"))
            data = answers.read(int(line[1:]))
            self.assertEqual(data[:9], b"VALKEY080")
            primary.call("SET", "a", "b")
            stream = encode("SELECT", 0) + encode("SET", "a", "b")
            self.assertEqual(answers.read(len(stream)), stream)

    def test_every_way_in_which_they_load(self):
        primary = self.start_server(repl_diskless_sync_delay=0)
        fill(primary, 50)
        for load in ("disabled", "on-empty-db", "swapdb", "flush-before-load"):
            replica = self.start_peer(repl_diskless_load=load,
                                      replicaof=("127.0.0.1", primary.port))
            caught_up(primary, replica)
            self.assertEqual(content(replica), content(primary))

    def test_a_replica_that_could_use_two_channels_is_served_over_one(self):
        primary = self.start_server(repl_diskless_sync_delay=0)
        fill(primary, 50)
        replica = self.start_peer(dual_channel_replication_enabled="yes",
                                  replicaof=("127.0.0.1", primary.port))
        primary.call("SET", "a", "b")
        caught_up(primary, replica)
        self.assertEqual(content(replica), content(primary))

    def test_several_replicas_share_one_snapshot(self):
        primary = self.start_server(repl_diskless_sync_delay=2)
        fill(primary, 50)
        replicas = [self.start_peer(replicaof=("127.0.0.1", primary.port)) for _ in range(3)]
        for replica in replicas:
            caught_up(primary, replica)
            self.assertEqual(content(replica), content(primary))
        self.assertEqual(info(primary, "stats")["sync_full"], "3")
        self.assertEqual(info(primary, "stats").get("total_forks", "1"), "1")

    def test_valkey_cli_takes_a_snapshot_over_the_wire(self):
        primary = self.start_server(repl_diskless_sync_delay=0)
        fill(primary, 50)
        other = self.start_server()
        other.stop()
        path = os.path.join(other.folder, "dump.rdb")
        subprocess.run([eirtest.peer("valkey-cli"), "-p", str(primary.port), "--rdb", path],
                       check=True, timeout=120, capture_output=True)
        other.start()
        self.assertEqual(content(other), content(primary))

    def test_a_dump_is_restored_there_and_here(self):
        ours = self.start_server()
        peer = self.start_peer()
        for value in (b"", b"12", b"-70000", b"hello", b"a" * 1000, bytes(range(256))):
            ours.call("SET", "k", value)
            dump = ours.call("DUMP", "k")
            peer.call("RESTORE", "k", 0, dump, "REPLACE")
            self.assertEqual(peer.call("GET", "k"), value)
            ours.call("RESTORE", "k", 0, peer.call("DUMP", "k"), "REPLACE")
            self.assertEqual(ours.call("GET", "k"), value)


if __name__ == "__main__":
    eirtest.main()
