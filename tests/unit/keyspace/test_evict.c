/* Eviction: each policy takes the keys it names, and only those; samples find nearly the best. */
#include "keyspace/evict.h"

#include "base/memory.h"
#include "lib/expect.h"
#include <stdio.h>
#include <stdlib.h>

#define KEYS 4000

static struct keyspace *keyspace;
static struct changes changes;
static struct access access;
static size_t memory_before;

static void set_up_with(bool is_clustered)
{
    memory_before = memory_used();
    keyspace = keyspace_create(&(struct keyspace_options){
        .database_count = 3, .is_clustered = is_clustered, .hash_key = { { 3, 4 } }, .seed = 5 });
    changes_init(&changes);
    access = (struct access){ .wall_ms = 100000000, .may_expire = true, .changes = &changes };
}

static void set_up(void)
{
    set_up_with(false);
}

static void set_up_clustered(void)
{
    set_up_with(true);
}

static void tear_down(void)
{
    keyspace_destroy(keyspace);
    changes_fini(&changes);
    ck_assert_uint_eq(memory_used(), memory_before);
}

static struct key key_at(uint32_t db, size_t index, char name[32])
{
    snprintf(name, 32, "key:%zu", index);
    return keyspace_key(keyspace, db, bytes_text(name));
}

static void put(uint32_t db, size_t index, time_ms expiry_ms)
{
    char name[32];
    struct key key = key_at(db, index, name);
    keyspace_put_string(keyspace, &access, &key, BYTES("value"),
                        &(struct put){ .expiry_ms = expiry_ms });
}

static bool is_there(uint32_t db, size_t index)
{
    char name[32];
    struct key key = key_at(db, index, name);
    return keyspace_peek(keyspace, &access, &key) != NULL;
}

static void touch(size_t index)
{
    char name[32];
    struct key key = key_at(0, index, name);
    ck_assert_ptr_nonnull(keyspace_find_for_read(keyspace, &access, &key));
}

static void evict(const struct evict_policy *policy, size_t count)
{
    for (size_t i = 0; i < count; i++) ck_assert(keyspace_evict(keyspace, &access, policy));
}

/* How many of the keys from `from` to before `to` are gone. */
static size_t gone(size_t from, size_t to)
{
    size_t count = 0;
    for (size_t i = from; i < to; i++) count += !is_there(0, i);
    return count;
}

START_TEST(the_keys_that_nobody_touched_go_first)
{
    for (size_t i = 0; i < KEYS; i++) put(0, i, 0);
    access.wall_ms += 500000;
    for (size_t i = 0; i < KEYS / 2; i++) touch(i);
    access.wall_ms += 1000;
    evict(&(struct evict_policy){ .order = EVICT_IDLE, .samples = 5 }, KEYS / 4);
    ck_assert_uint_eq(gone(0, KEYS), KEYS / 4);
    ck_assert_uint_le(gone(0, KEYS / 2), KEYS / 100);
    struct keyspace_stats stats;
    keyspace_stats_read(keyspace, &stats);
    ck_assert_uint_eq(stats.evicted, KEYS / 4);
    ck_assert_uint_eq(changes.count, KEYS / 4);
    ck_assert_int_eq(changes.items[0].kind, CHANGE_EVICTED);
}
END_TEST

START_TEST(the_keys_that_are_seldom_touched_go_first)
{
    keyspace_set_clock(keyspace, KEYSPACE_CLOCK_LFU, 10, 1);
    for (size_t i = 0; i < KEYS; i++) put(0, i, 0);
    for (int round = 0; round < 40; round++)
        for (size_t i = 0; i < KEYS / 2; i++) touch(i);
    evict(&(struct evict_policy){ .order = EVICT_RARE, .samples = 5 }, KEYS / 4);
    ck_assert_uint_le(gone(0, KEYS / 2), KEYS / 100);
}
END_TEST

START_TEST(a_candidate_that_was_used_since_stays)
{
    for (size_t i = 0; i < 20; i++) put(0, i, 0);
    access.wall_ms += 500000;
    const struct evict_policy policy = { .order = EVICT_IDLE, .samples = 20 };
    evict(&policy, 1); /* the others wait in the pool now */
    for (size_t i = 0; i < 20; i++)
        if (is_there(0, i) && i != 7 && i != 8) touch(i);
    access.wall_ms += 1000;
    size_t left = (size_t)is_there(0, 7) + is_there(0, 8);
    evict(&policy, left);
    ck_assert(!is_there(0, 7));
    ck_assert(!is_there(0, 8));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 19 - left);
}
END_TEST

