/* The voters among the known nodes, kept apart: lease, state and elections ask them again and
 * again, and in a cluster of a thousand nodes they are the smaller part. */
#include "cluster/internal.h"

const struct voters *cluster_voters(const struct cluster *cluster)
{
    struct voters *voters = cluster->voters;
    if (!voters->is_stale) return voters;
    voters->is_stale = false;
    voters->count = 0;
    if (voters->capacity < cluster->peer_capacity) {
        voters->capacity = cluster->peer_capacity;
        voters->items = memory_realloc(voters->items, voters->capacity * sizeof(*voters->items));
    }
    PEERS_EACH(cluster, peer)
    if (peer_is_voter(peer)) voters->items[voters->count++] = peer;
    ensure(voters->count == cluster->size);
    return voters;
}

void voters_fini(struct cluster *cluster)
{
    if (cluster->voters == NULL) return;
    memory_free(cluster->voters->items);
    memory_free(cluster->voters);
    cluster->voters = NULL;
}
