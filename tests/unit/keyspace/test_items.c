/* Hashes with fields that end, in the keyspace: whatever is done to their keys, the index finds
 * what is due, tells it, and nothing else. */
#include "base/digest.h"
#include "base/memory.h"
#include "keyspace/keyspace.h"
#include "lib/suite.h"
#include "types/hash.h"
#include <stdio.h>

#define NAMES     60
#define FIELDS    8
#define DATABASES 2
#define START_MS  1000000

static struct keyspace *keyspace;
static struct changes changes;
static struct access access;
static struct prng prng;

static void set_up(bool is_clustered)
{
    keyspace = keyspace_create(&(struct keyspace_options){
        .database_count = DATABASES,
        .is_clustered = is_clustered,
        .hash_key = { { 3, 4 } },
        .seed = 5,
        .values = { .hash_max_listpack_entries = 4, .hash_max_listpack_value = 64 } });
    changes_init(&changes);
    access = (struct access){ .wall_ms = START_MS, .may_expire = true, .changes = &changes };
    prng_init(&prng, 11);
}

static void tear_down(void)
{
    keyspace_destroy(keyspace);
    changes_fini(&changes);
}

static struct key random_key(void)
{
    static char room[2][16];
    static unsigned turn;
    char *name = room[turn++ % 2];
    snprintf(name, sizeof(room[0]), "{t%u}h%u", (unsigned)prng_below(&prng, 5),
             (unsigned)prng_below(&prng, NAMES));
    return keyspace_key(keyspace, (uint32_t)prng_below(&prng, DATABASES), bytes_text(name));
}

static time_ms random_expiry(void)
{
    if (prng_chance(&prng, 1, 3)) return HASH_EXPIRY_NONE;
    return access.wall_ms + prng_between(&prng, 1, 60);
}

static void put_random_fields(struct hash **hash)
{
    const struct value_rules *rules = keyspace_value_rules(keyspace);
    uint64_t count = 1 + prng_below(&prng, 3);
    for (uint64_t i = 0; i < count; i++) {
        char name[16];
        int size = snprintf(name, sizeof(name), "f%u", (unsigned)prng_below(&prng, FIELDS));
        hash_put(hash, rules, bytes_of(name, (size_t)size), BYTES("v"), access.wall_ms,
                 random_expiry());
    }
}

static void edit(const struct key *key)
{
    struct entry *entry = keyspace_find_for_write(keyspace, &access, key);
    if (entry == NULL || entry_type(entry) != VALUE_HASH) {
        struct hash *hash = hash_create();
        put_random_fields(&hash);
        keyspace_put_value(keyspace, &access, key, VALUE_HASH, hash, PUT_PLAIN);
        return;
    }
    struct hash *hash = entry_value(entry);
    put_random_fields(&hash);
    if (prng_chance(&prng, 1, 3)) hash_remove(&hash, BYTES("f1"), access.wall_ms);
    entry_value_set(entry, hash);
    keyspace_modified(keyspace, &access, key);
    keyspace_items_changed(keyspace, key, entry);
    if (hash_count(hash) == 0) keyspace_delete(keyspace, &access, key);
}

static void change_something(void)
{
    struct key key = random_key(), other = random_key();
    switch (prng_below(&prng, 14)) {
    case 0: keyspace_delete(keyspace, &access, &key); break;
    case 1: keyspace_rename(keyspace, &access, &key, &other); break;
    case 2: keyspace_copy(keyspace, &access, &key, &other); break;
    case 3: keyspace_put_string(keyspace, &access, &key, BYTES("text"), PUT_PLAIN); break;
    case 4: keyspace_set_expiry(keyspace, &access, &key, access.wall_ms + 30); break;
    case 5: keyspace_set_expiry(keyspace, &access, &key, EXPIRY_NONE); break;
    case 6:
        if (prng_chance(&prng, 1, 10)) keyspace_flush(keyspace, &access, key.db);
        break;
    case 7:
        if (keyspace_is_clustered(keyspace) && prng_chance(&prng, 1, 5))
            keyspace_drop_slot(keyspace, &access, key.db, key.slot);
        break;
    case 8:
        if (!keyspace_is_clustered(keyspace) && prng_chance(&prng, 1, 5))
            keyspace_swap(keyspace, &access, 0, 1);
        break;
    default: edit(&key);
    }
}

/* What walking over all keys finds. */
static void expect_figures(void)
{
    size_t counts[DATABASES] = { 0 };
    time_ms first_ms = TIME_NEVER;
    struct keyspace_walk walk;
    const struct entry *entry;
    keyspace_walk_init(&walk);
    while ((entry = keyspace_walk_next(keyspace, &walk)) != NULL) {
        if (entry_expiry_ms(entry) != EXPIRY_NONE) first_ms = MIN(first_ms, entry_expiry_ms(entry));
        if (entry_type(entry) != VALUE_HASH) continue;
        const struct hash *hash = entry_value(entry);
        struct hash_walk fields = { 0 };
        struct hash_item item;
        counts[walk.db] += hash_volatile_count(hash) > 0;
        while (hash_walk_next(hash, &fields, HASH_SEES_ALL, &item))
            if (item.expiry_ms != HASH_EXPIRY_NONE) first_ms = MIN(first_ms, item.expiry_ms);
    }
    for (uint32_t db = 0; db < DATABASES; db++) {
        struct keyspace_database_stats stats;
        keyspace_database_stats_read(keyspace, db, access.wall_ms, &stats);
        ck_assert_uint_eq(stats.keys_with_items, counts[db]);
    }
    if (first_ms != TIME_NEVER) ck_assert_int_le(keyspace_next_expiry_ms(keyspace), first_ms + 1);
}

