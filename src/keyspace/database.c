/* One database: its table or tables, what they count, and when their keys end. */
#include "base/ensure.h"
#include "base/memory.h"
#include "base/table_inline.h"
#include "keyspace/internal.h"

#define SLOTS_IN_GROUP 128

static struct table **table_place(struct database *database, uint32_t slot)
{
    return database->slots == NULL ? &database->table : &database->slots->tables[slot];
}

static struct due **due_place(struct database *database, uint32_t slot)
{
    return database->slots == NULL ? &database->due : &database->slots->dues[slot];
}

void database_fini(struct database *database)
{
    struct garbage *garbage = NULL;
    database_drop_all(database, &garbage);
    garbage_destroy(garbage);
}

struct table *database_table(const struct database *database, uint32_t slot)
{
    return database->slots == NULL ? database->table : database->slots->tables[slot];
}

/* The slot's part in the index of slots is its table's earliest time. */
static void slot_due_update(struct database *database, uint32_t slot)
{
    struct slots *slots = database->slots;
    if (slots == NULL) return;
    time_ms least = due_least_ms(slots->dues[slot]);
    if (minima_at(&slots->due, slot) != least) minima_set(&slots->due, slot, least);
}

static void count_change(struct database *database, uint32_t slot, int change)
{
    database->count += (size_t)change;
    if (database->slots == NULL) return;
    database->slots->counts[slot] += (uint32_t)change;
    database->slots->group_counts[slot / SLOTS_IN_GROUP] += (uint64_t)change;
}

static void expiry_change(struct database *database, uint32_t slot, size_t bucket,
                          time_ms before_ms, time_ms after_ms)
{
    if (before_ms != EXPIRY_NONE) {
        database->volatile_count--;
        database->expiry_sum -= before_ms;
    }
    if (after_ms != EXPIRY_NONE) {
        database->volatile_count++;
        database->expiry_sum += after_ms;
    }
    due_change(due_place(database, slot), database_table(database, slot), bucket, before_ms,
               after_ms);
    slot_due_update(database, slot);
}

struct table_cell *database_insert(struct database *database, const struct table_rules *rules,
                                   const struct key *key, struct entry *entry, bool is_clustered)
{
    if (is_clustered && database->slots == NULL) {
        database->slots = memory_alloc_zero(sizeof(struct slots));
        minima_resize(&database->slots->due, SLOT_COUNT);
    }
    struct table **table = table_place(database, key->slot);
    size_t buckets_before = table_bucket_count(*table);
    struct table_cell *cell = table_insert(table, rules, key->hash, entry);
    count_change(database, key->slot, 1);
    due_follow(*due_place(database, key->slot), *table, MAX(buckets_before, (size_t)1));

    time_ms expiry_ms = entry_expiry_inline(entry);
    if (expiry_ms != EXPIRY_NONE)
        database_expiry_changed(database, key, cell, EXPIRY_NONE, expiry_ms);
    return cell;
}

void database_remove(struct database *database, const struct table_rules *rules,
                     const struct key *key, struct table_cell *cell)
{
    struct table **table = table_place(database, key->slot);
    time_ms expiry_ms = entry_expiry_inline(table_cell_entry(cell));
    if (expiry_ms != EXPIRY_NONE)
        expiry_change(database, key->slot, table_bucket_of(*table, key->hash), expiry_ms,
                      EXPIRY_NONE);

    size_t buckets_before = table_bucket_count(*table);
    table_remove(table, rules, key->hash, cell);
    count_change(database, key->slot, -1);
    struct due **due = due_place(database, key->slot);
    if (*due == NULL) return;
    if (*table == NULL) {
        ensure((*due)->volatile_count == 0);
        due_destroy(*due);
        *due = NULL;
    } else {
        due_follow(*due, *table, buckets_before);
    }
    slot_due_update(database, key->slot);
}

