/* Bits against a plain model that looks at one bit after the other. */
#include "types/bits.h"

#include "base/prng.h"
#include "lib/suite.h"

#define TEXT_MAX 200
/* Checks are slow: bits are compared first, and what differs is checked once. */
#define ROUNDS 5000

static struct prng prng;
static char room[TEXT_MAX];

/* Long runs of equal bytes are as likely as noise, so that whole words can be boring. */
static struct bytes random_text(void)
{
    size_t size = (size_t)prng_below(&prng, TEXT_MAX + 1);
    unsigned fill = (unsigned)prng_below(&prng, 3);
    for (size_t i = 0; i < size; i++)
        room[i] = (char)(fill == 0 ? 0 : fill == 1 ? 0xff : (int)prng_below(&prng, 256));
    if (size > 0) room[prng_below(&prng, size)] = (char)prng_below(&prng, 256);
    return bytes_of(room, size);
}

static bool model_get(struct bytes text, uint64_t at)
{
    return at < text.size * 8 && text.data[at / 8] & 1 << (7 - at % 8);
}

static void random_range(struct bytes text, uint64_t *from, uint64_t *until)
{
    uint64_t a = prng_below(&prng, text.size * 8 + 1), b = prng_below(&prng, text.size * 8 + 1);
    *from = MIN(a, b);
    *until = MAX(a, b);
}

START_TEST(counting_agrees_with_the_model)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct bytes text = random_text();
        uint64_t from, until, expected = 0;
        random_range(text, &from, &until);
        for (uint64_t at = from; at < until; at++) expected += model_get(text, at);
        ck_assert_uint_eq(bits_count(text, from, until), expected);
    }
}
END_TEST

START_TEST(searching_agrees_with_the_model)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct bytes text = random_text();
        bool wanted = prng_below(&prng, 2) == 1;
        uint64_t from, until;
        random_range(text, &from, &until);
        uint64_t expected = from;
        while (expected < until && model_get(text, expected) != wanted) expected++;
        ck_assert_uint_eq(bits_find(text, from, until, wanted), expected);
    }
}
END_TEST

START_TEST(combining_agrees_with_the_model)
{
    for (int round = 0; round < ROUNDS / 10; round++) {
        char into[TEXT_MAX], before[TEXT_MAX];
        struct bytes text = random_text();
        size_t size = text.size + (size_t)prng_below(&prng, TEXT_MAX + 1 - text.size);
        for (size_t i = 0; i < size; i++) before[i] = into[i] = (char)prng_below(&prng, 256);
        enum bits_operation operation = (enum bits_operation)prng_below(&prng, 3);
        bits_combine(into, size, operation, text);
        uint64_t wrong = 0;
        for (uint64_t at = 0; at < size * 8; at++) {
            bool a = model_get(bytes_of(before, size), at), b = model_get(text, at);
            bool expected = operation == BITS_AND ? a && b : operation == BITS_OR ? a || b : a != b;
            wrong += bits_get(bytes_of(into, size), at) != expected;
        }
        memcpy(before, into, size);
        bits_invert(into, size);
        for (uint64_t at = 0; at < size * 8; at++)
            wrong += bits_get(bytes_of(into, size), at) == bits_get(bytes_of(before, size), at);
        ck_assert_uint_eq(wrong, 0);
    }
}
END_TEST

START_TEST(a_bit_behind_the_end_is_zero)
{
    ck_assert(bits_get(BYTES("\xff"), 7));
    ck_assert(!bits_get(BYTES("\xff"), 8));
    ck_assert(!bits_get(BYTES(""), 0));
    ck_assert(!bits_get(BYTES("\xff"), UINT64_MAX));
}
END_TEST

START_TEST(field_types_are_signed_to_64_bits_and_unsigned_to_63)
{
    struct bits_field field;
    ck_assert(bits_field_parse(BYTES("u63"), &field));
    ck_assert(field.width == 63 && !field.is_signed);
    ck_assert(bits_field_parse(BYTES("i64"), &field));
    ck_assert(field.width == 64 && field.is_signed);
    static const char *const wrong[] = { "",
                                         "u",
                                         "i",
                                         "u0",
                                         "u64",
                                         "i65",
                                         "U8",
                                         "x8",
                                         "u08",
                                         "u+8",
                                         "u-8",
                                         "u8 ",
                                         "i99999999999999999999" };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        ck_assert_msg(!bits_field_parse(bytes_text(wrong[i]), &field), "%s", wrong[i]);
}
END_TEST

