"""How a server is started and what it says: log, configuration in all its forms, ports, sockets."""
import os
import signal
import socket
import subprocess

import eirtest
from eirtest import wait_until


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


class Log(eirtest.TestCase):
    def test_a_start_is_told_in_the_words_that_tools_look_for(self):
        server = self.start_server()
        log = server.log()
        words = ["PID: %d" % server.process.pid, "Server initialized",
                 "Ready to accept connections tcp"]
        places = [log.find(word) for word in words]
        self.assertNotIn(-1, places, log)
        self.assertEqual(places, sorted(places))

    def test_the_log_goes_to_a_file_that_may_be_moved_away(self):
        server = self.start_server(logfile="server.log")
        path = os.path.join(server.folder, "server.log")
        self.assertIn("Ready to accept connections tcp", read(server.folder, "server.log"))
        self.assertEqual(server.log(), "")
        os.rename(path, path + ".1")
        server.call("CONFIG", "SET", "loglevel", "debug")
        server.call("SAVE")
        self.assertIn("DB saved on disk", read(server.folder, "server.log"))


class Forms(eirtest.TestCase):
    def asks(self, server, expected):
        with server.client() as client:
            for name, value in expected.items():
                self.assertEqual(client.call("CONFIG", "GET", name)[1].decode(), value)

    def test_a_file_alone(self):
        server = self.new_server(words=["{folder}/eir.conf"])
        write(server.folder, "eir.conf", server.fill(
            "# a comment\n\nport {port}\nbind 127.0.0.1\nsave \"\"\n"
            "maxmemory 100mb\nproc-title-template 'a b'\n"))
        server.start()
        self.asks(server, {"maxmemory": "104857600", "save": "", "proc-title-template": "a b"})
        self.assertEqual(server.client().info("server")["config_file"],
                         os.path.join(server.folder, "eir.conf"))

    def test_arguments_come_after_the_file(self):
        server = self.new_server(words=["{folder}/eir.conf", "--port", "{port}", "--maxmemory",
                                        "3mb", "--save", "60", "10", "--save", "5", "1"])
        write(server.folder, "eir.conf", "port 1\nmaxmemory 1mb\nsave 3600 1\n")
        server.start()
        self.asks(server, {"maxmemory": "3145728", "save": "3600 1 60 10 5 1"})

    def test_standard_input(self):
        """What comes from there stands before the arguments, wherever the dash is."""
        for words in (["-", "--maxmemory", "2mb"], ["--maxmemory", "2mb", "-"]):
            server = self.new_server(words=words,
                                     input_text="port {port}\nmaxmemory 1mb\nhz 20\n")
            server.start()
            self.asks(server, {"maxmemory": "2097152", "hz": "20"})

    def test_a_file_includes_another(self):
        server = self.new_server(words=["{folder}/eir.conf", "--port", "{port}"])
        write(server.folder, "more.conf", "maxclients 123\n")
        write(server.folder, "eir.conf", "include %s/more.conf\n" % server.folder)
        server.start()
        self.asks(server, {"maxclients": "123"})

    def test_an_unknown_option_is_refused_by_line_and_name(self):
        server = self.new_server(words=["{folder}/eir.conf"])
        write(server.folder, "eir.conf", "port 7000\n\nno-such-option yes\n")
        said = self.refuse_to_start(server)
        self.assertIn("at line 3", said)
        self.assertIn(">>> 'no-such-option yes'", said)
        server.words = ["--no-such-option", "yes"]
        self.assertIn("no-such-option", self.refuse_to_start(server))

    def test_a_wrong_value_is_refused(self):
        server = self.new_server(words=["--port", "{port}", "--maxmemory-policy", "sometimes"])
        self.assertIn("maxmemory-policy", self.refuse_to_start(server))
        server.words = ["--port", "99999"]
        self.assertIn("port", self.refuse_to_start(server))

    def test_options_of_debugging_are_known(self):
        server = self.start_server(enable_debug_assert="yes", enable_debug_command="local",
                                   enable_module_command="no", enable_protected_configs="local")
        self.assertEqual(server.call("CONFIG", "GET", "enable-debug-assert")[1], b"yes")
        self.assertEqual(server.call("DEBUG", "SLEEP", "0"), "OK")

    def test_version_and_help(self):
        program = eirtest.eir_server()
        for word in ("-v", "--version"):
            done = subprocess.run([program, word], capture_output=True, text=True, check=True)
            self.assertIn("v=", done.stdout)
        for word in ("-h", "--help"):
            done = subprocess.run([program, word], capture_output=True, text=True, check=True)
            self.assertIn("--port", done.stdout)


