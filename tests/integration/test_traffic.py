"""Much at once: long pipelines in odd pieces, big values, slow readers, many connections."""
import os
import random
import resource
import socket
import struct
import threading

import eirtest
from eirtest import wait_until
from resp_client import encode

MIB = 1 << 20
TOO_MUCH = 20 * MIB  # more than socket buffers hold


class Pipelines(eirtest.TestCase):
    def test_thousands_of_commands_split_at_arbitrary_bytes(self):
        server = self.start_server()
        chance = random.Random(7)
        requests, expected = [], []
        for number in range(5000):
            kind = chance.randrange(4)
            if kind == 0:
                requests.append(encode("SET", "k%d" % number, "v%d" % number))
                expected.append("OK")
            elif kind == 1:
                value = os.urandom(chance.randrange(300))
                requests.append(encode("ECHO", value))
                expected.append(value)
            elif kind == 2:
                requests.append(b"PING\r\n")
                expected.append("PONG")
            else:
                requests.append(encode("STRLEN", "no such key"))
                expected.append(0)
        stream = b"".join(requests)
        with server.client(timeout=120) as client:
            writer = threading.Thread(target=self.send_in_pieces, args=(client, stream, chance))
            writer.start()
            replies = [client.read() for _ in requests]
            writer.join()
        self.assertEqual(replies, expected)

    @staticmethod
    def send_in_pieces(client, stream, chance):
        at = 0
        while at < len(stream):
            size = chance.choice([1, 2, 3, 7, 100, 1448, 16384, 70000])
            client.send_bytes(stream[at:at + size])
            at += size

    def test_every_split_of_one_request_gives_one_reply(self):
        server = self.start_server()
        request = encode("SET", "key", b"va\r\nlue")
        with server.client() as client:
            for at in range(1, len(request)):
                client.send_bytes(request[:at])
                client.send_bytes(request[at:])
                self.assertEqual(client.read(), "OK")
            self.assertEqual(client.call("GET", "key"), b"va\r\nlue")

    def test_a_pipeline_is_answered_before_the_error_that_ends_it(self):
        server = self.start_server()
        with server.client() as client:
            client.send_bytes(encode("SET", "k", "v") + encode("GET", "k") + b"*1\r\n!oops\r\n")
            self.assertEqual(client.read_until_closed(),
                             b"+OK\r\n$1\r\nv\r\n-ERR Protocol error: expected '$', got '!'\r\n")

    def test_replies_come_although_the_client_has_shut_its_side(self):
        server = self.start_server()
        with server.client() as client:
            client.send_bytes(encode("SET", "k", "v") + encode("GET", "k"))
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(client.read_until_closed(), b"+OK\r\n$1\r\nv\r\n")


class BigValues(eirtest.TestCase):
    def test_a_value_of_100_megabytes_comes_back(self):
        server = self.start_server()
        value = os.urandom(MIB) * 100
        with server.client(timeout=120) as client:
            self.assertEqual(client.call("SET", "big", value), "OK")
            self.assertEqual(client.call("STRLEN", "big"), len(value))
            self.assertEqual(client.call("APPEND", "big", "tail"), len(value) + 4)
            self.assertEqual(client.call("GETRANGE", "big", -6, -1), value[-2:] + b"tail")
            self.assertTrue(client.call("GET", "big") == value + b"tail")
            self.assertEqual(client.call("DEL", "big"), 1)

    def test_a_value_beyond_proto_max_bulk_len_is_refused(self):
        server = self.start_server(proto_max_bulk_len="2mb")
        with server.client() as client:
            client.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2097153\r\n")
            self.assertEqual(client.read_until_closed(),
                             b"-ERR Protocol error: invalid bulk length\r\n")
        with server.client() as client:
            self.assertEqual(client.call("SET", "k", b"x" * 2097152), "OK")
            self.assertIsInstance(client.ask("APPEND", "k", "x"), eirtest.ReplyError)


