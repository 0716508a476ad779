/* Primaries with slots, without a walk over all nodes. */
#ifndef EIR_CLUSTER_VOTERS_H
#define EIR_CLUSTER_VOTERS_H

#include "cluster/peer.h"

struct cluster;

struct voters {
    struct peer **items; /* owned; in the order of the table */
    uint32_t count;
    uint32_t capacity;
    bool is_stale;
};

const struct voters *cluster_voters(const struct cluster *cluster);
void voters_fini(struct cluster *cluster);

#define VOTERS_EACH(cluster, name)                                                                 \
    for (uint32_t name##_at = 0; name##_at < cluster_voters(cluster)->count; name##_at++)          \
        for (struct peer *name = (cluster)->voters->items[name##_at]; name != NULL; name = NULL)

#endif
