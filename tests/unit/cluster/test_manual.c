/* Manual failover and the hand-over of a node that stops: quick, and never two executors. */
#include "cluster/manual.h"
#include "unit/cluster/toy_story.h"

static const char *failover(struct toy *toy, int index, enum failover_kind kind)
{
    struct cluster_order order = { .type = ORDER_FAILOVER, .failover = kind };
    return toy_do(toy, index, order);
}

static struct toy *with_offsets(int nodes, int primaries, uint64_t seed)
{
    struct toy *toy = toy_settled(nodes, primaries, seed);
    for (int i = 0; i < primaries; i++) {
        toy->nodes[i].facts = (struct cluster_facts){ .offset = 1000,
                                                      .has_keys = true,
                                                      .replicas_online = 1 };
        toy_facts(toy, i);
    }
    toy_run(toy, 3000);
    return toy;
}

START_TEST(a_plain_failover_takes_a_few_trips_and_never_two_executors)
{
    struct toy *toy = with_offsets(6, 3, 1);
    ck_assert_str_eq(failover(toy, 3, FAILOVER_PLAIN), "OK");
    time_ms taken_ms = toy_await(toy, 3, 0, 50);
    ck_assert_int_ge(taken_ms, 0);
    ck_assert_int_le(taken_ms, 10);
    toy_watch(toy, 3000);
    ck_assert(!toy_owns(toy, 0, 0));
    ck_assert_uint_eq(toy->nodes[0].pauses, 1);
    ck_assert_uint_eq(toy->nodes[0].resumes, 1);
    ck_assert(!toy_status(toy, 3).manual_failover_runs);
    ck_assert(!toy_status(toy, 0).manual_failover_runs);
    toy_destroy(toy);
}
END_TEST

