"""What an operator orders: fail over, forget, reset, replicate; and what writes may ask for."""
import signal

import eirtest
from eirtest import wait_until


def code(reply):
    return reply.code if isinstance(reply, eirtest.ReplyError) else reply


def is_primary(node):
    return node.call("ROLE")[0] == b"master"


class Failovers(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        self.cluster = self.start_cluster()
        self.primary = self.cluster.primary_of(0)
        self.replica = self.cluster.replicas_of(self.primary)[0]

    def fail_over(self, *words):
        self.assertEqual(self.replica.call("CLUSTER", "FAILOVER", *words), "OK")
        wait_until(lambda: 0 in eirtest.owned_slots(self.replica.client()), 20, "it leads")

    def test_a_manual_failover_under_writes_loses_nothing(self):
        with eirtest.Writer(self.cluster) as writer:
            writer.wait_progress(200)
            self.fail_over()
            wait_until(lambda: not is_primary(self.primary), 20, "the old primary follows")
            writer.wait_progress(200)
            self.cluster.wait_ok()
            self.assertEqual(self.primary.call("CLUSTER", "FAILOVER"), "OK")
            wait_until(lambda: is_primary(self.primary), 20, "and leads again")
            writer.wait_progress(200)
        self.assertIsNone(writer.failure)
        self.cluster.wait_ok()
        self.assertEqual(writer.lost(self.cluster), {})

    def test_force_needs_no_primary(self):
        self.primary.signal(signal.SIGSTOP)
        try:
            self.fail_over("FORCE")
        finally:
            self.primary.signal(signal.SIGCONT)
        wait_until(lambda: not is_primary(self.primary), 20, "the old primary follows")
        self.cluster.wait_ok()

    def test_takeover_needs_nobody(self):
        others = [node for node in self.cluster.nodes if node is not self.replica]
        for node in others:
            node.signal(signal.SIGSTOP)
        try:
            self.assertEqual(self.replica.call("CLUSTER", "FAILOVER", "TAKEOVER"), "OK")
            wait_until(lambda: 0 in eirtest.owned_slots(self.replica.client()), 20, "it took over")
        finally:
            for node in others:
                node.signal(signal.SIGCONT)
        wait_until(lambda: not is_primary(self.primary), 20, "the old primary follows")
        self.cluster.wait_ok()

    def test_who_may_not_fail_over(self):
        with self.primary.client() as client:
            self.assertEqual(str(client.ask("CLUSTER", "FAILOVER")),
                             "ERR You should send CLUSTER FAILOVER to a replica")
        with self.replica.client() as client:
            self.assertEqual(str(client.ask("CLUSTER", "FAILOVER", "MAYBE")), "ERR syntax error")
        self.assertTrue(is_primary(self.primary))

    def test_a_replica_that_must_not_fail_over_does_not(self):
        self.replica.call("CONFIG", "SET", "cluster-replica-no-failover", "yes")
        wait_until(lambda: any("nofailover" in row["flags"] for row in
                               eirtest.cluster_nodes(self.cluster.primary_of(8000).client())), 20)
        self.primary.kill()
        other = self.cluster.primary_of(8000)
        wait_until(lambda: other.client().cluster_info()["cluster_state"] == "fail", 20)
        self.assertFalse(is_primary(self.replica))
        self.replica.call("CONFIG", "SET", "cluster-replica-no-failover", "no")
        wait_until(lambda: is_primary(self.replica), 30, "now it may")


class Members(eirtest.TestCase):
    def test_a_forgotten_node_is_gone_everywhere_and_may_come_back(self):
        cluster = self.start_cluster(form="commands", replicas=0)
        extra = self.start_server(cluster_enabled="yes", cluster_node_timeout=2000)
        first = cluster.nodes[0]
        first.call("CLUSTER", "MEET", "127.0.0.1", extra.port)
        extra_id = extra.call("CLUSTER", "MYID").decode()
        for node in cluster.nodes:
            wait_until(lambda: extra_id in node.client().text("CLUSTER", "NODES"), 20)
        with first.client() as client:
            for words, text in (((extra_id[:-1] + "z",), "ERR Unknown node " + extra_id[:-1] + "z"),
                                ((client.text("CLUSTER", "MYID"),),
                                 "ERR I tried hard but I can't forget myself...")):
                self.assertEqual(str(client.ask("CLUSTER", "FORGET", *words)), text)
        extra.call("CLUSTER", "RESET", "SOFT")
        for node in cluster.nodes:
            if extra_id in node.client().text("CLUSTER", "NODES"):
                self.assertIn(code(node.client().ask("CLUSTER", "FORGET", extra_id)), ("OK", "ERR"))
        for node in cluster.nodes:
            wait_until(lambda: extra_id not in node.client().text("CLUSTER", "NODES"), 20)
        cluster.wait_ok()

    def test_resets(self):
        cluster = self.start_cluster(form="commands")
        primary = cluster.primary_of(0)
        replica = cluster.replicas_of(primary)[0]
        primary.call("SET", eirtest.key_in_slot(0), "v")
        with primary.client() as client:
            self.assertEqual(str(client.ask("CLUSTER", "RESET")),
                             "ERR CLUSTER RESET can't be called with master nodes containing keys")
        with replica.client() as client:
            node_id = client.call("CLUSTER", "MYID")
            self.assertEqual(client.call("CLUSTER", "RESET", "SOFT"), "OK")
            self.assertEqual(client.call("CLUSTER", "MYID"), node_id)
            self.assertEqual(client.cluster_info()["cluster_known_nodes"], "1")
            self.assertEqual(client.call("DBSIZE"), 0)
            self.assertEqual(client.call("ROLE")[0], b"master")
            self.assertEqual(client.call("CLUSTER", "RESET", "HARD"), "OK")
            self.assertNotEqual(client.call("CLUSTER", "MYID"), node_id)
            self.assertEqual(client.cluster_info()["cluster_current_epoch"], "0")

    def test_a_replica_changes_its_primary(self):
        cluster = self.start_cluster()
        primary, other = cluster.primary_of(0), cluster.primary_of(8000)
        replica = cluster.replicas_of(primary)[0]
        other.call("SET", eirtest.key_in_slot(8000), "v")
        with replica.client() as client:
            self.assertEqual(client.call("CLUSTER", "REPLICATE", other.call("CLUSTER", "MYID")),
                             "OK")
            wait_until(lambda: client.info("replication")["master_link_status"] == "up", 20)
            self.assertEqual(client.call("DBSIZE"), 1)
            self.assertEqual(str(client.ask("CLUSTER", "REPLICATE",
                                            client.call("CLUSTER", "MYID"))),
                             "ERR Can't replicate myself")
            self.assertEqual(code(client.ask("CLUSTER", "REPLICATE", "f" * 40)), "ERR")
        with primary.client() as client:
            other_id = other.call("CLUSTER", "MYID")
            self.assertEqual(code(client.ask("CLUSTER", "REPLICATE", other_id)), "ERR")
        self.assertEqual(len(cluster.replicas_of(other)), 2)


class Writes(eirtest.TestCase):
    def test_wait_counts_replicas_that_have_it(self):
        cluster = self.start_cluster()
        primary = cluster.primary_of(0)
        replica = cluster.replicas_of(primary)[0]
        with primary.client() as client:
            client.call("SET", eirtest.key_in_slot(0), "v")
            self.assertEqual(client.call("WAIT", 1, 20000), 1)
            replica.signal(signal.SIGSTOP)
            try:
                client.call("SET", eirtest.key_in_slot(0), "w")
                self.assertEqual(client.call("WAIT", 1, 100), 0)
                self.assertEqual(client.call("WAIT", 0, 100), 0)
            finally:
                replica.signal(signal.SIGCONT)
            self.assertEqual(client.call("WAIT", 1, 20000), 1)
            self.assertEqual(code(client.ask("WAIT", 1, -1)), "ERR")
        with replica.client() as client:
            self.assertIn("ERR WAIT cannot be used with replica instances.",
                          str(client.ask("WAIT", 1, 1)))

    def test_a_primary_with_too_few_replicas_refuses_writes(self):
        primary = self.start_server(min_replicas_to_write=1, min_replicas_max_lag=2)
        with primary.client() as client:
            self.assertEqual(code(client.ask("SET", "k", "v")), "NOREPLICAS")
            self.assertIsNone(client.call("GET", "k"))
            replica = self.start_server(replicaof=("127.0.0.1", primary.port))
            wait_until(lambda: client.ask("SET", "k", "v") == "OK", 20, "writes are accepted")
            replica.signal(signal.SIGSTOP)
            try:
                wait_until(lambda: code(client.ask("SET", "k", "v")) == "NOREPLICAS", 20)
            finally:
                replica.signal(signal.SIGCONT)
            wait_until(lambda: client.ask("SET", "k", "v") == "OK", 20, "again")
            client.call("CONFIG", "SET", "min-replicas-to-write", 2)
            self.assertEqual(code(client.ask("SET", "k", "v")), "NOREPLICAS")


class Databases(eirtest.TestCase):
    def test_numbered_databases_in_a_cluster(self):
        cluster = self.start_cluster(cluster_databases=16, save=["3600 1"])
        primary = cluster.primary_of(0)
        replica = cluster.replicas_of(primary)[0]
        key = eirtest.key_in_slot(0)
        with primary.client() as client:
            for database in (0, 3, 15):
                self.assertEqual(client.call("SELECT", database), "OK")
                self.assertEqual(client.call("SET", key, database), "OK")
            self.assertEqual(client.call("CLUSTER", "COUNTKEYSINSLOT", 0), 1)
            self.assertEqual(client.call("WAIT", 1, 20000), 1)
            self.assertEqual(code(client.ask("SELECT", 16)), "ERR")
        with replica.client() as client:
            client.call("READONLY")
            for database in (0, 3, 15):
                client.call("SELECT", database)
                self.assertEqual(client.call("GET", key), b"%d" % database)
        self.assertEqual(replica.call("CLUSTER", "FAILOVER"), "OK")
        wait_until(lambda: is_primary(replica), 20)
        replica.restart()
        cluster.wait_ok()
        with cluster.primary_of(0).client() as client:
            client.call("SELECT", 15)
            self.assertEqual(client.call("GET", key), b"15")
            self.assertEqual(sorted(client.info("keyspace")), ["db0", "db15", "db3"])

    def test_one_database_is_the_rule(self):
        server = self.start_server(cluster_enabled="yes")
        with server.client() as client:
            self.assertEqual(client.call("SELECT", 0), "OK")
            self.assertEqual(code(client.ask("SELECT", 1)), "ERR")
            self.assertEqual(code(client.ask("REPLICAOF", "127.0.0.1", 1)), "ERR")


class Alone(eirtest.TestCase):
    def test_a_server_alone_refuses_every_order_but_keyslot(self):
        with self.start_server().client() as client:
            self.assertEqual(client.call("CLUSTER", "KEYSLOT", "a"), 15495)
            for words in (["INFO"], ["SLOTS"], ["NODES"], ["MYID"], ["RESET"], ["HELP"],
                          ["COUNTKEYSINSLOT", "1"], ["MEET", "127.0.0.1", "1"],
                          ["ADDSLOTS", "1"], ["FAILOVER"]):
                reply = client.ask("CLUSTER", *words)
                self.assertEqual(str(reply), "ERR This instance has cluster support disabled")


if __name__ == "__main__":
    eirtest.main()
