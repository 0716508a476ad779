/* Numbers as text, both ways: the protocol's forms, the boundaries, and there and back. */
#include "base/number.h"

#include "base/prng.h"
#include "lib/expect.h"
#include "lib/suite.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>

static bool parses(const char *text, int64_t expected)
{
    int64_t value;
    return number_parse(bytes_text(text), &value) && value == expected;
}

static bool is_refused(const char *text)
{
    int64_t value;
    return !number_parse(bytes_text(text), &value);
}

START_TEST(only_canonical_integers_are_integers)
{
    ck_assert(parses("0", 0));
    ck_assert(parses("-1", -1));
    ck_assert(parses("9223372036854775807", INT64_MAX));
    ck_assert(parses("-9223372036854775808", INT64_MIN));
    static const char *const wrong[] = { "",
                                         "-",
                                         "+1",
                                         "01",
                                         "-0",
                                         "00",
                                         " 1",
                                         "1 ",
                                         "1.0",
                                         "0x1",
                                         "--1",
                                         "-01",
                                         "9223372036854775808",
                                         "-9223372036854775809",
                                         "18446744073709551616",
                                         "99999999999999999999999" };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) ck_assert(is_refused(wrong[i]));
    uint64_t value;
    ck_assert(number_parse_unsigned(BYTES("18446744073709551615"), &value));
    ck_assert(value == UINT64_MAX);
    ck_assert(!number_parse_unsigned(BYTES("18446744073709551616"), &value));
    ck_assert(!number_parse_unsigned(BYTES("-1"), &value));
}
END_TEST

START_TEST(loose_numbers_are_read_as_strtoull_reads_them)
{
    static const char *const texts[] = {
        "0",
        "1",
        " 1",
        "\t\n\v\f\r 7",
        "007",
        "+5",
        "-0",
        "-1",
        "18446744073709551615",
        "-18446744073709551615",
        "18446744073709551616",
        "-18446744073709551616",
        "",
        " ",
        "+",
        "-",
        "+-1",
        "- 1",
        "1 ",
        "x",
        "1x",
        "0x10",
        "1.5",
        "000000000000000000000000000000000001",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char *end;
        errno = 0;
        uint64_t value = 0, expected = strtoull(texts[i], &end, 10);
        bool is_valid = *end == '\0' && end != texts[i] && errno == 0;
        ck_assert_msg(number_parse_loose(bytes_text(texts[i]), &value) == is_valid, "%s", texts[i]);
        if (is_valid) ck_assert_uint_eq(value, expected);
    }
    uint64_t value;
    ck_assert(number_parse_loose(BYTES("12\0x"), &value));
    ck_assert_uint_eq(value, 12);
}
END_TEST

START_TEST(integers_print_as_printf_prints_them)
{
    struct prng prng;
    prng_init(&prng, 1);
    for (int i = 0; i < 100000; i++) {
        int64_t value = (int64_t)prng_next(&prng) >> prng_below(&prng, 64);
        if (i < 3) value = i == 0 ? 0 : i == 1 ? INT64_MIN : INT64_MAX;
        char text[NUMBER_TEXT_MAX], expected[NUMBER_TEXT_MAX];
        size_t size = number_print(value, text);
        int expected_size = snprintf(expected, sizeof(expected), "%lld", (long long)value);
        expect(bytes_equal(bytes_of(text, size), bytes_of(expected, (size_t)expected_size)));
        int64_t back;
        expect(number_parse(bytes_of(text, size), &back) && back == value);
    }
}
END_TEST

START_TEST(powers_of_ten_and_their_neighbours_print_and_read_back)
{
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; digits++, power *= 10) {
        for (uint64_t value = power - 1; value <= power + 1; value++) {
            char text[NUMBER_TEXT_MAX], expected[NUMBER_TEXT_MAX];
            size_t size = number_print_unsigned(value, text);
            int expected_size =
                snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value);
            expect(bytes_equal(bytes_of(text, size), bytes_of(expected, (size_t)expected_size)));
            uint64_t back;
            expect(number_parse_unsigned(bytes_of(text, size), &back) && back == value);
        }
    }
}
END_TEST

START_TEST(a_byte_that_is_no_digit_is_found_wherever_it_stands)
{
    char text[] = "18273645546372819";
    for (size_t size = 1; size < sizeof(text); size++) {
        for (size_t at = 0; at < size; at++) {
            char digit = text[at];
            for (unsigned byte = 0; byte < 256; byte++) {
                uint64_t value;
                text[at] = (char)byte;
                bool is_digit = byte >= '0' && byte <= '9';
                bool is_good = is_digit && (at > 0 || byte != '0' || size == 1);
                expect(number_parse_unsigned(bytes_of(text, size), &value) == is_good);
            }
            text[at] = digit;
        }
    }
}
END_TEST

