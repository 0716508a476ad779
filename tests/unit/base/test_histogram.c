/* The histogram against a sorted array: within a sixty-fourth. */
#include "base/histogram.h"

#include "base/prng.h"
#include "lib/expect.h"
#include "lib/suite.h"

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

START_TEST(percentiles_are_right_within_a_sixty_fourth)
{
    enum { COUNT = 20000 };
    static uint64_t values[COUNT];
    struct prng prng;
    prng_init(&prng, 12);
    struct histogram *histogram = histogram_create();
    double sum = 0;
    for (int i = 0; i < COUNT; i++) {
        values[i] = prng_next(&prng) >> (20 + prng_below(&prng, 44));
        histogram_record(histogram, values[i]);
        sum += (double)values[i];
    }
    qsort(values, COUNT, sizeof(values[0]), compare);
    static const double percents[] = { 0, 0.1, 1, 10, 50, 90, 99, 99.9, 99.99, 100 };
    for (size_t i = 0; i < COUNT_OF(percents); i++) {
        double exact = percents[i] / 100 * COUNT;
        size_t rank = (size_t)exact;
        if ((double)rank < exact) rank++;
        uint64_t value = values[rank == 0 ? 0 : rank - 1];
        uint64_t found = histogram_percentile(histogram, percents[i]);
        ck_assert_uint_ge(found, value);
        ck_assert_uint_le(found, value + value / 64);
    }
    ck_assert_uint_eq(histogram_max(histogram), values[COUNT - 1]);
    ck_assert_uint_eq(histogram_count(histogram), COUNT);
    double mean = histogram_mean(histogram);
    ck_assert(mean > sum / COUNT * 0.999999 && mean < sum / COUNT * 1.000001);
    histogram_destroy(histogram);
}
END_TEST

START_TEST(small_values_are_exact_and_large_ones_fit)
{
    struct histogram *histogram = histogram_create();
    ck_assert_uint_eq(histogram_percentile(histogram, 50), 0);
    ck_assert(histogram_mean(histogram) == 0);
    for (uint64_t value = 0; value < 128; value++) histogram_record(histogram, value);
    for (uint64_t value = 0; value < 128; value++)
        ck_assert_uint_eq(histogram_percentile(histogram, (double)(value + 1) / 128 * 100), value);
    histogram_record(histogram, UINT64_MAX);
    ck_assert_uint_eq(histogram_percentile(histogram, 100), UINT64_MAX);
    histogram_destroy(histogram);
    histogram_destroy(NULL);
}
END_TEST

START_TEST(merging_adds_and_reset_forgets)
{
    struct histogram *first = histogram_create(), *second = histogram_create();
    histogram_record(first, 5);
    histogram_record(second, 100000);
    histogram_record(second, 7);
    histogram_merge(second, first);
    ck_assert_uint_eq(histogram_min(second), 5);
    histogram_reset(second);
    ck_assert_uint_eq(histogram_min(second), 0);
    histogram_record(second, 100000);
    histogram_record(second, 7);
    ck_assert_uint_eq(histogram_min(second), 7);
    histogram_merge(first, second);
    ck_assert_uint_eq(histogram_min(first), 5);
    ck_assert_uint_eq(histogram_count(first), 3);
    ck_assert_uint_eq(histogram_max(first), 100000);
    ck_assert_uint_eq(histogram_percentile(first, 50), 7);
    histogram_reset(first);
    ck_assert_uint_eq(histogram_count(first), 0);
    histogram_merge(first, second);
    ck_assert_uint_eq(histogram_percentile(first, 100), 100000);
    histogram_destroy(first);
    histogram_destroy(second);
}
END_TEST

START_TEST(a_value_recorded_many_times_counts_as_often)
{
    struct histogram *histogram = histogram_create();
    histogram_record_times(histogram, 50, 0);
    ck_assert_uint_eq(histogram_count(histogram), 0);
    histogram_record_times(histogram, 50, 9);
    histogram_record(histogram, 1000);
    ck_assert_uint_eq(histogram_count(histogram), 10);
    ck_assert_uint_eq(histogram_percentile(histogram, 90), 50);
    ck_assert_uint_eq(histogram_percentile(histogram, 91), 1000);
    ck_assert(histogram_mean(histogram) == 145);
    ck_assert_uint_eq(histogram_count_up_to(histogram, 49), 0);
    ck_assert_uint_eq(histogram_count_up_to(histogram, 50), 9);
    ck_assert_uint_eq(histogram_count_up_to(histogram, 900), 9);
    ck_assert_uint_eq(histogram_count_up_to(histogram, 1000), 10);
    ck_assert_uint_eq(histogram_count_up_to(histogram, UINT64_MAX), 10);
    histogram_destroy(histogram);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("histogram");
    tcase_add_test(tests, percentiles_are_right_within_a_sixty_fourth);
    tcase_add_test(tests, small_values_are_exact_and_large_ones_fit);
    tcase_add_test(tests, merging_adds_and_reset_forgets);
    tcase_add_test(tests, a_value_recorded_many_times_counts_as_often);
    return suite_run("base/histogram", tests);
}
