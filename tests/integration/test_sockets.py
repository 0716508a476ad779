"""Where a server listens: addresses, IPv6, the unix socket, and changing them while it runs."""
import grp
import os
import socket
import stat
import struct
import unittest

import eirtest
from eirtest import ReplyError, wait_until

ABSENT = "192.0.2.77"  # for documentation: no machine has it


def has_ip6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


def answers(host, port):
    """What a PING is answered there; None when nobody listens."""
    try:
        with socket.create_connection((host, port), timeout=10) as client:
            client.sendall(b"PING\r\n")
            return client.recv(100)
    except ConnectionRefusedError:
        return None


class Addresses(eirtest.TestCase):
    def test_several_addresses_and_no_others(self):
        server = self.start_server(bind=("127.0.0.1", "127.0.0.3"))
        self.assertEqual(answers("127.0.0.1", server.port), b"+PONG\r\n")
        self.assertEqual(answers("127.0.0.3", server.port), b"+PONG\r\n")
        self.assertIsNone(answers("127.0.0.2", server.port))

    @unittest.skipUnless(has_ip6(), "skipped: no IPv6 here")
    def test_ip6_is_shown_in_brackets(self):
        server = self.start_server(bind=("127.0.0.1", "::1"))
        with socket.create_connection(("::1", server.port), timeout=10) as client:
            client.sendall(b"CLIENT INFO\r\n")
            said = client.recv(4096)
        self.assertIn(b" addr=[::1]:", said)
        self.assertIn(b" laddr=[::1]:%d" % server.port, said)

    @unittest.skipUnless(has_ip6(), "skipped: no IPv6 here")
    def test_stars_are_all_addresses(self):
        server = self.start_server(bind=("*", "::*"))
        for host in ("127.0.0.1", "127.0.0.9", "::1"):
            self.assertEqual(answers(host, server.port), b"+PONG\r\n")

    def test_a_name_is_looked_up(self):
        server = self.start_server(bind="localhost")
        self.assertEqual(answers("localhost", server.port), b"+PONG\r\n")

    def test_an_address_that_is_not_there_ends_the_start_unless_it_is_optional(self):
        server = self.new_server(bind=("127.0.0.1", ABSENT))
        server.start(wait=False)
        wait_until(lambda: not server.is_running(), 30)
        self.assertEqual(server.process.wait(), 1)
        self.assertIn("%s:%d: bind: Cannot assign requested address" % (ABSENT, server.port),
                      server.log())
        other = self.start_server(bind=("127.0.0.1", "-" + ABSENT))
        self.assertEqual(other.call("PING"), "PONG")

    def test_an_optional_address_that_is_taken_ends_the_start(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            server = self.new_server(bind="-127.0.0.1", port=taken.getsockname()[1])
            server.start(wait=False)
            wait_until(lambda: not server.is_running(), 30)
            self.assertIn("Address already in use", server.log())


class Changes(eirtest.TestCase):
    def test_bind_changes_while_it_runs_and_falls_back_when_it_fails(self):
        server = self.start_server()
        with server.client() as client:
            self.assertEqual(client.call("CONFIG", "SET", "bind", "127.0.0.1 127.0.0.5"), "OK")
            self.assertEqual(answers("127.0.0.5", server.port), b"+PONG\r\n")
            error = client.ask("CONFIG", "SET", "bind", ABSENT)
            self.assertIsInstance(error, ReplyError)
            self.assertIn("Failed to bind to specified addresses", str(error))
            self.assertEqual(answers("127.0.0.5", server.port), b"+PONG\r\n")
            self.assertEqual(client.call("CONFIG", "GET", "bind"),
                             [b"bind", b"127.0.0.1 127.0.0.5"])
            self.assertEqual(client.call("CONFIG", "SET", "bind", "127.0.0.1"), "OK")
            self.assertIsNone(answers("127.0.0.5", server.port))

    def test_port_changes_while_it_runs_and_clients_stay(self):
        server = self.start_server()
        port = eirtest.free_port()
        with server.client() as client, socket.create_server(("127.0.0.1", 0)) as taken:
            error = client.ask("CONFIG", "SET", "port", taken.getsockname()[1])
            self.assertIn("Unable to listen on this port", str(error))
            self.assertEqual(answers("127.0.0.1", server.port), b"+PONG\r\n")
            self.assertEqual(client.call("CONFIG", "SET", "port", port), "OK")
            self.assertEqual(answers("127.0.0.1", port), b"+PONG\r\n")
            self.assertIsNone(answers("127.0.0.1", server.port))
            self.assertEqual(client.info("server")["tcp_port"], str(port))
            self.assertEqual(client.call("CONFIG", "SET", "port", 0), "OK")
            self.assertIsNone(answers("127.0.0.1", port))
            self.assertEqual(client.call("PING"), "PONG")


class UnixSocket(eirtest.TestCase):
    def test_its_group_permissions_and_clients(self):
        server = self.new_server()
        path = os.path.join(server.folder, "eir.sock")
        group = grp.getgrgid(os.getgid()).gr_name
        with open(path, "w") as stale:  # left by another program, or a crash
            stale.write("x")
        server.options.update({"unixsocket": path, "unixsocketperm": "750",
                               "unixsocketgroup": group})
        server.start()
        found = os.stat(path)
        self.assertTrue(stat.S_ISSOCK(found.st_mode))
        self.assertEqual(found.st_mode & 0o777, 0o750)
        self.assertEqual(found.st_gid, os.getgid())
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(path)
            client.sendall(b"SET k %s\r\nCLIENT INFO\r\n" % (b"v" * 20000))
            said = client.recv(65536)
            while b" flags=" not in said:
                said += client.recv(65536)
            self.assertIn(b" flags=U ", said)
        self.assertEqual(len(server.call("GET", "k")), 20000)
        self.assertIn("listener1", server.client().info("server"))

    def test_a_group_that_is_not_there_ends_the_start(self):
        server = self.new_server()
        server.options.update({"unixsocket": os.path.join(server.folder, "eir.sock"),
                               "unixsocketgroup": "no-such-group"})
        server.start(wait=False)
        wait_until(lambda: not server.is_running(), 30)
        self.assertIn("getgrnam error for group 'no-such-group'", server.log())

    def test_a_path_that_cannot_be_ends_the_start(self):
        server = self.new_server(unixsocket="/nonexistent/eir.sock")
        server.start(wait=False)
        wait_until(lambda: not server.is_running(), 30)
        self.assertIn("Failed opening Unix socket: bind: No such file", server.log())


class Peers(eirtest.TestCase):
    def test_a_burst_of_resets_leaves_no_connection(self):
        server = self.start_server()
        for _ in range(100):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.sendall(b"SET k v\r\nGET k\r\n" * 20)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        with server.client() as client:
            wait_until(lambda: client.info("clients")["connected_clients"] == "1", 30)

    def test_protected_mode_lets_in_the_loopback_alone(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((ABSENT, 9))  # sends nothing
                own = probe.getsockname()[0]
            except OSError:
                self.skipTest("skipped: no address but the loopback's")
        if own.startswith("127."):
            self.skipTest("skipped: no address but the loopback's")
        server = self.start_server(bind=("127.0.0.1", own), protected_mode="yes")
        self.assertEqual(answers("127.0.0.1", server.port), b"+PONG\r\n")
        self.assertTrue(answers(own, server.port).startswith(b"-DENIED "))
        server.call("CONFIG", "SET", "protected-mode", "no")
        self.assertEqual(answers(own, server.port), b"+PONG\r\n")


if __name__ == "__main__":
    eirtest.main()
