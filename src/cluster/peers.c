/* The table of known nodes, and which slot is bound to which of them.
 *
 * Nodes stand in an array, this one first, and are found by id through a table of keyed hashes:
 * gossip names a hundred of them in every packet. `owner` holds an index a slot; an owner that has
 * shown its claim also keeps that bitmap, so that an unchanged claim is one comparison. */
#include "cluster/internal.h"

static uint64_t key_of(const struct cluster *cluster, const struct node_id *id)
{
    return hash_bytes(&cluster->hash_key, bytes_of(id->hex, NODE_ID_SIZE));
}

struct peer *peers_find(const struct cluster *cluster, const struct node_id *id)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    struct peer *peer = directory_find(&cluster->peers_by_id, key_of(cluster, id));
    if (peer == NULL || !node_id_equal(&peer->id, id)) return NULL;
    ensure(!peer->is_removed);
    return peer;
}

/* A hundred look-ups after each other are a hundred waits for memory; in stages they overlap. */
void peers_find_batch(const struct cluster *cluster, const struct gossip *entries, uint32_t count,
                      struct peer *found[PEERS_BATCH_MAX])
{
    ensure(count <= PEERS_BATCH_MAX);
    uint64_t keys[PEERS_BATCH_MAX];
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = key_of(cluster, &entries[i].id);
        directory_prefetch(&cluster->peers_by_id, keys[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        found[i] = directory_find(&cluster->peers_by_id, keys[i]);
        if (found[i] == NULL) continue;
        __builtin_prefetch(&found[i]->id);
        __builtin_prefetch(&found[i]->flags);
    }
    for (uint32_t i = 0; i < count; i++)
        if (found[i] != NULL && !node_id_equal(&found[i]->id, &entries[i].id)) found[i] = NULL;
}

struct peer *peers_add(struct cluster *cluster, const struct node_id *id, uint16_t flags)
{
    ensure(!node_id_is_none(id));
    ensure(cluster->peer_count < PEER_COUNT_MAX);
    if (cluster->peer_count == cluster->peer_capacity) {
        cluster->peer_capacity = cluster->peer_capacity == 0 ? 8 : cluster->peer_capacity * 2;
        cluster->peers =
            memory_realloc(cluster->peers, cluster->peer_capacity * sizeof(*cluster->peers));
    }
    struct peer *peer = memory_alloc_zero(sizeof(*peer));
    heap_node_init(&peer->deadline.node);
    peer->deadline.kind = DEADLINE_PEER;
    peer->id = *id;
    peer->flags = flags;
    peer->created_ms = cluster->now_ms;
    peer->inbound_lost_ms = cluster->now_ms;
    peer->reconnect_ms = cluster->now_ms;
    peer->index = (uint16_t)cluster->peer_count;
    cluster->peers[cluster->peer_count++] = peer;
    directory_put(&cluster->peers_by_id, key_of(cluster, id), peer);
    return peer;
}

/* The index of a node that moves to a hole stands in `owner` for each of its slots. */
static void peer_move(struct cluster *cluster, struct peer *peer, uint32_t index)
{
    ensure(index < cluster->peer_count);
    unsigned left = peer->slot_count;
    for (unsigned slot = 0; left > 0; slot++) {
        if (cluster->owner[slot] != (int16_t)peer->index) continue;
        cluster->owner[slot] = (int16_t)index;
        left--;
    }
    peer->index = (uint16_t)index;
    cluster->peers[index] = peer;
}

static void suspects_add(struct cluster *cluster, struct peer *peer)
{
    if (cluster->suspect_count == cluster->suspect_capacity) {
        cluster->suspect_capacity = MAX(8, cluster->suspect_capacity * 2);
        cluster->suspects = memory_realloc(cluster->suspects,
                                           cluster->suspect_capacity * sizeof(*cluster->suspects));
    }
    cluster->suspects[cluster->suspect_count++] = peer;
}

static void suspects_remove(struct cluster *cluster, const struct peer *peer)
{
    uint32_t at = 0;
    while (cluster->suspects[at] != peer) at++;
    ensure(at < cluster->suspect_count);
    cluster->suspects[at] = cluster->suspects[--cluster->suspect_count];
}

void peer_set_health(struct cluster *cluster, struct peer *peer, uint16_t health)
{
    ensure(health == 0 || health == NODE_PFAIL || health == NODE_FAIL);
    bool was_suspect = peer_is_suspect(peer);
    peer->flags = (uint16_t)((peer->flags & ~(NODE_PFAIL | NODE_FAIL)) | health);
    if (was_suspect && !peer_is_suspect(peer)) suspects_remove(cluster, peer);
    if (!was_suspect && peer_is_suspect(peer)) suspects_add(cluster, peer);
    /* State and lease look at owners of slots alone. */
    if (peer->slot_count > 0) cluster->state_is_due = true;
    cluster_changed(cluster);
}

void peers_remove(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    ensure(!peer->is_removed);
    ensure(peer->slot_count == 0);
    ensure(peer->outbound == NULL && peer->inbound == NULL);
    peer_set_health(cluster, peer, 0);
    directory_remove(&cluster->peers_by_id, key_of(cluster, &peer->id));
    heap_remove(&cluster->deadlines, &peer->deadline.node);
    reports_clear(peer);

    cluster->voters->is_stale = true; /* another one takes its place in the table */
    struct peer *last = cluster->peers[cluster->peer_count - 1];
    if (last != peer) peer_move(cluster, last, peer->index);
    cluster->peer_count--;

    peer->is_removed = true;
    if (cluster->removed_count == cluster->removed_capacity) {
        cluster->removed_capacity =
            cluster->removed_capacity == 0 ? 8 : cluster->removed_capacity * 2;
        cluster->removed =
            memory_realloc(cluster->removed, cluster->removed_capacity * sizeof(*cluster->removed));
    }
    cluster->removed[cluster->removed_count++] = peer;
    cluster_notice(cluster, NOTICE_PEER_REMOVED, peer);
}

static void peer_free(struct peer *peer)
{
    ensure(peer != NULL);
    reports_clear(peer);
    slot_map_destroy(peer->slots);
    memory_free(peer->texts);
    memory_free(peer);
}

void peers_bury(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->removed_count; i++) {
        ensure(cluster->removed[i]->is_removed);
        peer_free(cluster->removed[i]);
    }
    cluster->removed_count = 0;
}

