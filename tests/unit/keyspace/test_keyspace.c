/* The keyspace against a plain array: look-ups, strings, expiry, scanning, watching, slots. */
#include "keyspace/keyspace.h"

#include "base/digest.h"
#include "base/memory.h"
#include "base/slabs.h"
#include "keyspace/defrag.h"
#include "lib/expect.h"
#include <stdio.h>
#include <stdlib.h>

#define DATABASES 2
#define NAMES     300

static struct keyspace *keyspace;
static struct changes changes;
static struct access access;
static struct prng prng;
static size_t memory_before;

static struct keyspace *make(bool is_clustered)
{
    return keyspace_create(&(struct keyspace_options){ .database_count = DATABASES,
                                                       .is_clustered = is_clustered,
                                                       .hash_key = { { 3, 4 } },
                                                       .seed = 5 });
}

static void set_up_with(bool is_clustered)
{
    memory_before = memory_used();
    keyspace = make(is_clustered);
    changes_init(&changes);
    access = (struct access){ .wall_ms = 1000000, .may_expire = true, .changes = &changes };
    prng_init(&prng, 11);
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

static struct key key_of(uint32_t db, const char *name)
{
    return keyspace_key(keyspace, db, bytes_text(name));
}

static void put(const char *name, const char *text)
{
    struct key key = key_of(0, name);
    keyspace_put_string(keyspace, &access, &key, bytes_text(text), PUT_PLAIN);
}

static void put_until(const char *name, const char *text, time_ms expiry_ms)
{
    struct key key = key_of(0, name);
    keyspace_put_string(keyspace, &access, &key, bytes_text(text),
                        &(struct put){ .expiry_ms = expiry_ms });
}

static bool holds(const char *name, const char *text)
{
    struct key key = key_of(0, name);
    struct scratch scratch;
    struct entry *entry = keyspace_peek(keyspace, &access, &key);
    if (entry == NULL || text == NULL) return entry == NULL && text == NULL;
    return bytes_equal(entry_string(entry, &scratch), bytes_text(text));
}

static const char *encoding(const char *name)
{
    struct key key = key_of(0, name);
    return entry_encoding(keyspace_peek(keyspace, &access, &key));
}

/* ---- The model ---- */

struct model_key {
    bool exists;
    bool is_integer;
    time_ms expiry_ms;
    struct buffer text;
};

static struct model_key model[DATABASES][NAMES];

static void model_delete(struct model_key *one)
{
    buffer_clear(&one->text);
    one->exists = false;
    one->expiry_ms = EXPIRY_NONE;
}

/* Short names, long ones, and one with a tag. */
static struct bytes name_at(size_t index, char *text)
{
    static char fill[400];
    memset(fill, 'n', sizeof(fill));
    int size = snprintf(text, 500, index % 7 == 0 ? "{tag}%zu" : "key:%zu", index);
    if (index % 10 != 3) return bytes_of(text, (size_t)size);
    size_t longer = index % 20 == 3 ? 60 : 380;
    memcpy(text + size, fill, longer);
    return bytes_of(text, (size_t)size + longer);
}

static struct bytes random_text(char *text, size_t size_max)
{
    size_t size = (size_t)prng_below(&prng, size_max);
    for (size_t i = 0; i < size; i++) text[i] = (char)prng_next(&prng);
    if (prng_chance(&prng, 1, 4)) size = number_print((int64_t)prng_next(&prng) >> 20, text);
    return bytes_of(text, size);
}

static void model_forget_expired(void)
{
    for (size_t db = 0; db < DATABASES; db++)
        for (size_t i = 0; i < NAMES; i++) {
            struct model_key *one = &model[db][i];
            if (one->exists && one->expiry_ms != EXPIRY_NONE && access.wall_ms > one->expiry_ms)
                model_delete(one);
        }
}

static void check_key(const struct key *key, const struct model_key *one)
{
    struct entry *entry = keyspace_find_for_read(keyspace, &access, key);
    expect((entry != NULL) == one->exists);
    if (entry == NULL) return;
    struct scratch scratch;
    expect(bytes_equal(entry_string(entry, &scratch), buffer_bytes(&one->text)));
    expect(bytes_equal(entry_key(entry), key->bytes));
    expect(entry_expiry_ms(entry) == one->expiry_ms);
    expect(entry_type(entry) == VALUE_STRING);
    expect(entry_string_size(entry) == one->text.size);
}

static void do_put(const struct key *key, struct model_key *one)
{
    static char space[20000];
    struct bytes text = random_text(space, prng_chance(&prng, 1, 9) ? sizeof(space) : 300);
    struct put put = { .expiry_ms = EXPIRY_NONE, .keeps_expiry = prng_chance(&prng, 1, 3) };
    if (prng_chance(&prng, 1, 3)) put.expiry_ms = access.wall_ms + prng_between(&prng, 0, 5000);
    put.keeps_text = prng_chance(&prng, 1, 5);
    keyspace_put_string(keyspace, &access, key, text, &put);
    if (!put.keeps_expiry) one->expiry_ms = put.expiry_ms;
    one->exists = true;
    buffer_clear(&one->text);
    buffer_append(&one->text, text);
}

static void do_edit(const struct key *key, struct model_key *one)
{
    char space[600];
    if (prng_chance(&prng, 1, 2)) {
        struct bytes more = random_text(space, sizeof(space));
        one->exists = true;
        buffer_append(&one->text, more);
        expect(keyspace_append(keyspace, &access, key, more) == one->text.size);
        return;
    }
    size_t size = 1 + (size_t)prng_below(&prng, prng_chance(&prng, 1, 8) ? 9000 : 300);
    char *text = keyspace_open_string(keyspace, &access, key, size);
    text[size - 1] = 'e';
    one->exists = true;
    while (one->text.size < size) buffer_append_byte(&one->text, '\0');
    one->text.data[size - 1] = 'e';
}

static void do_integer(const struct key *key, struct model_key *one)
{
    int64_t value = (int64_t)prng_next(&prng) >> prng_below(&prng, 60);
    struct entry *entry = keyspace_put_integer(keyspace, &access, key, value);
    int64_t read;
    expect(entry_is_integer(entry));
    expect(entry_string_integer(entry, &read) && read == value);
    one->exists = true;
    buffer_clear(&one->text);
    buffer_append_int(&one->text, value);
}

static void do_expiry(const struct key *key, struct model_key *one)
{
    time_ms expiry_ms =
        prng_chance(&prng, 1, 3) ? EXPIRY_NONE : access.wall_ms + prng_between(&prng, -5, 9000);
    struct entry *entry = keyspace_set_expiry(keyspace, &access, key, expiry_ms);
    expect((entry != NULL) == one->exists);
    if (one->exists) one->expiry_ms = expiry_ms;
    model_forget_expired();
}

static void do_move(const struct key *from, struct model_key *one, bool copies)
{
    char space[500];
    size_t index = (size_t)prng_below(&prng, NAMES);
    uint32_t db = (uint32_t)prng_below(&prng, DATABASES);
    struct model_key *other = &model[db][index];
    struct key to = keyspace_key(keyspace, db, name_at(index, space));
    bool moved = copies ? keyspace_copy(keyspace, &access, from, &to)
                        : keyspace_rename(keyspace, &access, from, &to);
    expect(moved == one->exists);
    if (!moved || other == one) return;
    model_delete(other);
    other->exists = true;
    other->expiry_ms = one->expiry_ms;
    buffer_append(&other->text, buffer_bytes(&one->text));
    if (!copies) model_delete(one);
}

/* A pass over memory, a step now and then; where one has ended another begins. */
static void defrag_some(void)
{
    static struct defrag_walk walk;
    static bool is_under_way;
    static struct defrag_counts counts;
    if (!is_under_way) {
        walk = (struct defrag_walk){ 0 };
        slabs_vacate_begin();
        is_under_way = true;
    }
    slabs_vacate_plan();
    if (keyspace_defrag_step(keyspace, &walk, 20, &counts)) return;
    while (!slabs_vacate_end()) {}
    is_under_way = false;
}

static void model_step(void)
{
    char space[500];
    size_t index = (size_t)prng_below(&prng, NAMES);
    uint32_t db = (uint32_t)prng_below(&prng, DATABASES);
    struct model_key *one = &model[db][index];
    struct key key = keyspace_key(keyspace, db, name_at(index, space));
    switch (prng_below(&prng, 12)) {
    case 0:
    case 1:
    case 2: do_put(&key, one); break;
    case 3: do_edit(&key, one); break;
    case 4: do_integer(&key, one); break;
    case 5:
    case 6: do_expiry(&key, one); break;
    case 7:
        expect(keyspace_delete(keyspace, &access, &key) == one->exists);
        model_delete(one);
        break;
    case 8: do_move(&key, one, false); break;
    case 9: do_move(&key, one, true); break;
    case 10: defrag_some(); break;
    default: check_key(&key, one); break;
    }
}

static void count_visit(void *context, const struct entry *entry)
{
    expect(entry_key(entry).size > 0);
    ++*(size_t *)context;
}

static void check_counts(void)
{
    keyspace_expire_due(keyspace, &access, 1000000);
    expect(keyspace_next_expiry_ms(keyspace) > access.wall_ms);
    for (uint32_t db = 0; db < DATABASES; db++) {
        size_t count = 0, volatile_count = 0, visited = 0, in_slots = 0;
        __int128 sum = 0;
        for (size_t i = 0; i < NAMES; i++) {
            const struct model_key *one = &model[db][i];
            count += one->exists;
            if (!one->exists || one->expiry_ms == EXPIRY_NONE) continue;
            volatile_count++;
            sum += one->expiry_ms - access.wall_ms;
        }
        struct keyspace_database_stats stats;
        keyspace_database_stats_read(keyspace, db, access.wall_ms, &stats);
        expect(stats.keys == count && keyspace_count(keyspace, db) == count);
        expect(stats.volatile_keys == volatile_count);
        if (volatile_count > 0) expect(stats.ttl_average_ms == sum / (__int128)volatile_count);
        uint64_t cursor = 0;
        do cursor = keyspace_scan(keyspace, &access, db, -1, cursor, 10, count_visit, &visited);
        while (cursor != 0);
        expect(visited == count);
        for (uint32_t slot = 0; slot < SLOT_COUNT && keyspace_is_clustered(keyspace); slot++)
            in_slots += keyspace_slot_count(keyspace, db, slot);
        if (keyspace_is_clustered(keyspace)) expect(in_slots == count);
    }
    size_t walked = 0;
    struct keyspace_walk walk;
    keyspace_walk_init(&walk);
    for (const struct entry *entry; (entry = keyspace_walk_next(keyspace, &walk)) != NULL; walked++)
        expect(!keyspace_is_clustered(keyspace) || key_slot(entry_key(entry)) == walk.slot);
    expect(walked == keyspace_count(keyspace, 0) + keyspace_count(keyspace, 1));
}

START_TEST(it_does_what_a_plain_array_does)
{
    for (size_t db = 0; db < DATABASES; db++)
        for (size_t i = 0; i < NAMES; i++) model_delete(&model[db][i]);
    for (int step = 0; step < 60000; step++) {
        model_step();
        if (step % 50 == 0) {
            access.wall_ms += prng_between(&prng, 0, 300);
            model_forget_expired();
            changes_clear(&changes);
        }
        if (step % 2000 == 0) check_counts();
    }
    for (size_t db = 0; db < DATABASES; db++)
        for (size_t i = 0; i < NAMES; i++) {
            char space[500];
            struct key key = keyspace_key(keyspace, (uint32_t)db, name_at(i, space));
            check_key(&key, &model[db][i]);
            buffer_fini(&model[db][i].text);
        }
}
END_TEST

/* ---- Encodings ---- */

START_TEST(encodings_are_those_that_valkey_reports)
{
    char long_text[114];
    memset(long_text, 'x', sizeof(long_text));
    put("k", "abc");
    ck_assert_str_eq(encoding("k"), "embstr");
    put("k", "9223372036854775807");
    ck_assert_str_eq(encoding("k"), "int");
    put("k", "9223372036854775808");
    ck_assert_str_eq(encoding("k"), "embstr");
    long_text[112] = '\0';
    put("k", long_text);
    ck_assert_str_eq(encoding("k"), "embstr");
    put_until("k", long_text, access.wall_ms + 1);
    ck_assert_str_eq(encoding("k"), "raw");
    long_text[112] = 'x';
    long_text[113] = '\0';
    put("k", long_text);
    ck_assert_str_eq(encoding("k"), "raw");
    put("k", "12");
    struct key key = key_of(0, "k");
    keyspace_append(keyspace, &access, &key, BYTES("3"));
    ck_assert_str_eq(encoding("k"), "raw");
    ck_assert(holds("k", "123"));
    struct key to = key_of(0, "to");
    keyspace_rename(keyspace, &access, &key, &to);
    ck_assert_str_eq(encoding("to"), "raw");
    keyspace_append(keyspace, &access, &key, BYTES("77"));
    ck_assert_str_eq(encoding("k"), "int");
    keyspace_delete(keyspace, &access, &key);
    memcpy(keyspace_open_string(keyspace, &access, &key, 3), "123", 3);
    ck_assert_str_eq(encoding("k"), "raw");
    keyspace_put_integer(keyspace, &access, &key, 7);
    ck_assert_str_eq(encoding("k"), "int");
    keyspace_put_string(keyspace, &access, &key, BYTES("13"), &(struct put){ .keeps_text = true });
    ck_assert_str_eq(encoding("k"), "embstr");
}
END_TEST

/* ---- Expiry ---- */

START_TEST(an_expired_key_is_never_seen)
{
    put_until("k", "v", access.wall_ms + 10);
    access.wall_ms += 10;
    ck_assert(holds("k", "v")); /* it lives through its last millisecond */
    access.wall_ms++;
    struct access replica = access;
    replica.may_expire = false;
    struct key key = key_of(0, "k");
    ck_assert_ptr_null(keyspace_find_for_read(keyspace, &replica, &key));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 1); /* a replica waits for its primary */
    replica.ignores_expiry = true;
    ck_assert_ptr_nonnull(keyspace_find_for_read(keyspace, &replica, &key));
    ck_assert_uint_eq(changes.count, 0);

    ck_assert_ptr_null(keyspace_find_for_read(keyspace, &access, &key));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 0);
    ck_assert_uint_eq(changes.count, 1);
    ck_assert_int_eq(changes.items[0].kind, CHANGE_EXPIRED);
    ck_assert(bytes_equal(changes_key(&changes, &changes.items[0]), BYTES("k")));
    struct keyspace_stats stats;
    keyspace_stats_read(keyspace, &stats);
    ck_assert_uint_eq(stats.expired, 1);
    ck_assert_uint_eq(stats.hits, 1);
    ck_assert_uint_eq(stats.misses, 2);
}
END_TEST

