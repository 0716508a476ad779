/* Epochs: whose word about slots is newer. They only ever grow. */
#include "cluster/rules.h"

unsigned cluster_quorum(const struct cluster *cluster)
{
    return cluster->size / 2 + 1;
}

uint64_t epochs_highest(const struct cluster *cluster)
{
    uint64_t highest = cluster->current_epoch;
    PEERS_EACH(cluster, peer) if (peer->config_epoch > highest) highest = peer->config_epoch;
    ensure(highest >= cluster->me->config_epoch);
    return highest;
}

bool epochs_bump(struct cluster *cluster)
{
    uint64_t highest = epochs_highest(cluster);
    struct peer *me = cluster->me;
    if (me->config_epoch != 0 && me->config_epoch == highest) return false;
    ensure(highest < UINT64_MAX);
    cluster->current_epoch = highest + 1;
    me->config_epoch = cluster->current_epoch;
    cluster_save_first(cluster);
    cluster_changed(cluster);
    trace(cluster, LOG_LEVEL_NOTICE, "config epoch raised to %llu without a vote",
          (unsigned long long)me->config_epoch);
    return true;
}

void epochs_on_header(struct cluster *cluster, struct peer *sender,
                      const struct cluster_message *message)
{
    ensure(sender != cluster->me);
    if (message->current_epoch > cluster->current_epoch) {
        cluster->current_epoch = message->current_epoch;
        cluster_save_later(cluster);
    }
    /* A replica shows its primary's epoch: its own stays what it was. */
    if (message->config_epoch <= sender->config_epoch) return;
    sender->config_epoch = message->config_epoch;
    if (cluster->current_epoch < message->config_epoch)
        cluster->current_epoch = message->config_epoch;
    cluster_save_later(cluster);
    cluster_changed(cluster);
}

void epochs_on_collision(struct cluster *cluster, const struct peer *sender)
{
    struct peer *me = cluster->me;
    if (!peer_is_primary(sender) || !peer_is_primary(me)) return;
    if (formation_is_open(cluster)) return; /* the plan gives each its epoch */
    if (sender->config_epoch != me->config_epoch) return;
    if (node_id_compare(&sender->id, &me->id) <= 0) return;
    cluster->current_epoch++;
    ensure(cluster->current_epoch > me->config_epoch);
    me->config_epoch = cluster->current_epoch;
    cluster_save_first(cluster);
    cluster_changed(cluster);
    trace(cluster, LOG_LEVEL_VERBOSE, "config epoch collision with " ID_FORMAT ": mine is %llu now",
          ID_TEXT(sender->id), (unsigned long long)me->config_epoch);
}
