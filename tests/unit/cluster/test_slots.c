/* Who owns which slot: take-overs, claims that collide, slots on the move, nodes that come back. */
#include "unit/cluster/toy_story.h"

static struct toy *formed(int nodes, int primaries, uint64_t seed)
{
    struct toy *toy = toy_create(nodes, seed);
    toy_form(toy, primaries);
    for (int i = 0; i < nodes; i++) ck_assert(toy_status(toy, i).is_ok);
    return toy;
}

/* Node `owner` owns the slot in the eyes of all nodes. */
static void all_agree(struct toy *toy, unsigned slot, int owner)
{
    struct node_id id = toy_id(toy, owner);
    for (int i = 0; i < toy->node_count; i++) {
        if (toy->nodes[i].core == NULL) continue;
        struct slot_view view;
        cluster_slot_view(toy->nodes[i].core, slot, &view);
        ck_assert_int_ge(view.owner, 0);
        ck_assert_int_eq(view.owner, cluster_peer_find(toy->nodes[i].core, &id));
    }
}

static const char *set_slot(struct toy *toy, int index, unsigned slot, enum set_slot_kind kind,
                            int other)
{
    struct cluster_order order = { .type = ORDER_SET_SLOT, .slot = slot, .set_slot = kind };
    if (other >= 0) order.id = toy_id(toy, other);
    return toy_do(toy, index, order);
}

static bool is_replica_of(struct toy *toy, int index, int replica, int primary)
{
    struct cluster_peer_view view;
    struct node_id id = toy_id(toy, primary);
    ck_assert(toy_sees(toy, index, replica, &view));
    return (view.flags & NODE_REPLICA) && node_id_equal(&view.primary_id, &id);
}

START_TEST(after_a_take_over_the_old_primary_and_its_replicas_follow_the_new_one)
{
    struct toy *toy = formed(9, 3, 1);
    ck_assert_str_eq(toy_do(toy, 3, (struct cluster_order){ .type = ORDER_FAILOVER,
                                                   .failover = FAILOVER_TAKEOVER }), "OK");
    ck_assert_uint_eq(toy->nodes[3].leads, 1);
    toy_run(toy, 100);
    all_agree(toy, 0, 3);
    all_agree(toy, 5000, 3);
    for (int i = 0; i < 9; i++) {
        ck_assert(is_replica_of(toy, i, 0, 3));
        ck_assert(is_replica_of(toy, i, 6, 3));
        ck_assert(toy_status(toy, i).is_ok);
        ck_assert_uint_eq(toy_status(toy, i).size, 3);
    }
    ck_assert_uint_eq(toy->nodes[0].follows, 1);
    ck_assert_uint_eq(toy->nodes[6].follows, 2);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_primary_that_returns_after_a_take_over_is_told_and_follows)
{
    struct toy *toy = formed(6, 3, 2);
    toy_crash(toy, 0);
    toy_run(toy, 500);
    toy_do(toy, 3, (struct cluster_order){ .type = ORDER_FAILOVER,
                                                   .failover = FAILOVER_TAKEOVER });
    toy_run(toy, 10000);
    toy_restart(toy, 0);
    ck_assert(!toy_status(toy, 0).is_ok);
    toy_run(toy, 300);
    ck_assert(is_replica_of(toy, 0, 0, 3));
    ck_assert(is_replica_of(toy, 1, 0, 3));
    all_agree(toy, 0, 3);
    toy_run(toy, 3000);
    for (int i = 0; i < 6; i++) ck_assert(toy_status(toy, i).is_ok);
    toy_destroy(toy);
}
END_TEST

/* The file of another time, as a restored machine image has it. */
static void set_disk(struct toy *toy, int index, struct bytes text)
{
    buffer_clear(&toy->nodes[index].disk);
    buffer_append(&toy->nodes[index].disk, text);
}

