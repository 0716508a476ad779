/* Running one test program: the end of every main. */
#ifndef EIR_TESTS_LIB_SUITE_H
#define EIR_TESTS_LIB_SUITE_H

#include <check.h>
#include <stdlib.h>

static inline int suite_run(const char *name, TCase *tests)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
