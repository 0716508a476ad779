/* Active defragmentation of the keyspace, and what the allocators hold without use. */
#ifndef EIR_NODE_DEFRAG_H
#define EIR_NODE_DEFRAG_H

#include "base/memory.h"
#include "node/internal.h"

void defrag_turn(struct node *node);
time_ms defrag_deadline(const struct node *node);
/* As memory_stats_read, but holes in slabs are not allocated. */
void defrag_measure(struct memory_stats *stats);

#endif
