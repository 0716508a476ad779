/* Sorted sets: the small form, the large form, and the way between them. */
#include "types/zset.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "base/table_inline.h"
#include "types/pack.h"
#include "types/value_kind.h"

#include <math.h>

struct large {
    struct table *table; /* owned, and so are the elements in it */
    struct btree tree;
    struct table_rules rules;
};

/* ---- the two forms behind one pointer ---- */

#define IS_LARGE ((uintptr_t)1)

static inline bool is_large(const struct zset *zset)
{
    return (uintptr_t)zset & IS_LARGE;
}

static inline struct large *large_of(const struct zset *zset)
{
    return (struct large *)((uintptr_t)zset & ~IS_LARGE);
}

static inline struct zset *large_tagged(struct large *large)
{
    return (struct zset *)((uintptr_t)large | IS_LARGE);
}

static inline struct pack *small_of(const struct zset *zset)
{
    return (struct pack *)zset;
}

bool zset_is_small(const struct zset *zset)
{
    return !is_large(zset);
}

size_t zset_count(const struct zset *zset)
{
    return is_large(zset) ? table_count(large_of(zset)->table) : pack_count(small_of(zset)) / 2;
}

struct zset *zset_create(void)
{
    return (struct zset *)pack_create();
}

/* ---- small ---- */

static double item_score(const struct listpack_item *item)
{
    if (item->is_integer) return (double)item->integer;
    double score;
    bool is_number = number_parse_double(item->text, &score);
    ensure(is_number);
    return score;
}

/* Reads member and score at `at`; returns the place behind them. */
static size_t read_pair(struct bytes body, size_t at, struct listpack_item *member, double *score)
{
    struct listpack_item item;
    at = listpack_read(body, listpack_read(body, at, member), &item);
    *score = item_score(&item);
    return at;
}

static size_t read_item(struct bytes body, size_t at, struct zset_item *item)
{
    struct listpack_item member;
    size_t next = read_pair(body, at, &member, &item->score);
    item->member = listpack_text(&member, &item->scratch);
    return next;
}

/* The zero below zero becomes an integer as the other one does. */
static struct bytes score_text(double score, char text[NUMBER_DOUBLE_MAX])
{
    if (score == 0) score = 0;
    return bytes_of(text, number_print_double(score, text));
}

/* How many pairs are before the bound; *at is where they end. */
static size_t small_seek(struct bytes body, const struct btree_bound *bound, size_t *at)
{
    size_t rank = 0;
    struct zset_item item;
    for (*at = 0; *at < body.size; rank++) {
        size_t next = read_item(body, *at, &item);
        if (btree_bound_compare(bound, item.score, item.member) >= 0) break;
        *at = next;
    }
    return rank;
}

/* The pair's place when the member is none of its own. */
static void small_insert(struct zset **zset, struct bytes member, double score)
{
    struct pack *pack = small_of(*zset);
    char text[NUMBER_DOUBLE_MAX];
    size_t at;
    struct btree_bound bound = { BTREE_ELEMENT, score, member };
    small_seek(pack_body(pack), &bound, &at);
    pack_insert_pair(&pack, at, member, score_text(score, text));
    *zset = (struct zset *)pack;
}

static void small_remove(struct zset **zset, size_t at, size_t count)
{
    struct pack *pack = small_of(*zset);
    pack_remove(&pack, at, 2 * count);
    *zset = (struct zset *)pack;
}

/* Room for another pair, within the rules? */
static bool small_has_room(const struct zset *zset, const struct value_rules *rules,
                           size_t member_size)
{
    const struct pack *pack = small_of(zset);
    return pack_count(pack) / 2 < rules->zset_max_listpack_entries &&
           member_size <= rules->zset_max_listpack_value &&
           pack_has_room(pack, 2, member_size + NUMBER_DOUBLE_MAX);
}

/* ---- large ---- */

static struct bytes key_of(const void *entry)
{
    return element_member(entry);
}

static struct large *large_create(const struct hash_key *hash_key)
{
    struct large *large = memory_alloc_zero(sizeof(*large));
    large->rules = (struct table_rules){ .key_of = key_of, .hash_key = *hash_key };
    return large;
}

