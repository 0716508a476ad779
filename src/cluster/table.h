/* Finds things by a 64-bit key: open addressing, linear probing, grows by doubling.
 *
 * Keys of outsiders are hashed with a secret before they come here (peers.c); numbers of links
 * are our own or the shell's. The table owns nothing it points to. */
#ifndef EIR_CLUSTER_TABLE_H
#define EIR_CLUSTER_TABLE_H

#include "base/units.h"

struct table_cell {
    uint64_t key;
    void *value; /* NULL: free */
};

/* All zero is a valid empty table. */
struct table {
    struct table_cell *cells; /* owned */
    uint32_t count;
    uint32_t capacity; /* a power of two, or 0 */
};

void table_fini(struct table *table);
/* The key must not be there yet; the value must not be NULL. */
void table_put(struct table *table, uint64_t key, void *value);
/* NULL when absent. */
void *table_find(const struct table *table, uint64_t key);
/* Harmless when absent. */
void table_remove(struct table *table, uint64_t key);

#endif
