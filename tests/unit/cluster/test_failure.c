/* From suspicion to failure and back: silence, hard evidence, reports, and what undoes them. */
#include "unit/cluster/toy_net.h"

#include <check.h>

/* Three primaries, three replicas, all settled and the traces empty. */
static struct toy *formed(uint64_t seed)
{
    struct toy *toy = toy_create(6, seed);
    toy_form(toy, 3);
    for (int i = 0; i < 6; i++) {
        ck_assert(toy_status(toy, i).is_ok);
        toy_trace_clear(toy, i);
    }
    return toy;
}

static bool has_failed(struct toy *toy, int index, const struct node_id *id)
{
    struct cluster_peer_view view;
    ck_assert(toy_sees_id(toy, index, id, &view));
    return (view.flags & NODE_FAIL) != 0;
}

static bool is_suspect(struct toy *toy, int index, const struct node_id *id)
{
    struct cluster_peer_view view;
    ck_assert(toy_sees_id(toy, index, id, &view));
    return (view.flags & NODE_PFAIL) != 0;
}

START_TEST(a_dead_primary_with_a_replica_fails_on_hard_evidence_within_100_ms)
{
    struct toy *toy = formed(1);
    struct node_id id = toy_id(toy, 0);
    toy_crash(toy, 0);
    toy_run(toy, 100);
    for (int i = 1; i < 6; i++) ck_assert(has_failed(toy, i, &id));
    ck_assert(toy_trace_has(toy, 1, "2 of 3 primaries agree, hard evidence") ||
              toy_trace_has(toy, 2, "2 of 3 primaries agree, hard evidence"));
    toy_destroy(toy);
}
END_TEST

START_TEST(a_reset_is_no_hard_evidence)
{
    struct toy *toy = formed(2);
    struct node_id id = toy_id(toy, 0);
    toy_crash_with(toy, 0, LINK_RESET);
    toy_run(toy, 1000);
    for (int i = 1; i < 6; i++) ck_assert(!has_failed(toy, i, &id));
    toy_run(toy, 3000);
    for (int i = 1; i < 6; i++) ck_assert(has_failed(toy, i, &id));
    ck_assert(toy_trace_has(toy, 1, "silent") || toy_trace_has(toy, 2, "silent"));
    toy_destroy(toy);
}
END_TEST

START_TEST(a_primary_that_nobody_can_replace_fails_by_silence_only)
{
    struct toy *toy = formed(3);
    toy_crash(toy, 3); /* the only replica of 0 */
    toy_run(toy, 5000);
    struct node_id id = toy_id(toy, 0);
    toy_crash(toy, 0);
    toy_run(toy, 1000);
    ck_assert(!has_failed(toy, 1, &id));
    toy_run(toy, 3000);
    ck_assert(has_failed(toy, 1, &id));
    toy_destroy(toy);
}
END_TEST

START_TEST(a_replica_that_dies_fails_by_silence_and_is_back_when_it_answers)
{
    struct toy *toy = formed(4);
    struct node_id id = toy_id(toy, 5);
    toy_crash(toy, 5);
    toy_run(toy, 1000);
    ck_assert(!has_failed(toy, 0, &id));
    toy_run(toy, 3000);
    ck_assert(has_failed(toy, 0, &id));
    ck_assert(toy_status(toy, 0).is_ok);
    toy_restart(toy, 5);
    toy_run(toy, 1000);
    for (int i = 0; i < 5; i++) ck_assert(!has_failed(toy, i, &id));
    toy_destroy(toy);
}
END_TEST

START_TEST(a_cut_off_primary_fails_for_the_majority_and_not_the_other_way_round)
{
    struct toy *toy = formed(5);
    toy_forbid_failover(toy, 3);
    struct node_id id = toy_id(toy, 0), other = toy_id(toy, 1);
    toy->nodes[0].is_cut = true;
    toy_run(toy, 5000);
    for (int i = 1; i < 6; i++) ck_assert(has_failed(toy, i, &id));
    ck_assert(!toy_status(toy, 1).is_ok);
    ck_assert(is_suspect(toy, 0, &other));
    ck_assert(!has_failed(toy, 0, &other));
    ck_assert(!toy_status(toy, 0).is_ok);

    /* Nobody took the slots: it is taken back after two timeouts. */
    toy->nodes[0].is_cut = false;
    toy_run(toy, 1000);
    ck_assert(has_failed(toy, 1, &id));
    toy_run(toy, 5000);
    for (int i = 0; i < 6; i++) ck_assert(toy_status(toy, i).is_ok);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_primary_that_leaves_a_minority_waits_before_it_says_ok)
{
    struct toy *toy = formed(12);
    toy_forbid_failover(toy, 3);
    toy->nodes[0].is_cut = true;
    toy_run(toy, 20000);
    ck_assert(!toy_status(toy, 0).is_ok);
    toy->nodes[0].is_cut = false;
    toy_trace_clear(toy, 0);
    while (!toy_trace_has(toy, 0, "answers again")) toy_run(toy, 10);
    toy_run(toy, 1500);
    ck_assert(!toy_status(toy, 0).is_ok);
    toy_run(toy, 4000);
    ck_assert(toy_status(toy, 0).is_ok);
    toy_destroy(toy);
}
END_TEST

