"""The same conversation with two servers: what every connection of it receives, byte by byte.

A script has one request a line, "name: WORD word ..." (between double quotes stand escapes); a name
stands for a connection, made when it first speaks. "name!: ..." sends a request that is not
answered, "name@3: ..." opens the connection with HELLO 3, and "name:" alone only opens it. {name}
in a request is that connection's client id.

Who speaks waits for one reply before the next line is said, so that both servers see one order.
In the end each connection is asked for an ECHO: what came before it is its transcript. Ids and
ports are replaced by names, and `mask` replaces whatever else may differ.
"""
import re

from resp_client import Client, Push

END = "end-of-the-script"
IDS_FROM = 300


class Conversation:
    def __init__(self, port, seconds=30.0):
        self.port, self.seconds = port, seconds
        self.clients, self.names, self.parts = {}, {}, {}
        self.burn_ids()

    def burn_ids(self):
        """Ids of clients shall not look like other numbers of a transcript."""
        client_id = 0
        while client_id < IDS_FROM:
            with Client(self.port, timeout=self.seconds) as client:
                client_id = client.call("CLIENT", "ID")

    def open(self, name, protocol):
        client = Client(self.port, timeout=self.seconds)
        self.clients[name], self.parts[name] = client, []
        client_id = client.call("CLIENT", "ID")
        if protocol == 3:
            client.call("HELLO", 3)
        local_port = client.socket.getsockname()[1]
        self.names[name] = (client_id, local_port)
        return client

    def say(self, line):
        head, _, request = line.partition(":")
        is_answered = not head.endswith("!")
        name, _, protocol = head.rstrip("!").partition("@")
        client = self.clients.get(name) or self.open(name, int(protocol or 2))
        words = [self.fill(word) for word in split(request)]
        if not words:
            return
        client.send(*words)
        while is_answered:
            reply = client.read_any()
            self.parts[name].append(client.raw)
            if not isinstance(reply, Push) or words[0].lower().endswith(b"subscribe"):
                break

    def fill(self, word):
        for name, (client_id, _) in self.names.items():
            word = word.replace(b"{%s}" % name.encode(), b"%d" % client_id)
        return word

    def finish(self, mask=()):
        """{name: bytes} of every connection, ids and ports named."""
        found = {}
        for name, client in self.clients.items():
            found[name] = self.neutral(b"".join(self.parts[name]) + self.rest(client), mask)
            client.close()
        return found

    def rest(self, client):
        data = bytearray()
        try:
            client.send("PING", END)
            while END.encode() not in data:
                client.read_any()
                data += client.raw
        except (ConnectionError, BrokenPipeError):
            data += b"(closed)"
        return bytes(data)

    def neutral(self, data, mask):
        for name, (client_id, port) in self.names.items():
            label = b"<%s>" % name.encode()
            data = re.sub(rb"127\.0\.0\.1:%d\b" % port, b"addr-of-" + label, data)
            data = re.sub(rb"\b%d\b" % port, b"port-of-" + label, data)
            data = re.sub(rb":%d\r\n" % client_id, b":" + label + b"\r\n", data)
            data = re.sub(rb"\bid=%d " % client_id, b"id=" + label + b" ", data)
        data = data.replace(b"127.0.0.1:%d" % self.port, b"addr-of-server")
        for pattern, text in mask:
            data = re.sub(pattern, text, data)
        return data


def split(request):
    """Words of a line as bytes; escapes of double quotes are those of Python."""
    words = []
    for word in re.findall(r'"(?:[^"\\]|\\.)*"|\S+', request):
        if word.startswith('"'):
            word = word[1:-1].encode("latin1").decode("unicode_escape")
        words.append(word.encode("latin1"))
    return words


def talk(port, script, mask=(), seconds=30.0):
    conversation = Conversation(port, seconds)
    for line in script.strip().splitlines():
        if line.strip():
            conversation.say(line.strip())
    return conversation.finish(mask)
