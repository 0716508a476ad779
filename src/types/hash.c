/* Hashes: both forms, edited. */
#include "types/hash.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "types/hash_inside.h"
#include "types/value_kind.h"

bool hash_is_small(const struct hash *hash)
{
    return !hash_is_large(hash);
}

struct bytes hash_body(const struct hash *hash)
{
    ensure(!hash_is_large(hash));
    return pack_body(hash_pack(hash));
}

size_t hash_count(const struct hash *hash)
{
    if (hash_is_large(hash)) return table_count(hash_fields(hash)->table);
    return pack_count(hash_pack(hash)) / 2;
}

/* ---- the large form ---- */

static struct fields *fields_create(const struct hash_key *hash_key)
{
    struct fields *fields = memory_alloc_zero(sizeof(*fields));
    fields->rules = (struct table_rules){ .key_of = fields_key_of, .hash_key = *hash_key };
    heap_node_init(&fields->timer.node);
    return fields;
}

static void release_field(void *context, void *entry)
{
    (void)context;
    field_destroy(entry);
}

static void fields_destroy(struct fields *fields)
{
    table_destroy(fields->table, release_field, NULL);
    minima_fini(&fields->times);
    memory_free_sized(fields, sizeof(*fields));
}

void fields_follow(struct fields *fields, size_t buckets_before)
{
    if (fields->volatile_count > 0)
        bucket_times_follow(&fields->times, fields->table, buckets_before);
}

void fields_expiry_changed(struct fields *fields, struct table_cell *cell, uint64_t hash,
                           time_ms before_ms, time_ms after_ms)
{
    bool had = before_ms != FIELD_EXPIRY_NONE;
    bool has = after_ms != FIELD_EXPIRY_NONE;
    if (!had && !has) return;
    if (had != has) table_cell_mark(cell, has);
    if (has) {
        if (fields->volatile_count == 0) bucket_times_begin(&fields->times, fields->table);
        bucket_times_lower(&fields->times, table_bucket_of(fields->table, hash), after_ms);
    }
    fields->volatile_count = fields->volatile_count - had + has;
    if (fields->volatile_count == 0) minima_fini(&fields->times);
}

static struct table_cell *fields_insert(struct fields *fields, uint64_t hash, struct field *field)
{
    size_t buckets_before = table_bucket_count(fields->table);
    struct table_cell *cell = table_insert(&fields->table, &fields->rules, hash, field);
    fields_follow(fields, buckets_before);
    fields_expiry_changed(fields, cell, hash, FIELD_EXPIRY_NONE, field_expiry_ms(field));
    return cell;
}

void fields_remove(struct fields *fields, uint64_t hash, struct table_cell *cell)
{
    struct field *field = table_cell_entry(cell);
    fields_expiry_changed(fields, cell, hash, field_expiry_ms(field), FIELD_EXPIRY_NONE);
    size_t buckets_before = table_bucket_count(fields->table);
    table_remove(&fields->table, &fields->rules, hash, cell);
    fields_follow(fields, buckets_before);
    field_destroy(field);
}

static enum hash_put_result fields_put(struct fields *fields, struct bytes name, struct bytes value,
                                       time_ms wall_ms, time_ms expiry_ms)
{
    uint64_t hash = fields_hash(fields, name);
    struct table_cell *cell = fields_find(fields, hash, name);
    if (cell == NULL) {
        if (expiry_ms == HASH_EXPIRY_KEEPS) expiry_ms = FIELD_EXPIRY_NONE;
        fields_insert(fields, hash, field_create(name, value, expiry_ms));
        return HASH_ADDED;
    }
    struct field *field = table_cell_entry(cell);
    bool has_ended = field_is_expired(field, wall_ms);
    time_ms before_ms = field_expiry_ms(field);
    if (expiry_ms == HASH_EXPIRY_KEEPS) expiry_ms = has_ended ? FIELD_EXPIRY_NONE : before_ms;
    struct field *after = field_write(field, value, expiry_ms);
    if (after != field) table_cell_set_entry(cell, after);
    fields_expiry_changed(fields, cell, hash, before_ms, expiry_ms);
    return has_ended ? HASH_REVIVED : HASH_REPLACED;
}

/* All fields of a body; of one that is there twice, the last. False when there is one. */
static bool fields_fill(struct fields *fields, struct bytes body)
{
    bool has_twins = false;
    for (size_t at = 0; at < body.size;) {
        struct listpack_item name, value;
        struct scratch name_scratch, value_scratch;
        at = listpack_read(body, at, &name);
        at = listpack_read(body, at, &value);
        has_twins |= fields_put(fields, listpack_text(&name, &name_scratch),
                                listpack_text(&value, &value_scratch), HASH_SEES_ALL,
                                HASH_EXPIRY_NONE) != HASH_ADDED;
    }
    return !has_twins;
}

/* ---- the small form, and out of it ---- */

void hash_enlarge(struct hash **place, const struct value_rules *rules)
{
    if (hash_is_large(*place)) return;
    struct pack *pack = hash_pack(*place);
    struct fields *fields = fields_create(&rules->hash_key);
    /* A pack from outside may hold "5" as a text, which is not found as the integer that is put. */
    (void)fields_fill(fields, pack_body(pack));
    pack_destroy(pack);
    *place = hash_of_fields(fields);
}

static bool text_is_small(const struct value_rules *rules, struct bytes text)
{
    return text.size <= rules->hash_max_listpack_value;
}

void hash_expect(struct hash **hash, const struct value_rules *rules, size_t fields)
{
    if (fields > rules->hash_max_listpack_entries) hash_enlarge(hash, rules);
}

