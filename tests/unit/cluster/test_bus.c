/* Joining, gossip and slots: small clusters in a toy world. */
#include "unit/cluster/toy_net.h"

#include <check.h>

START_TEST(two_nodes_meet_and_know_each_other)
{
    struct toy *toy = toy_create(2, 1);
    ck_assert_str_eq(toy_meet(toy, 0, 1), "OK");
    toy_run(toy, 500);
    struct cluster_peer_view view;
    ck_assert(toy_sees(toy, 0, 1, &view));
    ck_assert_int_eq(view.flags & (NODE_HANDSHAKE | NODE_MEET | NODE_PRIMARY), NODE_PRIMARY);
    ck_assert(view.is_connected);
    ck_assert(view.is_eir);
    ck_assert(toy_sees(toy, 1, 0, &view));
    ck_assert_int_eq(view.address.port, 7000);
    ck_assert_str_eq(view.address.ip, "127.0.0.1");
    ck_assert_uint_eq(cluster_peer_count(toy->nodes[0].core), 2);
    ck_assert_uint_eq(cluster_peer_count(toy->nodes[1].core), 2);
    toy_destroy(toy);
}
END_TEST

START_TEST(six_nodes_learn_of_each_other_by_gossip_and_reach_ok)
{
    struct toy *toy = toy_create(6, 2);
    toy_form(toy, 3);
    for (int i = 0; i < 6; i++) {
        ck_assert_uint_eq(cluster_peer_count(toy->nodes[i].core), 6);
        struct cluster_status status = toy_status(toy, i);
        ck_assert(status.is_ok);
        ck_assert_uint_eq(status.size, 3);
        ck_assert_uint_eq(status.slots_ok, SLOT_COUNT);
        for (int other = 0; other < 6; other++) {
            struct cluster_peer_view view;
            ck_assert(toy_sees(toy, i, other, &view));
            ck_assert(view.is_connected);
            ck_assert_int_eq(!node_id_is_none(&view.primary_id), other >= 3);
        }
    }
    toy_destroy(toy);
}
END_TEST

START_TEST(fresh_primaries_end_with_distinct_epochs)
{
    struct toy *toy = toy_create(3, 3);
    toy_form(toy, 3);
    uint64_t epochs[3];
    for (int i = 0; i < 3; i++) {
        struct cluster_peer_view view;
        ck_assert(toy_sees(toy, 0, i, &view));
        epochs[i] = view.config_epoch;
    }
    ck_assert_uint_ne(epochs[0], epochs[1]);
    ck_assert_uint_ne(epochs[1], epochs[2]);
    ck_assert_uint_ne(epochs[0], epochs[2]);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_handshake_that_nobody_answers_is_given_up)
{
    struct toy *toy = toy_create(1, 4);
    ck_assert_str_eq(toy_meet(toy, 0, 5), "OK");
    ck_assert_str_eq(toy_meet(toy, 0, 5), "OK"); /* refused silently: one is there */
    ck_assert_uint_eq(cluster_peer_count(toy->nodes[0].core), 2);
    toy_run(toy, 2100);
    ck_assert_uint_eq(cluster_peer_count(toy->nodes[0].core), 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_node_that_meets_itself_stays_alone)
{
    struct toy *toy = toy_create(1, 5);
    toy_meet(toy, 0, 0);
    toy_run(toy, 3000);
    ck_assert_uint_eq(cluster_peer_count(toy->nodes[0].core), 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_cluster_survives_the_restart_of_every_node)
{
    struct toy *toy = toy_create(6, 6);
    toy_form(toy, 3);
    struct node_id id = toy_id(toy, 4);
    for (int i = 0; i < 6; i++) toy_crash(toy, i);
    for (int i = 0; i < 6; i++) toy_restart(toy, i);
    struct node_id id_after = toy_id(toy, 4);
    ck_assert(node_id_equal(&id, &id_after));
    ck_assert(!toy_status(toy, 0).is_ok);
    toy_run(toy, 6000);
    for (int i = 0; i < 6; i++) ck_assert(toy_status(toy, i).is_ok);
    toy_destroy(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bus");
    TCase *tcase = tcase_create("bus");
    tcase_add_test(tcase, two_nodes_meet_and_know_each_other);
    tcase_add_test(tcase, six_nodes_learn_of_each_other_by_gossip_and_reach_ok);
    tcase_add_test(tcase, fresh_primaries_end_with_distinct_epochs);
    tcase_add_test(tcase, a_handshake_that_nobody_answers_is_given_up);
    tcase_add_test(tcase, a_node_that_meets_itself_stays_alone);
    tcase_add_test(tcase, a_cluster_survives_the_restart_of_every_node);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
