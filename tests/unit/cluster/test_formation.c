/* Formation over links: seeds, discovery, the plan carried out, late comers, restarts. */
#include "unit/cluster/toy_net.h"

#include <check.h>

static struct cluster_seed seed_of(int index)
{
    struct cluster_seed seed = { .host = "localhost", .port = (uint16_t)(7000 + index) };
    return seed;
}

/* Creates `count` nodes of this shape whose seeds are the first two; those from `started` on are
 * not running yet. */
static struct toy *shaped(int count, int started, unsigned shards, unsigned replicas, uint64_t seed)
{
    struct cluster_seed seeds[2] = { seed_of(0), seed_of(1) };
    struct toy *toy = toy_create(count, seed);
    for (int i = 0; i < count; i++) {
        struct toy_node *node = &toy->nodes[i];
        node->options.shards = shards;
        node->options.replicas_per_shard = replicas;
        node->options.seeds = memory_alloc(sizeof(seeds)); /* kept until toy_end */
        memcpy((void *)node->options.seeds, seeds, sizeof(seeds));
        node->options.seed_count = 2;
        cluster_destroy(node->core);
        node->core = NULL;
        if (i < started) toy_restart(toy, i);
    }
    return toy;
}

static void toy_end(struct toy *toy)
{
    for (int i = 0; i < toy->node_count; i++) memory_free((void *)toy->nodes[i].options.seeds);
    toy_destroy(toy);
}

static unsigned count_serving_primaries(struct toy *toy)
{
    unsigned count = 0;
    for (int i = 0; i < toy->node_count; i++) {
        if (toy->nodes[i].core == NULL) continue;
        struct cluster_status status = toy_status(toy, i);
        struct cluster_peer_view me;
        cluster_peer_view(toy->nodes[i].core, 0, &me);
        if (status.serves && status.is_primary && me.slot_count > 0) count++;
    }
    return count;
}

START_TEST(six_fresh_nodes_form_three_shards_within_a_second)
{
    struct toy *toy = shaped(6, 6, 3, 1, 1);
    time_ms start_ms = toy->now_ms;
    while (count_serving_primaries(toy) < 3 && toy->now_ms < start_ms + 5000) toy_run(toy, 10);
    ck_assert_int_le(toy->now_ms - start_ms, 1000);
    toy_run(toy, 3000);
    uint64_t id = toy_status(toy, 0).cluster_id;
    ck_assert_uint_ne(id, 0);
    for (int i = 0; i < 6; i++) {
        ck_assert(!toy_trace_has(toy, i, " is at 127.0.0.1")); /* nobody moved */
        struct cluster_status status = toy_status(toy, i);
        ck_assert_uint_eq(status.cluster_id, id);
        ck_assert(status.is_ok);
        ck_assert(status.serves);
        ck_assert_uint_eq(status.current_epoch, 3);
        ck_assert_uint_eq(status.slots_assigned, SLOT_COUNT);
        ck_assert_uint_eq(status.size, 3);
    }
    ck_assert_uint_eq(count_serving_primaries(toy), 3);
    toy_end(toy);
}
END_TEST

static bool is_settled_as(struct toy *toy, unsigned shards, unsigned replicas)
{
    for (int i = 0; i < toy->node_count; i++) {
        if (toy->nodes[i].core == NULL) continue;
        struct cluster_status status = toy_status(toy, i);
        if (!status.serves || !status.is_ok || status.size != shards) return false;
    }
    unsigned primaries = 0, found = 0;
    for (int i = 0; i < toy->node_count; i++) {
        if (toy->nodes[i].core == NULL) continue;
        struct cluster_peer_view self;
        cluster_peer_view(toy->nodes[i].core, 0, &self);
        if (self.slot_count > 0) primaries++;
        if (self.flags & NODE_REPLICA) found++;
    }
    return primaries == shards && found == shards * replicas;
}

START_TEST(nodes_that_start_one_after_the_other_form_when_the_last_is_there)
{
    struct toy *toy = shaped(6, 1, 3, 1, 2);
    for (int i = 1; i < 6; i++) {
        toy_run(toy, 700);
        ck_assert(!toy_status(toy, 0).serves);
        ck_assert_ptr_nonnull(toy_status(toy, 0).why_not);
        toy_restart(toy, i);
    }
    toy_run(toy, 3000);
    ck_assert(is_settled_as(toy, 3, 1));
    toy_end(toy);
}
END_TEST

