/* What a node claims, as one bitmap for all packets that show it. cluster->owner is the truth, an
 * index a slot. A bitmap is drawn from it only when somebody wants one, because most nodes never
 * need those of the others: a claim that equals what is bound brings its own. */
#include "cluster/internal.h"

struct slot_map *peer_slot_map(const struct cluster *cluster, struct peer *peer)
{
    if (peer->slots != NULL || peer->slot_count == 0) return peer->slots;
    struct slot_set set = { { 0 } };
    unsigned left = peer->slot_count;
    for (unsigned slot = 0; left > 0; slot++) {
        ensure(slot < SLOT_COUNT);
        if (cluster->owner[slot] != (int16_t)peer->index) continue;
        slot_set_add(&set, slot);
        left--;
    }
    peer->slots = slot_map_create(&set);
    return peer->slots;
}

const struct slot_set *peer_slots(const struct cluster *cluster, struct peer *peer)
{
    return slot_map_set(peer_slot_map(cluster, peer));
}

void peer_share_slots(struct peer *peer, struct slot_map *map)
{
    if (peer->slots == map || peer->slot_count == 0) return;
    ensure(map != NULL);
    slot_map_destroy(peer->slots);
    peer->slots = slot_map_share(map);
}
