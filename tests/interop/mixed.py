"""Clusters of Eir and Valkey nodes for the tests of this folder: kinds of nodes, views of a cluster
that must agree, data that must be equal, and Valkey's log, which must not complain about us."""
import re
import subprocess
import threading

import eirtest
from eirtest import wait_until
from resp_client import ClusterClient, ReplyError

EIR, VALKEY = "eir", "valkey"

# Long enough that no node of a busy machine is taken for dead, short enough for Valkey's elections.
NODE_TIMEOUT_MS = 4000

# What a Valkey node may warn of in these tests; every other warning may be about packets of ours.
EXPECTED_WARNINGS = [
    r"WARNING:? .*(overcommit|TCP backlog|Transparent Huge|memory checker)",
    r"Valkey is starting|Configuration loaded|Server initialized|version=|modified=",
    r"Cluster state changed|Cluster is currently down",
    r"Failover election won|Manual failover user request|Failover auth (granted|denied)",
    r"Starting a failover election|Start of election delayed|Setting secondary replication ID",
    r"User requested shutdown|Received SIGTERM|ready to exit|bye bye|Saving the final RDB",
    r"Failed to read response|Connection with (replica|primary|master)|Failing over",
    r"Taking over the cluster",
    r"Failed to resolve|Error condition on socket|Unable to connect to PRIMARY",
    # A process that ends resets what was on its way to it, whatever it was.
    r"[Cc]onnection (reset by peer|refused|lost)|Broken pipe",
    r"no config file specified|Failed listening",
    r"Address updated for node|Currently unable to failover|Needed to failover but",
    r"Manual failover|Key .* in DB .* Deleting|replica .* asked",
]


def program_of(kind):
    return eirtest.eir_server() if kind == EIR else eirtest.peer("valkey-server")


def kind_of(server):
    return EIR if server.program == eirtest.eir_server() else VALKEY


def cli(*words, seconds=60.0, typed=""):
    """Output of valkey-cli, which must succeed; `typed` answers its questions."""
    command = [eirtest.peer("valkey-cli"), *[str(word) for word in words]]
    done = subprocess.run(command, input=typed, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False)
    if done.returncode != 0:
        raise AssertionError("%s gave %d:\n%s" % (" ".join(command), done.returncode, done.stdout))
    return done.stdout


def place(server):
    return "127.0.0.1:%d" % server.port


def node_id(server):
    return server.call("CLUSTER", "MYID").decode()


def info(server, section="replication"):
    with server.client() as client:
        return client.info(section)


# --- views ---

def view_of(server):
    """CLUSTER NODES of a node as what every node must agree on."""
    with server.client() as client:
        rows = eirtest.cluster_nodes(client)
    return {row["id"]: (row["address"], tuple(flag for flag in row["flags"] if flag != "myself"),
                        row["primary"], row["epoch"], tuple(row["slots"]), row["link"])
            for row in rows}


def _plain(value):
    return value.decode() if isinstance(value, bytes) else value


def _pairs(flat):
    return {_plain(name): value for name, value in zip(flat[::2], flat[1::2])}


def slots_of(server):
    """CLUSTER SLOTS with the replicas of a range in one order."""
    rows = []
    for row in server.call("CLUSTER", "SLOTS"):
        nodes = [(_plain(node[0]), node[1], _plain(node[2]), repr(node[3:])) for node in row[2:]]
        rows.append((row[0], row[1], nodes[0], tuple(sorted(nodes[1:]))))
    return sorted(rows)


def shards_of(server):
    """CLUSTER SHARDS without offsets, in one order."""
    shards = []
    for shard in server.call("CLUSTER", "SHARDS"):
        shard = _pairs(shard)
        nodes = []
        for node in shard["nodes"]:
            node = {name: _plain(value) for name, value in _pairs(node).items()}
            node.pop("replication-offset")
            nodes.append(tuple(sorted(node.items())))
        shards.append((tuple(shard["slots"]), tuple(sorted(nodes)), _plain(shard["id"])))
    return sorted(shards)


