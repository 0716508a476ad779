/* Votes: every refusal has its name, and a vote is one an epoch, restarts included. */
#include "cluster/vote.h"
#include "unit/cluster/toy_story.h"

static const struct voter calm = {
    .is_voter = true, .is_current = true, .epoch_current = 5, .epoch_voted = 3
};
static const struct vote_request good = { .epoch = 5,
                                          .is_connected = true,
                                          .is_replica = true,
                                          .primary_failed = true };

START_TEST(a_replica_of_a_failed_primary_gets_the_vote)
{
    ck_assert_int_eq(vote_decide(&calm, &good), VOTE_GRANTED);
}
END_TEST

START_TEST(every_refusal_has_a_name)
{
    struct voter voter = calm;
    struct vote_request request = good;
    voter.is_voter = false;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_NOT_A_VOTER);
    voter = calm;
    request.epoch = 4;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_EPOCH_STALE);
    request = good;
    voter.epoch_voted = 5;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_ALREADY_CAST);
    voter = calm;
    request.is_replica = false;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_NOT_A_REPLICA);
    request = good;
    request.has_newer_owner = true;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_SLOTS_NEWER);
    request = good;
    request.primary_failed = false;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_PRIMARY_ALIVE);
    request = good;
    request.is_promised = true;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_PROMISED);
    request = good;
    request.is_connected = false;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_NO_LINK);
    request = good;
    voter.is_current = false;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_NOT_CURRENT);
    request.is_my_replica = true;
    ck_assert_int_eq(vote_decide(&voter, &request), VOTE_GRANTED);
    for (int vote = 0; vote < VOTE_COUNT; vote++)
        ck_assert_str_ne(vote_text((enum vote)vote), "unknown reason");
}
END_TEST

START_TEST(force_alone_does_not_break_a_promise_but_a_release_does)
{
    struct vote_request request = good;
    request.primary_failed = false;
    request.is_forced = true;
    ck_assert_int_eq(vote_decide(&calm, &request), VOTE_GRANTED);
    request.is_promised = true;
    ck_assert_int_eq(vote_decide(&calm, &request), VOTE_PROMISED);
    request.is_released = true;
    ck_assert_int_eq(vote_decide(&calm, &request), VOTE_GRANTED);
}
END_TEST

START_TEST(only_what_may_change_is_worth_waiting_for)
{
    ck_assert(vote_may_change(VOTE_PRIMARY_ALIVE));
    ck_assert(vote_may_change(VOTE_PROMISED));
    ck_assert(vote_may_change(VOTE_NO_LINK));
    ck_assert(!vote_may_change(VOTE_EPOCH_STALE));
    ck_assert(!vote_may_change(VOTE_ALREADY_CAST));
    ck_assert(!vote_may_change(VOTE_SLOTS_NEWER));
}
END_TEST

START_TEST(a_vote_is_on_disk_before_the_answer_leaves)
{
    struct toy *toy = toy_settled(6, 3, 1);
    toy_crash(toy, 0);
    while (toy_status(toy, 1).last_vote_epoch == 0) toy_run(toy, 1);
    uint64_t voted = toy_status(toy, 1).last_vote_epoch;
    toy_crash(toy, 1); /* the toy's disk holds what was saved, no more */
    toy_restart(toy, 1);
    ck_assert_uint_eq(toy_status(toy, 1).last_vote_epoch, voted);
    ck_assert_uint_ge(toy_status(toy, 1).current_epoch, voted);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_voter_that_has_just_restarted_waits_out_what_it_may_have_promised)
{
    struct toy *toy = toy_settled(6, 3, 2);
    toy->nodes[0].is_cut = true; /* silent, so that no hard evidence releases anybody */
    toy_run(toy, 1500);
    toy_crash(toy, 1);
    toy_restart(toy, 1);
    time_ms start_ms = toy->now_ms;
    while (toy_status(toy, 1).last_vote_epoch == 0) toy_watch(toy, 1);
    ck_assert_int_ge(toy->now_ms - start_ms, 2000);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_vote_that_may_still_win_is_remembered_on_disk_until_it_is_over)
{
    struct toy *toy = toy_settled(6, 3, 3);
    toy->nodes[2].save_fails = true; /* no quorum */
    toy->nodes[0].is_cut = true;
    while (toy_status(toy, 1).last_vote_epoch == 0) toy_watch(toy, 1);
    toy->nodes[3].is_cut = true;
    buffer_append_byte(&toy->nodes[1].disk, 0);
    ck_assert_ptr_nonnull(strstr(toy->nodes[1].disk.data, " eir-votes "));
    toy->nodes[1].disk.size--;
    toy_watch(toy, 500);
    toy->nodes[3].is_cut = false;
    toy->nodes[3].facts.has_synced = false;
    toy_facts(toy, 3);
    toy->nodes[0].is_cut = false;
    toy_watch(toy, 6000);
    buffer_append_byte(&toy->nodes[1].disk, 0);
    ck_assert_ptr_null(strstr(toy->nodes[1].disk.data, " eir-votes "));
    toy_destroy(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vote");
    TCase *tests = tcase_create("vote");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_replica_of_a_failed_primary_gets_the_vote);
    tcase_add_test(tests, every_refusal_has_a_name);
    tcase_add_test(tests, force_alone_does_not_break_a_promise_but_a_release_does);
    tcase_add_test(tests, only_what_may_change_is_worth_waiting_for);
    tcase_add_test(tests, a_vote_is_on_disk_before_the_answer_leaves);
    tcase_add_test(tests, a_voter_that_has_just_restarted_waits_out_what_it_may_have_promised);
    tcase_add_test(tests, a_vote_that_may_still_win_is_remembered_on_disk_until_it_is_over);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
