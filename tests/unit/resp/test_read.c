/* Tests of reply reading: heads, ends, trees, and bytes that break the protocol. */
#include "resp/read.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

static struct resp_reader *reader;

static void set_up(void)
{
    reader = resp_reader_create(&RESP_LIMITS_DEFAULT);
}

static void tear_down(void)
{
    resp_reader_destroy(reader);
}

/* The one reply that these bytes are; the caller destroys it. */
static struct resp_value *read_one(struct bytes input)
{
    struct resp_value *value;
    resp_reader_feed(reader, input);
    ck_assert_int_eq(resp_reader_next(reader, &value), RESP_READY);
    ck_assert_uint_eq(resp_reader_rest(reader).size, 0);
    size_t consumed;
    ck_assert_int_eq(resp_skip(input, &consumed), RESP_READY);
    ck_assert_uint_eq(consumed, input.size);
    return value;
}

START_TEST(leaves_keep_their_type_and_text)
{
    static const struct {
        const char *wire;
        enum resp_type type;
        const char *text;
    } cases[] = {
        { "+OK\r\n", RESP_SIMPLE, "OK" },
        { "+\r\n", RESP_SIMPLE, "" },
        { "-ERR no\r\n", RESP_ERROR, "ERR no" },
        { "$5\r\nhello\r\n", RESP_BULK, "hello" },
        { "$0\r\n\r\n", RESP_BULK, "" },
        { "(123456789012345678901\r\n", RESP_BIG_NUMBER, "123456789012345678901" },
        { "!5\r\nERR x\r\n", RESP_BULK_ERROR, "ERR x" },
        { "=9\r\ntxt:hello\r\n", RESP_VERBATIM, "hello" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); ++i) {
        struct resp_value *value = read_one(bytes_text(cases[i].wire));
        ck_assert_int_eq(value->type, cases[i].type);
        ck_assert_str_eq(value->text.data, cases[i].text);
        if (value->type == RESP_VERBATIM) ck_assert_str_eq(value->format, "txt");
        resp_value_destroy(value);
    }
}
END_TEST

START_TEST(numbers_and_booleans_have_values)
{
    struct resp_value *value =
        read_one(BYTES("*6\r\n:-5\r\n:+7\r\n,1.5\r\n,-inf\r\n,nan\r\n#t\r\n"));
    ck_assert_uint_eq(value->count, 6);
    ck_assert_int_eq(value->items[0].integer, -5);
    ck_assert_int_eq(value->items[1].integer, 7);
    ck_assert(value->items[2].number == 1.5);
    ck_assert(isinf(value->items[3].number) && value->items[3].number < 0);
    ck_assert(isnan(value->items[4].number));
    ck_assert(value->items[5].boolean);
    resp_value_destroy(value);
}
END_TEST

START_TEST(nulls_of_both_protocols_are_nulls)
{
    struct resp_value *value = read_one(BYTES("*3\r\n$-1\r\n*-1\r\n_\r\n"));
    for (size_t i = 0; i < 3; ++i) {
        ck_assert_int_eq(value->items[i].type, RESP_NULL);
        ck_assert_int_eq(value->items[i].null_form, "$*_"[i]);
    }
    resp_value_destroy(value);
}
END_TEST

START_TEST(aggregates_nest)
{
    struct bytes wire = BYTES("%2\r\n$1\r\na\r\n*2\r\n:1\r\n~1\r\n:2\r\n$1\r\nb\r\n>0\r\n");
    struct resp_value *map = read_one(wire);
    ck_assert_int_eq(map->type, RESP_MAP);
    ck_assert_uint_eq(map->count, 4);
    const struct resp_value *a = resp_value_find(map, "a");
    ck_assert_uint_eq(a->count, 2);
    ck_assert_int_eq(a->items[1].type, RESP_SET);
    ck_assert_int_eq(a->items[1].items[0].integer, 2);
    ck_assert_int_eq(resp_value_find(map, "b")->type, RESP_PUSH);
    ck_assert_ptr_null(resp_value_find(map, "c"));
    resp_value_destroy(map);
}
END_TEST

START_TEST(an_attribute_belongs_to_the_value_behind_it)
{
    struct bytes wire = BYTES("*2\r\n|1\r\n+ttl\r\n:5\r\n*1\r\n|0\r\n:1\r\n:2\r\n");
    struct resp_value *value = read_one(wire);
    ck_assert_uint_eq(value->count, 2);
    ck_assert_int_eq(resp_value_find(value->items[0].attribute, "ttl")->integer, 5);
    ck_assert_int_eq(value->items[0].items[0].integer, 1);
    ck_assert_uint_eq(value->items[0].items[0].attribute->count, 0);
    ck_assert_int_eq(value->items[1].integer, 2);
    resp_value_destroy(value);
}
END_TEST

START_TEST(a_reply_may_come_byte_by_byte)
{
    struct bytes wire = BYTES("*3\r\n$5\r\nhello\r\n%1\r\n+k\r\n,2.5\r\n*0\r\n+next\r\n");
    size_t whole = wire.size - 7;
    struct resp_value *value;
    size_t consumed;
    for (size_t i = 0; i < wire.size; ++i) {
        resp_reader_feed(reader, bytes_of(wire.data + i, 1));
        enum resp_result result = resp_reader_next(reader, &value);
        ck_assert_int_eq(result, i + 1 == whole || i + 1 == wire.size ? RESP_READY : RESP_MORE);
        if (i + 1 < whole)
            ck_assert_int_eq(resp_skip(bytes_of(wire.data, i + 1), &consumed), RESP_MORE);
        if (result == RESP_MORE) continue;
        ck_assert_uint_eq(value->count, i + 1 == whole ? 3 : 0);
        resp_value_destroy(value);
    }
}
END_TEST

