"""The protocol beside Valkey's: the same bytes in give the same bytes out, errors too."""
import socket

import eirtest

LINE = 65536  # the longest line without an end

REQUESTS = [
    # Arrays.
    b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    b"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\r\n\r\n",
    b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\nPING\r\n", b"*0\r\nPING\r\n", b"*-1\r\nPING\r\n",
    b"*-9223372036854775808\r\nPING\r\n",
    # Headers that are wrong.
    b"*\r\n", b"*-\r\n", b"*-0\r\n", b"*+1\r\n", b"*1 \r\n", b"*01\r\n", b"*x\r\n", b"*x\rX",
    b"*2147483648\r\n", b"*99999999999999999999\r\n", b"*-9223372036854775809\r\n",
    b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$\r\n", b"*1\r\n$536870913\r\n",
    b"*1\r\n$99999999999999999999\r\n", b"*1\r\n:4\r\n", b"*1\r\n\r\n", b"*1\r\n\n\r\n",
    b"*1\r\n\xff\r\n", b"*1\r\n$4\r\nPING\r\nx\r\n*x\r\n",
    # Line ends that are wrong.
    b"*1\rX$4\rXPING\r\n", b"*1\r\n$4\rXPING\r\n", b"*1\r\n$4\r\nPING\n\r", b"*1\r\n$4\r\nPINGab",
    b"*1\r\n$4\r\nPING\ra",
    # Not yet complete: no answer.
    b"*2147483647\r\n", b"*1\r\n$536870912\r\n", b"*1\r\n\r", b"*1\r\nX", b"*1\r\nX\r",
    b"*1\r\nX\n",
    b"*1\r\n$4\r\nPING\r", b"*1\n$4\nPING\n",
    # Inline requests.
    b"\r\nPING\r\n", b"\nPING\n", b"   \r\nPING\r\n", b"PING\r\r\n", b"\tPING\t\"a b\"c\r\n",
    b"PING 'a\\'b\\n'\r\n", b"PING \"\\x41\\n\\q\\x4\"\r\n", b"ECHO \"a\"b\r\n", b"ECHO a\"b\"\r\n",
    b"ECHO \"\"\r\n", b"\"PING\"\r\n", b"ECHO a\x0bb\r\n", b"ECHO \x0cb\r\n", b"ECHO \"a\"'b'c\r\n",
    b"PING \"a\r\n", b"PING a\"b\r\n", b"PING 'a\r\n", b"ECHO a\\\"b\r\n",
    # Browsers: what comes behind is not looked at.
    b"POST / HTTP/1.1\r\nPING\r\n", b"host: x\r\nPING\r\n", b"PING\r\nHost:\r\nPING\r\n",
    b"*1\r\n$4\r\nPOST\r\nPING\r\n", b"*1\r\n$5\r\nHost:\r\nPING\r\n",
    b"\"POST\" x\r\nPING\r\n",
    # Lines without an end.
    b"a" * LINE, b"a" * (LINE + 1), b"*" + b"1" * (LINE - 1), b"*" + b"1" * LINE,
    b"*1\r\n$" + b"1" * (LINE - 1), b"*1\r\n$" + b"1" * LINE, b"*1\r\n" + b"x" * (LINE + 1),
    b"*" + b"1" * (LINE + 5) + b"\r\n",
]
STRANGERS = [
    b"*10\r\n", b"*11\r\n", b"*1\r\n$16384\r\n", b"*1\r\n$16385\r\n", b"*1\r\n$536870913\r\n",
    b"*2147483648\r\n", b"*-2\r\n", b"*1\r\n$-1\r\n", b"PING a b c d e f g h i j k l\r\n",
    b"*1\r\n$4\r\nPING\r\n", b"QUIT\r\n",
]


def talk(port, data):
    """What the server answers to these bytes, if nothing more will come."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass  # it has refused them already
        answer = b""
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return answer
            if not piece:
                return answer
            answer += piece


@eirtest.needs_peer
class SameProtocol(eirtest.TestCase):
    def compare(self, ours, theirs, requests):
        for data in requests:
            with self.subTest(data=data[:60], size=len(data)):
                self.assertEqual(talk(ours.port, data), talk(theirs.port, data))

    def test_requests_are_understood_or_refused_the_same(self):
        self.compare(self.start_server(), self.start_peer(), REQUESTS)

    def test_strangers_have_the_same_limits(self):
        self.compare(self.start_server(requirepass="secret"), self.start_peer(requirepass="secret"),
                     STRANGERS)

    def test_a_request_in_single_bytes_is_answered_once(self):
        servers = self.start_server(), self.start_peer()
        data = b"*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\nPING\r\n*1\r\n$4\r\nPING\r\n"
        for server in servers:
            with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in data:
                    connection.sendall(bytes([byte]))
                expected = b"$5\r\nhello\r\n+PONG\r\n+PONG\r\n"
                answer = b""
                while len(answer) < len(expected):
                    answer += connection.recv(4096)
                self.assertEqual(answer, expected)

    def test_a_large_pipeline_is_answered_in_order(self):
        server = self.start_server()
        with server.client() as client:
            requests = [("ECHO", number) for number in range(20000)]
            replies = client.pipeline(requests)
            self.assertEqual(replies, [b"%d" % number for number in range(20000)])

    def test_a_large_value_comes_back_whole(self):
        server = self.start_server()
        with server.client(timeout=120) as client:
            value = bytes(range(256)) * 4096 * 32  # 32 MiB
            self.assertEqual(client.call("SET", "large", value), "OK")
            self.assertEqual(client.call("GET", "large"), value)


if __name__ == "__main__":
    eirtest.main()
