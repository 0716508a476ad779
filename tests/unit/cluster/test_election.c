/* Elections: a dead primary is replaced, by the best of its replicas, once. */
#include "cluster/election.h"
#include "unit/cluster/toy_story.h"

START_TEST(a_replica_takes_over_when_its_primary_dies)
{
    struct toy *toy = toy_settled(6, 3, 1);
    toy_crash(toy, 0);
    ck_assert_int_ge(toy_await(toy, 3, 0, 200), 0);
    ck_assert(toy_trace_has(toy, 3, "election for epoch 6: rank 0, no delay\n"));
    ck_assert(toy_trace_has(toy, 3, "2 votes of 2 needed: now primary of 0-5460\n"));
    toy_watch(toy, 100);
    for (int i = 1; i < 6; i++) ck_assert(toy_status(toy, i).is_ok);
    ck_assert_uint_eq(toy->nodes[3].drains, 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(the_replica_with_the_greatest_offset_after_draining_wins)
{
    struct toy *toy = toy_settled(12, 3, 2);
    /* 3, 6 and 9 follow 0. What 6 shows last is not what it has in the end. */
    toy_set_offset(toy, 3, 2000);
    toy_set_offset(toy, 6, 1500);
    toy_set_offset(toy, 9, 1800);
    toy_run(toy, 2000);
    toy->nodes[6].facts.offset = 3000; /* told with is_drained */
    toy_crash(toy, 0);
    ck_assert_int_ge(toy_await(toy, 6, 0, 500), 0);
    toy_watch(toy, 1000);
    ck_assert(!toy_owns(toy, 3, 0));
    ck_assert(!toy_owns(toy, 9, 0));
    ck_assert(toy_trace_has(toy, 3, "rank 1, delay 250 ms"));
    struct cluster_peer_view self = toy_self(toy, 3);
    struct node_id winner = toy_id(toy, 6);
    ck_assert(node_id_equal(&self.primary_id, &winner));
    toy_destroy(toy);
}
END_TEST

START_TEST(two_shards_that_die_at_once_are_both_replaced_within_a_second)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct toy *toy = toy_settled(10, 5, seed);
        toy_crash(toy, 0);
        toy_crash(toy, 4);
        time_ms first_ms = toy_await(toy, 5, 0, 1000);
        ck_assert_int_ge(first_ms, 0);
        ck_assert_int_ge(toy_await(toy, 9, SLOT_COUNT - 1, 1000 - first_ms), 0);
        toy_watch(toy, 2000);
        for (int i = 1; i < 10; i++) ck_assert(i == 4 || toy_status(toy, i).is_ok);
        ck_assert_uint_ne(toy_self(toy, 5).config_epoch, toy_self(toy, 9).config_epoch);
        toy_destroy(toy);
    }
}
END_TEST

static void run_until_failed(struct toy *toy, int index, const struct node_id *id)
{
    struct cluster_peer_view view = { 0 };
    while (!(view.flags & NODE_FAIL)) {
        toy_run(toy, 1);
        ck_assert(toy_sees_id(toy, index, id, &view));
    }
}

