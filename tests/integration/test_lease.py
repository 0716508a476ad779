"""A primary that stood still, or that hears nobody, acknowledges no write that would be lost."""
import signal

import eirtest
from eirtest import wait_until

NODE_TIMEOUT_MS = 2000


class Lease(eirtest.TestCase):
    def stop_in_the_middle(self, cluster, keys):
        """Stops the first primary with open connections to it, lets its replica take over, sends a
        write on each connection, and lets it go on. The primary, its successor, the replies."""
        old = cluster.primary_of(0)
        clients = [old.client(timeout=120) for _ in keys]
        for key, client in zip(keys, clients):
            self.assertEqual(client.call("SET", key, "before"), "OK")
        eirtest.wait_replicated(old)
        old.signal(signal.SIGSTOP)
        try:
            others = [node for node in cluster.nodes if node is not old]
            successor = wait_until(lambda: next((node for node in others if 0 in
                                                 eirtest.owned_slots(node.client())), None),
                                   30, "a replica took over")
            for key, client in zip(keys, clients):
                self.assertEqual(successor.call("SET", key, "successor"), "OK")
                client.send("SET", key, "stale")
        finally:
            old.signal(signal.SIGCONT)
        replies = []
        for client in clients:
            try:
                replies.append(client.read())
            except (ConnectionError, OSError) as error:
                replies.append(error)
        return old, successor, replies

    def test_a_primary_that_slept_acknowledges_nothing_to_those_who_waited(self):
        cluster = self.start_cluster(node_timeout_ms=NODE_TIMEOUT_MS)
        keys = ["%s:%d" % (eirtest.key_in_slot(0), number) for number in range(20)]
        old, successor, replies = self.stop_in_the_middle(cluster, keys)
        self.assertEqual([reply for reply in replies if not isinstance(reply, Exception)], [])
        wait_until(lambda: old.call("ROLE")[0] == b"slave", 20, "it follows its successor")
        cluster.wait_ok()
        with successor.client() as client:
            self.assertEqual({client.call("GET", key) for key in keys}, {b"successor"})

    def test_a_short_sleep_costs_nothing_but_time(self):
        cluster = self.start_cluster(node_timeout_ms=15000)
        primary = cluster.primary_of(0)
        key = eirtest.key_in_slot(0)
        with primary.client(timeout=120) as client:
            client.call("SET", key, "before")
            client.call("DEBUG", "SLEEP", "1")
            self.assertEqual(client.call("SET", key, "after"), "OK")
            self.assertEqual(client.call("GET", key), b"after")
        self.assertIs(cluster.primary_of(0), primary)

    def test_a_primary_without_the_others_stops_writing_within_the_node_timeout(self):
        cluster = self.start_cluster(node_timeout_ms=NODE_TIMEOUT_MS, replicas=0)
        primary = cluster.primary_of(0)
        key = eirtest.key_in_slot(0)
        others = [node for node in cluster.nodes if node is not primary]
        with primary.client(timeout=120) as client:
            self.assertEqual(client.call("SET", key, "before"), "OK")
            for node in others:
                node.signal(signal.SIGSTOP)
            try:
                refusal = wait_until(
                    lambda: next((reply for reply in [client.ask("SET", key, "alone")]
                                  if isinstance(reply, eirtest.ReplyError)), None),
                    NODE_TIMEOUT_MS / 1000 * 5, "writes are refused")
                self.assertEqual(refusal.code, "CLUSTERDOWN")
            finally:
                for node in others:
                    node.signal(signal.SIGCONT)
            wait_until(lambda: client.call("SET", key, "again") == "OK", 20, "it serves again")

    def test_writers_survive_a_sleeping_primary_and_lose_nothing(self):
        cluster = self.start_cluster(node_timeout_ms=NODE_TIMEOUT_MS)
        old = cluster.primary_of(0)
        with eirtest.Writer(cluster) as writer:
            writer.wait_progress(300)
            old.signal(signal.SIGSTOP)
            try:
                wait_until(lambda: any(0 in eirtest.owned_slots(node.client())
                                       for node in cluster.nodes if node is not old), 30)
                writer.wait_progress(300)
            finally:
                old.signal(signal.SIGCONT)
            wait_until(lambda: old.call("ROLE")[0] == b"slave", 20, "it follows its successor")
            writer.wait_progress(300)
        self.assertIsNone(writer.failure)
        cluster.wait_ok()
        self.assertEqual(writer.lost(cluster), {})


if __name__ == "__main__":
    eirtest.main()
