/* Sets of slots and the text of node ids. */
#include "cluster/types.h"

#include <check.h>
#include <stdlib.h>

START_TEST(an_id_is_forty_lower_case_hex_characters)
{
    struct node_id id;
    ck_assert(node_id_parse(BYTES("0123456789abcdef0123456789abcdef01234567"), &id));
    ck_assert_mem_eq(id.hex, "0123456789abcdef0123456789abcdef01234567", NODE_ID_SIZE);
    ck_assert(!node_id_parse(BYTES("0123456789ABCDEF0123456789abcdef01234567"), &id));
    ck_assert(!node_id_parse(BYTES("0123456789abcdef0123456789abcdef0123456"), &id));
    ck_assert(!node_id_parse(BYTES("0123456789abcdef0123456789abcdef012345678"), &id));
    ck_assert(!node_id_parse(BYTES("0123456789abcdef 123456789abcdef01234567"), &id));
}
END_TEST

START_TEST(an_empty_set_has_no_range)
{
    struct slot_set set = { 0 };
    unsigned slot = 0, first, last;
    ck_assert(slot_set_is_empty(&set));
    ck_assert_uint_eq(slot_set_count(&set), 0);
    ck_assert(!slot_set_next_range(&set, &slot, &first, &last));
}
END_TEST

START_TEST(a_full_set_is_one_range)
{
    struct slot_set set;
    memset(&set, 0xff, sizeof(set));
    unsigned slot = 0, first, last;
    ck_assert_uint_eq(slot_set_count(&set), SLOT_COUNT);
    ck_assert(slot_set_next_range(&set, &slot, &first, &last));
    ck_assert_uint_eq(first, 0);
    ck_assert_uint_eq(last, SLOT_COUNT - 1);
    ck_assert(!slot_set_next_range(&set, &slot, &first, &last));
}
END_TEST

START_TEST(ranges_come_out_in_order_across_word_borders)
{
    static const unsigned ranges[][2] = { { 0, 0 }, { 2, 63 }, { 65, 128 }, { 16383, 16383 } };
    struct slot_set set = { 0 };
    unsigned count = 0;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        for (unsigned s = ranges[i][0]; s <= ranges[i][1]; s++, count++) slot_set_add(&set, s);
    }
    ck_assert_uint_eq(slot_set_count(&set), count);
    unsigned slot = 0, first, last;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        ck_assert(slot_set_next_range(&set, &slot, &first, &last));
        ck_assert_uint_eq(first, ranges[i][0]);
        ck_assert_uint_eq(last, ranges[i][1]);
    }
    ck_assert(!slot_set_next_range(&set, &slot, &first, &last));
}
END_TEST

START_TEST(a_removed_slot_splits_its_range)
{
    struct slot_set set = { 0 };
    for (unsigned s = 10; s <= 20; s++) slot_set_add(&set, s);
    slot_set_remove(&set, 15);
    ck_assert(!slot_set_has(&set, 15));
    unsigned slot = 0, first, last;
    ck_assert(slot_set_next_range(&set, &slot, &first, &last));
    ck_assert_uint_eq(last, 14);
    ck_assert(slot_set_next_range(&set, &slot, &first, &last));
    ck_assert_uint_eq(first, 16);
    ck_assert_uint_eq(last, 20);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("types");
    tcase_add_test(tcase, an_id_is_forty_lower_case_hex_characters);
    tcase_add_test(tcase, an_empty_set_has_no_range);
    tcase_add_test(tcase, a_full_set_is_one_range);
    tcase_add_test(tcase, ranges_come_out_in_order_across_word_borders);
    tcase_add_test(tcase, a_removed_slot_splits_its_range);
    Suite *suite = suite_create("types");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
