/* Formation over links: seeds, discovery, the plan carried out, late comers, restarts. */
#include "unit/cluster/toy_net.h"

#include <check.h>

static struct cluster_seed seed_of(int index)
{
    struct cluster_seed seed = { .host = "localhost", .port = (uint16_t)(7000 + index) };
    return seed;
}

/* Creates `count` nodes of this shape whose seeds are the first two; those from `started` on are
 * not running yet. */
static struct toy *shaped(int count, int started, unsigned shards, unsigned replicas, uint64_t seed)
{
    struct cluster_seed seeds[2] = { seed_of(0), seed_of(1) };
    struct toy *toy = toy_create(count, seed);
    for (int i = 0; i < count; i++) {
        struct toy_node *node = &toy->nodes[i];
        node->options.shards = shards;
        node->options.replicas_per_shard = replicas;
        node->options.seeds = memory_alloc(sizeof(seeds)); /* kept until toy_end */
        memcpy((void *)node->options.seeds, seeds, sizeof(seeds));
        node->options.seed_count = 2;
        cluster_destroy(node->core);
        node->core = NULL;
        if (i < started) toy_restart(toy, i);
    }
    return toy;
}

static void toy_end(struct toy *toy)
{
    for (int i = 0; i < toy->node_count; i++) memory_free((void *)toy->nodes[i].options.seeds);
    toy_destroy(toy);
}

static unsigned count_serving_primaries(struct toy *toy)
{
    unsigned count = 0;
    for (int i = 0; i < toy->node_count; i++) {
        if (toy->nodes[i].core == NULL) continue;
        struct cluster_status status = toy_status(toy, i);
        struct cluster_peer_view me;
        cluster_peer_view(toy->nodes[i].core, 0, &me);
        if (status.serves && status.is_primary && me.slot_count > 0) count++;
    }
    return count;
}

START_TEST(six_fresh_nodes_form_three_shards_within_a_second)
{
    struct toy *toy = shaped(6, 6, 3, 1, 1);
    time_ms start_ms = toy->now_ms;
    while (count_serving_primaries(toy) < 3 && toy->now_ms < start_ms + 5000) toy_run(toy, 10);
    ck_assert_int_le(toy->now_ms - start_ms, 1000);
    toy_run(toy, 3000);
    uint64_t id = toy_status(toy, 0).cluster_id;
    ck_assert_uint_ne(id, 0);
    for (int i = 0; i < 6; i++) {
        struct cluster_status status = toy_status(toy, i);
        ck_assert_uint_eq(status.cluster_id, id);
        ck_assert(status.is_ok);
        ck_assert(status.serves);
        ck_assert_uint_eq(status.current_epoch, 3);
        ck_assert_uint_eq(status.slots_assigned, SLOT_COUNT);
        ck_assert_uint_eq(status.size, 3);
    }
    ck_assert_uint_eq(count_serving_primaries(toy), 3);
    toy_end(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formation");
    TCase *tests = tcase_create("formation");
    tcase_add_test(tests, six_fresh_nodes_form_three_shards_within_a_second);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