START_TEST(a_primary_whose_nodes_conf_is_older_than_its_slots_is_told_of_them)
{
    struct toy *toy = toy_create(3, 4);
    toy_run(toy, 500);
    struct buffer older;
    buffer_init(&older);
    buffer_append(&older, buffer_bytes(&toy->nodes[0].disk));
    toy_form(toy, 3);
    ck_assert(toy_owns(toy, 0, 0));
    uint64_t epoch = toy_status(toy, 0).config_epoch;
    toy_crash(toy, 0);
    set_disk(toy, 0, buffer_bytes(&older));
    toy_restart(toy, 0);
    ck_assert(!toy_owns(toy, 0, 0));
    toy_meet(toy, 1, 0);
    toy_run(toy, 5000);
    all_agree(toy, 0, 0);
    ck_assert(toy_owns(toy, 0, 0));
    ck_assert_uint_eq(toy_status(toy, 0).config_epoch, epoch);
    ck_assert(toy_status(toy, 0).serves); /* nobody has more */
    buffer_fini(&older);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_primary_that_gave_its_slots_up_by_order_is_not_told_of_them)
{
    struct toy *toy = formed(3, 3, 5);
    struct slot_set all = { { 0 } };
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
        if (toy_owns(toy, 0, slot)) slot_set_add(&all, slot);
    struct cluster_order order = { .type = ORDER_DEL_SLOTS, .slots = &all };
    ck_assert_str_eq(toy_do(toy, 0, order), "OK");
    toy_run(toy, 5000);
    ck_assert(!toy_owns(toy, 0, 0));
    toy_destroy(toy);
}
END_TEST

