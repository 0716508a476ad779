/* Tests of the stream: what it holds, which ids continue it, and that its bytes are shared. */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/prng.h"
#include "repl/backlog.h"
#include <check.h>
#include <stdlib.h>

static struct backlog *backlog;
static struct output output;
static size_t memory_before;

static void set_up(void)
{
    memory_before = memory_used();
    backlog = backlog_create(1 * MIB, 1);
    output_init(&output);
}

static void tear_down(void)
{
    backlog_destroy(backlog);
    output_fini(&output);
    ck_assert_uint_eq(memory_used(), memory_before);
}

static void set(int db, const char *key, const char *value)
{
    struct bytes words[] = { BYTES("SET"), bytes_text(key), bytes_text(value) };
    backlog_append_command(backlog, db, 3, words);
}

static int64_t offset(void)
{
    return backlog_lineage(backlog)->offset;
}

static void expect_output(struct bytes expected)
{
    struct buffer got = { 0 };
    output_copy(&output, &got);
    ck_assert_uint_eq(got.size, expected.size);
    ck_assert(bytes_equal(buffer_bytes(&got), expected));
    buffer_fini(&got);
}

/* What a replica that asks to go on behind `from` gets. */
static void expect_from(int64_t from, struct bytes expected)
{
    struct backlog_cursor cursor = { 0 };
    output_fini(&output);
    backlog_cursor_set(backlog, &cursor, from);
    ck_assert_uint_eq(backlog_cursor_hand_out(backlog, &cursor, &output), expected.size);
    expect_output(expected);
    backlog_cursor_clear(backlog, &cursor);
}

START_TEST(a_stream_that_nobody_wants_counts_nothing)
{
    set(0, "a", "1");
    ck_assert(!backlog_is_started(backlog));
    ck_assert_int_eq(offset(), 0);
    ck_assert_int_eq(backlog_check(backlog, bytes_of(backlog_lineage(backlog)->id, 40), 1),
                     BACKLOG_NOT_STARTED);
}
END_TEST

START_TEST(select_stands_before_the_first_command_and_before_another_database)
{
    backlog_start(backlog);
    set(0, "x", "1");
    ck_assert_int_eq(offset(), 50); /* as in a transcript of Valkey's */
    set(0, "y", "2");
    ck_assert_int_eq(offset(), 77);
    set(9, "z", "");
    expect_from(0, BYTES("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
                         "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n1\r\n"
                         "*3\r\n$3\r\nSET\r\n$1\r\ny\r\n$1\r\n2\r\n"
                         "*2\r\n$6\r\nSELECT\r\n$1\r\n9\r\n"
                         "*3\r\n$3\r\nSET\r\n$1\r\nz\r\n$0\r\n\r\n"));
    expect_from(50, BYTES("*3\r\n$3\r\nSET\r\n$1\r\ny\r\n$1\r\n2\r\n"
                          "*2\r\n$6\r\nSELECT\r\n$1\r\n9\r\n"
                          "*3\r\n$3\r\nSET\r\n$1\r\nz\r\n$0\r\n\r\n"));
}
END_TEST

START_TEST(a_transaction_selects_inside_and_a_ping_not_at_all)
{
    struct bytes multi = BYTES("MULTI");
    struct bytes exec = BYTES("EXEC");
    struct bytes ping = BYTES("ping");
    backlog_start(backlog);
    backlog_append_command(backlog, BACKLOG_DB_ANY, 1, &ping);
    backlog_append_command(backlog, BACKLOG_DB_ANY, 1, &multi);
    backlog_append_record(backlog, 1, BYTES("*1\r\n$4\r\nSETX\r\n"));
    backlog_append_command(backlog, BACKLOG_DB_ANY, 1, &exec);
    expect_from(0, BYTES("*1\r\n$4\r\nping\r\n*1\r\n$5\r\nMULTI\r\n"
                         "*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*1\r\n$4\r\nSETX\r\n"
                         "*1\r\n$4\r\nEXEC\r\n"));
}
END_TEST

START_TEST(a_promoted_node_continues_the_former_id_up_to_where_it_ended)
{
    backlog_restart(backlog, "0123456789012345678901234567890123456789", 100, 0);
    backlog_append_applied(backlog, BYTES("*1\r\n$4\r\nping\r\n"), 0);
    struct bytes former = BYTES("0123456789012345678901234567890123456789");
    struct bytes other = BYTES("ffff456789012345678901234567890123456789");

    ck_assert_int_eq(backlog_check(backlog, former, 115), BACKLOG_CONTINUES);
    ck_assert_int_eq(backlog_check(backlog, former, 116), BACKLOG_OFFSET_AHEAD);
    ck_assert_int_eq(backlog_check(backlog, former, 101), BACKLOG_CONTINUES);
    ck_assert_int_eq(backlog_check(backlog, former, 100), BACKLOG_OFFSET_GONE);
    ck_assert_int_eq(backlog_check(backlog, other, 101), BACKLOG_ID_UNKNOWN);

    backlog_fork_id(backlog);
    ck_assert_int_eq(backlog_lineage(backlog)->former_end, 115);
    set(0, "a", "1");
    struct bytes now = bytes_of(backlog_lineage(backlog)->id, REPL_ID_SIZE);
    ck_assert_int_eq(backlog_check(backlog, former, 115), BACKLOG_CONTINUES);
    ck_assert_int_eq(backlog_check(backlog, former, 116), BACKLOG_OFFSET_OF_ANOTHER_HISTORY);
    ck_assert_int_eq(backlog_check(backlog, now, 116), BACKLOG_CONTINUES);
    /* The database is said again, because nobody knows what the former primary had selected. */
    expect_from(114, BYTES("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
                           "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"));
}
END_TEST

