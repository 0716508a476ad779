"""Replication between our own nodes: the stories that interop plays with Valkey, and our own."""
import os
import signal
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


    def test_a_wiped_primary_has_nothing_for_its_former_replica(self):
        primary = self.start_server(cluster_enabled="yes", repl_diskless_sync_delay=0)
        primary.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: primary.call("SET", "k", "v") == "OK")
        replica = self.start_server(cluster_enabled="yes")
        replica.call("CLUSTER", "MEET", "127.0.0.1", primary.port)
        wait_until(lambda: replica.call("CLUSTER", "REPLICATE",
                                        primary.call("CLUSTER", "MYID")) == "OK")
        caught_up(primary, replica)
        replica_id = replica.call("CLUSTER", "MYID")
        primary.kill()
        os.remove(os.path.join(primary.folder, "nodes.conf"))
        primary.start()
        wait_until(lambda: "you are no replica of mine" in replica.log())
        self.assertEqual(replica.call("DBSIZE"), 1)
        with primary.client() as client:
            self.assertEqual(client.call("REPLCONF", "SET-CLUSTER-NODE-ID", replica_id), "OK")
            self.assertEqual(client.ask("PSYNC", "?", -1).code, "NOMASTERLINK")
        with primary.client() as client:  # one that does not say who it is, as tools do
            client.send("PSYNC", "?", -1)
            self.assertIn("FULLRESYNC", client.read())


class Failovers(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        self.primary = self.start_server(repl_diskless_sync_delay=0)
        self.replica = self.start_server(replicaof=("127.0.0.1", self.primary.port))
        caught_up(self.primary, self.replica)
        wait_until(lambda: "state=online" in info(self.primary).get("slave0", ""))
        self.target = "127.0.0.1", self.replica.port
        self.client = self.primary.client()
        self.addCleanup(self.client.close)

    def state(self):
        return info(self.primary)["master_failover_state"]

    def stop_replica(self):
        self.replica.signal(signal.SIGSTOP)
        self.addCleanup(lambda: self.replica.is_running() and self.replica.signal(signal.SIGCONT))
        self.client.call("SET", "unknown", "there")

    def test_writes_wait_and_go_on_when_it_is_aborted(self):
        self.stop_replica()
        self.assertEqual(self.client.call("FAILOVER"), "OK")
        self.assertEqual(self.state(), "waiting-for-sync")
        self.assertEqual(self.primary.client().info("clients")["paused_reason"],
                         "failover_in_progress")
        self.assertEqual(str(self.client.ask("FAILOVER")), "ERR FAILOVER already in progress.")
        self.assertEqual(str(self.client.ask("REPLICAOF", "NO", "ONE")),
                         "ERR REPLICAOF not allowed while failing over.")
        with self.primary.client() as writer:
            writer.send("SET", "a", 1)
            wait_until(lambda: self.primary.client().info("clients")["blocked_clients"] == "1")
            self.assertEqual(self.client.call("FAILOVER", "ABORT"), "OK")
            self.assertEqual(writer.read(), "OK")
        self.assertEqual(self.state(), "no-failover")
        self.assertEqual(str(self.client.ask("FAILOVER", "ABORT")), "ERR No failover in progress.")

    def test_a_replica_that_does_not_catch_up_in_time_does_not_lead(self):
        self.stop_replica()
        self.assertEqual(self.client.call("FAILOVER", "TO", *self.target, "TIMEOUT", 100), "OK")
        wait_until(lambda: self.state() == "no-failover")
        self.assertEqual(self.client.call("SET", "a", 1), "OK")

    def test_force_goes_on_without_waiting_and_abort_takes_it_back(self):
        self.stop_replica()
        self.assertEqual(self.client.call("FAILOVER", "TO", *self.target, "FORCE", "TIMEOUT", 100),
                         "OK")
        wait_until(lambda: self.state() == "failover-in-progress")
        self.assertEqual(info(self.primary)["role"], "slave")
        self.assertEqual(self.client.call("FAILOVER", "ABORT"), "OK")
        self.assertEqual(info(self.primary)["role"], "master")
        self.replica.signal(signal.SIGCONT)
        caught_up(self.primary, self.replica)
        self.assertEqual(info(self.primary, "stats")["sync_full"], "1")

    def test_a_target_that_is_gone_when_it_shall_lead_changes_nothing(self):
        self.stop_replica()
        self.assertEqual(self.client.call("FAILOVER", "TO", *self.target, "FORCE", "TIMEOUT", 500),
                         "OK")
        self.replica.kill()
        wait_until(lambda: self.state() == "no-failover")
        self.assertEqual(info(self.primary)["role"], "master")
        self.assertEqual(self.client.call("SET", "a", 1), "OK")

    def test_who_may_not_fail_over(self):
        for server, words, text in (
                (self.replica, (), "ERR FAILOVER is not valid when server is a replica."),
                (self.primary, ("TO", "127.0.0.1", 1),
                 "ERR FAILOVER target HOST and PORT is not a replica."),
                (self.primary, ("TO", *self.target, "FORCE"), "ERR FAILOVER with force option "
                 "requires both a timeout and target HOST and IP."),
                (self.primary, ("TIMEOUT", 0), "ERR FAILOVER timeout must be greater than 0"),
                (self.primary, ("ABORT", "FORCE"), "ERR syntax error"),
                (self.primary, ("TO", "127.0.0.1"), "ERR syntax error")):
            self.assertEqual(str(server.client().ask("FAILOVER", *words)), text)
        lone = self.start_server()
        self.assertEqual(str(lone.client().ask("FAILOVER")),
                         "ERR FAILOVER requires connected replicas.")


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