class SlowReaders(eirtest.TestCase):
    def test_one_who_does_not_read_delays_nobody_and_gets_everything_in_the_end(self):
        server = self.start_server()
        with server.client() as fast, server.client(timeout=120) as slow:
            fast.call("SET", "big", b"x" * TOO_MUCH)
            for _ in range(3):
                slow.send("GET", "big")
            wait_until(lambda: int(fast.info("clients")["connected_clients"]) == 2)
            for number in range(200):
                self.assertEqual(fast.call("SET", "k", number), "OK")
            for _ in range(3):
                self.assertEqual(len(slow.read()), TOO_MUCH)

    def test_a_client_over_its_output_limit_is_closed(self):
        server = self.start_server(client_output_buffer_limit=("normal", "4mb", "0", "0"))
        with server.client() as fast, server.client(timeout=120) as slow:
            fast.call("SET", "big", b"x" * TOO_MUCH)
            slow.send("GET", "big")
            wait_until(lambda: int(fast.info("clients")["connected_clients"]) == 1, 10,
                       "the slow one is gone")
            self.assertLess(len(slow.read_until_closed()), TOO_MUCH)
            self.assertEqual(fast.call("PING"), "PONG")

    def test_a_subscriber_that_does_not_read_is_closed(self):
        server = self.start_server(client_output_buffer_limit=("pubsub", "1mb", "512kb", "60"))
        with server.client() as publisher, server.client(timeout=120) as subscriber:
            subscriber.call("SUBSCRIBE", "news")
            for _ in range(40):
                if publisher.call("PUBLISH", "news", b"n" * MIB) == 0:
                    break
            self.assertEqual(publisher.call("PUBSUB", "NUMSUB", "news"), [b"news", 0])

    def test_a_client_that_resets_while_it_is_answered_harms_nobody(self):
        server = self.start_server()
        with server.client() as client:
            client.call("SET", "big", b"x" * TOO_MUCH)
            for _ in range(20):
                rude = server.client()
                rude.send_bytes(encode("GET", "big") * 3)
                rude.socket.recv(1)
                rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
                rude.close()
            wait_until(lambda: client.info("clients")["connected_clients"] == "1")
            self.assertEqual(client.call("STRLEN", "big"), TOO_MUCH)


class Limits(eirtest.TestCase):
    def test_a_query_over_the_buffer_limit_closes_the_connection(self):
        server = self.start_server(client_query_buffer_limit="1mb")
        with server.client(timeout=120) as client, server.client() as other:
            try:
                client.send_bytes(b"*2\r\n$4\r\nECHO\r\n$8000000\r\n" + b"x" * 4000000)
            except OSError:
                pass  # closed while we were sending
            self.assertEqual(client.read_until_closed(), b"")
            self.assertEqual(other.call("PING"), "PONG")
            wait_until(lambda: other.info("clients")["connected_clients"] == "1")

    def test_a_stranger_may_not_claim_much(self):
        server = self.start_server(requirepass="secret")
        for bytes_sent, answer in (
                (b"*11\r\n", b"-ERR Protocol error: unauthenticated multibulk length\r\n"),
                (b"*1\r\n$16385\r\n", b"-ERR Protocol error: unauthenticated bulk length\r\n")):
            with server.client() as client:
                client.send_bytes(bytes_sent)
                self.assertEqual(client.read_until_closed(), answer)

    def test_two_thousand_connections_are_served(self):
        count = 2000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < count + 200:
            self.skipTest("skipped: only %d files may be open" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
        server = self.start_server()
        clients = [server.client(timeout=120) for _ in range(count)]
        try:
            for _ in range(3):
                for number, client in enumerate(clients):
                    client.send("INCRBY", "total", number)
                for client in clients:
                    client.read()
            self.assertEqual(server.call("GET", "total"), b"%d" % (3 * count * (count - 1) // 2))
            wait_until(lambda: clients[0].info("clients")["connected_clients"] == str(count))
        finally:
            for client in clients:
                client.close()
        wait_until(lambda: server.client().info("clients")["connected_clients"] == "1")

    def test_over_maxclients_a_connection_is_told_and_closed(self):
        server = self.start_server(maxclients=10)
        clients = [server.client()]
        wait_until(lambda: clients[0].info("clients")["connected_clients"] == "1")
        clients += [server.client() for _ in range(9)]
        for client in clients:
            self.assertEqual(client.call("PING"), "PONG")
        with server.client() as refused:
            self.assertEqual(refused.read_until_closed(),
                             b"-ERR max number of clients reached\r\n")
        info = clients[0].info()
        self.assertEqual(info["rejected_connections"], "1")
        self.assertEqual(info["maxclients"], "10")
        clients[1].call("CONFIG", "SET", "maxclients", 12)
        with server.client() as one_more:
            self.assertEqual(one_more.call("PING"), "PONG")
        for client in clients:
            client.close()

    def test_idle_clients_are_closed_after_the_timeout(self):
        server = self.start_server(timeout=1)
        with server.client() as idle, server.client() as subscriber:
            subscriber.call("SUBSCRIBE", "news")
            self.assertEqual(idle.read_until_closed(), b"")
            self.assertEqual(server.call("PUBLISH", "news", "still there"), 1)


if __name__ == "__main__":
    eirtest.main()
