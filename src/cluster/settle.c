/* The frame around every step: what opens it, and what is done before it ends. Notices are handed
 * to those whom they concern, due deadlines are served, then what was asked for once is done
 * once: state, save, broadcast, CHANGED. */
#include "cluster/settle.h"

#include "cluster/rules.h"

/* The data side starts knowing nothing: a replica that comes back has to follow again. */
static void tell_role(struct cluster *cluster)
{
    cluster->is_role_told = true;
    const struct peer *primary = cluster->me->primary;
    if (primary == NULL) return;
    ensure(peer_is_replica(cluster->me));
    struct cluster_effect *effect = effects_add(cluster, CLUSTER_FOLLOW);
    effect->node = primary->id;
    effect->address = primary->address;
}

void step_begin(struct cluster *cluster, time_ms now_ms, time_ms wall_ms,
                struct cluster_effects *effects)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    ensure(cluster->effects == NULL);
    ensure(now_ms >= cluster->now_ms);
    cluster->now_ms = now_ms;
    cluster->wall_ms = wall_ms;
    cluster->effects = effects;
    cluster->reveals = false;
    if (!cluster->is_id_saved) {
        cluster->is_id_saved = true;
        cluster_save_first(cluster); /* a node id is durable before anybody hears it */
    }
    if (!cluster->is_role_told) tell_role(cluster);
}

/* --- notices --- */

static void on_role_changed(struct cluster *cluster, struct peer *unused)
{
    ensure(unused == NULL);
    election_on_primary_back(cluster);
    manual_on_role_changed(cluster);
    lineage_on_role_changed(cluster);
    vote_on_role_changed(cluster);
    const struct peer *primary = cluster->me->primary;
    if (primary != NULL && peer_is_failed(primary)) election_on_primary_failed(cluster);
}

static void on_slots_restored(struct cluster *cluster, struct peer *unused)
{
    ensure(unused == NULL);
    vote_on_role_changed(cluster);
    lineage_on_slots_restored(cluster);
}

static void on_peer_failed(struct cluster *cluster, struct peer *peer)
{
    if (peer->is_removed || !peer_is_failed(peer)) return;
    ensure(peer != cluster->me);
    vote_on_peer_failed(cluster, peer);
    if (peer == cluster->me->primary) election_on_primary_failed(cluster);
}

static void on_peer_back(struct cluster *cluster, struct peer *peer)
{
    if (peer->is_removed || peer_is_failed(peer)) return;
    ensure(peer != cluster->me);
    if (peer == cluster->me->primary) election_on_primary_back(cluster);
}

static void on_peer_placed(struct cluster *cluster, struct peer *peer)
{
    if (peer->is_removed) return;
    ensure(peer != cluster->me);
    formation_on_peer(cluster, peer);
}

static void on_peer_restarted(struct cluster *cluster, struct peer *peer)
{
    if (peer->is_removed) return;
    ensure(peer != cluster->me);
    lease_on_new_incarnation(cluster, peer);
    election_on_new_incarnation(cluster, peer);
    formation_on_peer(cluster, peer);
}

static void on_peer_removed(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->is_removed);
    election_on_peer_removed(cluster, peer);
    vote_on_peer_removed(cluster, peer);
    manual_on_peer_removed(cluster, peer);
    lease_on_peer_removed(cluster, peer);
    formation_on_peer_removed(cluster, peer);
    lineage_on_peer_removed(cluster, peer);
    migration_on_peer_removed(cluster, peer);
}

static void (*const notice_handlers[])(struct cluster *, struct peer *) = {
    [NOTICE_ROLE_CHANGED] = on_role_changed,     [NOTICE_PEER_FAILED] = on_peer_failed,
    [NOTICE_PEER_BACK] = on_peer_back,           [NOTICE_PEER_PLACED] = on_peer_placed,
    [NOTICE_PEER_RESTARTED] = on_peer_restarted, [NOTICE_PEER_REMOVED] = on_peer_removed,
    [NOTICE_SLOTS_RESTORED] = on_slots_restored,
};

