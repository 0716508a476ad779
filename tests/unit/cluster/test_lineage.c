/* Lineage: an owner that starts without its data leaves the shard to those who have them. */
#include "cluster/lineage.h"
#include "unit/cluster/toy_story.h"

static struct lineage_record record_of(const char *id, uint64_t offset, bool has_keys)
{
    struct lineage_record record = { .offset = offset, .has_keys = has_keys };
    if (id != NULL) memset(record.replication_id, id[0], sizeof(record.replication_id));
    return record;
}

START_TEST(data_are_judged_by_what_was_recorded)
{
    struct lineage_record none = record_of(NULL, 0, false);
    struct lineage_record kept = record_of("a", 500, true);
    struct lineage_record empty = record_of("b", 0, false);
    struct lineage_record same = record_of("a", 500, true);
    struct lineage_record older = record_of("a", 499, true);
    struct lineage_record newer = record_of("c", 700, true);
    struct lineage_record nameless = record_of(NULL, 0, true);
    ck_assert_int_eq(lineage_judge(&none, &empty), LINEAGE_INTACT);
    ck_assert_int_eq(lineage_judge(&kept, &empty), LINEAGE_EMPTY);
    ck_assert_int_eq(lineage_judge(&kept, &none), LINEAGE_EMPTY);
    ck_assert_int_eq(lineage_judge(&kept, &same), LINEAGE_INTACT);
    ck_assert_int_eq(lineage_judge(&kept, &older), LINEAGE_BEHIND);
    ck_assert_int_eq(lineage_judge(&kept, &newer), LINEAGE_INTACT);
    ck_assert_int_eq(lineage_judge(&kept, &nameless), LINEAGE_INTACT);
}
END_TEST

/* Owners with data, recorded on their disks. */
static struct toy *with_data(int nodes, int primaries, uint64_t seed)
{
    struct toy *toy = toy_settled(nodes, primaries, seed);
    for (int i = 0; i < primaries; i++) {
        toy->nodes[i].facts = (struct cluster_facts){ .offset = 1000, .has_keys = true };
        memset(toy->nodes[i].facts.replication_id, 'a' + i, 40);
        toy_facts(toy, i);
    }
    toy_run(toy, 3000);
    return toy;
}

static void come_back_empty(struct toy *toy, int index)
{
    toy->nodes[index].facts = (struct cluster_facts){ .offset = 0 };
    memset(toy->nodes[index].facts.replication_id, 'f', 40);
    toy_restart(toy, index);
}

START_TEST(an_owner_that_comes_back_empty_makes_its_replica_take_over)
{
    struct toy *toy = with_data(6, 3, 1);
    toy_crash(toy, 0);
    come_back_empty(toy, 0); /* sooner than anybody could tell */
    ck_assert(!toy_status(toy, 0).serves);
    ck_assert_ptr_nonnull(toy_status(toy, 0).why_not);
    ck_assert_int_ge(toy_await(toy, 3, 0, 1000), 0);
    toy_watch(toy, 1000);
    ck_assert(!toy_owns(toy, 0, 0));
    ck_assert(toy_trace_has(toy, 3, "my primary lost its data"));
    toy_destroy(toy);
}
END_TEST

