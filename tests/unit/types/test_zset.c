/* Sorted sets against a plain sorted array, across both forms. */
#include "types/zset.h"

#include "base/memory.h"
#include "base/prng.h"
#include "lib/suite.h"
#include "types/listpack.h"
#include <stdio.h>
#include <stdlib.h>

#define MODEL_MAX 4000

struct pair {
    char member[300];
    size_t size;
    double score;
};

struct model {
    struct pair pairs[MODEL_MAX];
    size_t count;
};

static const struct value_rules rules = {
    .zset_max_listpack_entries = 128,
    .zset_max_listpack_value = 64,
    .hash_key = { { 1, 2 } },
};

static struct bytes pair_member(const struct pair *pair)
{
    return bytes_of(pair->member, pair->size);
}

static int pair_order(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    if (left->score != right->score) return left->score < right->score ? -1 : 1;
    return bytes_compare(pair_member(left), pair_member(right));
}

static ptrdiff_t model_find(const struct model *model, struct bytes member)
{
    for (size_t i = 0; i < model->count; i++)
        if (bytes_equal(pair_member(&model->pairs[i]), member)) return (ptrdiff_t)i;
    return -1;
}

static void model_put(struct model *model, struct bytes member, double score)
{
    ptrdiff_t at = model_find(model, member);
    struct pair pair = { .size = member.size, .score = score };
    memcpy(pair.member, member.data, member.size);
    if (at >= 0) {
        memmove(&model->pairs[at], &model->pairs[at + 1],
                (model->count - (size_t)at - 1) * sizeof(pair));
        model->count--;
    }
    size_t place = 0;
    while (place < model->count && pair_order(&model->pairs[place], &pair) < 0) place++;
    memmove(&model->pairs[place + 1], &model->pairs[place], (model->count - place) * sizeof(pair));
    model->pairs[place] = pair;
    model->count++;
}

static void model_remove(struct model *model, size_t rank, size_t count)
{
    memmove(&model->pairs[rank], &model->pairs[rank + count],
            (model->count - rank - count) * sizeof(struct pair));
    model->count -= count;
}

static void put(struct zset **zset, struct bytes member, double score)
{
    struct zset_place place;
    if (zset_find(*zset, member, &place))
        zset_rescore(zset, &place, member, score);
    else
        zset_insert(zset, &rules, &place, member, score);
}

static void expect_equal(const struct zset *zset, const struct model *model)
{
    struct zset_cursor cursor;
    struct zset_item item;
    ck_assert_uint_eq(zset_count(zset), model->count);
    zset_seek_rank(zset, 0, &cursor);
    for (size_t i = 0; i < model->count; i++) {
        ck_assert(zset_next(&cursor, &item));
        ck_assert(bytes_equal(item.member, pair_member(&model->pairs[i])));
        ck_assert(item.score == model->pairs[i].score);
    }
    ck_assert(!zset_next(&cursor, &item));
    for (size_t i = model->count; i-- > 0;) {
        ck_assert(zset_previous(&cursor, &item));
        ck_assert(bytes_equal(item.member, pair_member(&model->pairs[i])));
    }
    ck_assert(!zset_previous(&cursor, &item));
}

static struct bytes some_member(struct prng *prng, size_t range, char text[300])
{
    uint64_t number = prng_below(prng, range);
    if (number % 7 == 0) return bytes_of(text, (size_t)snprintf(text, 300, "%d", (int)number));
    int size = snprintf(text, 300, "member-%d", (int)number);
    if (number % 500 == 499) { /* too long for the small form, and for one byte of size */
        memset(text + size, 'x', (size_t)(260 - size));
        size = 260;
    }
    return bytes_of(text, (size_t)size);
}

static double some_score(struct prng *prng)
{
    switch (prng_below(prng, 4)) {
    case 0: return (double)prng_below(prng, 3);
    case 1: return (double)prng_between(prng, -100000, 100000);
    case 2: return prng_unit(prng) * 1e10;
    }
    return prng_chance(prng, 1, 10) ? (prng_chance(prng, 1, 2) ? 1.0 / 0.0 : -1.0 / 0.0)
                                    : (double)prng_between(prng, -1000, 1000) / 16;
}

static void expect_place(const struct zset *zset, const struct model *model, struct bytes member)
{
    struct zset_place place;
    ptrdiff_t rank = model_find(model, member);
    ck_assert_int_eq(zset_find(zset, member, &place), rank >= 0);
    if (rank < 0) return;
    ck_assert(place.score == model->pairs[rank].score);
    ck_assert_uint_eq(zset_rank(zset, &place), (size_t)rank);
}

