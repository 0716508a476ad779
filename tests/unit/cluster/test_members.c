/* Members: forgetting and coming back, addresses that change, foreign clusters, RESET, options, and
 * what must be on disk before anybody hears it. */
#include "unit/cluster/toy_net.h"

#include <check.h>

static struct toy *formed(int nodes, int primaries, uint64_t seed)
{
    struct toy *toy = toy_create(nodes, seed);
    toy_form(toy, primaries);
    for (int i = 0; i < nodes; i++) ck_assert(toy_status(toy, i).is_ok);
    return toy;
}

static size_t known(struct toy *toy, int index)
{
    return cluster_peer_count(toy->nodes[index].core);
}

START_TEST(a_node_forgotten_by_one_is_forgotten_by_all_and_stays_so)
{
    struct toy *toy = formed(7, 3, 1);
    struct cluster_order order = { .type = ORDER_FORGET, .id = toy_id(toy, 6) };
    ck_assert_str_eq(toy_do(toy, 1, order), "OK");
    toy_run(toy, 2000);
    for (int i = 0; i < 6; i++) ck_assert_uint_eq(known(toy, i), 6);
    toy_run(toy, 50000);
    for (int i = 0; i < 6; i++) ck_assert_uint_eq(known(toy, i), 6);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_forgotten_node_returns_when_an_operator_meets_it)
{
    struct toy *toy = formed(3, 3, 2);
    struct cluster_order order = { .type = ORDER_FORGET, .id = toy_id(toy, 2) };
    /* An owner of slots, forgotten by mistake. */
    ck_assert_str_eq(toy_do(toy, 0, order), "OK");
    toy_run(toy, 3000);
    ck_assert_uint_eq(known(toy, 0), 2);
    ck_assert_uint_eq(known(toy, 1), 2);
    toy_run(toy, 60000);
    toy_meet(toy, 0, 2);
    toy_run(toy, 6000);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(known(toy, i), 3);
        ck_assert(toy_status(toy, i).is_ok);
    }
    toy_destroy(toy);
}
END_TEST

START_TEST(the_black_list_ends_and_a_node_that_never_left_is_known_again)
{
    struct toy *toy = formed(4, 3, 16);
    struct cluster_order order = { .type = ORDER_FORGET, .id = toy_id(toy, 3) };
    ck_assert_str_eq(toy_do(toy, 1, order), "OK");
    toy_run(toy, 70000);
    for (int i = 0; i < 4; i++) ck_assert_uint_eq(known(toy, i), 4);
    toy_destroy(toy);
}
END_TEST