void peers_fini(struct cluster *cluster)
{
    peers_bury(cluster);
    for (uint32_t i = 0; i < cluster->peer_count; i++) peer_free(cluster->peers[i]);
    cluster->peer_count = 0;
    memory_free(cluster->peers);
    memory_free(cluster->suspects);
    memory_free(cluster->removed);
    directory_fini(&cluster->peers_by_id);
}

void peers_rename(struct cluster *cluster, struct peer *peer, const struct node_id *id)
{
    ensure(peers_find(cluster, id) == NULL);
    directory_remove(&cluster->peers_by_id, key_of(cluster, &peer->id));
    peer->id = *id;
    directory_put(&cluster->peers_by_id, key_of(cluster, id), peer);
}

void peer_ping_soon(struct cluster *cluster, struct peer *peer)
{
    if (peer == cluster->me) return;
    ensure(!peer->is_removed);
    peer->wants_ping = true;
    heap_set(&cluster->deadlines, &peer->deadline.node, cluster->now_ms);
}

struct peer_texts *peer_texts_for_write(struct peer *peer)
{
    ensure(!peer->is_removed);
    if (peer->texts == NULL) peer->texts = memory_alloc_zero(sizeof(*peer->texts));
    return peer->texts;
}

struct peer *peer_shard_primary(struct peer *peer)
{
    if (!peer_is_replica(peer) || peer->primary == NULL) return peer;
    ensure(peer->primary != peer);
    return peer->primary;
}

bool peers_share_shard(const struct peer *a, const struct peer *b)
{
    ensure(a != NULL && b != NULL);
    return node_id_equal(&a->shard_id, &b->shard_id);
}

struct peer *slot_owner(const struct cluster *cluster, unsigned slot)
{
    ensure(slot < SLOT_COUNT);
    int index = cluster->owner[slot];
    if (index < 0) return NULL;
    ensure((uint32_t)index < cluster->peer_count);
    return cluster->peers[index];
}

static void slots_redraw(struct peer *peer)
{
    slot_map_destroy(peer->slots);
    peer->slots = NULL;
}

static void slot_leave(struct cluster *cluster, struct peer *owner)
{
    ensure(owner->slot_count > 0);
    slots_redraw(owner);
    cluster->slots_assigned--;
    if (--owner->slot_count > 0) return;
    cluster->voters->is_stale = true;
    if (peer_is_primary(owner)) cluster->size--;
}

static void slot_join(struct cluster *cluster, struct peer *owner)
{
    slots_redraw(owner);
    ensure(owner->slot_count < SLOT_COUNT);
    cluster->slots_assigned++;
    if (owner->slot_count++ > 0) return;
    cluster->voters->is_stale = true;
    if (peer_is_primary(owner)) cluster->size++;
}

void slot_bind(struct cluster *cluster, unsigned slot, struct peer *owner)
{
    struct peer *before = slot_owner(cluster, slot);
    if (before == owner) return;
    if (before != NULL) slot_leave(cluster, before);
    if (owner != NULL) slot_join(cluster, owner);
    cluster->owner[slot] = owner == NULL ? -1 : (int16_t)owner->index;
    if (owner == cluster->me) cluster->had_slots = true;
    slot_set_remove(&cluster->unclaimed, slot);
    cluster->state_is_due = true;
    cluster_changed(cluster);
}

void slots_unbind_all(struct cluster *cluster, struct peer *owner)
{
    for (unsigned slot = 0; owner->slot_count > 0; slot++)
        if (slot_owner(cluster, slot) == owner) slot_bind(cluster, slot, NULL);
    ensure(owner->slots == NULL);
}

/* The only way to change the role bits: `size` counts voters and must follow. */
void peer_set_role(struct cluster *cluster, struct peer *peer, enum node_flag role)
{
    ensure(role == NODE_PRIMARY || role == NODE_REPLICA);
    bool was_voter = peer_is_voter(peer);
    peer->flags = (uint16_t)((peer->flags & ~(NODE_PRIMARY | NODE_REPLICA)) | role);
    if (was_voter != peer_is_voter(peer)) cluster->voters->is_stale = true;
    if (was_voter && !peer_is_voter(peer)) cluster->size--;
    if (!was_voter && peer_is_voter(peer)) cluster->size++;
}