START_TEST(a_replica_may_write_over_what_has_expired)
{
    put_until("k", "old", access.wall_ms + 10);
    access.wall_ms += 100;
    access.may_expire = false;
    put("k", "new");
    ck_assert(holds("k", "new"));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 1);
    struct keyspace_database_stats stats;
    keyspace_database_stats_read(keyspace, 0, access.wall_ms, &stats);
    ck_assert_uint_eq(stats.volatile_keys, 0);
    ck_assert_int_eq(keyspace_next_expiry_ms(keyspace), TIME_NEVER);
}
END_TEST

START_TEST(a_replica_may_delete_what_has_expired_when_told)
{
    put_until("k", "old", access.wall_ms + 10);
    access.wall_ms += 100;
    access.may_expire = false;
    struct key key = key_of(0, "k");
    ck_assert(keyspace_delete(keyspace, &access, &key));
    ck_assert(!keyspace_delete(keyspace, &access, &key));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 0);
}
END_TEST

START_TEST(the_cycle_finds_all_that_is_due_and_nothing_else)
{
    char name[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "key:%d", i);
        put_until(name, "v", i % 3 == 0 ? EXPIRY_NONE : access.wall_ms + i);
    }
    ck_assert_int_eq(keyspace_next_expiry_ms(keyspace), access.wall_ms + 2);
    size_t alive = 20000;
    for (int round = 0; round < 30; round++) {
        changes_clear(&changes);
        access.wall_ms += 800;
        size_t expired = 0, calls = 0;
        while (keyspace_next_expiry_ms(keyspace) <= access.wall_ms) {
            size_t here = keyspace_expire_due(keyspace, &access, 50);
            ck_assert_uint_le(here, 50 + 64);
            expired += here;
            ck_assert_uint_lt(calls++, 3000);
        }
        alive -= expired;
        ck_assert_uint_eq(changes.count, expired);
        ck_assert_uint_eq(keyspace_count(keyspace, 0), alive);
        size_t due = 0;
        for (int i = 0; i < 20000; i++) due += i % 3 != 0 && 1000000 + i < access.wall_ms;
        ck_assert_uint_eq(20000 - alive, due);
    }
    ck_assert_int_eq(keyspace_next_expiry_ms(keyspace), TIME_NEVER);
}
END_TEST

