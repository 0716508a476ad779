/* Lists against a plain array of texts: every operation, across every threshold, under every kind
 * of limit. */
#include "types/quicklist.h"

#include "base/memory.h"
#include "base/prng.h"
#include "lib/suite.h"
#include "types/value_kind.h"
#include <stdio.h>

#define MODEL_MAX ((size_t)6000)
#define TEXT_MAX  ((size_t)70000)

struct model {
    char *texts[MODEL_MAX];
    size_t sizes[MODEL_MAX];
    size_t count;
};

struct pair {
    struct model *model;
    struct quicklist *list;
    struct value_rules rules;
    struct prng prng;
    char *room;
};

/* --- the model --------------------------------------------------------------------------- */

static void model_insert(struct model *model, size_t at, struct bytes text)
{
    size_t behind = model->count - at;
    memmove(&model->texts[at + 1], &model->texts[at], behind * sizeof(*model->texts));
    memmove(&model->sizes[at + 1], &model->sizes[at], behind * sizeof(*model->sizes));
    model->texts[at] = bytes_copy_text(text);
    model->sizes[at] = text.size;
    model->count++;
}

static void model_remove(struct model *model, size_t at)
{
    memory_free(model->texts[at]);
    model->count--;
    size_t behind = model->count - at;
    memmove(&model->texts[at], &model->texts[at + 1], behind * sizeof(*model->texts));
    memmove(&model->sizes[at], &model->sizes[at + 1], behind * sizeof(*model->sizes));
}

static struct bytes model_at(const struct model *model, size_t at)
{
    return bytes_of(model->texts[at], model->sizes[at]);
}

static size_t model_remove_equal(struct model *model, struct bytes text, size_t count,
                                 bool from_tail)
{
    size_t removed = 0;
    for (size_t seen = 0, all = model->count; seen < all && removed < count; seen++) {
        size_t at = from_tail ? all - 1 - seen : seen - removed;
        if (!bytes_equal(model_at(model, at), text)) continue;
        model_remove(model, at);
        removed++;
    }
    return removed;
}

/* --- the pair ---------------------------------------------------------------------------- */

static void pair_init(struct pair *pair, int fill, unsigned depth, uint64_t seed)
{
    pair->model = memory_alloc_zero(sizeof(*pair->model));
    pair->list = quicklist_create();
    pair->rules =
        (struct value_rules){ .list_max_listpack_size = fill, .list_compress_depth = depth };
    prng_init(&pair->prng, seed);
    pair->room = memory_alloc(TEXT_MAX);
}

static void pair_fini(struct pair *pair)
{
    while (pair->model->count > 0) model_remove(pair->model, pair->model->count - 1);
    memory_free(pair->model);
    quicklist_destroy(pair->list);
    memory_free(pair->room);
}

static void check_walk(const struct pair *pair, const struct quicklist *list, size_t from,
                       bool is_backward)
{
    struct quicklist_cursor cursor;
    struct listpack_item item;
    size_t count = pair->model->count;
    quicklist_cursor_init(&cursor, list, from, is_backward);
    size_t steps = is_backward ? from + 1 : count - from;
    for (size_t i = 0; i < steps; i++) {
        struct scratch scratch;
        ck_assert(quicklist_next(&cursor, &item));
        struct bytes wanted = model_at(pair->model, is_backward ? from - i : from + i);
        ck_assert(bytes_equal(listpack_text(&item, &scratch), wanted));
    }
    ck_assert(!quicklist_next(&cursor, &item));
    quicklist_cursor_fini(&cursor);
}

static void check_same(const struct pair *pair, const struct quicklist *list)
{
    size_t count = pair->model->count;
    ck_assert_uint_eq(quicklist_count(list), count);
    check_walk(pair, list, 0, false);
    if (count == 0) return;
    check_walk(pair, list, count - 1, true);
}

/* Few different ones, so that equal ones meet; now and then one that no node takes. */
static struct bytes some_text(struct pair *pair)
{
    uint64_t kind = prng_below(&pair->prng, 100);
    if (kind < 30)
        return bytes_of(pair->room, number_print((int64_t)prng_below(&pair->prng, 9), pair->room));
    size_t size = kind < 90   ? prng_below(&pair->prng, 40)
                  : kind < 98 ? prng_below(&pair->prng, 1000)
                  : kind < 99 ? 8000 + prng_below(&pair->prng, 400)
                              : prng_below(&pair->prng, TEXT_MAX);
    memset(pair->room, 'a' + (int)prng_below(&pair->prng, 3), size);
    return bytes_of(pair->room, size);
}