START_TEST(bytes_that_are_not_resp_break_the_reader)
{
    static const char *const cases[] = {
        "hello\r\n",       ":x\r\n", ":\r\n",   "$-2\r\n",         "$x\r\n",   "*?\r\n",
        "$3\r\nabcd\r\n",  "#x\r\n", "_x\r\n",  ",\r\n",           ",abc\r\n", "=3\r\ntxt\r\n",
        "=5\r\ntxt_a\r\n", "+a\n",   "%-1\r\n", "*2147483648\r\n", "\n",       "|0\r\n|0\r\n+a\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(cases); ++i) {
        struct resp_value *value;
        struct resp_reader *fresh = resp_reader_create(&RESP_LIMITS_DEFAULT);
        resp_reader_feed(fresh, bytes_text(cases[i]));
        ck_assert_msg(resp_reader_next(fresh, &value) == RESP_BROKEN, "%s", cases[i]);
        ck_assert_ptr_nonnull(resp_reader_error(fresh));
        ck_assert_int_eq(resp_reader_next(fresh, &value), RESP_BROKEN);
        resp_reader_destroy(fresh);
    }
}
END_TEST

START_TEST(depth_and_size_have_limits)
{
    struct resp_value *value;
    struct resp_limits limits = { .size_max = 1000, .depth_max = 3 };
    struct resp_reader *deep = resp_reader_create(&limits);
    resp_reader_feed(deep, BYTES("*1\r\n*1\r\n*1\r\n*1\r\n"));
    ck_assert_int_eq(resp_reader_next(deep, &value), RESP_BROKEN);
    resp_reader_destroy(deep);

    struct resp_reader *large = resp_reader_create(&limits);
    resp_reader_feed(large, BYTES("$1001\r\n"));
    ck_assert_int_eq(resp_reader_next(large, &value), RESP_BROKEN);
    resp_reader_destroy(large);

    struct resp_reader *many = resp_reader_create(&limits);
    resp_reader_feed(many, BYTES("*100000\r\n"));
    ck_assert_int_eq(resp_reader_next(many, &value), RESP_MORE);
    for (int i = 0; i < 1000; ++i) resp_reader_feed(many, BYTES("_\r\n"));
    ck_assert_int_eq(resp_reader_next(many, &value), RESP_BROKEN);
    resp_reader_destroy(many);

    struct resp_reader *line = resp_reader_create(&limits);
    for (int i = 0; i < 1000; ++i) resp_reader_feed(line, BYTES("++"));
    ck_assert_int_eq(resp_reader_next(line, &value), RESP_BROKEN);
    resp_reader_destroy(line);
}
END_TEST

START_TEST(a_stream_behind_a_reply_can_be_taken_over)
{
    struct resp_value *value;
    resp_reader_feed(reader, BYTES("+CONTINUE\r\nraw bytes"));
    ck_assert_int_eq(resp_reader_next(reader, &value), RESP_READY);
    resp_value_destroy(value);
    ck_assert(bytes_equal(resp_reader_rest(reader), BYTES("raw bytes")));
    resp_reader_drop(reader, 4);
    ck_assert(bytes_equal(resp_reader_rest(reader), BYTES("bytes")));
}
END_TEST

START_TEST(a_head_is_read_without_its_payload)
{
    struct resp_head head;
    ck_assert_int_eq(resp_head_read(BYTES("$1000000000\r\nabc"), &head), RESP_READY);
    ck_assert_int_eq(head.type, RESP_BULK);
    ck_assert_int_eq(head.number, 1000000000);
    ck_assert_uint_eq(head.consumed, 13);
    ck_assert_int_eq(resp_head_read(BYTES("$1000"), &head), RESP_MORE);
    ck_assert_int_eq(resp_head_read(BYTES("x"), &head), RESP_BROKEN);
}
END_TEST

START_TEST(an_error_is_known_by_its_code)
{
    struct resp_value *value = read_one(BYTES("-MOVED 5 127.0.0.1:7000\r\n"));
    ck_assert(resp_value_is_error(value, "MOVED"));
    ck_assert(!resp_value_is_error(value, "MOVE"));
    ck_assert(!resp_value_is_error(value, "ASK"));
    resp_value_destroy(value);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("read");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, leaves_keep_their_type_and_text);
    tcase_add_test(tests, numbers_and_booleans_have_values);
    tcase_add_test(tests, nulls_of_both_protocols_are_nulls);
    tcase_add_test(tests, aggregates_nest);
    tcase_add_test(tests, an_attribute_belongs_to_the_value_behind_it);
    tcase_add_test(tests, a_reply_may_come_byte_by_byte);
    tcase_add_test(tests, bytes_that_are_not_resp_break_the_reader);
    tcase_add_test(tests, depth_and_size_have_limits);
    tcase_add_test(tests, a_stream_behind_a_reply_can_be_taken_over);
    tcase_add_test(tests, a_head_is_read_without_its_payload);
    tcase_add_test(tests, an_error_is_known_by_its_code);
    Suite *suite = suite_create("resp/read");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
