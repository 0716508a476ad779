/* A set of slots that never changes and is shared: by a node, by the packets that show it, and by
 * whoever took them in. 2 KB travel in every header, but in a cluster of a thousand nodes each set
 * exists once a process, and a claim that is known already is known by its address. */
#ifndef EIR_CLUSTER_SLOT_MAP_H
#define EIR_CLUSTER_SLOT_MAP_H

#include "cluster/types.h"

struct slot_map {
    uint32_t references; /* owners beyond the first */
    struct slot_set set;
};

/* NULL, everywhere below: the empty set. */
struct slot_map *slot_map_create(const struct slot_set *set);
struct slot_map *slot_map_share(struct slot_map *map);           /* one more owner */
void slot_map_destroy(struct slot_map *map);                     /* frees it with its last owner */
const struct slot_set *slot_map_set(const struct slot_map *map); /* borrowed */

#endif
