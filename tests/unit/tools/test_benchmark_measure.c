/* The statistics of a comparison. */
#include "tools/benchmark_measure.h"

#include "lib/suite.h"

START_TEST(quantiles_lie_between_their_neighbours)
{
    static const double values[] = { 5, 1, 4, 2, 3 };
    ck_assert(quantile(values, 5, 50) == 3);
    ck_assert(quantile(values, 5, 0) == 1);
    ck_assert(quantile(values, 5, 100) == 5);
    ck_assert(quantile(values, 5, 25) == 2);
    ck_assert(quantile(values, 4, 50) == 3); /* of 1, 2, 4, 5 */
    ck_assert(quantile(values, 1, 75) == 5);
    ck_assert(quantile(values, 0, 50) == 0);
    ck_assert(values[0] == 5); /* as it was */
}
END_TEST

START_TEST(ratios_are_taken_round_by_round)
{
    /* The machine was three times as slow in the second round: that is no difference. */
    static const double ours[] = { 10, 30, 20 };
    static const double other[] = { 20, 60, 40 };
    ck_assert(ratio_quantile(ours, other, 3, 50) == 0.5);
    ck_assert(ratio_quantile(ours, other, 3, 0) == 0.5);
    ck_assert(ratio_quantile(ours, other, 3, 100) == 0.5);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("benchmark_measure");
    tcase_add_test(tests, quantiles_lie_between_their_neighbours);
    tcase_add_test(tests, ratios_are_taken_round_by_round);
    return suite_run("tools/benchmark_measure", tests);
}