static void expect_bounds(const struct zset *zset, const struct model *model, double score)
{
    struct zset_cursor cursor;
    size_t below = 0, until = 0;
    for (size_t i = 0; i < model->count; i++) {
        below += model->pairs[i].score < score;
        until += model->pairs[i].score <= score;
    }
    struct btree_bound first = { .kind = BTREE_SCORE_FIRST, .score = score };
    struct btree_bound behind = { .kind = BTREE_SCORE_BEHIND, .score = score };
    ck_assert_uint_eq(zset_seek(zset, &first, &cursor), below);
    ck_assert_uint_eq(zset_seek(zset, &behind, &cursor), until);
}

static void random_step(struct zset **zset, struct model *model, struct prng *prng, bool grows)
{
    char text[300];
    struct bytes member = some_member(prng, 3000, text);
    struct zset_place place;
    uint64_t what = prng_below(prng, 10);
    if (what < (grows ? 8u : 2u)) {
        double score = some_score(prng);
        put(zset, member, score);
        model_put(model, member, score);
    } else if (what < 9 && model->count > 0) {
        if (!grows) {
            const struct pair *pair = &model->pairs[prng_below(prng, model->count)];
            memcpy(text, pair->member, pair->size);
            member = bytes_of(text, pair->size);
        }
        ptrdiff_t rank = model_find(model, member);
        ck_assert_int_eq(zset_find(*zset, member, &place), rank >= 0);
        if (rank < 0) return;
        zset_remove(zset, &place);
        model_remove(model, (size_t)rank, 1);
    } else if (model->count > 0) {
        size_t rank = prng_below(prng, model->count);
        size_t count = prng_below(prng, grows ? 3 : 100);
        count = MIN(model->count - rank, count);
        zset_remove_ranks(zset, rank, count);
        model_remove(model, rank, count);
    }
    expect_place(*zset, model, member);
    expect_bounds(*zset, model, some_score(prng));
}

START_TEST(any_sequence_of_edits_leaves_what_a_sorted_array_holds)
{
    struct prng prng;
    prng_init(&prng, 7);
    struct model *model = memory_alloc_zero(sizeof(*model));
    for (int round = 0; round < 4; round++) {
        struct zset *zset = zset_create();
        bool was_large = false;
        model->count = 0;
        for (int i = 0; i < 6000; i++) {
            random_step(&zset, model, &prng, i % 3000 < 2000);
            was_large = was_large || !zset_is_small(zset);
            if (i % 100 == 0) expect_equal(zset, model);
        }
        ck_assert(was_large);
        zset_remove_ranks(&zset, 0, model->count);
        ck_assert_uint_eq(zset_count(zset), 0);
        zset_destroy(zset);
    }
    memory_free(model);
}
END_TEST

START_TEST(the_limits_of_the_small_form_are_those_of_the_rules)
{
    struct zset *zset = zset_create();
    char text[70];
    for (int i = 0; i < 128; i++)
        put(&zset, bytes_of(text, (size_t)snprintf(text, sizeof(text), "m%d", i)), i);
    ck_assert(zset_is_small(zset));
    put(&zset, BYTES("m5"), 1000);
    ck_assert(zset_is_small(zset));
    put(&zset, BYTES("more"), 1);
    ck_assert(!zset_is_small(zset));
    zset_remove_ranks(&zset, 0, 1);
    ck_assert(!zset_is_small(zset));
    zset_compact(&zset, &rules);
    ck_assert(zset_is_small(zset));

    memset(text, 'x', 65);
    zset_remove_ranks(&zset, 0, 100);
    put(&zset, bytes_of(text, 64), 1);
    ck_assert(zset_is_small(zset));
    put(&zset, bytes_of(text, 65), 1);
    ck_assert(!zset_is_small(zset));
    zset_compact(&zset, &rules);
    ck_assert(!zset_is_small(zset));
    zset_destroy(zset);
}
END_TEST

struct element_pool {
    struct element *elements[20000];
    size_t count;
};

static void pool_fill(struct element_pool *pool, struct btree *tree, int order)
{
    char text[20];
    pool->count = COUNT_OF(pool->elements);
    for (size_t i = 0; i < pool->count; i++) {
        size_t number = order == 0 ? i : order == 1 ? pool->count - i : i * 7919 % pool->count;
        int size = snprintf(text, sizeof(text), "%zu", number);
        pool->elements[i] = element_create(bytes_of(text, (size_t)size), (double)(number / 2));
        btree_insert(tree, pool->elements[i]);
    }
}

