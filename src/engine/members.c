/* Members looked up ahead: what keyspace_look_ahead does for keys, for elements of collections.
 *
 * Of a collection that the cache does not hold, the line of the table and then the element itself
 * are fetched for all requests of a batch at once. Nothing is kept but what is in the cache: each
 * request looks its member up again, whatever those before it did. */
#include "base/table_inline.h"
#include "engine/internal.h"
#include "types/value.h"

/* A smaller one is in the cache as a rule, and the way there costs more than it saves. */
#define MEMBERS_LEAST 8192

struct wanted {
    const struct table *table; /* borrowed */
    uint64_t hash;
};

static const struct table *large_table(const struct entry *entry)
{
    enum value_type type = entry_type(entry);
    if (type != VALUE_HASH && type != VALUE_SET && type != VALUE_ZSET) return NULL;
    const struct table *table = value_table(type, entry_value(entry));
    return table_count(table) < MEMBERS_LEAST ? NULL : table;
}

static struct bytes member_of(const struct batch *batch, const struct batch_item *item)
{
    uint32_t place = item->entry->command->member;
    if (place >= item->argc) place = item->argc - 1;
    return batch->argv[item->argv_at + place];
}

/* The keys stand where they were proposed to: they may be others, but they are there. */
static uint32_t collect(const struct keyspace *keyspace, const struct batch *batch,
                        struct wanted *wanted)
{
    const struct hash_key *hash_key = &keyspace_value_rules(keyspace)->hash_key;
    const struct entry *before = NULL;
    const struct table *table = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        if (item->key_count == 0 || item->entry->command->member == 0) continue;
        const struct table_cell *cell = batch->keys[item->key_at].proposed;
        if (cell == NULL) continue;
        const struct entry *entry = table_cell_entry(cell);
        if (entry != before) table = large_table(entry);
        before = entry;
        if (table == NULL) continue;
        uint64_t hash = hash_bytes(hash_key, member_of(batch, item));
        wanted[count++] = (struct wanted){ table, hash };
        table_prefetch_bucket(table, hash);
    }
    return count;
}

void members_look_ahead(const struct keyspace *keyspace, const struct batch *batch)
{
    struct wanted wanted[BATCH_COUNT];
    uint32_t count = collect(keyspace, batch, wanted);
    for (uint32_t i = 0; i < count; i++) {
        const struct table_cell *cell = table_propose(wanted[i].table, wanted[i].hash);
        if (cell != NULL)
            __builtin_prefetch(table_cell_entry(cell));
        else
            table_prefetch_chain(wanted[i].table, wanted[i].hash);
        wanted[i].table = cell == NULL ? wanted[i].table : NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (wanted[i].table == NULL) continue;
        const struct table_cell *cell = table_propose_chained(wanted[i].table, wanted[i].hash);
        if (cell != NULL) __builtin_prefetch(table_cell_entry(cell));
    }
}
