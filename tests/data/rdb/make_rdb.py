#!/usr/bin/python3
"""Makes the snapshots of this folder with a running Valkey 9.1.2.

    make_rdb.py VALKEY_SERVER

Every file is what the server itself wrote (SAVE, or the stream of a full sync), and `strings.txt`
says what the keys of strings.rdb hold: database, expiry, key and value in hex.
"""
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

FAR = 4102444800000  # 2100-01-01


class Server:
    def __init__(self, program, *options):
        self.folder = tempfile.mkdtemp()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--save", "", "--dir", self.folder,
             "--enable-debug-command", "yes", "--logfile", self.folder + "/log", *options])
        deadline = time.time() + 10
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port))
                break
            except OSError:
                if time.time() > deadline:
                    raise
                time.sleep(0.02)
        self.input = self.socket.makefile("rb")

    def __call__(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(words)
                            + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self.reply()

    def reply(self):
        line = self.input.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if int(rest) < 0:
                return None
            value = self.input.read(int(rest))
            self.input.read(2)
            return value
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return rest

    def save(self, name):
        while True:
            try:
                self("SAVE")
                break
            except RuntimeError as error:  # of a full sync that was just served
                if "progress" not in str(error):
                    raise
                time.sleep(0.05)
        shutil.copy(self.folder + "/dump.rdb", name)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def fill_strings(server):
    rng = random.Random(7)
    told = []

    def put(db, key, value, expiry=-1):
        server("SELECT", db)
        server("SET", key, value)
        if expiry >= 0:
            server("PEXPIREAT", key, expiry)
        told.append((db, expiry, key, value))

    for number in (0, 1, -1, 127, 128, -128, -129, 32767, 32768, -32768, -32769, 2147483647,
                   2147483648, -2147483648, -2147483649, 9223372036854775807,
                   -9223372036854775808):
        put(0, b"int:%d" % number, b"%d" % number)
    for text in (b"", b"00", b"-0", b"+1", b"1.5", b" 1", b"99999999999", b"18446744073709551615"):
        put(0, b"text:" + text, text)
    put(0, b"-7", b"key that is a number")
    put(0, b"", b"empty key")
    put(0, bytes(range(256)), bytes(range(255, -1, -1)))
    for size in (20, 21, 63, 64, 100, 16383, 16384):
        put(0, b"same:%d" % size, b"a" * size)
    for size in (20, 21, 64, 300, 5000):
        put(0, b"random:%d" % size, bytes(rng.randrange(256) for _ in range(size)))
    put(0, b"periodic", b"abcdefgh" * 1000)
    put(0, b"k" * 300, b"long key")
    put(0, b"ttl", b"later", FAR)
    put(3, b"other", b"db 3")
    put(15, b"last", b"db 15", FAR + 1)
    for i in range(200):
        put(15, b"key:%d" % i, b"value:%d" % i, FAR + i if i % 3 == 0 else -1)
    return told


def full_sync(server, *replconf):
    """The bytes of a snapshot by marker, without the marker."""
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        input_ = link.makefile("rb")
        for words in (*replconf, ("PSYNC", "?", "-1")):
            link.sendall(b"*%d\r\n" % len(words)
                         + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
            line = b"\n"
            while line == b"\n":
                line = input_.readline()
        line = b"\n"
        while line == b"\n":
            line = input_.readline()
        assert line.startswith(b"$EOF:"), line
        marker = line[5:45]
        data = b""
        while not data.endswith(marker):
            data += input_.read1(65536)
        return data[:-40]


def main(program):
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    server = Server(program)
    told = fill_strings(server)
    server.save("strings.rdb")
    with open("strings.txt", "w") as text:
        for db, expiry, key, value in told:
            text.write("%d %d %s %s\n" % (db, expiry, key.hex() or "-", value.hex() or "-"))
    server("CONFIG", "SET", "rdbcompression", "no")
    server.save("strings-uncompressed.rdb")
    server("CONFIG", "SET", "repl-diskless-sync-delay", "0")
    with open("strings-version-11.rdb", "wb") as file:
        file.write(full_sync(server, ("REPLCONF", "capa", "eof")))
    server("FLUSHALL")
    server.save("empty.rdb")
    server("SET", "stays", "1")
    server("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    server("SET", "gone", "1", "PX", "1")
    server("SET", "later", "1", "PXAT", FAR)
    time.sleep(0.01)
    server.save("expired.rdb")
    server("FLUSHALL")
    server("RPUSH", "numbers", "one", "two")
    server.save("list.rdb")
    server("FLUSHALL")
    server("FUNCTION", "LOAD",
           "#!lua name=mine\nserver.register_function('f', function() return 1 end)")
    server.save("function.rdb")
    server.stop()

    server = Server(program, "--rdbchecksum", "no")
    server("SET", "k", "v")
    server.save("no-checksum.rdb")
    server.stop()

    for policy in ("lru", "lfu"):
        server = Server(program, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-" + policy)
        server("SET", "k", "v")
        for _ in range(10):
            server("GET", "k")
        if policy == "lru":
            time.sleep(2.1)
        server.save(policy + ".rdb")
        server.stop()

    server = Server(program, "--cluster-enabled", "yes")
    server("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    deadline = time.time() + 10
    while b"cluster_state:ok" not in server("CLUSTER", "INFO") and time.time() < deadline:
        time.sleep(0.05)
    for i in range(20):
        server("SET", "key:%d" % i, "v")
        server("SET", "{tag}:%d" % i, "v")
    server("PEXPIREAT", "{tag}:1", FAR)
    server.save("cluster.rdb")
    server.stop()

    with open("dumps.txt", "w") as text:
        server = Server(program)
        for value in (b"", b"7", b"-129", b"100000", b"12345678901", b"hello", b"a" * 100,
                      bytes(range(256))):
            server("SET", "k", value)
            text.write("%s %s\n" % (value.hex() or "-", server("DUMP", "k").hex()))
        server.stop()


if __name__ == "__main__":
    main(sys.argv[1])
