/* The directory: what is put is found, what is removed is not, whatever the order. */
#include "base/ensure.h"
#include "base/prng.h"
#include "cluster/directory.h"

#include <check.h>

#define KEYS 2000

START_TEST(what_is_put_is_found_and_what_is_removed_is_not)
{
    struct directory directory = { 0 };
    static char values[KEYS];
    bool is_in[KEYS] = { false };
    struct prng prng;
    prng_init(&prng, 5);
    for (unsigned round = 0; round < 50000; round++) {
        uint64_t key = prng_below(&prng, KEYS);
        void *expected = is_in[key] ? &values[key] : NULL;
        ck_assert_ptr_eq(directory_find(&directory, key), expected);
        if (is_in[key])
            directory_remove(&directory, key);
        else
            directory_put(&directory, key, &values[key]);
        is_in[key] = !is_in[key];
    }
    uint32_t count = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        count += is_in[key];
        ck_assert_ptr_eq(directory_find(&directory, key), is_in[key] ? &values[key] : NULL);
    }
    ck_assert_uint_eq(directory.count, count);
    directory_fini(&directory);
}
END_TEST

START_TEST(an_empty_directory_answers)
{
    struct directory directory = { 0 };
    ck_assert_ptr_null(directory_find(&directory, 1));
    directory_remove(&directory, 1);
    directory_prefetch(&directory, 1);
    directory_fini(&directory);
    ck_assert_uint_eq(directory.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("directory");
    TCase *tcase = tcase_create("directory");
    tcase_add_test(tcase, what_is_put_is_found_and_what_is_removed_is_not);
    tcase_add_test(tcase, an_empty_directory_answers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
