/* Who is a primary and who is whose replica: the changes of that, for this node and for others. */
#include "cluster/internal.h"

static void leave_primary(struct peer *peer)
{
    if (peer->primary == NULL) return;
    ensure(peer->primary->replica_count > 0);
    peer->primary->replica_count--;
    peer->primary = NULL;
}

static void join_primary(struct peer *peer, struct peer *primary)
{
    ensure(peer->primary == NULL);
    ensure(primary != peer);
    peer->primary = primary;
    primary->replica_count++;
    primary->flags |= NODE_MIGRATE_TO;
}

void peer_set_primary(struct cluster *cluster, struct peer *peer, struct peer *primary)
{
    ensure(peer != cluster->me);
    leave_primary(peer);
    if (primary == NULL) {
        peer_set_role(cluster, peer, NODE_PRIMARY);
        peer->flags &= (uint16_t)~NODE_PRIMARY_FAILED;
    } else {
        slots_unbind_all(cluster, peer);
        peer_set_role(cluster, peer, NODE_REPLICA);
        peer->flags &= (uint16_t)~NODE_MIGRATE_TO;
        join_primary(peer, primary);
        if (!peer->sends_extensions) peer->shard_id = primary->shard_id;
    }
    cluster->state_is_due = true;
    cluster_save_later(cluster);
    cluster_changed(cluster);
}

/* A replica of a primary that we do not know (yet). */
void peer_set_replica_of_unknown(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    leave_primary(peer);
    slots_unbind_all(cluster, peer);
    peer_set_role(cluster, peer, NODE_REPLICA);
    cluster->state_is_due = true;
    cluster_save_later(cluster);
    cluster_changed(cluster);
}

void moves_clear(struct cluster *cluster)
{
    ensure(cluster->move_count <= cluster->move_capacity);
    cluster->move_count = 0;
}

void role_restore(struct cluster *cluster, struct peer *peer, struct peer *primary)
{
    ensure(cluster->effects == NULL); /* nothing is decided here: nodes.conf says so */
    peer_set_role(cluster, peer, NODE_REPLICA);
    join_primary(peer, primary);
}

static void role_changed(struct cluster *cluster)
{
    cluster->state_is_due = true;
    cluster->pong_to_all = true;
    cluster_changed(cluster);
    cluster_notice(cluster, NOTICE_ROLE_CHANGED, NULL);
}

void role_follow(struct cluster *cluster, struct peer *primary)
{
    struct peer *me = cluster->me;
    ensure(primary != me);
    leave_primary(me);
    slots_unbind_all(cluster, me);
    moves_clear(cluster);
    peer_set_role(cluster, me, NODE_REPLICA);
    me->flags &= (uint16_t) ~(NODE_MIGRATE_TO | NODE_PRIMARY_FAILED);
    if (peer_is_failed(primary)) me->flags |= NODE_PRIMARY_FAILED;
    join_primary(me, primary);
    me->shard_id = primary->shard_id;

    cluster_save_first(cluster); /* a demotion is durable before data is dropped */
    struct cluster_effect *effect = effects_add(cluster, CLUSTER_FOLLOW);
    effect->node = primary->id;
    effect->address = primary->address;
    trace(cluster, LOG_LEVEL_NOTICE, "replica of " ID_FORMAT " now", ID_TEXT(primary->id));
    role_changed(cluster);
}

void role_lead(struct cluster *cluster)
{
    struct peer *me = cluster->me;
    leave_primary(me);
    peer_set_role(cluster, me, NODE_PRIMARY);
    me->flags &= (uint16_t)~NODE_PRIMARY_FAILED;
    cluster_save_first(cluster);
    effects_add(cluster, CLUSTER_LEAD);
    role_changed(cluster);
    ensure(peer_is_primary(me));
}

void role_promote(struct cluster *cluster, uint64_t config_epoch)
{
    struct peer *me = cluster->me;
    struct peer *old = me->primary;
    ensure(peer_is_replica(me) && old != NULL);
    ensure(config_epoch >= me->config_epoch);

    leave_primary(me);
    peer_set_role(cluster, me, NODE_PRIMARY);
    me->flags &= (uint16_t)~NODE_PRIMARY_FAILED;
    for (unsigned slot = 0; old->slot_count > 0; slot++)
        if (slot_owner(cluster, slot) == old) slot_bind(cluster, slot, me);
    me->config_epoch = config_epoch;
    /* A majority has just spoken: there is no older news to wait for (ok_from_ms). */
    cluster->had_slots_at_start = false;
    cluster->minority_ms = 0;
    if (cluster->current_epoch < config_epoch) cluster->current_epoch = config_epoch;

    cluster_save_first(cluster); /* the epoch and its slots, before the first packet or write */
    effects_add(cluster, CLUSTER_LEAD);
    trace(cluster, LOG_LEVEL_NOTICE, "primary of %u slots now, config epoch %llu",
          (unsigned)me->slot_count, (unsigned long long)config_epoch);
    role_changed(cluster);
}