static void release_element(void *context, void *entry)
{
    (void)context;
    element_destroy(entry);
}

static void large_destroy(struct large *large)
{
    btree_fini(&large->tree);
    table_destroy(large->table, release_element, NULL);
    memory_free_sized(large, sizeof(*large));
}

static void large_insert(struct large *large, uint64_t hash, struct bytes member, double score)
{
    struct element *element = element_create(member, score);
    table_insert(&large->table, &large->rules, hash, element);
    btree_insert(&large->tree, element);
}

/* A large one with what the pack holds, which is gone. */
static void enlarge(struct zset **zset, const struct hash_key *hash_key)
{
    struct pack *pack = small_of(*zset);
    struct large *large = large_create(hash_key);
    struct bytes body = pack_body(pack);
    struct zset_item item;
    for (size_t at = 0; at < body.size;) {
        at = read_item(body, at, &item);
        large_insert(large, hash_bytes(hash_key, item.member), item.member, item.score);
    }
    pack_destroy(pack);
    *zset = large_tagged(large);
}

void zset_expect(struct zset **zset, const struct value_rules *rules, size_t count,
                 size_t member_size)
{
    if (is_large(*zset)) return;
    if (count > rules->zset_max_listpack_entries || member_size > rules->zset_max_listpack_value)
        enlarge(zset, &rules->hash_key);
}

/* ---- by member ---- */

bool zset_find(const struct zset *zset, struct bytes member, struct zset_place *place)
{
    if (!is_large(zset)) {
        struct bytes body = pack_body(small_of(zset));
        struct listpack_item score;
        place->at = listpack_find(body, 0, 1, member);
        place->is_found = place->at < body.size;
        if (!place->is_found) return false;
        listpack_read(body, listpack_after(body, place->at), &score);
        place->score = item_score(&score);
        return true;
    }
    struct large *large = large_of(zset);
    place->hash = hash_bytes(&large->rules.hash_key, member);
    place->cell = table_find_inline(large->table, place->hash, member, key_of);
    place->is_found = place->cell != NULL;
    if (!place->is_found) return false;
    const struct element *element = table_cell_entry(place->cell);
    place->score = element->score;
    return true;
}

void zset_insert(struct zset **zset, const struct value_rules *rules,
                 const struct zset_place *place, struct bytes member, double score)
{
    ensure(!place->is_found);
    ensure(!isnan(score));
    uint64_t hash = place->hash;
    if (!is_large(*zset)) {
        if (small_has_room(*zset, rules, member.size)) {
            small_insert(zset, member, score);
            return;
        }
        enlarge(zset, &rules->hash_key);
        hash = hash_bytes(&rules->hash_key, member);
    }
    large_insert(large_of(*zset), hash, member, score);
}

void zset_rescore(struct zset **zset, const struct zset_place *place, struct bytes member,
                  double score)
{
    ensure(place->is_found);
    ensure(!isnan(score));
    if (!is_large(*zset)) {
        small_remove(zset, place->at, 1);
        small_insert(zset, member, score);
        return;
    }
    struct large *large = large_of(*zset);
    struct element *element = table_cell_entry(place->cell);
    if (btree_rescore(&large->tree, element, score)) return;
    element->score = score;
    btree_insert(&large->tree, element);
}

void zset_remove(struct zset **zset, const struct zset_place *place)
{
    ensure(place->is_found);
    if (!is_large(*zset)) {
        small_remove(zset, place->at, 1);
        return;
    }
    struct large *large = large_of(*zset);
    struct element *element = table_cell_entry(place->cell);
    btree_remove(&large->tree, element);
    table_remove(&large->table, &large->rules, place->hash, place->cell);
    element_destroy(element);
}

size_t zset_rank(const struct zset *zset, const struct zset_place *place)
{
    ensure(place->is_found);
    if (is_large(zset)) return btree_rank(&large_of(zset)->tree, table_cell_entry(place->cell));
    struct bytes body = pack_body(small_of(zset));
    size_t rank = 0;
    for (size_t at = 0; at < place->at; rank++) at = listpack_after(body, listpack_after(body, at));
    return rank;
}

