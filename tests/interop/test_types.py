#!/usr/bin/python3
"""Collections at their boundaries beside Valkey's: of each request the reply, what subscribers of
keyspace events hear, and what a replica gets."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import eirtest  # noqa: E402
import twins  # noqa: E402
from test_notifications import Listener  # noqa: E402
from test_stream import Replica  # noqa: E402
from types_scenarios import SCENARIOS  # noqa: E402

UNORDERED = {b"HGETALL", b"ZSCAN", b"HSCAN", b"HRANDFIELD"}
IDLE = re.compile(rb"(\$(?:4|8|10)\r\n(?:idle|inactive|seen-time)\r\n):\d+")

# Payloads that no server may take, without version and checksum.
MALFORMED = {
    "an empty element alone in its node": b"\x12\x01\x01\x00",
    "an empty element behind others":
        b"\x12\x02\x02\x0a\x0a\x00\x00\x00\x01\x00\x81a\x02\xff\x01\x00",
    "a list of unknown nodes": b"\x12\x01\x03\x01a",
    "a listpack that ends too early": b"\x12\x01\x02\x0a\x0a\x00\x00\x00\x01\x00\x81a\x02\xfe",
    "a listpack that counts wrongly": b"\x12\x01\x02\x0a\x0a\x00\x00\x00\x02\x00\x81a\x02\xff",
}


def crc64(data):
    """Of what DUMP ends with: the polynomial of Jones, reflected."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95ac9329ac4bc9b5 if crc & 1 else 0)
    return crc


def payload(value):
    data = value + b"\x0b\x00"
    return data + crc64(data).to_bytes(8, "little")


class Watched:
    """A server with somebody who asks, one who hears and one who follows."""

    def __init__(self, server, protocol):
        self.client = server.client(protocol=protocol, timeout=60)
        self.client.call("FLUSHALL")
        self.other = server.client(timeout=60)
        self.listener, self.replica = Listener(server, 2), Replica(server)

    def ask(self, words):
        self.client.ask(*words)
        reply = IDLE.sub(rb"\1:<ms>", self.client.raw)
        if words[0] in UNORDERED:
            reply = sorted(reply.split(b"\r\n"))
        self.other.call("PUBLISH", "end", "")
        return reply, self.listener.events(), self.replica.until_end()

    def close(self):
        for client in self.client, self.other, self.listener.client, self.replica:
            client.close()


@eirtest.needs_peer
class SameTypes(eirtest.TestCase):
    def setUp(self):
        super().setUp()
        options = {"enable_debug_command": "yes", "save": "", "notify_keyspace_events": "KEAnm",
                   "repl_diskless_sync": "no", "repl_diskless_sync_delay": 0}
        self.servers = self.start_server(**options), self.start_peer(**options)

    def compare(self, name, protocol):
        watched = [Watched(server, protocol) for server in self.servers]
        for number, line in enumerate(SCENARIOS[name]):
            words = twins.split(line)
            ours, theirs = [one.ask(words) for one in watched]
            with self.subTest(scenario=name, protocol=protocol, number=number, line=line[:100]):
                self.assertEqual(ours, theirs)
        for one in watched:
            one.close()

    def test_every_scenario_in_both_protocols(self):
        for name in SCENARIOS:
            for protocol in 2, 3:
                self.compare(name, protocol)

    def test_payloads_that_nobody_may_take(self):
        for name, value in MALFORMED.items():
            replies = []
            for server in self.servers:
                with server.client() as client:
                    replies.append(client.ask("RESTORE", "k", 0, payload(value)))
            with self.subTest(name):
                self.assertEqual(*replies)
                self.assertIsInstance(replies[0], eirtest.ReplyError)
        self.assertEqual(*[server.call("EXISTS", "k") for server in self.servers])


if __name__ == "__main__":
    eirtest.main()
