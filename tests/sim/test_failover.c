/* Stories of failover: who takes over, how fast, and what the old primary may still do. */
#include "sim/story_test.h"

static bool first_shard_has_a_new_primary(struct sim *sim)
{
    unsigned owner = sim_owner_of(sim, 0);
    return owner != sim_index(sim, PRIMARY(0)) && owner != UINT32_MAX;
}

static struct sim *healthy_world(struct sim_options options)
{
    struct sim *sim = sim_create(&options);
    wait_for(sim, sim_is_healthy, 10000, PRIMARY(0));
    sim_run(sim, 3000); /* replicas are in sync, links have carried packets */
    sim_expect_no_violation(sim);
    sim_mark(sim);
    return sim;
}

START_TEST(a_replica_takes_over_within_a_second_when_its_primary_dies)
{
    struct sim *sim = healthy_world((struct sim_options){
        .primaries = 3, .replicas = 1, .seed = (uint64_t)_i, .node_timeout_ms = 15000 });
    sim_crash(sim, PRIMARY(0));
    wait_for(sim, first_shard_has_a_new_primary, 1200, REPLICA(0, 0));
    ck_assert_uint_eq(sim_owner_of(sim, 0), sim_index(sim, REPLICA(0, 0)));
    wait_for(sim, sim_agrees, 2000, REPLICA(0, 0));
    sim_destroy(sim);
}
END_TEST

START_TEST(a_silent_machine_is_replaced_within_one_and_a_half_timeouts)
{
    struct sim *sim = healthy_world((struct sim_options){
        .primaries = 3, .replicas = 1, .seed = (uint64_t)_i, .node_timeout_ms = 4000 });
    sim_power_off(sim, PRIMARY(0));
    wait_for(sim, first_shard_has_a_new_primary, 4000 * 3 / 2 + 2000, REPLICA(0, 0));
    sim_destroy(sim);
}
END_TEST

START_TEST(of_two_replicas_the_one_with_more_data_wins)
{
    struct sim *sim = healthy_world((struct sim_options){ .primaries = 3,
                                                          .replicas = 2,
                                                          .seed = (uint64_t)_i,
                                                          .no_writes = true,
                                                          .node_timeout_ms = 5000 });
    unsigned better = _i % 2, worse = 1 - better;
    sim_crash(sim, PRIMARY(0));
    sim_set_offset(sim, REPLICA(0, better), 5000);
    sim_set_offset(sim, REPLICA(0, worse), 4000);
    wait_for(sim, first_shard_has_a_new_primary, 3000, REPLICA(0, better));
    ck_assert_uint_eq(sim_owner_of(sim, 0), sim_index(sim, REPLICA(0, better)));
    sim_destroy(sim);
}
END_TEST

static bool three_shards_have_new_primaries(struct sim *sim)
{
    for (unsigned shard = 0; shard < 3; shard++)
        if (!sim_is_primary(sim, REPLICA(shard, 0)) && !sim_is_primary(sim, REPLICA(shard, 1)))
            return false;
    return true;
}

START_TEST(three_shards_of_seven_that_lose_their_primaries_at_once_are_all_replaced)
{
    struct sim *sim = healthy_world((struct sim_options){
        .primaries = 7, .replicas = 2, .seed = (uint64_t)_i, .node_timeout_ms = 5000 });
    for (unsigned shard = 0; shard < 3; shard++) sim_crash(sim, PRIMARY(shard));
    wait_for(sim, three_shards_have_new_primaries, 3000, REPLICA(0, 0));
    wait_for(sim, sim_agrees, 5000, REPLICA(0, 0));
    sim_destroy(sim);
}
END_TEST

START_TEST(a_primary_that_is_cut_off_stops_writing_before_its_successor_starts)
{
    struct sim *sim = healthy_world((struct sim_options){ .primaries = 3,
                                                          .replicas = 1,
                                                          .seed = (uint64_t)_i,
                                                          .drifts = true,
                                                          .node_timeout_ms = 3000 });
    sim_isolate(sim, PRIMARY(0)); /* the checker watches every acknowledged write */
    wait_for(sim, first_shard_has_a_new_primary, 3000 * 3 / 2 + 2000, REPLICA(0, 0));
    uint64_t stale = sim_offset(sim, PRIMARY(0));
    sim_run(sim, 5000);
    ck_assert_uint_eq(sim_offset(sim, PRIMARY(0)), stale);
    sim_heal(sim);
    wait_for(sim, sim_is_healthy, 15000, PRIMARY(0));
    ck_assert(!sim_is_primary(sim, PRIMARY(0)));
    sim_destroy(sim);
}
END_TEST