static void push(struct pair *pair)
{
    bool is_head = prng_chance(&pair->prng, 1, 2);
    size_t count = 1 + prng_below(&pair->prng, 3);
    struct bytes text = some_text(pair);
    struct bytes texts[] = { text, BYTES("x"), text };
    if (pair->model->count + count > MODEL_MAX) return;
    quicklist_push(&pair->list, &pair->rules, is_head, texts, count);
    for (size_t i = 0; i < count; i++)
        model_insert(pair->model, is_head ? 0 : pair->model->count, texts[i]);
}

static void remove_range(struct pair *pair)
{
    size_t all = pair->model->count;
    size_t index = prng_below(&pair->prng, all);
    if (prng_chance(&pair->prng, 1, 3)) index = 0;
    size_t most = prng_chance(&pair->prng, 1, 10) ? all : 3;
    size_t count = 1 + prng_below(&pair->prng, most);
    count = MIN(count, all - index);
    if (prng_chance(&pair->prng, 1, 3)) index = all - count;
    quicklist_remove(&pair->list, &pair->rules, index, count);
    for (size_t i = 0; i < count; i++) model_remove(pair->model, index);
}

static void insert(struct pair *pair)
{
    size_t index = prng_below(&pair->prng, pair->model->count);
    bool is_after = prng_chance(&pair->prng, 1, 2);
    struct bytes text = some_text(pair);
    if (pair->model->count == MODEL_MAX) return;
    quicklist_insert(&pair->list, &pair->rules, index, is_after, text);
    model_insert(pair->model, index + is_after, text);
}

static void replace(struct pair *pair)
{
    size_t index = prng_below(&pair->prng, pair->model->count);
    struct bytes text = some_text(pair);
    quicklist_replace(&pair->list, &pair->rules, index, text);
    model_remove(pair->model, index);
    model_insert(pair->model, index, text);
}

static void remove_equal(struct pair *pair)
{
    size_t count = 1 + prng_below(&pair->prng, 5);
    bool from_tail = prng_chance(&pair->prng, 1, 2);
    struct bytes text = some_text(pair);
    ck_assert_uint_eq(quicklist_remove_equal(&pair->list, &pair->rules, text, count, from_tail),
                      model_remove_equal(pair->model, text, count, from_tail));
}

static void step(struct pair *pair, bool grows)
{
    uint64_t what = prng_below(&pair->prng, 10);
    if (pair->model->count == 0 || what < (grows ? 5 : 2))
        push(pair);
    else if (what < 6)
        remove_range(pair);
    else if (what < 8)
        insert(pair);
    else if (what < 9)
        replace(pair);
    else
        remove_equal(pair);
}

static void run(int fill, unsigned depth, unsigned rounds)
{
    struct pair pair;
    pair_init(&pair, fill, depth, (uint64_t)(fill * 10 + (int)depth));
    for (unsigned i = 0; i < rounds; i++) {
        step(&pair, i / 200 % 2 == 0);
        if (i % 16 == 0) check_same(&pair, pair.list);
        if (pair.model->count > 0)
            check_walk(&pair, pair.list, prng_below(&pair.prng, pair.model->count), i % 2);
    }
    struct quicklist *copy = list_kind.copy(pair.list);
    check_same(&pair, copy);
    list_kind.destroy(copy);
    pair_fini(&pair);
}

START_TEST(a_list_does_what_an_array_does)
{
    static const int fills[] = { -5, -2, -1, 0, 1, 3, 128, 20000 };
    for (size_t i = 0; i < COUNT_OF(fills); i++) run(fills[i], 0, 1500);
}
END_TEST

START_TEST(compressed_nodes_do_the_same)
{
    for (unsigned depth = 1; depth < 4; depth++) {
        run(-1, depth, 1000);
        run(7, depth, 1000);
    }
}
END_TEST

/* --- forms ------------------------------------------------------------------------------- */

static void push_text(struct pair *pair, const char *text)
{
    struct bytes bytes = bytes_text(text);
    quicklist_push(&pair->list, &pair->rules, false, &bytes, 1);
    model_insert(pair->model, pair->model->count, bytes);
}

static void drop_front(struct pair *pair, size_t count)
{
    quicklist_remove(&pair->list, &pair->rules, 0, count);
    for (size_t i = 0; i < count; i++) model_remove(pair->model, 0);
}