static void expect_nothing_is_over(void)
{
    struct keyspace_walk walk;
    const struct entry *entry;
    keyspace_walk_init(&walk);
    while ((entry = keyspace_walk_next(keyspace, &walk)) != NULL) {
        if (entry_type(entry) != VALUE_HASH) continue;
        const struct hash *hash = entry_value(entry);
        ck_assert_uint_gt(hash_count(hash), 0);
        ck_assert_uint_eq(hash_live_count(hash, access.wall_ms), hash_count(hash));
    }
}

START_TEST(the_index_follows_whatever_happens_to_the_keys)
{
    size_t memory_before = memory_used();
    set_up(_i != 0);
    for (unsigned i = 0; i < 6000; i++) {
        change_something();
        if (i % 10 == 0) access.wall_ms++;
        if (i % 100 != 0) continue;
        expect_figures();
        while (keyspace_next_expiry_ms(keyspace) <= access.wall_ms)
            keyspace_expire_due(keyspace, &access, 5);
        expect_nothing_is_over();
        expect_figures();
        changes_clear(&changes);
        garbage_destroy(keyspace_garbage_take(keyspace));
    }
    struct keyspace_stats stats;
    keyspace_stats_read(keyspace, &stats);
    ck_assert_uint_gt(stats.expired_fields, 500);
    tear_down();
    ck_assert_uint_eq(memory_used(), memory_before);
}
END_TEST

static struct entry *put_hash(const char *name, time_ms first_ms, time_ms second_ms)
{
    const struct value_rules *rules = keyspace_value_rules(keyspace);
    struct key key = keyspace_key(keyspace, 0, bytes_text(name));
    struct hash *hash = hash_create();
    hash_put(&hash, rules, BYTES("a"), BYTES("1"), 0, first_ms);
    hash_put(&hash, rules, BYTES("b"), BYTES("2"), 0, second_ms);
    return keyspace_put_value(keyspace, &access, &key, VALUE_HASH, hash, PUT_PLAIN);
}

static void expect_change(size_t index, enum change_kind kind, const char *text)
{
    ck_assert_uint_lt(index, changes.count);
    const struct change *change = &changes.items[index];
    ck_assert_int_eq(change->kind, kind);
    ck_assert(bytes_equal(changes_key(&changes, change), bytes_text(text)));
}

START_TEST(fields_are_told_behind_their_key_and_the_end_of_the_key_last)
{
    set_up(_i != 0);
    put_hash("h", START_MS + 10, START_MS + 20);
    ck_assert_int_eq(keyspace_next_expiry_ms(keyspace), START_MS + 11);
    changes_clear(&changes);
    access.wall_ms = START_MS + 10; /* a field lives through its last millisecond */
    ck_assert_uint_eq(keyspace_expire_due(keyspace, &access, 100), 0);
    access.wall_ms = START_MS + 11;
    ck_assert_uint_eq(keyspace_expire_due(keyspace, &access, 100), 1);
    ck_assert_uint_eq(changes.count, 2);
    expect_change(0, CHANGE_FIELDS, "h");
    expect_change(1, CHANGE_FIELD, "a");
    changes_clear(&changes);
    access.wall_ms = START_MS + 30;
    ck_assert_uint_eq(keyspace_expire_due(keyspace, &access, 100), 1);
    ck_assert_uint_eq(changes.count, 3);
    expect_change(1, CHANGE_FIELD, "b");
    expect_change(2, CHANGE_EMPTIED, "h");
    ck_assert(keyspace_is_empty(keyspace));
    ck_assert_int_eq(keyspace_next_expiry_ms(keyspace), TIME_NEVER);
    tear_down();
}
END_TEST

START_TEST(the_budget_of_the_cycle_holds_for_fields)
{
    set_up(false);
    const struct value_rules *rules = keyspace_value_rules(keyspace);
    struct key key = keyspace_key(keyspace, 0, BYTES("h"));
    struct hash *hash = hash_create();
    for (int i = 0; i < 10000; i++) {
        char room[NUMBER_TEXT_MAX];
        hash_put(&hash, rules, bytes_of(room, number_print(i, room)), BYTES("v"), 0, START_MS + 1);
    }
    keyspace_put_value(keyspace, &access, &key, VALUE_HASH, hash, PUT_PLAIN);
    access.wall_ms = START_MS + 2;
    unsigned turns = 0;
    for (; keyspace_next_expiry_ms(keyspace) <= access.wall_ms; turns++) {
        size_t count = keyspace_expire_due(keyspace, &access, 100);
        ck_assert_uint_le(count, 200); /* a group of buckets more */
    }
    ck_assert_uint_ge(turns, 50);
    ck_assert(keyspace_is_empty(keyspace));
    tear_down();
}
END_TEST

START_TEST(fields_that_end_do_not_make_a_key_volatile)
{
    set_up(_i != 0);
    put_hash("h", START_MS + 10, HASH_EXPIRY_NONE);
    struct keyspace_database_stats stats;
    keyspace_database_stats_read(keyspace, 0, access.wall_ms, &stats);
    ck_assert_uint_eq(stats.volatile_keys, 0);
    ck_assert_uint_eq(stats.keys_with_items, 1);
    tear_down();
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("items");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, the_index_follows_whatever_happens_to_the_keys, 0, 2);
    tcase_add_loop_test(tcase, fields_are_told_behind_their_key_and_the_end_of_the_key_last, 0, 2);
    tcase_add_test(tcase, the_budget_of_the_cycle_holds_for_fields);
    tcase_add_loop_test(tcase, fields_that_end_do_not_make_a_key_volatile, 0, 2);
    return suite_run("keyspace/items", tcase);
}