static size_t volatile_count(void)
{
    struct keyspace_database_stats stats;
    keyspace_database_stats_read(keyspace, 0, access.wall_ms, &stats);
    return stats.volatile_keys;
}

/* Small slots have one time in the index of slots, large ones an index of their own. */
START_TEST(the_cycle_is_exact_while_a_slot_grows_and_shrinks)
{
    char name[32];
    const time_ms start_ms = access.wall_ms;
    for (int round = 0; round < 3; round++) {
        access.wall_ms = start_ms;
        for (int i = 0; i < 700; i++) {
            snprintf(name, sizeof(name), "{tag}:%d", i);
            put_until(name, "v", i % 4 == 0 ? EXPIRY_NONE : start_ms + 10 + i);
        }
        ck_assert_uint_eq(volatile_count(), 525);
        ck_assert_int_eq(keyspace_next_expiry_ms(keyspace), start_ms + 12);
        for (int i = 0; i < 680; i++) { /* those that end late are left: round by round fewer */
            if (i % 2 == round % 2) continue;
            snprintf(name, sizeof(name), "{tag}:%d", i);
            struct key key = key_of(0, name);
            keyspace_delete(keyspace, &access, &key);
        }
        for (int step = 0; step < 8; step++) {
            access.wall_ms += 100;
            while (keyspace_next_expiry_ms(keyspace) <= access.wall_ms)
                keyspace_expire_due(keyspace, &access, 50);
            size_t left = 0;
            for (int i = 0; i < 700; i++)
                left += (i >= 680 || i % 2 == round % 2) && i % 4 != 0 &&
                        start_ms + 10 + i >= access.wall_ms;
            ck_assert_uint_eq(volatile_count(), left);
        }
        ck_assert_int_eq(keyspace_next_expiry_ms(keyspace), TIME_NEVER);
        if (round == 1) keyspace_flush(keyspace, &access, 0);
    }
    if (!keyspace_is_clustered(keyspace)) return;
    access.wall_ms = start_ms;
    for (int i = 0; i < 700; i++) {
        snprintf(name, sizeof(name), i < 650 ? "{tag}:%d" : "{gat}:%d", i);
        put_until(name, "v", start_ms + 10 + i);
    }
    keyspace_drop_slot(keyspace, &access, 0, key_slot(BYTES("tag")));
    ck_assert_uint_eq(volatile_count(), 50);
    keyspace_drop_slot(keyspace, &access, 0, key_slot(BYTES("gat")));
    ck_assert_uint_eq(volatile_count(), 0);
}
END_TEST