/* ---- by order ---- */

void zset_seek_rank(const struct zset *zset, size_t rank, struct zset_cursor *cursor)
{
    cursor->zset = zset;
    if (is_large(zset)) {
        btree_seek_rank(&large_of(zset)->tree, rank, &cursor->tree);
        return;
    }
    size_t count = pack_count(small_of(zset));
    struct bytes body = pack_body(small_of(zset));
    ensure(2 * rank <= count);
    cursor->at = 2 * rank == count ? body.size : listpack_at(body, (int64_t)(2 * rank), count);
}

size_t zset_seek(const struct zset *zset, const struct btree_bound *bound,
                 struct zset_cursor *cursor)
{
    cursor->zset = zset;
    if (is_large(zset)) return btree_seek(&large_of(zset)->tree, bound, &cursor->tree);
    return small_seek(pack_body(small_of(zset)), bound, &cursor->at);
}

static bool item_of(const struct element *element, struct zset_item *item)
{
    if (element == NULL) return false;
    item->member = element_member(element);
    item->score = element->score;
    return true;
}

bool zset_next(struct zset_cursor *cursor, struct zset_item *item)
{
    if (is_large(cursor->zset)) return item_of(btree_next(&cursor->tree), item);
    struct bytes body = pack_body(small_of(cursor->zset));
    if (cursor->at == body.size) return false;
    cursor->at = read_item(body, cursor->at, item);
    return true;
}

bool zset_previous(struct zset_cursor *cursor, struct zset_item *item)
{
    if (is_large(cursor->zset)) return item_of(btree_previous(&cursor->tree), item);
    struct bytes body = pack_body(small_of(cursor->zset));
    if (cursor->at == 0) return false;
    cursor->at = listpack_before(body, listpack_before(body, cursor->at));
    read_item(body, cursor->at, item);
    return true;
}

static void large_remove_at(struct large *large, size_t rank)
{
    struct element *element = btree_take_at(&large->tree, rank);
    struct bytes member = element_member(element);
    uint64_t hash = hash_bytes(&large->rules.hash_key, member);
    struct table_cell *cell = table_find(large->table, &large->rules, hash, member);
    ensure(cell != NULL);
    table_remove(&large->table, &large->rules, hash, cell);
    element_destroy(element);
}

void zset_remove_ranks(struct zset **zset, size_t rank, size_t count)
{
    ensure(count <= zset_count(*zset));
    ensure(rank <= zset_count(*zset) - count);
    if (count == 0) return;
    if (is_large(*zset)) {
        for (; count > 0; count--) large_remove_at(large_of(*zset), rank);
        return;
    }
    struct zset_cursor cursor;
    zset_seek_rank(*zset, rank, &cursor);
    small_remove(zset, cursor.at, count);
}

/* ---- as a whole ---- */

void zset_destroy(struct zset *zset)
{
    if (is_large(zset))
        large_destroy(large_of(zset));
    else
        pack_destroy(small_of(zset));
}

static struct zset *zset_copy(const struct zset *zset)
{
    if (!is_large(zset)) return (struct zset *)pack_copy(small_of(zset));
    const struct hash_key *hash_key = &large_of(zset)->rules.hash_key;
    struct large *copy = large_create(hash_key);
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek_rank(zset, 0, &cursor);
    while (zset_next(&cursor, &item))
        large_insert(copy, hash_bytes(hash_key, item.member), item.member, item.score);
    return large_tagged(copy);
}

struct scan {
    zset_visit visit;
    void *context;
};

static void scan_cell(void *context, const struct table_cell *cell)
{
    const struct scan *scan = context;
    const struct element *element = table_cell_entry(cell);
    scan->visit(scan->context, element_member(element), element->score);
}