START_TEST(a_replica_on_which_everything_was_deleted_takes_over_all_the_same)
{
    struct toy *toy = with_data(6, 3, 1);
    toy->nodes[3].facts.has_synced = true;
    toy->nodes[3].facts.has_keys = false;
    toy_set_offset(toy, 3, 1100);
    toy_run(toy, 2000);
    toy_crash(toy, 0);
    come_back_empty(toy, 0);
    ck_assert_int_ge(toy_await(toy, 3, 0, 1000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(the_replica_with_most_is_asked_and_the_next_one_if_it_does_not_act)
{
    struct toy *toy = with_data(9, 3, 2);
    toy_set_offset(toy, 3, 1000);
    toy_set_offset(toy, 6, 1200);
    toy_run(toy, 2000);
    toy->nodes[6].save_fails = true; /* it cannot stand */
    toy_crash(toy, 0);
    come_back_empty(toy, 0);
    toy_watch(toy, 400);
    ck_assert(toy_trace_has(toy, 6, "my primary lost its data"));
    ck_assert_int_ge(toy_await(toy, 3, 0, 8000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(without_replicas_it_serves_empty)
{
    struct toy *toy = with_data(3, 3, 3);
    toy_crash(toy, 0);
    come_back_empty(toy, 0);
    ck_assert(toy_status(toy, 0).serves);
    ck_assert(toy_trace_has(toy, 0, "it has no replicas"));
    ck_assert_int_ge(toy_await(toy, 0, 0, 3000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(it_waits_for_a_replica_that_is_away_until_an_operator_decides)
{
    struct toy *toy = with_data(6, 3, 4);
    toy_crash(toy, 3);
    toy_run(toy, 4000);
    toy_crash(toy, 0);
    come_back_empty(toy, 0);
    toy_watch(toy, 10000);
    ck_assert(!toy_status(toy, 0).serves);
    ck_assert_str_eq(toy_do(toy, 0, (struct cluster_order){ .type = ORDER_SERVE_EMPTY }), "OK");
    ck_assert(toy_status(toy, 0).serves);
    ck_assert_int_ge(toy_await(toy, 0, 0, 1000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(the_replica_that_was_away_takes_over_when_it_returns)
{
    struct toy *toy = with_data(6, 3, 5);
    toy_crash(toy, 3);
    toy_run(toy, 4000);
    toy_crash(toy, 0);
    come_back_empty(toy, 0);
    toy_watch(toy, 3000);
    toy->nodes[3].facts.has_synced = false; /* it has its snapshot, no sync in this run */
    toy_restart(toy, 3);
    ck_assert_int_ge(toy_await(toy, 3, 0, 3000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(an_owner_with_an_older_snapshot_asks_too_but_serves_when_nobody_has_more)
{
    struct toy *toy = with_data(6, 3, 6);
    toy_crash(toy, 0);
    toy->nodes[0].facts.offset = 400; /* recorded: 1000; its replica has 1000 */
    toy_restart(toy, 0);
    ck_assert_int_ge(toy_await(toy, 3, 0, 1000), 0);
    toy_destroy(toy);

    toy = with_data(6, 3, 7);
    toy_set_offset(toy, 3, 300);
    toy_run(toy, 2000);
    toy_crash(toy, 0);
    toy->nodes[0].facts.offset = 400;
    toy_restart(toy, 0);
    ck_assert_int_ge(toy_await(toy, 0, 0, 3000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(the_old_primary_counts_although_its_demotion_was_not_recorded)
{
    struct toy *toy = with_data(6, 3, 9);
    toy->nodes[3].facts.has_keys = true;
    toy_set_offset(toy, 3, 1000);
    toy_run(toy, 2000);
    struct cluster_order order = { .type = ORDER_FAILOVER, .failover = FAILOVER_TAKEOVER };
    ck_assert_str_eq(toy_do(toy, 3, order), "OK");
    ck_assert(toy_owns(toy, 3, 0));
    toy_crash(toy, 3); /* before the old primary could say that it follows */
    come_back_empty(toy, 3);
    ck_assert(!toy_status(toy, 3).serves);
    ck_assert_int_ge(toy_await(toy, 0, 0, 3000), 0);
    ck_assert(!toy_trace_has(toy, 3, "it has no replicas"));
    toy_destroy(toy);
}
END_TEST

START_TEST(the_old_primary_that_is_dead_may_hold_the_only_copy)
{
    struct toy *toy = with_data(6, 3, 9);
    toy->nodes[3].facts.has_keys = true;
    toy_set_offset(toy, 3, 1000);
    toy_run(toy, 2000);
    toy_crash(toy, 0);
    ck_assert_int_ge(toy_await(toy, 3, 0, 3000), 0); /* all hold 0 for failed */
    toy_crash(toy, 3);
    come_back_empty(toy, 3);
    toy_run(toy, 5000);
    ck_assert(!toy_status(toy, 3).serves);
    toy_restart(toy, 0);
    ck_assert_int_ge(toy_await(toy, 0, 0, 5000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(only_valkey_replicas_have_the_data_so_the_owner_plays_dead)
{
    struct toy *toy = toy_create(6, 8);
    toy->nodes[3].options.is_classic = true;
    cluster_destroy(toy->nodes[3].core);
    buffer_clear(&toy->nodes[3].disk);
    toy_create_core(toy, 3);
    toy_form(toy, 3);
    toy->nodes[0].facts = (struct cluster_facts){ .offset = 1000, .has_keys = true };
    toy_facts(toy, 0);
    toy_run(toy, 2000);
    toy_crash(toy, 0);
    come_back_empty(toy, 0);
    for (int i = 0; i < 200 && !toy_owns(toy, 3, 0); i++) {
        toy_set_offset(toy, 3, 1000); /* its data stay young enough */
        toy_watch(toy, 100);
    }
    ck_assert(toy_owns(toy, 3, 0));
    ck_assert(toy_trace_has(toy, 0, "only Valkey replicas have the data"));
    toy_run(toy, 5000);
    struct cluster_peer_view self = toy_self(toy, 0);
    struct node_id heir = toy_id(toy, 3);
    ck_assert(node_id_equal(&self.primary_id, &heir));
    toy_destroy(toy);
}
END_TEST

START_TEST(what_loads_slowly_is_not_judged_before_it_is_loaded)
{
    struct toy *toy = with_data(6, 3, 9);
    toy_crash(toy, 0);
    struct cluster_facts whole = toy->nodes[0].facts;
    toy->nodes[0].facts = (struct cluster_facts){ .is_loading = true };
    toy_restart(toy, 0);
    toy_watch(toy, 500);
    ck_assert(!toy_status(toy, 0).serves);
    toy->nodes[0].facts = whole;
    toy_facts(toy, 0);
    ck_assert(toy_status(toy, 0).serves);
    toy_watch(toy, 3000);
    ck_assert(toy_owns(toy, 0, 0));
    toy_destroy(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lineage");
    TCase *tests = tcase_create("lineage");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, data_are_judged_by_what_was_recorded);
    tcase_add_test(tests, an_owner_that_comes_back_empty_makes_its_replica_take_over);
    tcase_add_test(tests, a_replica_on_which_everything_was_deleted_takes_over_all_the_same);
    tcase_add_test(tests, the_replica_with_most_is_asked_and_the_next_one_if_it_does_not_act);
    tcase_add_test(tests, without_replicas_it_serves_empty);
    tcase_add_test(tests, it_waits_for_a_replica_that_is_away_until_an_operator_decides);
    tcase_add_test(tests, the_replica_that_was_away_takes_over_when_it_returns);
    tcase_add_test(tests, an_owner_with_an_older_snapshot_asks_too_but_serves_when_nobody_has_more);
    tcase_add_test(tests, the_old_primary_counts_although_its_demotion_was_not_recorded);
    tcase_add_test(tests, the_old_primary_that_is_dead_may_hold_the_only_copy);
    tcase_add_test(tests, only_valkey_replicas_have_the_data_so_the_owner_plays_dead);
    tcase_add_test(tests, what_loads_slowly_is_not_judged_before_it_is_loaded);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
