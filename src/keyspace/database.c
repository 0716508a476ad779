/* One database: its table or tables, what they count, and when their keys end. */
#include "base/ensure.h"
#include "base/memory.h"
#include "base/slabs.h"
#include "keyspace/internal.h"

#define SLOTS_IN_GROUP 128

/* A slot with more buckets than this has an index of expiry of its own; in a smaller one the cycle
 * reads all keys, 60 of them where a database has a million. Falls to half before it is given up.
 */
#define SLOT_BUCKETS_SMALL 16

static struct slots *slots_create(void)
{
    struct slots *slots = memory_alloc_zero(sizeof(*slots));
    slots->tables = memory_alloc_zero(SLOT_COUNT * sizeof(*slots->tables));
    minima_resize(&slots->due, SLOT_COUNT);
    return slots;
}

static struct due *due_of(const struct database *database, uint32_t slot)
{
    if (database->slots == NULL) return database->due;
    return database->slots->dues == NULL ? NULL : database->slots->dues[slot];
}

static struct due **due_place(struct database *database, uint32_t slot)
{
    struct slots *slots = database->slots;
    if (slots == NULL) return &database->due;
    if (slots->dues == NULL) slots->dues = memory_alloc_zero(SLOT_COUNT * sizeof(*slots->dues));
    return &slots->dues[slot];
}

/* The index of expiry has one time for the whole slot, that in the index of slots. */
static bool is_one_group(const struct database *database, uint32_t slot)
{
    return database->slots != NULL && due_of(database, slot) == NULL &&
           database->slots->tables[slot].bucket_count <= SLOT_BUCKETS_SMALL;
}

void database_fini(struct database *database)
{
    struct garbage *garbage = NULL;
    database_drop_all(database, &garbage);
    garbage_destroy(garbage);
}

/* The part of a slot with an index of its own in the index of slots is its earliest time. */
static void slot_due_update(struct database *database, uint32_t slot)
{
    struct slots *slots = database->slots;
    if (slots == NULL) return;
    time_ms least = due_least_ms(due_of(database, slot));
    if (minima_at(&slots->due, slot) != least) minima_set(&slots->due, slot, least);
}

/* One table after the other as keys come and go anywhere: which slots they come to says nothing of
 * which have stood still while others grew. */
static void settle_next(struct slots *slots)
{
    slots->settled = (slots->settled + 1) % SLOT_COUNT;
    table_settle(&slots->tables[slots->settled]);
}

static void count_change(struct database *database, uint32_t slot, int change)
{
    database->count += (size_t)change;
    if (database->slots == NULL) return;
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
    if (is_one_group(database, slot)) { /* too early after deletions, until the cycle looks */
        if (after_ms != EXPIRY_NONE) minima_lower(&database->slots->due, slot, after_ms);
        return;
    }
    due_change(due_place(database, slot), database_table(database, slot), bucket, before_ms,
               after_ms);
    slot_due_update(database, slot);
}

static void due_end(struct database *database, uint32_t slot)
{
    struct due **due = due_place(database, slot);
    due_destroy(*due);
    *due = NULL;
}

/* A slot's table has grown or shrunk: an index of its own comes and goes. */
static void slot_due_follow(struct database *database, uint32_t slot, size_t buckets_before)
{
    const struct table *table = database_table(database, slot);
    size_t buckets = table_bucket_count(table);
    struct minima *least = &database->slots->due;
    struct due *due = due_of(database, slot);
    if (due != NULL && 2 * buckets <= SLOT_BUCKETS_SMALL) {
        due_end(database, slot); /* the time of the slot stays */
    } else if (due != NULL) {
        due_follow(due, table, buckets_before);
        slot_due_update(database, slot);
    } else if (buckets > SLOT_BUCKETS_SMALL && buckets_before <= SLOT_BUCKETS_SMALL &&
               minima_at(least, slot) != TIME_NEVER) {
        due = due_create(table);
        *due_place(database, slot) = due;
        if (due->volatile_count == 0) due_end(database, slot);
        slot_due_update(database, slot);
    }
    if (buckets == 0 && minima_at(least, slot) != TIME_NEVER) minima_set(least, slot, TIME_NEVER);
}

/* After an insertion or a removal. */
static void expiry_follow(struct database *database, uint32_t slot, size_t buckets_before)
{
    size_t buckets = table_bucket_count(database_table(database, slot));
    if (buckets == buckets_before) return;
    if (database->slots != NULL) {
        slot_due_follow(database, slot, buckets_before);
    } else if (buckets == 0) {
        due_destroy(database->due);
        database->due = NULL;
    } else {
        due_follow(database->due, database->table, MAX(buckets_before, (size_t)1));
    }
}