START_TEST(of_two_claims_the_greater_epoch_wins_and_the_loser_drops_the_keys)
{
    struct toy *toy = formed(2, 2, 3);
    /* Node 0 takes a slot of node 1 behind its back. */
    ck_assert_str_eq(set_slot(toy, 0, 16000, SET_SLOT_NODE, 0), "OK");
    ck_assert_uint_eq(toy->nodes[1].drops, 0);
    toy_run(toy, 100);
    all_agree(toy, 16000, 0);
    ck_assert_uint_eq(toy->nodes[1].drops, 1);
    ck_assert_uint_eq(toy->nodes[0].drops, 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_slot_moves_by_setslot_step_by_step)
{
    struct toy *toy = formed(4, 2, 4);
    ck_assert_str_eq(set_slot(toy, 1, 0, SET_SLOT_IMPORTING, 0), "OK");
    ck_assert_str_eq(set_slot(toy, 0, 0, SET_SLOT_MIGRATING, 1), "OK");
    struct slot_view view;
    cluster_slot_view(toy->nodes[0].core, 0, &view);
    ck_assert_int_eq(view.state, SLOT_MIGRATING);
    cluster_slot_view(toy->nodes[1].core, 0, &view);
    ck_assert_int_eq(view.state, SLOT_IMPORTING);
    struct buffer line = { 0 };
    cluster_print_node(toy->nodes[1].core, 0, &line);
    buffer_append_byte(&line, 0);
    ck_assert_ptr_nonnull(strstr(line.data, " 8192-16383 [0-<-"));
    buffer_fini(&line);

    ck_assert_str_eq(set_slot(toy, 1, 0, SET_SLOT_NODE, 1), "OK");
    toy_run(toy, 100);
    all_agree(toy, 0, 1);
    ck_assert_str_eq(set_slot(toy, 0, 0, SET_SLOT_NODE, 1), "OK");
    for (int i = 0; i < 4; i++) {
        cluster_slot_view(toy->nodes[i].core, 0, &view);
        ck_assert_int_eq(view.state, SLOT_STABLE);
        ck_assert(!toy_status(toy, i).import_or_migration_open);
    }
    toy_destroy(toy);
}
END_TEST

START_TEST(open_slots_survive_a_restart)
{
    struct toy *toy = formed(2, 2, 5);
    set_slot(toy, 1, 7, SET_SLOT_IMPORTING, 0);
    set_slot(toy, 1, 3, SET_SLOT_IMPORTING, 0);
    toy_run(toy, 10);
    toy_crash(toy, 1);
    toy_restart(toy, 1);
    struct slot_view view;
    cluster_slot_view(toy->nodes[1].core, 3, &view);
    ck_assert_int_eq(view.state, SLOT_IMPORTING);
    cluster_slot_view(toy->nodes[1].core, 4, &view);
    ck_assert_int_eq(view.state, SLOT_STABLE);
    ck_assert_str_eq(set_slot(toy, 1, 3, SET_SLOT_STABLE, -1), "OK");
    cluster_slot_view(toy->nodes[1].core, 3, &view);
    ck_assert_int_eq(view.state, SLOT_STABLE);
    cluster_slot_view(toy->nodes[1].core, 7, &view);
    ck_assert_int_eq(view.state, SLOT_IMPORTING);
    toy_destroy(toy);
}
END_TEST

START_TEST(setslot_refuses_in_the_words_of_valkey)
{
    struct toy *toy = formed(3, 2, 6);
    struct cluster_order order = { .type = ORDER_SET_SLOT,
                                   .slot = 0,
                                   .set_slot = SET_SLOT_MIGRATING };
    char expected[160];
    memset(order.id.hex, '0', NODE_ID_SIZE);
    snprintf(expected, sizeof(expected), "ERR I don't know about node %.40s", order.id.hex);
    ck_assert_str_eq(toy_do(toy, 0, order), expected);
    order.set_slot = SET_SLOT_NODE;
    snprintf(expected, sizeof(expected), "ERR Unknown node %.40s", order.id.hex);
    ck_assert_str_eq(toy_do(toy, 0, order), expected);

    ck_assert_str_eq(set_slot(toy, 1, 0, SET_SLOT_MIGRATING, 0),
                     "ERR I'm not the owner of hash slot 0");
    ck_assert_str_eq(set_slot(toy, 0, 0, SET_SLOT_IMPORTING, 1),
                     "ERR I'm already the owner of hash slot 0");
    ck_assert_str_eq(set_slot(toy, 0, 0, SET_SLOT_MIGRATING, 0), "ERR Target node is myself");
    ck_assert_str_eq(set_slot(toy, 0, 0, SET_SLOT_MIGRATING, 2), "ERR Target node is not a master");
    ck_assert_str_eq(set_slot(toy, 2, 0, SET_SLOT_STABLE, -1),
                     "ERR Please use SETSLOT only with masters.");
    ck_assert_str_eq(set_slot(toy, 0, SLOT_COUNT, SET_SLOT_STABLE, -1),
                     "ERR Invalid or out of range slot");
    order = (struct cluster_order){ .type = ORDER_SET_SLOT,
                                    .slot = 0,
                                    .set_slot = SET_SLOT_NODE,
                                    .slot_has_keys = true,
                                    .id = toy_id(toy, 1) };
    ck_assert_str_eq(toy_do(toy, 0, order),
                     "ERR Can't assign hashslot 0 to a different node while I still hold keys for "
                     "this hash slot.");
    toy_destroy(toy);
}
END_TEST

START_TEST(a_primary_that_gives_its_last_slot_away_follows_the_new_owner)
{
    struct toy *toy = toy_create(3, 7);
    for (int i = 1; i < 3; i++) toy_meet(toy, 0, i);
    toy_add_slots(toy, 0, 0, 16382);
    toy_add_slots(toy, 1, 16383, 16383);
    toy_run(toy, 4000);
    ck_assert_str_eq(set_slot(toy, 0, 16383, SET_SLOT_NODE, 0), "OK");
    toy_run(toy, 100);
    ck_assert(is_replica_of(toy, 0, 1, 0));
    ck_assert(is_replica_of(toy, 1, 1, 0));
    ck_assert_uint_eq(toy->nodes[1].follows, 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(without_replica_migration_it_stays_an_empty_primary)
{
    struct toy *toy = toy_create(3, 8);
    toy->nodes[1].options.allow_replica_migration = false;
    cluster_configure(toy->nodes[1].core, &toy->nodes[1].options);
    for (int i = 1; i < 3; i++) toy_meet(toy, 0, i);
    toy_add_slots(toy, 0, 0, 16382);
    toy_add_slots(toy, 1, 16383, 16383);
    toy_run(toy, 4000);
    set_slot(toy, 0, 16383, SET_SLOT_NODE, 0);
    toy_run(toy, 100);
    struct cluster_peer_view view;
    ck_assert(toy_sees(toy, 1, 1, &view));
    ck_assert(view.flags & NODE_PRIMARY);
    ck_assert_uint_eq(view.slot_count, 0);
    ck_assert_uint_eq(toy->nodes[1].drops, 1);
    toy_destroy(toy);
}
END_TEST

START_TEST(slots_are_added_and_deleted_in_the_words_of_valkey)
{
    struct toy *toy = toy_create(1, 9);
    ck_assert_str_eq(toy_add_slots(toy, 0, 3, 5), "OK");
    ck_assert_str_eq(toy_add_slots(toy, 0, 4, 9), "ERR Slot 4 is already busy");
    struct slot_set slots = { { 0 } };
    slot_set_add(&slots, 5);
    struct cluster_order order = { .type = ORDER_DEL_SLOTS, .slots = &slots };
    ck_assert_str_eq(toy_do(toy, 0, order), "OK");
    ck_assert_str_eq(toy_do(toy, 0, order), "ERR Slot 5 is already unassigned");
    ck_assert_uint_eq(toy_status(toy, 0).slots_assigned, 2);
    order = (struct cluster_order){ .type = ORDER_FLUSH_SLOTS, .has_keys = true };
    ck_assert_str_eq(toy_do(toy, 0, order), "ERR DB must be empty to perform CLUSTER FLUSHSLOTS.");
    order.has_keys = false;
    ck_assert_str_eq(toy_do(toy, 0, order), "OK");
    ck_assert_uint_eq(toy_status(toy, 0).slots_assigned, 0);
    toy_destroy(toy);
}
END_TEST

START_TEST(a_slot_that_its_owner_deleted_can_be_taken_without_a_greater_epoch)
{
    struct toy *toy = formed(2, 2, 10);
    int low = toy_status(toy, 0).config_epoch < toy_status(toy, 1).config_epoch ? 0 : 1;
    int high = 1 - low;
    unsigned slot = high == 0 ? 100 : 16000;
    struct slot_set slots = { { 0 } };
    slot_set_add(&slots, slot);
    struct cluster_order del = { .type = ORDER_DEL_SLOTS, .slots = &slots };
    ck_assert_str_eq(toy_do(toy, high, del), "OK");
    ck_assert_str_eq(toy_do(toy, low, del), "OK");
    ck_assert_str_eq(toy_add_slots(toy, low, slot, slot), "OK");
    toy_run(toy, 3000);
    all_agree(toy, slot, low);
    toy_destroy(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slots");
    TCase *tcase = tcase_create("slots");
    tcase_add_test(tcase, after_a_take_over_the_old_primary_and_its_replicas_follow_the_new_one);
    tcase_add_test(tcase, a_primary_that_returns_after_a_take_over_is_told_and_follows);
    tcase_add_test(tcase, a_primary_whose_nodes_conf_is_older_than_its_slots_is_told_of_them);
    tcase_add_test(tcase, a_primary_that_gave_its_slots_up_by_order_is_not_told_of_them);
    tcase_add_test(tcase, of_two_claims_the_greater_epoch_wins_and_the_loser_drops_the_keys);
    tcase_add_test(tcase, a_slot_moves_by_setslot_step_by_step);
    tcase_add_test(tcase, open_slots_survive_a_restart);
    tcase_add_test(tcase, setslot_refuses_in_the_words_of_valkey);
    tcase_add_test(tcase, a_primary_that_gives_its_last_slot_away_follows_the_new_owner);
    tcase_add_test(tcase, without_replica_migration_it_stays_an_empty_primary);
    tcase_add_test(tcase, slots_are_added_and_deleted_in_the_words_of_valkey);
    tcase_add_test(tcase, a_slot_that_its_owner_deleted_can_be_taken_without_a_greater_epoch);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
