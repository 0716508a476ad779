/* The plan of a formation: even slots, spread hosts, the same for everybody. */
#include "cluster/plan.h"
#include "base/ensure.h"
#include "base/memory.h"
#include "base/prng.h"

#include <check.h>
#include <stdio.h>

static struct formation_member member(unsigned number, const char *host)
{
    struct formation_member result = { .has_locked = true };
    char hex[NODE_ID_SIZE + 1];
    snprintf(hex, sizeof(hex), "%040x", number);
    memcpy(result.id.hex, hex, NODE_ID_SIZE);
    snprintf(result.host, sizeof(result.host), "%s", host);
    return result;
}

START_TEST(slots_are_dealt_as_valkey_cli_deals_them)
{
    unsigned first, last;
    plan_slots(3, 0, &first, &last);
    ck_assert_uint_eq(first, 0);
    ck_assert_uint_eq(last, 5460);
    plan_slots(3, 1, &first, &last);
    ck_assert_uint_eq(first, 5461);
    ck_assert_uint_eq(last, 10922);
    plan_slots(3, 2, &first, &last);
    ck_assert_uint_eq(first, 10923);
    ck_assert_uint_eq(last, 16383);
}
END_TEST

START_TEST(slots_are_even_and_without_gaps_for_any_number_of_shards)
{
    for (uint32_t shards = 1; shards <= 2000; shards += shards < 40 ? 1 : 37) {
        unsigned next = 0;
        for (uint32_t shard = 0; shard < shards; shard++) {
            unsigned first, last;
            plan_slots(shards, shard, &first, &last);
            ck_assert_uint_eq(first, next);
            unsigned count = last - first + 1;
            ck_assert_uint_ge(count, SLOT_COUNT / shards);
            ck_assert_uint_le(count, SLOT_COUNT / shards + 1);
            next = last + 1;
        }
        ck_assert_uint_eq(next, SLOT_COUNT);
    }
}
END_TEST

/* Pairs of nodes of one shard on one host. */
static unsigned clashes(const struct formation_member *members, const struct plan_place *places,
                        uint32_t count)
{
    unsigned pairs = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = i + 1; j < count; j++)
            if (places[i].shard == places[j].shard && !strcmp(members[i].host, members[j].host))
                pairs++;
    return pairs;
}

START_TEST(every_shard_gets_one_primary_and_its_replicas)
{
    struct plan_shape shape = { .shards = 5, .replicas_per_shard = 2 };
    struct formation_member members[15];
    struct plan_place places[15];
    for (unsigned i = 0; i < 15; i++) members[i] = member(i, "h");
    plan_make(&shape, members, places);
    unsigned primaries[5] = { 0 }, nodes[5] = { 0 };
    for (unsigned i = 0; i < 15; i++) {
        ck_assert_uint_lt(places[i].shard, 5);
        nodes[places[i].shard]++;
        if (places[i].is_primary) primaries[places[i].shard]++;
    }
    for (unsigned i = 0; i < 5; i++) {
        ck_assert_uint_eq(primaries[i], 1);
        ck_assert_uint_eq(nodes[i], 3);
    }
}
END_TEST

START_TEST(a_shard_never_shares_a_host_where_the_hosts_allow_it)
{
    struct prng prng;
    prng_init(&prng, 1);
    for (int round = 0; round < 300; round++) {
        uint32_t hosts = 2 + (uint32_t)prng_below(&prng, 5);
        uint32_t replicas = 1 + (uint32_t)prng_below(&prng, MIN(hosts - 1, 2));
        /* Equal numbers on each host: a perfect spread exists. */
        uint32_t shards = hosts * (1 + (uint32_t)prng_below(&prng, 3));
        struct plan_shape shape = { .shards = shards, .replicas_per_shard = replicas };
        uint32_t count = plan_size(&shape);
        struct formation_member members[128];
        struct plan_place places[128];
        ck_assert_uint_le(count, 128);
        uint32_t order[128];
        for (uint32_t i = 0; i < count; i++) order[i] = i % hosts;
        for (uint32_t i = count - 1; i > 0; i--) {
            uint32_t other = (uint32_t)prng_below(&prng, i + 1);
            uint32_t kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
        for (uint32_t i = 0; i < count; i++) {
            char host[16];
            snprintf(host, sizeof(host), "10.0.0.%u", order[i]);
            members[i] = member(i, host);
        }
        plan_make(&shape, members, places);
        ck_assert_uint_eq(clashes(members, places, count), 0);
        unsigned primaries[8] = { 0 };
        for (uint32_t i = 0; i < count; i++)
            if (places[i].is_primary) primaries[order[i]]++;
        for (uint32_t i = 0; i < hosts; i++) ck_assert_uint_eq(primaries[i], shards / hosts);
    }
}
END_TEST

START_TEST(numbers_tell_sets_apart)
{
    struct plan_shape shape = { .shards = 1, .replicas_per_shard = 1 };
    struct plan_shape named = { .name = "x", .shards = 1, .replicas_per_shard = 1 };
    struct plan_shape other = { .shards = 2, .replicas_per_shard = 0 };
    struct formation_member members[3] = { member(1, "a"), member(2, "b"), member(3, "c") };
    uint64_t number = plan_number(&shape, 0, members);
    ck_assert_uint_ne(number, plan_number(&shape, 0, members + 1));
    ck_assert_uint_ne(number, plan_number(&shape, 1, members));
    ck_assert_uint_ne(number, plan_number(&named, 0, members));
    ck_assert_uint_ne(number, plan_number(&other, 0, members));
    members[0].host[0] = 'z'; /* the host is part of the plan, not of the name */
    ck_assert_uint_eq(number, plan_number(&shape, 0, members));
}
END_TEST

START_TEST(shapes_that_ask_for_too_much_have_no_size)
{
    struct plan_shape shape = { .shards = 20000 };
    ck_assert_uint_eq(plan_size(&shape), 0);
    shape = (struct plan_shape){ .shards = 4096, .replicas_per_shard = UINT32_MAX };
    ck_assert_uint_eq(plan_size(&shape), 0);
    shape = (struct plan_shape){ .replicas_per_shard = 1 };
    ck_assert_uint_eq(plan_size(&shape), 0);
    shape = (struct plan_shape){ .shards = 3, .replicas_per_shard = 1 };
    ck_assert_uint_eq(plan_size(&shape), 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");
    tcase_add_test(tests, slots_are_dealt_as_valkey_cli_deals_them);
    tcase_add_test(tests, slots_are_even_and_without_gaps_for_any_number_of_shards);
    tcase_add_test(tests, every_shard_gets_one_primary_and_its_replicas);
    tcase_add_test(tests, a_shard_never_shares_a_host_where_the_hosts_allow_it);
    tcase_add_test(tests, numbers_tell_sets_apart);
    tcase_add_test(tests, shapes_that_ask_for_too_much_have_no_size);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
