/* Small objects: their sizes, their bytes, and pages that come and go. */
#include "base/memory.h"
#include "base/prng.h"
#include "base/slabs.h"
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#define OBJECTS 20000

struct object {
    unsigned char *at;
    size_t size;
    unsigned char mark;
};
static struct object objects[OBJECTS];

static void fill(struct object *object, size_t size, unsigned char mark)
{
    *object = (struct object){ slabs_alloc(size), size, mark };
    memset(object->at, mark, size);
}

static void check_and_free(struct object *object)
{
    size_t same = 0;
    while (same < object->size && object->at[same] == object->mark) same++;
    ck_assert_uint_eq(same, object->size);
    slabs_free(object->at, object->size);
    object->at = NULL;
}

START_TEST(an_object_takes_its_size_in_steps_of_eight_and_a_large_one_of_64)
{
#ifdef EIR_SYSTEM_MALLOC
    const size_t step = 1, wide_step = 1; /* exact for the sanitizers */
#else
    const size_t step = 8, wide_step = 64;
#endif
    for (size_t size = 1; size <= 256; size++)
        ck_assert_uint_eq(slabs_class(size), (size + step - 1) / step * step);
    for (size_t size = 257; size <= 2048; size++)
        ck_assert_uint_eq(slabs_class(size), (size + wide_step - 1) / wide_step * wide_step);
    ck_assert_uint_ge(slabs_class(2049), 2049);
    size_t before = memory_used();
    void *object = slabs_alloc(38);
    ck_assert_uint_ge(memory_used() - before, 38);
    ck_assert_uint_le(memory_used() - before, 40);
    slabs_free(object, 38);
    ck_assert_uint_eq(memory_used(), before);
}
END_TEST

START_TEST(objects_keep_their_bytes_whatever_is_freed_beside_them)
{
    struct prng prng;
    prng_init(&prng, 3);
    for (int round = 0; round < 200000; round++) {
        struct object *object = &objects[prng_below(&prng, OBJECTS)];
        size_t size = 1 + prng_below(&prng, prng_below(&prng, 8) == 0 ? 2400 : 64);
        if (object->at == NULL) {
            fill(object, size, (unsigned char)round);
        } else if (prng_below(&prng, 3) == 0) {
            object->at = slabs_resize(object->at, object->size, size);
            if (size > object->size)
                memset(object->at + object->size, object->mark, size - object->size);
            object->size = size;
        } else {
            check_and_free(object);
        }
    }
    for (size_t i = 0; i < OBJECTS; i++)
        if (objects[i].at != NULL) check_and_free(&objects[i]);
}
END_TEST

static void *free_all(void *none)
{
    for (size_t i = 0; i < OBJECTS; i++) check_and_free(&objects[i]);
    return none;
}

