/* Compaction: keys move off memory that is to be vacated (base/slabs.h says which). */
#ifndef EIR_KEYSPACE_DEFRAG_H
#define EIR_KEYSPACE_DEFRAG_H

#include "keyspace/keyspace.h"

/* A place among all keys; all zero is the first. Keys that come while the walk is under way may be
 * left out. */
struct defrag_walk {
    uint32_t db;
    uint32_t slot;
    size_t bucket;
};

struct defrag_counts {
    uint64_t moved, left;           /* blocks of memory */
    uint64_t keys_moved, keys_left; /* keys of which one was moved, or none */
};

/* Looks at about `count` keys and adds to the counts. False when all were looked at. Pointers to
 * entries are not valid any more. */
bool keyspace_defrag_step(struct keyspace *keyspace, struct defrag_walk *walk, size_t count,
                          struct defrag_counts *counts);

#endif
