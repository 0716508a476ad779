/* Slices of bytes: comparing, searching, copying. */
#include "base/bytes.h"

#include "base/memory.h"
#include "lib/suite.h"

START_TEST(order_is_that_of_memcmp_and_then_of_length)
{
    ck_assert_int_lt(bytes_compare(BYTES("a"), BYTES("b")), 0);
    ck_assert_int_lt(bytes_compare(BYTES("a"), BYTES("ab")), 0);
    ck_assert_int_gt(bytes_compare(BYTES("\xff"), BYTES("a")), 0);
    ck_assert_int_eq(bytes_compare(BYTES("a\0b"), BYTES("a\0b")), 0);
    ck_assert_int_lt(bytes_compare((struct bytes){ 0 }, BYTES("a")), 0);
    ck_assert(bytes_equal((struct bytes){ 0 }, BYTES_EMPTY));
    ck_assert(!bytes_equal(BYTES("a"), BYTES("b")));
}
END_TEST

START_TEST(case_is_ignored_for_ascii_letters_only)
{
    ck_assert(bytes_equal_nocase(BYTES("gEt"), BYTES("GET")));
    ck_assert(!bytes_equal_nocase(BYTES("get"), BYTES("ge")));
    ck_assert(!bytes_equal_nocase(BYTES("[@"), BYTES("{`")));
    ck_assert(bytes_is_word(BYTES("CoNfIg"), "config"));
    ck_assert(!bytes_is_word(BYTES("conf"), "config"));
    ck_assert(!bytes_is_word(BYTES("configs"), "config"));
    ck_assert(!bytes_is_word(BYTES("a\0"), "a"));
    ck_assert(bytes_is_word(BYTES(""), ""));
}
END_TEST

START_TEST(places_are_found)
{
    ck_assert_int_eq(bytes_index_of(BYTES("abca"), 'a'), 0);
    ck_assert_int_eq(bytes_index_of(BYTES("abc"), 'c'), 2);
    ck_assert_int_eq(bytes_index_of(BYTES("abc"), 'd'), -1);
    ck_assert_int_eq(bytes_index_of((struct bytes){ 0 }, 'd'), -1);
    ck_assert(bytes_starts_with(BYTES("abc"), BYTES("ab")));
    ck_assert(bytes_starts_with(BYTES("abc"), BYTES("")));
    ck_assert(!bytes_starts_with(BYTES("ab"), BYTES("abc")));
    ck_assert(bytes_equal(bytes_from(BYTES("abc"), 3), BYTES("")));
}
END_TEST

START_TEST(blanks_are_trimmed_at_both_ends)
{
    ck_assert(bytes_equal(bytes_trim(BYTES(" \t a b\r\n")), BYTES("a b")));
    ck_assert(bytes_equal(bytes_trim(BYTES(" \t ")), BYTES("")));
    ck_assert(bytes_equal(bytes_trim(BYTES("")), BYTES("")));
}
END_TEST

START_TEST(copies_are_terminated)
{
    char *text = bytes_copy_text(BYTES("abc"));
    ck_assert_str_eq(text, "abc");
    memory_free(text);
    char field[4];
    ck_assert(bytes_to_text(BYTES("abc"), field, sizeof(field)));
    ck_assert_str_eq(field, "abc");
    ck_assert(!bytes_to_text(BYTES("abcd"), field, sizeof(field)));
    ck_assert_str_eq(field, "abc");
    ck_assert(bytes_to_text((struct bytes){ 0 }, field, sizeof(field)));
    ck_assert_str_eq(field, "");
    ck_assert(!bytes_to_text(BYTES("a"), field, 0));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("bytes");
    tcase_add_test(tests, order_is_that_of_memcmp_and_then_of_length);
    tcase_add_test(tests, case_is_ignored_for_ascii_letters_only);
    tcase_add_test(tests, places_are_found);
    tcase_add_test(tests, blanks_are_trimmed_at_both_ends);
    tcase_add_test(tests, copies_are_terminated);
    return suite_run("base/bytes", tests);
}