class Process(eirtest.TestCase):
    def test_a_pid_file_is_written_and_removed(self):
        server = self.new_server()
        path = os.path.join(server.folder, "eir.pid")
        server.options["pidfile"] = path
        server.start()
        self.assertEqual(int(read(server.folder, "eir.pid")), server.process.pid)
        server.stop()
        self.assertFalse(os.path.exists(path))

    def test_a_daemon_leaves_its_parent_and_serves(self):
        server = self.new_server()
        server.options.update({"daemonize": "yes", "pidfile": server.folder + "/eir.pid",
                               "logfile": server.folder + "/eir.log"})
        server.start(wait=False)
        self.assertEqual(server.process.wait(20), 0)
        wait_until(lambda: server.call("PING") == "PONG", 20)
        pid = int(read(server.folder, "eir.pid"))
        try:
            self.assertNotEqual(pid, server.process.pid)
            self.assertEqual(server.client().info("server")["process_id"], str(pid))
            with server.client() as client:
                client.send("SHUTDOWN", "NOSAVE")
                self.assertEqual(client.read_until_closed(), b"")
            wait_until(lambda: eirtest.is_dead(pid), 20, "the daemon has ended")
        finally:
            if not eirtest.is_dead(pid):
                os.kill(pid, signal.SIGKILL)

    def test_two_servers_do_not_share_a_port(self):
        server = self.start_server()
        second = self.new_server(port=server.port)
        self.assertIn(str(server.port), self.refuse_to_start(second))
        self.assertEqual(server.call("PING"), "PONG")

    def test_two_nodes_do_not_share_a_nodes_conf(self):
        server = self.start_server(cluster_enabled="yes")
        second = self.new_server(folder=server.folder, name="second", cluster_enabled="yes")
        said = self.refuse_to_start(second)
        self.assertIn("nodes.conf", said)
        self.assertEqual(server.call("PING"), "PONG")

    def test_a_unix_socket_serves_too(self):
        server = self.new_server()
        path = os.path.join(server.folder, "eir.sock")
        server.options.update({"unixsocket": path, "unixsocketperm": "700"})
        server.start()
        self.assertIn("Ready to accept connections unix", server.log())
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(path)
            client.sendall(b"PING\r\nCLIENT INFO\r\n")
            text = b""
            while b"\n" not in text[7:] or b"lib-ver" not in text:
                text += client.recv(65536)
            self.assertTrue(text.startswith(b"+PONG\r\n"))
            self.assertIn(b"addr=[%s:0]:0" % path.encode(), text)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o700)
        server.stop()
        self.assertFalse(os.path.exists(path))

    def test_a_server_that_nobody_could_reach_does_not_start(self):
        server = self.new_server()
        server.options["port"] = 0
        self.assertIn("Configured to not listen anywhere, exiting.", self.refuse_to_start(server))

    def test_a_log_that_cannot_be_written_is_told(self):
        server = self.new_server()
        server.options["logfile"] = "/no/such/folder/log"
        server.start(wait=False)
        self.assertEqual(server.process.wait(60), 1)

    def test_a_server_starts_itself_again(self):
        server = self.start_server(enable_debug_command="yes", save="100000 1")

        def ask(*words):
            with server.client() as client:
                return client.call(*words)

        def run_id():
            with server.client() as client:
                return client.info("server")["run_id"]

        ask("SET", "saved", 1)
        for words in ("RESTART",), ("CRASH-AND-RECOVER", 50):
            before = run_id()
            with self.assertRaises(ConnectionError):
                ask("DEBUG", *words)
            wait_until(lambda: run_id() != before)
            wait_until(lambda: ask("MGET", "saved", "lost") == [b"1", None])
            ask("SET", "lost", 1)
        self.assertTrue(server.is_running())

    def test_port_zero_listens_on_the_socket_alone(self):
        server = self.new_server()
        path = os.path.join(server.folder, "eir.sock")
        server.options.update({"unixsocket": path, "port": 0})
        server.start(wait=False)
        wait_until(lambda: "Ready to accept connections unix" in server.log(), 20)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"PING\r\n")
            self.assertEqual(client.recv(100), b"+PONG\r\n")


class Strangers(eirtest.TestCase):
    def test_a_password_is_asked_for(self):
        server = self.start_server(requirepass="secret")
        with server.client() as client:
            self.assertEqual(client.ask("GET", "k").code, "NOAUTH")
            self.assertEqual(client.ask("AUTH", "wrong").code, "WRONGPASS")
            self.assertEqual(client.ask("AUTH", "default", "secret"), "OK")
            self.assertIsNone(client.call("GET", "k"))
            client.call("CONFIG", "SET", "requirepass", "other")
            self.assertEqual(client.call("PING"), "PONG")
            self.assertEqual(server.client().ask("AUTH", "secret").code, "WRONGPASS")
            client.call("CONFIG", "SET", "requirepass", "")
            self.assertEqual(server.call("PING"), "PONG")
        with server.client() as client:
            self.assertEqual(client.call("HELLO", 3, "AUTH", "default", "any")[b"proto"], 3)

    def test_protected_mode_lets_in_the_loopback_interface_only(self):
        address = other_address()
        if address is None:
            self.skipTest("skipped: the loopback address is the only one")
        server = self.start_server(bind="*", protected_mode="yes")
        with eirtest.Client(server.port, host=address) as client:
            self.assertIn(b"-DENIED", client.read_until_closed())
        server.call("CONFIG", "SET", "protected-mode", "no")
        with eirtest.Client(server.port, host=address) as client:
            self.assertEqual(client.call("PING"), "PONG")
        server.call("CONFIG", "SET", "protected-mode", "yes")
        server.call("CONFIG", "SET", "requirepass", "secret")
        with eirtest.Client(server.port, host=address, password="secret") as client:
            self.assertEqual(client.call("PING"), "PONG")


def other_address():
    """An address of this machine that is not of the loopback interface; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


if __name__ == "__main__":
    eirtest.main()
