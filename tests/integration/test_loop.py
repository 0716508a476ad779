"""The loop: which back end runs, and what INFO says of its turns."""
import eirtest
from eirtest import wait_until


class BackEnds(eirtest.TestCase):
    def check(self, choice, names):
        server = self.start_server(loop_backend=choice)
        with server.client() as client:
            name = client.info("server")["multiplexing_api"]
            self.assertIn(name, names)
            self.assertIn("Event loop: %s" % name, server.log())
            big = b"x" * 3000000
            self.assertEqual(client.call("SET", "big", big), "OK")
            for _ in range(3):
                self.assertEqual(client.call("GET", "big"), big)
            for size in (20000, 65536, 100000, 1000000):
                self.check_long(client, bytes(i % 251 for i in range(size)))
            self.assertEqual(client.call("CONFIG", "GET", "loop-backend"),
                             [b"loop-backend", choice.encode()])

    def check_long(self, client, value):
        for _ in range(2):
            self.assertEqual(client.call("SET", "long", value), "OK")
            self.assertEqual(client.call("GET", "long"), value)
        edited = value[:5] + b"five" + value[9:] + b"end"
        self.assertEqual(client.call("SETRANGE", "long", 5, b"five"), len(value))
        self.assertEqual(client.call("APPEND", "long", b"end"), len(edited))
        self.assertEqual(client.call("GET", "long"), edited)
        self.assertEqual(client.call("SET", "long", value, "GET", "EX", "100"), edited)
        self.assertEqual(client.call("GETDEL", "long"), value)

    def test_epoll_when_it_is_asked_for(self):
        self.check("epoll", ["epoll"])

    def test_io_uring_where_the_kernel_has_it(self):
        self.check("io_uring", ["io_uring", "epoll"])

    def test_auto_takes_what_there_is(self):
        self.check("auto", ["io_uring", "epoll"])


class Turns(eirtest.TestCase):
    def test_the_longest_turn_names_its_cause_until_the_statistics_are_reset(self):
        server = self.start_server()
        with server.client() as client:
            client.call("CONFIG", "RESETSTAT")
            client.call("DEBUG", "SLEEP", "0.3")
            stats = client.info("stats")
            self.assertGreaterEqual(float(stats["eir_turn_max_us"]), 300000)
            self.assertEqual(stats["eir_turn_worst_cause"], "DEBUG SLEEP")
            self.assertGreater(int(stats["eir_turn_worst_time"]), 0)
            client.call("CONFIG", "RESETSTAT")
            self.assertNotEqual(client.info("stats")["eir_turn_worst_cause"], "DEBUG SLEEP")

    def test_a_long_command_is_named(self):
        server = self.start_server()
        with server.client() as client:
            client.call("DEBUG", "POPULATE", 200000)

            def is_named():
                client.call("CONFIG", "RESETSTAT")
                client.call("KEYS", "*")
                return client.info("stats")["eir_turn_worst_cause"] == "command keys"
            wait_until(is_named, 30)

    def test_figures_of_turns_grow_and_are_in_order(self):
        server = self.start_server()
        with server.client() as client:
            for i in range(200):
                client.call("SET", "k%d" % i, "v")
            stats = client.info("stats")
            self.assertGreaterEqual(int(stats["eventloop_cycles"]), 200)
            self.assertGreater(int(stats["eventloop_duration_sum"]), 0)
            self.assertGreaterEqual(int(stats["eventloop_duration_sum"]),
                                    int(stats["eventloop_duration_cmd_sum"]))
            percentiles = [float(stats["eir_turn_%s_us" % name])
                           for name in ("p50", "p99", "p999", "max")]
            self.assertEqual(percentiles[:3], sorted(percentiles[:3]))
            self.assertGreater(percentiles[0], 0)

            def counts():
                client.call("PING")
                stats = client.info("stats")
                return (int(stats["instantaneous_eventloop_cycles_per_sec"]) > 0 and
                        int(stats["instantaneous_ops_per_sec"]) > 0 and
                        float(stats["instantaneous_input_kbps"]) > 0 and
                        float(stats["instantaneous_output_kbps"]) > 0)
            wait_until(counts, 30)


if __name__ == "__main__":
    eirtest.main()
