/* Replica migration: a spare replica moves to an orphaned primary, one of them, not at once. */
#include "unit/cluster/toy_story.h"

static unsigned replicas_of(struct toy *toy, int primary)
{
    unsigned count = 0;
    struct node_id id = toy_id(toy, primary);
    for (int i = 0; i < toy->node_count; i++) {
        if (!toy_lives(toy, i)) continue;
        struct cluster_peer_view self = toy_self(toy, i);
        if (node_id_equal(&self.primary_id, &id)) count++;
    }
    return count;
}

START_TEST(a_spare_replica_moves_to_the_primary_that_lost_its_own)
{
    /* 3, 6 follow 0; 4 follows 1; 5 follows 2. */
    struct toy *toy = toy_settled(7, 3, 1);
    toy_crash(toy, 4);
    toy_run(toy, 2000);
    ck_assert_uint_eq(replicas_of(toy, 1), 0);
    toy_run(toy, 3000); /* it fails by silence; an orphan for less than five seconds */
    ck_assert_uint_eq(replicas_of(toy, 1), 0);
    toy_run(toy, 8000);
    ck_assert_uint_eq(replicas_of(toy, 1), 1);
    ck_assert_uint_eq(replicas_of(toy, 0), 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(nobody_moves_where_it_is_not_allowed_or_nothing_is_to_spare)
{
    struct toy *toy = toy_settled(7, 3, 2);
    for (int i = 0; i < 7; i++) {
        toy->nodes[i].options.allow_replica_migration = false;
        cluster_configure(toy->nodes[i].core, &toy->nodes[i].options);
    }
    toy_crash(toy, 4);
    toy_run(toy, 15000);
    ck_assert_uint_eq(replicas_of(toy, 1), 0);
    toy_destroy(toy);

    toy = toy_settled(6, 3, 3);
    toy_crash(toy, 4);
    toy_run(toy, 15000);
    ck_assert_uint_eq(replicas_of(toy, 1), 0);
    ck_assert_uint_eq(replicas_of(toy, 0), 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(the_barrier_keeps_replicas_where_they_are)
{
    struct toy *toy = toy_settled(7, 3, 4);
    for (int i = 0; i < 7; i++) {
        toy->nodes[i].options.migration_barrier = 2;
        cluster_configure(toy->nodes[i].core, &toy->nodes[i].options);
    }
    toy_crash(toy, 4);
    toy_run(toy, 15000);
    ck_assert_uint_eq(replicas_of(toy, 1), 0);
    ck_assert_uint_eq(replicas_of(toy, 0), 2);
    toy_destroy(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("migration");
    TCase *tests = tcase_create("migration");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_spare_replica_moves_to_the_primary_that_lost_its_own);
    tcase_add_test(tests, nobody_moves_where_it_is_not_allowed_or_nothing_is_to_spare);
    tcase_add_test(tests, the_barrier_keeps_replicas_where_they_are);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
