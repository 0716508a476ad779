/* Streams in dumps: each of the three forms as Valkey 9.1.2 reads it, and damage
 * (tests/data/rdb/streams.txt: a payload, and what Valkey dumps when it has restored it). */
#include "base/memory.h"
#include "base/prng.h"
#include "lib/suite.h"
#include "persist/dump.h"
#include <stdio.h>

#define FOOTER_SIZE 10
#define LINE_MAX    8000

static struct keyspace *keyspace;
static struct access access_now = { .wall_ms = 1900000000000 };
static size_t memory_before;

static void set_up(void)
{
    memory_before = memory_used();
    keyspace = keyspace_create(&(struct keyspace_options){ .database_count = 1 });
}

static void tear_down(void)
{
    keyspace_destroy(keyspace);
    ck_assert_uint_eq(memory_used(), memory_before);
}

static struct bytes hex_read(const char *hex, char *into)
{
    size_t size = 0;
    for (; hex[0] != '\0'; hex += 2) {
        unsigned byte;
        ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
        into[size++] = (char)byte;
    }
    return bytes_of(into, size);
}

typedef void (*check_payload)(struct bytes payload, struct bytes expected);

static void each_payload(check_payload check)
{
    static char hex[2][LINE_MAX], bytes[2][LINE_MAX];
    FILE *file = fopen(TESTS_DATA "/rdb/streams.txt", "r");
    unsigned count = 0;
    ck_assert_ptr_nonnull(file);
    for (; fscanf(file, "%7999s %7999s", hex[0], hex[1]) == 2; count++)
        check(hex_read(hex[0], bytes[0]), hex_read(hex[1], bytes[1]));
    fclose(file);
    ck_assert_uint_eq(count, 13);
}

static struct key the_key(void)
{
    return keyspace_key(keyspace, 0, BYTES("k"));
}

static enum err restore(struct bytes payload)
{
    struct key key = the_key();
    return dump_restore(keyspace, &access_now, &key, payload, PUT_PLAIN);
}

static void check_same(struct bytes payload, struct bytes expected)
{
    struct buffer again = { 0 };
    struct key key = the_key();
    ck_assert_int_eq(dump_verify(payload, false, false), ERR_NONE);
    ck_assert_int_eq(restore(payload), ERR_NONE);
    const struct entry *entry = keyspace_peek(keyspace, &access_now, &key);
    ck_assert_int_eq(entry_type(entry), VALUE_STREAM);
    ck_assert_int_eq(dump_write(entry, true, &again), ERR_NONE);
    ck_assert(bytes_equal(buffer_bytes(&again), expected));
    buffer_fini(&again);
}

START_TEST(every_form_of_a_stream_is_dumped_as_valkey_dumps_it)
{
    each_payload(check_same);
}
END_TEST

/* The footer stays: what is cut off is missing in front of it. */
static void check_cut(struct bytes payload, struct bytes expected)
{
    char *copy = memory_alloc(payload.size);
    for (size_t size = 1; size < payload.size - FOOTER_SIZE; size++) {
        memcpy(copy, payload.data, size);
        memcpy(copy + size, payload.data + payload.size - FOOTER_SIZE, FOOTER_SIZE);
        ck_assert_int_eq(restore(bytes_of(copy, size + FOOTER_SIZE)), ERR_MALFORMED);
    }
    memory_free(copy);
}

START_TEST(a_stream_that_ends_too_early_is_refused)
{
    each_payload(check_cut);
}
END_TEST

static void check_damaged(struct bytes payload, struct bytes expected)
{
    struct prng prng;
    char *copy = memory_alloc(payload.size);
    prng_init(&prng, payload.size);
    for (int round = 0; round < 3000; round++) {
        memcpy(copy, payload.data, payload.size);
        for (uint64_t left = 1 + prng_below(&prng, 3); left > 0; left--)
            copy[1 + prng_below(&prng, payload.size - FOOTER_SIZE - 1)] = (char)prng_next(&prng);
        if (restore(bytes_of(copy, payload.size)) != ERR_NONE) continue;
        /* What was taken is whole: it can be written, and read again. */
        struct key key = the_key();
        struct buffer again = { 0 };
        const struct entry *entry = keyspace_peek(keyspace, &access_now, &key);
        ck_assert_int_eq(dump_write(entry, false, &again), ERR_NONE);
        ck_assert_int_eq(restore(buffer_bytes(&again)), ERR_NONE);
        buffer_fini(&again);
    }
    memory_free(copy);
}

START_TEST(a_damaged_stream_is_refused_or_whole)
{
    each_payload(check_damaged);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("streams in dumps");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_form_of_a_stream_is_dumped_as_valkey_dumps_it);
    tcase_add_test(tests, a_stream_that_ends_too_early_is_refused);
    tcase_add_test(tests, a_damaged_stream_is_refused_or_whole);
    return suite_run("persist/rdb_stream", tests);
}
