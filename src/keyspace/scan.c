/* All keys: scanning with a cursor, one slot's keys, a random key, the walk of a snapshot. */
#include "base/ensure.h"
#include "base/table_inline.h"
#include "keyspace/internal.h"

/* A scan that finds nothing goes on over so many buckets for each key that was asked for. */
#define BUCKETS_A_KEY 10
#define SLOT_BITS     14

struct scan {
    const struct access *access;
    keyspace_visit visit;
    void *context;
    size_t count; /* visited, dead ones too */
};

static void scan_visit(void *context, const struct table_cell *cell)
{
    struct scan *scan = context;
    const struct entry *entry = table_cell_entry(cell);
    scan->count++;
    if (!scan->access->ignores_expiry && entry_is_expired(entry, scan->access->wall_ms)) return;
    scan->visit(scan->context, entry);
}

static uint64_t scan_slots(const struct database *database, int32_t only_slot, uint64_t cursor,
                           size_t count, struct scan *scan)
{
    uint32_t slot = (uint32_t)(cursor & (SLOT_COUNT - 1));
    uint64_t place = cursor >> SLOT_BITS;
    if (only_slot >= 0 && slot != (uint32_t)only_slot) {
        slot = (uint32_t)only_slot;
        place = 0;
    }
    for (size_t left = count * BUCKETS_A_KEY; left > 0 && scan->count < count; left--) {
        place = table_scan(database_table(database, slot), place, scan_visit, scan);
        if (place != 0) continue;
        if (only_slot >= 0) return 0;
        slot = database_next_slot(database, slot + 1);
        if (slot == SLOT_COUNT) return 0;
    }
    return place << SLOT_BITS | slot;
}

uint64_t keyspace_scan(const struct keyspace *keyspace, const struct access *access, uint32_t db,
                       int32_t slot, uint64_t cursor, size_t count, keyspace_visit visit,
                       void *context)
{
    const struct database *database = keyspace_database(keyspace, db);
    struct scan scan = { .access = access, .visit = visit, .context = context };
    count = MIN(MAX(count, (size_t)1), SIZE_MAX / BUCKETS_A_KEY);
    if (database->count == 0) return 0;
    if (keyspace->is_clustered) return scan_slots(database, slot, cursor, count, &scan);
    for (size_t left = count * BUCKETS_A_KEY; left > 0 && scan.count < count; left--) {
        cursor = table_scan(database->table, cursor, scan_visit, &scan);
        if (cursor == 0) break;
    }
    return cursor;
}

size_t keyspace_visit_slot(const struct keyspace *keyspace, uint32_t db, uint32_t slot,
                           size_t count, keyspace_visit visit, void *context)
{
    const struct database *database = keyspace_database(keyspace, db);
    if (database->count == 0) return 0;
    struct table_walk walk = { 0 };
    size_t visited = 0;
    for (; visited < count; visited++) {
        struct table_cell *cell = table_walk_next(database_table(database, slot), &walk);
        if (cell == NULL) break;
        visit(context, table_cell_entry(cell));
    }
    return visited;
}

struct entry *keyspace_random(struct keyspace *keyspace, const struct access *access, uint32_t db)
{
    /* Where a node may not delete expired keys, all of them may be dead; then it gives up. */
    const int tries_max = 100;
    const struct database *database = keyspace_database(keyspace, db);
    for (int i = 0; i < tries_max && database->count > 0;) {
        uint32_t slot = database_random_slot(database, &keyspace->prng);
        struct table_cell *cell = table_random(database_table(database, slot), &keyspace->prng);
        struct entry *entry = table_cell_entry(cell);
        struct key key = gate_key_of_entry(keyspace, db, slot, entry);
        if (gate_live_cell(keyspace, access, &key) != NULL) return entry;
        if (!access->may_expire) i++; /* else there is one dead key less */
    }
    return NULL;
}

void keyspace_walk_init(struct keyspace_walk *walk)
{
    *walk = (struct keyspace_walk){ 0 };
}

const struct entry *keyspace_walk_next(const struct keyspace *keyspace, struct keyspace_walk *walk)
{
    for (; walk->db < keyspace->database_count; walk->db++, walk->slot = 0) {
        const struct database *database = keyspace_database(keyspace, walk->db);
        for (; (walk->slot = database_next_slot(database, walk->slot)) < SLOT_COUNT; walk->slot++) {
            struct table_walk at = { walk->line, walk->words, walk->bucket, walk->place };
            struct table_cell *cell = table_walk_next(database_table(database, walk->slot), &at);
            walk->line = cell == NULL ? NULL : at.line;
            walk->words = cell == NULL ? 0 : at.words;
            walk->bucket = cell == NULL ? 0 : at.bucket;
            walk->place = cell == NULL ? 0 : at.place;
            if (cell != NULL) return table_cell_entry(cell);
        }
    }
    return NULL;
}
