/* The index of hashes with fields that end: a heap, or one for each slot. */
#include "keyspace/items.h"

#include "base/digest.h"
#include "base/ensure.h"
#include "base/memory.h"

struct items {
    struct heap *heaps; /* owned; one, or one for each slot */
    uint32_t heap_count;
    size_t count;
    struct minima due; /* of each heap the earliest time; with slots only */
};

static struct items *items_create(bool has_slots)
{
    struct items *items = memory_alloc_zero(sizeof(*items));
    items->heap_count = has_slots ? SLOT_COUNT : 1;
    items->heaps = memory_alloc_zero(items->heap_count * sizeof(*items->heaps));
    if (has_slots) minima_resize(&items->due, SLOT_COUNT);
    return items;
}

static void items_destroy(struct items *items)
{
    minima_fini(&items->due);
    memory_free_sized(items->heaps, items->heap_count * sizeof(*items->heaps));
    memory_free_sized(items, sizeof(*items));
}

static struct heap *heap_of(const struct items *items, uint32_t slot)
{
    ensure(slot < items->heap_count);
    return &items->heaps[slot];
}

static void follow(struct items *items, uint32_t slot)
{
    if (items->heap_count == 1) return;
    time_ms due_ms = heap_due_ms(heap_of(items, slot));
    if (minima_at(&items->due, slot) != due_ms) minima_set(&items->due, slot, due_ms);
}

void items_set(struct items **place, bool has_slots, uint32_t slot, uint64_t key_hash,
               struct hash *hash)
{
    if (*place == NULL) *place = items_create(has_slots);
    struct items *items = *place;
    struct heap *heap = heap_of(items, slot);
    struct hash_timer *timer = hash_timer(hash);
    items->count += timer->node.index == HEAP_INDEX_NONE;
    timer->key_hash = key_hash;
    heap_set(heap, &timer->node, hash_due_ms(hash));
    follow(items, slot);
}

/* The heaps of slots stay: they would be made anew with the next hash. */
static void drop_if_empty(struct items **place)
{
    if ((*place)->count > 0 || (*place)->heap_count > 1) return;
    items_destroy(*place);
    *place = NULL;
}

void items_remove(struct items **place, uint32_t slot, struct hash *hash)
{
    struct items *items = *place;
    struct heap *heap = heap_of(items, slot);
    struct heap_node *node = &hash_timer(hash)->node;
    ensure(node->index != HEAP_INDEX_NONE);
    heap_remove(heap, node);
    items->count--;
    if (heap->count == 0) heap_fini(heap);
    follow(items, slot);
    drop_if_empty(place);
}

void items_drop_slot(struct items **place, uint32_t slot)
{
    if (*place == NULL) return;
    struct heap *heap = heap_of(*place, slot);
    (*place)->count -= heap->count;
    heap_forget(heap);
    follow(*place, slot);
    drop_if_empty(place);
}

void items_drop(struct items **place)
{
    if (*place == NULL) return;
    for (uint32_t i = 0; i < (*place)->heap_count; i++) heap_forget(&(*place)->heaps[i]);
    items_destroy(*place);
    *place = NULL;
}

size_t items_count(const struct items *items)
{
    return items == NULL ? 0 : items->count;
}

time_ms items_due_ms(const struct items *items)
{
    if (items == NULL) return TIME_NEVER;
    return items->heap_count == 1 ? heap_due_ms(&items->heaps[0]) : minima_least(&items->due);
}

struct hash *items_find_due(const struct items *items, time_ms limit_ms, uint32_t *slot)
{
    if (items_due_ms(items) > limit_ms) return NULL;
    *slot = items->heap_count == 1 ? 0 : (uint32_t)minima_find_due(&items->due, limit_ms);
    struct heap_node *node = heap_peek(heap_of(items, *slot));
    ensure(node != NULL);
    return hash_of_timer(CONTAINER_OF(node, struct hash_timer, node));
}

size_t items_memory(const struct items *items)
{
    if (items == NULL) return 0;
    size_t memory = memory_class(sizeof(*items)) + minima_memory(&items->due) +
                    memory_class(items->heap_count * sizeof(*items->heaps));
    for (uint32_t i = 0; i < items->heap_count; i++)
        memory += memory_class(items->heaps[i].capacity * sizeof(struct heap_place));
    return memory;
}