struct table_cell *database_insert(struct database *database, const struct table_rules *rules,
                                   const struct key *key, struct entry *entry, bool is_clustered)
{
    if (is_clustered && database->slots == NULL) database->slots = slots_create();
    size_t buckets_before = table_bucket_count(database_table(database, key->slot));
    struct table_cell *cell;
    if (is_clustered) settle_next(database->slots);
    if (is_clustered)
        cell = table_insert_in(&database->slots->tables[key->slot], rules, key->hash, entry);
    else
        cell = table_insert(&database->table, rules, key->hash, entry);
    count_change(database, key->slot, 1);
    expiry_follow(database, key->slot, buckets_before);

    time_ms expiry_ms = entry_expiry_inline(entry);
    if (expiry_ms != EXPIRY_NONE)
        database_expiry_changed(database, key, cell, EXPIRY_NONE, expiry_ms);
    if (entry_has_items(entry)) database_items_changed(database, key, entry);
    return cell;
}

void database_remove(struct database *database, const struct table_rules *rules,
                     const struct key *key, struct table_cell *cell)
{
    struct table *table = database_table(database, key->slot);
    size_t buckets_before = table_bucket_count(table);
    time_ms expiry_ms = entry_expiry_inline(table_cell_entry(cell));
    if (expiry_ms != EXPIRY_NONE)
        expiry_change(database, key->slot, table_bucket_of(table, key->hash), expiry_ms,
                      EXPIRY_NONE);
    if (entry_has_items(table_cell_entry(cell)))
        database_items_gone(database, key, table_cell_entry(cell));

    if (database->slots != NULL)
        table_remove_in(table, rules, key->hash, cell);
    else
        table_remove(&database->table, rules, key->hash, cell);
    count_change(database, key->slot, -1);
    if (database->slots != NULL) settle_next(database->slots);
    expiry_follow(database, key->slot, buckets_before);
}

void database_expiry_changed(struct database *database, const struct key *key,
                             struct table_cell *cell, time_ms before_ms, time_ms after_ms)
{
    table_cell_mark(cell, after_ms != EXPIRY_NONE);
    if (before_ms == after_ms) return;
    size_t bucket = table_bucket_of(database_table(database, key->slot), key->hash);
    expiry_change(database, key->slot, bucket, before_ms, after_ms);
}

void database_items_changed(struct database *database, const struct key *key, struct entry *entry)
{
    struct hash *hash = entry_value(entry);
    if (hash_volatile_count(hash) > 0) {
        items_set(&database->items, database->slots != NULL, key->slot, key->hash, hash);
        entry->kind |= ENTRY_HAS_ITEMS;
    } else if (entry_has_items(entry)) {
        database_items_gone(database, key, entry);
    }
}

void database_items_gone(struct database *database, const struct key *key, struct entry *entry)
{
    items_remove(&database->items, key->slot, entry_value(entry));
    entry->kind &= (uint8_t)~ENTRY_HAS_ITEMS;
}

struct ends {
    size_t count;
    __int128 sum;
};

static void ends_add(void *context, const struct table_cell *cell)
{
    struct ends *ends = context;
    if (!table_cell_is_marked(cell)) return;
    ends->count++;
    ends->sum += entry_expiry_inline(table_cell_entry(cell));
}

/* What the slot's keys add to the database's figures: counted in its index, or else there are few.
 */
static struct ends slot_ends(const struct database *database, uint32_t slot)
{
    const struct due *due = due_of(database, slot);
    struct ends ends = { 0 };
    if (due != NULL) return (struct ends){ due->volatile_count, due->expiry_sum };
    if (is_one_group(database, slot))
        database_visit_due(database, (struct due_place){ .slot = slot }, ends_add, &ends);
    return ends;
}

static size_t drop_table(struct database *database, struct garbage **garbage)
{
    size_t count = database->count;
    items_drop(&database->items);
    garbage_add_table(garbage, database->table, database->due);
    *database = (struct database){ 0 };
    return count;
}

size_t database_drop_slot(struct database *database, uint32_t slot, struct garbage **garbage)
{
    struct slots *slots = database->slots;
    if (slots == NULL) {
        ensure(slot == 0);
        return drop_table(database, garbage);
    }
    size_t count = table_count(&slots->tables[slot]);
    if (count == 0) return 0;
    struct ends ends = slot_ends(database, slot);
    database->volatile_count -= ends.count;
    database->expiry_sum -= ends.sum;
    database->count -= count;
    items_drop_slot(&database->items, slot);
    slots->group_counts[slot / SLOTS_IN_GROUP] -= count;
    garbage_add_table(garbage, table_take(&slots->tables[slot]), due_of(database, slot));
    if (slots->dues != NULL) slots->dues[slot] = NULL;
    slot_due_update(database, slot);
    return count;
}