def replica_is_up(server):
    replication = info(server)
    return replication["role"] == "master" or replication.get("master_link_status") == "up"


def wait_agreed(servers, count=None, dead=(), seconds=40.0):
    """All of these see the same cluster: nodes, addresses, flags, epochs, slots. The view.
    Exactly the nodes with the ids in `dead` have failed."""
    def is_right(name, row):
        expected = "fail" in row[1] if name in dead else not any(
            flag in ("fail", "fail?", "handshake") for flag in row[1])
        return expected and row[5] == ("disconnected" if name in dead else "connected")

    def agree():
        views = [view_of(server) for server in servers]
        if count is not None and len(views[0]) != count:
            return None
        if not all(is_right(name, row) for name, row in views[0].items()):
            return None
        return views[0] if all(view == views[0] for view in views) else None

    try:
        view = wait_until(agree, seconds)
    except AssertionError as error:
        shown = "\n".join("%s:\n%s" % (server.name, server.call("CLUSTER", "NODES").decode())
                          for server in servers)
        raise AssertionError("the nodes do not agree:\n" + shown) from error
    for of in (slots_of, shards_of):
        try:
            wait_until(lambda: len({repr(of(server)) for server in servers}) == 1, seconds)
        except AssertionError as error:
            shown = "\n".join("%s: %s" % (server.name, of(server)) for server in servers)
            raise AssertionError("%s differ:\n%s" % (of.__name__, shown)) from error
    return view


def wait_serving(servers, seconds=40.0):
    """Every one serves all slots, and every replica's link is up."""
    for server in servers:
        wait_until(lambda: eirtest.Cluster.node_is_ok(server), seconds, "%s is ok" % server.name)


def wait_role(server, role, seconds=30.0):
    wait_until(lambda: info(server)["role"] == role, seconds, "%s is %s" % (server.name, role))


# --- data ---

def fill(servers, count=400, prefix="key"):
    """Strings of all forms through a cluster, every third with an expiry far away."""
    with ClusterClient([server.port for server in servers]) as client:
        for number in range(count):
            value = ["text-%d" % number, number * 7919, "long " * (number % 300),
                     bytes(range(256)), "z" * (number * 10)][number % 5]
            options = ["PX", 4000000 + number * 1000] if number % 3 == 0 else []
            client.call("SET", "%s:%d" % (prefix, number), value, *options)


def content(server):
    """Everything that one node holds: {(db, key): (value, expiry)}; replicas are asked READONLY."""
    found = {}
    with server.client(timeout=30) as client:
        databases = 1
        if info(server, "cluster").get("cluster_enabled") == "1":
            client.ask("READONLY")
        else:
            databases = 16
        for database in range(databases):
            if databases > 1:
                client.call("SELECT", database)
            cursor, keys = b"0", []
            while True:
                cursor, more = client.call("SCAN", cursor, "COUNT", 1000)
                keys += more
                if cursor == b"0":
                    break
            values = client.pipeline([("GET", key) for key in keys])
            expiries = client.pipeline([("PEXPIRETIME", key) for key in keys])
            for key, value, expiry in zip(keys, values, expiries):
                found[database, key] = (value, expiry)
    return found


def dumps(server, keys):
    with server.client() as client:
        client.ask("READONLY")
        return client.pipeline([("DUMP", key) for key in keys])


def wait_caught_up(primary, replica, seconds=30.0):
    def is_there():
        mine, theirs = info(primary), info(replica)
        return (theirs.get("master_link_status") == "up" and
                mine["master_repl_offset"] == theirs["slave_repl_offset"])
    wait_until(is_there, seconds, "%s has what %s has" % (replica.name, primary.name))


