"""Replication between our own nodes: the stories that interop plays with Valkey, and our own."""
import socket

import eirtest
from eirtest import wait_until
from forwarder import Forwarder
from replication_stories import Replication, caught_up, content, fill, info, is_following
from resp_client import encode


class Stories(Replication, eirtest.TestCase):
    def start_primary(self, **options):
        return self.start_server(**options)

    def start_replica(self, **options):
        return self.start_server(**options)


class Links(eirtest.TestCase):
    def follow_by_hand(self, primary):
        """A link that was served a full sync and is online."""
        link = socket.create_connection(("127.0.0.1", primary.port), timeout=120)
        self.addCleanup(link.close)
        link.sendall(encode("REPLCONF", "capa", "eof", "version", "9.1.2"))
        self.assertEqual(link.recv(5), b"+OK\r\n")
        link.sendall(encode("PSYNC", "?", "-1"))
        data = b""
        while data.count(data.partition(b"$EOF:")[2][:40] or b"?") < 2:
            data += link.recv(65536)
        link.sendall(encode("REPLCONF", "ACK", 0))
        return link

    def test_only_the_stream_goes_to_a_replica(self):
        primary = self.start_server(repl_diskless_sync_delay=0)
        for request in (("PING",), ("GET", "a"), ("NOSUCH",), ("REPLCONF", "capa", "eof")):
            link = self.follow_by_hand(primary)
            link.sendall(encode(*request))
            self.assertEqual(link.recv(1000), b"", request)


class Handshakes(eirtest.TestCase):
    def test_a_cluster_replica_says_who_it_is_and_asks_in_full_when_it_has_nothing(self):
        primary = self.new_server(cluster_enabled="yes", repl_diskless_sync_delay=0)
        forwarder = Forwarder(primary.port, remembers=True)
        self.addCleanup(forwarder.close)
        primary.options["cluster-announce-port"] = forwarder.port
        primary.start().call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: primary.call("SET", "k", "v") == "OK")
        replica = self.start_server(cluster_enabled="yes")
        ids = []
        for _ in range(2):
            ids.append(replica.call("CLUSTER", "MYID"))
            replica.call("CLUSTER", "MEET", "127.0.0.1", primary.port)
            announced = b":%d@" % forwarder.port  # until it is heard, the port of MEET is followed
            wait_until(lambda: announced in replica.call("CLUSTER", "NODES"))
            wait_until(lambda: replica.call("CLUSTER", "REPLICATE",
                                            primary.call("CLUSTER", "MYID")) == "OK")
            wait_until(lambda: is_following(replica))
            said = bytes(forwarder.said[-1])
            self.assertIn(encode("REPLCONF", "SET-CLUSTER-NODE-ID", ids[-1]), said)
            self.assertIn(encode("PSYNC", "?", -1), said)
            replica.call("CLUSTER", "RESET", "HARD")
        self.assertNotEqual(*ids)


class Restarts(eirtest.TestCase):
    def pair(self):
        primary = self.start_server(repl_diskless_sync_delay=0)
        fill(primary, 50)
        replica = self.start_server(replicaof=("127.0.0.1", primary.port))
        caught_up(primary, replica)
        return primary, replica

    def test_a_replica_that_was_stopped_goes_on_without_a_full_sync(self):
        primary, replica = self.pair()
        replica.call("SAVE")
        replica.kill()
        primary.call("SET", "while", "away")
        replica.start()
        caught_up(primary, replica)
        self.assertEqual(content(replica), content(primary))
        self.assertEqual(info(primary, "stats")["sync_full"], "1")

    def test_a_primary_that_comes_back_with_its_snapshot_continues_its_replica(self):
        primary, replica = self.pair()
        primary.call("SET", "a", "b")
        caught_up(primary, replica)
        primary.call("SAVE")
        primary.kill()
        wait_until(lambda: not is_following(replica))
        primary.start()
        wait_until(lambda: is_following(replica))
        primary.call("SET", "after", "it")
        caught_up(primary, replica)
        self.assertEqual(content(replica), content(primary))
        self.assertEqual(info(primary, "stats")["sync_full"], "0")

    def test_old_data_are_served_until_the_new_ones_are_complete(self):
        primary, replica = self.pair()
        before = content(replica)
        other = self.start_server(repl_diskless_sync_delay=3600)
        other.call("SET", "new", "data")
        with replica.client() as client:
            client.call("REPLICAOF", "127.0.0.1", other.port)
            wait_until(lambda: info(other)["connected_slaves"] == "1")
            self.assertEqual(content(replica), before)
            other.call("CONFIG", "SET", "repl-diskless-sync-delay", 0)
            caught_up(other, replica)
            self.assertEqual(content(replica), content(other))


if __name__ == "__main__":
    eirtest.main()
