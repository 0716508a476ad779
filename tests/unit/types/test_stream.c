/* Streams against a plain array of entries: adding, deleting, trimming, walking, saving, across the
 * ends of nodes; and who was given what, against a plain table. */
#include "base/memory.h"
#include "base/prng.h"
#include "lib/suite.h"
#include "types/stream_groups.h"
#include <stdio.h>

/* ---- the map of ids ---- */

struct item {
    struct stream_id id;
    uint64_t mark;
};

static struct stream_id id_of(uint64_t number)
{
    return (struct stream_id){ .ms = number / 7, .seq = number % 7 };
}

static void check_neighbours(struct id_map *map, const bool *there, size_t size, size_t at)
{
    struct id_place place;
    size_t from = at, until = at;
    while (from < size && !there[from]) from++;
    while (until > 0 && !there[until]) until--;
    const struct item *item = id_map_from(map, id_of(at), &place);
    ck_assert(from == size ? item == NULL : item != NULL && item->mark == from);
    item = id_map_until(map, id_of(at), &place);
    ck_assert(!there[until] ? item == NULL : item != NULL && item->mark == until);
    item = id_map_find(map, id_of(at));
    ck_assert(there[at] ? item != NULL && item->mark == at : item == NULL);
}

static void check_walk(struct id_map *map, const bool *there, size_t size)
{
    struct id_place place;
    size_t count = 0;
    const struct item *item = id_map_first(map, &place);
    for (size_t i = 0; i < size; i++) {
        if (!there[i]) continue;
        ck_assert_uint_eq(item->mark, i);
        item = id_map_next(map, &place);
        count++;
    }
    ck_assert_ptr_null(item);
    ck_assert_uint_eq(map->count, count);
    item = id_map_last(map, &place);
    for (size_t i = size; i-- > 0;) {
        if (!there[i]) continue;
        ck_assert_uint_eq(item->mark, i);
        item = id_map_previous(map, &place);
    }
    ck_assert_ptr_null(item);
}

#define MAP_SIZE 1500

START_TEST(a_map_of_ids_does_what_a_sorted_array_does)
{
    static bool there[MAP_SIZE];
    struct prng prng;
    struct id_map map, copy;
    size_t memory_before = memory_used();
    prng_init(&prng, 5);
    id_map_init(&map, sizeof(struct item));
    memset(there, 0, sizeof(there));
    for (int round = 0; round < 40000; round++) {
        size_t at = prng_below(&prng, MAP_SIZE);
        /* Now it grows, now it shrinks. */
        bool adds = prng_chance(&prng, round / 5000 % 2 == 0 ? 8 : 2, 10);
        struct id_place place;
        if (adds && !there[at]) {
            struct item *item = id_map_insert(&map, id_of(at));
            ck_assert_uint_eq(item->mark, 0);
            item->mark = at;
        } else if (!adds && there[at]) {
            id_map_from(&map, id_of(at), &place);
            id_map_remove(&map, place);
        } else {
            check_neighbours(&map, there, MAP_SIZE, at);
            continue;
        }
        there[at] = adds;
        if (round % 500 == 0) check_walk(&map, there, MAP_SIZE);
    }
    id_map_copy(&map, &copy);
    id_map_fini(&map);
    check_walk(&copy, there, MAP_SIZE);
    id_map_fini(&copy);
    ck_assert_uint_eq(memory_used(), memory_before);
}
END_TEST

START_TEST(a_map_of_ids_is_a_queue_too)
{
    struct id_map map;
    struct id_place place;
    id_map_init(&map, sizeof(struct item));
    for (uint64_t i = 0; i < 5000; i++) {
        ((struct item *)id_map_insert(&map, id_of(i)))->mark = i;
        if (i < 1000) continue;
        const struct item *item = id_map_first(&map, &place);
        ck_assert_uint_eq(item->mark, i - 1000);
        id_map_remove(&map, place);
        ck_assert_uint_eq(map.count, 1000);
    }
    ck_assert_uint_le(id_map_memory(&map), 1300 * sizeof(struct item));
    id_map_fini(&map);
}
END_TEST

/* ---- entries ---- */

#define MODEL_MAX 3000
#define PAIRS_MAX 4

/* What an entry holds follows from a number. */
struct entry {
    struct stream_id id;
    uint64_t seed;
};

static struct entry model[MODEL_MAX];
static size_t model_count;

static char texts[2 * PAIRS_MAX][400];

