/* Hashes against a plain model: both forms, every threshold, fields that end. */
#include "types/hash.h"

#include "base/memory.h"
#include "lib/suite.h"
#include "types/listpack.h"
#include <stdio.h>

#define NAMES 300
#define TIMES 50 /* of the model's clock */

static const struct value_rules rules = {
    .hash_key = { { 1, 2 } },
    .hash_max_listpack_entries = 32,
    .hash_max_listpack_value = 20,
};

struct model {
    struct {
        bool is_there;
        unsigned value;
        time_ms expiry_ms;
    } fields[NAMES];
};

/* Texts by number: integers, short ones, and behind 250 such as no small hash may hold. */
static struct bytes name_of(unsigned number, char *room)
{
    if (number < 100) return bytes_of(room, number_print((int64_t)number * 700 - 2000, room));
    size_t size = number < 250 ? 2 + number % 19 : 21 + 2 * (number % 200);
    memset(room, 'n', size);
    room[0] = (char)('A' + number / 20);
    room[1] = (char)('a' + number % 20);
    return bytes_of(room, size);
}

/* Of every size class, and over what stands in a field. */
static struct bytes value_of(unsigned number, char *room)
{
    static const size_t sizes[] = { 0, 1, 8, 20, 21, 255, 256, 4096, 4097, 20000 };
    if (number % 3 == 0) return bytes_of(room, number_print((int64_t)number * number, room));
    size_t size = sizes[number % COUNT_OF(sizes)];
    memset(room, (char)('a' + number % 26), size);
    return bytes_of(room, size);
}

#define VALUE_MAX 20001

static bool lives(const struct model *model, unsigned name, time_ms now_ms)
{
    time_ms expiry_ms = model->fields[name].expiry_ms;
    if (!model->fields[name].is_there) return false;
    return expiry_ms == HASH_EXPIRY_NONE || expiry_ms >= now_ms;
}

static void expect_field(const struct model *model, unsigned name, const struct hash_item *item)
{
    char *room = memory_alloc(VALUE_MAX);
    ck_assert(bytes_equal(item->value, value_of(model->fields[name].value, room)));
    ck_assert_int_eq(item->expiry_ms, model->fields[name].expiry_ms);
    ck_assert_int_eq(item->shared != NULL, item->value.size >= STRING_SHARE_MIN);
    memory_free(room);
}

static void expect_same(const struct hash *hash, const struct model *model, time_ms now_ms)
{
    char room[512];
    size_t count = 0, live = 0, ends = 0;
    time_ms first_ms = TIME_NEVER;
    struct hash_item item;
    for (unsigned i = 0; i < NAMES; i++) {
        bool is_alive = lives(model, i, now_ms);
        ck_assert_int_eq(hash_find(hash, name_of(i, room), now_ms, &item), is_alive);
        if (is_alive) expect_field(model, i, &item);
        count += model->fields[i].is_there;
        live += is_alive;
        if (!model->fields[i].is_there || model->fields[i].expiry_ms == HASH_EXPIRY_NONE) continue;
        ends++;
        first_ms = MIN(first_ms, model->fields[i].expiry_ms);
    }
    ck_assert_uint_eq(hash_count(hash), count);
    ck_assert_uint_eq(hash_live_count(hash, now_ms), live);
    ck_assert_uint_eq(hash_volatile_count(hash), ends);
    ck_assert_int_le(hash_due_ms(hash), first_ms);
    struct hash_walk walk = { 0 };
    size_t walked = 0;
    struct hash_item other;
    for (; hash_walk_next(hash, &walk, now_ms, &item); walked++)
        ck_assert(hash_find(hash, item.field, now_ms, &other));
    ck_assert_uint_eq(walked, live);
}

static void put(struct hash **hash, struct model *model, struct prng *prng, time_ms now_ms,
                time_ms expiry_ms)
{
    char name_room[512];
    char *room = memory_alloc(VALUE_MAX);
    unsigned name = (unsigned)prng_below(prng, NAMES);
    unsigned value = (unsigned)prng_below(prng, 1000);
    bool was_there = model->fields[name].is_there;
    bool was_alive = lives(model, name, now_ms);
    enum hash_put_result result =
        hash_put(hash, &rules, name_of(name, name_room), value_of(value, room), now_ms, expiry_ms);
    ck_assert_int_eq(result, !was_there ? HASH_ADDED : was_alive ? HASH_REPLACED : HASH_REVIVED);
    if (expiry_ms == HASH_EXPIRY_KEEPS)
        expiry_ms = was_alive ? model->fields[name].expiry_ms : HASH_EXPIRY_NONE;
    model->fields[name].is_there = true;
    model->fields[name].value = value;
    model->fields[name].expiry_ms = expiry_ms;
    memory_free(room);
}