START_TEST(an_id_of_zeros_never_continues_anything)
{
    backlog_start(backlog);
    struct bytes zeros = BYTES("0000000000000000000000000000000000000000");
    ck_assert_int_eq(backlog_check(backlog, zeros, 1), BACKLOG_ID_UNKNOWN);
    ck_assert_int_eq(backlog_check(backlog, zeros, -1), BACKLOG_ID_UNKNOWN);
}
END_TEST

START_TEST(the_ring_holds_its_size_and_little_more)
{
    char value[1000];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    backlog_resize(backlog, 100 * KIB);
    backlog_start(backlog);
    for (int i = 0; i < 1000; i++) {
        set(0, "key", value);
        ck_assert_uint_le(backlog_held(backlog), 100 * KIB + 64 * KIB);
        ck_assert_int_eq(backlog_first_offset(backlog) + (int64_t)backlog_held(backlog),
                         offset() + 1);
    }
    ck_assert_uint_ge(backlog_held(backlog), 100 * KIB);
    backlog_resize(backlog, 20 * KIB);
    ck_assert_uint_lt(backlog_held(backlog), 40 * KIB);
}
END_TEST

START_TEST(a_cursor_keeps_what_is_behind_it)
{
    struct backlog_cursor cursor = { 0 };
    char value[3000];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    backlog_resize(backlog, BACKLOG_SIZE_MIN);
    backlog_start(backlog);
    set(0, "first", value);
    int64_t at = offset();
    backlog_cursor_set(backlog, &cursor, at);
    for (int i = 0; i < 100; i++) set(0, "more", value);

    ck_assert_uint_gt(backlog_held(backlog), 200 * KIB);
    ck_assert_uint_eq(backlog_cursor_hand_out(backlog, &cursor, &output), (size_t)(offset() - at));
    ck_assert_uint_lt(backlog_held(backlog), 64 * KIB); /* let go at once */
    ck_assert_uint_eq(output.size, (size_t)(offset() - at));
    backlog_cursor_clear(backlog, &cursor);
}
END_TEST

START_TEST(outputs_refer_to_the_bytes_and_outlive_the_backlog)
{
    struct output second;
    struct backlog_cursor cursors[2] = { 0 };
    char value[50000];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    output_init(&second);
    backlog_start(backlog);
    backlog_cursor_set(backlog, &cursors[0], 0);
    backlog_cursor_set(backlog, &cursors[1], 0);
    set(0, "key", value);
    size_t before = memory_used();
    backlog_cursor_hand_out(backlog, &cursors[0], &output);
    backlog_cursor_hand_out(backlog, &cursors[1], &second);
    ck_assert_uint_lt(memory_used() - before, 10000); /* nothing was copied */

    backlog_cursor_clear(backlog, &cursors[0]);
    backlog_cursor_clear(backlog, &cursors[1]);
    backlog_stop(backlog);
    ck_assert_uint_eq(backlog_memory(backlog), 0);
    struct buffer a = { 0 };
    struct buffer b = { 0 };
    output_copy(&output, &a);
    output_copy(&second, &b);
    ck_assert(bytes_equal(buffer_bytes(&a), buffer_bytes(&b)));
    ck_assert_uint_gt(a.size, 50000);
    buffer_fini(&a);
    buffer_fini(&b);
    output_fini(&second);
}
END_TEST

START_TEST(stopping_takes_a_new_id_that_continues_nothing)
{
    char id[REPL_ID_SIZE];
    backlog_start(backlog);
    backlog_fork_id(backlog);
    set(0, "a", "1");
    memcpy(id, backlog_lineage(backlog)->id, sizeof(id));
    int64_t at = offset();
    backlog_stop(backlog);
    set(0, "b", "2");
    backlog_start(backlog);
    ck_assert_int_eq(backlog_check(backlog, bytes_of(id, sizeof(id)), at + 1), BACKLOG_ID_UNKNOWN);
    ck_assert_int_eq(offset(), at);
}
END_TEST

START_TEST(every_offset_held_reads_back_what_was_written)
{
    struct prng prng;
    struct buffer all = { 0 };
    prng_init(&prng, 42);
    backlog_resize(backlog, 64 * KIB);
    backlog_start(backlog);
    for (int i = 0; i < 300; i++) {
        char bytes[5000];
        size_t size = prng_below(&prng, sizeof(bytes));
        prng_hex(&prng, bytes, size);
        backlog_append_applied(backlog, bytes_of(bytes, size), 0);
        buffer_append(&all, bytes_of(bytes, size));
        int64_t first = backlog_first_offset(backlog);
        int64_t from = prng_between(&prng, first - 1, offset());
        expect_from(from, bytes_from(buffer_bytes(&all), (size_t)from));
    }
    buffer_fini(&all);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repl/backlog");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_stream_that_nobody_wants_counts_nothing);
    tcase_add_test(tcase, select_stands_before_the_first_command_and_before_another_database);
    tcase_add_test(tcase, a_transaction_selects_inside_and_a_ping_not_at_all);
    tcase_add_test(tcase, a_promoted_node_continues_the_former_id_up_to_where_it_ended);
    tcase_add_test(tcase, an_id_of_zeros_never_continues_anything);
    tcase_add_test(tcase, the_ring_holds_its_size_and_little_more);
    tcase_add_test(tcase, a_cursor_keeps_what_is_behind_it);
    tcase_add_test(tcase, outputs_refer_to_the_bytes_and_outlive_the_backlog);
    tcase_add_test(tcase, stopping_takes_a_new_id_that_continues_nothing);
    tcase_add_test(tcase, every_offset_held_reads_back_what_was_written);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