static size_t fields_of(uint64_t seed, struct bytes *fields)
{
    static const size_t sizes[] = { 0, 1, 63, 64, 130, 399 };
    struct prng prng;
    prng_init(&prng, seed);
    size_t pairs = prng_chance(&prng, 1, 2) ? 2 : 1 + prng_below(&prng, PAIRS_MAX);
    for (size_t i = 0; i < 2 * pairs; i++) {
        size_t size = sizes[prng_below(&prng, COUNT_OF(sizes))];
        if (i % 2 == 0 && pairs == 2) /* names that most entries share */
            size = (size_t)snprintf(texts[i], sizeof(texts[i]), "name-%zu", i);
        else if (prng_chance(&prng, 1, 2))
            size = (size_t)snprintf(texts[i], sizeof(texts[i]), "%lld",
                                    (long long)(prng_next(&prng) >> prng_below(&prng, 60)));
        else
            memset(texts[i], 'a' + (int)prng_below(&prng, 26), size);
        fields[i] = bytes_of(texts[i], size);
    }
    return pairs;
}

static void check_entry(const struct stream_walk *walk, const struct entry *entry)
{
    struct bytes fields[2 * PAIRS_MAX];
    struct stream_pairs pairs;
    struct listpack_item name, value;
    struct scratch scratch;
    ck_assert_int_eq(stream_id_compare(walk->id, entry->id), 0);
    ck_assert_uint_eq(walk->pair_count, fields_of(entry->seed, fields));
    stream_pairs_init(&pairs, walk);
    for (size_t i = 0; stream_pairs_next(&pairs, &name, &value); i++) {
        ck_assert(bytes_equal(listpack_text(&name, &scratch), fields[2 * i]));
        ck_assert(bytes_equal(listpack_text(&value, &scratch), fields[2 * i + 1]));
    }
}

static bool is_within(struct stream_id id, struct stream_id from, struct stream_id until)
{
    return stream_id_compare(id, from) >= 0 && stream_id_compare(id, until) <= 0;
}

static void check_range(const struct stream *stream, struct stream_id from, struct stream_id until)
{
    struct stream_walk walk;
    stream_walk_init(&walk, stream, from, until, false);
    for (size_t i = 0; i < model_count; i++) {
        if (!is_within(model[i].id, from, until)) continue;
        ck_assert(stream_walk_next(&walk));
        check_entry(&walk, &model[i]);
    }
    ck_assert(!stream_walk_next(&walk));
    stream_walk_init(&walk, stream, from, until, true);
    for (size_t i = model_count; i-- > 0;) {
        if (!is_within(model[i].id, from, until)) continue;
        ck_assert(stream_walk_next(&walk));
        ck_assert_int_eq(stream_id_compare(walk.id, model[i].id), 0);
    }
    ck_assert(!stream_walk_next(&walk));
}

static void model_drop(size_t at, size_t count)
{
    memmove(model + at, model + at + count, (model_count - at - count) * sizeof(*model));
    model_count -= count;
}

static void add(struct stream *stream, const struct value_rules *rules, struct prng *prng)
{
    struct bytes fields[2 * PAIRS_MAX];
    struct stream_id id = stream_figures(stream)->last_id;
    if (model_count == MODEL_MAX) return;
    if (prng_chance(prng, 1, 2))
        id.seq += 1 + prng_below(prng, 300);
    else
        id = (struct stream_id){ .ms = id.ms + 1 + prng_below(prng, 70000) };
    model[model_count] = (struct entry){ .id = id, .seed = prng_next(prng) };
    size_t pairs = fields_of(model[model_count++].seed, fields);
    ck_assert(stream_append(stream, rules, id, fields, pairs));
}

static void take(struct stream *stream, struct prng *prng)
{
    size_t at = prng_below(prng, model_count);
    ck_assert(stream_delete(stream, model[at].id));
    ck_assert(!stream_delete(stream, model[at].id));
    model_drop(at, 1);
}

static void trim(struct stream *stream, struct prng *prng)
{
    struct stream_trim wish = { .is_exact = prng_chance(prng, 1, 2),
                                .is_by_id = prng_chance(prng, 1, 2),
                                .limit = prng_chance(prng, 1, 4) ? 50 : 0 };
    size_t keep = model_count - prng_below(prng, model_count / 10 + 1);
    wish.length = keep;
    wish.id = keep == 0 ? stream_figures(stream)->last_id : model[model_count - keep].id;
    size_t gone = stream_trim(stream, &wish);
    ck_assert_uint_le(gone, model_count - keep);
    if (wish.is_exact && wish.limit == 0 && keep > 0) ck_assert_uint_eq(gone, model_count - keep);
    model_drop(0, gone);
}