/* ---- Changes ---- */

START_TEST(changes_are_told_as_wanted)
{
    keyspace_tell_changes(keyspace, ~0u);
    struct key key = key_of(0, "k"), to = key_of(1, "to");
    put("k", "v");
    put("k", "w");
    keyspace_append(keyspace, &access, &key, BYTES("x"));
    keyspace_set_expiry(keyspace, &access, &key, access.wall_ms + 5);
    keyspace_set_expiry(keyspace, &access, &key, EXPIRY_NONE);
    keyspace_set_expiry(keyspace, &access, &key, EXPIRY_NONE); /* nothing to take away */
    keyspace_rename(keyspace, &access, &key, &to);
    keyspace_delete(keyspace, &access, &to);
    keyspace_delete(keyspace, &access, &to);
    keyspace_flush(keyspace, &access, 1);
    static const enum change_kind expected[] = {
        CHANGE_NEW,     CHANGE_OVERWRITTEN, CHANGE_MODIFIED, CHANGE_EXPIRY,  CHANGE_EXPIRY,
        CHANGE_DELETED, CHANGE_NEW,         CHANGE_DELETED,  CHANGE_FLUSHED,
    };
    ck_assert_uint_eq(changes.count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        ck_assert_int_eq(changes.items[i].kind, expected[i]);
    ck_assert_uint_eq(keyspace_dirty(keyspace), 7);

    changes_clear(&changes);
    keyspace_tell_changes(keyspace, 0);
    put("k", "v");
    ck_assert_uint_eq(changes.count, 0);
}
END_TEST

/* ---- Watching ---- */

START_TEST(a_watcher_hears_of_its_keys_only)
{
    struct watcher watcher, other;
    watcher_init(&watcher);
    watcher_init(&other);
    struct key key = key_of(0, "k"), elsewhere = key_of(1, "k");
    keyspace_watch(keyspace, &access, &watcher, &key);
    keyspace_watch(keyspace, &access, &watcher, &key);
    keyspace_watch(keyspace, &access, &other, &elsewhere);
    ck_assert(watcher_has_watches(&watcher));
    put("x", "v");
    ck_assert(!keyspace_watcher_is_dirty(keyspace, &access, &watcher));
    put("k", "v");
    ck_assert(keyspace_watcher_is_dirty(keyspace, &access, &watcher));
    ck_assert(!keyspace_watcher_is_dirty(keyspace, &access, &other));
    watcher_clear(&watcher);
    ck_assert(!keyspace_watcher_is_dirty(keyspace, &access, &watcher));
    put("k", "w");
    ck_assert(!keyspace_watcher_is_dirty(keyspace, &access, &watcher));
    watcher_clear(&other);
}
END_TEST

START_TEST(a_watched_key_that_expires_is_dirty_only_if_it_was_alive)
{
    struct watcher alive, dead;
    watcher_init(&alive);
    watcher_init(&dead);
    struct key key = key_of(0, "k");
    put_until("k", "v", access.wall_ms + 10);
    keyspace_watch(keyspace, &access, &alive, &key);
    access.wall_ms += 20;
    keyspace_watch(keyspace, &access, &dead, &key);
    ck_assert(keyspace_watcher_is_dirty(keyspace, &access, &alive));
    ck_assert(!keyspace_watcher_is_dirty(keyspace, &access, &dead));
    ck_assert(holds("k", NULL)); /* this deletes it */
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 0);
    ck_assert(keyspace_watcher_is_dirty(keyspace, &access, &alive));
    ck_assert(!keyspace_watcher_is_dirty(keyspace, &access, &dead));
    put("k", "again");
    ck_assert(keyspace_watcher_is_dirty(keyspace, &access, &dead));
    watcher_clear(&alive);
    watcher_clear(&dead);
}
END_TEST