static void take(struct hash **hash, struct model *model, struct prng *prng, time_ms now_ms)
{
    char room[512];
    unsigned name = (unsigned)prng_below(prng, NAMES);
    bool was_alive = lives(model, name, now_ms);
    ck_assert_int_eq(hash_remove(hash, name_of(name, room), now_ms), was_alive);
    if (was_alive) model->fields[name].is_there = false;
}

static void set_time(struct hash **hash, struct model *model, struct prng *prng, time_ms expiry_ms)
{
    char room[512];
    unsigned name = (unsigned)prng_below(prng, NAMES);
    if (!model->fields[name].is_there) return;
    hash_set_expiry(hash, &rules, name_of(name, room), expiry_ms);
    model->fields[name].expiry_ms = expiry_ms;
}

struct ended {
    struct model *model;
    time_ms now_ms;
};

static void forget(void *context, struct bytes field)
{
    char room[512];
    struct ended *ended = context;
    for (unsigned i = 0; i < NAMES; i++) {
        if (!bytes_equal(name_of(i, room), field)) continue;
        ck_assert(ended->model->fields[i].is_there);
        ck_assert(!lives(ended->model, i, ended->now_ms));
        ended->model->fields[i].is_there = false;
        return;
    }
    ck_abort_msg("an unknown field");
}

/* One of many rounds: some have no fields that end, some keep few, some many. */
static void play(struct prng *prng, unsigned round)
{
    struct model model = { 0 };
    struct hash *hash = hash_create();
    time_ms now_ms = 0;
    bool has_times = round % 3 != 0;
    uint64_t weight = 1 + round % 4;
    for (unsigned i = 0; i < 500; i++) {
        time_ms expiry_ms = HASH_EXPIRY_NONE;
        if (has_times && prng_chance(prng, 1, 3)) expiry_ms = now_ms + prng_between(prng, 0, TIMES);
        if (prng_chance(prng, 1, 8)) expiry_ms = HASH_EXPIRY_KEEPS;
        if (prng_chance(prng, weight, weight + 1))
            put(&hash, &model, prng, now_ms, expiry_ms);
        else
            take(&hash, &model, prng, now_ms);
        if (has_times && prng_chance(prng, 1, 4) && expiry_ms != HASH_EXPIRY_KEEPS)
            set_time(&hash, &model, prng, expiry_ms);
        if (prng_chance(prng, 1, 5)) now_ms++;
        struct ended ended = { &model, now_ms };
        if (prng_chance(prng, 1, 20)) hash_expire(hash, now_ms, 1 + i % 30, forget, &ended);
        if (i % 25 == 0) expect_same(hash, &model, now_ms);
    }
    expect_same(hash, &model, now_ms);
    struct hash *copy = value_copy(VALUE_HASH, hash);
    expect_same(copy, &model, now_ms);
    hash_destroy(hash);
    now_ms += 2 * TIMES;
    struct ended ended = { &model, now_ms };
    while (hash_due_ms(copy) < now_ms) hash_expire(copy, now_ms, 10, forget, &ended);
    expect_same(copy, &model, now_ms);
    ck_assert_uint_eq(hash_volatile_count(copy), 0);
    hash_destroy(copy);
}

START_TEST(a_hash_does_what_a_plain_model_does)
{
    struct prng prng;
    prng_init(&prng, 7);
    for (unsigned round = 0; round < 40; round++) play(&prng, round);
}
END_TEST

static void put_number(struct hash **hash, int64_t number, struct bytes value)
{
    char room[NUMBER_TEXT_MAX];
    hash_put(hash, &rules, bytes_of(room, number_print(number, room)), value, 0, HASH_EXPIRY_NONE);
}

