"""What is on disk: saves, their failures, the end of a server, and files that are damaged."""
import os
import signal

import eirtest
from eirtest import wait_until


def dump(server):
    return os.path.join(server.folder, "dump.rdb")


def content(path):
    with open(path, "rb") as file:
        return file.read()


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


class Saves(eirtest.TestCase):
    def test_what_was_saved_is_there_after_a_crash(self):
        server = self.start_server()
        with server.client() as client:
            client.call("SET", "saved", "1")
            client.call("SET", "short", "2", "PX", 30)
            client.call("SET", "long", "3", "EX", 1000)
            client.call("SELECT", 7)
            client.call("SET", "other", "4")
            client.call("SAVE")
            client.call("SET", "late", "5")
        server.kill()
        server.start()
        with server.client() as client:
            wait_until(lambda: client.call("GET", "short") is None)
            self.assertEqual(client.call("MGET", "saved", "long", "late"), [b"1", b"3", None])
            self.assertGreater(client.call("TTL", "long"), 900)
            client.call("SELECT", 7)
            self.assertEqual(client.call("GET", "other"), b"4")

    def test_bgsave_saves_what_was_there_when_it_began(self):
        server = self.start_server()
        with server.client() as client:
            client.call("SET", "k", "before")
            client.call("SET", "bulk", os.urandom(20 << 20))
            child = server.save_and_stop_child()
            client.call("SET", "k", "after")
            self.assertEqual(str(client.ask("BGSAVE")), "ERR Background save already in progress")
            os.kill(child, signal.SIGCONT)
            wait_until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == "0", 30)
            info = client.info("persistence")
            self.assertEqual(info["rdb_last_bgsave_status"], "ok")
            self.assertEqual(info["rdb_changes_since_last_save"], "1")
        server.kill()
        server.start()
        self.assertEqual(server.call("GET", "k"), b"before")

    def test_a_save_point_saves_by_itself(self):
        server = self.start_server(save=["1 3"])
        with server.client() as client:
            for number in range(3):
                client.call("SET", "k%d" % number, number)
            wait_until(lambda: os.path.exists(dump(server)), 20)
            wait_until(lambda: client.info("persistence")["rdb_changes_since_last_save"] == "0")
        server.kill()
        server.start()
        self.assertEqual(server.call("DBSIZE"), 3)

    def test_a_crash_during_a_save_leaves_the_old_file(self):
        server = self.start_server()
        with server.client() as client:
            client.call("SET", "k", "old")
            client.call("SAVE")
            old = content(dump(server))
            client.call("SET", "k", "new")
            client.call("SET", "bulk", os.urandom(20 << 20))
        child = server.save_and_stop_child()
        server.kill()
        wait_until(lambda: eirtest.is_dead(child), 10, "the child died with it")
        self.assertEqual(content(dump(server)), old)
        server.start()
        self.assertEqual(server.call("GET", "k"), b"old")

    def test_a_failed_save_stops_writes_until_one_succeeds(self):
        server = self.start_server(save=["3600 1000000"])
        with server.client() as client:
            client.call("SET", "k", "v")
            os.mkdir(dump(server))  # nothing can be renamed over it
            client.call("BGSAVE")
            wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
            self.assertEqual(client.ask("SET", "k", "w").code, "MISCONF")
            self.assertEqual(client.call("GET", "k"), b"v")
            client.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
            self.assertEqual(client.call("SET", "k", "w"), "OK")
            client.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes")
            os.rmdir(dump(server))
            client.call("BGSAVE")
            wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "ok")
            self.assertEqual(client.call("SET", "k", "x"), "OK")
        self.assertEqual([name for name in os.listdir(server.folder) if name.startswith("temp-")],
                         [])

    def test_bgsave_is_cancelled(self):
        server = self.start_server()
        with server.client() as client:
            client.call("SET", "bulk", os.urandom(20 << 20))
            child = server.save_and_stop_child()
            self.assertEqual(client.call("BGSAVE", "CANCEL"), "Background saving cancelled")
            wait_until(lambda: eirtest.is_dead(child), 10)
            wait_until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == "0")
        self.assertEqual([name for name in os.listdir(server.folder) if name.endswith(".rdb")], [])


