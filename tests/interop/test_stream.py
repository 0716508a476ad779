"""The replication stream beside Valkey's: the same commands reach a replica in the same form."""
import re
import socket

import eirtest
from resp_client import encode
from writing_commands import COMMANDS, words_of

# Valkey creates the key and tells nobody; a replica of ours gets it as well.
OURS_ALONE = ["BITFIELD sb2 OVERFLOW FAIL INCRBY u8 0 1000"]
NOW = re.compile(rb"^[12]\d{12}$")  # milliseconds of these decades


class Replica:
    """Asks for a full sync and then listens."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.file = self.socket.makefile("rb")
        self.socket.sendall(encode("PSYNC", "?", "-1"))
        line = self.file.readline()
        while not line.startswith(b"$"):
            line = self.file.readline()
        self.file.read(int(line[1:]))

    def close(self):
        self.file.close()
        self.socket.close()

    def command(self):
        line = self.file.readline()
        while not line.startswith(b"*"):
            line = self.file.readline()
        return [self.word() for _ in range(int(line[1:]))]

    def word(self):
        return self.file.read(int(self.file.readline()[1:]) + 2)[:-2]

    def until_end(self):
        """The commands up to the message on "end"; times that depend on the clock are equal."""
        found = []
        while True:
            words = self.command()
            if words[0].upper() == b"PUBLISH":
                return found
            if words[0].upper() != b"PING":
                found.append([NOW.sub(b"<time>", word) for word in words])


def stream(server):
    with server.client(timeout=60) as client, server.client(timeout=60) as other:
        client.call("CONFIG", "SET", "repl-diskless-sync", "no")
        client.call("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        replica = Replica(server)
        found = []
        for line in COMMANDS:
            client.ask(*words_of(line))
            other.call("PUBLISH", "end", "")
            found.append((line, replica.until_end()))
        replica.close()
        return found


@eirtest.needs_peer
class SameStream(eirtest.TestCase):
    def test_every_command_is_streamed_the_same(self):
        options = {"enable-debug-command": "yes", "save": ""}
        ours, theirs = stream(self.start_server(**options)), stream(self.start_peer(**options))
        for mine, wanted in zip(ours, theirs):
            if mine[0] in OURS_ALONE:
                continue
            with self.subTest(command=mine[0]):
                self.assertEqual(mine, wanted)


if __name__ == "__main__":
    eirtest.main()