START_TEST(a_hash_becomes_large_at_the_limits_and_never_small_again)
{
    char long_text[21] = "twenty-one characters";
    struct hash *hash = hash_create();
    for (int i = 0; i < 32; i++) put_number(&hash, i, bytes_of(long_text, 20));
    ck_assert(hash_is_small(hash));
    put_number(&hash, 31, BYTES("again"));
    ck_assert(hash_is_small(hash));
    put_number(&hash, 32, BYTES("one more"));
    ck_assert(!hash_is_small(hash));
    while (hash_count(hash) > 1) {
        char room[NUMBER_TEXT_MAX];
        int64_t number = (int64_t)hash_count(hash) - 1;
        ck_assert(hash_remove(&hash, bytes_of(room, number_print(number, room)), 0));
    }
    ck_assert(!hash_is_small(hash));
    hash_destroy(hash);

    hash = hash_create();
    put_number(&hash, 1, bytes_of(long_text, 21));
    ck_assert(!hash_is_small(hash));
    hash_destroy(hash);

    hash = hash_create();
    hash_expect(&hash, &rules, 32);
    ck_assert(hash_is_small(hash));
    hash_expect(&hash, &rules, 33);
    ck_assert(!hash_is_small(hash));
    hash_destroy(hash);
}
END_TEST

START_TEST(a_time_makes_a_hash_large_and_taking_it_away_changes_nothing)
{
    struct hash *hash = hash_create();
    put_number(&hash, 1, BYTES("one"));
    hash_set_expiry(&hash, &rules, BYTES("1"), HASH_EXPIRY_NONE);
    ck_assert(hash_is_small(hash));
    hash_set_expiry(&hash, &rules, BYTES("1"), INT64_MAX);
    ck_assert(!hash_is_small(hash));
    ck_assert_int_lt(hash_due_ms(hash), TIME_NEVER);
    hash_set_expiry(&hash, &rules, BYTES("1"), HASH_EXPIRY_NONE);
    ck_assert(!hash_is_small(hash));
    ck_assert_int_eq(hash_due_ms(hash), TIME_NEVER);
    hash_destroy(hash);
}
END_TEST

static void count_number(void *context, const struct hash_item *item)
{
    unsigned *seen = context;
    int64_t number;
    ck_assert(number_parse(item->field, &number));
    seen[number]++;
}

START_TEST(scanning_meets_every_field_that_stays_while_others_come_and_go)
{
    struct hash *hash = hash_create();
    unsigned seen[2000] = { 0 };
    for (int i = 0; i < 1000; i++) put_number(&hash, i, BYTES("x"));
    uint64_t cursor = 0;
    int more = 1000;
    do {
        cursor = hash_scan(hash, cursor, 10, 0, count_number, seen);
        for (int i = 0; i < 20 && more < 2000; i++) put_number(&hash, more++, BYTES("y"));
    } while (cursor != 0);
    for (int i = 0; i < 1000; i++) ck_assert_uint_ge(seen[i], 1);
    hash_destroy(hash);
}
END_TEST

/* Five standard deviations of a binomial distribution: once in two million. */
static void expect_even(const unsigned *seen, unsigned count, double expected)
{
    for (unsigned i = 0; i < count; i++) {
        double off = (double)seen[i] - expected;
        ck_assert_double_lt(off * off, 25 * expected);
    }
}

START_TEST(chance_treats_all_fields_alike)
{
    struct prng prng;
    prng_init(&prng, 3);
    static const unsigned sizes[] = { 7, 100 };
    for (unsigned form = 0; form < COUNT_OF(sizes); form++) {
        unsigned size = sizes[form];
        struct hash *hash = hash_create();
        for (unsigned i = 0; i < size; i++) put_number(&hash, i, BYTES("x"));
        unsigned one[100] = { 0 }, few[100] = { 0 }, many[100] = { 0 };
        struct hash_item item;
        for (unsigned i = 0; i < 400 * size; i++) {
            ck_assert(hash_random(hash, &prng, 0, &item));
            count_number(one, &item);
        }
        for (unsigned i = 0; i < 4000; i++) {
            hash_sample(hash, &prng, 0, size / 7, count_number, few);
            hash_sample(hash, &prng, 0, size - 2, count_number, many);
        }
        expect_even(one, size, 400);
        expect_even(few, size, 4000.0 * (size / 7) / size);
        expect_even(many, size, 4000.0 * (size - 2) / size);
        hash_destroy(hash);
    }
}
END_TEST

