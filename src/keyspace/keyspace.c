/* Making a keyspace, looking keys up, and its figures. */
#include "keyspace/keyspace.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "base/table_inline.h"
#include "keyspace/evict_pool.h"
#include "keyspace/internal.h"

#define LFU_LOG_FACTOR_USUAL 10

static struct bytes key_of(const void *entry)
{
    return entry_key_inline(entry);
}

struct keyspace *keyspace_create(const struct keyspace_options *options)
{
    ensure(options->database_count > 0);
    struct keyspace *keyspace = memory_alloc_zero(sizeof(*keyspace));
    keyspace->rules = (struct table_rules){ .key_of = key_of, .hash_key = options->hash_key };
    keyspace->is_clustered = options->is_clustered;
    keyspace->database_count = options->database_count;
    keyspace->databases = memory_alloc_zero(options->database_count * sizeof(struct database));
    prng_init(&keyspace->prng, options->seed);
    watches_init(&keyspace->watches, options->database_count, &options->hash_key);
    keyspace_set_clock(keyspace, options->clock, options->lfu_log_factor,
                       options->lfu_decay_minutes);
    keyspace_set_value_rules(keyspace, &options->values);
    return keyspace;
}

void keyspace_destroy(struct keyspace *keyspace)
{
    if (keyspace == NULL) return;
    for (uint32_t db = 0; db < keyspace->database_count; db++)
        database_fini(&keyspace->databases[db]);
    memory_free(keyspace->databases);
    watches_fini(&keyspace->watches);
    garbage_destroy(keyspace->garbage);
    evict_pool_destroy(keyspace->evict_pool);
    memory_free(keyspace);
}

void keyspace_set_value_rules(struct keyspace *keyspace, const struct value_rules *rules)
{
    keyspace->values = *rules;
    keyspace->values.hash_key = keyspace->rules.hash_key;
}

const struct value_rules *keyspace_value_rules(const struct keyspace *keyspace)
{
    return &keyspace->values;
}

struct prng *keyspace_prng(struct keyspace *keyspace)
{
    return &keyspace->prng;
}

void keyspace_set_clock(struct keyspace *keyspace, enum keyspace_clock clock,
                        uint32_t lfu_log_factor, uint32_t lfu_decay_minutes)
{
    if (clock != keyspace->clock) evict_pool_clear(keyspace->evict_pool);
    keyspace->clock = clock;
    keyspace->lfu_log_factor = lfu_log_factor == 0 ? LFU_LOG_FACTOR_USUAL : lfu_log_factor;
    keyspace->lfu_decay_minutes = lfu_decay_minutes;
}

struct key keyspace_key(const struct keyspace *keyspace, uint32_t db, struct bytes bytes)
{
    uint32_t slot = keyspace->is_clustered ? key_slot(bytes) : 0;
    return keyspace_key_in_slot(keyspace, db, slot, bytes);
}

struct key keyspace_key_in_slot(const struct keyspace *keyspace, uint32_t db, uint32_t slot,
                                struct bytes bytes)
{
    return (struct key){
        .bytes = bytes,
        .hash = hash_bytes(&keyspace->rules.hash_key, bytes),
        .slot = keyspace->is_clustered ? slot : 0,
        .db = db,
    };
}

void keyspace_modified(struct keyspace *keyspace, const struct access *access,
                       const struct key *key)
{
    gate_tell(keyspace, access, key, CHANGE_MODIFIED);
}

static const struct table *table_of(const struct keyspace *keyspace, const struct key *key)
{
    return database_table(keyspace_database(keyspace, key->db), key->slot);
}

/* Without slots it is in the cache anyway. */
static inline void prefetch_table(const struct keyspace *keyspace, const struct key *key)
{
    const struct slots *slots = keyspace_database(keyspace, key->db)->slots;
    if (slots != NULL) __builtin_prefetch(&slots->tables[key->slot]);
}

static inline void propose(const struct keyspace *keyspace, struct key *key)
{
    const struct table *table = table_of(keyspace, key);
    key->proposed = NULL;
    if (table == NULL) return;
    key->moves = keyspace->moves;
    key->proposed = table_propose(table, key->hash);
    if (key->proposed != NULL)
        __builtin_prefetch(table_cell_entry(key->proposed));
    else
        table_prefetch_chain(table, key->hash);
}

/* One key in six stands in a chained line, which is here by now. */
static inline void propose_chained(const struct keyspace *keyspace, struct key *key)
{
    const struct table *table = table_of(keyspace, key);
    if (table == NULL) return;
    key->proposed = table_propose_chained(table, key->hash);
    if (key->proposed != NULL) __builtin_prefetch(table_cell_entry(key->proposed));
}

/* Each stage is a loop that does nothing else, so that as many accesses as the processor can keep
 * in flight overlap. Tried and left: stages a few keys ahead of execution, which took twice the
 * time, because an access whose address is not translated yet holds up the work around it. Only
 * the rest of a long value is better left for keyspace_look_closer. */
void keyspace_look_ahead(const struct keyspace *keyspace, struct key *keys, size_t count)
{
    if (keyspace->is_clustered)
        for (size_t i = 0; i < count; i++) prefetch_table(keyspace, &keys[i]);
    for (size_t i = 0; i < count; i++)
        table_prefetch_bucket(table_of(keyspace, &keys[i]), keys[i].hash);
    for (size_t i = 0; i < count; i++) propose(keyspace, &keys[i]);
    for (size_t i = 0; i < count; i++)
        if (keys[i].proposed == NULL) propose_chained(keyspace, &keys[i]);
}

