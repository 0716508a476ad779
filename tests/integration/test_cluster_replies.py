"""CLUSTER SLOTS, SHARDS, NODES, LINKS, INFO, SLOT-STATS and errors beside Valkey's.

One layout, built by the same commands, of our nodes and of Valkey's; replies must be equal but for
ids, addresses and times.
"""
import re

import eirtest
from eirtest import wait_until


def renamed(cluster, value):
    """The value with every id, port and time replaced by what it stands for."""
    names = {}
    for index, node in enumerate(cluster.nodes):
        names[node.call("CLUSTER", "MYID").decode()] = "<node %d>" % index
        names[node.call("CLUSTER", "MYSHARDID").decode()] = \
            "<shard %d>" % (index % cluster.shards)
    ports = {node.port: index for index, node in enumerate(cluster.nodes)}

    def text(found):
        for name, stands_for in names.items():
            found = found.replace(name, stands_for)
        for port, index in ports.items():
            found = found.replace(str(port + eirtest.BUS_OFFSET), "<bus %d>" % index)
            found = found.replace(str(port), "<port %d>" % index)
        return re.sub(r"\b1\d{12}\b", "<time>", found)

    def walk(item):
        if isinstance(item, bytes):
            return text(item.decode())
        if isinstance(item, str):
            return text(item)
        if isinstance(item, dict):
            return {walk(key): walk(entry) for key, entry in item.items()}
        if isinstance(item, list):
            return [walk(entry) for entry in item]
        if isinstance(item, int) and not isinstance(item, bool):
            if item in ports:
                return "<port %d>" % ports[item]
            return "<time>" if item > 10 ** 12 else item
        return item
    return walk(value)


def all_online(node):
    """Replicas are shown as soon as it has been heard that they have data."""
    shards = node.client(protocol=3).call("CLUSTER", "SHARDS")
    return all(member["health"] == "online" for shard in renamed_keys(shards)
               for member in shard["nodes"])


def renamed_keys(reply):
    if isinstance(reply, dict):
        return {key.decode(): renamed_keys(value) for key, value in reply.items()}
    if isinstance(reply, list):
        return [renamed_keys(value) for value in reply]
    return reply.decode() if isinstance(reply, bytes) else reply


