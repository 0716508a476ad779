/* Numbers by number: what the node's tables are made of. */
#ifndef EIR_NODE_NUMBER_MAP_H
#define EIR_NODE_NUMBER_MAP_H

#include "base/units.h"

struct number_map_slot {
    uint64_t key; /* 0: free */
    uint64_t value;
};

/* Open addressing; keys are not 0. All zero is an empty map. */
struct number_map {
    struct number_map_slot *slots; /* owned */
    size_t capacity;               /* a power of two */
    size_t count;
};

void number_map_fini(struct number_map *map);
void number_map_put(struct number_map *map, uint64_t key, uint64_t value);
/* 0 when absent. */
uint64_t number_map_get(const struct number_map *map, uint64_t key);
void number_map_remove(struct number_map *map, uint64_t key);

#endif