START_TEST(one_node_alone_forms_a_cluster_of_one_shard)
{
    struct toy *toy = shaped(1, 1, 1, 0, 3);
    toy_run(toy, 1500);
    ck_assert(is_settled_as(toy, 1, 0));
    ck_assert(toy_trace_has(toy, 0, "failover without an operator needs a third voter"));
    toy_end(toy);
}
END_TEST

START_TEST(who_comes_later_takes_the_place_of_a_missing_replica_or_stays_a_spare)
{
    struct toy *toy = shaped(8, 6, 3, 1, 4);
    toy_run(toy, 3000);
    ck_assert(is_settled_as(toy, 3, 1));
    int lost = -1;
    for (int i = 0; i < 6 && lost < 0; i++) {
        struct cluster_peer_view self;
        cluster_peer_view(toy->nodes[i].core, 0, &self);
        if ((self.flags & NODE_REPLICA) && i > 1) lost = i;
    }
    ck_assert_int_gt(lost, 1);
    toy_crash(toy, lost);
    toy_run(toy, 6000); /* it fails by silence */
    toy_restart(toy, 6);
    toy_run(toy, 6000);
    ck_assert(toy_trace_has(toy, 6, "as a late comer"));
    ck_assert(toy_trace_has(toy, 6, "a replica is missing"));
    ck_assert_uint_eq(toy_status(toy, 6).cluster_id, toy_status(toy, 0).cluster_id);
    toy_restart(toy, 7);
    toy_run(toy, 6000);
    struct cluster_peer_view spare;
    cluster_peer_view(toy->nodes[7].core, 0, &spare);
    ck_assert(spare.flags & NODE_PRIMARY);
    ck_assert_uint_eq(spare.slot_count, 0);
    ck_assert_uint_eq(toy_status(toy, 7).cluster_id, toy_status(toy, 0).cluster_id);
    toy_end(toy);
}
END_TEST

START_TEST(several_late_comers_do_not_crowd_on_one_primary)
{
    struct toy *toy = shaped(6, 3, 3, 0, 5);
    toy_run(toy, 3000);
    ck_assert(is_settled_as(toy, 3, 0));
    for (int i = 0; i < 6; i++) {
        toy->nodes[i].options.replicas_per_shard = 0;
        if (i >= 3) toy_restart(toy, i);
    }
    toy_run(toy, 500);
    /* The operator wants a replica a shard now. */
    for (int i = 0; i < 6; i++) {
        toy->nodes[i].options.replicas_per_shard = 1;
        cluster_configure(toy->nodes[i].core, &toy->nodes[i].options);
    }
    toy_run(toy, 6000);
    ck_assert(is_settled_as(toy, 3, 1));
    for (int i = 0; i < 6; i++) {
        for (int j = i + 1; j < 6; j++) {
            struct cluster_peer_view a, b;
            cluster_peer_view(toy->nodes[i].core, 0, &a);
            cluster_peer_view(toy->nodes[j].core, 0, &b);
            bool are_replicas = (a.flags & NODE_REPLICA) && (b.flags & NODE_REPLICA);
            if (are_replicas) ck_assert(!node_id_equal(&a.primary_id, &b.primary_id));
        }
    }
    toy_end(toy);
}
END_TEST

START_TEST(nodes_of_another_name_or_shape_take_no_part)
{
    struct toy *toy = shaped(7, 6, 3, 1, 6);
    toy->nodes[5].options.shards = 2;
    cluster_configure(toy->nodes[5].core, &toy->nodes[5].options);
    toy_run(toy, 4000);
    for (int i = 0; i < 6; i++) ck_assert(!toy_status(toy, i).serves);
    toy_restart(toy, 6);
    toy_run(toy, 4000);
    unsigned serving = 0;
    for (int i = 0; i < 7; i++)
        if (i != 5 && toy_status(toy, i).serves) serving++;
    ck_assert_uint_eq(serving, 6);
    ck_assert(!toy_status(toy, 5).serves);
    toy_end(toy);
}
END_TEST

