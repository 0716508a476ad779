/* Stories of formation and of clusters side by side: who founds what, and who keeps out. */
#include "sim/story_test.h"

static bool all_serve(struct sim *sim)
{
    for (unsigned i = 0; i < sim_node_count(sim); i++) {
        struct cluster_status status;
        if (sim_core(sim, i) == NULL) return false;
        sim_status(sim, i, &status);
        if (!status.serves || !status.is_ok) return false;
    }
    return true;
}

static uint64_t cluster_id_of(struct sim *sim, sim_who who)
{
    struct cluster_status status;
    sim_status(sim, who, &status);
    return status.cluster_id;
}

START_TEST(fresh_nodes_with_seeds_found_one_cluster)
{
    struct sim *sim = sim_create(&(struct sim_options){
        .primaries = 3, .replicas = 1, .by_formation = true, .seed = (uint64_t)_i });
    wait_for(sim, sim_is_healthy, 10000, 0);
    unsigned primaries = 0;
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_uint_ne(cluster_id_of(sim, i), 0);
        ck_assert_uint_eq(cluster_id_of(sim, i), cluster_id_of(sim, 0));
        primaries += sim_is_primary(sim, i);
    }
    ck_assert_uint_eq(primaries, 3);
    sim_destroy(sim);
}
END_TEST

START_TEST(nodes_that_start_one_by_one_found_one_cluster_too)
{
    struct sim *sim = sim_create(&(struct sim_options){ .primaries = 3,
                                                        .replicas = 1,
                                                        .spares = 2,
                                                        .by_formation = true,
                                                        .start_spread_ms = 5000,
                                                        .seed = (uint64_t)_i });
    wait_for(sim, all_serve, 30000, 0);
    for (unsigned i = 1; i < 8; i++)
        ck_assert_uint_eq(cluster_id_of(sim, i), cluster_id_of(sim, 0));
    sim_destroy(sim);
}
END_TEST

START_TEST(a_member_that_crashes_while_a_cluster_is_founded_is_waited_for)
{
    struct sim *sim = sim_create(&(struct sim_options){
        .primaries = 3, .replicas = 1, .by_formation = true, .seed = (uint64_t)_i });
    sim_run(sim, 400 + (time_ms)_i * 40); /* around the moment of proposing and locking */
    sim_crash(sim, 2);
    sim_run(sim, 5000);
    sim_expect_no_violation(sim);
    sim_restart(sim, 2, RESTART_WITH_DATA);
    wait_for(sim, sim_is_healthy, 20000, 2);
    sim_destroy(sim);
}
END_TEST

static bool both_clusters_serve(struct sim *sim)
{
    return all_serve(sim) && cluster_id_of(sim, 6) != 0;
}

START_TEST(a_cluster_that_is_met_by_mistake_stays_another_cluster)
{
    struct sim *sim = sim_create(&(struct sim_options){ .primaries = 3,
                                                        .replicas = 1,
                                                        .spares = 3,
                                                        .has_foreigners = true,
                                                        .by_formation = true,
                                                        .seed = (uint64_t)_i });
    wait_for(sim, both_clusters_serve, 20000, 6);
    ck_assert_uint_ne(cluster_id_of(sim, 0), cluster_id_of(sim, 6));
    sim_meet(sim, 0, 6);
    sim_meet(sim, 7, 3);
    sim_run(sim, 20000); /* the checker looks for strangers every second */
    sim_expect_no_violation(sim);
    ck_assert(both_clusters_serve(sim));
    ck_assert_uint_eq(cluster_peer_count(sim_core(sim, 1)), 6);
    sim_destroy(sim);
}
END_TEST

START_TEST(all_addresses_may_change_at_once)
{
    struct sim *sim = sim_create(&(struct sim_options){
        .primaries = 3, .replicas = 1, .by_formation = true, .seed = (uint64_t)_i });
    wait_for(sim, sim_is_healthy, 10000, 0);
    sim_run(sim, 2000);
    for (unsigned i = 0; i < 6; i++) sim_crash(sim, i);
    for (unsigned i = 0; i < 6; i++) sim_readdress(sim, i);
    for (unsigned i = 0; i < 6; i++) sim_restart(sim, i, RESTART_WITH_DATA);
    wait_for(sim, sim_is_healthy, 60000, 0);
    sim_destroy(sim);
}
END_TEST

START_TEST(a_stranger_at_a_dead_nodes_address_is_not_taken_for_it)
{
    struct sim *sim = sim_create(&(struct sim_options){ .primaries = 3,
                                                        .replicas = 1,
                                                        .spares = 3,
                                                        .has_foreigners = true,
                                                        .by_formation = true,
                                                        .seed = (uint64_t)_i });
    wait_for(sim, both_clusters_serve, 20000, 6);
    sim_crash(sim, 1);
    sim_crash(sim, 6);
    sim_swap_addresses(sim, 1, 6);
    sim_restart(sim, 6, RESTART_WITH_DATA);
    sim_run(sim, 10000);
    sim_expect_no_violation(sim);
    sim_restart(sim, 1, RESTART_WITH_DATA);
    wait_for(sim, sim_is_healthy, 30000, 1);
    wait_for(sim, both_clusters_serve, 30000, 6);
    sim_destroy(sim);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("formation");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, fresh_nodes_with_seeds_found_one_cluster, 1, 11);
    tcase_add_loop_test(tcase, nodes_that_start_one_by_one_found_one_cluster_too, 1, 11);
    tcase_add_loop_test(tcase, a_member_that_crashes_while_a_cluster_is_founded_is_waited_for, 1,
                        21);
    tcase_add_loop_test(tcase, a_cluster_that_is_met_by_mistake_stays_another_cluster, 1, 6);
    tcase_add_loop_test(tcase, all_addresses_may_change_at_once, 1, 6);
    tcase_add_loop_test(tcase, a_stranger_at_a_dead_nodes_address_is_not_taken_for_it, 1, 6);
    return run_stories(tcase, "formation");
}
