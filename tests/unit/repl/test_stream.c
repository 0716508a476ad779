/* Tests of the stream's parser and of the frames of a snapshot, whole and in every split. */
#include "base/memory.h"
#include "repl/stream.h"
#include "repl/transfer.h"
#include <check.h>
#include <stdlib.h>

static struct backlog *backlog;
static struct stream stream;
static size_t memory_before;

static void set_up(void)
{
    memory_before = memory_used();
    backlog = backlog_create(1 * MIB, 1);
    backlog_start(backlog);
    stream_init(&stream, backlog);
    stream_begin(&stream, 0);
}

static void tear_down(void)
{
    stream_fini(&stream);
    backlog_destroy(backlog);
    ck_assert_uint_eq(memory_used(), memory_before);
}

static int64_t applied(void)
{
    return backlog_lineage(backlog)->offset;
}

/* "db:NAME(argc)@offset " of each command, the offset being that before it. */
static void run_all(struct buffer *story)
{
    for (;;) {
        enum stream_item item = stream_next(&stream);
        ck_assert_int_ne(item, STREAM_BROKEN);
        if (item == STREAM_NONE) return;
        if (item == STREAM_GETACK)
            buffer_printf(story, "GETACK@%d ", (int)applied());
        else
            buffer_printf(story, "%d:%.*s(%u)@%d ", stream.db, (int)stream.request.argv[0].size,
                          stream.request.argv[0].data, stream.request.argc, (int)applied());
        stream_done(&stream);
    }
}

#define SELECT_1 "*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n"
#define SET_A    "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
#define DEL_A    "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"
#define PING     "*1\r\n$4\r\nping\r\n"
#define MULTI    "*1\r\n$5\r\nMULTI\r\n"
#define EXEC     "*1\r\n$4\r\nEXEC\r\n"
#define GETACK   "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"

static const char whole[] = SET_A PING MULTI SELECT_1 SET_A DEL_A EXEC "\r\n" GETACK DEL_A;
/* 27, 14 -> 41; MULTI .. EXEC is 15 + 23 + 27 + 20 + 14 = 99 -> 140; 2 -> 142; 37 -> 179 */
static const char whole_story[] = "0:SET(3)@0 1:SET(3)@41 1:DEL(2)@41 GETACK@142 1:DEL(2)@179 ";

START_TEST(commands_come_with_database_and_offset)
{
    struct buffer story = { 0 };
    stream_feed(&stream, bytes_text(whole));
    run_all(&story);
    ck_assert(bytes_equal(buffer_bytes(&story), bytes_text(whole_story)));
    ck_assert_int_eq(applied(), sizeof(whole) - 1);
    ck_assert_uint_eq(stream_pending(&stream), 0);
    buffer_fini(&story);
}
END_TEST

START_TEST(it_does_not_matter_how_the_bytes_are_split)
{
    for (size_t split = 1; split < sizeof(whole) - 1; split++) {
        for (size_t step = 1; step < 4; step++) {
            struct buffer story = { 0 };
            backlog_restart(backlog, backlog_lineage(backlog)->id, 0, 0);
            stream_drop(&stream);
            stream_begin(&stream, 0);
            stream_feed(&stream, bytes_of(whole, split));
            run_all(&story);
            for (size_t at = split; at < sizeof(whole) - 1; at += step) {
                stream_feed(&stream, bytes_of(whole + at, MIN(step, sizeof(whole) - 1 - at)));
                run_all(&story);
            }
            ck_assert(bytes_equal(buffer_bytes(&story), bytes_text(whole_story)));
            ck_assert_int_eq(applied(), sizeof(whole) - 1);
            buffer_fini(&story);
        }
    }
}
END_TEST

START_TEST(what_is_applied_goes_into_the_backlog_unchanged)
{
    struct buffer story = { 0 };
    struct buffer copy = { 0 };
    struct output output;
    struct backlog_cursor cursor = { 0 };
    output_init(&output);
    backlog_cursor_set(backlog, &cursor, 0);
    stream_feed(&stream, bytes_text(whole));
    run_all(&story);
    backlog_cursor_hand_out(backlog, &cursor, &output);
    output_copy(&output, &copy);
    ck_assert(bytes_equal(buffer_bytes(&copy), bytes_text(whole)));
    ck_assert_int_eq(backlog_lineage(backlog)->db, 1);
    backlog_cursor_clear(backlog, &cursor);
    output_fini(&output);
    buffer_fini(&copy);
    buffer_fini(&story);
}
END_TEST

START_TEST(a_transaction_without_its_end_leaves_nothing_behind)
{
    struct buffer story = { 0 };
    stream_feed(&stream, BYTES(PING MULTI SELECT_1 SET_A DEL_A "*1\r\n$4\r\nEXE"));
    run_all(&story);
    ck_assert_uint_eq(story.size, 0);
    ck_assert_int_eq(applied(), 14);
    stream_drop(&stream);
    stream_feed(&stream, BYTES(SET_A));
    run_all(&story);
    ck_assert(bytes_equal(buffer_bytes(&story), BYTES("0:SET(3)@14 ")));
    buffer_fini(&story);
}
END_TEST

