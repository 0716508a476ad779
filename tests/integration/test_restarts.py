"""Nodes of a cluster are restarted: one by one, all at once, and at other addresses."""
import signal

import eirtest
from eirtest import wait_until


class Restarts(eirtest.TestCase):
    def test_all_nodes_are_restarted_one_by_one_under_writes(self):
        cluster = self.start_cluster(save=["3600 1"])
        with eirtest.Writer(cluster) as writer:
            for node in cluster.nodes:
                writer.wait_progress(50)
                self.assertEqual(node.stop(), 0)
                node.start()
                cluster.wait_ok()
            writer.wait_progress(300)
        self.assertIsNone(writer.failure)
        self.assertEqual(writer.lost(cluster), {})

    def test_all_nodes_are_stopped_and_started_at_once_and_every_key_is_there(self):
        cluster = self.start_cluster(save=["3600 1"])
        keys = eirtest.fill_slots(cluster, "kept-{}")
        owners = {node: eirtest.owned_slots(node.client()) for node in cluster.primaries()}
        for node in cluster.nodes:
            node.signal(signal.SIGTERM)
        for node in cluster.nodes:
            self.assertEqual(node.stop(), 0, node.log()[-2000:])
        for node in cluster.nodes:
            node.start(wait=False)
        for node in cluster.nodes:
            node.wait_ready()
        cluster.wait_ok()
        self.assertEqual(sum(len(slots) for slots in owners.values()), eirtest.SLOT_COUNT)
        self.assertEqual(eirtest.read_slots(cluster, keys),
                         {slot: "kept-%d" % slot for slot in keys})

    def test_all_nodes_are_killed_at_once_and_serve_what_was_saved(self):
        cluster = self.start_cluster()
        keys = eirtest.fill_slots(cluster, "saved-{}", eirtest.keys_of_slots(range(0, 16384, 50)))
        for node in cluster.nodes:
            wait_until(lambda: node.call("SAVE") == "OK", 20)
        for node in cluster.nodes:
            node.kill()
        for node in cluster.nodes:
            node.start(wait=False)
        for node in cluster.nodes:
            node.wait_ready()
        cluster.wait_ok()
        self.assertEqual(eirtest.read_slots(cluster, keys),
                         {slot: "saved-%d" % slot for slot in keys})


class Moves(eirtest.TestCase):
    def check(self, cluster, keys):
        cluster.wait_ok()
        ports = {node.port for node in cluster.nodes}

        def all_know_all():
            for node in cluster.nodes:
                rows = eirtest.cluster_nodes(node.client())
                shown = {int(row["address"].split("@")[0].rsplit(":", 1)[1]) for row in rows}
                if shown != ports or any(row["link"] != "connected" for row in rows):
                    return False
            return True
        wait_until(all_know_all, 30, "everybody knows the new addresses")
        self.assertEqual(eirtest.read_slots(cluster, keys),
                         {slot: "moved-%d" % slot for slot in keys})

    def test_a_node_comes_back_on_another_port(self):
        cluster = self.start_cluster(save=["3600 1"])
        keys = eirtest.fill_slots(cluster, "moved-{}")
        for node in (cluster.primary_of(0), cluster.replicas_of(cluster.primary_of(8000))[0]):
            node_id = node.call("CLUSTER", "MYID")
            node.stop()
            node.move()
            node.start()
            self.assertEqual(node.call("CLUSTER", "MYID"), node_id)
        self.check(cluster, keys)

    def test_all_nodes_come_back_on_other_ports_at_once(self):
        cluster = self.start_cluster(save=["3600 1"])
        keys = eirtest.fill_slots(cluster, "moved-{}")
        ids = {node: node.call("CLUSTER", "MYID") for node in cluster.nodes}
        for node in cluster.nodes:
            node.signal(signal.SIGTERM)
        for node in cluster.nodes:
            node.stop()
        for node in cluster.nodes:
            node.move()
        for node in cluster.nodes:
            node.options["cluster-seeds"] = "127.0.0.1:%d" % cluster.nodes[0].port
            node.start(wait=False)
        for node in cluster.nodes:
            node.wait_ready()
        self.check(cluster, keys)
        self.assertEqual({node: node.call("CLUSTER", "MYID") for node in cluster.nodes}, ids)


if __name__ == "__main__":
    eirtest.main()
