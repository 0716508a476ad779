/* Tests of reply writing: every kind of reply in RESP2 and RESP3. */
#include "base/number.h"
#include "resp/inline.h"
#include "resp/reply.h"
#include <check.h>
#include <stdlib.h>

static struct output output;
static struct resp_writer two = { .output = &output, .protocol = 2 };
static struct resp_writer three = { .output = &output, .protocol = 3 };

static void set_up(void)
{
    output_init(&output);
}

static void tear_down(void)
{
    output_fini(&output);
}

/* What was written since the last call. */
static void expect(const char *expected)
{
    struct buffer written = { 0 };
    output_copy(&output, &written);
    output_consume(&output, output.size);
    buffer_append_byte(&written, '\0');
    ck_assert_str_eq(written.data, expected);
    buffer_fini(&written);
}

START_TEST(lines_cannot_be_ended_early)
{
    resp_simple(&two, "a\r\nb");
    expect("+a  b\r\n");
    resp_error(&two, "ERR bad\nline");
    expect("-ERR bad line\r\n");
    resp_error_format(&two, "ERR unknown command '%s'", "a\rb");
    expect("-ERR unknown command 'a b'\r\n");
}
END_TEST

START_TEST(a_formatted_error_may_be_long)
{
    char name[1000];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    resp_error_format(&two, "ERR %s", name);
    ck_assert_uint_eq(output.size, 1 + 4 + 999 + 2);
}
END_TEST

START_TEST(integers_print_in_full_range)
{
    resp_integer(&two, 0);
    resp_integer(&two, 7);
    resp_integer(&two, 10);
    resp_integer(&two, -1);
    resp_integer(&two, INT64_MIN);
    resp_integer(&two, INT64_MAX);
    expect(":0\r\n:7\r\n:10\r\n:-1\r\n:-9223372036854775808\r\n:9223372036854775807\r\n");
}
END_TEST

START_TEST(nulls_differ_in_resp2_only)
{
    resp_null(&two);
    resp_null_array(&two);
    expect("$-1\r\n*-1\r\n");
    resp_null(&three);
    resp_null_array(&three);
    expect("_\r\n_\r\n");
}
END_TEST

START_TEST(doubles_booleans_and_big_numbers_are_old_types_in_resp2)
{
    resp_double(&two, 1.5);
    resp_bool(&two, true);
    resp_big_number(&two, BYTES("12345678901234567890"));
    expect("$3\r\n1.5\r\n:1\r\n$20\r\n12345678901234567890\r\n");
    resp_double(&three, 1.5);
    resp_double(&three, 3);
    resp_bool(&three, true);
    resp_bool(&three, false);
    resp_big_number(&three, BYTES("12345678901234567890"));
    expect(",1.5\r\n,3\r\n#t\r\n#f\r\n(12345678901234567890\r\n");
}
END_TEST

START_TEST(bulks_carry_any_bytes)
{
    resp_bulk(&two, BYTES("a\r\nb"));
    resp_bulk(&two, BYTES_EMPTY);
    resp_bulk_text(&two, "text");
    resp_bulk_integer(&two, -42);
    resp_bulk_double(&two, 0.1);
    resp_bulk_format(&two, "%d-%d", 5, 0);
    expect("$4\r\na\r\nb\r\n$0\r\n\r\n$4\r\ntext\r\n$3\r\n-42\r\n$3\r\n0.1\r\n$3\r\n5-0\r\n");
}
END_TEST

START_TEST(a_bulk_larger_than_a_block_arrives_whole)
{
    size_t size = 3 * OUTPUT_BLOCK_SIZE + 17;
    struct buffer value = { 0 };
    for (size_t i = 0; i < size; ++i) buffer_append_byte(&value, (char)(i * 31));
    resp_fast_bulk(&two, buffer_bytes(&value));
    struct buffer written = { 0 };
    output_copy(&output, &written);
    struct bytes head = BYTES("$49169\r\n");
    ck_assert(bytes_starts_with(buffer_bytes(&written), head));
    ck_assert_uint_eq(written.size, head.size + size + 2);
    ck_assert(bytes_equal(bytes_of(written.data + head.size, size), buffer_bytes(&value)));
    buffer_fini(&written);
    buffer_fini(&value);
}
END_TEST

