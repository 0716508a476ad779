/* The nodes of a cluster, and tags that lead to their slots. */
#ifndef EIR_TOOLS_BENCHMARK_CLUSTER_H
#define EIR_TOOLS_BENCHMARK_CLUSTER_H

#include "base/digest.h"
#include "tools/benchmark_link.h"
#include "tools/benchmark_load.h"

#define CLUSTER_NODES_MAX 4096

struct cluster_node {
    struct socket_address address;
    char id[64];
    bool is_replica;
    uint8_t slots[SLOT_COUNT / 8]; /* of a replica: those of its primary */
};

struct cluster_map {
    struct cluster_node *nodes; /* owned */
    size_t count;
};

/* Asks CLUSTER SLOTS; false: `failure` says why. A node without a name of its own is where we
 * asked. */
bool cluster_map_read(struct cluster_map *map, struct benchmark_link *link,
                      const struct socket_address *asked, char *failure, size_t failure_size);
void cluster_map_fini(struct cluster_map *map);
const struct cluster_node *cluster_map_find(const struct cluster_map *map,
                                            const struct socket_address *address);

/* A tag for every slot: SLOT_COUNT times TAG_LETTERS letters, owned by the caller. */
char *cluster_tags_create(void);
/* Those of the node's slots, owned by the caller: request_tags_destroy. */
struct request_tags *cluster_node_tags(const struct cluster_node *node, const char *all_tags);
void request_tags_destroy(struct request_tags *tags);

#endif
