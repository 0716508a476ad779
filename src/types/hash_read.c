/* Hashes: both forms, read. */
#include "base/ensure.h"
#include "base/memory.h"
#include "types/hash_inside.h"

static void item_of_field(struct hash_item *item, const struct field *field)
{
    item->field = field_name(field);
    item->value = field_value(field);
    item->expiry_ms = field_expiry_ms(field);
    item->shared = field_shared(field);
}

/* Field and value at this place of a pack; returns the place behind them. */
static inline size_t item_of_pack(struct hash_item *item, struct bytes body, size_t at)
{
    struct listpack_item element;
    at = listpack_read(body, at, &element);
    item->field = listpack_text(&element, &item->field_scratch);
    at = listpack_read(body, at, &element);
    item->value = listpack_text(&element, &item->value_scratch);
    item->expiry_ms = HASH_EXPIRY_NONE;
    item->shared = NULL;
    return at;
}

bool hash_find(const struct hash *hash, struct bytes field, time_ms wall_ms, struct hash_item *item)
{
    if (!hash_is_large(hash)) {
        struct bytes body = pack_body(hash_pack(hash));
        size_t at = listpack_find(body, 0, 1, field);
        if (at == body.size) return false;
        item_of_pack(item, body, at);
        item->field = field;
        return true;
    }
    const struct fields *fields = hash_fields(hash);
    const struct table_cell *cell = fields_find(fields, fields_hash(fields, field), field);
    if (cell == NULL || field_is_expired(table_cell_entry(cell), wall_ms)) return false;
    item_of_field(item, table_cell_entry(cell));
    item->field = field;
    return true;
}

bool hash_walk_next(const struct hash *hash, struct hash_walk *walk, time_ms wall_ms,
                    struct hash_item *item)
{
    if (!hash_is_large(hash)) {
        struct bytes body = pack_body(hash_pack(hash));
        if (walk->at >= body.size) return false;
        walk->at = item_of_pack(item, body, walk->at);
        return true;
    }
    struct table_walk place = { walk->line, walk->words, walk->bucket, walk->place };
    const struct table_cell *cell;
    do {
        cell = table_walk_next(hash_fields(hash)->table, &place);
        if (cell == NULL) return false;
    } while (field_is_expired(table_cell_entry(cell), wall_ms));
    walk->line = place.line;
    walk->words = place.words;
    walk->bucket = place.bucket;
    walk->place = place.place;
    item_of_field(item, table_cell_entry(cell));
    return true;
}

struct scan {
    time_ms wall_ms;
    hash_visit visit;
    void *context;
    size_t visited;
};

static void scan_cell(void *context, const struct table_cell *cell)
{
    struct scan *scan = context;
    struct hash_item item;
    scan->visited++;
    if (field_is_expired(table_cell_entry(cell), scan->wall_ms)) return;
    item_of_field(&item, table_cell_entry(cell));
    scan->visit(scan->context, &item);
}

uint64_t hash_scan(const struct hash *hash, uint64_t cursor, size_t count, time_ms wall_ms,
                   hash_visit visit, void *context)
{
    if (hash_is_large(hash)) {
        struct scan scan = { .wall_ms = wall_ms, .visit = visit, .context = context };
        do {
            cursor = table_scan(hash_fields(hash)->table, cursor, scan_cell, &scan);
        } while (cursor != 0 && scan.visited < count);
        return cursor;
    }
    struct hash_walk walk = { 0 };
    struct hash_item item;
    while (hash_walk_next(hash, &walk, wall_ms, &item)) visit(context, &item);
    return 0;
}

/* ---- by chance ---- */

/* When nearly all fields have ended, drawing until one has not would take long. */
#define DRAWS_MAX 64

/* The live field of this rank. */
static void item_at(const struct hash *hash, time_ms wall_ms, uint64_t rank, struct hash_item *item)
{
    struct hash_walk walk = { 0 };
    bool is_there;
    do {
        is_there = hash_walk_next(hash, &walk, wall_ms, item);
        ensure(is_there);
    } while (rank-- > 0);
}

bool hash_random(const struct hash *hash, struct prng *prng, time_ms wall_ms,
                 struct hash_item *item)
{
    if (!hash_is_large(hash)) {
        const struct pack *pack = hash_pack(hash);
        size_t count = pack_count(pack);
        if (count == 0) return false;
        int64_t place = 2 * (int64_t)prng_below(prng, count / 2);
        item_of_pack(item, pack_body(pack), listpack_at(pack_body(pack), place, count));
        return true;
    }
    const struct table *table = hash_fields(hash)->table;
    for (int draws = 0; draws < DRAWS_MAX; draws++) {
        const struct table_cell *cell = table_random(table, prng);
        if (cell == NULL) return false;
        if (field_is_expired(table_cell_entry(cell), wall_ms)) continue;
        item_of_field(item, table_cell_entry(cell));
        return true;
    }
    size_t live = hash_live_count(hash, wall_ms);
    if (live == 0) return false;
    item_at(hash, wall_ms, prng_below(prng, live), item);
    return true;
}

/* Each of those that are left is taken with the chance (still wanted) / (still to come). */
static void sample_by_walk(const struct hash *hash, struct prng *prng, time_ms wall_ms, size_t live,
                           size_t count, hash_visit visit, void *context)
{
    struct hash_walk walk = { 0 };
    struct hash_item item;
    for (size_t left = live; count > 0; left--) {
        bool is_there = hash_walk_next(hash, &walk, wall_ms, &item);
        ensure(is_there);
        if (prng_below(prng, left) >= count) continue;
        visit(context, &item);
        count--;
    }
}

/* A set of the fields that were drawn, open-addressed by their addresses. */
static bool drawn_add(const void **drawn, size_t mask, const void *field)
{
    size_t at = hash_integer((uintptr_t)field) & mask;
    while (drawn[at] != NULL) {
        if (drawn[at] == field) return false;
        at = (at + 1) & mask;
    }
    drawn[at] = field;
    return true;
}

static void sample_by_draws(const struct hash *hash, struct prng *prng, time_ms wall_ms,
                            size_t count, hash_visit visit, void *context)
{
    size_t room = 16;
    while (room < 2 * count) room *= 2;
    const void **drawn = memory_alloc_zero(room * sizeof(*drawn));
    while (count > 0) {
        const struct field *field = table_cell_entry(table_random(hash_fields(hash)->table, prng));
        if (field_is_expired(field, wall_ms) || !drawn_add(drawn, room - 1, field)) continue;
        struct hash_item item;
        item_of_field(&item, field);
        visit(context, &item);
        count--;
    }
    memory_free_sized(drawn, room * sizeof(*drawn));
}

/* Drawing is for few of many: three tries are enough then on average. */
#define DRAWS_SHARE 4

void hash_sample(const struct hash *hash, struct prng *prng, time_ms wall_ms, size_t count,
                 hash_visit visit, void *context)
{
    size_t live = hash_live_count(hash, wall_ms);
    ensure(count <= live);
    if (hash_is_large(hash) && count <= hash_count(hash) / DRAWS_SHARE &&
        live >= hash_count(hash) / 2)
        sample_by_draws(hash, prng, wall_ms, count, visit, context);
    else
        sample_by_walk(hash, prng, wall_ms, live, count, visit, context);
}