#define CHECK_FORM(pair, form) ck_assert_str_eq(list_kind.encoding((pair)->list), form)

START_TEST(a_list_becomes_long_and_small_again_where_valkeys_does)
{
    struct pair pair;
    pair_init(&pair, 4, 0, 1);
    for (unsigned i = 0; i < 4; i++) push_text(&pair, "a");
    CHECK_FORM(&pair, "listpack");
    push_text(&pair, "a");
    CHECK_FORM(&pair, "quicklist");
    drop_front(&pair, 2); /* the second node is still there */
    CHECK_FORM(&pair, "quicklist");
    drop_front(&pair, 2);
    CHECK_FORM(&pair, "listpack");
    check_same(&pair, pair.list);
    pair_fini(&pair);
}
END_TEST

START_TEST(a_listpack_may_hold_more_than_a_pack_counts)
{
    struct pair pair;
    pair_init(&pair, -5, 0, 1);
    for (unsigned i = 0; i < 5000; i++) push_text(&pair, "7");
    CHECK_FORM(&pair, "listpack");
    ck_assert_uint_eq(quicklist_node_count(pair.list), 1);
    check_same(&pair, pair.list);
    quicklist_insert(&pair.list, &pair.rules, 2500, true, BYTES("here"));
    model_insert(pair.model, 2501, BYTES("here"));
    check_same(&pair, pair.list);
    drop_front(&pair, 4990);
    CHECK_FORM(&pair, "listpack");
    check_same(&pair, pair.list);
    pair_fini(&pair);
}
END_TEST

START_TEST(what_is_built_of_nodes_is_walked_in_the_same_nodes)
{
    struct value_rules rules = { .list_max_listpack_size = -2, .list_compress_depth = 1 };
    struct quicklist *list = quicklist_begin();
    struct buffer body = { 0 };
    char large[9000];
    memset(large, 'x', sizeof(large));
    for (unsigned i = 0; i < 200; i++) listpack_append(&body, BYTES("hello"));
    for (unsigned i = 0; i < 5; i++) {
        quicklist_append_node(list, &rules, buffer_bytes(&body), 200);
        quicklist_append_plain(list, &rules, bytes_of(large, sizeof(large)));
    }
    quicklist_finish(&list, &rules);
    ck_assert_uint_eq(quicklist_count(list), 1005);
    struct quicklist_walk walk = { 0 };
    for (unsigned i = 0; i < 10; i++) {
        ck_assert(quicklist_walk_next(list, &walk));
        ck_assert_int_eq(walk.is_plain, i % 2);
        ck_assert_uint_eq(walk.count, i % 2 ? 1 : 200);
        ck_assert(
            bytes_equal(walk.body, i % 2 ? bytes_of(large, sizeof(large)) : buffer_bytes(&body)));
    }
    ck_assert(!quicklist_walk_next(list, &walk));
    ck_assert_uint_lt(list_kind.memory(list, 0), (size_t)5 * 9000 + 10000); /* compressed */
    quicklist_destroy(list);
    buffer_fini(&body);
}
END_TEST

/* The budget: 2.2 bytes an element beyond its 16. */
START_TEST(an_element_takes_little_beside_itself)
{
    struct value_rules rules = { .list_max_listpack_size = -2 };
    struct quicklist *list = quicklist_create();
    const size_t count = 300000;
    for (size_t i = 0; i < count; i++) {
        char text[17];
        snprintf(text, sizeof(text), "element-%08zu", i);
        struct bytes bytes = bytes_of(text, 16);
        quicklist_push(&list, &rules, i % 3 == 0, &bytes, 1);
    }
    double each = (double)list_kind.memory(list, 0) / (double)count - 16;
    printf("quicklist: %.3f bytes beside 16 of an element\n", each);
    ck_assert_double_lt(each, 2.2);
    ck_assert_uint_eq(list_kind.free_effort(list), quicklist_node_count(list) + 1);
    quicklist_destroy(list);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("quicklist");
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, a_list_does_what_an_array_does);
    tcase_add_test(tests, compressed_nodes_do_the_same);
    tcase_add_test(tests, a_list_becomes_long_and_small_again_where_valkeys_does);
    tcase_add_test(tests, a_listpack_may_hold_more_than_a_pack_counts);
    tcase_add_test(tests, what_is_built_of_nodes_is_walked_in_the_same_nodes);
    tcase_add_test(tests, an_element_takes_little_beside_itself);
    return suite_run("types/quicklist", tests);
}