static void hand_out_notices(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->notice_count; i++) {
        struct notice notice = cluster->notices[i]; /* handlers may add more */
        ensure((size_t)notice.kind < COUNT_OF(notice_handlers));
        notice_handlers[notice.kind](cluster, notice.peer);
    }
    cluster->notice_count = 0;
}

/* --- deadlines --- */

static void on_state_due(struct cluster *cluster)
{
    ensure(cluster->me != NULL);
    cluster->state_is_due = true;
}

static void on_save_due(struct cluster *cluster)
{
    ensure(cluster->me != NULL);
    /* The step saves before it ends, if that is still wanted. */
}

static void (*const deadline_handlers[DEADLINE_COUNT])(struct cluster *) = {
    [DEADLINE_SECOND] = heartbeat_on_second,
    [DEADLINE_STATE] = on_state_due,
    [DEADLINE_SAVE] = on_save_due,
    [DEADLINE_ELECTION] = election_on_deadline,
    [DEADLINE_VOTE] = vote_on_deadline,
    [DEADLINE_MANUAL] = manual_on_deadline,
    [DEADLINE_MIGRATION] = migration_on_deadline,
    [DEADLINE_LEASE] = lease_on_deadline,
    [DEADLINE_FORMATION] = formation_on_deadline,
    [DEADLINE_LINEAGE] = lineage_on_deadline,
};

static bool serve_one_deadline(struct cluster *cluster)
{
    struct heap_node *node = heap_take_due(&cluster->deadlines, cluster->now_ms);
    if (node == NULL) return false;
    struct deadline *deadline = CONTAINER_OF(node, struct deadline, node);
    if (deadline->kind == DEADLINE_PEER) {
        heartbeat_on_due(cluster, CONTAINER_OF(deadline, struct peer, deadline));
    } else {
        ensure(deadline_handlers[deadline->kind] != NULL);
        deadline_handlers[deadline->kind](cluster);
    }
    return true;
}

/* --- the end --- */

static void settle(struct cluster *cluster)
{
    /* A rule that is due again at the moment in which it was served would spin for ever. */
    uint64_t rounds_max = 64 + 16 * (uint64_t)cluster->peer_count;
    do {
        ensure(rounds_max-- > 0);
        hand_out_notices(cluster);
        if (cluster->state_is_due) {
            lease_on_voters_changed(cluster);
            state_update(cluster);
        }
    } while (cluster->notice_count > 0 || serve_one_deadline(cluster) || cluster->state_is_due ||
             cluster->notice_count > 0);
}

/* A thousand nodes that become known one by one must not mean a thousand synced files: what
 * reveals nothing may wait a little, and what a crash loses of it is learnt again. So it may also
 * wait for a slow disk. What an operator was told to be done is never kept waiting. */
#define SAVE_APART_MS 100

static void save_if_wanted(struct cluster *cluster, bool is_order)
{
    if (!cluster->save_is_wanted) return;
    time_ms last_ms = MAX(cluster->saved_ms, cluster->save_failed_ms);
    bool is_soon = last_ms != 0 && cluster->now_ms < last_ms + SAVE_APART_MS;
    if (is_soon && !is_order) {
        cluster_deadline_set(cluster, DEADLINE_SAVE, last_ms + SAVE_APART_MS);
        return;
    }
    bool reveals = cluster->reveals;
    cluster->save_is_wanted = false;
    cluster->saved_ms = cluster->now_ms;
    cluster->reveals = false;
    effects_add(cluster, CLUSTER_SAVE)->may_wait = !is_order;
    cluster->reveals = reveals;
    ensure(!cluster->save_is_wanted);
}

void step_end(struct cluster *cluster, bool is_order)
{
    settle(cluster);
    if (cluster->pong_to_all || cluster->pong_to_voters || cluster->pong_to_shard)
        gossip_broadcast_pong(cluster);
    cluster->pong_to_all = cluster->pong_to_voters = cluster->pong_to_shard = false;
    lease_refresh(cluster);
    if (cluster->changed) effects_add(cluster, CLUSTER_CHANGED);
    cluster->changed = false;
    save_if_wanted(cluster, is_order);
    peers_bury(cluster);
    ensure(cluster->notice_count == 0);
    cluster->effects = NULL;
}
