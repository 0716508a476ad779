/* Stories of members: epochs that collide, replicas that move, Valkey nodes among Eir nodes. */
#include "sim/story_test.h"

static struct sim *healthy_world(struct sim_options options)
{
    struct sim *sim = sim_create(&options);
    wait_for(sim, sim_is_healthy, 10000, PRIMARY(0));
    sim_run(sim, 3000);
    sim_expect_no_violation(sim);
    sim_mark(sim);
    return sim;
}

static uint64_t epoch_of(struct sim *sim, sim_who who)
{
    struct cluster_status status;
    sim_status(sim, who, &status);
    return status.config_epoch;
}

START_TEST(of_two_primaries_with_one_epoch_one_moves_on)
{
    struct sim *sim =
        healthy_world((struct sim_options){ .primaries = 3, .replicas = 1, .seed = (uint64_t)_i });
    sim_isolate(sim, PRIMARY(0));
    sim_isolate(sim, PRIMARY(1));
    struct cluster_order bump = { .type = ORDER_BUMP_EPOCH };
    ck_assert(sim_order(sim, PRIMARY(0), &bump, NULL));
    ck_assert(sim_order(sim, PRIMARY(1), &bump, NULL));
    ck_assert_uint_eq(epoch_of(sim, PRIMARY(0)), epoch_of(sim, PRIMARY(1)));
    sim_heal(sim);
    wait_for(sim, sim_is_healthy, 10000, PRIMARY(0));
    ck_assert_uint_ne(epoch_of(sim, PRIMARY(0)), epoch_of(sim, PRIMARY(1)));
    sim_destroy(sim);
}
END_TEST

static unsigned replicas_of(struct sim *sim, sim_who who)
{
    struct node_id primary = sim_id(sim, who);
    unsigned count = 0;
    for (unsigned i = 0; i < sim_node_count(sim); i++) {
        struct cluster_peer_view view;
        if (sim_core(sim, i) == NULL) continue;
        cluster_peer_view(sim_core(sim, i), 0, &view);
        count += node_id_equal(&view.primary_id, &primary);
    }
    return count;
}

static bool the_orphan_has_a_replica(struct sim *sim)
{
    return replicas_of(sim, REPLICA(0, 0)) + replicas_of(sim, REPLICA(0, 1)) > 0;
}

START_TEST(a_spare_replica_moves_to_an_orphaned_primary)
{
    struct sim *sim =
        healthy_world((struct sim_options){ .primaries = 3, .replicas = 2, .seed = (uint64_t)_i });
    sim_crash(sim, PRIMARY(0)); /* one of its replicas leads now, the other follows it */
    sim_run(sim, 5000);
    sim_crash(sim, sim_is_primary(sim, REPLICA(0, 0)) ? REPLICA(0, 1) : REPLICA(0, 0));
    wait_for(sim, the_orphan_has_a_replica, 20000, REPLICA(1, 0));
    wait_for(sim, sim_agrees, 5000, REPLICA(1, 0));
    sim_destroy(sim);
}
END_TEST

static bool first_shard_is_replaced(struct sim *sim)
{
    unsigned owner = sim_owner_of(sim, 0);
    return owner != sim_index(sim, PRIMARY(0)) && owner != UINT32_MAX;
}

/* Classic nodes stand at the end: with four of six, two primaries are Eir's, one is classic. */
START_TEST(in_a_mixed_cluster_a_dead_primary_is_replaced)
{
    struct sim *sim = healthy_world((struct sim_options){
        .primaries = 3, .replicas = 1, .classic = 1 + (unsigned)_i % 6, .seed = (uint64_t)_i });
    sim_crash(sim, PRIMARY(0));
    wait_for(sim, first_shard_is_replaced, 2000 * 4 + 2000, REPLICA(0, 0));
    sim_restart(sim, PRIMARY(0), RESTART_WITH_DATA);
    wait_for(sim, sim_is_healthy, 20000, PRIMARY(0));
    sim_destroy(sim);
}
END_TEST

START_TEST(in_a_mixed_cluster_a_manual_failover_works_both_ways)
{
    struct sim *sim = healthy_world((struct sim_options){
        .primaries = 3, .replicas = 1, .classic = 1 + (unsigned)_i % 6, .seed = (uint64_t)_i });
    ck_assert(sim_failover(sim, REPLICA(0, 0), FAILOVER_PLAIN));
    wait_for(sim, first_shard_is_replaced, 6000, REPLICA(0, 0));
    wait_for(sim, sim_is_healthy, 10000, PRIMARY(0));
    ck_assert(sim_failover(sim, PRIMARY(0), FAILOVER_PLAIN));
    sim_run(sim, 6000);
    wait_for(sim, sim_is_healthy, 10000, PRIMARY(0));
    ck_assert_uint_eq(sim_owner_of(sim, 0), sim_index(sim, PRIMARY(0)));
    sim_destroy(sim);
}
END_TEST

static bool all_know_the_last_replica(struct sim *sim)
{
    struct node_id id = sim_id(sim, REPLICA(0, 1));
    for (unsigned i = 0; i < sim_node_count(sim); i++)
        if (cluster_peer_find(sim_core(sim, i), &id) < 0) return false;
    return true;
}

START_TEST(a_forgotten_node_stays_away_and_may_come_back)
{
    struct sim *sim =
        healthy_world((struct sim_options){ .primaries = 3, .replicas = 2, .seed = (uint64_t)_i });
    sim_crash(sim, REPLICA(0, 1));
    struct cluster_order forget = { .type = ORDER_FORGET, .id = sim_id(sim, REPLICA(0, 1)) };
    ck_assert(sim_order(sim, PRIMARY(0), &forget, NULL));
    sim_run(sim, 3000);
    for (unsigned i = 0; i < sim_node_count(sim); i++) {
        if (sim_core(sim, i) == NULL) continue;
        struct node_id id = sim_id(sim, REPLICA(0, 1));
        ck_assert_int_eq(cluster_peer_find(sim_core(sim, i), &id), -1);
    }
    sim_run(sim, 6000); /* past the black list */
    sim_restart(sim, REPLICA(0, 1), RESTART_WITH_DATA);
    wait_for(sim, all_know_the_last_replica, 20000, REPLICA(0, 1));
    wait_for(sim, sim_is_healthy, 20000, REPLICA(0, 1));
    sim_destroy(sim);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("members");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, of_two_primaries_with_one_epoch_one_moves_on, 1, 6);
    tcase_add_loop_test(tcase, a_spare_replica_moves_to_an_orphaned_primary, 1, 6);
    tcase_add_loop_test(tcase, in_a_mixed_cluster_a_dead_primary_is_replaced, 0, 12);
    tcase_add_loop_test(tcase, in_a_mixed_cluster_a_manual_failover_works_both_ways, 0, 12);
    tcase_add_loop_test(tcase, a_forgotten_node_stays_away_and_may_come_back, 1, 4);
    return run_stories(tcase, "members");
}
