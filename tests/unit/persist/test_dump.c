/* Tests of DUMP and RESTORE payloads against those of Valkey 9.1.2 (tests/data/rdb/dumps.txt). */
#include "base/digest.h"
#include "base/memory.h"
#include "persist/dump.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

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

static size_t hex_read(const char *hex, char *into)
{
    size_t size = 0;
    if (hex[0] == '-') return 0;
    for (; hex[0] != '\0'; hex += 2) {
        unsigned byte;
        ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
        into[size++] = (char)byte;
    }
    return size;
}

static void expect_value(struct bytes expected)
{
    struct scratch scratch;
    struct key key = keyspace_key(keyspace, 0, BYTES("k"));
    struct entry *entry = keyspace_peek(keyspace, &access_now, &key);
    ck_assert_ptr_nonnull(entry);
    ck_assert(bytes_equal(entry_string(entry, &scratch), expected));
}

static enum err restore(struct bytes payload)
{
    struct key key = keyspace_key(keyspace, 0, BYTES("k"));
    return dump_restore(keyspace, &access_now, &key, payload, PUT_PLAIN);
}

/* The bytes with a footer of this version. */
static struct bytes sealed(struct bytes body, int version, struct buffer *into)
{
    buffer_clear(into);
    buffer_append(into, body);
    buffer_append_byte(into, (char)version);
    buffer_append_byte(into, (char)(version >> 8));
    uint64_t crc = crc64(0, buffer_bytes(into));
    for (int i = 0; i < 8; i++) buffer_append_byte(into, (char)(crc >> 8 * i));
    return buffer_bytes(into);
}

START_TEST(payloads_of_valkey_are_restored_and_dumped_the_same)
{
    FILE *stream = fopen(TESTS_DATA "/rdb/dumps.txt", "r");
    static char hex_value[2000];
    static char hex_payload[2000];
    char value[1000];
    char payload[1000];
    unsigned count = 0;
    ck_assert_ptr_nonnull(stream);
    for (; fscanf(stream, "%1999s %1999s", hex_value, hex_payload) == 2; count++) {
        struct buffer again = { 0 };
        struct bytes text = bytes_of(value, hex_read(hex_value, value));
        struct bytes dump = bytes_of(payload, hex_read(hex_payload, payload));
        ck_assert_int_eq(dump_verify(dump, false, false), ERR_NONE);
        ck_assert_int_eq(restore(dump), ERR_NONE);
        expect_value(text);
        struct key key = keyspace_key(keyspace, 0, BYTES("k"));
        struct entry *entry = keyspace_peek(keyspace, &access_now, &key);
        ck_assert_int_eq(dump_write(entry, true, &again), ERR_NONE);
        ck_assert(bytes_equal(buffer_bytes(&again), dump));
        buffer_fini(&again);
    }
    fclose(stream);
    ck_assert_uint_eq(count, 8);
}
END_TEST

START_TEST(versions_are_accepted_as_valkey_accepts_them)
{
    static const struct {
        int version;
        bool is_strict_fine;
    } versions[] = { { 1, true },   { 5, true },  { 11, true },  { 12, false },
                     { 79, false }, { 80, true }, { 81, false }, { 200, false } };
    struct buffer payload = { 0 };
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct bytes bytes = sealed(BYTES("\0\1v"), versions[i].version, &payload);
        ck_assert_int_eq(dump_verify(bytes, false, false),
                         versions[i].is_strict_fine ? ERR_NONE : ERR_CHECKSUM);
        ck_assert_int_eq(dump_verify(bytes, true, false), ERR_NONE);
    }
    buffer_fini(&payload);
}
END_TEST

START_TEST(a_wrong_footer_is_refused)
{
    struct buffer payload = { 0 };
    struct bytes bytes = sealed(BYTES("\0\1v"), 80, &payload);
    for (size_t i = 0; i < bytes.size; i++) {
        payload.data[i] ^= 1;
        ck_assert_int_eq(dump_verify(bytes, true, false), ERR_CHECKSUM);
        payload.data[i] ^= 1;
    }
    memset(payload.data + payload.size - 8, 0, 8); /* zero does not mean "not computed" here */
    ck_assert_int_eq(dump_verify(bytes, true, false), ERR_CHECKSUM);
    for (size_t size = 0; size < 10; size++)
        ck_assert_int_eq(dump_verify(bytes_of(bytes.data, size), true, false), ERR_CHECKSUM);
    buffer_fini(&payload);
}
END_TEST

START_TEST(bad_data_leave_the_key_as_it_was)
{
    static const struct bytes bad[] = { { "", 0 },
                                        { "\0", 1 },
                                        { "\0\5v", 3 },
                                        { "\x08\1v", 3 },
                                        { "\xff\1v", 3 },
                                        { "\0\xc3\2\5xx", 6 },
                                        { "\0\xc4", 2 },
                                        /* lists: an empty element alone in its node, a node of
                                         * unknown kind, a listpack that counts wrongly */
                                        { "\x12\1\1\0", 4 },
                                        { "\x12\2\1\1v\1\0", 7 },
                                        { "\x12\1\3\1v", 5 },
                                        { "\x12\1\2\x0a\x0a\0\0\0\2\0\x81v\2\xff", 14 } };
    struct buffer payload = { 0 };
    ck_assert_int_eq(restore(sealed(BYTES("\0\3old"), 80, &payload)), ERR_NONE);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert_int_eq(restore(sealed(bad[i], 80, &payload)), ERR_MALFORMED);
        expect_value(BYTES("old"));
    }
    ck_assert_int_eq(restore(sealed(BYTES("\0\3newjunk"), 80, &payload)), ERR_NONE);
    expect_value(BYTES("new")); /* bytes behind the value are tolerated */
    buffer_fini(&payload);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("persist/dump");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, payloads_of_valkey_are_restored_and_dumped_the_same);
    tcase_add_test(tcase, versions_are_accepted_as_valkey_accepts_them);
    tcase_add_test(tcase, a_wrong_footer_is_refused);
    tcase_add_test(tcase, bad_data_leave_the_key_as_it_was);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
