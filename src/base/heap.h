/* Deadlines in order: an intrusive binary min-heap of times. */
#ifndef EIR_BASE_HEAP_H
#define EIR_BASE_HEAP_H

#include "base/units.h"

#define HEAP_INDEX_NONE UINT32_MAX

/* Lives in the element; initialise with heap_node_init before first use. */
struct heap_node {
    time_ms due_ms;
    uint32_t index; /* place in the heap or HEAP_INDEX_NONE */
};

/* The time stands beside the pointer, so that a comparison touches no element. */
struct heap_place {
    time_ms due_ms;
    struct heap_node *node; /* borrowed */
};

struct heap {
    struct heap_place *places; /* owned; the elements are not */
    uint32_t count;
    uint32_t capacity;
};

void heap_init(struct heap *heap);
void heap_fini(struct heap *heap);
/* Gives the memory back and leaves the nodes as they are: they are about to go as well. */
void heap_forget(struct heap *heap);
void heap_node_init(struct heap_node *node);

/* Inserts the node or moves it to its new time; TIME_NEVER removes it. */
void heap_set(struct heap *heap, struct heap_node *node, time_ms due_ms);
void heap_remove(struct heap *heap, struct heap_node *node); /* harmless when not in it */
/* The earliest node or NULL; borrowed. */
struct heap_node *heap_peek(const struct heap *heap);
/* The earliest node that is due at `now_ms`, removed, or NULL. */
struct heap_node *heap_take_due(struct heap *heap, time_ms now_ms);
/* When the earliest is due, TIME_NEVER when empty. */
time_ms heap_due_ms(const struct heap *heap);

#endif
