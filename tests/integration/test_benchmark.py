"""eir-benchmark: it sends what was asked for, prints what scripts read, compares servers."""
import csv
import io
import json
import os
import subprocess
import tempfile

import eirtest

SECONDS = 120


def benchmark(*args, input_text=None, seconds=SECONDS):
    """(exit status, standard output, standard error)"""
    done = subprocess.run([eirtest.eir_benchmark(), *[str(arg) for arg in args]],
                          input=input_text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=seconds, check=False)
    return done.returncode, done.stdout, done.stderr


def calls(server, name):
    """How often the server has run the command."""
    with server.client() as client:
        row = client.info("commandstats").get("cmdstat_" + name, "calls=0")
    return int(row.split(",")[0].split("=")[1])


class Plain(eirtest.TestCase):
    """Against one server that runs already."""

    @classmethod
    def setUpClass(cls):
        cls.shared = eirtest.Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        super().setUp()
        self.server = self.shared
        self.server.call("FLUSHALL")
        self.server.call("CONFIG", "RESETSTAT")

    def run_good(self, *args, **options):
        status, out, err = benchmark("-p", self.server.port, *args, **options)
        self.assertEqual(status, 0, err)
        return out

    def run_json(self, *args):
        return json.loads(self.run_good("--json", *args))

    def run_bad(self, *args):
        status, out, err = benchmark("-p", self.server.port, *args)
        self.assertEqual(status, 1, out)
        return err

    def test_the_server_sees_as_many_requests_as_are_asked_for(self):
        for words in (["-c", 7], ["-c", 3, "-P", 16], ["-c", 20, "-P", 7, "--threads", 3],
                      ["-c", 2000, "-P", 4], ["-c", 5, "-P", 3, "-k", 0], ["-3"]):
            with self.subTest(words=words):
                self.server.call("CONFIG", "RESETSTAT")
                found = self.run_json("-n", 1003, "-t", "set,get", "-r", 100, *words)
                self.assertEqual([test["test"] for test in found["tests"]], ["SET", "GET"])
                self.assertEqual([test["requests"] for test in found["tests"]], [1003, 1003])
                self.assertEqual((calls(self.server, "set"), calls(self.server, "get")),
                                 (1003, 1003))

    def test_json_says_what_was_measured(self):
        test = self.run_json("-n", 500, "-t", "set", "-c", 5, "-P", 10, "-d", 40)["tests"][0]
        self.assertEqual((test["clients"], test["pipeline"], test["payload_size"],
                          test["threads"], test["primaries"], test["redirections"]),
                         (5, 10, 40, 1, 0, 0))
        self.assertGreater(test["requests_per_second"], 0)
        self.assertAlmostEqual(test["requests_per_second"] * test["seconds"], 500, delta=5)
        ladder = [test[name] for name in ("min_ms", "p50_ms", "p95_ms", "p99_ms", "p999_ms",
                                          "max_ms")]
        self.assertEqual(ladder, sorted(ladder))
        self.assertGreater(ladder[-1], 0)

    def test_sequential_numbers_fill_the_whole_keyspace(self):
        self.run_good("-q", "-n", 1000, "-r", 1000, "--sequential", "-t", "set", "-P", 16, "-d", 9)
        with self.server.client() as client:
            self.assertEqual(client.call("DBSIZE"), 1000)
            self.assertEqual(len(client.call("GET", "key:000000000999")), 9)

    def test_without_a_keyspace_there_is_one_key(self):
        self.run_good("-q", "-n", 100, "-t", "set,incr")
        self.assertEqual(self.server.call("EXISTS", "key:__rand_int__", "counter:__rand_int__"), 2)

    def test_a_sequence_of_commands_runs_in_order(self):
        out = self.run_good("-q", "-n", 400, "-c", 2, "--", "multi", ";", "set",
                            "k:__rand_1st__", "__data__", ";", "2", "get", "k:__rand_1st__", ";",
                            "exec")
        self.assertIn("multi ; set k:__rand_1st__ __data__ ; 2 get k:__rand_1st__ ; exec: ", out)
        # 400 commands are 80 sequences of five.
        self.assertEqual([calls(self.server, name) for name in ("multi", "set", "get", "exec")],
                         [80, 80, 160, 80])

    def test_the_last_argument_may_come_from_standard_input(self):
        self.run_good("-q", "-n", 1, "-c", 1, "-x", "set", "from-input", input_text="a b\nc")
        self.assertEqual(self.server.call("GET", "from-input"), b"a b\nc")

    def test_quiet_lines_read_as_those_of_valkey_benchmark(self):
        out = self.run_good("-q", "-n", 200, "-t", "ping,set")
        lines = [line for line in out.splitlines() if line]
        self.assertEqual([line.split(":")[0] for line in lines],
                         ["PING_INLINE", "PING_MBULK", "SET"])
        for line in lines:
            self.assertRegex(line, r"^\w+: \d+\.\d\d requests per second, p50=\d+\.\d{3} msec$")

    def test_csv_has_a_header_and_a_row_for_each_test(self):
        rows = list(csv.reader(io.StringIO(self.run_good("--csv", "-n", 200, "-t", "set,get"))))
        self.assertEqual(rows[0], ["test", "rps", "avg_latency_ms", "min_latency_ms",
                                   "p50_latency_ms", "p95_latency_ms", "p99_latency_ms",
                                   "max_latency_ms"])
        self.assertEqual([row[0] for row in rows[1:]], ["SET", "GET"])
        for row in rows[1:]:
            self.assertTrue(all(float(cell) >= 0 for cell in row[1:]), row)

    def test_the_long_report_ends_its_distributions_with_all_requests(self):
        out = self.run_good("-n", 300, "-t", "set")
        self.assertIn("====== SET ======\n  300 requests completed in ", out)
        self.assertRegex(out, r'  host configuration "save": \n')
        self.assertEqual(out.count("(cumulative count 300)\n"), 3)
        self.assertIn("  throughput summary: ", out)

    def test_a_rate_limits_and_a_duration_ends(self):
        found = self.run_json("-n", 50, "--rps", 100, "-t", "set")["tests"][0]
        self.assertGreaterEqual(found["seconds"], 0.4)
        found = self.run_json("--duration", 1, "--warmup", 1, "-t", "set", "-c", 3)["tests"][0]
        self.assertGreaterEqual(found["seconds"], 1)
        self.assertGreater(found["requests"], 0)

    def test_other_databases_and_unix_sockets_are_reached(self):
        path = os.path.join(self.shared.folder, "socket")
        self.start_server(unixsocket=path)
        self.assertEqual(benchmark("-s", path, "-q", "-n", 10, "-t", "set")[0], 0)
        self.run_good("-q", "-n", 10, "-t", "set", "--dbnum", 3)
        self.assertEqual(self.server.call("DBSIZE"), 0)
        self.run_good("-q", "-n", 10, "-t", "set", "-u",
                      "valkey://127.0.0.1:%d/0" % self.server.port)
        self.assertEqual(self.server.call("DBSIZE"), 1)

    def test_an_error_of_the_server_ends_it(self):
        self.server.call("SET", "text", "x")
        self.assertEqual(self.run_bad("-q", "-n", 10, "incr", "text"),
                         "Error from server: ERR value is not an integer or out of range\n")
        self.assertIn("Error from server: ERR unknown command 'nosuch'", self.run_bad("nosuch"))
        self.assertIn("Node 127.0.0.1:%d replied with error:\nERR AUTH" % self.server.port,
                      self.run_bad("-a", "wrong", "-t", "ping"))
        self.assertIn("cluster support disabled", self.run_bad("--cluster", "-t", "ping"))

    def test_passwords_and_users_are_sent(self):
        self.server.call("CONFIG", "SET", "requirepass", "secret")
        try:
            self.run_good("-q", "-n", 10, "-t", "ping", "-a", "secret")
            self.run_good("-q", "-n", 10, "-t", "ping", "-a", "secret", "--user", "default")
            self.assertIn("WRONGPASS", self.run_bad("-n", 10, "-t", "ping", "-a", "other"))
            self.assertIn("NOAUTH", self.run_bad("-n", 10, "-t", "ping"))
        finally:
            with self.server.client() as client:
                client.call("AUTH", "secret")
                client.call("CONFIG", "SET", "requirepass", "")

    def test_bad_options_say_what_is_wrong(self):
        for words, text in ((["--frobnicate"], 'Invalid option "--frobnicate"'),
                            (["-n"], 'Invalid option "-n" or option argument missing'),
                            (["-P", "0"], 'Invalid value "0" of option -P'),
                            (["-n", "5", "--duration", "5"], "mutually exclusive"),
                            (["-c", "1,2"], "Lists of numbers are for --compare"),
                            (["--rfr", "yes"], "needs --cluster"),
                            (["--tls"], "does not support '--tls' yet"),
                            (["--scenario", "nosuch"], 'Unknown scenario "nosuch"')):
            with self.subTest(words=words):
                self.assertIn(text, self.run_bad(*words))

    def test_nobody_listens(self):
        port = eirtest.free_port()
        status, _, err = benchmark("-p", port, "-t", "ping")
        self.assertEqual((status, err), (1, "Could not connect to server at 127.0.0.1:%d: "
                                            "Connection refused\n" % port))

    def test_help_and_version(self):
        self.assertIn("Usage: eir-benchmark", self.run_good("--help"))
        self.assertRegex(self.run_good("--version"), r"^eir-benchmark \d")