START_TEST(without_a_quorum_nobody_wins_and_epochs_do_not_run_away)
{
    struct toy *toy = toy_settled(6, 3, 3);
    struct node_id dead = toy_id(toy, 0);
    toy_crash(toy, 0);
    run_until_failed(toy, 3, &dead);
    toy_crash(toy, 1);
    toy_crash(toy, 2);
    uint64_t before = toy_status(toy, 3).current_epoch;
    toy_watch(toy, 15000);
    ck_assert(!toy_owns(toy, 3, 0));
    ck_assert_uint_le(toy_status(toy, 3).current_epoch, before + 3);
    ck_assert(toy_trace_has(toy, 3, "no quorum of voters is in sight"));
    toy_restart(toy, 1);
    toy_restart(toy, 2);
    ck_assert_int_ge(toy_await(toy, 3, 0, 6000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(three_primaries_that_die_and_of_which_two_return_empty_are_all_replaced)
{
    struct toy *toy = toy_settled(6, 3, 10);
    struct node_id dead = toy_id(toy, 0);
    toy_crash(toy, 0);
    run_until_failed(toy, 3, &dead);
    for (int i = 1; i <= 2; i++) {
        toy_crash(toy, i);
        toy->nodes[i].facts = (struct cluster_facts){ 0 };
    }
    toy_watch(toy, 2000);
    toy_restart(toy, 1);
    toy_restart(toy, 2);
    ck_assert_int_ge(toy_await(toy, 3, 0, 8000), 0);
    ck_assert_int_ge(toy_await(toy, 5, SLOT_COUNT - 1, 3000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_candidate_that_cannot_save_its_epoch_asks_nobody)
{
    struct toy *toy = toy_settled(6, 3, 4);
    toy->nodes[3].save_fails = true;
    uint64_t before = toy_status(toy, 1).current_epoch;
    toy_crash(toy, 0);
    toy_watch(toy, 2000);
    ck_assert(!toy_owns(toy, 3, 0));
    ck_assert_uint_eq(toy_status(toy, 1).last_vote_epoch, 0);
    ck_assert_uint_eq(toy_status(toy, 1).current_epoch, before);
    toy->nodes[3].save_fails = false;
    ck_assert_int_ge(toy_await(toy, 3, 0, 3000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_voter_that_cannot_save_its_vote_gives_none)
{
    struct toy *toy = toy_settled(6, 3, 5);
    toy->nodes[1].save_fails = true;
    toy_crash(toy, 0);
    toy_watch(toy, 1500);
    ck_assert(!toy_owns(toy, 3, 0));
    toy->nodes[1].save_fails = false;
    ck_assert_int_ge(toy_await(toy, 3, 0, 3000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(an_epoch_that_was_asked_for_survives_a_restart)
{
    struct toy *toy = toy_settled(6, 3, 6);
    struct node_id dead = toy_id(toy, 0);
    toy_crash(toy, 0);
    run_until_failed(toy, 3, &dead);
    toy_crash(toy, 1);
    toy_crash(toy, 2);
    toy_run(toy, 3000);
    uint64_t asked = toy_status(toy, 3).current_epoch;
    toy_crash(toy, 3);
    toy_restart(toy, 3);
    ck_assert_uint_ge(toy_status(toy, 3).current_epoch, asked);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_replica_that_never_synced_does_not_stand)
{
    struct toy *toy = toy_settled(6, 3, 7);
    toy->nodes[3].facts.has_synced = false;
    toy_facts(toy, 3);
    toy_run(toy, 2000);
    toy_crash(toy, 0);
    toy_watch(toy, 6000);
    ck_assert(!toy_owns(toy, 3, 0));
    ck_assert(toy_trace_has(toy, 3, "no election: no sync of this lineage was completed"));
    toy_destroy(toy);
}
END_TEST

START_TEST(classic_nodes_elect_by_the_classic_rules)
{
    struct toy *toy = toy_create(6, 8);
    for (int i = 0; i < 6; i++) {
        toy->nodes[i].options.is_classic = true;
        cluster_destroy(toy->nodes[i].core);
        buffer_clear(&toy->nodes[i].disk);
        toy_create_core(toy, i);
    }
    toy_form(toy, 3);
    toy_crash(toy, 0);
    time_ms start_ms = toy->now_ms;
    while (!toy_owns(toy, 3, 0) && toy->now_ms < start_ms + 10000) toy_run(toy, 10);
    ck_assert(toy_owns(toy, 3, 0));
    ck_assert_int_ge(toy->now_ms - start_ms, 2000); /* the node timeout */
    ck_assert_uint_eq(toy->nodes[3].drains, 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(an_eir_replica_is_elected_by_classic_voters)
{
    struct toy *toy = toy_create(6, 9);
    for (int i = 0; i < 3; i++) {
        toy->nodes[i].options.is_classic = true;
        cluster_destroy(toy->nodes[i].core);
        buffer_clear(&toy->nodes[i].disk);
        toy_create_core(toy, i);
    }
    toy_form(toy, 3);
    toy_crash(toy, 0);
    time_ms start_ms = toy->now_ms;
    while (!toy_owns(toy, 3, 0) && toy->now_ms < start_ms + 10000) toy_run(toy, 10);
    ck_assert(toy_owns(toy, 3, 0));
    toy_run(toy, 3000);
    ck_assert_int_eq(toy_status(toy, 3).guarantee, GUARANTEE_CLASSIC);
    ck_assert(toy_executes(toy, 3, 0));
    toy_destroy(toy);
}
END_TEST

START_TEST(who_may_stand_is_said_in_words)
{
    struct candidate candidate = { .has_synced = true, .has_age = true, .age_max_ms = 1000 };
    ck_assert_ptr_null(election_why_not(&candidate));
    candidate.age_ms = 1001;
    ck_assert_str_eq(election_why_not(&candidate), "data too old");
    candidate.age_max_ms = TIME_NEVER;
    ck_assert_ptr_null(election_why_not(&candidate));
    candidate.has_nofailover = true;
    ck_assert_str_eq(election_why_not(&candidate), "nofailover is set");
    candidate.is_manual = true;
    ck_assert_ptr_null(election_why_not(&candidate));
    candidate.has_synced = false;
    ck_assert_ptr_nonnull(election_why_not(&candidate));
    candidate.is_forced = true;
    ck_assert_ptr_null(election_why_not(&candidate));
    candidate.is_stopping = true;
    ck_assert_str_eq(election_why_not(&candidate), "this node stops");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("election");
    TCase *tests = tcase_create("election");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_replica_takes_over_when_its_primary_dies);
    tcase_add_test(tests, the_replica_with_the_greatest_offset_after_draining_wins);
    tcase_add_test(tests, two_shards_that_die_at_once_are_both_replaced_within_a_second);
    tcase_add_test(tests, without_a_quorum_nobody_wins_and_epochs_do_not_run_away);
    tcase_add_test(tests,
                   three_primaries_that_die_and_of_which_two_return_empty_are_all_replaced);
    tcase_add_test(tests, a_candidate_that_cannot_save_its_epoch_asks_nobody);
    tcase_add_test(tests, a_voter_that_cannot_save_its_vote_gives_none);
    tcase_add_test(tests, an_epoch_that_was_asked_for_survives_a_restart);
    tcase_add_test(tests, a_replica_that_never_synced_does_not_stand);
    tcase_add_test(tests, classic_nodes_elect_by_the_classic_rules);
    tcase_add_test(tests, an_eir_replica_is_elected_by_classic_voters);
    tcase_add_test(tests, who_may_stand_is_said_in_words);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
