/* A binary min-heap of deadlines; every node knows its place, so moving one is logarithmic. */
#include "base/heap.h"

#include "base/ensure.h"
#include "base/memory.h"

void heap_init(struct heap *heap)
{
    *heap = (struct heap){ 0 };
}

void heap_fini(struct heap *heap)
{
    for (uint32_t i = 0; i < heap->count; i++) heap->places[i].node->index = HEAP_INDEX_NONE;
    memory_free(heap->places);
    *heap = (struct heap){ 0 };
}

void heap_forget(struct heap *heap)
{
    memory_free(heap->places);
    *heap = (struct heap){ 0 };
}

void heap_node_init(struct heap_node *node)
{
    *node = (struct heap_node){ .due_ms = TIME_NEVER, .index = HEAP_INDEX_NONE };
}

static void put(struct heap *heap, uint32_t index, struct heap_place place)
{
    heap->places[index] = place;
    place.node->index = index;
}

static void sift_up(struct heap *heap, uint32_t index)
{
    struct heap_place place = heap->places[index];
    while (index > 0) {
        uint32_t parent = (index - 1) / 2;
        if (heap->places[parent].due_ms <= place.due_ms) break;
        put(heap, index, heap->places[parent]);
        index = parent;
    }
    put(heap, index, place);
}

static void sift_down(struct heap *heap, uint32_t index)
{
    struct heap_place place = heap->places[index];
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count && heap->places[child + 1].due_ms < heap->places[child].due_ms)
            child++;
        if (heap->places[child].due_ms >= place.due_ms) break;
        put(heap, index, heap->places[child]);
        index = child;
    }
    put(heap, index, place);
}

void heap_set(struct heap *heap, struct heap_node *node, time_ms due_ms)
{
    if (due_ms == TIME_NEVER) {
        heap_remove(heap, node);
        node->due_ms = TIME_NEVER;
        return;
    }
    if (node->index == HEAP_INDEX_NONE) {
        if (heap->count == heap->capacity) {
            heap->capacity = MAX(2 * heap->capacity, 16u);
            heap->places = memory_realloc(heap->places, heap->capacity * sizeof(*heap->places));
        }
        node->index = heap->count++;
        heap->places[node->index].node = node;
    } else if (node->due_ms == due_ms) {
        return;
    }
    ensure(heap->places[node->index].node == node);
    node->due_ms = heap->places[node->index].due_ms = due_ms;
    sift_up(heap, node->index);
    sift_down(heap, node->index);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (node->index == HEAP_INDEX_NONE) return;
    ensure(node->index < heap->count);
    ensure(heap->places[node->index].node == node);

    struct heap_place last = heap->places[--heap->count];
    if (last.node != node) {
        put(heap, node->index, last);
        sift_up(heap, last.node->index);
        sift_down(heap, last.node->index);
    }
    node->index = HEAP_INDEX_NONE;
}

struct heap_node *heap_peek(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->places[0].node;
}

struct heap_node *heap_take_due(struct heap *heap, time_ms now_ms)
{
    struct heap_node *node = heap_peek(heap);
    if (node == NULL || heap->places[0].due_ms > now_ms) return NULL;
    heap_remove(heap, node);
    return node;
}

time_ms heap_due_ms(const struct heap *heap)
{
    return heap->count == 0 ? TIME_NEVER : heap->places[0].due_ms;
}
