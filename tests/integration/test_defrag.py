#!/usr/bin/python3
"""activedefrag with real processes: what deleted keys leave behind goes back to the system."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import eirtest  # noqa: E402

COUNT = 60000
VALUE = "v" * 980


def memory(client, name):
    return int(client.info("memory")[name])


def stats(client, name):
    return int(client.info("stats")[name])


class ActiveDefrag(eirtest.TestCase):
    def leave_holes(self, client):
        """Writes many keys and deletes nine of ten. Returns those that stay."""
        client.pipeline([("SET", "key:%d" % at, VALUE + str(at)) for at in range(COUNT)])
        chance = random.Random(3)
        staying = [at for at in range(COUNT) if chance.random() < 0.1]
        leaving = sorted(set(range(COUNT)) - set(staying))
        client.pipeline([("DEL", "key:%d" % at) for at in leaving])
        return staying

    def check_kept(self, client, staying):
        values = client.pipeline([("GET", "key:%d" % at) for at in staying])
        self.assertEqual(values, [(VALUE + str(at)).encode() for at in staying])

    def check(self, **options):
        server = self.start_server(activedefrag="yes", active_defrag_ignore_bytes="1mb",
                                   active_defrag_cycle_min="50", **options)
        with server.client(timeout=60.0) as client:
            if client.info("memory")["mem_allocator"] == "libc":
                self.skipTest("the allocator of a sanitizer build keeps no pages")
            if "cluster_enabled" in options:
                client.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                eirtest.wait_until(lambda: b"cluster_state:ok" in client.call("CLUSTER", "INFO"))
            before = memory(client, "used_memory_rss")
            staying = self.leave_holes(client)

            def is_given_back():
                client.call("MEMORY", "PURGE")
                grown = memory(client, "used_memory_rss") - before
                return grown < COUNT * len(VALUE) // 3
            eirtest.wait_until(is_given_back, 60)
            eirtest.wait_until(lambda: memory(client, "active_defrag_running") == 0, 60)
            self.assertGreater(stats(client, "active_defrag_key_hits"), 0)
            self.assertGreaterEqual(stats(client, "active_defrag_hits"),
                                    stats(client, "active_defrag_key_hits"))
            self.check_kept(client, staying)

    def test_memory_goes_back_and_keys_stay(self):
        self.check()

    def test_so_it_does_in_a_cluster(self):
        self.check(cluster_enabled="yes")

    def test_nothing_moves_until_it_is_switched_on(self):
        server = self.start_server(active_defrag_ignore_bytes="1mb")
        with server.client(timeout=60.0) as client:
            staying = self.leave_holes(client)
            self.assertEqual(memory(client, "active_defrag_running"), 0)
            self.assertEqual(stats(client, "active_defrag_misses"), 0)
            client.call("CONFIG", "SET", "activedefrag", "yes")
            if client.info("memory")["mem_allocator"] != "libc":
                eirtest.wait_until(lambda: stats(client, "active_defrag_hits") > 0, 60)
            client.call("CONFIG", "SET", "activedefrag", "no")
            eirtest.wait_until(lambda: memory(client, "active_defrag_running") == 0, 60)
            self.check_kept(client, staying)


if __name__ == "__main__":
    eirtest.main()