START_TEST(a_field_that_was_written_reads_back_and_leaves_its_neighbours_alone)
{
    for (int round = 0; round < ROUNDS; round++) {
        char text[32], before[32];
        for (size_t i = 0; i < sizeof(text); i++)
            before[i] = text[i] = (char)prng_below(&prng, 256);
        struct bits_field field = { .is_signed = prng_below(&prng, 2) == 1 };
        field.width = (uint8_t)(1 + prng_below(&prng, field.is_signed ? 64 : 63));
        uint64_t at = prng_below(&prng, sizeof(text) * 8 - field.width + 1);
        int64_t value;
        ck_assert(bits_field_fit(field, BITS_WRAP, (int64_t)prng_next(&prng), &value));
        bits_field_write(text, at, field, value);
        ck_assert_int_eq(bits_field_read(bytes_of(text, sizeof(text)), at, field), value);
        uint64_t wrong = 0;
        for (uint64_t bit = 0; bit < sizeof(text) * 8; bit++)
            wrong += (bit < at || bit >= at + field.width) &&
                     bits_get(bytes_of(text, sizeof(text)), bit) !=
                         bits_get(bytes_of(before, sizeof(before)), bit);
        ck_assert_uint_eq(wrong, 0);
    }
}
END_TEST

START_TEST(a_field_beyond_the_end_reads_as_zeros)
{
    struct bits_field field = { .width = 8, .is_signed = true };
    ck_assert_int_eq(bits_field_read(BYTES("\xff"), 4, field), -16);
    ck_assert_int_eq(bits_field_read(BYTES("\xff"), 8, field), 0);
}
END_TEST

/* Every sum in small fields: what wraps, what saturates, what fails. */
START_TEST(small_fields_overflow_as_arithmetic_says)
{
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        for (uint8_t width = 1; width <= 6; width++) {
            struct bits_field field = { .width = width, .is_signed = is_signed };
            int64_t min = is_signed ? -(1 << (width - 1)) : 0;
            int64_t count = 1 << width, max = min + count - 1, result;
            for (int64_t value = min; value <= max; value++) {
                for (int64_t by = -200; by <= 200; by++) {
                    int64_t sum = value + by;
                    bool fits = sum >= min && sum <= max;
                    int64_t wrapped = ((sum - min) % count + count) % count + min;
                    ck_assert(bits_field_add(field, BITS_WRAP, value, by, &result));
                    ck_assert_int_eq(result, wrapped);
                    ck_assert(bits_field_add(field, BITS_SATURATE, value, by, &result));
                    ck_assert_int_eq(result, MAX(min, MIN(sum, max)));
                    ck_assert_int_eq(bits_field_add(field, BITS_FAIL, value, by, &result), fits);
                }
            }
        }
    }
}
END_TEST

START_TEST(wide_fields_overflow_as_arithmetic_says)
{
    struct bits_field i64 = { .width = 64, .is_signed = true }, u63 = { .width = 63 };
    struct bits_field u5 = { .width = 5 };
    int64_t result;
    ck_assert(bits_field_add(i64, BITS_WRAP, INT64_MAX, 1, &result));
    ck_assert_int_eq(result, INT64_MIN);
    ck_assert(bits_field_add(i64, BITS_SATURATE, INT64_MIN, INT64_MIN, &result));
    ck_assert_int_eq(result, INT64_MIN);
    ck_assert(!bits_field_add(i64, BITS_FAIL, INT64_MIN, -1, &result));
    ck_assert(bits_field_add(u63, BITS_WRAP, INT64_MAX, 1, &result));
    ck_assert_int_eq(result, 0);
    ck_assert(bits_field_add(u63, BITS_WRAP, 0, -1, &result));
    ck_assert_int_eq(result, INT64_MAX);
    /* A negative value for an unsigned field counts as a large one. */
    ck_assert(bits_field_fit(u5, BITS_SATURATE, -1, &result));
    ck_assert_int_eq(result, 31);
    ck_assert(bits_field_fit(u5, BITS_WRAP, -2, &result));
    ck_assert_int_eq(result, 30);
    ck_assert(!bits_field_fit(u63, BITS_FAIL, -1, &result));
}
END_TEST

static void set_up(void)
{
    prng_init(&prng, 7);
}

int main(void)
{
    TCase *tests = tcase_create("bits");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, counting_agrees_with_the_model);
    tcase_add_test(tests, searching_agrees_with_the_model);
    tcase_add_test(tests, combining_agrees_with_the_model);
    tcase_add_test(tests, a_bit_behind_the_end_is_zero);
    tcase_add_test(tests, field_types_are_signed_to_64_bits_and_unsigned_to_63);
    tcase_add_test(tests, a_field_that_was_written_reads_back_and_leaves_its_neighbours_alone);
    tcase_add_test(tests, a_field_beyond_the_end_reads_as_zeros);
    tcase_add_test(tests, small_fields_overflow_as_arithmetic_says);
    tcase_add_test(tests, wide_fields_overflow_as_arithmetic_says);
    return suite_run("types/bits", tests);
}
