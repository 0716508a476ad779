"""Primaries of mixed clusters die: who votes, who wins, and what the dead do when they return."""
import eirtest
from mixed import (EIR, VALKEY, TestCase, content, node_id, wait_agreed, wait_caught_up, wait_role,
                   wait_serving)


@eirtest.needs_peer
class Deaths(TestCase):
    def kill_and_return(self, kinds, heir, seconds=30.0, **options):
        nodes, primary, replica = self.start_shard(kinds, heir, **options)
        before, dead = content(primary), node_id(primary)
        self.assertTrue(before)
        primary.kill()
        wait_role(replica, "master", seconds)
        self.assertEqual(content(replica), before)
        living = nodes[1:]
        wait_serving(living)
        wait_agreed(living, len(nodes), dead=[dead])
        with eirtest.ClusterClient([node.port for node in living]) as client:
            for number in range(100):
                client.call("SET", "key:%d" % number, "after")

        primary.start()
        wait_role(primary, "slave")
        wait_agreed(nodes, len(nodes))
        wait_caught_up(replica, primary)
        self.assertEqual(content(primary), content(replica))
        return nodes, primary, replica

    def test_valkey_voters_elect_an_eir_replica(self):
        self.kill_and_return([VALKEY, VALKEY, VALKEY], EIR)

    def test_valkey_voters_elect_the_valkey_replica_of_an_eir_primary(self):
        self.kill_and_return([EIR, VALKEY, VALKEY], VALKEY)

    def test_valkey_voters_elect_the_eir_replica_of_an_eir_primary(self):
        self.kill_and_return([EIR, VALKEY, VALKEY], EIR)

    def test_one_voter_of_each_kind_elects_a_valkey_replica(self):
        self.kill_and_return([EIR, EIR, VALKEY], VALKEY)

    def test_one_voter_of_each_kind_elects_an_eir_replica(self):
        self.kill_and_return([VALKEY, EIR, VALKEY], EIR)

    # Where Eir voters alone are a quorum nobody waits for the node timeout. (That a Valkey primary
    # is dead cannot be told early: it does not promise what hard evidence stands on.)

    def test_eir_voters_are_quick_to_elect_a_valkey_replica(self):
        self.kill_and_return([EIR] * 3, VALKEY, seconds=12, node_timeout_ms=60000)

    def test_eir_voters_are_quick_among_valkey_nodes(self):
        self.kill_and_return([EIR] * 4 + [VALKEY], EIR, seconds=12, node_timeout_ms=60000)


if __name__ == "__main__":
    eirtest.main()