START_TEST(flushing_and_swapping_touch_watched_keys_that_exist)
{
    struct watcher there, absent;
    watcher_init(&there);
    watcher_init(&absent);
    struct key key = key_of(0, "there"), none = key_of(0, "absent");
    put("there", "v");
    keyspace_watch(keyspace, &access, &there, &key);
    keyspace_watch(keyspace, &access, &absent, &none);
    keyspace_swap(keyspace, &access, 0, 1);
    ck_assert(there.is_dirty);
    ck_assert(!absent.is_dirty);
    ck_assert_uint_eq(keyspace_count(keyspace, 1), 1);
    watcher_clear(&there);
    struct key moved = key_of(1, "there");
    keyspace_watch(keyspace, &access, &there, &moved);
    ck_assert_uint_eq(keyspace_flush_all(keyspace, &access), 1);
    ck_assert(there.is_dirty);
    ck_assert(!absent.is_dirty);
    watcher_clear(&there);
    watcher_clear(&absent);
}
END_TEST

START_TEST(watchers_may_outlive_the_keyspace)
{
    struct watcher watcher;
    watcher_init(&watcher);
    struct keyspace *short_lived = make(false);
    struct key key = keyspace_key(short_lived, 0, BYTES("k"));
    keyspace_watch(short_lived, &access, &watcher, &key);
    keyspace_destroy(short_lived);
    watcher_clear(&watcher);
}
END_TEST

/* ---- The access clock ---- */

START_TEST(idle_time_is_counted_from_the_last_access)
{
    put("k", "v");
    struct key key = key_of(0, "k");
    struct entry *entry = keyspace_peek(keyspace, &access, &key);
    access.wall_ms += 7500;
    ck_assert_uint_eq(keyspace_idle_seconds(keyspace, entry, access.wall_ms), 7);
    access.keeps_clock = true;
    keyspace_find_for_read(keyspace, &access, &key);
    ck_assert_uint_eq(keyspace_idle_seconds(keyspace, entry, access.wall_ms), 7);
    access.keeps_clock = false;
    keyspace_find_for_read(keyspace, &access, &key);
    ck_assert_uint_eq(keyspace_idle_seconds(keyspace, entry, access.wall_ms), 0);
    keyspace_set_idle_seconds(keyspace, entry, 1000, access.wall_ms);
    ck_assert_uint_eq(keyspace_idle_seconds(keyspace, entry, access.wall_ms), 1000);
}
END_TEST