START_TEST(the_replica_waits_until_it_has_everything)
{
    struct toy *toy = with_offsets(6, 3, 2);
    toy_set_offset(toy, 0, 5000);
    ck_assert_str_eq(failover(toy, 3, FAILOVER_PLAIN), "OK");
    toy_watch(toy, 200);
    ck_assert(toy_owns(toy, 0, 0));
    ck_assert(!toy_executes(toy, 0, 0)); /* paused */
    toy_set_offset(toy, 3, 4999);
    toy_watch(toy, 200);
    ck_assert(toy_owns(toy, 0, 0));
    toy_set_offset(toy, 3, 5000);
    ck_assert_int_ge(toy_await(toy, 3, 0, 20), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_failover_that_times_out_gives_the_primary_its_writes_back)
{
    struct toy *toy = with_offsets(6, 3, 3);
    toy_set_offset(toy, 0, 5000);
    failover(toy, 3, FAILOVER_PLAIN);
    toy_watch(toy, 5100);
    ck_assert(!toy_status(toy, 3).manual_failover_runs);
    ck_assert_uint_eq(toy->nodes[0].resumes, 1);
    ck_assert_int_ge(toy_await(toy, 0, 0, 100), 0);
    toy_set_offset(toy, 3, 5000);
    toy_watch(toy, 3000);
    ck_assert(toy_owns(toy, 0, 0));
    toy_destroy(toy);
}
END_TEST

/* The voters let go because they saw PAUSED; the pause ends before the winner is heard. */
START_TEST(a_pause_that_ends_in_the_middle_of_the_election_is_no_second_executor)
{
    for (time_ms late_ms = 4990; late_ms <= 5004; late_ms++) {
        struct toy *toy = with_offsets(6, 3, 4);
        toy_set_offset(toy, 0, 5000);
        failover(toy, 3, FAILOVER_PLAIN);
        toy_watch(toy, late_ms);
        toy_set_offset(toy, 3, 5000);
        toy_watch(toy, 2000);
        toy->nodes[3].is_cut = late_ms % 2 == 0;
        toy_watch(toy, 10000);
        ck_assert_int_ne(toy_executor(toy, 0), -2);
        toy_destroy(toy);
    }
}
END_TEST

START_TEST(force_needs_no_primary_and_takeover_no_votes)
{
    struct toy *toy = with_offsets(6, 3, 5);
    toy_crash_with(toy, 0, LINK_RESET); /* no hard evidence */
    toy_run(toy, 10);
    ck_assert_str_eq(failover(toy, 3, FAILOVER_PLAIN),
                     "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE");
    ck_assert_str_eq(failover(toy, 3, FAILOVER_FORCE), "OK");
    ck_assert_int_ge(toy_await(toy, 3, 0, 50), 0);
    toy_destroy(toy);

    toy = with_offsets(6, 3, 6);
    toy_crash(toy, 0);
    toy_crash(toy, 1);
    toy_crash(toy, 2);
    ck_assert_str_eq(failover(toy, 3, FAILOVER_TAKEOVER), "OK");
    ck_assert(toy_owns(toy, 3, 0));
    ck_assert_uint_eq(toy->nodes[3].leads, 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(only_a_replica_can_be_told_to_take_over)
{
    struct toy *toy = with_offsets(6, 3, 7);
    ck_assert_str_eq(failover(toy, 0, FAILOVER_PLAIN),
                     "ERR You should send CLUSTER FAILOVER to a replica");
    toy_destroy(toy);
}
END_TEST

START_TEST(two_shards_alone_fail_over_by_hand)
{
    struct toy *toy = with_offsets(4, 2, 8);
    failover(toy, 2, FAILOVER_PLAIN);
    ck_assert_int_ge(toy_await(toy, 2, 0, 50), 0);
    toy_watch(toy, 2000);
    toy_destroy(toy);

    toy = with_offsets(2, 1, 9);
    failover(toy, 1, FAILOVER_PLAIN);
    ck_assert_int_ge(toy_await(toy, 1, 0, 50), 0);
    toy_watch(toy, 2000);
    toy_destroy(toy);
}
END_TEST

static void stop(struct toy *toy, int index)
{
    toy->nodes[index].facts.is_stopping = true;
    toy_facts(toy, index);
}

START_TEST(a_primary_that_stops_hands_over_first)
{
    struct toy *toy = with_offsets(6, 3, 10);
    stop(toy, 0);
    ck_assert(!toy->nodes[0].is_handed_over);
    ck_assert_int_ge(toy_await(toy, 3, 0, 50), 0);
    toy_watch(toy, 10);
    ck_assert(toy->nodes[0].is_handed_over);
    toy_crash(toy, 0);
    toy_watch(toy, 3000);
    ck_assert(toy_executes(toy, 3, 0));
    toy_destroy(toy);
}
END_TEST

START_TEST(it_waits_a_second_for_a_replica_that_lags_and_not_at_all_without_one)
{
    struct toy *toy = with_offsets(6, 3, 11);
    toy_set_offset(toy, 0, 9000);
    stop(toy, 0);
    toy_watch(toy, 900);
    ck_assert(!toy->nodes[0].is_handed_over);
    toy_watch(toy, 200);
    ck_assert(toy->nodes[0].is_handed_over);
    toy_destroy(toy);

    toy = with_offsets(3, 3, 12);
    toy->nodes[0].facts.replicas_online = 0;
    stop(toy, 0);
    ck_assert(toy->nodes[0].is_handed_over);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_replica_that_stops_shows_nofailover_and_is_no_heir)
{
    struct toy *toy = with_offsets(6, 3, 13);
    stop(toy, 3);
    ck_assert(toy->nodes[3].is_handed_over);
    toy_run(toy, 20);
    struct cluster_peer_view view;
    ck_assert(toy_sees(toy, 0, 3, &view));
    ck_assert(view.flags & NODE_NOFAILOVER);
    stop(toy, 0);
    ck_assert(toy->nodes[0].is_handed_over);
    toy_destroy(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("manual");
    TCase *tests = tcase_create("manual");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_plain_failover_takes_a_few_trips_and_never_two_executors);
    tcase_add_test(tests, the_replica_waits_until_it_has_everything);
    tcase_add_test(tests, a_failover_that_times_out_gives_the_primary_its_writes_back);
    tcase_add_test(tests, a_pause_that_ends_in_the_middle_of_the_election_is_no_second_executor);
    tcase_add_test(tests, force_needs_no_primary_and_takeover_no_votes);
    tcase_add_test(tests, only_a_replica_can_be_told_to_take_over);
    tcase_add_test(tests, two_shards_alone_fail_over_by_hand);
    tcase_add_test(tests, a_primary_that_stops_hands_over_first);
    tcase_add_test(tests, it_waits_a_second_for_a_replica_that_lags_and_not_at_all_without_one);
    tcase_add_test(tests, a_replica_that_stops_shows_nofailover_and_is_no_heir);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
