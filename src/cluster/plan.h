/* The plan of a formation: what a set of members becomes, from the set alone, so that every member
 * finds the same plan without another word. */
#ifndef EIR_CLUSTER_PLAN_H
#define EIR_CLUSTER_PLAN_H

#include "cluster/eir_messages.h"

struct plan_shape {
    char name[FORMATION_NAME_MAX + 1];
    uint32_t shards;
    uint32_t replicas_per_shard;
};

/* How many nodes a set of this shape has; 0 when the shape asks for none or for too many. */
uint32_t plan_size(const struct plan_shape *shape);
bool plan_shape_equal(const struct plan_shape *a, const struct plan_shape *b);

/* Names a set, and becomes the cluster's id: the first 8 bytes of SHA-256 over name, shape, round
 * and the ids of its plan_size members in their order. Never 0. */
uint64_t plan_number(const struct plan_shape *shape, uint32_t round,
                     const struct formation_member *members);

struct plan_place {
    uint32_t shard;
    bool is_primary;
};

/* One place for each of the plan_size members (sorted by id): primaries first spread over hosts,
 * then replicas on other hosts than the nodes of their shard, as far as the hosts allow. */
void plan_make(const struct plan_shape *shape, const struct formation_member *members,
               struct plan_place *places);
/* The slots of a shard: even ranges, as valkey-cli --cluster create gives them. */
void plan_slots(uint32_t shards, uint32_t shard, unsigned *first, unsigned *last);

#endif
