/* Finds things by a 64-bit key. Linear probing keeps a look-up on one or two cache lines; removal
 * moves later cells of the run back instead of leaving graves. */
#include "cluster/directory.h"

#include "base/ensure.h"
#include "base/hash.h"
#include "base/memory.h"

#define DIRECTORY_CAPACITY_MIN 16u

static uint32_t home_of(const struct directory *directory, uint64_t key)
{
    ensure(directory->capacity > 0);
    return (uint32_t)hash_integer(key) & (directory->capacity - 1);
}

static void insert(struct directory *directory, uint64_t key, void *value)
{
    uint32_t at = home_of(directory, key);
    while (directory->cells[at].value != NULL) {
        ensure(directory->cells[at].key != key);
        at = (at + 1) & (directory->capacity - 1);
    }
    directory->cells[at] = (struct directory_cell){ .key = key, .value = value };
}

static void grow(struct directory *directory)
{
    struct directory old = *directory;
    directory->capacity = old.capacity == 0 ? DIRECTORY_CAPACITY_MIN : old.capacity * 2;
    ensure(directory->capacity > old.capacity);
    directory->cells = memory_alloc_zero(directory->capacity * sizeof(*directory->cells));
    for (uint32_t i = 0; i < old.capacity; i++)
        if (old.cells[i].value != NULL) insert(directory, old.cells[i].key, old.cells[i].value);
    memory_free(old.cells);
}

void directory_fini(struct directory *directory)
{
    memory_free(directory->cells);
    *directory = (struct directory){ 0 };
}

void directory_put(struct directory *directory, uint64_t key, void *value)
{
    ensure(value != NULL);
    /* At most two thirds full: runs stay short. */
    if ((directory->count + 1) * 3 > directory->capacity * 2) grow(directory);
    insert(directory, key, value);
    directory->count++;
}

static struct directory_cell *cell_of(const struct directory *directory, uint64_t key)
{
    if (directory->count == 0) return NULL;
    for (uint32_t at = home_of(directory, key);; at = (at + 1) & (directory->capacity - 1)) {
        struct directory_cell *cell = &directory->cells[at];
        if (cell->value == NULL) return NULL;
        if (cell->key == key) return cell;
    }
}

void *directory_find(const struct directory *directory, uint64_t key)
{
    const struct directory_cell *cell = cell_of(directory, key);
    return cell == NULL ? NULL : cell->value;
}

void directory_prefetch(const struct directory *directory, uint64_t key)
{
    if (directory->capacity == 0) return;
    ensure(directory->cells != NULL);
    __builtin_prefetch(&directory->cells[home_of(directory, key)]);
}

void directory_remove(struct directory *directory, uint64_t key)
{
    struct directory_cell *cell = cell_of(directory, key);
    if (cell == NULL) return;
    ensure(directory->count > 0);
    uint32_t mask = directory->capacity - 1;
    uint32_t hole = (uint32_t)(cell - directory->cells);
    for (uint32_t at = (hole + 1) & mask; directory->cells[at].value != NULL;
         at = (at + 1) & mask) {
        uint32_t home = home_of(directory, directory->cells[at].key);
        /* A cell may fill the hole unless its home lies behind the hole on its way here. */
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        directory->cells[hole] = directory->cells[at];
        hole = at;
    }
    directory->cells[hole] = (struct directory_cell){ 0 };
    directory->count--;
}