void keyspace_look_closer(const struct keyspace *keyspace, const struct key *key)
{
    if (key->proposed == NULL || key->moves != keyspace->moves) return;
    entry_prefetch_rest(table_cell_entry(key->proposed));
}

/* ---- Watching ---- */

void keyspace_watch(struct keyspace *keyspace, const struct access *access, struct watcher *watcher,
                    const struct key *key)
{
    struct table_cell *cell = gate_cell(keyspace, key);
    bool exists = cell != NULL && !entry_is_expired(table_cell_entry(cell), access->wall_ms);
    watches_add(&keyspace->watches, watcher, key, exists);
}

struct at_a_time {
    const struct keyspace *keyspace;
    time_ms wall_ms;
};

static bool has_expired(void *context, uint32_t db, struct bytes bytes)
{
    struct at_a_time *at = context;
    struct key key = keyspace_key(at->keyspace, db, bytes);
    struct table_cell *cell = gate_cell(at->keyspace, &key);
    return cell != NULL && entry_is_expired(table_cell_entry(cell), at->wall_ms);
}

bool keyspace_watcher_is_dirty(struct keyspace *keyspace, const struct access *access,
                               struct watcher *watcher)
{
    struct at_a_time at = { keyspace, access->wall_ms };
    return watcher->is_dirty || watcher_any(watcher, has_expired, &at);
}

size_t keyspace_watched_count(const struct keyspace *keyspace)
{
    return keyspace->watches.count;
}

void keyspace_tell_changes(struct keyspace *keyspace, uint32_t kinds)
{
    keyspace->wanted_kinds = kinds;
    keyspace->told_kinds = kinds | keyspace->awaited_kinds;
}

void keyspace_tell_awaited(struct keyspace *keyspace, uint32_t kinds, const uint16_t *counts)
{
    keyspace->awaited_kinds = kinds;
    keyspace->awaited = counts;
    keyspace->told_kinds = kinds | keyspace->wanted_kinds;
}

/* ---- Figures ---- */

uint32_t keyspace_database_count(const struct keyspace *keyspace)
{
    return keyspace->database_count;
}

bool keyspace_is_clustered(const struct keyspace *keyspace)
{
    return keyspace->is_clustered;
}

size_t keyspace_count(const struct keyspace *keyspace, uint32_t db)
{
    return keyspace_database(keyspace, db)->count;
}

size_t keyspace_slot_count(const struct keyspace *keyspace, uint32_t db, uint32_t slot)
{
    const struct database *database = keyspace_database(keyspace, db);
    if (database->slots != NULL) return database->slots->tables[slot].count;
    return keyspace->is_clustered ? 0 : database->count;
}

bool keyspace_is_empty(const struct keyspace *keyspace)
{
    for (uint32_t db = 0; db < keyspace->database_count; db++)
        if (keyspace_count(keyspace, db) > 0) return false;
    return true;
}

struct garbage *keyspace_garbage_take(struct keyspace *keyspace)
{
    struct garbage *garbage = keyspace->garbage;
    keyspace->garbage = NULL;
    return garbage;
}

uint64_t keyspace_dirty(const struct keyspace *keyspace)
{
    return keyspace->dirty;
}

void keyspace_dirty_add(struct keyspace *keyspace, uint64_t count)
{
    keyspace->dirty += count;
}

void keyspace_database_stats_read(const struct keyspace *keyspace, uint32_t db, time_ms wall_ms,
                                  struct keyspace_database_stats *stats)
{
    const struct database *database = keyspace_database(keyspace, db);
    *stats = (struct keyspace_database_stats){ .keys = database->count,
                                               .volatile_keys = database->volatile_count,
                                               .keys_with_items = items_count(database->items) };
    if (database->volatile_count == 0) return;
    __int128 average = database->expiry_sum / (__int128)database->volatile_count - wall_ms;
    stats->ttl_average_ms = average < 0 ? 0 : (time_ms)average;
}

void keyspace_count_expired(struct keyspace *keyspace)
{
    keyspace->stats.expired++;
}

void keyspace_count_expired_fields(struct keyspace *keyspace, uint64_t count)
{
    keyspace->stats.expired_fields += count;
}

void keyspace_count_lookup(struct keyspace *keyspace, bool is_hit)
{
    if (is_hit)
        keyspace->stats.hits++;
    else
        keyspace->stats.misses++;
}

void keyspace_stats_read(const struct keyspace *keyspace, struct keyspace_stats *stats)
{
    *stats = keyspace->stats;
}

void keyspace_stats_reset(struct keyspace *keyspace)
{
    keyspace->stats = (struct keyspace_stats){ 0 };
}

size_t keyspace_database_memory(const struct keyspace *keyspace, uint32_t db)
{
    return database_memory(keyspace_database(keyspace, db));
}

void keyspace_database_measure(const struct keyspace *keyspace, uint32_t db, bool with_chains,
                               struct table_shape *shape)
{
    database_measure(keyspace_database(keyspace, db), with_chains, shape);
}

size_t keyspace_table_memory(const struct keyspace *keyspace)
{
    size_t memory = 0;
    for (uint32_t db = 0; db < keyspace->database_count; db++)
        memory += database_memory(keyspace_database(keyspace, db));
    return memory;
}
