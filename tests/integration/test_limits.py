"""What clients may take: output that nobody reads, requests without an end, memory, silence."""
import os

import eirtest
from eirtest import wait_until

MIB = 1 << 20


class Limits(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        self.server = self.start_server()
        self.client = self.server.client(timeout=30)

    def set(self, name, value):
        self.assertEqual(self.client.call("CONFIG", "SET", name, value), "OK")

    def lists(self, client_id):
        return self.client.call("CLIENT", "LIST", "ID", client_id) != b""

    def is_gone(self, client_id):
        wait_until(lambda: not self.lists(client_id), 30, "client %d is gone" % client_id)

    def stat(self, name, section="stats"):
        return int(self.client.info(section)[name])

    # Output.

    def publish_until_gone(self, client_id, size, seconds=30):
        payload = "x" * size

        def publish():
            self.client.call("PUBLISH", "c", payload)
            return not self.lists(client_id)
        wait_until(publish, seconds, "client %d is closed" % client_id)

    def test_a_subscriber_that_does_not_read_is_closed_at_the_hard_limit(self):
        self.set("client-output-buffer-limit", "pubsub %d 0 0" % MIB)
        before = self.stat("client_output_buffer_limit_disconnections")
        slow, healthy = self.server.client(), self.server.client()
        client_id = slow.call("CLIENT", "ID")
        slow.call("SUBSCRIBE", "c")
        healthy.call("SUBSCRIBE", "other")
        self.publish_until_gone(client_id, 3 * MIB)
        self.assertEqual(self.stat("client_output_buffer_limit_disconnections"), before + 1)
        self.assertEqual(healthy.call("PING"), [b"pong", b""])

    def test_the_soft_limit_is_for_those_who_stay_over_it(self):
        self.set("client-output-buffer-limit", "pubsub 0 %d 1" % MIB)
        slow = self.server.client()
        client_id = slow.call("CLIENT", "ID")
        slow.call("SUBSCRIBE", "c")
        self.client.call("PUBLISH", "c", "x" * (8 * MIB))
        self.assertTrue(self.lists(client_id))
        self.is_gone(client_id)

    def test_who_reads_in_time_is_not_over_the_soft_limit(self):
        self.set("client-output-buffer-limit", "normal 0 %d 3600" % MIB)
        self.client.call("SET", "k", "x" * (8 * MIB))
        reader = self.server.client(timeout=30)
        for _ in range(3):
            self.assertEqual(len(reader.call("GET", "k")), 8 * MIB)
        self.assertEqual(self.stat("client_output_buffer_limit_disconnections"), 0)

    def test_a_monitor_that_does_not_read_has_the_limit_of_normal_clients(self):
        self.set("client-output-buffer-limit", "normal %d 0 0" % MIB)
        monitor = self.server.client()
        client_id = monitor.call("CLIENT", "ID")
        monitor.call("MONITOR")
        self.publish_until_gone(client_id, 3 * MIB)

    def test_the_first_block_of_a_reply_is_free(self):
        self.set("client-output-buffer-limit", "normal 100 0 0")
        reader = self.server.client()
        self.assertEqual(len(reader.call("ECHO", "x" * 500)), 500)
        reader.send("ECHO", "x" * 100000)
        self.assertEqual(reader.read_until_closed(), b"")

    # Input.

    def test_a_request_over_the_limit_ends_the_connection(self):
        self.set("client-query-buffer-limit", MIB)
        sender = self.server.client()
        try:
            sender.send_bytes(b"*2\r\n$4\r\nECHO\r\n$50000000\r\n" + b"x" * (4 * MIB))
        except OSError:
            pass  # closed already
        wait_until(lambda: self.stat("client_query_buffer_limit_disconnections") == 1, 30)

    def test_what_a_transaction_queues_counts_as_well(self):
        self.set("client-query-buffer-limit", MIB)
        sender = self.server.client()
        sender.call("MULTI")
        try:
            for _ in range(5):
                sender.send("SET", "k", "x" * (MIB // 2))
        except OSError:
            pass
        wait_until(lambda: self.stat("client_query_buffer_limit_disconnections") == 1, 30)
        self.assertIsNone(self.client.call("GET", "k"))

    # All together.

    def hoard(self):
        """A client, and its id."""
        hoarder = self.server.client()
        client_id = hoarder.call("CLIENT", "ID")
        return hoarder, client_id

    def fill(self, hoarder, size):
        """It sends so much of a request, and does not go on."""
        try:
            hoarder.send_bytes(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (100 * MIB) + b"x" * size)
        except OSError:
            pass  # it may be gone before everything was sent

    def test_the_largest_clients_go_when_all_are_too_much(self):
        self.set("maxmemory-clients", 12 * MIB)
        small, small_id = self.hoard()
        protected, protected_id = self.hoard()
        protected.call("CLIENT", "NO-EVICT", "ON")
        large, large_id = self.hoard()
        self.fill(protected, 5 * MIB)
        self.fill(small, MIB // 4)
        wait_until(lambda: self.stat("mem_clients_normal", "memory") > 5 * MIB, 30)
        self.assertEqual(self.stat("evicted_clients"), 0)
        self.fill(large, 10 * MIB)
        self.is_gone(large_id)
        self.assertEqual(self.stat("evicted_clients"), 1)
        self.assertTrue(self.lists(small_id))
        self.assertTrue(self.lists(protected_id))
        self.assertLess(self.stat("mem_clients_normal", "memory"), 12 * MIB)

    def test_output_counts_and_the_limit_may_be_a_part_of_maxmemory(self):
        self.set("maxmemory", 1000 * MIB)
        self.set("maxmemory-clients", "1%")
        self.assertEqual(self.client.call("CONFIG", "GET", "maxmemory-clients")[1], b"1%")
        self.client.call("SET", "k", "x" * MIB)
        reader = self.server.client()
        client_id = reader.call("CLIENT", "ID")
        try:
            reader.send_bytes(b"".join(eirtest.encode("GET", "k") for _ in range(64)))
        except OSError:
            pass
        self.is_gone(client_id)
        wait_until(lambda: self.stat("evicted_clients") >= 1, 30)

    def name_much(self, client, words):
        """Gives the client a few megabytes of names to remember, in small requests."""
        for part in range(12):
            names = ["%03d" % (50 * part + number) + "x" * 10000 for number in range(50)]
            if words[0] == "CLIENT":
                names = [word for name in names for word in ("PREFIX", name)]
            client.send(*words, *names)
            for _ in range(50 if words[0] == "SUBSCRIBE" else 1):
                client.read()

    def test_subscriptions_and_watches_count_as_well(self):
        self.set("maxmemory-clients", 4 * MIB)
        for words in ("SUBSCRIBE", "WATCH", "CLIENT TRACKING ON BCAST"):
            with self.subTest(words):
                before = self.stat("evicted_clients")
                hoarder = self.server.client(timeout=30)
                client_id = hoarder.call("CLIENT", "ID")
                with self.assertRaises(OSError):
                    self.name_much(hoarder, words.split())
                self.is_gone(client_id)
                self.assertEqual(self.stat("evicted_clients"), before + 1)

    def test_without_a_limit_nobody_is_evicted(self):
        hoarder, client_id = self.hoard()
        self.fill(hoarder, 10 * MIB)
        wait_until(lambda: self.stat("mem_clients_normal", "memory") > 10 * MIB, 30)
        wait_until(lambda: self.stat("client_recent_max_input_buffer", "clients") > 10 * MIB, 30)
        self.assertEqual(self.stat("evicted_clients"), 0)
        self.assertTrue(self.lists(client_id))
        hoarder.close()
        wait_until(lambda: self.stat("mem_clients_normal", "memory") < MIB, 30)
        wait_until(lambda: self.stat("client_recent_max_input_buffer", "clients") < MIB, 60)

    # Connections.

    def test_too_many_clients_are_told_and_closed(self):
        self.set("maxclients", 3)
        others = [self.server.client() for _ in range(2)]
        self.assertEqual([other.call("PING") for other in others], ["PONG", "PONG"])
        refused = self.server.client()
        self.assertEqual(refused.read_until_closed(), b"-ERR max number of clients reached\r\n")
        self.assertEqual(self.stat("rejected_connections"), 1)
        others.pop().close()
        wait_until(lambda: self.server.client().ask("PING") == "PONG", 30)

    def test_who_says_nothing_is_closed_unless_it_waits_for_something(self):
        silent, subscriber, monitor = (self.server.client() for _ in range(3))
        blocked = self.server.client()
        subscriber.call("SUBSCRIBE", "c")
        self.assertEqual(monitor.call("MONITOR"), "OK")
        blocked.send("WAIT", 1, 0)
        wait_until(lambda: self.stat("blocked_clients", "clients") == 1, 30)
        self.set("timeout", 1)
        self.assertEqual(silent.read_until_closed(), b"")
        self.client = self.server.client()
        self.assertEqual(self.stat("blocked_clients", "clients"), 1)
        self.assertEqual(subscriber.call("PING"), [b"pong", b""])
        self.assertIsInstance(monitor.read(), str)

    def test_only_a_wait_with_an_end_stands_in_the_table_of_time_outs(self):
        one, other = self.server.client(), self.server.client()
        one.send("WAIT", 1, 0)
        other.send("WAIT", 1, 100000)
        wait_until(lambda: self.stat("blocked_clients", "clients") == 2, 30)
        self.assertEqual(self.stat("clients_in_timeout_table", "clients"), 1)


class FileLimits(eirtest.TestCase):
    def test_maxclients_is_what_the_system_allows(self):
        server = self.start_server()
        with server.client() as client:
            error = client.ask("CONFIG", "SET", "maxclients", 1 << 31)
            self.assertIn("ERR CONFIG SET failed (possibly related to argument 'maxclients') - The "
                          "operating system is not able to handle the specified number of "
                          "clients, try with ", str(error))
            self.assertEqual(client.call("CONFIG", "GET", "maxclients")[1], b"10000")

    def test_fewer_files_are_fewer_clients(self):
        server = self.new_server()
        server.program = self.with_files(server.program, 64, server.folder)
        server.start()
        client = server.client()
        self.assertEqual(client.call("CONFIG", "GET", "maxclients")[1], b"32")
        self.assertIn("maxclients has been reduced to 32", server.log())
        others = [server.client() for _ in range(31)]
        self.assertEqual({other.call("PING") for other in others}, {"PONG"})
        self.assertEqual(server.client().read_until_closed(),
                         b"-ERR max number of clients reached\r\n")

    def with_files(self, program, count, folder):
        """The program behind a limit of open files."""
        path = os.path.join(folder, "limited")
        with open(path, "w", encoding="utf-8") as script:
            script.write("#!/bin/sh\nulimit -n %d\nexec '%s' \"$@\"\n" % (count, program))
        os.chmod(path, 0o755)
        return path


class ClusterLimits(eirtest.TestCase):
    def test_the_error_names_the_bus_as_well(self):
        server = self.start_server(cluster_enabled="yes")
        client = server.client()
        client.call("CONFIG", "SET", "maxclients", 1)
        self.assertEqual(server.client().read_until_closed(),
                         b"-ERR max number of clients + cluster connections reached\r\n")


if __name__ == "__main__":
    eirtest.main()
