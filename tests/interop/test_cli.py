"""eir-cli beside valkey-cli: the same words against the same server give the same bytes."""
import os
import subprocess
import unittest

import eirtest

REPLIES = [
    ["SET", "k", "v"], ["GET", "k"], ["GET", "absent"], ["INCR", "n"],
    ["LRANGE", "list", "0", "-1"], ["LRANGE", "absent", "0", "-1"], ["HGETALL", "hash"],
    ["HGETALL", "absent"], ["SMEMBERS", "set"], ["SMEMBERS", "absent"],
    ["ZRANGE", "zset", "0", "-1", "WITHSCORES"], ["ZSCORE", "zset", "a"],
    ["XRANGE", "stream", "-", "+"], ["XREAD", "STREAMS", "stream", "0"],
    ["XINFO", "STREAM", "stream"], ["BOGUS", "a"], ["COMMAND", "DOCS", "get"],
    ["COMMAND", "INFO", "get"], ["CONFIG", "GET", "port"], ["DEBUG", "PROTOCOL", "true"],
    ["DEBUG", "PROTOCOL", "verbatim"], ["DEBUG", "PROTOCOL", "null"],
    ["DEBUG", "PROTOCOL", "double"], ["DEBUG", "PROTOCOL", "map"], ["DEBUG", "PROTOCOL", "set"],
    ["DEBUG", "PROTOCOL", "array"], ["ECHO", ""], ["ECHO", "a\tb\"c"],
    ["EVAL", "return {1,{2,{3,'x'}},{},'y'}", "0"], ["INFO", "cluster"], ["CLIENT", "GETNAME"],
]
FORMATS = [[], ["--raw"], ["--no-raw"], ["--csv"], ["--json"], ["--quoted-json"], ["-3"],
           ["-3", "--no-raw"], ["-3", "--csv"], ["-2", "--json"], ["-d", ";", "-D", "|"]]
# valkey-cli 9.1 writes invalid JSON for a quote in --quoted-json.
HOLDS_QUOTES = [["LRANGE", "list", "0", "-1"], ["ECHO", "a\tb\"c"]]


@eirtest.needs_peer
class SameAsValkeyCli(eirtest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = eirtest.Server(program=eirtest.peer("valkey-server")).start()
        with cls.server.client() as client:
            client.call("RPUSH", "list", "a", "b c", b"x\"y\n\x01\xc3\xa9\\")
            for number in range(12):
                client.call("RPUSH", "list", number)
            client.call("HSET", "hash", "f1", "1", "f2", "")
            client.call("SADD", "set", "1", "2")
            client.call("ZADD", "zset", "1.5", "a", "2", "b")
            client.call("XADD", "stream", "1-1", "f", "v")

    @classmethod
    def tearDownClass(cls):
        cls.server.cleanup()

    def run_one(self, program, args, data=b"", environment=None):
        words = [program, "-p", str(self.server.port)] + args
        done = subprocess.run(words, input=data, capture_output=True, timeout=120,
                              env=dict(os.environ, **(environment or {})), check=False)
        return done.stdout, done.stderr, done.returncode

    def reset(self):
        """What a run may change is as before it."""
        self.server.call("MSET", "n", 5, "a", "b")

    def same(self, args, data=b"", environment=None):
        self.reset()
        theirs = self.run_one(eirtest.peer("valkey-cli"), args, data, environment)
        self.reset()
        ours = self.run_one(eirtest.eir_cli(), args, data, environment)
        self.assertEqual(ours, theirs, "arguments: %r, input: %r" % (args, data))
        return ours

    def test_replies_print_the_same_in_every_format(self):
        for form in FORMATS:
            for words in REPLIES:
                if form == ["--quoted-json"] and words in HOLDS_QUOTES:
                    continue
                with self.subTest(form=form, words=words):
                    self.same(form + words)

    def test_a_script_on_standard_input_prints_the_same(self):
        self.same([], b"SET a b\nGET a\nBOGUS\n\nLRANGE absent 0 -1\nquit\nGET a\n")
        self.same(["--no-raw"], b"SET a b\nGET a\nLRANGE list 0 -1\n")
        self.same([], b'3 INCR n\n"open\nGET "\\x61"\nMULTI\nSET a 1\nEXEC\nselect 1\nGET a')

    def test_input_becomes_an_argument(self):
        self.same(["-x", "SET", "foo"], b"hello\n")
        self.assertEqual(self.server.call("GET", "foo"), b"hello\n")
        self.same(["-X", "TAG", "SET", "TAG", "x"], b"hello")
        self.same(["--quoted-input", "SET", "'a b'", '"\\x41\\n"'])
        self.assertEqual(self.server.call("GET", "a b"), b"A\n")

    def test_a_command_is_repeated(self):
        self.same(["-r", "3", "INCR", "n"])
        self.same(["-r", "2", "-i", "0.01", "INCR", "n"])

    def test_connection_options_print_the_same(self):
        port = str(self.server.port)
        self.same(["-n", "3", "SET", "x", "y"])
        self.same(["-n", "99", "GET", "x"])
        self.same(["-u", "valkey://127.0.0.1:%s/3" % port, "GET", "x"])
        self.same(["-u", "redis://user:pa%%40ss@127.0.0.1:%s/3" % port, "GET", "x"])
        self.same(["-u", "http://127.0.0.1", "GET", "x"])
        self.same(["-p", "1", "GET", "x"])
        self.same(["-a", "secret", "GET", "x"])
        self.same(["-a", "secret", "--no-auth-warning", "GET", "x"])
        self.same(["--no-auth-warning", "-a", "secret", "GET", "x"])
        self.same(["PING"], environment={"VALKEYCLI_AUTH": "secret"})
        self.same(["PING"], environment={"REDISCLI_AUTH": "secret"})
        self.same(["--bogus"])

    def test_errors_decide_the_exit_status_when_asked_to(self):
        self.same(["BOGUS"])
        self.same(["-e", "BOGUS"])
        self.same(["-e", "--csv", "BOGUS"])

    def test_mass_insertion_reports_the_same(self):
        good = b"".join(eirtest.encode("SET", "pipe:%d" % i, i) for i in range(10000))
        self.same(["--pipe"], good)
        self.same(["--pipe"], good + b"SET inline 1\r\nBOGUS\r\n")
        self.same(["--pipe"], b"SET no-line-end 1")
        self.assertEqual(self.server.call("GET", "no-line-end"), b"1")

    def test_keys_are_scanned(self):
        ours = self.run_one(eirtest.eir_cli(), ["--scan", "--pattern", "s*"])
        theirs = self.run_one(eirtest.peer("valkey-cli"), ["--scan", "--pattern", "s*"])
        self.assertEqual(sorted(ours[0].split()), sorted(theirs[0].split()))
        self.assertEqual(ours[1:], theirs[1:])

    def test_shutdown_is_no_failure(self):
        server = self.start_peer()
        done = subprocess.run([eirtest.eir_cli(), "-p", str(server.port), "SHUTDOWN", "NOSAVE"],
                              capture_output=True, timeout=120, check=False)
        self.assertEqual((done.stdout, done.stderr, done.returncode), (b"", b"", 0))
        self.assertEqual(server.process.wait(10), 0)


if __name__ == "__main__":
    eirtest.main()
