/* What every file of stories begins and ends with. */
#ifndef EIR_TESTS_SIM_STORY_TEST_H
#define EIR_TESTS_SIM_STORY_TEST_H

#include "sim/sim.h"

#include <check.h>
#include <stdlib.h>

static inline int run_stories(TCase *tcase, const char *name)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Waits for the condition or fails with the reason and the trace of one node. */
#define wait_for(sim, condition, duration_ms, who)                                                 \
    do {                                                                                           \
        bool holds_ = sim_run_until((sim), (condition), (duration_ms));                            \
        sim_expect_no_violation(sim);                                                              \
        ck_assert_msg(holds_, "%s does not hold after %lld ms\n%s", #condition,                    \
                      (long long)(duration_ms), sim_trace((sim), (who)));                          \
    } while (0)

#endif
