/* Sorted sets as old and new versions write them: what is read, and what is refused. */
#include "base/digest.h"
#include "base/memory.h"
#include "lib/suite.h"
#include "persist/dump.h"
#include "types/zset.h"

static struct keyspace *keyspace;
static struct access access_now = { .wall_ms = 1900000000000 };
static size_t memory_before;

static void set_up(void)
{
    const struct keyspace_options options = {
        .database_count = 1,
        .values = { .zset_max_listpack_entries = 3, .zset_max_listpack_value = 8 },
    };
    memory_before = memory_used();
    keyspace = keyspace_create(&options);
}

static void tear_down(void)
{
    keyspace_destroy(keyspace);
    ck_assert_uint_eq(memory_used(), memory_before);
}

static enum err restore(struct bytes body)
{
    struct buffer payload = { 0 };
    struct key key = keyspace_key(keyspace, 0, BYTES("k"));
    buffer_append(&payload, body);
    buffer_append(&payload, bytes_of("\x0b\0", 2));
    uint64_t crc = crc64(0, buffer_bytes(&payload));
    for (int i = 0; i < 8; i++) buffer_append_byte(&payload, (char)(crc >> 8 * i));
    enum err err = dump_verify(buffer_bytes(&payload), false, false);
    if (!err) err = dump_restore(keyspace, &access_now, &key, buffer_bytes(&payload), PUT_PLAIN);
    buffer_fini(&payload);
    return err;
}

/* "member score member score ..." */
static void expect_items(const char *expected)
{
    struct key key = keyspace_key(keyspace, 0, BYTES("k"));
    const struct zset *zset = entry_value(keyspace_peek(keyspace, &access_now, &key));
    struct zset_cursor cursor;
    struct zset_item item;
    struct buffer text = { 0 };
    char score[NUMBER_DOUBLE_MAX];
    zset_seek_rank(zset, 0, &cursor);
    while (zset_next(&cursor, &item)) {
        if (text.size > 0) buffer_append_byte(&text, ' ');
        buffer_append(&text, item.member);
        buffer_append_byte(&text, ' ');
        buffer_append(&text, bytes_of(score, number_print_double(item.score, score)));
    }
    buffer_append_byte(&text, '\0');
    ck_assert_str_eq(text.data, expected);
    buffer_fini(&text);
}

#define ONE "\0\0\0\0\0\0\xf0\x3f"
#define TWO "\0\0\0\0\0\0\0\x40"
#define NOT "\0\0\0\0\0\0\xf8\x7f"

START_TEST(all_forms_are_read)
{
    ck_assert_int_eq(restore(BYTES("\x05\2\1b" TWO "\1a" ONE)), ERR_NONE);
    expect_items("a 1 b 2");
    ck_assert_int_eq(restore(BYTES("\3\4\1a\3"
                                   "1.5\1n\xff\1p\xfe\1z\1"
                                   "0")),
                     ERR_NONE);
    expect_items("n -inf z 0 a 1.5 p inf");
    ck_assert_int_eq(restore(BYTES("\x11\x11\x11\0\0\0\4\0\x81"
                                   "a\2\1\1\x81"
                                   "b\2\2\1\xff")),
                     ERR_NONE);
    expect_items("a 1 b 2");
    ck_assert_int_eq(restore(BYTES("\x0c\x10\x10\0\0\0\x0d\0\0\0\2\0\0\1"
                                   "a\3\xf2\xff")),
                     ERR_NONE);
    expect_items("a 1");
}
END_TEST

START_TEST(what_is_no_sorted_set_is_refused)
{
    static const struct bytes bad[] = {
        { "\5\0", 2 },                   /* empty */
        { "\5\1\1a" NOT, 12 },           /* not a number */
        { "\5\2\1a" ONE "\1a" TWO, 22 }, /* a member twice */
        { "\5\2\1a" ONE, 12 },           /* cut off */
        { "\3\1\1a\xfd", 5 },            /* not a number */
        { "\3\1\1a\1x", 6 },             /* no number at all */
        { "\x11\x0a\x0a\0\0\0\1\0\x81"
          "a\2\xff",
          12 }, /* odd */
        { "\x11\x11\x11\0\0\0\4\0\x81"
          "a\2\2\1\x81"
          "b\2\1\1\xff",
          19 }, /* out of order */
        { "\x11\x11\x11\0\0\0\4\0\x81"
          "a\2\1\1\x81"
          "a\2\2\1\xff",
          19 },                              /* twice */
        { "\x11\x07\x07\0\0\0\0\0\xff", 9 }, /* empty */
        { "\x11\5hello", 7 },                /* no listpack */
        { "\x0c\5hello", 7 },                /* no ziplist */
    };
    ck_assert_int_eq(restore(BYTES("\5\1\1a" ONE)), ERR_NONE);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ck_assert_msg(restore(bad[i]) == ERR_MALFORMED, "payload %zu", i);
    expect_items("a 1");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("rdb_zset");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, all_forms_are_read);
    tcase_add_test(tests, what_is_no_sorted_set_is_refused);
    return suite_run("persist/rdb_zset", tests);
}