START_TEST(frequency_rises_slowly_and_decays)
{
    keyspace_set_clock(keyspace, KEYSPACE_CLOCK_LFU, 10, 1);
    put("k", "v");
    struct key key = key_of(0, "k");
    struct entry *entry = keyspace_peek(keyspace, &access, &key);
    ck_assert_uint_eq(keyspace_frequency(keyspace, entry, access.wall_ms), 5);
    for (int i = 0; i < 1000; i++) keyspace_find_for_read(keyspace, &access, &key);
    uint8_t high = keyspace_frequency(keyspace, entry, access.wall_ms);
    ck_assert_uint_gt(high, 10); /* about 5 + sqrt(2 x 1000 / 10) */
    ck_assert_uint_lt(high, 40);
    access.wall_ms += 3 * 60000;
    ck_assert_uint_eq(keyspace_frequency(keyspace, entry, access.wall_ms), high - 3);
    keyspace_set_frequency(keyspace, entry, 200, access.wall_ms);
    ck_assert_uint_eq(keyspace_frequency(keyspace, entry, access.wall_ms), 200);
    access.wall_ms += (time_ms)300 * 60000;
    ck_assert_uint_eq(keyspace_frequency(keyspace, entry, access.wall_ms), 0);
}
END_TEST

/* ---- Slots ---- */

static void slot_visit(void *context, const struct entry *entry)
{
    expect(key_slot(entry_key(entry)) == 15495);
    ++*(size_t *)context;
}

START_TEST(a_slot_is_counted_listed_scanned_and_dropped)
{
    char name[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), i % 2 == 0 ? "{a}%d" : "%d", i);
        put_until(name, "v", i % 4 == 0 ? access.wall_ms + 100 : EXPIRY_NONE);
    }
    size_t in_slot = keyspace_slot_count(keyspace, 0, 15495);
    ck_assert_uint_ge(in_slot, 1000);
    size_t visited = 0;
    ck_assert_uint_eq(keyspace_visit_slot(keyspace, 0, 15495, 10, slot_visit, &visited), 10);
    ck_assert_uint_eq(visited, 10);
    visited = 0;
    uint64_t cursor = 0;
    do {
        cursor = keyspace_scan(keyspace, &access, 0, 15495, cursor, 10, slot_visit, &visited);
        ck_assert(cursor == 0 || (cursor & (SLOT_COUNT - 1)) == 15495);
    } while (cursor != 0);
    ck_assert_uint_eq(visited, in_slot);

    struct watcher watcher;
    watcher_init(&watcher);
    struct key key = key_of(0, "{a}0");
    keyspace_watch(keyspace, &access, &watcher, &key);
    ck_assert_uint_eq(keyspace_drop_slot(keyspace, &access, 0, 15495), in_slot);
    ck_assert(watcher.is_dirty);
    watcher_clear(&watcher);
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 2000 - in_slot);
    ck_assert_uint_eq(keyspace_slot_count(keyspace, 0, 15495), 0);
    ck_assert(holds("{a}2", NULL));
    ck_assert(holds("1", "v"));
    ck_assert_int_eq(keyspace_next_expiry_ms(keyspace), TIME_NEVER);
    put("{a}2", "back");
    ck_assert(holds("{a}2", "back"));

    struct garbage *garbage = keyspace_garbage_take(keyspace);
    ck_assert_uint_eq(garbage_count(garbage), in_slot);
    size_t steps = 1;
    while (!garbage_step(garbage, 100)) steps++;
    ck_assert_uint_ge(steps, 9);
    ck_assert_ptr_null(keyspace_garbage_take(keyspace));
}
END_TEST

START_TEST(random_keys_are_fair_over_slots)
{
    /* A quarter of the keys in one slot, the others spread: each as likely as any other. */
    enum { COUNT = 400, DRAWS = 200 };
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), i % 4 == 0 ? "{a}%d" : "{%d}", i);
        put(name, "v");
    }
    size_t hits[COUNT] = { 0 };
    for (int i = 0; i < COUNT * DRAWS; i++) {
        struct bytes key = entry_key(keyspace_random(keyspace, &access, 0));
        int index = 0;
        for (size_t j = 0; j < key.size; j++)
            if (key.data[j] >= '0' && key.data[j] <= '9') index = index * 10 + key.data[j] - '0';
        hits[index]++;
    }
    double chi_square = 0;
    for (int i = 0; i < COUNT; i++)
        chi_square += ((double)hits[i] - DRAWS) * ((double)hits[i] - DRAWS) / DRAWS;
    double excess = chi_square - (COUNT - 1);
    ck_assert(excess <= 0 || excess * excess <= 25.0 * 2 * (COUNT - 1));
}
END_TEST

