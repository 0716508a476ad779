"""What integration and interop tests stand on: servers as processes, free ports, clusters, waiting.

A test is a file of standard unittest cases that ends with `eirtest.main()`. Meson sets
  EIR_SERVER, EIR_CLI, EIR_BENCHMARK    paths of our programs
  EIR_PEER    folder with valkey-server and valkey-cli; peer tests are skipped without it
and `tools/test --loop` EIR_LOOP, the back end of the event loop that servers of ours run with.
Nothing here sleeps for luck: wait_until polls a condition against a deadline.

    class Keys(eirtest.TestCase):
        def test_a_key_is_read_back(self):
            server = self.start_server()
            client = server.client()
            self.assertEqual(client.call("SET", "k", "v"), "OK")

Servers that a test starts end with it, and die with the test process whatever happens.
"""
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from resp_client import (Client, ClusterClient, Pairs, ProtocolError, Push,  # noqa: F401
                         ReplyError, Set, SLOT_COUNT, Verbatim, encode, key_in_slot, key_slot)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUS_OFFSET = 10000
PORT_FIRST, PORT_LAST = 20000, 22700  # with their bus ports below the ephemeral range
SKIPPED = 77

# Deadlines are written down as a quiet machine could need at the very most; one with two cores,
# sanitizers and other tests beside us gets so many times as long. They only decide how late a test
# fails, so that only a test which claims a time itself says patience=1.
PATIENCE = 4

_locks = {}  # ports of this process


def _built(name):
    """The newest build of a program, for running a test by hand without meson."""
    import glob
    found = glob.glob(os.path.join(ROOT, "build*", "src", "**", name), recursive=True)
    return max(found, key=os.path.getmtime) if found else None


def eir_server():
    return os.environ.get("EIR_SERVER") or _built("eir-server")


def eir_cli():
    return os.environ.get("EIR_CLI") or _built("eir-cli")


def eir_benchmark():
    return os.environ.get("EIR_BENCHMARK") or _built("eir-benchmark")


def peer(name):
    """Path of a peer's program (valkey-server, valkey-cli), or None."""
    folder = os.environ.get("EIR_PEER")
    path = folder and os.path.join(folder, name)
    return path if path and os.access(path, os.X_OK) else None


def needs_peer(decorated):
    """Decorator of a test or a class that needs a real Valkey."""
    return unittest.skipUnless(peer("valkey-server"), "skipped: EIR_PEER is not set")(decorated)


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def _lock_port(port):
    """Takes the port for this process: False when somebody uses it, or a test beside us has it."""
    folder = os.path.join(tempfile.gettempdir(), "eirtest-ports-%d" % os.getuid())
    os.makedirs(folder, exist_ok=True)
    if port in _locks:
        return False
    lock = open(os.path.join(folder, str(port)), "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_free(port) and _is_free(port + BUS_OFFSET):
            _locks[port] = lock
            return True
    except OSError:
        pass
    lock.close()
    return False


def _unlock_port(port):
    lock = _locks.pop(port, None)
    if lock:
        lock.close()


def free_ports(count):
    """The first of `count` ports in a row that nobody uses, their bus ports neither."""
    span = PORT_LAST - PORT_FIRST - count
    start = (os.getpid() * 37 + len(_locks)) % span
    for step in range(span):
        first = PORT_FIRST + (start + step) % span
        taken = []
        while len(taken) < count and _lock_port(first + len(taken)):
            taken.append(first + len(taken))
        if len(taken) == count:
            return first
        for port in taken:
            _unlock_port(port)
    raise RuntimeError("no free ports between %d and %d" % (PORT_FIRST, PORT_LAST))


def free_port():
    """A port that nobody uses, its bus port neither; locked against tests that run beside us."""
    return free_ports(1)


def wait_until(condition, seconds=15.0, what=None, patience=PATIENCE):
    """The first true value of condition(). Its exceptions of connections and replies mean: not yet.
    AssertionError with `what` (or the last value) after `seconds` times the patience."""
    seconds *= patience
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except (OSError, ReplyError) as error:
            value, last = None, error
        else:
            last = value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within %.1f s: %s (last: %r)"
                                 % (seconds, what or condition, last))
        time.sleep(0.01)


def wait_replicated(primary, replicas=1, seconds=20.0):
    """So many replicas have acknowledged all that the primary has. (WAIT knows only of the writes
    of its own connection.)"""
    def is_there():
        with primary.client() as client:
            info = client.info("replication")
        rows = [info["slave%d" % number] for number in range(int(info["connected_slaves"]))]
        offset = ",offset=%s," % info["master_repl_offset"]
        return sum(offset in row for row in rows) >= replicas
    wait_until(is_there, seconds, "%d replicas have all of %s" % (replicas, primary.name))


