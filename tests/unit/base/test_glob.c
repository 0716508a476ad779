/* Patterns: what they match, against a slow but plain matcher, and that they stay fast. */
#include "base/glob.h"

#include "base/prng.h"
#include "lib/expect.h"
#include "lib/suite.h"

static bool matches(const char *pattern, const char *text)
{
    return glob_matches(bytes_text(pattern), bytes_text(text));
}

START_TEST(each_sign_means_what_valkey_takes_it_for)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        { "", "", true },
        { "", "a", false },
        { "a", "", false },
        { "*", "", true },
        { "*", "abc", true },
        { "a*c", "abbc", true },
        { "a*c", "abbd", false },
        { "?", "a", true },
        { "?", "", false },
        { "h[ae]llo", "hello", true },
        { "h[ae]llo", "hillo", false },
        { "h[^e]llo", "hallo", true },
        { "h[^e]llo", "hello", false },
        { "h[a-b]llo", "hbllo", true },
        { "h[b-a]llo", "hallo", true },
        { "\\*", "*", true },
        { "\\*", "a", false },
        { "a\\", "a\\", true },
        { "[a", "a", true },
        { "[a", "b", false },
        { "[]", "a", false },
        { "[^]", "a", true },
        { "[\\]]", "]", true },
        { "[a-]", "-", false },
        { "[a-]", "^", true },
        { "**a**", "bab", true },
        { "*a*b*", "xaxbx", true },
        { "*ab", "aab", true },
        { "foo:*:bar", "foo::bar", true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        ck_assert_msg(matches(cases[i].pattern, cases[i].text) == cases[i].matches, "%s on %s",
                      cases[i].pattern, cases[i].text);
}
END_TEST

START_TEST(case_is_ignored_on_request)
{
    ck_assert(glob_matches_nocase(BYTES("MAX*"), BYTES("maxmemory")));
    ck_assert(glob_matches_nocase(BYTES("[A-C]x"), BYTES("bX")));
    ck_assert(!glob_matches(BYTES("MAX*"), BYTES("maxmemory")));
}
END_TEST

/* Stars and single signs only, by trying every way. */
static bool slow(const char *pattern, const char *text)
{
    if (*pattern == '\0') return *text == '\0';
    if (*pattern == '*')
        return slow(pattern + 1, text) || (*text != '\0' && slow(pattern, text + 1));
    return *text != '\0' && (*pattern == '?' || *pattern == *text) && slow(pattern + 1, text + 1);
}

START_TEST(one_place_to_go_back_to_is_enough)
{
    struct prng prng;
    prng_init(&prng, 6);
    size_t hits = 0;
    for (int i = 0; i < 100000; i++) {
        char pattern[9] = { 0 }, text[11] = { 0 };
        size_t pattern_size = (size_t)prng_below(&prng, sizeof(pattern));
        size_t text_size = (size_t)prng_below(&prng, sizeof(text));
        for (size_t j = 0; j < pattern_size; j++) pattern[j] = "ab*?"[prng_below(&prng, 4)];
        for (size_t j = 0; j < text_size; j++) text[j] = "ab"[prng_below(&prng, 2)];
        bool expected = slow(pattern, text);
        hits += expected;
        expect(matches(pattern, text) == expected);
    }
    ck_assert_uint_gt(hits, 1000);
}
END_TEST

START_TEST(many_stars_cost_no_more_than_pattern_times_text)
{
    /* Trying every way would take longer than the universe is old. */
    char pattern[201], text[10001];
    for (size_t i = 0; i < 200; i += 2) memcpy(pattern + i, "a*", 2);
    pattern[200] = 'b';
    memset(text, 'a', sizeof(text));
    ck_assert(!glob_matches(bytes_of(pattern, 201), bytes_of(text, sizeof(text))));
    text[10000] = 'b';
    ck_assert(glob_matches(bytes_of(pattern, 201), bytes_of(text, sizeof(text))));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("glob");
    tcase_add_test(tests, each_sign_means_what_valkey_takes_it_for);
    tcase_add_test(tests, case_is_ignored_on_request);
    tcase_add_test(tests, one_place_to_go_back_to_is_enough);
    tcase_add_test(tests, many_stars_cost_no_more_than_pattern_times_text);
    return suite_run("base/glob", tests);
}
