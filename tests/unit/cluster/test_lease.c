/* The lease: a stale primary stops before its successor starts, whatever is cut, stopped or
 * restarted. toy_watch looks at every millisecond that no slot has two executors. */
#include "cluster/lease.h"
#include "unit/cluster/toy_story.h"

START_TEST(so_many_others_are_needed_that_too_few_remain_to_elect)
{
    for (unsigned voters = 1; voters <= 1000; voters++) {
        unsigned quorum = voters / 2 + 1;
        unsigned left = voters - 1 - lease_needed(voters);
        ck_assert_uint_lt(left, quorum);
        ck_assert_uint_le(lease_needed(voters), voters - 1);
    }
    ck_assert_uint_eq(lease_needed(1), 0);
    ck_assert_uint_eq(lease_needed(2), 0);
    ck_assert_uint_eq(lease_needed(3), 1);
    ck_assert_uint_eq(lease_needed(5), 2);
}
END_TEST

START_TEST(the_guarantee_says_who_could_elect)
{
    struct lease_facts facts = { .voters = 2, .eir_voters = 1 };
    ck_assert_int_eq(lease_guarantee_of(&facts), GUARANTEE_NONE);
    facts = (struct lease_facts){ .voters = 3, .eir_voters = 2 };
    ck_assert_int_eq(lease_guarantee_of(&facts), GUARANTEE_LEASE);
    facts = (struct lease_facts){ .voters = 3, .eir_voters = 1, .classic_voters = 1 };
    ck_assert_int_eq(lease_guarantee_of(&facts), GUARANTEE_LEASE);
    facts = (struct lease_facts){ .voters = 3, .classic_voters = 2 };
    ck_assert_int_eq(lease_guarantee_of(&facts), GUARANTEE_CLASSIC);
    /* The only other Eir voter has failed: waiting for its promise would stop the rest for ever. */
    facts = (struct lease_facts){ .voters = 3, .eir_voters = 0, .classic_voters = 1 };
    ck_assert_int_eq(lease_guarantee_of(&facts), GUARANTEE_CLASSIC);
    /* Without Valkey voters too few promises mean too few promises. */
    facts = (struct lease_facts){ .voters = 3, .eir_voters = 0 };
    ck_assert_int_eq(lease_guarantee_of(&facts), GUARANTEE_LEASE);
}
END_TEST

START_TEST(one_primary_alone_and_two_need_nobody)
{
    for (int primaries = 1; primaries <= 2; primaries++) {
        struct toy *toy = toy_settled(primaries, primaries, 1);
        ck_assert(toy_executes(toy, 0, 0));
        ck_assert_int_eq(toy_status(toy, 0).lease_until_ms, TIME_NEVER);
        ck_assert_int_eq(toy_status(toy, 0).guarantee, GUARANTEE_NONE);
        if (primaries == 2) {
            toy_crash(toy, 1);
            toy_run(toy, 10000);
            ck_assert_int_eq(toy_status(toy, 0).lease_until_ms, TIME_NEVER);
        }
        toy_destroy(toy);
    }
}
END_TEST

START_TEST(three_primaries_hold_leases_that_never_lapse_while_all_is_well)
{
    struct toy *toy = toy_settled(3, 3, 2);
    for (int i = 0; i < 20000; i += 10) {
        toy_run(toy, 10);
        ck_assert(toy_executes(toy, 0, 0));
        ck_assert(toy_executes(toy, 2, SLOT_COUNT - 1));
    }
    ck_assert_int_eq(toy_status(toy, 0).guarantee, GUARANTEE_LEASE);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_primary_that_is_cut_off_stops_before_its_successor_starts)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct toy *toy = toy_settled(6, 3, seed);
        toy->nodes[0].is_cut = true;
        time_ms start_ms = toy->now_ms;
        while (toy_executes(toy, 0, 0)) toy_watch(toy, 1);
        ck_assert_int_le(toy->now_ms - start_ms, 2000 * 8 / 10);
        /* Design: replaced within 1.5 node timeouts + 2 s of silence. */
        ck_assert_int_ge(toy_await(toy, 3, 0, start_ms + 5000 - toy->now_ms), 0);
        toy->nodes[0].is_cut = false;
        toy_watch(toy, 10000);
        ck_assert(!toy_owns(toy, 0, 0));
        ck_assert(toy_executes(toy, 3, 0));
        toy_destroy(toy);
    }
}
END_TEST

