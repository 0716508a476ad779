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
    for (uint32_t i = 0; i < heap->count; i++) heap->nodes[i]->index = HEAP_INDEX_NONE;
    memory_free(heap->nodes);
    *heap = (struct heap){ 0 };
}

void heap_node_init(struct heap_node *node)
{
    *node = (struct heap_node){ .due_ms = TIME_NEVER, .index = HEAP_INDEX_NONE };
}

static void place(struct heap *heap, uint32_t index, struct heap_node *node)
{
    heap->nodes[index] = node;
    node->index = index;
}

static void sift_up(struct heap *heap, struct heap_node *node)
{
    uint32_t index = node->index;
    while (index > 0) {
        uint32_t parent = (index - 1) / 2;
        if (heap->nodes[parent]->due_ms <= node->due_ms) break;
        place(heap, index, heap->nodes[parent]);
        index = parent;
    }
    place(heap, index, node);
}

static void sift_down(struct heap *heap, struct heap_node *node)
{
    uint32_t index = node->index;
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count && heap->nodes[child + 1]->due_ms < heap->nodes[child]->due_ms)
            child++;
        if (heap->nodes[child]->due_ms >= node->due_ms) break;
        place(heap, index, heap->nodes[child]);
        index = child;
    }
    place(heap, index, node);
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
            heap->nodes = memory_realloc(heap->nodes, heap->capacity * sizeof(struct heap_node *));
        }
        place(heap, heap->count++, node);
    }
    ensure(heap->nodes[node->index] == node);
    node->due_ms = due_ms;
    sift_up(heap, node);
    sift_down(heap, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (node->index == HEAP_INDEX_NONE) return;
    ensure(node->index < heap->count);
    ensure(heap->nodes[node->index] == node);

    struct heap_node *last = heap->nodes[--heap->count];
    if (last != node) {
        place(heap, node->index, last);
        sift_up(heap, last);
        sift_down(heap, last);
    }
    node->index = HEAP_INDEX_NONE;
}

struct heap_node *heap_peek(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->nodes[0];
}

struct heap_node *heap_take_due(struct heap *heap, time_ms now_ms)
{
    struct heap_node *node = heap_peek(heap);
    if (node == NULL || node->due_ms > now_ms) return NULL;
    heap_remove(heap, node);
    return node;
}

time_ms heap_due_ms(const struct heap *heap)
{
    return heap->count == 0 ? TIME_NEVER : heap->nodes[0]->due_ms;
}
