/* Common subsequences, against a plain table of lengths. */
#include "types/lcs.h"

#include "base/prng.h"
#include "lib/suite.h"

#define TEXT_MAX 40

static size_t model_length(struct bytes a, struct bytes b)
{
    size_t lengths[TEXT_MAX + 1][TEXT_MAX + 1] = { 0 };
    for (size_t i = 1; i <= a.size; i++)
        for (size_t j = 1; j <= b.size; j++)
            lengths[i][j] = a.data[i - 1] == b.data[j - 1]
                                ? lengths[i - 1][j - 1] + 1
                                : MAX(lengths[i - 1][j], lengths[i][j - 1]);
    return lengths[a.size][b.size];
}

static struct bytes random_text(struct prng *prng, char *room)
{
    size_t size = (size_t)prng_below(prng, TEXT_MAX + 1);
    for (size_t i = 0; i < size; i++) room[i] = (char)('a' + prng_below(prng, 4));
    return bytes_of(room, size);
}

START_TEST(the_runs_are_common_disjoint_ordered_and_as_long_as_possible)
{
    struct prng prng;
    prng_init(&prng, 3);
    for (int round = 0; round < 3000; round++) {
        char a_room[TEXT_MAX], b_room[TEXT_MAX];
        struct bytes a = random_text(&prng, a_room), b = random_text(&prng, b_room);
        struct lcs lcs;
        struct lcs_run run;
        lcs_init(&lcs, a, b);
        ck_assert_uint_eq(lcs.length, model_length(a, b));
        ck_assert_uint_eq(lcs_length(a, b), lcs.length);
        size_t a_end = a.size, b_end = b.size, sum = 0;
        while (lcs_next(&lcs, &run)) {
            ck_assert(run.a_start + run.size <= a_end && run.b_start + run.size <= b_end);
            ck_assert(memcmp(a.data + run.a_start, b.data + run.b_start, run.size) == 0);
            a_end = run.a_start;
            b_end = run.b_start;
            sum += run.size;
        }
        ck_assert_uint_eq(sum, lcs.length);
        lcs_fini(&lcs);
    }
}
END_TEST

/* Both answers are longest ones; these are the ones that Valkey gives. */
START_TEST(of_several_longest_ones_it_is_valkeys)
{
    static const struct {
        const char *a, *b, *expected;
    } cases[] = {
        { "ohmytext", "mynewtext", "mytext" },
        { "abcabcaaabbcc", "cbacbaacbbacb", "cbaaabbc" },
        { "cbacbaacbbacb", "abcabcaaabbcc", "acbaabbc" },
        { "abc", "", "" },
        { "", "", "" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes expected = bytes_text(cases[i].expected);
        struct lcs lcs;
        struct lcs_run run;
        char found[TEXT_MAX];
        lcs_init(&lcs, bytes_text(cases[i].a), bytes_text(cases[i].b));
        ck_assert_uint_eq(lcs.length, expected.size);
        size_t end = lcs.length;
        while (lcs_next(&lcs, &run)) {
            end -= run.size;
            memcpy(found + end, lcs.a.data + run.a_start, run.size);
        }
        ck_assert(bytes_equal(bytes_of(found, expected.size), expected));
        lcs_rewind(&lcs);
        ck_assert_int_eq(lcs_next(&lcs, &run), expected.size > 0);
        lcs_fini(&lcs);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("lcs");
    tcase_add_test(tests, the_runs_are_common_disjoint_ordered_and_as_long_as_possible);
    tcase_add_test(tests, of_several_longest_ones_it_is_valkeys);
    return suite_run("types/lcs", tests);
}
