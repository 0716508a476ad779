/* Large pages: a wish reaches the kernel, and is taken back. */
#include "os/pages.h"

#include "base/memory.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Does the kernel's account of the mapping around `at` show this flag? */
static bool has_flag(const void *at, const char *flag)
{
    FILE *smaps = fopen("/proc/self/smaps", "r");
    ck_assert_ptr_nonnull(smaps);
    char line[4096];
    bool is_around = false, has = false;
    while (fgets(line, sizeof(line), smaps) != NULL) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            is_around = (unsigned long)(uintptr_t)at - start < end - start;
        if (is_around && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, flag) != NULL)
            has = true;
    }
    fclose(smaps);
    return has;
}

START_TEST(a_region_asks_for_large_pages_until_it_is_given_up)
{
    bool has_regions = memory_use_large_pages(pages_advise);
    char *region = memory_region_alloc(true);
    if (pages_policy() != PAGES_NEVER) ck_assert_int_eq(has_flag(region, " hg"), has_regions);
    memset(region, 1, MEMORY_REGION_BYTES);
    pages_advise(region, MEMORY_REGION_BYTES, false);
    ck_assert(!has_flag(region, " hg"));
    ck_assert_int_eq(region[MEMORY_REGION_BYTES - 1], 1);
    memory_region_free(region, true);
    ck_assert_uint_eq(memory_large_bytes(), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pages");
    tcase_add_test(tests, a_region_asks_for_large_pages_until_it_is_given_up);
    Suite *suite = suite_create("os/pages");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