START_TEST(a_node_with_keys_or_files_is_not_fresh)
{
    struct toy *toy = shaped(6, 5, 3, 1, 7);
    toy->nodes[5].facts.has_data_files = true;
    toy_restart(toy, 5);
    toy_run(toy, 4000);
    for (int i = 0; i < 5; i++) ck_assert(!toy_status(toy, i).serves);
    ck_assert(toy_trace_has(toy, 5, "no formation here"));
    toy_end(toy);
}
END_TEST

/* Crashes at every millisecond of the decisive ones; who was locked comes back locked. */
START_TEST(a_member_that_crashes_at_any_moment_of_the_formation_is_waited_for)
{
    for (time_ms crash_ms = 495; crash_ms <= 530; crash_ms++) {
        struct toy *toy = shaped(6, 6, 3, 1, 8);
        toy_run(toy, crash_ms);
        toy_crash(toy, 2);
        toy_crash(toy, 4);
        toy_run(toy, 1000);
        toy_restart(toy, 2);
        toy_run(toy, 300);
        toy_restart(toy, 4);
        toy_run(toy, 9000);
        ck_assert(is_settled_as(toy, 3, 1));
        uint64_t id = toy_status(toy, 0).cluster_id;
        for (int i = 1; i < 6; i++) ck_assert_uint_eq(toy_status(toy, i).cluster_id, id);
        toy_end(toy);
    }
}
END_TEST

START_TEST(a_node_that_has_locked_refuses_to_be_placed_by_hand)
{
    struct toy *toy = shaped(6, 6, 3, 1, 9);
    toy_run(toy, 400);
    toy_crash(toy, 5);
    toy_run(toy, 60);
    /* It listens: placing it by hand ends its part in the formation. */
    ck_assert_str_eq(toy_add_slots(toy, 4, 0, 10), "OK");
    ck_assert(toy_status(toy, 4).serves);
    toy_end(toy);

    toy = shaped(3, 3, 3, 0, 10);
    while (!toy_trace_has(toy, 1, "locked set")) {
        toy_run(toy, 1);
        if (toy_trace_has(toy, 1, "locked set")) break;
        if (toy_trace_has(toy, 0, "locked set")) toy->nodes[0].is_cut = true;
    }
    if (!toy_status(toy, 1).serves) {
        const char *answer = toy_add_slots(toy, 1, 0, 10);
        ck_assert_ptr_nonnull(strstr(answer, "locked a formation"));
    }
    toy_end(toy);
}
END_TEST

START_TEST(the_cluster_id_outlives_restarts_and_addresses)
{
    struct toy *toy = shaped(3, 3, 3, 0, 11);
    toy_run(toy, 3000);
    uint64_t id = toy_status(toy, 0).cluster_id;
    ck_assert_uint_ne(id, 0);
    for (int i = 0; i < 3; i++) toy_crash(toy, i);
    for (int i = 0; i < 3; i++) toy_restart(toy, i);
    toy_run(toy, 5000);
    for (int i = 0; i < 3; i++) ck_assert_uint_eq(toy_status(toy, i).cluster_id, id);
    ck_assert(is_settled_as(toy, 3, 0));
    toy_end(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formation");
    TCase *tests = tcase_create("formation");
    tcase_add_test(tests, six_fresh_nodes_form_three_shards_within_a_second);
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, nodes_that_start_one_after_the_other_form_when_the_last_is_there);
    tcase_add_test(tests, one_node_alone_forms_a_cluster_of_one_shard);
    tcase_add_test(tests, who_comes_later_takes_the_place_of_a_missing_replica_or_stays_a_spare);
    tcase_add_test(tests, several_late_comers_do_not_crowd_on_one_primary);
    tcase_add_test(tests, nodes_of_another_name_or_shape_take_no_part);
    tcase_add_test(tests, a_node_with_keys_or_files_is_not_fresh);
    tcase_add_test(tests, a_member_that_crashes_at_any_moment_of_the_formation_is_waited_for);
    tcase_add_test(tests, a_node_that_has_locked_refuses_to_be_placed_by_hand);
    tcase_add_test(tests, the_cluster_id_outlives_restarts_and_addresses);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