class Writer(threading.Thread):
    """Writes counted values round and round, while the cluster changes under it, and knows what
    was acknowledged. Failover may lose what was not replicated, so it waits for one replica."""

    def __init__(self, servers, keys=200, replicas=1):
        super().__init__(daemon=True)
        self.client = ClusterClient([server.port for server in servers], timeout=5.0)
        self.keys = ["writer:%d" % number for number in range(keys)]
        self.replicas = replicas
        self.acknowledged = {}
        self.count = 0
        self.failure = None
        self.ends = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join(60)
        self.client.close()

    def run(self):
        number = 0
        try:
            while not self.ends.is_set():
                number += 1
                key = self.keys[number % len(self.keys)]
                self.client.call("SET", key, number, seconds=40.0)
                if self.replicas and self._wait(key) < self.replicas:
                    continue
                self.acknowledged[key] = number
                self.count += 1
        except Exception as error:  # whatever it is, the test must see it
            self.failure = error

    def _wait(self, key):
        """WAIT where the key was written; 0 when that link is gone."""
        address = self.client._target(eirtest.key_slot(key))
        try:
            return self.client.client(address).call("WAIT", self.replicas, 1000)
        except (OSError, ReplyError):
            self.client.drop(address)
            return 0

    def wait_progress(self, writes=50, seconds=40.0):
        target = self.count + writes

        def is_there():
            if self.failure:
                raise AssertionError("the writer gave up: %r" % self.failure)
            return self.count >= target
        wait_until(is_there, seconds, "%d more acknowledged writes" % writes)

    def lost(self, servers):
        """{key: (acknowledged, found)} of what is older than was acknowledged."""
        lost = {}
        with ClusterClient([server.port for server in servers]) as client:
            for key, number in self.acknowledged.items():
                found = client.call("GET", key)
                if found is None or int(found) < number:
                    lost[key] = (number, found)
        return lost


# --- the case ---

def warnings_of(server, expected=()):
    """Lines of warning in a Valkey log that no test expects."""
    known = [re.compile(pattern) for pattern in [*EXPECTED_WARNINGS, *expected]]
    lines = re.findall(r"^\d+:[A-Z] .*? # .*$", server.log(), re.MULTILINE)
    return [line for line in lines if not any(pattern.search(line) for pattern in known)]


class TestCase(eirtest.TestCase):
    """Cases whose Valkey nodes must have nothing to say about our packets."""
    expected_warnings = ()  # patterns of what a test provokes

    def start_node(self, kind, **options):
        """A cluster node that knows nobody."""
        options = {"cluster_enabled": "yes", "cluster_node_timeout": NODE_TIMEOUT_MS,
                   "repl_diskless_sync_delay": 0, **options}
        return self.start_server(program=program_of(kind), **options)

    def start_mixed(self, kinds, shards=3, replicas=0, **options):
        """A cluster by commands; kinds are those of its nodes, primaries first."""
        options = {"node_timeout_ms": NODE_TIMEOUT_MS, "repl_diskless_sync_delay": 0, **options}
        cluster = self.start_cluster(shards=shards, replicas=replicas, form="commands",
                                     programs=[program_of(kind) for kind in kinds], **options)
        for node in cluster.nodes:
            node.name = "%s-%s" % (kind_of(node), node.name)
        return cluster

    def start_shard(self, kinds, heir, **options):
        """Primaries of these kinds, and a replica of the first: (nodes, primary, replica)."""
        cluster = self.start_mixed(kinds, shards=len(kinds), **options)
        timeout_ms = options.get("node_timeout_ms", NODE_TIMEOUT_MS)
        replica = self.start_node(heir, cluster_node_timeout=timeout_ms)
        primary, nodes = cluster.nodes[0], cluster.nodes + [replica]
        replica.call("CLUSTER", "MEET", "127.0.0.1", primary.port)
        wait_agreed(nodes, len(nodes))
        wait_until(lambda: replica.call("CLUSTER", "REPLICATE", node_id(primary)) == "OK")
        wait_agreed(nodes, len(nodes))
        wait_serving(nodes)
        fill(nodes)
        wait_caught_up(primary, replica)
        return nodes, primary, replica

    def tearDown(self):
        """No warning, whatever the test was about."""
        for server in self._servers:
            if kind_of(server) == VALKEY:
                self.assertEqual(warnings_of(server, self.expected_warnings), [],
                                 "in the log of " + server.name)
        super().tearDown()