@eirtest.needs_peer
class Beside(eirtest.TestCase):
    """Questions change nothing, so that two clusters serve all cases."""

    @classmethod
    def setUpClass(cls):
        options = dict(form="commands", shards=3, replicas=1)
        cls.ours = eirtest.Cluster(**options)
        cls.theirs = eirtest.Cluster(programs=[eirtest.peer("valkey-server")], **options)
        for cluster in (cls.ours, cls.theirs):
            cls.addClassCleanup(cluster.cleanup)
            cluster.start()
            for node in cluster.nodes[:3]:
                node.call("SET", eirtest.key_in_slot(min(eirtest.owned_slots(node.client()))), "v")
                eirtest.wait_replicated(node)
            for node in cluster.nodes:
                wait_until(lambda: all_online(node), 30, "%s sees all online" % node.name)

    def both(self, *words, node=0, protocol=2, order=None):
        replies = []
        for cluster in (self.ours, self.theirs):
            with cluster.nodes[node].client(protocol=protocol) as client:
                reply = client.ask(*words)
            reply = renamed(cluster, reply)
            replies.append(order(reply) if order else reply)
        return replies

    def same(self, *words, **options):
        for protocol in (2, 3):
            for node in (0, 3):
                with self.subTest(words=words, protocol=protocol, node=node):
                    ours, theirs = self.both(*words, node=node, protocol=protocol, **options)
                    self.assertEqual(ours, theirs)

    def test_slots(self):
        self.same("CLUSTER", "SLOTS")

    def test_shards(self):
        def ordered(reply):
            """The order of shards and of their nodes is that of a hash table; offsets are times."""
            for shard in reply:
                nodes = shard["nodes"] if isinstance(shard, dict) else shard[3]
                for node in nodes:
                    if isinstance(node, dict):
                        node["replication-offset"] = "<offset>"
                    else:
                        node[node.index("replication-offset") + 1] = "<offset>"
                nodes.sort(key=str)
            return sorted(reply, key=str)
        self.same("CLUSTER", "SHARDS", order=ordered)

    def test_links(self):
        def ordered(reply):
            for link in reply:
                if isinstance(link, dict):
                    link["send-buffer-allocated"] = link["send-buffer-used"] = 0
                    link["events"] = "r"
                else:
                    link[7], link[9], link[11] = "r", 0, 0
            return sorted(reply, key=str)
        for cluster in (self.ours, self.theirs):
            for node in cluster.nodes:
                wait_until(lambda: len(node.client().call("CLUSTER", "LINKS")) == 10, 20,
                           "links of %s" % node.name)
        self.same("CLUSTER", "LINKS", order=ordered)

    def test_nodes(self):
        def ordered(reply):
            lines = [line.split(" ") for line in reply.splitlines()]
            for line in lines:
                line[4] = line[5] = "<time>"
            return sorted(lines)
        self.same("CLUSTER", "NODES", order=ordered)

    def test_replicas(self):
        for cluster in (self.ours, self.theirs):
            node_id = cluster.nodes[0].call("CLUSTER", "MYID")
            replies = [cluster.nodes[1].call("CLUSTER", word, node_id)
                       for word in ("REPLICAS", "SLAVES")]
            for reply in replies:
                self.assertEqual(len(reply), 1)
                self.assertTrue(renamed(cluster, reply)[0].startswith(
                    "<node 3> 127.0.0.1:<port 3>@<bus 3> slave <node 0> "))
        self.same("CLUSTER", "REPLICAS", "f" * 40)

    def test_info(self):
        def ordered(reply):
            fields = dict(line.split(":", 1) for line in reply.split("\r\n") if line)
            return {name: value for name, value in fields.items()
                    if "messages" not in name and "bytes" not in name and "eir" not in name}
        self.same("CLUSTER", "INFO", order=ordered)

    def test_slot_stats(self):
        for words in (("SLOTSRANGE", 0, 5), ("SLOTSRANGE", 5460, 5462),
                      ("ORDERBY", "KEY-COUNT", "LIMIT", 3), ("ORDERBY", "KEY-COUNT", "ASC"),
                      ("ORDERBY", "KEY-COUNT", "LIMIT", 2, "DESC"), ("ORDERBY", "KEY-COUNT"),
                      ("ORDERBY", "nothing"), ("ORDERBY", "KEY-COUNT", "LIMIT", 0),
                      ("ORDERBY", "KEY-COUNT", "ASC", "DESC"), ("ORDERBY", "KEY-COUNT", "LIMIT"),
                      ("SLOTSRANGE", 5, 1), ("SLOTSRANGE", "x", 1), ("SLOTSRANGE", 0)):
            self.same("CLUSTER", "SLOT-STATS", *words)

    def test_small_questions_and_errors(self):
        for words in (("KEYSLOT", "a{b}c"), ("COUNTKEYSINSLOT", 0), ("COUNTKEYSINSLOT", 16384),
                      ("COUNTKEYSINSLOT", "x"), ("GETKEYSINSLOT", 0, 10), ("GETKEYSINSLOT", 0, -1),
                      ("MYID",), ("MYSHARDID",), ("COUNT-FAILURE-REPORTS", "f" * 40),
                      ("ADDSLOTS", 0), ("ADDSLOTS", 99999), ("ADDSLOTSRANGE", 5, 1),
                      ("ADDSLOTSRANGE", 1), ("DELSLOTS", 99999), ("SETSLOT", 0, "NODE", "x"),
                      ("SETSLOT", 0, "IMPORTING", "f" * 40), ("SET-CONFIG-EPOCH", 5),
                      ("REPLICATE", "f" * 40), ("MEET", "999.1.1.1", 1), ("MEET", "127.0.0.1", "x"),
                      ("MEET", "127.0.0.1", 70000), ("FORGET", "f" * 40), ("NOSUCH",),
                      ("BUMPEPOCH", "x"), ("FAILOVER", "x"), ("RESET", "x"), ("SLOTS", "x"),
                      ("FLUSHSLOTS",)):
            self.same("CLUSTER", *words)
        self.same("READONLY")
        self.same("ASKING")
        self.same("READWRITE")
        self.same("SELECT", 1)
        self.same("ROLE", order=lambda reply: [entry if not isinstance(entry, int) else 0
                                               for entry in reply if not isinstance(entry, list)])


if __name__ == "__main__":
    eirtest.main()