START_TEST(a_random_key_is_alive_or_none)
{
    ck_assert_ptr_null(keyspace_random(keyspace, &access, 0));
    put_until("dead", "v", access.wall_ms + 1);
    access.wall_ms += 10;
    access.may_expire = false;
    ck_assert_ptr_null(keyspace_random(keyspace, &access, 0));
    access.may_expire = true;
    put("alive", "v");
    ck_assert(bytes_equal(entry_key(keyspace_random(keyspace, &access, 0)), BYTES("alive")));
}
END_TEST

START_TEST(a_complete_set_is_taken_over)
{
    put("old", "v");
    put_until("both", "v", access.wall_ms + 5);
    struct watcher watcher;
    watcher_init(&watcher);
    struct key key = key_of(0, "new");
    keyspace_watch(keyspace, &access, &watcher, &key);
    struct keyspace *other = make(keyspace_is_clustered(keyspace));
    struct access loading = { .ignores_expiry = true };
    keyspace_put_string(other, &loading, &key, BYTES("v"), PUT_PLAIN);
    keyspace_adopt(keyspace, &access, other);
    ck_assert(watcher.is_dirty);
    watcher_clear(&watcher);
    ck_assert(holds("old", NULL));
    ck_assert(holds("new", "v"));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 1);
    garbage_destroy(keyspace_garbage_take(keyspace));
}
END_TEST

START_TEST(looking_ahead_changes_nothing)
{
    struct key keys[64];
    char names[64][16];
    for (int i = 0; i < 64; i++) {
        snprintf(names[i], sizeof(names[i]), "key:%d", i);
        if (i % 2 == 0) put(names[i], "v");
        keys[i] = key_of((uint32_t)i % 2, names[i]);
    }
    keyspace_look_ahead(keyspace, keys, COUNT_OF(keys));
    ck_assert(holds("key:0", "v"));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 32);
    /* What was proposed is forgotten when anything moves. */
    for (int i = 0; i < 64; i++) {
        struct entry *entry = keyspace_peek(keyspace, &access, &keys[i]);
        ck_assert_int_eq(entry != NULL, i % 2 == 0);
        if (entry != NULL) ck_assert(bytes_equal(entry_key(entry), keys[i].bytes));
        if (i % 4 == 0) keyspace_delete(keyspace, &access, &keys[i]);
    }
    keyspace_flush(keyspace, &access, 0);
    for (int i = 0; i < 64; i++) ck_assert_ptr_null(keyspace_peek(keyspace, &access, &keys[i]));
}
END_TEST

START_TEST(a_large_value_becomes_garbage)
{
    struct key key = key_of(0, "k");
    keyspace_open_string(keyspace, &access, &key, 8 * MIB);
    keyspace_delete(keyspace, &access, &key);
    struct garbage *garbage = keyspace_garbage_take(keyspace);
    ck_assert_uint_eq(garbage_count(garbage), 1);
    garbage_destroy(garbage);
}
END_TEST

/* ---- Scanning while everything moves ---- */

#define SCANNED 4000

static unsigned char scan_state[SCANNED]; /* 1: there, 2: there since the scan began, 4: seen */

static size_t index_of(struct bytes key)
{
    size_t index = 0;
    for (size_t i = 0; i < key.size; i++)
        if (key.data[i] >= '0' && key.data[i] <= '9')
            index = index * 10 + (size_t)key.data[i] - '0';
    return index;
}

static void see(void *context, const struct entry *entry)
{
    (void)context;
    size_t index = index_of(entry_key(entry));
    expect(scan_state[index] & 1);
    scan_state[index] |= 4;
}

static void scan_toggle(size_t index, bool wants)
{
    char name[32];
    /* Half of the keys crowd into three slots, so that their tables grow and shrink, too. */
    static const char *const forms[] = { "{a}%zu", "{b}%zu", "{c}%zu", "x%zu", "y%zu", "z%zu" };
    snprintf(name, sizeof(name), forms[index % 6], index);
    struct key key = key_of(0, name);
    if (wants && !(scan_state[index] & 1)) {
        keyspace_put_string(keyspace, &access, &key, BYTES("v"), PUT_PLAIN);
        scan_state[index] = 1;
    } else if (!wants && scan_state[index] & 1) {
        expect(keyspace_delete(keyspace, &access, &key));
        scan_state[index] = 0;
    }
}

START_TEST(a_scan_shows_all_that_stays)
{
    memset(scan_state, 0, sizeof(scan_state));
    for (int round = 0; round < 25; round++) {
        uint64_t inserts = prng_below(&prng, 11);
        for (int i = 0; i < 1000; i++)
            scan_toggle((size_t)prng_below(&prng, SCANNED), prng_chance(&prng, 2, 3));
        for (size_t i = 0; i < SCANNED; i++) scan_state[i] = scan_state[i] & 1 ? 3 : 0;
        uint64_t cursor = 0;
        do {
            size_t count = 1 + (size_t)prng_below(&prng, 40);
            cursor = keyspace_scan(keyspace, &access, 0, -1, cursor, count, see, NULL);
            for (uint64_t i = prng_below(&prng, 30); i > 0; i--)
                scan_toggle((size_t)prng_below(&prng, SCANNED), prng_chance(&prng, inserts, 10));
        } while (cursor != 0);
        for (size_t i = 0; i < SCANNED; i++) expect(!(scan_state[i] & 2) || scan_state[i] & 4);
    }
}
END_TEST