START_TEST(what_ends_first_goes_first_exactly)
{
    for (size_t i = 0; i < KEYS; i++) {
        time_ms expiry_ms = access.wall_ms + 1000 + (time_ms)(i * 7919 % KEYS) * 10;
        put(0, i, i % 4 == 0 ? 0 : expiry_ms);
    }
    const struct evict_policy policy = { .order = EVICT_SOON, .is_volatile_only = true };
    for (size_t place = 0; place < KEYS; place++) {
        size_t index = 0;
        while (index * 7919 % KEYS != place) index++;
        if (index % 4 == 0) continue;
        ck_assert(is_there(0, index));
        evict(&policy, 1);
        ck_assert(!is_there(0, index));
    }
    ck_assert(!keyspace_evict(keyspace, &access, &policy));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), KEYS / 4);
}
END_TEST

/* One key in `rarity` ends; all of those go, in any database, and nothing else. */
static void check_volatile(enum evict_order order, size_t rarity)
{
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++) {
        bool ends = i % rarity == 0;
        put((uint32_t)(i % 3), i, ends ? access.wall_ms + 1000000 : 0);
        count += ends;
    }
    /* These end no more: the index of expiry does not know it yet. */
    for (size_t i = 0; i < KEYS; i += 2 * rarity) {
        char name[32];
        struct key key = key_at((uint32_t)(i % 3), i, name);
        keyspace_set_expiry(keyspace, &access, &key, EXPIRY_NONE);
        count--;
    }
    const struct evict_policy policy = { .order = order, .is_volatile_only = true, .samples = 5 };
    evict(&policy, count);
    ck_assert(!keyspace_evict(keyspace, &access, &policy));
    for (size_t i = 0; i < KEYS; i++)
        ck_assert_int_eq(is_there((uint32_t)(i % 3), i), i % rarity != 0 || i % (2 * rarity) == 0);
}

START_TEST(only_keys_that_end_go_where_the_policy_says_so)
{
    static const enum evict_order orders[] = { EVICT_IDLE, EVICT_SOON, EVICT_ANY };
    static const size_t rarities[] = { 2, 40, 1000 };
    check_volatile(orders[_i % 3], rarities[_i / 3]);
}
END_TEST

START_TEST(any_key_of_any_database_may_go_until_none_is_left)
{
    for (size_t i = 0; i < KEYS; i++) put((uint32_t)(i % 3), i, i % 5 ? 0 : access.wall_ms + 50);
    access.wall_ms += 100; /* some have expired, and still make room */
    size_t count =
        keyspace_count(keyspace, 0) + keyspace_count(keyspace, 1) + keyspace_count(keyspace, 2);
    ck_assert_uint_eq(count, KEYS);
    const struct evict_policy policy = { .order = _i == 0 ? EVICT_ANY : EVICT_IDLE, .samples = 3 };
    evict(&policy, KEYS);
    ck_assert(!keyspace_evict(keyspace, &access, &policy));
    ck_assert(keyspace_is_empty(keyspace));
}
END_TEST

static TCase *with_tests(TCase *tests)
{
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, the_keys_that_nobody_touched_go_first);
    tcase_add_test(tests, the_keys_that_are_seldom_touched_go_first);
    tcase_add_test(tests, a_candidate_that_was_used_since_stays);
    tcase_add_test(tests, what_ends_first_goes_first_exactly);
    tcase_add_loop_test(tests, only_keys_that_end_go_where_the_policy_says_so, 0, 9);
    tcase_add_loop_test(tests, any_key_of_any_database_may_go_until_none_is_left, 0, 2);
    return tests;
}

int main(void)
{
    TCase *plain = tcase_create("plain");
    tcase_add_checked_fixture(plain, set_up, tear_down);
    TCase *clustered = tcase_create("clustered");
    tcase_add_checked_fixture(clustered, set_up_clustered, tear_down);
    Suite *suite = suite_create("keyspace/evict");
    suite_add_tcase(suite, with_tests(plain));
    suite_add_tcase(suite, with_tests(clustered));
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
