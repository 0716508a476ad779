"""Manual failover between Eir and Valkey: plain, FORCE and TAKEOVER, there and back."""
import eirtest
from mixed import (EIR, VALKEY, TestCase, content, info, node_id, view_of, wait_agreed,
                   wait_caught_up, wait_role, wait_serving)


@eirtest.needs_peer
class HandOvers(TestCase):
    def there_and_back(self, kinds, heir, *words):
        nodes, primary, replica = self.start_shard(kinds, heir)
        before = content(primary)
        for old, new in ((primary, replica), (replica, primary)):
            epoch = view_of(old)[node_id(old)][3]
            full = int(info(new, "stats")["sync_full"])
            self.assertEqual(new.call("CLUSTER", "FAILOVER", *words), "OK")
            wait_role(new, "master")
            wait_role(old, "slave")
            view = wait_agreed(nodes, len(nodes))
            wait_serving(nodes)
            self.assertGreater(view[node_id(new)][3], epoch)
            wait_caught_up(new, old)
            self.assertEqual(content(new), before)
            self.assertEqual(content(old), before)
            self.assertEqual(int(info(new, "stats")["sync_full"]), full, "a partial sync is enough")

    def test_plain_from_eir_to_valkey_and_back(self):
        self.there_and_back([EIR, EIR, VALKEY], VALKEY)

    def test_plain_from_valkey_to_eir_and_back(self):
        self.there_and_back([VALKEY, VALKEY, VALKEY], EIR)

    def test_forced_from_eir_to_valkey_and_back(self):
        self.there_and_back([EIR, EIR, VALKEY], VALKEY, "FORCE")

    def test_forced_from_valkey_to_eir_and_back(self):
        self.there_and_back([VALKEY, VALKEY, EIR], EIR, "FORCE")

    def test_takeover_from_eir_to_valkey_and_back(self):
        self.there_and_back([EIR, EIR, VALKEY], VALKEY, "TAKEOVER")

    def test_takeover_from_valkey_to_eir_and_back(self):
        self.there_and_back([VALKEY, EIR, VALKEY], EIR, "TAKEOVER")


if __name__ == "__main__":
    eirtest.main()