size_t database_drop_all(struct database *database, struct garbage **garbage)
{
    if (database->slots == NULL) return drop_table(database, garbage);
    size_t count = database->count;
    items_drop(&database->items);
    garbage_add_slots(garbage, database->slots, count);
    *database = (struct database){ 0 };
    return count;
}

time_ms database_due_ms(const struct database *database)
{
    if (database->volatile_count == 0) return TIME_NEVER; /* whatever slots have not looked at */
    if (database->slots == NULL) return due_least_ms(database->due);
    return minima_least(&database->slots->due);
}

bool database_find_due(const struct database *database, time_ms limit_ms, struct due_place *place)
{
    if (database_due_ms(database) > limit_ms) return false;
    *place = (struct due_place){ 0 };
    if (database->slots != NULL)
        place->slot = (uint32_t)minima_find_due(&database->slots->due, limit_ms);
    const struct due *due = due_of(database, place->slot);
    if (due != NULL) place->group = minima_find_due(&due->groups, limit_ms);
    ensure(place->group != SIZE_MAX);
    return true;
}

/* From a random place on; behind the last one comes the first. */
static size_t random_due(struct prng *prng, const struct minima *minima)
{
    size_t place = minima_find_due_from(minima, prng_below(prng, minima->count), TIME_NEVER - 1);
    return place != SIZE_MAX ? place : minima_find_due(minima, TIME_NEVER - 1);
}

struct due_place database_random_due(const struct database *database, struct prng *prng)
{
    struct due_place place = { 0 };
    if (database->slots != NULL) place.slot = (uint32_t)random_due(prng, &database->slots->due);
    const struct due *due = due_of(database, place.slot);
    if (due != NULL) place.group = random_due(prng, &due->groups);
    return place;
}

void database_set_due(struct database *database, struct due_place place, time_ms due_ms)
{
    if (is_one_group(database, place.slot)) {
        minima_set(&database->slots->due, place.slot, due_ms);
        return;
    }
    minima_set(&due_of(database, place.slot)->groups, place.group, due_ms);
    slot_due_update(database, place.slot);
}

void database_visit_due(const struct database *database, struct due_place place, table_visit visit,
                        void *context)
{
    const struct table *table = database_table(database, place.slot);
    if (!is_one_group(database, place.slot)) {
        bucket_times_visit(table, place.group, visit, context);
        return;
    }
    size_t buckets = table_bucket_count(table);
    for (size_t i = 0; i < buckets; i++) table_visit_bucket(table, i, visit, context);
}

uint32_t database_next_slot(const struct database *database, uint32_t slot)
{
    const struct slots *slots = database->slots;
    if (slots == NULL) return slot == 0 && database->table != NULL ? 0 : SLOT_COUNT;
    while (slot < SLOT_COUNT) {
        if (slot % SLOTS_IN_GROUP == 0 && slots->group_counts[slot / SLOTS_IN_GROUP] == 0)
            slot += SLOTS_IN_GROUP;
        else if (slots->tables[slot].count > 0)
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
    while (rank >= slots->tables[slot].count) rank -= slots->tables[slot++].count;
    return slot;
}

static size_t due_memory(const struct due *due)
{
    return due == NULL ? 0 : memory_class(sizeof(*due)) + minima_memory(&due->groups);
}

void database_measure(const struct database *database, bool with_chains, struct table_shape *shape)
{
    if (database->slots == NULL) {
        table_measure(database->table, with_chains, shape);
        return;
    }
    for (uint32_t slot = database_next_slot(database, 0); slot < SLOT_COUNT;
         slot = database_next_slot(database, slot + 1))
        table_measure(&database->slots->tables[slot], with_chains, shape);
}

size_t database_memory(const struct database *database)
{
    const struct slots *slots = database->slots;
    size_t memory = items_memory(database->items);
    if (slots == NULL) return memory + table_memory(database->table) + due_memory(database->due);
    memory += memory_class(sizeof(*slots)) + minima_memory(&slots->due) +
              memory_class(SLOT_COUNT * sizeof(*slots->tables));
    if (slots->dues != NULL) memory += memory_class(SLOT_COUNT * sizeof(*slots->dues));
    for (uint32_t slot = database_next_slot(database, 0); slot < SLOT_COUNT;
         slot = database_next_slot(database, slot + 1))
        memory += table_memory(&slots->tables[slot]) - slabs_class(sizeof(struct table)) +
                  due_memory(due_of(database, slot));
    return memory;
}
