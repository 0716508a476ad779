"""Keyspace notifications beside Valkey's: the same commands give the same events, in the same order
and to the same channels."""
import eirtest
from writing_commands import COMMANDS, words_of

CLASSES = ["KEAnm", "KEA", "KA", "EA", "Kg", "E$", "KEx", "En", "Km", "A", "gm", ""]


class Listener:
    """A subscriber of all events, and of a channel that says where a command's events end."""

    def __init__(self, server, protocol):
        self.client = server.client(protocol=protocol, timeout=60)
        self.client.send("PSUBSCRIBE", "__key*__:*")
        self.client.read_any()
        self.client.send("SUBSCRIBE", "end")
        self.client.read_any()

    def events(self):
        """Everything up to the message on "end"."""
        found = []
        while True:
            message = self.client.read_any()
            if message[0] == b"message":
                return found
            found.append(message[2].decode("latin1") + " " + message[3].decode("latin1"))


def streams(server, classes, protocol):
    """For each command its events."""
    with server.client(timeout=60) as client:
        client.call("FLUSHALL")
        client.call("CONFIG", "SET", "notify-keyspace-events", classes)
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        listener = Listener(server, protocol)
        found = []
        for line in COMMANDS:
            client.ask(*words_of(line))
            server.call("PUBLISH", "end", "")
            found.append((line, listener.events()))
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        return found


@eirtest.needs_peer
class SameEvents(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        options = {"enable-debug-command": "yes", "save": ""}
        self.ours = self.start_server(**options)
        self.theirs = self.start_peer(**options)

    def compare(self, classes, protocol):
        ours, theirs = (streams(server, classes, protocol) for server in (self.ours, self.theirs))
        for mine, wanted in zip(ours, theirs):
            with self.subTest(classes=classes, protocol=protocol, command=mine[0]):
                self.assertEqual(mine, wanted)

    def test_every_command_tells_the_same_in_the_same_order(self):
        self.compare("KEAnm", 2)

    def test_subscribers_of_resp3_get_pushes(self):
        self.compare("KEAnm", 3)

    def test_the_classes_choose_the_same_events(self):
        for classes in CLASSES[1:]:
            self.compare(classes, 2)

    def test_a_client_hears_of_its_own_command_behind_the_reply(self):
        heard = []
        for server in (self.ours, self.theirs):
            with server.client(protocol=3, timeout=60) as client:
                client.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
                client.send("PSUBSCRIBE", "__key*__:*")
                replies = [client.read_any()]
                for words in (("SET", "own", "1"), ("MULTI",), ("INCR", "own"), ("DEL", "own"),
                              ("EXEC",), ("PING",)):
                    client.send(*words)
                while replies[-1] != "PONG":
                    replies.append(client.read_any())
                heard.append(replies)
        self.assertEqual(*heard)


if __name__ == "__main__":
    eirtest.main()
