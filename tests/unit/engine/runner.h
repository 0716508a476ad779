/* The frame of a test program: one case with a world for each test. */
#ifndef EIR_TESTS_UNIT_ENGINE_RUNNER_H
#define EIR_TESTS_UNIT_ENGINE_RUNNER_H

#include "unit/engine/world.h"

static inline int run_tests(const char *name, const TTest *const *tests, size_t count,
                            void (*set_up)(void), void (*tear_down)(void))
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < count; i++) tcase_add_test(tcase, tests[i]);
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}

/* A question and its whole answer. */
struct exchange {
    const char *question;
    const char *answer;
};

static inline void check_exchanges(struct world *world, const struct exchange *exchanges,
                                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *answer = world_ask(world, exchanges[i].question);
        ck_assert_msg(strcmp(answer, exchanges[i].answer) == 0, "%s\nanswered: %s\nexpected: %s",
                      exchanges[i].question, answer, exchanges[i].answer);
    }
}
#define CHECK_EXCHANGES(world, exchanges) check_exchanges(world, exchanges, COUNT_OF(exchanges))

#endif