START_TEST(hard_evidence_is_withdrawn_when_the_node_answers)
{
    struct toy *toy = formed(6);
    struct node_id id = toy_id(toy, 0);
    toy_crash(toy, 0);
    toy_run(toy, 100);
    ck_assert(has_failed(toy, 1, &id));
    toy_restart(toy, 0);
    toy_run(toy, 500);
    for (int i = 1; i < 6; i++) ck_assert(!has_failed(toy, i, &id));
    ck_assert(toy_status(toy, 1).is_ok);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_node_that_lost_its_listener_but_not_its_links_is_alive)
{
    struct toy *toy = formed(7);
    struct node_id id = toy_id(toy, 0);
    toy->nodes[0].refuses = true;
    toy_run(toy, 6000);
    for (int i = 1; i < 6; i++) ck_assert(!has_failed(toy, i, &id) && !is_suspect(toy, i, &id));
    toy_destroy(toy);
}
END_TEST

START_TEST(one_voter_alone_does_not_make_a_failure)
{
    struct toy *toy = formed(8);
    struct node_id id = toy_id(toy, 0);
    toy_crash(toy, 1);
    toy_crash(toy, 2);
    toy_crash(toy, 0);
    toy_run(toy, 10000);
    for (int i = 3; i < 6; i++) ck_assert(is_suspect(toy, i, &id));
    toy_destroy(toy);
}
END_TEST

START_TEST(classic_nodes_wait_for_the_node_timeout)
{
    struct toy *toy = toy_create(6, 9);
    for (int i = 0; i < 6; i++) {
        toy->nodes[i].options.is_classic = true;
        cluster_configure(toy->nodes[i].core, &toy->nodes[i].options);
    }
    toy_form(toy, 3);
    struct node_id id = toy_id(toy, 0);
    toy_crash(toy, 0);
    toy_run(toy, 1500);
    ck_assert(!has_failed(toy, 1, &id) && !is_suspect(toy, 1, &id));
    toy_run(toy, 4500);
    for (int i = 1; i < 6; i++) ck_assert(has_failed(toy, i, &id));
    struct cluster_peer_view view;
    ck_assert(toy_sees(toy, 1, 2, &view));
    ck_assert(!view.is_eir);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_process_that_stood_still_suspects_nobody)
{
    struct toy *toy = formed(10);
    struct cluster_event gap = { .type = CLUSTER_SUSPENDED, .gap_ms = 60000 };
    /* Only node 1 stood still: what the others sent it meanwhile is not there. */
    toy->nodes[1].is_cut = true;
    toy_run(toy, 900);
    toy->nodes[1].is_cut = false;
    toy_step(toy, 1, gap);
    toy_run(toy, 5000);
    for (int i = 0; i < 6; i++)
        if (i != 1) {
            struct node_id id = toy_id(toy, i);
            ck_assert(!is_suspect(toy, 1, &id));
        }
    toy_destroy(toy);
}
END_TEST

START_TEST(twenty_primaries_agree_through_a_few_collectors)
{
    struct toy *toy = toy_create(40, 11);
    toy_form(toy, 20);
    toy_run(toy, 5000);
    struct node_id id = toy_id(toy, 0);
    toy_crash(toy, 0);
    toy_run(toy, 120);
    uint64_t suspicions = 0, failures = 0;
    for (int i = 1; i < 40; i++) {
        ck_assert(has_failed(toy, i, &id));
        struct cluster_counters counters;
        cluster_counters(toy->nodes[i].core, &counters);
        suspicions += counters.sent[MESSAGE_EIR];
        failures += counters.sent[MESSAGE_FAIL];
    }
    /* 19 voters tell 8 collectors and one replica, and these tell 38 nodes. */
    ck_assert_uint_le(suspicions, 19 * 9);
    ck_assert_uint_le(failures, 9 * 38);
    toy_destroy(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failure");
    TCase *tcase = tcase_create("failure");
    tcase_set_timeout(tcase, 60); /* forty nodes under a sanitizer */
    tcase_add_test(tcase, a_dead_primary_with_a_replica_fails_on_hard_evidence_within_100_ms);
    tcase_add_test(tcase, a_reset_is_no_hard_evidence);
    tcase_add_test(tcase, a_primary_that_nobody_can_replace_fails_by_silence_only);
    tcase_add_test(tcase, a_replica_that_dies_fails_by_silence_and_is_back_when_it_answers);
    tcase_add_test(tcase, a_cut_off_primary_fails_for_the_majority_and_not_the_other_way_round);
    tcase_add_test(tcase, a_primary_that_leaves_a_minority_waits_before_it_says_ok);
    tcase_add_test(tcase, hard_evidence_is_withdrawn_when_the_node_answers);
    tcase_add_test(tcase, a_node_that_lost_its_listener_but_not_its_links_is_alive);
    tcase_add_test(tcase, one_voter_alone_does_not_make_a_failure);
    tcase_add_test(tcase, classic_nodes_wait_for_the_node_timeout);
    tcase_add_test(tcase, a_process_that_stood_still_suspects_nobody);
    tcase_add_test(tcase, twenty_primaries_agree_through_a_few_collectors);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
