/* Long strings, ranges, and the names of types. */
#include "types/string.h"

#include "base/memory.h"
#include "lib/suite.h"
#include "types/value.h"

START_TEST(ranges_are_cut_as_getrange_of_valkey_cuts_them)
{
    struct bytes text = BYTES("This is a string");
    static const struct {
        int64_t start, end;
        const char *expected;
    } cases[] = {
        { 0, 3, "This" },
        { -3, -1, "ing" },
        { 0, -1, "This is a string" },
        { 10, 100, "string" },
        { -1, -3, "" },
        { 5, 2, "" },
        { -100, 2, "Thi" },
        { 3, -100, "" },
        { -1, -100, "" },
        { -100, -50, "T" },
        { -100, -200, "" },
        { 20, 30, "" },
        { -5, 2, "" },
        { INT64_MIN, INT64_MAX, "This is a string" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        ck_assert(bytes_equal(string_range(text, cases[i].start, cases[i].end),
                              bytes_text(cases[i].expected)));
    ck_assert_uint_eq(string_range(BYTES(""), 0, -1).size, 0);
}
END_TEST

START_TEST(canonical_integers_are_known)
{
    int64_t value;
    ck_assert(string_is_integer(BYTES("-9223372036854775808"), &value));
    ck_assert_int_eq(value, INT64_MIN);
    ck_assert(!string_is_integer(BYTES("-0"), &value));
    ck_assert(!string_is_integer(BYTES(""), &value));
    ck_assert(!string_is_integer(BYTES("1 "), &value));
}
END_TEST

START_TEST(a_string_may_take_over_the_buffer_it_came_in)
{
    size_t used = memory_used();
    struct buffer buffer = { 0 };
    buffer_reserve(&buffer, 30000);
    buffer_append_text(&buffer, "head ");
    memset(buffer_reserve(&buffer, 20000), 'x', 20000);
    buffer.size += 20000;
    struct bytes text = bytes_of(buffer.data + 5, 20000);
    ck_assert(!string_may_adopt(&buffer, bytes_of(buffer.data + 5, 100)));   /* short */
    ck_assert(!string_may_adopt(&buffer, text));                             /* too much room */
    ck_assert(!string_may_adopt(&buffer, bytes_of(buffer.data + 6, 20000))); /* beyond its end */
    struct string *string = string_adopt(&buffer, text);
    ck_assert_ptr_null(buffer.data);
    ck_assert_uint_eq(string_memory(string), memory_used() - used);
    ck_assert_ptr_eq(string_bytes(string).data, text.data);
    ck_assert_ptr_eq(string_open(&string, 20000), text.data); /* edited in place */
    shared_hold(string_shared(string));
    struct string *before = string;
    string_open(&string, 20001)[20000] = 'y'; /* a reader keeps what it was */
    ck_assert_uint_eq(string_bytes(before).size, 20000);
    ck_assert_uint_eq(string_bytes(string).size, 20001);
    ck_assert_int_eq(string_bytes(string).data[19999], 'x');
    shared_drop(string_shared(before));
    string_destroy(string);
    ck_assert_uint_eq(memory_used(), used);
}
END_TEST

START_TEST(an_adopted_string_grows_into_a_block_of_its_own)
{
    size_t used = memory_used();
    struct buffer buffer = { 0 };
    memset(buffer_reserve(&buffer, 16384), 'x', 16384);
    buffer.size = 16384;
    struct bytes text = buffer_bytes(&buffer);
    ck_assert(string_may_adopt(&buffer, text));
    struct string *string = string_adopt(&buffer, text);
    string_open(&string, 40000)[39999] = 'y';
    ck_assert_int_eq(string_bytes(string).data[16383], 'x');
    ck_assert_int_eq(string_bytes(string).data[16384], 0);
    string_destroy(string);
    ck_assert_uint_eq(memory_used(), used);
}
END_TEST

START_TEST(opening_grows_with_zeros_and_seldom_moves)
{
    size_t used = memory_used();
    struct string *string = string_create(BYTES("abc"));
    memcpy(string_open(&string, 10) + 9, "z", 1);
    ck_assert(bytes_equal(string_bytes(string), BYTES("abc\0\0\0\0\0\0z")));
    string_open(&string, 2); /* never shrinks */
    ck_assert_uint_eq(string_bytes(string).size, 10);
    size_t moves = 0;
    for (size_t size = 10; size < 100000; size++) {
        struct string *before = string;
        size_t memory = string_memory(string);
        string_open(&string, size)[size - 1] = 'x';
        moves += before != string || memory != string_memory(string);
    }
    ck_assert_uint_lt(moves, 30); /* growth is by a half */
    string_destroy(string);
    string_destroy(NULL);
    ck_assert_uint_eq(memory_used(), used);
}
END_TEST

START_TEST(a_string_that_is_being_sent_does_not_change)
{
    size_t used = memory_used();
    struct string *string = string_create_zero(20000);
    struct output output;
    output_init(&output);
    output_append_shared(&output, string_shared(string), string_bytes(string));
    string_open(&string, 20000)[0] = 'x'; /* a copy: the sender keeps its own */
    struct iovec slice;
    ck_assert_uint_eq(output_slices(&output, &slice, 1), 1);
    ck_assert_int_eq(*(char *)slice.iov_base, 0);
    string_destroy(string);
    ck_assert_int_eq(((char *)slice.iov_base)[19999], 0);
    output_consume(&output, 20000);
    output_fini(&output);
    ck_assert_uint_eq(memory_used(), used);
}
END_TEST

START_TEST(types_have_names)
{
    enum value_type type;
    for (int i = 0; i < VALUE_TYPE_COUNT; i++) {
        ck_assert(value_type_parse(bytes_text(value_type_name((enum value_type)i)), &type));
        ck_assert_int_eq(type, i);
    }
    ck_assert(value_type_parse(BYTES("ZSet"), &type));
    ck_assert(!value_type_parse(BYTES("none"), &type));
}
END_TEST

START_TEST(a_copied_value_is_of_its_own)
{
    struct string *string = string_create(BYTES("abc"));
    struct string *copy = value_copy(VALUE_STRING, string);
    string_open(&string, 3)[0] = 'x';
    ck_assert(bytes_equal(string_bytes(copy), BYTES("abc")));
    ck_assert_uint_ge(value_memory(VALUE_STRING, copy, 0), 3);
    ck_assert_uint_eq(value_free_effort(VALUE_STRING, copy), 1);
    ck_assert_str_eq(value_encoding(VALUE_STRING, copy), "raw");
    value_destroy(VALUE_STRING, string);
    value_destroy(VALUE_STRING, copy);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("string");
    tcase_add_test(tests, ranges_are_cut_as_getrange_of_valkey_cuts_them);
    tcase_add_test(tests, canonical_integers_are_known);
    tcase_add_test(tests, a_string_may_take_over_the_buffer_it_came_in);
    tcase_add_test(tests, an_adopted_string_grows_into_a_block_of_its_own);
    tcase_add_test(tests, opening_grows_with_zeros_and_seldom_moves);
    tcase_add_test(tests, a_string_that_is_being_sent_does_not_change);
    tcase_add_test(tests, types_have_names);
    tcase_add_test(tests, a_copied_value_is_of_its_own);
    return suite_run("types/string", tests);
}
