/* HyperLogLogs: Valkey's own bytes, both encodings alike, the estimate, damage. */
#include "types/hyperloglog.h"

#include "base/memory.h"
#include "base/prng.h"
#include "lib/suite.h"

static void add(struct buffer *text, size_t sparse_max, struct bytes element)
{
    ck_assert(hll_raise(text, sparse_max, hll_place_of(element)) != HLL_CORRUPT);
}

static uint64_t count(struct bytes text)
{
    static uint8_t registers[HLL_REGISTERS];
    memset(registers, 0, sizeof(registers));
    ck_assert(hll_merge(text, registers));
    return hll_count(registers);
}

START_TEST(six_letters_give_the_bytes_of_valkey)
{
    /* PFADD h a b c d e f; GET h */
    static const char expected[] = "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80"
                                   "Fm\x80V\x0c\x80"
                                   "Dv\x80P\xb1\x84I\x8c\x80"
                                   "Bm\x80"
                                   "BZ";
    struct buffer text = { 0 };
    hll_create(&text);
    for (const char *letter = "abcdef"; *letter != '\0'; letter++)
        add(&text, 3000, bytes_of(letter, 1));
    struct bytes wanted = bytes_of(expected, sizeof(expected) - 1);
    ck_assert(bytes_equal(buffer_bytes(&text), wanted));
    ck_assert_uint_eq(count(buffer_bytes(&text)), 6);
    buffer_fini(&text);
}
END_TEST

START_TEST(both_encodings_count_alike_and_close_to_the_truth)
{
    struct buffer sparse = { 0 }, dense = { 0 };
    hll_create(&sparse);
    hll_create(&dense);
    ck_assert(hll_to_dense(&dense));
    ck_assert_uint_eq(dense.size, HLL_DENSE_SIZE);
    for (uint64_t i = 1; i <= 200000; i++) {
        struct bytes element = bytes_of(&i, sizeof(i));
        add(&sparse, 3000, element);
        add(&dense, 0, element);
        if ((i & (i - 1)) != 0 && i != 200000) continue;
        uint64_t estimate = count(buffer_bytes(&sparse));
        ck_assert_uint_eq(estimate, count(buffer_bytes(&dense)));
        double error = ((double)estimate - (double)i) / (double)i;
        ck_assert(error < 0.04 && error > -0.04);
        if (i <= 1024) ck_assert(!hll_is_dense(buffer_bytes(&sparse)));
    }
    ck_assert(hll_is_dense(buffer_bytes(&sparse)));
    ck_assert(hll_is_valid(buffer_bytes(&sparse)));
    buffer_fini(&sparse);
    buffer_fini(&dense);
}
END_TEST

START_TEST(a_kept_count_is_known_until_it_is_forgotten)
{
    uint64_t kept;
    struct buffer text = { 0 };
    hll_create(&text);
    ck_assert(!hll_count_kept(buffer_bytes(&text), &kept));
    hll_count_keep(text.data, 123456789);
    ck_assert(hll_count_kept(buffer_bytes(&text), &kept));
    ck_assert_uint_eq(kept, 123456789);
    hll_count_forget(text.data);
    ck_assert(!hll_count_kept(buffer_bytes(&text), &kept));
    buffer_fini(&text);
}
END_TEST

START_TEST(other_strings_are_none)
{
    struct buffer text = { 0 };
    hll_create(&text);
    ck_assert(hll_is_valid(buffer_bytes(&text)));
    ck_assert(!hll_is_valid(bytes_of(text.data, 15)));
    text.data[4] = 2;
    ck_assert(!hll_is_valid(buffer_bytes(&text)));
    text.data[4] = 0; /* dense has one size */
    ck_assert(!hll_is_valid(buffer_bytes(&text)));
    text.data[4] = 1;
    text.data[0] = 'h';
    ck_assert(!hll_is_valid(buffer_bytes(&text)));
    buffer_fini(&text);
}
END_TEST

START_TEST(damaged_runs_are_corrupt_or_count)
{
    static uint8_t registers[HLL_REGISTERS];
    struct prng prng;
    struct buffer good = { 0 };
    prng_init(&prng, 77);
    hll_create(&good);
    for (uint64_t i = 0; i < 300; i++) add(&good, 3000, bytes_of(&i, sizeof(i)));
    size_t corrupt = 0;
    for (int round = 0; round < 5000; round++) {
        struct buffer text = { 0 }, words = { 0 };
        size_t size = prng_chance(&prng, 1, 4)
                          ? HLL_HEADER_SIZE + prng_below(&prng, good.size - HLL_HEADER_SIZE)
                          : good.size;
        buffer_append(&text, bytes_of(good.data, size));
        for (int i = 0; i < 3 && size > HLL_HEADER_SIZE; i++)
            text.data[HLL_HEADER_SIZE + prng_below(&prng, size - HLL_HEADER_SIZE)] =
                (char)prng_next(&prng);
        struct hll_place place = { .index = (uint32_t)prng_below(&prng, HLL_REGISTERS),
                                   .value = (uint8_t)(1 + prng_below(&prng, 51)) };
        corrupt += !hll_merge(buffer_bytes(&text), registers);
        hll_describe(buffer_bytes(&text), &words);
        hll_would_change(buffer_bytes(&text), place);
        hll_raise(&text, prng_below(&prng, 1000), place);
        buffer_fini(&text);
        buffer_fini(&words);
    }
    ck_assert_uint_gt(corrupt, 1000);
    buffer_fini(&good);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("hyperloglog");
    tcase_add_test(tests, six_letters_give_the_bytes_of_valkey);
    tcase_add_test(tests, both_encodings_count_alike_and_close_to_the_truth);
    tcase_add_test(tests, a_kept_count_is_known_until_it_is_forgotten);
    tcase_add_test(tests, other_strings_are_none);
    tcase_add_test(tests, damaged_runs_are_corrupt_or_count);
    return suite_run("types/hyperloglog", tests);
}