static struct stream *saved_and_loaded(const struct stream *stream)
{
    struct stream *again = stream_create();
    struct id_place place;
    struct stream_id id;
    const struct stream_node *node = stream_node_next(stream, true, &place, &id);
    for (; node != NULL; node = stream_node_next(stream, false, &place, &id)) {
        struct buffer framed = { 0 };
        stream_node_write(node, &framed);
        ck_assert(stream_node_put(again, id, buffer_bytes(&framed)));
        ck_assert(!stream_node_put(again, id, buffer_bytes(&framed)));
        buffer_fini(&framed);
    }
    stream_figures_set(again, stream_figures(stream));
    ck_assert_uint_eq(stream_length(again), stream_length(stream));
    ck_assert_uint_eq(stream_radix_nodes(again), stream_radix_nodes(stream));
    return again;
}

static void check_all(const struct stream *stream)
{
    ck_assert_uint_eq(stream_length(stream), model_count);
    struct stream_id first = model_count == 0 ? STREAM_ID_MIN : model[0].id;
    ck_assert_int_eq(stream_id_compare(stream_figures(stream)->first_id, first), 0);
    check_range(stream, STREAM_ID_MIN, STREAM_ID_MAX);
}

START_TEST(a_stream_does_what_an_array_of_entries_does)
{
    static const struct value_rules limits[] = {
        { .stream_node_max_entries = 1 },
        { .stream_node_max_entries = 7 },
        { .stream_node_max_bytes = 300 },
        { .stream_node_max_bytes = 4096, .stream_node_max_entries = 100 },
        { .stream_node_max_bytes = 0 },
    };
    struct prng prng;
    size_t memory_before = memory_used();
    prng_init(&prng, 100 + (uint64_t)_i);
    struct stream *stream = stream_create();
    model_count = 0;
    for (int round = 0; round < 3000; round++) {
        unsigned choice = (unsigned)prng_below(&prng, 100);
        if (choice < (round < 1500 ? 75 : 45) || model_count == 0) {
            add(stream, &limits[_i], &prng);
        } else if (choice < 92) {
            take(stream, &prng);
        } else if (choice < 96) {
            trim(stream, &prng);
        } else if (choice < 98) {
            struct stream_id a = model[prng_below(&prng, model_count)].id;
            struct stream_id b = model[prng_below(&prng, model_count)].id;
            if (prng_chance(&prng, 1, 2)) stream_id_increase(&a);
            check_range(stream, a, b);
        }
        if (round % 100 != 0) continue;
        struct stream *again = round % 200 == 0 ? saved_and_loaded(stream) : stream_copy(stream);
        stream_destroy(stream);
        stream = again;
        check_all(stream);
    }
    check_all(stream);
    stream_destroy(stream);
    ck_assert_uint_eq(memory_used(), memory_before);
}
END_TEST

/* Any byte may be another: the node is refused, or every walk over it ends. */
START_TEST(a_damaged_node_is_refused_or_sound)
{
    struct prng prng;
    struct stream *stream = stream_create();
    struct value_rules rules = { 0 };
    prng_init(&prng, 9);
    model_count = 0;
    for (int i = 0; i < 30; i++) add(stream, &rules, &prng);
    for (int i = 0; i < 5; i++) take(stream, &prng);
    struct id_place place;
    struct stream_id id;
    struct buffer framed = { 0 };
    stream_node_write(stream_node_next(stream, true, &place, &id), &framed);
    size_t refused = 0;
    for (int round = 0; round < 20000; round++) {
        size_t at = prng_below(&prng, framed.size);
        char before = framed.data[at];
        framed.data[at] = (char)prng_next(&prng);
        struct stream *other = stream_create();
        if (stream_node_put(other, id, buffer_bytes(&framed))) {
            struct stream_walk walk;
            size_t count = 0;
            stream_walk_init(&walk, other, STREAM_ID_MIN, STREAM_ID_MAX, round % 2 == 0);
            while (stream_walk_next(&walk)) count++;
            ck_assert_uint_eq(count, stream_length(other));
        } else {
            refused++;
        }
        stream_destroy(other);
        framed.data[at] = before;
    }
    ck_assert_uint_gt(refused, 1000);
    buffer_fini(&framed);
    stream_destroy(stream);
}
END_TEST

