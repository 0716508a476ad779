/* The world itself: one seed is one run, and its faults are what they say. */
#include "sim/history.h"
#include "sim/story_test.h"

static uint64_t digest_of(uint64_t seed)
{
    struct history history;
    struct verdict verdict;
    history_draw(&history, seed, &(struct sim_options){ 0 });
    history_run(&history, &verdict);
    ck_assert_uint_gt(verdict.events, 1000);
    return verdict.digest;
}

START_TEST(the_same_seed_gives_the_same_run_and_another_seed_another)
{
    uint64_t first = digest_of((uint64_t)_i);
    ck_assert_uint_eq(digest_of((uint64_t)_i), first);
    ck_assert_uint_ne(digest_of((uint64_t)_i + 100), first);
}
END_TEST

START_TEST(a_formed_world_is_healthy_and_stays_so)
{
    struct sim *sim =
        sim_create(&(struct sim_options){ .primaries = 3, .replicas = 1, .seed = (uint64_t)_i });
    wait_for(sim, sim_is_healthy, 10000, PRIMARY(0));
    sim_run(sim, 60000);
    sim_expect_no_violation(sim);
    ck_assert(sim_is_healthy(sim));
    ck_assert(sim_is_primary(sim, PRIMARY(1)));
    ck_assert(!sim_is_primary(sim, REPLICA(1, 0)));
    ck_assert_uint_gt(sim_offset(sim, REPLICA(1, 0)), 0);
    sim_destroy(sim);
}
END_TEST

/* Each of these once broke a promise. They are worth something as long as history_draw draws what
 * it drew then; who changes that finds new ones. */
static const uint64_t seeds_that_failed[] = {
    189,    /* two candidates told each other again and again that a live primary had failed */
    529,    /* elected, dead before it could say so: its predecessor cannot have the lease */
    1675,   /* a fresh node that moved was never met again by those who had formed without it */
    2036,   /* an owner back empty fed its old primary, dead until then, and destroyed the rest */
    20552,  /* ... */
    21108,  /* ... */
    41141,  /* the only Valkey replica of a lost owner restarted: waits for an operator */
    3870,   /* the same */
    103617, /* ... */
    104425, /* ... */
    200327, /* a member rolled back to its lock, when the others had forgotten the set */
    200630, /* a replica was reset during a partition */
    200913, /* as 41141 */
    200944, /* a forgotten replica, and an owner back empty */
    201047, /* as 41141 */
    203979, /* a well node was called failed */
    301268, /* the same */
    502461, /* an owner forgotten by order */
    505530, /* an owner rolled back to before it had slots */
    506571, /* a worse sibling got the first vote that a promise had kept back */
    508266, /* as 505530 */
    509198, /* two shards at once, one without an heir */
    510562, /* as 502461 */
    603595, /* as 506571, by a voter that restarted later */
    609374, /* a frozen node that was told to stop exits when everything is healed */
};

START_TEST(histories_that_failed_once_do_not_fail_again)
{
    struct history history;
    struct verdict verdict;
    history_draw(&history, seeds_that_failed[_i], &(struct sim_options){ 0 });
    history_run(&history, &verdict);
    ck_assert_msg(verdict.is_kept, "seed %llu: %s", (unsigned long long)history.seed, verdict.text);
}
END_TEST

START_TEST(a_forced_election_ends_when_its_primary_is_another)
{
    struct history history;
    struct verdict verdict;
    history_draw(&history, 930392, &(struct sim_options){ .by_formation = true });
    history_run(&history, &verdict);
    ck_assert_msg(verdict.is_kept, "%s", verdict.text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("world");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, the_same_seed_gives_the_same_run_and_another_seed_another, 1, 4);
    tcase_add_loop_test(tcase, a_formed_world_is_healthy_and_stays_so, 1, 4);
    tcase_add_test(tcase, a_forced_election_ends_when_its_primary_is_another);
    tcase_add_loop_test(tcase, histories_that_failed_once_do_not_fail_again, 0,
                        sizeof(seeds_that_failed) / sizeof(*seeds_that_failed));
    return run_stories(tcase, "world");
}