START_TEST(any_cursor_is_taken)
{
    for (int i = 0; i < 300; i++) scan_toggle((size_t)prng_below(&prng, SCANNED), true);
    for (int i = 0; i < 3000; i++) {
        uint64_t cursor = prng_next(&prng) >> prng_below(&prng, 64);
        uint64_t next = keyspace_scan(keyspace, &access, 0, -1, cursor, 5, see, NULL);
        ck_assert(next < (uint64_t)1 << 30); /* small numbers, whatever was given */
    }
    memset(scan_state, 0, sizeof(scan_state));
    ck_assert_uint_eq(keyspace_scan(keyspace, &access, 1, -1, 77, 5, see, NULL), 0);
}
END_TEST

/* ---- Memory ---- */

START_TEST(a_key_that_ends_costs_little_more_than_its_time)
{
    char name[32];
    const int count = 100000;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "key:%d", i);
        put(name, "v");
    }
    size_t before = keyspace_table_memory(keyspace);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "key:%d", i);
        struct key key = key_of(0, name);
        keyspace_set_expiry(keyspace, &access, &key, access.wall_ms + 1 + i);
    }
    double index = (double)(keyspace_table_memory(keyspace) - before) / count;
    printf("keyspace%s: the expiry index takes %.2f bytes a key with %d keys\n",
           keyspace_is_clustered(keyspace) ? ", clustered" : "", index, count);
    ck_assert(index < (keyspace_is_clustered(keyspace) ? 2 : 0.5));
}
END_TEST

START_TEST(a_small_key_costs_twenty_bytes_beside_key_and_value)
{
    size_t used = memory_used();
    char name[32], text[16];
    double worst = 0;
    const int count = 200000;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "key:%012d", i);
        snprintf(text, sizeof(text), "v%07d", i);
        put(name, text);
        if (i < 50000) continue;
        double overhead = (double)(memory_used() - used) / (i + 1) - 24;
        if (overhead > worst) worst = overhead;
    }
    double final = (double)(memory_used() - used) / count - 24;
    printf("keyspace%s: %.2f bytes beside 16 of key and 8 of value with %d keys, at most %.2f\n",
           keyspace_is_clustered(keyspace) ? ", clustered" : "", final, count, worst);
#ifndef EIR_SYSTEM_MALLOC
    /* With slots, the array of tables comes on top, and a line for each that holds a key at all:
     * most for each of the first 20000 keys. */
    ck_assert(final < 21);
    ck_assert(worst < (keyspace_is_clustered(keyspace) ? 40 : 21));
#endif
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, it_does_what_a_plain_array_does);
    tcase_add_test(tests, encodings_are_those_that_valkey_reports);
    tcase_add_test(tests, an_expired_key_is_never_seen);
    tcase_add_test(tests, a_replica_may_write_over_what_has_expired);
    tcase_add_test(tests, a_replica_may_delete_what_has_expired_when_told);
    tcase_add_test(tests, the_cycle_finds_all_that_is_due_and_nothing_else);
    tcase_add_test(tests, the_cycle_is_exact_while_a_slot_grows_and_shrinks);
    tcase_add_test(tests, changes_are_told_as_wanted);
    tcase_add_test(tests, a_watcher_hears_of_its_keys_only);
    tcase_add_test(tests, a_watched_key_that_expires_is_dirty_only_if_it_was_alive);
    tcase_add_test(tests, flushing_and_swapping_touch_watched_keys_that_exist);
    tcase_add_test(tests, watchers_may_outlive_the_keyspace);
    tcase_add_test(tests, idle_time_is_counted_from_the_last_access);
    tcase_add_test(tests, frequency_rises_slowly_and_decays);
    tcase_add_test(tests, a_random_key_is_alive_or_none);
    tcase_add_test(tests, a_complete_set_is_taken_over);
    tcase_add_test(tests, looking_ahead_changes_nothing);
    tcase_add_test(tests, a_large_value_becomes_garbage);
    tcase_add_test(tests, a_scan_shows_all_that_stays);
    tcase_add_test(tests, any_cursor_is_taken);
    tcase_add_test(tests, a_key_that_ends_costs_little_more_than_its_time);
    tcase_add_test(tests, a_small_key_costs_twenty_bytes_beside_key_and_value);
}

int main(void)
{
    TCase *plain = tcase_create("plain");
    tcase_add_checked_fixture(plain, set_up, tear_down);
    add_tests(plain);
    TCase *clustered = tcase_create("clustered");
    tcase_add_checked_fixture(clustered, set_up_clustered, tear_down);
    add_tests(clustered);
    tcase_add_test(clustered, a_slot_is_counted_listed_scanned_and_dropped);
    tcase_add_test(clustered, random_keys_are_fair_over_slots);
    Suite *suite = suite_create("keyspace/keyspace");
    suite_add_tcase(suite, plain);
    suite_add_tcase(suite, clustered);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