class Ends(eirtest.TestCase):
    def shut_down(self, server, *words):
        with server.client(timeout=120) as client:
            client.send("SHUTDOWN", *words)
            self.assertEqual(client.read_until_closed(), b"")
        self.assertEqual(server.process.wait(80), 0)

    def test_shutdown_saves_if_there_are_save_points_or_it_is_told_to(self):
        for save, words, is_saved in (([""], [], False), (["3600 1"], [], True),
                                      (["3600 1"], ["NOSAVE"], False), ([""], ["SAVE"], True),
                                      (["3600 1"], ["NOW", "FORCE"], True)):
            with self.subTest(save=save, words=words):
                server = self.start_server(save=save)
                server.call("SET", "k", "v")
                self.shut_down(server, *words)
                self.assertEqual(os.path.exists(dump(server)), is_saved)
                server.start()
                self.assertEqual(server.call("GET", "k"), b"v" if is_saved else None)

    def test_signals_end_it_saved_and_with_status_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.start_server(save=["3600 1"])
            server.call("SET", "k", "v")
            server.signal(number)
            self.assertEqual(server.process.wait(80), 0)
            server.start()
            self.assertEqual(server.call("GET", "k"), b"v")

    def test_a_save_that_fails_keeps_it_alive(self):
        server = self.start_server(save=["3600 1"])
        server.call("SET", "k", "v")
        os.mkdir(dump(server))
        with server.client() as client:
            self.assertEqual(str(client.ask("SHUTDOWN")),
                             "ERR Errors trying to SHUTDOWN. Check logs.")
            self.assertEqual(client.call("GET", "k"), b"v")
            client.send("SHUTDOWN", "FORCE")
            self.assertEqual(client.read_until_closed(), b"")
        self.assertEqual(server.process.wait(80), 0)

    def test_words_of_shutdown_that_contradict_each_other(self):
        server = self.start_server()
        with server.client() as client:
            self.assertEqual(str(client.ask("SHUTDOWN", "SAVE", "NOSAVE")), "ERR syntax error")
            self.assertEqual(str(client.ask("SHUTDOWN", "ABORT")), "ERR No shutdown in progress.")
            self.assertEqual(str(client.ask("SHUTDOWN", "NOSAVE", "ABORT")), "ERR syntax error")

    def test_a_save_in_the_background_does_not_delay_the_end(self):
        server = self.start_server(save=["3600 1000000"])
        with server.client() as client:
            client.call("SET", "bulk", os.urandom(20 << 20))
        child = server.save_and_stop_child()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(80), 0)
        self.assertTrue(eirtest.is_dead(child))
        self.assertEqual([name for name in os.listdir(server.folder) if name.endswith(".rdb")],
                         ["dump.rdb"])
        server.start()
        self.assertEqual(server.call("STRLEN", "bulk"), 20 << 20)

    def test_shutdown_waits_for_a_replica_that_is_behind(self):
        primary = self.start_server(save=[""], shutdown_timeout=120)
        replica = self.start_server(replicaof=("127.0.0.1", primary.port))
        wait_until(lambda: replica.client().info("replication")["master_link_status"] == "up", 20)
        replica.signal(signal.SIGSTOP)
        try:
            primary.call("SET", "k", "v")
            with primary.client() as client:
                client.send("SHUTDOWN", "NOSAVE")
                wait_until(lambda: "wait" in primary.log().lower(), 10, "it says that it waits")
                self.assertTrue(primary.is_running())
        finally:
            replica.signal(signal.SIGCONT)
        self.assertEqual(primary.process.wait(80), 0)
        self.assertEqual(replica.call("GET", "k"), b"v")


class Reports(eirtest.TestCase):
    def test_a_broken_invariant_ends_the_process_with_a_report(self):
        for word, said in (("ASSERT", "ensure failed"), ("PANIC", "Panic requested")):
            server = self.start_server()
            with server.client() as client:
                client.send("DEBUG", word)
                self.assertEqual(client.read_until_closed(), b"")
            self.assertNotEqual(server.process.wait(80), 0)
            self.assertIn(said, server.log())


class Damage(eirtest.TestCase):
    def refused(self, server, name, *parts):
        path = os.path.join(server.folder, name)
        before = content(path)
        said = self.refuse_to_start(server)
        for part in (name,) + parts:
            self.assertIn(part, said)
        self.assertEqual(content(path), before)

    def test_a_damaged_snapshot_is_refused_with_file_offset_and_reason(self):
        server = self.start_server()
        for number in range(100):
            server.call("SET", "key:%d" % number, "v" * 50)
        server.call("SAVE")
        server.stop()
        good = content(dump(server))
        for name, bad in (("flipped", good[:200] + bytes([good[200] ^ 1]) + good[201:]),
                          ("cut", good[:len(good) // 2]),
                          ("foreign", b"SQLite format 3\0" + good)):
            with self.subTest(name):
                put(dump(server), bad)
                self.refused(server, "dump.rdb", "offset")
        put(dump(server), good)
        server.start()
        self.assertEqual(server.call("DBSIZE"), 100)

    def test_data_of_modules_are_left_out_and_the_log_says_so(self):
        server = self.new_server()
        module = bytes.fromhex("f781448b1a3c51b80001020201050280000000090361626364"
                               "046162636465666768050378797a00")
        put(dump(server), b"VALKEY080" + module + b"\xfe\x00\x00\x01k\x01v\xff" + bytes(8))
        server.start()
        self.assertEqual(server.call("GET", "k"), b"v")
        self.assertIn("data of modules in 1 places: left out", server.log())

    def test_a_damaged_nodes_conf_is_refused_with_file_line_and_reason(self):
        server = self.start_server(cluster_enabled="yes")
        server.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: server.client().cluster_info()["cluster_state"] == "ok")
        server.stop()
        path = os.path.join(server.folder, "nodes.conf")
        good = content(path)
        for name, bad in (("garbage", b"these are no nodes\n" + good),
                          ("cut", good[:60]),
                          ("wrong slot", good.replace(b"0-16383", b"0-16384")),
                          ("wrong flag", good.replace(b"myself", b"mysolf"))):
            with self.subTest(name):
                put(path, bad)
                self.refused(server, "nodes.conf", "line")
        put(path, good)
        server.start()
        wait_until(lambda: server.client().cluster_info()["cluster_state"] == "ok")


if __name__ == "__main__":
    eirtest.main()
