"""A small client of the protocol, RESP2 and RESP3, for tests and tools: standard library only.

Bulk strings come back as bytes, simple strings as str, errors as ReplyError: raised by call(),
returned by ask(). Pushes are set aside in client.pushes. What a reply looked like on the wire is
kept in client.raw, for comparing two servers byte by byte.
"""
import socket
import time


class ReplyError(Exception):
    """An error reply; str() is its text, code its first word."""

    @property
    def code(self):
        return str(self).split(" ", 1)[0]

    def __eq__(self, other):
        return isinstance(other, ReplyError) and str(self) == str(other)

    __hash__ = Exception.__hash__


class ProtocolError(Exception):
    """Bytes that are not RESP."""


class Push(list):
    """A push frame of RESP3."""


class Set(list):
    """A set of RESP3, in the order of the wire."""


class Verbatim(bytes):
    """A verbatim string of RESP3; its format (txt, mkd) is in .format."""
    format = "txt"


class Pairs(list):
    """A map whose keys cannot be keys of a dict: a list of [key, value]."""


def encode(*args):
    """One request on the wire. Arguments: bytes, str, int, float."""
    out = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = arg if isinstance(arg, (bytes, bytearray)) else str(arg).encode()
        out.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(out)


class Client:
    """One connection. Every wait has the time-out that was given in seconds."""

    def __init__(self, port, host="127.0.0.1", timeout=30.0, protocol=2, user=None, password=None):
        self.host, self.port = host, port
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.at = 0
        self.pushes = []
        self.attribute = None
        self.raw = b""
        if password is not None:
            self.call("AUTH", *([user] if user else []), password)
        if protocol == 3:
            self.call("HELLO", 3)

    def close(self):
        self.socket.close()

    def __del__(self):
        if hasattr(self, "socket"):
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Sending and receiving apart, for pipelines and for bytes that are no requests.

    def send(self, *args):
        self.socket.sendall(encode(*args))

    def send_bytes(self, data):
        self.socket.sendall(data)

    def settimeout(self, seconds):
        self.socket.settimeout(seconds)

    def read(self):
        """The next reply that is no push; an error is returned as ReplyError."""
        while True:
            reply = self.read_any()
            if not isinstance(reply, Push):
                return reply
            self.pushes.append(reply)

    def read_any(self):
        """The next reply or push. After a time-out it may be called again."""
        start = self.at
        try:
            reply = self._value()
        except (TimeoutError, socket.timeout):
            self.at = start
            raise
        self.raw = bytes(self.buffer[start:self.at])
        if self.at > 65536:
            del self.buffer[:self.at]
            self.at = 0
        return reply

    def read_push(self, seconds=10.0):
        """The next push, from those set aside or from the wire."""
        if self.pushes:
            return self.pushes.pop(0)
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            reply = self.read_any()
        finally:
            self.socket.settimeout(before)
        if not isinstance(reply, Push):
            raise ProtocolError("a push was expected, got %r" % (reply,))
        return reply

    def read_until_closed(self):
        """Everything that comes until the server closes."""
        data = bytes(self.buffer[self.at:])
        while True:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece

    # Requests.

    def ask(self, *args):
        """Reply to one request; an error reply is returned."""
        self.send(*args)
        return self.read()

    def call(self, *args):
        """Reply to one request; an error reply is raised."""
        reply = self.ask(*args)
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def text(self, *args):
        """Like call, for replies that are text."""
        reply = self.call(*args)
        return reply.decode() if isinstance(reply, bytes) else reply

    def pipeline(self, requests):
        """Replies to a list of requests that are sent at once."""
        self.send_bytes(b"".join(encode(*request) for request in requests))
        return [self.read() for _ in requests]

    def info(self, section=None):
        """INFO as a dict of texts."""
        text = self.text(*(["INFO", section] if section else ["INFO"]))
        lines = (line.split(":", 1) for line in text.split("\r\n") if ":" in line)
        return {name: value for name, value in lines}

    def cluster_info(self):
        lines = (line.split(":", 1) for line in self.text("CLUSTER", "INFO").split("\r\n"))
        return {line[0]: line[1] for line in lines if len(line) == 2}

    # The wire.

    def _more(self):
        piece = self.socket.recv(262144)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self.buffer += piece

    def _line(self):
        while True:
            end = self.buffer.find(b"\n", self.at)
            if end >= 0:
                break
            self._more()
        line = bytes(self.buffer[self.at:end])
        if not line.endswith(b"\r"):
            raise ProtocolError("a line without CR: %r" % line)
        self.at = end + 1
        return line[:-1]

    def _payload(self, size):
        while len(self.buffer) - self.at < size + 2:
            self._more()
        data = bytes(self.buffer[self.at:self.at + size])
        if self.buffer[self.at + size:self.at + size + 2] != b"\r\n":
            raise ProtocolError("a payload without CR LF")
        self.at += size + 2
        return data

    def _items(self, count):
        return [self._value() for _ in range(count)]

    def _map(self, count):
        pairs = [[self._value(), self._value()] for _ in range(count)]
        try:
            return {key: value for key, value in pairs}
        except TypeError:
            return Pairs(pairs)

    def _value(self):
        line = self._line()
        kind, text = line[:1], line[1:]
        if kind == b"+":
            return text.decode("utf-8", "replace")
        if kind == b"-":
            return ReplyError(text.decode("utf-8", "replace"))
        if kind == b":":
            return int(text)
        if kind == b"$":
            return None if text == b"-1" else self._payload(int(text))
        if kind == b"*":
            return None if text == b"-1" else self._items(int(text))
        if kind == b"_":
            return None
        if kind == b"#":
            return {b"t": True, b"f": False}[text]
        if kind == b",":
            return float(text)
        if kind == b"(":
            return int(text)
        if kind == b"!":
            return ReplyError(self._payload(int(text)).decode("utf-8", "replace"))
        if kind == b"=":
            data = self._payload(int(text))
            value = Verbatim(data[4:])
            value.format = data[:3].decode()
            return value
        if kind == b"%":
            return self._map(int(text))
        if kind == b"~":
            return Set(self._items(int(text)))
        if kind == b">":
            return Push(self._items(int(text)))
        if kind == b"|":
            self.attribute = self._map(int(text))
            return self._value()
        raise ProtocolError("not a reply: %r" % line)