START_TEST(forget_refuses_in_the_words_of_valkey)
{
    struct toy *toy = formed(4, 3, 3);
    struct cluster_order order = { .type = ORDER_FORGET, .id = toy_id(toy, 0) };
    ck_assert_str_eq(toy_do(toy, 0, order), "ERR I tried hard but I can't forget myself...");
    ck_assert_str_eq(toy_do(toy, 3, order), "ERR Can't forget my master!");
    memset(order.id.hex, 'a', NODE_ID_SIZE);
    ck_assert_str_eq(toy_do(toy, 0, order),
                     "ERR Unknown node aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    order.id = toy_id(toy, 3);
    ck_assert_str_eq(toy_do(toy, 1, order), "OK");
    ck_assert_str_eq(toy_do(toy, 1, order), "OK"); /* forgotten already */
    toy_destroy(toy);
}
END_TEST

START_TEST(replicate_refuses_in_the_words_of_valkey)
{
    struct toy *toy = formed(4, 2, 4);
    struct cluster_order order = { .type = ORDER_REPLICATE, .id = toy_id(toy, 0) };
    ck_assert_str_eq(toy_do(toy, 0, order), "ERR Can't replicate myself");
    ck_assert_str_eq(toy_do(toy, 1, order), "ERR To set a master the node must be empty and "
                                            "without assigned slots.");
    order.id = toy_id(toy, 2);
    ck_assert_str_eq(toy_do(toy, 1, order), "ERR I can only replicate a master, not a replica.");
    order.id = toy_id(toy, 1);
    ck_assert_str_eq(toy_do(toy, 2, order), "OK");
    toy_run(toy, 100);
    struct cluster_peer_view view;
    ck_assert(toy_sees(toy, 3, 2, &view));
    ck_assert(node_id_equal(&view.primary_id, &order.id));
    ck_assert_str_eq(toy_do(toy, 2, (struct cluster_order){ .type = ORDER_REPLICATE }), "OK");
    toy_run(toy, 100);
    ck_assert(toy_sees(toy, 3, 2, &view));
    ck_assert(view.flags & NODE_PRIMARY);
    ck_assert_uint_eq(toy->nodes[2].flushes, 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_node_that_restarts_elsewhere_is_found_by_its_own_ping)
{
    struct toy *toy = formed(6, 3, 5);
    toy_forbid_failover(toy, 4);
    toy_crash(toy, 1);
    toy_run(toy, 100);
    toy->nodes[1].options.announced.port = 9999;
    toy->nodes[1].options.announced.bus_port = 19999;
    toy_restart(toy, 1);
    toy_run(toy, 2000);
    for (int i = 0; i < 6; i++) {
        struct cluster_peer_view view;
        ck_assert(toy_sees(toy, i, 1, &view));
        ck_assert_uint_eq(view.address.port, 9999);
        ck_assert(view.is_connected);
    }
    ck_assert_uint_ge(toy->nodes[4].follows, 2); /* its replica is told the new address */
    toy_destroy(toy);
}
END_TEST

START_TEST(two_nodes_that_swap_their_addresses_keep_their_identities)
{
    struct toy *toy = formed(6, 3, 6);
    toy_crash(toy, 1);
    toy_crash(toy, 5);
    struct address one = toy->nodes[1].options.announced;
    toy->nodes[1].options.announced = toy->nodes[5].options.announced;
    toy->nodes[5].options.announced = one;
    toy_restart(toy, 1);
    toy_restart(toy, 5);
    toy_run(toy, 10000);
    for (int i = 0; i < 6; i++) {
        ck_assert_uint_eq(known(toy, i), 6);
        ck_assert(toy_status(toy, i).is_ok);
        struct cluster_peer_view view;
        ck_assert(toy_sees(toy, i, 1, &view));
        ck_assert_uint_eq(view.address.port, 7005);
        ck_assert(!(view.flags & NODE_NOADDR));
        ck_assert(toy_sees(toy, i, 5, &view));
        ck_assert_uint_eq(view.address.port, 7001);
    }
    toy_destroy(toy);
}
END_TEST

/* Gives every node of a range a cluster id, through its nodes.conf. */
static void brand(struct toy *toy, int first, int last, const char *id)
{
    for (int i = first; i <= last; i++) {
        toy_do(toy, i, (struct cluster_order){ .type = ORDER_SAVE_CONFIG });
        toy_crash(toy, i);
        struct buffer *disk = &toy->nodes[i].disk;
        ck_assert_int_eq(disk->data[disk->size - 1], '\n');
        disk->size--;
        buffer_printf(disk, " eir-cluster-id %s\n", id);
    }
    for (int i = first; i <= last; i++) toy_restart(toy, i);
    toy_run(toy, 4000);
}

START_TEST(two_clusters_refuse_each_other)
{
    struct toy *toy = toy_create(6, 7);
    for (int half = 0; half < 2; half++) {
        int first = half * 3;
        toy_meet(toy, first, first + 1);
        toy_meet(toy, first, first + 2);
        toy_add_slots(toy, first, 0, SLOT_COUNT - 1);
    }
    toy_run(toy, 4000);
    brand(toy, 0, 2, "00000000000000aa");
    brand(toy, 3, 5, "00000000000000bb");
    for (int i = 0; i < 6; i++) ck_assert_uint_eq(known(toy, i), 3);

    ck_assert_str_eq(toy_meet(toy, 0, 3), "OK");
    ck_assert_str_eq(toy_meet(toy, 4, 1), "OK");
    toy_run(toy, 10000);
    for (int i = 0; i < 6; i++) {
        ck_assert_uint_eq(known(toy, i), 3);
        ck_assert(toy_status(toy, i).is_ok);
    }
    ck_assert_uint_eq(toy_status(toy, 5).cluster_id, 0xbb);
    toy_destroy(toy);
}
END_TEST

/* What is ours goes, as if a Valkey server had written the file meanwhile. */
static void lose_ours(struct toy *toy, int index)
{
    struct buffer *disk = &toy->nodes[index].disk;
    size_t size = disk->size;
    while (size > 4 && memcmp(disk->data + size - 4, "vars", 4) != 0) size--;
    struct bytes vars = bytes_from(buffer_bytes(disk), size);
    size_t words = 0;
    for (size_t i = 0; i < vars.size && words < 5; i++, size++) words += vars.data[i] == ' ';
    ck_assert_uint_eq(words, 5);
    disk->size = size;
    disk->data[size - 1] = '\n';
}

START_TEST(a_member_that_lost_the_id_is_known_by_its_slots_and_gets_it_back)
{
    for (int lost = 0; lost < 6; lost++) {
        struct toy *toy = formed(6, 3, 17);
        brand(toy, 0, 5, "00000000000000aa");
        for (int i = 0; i < 6; i++) ck_assert_uint_eq(toy_status(toy, i).cluster_id, 0xaa);
        toy_crash(toy, lost);
        lose_ours(toy, lost);
        toy_run(toy, lost == 1 ? 10000 : 0); /* once the others have missed it */
        toy_restart(toy, lost);
        ck_assert_uint_eq(toy_status(toy, lost).cluster_id, 0);
        toy_run(toy, 6000);
        for (int i = 0; i < 6; i++) {
            ck_assert_uint_eq(toy_status(toy, i).cluster_id, 0xaa);
            ck_assert_uint_eq(known(toy, i), 6);
            ck_assert(toy_status(toy, i).is_ok);
        }
        toy_destroy(toy);
    }
}
END_TEST

START_TEST(a_node_without_slots_adopts_the_cluster_that_it_joins)
{
    struct toy *toy = toy_create(4, 8);
    toy_meet(toy, 0, 1);
    toy_add_slots(toy, 0, 0, SLOT_COUNT - 1);
    toy_run(toy, 3000);
    brand(toy, 0, 1, "00000000000000aa");
    toy_add_slots(toy, 3, 0, 5); /* a life of its own */
    toy_meet(toy, 0, 2);
    toy_meet(toy, 0, 3);
    toy_run(toy, 3000);
    ck_assert_uint_eq(toy_status(toy, 2).cluster_id, 0xaa);
    ck_assert_uint_eq(toy_status(toy, 3).cluster_id, 0);
    ck_assert_uint_eq(known(toy, 3), 1);
    for (int i = 0; i < 3; i++) ck_assert_uint_eq(known(toy, i), 3);
    toy_destroy(toy);
}
END_TEST

START_TEST(reset_keeps_the_id_and_a_hard_one_takes_a_new_one)
{
    struct toy *toy = formed(5, 3, 9);
    struct node_id before = toy_id(toy, 4);
    ck_assert_str_eq(toy_do(toy, 4, (struct cluster_order){ .type = ORDER_RESET }), "OK");
    struct node_id after = toy_id(toy, 4);
    ck_assert(node_id_equal(&before, &after));
    ck_assert_uint_eq(known(toy, 4), 1);
    ck_assert_uint_eq(toy->nodes[4].flushes, 1);
    ck_assert(toy_status(toy, 4).is_primary);

    struct cluster_order hard = { .type = ORDER_RESET, .is_hard = true, .has_keys = true };
    ck_assert_str_eq(toy_do(toy, 0, hard),
                     "ERR CLUSTER RESET can't be called with master nodes containing keys");
    hard.has_keys = false;
    before = toy_id(toy, 0);
    ck_assert_str_eq(toy_do(toy, 0, hard), "OK");
    after = toy_id(toy, 0);
    ck_assert(!node_id_equal(&before, &after));
    ck_assert_uint_eq(toy_status(toy, 0).current_epoch, 0);
    ck_assert_uint_eq(toy_status(toy, 0).slots_assigned, 0);
    toy_run(toy, 5000);
    toy_destroy(toy);
}
END_TEST

START_TEST(epochs_are_set_and_bumped_in_the_words_of_valkey)
{
    struct toy *toy = toy_create(2, 10);
    struct cluster_order set = { .type = ORDER_SET_CONFIG_EPOCH, .epoch = 5 };
    ck_assert_str_eq(toy_do(toy, 0, set), "OK");
    ck_assert_str_eq(toy_do(toy, 0, set), "ERR Node config epoch is already non-zero");
    toy_meet(toy, 0, 1);
    ck_assert_str_eq(toy_do(toy, 0, set), "ERR The user can assign a config epoch only when the "
                                          "node does not know any other node.");
    toy_run(toy, 500);
    ck_assert_str_eq(toy_do(toy, 1, (struct cluster_order){ .type = ORDER_BUMP_EPOCH }),
                     "BUMPED 6");
    ck_assert_str_eq(toy_do(toy, 1, (struct cluster_order){ .type = ORDER_BUMP_EPOCH }), "STILL 6");
    toy_destroy(toy);
}
END_TEST

START_TEST(announced_texts_spread_and_are_cleared)
{
    struct toy *toy = formed(3, 3, 11);
    struct cluster_options *options = &toy->nodes[1].options;
    bytes_to_text(BYTES("one.example"), options->hostname, sizeof(options->hostname));
    bytes_to_text(BYTES("9.9.9.9"), options->client_ipv4, sizeof(options->client_ipv4));
    options->client_port = 1234;
    cluster_configure(toy->nodes[1].core, options);
    toy_run(toy, 1500);
    struct cluster_peer_view view;
    ck_assert(toy_sees(toy, 0, 1, &view));
    ck_assert_str_eq(view.hostname, "one.example");
    struct buffer line = { 0 };
    ptrdiff_t at = cluster_peer_find(toy->nodes[0].core, &view.id);
    cluster_print_node(toy->nodes[0].core, (size_t)at, &line);
    buffer_append_byte(&line, 0);
    ck_assert_ptr_nonnull(strstr(line.data, " 9.9.9.9:1234@17001,one.example master - 0 "));
    buffer_fini(&line);

    options->hostname[0] = 0;
    options->replica_no_failover = true;
    cluster_configure(toy->nodes[1].core, options);
    toy_run(toy, 1500);
    ck_assert(toy_sees(toy, 0, 1, &view));
    ck_assert_str_eq(view.hostname, "");
    ck_assert(view.flags & NODE_NOFAILOVER);
    toy_destroy(toy);
}
END_TEST

START_TEST(nothing_leaves_while_a_new_epoch_cannot_be_saved)
{
    struct toy *toy = formed(3, 3, 12);
    toy->nodes[0].save_fails = true;
    uint64_t before = toy_status(toy, 1).current_epoch;
    toy_do(toy, 0, (struct cluster_order){ .type = ORDER_BUMP_EPOCH });
    ck_assert_uint_gt(toy_status(toy, 0).current_epoch, before);
    ck_assert(!toy_status(toy, 0).serves);
    toy_run(toy, 1900);
    ck_assert_uint_eq(toy_status(toy, 1).current_epoch, before);
    ck_assert_uint_eq(toy_status(toy, 2).current_epoch, before);
    unsigned tries = toy->nodes[0].saves;

    toy->nodes[0].save_fails = false;
    toy_run(toy, 1500);
    ck_assert_uint_gt(toy->nodes[0].saves, tries);
    ck_assert(toy_status(toy, 0).serves);
    ck_assert_uint_gt(toy_status(toy, 1).current_epoch, before);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_promotion_that_was_not_saved_is_repeated_to_the_data_side)
{
    struct toy *toy = formed(6, 3, 13);
    toy->nodes[3].save_fails = true;
    toy_do(toy, 3, (struct cluster_order){ .type = ORDER_FAILOVER, .failover = FAILOVER_TAKEOVER });
    ck_assert_uint_eq(toy->nodes[3].leads, 0);
    toy_run(toy, 500);
    ck_assert_uint_eq(toy->nodes[0].follows, 0);
    toy->nodes[3].save_fails = false;
    toy_run(toy, 2000);
    ck_assert_uint_ge(toy->nodes[3].leads, 1);
    ck_assert_uint_eq(toy->nodes[0].follows, 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_publication_reaches_every_other_node_or_the_own_shard)
{
    struct toy *toy = formed(6, 3, 14);
    struct toy_node *node = &toy->nodes[0];
    cluster_publish(node->core, false, BYTES("news"), BYTES("hello"), &node->effects);
    toy_perform(toy, 0);
    toy_run(toy, 10);
    for (int i = 1; i < 6; i++) ck_assert_uint_eq(toy->nodes[i].delivered, 1);
    cluster_publish(node->core, true, BYTES("news"), BYTES("hello"), &node->effects);
    toy_perform(toy, 0);
    toy_run(toy, 10);
    for (int i = 1; i < 6; i++) ck_assert_uint_eq(toy->nodes[i].delivered, i == 3 ? 2 : 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_publication_that_is_too_large_stays_here_and_is_traced)
{
    struct toy *toy = formed(3, 3, 14);
    struct toy_node *node = &toy->nodes[0];
    struct bytes huge = { "never read", (size_t)2 * GIB };
    for (int is_sharded = 0; is_sharded < 2; is_sharded++) {
        cluster_publish(node->core, is_sharded, BYTES("news"), huge, &node->effects);
        ck_assert_uint_eq(node->effects.count, 1);
        ck_assert_int_eq(node->effects.items[0].type, CLUSTER_TRACE);
        toy_perform(toy, 0);
    }
    cluster_publish(node->core, false, BYTES("news"), BYTES("hello"), &node->effects);
    toy_perform(toy, 0);
    toy_run(toy, 10);
    for (int i = 1; i < 3; i++) ck_assert_uint_eq(toy->nodes[i].delivered, 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(one_sided_knowledge_is_repaired_by_meeting_again)
{
    struct toy *toy = formed(3, 3, 15);
    /* Node 2 comes back with the disk of a time when it knew nobody. */
    struct node_id id = toy_id(toy, 2);
    toy_crash(toy, 2);
    struct buffer *disk = &toy->nodes[2].disk;
    buffer_clear(disk);
    buffer_printf(disk,
                  "%.40s 127.0.0.1:7002@17002 myself,master - 0 0 0 connected\n"
                  "vars currentEpoch 0 lastVoteEpoch 0\n",
                  id.hex);
    toy_restart(toy, 2);
    toy_run(toy, 8000);
    for (int i = 0; i < 3; i++) ck_assert_uint_eq(known(toy, i), 3);
    toy_destroy(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("members");
    TCase *tcase = tcase_create("members");
    tcase_add_test(tcase, a_node_forgotten_by_one_is_forgotten_by_all_and_stays_so);
    tcase_add_test(tcase, a_forgotten_node_returns_when_an_operator_meets_it);
    tcase_add_test(tcase, the_black_list_ends_and_a_node_that_never_left_is_known_again);
    tcase_add_test(tcase, forget_refuses_in_the_words_of_valkey);
    tcase_add_test(tcase, replicate_refuses_in_the_words_of_valkey);
    tcase_add_test(tcase, a_node_that_restarts_elsewhere_is_found_by_its_own_ping);
    tcase_add_test(tcase, two_nodes_that_swap_their_addresses_keep_their_identities);
    tcase_add_test(tcase, two_clusters_refuse_each_other);
    tcase_add_test(tcase, a_member_that_lost_the_id_is_known_by_its_slots_and_gets_it_back);
    tcase_add_test(tcase, a_node_without_slots_adopts_the_cluster_that_it_joins);
    tcase_add_test(tcase, reset_keeps_the_id_and_a_hard_one_takes_a_new_one);
    tcase_add_test(tcase, epochs_are_set_and_bumped_in_the_words_of_valkey);
    tcase_add_test(tcase, announced_texts_spread_and_are_cleared);
    tcase_add_test(tcase, nothing_leaves_while_a_new_epoch_cannot_be_saved);
    tcase_add_test(tcase, a_promotion_that_was_not_saved_is_repeated_to_the_data_side);
    tcase_add_test(tcase, a_publication_reaches_every_other_node_or_the_own_shard);
    tcase_add_test(tcase, a_publication_that_is_too_large_stays_here_and_is_traced);
    tcase_add_test(tcase, one_sided_knowledge_is_repaired_by_meeting_again);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