START_TEST(what_another_thread_frees_is_used_again)
{
    struct slabs_stats full, after;
    pthread_t thread;
    size_t before = memory_used();
    for (size_t i = 0; i < OBJECTS; i++) fill(&objects[i], 40, (unsigned char)i);
    slabs_stats_read(&full);
    ck_assert_int_eq(pthread_create(&thread, NULL, free_all, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    while (!slabs_collect()) {}
    slabs_stats_read(&after);
    ck_assert_uint_eq(after.object_bytes, 0);
    ck_assert_uint_le(after.pages, 1);
    ck_assert_uint_eq(memory_used(), before);
    for (size_t i = 0; i < OBJECTS; i++) fill(&objects[i], 40, (unsigned char)i);
    slabs_stats_read(&after);
    ck_assert_uint_eq(after.pages, full.pages);
    for (size_t i = 0; i < OBJECTS; i++) check_and_free(&objects[i]);
}
END_TEST

START_TEST(sparse_pages_are_given_back_by_moving_their_objects)
{
    struct slabs_stats before, after;
    for (size_t i = 0; i < OBJECTS; i++) fill(&objects[i], 64, (unsigned char)i);
    struct prng prng;
    prng_init(&prng, 5);
    for (size_t i = 0; i < OBJECTS; i++)
        if (prng_below(&prng, 10) != 0) check_and_free(&objects[i]);
    slabs_stats_read(&before);
    for (int round = 0; round < 10; round++)
        for (size_t i = 0; i < OBJECTS; i++) {
            struct object *object = &objects[i];
            if (object->at == NULL || !slabs_should_move(object->at, object->size)) continue;
            struct object old = *object;
            fill(object, old.size, old.mark);
            check_and_free(&old);
        }
    slabs_stats_read(&after);
    ck_assert_uint_eq(after.object_bytes, before.object_bytes);
    if (before.pages > 0) ck_assert_uint_le(after.pages, before.pages / 3);
    for (size_t i = 0; i < OBJECTS; i++)
        if (objects[i].at != NULL) check_and_free(&objects[i]);
}
END_TEST

static void *prepare(void *none)
{
    slabs_prepare(none);
    return NULL;
}

START_TEST(a_region_that_another_thread_made_ready_is_the_next_one)
{
    enum { COUNT = 20 * 2048 };
    static void *blocks[COUNT];
    struct slabs_stats before, after;
    size_t wanted = 0;
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = slabs_alloc(1024);
        memset(blocks[i], (int)i, 1024);
        if (!slabs_wants_region()) continue;
        ck_assert(!slabs_wants_region()); /* once is enough */
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, prepare, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        if (wanted++ % 3 == 2) slabs_unprepare();
    }
    slabs_stats_read(&before);
    if (before.regions > 0) ck_assert_uint_ge(wanted, 8);
    for (size_t i = 0; i < COUNT; i++) slabs_free(blocks[i], 1024);
    slabs_unprepare();
    slabs_stats_read(&after);
    ck_assert_uint_le(after.regions, 1);
    ck_assert_uint_eq(after.object_bytes, 0);
}
END_TEST

#define REGIONS 8

/* The system's place: what was asked for, and whether it was taken back. */
static struct {
    char *at;
    bool is_large;
} regions[REGIONS * 2];
static size_t region_count;

static void note_advice(void *region, size_t bytes, bool wants_large)
{
    ck_assert_uint_eq(bytes, MEMORY_REGION_BYTES);
    ck_assert_uint_eq((uintptr_t)region % MEMORY_REGION_BYTES, 0);
    size_t i = 0;
    while (i < region_count && regions[i].at != region) i++;
    ck_assert_uint_lt(i, COUNT_OF(regions));
    if (i == region_count) regions[region_count++].at = region;
    ck_assert(regions[i].is_large != wants_large);
    regions[i].is_large = wants_large;
}

static size_t large_regions(void)
{
    size_t count = 0;
    for (size_t i = 0; i < region_count; i++) count += regions[i].is_large;
    return count;
}

START_TEST(large_pages_are_asked_for_from_the_second_region_on_and_given_back)
{
    enum { COUNT = REGIONS * (2 * 1024 * 1024 / 1024) };
    static void *blocks[COUNT];
    memory_use_large_pages(note_advice);
    size_t before = memory_used();
    for (size_t i = 0; i < COUNT / REGIONS / 2; i++) blocks[i] = slabs_alloc(1024);
    ck_assert_uint_eq(large_regions(), 0); /* a small store stays small */
    for (size_t i = COUNT / REGIONS / 2; i < COUNT; i++) blocks[i] = slabs_alloc(1024);
    struct slabs_stats stats;
    slabs_stats_read(&stats);
    ck_assert_uint_eq(large_regions(), stats.regions == 0 ? 0 : stats.regions - 1);
    ck_assert_uint_eq(memory_large_bytes(), large_regions() * MEMORY_REGION_BYTES);
#ifndef EIR_SYSTEM_MALLOC
    ck_assert_uint_ge(large_regions(), REGIONS - 1);
    size_t aligned = 0;
    for (size_t i = 0; i < COUNT; i++) aligned += (uintptr_t)blocks[i] % 64 == 0;
    ck_assert_uint_eq(aligned, COUNT);
#endif
    for (size_t i = 0; i < COUNT; i++) slabs_free(blocks[i], 1024);
    ck_assert_uint_eq(memory_used(), before);
    ck_assert_uint_le(large_regions(), 1); /* one may stay for what comes next */
    slabs_stats_read(&stats);
    ck_assert_uint_le(stats.regions, 1);
    memory_use_large_pages(NULL);
}
END_TEST

static void *free_pages(void *pages)
{
    for (size_t i = 0; i < 100; i++) slabs_page_free(((void **)pages)[i]);
    return NULL;
}

START_TEST(whole_pages_stand_beside_objects_and_come_back_from_any_thread)
{
    static void *pages[100];
    struct slabs_stats stats;
    size_t before = memory_used();
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 100; i++) {
            pages[i] = slabs_page_alloc();
            ck_assert_uint_eq((uintptr_t)pages[i] % SLAB_PAGE_BYTES, 0);
            memset(pages[i], (int)i, SLAB_PAGE_BYTES);
            fill(&objects[i], 200, (unsigned char)i);
        }
        ck_assert_uint_ge(memory_used() - before, 100 * SLAB_PAGE_BYTES);
        for (size_t i = 0; i < 100; i++) {
            const unsigned char *bytes = pages[i];
            ck_assert_uint_eq(bytes[0], i);
            ck_assert_uint_eq(bytes[SLAB_PAGE_BYTES - 1], i);
            check_and_free(&objects[i]);
        }
        pthread_t thread;
        if (round == 1) {
            ck_assert_int_eq(pthread_create(&thread, NULL, free_pages, pages), 0);
            ck_assert_int_eq(pthread_join(thread, NULL), 0);
            while (!slabs_collect()) {}
        } else {
            free_pages(pages);
        }
        slabs_stats_read(&stats);
        ck_assert_uint_eq(stats.whole_pages, 0);
        ck_assert_uint_eq(memory_used(), before);
    }
}
END_TEST