/* ---- groups ---- */

#define NAMES 5
#define IDS   400

static const struct bytes names[NAMES] = {
    { "a", 1 }, { "b", 1 }, { "bb", 2 }, { "", 0 }, { "zzz", 3 },
};

static void check_pending(const struct stream_group *group, const int *owners)
{
    size_t counts[NAMES] = { 0 }, total = 0;
    for (uint64_t i = 0; i < IDS; i++) {
        const struct stream_pending *pending = stream_pending_find(group, id_of(i));
        ck_assert_int_eq(pending != NULL, owners[i] >= 0);
        if (pending == NULL) continue;
        ck_assert(bytes_equal(pending->consumer->name, names[owners[i]]));
        ck_assert_ptr_nonnull(id_map_find(&pending->consumer->pending, id_of(i)));
        counts[owners[i]]++;
        total++;
    }
    ck_assert_uint_eq(group->pending.count, total);
    for (size_t i = 0; i < group->consumer_count; i++) {
        if (i > 0)
            ck_assert_int_lt(
                bytes_compare(group->consumers[i - 1]->name, group->consumers[i]->name), 0);
        for (size_t j = 0; j < NAMES; j++)
            if (bytes_equal(group->consumers[i]->name, names[j]))
                ck_assert_uint_eq(group->consumers[i]->pending.count, counts[j]);
    }
}

static void change_pending(struct stream_group *group, int *owners, struct prng *prng)
{
    uint64_t number = prng_below(prng, IDS);
    int name = (int)prng_below(prng, NAMES);
    struct stream_consumer *consumer = stream_consumer_find(group, names[name]);
    struct stream_pending *pending = stream_pending_find(group, id_of(number));
    if (consumer == NULL) {
        consumer = stream_consumer_create(group, names[name], 5);
        ck_assert_ptr_null(stream_consumer_create(group, names[name], 5));
    }
    if (prng_chance(prng, 1, 100)) {
        stream_consumer_destroy(group, consumer);
        for (size_t i = 0; i < IDS; i++)
            if (owners[i] == name) owners[i] = -1;
    } else if (prng_chance(prng, 1, 3)) {
        ck_assert_int_eq(stream_pending_remove(group, id_of(number)), pending != NULL);
        owners[number] = -1;
    } else if (pending == NULL) {
        stream_pending_put(group, consumer, id_of(number));
        owners[number] = name;
    } else {
        stream_pending_move(pending, consumer);
        owners[number] = name;
    }
}

START_TEST(a_group_knows_what_is_pending_for_whom)
{
    int owners[IDS];
    struct prng prng;
    size_t memory_before = memory_used();
    struct stream *stream = stream_create();
    prng_init(&prng, 3);
    for (size_t i = 0; i < IDS; i++) owners[i] = -1;
    struct stream_group *group = stream_group_create(stream, BYTES("g"), id_of(0), 7);
    ck_assert_ptr_null(stream_group_create(stream, BYTES("g"), id_of(0), 7));
    ck_assert_ptr_nonnull(stream_group_create(stream, BYTES("a"), id_of(0), 7));
    for (int round = 0; round < 20000; round++) {
        change_pending(group, owners, &prng);
        if (round % 1000 != 0) continue;
        struct stream *copy = stream_copy(stream);
        stream_destroy(stream);
        stream = copy;
        group = stream_group_find(stream, BYTES("g"));
        check_pending(group, owners);
    }
    ck_assert(stream_group_destroy(stream, BYTES("a")));
    ck_assert(!stream_group_destroy(stream, BYTES("a")));
    ck_assert_uint_eq(stream_group_count(stream), 1);
    stream_destroy(stream);
    ck_assert_uint_eq(memory_used(), memory_before);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("stream");
    tcase_add_test(tests, a_map_of_ids_does_what_a_sorted_array_does);
    tcase_add_test(tests, a_map_of_ids_is_a_queue_too);
    tcase_add_loop_test(tests, a_stream_does_what_an_array_of_entries_does, 0, 5);
    tcase_add_test(tests, a_damaged_node_is_refused_or_sound);
    tcase_add_test(tests, a_group_knows_what_is_pending_for_whom);
    return suite_run("types/stream", tests);
}
