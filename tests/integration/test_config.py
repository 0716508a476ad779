"""CONFIG at run time: read, set, all or nothing, written back to the file, statistics reset."""
import os
import shutil
import stat

import eirtest
from eirtest import wait_until


def code(reply):
    return reply.code if isinstance(reply, eirtest.ReplyError) else reply


class Config(eirtest.TestCase):
    def with_file(self, text, words=()):
        server = self.new_server(words=["{folder}/eir.conf", *words])
        path = os.path.join(server.folder, "eir.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(server.fill(text))
        return server.start(), path

    def get(self, client, *patterns):
        flat = client.call("CONFIG", "GET", *patterns)
        return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2])}

    def test_get_takes_patterns(self):
        server = self.start_server()
        with server.client() as client:
            self.assertEqual(set(self.get(client, "maxm*-policy", "hz")),
                             {"maxmemory-policy", "hz"})
            self.assertEqual(self.get(client, "MAXCLIENTS"), {"MAXCLIENTS": "10000"})
            self.assertEqual(self.get(client, "nothing*"), {})
            self.assertGreater(len(self.get(client, "*")), 200)
        with server.client(protocol=3) as client:
            self.assertEqual(client.call("CONFIG", "GET", "hz"), {b"hz": b"10"})

    def test_set_is_all_or_nothing(self):
        server = self.start_server()
        with server.client() as client:
            before = self.get(client, "*")
            for words in (("hz", "20", "maxclients", "-1"), ("hz", "20", "no-such-option", "1"),
                          ("hz", "20", "hz", "30"), ("hz", "20", "cluster-enabled", "yes"),
                          ("hz", "20", "maxmemory-policy", "sometimes"), ("hz", "20", "save", "x"),
                          ("maxmemory", "1mb", "dir", "/no/such/folder")):
                with self.subTest(words):
                    self.assertEqual(code(client.ask("CONFIG", "SET", *words)), "ERR")
                    self.assertEqual(self.get(client, "*"), before)
            self.assertEqual(client.call("CONFIG", "SET", "hz", "20", "maxmemory", "1gb"), "OK")
            self.assertEqual(self.get(client, "hz", "maxmemory"),
                             {"hz": "20", "maxmemory": "1073741824"})

    def test_the_port_changes_and_open_connections_stay(self):
        server = self.start_server()
        port = eirtest.free_port()
        with server.client() as client:
            self.assertEqual(client.call("CONFIG", "SET", "port", port), "OK")
            self.assertEqual(eirtest.Client(port).call("PING"), "PONG")
            self.assertRaises(ConnectionRefusedError, server.client)
            self.assertEqual(client.call("PING"), "PONG")
            taken = self.start_server()
            self.assertEqual(code(client.ask("CONFIG", "SET", "port", taken.port, "hz", "33")),
                             "ERR")
            self.assertEqual(self.get(client, "port", "hz"), {"port": str(port), "hz": "10"})
            self.assertEqual(eirtest.Client(port).call("PING"), "PONG")

    def test_addresses_change(self):
        server = self.start_server()
        with server.client() as client:
            self.assertEqual(client.call("CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2"), "OK")
            with eirtest.Client(server.port, host="127.0.0.2") as other:
                self.assertEqual(other.call("PING"), "PONG")
            self.assertEqual(code(client.ask("CONFIG", "SET", "bind", "192.0.2.99")), "ERR")
            self.assertEqual(self.get(client, "bind"), {"bind": "127.0.0.1 127.0.0.2"})
            self.assertEqual(server.call("PING"), "PONG")

    def test_rewrite_keeps_the_file_as_it_was_and_changes_what_changed(self):
        text = ("# my server\nport {port}\nbind 127.0.0.1\nsave \"\"\n\n# memory\n"
                "maxmemory 100mb\nrename-command SPUBLISH \"\"\n"
                "client-output-buffer-limit pubsub 1mb 1mb 10\n")
        server, path = self.with_file(text)
        with server.client() as client:
            client.call("CONFIG", "SET", "maxmemory", "200mb", "hz", "25", "requirepass",
                        "a \"b\" \\c")
            client.call("CONFIG", "SET", "save", "60 1 30 2")
            self.assertEqual(client.call("CONFIG", "REWRITE"), "OK")
            before = self.get(client, "*")
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        for line in ("# my server", "port %d" % server.port, "# memory", "maxmemory 200mb",
                     "hz 25", "save 60 1 30 2"):
            self.assertIn(line, lines)
        self.assertNotIn("save \"\"", lines)
        server.stop()
        server.start()
        with server.client(password="a \"b\" \\c") as client:
            self.assertEqual(self.get(client, "*"), before)
            self.assertEqual(client.call("CONFIG", "REWRITE"), "OK")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read().splitlines(), lines)

    def test_rewrite_that_fails_leaves_the_old_file(self):
        server, path = self.with_file("port {port}\nbind 127.0.0.1\n")
        with open(path, encoding="utf-8") as file:
            before = file.read()
        with server.client() as client:
            client.call("CONFIG", "SET", "hz", "50")
            shutil.move(path, path + ".away")
            os.mkdir(path)
            self.assertEqual(code(client.ask("CONFIG", "REWRITE")), "ERR")
            os.rmdir(path)
            shutil.move(path + ".away", path)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), before)
            os.chmod(path, 0o640)
            self.assertEqual(client.call("CONFIG", "REWRITE"), "OK")
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)
        self.assertEqual(os.listdir(server.folder).count("eir.conf"), 1)
        self.assertEqual([name for name in os.listdir(server.folder)
                          if "conf" in name and name != "eir.conf"], [])

    def test_without_a_file_there_is_nothing_to_rewrite(self):
        server = self.start_server()
        self.assertEqual(str(server.client().ask("CONFIG", "REWRITE")),
                         "ERR The server is running without a config file")

    def test_resetstat_starts_the_counters_again(self):
        server = self.start_server()
        with server.client() as client:
            client.call("SET", "k", "v")
            client.call("GET", "k")
            client.call("GET", "nothing")
            client.ask("NO-SUCH-COMMAND")
            info = client.info("everything")
            self.assertEqual((info["keyspace_hits"], info["keyspace_misses"]), ("1", "1"))
            self.assertIn("errorstat_ERR", info)
            self.assertIn("cmdstat_get", info)
            self.assertEqual(client.call("CONFIG", "RESETSTAT"), "OK")
            info = client.info("everything")
            self.assertEqual((info["keyspace_hits"], info["keyspace_misses"]), ("0", "0"))
            self.assertNotIn("errorstat_ERR", info)
            self.assertNotIn("cmdstat_get", info)
            self.assertEqual(client.call("GET", "k"), b"v")

    def test_a_cluster_node_may_change_its_port(self):
        cluster = self.start_cluster()
        node = cluster.replicas_of(cluster.primary_of(0))[0]
        node_id = node.call("CLUSTER", "MYID").decode()
        port = eirtest.free_port()
        node.call("CONFIG", "SET", "port", port)
        node.port = port
        for other in cluster.nodes:
            wait_until(lambda: any(row["id"] == node_id and ":%d@" % port in row["address"]
                                   for row in eirtest.cluster_nodes(other.client())), 20,
                       "%s knows the new port" % other.name)
        cluster.wait_ok()


if __name__ == "__main__":
    eirtest.main()
