"""eir-cli as a person uses it: the prompt, its history and completion, subscriptions, redirects."""
import os
import pty
import select
import signal
import subprocess
import tempfile
import time

import eirtest


class Prompt:
    """eir-cli on a terminal of its own."""

    def __init__(self, *args, home):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = dict(os.environ, HOME=home, TERM="dumb", LC_ALL="C")
            os.execve(eirtest.eir_cli(), [eirtest.eir_cli(), *args], environment)
        self.text = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text, seconds=10.0 * eirtest.PATIENCE):
        """Reads until the text has come; forgets what was before it."""
        deadline = time.monotonic() + seconds
        while text not in self.text:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            try:
                piece = os.read(self.fd, 4096).decode(errors="replace") if ready else ""
            except OSError:
                piece = ""
            if not piece:
                raise AssertionError("%r did not come, only %r" % (text, self.text))
            self.text += piece
        before, self.text = self.text.split(text, 1)
        return before

    def end(self):
        self.type("quit\r")
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)

    def kill(self, number):
        os.kill(self.pid, number)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Cli(eirtest.TestCase):
    def prompt(self, server, *args):
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        prompt = Prompt("-p", str(server.port), *args, home=home.name)
        prompt.expect("127.0.0.1:%d> " % server.port)
        return prompt, home.name

    def test_the_prompt_runs_lines_and_remembers_them(self):
        server = self.start_server()
        prompt, home = self.prompt(server)
        prompt.type("SET greeting 'hello world'\r")
        prompt.expect("OK")
        prompt.type("GET greeting\r")
        prompt.expect('"hello world"')
        prompt.type("AUTH user hidden-word\r")
        prompt.expect("(error)")
        self.assertEqual(prompt.end(), 0)
        with open(os.path.join(home, ".eircli_history"), encoding="utf-8") as history:
            text = history.read()
        self.assertIn("greeting", text)
        self.assertNotIn("hidden-word", text)

    def test_tab_completes_a_command(self):
        server = self.start_server()
        prompt, _ = self.prompt(server)
        prompt.type("incrbyf\t")
        prompt.type("number 1.5\r")
        prompt.expect('"1.5"')
        self.assertEqual(prompt.end(), 0)
        self.assertEqual(server.call("GET", "number"), b"1.5")

    def test_the_prompt_shows_database_and_transaction(self):
        server = self.start_server()
        prompt, _ = self.prompt(server)
        prompt.type("select 1\r")
        prompt.expect("127.0.0.1:%d[1]> " % server.port)
        prompt.type("multi\r")
        prompt.expect("127.0.0.1:%d[1](TX)> " % server.port)
        prompt.type("discard\r")
        prompt.expect("127.0.0.1:%d[1]> " % server.port)
        self.assertEqual(prompt.end(), 0)

    def test_the_prompt_outlives_its_server(self):
        server = self.start_server()
        prompt, _ = self.prompt(server)
        server.kill()
        prompt.type("ping\r")
        prompt.expect("Could not connect")
        prompt.expect("not connected> ")
        server.start()
        prompt.type("ping\r")
        prompt.expect("PONG")
        self.assertEqual(prompt.end(), 0)

    def test_a_subscriber_prints_messages_until_it_is_interrupted(self):
        server = self.start_server()
        for protocol in ("-2", "-3"):
            prompt, _ = self.prompt(server, protocol)
            prompt.type("subscribe news\r")
            prompt.expect('1) "subscribe"')
            prompt.expect("(integer) 1")
            self.assertEqual(server.call("PUBLISH", "news", "rain"), 1)
            prompt.expect('"rain"')
            prompt.kill(signal.SIGINT)
            eirtest.wait_until(lambda: server.call("PUBLISH", "news", "sun") == 0)

    def test_a_connection_that_is_refused_is_an_exit_status(self):
        done = subprocess.run([eirtest.eir_cli(), "-p", str(eirtest.free_port()), "ping"],
                              capture_output=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Connection refused", done.stderr)

    def test_options_that_are_not_there_yet_say_so(self):
        done = subprocess.run([eirtest.eir_cli(), "--cluster", "check"], capture_output=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"does not support '--cluster' yet", done.stderr)


class Redirects(eirtest.TestCase):
    def test_moved_is_followed_where_it_is_asked_for(self):
        cluster = self.start_cluster(replicas=0)
        key = eirtest.key_in_slot(eirtest.SLOT_COUNT - 1)
        owner = cluster.primary_of(eirtest.SLOT_COUNT - 1)
        other = next(node for node in cluster.nodes if node is not owner)
        words = [eirtest.eir_cli(), "-p", str(other.port), "-c"]
        subprocess.run(words + ["SET", key, "v"], check=True, timeout=120, capture_output=True)
        self.assertEqual(owner.call("GET", key), b"v")
        shown = subprocess.run(words + ["--no-raw", "GET", key], check=True, timeout=120,
                               capture_output=True).stdout.decode()
        self.assertEqual(shown, '-> Redirected to slot [16383] located at 127.0.0.1:%d\n"v"\n'
                         % owner.port)


if __name__ == "__main__":
    eirtest.main()