START_TEST(voters_with_a_shorter_timeout_bind_the_primary_to_it)
{
    struct toy *toy = toy_settled(6, 3, 12);
    for (int i = 1; i < 6; i++) {
        toy->nodes[i].options.node_timeout_ms = 600; /* CONFIG SET has not reached node 0 yet */
        cluster_configure(toy->nodes[i].core, &toy->nodes[i].options);
    }
    toy_watch(toy, 3000);
    toy->nodes[0].is_cut = true;
    time_ms start_ms = toy->now_ms;
    while (toy_executes(toy, 0, 0)) toy_watch(toy, 1);
    ck_assert_int_le(toy->now_ms - start_ms, 600 * 8 / 10);
    ck_assert_int_ge(toy_await(toy, 3, 0, 3000), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_primary_that_stood_still_waits_for_renewal)
{
    struct toy *toy = toy_settled(6, 3, 3);
    ck_assert(toy_executes(toy, 0, 0));
    toy_step(toy, 0, (struct cluster_event){ .type = CLUSTER_SUSPENDED, .gap_ms = 500 });
    ck_assert(!toy_executes(toy, 0, 0));
    ck_assert_int_ge(toy_await(toy, 0, 0, 20), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_restarted_primary_starts_without_a_lease)
{
    struct toy *toy = toy_settled(6, 3, 4);
    toy_crash(toy, 3); /* nobody to take over */
    toy_run(toy, 4000);
    toy_crash(toy, 0);
    toy_restart(toy, 0);
    ck_assert(!toy_executes(toy, 0, 0));
    ck_assert_int_ge(toy_await(toy, 0, 0, 3000), 0);
    toy_destroy(toy);
}
END_TEST

static struct toy *with_valkey_replica(void)
{
    struct toy *toy = toy_create(6, 5);
    toy->nodes[3].options.is_classic = true;
    cluster_destroy(toy->nodes[3].core);
    buffer_clear(&toy->nodes[3].disk);
    toy_create_core(toy, 3);
    toy_form(toy, 3);
    ck_assert(toy_executes(toy, 0, 0));
    return toy;
}

/* `from` tells `at`, and nobody else, that a node has failed. */
static void tell_failure(struct toy *toy, int from, int at, int failed)
{
    struct cluster_message message = { .type = MESSAGE_FAIL,
                                       .sender = toy_id(toy, from),
                                       .subject = toy_id(toy, failed) };
    for (size_t i = 0; i < toy->wire_count; i++) {
        const struct toy_wire *wire = &toy->wires[i];
        if (!wire->is_up || wire->from != from || wire->to != at) continue;
        struct cluster_event event = { .type = CLUSTER_RECEIVED,
                                       .link = wire->in,
                                       .message = &message };
        toy_step(toy, at, event);
        return;
    }
    ck_abort_msg("no link");
}

START_TEST(a_voter_that_promised_refuses_a_valkey_replica_that_stands_on_a_failure)
{
    struct toy *toy = with_valkey_replica();
    tell_failure(toy, 1, 3, 0);
    toy_watch(toy, 8000);
    ck_assert(toy_executes(toy, 0, 0));
    ck_assert(toy_trace_has(toy, 1, "its primary holds a promise"));
    toy_destroy(toy);
}
END_TEST

START_TEST(an_operator_may_force_it_through_a_valkey_replica)
{
    struct toy *toy = with_valkey_replica();
    struct cluster_order order = { .type = ORDER_FAILOVER, .failover = FAILOVER_FORCE };
    ck_assert_str_eq(toy_do(toy, 3, order), "OK");
    toy_run(toy, 500); /* for a moment both execute: that is what was asked for */
    ck_assert(toy_executes(toy, 3, 0));
    toy_watch(toy, 8000);
    ck_assert(toy_executes(toy, 3, 0));
    toy_destroy(toy);
}
END_TEST

START_TEST(voters_that_become_valkey_servers_are_relied_on_as_such)
{
    struct toy *toy = toy_settled(6, 3, 15);
    ck_assert_int_eq(toy_status(toy, 0).guarantee, GUARANTEE_LEASE);
    for (int voter = 1; voter <= 2; voter++) {
        toy_crash(toy, voter);
        toy->nodes[voter].options.is_classic = true;
        toy_restart(toy, voter); /* at once: nobody had the time to miss it */
        toy_run(toy, 5000);
    }
    struct cluster_peer_view view;
    ck_assert(toy_sees(toy, 0, 1, &view));
    ck_assert(!view.is_eir);
    ck_assert_int_eq(toy_status(toy, 0).guarantee, GUARANTEE_CLASSIC);
    toy_watch(toy, 5000);
    ck_assert(toy_executes(toy, 0, 0));
    toy_destroy(toy);
}
END_TEST

/* What remains open after a vote: the winner may be cut off from the voter. */
START_TEST(a_voter_promises_nothing_while_its_candidate_may_have_won)
{
    struct toy *toy = toy_settled(6, 3, 6);
    toy->nodes[0].is_cut = true; /* silent: its promises run out */
    while (toy_status(toy, 1).last_vote_epoch == 0) toy_watch(toy, 1);
    toy->nodes[3].is_cut = true; /* the answer may or may not have arrived */
    toy->nodes[0].is_cut = false;
    toy_watch(toy, 15000);
    ck_assert(!toy_executes(toy, 0, 0));
    toy->nodes[3].is_cut = false;
    toy_watch(toy, 8000);
    ck_assert_int_ge(toy_executor(toy, 0), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(that_survives_a_restart_of_the_voters)
{
    struct toy *toy = toy_settled(6, 3, 7);
    toy->nodes[0].is_cut = true;
    while (toy_status(toy, 1).last_vote_epoch == 0) toy_watch(toy, 1);
    toy->nodes[3].is_cut = true;
    toy_crash(toy, 1);
    toy_crash(toy, 2);
    toy_restart(toy, 1);
    toy_restart(toy, 2);
    toy->nodes[0].is_cut = false;
    toy_watch(toy, 15000);
    ck_assert(!toy_executes(toy, 0, 0));
    toy->nodes[3].is_cut = false;
    toy_watch(toy, 8000);
    ck_assert_int_ge(toy_executor(toy, 0), 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(an_election_that_has_lost_gives_the_old_primary_its_lease_back)
{
    struct toy *toy = toy_settled(6, 3, 8);
    toy->nodes[0].is_cut = true;
    toy->nodes[2].save_fails = true; /* so that no quorum comes together */
    while (toy_status(toy, 1).last_vote_epoch == 0) toy_watch(toy, 1);
    toy->nodes[0].is_cut = false;
    toy->nodes[3].facts.has_synced = false; /* it stands no more */
    toy_facts(toy, 3);
    toy_watch(toy, 600);
    toy->nodes[2].save_fails = false;
    ck_assert_int_ge(toy_await(toy, 0, 0, 10000), 0);
    toy_destroy(toy);
}
END_TEST

/* A small storm of everything; the wide simulator does this at length. */
static void report_synced(struct toy *toy)
{
    for (int i = 0; i < toy->node_count; i++) {
        struct toy_node *node = &toy->nodes[i];
        if (node->core == NULL) continue;
        bool is_replica = (toy_self(toy, i).flags & NODE_REPLICA) != 0;
        node->facts = (struct cluster_facts){ .offset = 1000,
                                              .has_keys = true,
                                              .link_is_up = is_replica,
                                              .has_synced = is_replica,
                                              .link_active_ms = toy->now_ms };
        toy_facts(toy, i);
    }
}

static void do_mischief(struct toy *toy, struct prng *prng)
{
    int index = (int)prng_below(prng, (uint64_t)toy->node_count);
    struct toy_node *node = &toy->nodes[index];
    bool lives = node->core != NULL;
    struct cluster_event gap = { .type = CLUSTER_SUSPENDED, .gap_ms = 300 };
    switch (prng_below(prng, 6)) {
    case 0: node->is_cut = !node->is_cut; break;
    case 1: lives ? toy_crash(toy, index) : toy_restart(toy, index); break;
    case 2: node->save_fails = prng_chance(prng, 1, 3); break;
    case 3:
        if (lives) toy_do(toy, index, (struct cluster_order){ .type = ORDER_FAILOVER });
        break;
    case 4: toy_step(toy, index, gap); break;
    default: node->is_cut = false; break;
    }
}

/* A small storm; the wide simulator does this at length. STORM_SEED hunts on from there. */
START_TEST(in_a_storm_of_faults_no_slot_ever_has_two_executors)
{
    const char *hunt = getenv("STORM_SEED");
    uint64_t first = hunt != NULL ? strtoull(hunt, NULL, 10) : 21;
    for (uint64_t seed = first; seed < first + 5; seed++) {
        struct toy *toy = toy_settled(9, 3, seed + 100);
        struct prng prng;
        prng_init(&prng, seed);
        for (int round = 0; round < 30; round++) {
            do_mischief(toy, &prng);
            report_synced(toy);
            toy_watch(toy, (time_ms)prng_below(&prng, 1500));
        }
        for (int i = 0; i < 9; i++) {
            toy->nodes[i].is_cut = false;
            toy->nodes[i].save_fails = false;
            if (toy->nodes[i].core == NULL) toy_restart(toy, i);
        }
        toy_watch(toy, 20000);
        ck_assert_int_ge(toy_executor(toy, 0), 0);
        ck_assert_int_ge(toy_executor(toy, SLOT_COUNT - 1), 0);
        toy_destroy(toy);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lease");
    TCase *tests = tcase_create("lease");
    tcase_set_timeout(tests, 110);
    tcase_add_test(tests, so_many_others_are_needed_that_too_few_remain_to_elect);
    tcase_add_test(tests, the_guarantee_says_who_could_elect);
    tcase_add_test(tests, one_primary_alone_and_two_need_nobody);
    tcase_add_test(tests, three_primaries_hold_leases_that_never_lapse_while_all_is_well);
    tcase_add_test(tests, a_primary_that_is_cut_off_stops_before_its_successor_starts);
    tcase_add_test(tests, voters_with_a_shorter_timeout_bind_the_primary_to_it);
    tcase_add_test(tests, a_primary_that_stood_still_waits_for_renewal);
    tcase_add_test(tests, a_restarted_primary_starts_without_a_lease);
    tcase_add_test(tests, a_voter_that_promised_refuses_a_valkey_replica_that_stands_on_a_failure);
    tcase_add_test(tests, voters_that_become_valkey_servers_are_relied_on_as_such);
    tcase_add_test(tests, an_operator_may_force_it_through_a_valkey_replica);
    tcase_add_test(tests, a_voter_promises_nothing_while_its_candidate_may_have_won);
    tcase_add_test(tests, that_survives_a_restart_of_the_voters);
    tcase_add_test(tests, an_election_that_has_lost_gives_the_old_primary_its_lease_back);
    tcase_add_test(tests, in_a_storm_of_faults_no_slot_ever_has_two_executors);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