uint64_t zset_scan(const struct zset *zset, uint64_t cursor, zset_visit visit, void *context)
{
    if (is_large(zset)) {
        struct scan scan = { visit, context };
        return table_scan(large_of(zset)->table, cursor, scan_cell, &scan);
    }
    struct bytes body = pack_body(small_of(zset));
    struct zset_item item;
    for (size_t at = 0; at < body.size;) {
        at = read_item(body, at, &item);
        visit(context, item.member, item.score);
    }
    return 0;
}

void zset_compact(struct zset **zset, const struct value_rules *rules)
{
    if (!is_large(*zset) || zset_count(*zset) > rules->zset_max_listpack_entries) return;
    struct pack *pack = pack_create();
    struct zset *small = (struct zset *)pack;
    struct zset_cursor cursor;
    struct zset_item item;
    char text[NUMBER_DOUBLE_MAX];
    zset_seek_rank(*zset, 0, &cursor);
    while (zset_next(&cursor, &item)) {
        if (!small_has_room(small, rules, item.member.size)) {
            zset_destroy(small);
            return;
        }
        pack_insert_pair(&pack, pack_body(pack).size, item.member, score_text(item.score, text));
        small = (struct zset *)pack;
    }
    zset_destroy(*zset);
    *zset = small;
}

struct bytes zset_small_body(const struct zset *zset)
{
    ensure(!is_large(zset));
    return pack_body(small_of(zset));
}

/* Member, score, member, score, each a number, in their order. */
static bool pairs_are_sound(struct bytes body)
{
    struct btree_bound before = { .kind = BTREE_ELEMENT };
    struct scratch scratch;
    for (size_t at = 0; at < body.size;) {
        bool is_first = at == 0;
        struct zset_item item;
        struct listpack_item member, score;
        at = listpack_read(body, listpack_read(body, at, &member), &score);
        if (!score.is_integer && !number_parse_double(score.text, &item.score)) return false;
        item.score = item_score(&score);
        item.member = listpack_text(&member, &item.scratch);
        if (!is_first && btree_bound_compare(&before, item.score, item.member) <= 0) return false;
        before.score = item.score;
        before.member = listpack_text(&member, &scratch);
    }
    return true;
}

struct zset *zset_create_from(struct bytes body, size_t count, const struct value_rules *rules)
{
    if (count == 0 || count % 2 != 0 || !pairs_are_sound(body)) return NULL;
    struct zset *zset = zset_create();
    struct zset_item item;
    for (size_t at = 0; at < body.size;) {
        struct zset_place place;
        at = read_item(body, at, &item);
        if (zset_find(zset, item.member, &place)) {
            zset_destroy(zset);
            return NULL;
        }
        zset_insert(&zset, rules, &place, item.member, item.score);
    }
    return zset;
}

/* ---- the kind ---- */

static void kind_destroy(void *value)
{
    zset_destroy(value);
}

static void *kind_copy(const void *value)
{
    return zset_copy(value);
}

static size_t kind_memory(const void *value, size_t samples)
{
    if (!is_large(value)) return pack_memory(small_of(value));
    const struct large *large = large_of(value);
    size_t count = table_count(large->table);
    size_t wanted = samples == 0 ? count : MIN(samples, count);
    size_t bytes = 0, seen = 0;
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek_rank(value, 0, &cursor);
    for (; seen < wanted && zset_next(&cursor, &item); seen++)
        bytes += slabs_class(element_size(item.member.size));
    if (seen > 0) bytes = (size_t)((double)bytes / (double)seen * (double)count);
    return memory_class(sizeof(*large)) + table_memory(large->table) + large->tree.node_bytes +
           bytes;
}

static size_t kind_free_effort(const void *value)
{
    return is_large(value) ? zset_count(value) : 1;
}

static const char *kind_encoding(const void *value)
{
    return is_large(value) ? "skiplist" : "listpack";
}

static const struct table *kind_table(const void *value)
{
    return is_large(value) ? large_of(value)->table : NULL;
}

const struct value_kind zset_kind = {
    .name = "zset",
    .destroy = kind_destroy,
    .copy = kind_copy,
    .memory = kind_memory,
    .free_effort = kind_free_effort,
    .encoding = kind_encoding,
    .table = kind_table,
};
