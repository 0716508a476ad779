/* Finds things by a 64-bit key. Linear probing keeps a look-up on one or two cache lines; removal
 * moves later cells of the run back instead of leaving graves. */
#include "cluster/table.h"

#include "base/ensure.h"
#include "base/hash.h"
#include "base/memory.h"

#define TABLE_CAPACITY_MIN 16u

static uint32_t home_of(const struct table *table, uint64_t key)
{
    ensure(table->capacity > 0);
    return (uint32_t)hash_integer(key) & (table->capacity - 1);
}

static void insert(struct table *table, uint64_t key, void *value)
{
    uint32_t at = home_of(table, key);
    while (table->cells[at].value != NULL) {
        ensure(table->cells[at].key != key);
        at = (at + 1) & (table->capacity - 1);
    }
    table->cells[at] = (struct table_cell){ .key = key, .value = value };
}

static void grow(struct table *table)
{
    struct table old = *table;
    table->capacity = old.capacity == 0 ? TABLE_CAPACITY_MIN : old.capacity * 2;
    ensure(table->capacity > old.capacity);
    table->cells = memory_alloc_zero(table->capacity * sizeof(*table->cells));
    for (uint32_t i = 0; i < old.capacity; i++)
        if (old.cells[i].value != NULL) insert(table, old.cells[i].key, old.cells[i].value);
    memory_free(old.cells);
}

void table_fini(struct table *table)
{
    memory_free(table->cells);
    *table = (struct table){ 0 };
}

void table_put(struct table *table, uint64_t key, void *value)
{
    ensure(value != NULL);
    /* At most two thirds full: runs stay short. */
    if ((table->count + 1) * 3 > table->capacity * 2) grow(table);
    insert(table, key, value);
    table->count++;
}

static struct table_cell *cell_of(const struct table *table, uint64_t key)
{
    if (table->count == 0) return NULL;
    for (uint32_t at = home_of(table, key);; at = (at + 1) & (table->capacity - 1)) {
        struct table_cell *cell = &table->cells[at];
        if (cell->value == NULL) return NULL;
        if (cell->key == key) return cell;
    }
}

void *table_find(const struct table *table, uint64_t key)
{
    const struct table_cell *cell = cell_of(table, key);
    return cell == NULL ? NULL : cell->value;
}

void table_remove(struct table *table, uint64_t key)
{
    struct table_cell *cell = cell_of(table, key);
    if (cell == NULL) return;
    ensure(table->count > 0);
    uint32_t mask = table->capacity - 1;
    uint32_t hole = (uint32_t)(cell - table->cells);
    for (uint32_t at = (hole + 1) & mask; table->cells[at].value != NULL; at = (at + 1) & mask) {
        uint32_t home = home_of(table, table->cells[at].key);
        /* A cell may fill the hole unless its home lies behind the hole on its way here. */
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        table->cells[hole] = table->cells[at];
        hole = at;
    }
    table->cells[hole] = (struct table_cell){ 0 };
    table->count--;
}