START_TEST(a_sample_holds_no_field_twice_and_none_that_has_ended)
{
    struct prng prng;
    prng_init(&prng, 4);
    struct hash *hash = hash_create();
    for (int i = 0; i < 200; i++) put_number(&hash, i, BYTES("x"));
    for (int i = 0; i < 80; i++) {
        char room[NUMBER_TEXT_MAX];
        hash_set_expiry(&hash, &rules, bytes_of(room, number_print(i, room)), 10);
    }
    for (size_t count = 1; count <= 120; count++) {
        unsigned seen[200] = { 0 };
        size_t found = 0;
        hash_sample(hash, &prng, 11, count, count_number, seen);
        for (unsigned i = 0; i < 200; i++) {
            ck_assert_uint_le(seen[i], i < 80 ? 0 : 1);
            found += seen[i];
        }
        ck_assert_uint_eq(found, count);
    }
    struct hash_item item;
    for (int i = 80; i < 199; i++) {
        char room[NUMBER_TEXT_MAX];
        hash_set_expiry(&hash, &rules, bytes_of(room, number_print(i, room)), 10);
    }
    ck_assert(hash_random(hash, &prng, 11, &item)); /* the only one of two hundred */
    ck_assert(bytes_equal(item.field, BYTES("199")));
    hash_set_expiry(&hash, &rules, BYTES("199"), 10);
    ck_assert(!hash_random(hash, &prng, 11, &item));
    hash_destroy(hash);
}
END_TEST

START_TEST(packed_fields_from_outside_may_not_come_twice)
{
    for (int count = 2; count <= 40; count += 19) {
        struct buffer body = { 0 };
        for (int i = 0; i < count; i++) {
            listpack_append_integer(&body, i);
            listpack_append(&body, BYTES("value"));
        }
        struct hash *hash = hash_create_from(buffer_bytes(&body), 2 * (size_t)count, &rules);
        ck_assert_ptr_nonnull(hash);
        ck_assert_uint_eq(hash_count(hash), (size_t)count);
        ck_assert_int_eq(hash_is_small(hash), count <= 32);
        hash_destroy(hash);
        listpack_append(&body, BYTES("1"));
        listpack_append(&body, BYTES("again"));
        ck_assert_ptr_null(hash_create_from(buffer_bytes(&body), 2 * (size_t)count + 2, &rules));
        buffer_fini(&body);
    }
}
END_TEST

START_TEST(setting_a_field_again_allocates_nothing)
{
    struct hash *hash = hash_create();
    for (int i = 0; i < 1000; i++) put_number(&hash, i, BYTES("12345678"));
    uint64_t before = memory_allocation_count();
    for (int i = 0; i < 1000; i++) put_number(&hash, i, BYTES("abcdefgh"));
    ck_assert_uint_eq(memory_allocation_count(), before);
    hash_destroy(hash);
}
END_TEST

START_TEST(a_large_hash_takes_little_more_than_its_fields)
{
    enum { COUNT = 100000 };
    size_t before = memory_used();
    struct hash *hash = hash_create();
    for (int i = 0; i < COUNT; i++) {
        char room[32];
        int size = snprintf(room, sizeof(room), "field:%010d", i);
        ck_assert_int_eq(size, 16);
        hash_put(&hash, &rules, bytes_of(room, 16), BYTES("12345678"), 0, HASH_EXPIRY_NONE);
    }
    size_t used = memory_used() - before;
    double measured = (double)value_memory(VALUE_HASH, hash, 0);
    ck_assert_double_lt(measured, 1.02 * (double)used);
    ck_assert_double_gt(measured, 0.98 * (double)used);
#ifndef EIR_SYSTEM_MALLOC
    ck_assert_uint_le(used, COUNT * (16 + 8 + 20));
#endif
    hash_destroy(hash);
    ck_assert_uint_le(memory_used(), before);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("hash");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_hash_does_what_a_plain_model_does);
    tcase_add_test(tcase, a_hash_becomes_large_at_the_limits_and_never_small_again);
    tcase_add_test(tcase, a_time_makes_a_hash_large_and_taking_it_away_changes_nothing);
    tcase_add_test(tcase, scanning_meets_every_field_that_stays_while_others_come_and_go);
    tcase_add_test(tcase, chance_treats_all_fields_alike);
    tcase_add_test(tcase, a_sample_holds_no_field_twice_and_none_that_has_ended);
    tcase_add_test(tcase, packed_fields_from_outside_may_not_come_twice);
    tcase_add_test(tcase, setting_a_field_again_allocates_nothing);
    tcase_add_test(tcase, a_large_hash_takes_little_more_than_its_fields);
    return suite_run("types/hash", tcase);
}