/* As ZSCORE of Valkey 9.1.2 prints them. */
static const struct {
    const char *given, *printed;
} doubles[] = {
    { "0.1", "0.1" },
    { "1e-5", "0.00001" },
    { "0.00001234", "1.234e-5" },
    { "1e-7", "1e-7" },
    { "1.5e-7", "1.5e-7" },
    { "123456789e-12", "1.23456789e-4" },
    { "1e21", "1e+21" },
    { "1e17", "100000000000000000" },
    { "123456789012345680000", "123456789012345680000" },
    { "1.5e300", "1.5e+300" },
    { "-1e-10", "-1e-10" },
    { "3.0", "3" },
    { "12345678.9", "12345678.9" },
    { "1e18", "1000000000000000000" },
    { "123e17", "1.23e+19" },
    { "1234e18", "1.234e+21" },
    { "5e-324", "5e-324" },
    { "1.7976931348623157e308", "1.7976931348623157e+308" },
    { "1234567890123456789", "1234567890123456768" },
    { "-0", "-0" }, /* of a skiplist: a listpack keeps it as the integer 0 */
    { "inf", "inf" },
    { "-inf", "-inf" },
    { "+infinity", "inf" },
    { ".5", "0.5" },
    { "5.", "5" },
    { "4.35", "4.35" },
    { "-0.3", "-0.3" },
    { "1234.5678", "1234.5678" },
    { "-9223372036854775808", "-9223372036854776000" },
    { "4611686018427387904", "4611686018427387904" },
    { "-5e18", "-5e+18" },
    { "0.009464284624", "0.009464284624000001" }, /* not the shortest, but Valkey's */
    { "1.28e25", "1.2799999999999999e+25" },
    { "-6.652264087228344e125", "-6.6522640872283444e+125" },
    { "0.001", "0.001" },
    { "0.0012", "0.0012" },
    { "999999999.999999", "999999999.999999" },
    { "0.1234567", "0.1234567" },
    { "56.4412578701582", "56.4412578701582" },
};

START_TEST(doubles_print_as_valkey_prints_them)
{
    for (size_t i = 0; i < COUNT_OF(doubles); i++) {
        double value;
        ck_assert(number_parse_double(bytes_text(doubles[i].given), &value));
        char text[NUMBER_DOUBLE_MAX + 1];
        text[number_print_double(value, text)] = '\0';
        ck_assert_str_eq(text, doubles[i].printed);
    }
    char text[NUMBER_DOUBLE_MAX];
    ck_assert(bytes_equal(bytes_of(text, number_print_double(NAN, text)), BYTES("nan")));
}
END_TEST

START_TEST(what_is_no_double_is_refused)
{
    static const char *const wrong[] = { "",      "nan",    "0x10",   " 1", "1 ", "1_0",   "abc",
                                         "1e400", "-1e400", "1e-400", "1,", "1e", "nan(1)" };
    double value;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        ck_assert(!number_parse_double(bytes_text(wrong[i]), &value));
    ck_assert(!number_parse_double(BYTES("1\0"), &value));
}
END_TEST

START_TEST(any_double_survives_the_way_there_and_back)
{
    struct prng prng;
    prng_init(&prng, 2);
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = prng_next(&prng);
        double value, back;
        memcpy(&value, &bits, sizeof(value));
        if (i % 2 == 0) value = (double)(int64_t)(bits >> 20) / 1000;
        if (isnan(value) || isinf(value)) continue;
        char text[NUMBER_DOUBLE_MAX];
        size_t size = number_print_double(value, text);
        expect(size <= NUMBER_DOUBLE_MAX);
        expect(number_parse_double(bytes_of(text, size), &back));
        expect(back == value);
    }
}
END_TEST

START_TEST(sizes_have_units)
{
    static const struct {
        const char *text;
        int64_t value;
    } sizes[] = {
        { "100", 100 },
        { "1k", 1000 },
        { "1kb", 1024 },
        { "1MB", 1048576 },
        { "2g", 2000000000 },
        { "2gb", 2147483648 },
        { "01mb", 1048576 },
        { "5B", 5 },
        { "", 0 },
        { "mb", 0 },
        { "9223372036854775807", INT64_MAX },
    };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        int64_t value = -1;
        ck_assert(number_parse_memory(bytes_text(sizes[i].text), &value));
        ck_assert_int_eq(value, sizes[i].value);
    }
    static const char *const wrong[] = { "1t",          "1.5mb", "-1",  "-1mb",
                                         " 1",          "1 mb",  "1e3", "9223372036854775808",
                                         "9000000000gb" };
    int64_t value;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        ck_assert(!number_parse_memory(bytes_text(wrong[i]), &value));
}
END_TEST

START_TEST(sizes_print_for_people)
{
    char text[NUMBER_TEXT_MAX];
    number_print_human(1023, text);
    ck_assert_str_eq(text, "1023B");
    number_print_human(1536, text);
    ck_assert_str_eq(text, "1.50K");
    number_print_human(1048576, text);
    ck_assert_str_eq(text, "1.00M");
    number_print_human(UINT64_MAX, text);
    ck_assert_str_eq(text, "16.00E");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("number");
    tcase_add_test(tests, loose_numbers_are_read_as_strtoull_reads_them);
    tcase_add_test(tests, only_canonical_integers_are_integers);
    tcase_add_test(tests, integers_print_as_printf_prints_them);
    tcase_add_test(tests, powers_of_ten_and_their_neighbours_print_and_read_back);
    tcase_add_test(tests, a_byte_that_is_no_digit_is_found_wherever_it_stands);
    tcase_add_test(tests, doubles_print_as_valkey_prints_them);
    tcase_add_test(tests, what_is_no_double_is_refused);
    tcase_add_test(tests, any_double_survives_the_way_there_and_back);
    tcase_add_test(tests, sizes_have_units);
    tcase_add_test(tests, sizes_print_for_people);
    return suite_run("base/number", tests);
}
