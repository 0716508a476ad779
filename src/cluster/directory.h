/* Finds things by a 64-bit key: open addressing, linear probing, grows by doubling.
 *
 * Keys of outsiders are hashed with a secret before they come here (peers.c); numbers of links
 * are our own or the shell's. The table owns nothing it points to. */
#ifndef EIR_CLUSTER_DIRECTORY_H
#define EIR_CLUSTER_DIRECTORY_H

#include "base/units.h"

struct directory_cell {
    uint64_t key;
    void *value; /* NULL: free */
};

/* All zero is a valid empty table. */
struct directory {
    struct directory_cell *cells; /* owned */
    uint32_t count;
    uint32_t capacity; /* a power of two, or 0 */
};

void directory_fini(struct directory *directory);
/* The key must not be there yet; the value must not be NULL. */
void directory_put(struct directory *directory, uint64_t key, void *value);
/* NULL when absent. */
void *directory_find(const struct directory *directory, uint64_t key);
/* Brings the place of the key near, for a look-up a little later. */
void directory_prefetch(const struct directory *directory, uint64_t key);
/* Harmless when absent. */
void directory_remove(struct directory *directory, uint64_t key);

#endif