def child_of(pid):
    """Process id of a child of this process, or None."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as children:
            words = children.read().split()
    except FileNotFoundError:
        return None
    return int(words[0]) if words else None


def _is_stopped(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "T"
    except FileNotFoundError:
        return False


def _is_writing(pid):
    """The child has cut its ties to the parent and has its temporary file open."""
    try:
        folder = "/proc/%d/fd" % pid
        return any("temp-" in os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder))
    except OSError:
        return False


def is_dead(pid):
    """The process is gone, or a zombie that nobody has waited for yet."""
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """One server process in a folder of its own."""

    def __init__(self, program=None, port=None, folder=None, name=None, words=None, input_text=None,
                 **options):
        """Options are configuration parameters: appendonly="yes", cluster_enabled="yes"; a list
        repeats the option, a tuple gives it several words. `words` are the whole command line
        instead, {port} and {folder} filled in, and input_text is what standard input says."""
        self.program = program or eir_server()
        if not self.program:
            raise RuntimeError("no eir-server: build it, or set EIR_SERVER")
        self.port = port or free_port()
        self.folder = folder or tempfile.mkdtemp(prefix="eirtest-")
        self.owns_folder = folder is None
        self.name = name or "server-%d" % self.port
        self.options = {key.replace("_", "-"): value for key, value in options.items()}
        self.words, self.input_text = words, input_text
        self.process = None
        self.log_path = os.path.join(self.folder, self.name + ".log")

    def fill(self, text):
        return text.replace("{port}", str(self.port)).replace("{folder}", self.folder)

    def arguments(self):
        if self.words is not None:
            return [self.fill(word) for word in self.words]
        defaults = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "save": "",
                    "loglevel": "verbose", "enable-debug-command": "yes"}
        if os.environ.get("EIR_LOOP") and os.path.basename(self.program) == "eir-server":
            defaults["loop-backend"] = os.environ["EIR_LOOP"]
        words = []
        for key, value in {**defaults, **self.options}.items():
            for single in value if isinstance(value, list) else [value]:
                words += ["--" + key]
                words += [str(word) for word in (single if isinstance(single, tuple) else [single])]
        return words

    def start(self, wait=True):
        assert self.process is None or self.process.poll() is not None, "it runs already"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.program] + self.arguments(), stdout=log,
                                            stderr=log, cwd=self.folder,
                                            stdin=subprocess.PIPE if self.input_text is not None
                                            else subprocess.DEVNULL,
                                            preexec_fn=_die_with_parent)
        if self.input_text is not None:
            self.process.stdin.write(self.fill(self.input_text).encode())
            self.process.stdin.close()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=20.0):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError("%s ended with %s:\n%s" % (self.name, self.process.returncode,
                                                                self.log()[-3000:]))
            with self.client(timeout=2.0) as client:
                reply = client.ask("PING")
                return reply == "PONG" or isinstance(reply, ReplyError) and reply.code != "LOADING"
        wait_until(answers, seconds, "%s answers on port %d" % (self.name, self.port))

    def client(self, **options):
        return Client(self.port, **options)

    def call(self, *args):
        """One request on a connection of its own."""
        with self.client() as client:
            return client.call(*args)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        try:
            with open(self.log_path, errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def signal(self, number):
        self.process.send_signal(number)

    def save_and_stop_child(self, seconds=60.0):
        """BGSAVE, again and again until its child could be stopped (SIGSTOP) before it was done:
        the child's process id. The more data, the sooner."""
        with self.client(timeout=seconds) as client:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                client.call("BGSAVE")
                while client.info("persistence")["rdb_bgsave_in_progress"] == "1":
                    child = child_of(self.process.pid)
                    if child:
                        os.kill(child, signal.SIGSTOP)
                        if child_of(self.process.pid) == child and _is_stopped(child):
                            if _is_writing(child):
                                return child
                            os.kill(child, signal.SIGCONT)  # it has only just been forked
        raise AssertionError("no child of BGSAVE lived long enough")

    def kill(self):
        """As a crash: SIGKILL, waited for."""
        if self.is_running():
            self.process.kill()
        if self.process:
            self.process.wait()

    def stop(self, seconds=20.0 * PATIENCE):
        """As an operator: SIGTERM. Returns the exit status."""
        if self.is_running():
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("%s did not end within %.0f s of SIGTERM:\n%s"
                                 % (self.name, seconds, self.log()[-3000:]))

    def restart(self):
        self.stop()
        return self.start()

    def move(self):
        """Gives a stopped server another port; folder and files stay."""
        assert not self.is_running()
        _unlock_port(self.port)
        self.port = free_port()

    def cleanup(self):
        self.kill()
        _unlock_port(self.port)
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