/* False when the pack is no place for it. */
static bool pack_put(struct hash **place, const struct value_rules *rules, struct bytes name,
                     struct bytes value, enum hash_put_result *result)
{
    struct pack *pack = hash_pack(*place);
    if (!text_is_small(rules, name) || !text_is_small(rules, value)) return false;
    if (!pack_has_room(pack, 2, name.size + value.size)) return false;
    struct bytes body = pack_body(pack);
    size_t at = listpack_find(body, 0, 1, name);
    if (at < body.size) {
        pack_replace(&pack, listpack_after(body, at), value);
        *result = HASH_REPLACED;
    } else {
        pack_insert_pair(&pack, body.size, name, value);
        *result = HASH_ADDED;
    }
    *place = (struct hash *)pack;
    return true;
}

struct hash *hash_create(void)
{
    return (struct hash *)pack_create();
}

/* Up to here each field is compared with those before it, which is quicker than a table. */
#define COMPARED_MAX 16

static bool has_twins(struct bytes body)
{
    for (size_t at = 0; at < body.size;) {
        struct listpack_item item;
        struct scratch scratch;
        size_t value_at = listpack_read(body, at, &item);
        if (listpack_find(body, 0, 1, listpack_text(&item, &scratch)) != at) return true;
        at = listpack_after(body, value_at);
    }
    return false;
}

struct hash *hash_create_from(struct bytes body, size_t count, const struct value_rules *rules)
{
    ensure(count % 2 == 0);
    bool fits = body.size <= PACK_SIZE_MAX && count <= PACK_COUNT_MAX &&
                count / 2 <= rules->hash_max_listpack_entries;
    if (fits && count / 2 <= COMPARED_MAX)
        return has_twins(body) ? NULL : (struct hash *)pack_create_from(body, count);

    struct fields *fields = fields_create(&rules->hash_key);
    bool is_right = fields_fill(fields, body);
    if (is_right && !fits) return hash_of_fields(fields);
    fields_destroy(fields);
    return is_right ? (struct hash *)pack_create_from(body, count) : NULL;
}

void hash_destroy(struct hash *hash)
{
    if (hash_is_large(hash))
        fields_destroy(hash_fields(hash));
    else
        pack_destroy(hash_pack(hash));
}

/* ---- writing ---- */

enum hash_put_result hash_put(struct hash **hash, const struct value_rules *rules,
                              struct bytes field, struct bytes value, time_ms wall_ms,
                              time_ms expiry_ms)
{
    if (!hash_is_large(*hash)) {
        enum hash_put_result result;
        bool has_time = expiry_ms != HASH_EXPIRY_NONE && expiry_ms != HASH_EXPIRY_KEEPS;
        if (!has_time && pack_put(hash, rules, field, value, &result)) {
            if (hash_count(*hash) > rules->hash_max_listpack_entries) hash_enlarge(hash, rules);
            return result;
        }
        hash_enlarge(hash, rules);
    }
    return fields_put(hash_fields(*hash), field, value, wall_ms, expiry_ms);
}

bool hash_remove(struct hash **place, struct bytes field, time_ms wall_ms)
{
    if (!hash_is_large(*place)) {
        struct pack *pack = hash_pack(*place);
        struct bytes body = pack_body(pack);
        size_t at = listpack_find(body, 0, 1, field);
        if (at == body.size) return false;
        pack_remove(&pack, at, 2);
        *place = (struct hash *)pack;
        return true;
    }
    struct fields *fields = hash_fields(*place);
    uint64_t hash = fields_hash(fields, field);
    struct table_cell *cell = fields_find(fields, hash, field);
    if (cell == NULL || field_is_expired(table_cell_entry(cell), wall_ms)) return false;
    fields_remove(fields, hash, cell);
    return true;
}

/* ---- as a kind of value ---- */

static void destroy_hash(void *value)
{
    hash_destroy(value);
}

static void *copy_hash(const void *value)
{
    const struct hash *hash = value;
    if (!hash_is_large(hash)) return pack_copy(hash_pack(hash));
    const struct fields *fields = hash_fields(hash);
    struct fields *copy = fields_create(&fields->rules.hash_key);
    struct table_walk walk = { 0 };
    struct table_cell *cell;
    while ((cell = table_walk_next(fields->table, &walk)) != NULL) {
        struct field *field = field_copy(table_cell_entry(cell));
        fields_insert(copy, fields_hash(copy, field_name(field)), field);
    }
    return hash_of_fields(copy);
}

static size_t memory_of_hash(const void *value, size_t samples)
{
    const struct hash *hash = value;
    if (!hash_is_large(hash)) return pack_memory(hash_pack(hash));
    const struct fields *fields = hash_fields(hash);
    size_t count = table_count(fields->table);
    size_t looked_at = 0, memory = 0;
    struct table_walk walk = { 0 };
    struct table_cell *cell;
    while ((samples == 0 || looked_at < samples) &&
           (cell = table_walk_next(fields->table, &walk)) != NULL) {
        memory += field_memory(table_cell_entry(cell));
        looked_at++;
    }
    if (looked_at > 0) memory = (size_t)((double)memory / (double)looked_at * (double)count);
    return memory + memory_class(sizeof(*fields)) + table_memory(fields->table) +
           minima_memory(&fields->times);
}

static size_t free_effort_of_hash(const void *value)
{
    return hash_is_large(value) ? hash_count(value) : 1;
}

static const char *encoding_of_hash(const void *value)
{
    return hash_is_large(value) ? "hashtable" : "listpack";
}

static const struct table *table_of_hash(const void *value)
{
    return hash_is_large(value) ? hash_fields(value)->table : NULL;
}

const struct value_kind hash_kind = {
    .name = "hash",
    .destroy = destroy_hash,
    .copy = copy_hash,
    .memory = memory_of_hash,
    .free_effort = free_effort_of_hash,
    .encoding = encoding_of_hash,
    .table = table_of_hash,
};