void database_expiry_changed(struct database *database, const struct key *key,
                             struct table_cell *cell, time_ms before_ms, time_ms after_ms)
{
    table_cell_mark(cell, after_ms != EXPIRY_NONE);
    if (before_ms == after_ms) return;
    size_t bucket = table_bucket_of(database_table(database, key->slot), key->hash);
    expiry_change(database, key->slot, bucket, before_ms, after_ms);
}

size_t database_drop_slot(struct database *database, uint32_t slot, struct garbage **garbage)
{
    ensure(database->slots != NULL || slot == 0);
    struct table **table = table_place(database, slot);
    struct due **due = due_place(database, slot);
    size_t count = table_count(*table);
    if (*due != NULL) {
        database->volatile_count -= (*due)->volatile_count;
        database->expiry_sum -= (*due)->expiry_sum;
    }
    database->count -= count;
    if (database->slots != NULL) {
        database->slots->counts[slot] = 0;
        database->slots->group_counts[slot / SLOTS_IN_GROUP] -= count;
    }
    garbage_add_table(garbage, *table, *due);
    *table = NULL;
    *due = NULL;
    slot_due_update(database, slot);
    return count;
}

size_t database_drop_all(struct database *database, struct garbage **garbage)
{
    size_t count = database->count;
    if (database->slots != NULL)
        garbage_add_slots(garbage, database->slots, count);
    else
        garbage_add_table(garbage, database->table, database->due);
    *database = (struct database){ 0 };
    return count;
}

time_ms database_due_ms(const struct database *database)
{
    if (database->slots == NULL) return due_least_ms(database->due);
    return minima_least(&database->slots->due);
}

bool database_find_due(const struct database *database, time_ms limit_ms, uint32_t *slot,
                       size_t *group)
{
    if (database_due_ms(database) > limit_ms) return false;
    const struct due *due = database->due;
    *slot = 0;
    if (database->slots != NULL) {
        *slot = (uint32_t)minima_find_due(&database->slots->due, limit_ms);
        due = database->slots->dues[*slot];
    }
    *group = minima_find_due(&due->groups, limit_ms);
    ensure(*group != SIZE_MAX);
    return true;
}

void database_set_due(struct database *database, uint32_t slot, size_t group, time_ms due_ms)
{
    minima_set(&(*due_place(database, slot))->groups, group, due_ms);
    slot_due_update(database, slot);
}

uint32_t database_next_slot(const struct database *database, uint32_t slot)
{
    const struct slots *slots = database->slots;
    if (slots == NULL) return slot == 0 && database->table != NULL ? 0 : SLOT_COUNT;
    while (slot < SLOT_COUNT) {
        if (slot % SLOTS_IN_GROUP == 0 && slots->group_counts[slot / SLOTS_IN_GROUP] == 0)
            slot += SLOTS_IN_GROUP;
        else if (slots->counts[slot] > 0)
            return slot;
        else
            slot++;
    }
    return SLOT_COUNT;
}

uint32_t database_random_slot(const struct database *database, struct prng *prng)
{
    ensure(database->count > 0);
    const struct slots *slots = database->slots;
    if (slots == NULL) return 0;
    uint64_t rank = prng_below(prng, database->count);
    uint32_t group = 0;
    while (rank >= slots->group_counts[group]) rank -= slots->group_counts[group++];
    uint32_t slot = group * SLOTS_IN_GROUP;
    while (rank >= slots->counts[slot]) rank -= slots->counts[slot++];
    return slot;
}

static size_t due_memory(const struct due *due)
{
    return due == NULL ? 0 : memory_class(sizeof(*due)) + minima_memory(&due->groups);
}

size_t database_memory(const struct database *database)
{
    const struct slots *slots = database->slots;
    if (slots == NULL) return table_memory(database->table) + due_memory(database->due);
    size_t memory = memory_class(sizeof(*slots)) + minima_memory(&slots->due);
    for (uint32_t slot = database_next_slot(database, 0); slot < SLOT_COUNT;
         slot = database_next_slot(database, slot + 1))
        memory += table_memory(slots->tables[slot]) + due_memory(slots->dues[slot]);
    return memory;
}