START_TEST(a_shared_bulk_is_released_when_it_is_sent)
{
    struct shared shared = { .references = 1 };
    resp_bulk_shared(&two, &shared, BYTES("counted"));
    ck_assert_uint_eq(shared.references, 2);
    expect("$7\r\ncounted\r\n");
    ck_assert_uint_eq(shared.references, 1);
}
END_TEST

START_TEST(verbatim_text_names_its_format_in_resp3)
{
    resp_verbatim(&two, "txt", BYTES("hello"));
    expect("$5\r\nhello\r\n");
    resp_verbatim(&three, "txt", BYTES("hello"));
    expect("=9\r\ntxt:hello\r\n");
}
END_TEST

START_TEST(resp2_knows_arrays_only)
{
    resp_array(&two, 3);
    resp_map(&two, 3);
    resp_set(&two, 3);
    resp_push(&two, 3);
    expect("*3\r\n*6\r\n*3\r\n*3\r\n");
    resp_array(&three, 3);
    resp_map(&three, 3);
    resp_set(&three, 3);
    resp_push(&three, 3);
    resp_attribute(&three, 1);
    expect("*3\r\n%3\r\n~3\r\n>3\r\n|1\r\n");
}
END_TEST

START_TEST(a_count_may_be_written_after_its_items)
{
    resp_ok(&three);
    struct output_mark outer = resp_begin(&three);
    resp_integer(&three, 1);
    struct output_mark inner = resp_begin(&three);
    resp_integer(&three, 2);
    resp_integer(&three, 3);
    resp_end_map(&three, inner, 1);
    resp_end_array(&three, outer, 2);
    resp_end_set(&three, resp_begin(&three), 0);
    expect("+OK\r\n*2\r\n:1\r\n%1\r\n:2\r\n:3\r\n~0\r\n");
    struct output_mark map = resp_begin(&two);
    resp_integer(&two, 2);
    resp_integer(&two, 3);
    resp_end_map(&two, map, 1);
    expect("*2\r\n:2\r\n:3\r\n");
}
END_TEST

START_TEST(a_command_is_written_the_same_way_to_a_buffer_and_an_output)
{
    struct bytes argv[] = { BYTES("SET"), BYTES("k"), BYTES("") };
    struct buffer wire = { 0 };
    resp_write_command(&wire, 3, argv);
    buffer_append_byte(&wire, '\0');
    ck_assert_str_eq(wire.data, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
    resp_output_command(&output, 3, argv);
    expect(wire.data);
    buffer_fini(&wire);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("reply");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, lines_cannot_be_ended_early);
    tcase_add_test(tests, a_formatted_error_may_be_long);
    tcase_add_test(tests, integers_print_in_full_range);
    tcase_add_test(tests, nulls_differ_in_resp2_only);
    tcase_add_test(tests, doubles_booleans_and_big_numbers_are_old_types_in_resp2);
    tcase_add_test(tests, bulks_carry_any_bytes);
    tcase_add_test(tests, a_bulk_larger_than_a_block_arrives_whole);
    tcase_add_test(tests, a_shared_bulk_is_released_when_it_is_sent);
    tcase_add_test(tests, verbatim_text_names_its_format_in_resp3);
    tcase_add_test(tests, resp2_knows_arrays_only);
    tcase_add_test(tests, a_count_may_be_written_after_its_items);
    tcase_add_test(tests, a_command_is_written_the_same_way_to_a_buffer_and_an_output);
    Suite *suite = suite_create("resp/reply");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