START_TEST(the_same_command_comes_again_until_it_is_done)
{
    stream_feed(&stream, BYTES(SET_A DEL_A));
    ck_assert_int_eq(stream_next(&stream), STREAM_COMMAND);
    ck_assert_int_eq(stream_next(&stream), STREAM_COMMAND);
    stream_feed(&stream, BYTES(DEL_A)); /* may move the bytes */
    ck_assert_int_eq(stream_next(&stream), STREAM_COMMAND);
    ck_assert(bytes_equal(stream.request.argv[0], BYTES("SET")));
    ck_assert_int_eq(applied(), 0);
    stream_done(&stream);
    ck_assert_int_eq(applied(), 27);
}
END_TEST

START_TEST(what_is_no_stream_is_said_to_be_none)
{
    static const char *const broken[] = {
        "*1\r\n:1\r\n",           "*2\r\n$6\r\nSELECT\r\n$1\r\nx\r\n",
        "*1\r\n$6\r\nSELECT\r\n", EXEC,
        MULTI MULTI EXEC EXEC,    "*x\r\n"
    };
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        stream_drop(&stream);
        stream_feed(&stream, bytes_text(broken[i]));
        ck_assert_int_eq(stream_next(&stream), STREAM_BROKEN);
    }
}
END_TEST

/* ---- frames ---- */

static void take_loads(struct repl_effects *effects, struct buffer *into)
{
    for (size_t i = 0; i < effects->count; i++) {
        ck_assert_int_eq(effects->items[i].type, REPL_LOAD);
        buffer_append(into, effects->items[i].bytes);
    }
    repl_effects_clear(effects);
}

static void expect_frame(struct bytes line, struct bytes input, size_t step, struct bytes expected,
                         size_t rest)
{
    struct transfer transfer;
    struct repl_effects effects;
    struct buffer got = { 0 };
    repl_effects_init(&effects);
    ck_assert(transfer_begin(&transfer, line));
    size_t at = 0;
    while (at < input.size && transfer.frame != TRANSFER_DONE) {
        /* From a block of its own, so that a sanitizer sees what is read behind it. */
        size_t size = MIN(step, input.size - at);
        char *piece = memory_alloc(size);
        memcpy(piece, input.data + at, size);
        at += transfer_feed(&transfer, bytes_of(piece, size), &effects);
        take_loads(&effects, &got);
        memory_free(piece);
    }
    ck_assert_int_eq(transfer.frame, TRANSFER_DONE);
    ck_assert_uint_eq(input.size - at, rest);
    ck_assert(bytes_equal(buffer_bytes(&got), expected));
    ck_assert_uint_eq(transfer.read, expected.size);
    buffer_fini(&got);
    repl_effects_fini(&effects);
}

#define MARKER "0123456789abcdef0123456789abcdef01234567"

START_TEST(a_snapshot_by_marker_ends_where_the_marker_comes_again)
{
    /* Bytes that look like the beginning of the marker, right before it. */
    struct bytes data = BYTES("REDIS0123456789abcdef0123456789abcdef0123456"
                              "0123456789abcdef0123456789abcdef0123456" MARKER "tail");
    size_t size = data.size - sizeof(MARKER "tail") + 1;
    for (size_t step = 1; step <= data.size; step++)
        expect_frame(BYTES("$EOF:" MARKER), data, step, bytes_of(data.data, size), 4);
}
END_TEST

START_TEST(a_long_snapshot_by_marker_comes_out_whole)
{
    struct buffer data = { 0 };
    for (int i = 0; i < 3000; i++) buffer_append_int(&data, i);
    size_t size = data.size;
    buffer_append(&data, BYTES(MARKER));
    static const size_t steps[] = { 1, 7, 38, 39, 40, 41, 78, 79, 80, 1000, 100000 };
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        expect_frame(BYTES("$EOF:" MARKER), buffer_bytes(&data), steps[i],
                     bytes_of(data.data, size), 0);
    buffer_fini(&data);
}
END_TEST

START_TEST(a_snapshot_by_length_ends_at_its_length)
{
    for (size_t step = 1; step < 12; step++)
        expect_frame(BYTES("$5"), BYTES("REDIS*1\r\n"), step, BYTES("REDIS"), 4);
}
END_TEST

START_TEST(a_header_that_is_none_is_refused)
{
    static const char *const broken[] = { "$",  "$-1",  "$x", "+OK",    "$EOF:short",
                                          "$0", "$EOF", "",   "-ERR no" };
    struct transfer transfer;
    for (size_t i = 0; i < COUNT_OF(broken); i++)
        ck_assert(!transfer_begin(&transfer, bytes_text(broken[i])));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repl/stream");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, commands_come_with_database_and_offset);
    tcase_add_test(tcase, it_does_not_matter_how_the_bytes_are_split);
    tcase_add_test(tcase, what_is_applied_goes_into_the_backlog_unchanged);
    tcase_add_test(tcase, a_transaction_without_its_end_leaves_nothing_behind);
    tcase_add_test(tcase, the_same_command_comes_again_until_it_is_done);
    tcase_add_test(tcase, what_is_no_stream_is_said_to_be_none);
    tcase_add_test(tcase, a_snapshot_by_marker_ends_where_the_marker_comes_again);
    tcase_add_test(tcase, a_long_snapshot_by_marker_comes_out_whole);
    tcase_add_test(tcase, a_snapshot_by_length_ends_at_its_length);
    tcase_add_test(tcase, a_header_that_is_none_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