# Slots.

SLOT_COUNT = 16384


def _crc16_table():
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        table.append(crc & 0xFFFF)
    return table


_CRC16 = _crc16_table()


def key_slot(key):
    """The cluster slot of a key: of its hash tag, if it has one that is not empty."""
    key = key if isinstance(key, bytes) else str(key).encode()
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1:end]
    crc = 0
    for byte in key:
        crc = ((crc << 8) & 0xFFFF) ^ _CRC16[(crc >> 8) ^ byte]
    return crc % SLOT_COUNT


def key_in_slot(slot, prefix="key"):
    """Some key that belongs to this slot."""
    number = 0
    while key_slot("%s{%d}" % (prefix, number)) != slot:
        number += 1
    return "%s{%d}" % (prefix, number)


class ClusterClient:
    """Sends each request where its slot lives, follows redirects, tries again through failovers."""

    def __init__(self, ports, host="127.0.0.1", timeout=10.0, password=None, pause=0.01):
        self.seeds = [(host, port) for port in ports]
        self.timeout = timeout
        self.pause = pause  # between two attempts, in seconds
        self.password = password
        self.clients = {}
        self.slots = {}

    def close(self):
        for client in self.clients.values():
            client.close()
        self.clients = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def client(self, address):
        if address not in self.clients:
            self.clients[address] = Client(address[1], address[0], timeout=self.timeout,
                                           password=self.password)
        return self.clients[address]

    def drop(self, address):
        client = self.clients.pop(address, None)
        if client:
            client.close()

    def _target(self, slot):
        if slot in self.slots:
            return self.slots[slot]
        if self.slots:
            return next(iter(self.slots.values()))
        return self.seeds[0]

    def _redirect(self, error, source):
        _, slot, place = str(error).split(" ")[:3]
        host, port = place.rsplit(":", 1)
        return int(slot), (host or source[0], int(port))

    def call(self, *args, key=None, seconds=20.0):
        """The reply; MOVED, ASK, TRYAGAIN, CLUSTERDOWN and lost connections are tried again."""
        slot = key_slot(args[1] if key is None else key)
        address, asking = self._target(slot), False
        deadline = time.monotonic() + seconds
        attempt = 0
        while True:
            try:
                client = self.client(address)
                if asking:
                    client.call("ASKING")
                asking = False
                return client.call(*args)
            except ReplyError as error:
                if error.code == "MOVED":
                    slot, address = self._redirect(error, address)
                    self.slots[slot] = address
                elif error.code == "ASK":
                    _, address = self._redirect(error, address)
                    asking = True
                elif error.code not in ("CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN"):
                    raise
                else:
                    time.sleep(self.pause)
                failure = error
            except (OSError, ConnectionError) as error:
                self.drop(address)
                self.slots = {slot: owner for slot, owner in self.slots.items()
                              if owner != address}
                attempt += 1
                address = self.seeds[attempt % len(self.seeds)]
                failure = error
                time.sleep(self.pause)
            if time.monotonic() > deadline:
                raise failure
