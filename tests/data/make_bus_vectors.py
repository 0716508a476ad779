#!/usr/bin/env python3
"""Captures one bus message of each kind from real Valkey nodes into tests/data/bus.

Each node announces the port of a recording proxy as its bus port, so that everything the others
send to it, and what it answers, passes through here. A short story (join, publish, hand over,
crash, return, forget) then makes every kind appear. Usage:

    make_bus_vectors.py /path/to/valkey-server [output folder]
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

BASE = 17400  # client ports; bus ports lie 1000 above, proxies 2000 above
COUNT = 6
OPTIONS = {  # what each node announces beyond its port, so that every extension appears
    0: ["--cluster-announce-hostname", "host-zero.example"],
    1: ["--cluster-announce-human-nodename", "node_one"],
    2: ["--cluster-announce-client-ipv4", "10.1.2.3", "--cluster-announce-client-ipv6", "fd00::3"],
    3: ["--cluster-announce-client-port", "7003", "--cluster-announce-client-tls-port", "7103"],
    4: ["--availability-zone", "zone-a", "--cluster-announce-ip", "127.0.0.1"],
}
NAMES = ["ping", "pong", "meet", "fail", "publish", "auth-request", "auth-ack", "update",
         "mfstart", "module", "publishshard"]


class Recorder:
    def __init__(self, folder):
        self.folder = folder
        self.seen = set()
        self.lock = threading.Lock()

    def keep(self, message):
        for name in kinds(message):
            with self.lock:
                if name in self.seen:
                    continue
                self.seen.add(name)
            text = message.hex()
            lines = [text[i:i + 96] for i in range(0, len(text), 96)]
            with open(os.path.join(self.folder, name + ".hex"), "w") as file:
                file.write("\n".join(lines) + "\n")


def kinds(message):
    """Every name under which this message is worth keeping."""
    number = struct.unpack(">H", message[12:14])[0]
    name = NAMES[number & 0x7fff]
    if number & 0x8000:
        return [name + "-light"]
    if name not in ("ping", "pong", "meet"):
        return [name]
    count, = struct.unpack(">H", message[14:16])
    extension_count, = struct.unpack(">H", message[2214:2216])
    flags, = struct.unpack(">H", message[2250:2252])
    names = [name + ("-replica" if flags & 2 else "-primary")]
    if count == 0 and extension_count == 0:
        names.append(name + "-bare")
    for i in range(count):
        at = 2256 + 104 * i
        about, = struct.unpack(">H", message[at + 98:at + 100])
        for bit, word in ((4, "pfail"), (8, "fail"), (0x40, "noaddr")):
            if about & bit:
                names.append(name + "-gossip-" + word)
    at = 2256 + 104 * count
    words = ["hostname", "nodename", "forgotten", "shard", "ipv4", "ipv6", "port", "tlsport",
             "zone"]
    for _ in range(extension_count):
        size, kind = struct.unpack(">IH", message[at:at + 6])
        if words[kind] != "shard":
            names.append("ping-with-" + words[kind])
        at += size
    if message[2253] & 1:
        names.append(name + "-paused")
    if message[2252]:
        names.append(name + "-cluster-down")
    if flags & 0x2000:
        names.append(name + "-primary-failed")
    if message[2168]:
        names.append(name + "-announced-ip")
    return names


def split(stream, recorder):
    while len(stream) >= 8:
        size, = struct.unpack(">I", stream[4:8])
        if len(stream) < size:
            break
        recorder.keep(bytes(stream[:size]))
        del stream[:size]


def pump(source, target, recorder):
    stream = bytearray()
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            stream += data
            split(stream, recorder)
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def proxy(port, target_port, recorder):
    listener = socket.create_server(("127.0.0.1", port))

    def serve():
        while True:
            inner, _ = listener.accept()
            try:
                outer = socket.create_connection(("127.0.0.1", target_port))
            except OSError:
                inner.close()
                continue
            for pair in ((inner, outer), (outer, inner)):
                threading.Thread(target=pump, args=(*pair, recorder), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def command(index, *words):
    with socket.create_connection(("127.0.0.1", BASE + index), timeout=10) as client:
        text = "*%d\r\n" % len(words)
        for word in map(str, words):
            text += "$%d\r\n%s\r\n" % (len(word), word)
        client.sendall(text.encode())
        reply = client.recv(65536)
        if reply[:1] == b"$":
            size, rest = reply[1:].split(b"\r\n", 1)
            while len(rest) < int(size) + 2:
                rest += client.recv(65536)
            return rest[:int(size)].decode()
        return reply.decode().strip()


def wait(what, condition, seconds=30):
    until = time.time() + seconds
    while time.time() < until:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("timed out: " + what)


def start(server, folder, index):
    home = os.path.join(folder, str(index))
    os.makedirs(home, exist_ok=True)
    arguments = [server, "--port", str(BASE + index), "--bind", "127.0.0.1", "--dir", home,
                 "--cluster-enabled", "yes", "--cluster-port", str(BASE + 1000 + index),
                 "--cluster-announce-bus-port", str(BASE + 2000 + index), "--save", "",
                 "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0",
                 "--logfile", os.path.join(home, "log")] + OPTIONS.get(index, [])
    process = subprocess.Popen(arguments)
    wait("start", lambda: command(index, "PING") == "+PONG")
    return process


def story(server, folder, nodes):
    for i in range(COUNT):
        nodes[i] = start(server, folder, i)
    for i in range(1, COUNT):
        command(i, "CLUSTER", "MEET", "127.0.0.1", BASE, BASE + 2000)
    wait("join", lambda: all(command(i, "CLUSTER", "NODES").count("\n") == COUNT
                             and "handshake" not in command(i, "CLUSTER", "NODES")
                             for i in range(COUNT)))
    for i, (first, last) in enumerate(((0, 5460), (5461, 10922), (10923, 16383))):
        command(i, "CLUSTER", "ADDSLOTSRANGE", first, last)
    ids = [command(i, "CLUSTER", "MYID") for i in range(COUNT)]
    for i in range(3, COUNT):
        wait("replicate", lambda: command(i, "CLUSTER", "REPLICATE", ids[i - 3]) == "+OK")
    wait("ok", lambda: all("cluster_state:ok" in command(i, "CLUSTER", "INFO")
                           for i in range(COUNT)))
    wait("sync", lambda: all("master_link_status:up" in command(i, "INFO", "replication")
                             for i in range(3, COUNT)))
    command(0, "PUBLISH", "chan", "hello-bus")
    command(0, "SPUBLISH", "{06S}", "hello-shard")
    command(3, "CLUSTER", "FAILOVER")
    wait("hand-over", lambda: "role:master" in command(3, "INFO", "replication"))
    nodes[1].send_signal(signal.SIGSTOP)  # comes back with its old claims, which calls for UPDATE
    wait("failover", lambda: "role:master" in command(4, "INFO", "replication"))
    nodes[1].send_signal(signal.SIGCONT)
    wait("return", lambda: "role:slave" in command(1, "INFO", "replication"))
    nodes[5].kill()
    nodes[5].wait()
    time.sleep(2)
    for i in range(5):
        command(i, "CLUSTER", "FORGET", ids[5])
    time.sleep(2)


def main():
    server = os.path.abspath(sys.argv[1])
    output = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(__file__), "bus")
    os.makedirs(output, exist_ok=True)
    recorder = Recorder(output)
    for i in range(COUNT):
        proxy(BASE + 2000 + i, BASE + 1000 + i, recorder)
    folder = tempfile.mkdtemp()
    nodes = [None] * COUNT
    try:
        story(server, folder, nodes)
    finally:
        for node in nodes:
            if node is not None and node.poll() is None:
                node.send_signal(signal.SIGTERM)
                node.wait()
        shutil.rmtree(folder)
    print(len(recorder.seen), "kinds")


main()