static void vacate_all(void)
{
    for (size_t i = 0; i < OBJECTS; i++)
        if (objects[i].at != NULL) objects[i].at = slabs_vacate(objects[i].at, objects[i].size);
}

START_TEST(one_pass_gives_back_what_holes_are_left)
{
    struct slabs_stats before, after;
    struct prng prng;
    prng_init(&prng, 7);
    static const size_t sizes[] = { 40, 88, 1088 };
    for (size_t i = 0; i < OBJECTS; i++) fill(&objects[i], sizes[i % 3], (unsigned char)i);
    for (size_t i = 0; i < OBJECTS; i++)
        if (prng_below(&prng, 10) != 0) check_and_free(&objects[i]);
    slabs_stats_read(&before);
    slabs_vacate_begin();
    while (slabs_vacate_plan() == SLABS_PLANNING) {}
    vacate_all();
    while (!slabs_vacate_end()) {}
    slabs_stats_read(&after);
    ck_assert_uint_eq(after.object_bytes, before.object_bytes);
    ck_assert_uint_le(after.regions, before.regions / 3);
    /* Well filled as they are, nobody would leave again. */
    slabs_vacate_begin();
    while (slabs_vacate_plan() == SLABS_PLANNING) {}
    vacate_all();
    while (!slabs_vacate_end()) {}
    ck_assert_uint_le(after.regions, before.regions / 3);
    for (size_t i = 0; i < OBJECTS; i++)
        if (objects[i].at != NULL) check_and_free(&objects[i]);
}
END_TEST

/* Between the steps of a pass life goes on. */
START_TEST(objects_come_and_go_while_others_leave)
{
    struct prng prng;
    prng_init(&prng, 8);
    for (int round = 0; round < 60; round++) {
        if (round % 3 == 0) slabs_vacate_begin();
        for (int i = 0; i < 5000; i++) {
            struct object *object = &objects[prng_below(&prng, OBJECTS)];
            if (object->at == NULL && prng_below(&prng, round % 20 < 10 ? 2 : 8) == 0)
                fill(object, 1 + prng_below(&prng, 700), (unsigned char)i);
            else if (object->at != NULL)
                check_and_free(object);
            if (i % 100 != 0) continue;
            slabs_vacate_plan();
            for (int j = 0; j < 50; j++) {
                struct object *other = &objects[prng_below(&prng, OBJECTS)];
                if (other->at != NULL) other->at = slabs_vacate(other->at, other->size);
            }
        }
        while (round % 3 == 2 && !slabs_vacate_end()) {}
    }
    for (size_t i = 0; i < OBJECTS; i++)
        if (objects[i].at != NULL) check_and_free(&objects[i]);
    struct slabs_stats stats;
    slabs_stats_read(&stats);
    ck_assert_uint_eq(stats.object_bytes, 0);
    ck_assert_uint_eq(stats.pages, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("slabs");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, an_object_takes_its_size_in_steps_of_eight_and_a_large_one_of_64);
    tcase_add_test(tests, objects_keep_their_bytes_whatever_is_freed_beside_them);
    tcase_add_test(tests, what_another_thread_frees_is_used_again);
    tcase_add_test(tests, sparse_pages_are_given_back_by_moving_their_objects);
    tcase_add_test(tests, large_pages_are_asked_for_from_the_second_region_on_and_given_back);
    tcase_add_test(tests, whole_pages_stand_beside_objects_and_come_back_from_any_thread);
    tcase_add_test(tests, one_pass_gives_back_what_holes_are_left);
    tcase_add_test(tests, objects_come_and_go_while_others_leave);
    tcase_add_test(tests, a_region_that_another_thread_made_ready_is_the_next_one);
    Suite *suite = suite_create("base/slabs");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