START_TEST(a_primary_that_comes_back_follows_its_successor)
{
    struct sim *sim =
        healthy_world((struct sim_options){ .primaries = 3, .replicas = 1, .seed = (uint64_t)_i });
    sim_crash(sim, PRIMARY(0));
    wait_for(sim, first_shard_has_a_new_primary, 10000, REPLICA(0, 0));
    sim_restart(sim, PRIMARY(0), RESTART_WITH_DATA);
    wait_for(sim, sim_is_healthy, 15000, PRIMARY(0));
    ck_assert(!sim_is_primary(sim, PRIMARY(0)));
    sim_destroy(sim);
}
END_TEST

START_TEST(an_owner_that_restarts_empty_leaves_the_shard_to_its_replica)
{
    struct sim *sim = healthy_world((struct sim_options){
        .primaries = 3, .replicas = 1, .seed = (uint64_t)_i, .node_timeout_ms = 5000 });
    uint64_t data = sim_offset(sim, REPLICA(0, 0));
    ck_assert_uint_gt(data, 0);
    sim_crash(sim, PRIMARY(0));
    sim_restart(sim, PRIMARY(0), RESTART_EMPTY);
    wait_for(sim, first_shard_has_a_new_primary, 10000, PRIMARY(0));
    ck_assert_uint_ge(sim_offset(sim, REPLICA(0, 0)), data);
    wait_for(sim, sim_is_healthy, 15000, PRIMARY(0));
    sim_destroy(sim);
}
END_TEST

START_TEST(a_manual_failover_under_load_loses_nothing)
{
    struct sim *sim =
        healthy_world((struct sim_options){ .primaries = 3, .replicas = 1, .seed = (uint64_t)_i });
    ck_assert(sim_failover(sim, REPLICA(0, 0), FAILOVER_PLAIN));
    wait_for(sim, first_shard_has_a_new_primary, 5000, REPLICA(0, 0));
    ck_assert_uint_ge(sim_offset(sim, REPLICA(0, 0)), sim_offset(sim, PRIMARY(0)));
    wait_for(sim, sim_is_healthy, 10000, PRIMARY(0));
    ck_assert(!sim_is_primary(sim, PRIMARY(0)));
    sim_destroy(sim);
}
END_TEST

START_TEST(a_stopping_primary_hands_over_to_its_replica)
{
    struct sim *sim =
        healthy_world((struct sim_options){ .primaries = 3, .replicas = 1, .seed = (uint64_t)_i });
    sim_stop(sim, PRIMARY(0));
    wait_for(sim, first_shard_has_a_new_primary, 1500, PRIMARY(0));
    ck_assert_uint_ge(sim_offset(sim, REPLICA(0, 0)), sim_offset(sim, PRIMARY(0)));
    sim_destroy(sim);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("failover");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_replica_takes_over_within_a_second_when_its_primary_dies, 1, 11);
    tcase_add_loop_test(tcase, a_silent_machine_is_replaced_within_one_and_a_half_timeouts, 1, 11);
    tcase_add_loop_test(tcase, of_two_replicas_the_one_with_more_data_wins, 1, 11);
    tcase_add_loop_test(
        tcase, three_shards_of_seven_that_lose_their_primaries_at_once_are_all_replaced, 1, 6);
    tcase_add_loop_test(tcase, a_primary_that_is_cut_off_stops_writing_before_its_successor_starts,
                        1, 11);
    tcase_add_loop_test(tcase, a_primary_that_comes_back_follows_its_successor, 1, 6);
    tcase_add_loop_test(tcase, an_owner_that_restarts_empty_leaves_the_shard_to_its_replica, 1, 6);
    tcase_add_loop_test(tcase, a_manual_failover_under_load_loses_nothing, 1, 11);
    tcase_add_loop_test(tcase, a_stopping_primary_hands_over_to_its_replica, 1, 6);
    return run_stories(tcase, "failover");
}