START_TEST(elements_in_their_order_fill_the_leaves)
{
    struct element_pool *pool = memory_alloc(sizeof(*pool));
    for (int order = 0; order < 3; order++) {
        struct btree tree = { 0 };
        pool_fill(pool, &tree, order);
        ck_assert(btree_is_sound(&tree));
        ck_assert_uint_eq(btree_count(&tree), pool->count);
        ck_assert_uint_le(tree.node_bytes, pool->count * (order < 2 ? 9 : 14));
        btree_fini(&tree);
        ck_assert_uint_eq(tree.node_bytes, 0);
        for (size_t i = 0; i < pool->count; i++) element_destroy(pool->elements[i]);
    }
    memory_free(pool);
}
END_TEST

START_TEST(a_tree_stays_sound_while_it_shrinks)
{
    struct prng prng;
    prng_init(&prng, 3);
    struct element_pool *pool = memory_alloc(sizeof(*pool));
    for (int way = 0; way < 3; way++) {
        struct btree tree = { 0 };
        pool_fill(pool, &tree, way);
        for (size_t left = pool->count; left > 0; left--) {
            size_t rank = way == 0 ? 0 : way == 1 ? left - 1 : prng_below(&prng, left);
            element_destroy(btree_take_at(&tree, rank));
            if (left % 1000 == 0) ck_assert(btree_is_sound(&tree));
        }
        ck_assert_ptr_null(tree.root);
        ck_assert_uint_eq(tree.node_bytes, 0);
    }
    memory_free(pool);
}
END_TEST

static struct zset *open_words(size_t count, const char *const *words)
{
    struct buffer body = { 0 };
    for (size_t i = 0; i < count; i++) listpack_append(&body, bytes_text(words[i]));
    struct zset *zset = zset_create_from(buffer_bytes(&body), count, &rules);
    buffer_fini(&body);
    return zset;
}

START_TEST(a_listpack_that_is_no_sorted_set_is_refused)
{
    static const char *const good[] = { "a", "1", "b", "1", "c", "2.5" };
    static const char *const odd[] = { "a", "1", "b" };
    static const char *const disordered[] = { "a", "2", "b", "1" };
    static const char *const members[] = { "b", "1", "a", "1" };
    static const char *const twice[] = { "a", "1", "a", "2" };
    static const char *const word[] = { "a", "one" };
    static const char *const nan_score[] = { "a", "nan" };
    struct zset *zset = open_words(6, good);
    ck_assert_ptr_nonnull(zset);
    ck_assert_uint_eq(zset_count(zset), 3);
    zset_destroy(zset);
    ck_assert_ptr_null(open_words(0, good));
    ck_assert_ptr_null(open_words(3, odd));
    ck_assert_ptr_null(open_words(4, disordered));
    ck_assert_ptr_null(open_words(4, members));
    ck_assert_ptr_null(open_words(4, twice));
    ck_assert_ptr_null(open_words(2, word));
    ck_assert_ptr_null(open_words(2, nan_score));
}
END_TEST

struct seen {
    unsigned char marks[1000];
};

static void see(void *context, struct bytes member, double score)
{
    struct seen *seen = context;
    int64_t number;
    ck_assert(number_parse(member, &number));
    ck_assert(score == (double)number);
    seen->marks[number] = 1;
}

START_TEST(a_scan_sees_every_member)
{
    for (int count = 10; count <= 1000; count *= 10) {
        struct zset *zset = zset_create();
        struct seen seen = { { 0 } };
        char text[20];
        for (int i = 0; i < count; i++)
            put(&zset, bytes_of(text, (size_t)snprintf(text, sizeof(text), "%d", i)), i);
        uint64_t cursor = 0;
        do cursor = zset_scan(zset, cursor, see, &seen);
        while (cursor != 0);
        for (int i = 0; i < count; i++) ck_assert(seen.marks[i]);
        zset_destroy(zset);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("zset");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, any_sequence_of_edits_leaves_what_a_sorted_array_holds);
    tcase_add_test(tests, the_limits_of_the_small_form_are_those_of_the_rules);
    tcase_add_test(tests, elements_in_their_order_fill_the_leaves);
    tcase_add_test(tests, a_tree_stays_sound_while_it_shrinks);
    tcase_add_test(tests, a_listpack_that_is_no_sorted_set_is_refused);
    tcase_add_test(tests, a_scan_sees_every_member);
    return suite_run("types/zset", tests);
}
