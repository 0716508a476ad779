/* Garbage: a list of databases, tables and values, freed from the front. */
#include "keyspace/garbage.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "keyspace/internal.h"

struct item {
    struct item *next;
    struct slots *slots; /* owned; a whole database, or */
    size_t slot_count;   /* of it that are left */
    struct table *table; /* a table and its index, or */
    struct due *due;
    void *value; /* an object */
    enum value_type type;
};

struct garbage {
    struct item *first;
    struct item *last;
    size_t count; /* keys */
};

static struct item *item_add(struct garbage **place, size_t count)
{
    if (*place == NULL) *place = memory_alloc_zero(sizeof(**place));
    struct garbage *garbage = *place;
    struct item *item = memory_alloc_zero(sizeof(*item));
    if (garbage->last == NULL)
        garbage->first = item;
    else
        garbage->last->next = item;
    garbage->last = item;
    garbage->count += count;
    return item;
}

void garbage_add_value(struct garbage **garbage, enum value_type type, void *value)
{
    struct item *item = item_add(garbage, 1);
    item->value = value;
    item->type = type;
}

void garbage_add_table(struct garbage **garbage, struct table *table, struct due *due)
{
    if (table == NULL && due == NULL) return;
    struct item *item = item_add(garbage, table_count(table));
    item->table = table;
    item->due = due;
}

void garbage_add_slots(struct garbage **garbage, struct slots *slots, size_t count)
{
    struct item *item = item_add(garbage, count);
    item->slots = slots;
    item->slot_count = SLOT_COUNT;
}

static void release_entry(void *context, void *entry)
{
    (void)context;
    entry_destroy(entry);
}

/* About `count` keys of one table; true when it and its index are gone. */
static bool table_step(struct table **table, struct due *due, size_t count, size_t *freed)
{
    if (!table_destroy_step(table, count, release_entry, NULL, freed)) return false;
    due_destroy(due);
    return true;
}

/* Their tables are gone. */
static void slots_destroy(struct slots *slots)
{
    if (slots->dues != NULL) memory_free_sized(slots->dues, SLOT_COUNT * sizeof(*slots->dues));
    memory_free_sized(slots->tables, SLOT_COUNT * sizeof(*slots->tables));
    minima_fini(&slots->due);
    memory_free_sized(slots, sizeof(*slots));
}

static bool slots_step(struct item *item, size_t count, size_t *freed)
{
    struct slots *slots = item->slots;
    *freed = 0;
    while (item->slot_count > 0 && *freed < count) {
        size_t slot = item->slot_count - 1;
        struct table *table = &slots->tables[slot];
        size_t here;
        bool is_done = table_clear_step(table, count - *freed, release_entry, NULL, &here);
        *freed += here;
        if (!is_done) return false;
        if (slots->dues != NULL) due_destroy(slots->dues[slot]);
        item->slot_count--;
    }
    if (item->slot_count > 0) return false;
    slots_destroy(slots);
    return true;
}

/* About `count` keys of the item; true when it holds nothing any more. */
static bool item_step(struct item *item, size_t count, size_t *freed)
{
    if (item->slots != NULL) return slots_step(item, count, freed);
    if (item->value == NULL) return table_step(&item->table, item->due, count, freed);
    *freed = 1;
    value_destroy(item->type, item->value);
    return true;
}

bool garbage_step(struct garbage *garbage, size_t count)
{
    while (garbage->first != NULL && count > 0) {
        struct item *item = garbage->first;
        size_t freed;
        bool is_done = item_step(item, count, &freed);
        count -= MIN(count, freed);
        garbage->count -= MIN(garbage->count, freed);
        if (!is_done) continue;
        garbage->first = item->next;
        memory_free_sized(item, sizeof(*item));
    }
    if (garbage->first != NULL) return false;
    memory_free_sized(garbage, sizeof(*garbage));
    return true;
}

void garbage_destroy(struct garbage *garbage)
{
    while (garbage != NULL && !garbage_step(garbage, SIZE_MAX)) {}
}

size_t garbage_count(const struct garbage *garbage)
{
    return garbage == NULL ? 0 : garbage->count;
}

struct garbage *garbage_join(struct garbage *first, struct garbage *second)
{
    if (first == NULL) return second;
    if (second == NULL) return first;
    first->last->next = second->first;
    first->last = second->last;
    first->count += second->count;
    memory_free_sized(second, sizeof(*second));
    return first;
}
