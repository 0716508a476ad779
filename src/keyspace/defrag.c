/* Moving keys: bucket by bucket, entries, their values and the lines they are found by.
 *
 * A bucket is fetched as a whole before the first of its entries is read: where an entry stands
 * says nothing of its neighbours in the bucket, so each costs a miss. Collections stay where they
 * are: only their entries move. */
#include "keyspace/defrag.h"

#include "base/memory.h"
#include "base/slabs.h"
#include "keyspace/internal.h"
#include "types/string.h"

static void prefetch_entry(void *context, const struct table_cell *cell)
{
    (void)context;
    __builtin_prefetch(table_cell_entry(cell));
}

/* What one look has to remember; the cell is only borrowed as constant by the visit. */
static void settle(void *context, const struct table_cell *cell)
{
    struct defrag_counts *counts = context;
    struct entry *entry = table_cell_entry(cell);
    uint64_t moved_before = counts->moved;
    if (entry_form(entry) == FORM_POINTER && entry_type(entry) == VALUE_STRING) {
        struct string *string = entry_value(entry);
        bool moves = string_vacate(&string);
        if (moves) entry_value_set(entry, string);
        counts->moved += moves;
        counts->left += !moves;
    }
    struct entry *here = slabs_vacate(entry, entry_size(entry));
    if (here != entry) table_cell_set_entry((struct table_cell *)(uintptr_t)cell, here);
    counts->moved += here != entry;
    counts->left += here == entry;
    bool is_changed = counts->moved != moved_before;
    counts->keys_moved += is_changed;
    counts->keys_left += !is_changed;
}

/* On to the next table that holds keys; false behind the last one. */
static bool walk_find_table(const struct keyspace *keyspace, struct defrag_walk *walk)
{
    for (; walk->db < keyspace->database_count; walk->db++, walk->slot = 0, walk->bucket = 0) {
        const struct database *database = keyspace_database(keyspace, walk->db);
        uint32_t slot = database_next_slot(database, walk->slot);
        if (slot == SLOT_COUNT) continue;
        if (slot != walk->slot) walk->bucket = 0;
        walk->slot = slot;
        return true;
    }
    return false;
}

bool keyspace_defrag_step(struct keyspace *keyspace, struct defrag_walk *walk, size_t count,
                          struct defrag_counts *counts)
{
    uint64_t seen = counts->keys_moved + counts->keys_left;
    keyspace->moves++; /* lines may move, and with them what was proposed to look-ups */
    while (walk_find_table(keyspace, walk)) {
        struct table *table = database_table(keyspace_database(keyspace, walk->db), walk->slot);
        for (; walk->bucket < table_bucket_count(table); walk->bucket++) {
            if (counts->keys_moved + counts->keys_left - seen >= count) return true;
            counts->moved += table_vacate_bucket(table, walk->bucket);
            table_visit_bucket(table, walk->bucket, prefetch_entry, NULL);
            table_visit_bucket(table, walk->bucket, settle, counts);
        }
        walk->slot++;
        walk->bucket = 0;
        if (walk->slot < SLOT_COUNT && keyspace->is_clustered) continue;
        walk->db++;
        walk->slot = 0;
    }
    return false;
}
