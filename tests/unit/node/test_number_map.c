/* Numbers by number, against a plain array. */
#include "node/number_map.h"

#include "base/prng.h"
#include <check.h>

#define KEYS 500

START_TEST(it_agrees_with_an_array_whatever_the_order)
{
    struct prng prng;
    prng_init(&prng, 42);
    struct number_map map = { 0 };
    uint64_t model[KEYS + 1] = { 0 };
    for (int step = 0; step < 50000; step++) {
        uint64_t key = 1 + prng_below(&prng, KEYS);
        if (prng_chance(&prng, 1, 2)) {
            model[key] = 1 + prng_below(&prng, 1000);
            number_map_put(&map, key, model[key]);
        } else {
            model[key] = 0;
            number_map_remove(&map, key);
        }
        uint64_t asked = 1 + prng_below(&prng, KEYS);
        ck_assert_uint_eq(number_map_get(&map, asked), model[asked]);
    }
    size_t count = 0;
    for (size_t key = 1; key <= KEYS; key++) count += model[key] != 0;
    ck_assert_uint_eq(map.count, count);
    number_map_fini(&map);
}
END_TEST

START_TEST(an_empty_map_knows_nothing)
{
    struct number_map map = { 0 };
    ck_assert_uint_eq(number_map_get(&map, 1), 0);
    number_map_remove(&map, 1);
    ck_assert_uint_eq(map.count, 0);
    number_map_fini(&map);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/number_map");
    TCase *maps = tcase_create("maps");
    tcase_set_timeout(maps, 60);
    tcase_add_test(maps, it_agrees_with_an_array_whatever_the_order);
    tcase_add_test(maps, an_empty_map_knows_nothing);
    suite_add_tcase(suite, maps);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