class Cluster:
    """Nodes on this machine: primaries 0..shards-1 first, then replicas, shard by shard.

    form="seeds": Eir nodes find each other. form="commands": the classic way, by CLUSTER MEET,
    ADDSLOTSRANGE and REPLICATE; works for every kind of node. `programs` may mix servers: it
    is cycled over the nodes."""

    def __init__(self, shards=3, replicas=1, form="seeds", programs=None, node_timeout_ms=5000,
                 **options):
        self.shards, self.replicas, self.form = shards, replicas, form
        self.options = dict(options, cluster_enabled="yes", cluster_node_timeout=node_timeout_ms)
        count = shards * (1 + replicas)
        programs = programs or [eir_server()]
        ports = [free_port() for _ in range(count)]
        if form == "seeds":
            self.options.update(cluster_seeds=[("127.0.0.1:%d" % ports[0])],
                                cluster_shards=shards, cluster_replicas_per_shard=replicas)
        self.nodes = [Server(programs[index % len(programs)], port=port, name="node-%d" % index,
                             **self.options) for index, port in enumerate(ports)]

    def start(self, seconds=40.0):
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait_ready()
        if self.form == "commands":
            self._meet()
        self.wait_ok(seconds)
        return self

    def _meet(self):
        first = self.nodes[0].client()
        for index, node in enumerate(self.nodes):
            with node.client() as client:
                client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
                if index > 0:
                    first.call("CLUSTER", "MEET", "127.0.0.1", node.port)
                if index < self.shards:
                    start = index * SLOT_COUNT // self.shards
                    end = (index + 1) * SLOT_COUNT // self.shards - 1
                    client.call("CLUSTER", "ADDSLOTSRANGE", start, end)
        for node in self.nodes:
            with node.client() as client:
                wait_until(lambda: client.cluster_info()["cluster_known_nodes"]
                           == str(len(self.nodes)), 20, "%s knows every node" % node.name)
        for index, node in enumerate(self.nodes[self.shards:]):
            primary = self.nodes[index // self.replicas].call("CLUSTER", "MYID")
            with node.client() as client:
                wait_until(lambda: client.call("CLUSTER", "REPLICATE", primary) == "OK", 20,
                           "%s replicates %s" % (node.name, primary))
        first.close()

    def wait_ok(self, seconds=40.0):
        """Every running node serves all slots and every replica's link is up."""
        for node in self.nodes:
            if node.is_running():
                wait_until(lambda: self.node_is_ok(node), seconds, "%s is ok" % node.name)

    @staticmethod
    def node_is_ok(node):
        with node.client() as client:
            info = client.cluster_info()
            if info["cluster_state"] != "ok" or info["cluster_slots_ok"] != str(SLOT_COUNT):
                return False
            replication = client.info("replication")
            return (replication["role"] == "master"
                    or replication.get("master_link_status") == "up")

    def running(self):
        return [node for node in self.nodes if node.is_running()]

    def primaries(self):
        """Running nodes that own slots, by their own word."""
        return [node for node in self.running() if owned_slots(node.client())]

    def client(self, **options):
        """A client that finds the right node for each key."""
        return ClusterClient([node.port for node in self.nodes if node.is_running()], **options)

    def node_by_id(self, node_id):
        for node in self.nodes:
            if node.is_running() and node.call("CLUSTER", "MYID").decode() == node_id:
                return node
        return None

    def primary_of(self, slot, seconds=15.0):
        """The running node that owns the slot, by its own word."""
        def find():
            for node in self.nodes:
                if node.is_running() and slot in owned_slots(node.client()):
                    return node
            return None
        return wait_until(find, seconds, "somebody owns slot %d" % slot)

    def replicas_of(self, primary):
        """Running nodes that replicate this one, by their own word."""
        found = []
        for node in self.nodes:
            if node is not primary and node.is_running():
                role = node.call("ROLE")
                if role[0] == b"slave" and role[2] == primary.port:
                    found.append(node)
        return found

    def cleanup(self):
        for node in self.nodes:
            node.cleanup()


def owned_slots(client):
    """The slots that this node says it owns itself: a set, from its own CLUSTER NODES line."""
    for line in client.text("CLUSTER", "NODES").splitlines():
        words = line.split()
        if "myself" not in words[2].split(","):
            continue
        slots = set()
        for word in words[8:]:
            if not word.startswith("["):
                start, _, end = word.partition("-")
                slots.update(range(int(start), int(end or start) + 1))
        return slots
    return set()


def keys_of_slots(slots=range(SLOT_COUNT), prefix="key"):
    """{slot: a key in it}, found together: one pass over numbers instead of one for each slot."""
    wanted, found, number = set(slots), {}, 0
    while wanted:
        key = "%s:%d" % (prefix, number)
        slot = key_slot(key)
        if slot in wanted:
            wanted.remove(slot)
            found[slot] = key
        number += 1
    return found


def fill_slots(cluster, value, keys=None):
    """Writes value.format(slot) to a key of each slot, at its owner, in pipelines. The keys."""
    keys = keys or keys_of_slots()
    for node in cluster.nodes:
        if not node.is_running():
            continue
        with node.client(timeout=30.0) as client:
            owned = sorted(slot for slot in owned_slots(client) if slot in keys)
            replies = client.pipeline([("SET", keys[slot], value.format(slot)) for slot in owned])
            wrong = [reply for reply in replies if reply != "OK"]
            assert not wrong, "%s refused %d writes: %s" % (node.name, len(wrong), wrong[0])
    return keys


def read_slots(cluster, keys):
    """{slot: value as text} of these keys, each read at the owner of its slot."""
    found = {}
    for node in cluster.nodes:
        if not node.is_running():
            continue
        with node.client(timeout=30.0) as client:
            owned = sorted(slot for slot in owned_slots(client) if slot in keys)
            replies = client.pipeline([("GET", keys[slot]) for slot in owned])
            for slot, reply in zip(owned, replies):
                found[slot] = reply.decode() if isinstance(reply, bytes) else reply
    return found


class Writer(threading.Thread):
    """Writes without end from a thread of its own, one key after another over all the slots, each
    value higher than the last; remembers what was acknowledged.

        with Writer(cluster) as writer:
            cluster.nodes[0].kill()
            writer.wait_progress(100)
        writer.check(cluster)
    """

    def __init__(self, cluster, key_count=300, seconds=30.0 * PATIENCE):
        super().__init__(daemon=True)
        self.client = ClusterClient([node.port for node in cluster.nodes], timeout=5.0)
        self.keys = ["writer:%d" % number for number in range(key_count)]
        self.acknowledged = {}
        self.count = 0
        self.seconds = seconds  # that one write may take, with all its attempts
        self.longest = 0.0
        self.failure = None
        self.ends = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()
        self.client.close()

    def run(self):
        number = 0
        while not self.ends.is_set():
            number += 1
            key = self.keys[number % len(self.keys)]
            started = time.monotonic()
            try:
                self.client.call("SET", key, number, seconds=self.seconds)
            except Exception as error:  # whatever it is, the test must see it
                self.failure = error
                return
            self.longest = max(self.longest, time.monotonic() - started)
            self.acknowledged[key] = number
            self.count = number

    def wait_progress(self, writes, seconds=30.0):
        """Waits for so many more acknowledged writes."""
        target = self.count + writes

        def is_there():
            if self.failure:
                raise AssertionError("the writer gave up: %r" % self.failure)
            return self.count >= target
        wait_until(is_there, seconds, "%d more writes" % writes)

    def lost(self, cluster):
        """{key: (acknowledged, found)} of all that is older in the cluster than was promised."""
        lost = {}
        with cluster.client() as client:
            for key, number in self.acknowledged.items():
                found = client.call("GET", key)
                if found is None or int(found) < number:
                    lost[key] = (number, found)
        return lost


def cluster_nodes(client):
    """CLUSTER NODES as a list of dicts."""
    rows = []
    for line in client.text("CLUSTER", "NODES").splitlines():
        words = line.split()
        rows.append({"id": words[0], "address": words[1], "flags": words[2].split(","),
                     "primary": words[3], "epoch": int(words[6]), "link": words[7],
                     "slots": words[8:]})
    return rows


class TestCase(unittest.TestCase):
    """Starts servers and clusters that end with the test; shows their logs when it fails."""
    maxDiff = 4000

    def setUp(self):
        self._servers = []
        self.addCleanup(self._end)

    def _end(self):
        failed = any(error for _, error in getattr(self._outcome, "errors", [])) or \
            any(case is self for case, _ in getattr(self._outcome.result, "failures", []) +
                getattr(self._outcome.result, "errors", []))
        for server in self._servers:
            if failed:
                print("---- end of %s\n%s" % (server.log_path, server.log()[-4000:]))
            server.cleanup()

    def new_server(self, **options):
        """A server that is not started yet."""
        server = Server(**options)
        self._servers.append(server)
        return server

    def start_server(self, **options):
        return self.new_server(**options).start()

    def refuse_to_start(self, server, seconds=20.0 * PATIENCE):
        """Starts a server that must end by itself with status 1: what it printed."""
        before = len(server.log())
        server.start(wait=False)
        self.assertEqual(server.process.wait(seconds), 1, server.log())
        return server.log()[before:]

    def start_peer(self, **options):
        """A real Valkey server."""
        return self.start_server(program=peer("valkey-server"), **options)

    def start_cluster(self, **options):
        cluster = Cluster(**options)
        self._servers += cluster.nodes
        return cluster.start()


def main():
    """Runs the cases of the calling file; exits with 77 when every one was skipped."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun > 0 and len(result.skipped) == result.testsRun:
        print("skipped")
        sys.exit(SKIPPED)
    sys.exit(0)