class InCluster(eirtest.TestCase):
    def test_all_primaries_are_loaded_and_no_key_is_redirected(self):
        cluster = self.start_cluster(shards=3, replicas=0)
        status, out, err = benchmark("-p", cluster.nodes[0].port, "--cluster", "--json", "-n", 3000,
                                     "-t", "set,mget", "-r", 1000, "-c", 6, "-P", 4)
        self.assertEqual(status, 0, err)
        for test in json.loads(out)["tests"]:
            self.assertEqual((test["requests"], test["primaries"], test["redirections"]),
                             (3000, 3, 0))
        seen = [calls(node, "set") for node in cluster.nodes]
        self.assertEqual(sum(seen), 3000)
        self.assertTrue(all(seen), seen)

    def test_a_command_without_a_tag_meets_the_wrong_node(self):
        cluster = self.start_cluster(shards=3, replicas=0)
        status, _, err = benchmark("-p", cluster.nodes[0].port, "--cluster", "-q", "-n", 100, "set",
                                   "foo", "bar")
        self.assertEqual(status, 1)
        self.assertRegex(err, r"Error from server 127\.0\.0\.1:\d+: MOVED 12182 ")


class Comparison(eirtest.TestCase):
    """With few keys and rounds: that it works, not what it measures."""

    def compare(self, *args):
        status, out, err = benchmark("--server", eirtest.eir_server(), "--json", "-r", 1000, *args)
        self.assertEqual(status, 0, err)
        return json.loads(out)["rows"]

    def check_rows(self, other):
        rows = self.compare("--compare", other, "-t", "get,set", "-c", 5, "-P", "1,4", "-n", 400,
                            "--rounds", 3)
        self.assertEqual([(row["test"], row["pipeline"]) for row in rows],
                         [("SET", 1), ("GET", 1), ("SET", 4), ("GET", 4)])
        for row in rows:
            self.assertEqual((row["rounds"], row["requests_per_round"], row["value_size"]),
                             (3, 400, 3))
            self.assertEqual(len(row["servers"]), 2)
            for server in row["servers"]:
                self.assertGreater(server["cpu_us_per_request"], 0)
                self.assertGreater(server["requests_per_second"], 0)
                self.assertGreater(server["used_memory_per_key"], 19)
                self.assertLessEqual(server["p50_ms"], server["p999_ms"])
            low, middle, high = row["ratios"][0]["cpu_us_per_request"]
            self.assertTrue(0 < low <= middle <= high)

    def test_a_server_against_itself(self):
        self.check_rows(eirtest.eir_server())

    @eirtest.needs_peer
    def test_against_a_real_valkey(self):
        self.check_rows(eirtest.peer("valkey-server"))

    def test_memory_of_values_and_expiries(self):
        rows = self.compare("--scenario", "memory", "-r", 20000)
        self.assertEqual([(row["value_size"], row["has_expiry"], row["keys"]) for row in rows],
                         [(8, 0, 20000), (64, 0, 20000), (8, 1, 20000)])
        for row in rows:
            self.assertGreater(row["used_memory_overhead_per_key"], 0)
        self.assertGreater(rows[2]["used_memory_overhead_per_key"],
                           rows[0]["used_memory_overhead_per_key"])

    def test_growth_tells_each_doubling(self):
        rows = self.compare("--scenario", "growth", "--duration", 1, "-c", 5)
        self.assertEqual([(row["keys_from"], row["keys_to"]) for row in rows],
                         [(1000, 1000), (1000, 2000), (2000, 4000), (4000, 8000), (8000, 16000),
                          (16000, 20000), (1000, 20000)])

    def test_idle_nodes_and_their_start(self):
        rows = self.compare("--scenario", "idle", "--rounds", 1, "--duration", 1)
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertGreater(row["start_ms"], 0)

    def test_a_node_of_a_cluster_against_a_server_alone(self):
        rows = self.compare("--scenario", "cluster", "-P", 4, "-c", 5, "-n", 400, "--rounds", 2)
        self.assertEqual([row["test"] for row in rows], ["SET", "GET"])
        self.assertEqual(rows[0]["ratios"][0]["of"], "eir-server cluster")

    def test_a_server_that_does_not_start_is_quoted(self):
        status, _, err = benchmark("--server", eirtest.eir_server(), "--server-args", "--bogus 1",
                                   "--scenario", "cpu")
        self.assertEqual(status, 1)
        self.assertIn("bogus", err)
        status, _, err = benchmark("--server", "/nonexistent/server", "--scenario", "cpu")
        self.assertEqual((status, err), (1, "There is no program /nonexistent/server\n"))

    def test_nothing_is_left_behind(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([eirtest.eir_benchmark(), "--server", eirtest.eir_server(), "--scenario",
                            "memory", "-r", "100"], env=dict(os.environ, TMPDIR=folder), check=True,
                           timeout=SECONDS, stdout=subprocess.DEVNULL)
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    eirtest.main()
