/* The tree of minima against a plain array. */
#include "base/minima.h"

#include "base/memory.h"
#include "base/prng.h"
#include "lib/expect.h"
#include <stdlib.h>

#define PLACES_MAX 9000

static void check_against(const struct minima *minima, const time_ms *model, size_t count,
                          struct prng *prng)
{
    time_ms least = TIME_NEVER;
    for (size_t i = 0; i < count; i++) {
        expect(minima_at(minima, i) == model[i]);
        least = MIN(least, model[i]);
    }
    expect(minima->count == count);
    expect(minima_least(minima) == least);
    time_ms limit = (time_ms)prng_below(prng, 2000);
    size_t due = minima_find_due(minima, limit);
    for (size_t i = 0; i < MIN(due, count); i++) expect(model[i] > limit);
    if (due != SIZE_MAX) expect(model[due] <= limit);
}

START_TEST(it_holds_what_a_plain_array_holds)
{
    static time_ms model[PLACES_MAX];
    struct prng prng;
    prng_init(&prng, 3);
    size_t used = memory_used();
    struct minima minima = { 0 };
    size_t count = 0;
    for (int round = 0; round < 60; round++) {
        size_t target = (size_t)prng_below(&prng, round % 3 == 0 ? PLACES_MAX : 130);
        while (count > target) {
            minima_set(&minima, --count, TIME_NEVER);
            minima_resize(&minima, count);
        }
        if (count < target) minima_resize(&minima, target);
        while (count < target) model[count++] = TIME_NEVER;
        for (size_t i = 0; i < 300 && count > 0; i++) {
            size_t index = (size_t)prng_below(&prng, count);
            time_ms time =
                prng_chance(&prng, 1, 3) ? TIME_NEVER : (time_ms)prng_below(&prng, 100000);
            if (prng_chance(&prng, 1, 2)) {
                minima_set(&minima, index, time);
                model[index] = time;
            } else {
                minima_lower(&minima, index, time);
                model[index] = MIN(model[index], time);
            }
        }
        check_against(&minima, model, count, &prng);
    }
    minima_fini(&minima);
    ck_assert_uint_eq(memory_used(), used);
}
END_TEST

START_TEST(an_empty_one_is_never_due)
{
    struct minima minima = { 0 };
    ck_assert_int_eq(minima_least(&minima), TIME_NEVER);
    ck_assert_uint_eq(minima_find_due(&minima, 5), SIZE_MAX);
    minima_resize(&minima, 1);
    minima_set(&minima, 0, 7);
    ck_assert_uint_eq(minima_find_due(&minima, 6), SIZE_MAX);
    ck_assert_uint_eq(minima_find_due(&minima, 7), 0);
    minima_set(&minima, 0, TIME_NEVER);
    ck_assert_ptr_null(minima.root);
}
END_TEST

START_TEST(a_place_costs_little_more_than_its_number)
{
    struct minima minima = { 0 };
    minima_resize(&minima, 100000);
    ck_assert_uint_eq(minima_memory(&minima), 0);
    for (int i = 0; i < 100000; i++) minima_set(&minima, (size_t)i, i);
    ck_assert_uint_lt(minima_memory(&minima), 100000 * 17 / 2);
    ck_assert_uint_eq(minima_find_due(&minima, 0), 0);
    minima_fini(&minima);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("minima");
    tcase_add_test(tests, it_holds_what_a_plain_array_holds);
    tcase_add_test(tests, an_empty_one_is_never_due);
    tcase_add_test(tests, a_place_costs_little_more_than_its_number);
    Suite *suite = suite_create("base/minima");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
