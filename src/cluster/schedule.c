/* When something is due about one node. Every node has one deadline in the heap, the earliest of
 * these; nothing walks over all nodes ten times a second.
 *
 *   connect again | PING (half a timeout after the last PONG) | drop a link that is stuck |
 *   suspect it (a timeout without an answer) | MEET it again | give up a handshake | clear FAIL */
#include "cluster/rules.h"

time_ms handshake_timeout_ms(const struct cluster *cluster)
{
    return MAX(cluster->options.node_timeout_ms, 1000);
}

static bool is_placeholder(const struct peer *peer)
{
    return (peer->flags & NODE_HANDSHAKE) != 0;
}

static time_ms half_timeout_ms(const struct cluster *cluster)
{
    return cluster->options.node_timeout_ms / 2;
}

static time_ms ping_due_ms(const struct cluster *cluster, const struct peer *peer)
{
    if (!peer_is_connected(peer)) return TIME_NEVER;
    /* Playing dead, see lineage.c: looked at again until that is over. */
    if (lineage_is_mute(cluster)) return cluster->now_ms + TICK_MS;
    if (peer->wants_ping) return cluster->now_ms;
    const struct link *link = peer->outbound;
    if (link->greet_after_ms != 0) return link->created_ms + link->greet_after_ms;
    if (peer->ping_sent_ms != 0) return TIME_NEVER;
    ensure(peer != cluster->me);
    return peer->pong_received_ms + half_timeout_ms(cluster) - peer->ping_early_ms;
}

/* A link that answers nothing is made anew: the old one may hang in a broken network path, or
 * wait long for its next retransmission in one that healed. What came in over the other link of
 * the pair says nothing about this one. */
static time_ms stuck_due_ms(const struct cluster *cluster, const struct peer *peer)
{
    if (peer->outbound == NULL || peer->ping_sent_ms == 0) return TIME_NEVER;
    time_ms half_ms = half_timeout_ms(cluster);
    time_ms silent_ms = MAX(peer->ping_sent_ms, peer->outbound->received_ms) + half_ms;
    return MAX(silent_ms, peer->outbound->created_ms + cluster->options.node_timeout_ms) + 1;
}

static time_ms silence_due_ms(const struct cluster *cluster, const struct peer *peer)
{
    if (peer->ping_sent_ms == 0 || !peer_is_healthy(peer) || is_placeholder(peer))
        return TIME_NEVER;
    ensure(peer->ping_sent_ms <= cluster->now_ms);
    return MAX(peer->ping_sent_ms, peer->data_received_ms) + cluster->options.node_timeout_ms + 1;
}

/* A node that never connects to me may have forgotten me, or never heard of me. */
static time_ms meet_due_ms(const struct cluster *cluster, const struct peer *peer)
{
    if (is_placeholder(peer) || peer->inbound != NULL || !peer_is_connected(peer))
        return TIME_NEVER;
    /* Of a node that is Eir the flags may not count yet: identity_is_apart. */
    if (!peer->is_eir && !(peer->flags & NODE_LIGHT_MODULE)) return TIME_NEVER;
    return MAX(peer->inbound_lost_ms, peer->meet_sent_ms) + handshake_timeout_ms(cluster);
}

static time_ms connect_due_ms(const struct cluster *cluster, const struct peer *peer)
{
    ensure(peer != cluster->me);
    if (peer->outbound != NULL || (peer->flags & NODE_NOADDR)) return TIME_NEVER;
    if (cluster->options.skips_reconnection) return TIME_NEVER;
    return peer->reconnect_ms;
}

static time_ms handshake_due_ms(const struct cluster *cluster, const struct peer *peer)
{
    if (!is_placeholder(peer)) return TIME_NEVER;
    return peer->created_ms + handshake_timeout_ms(cluster);
}

static time_ms tell_due_ms(const struct cluster *cluster, const struct peer *peer)
{
    ensure(peer != cluster->me);
    return peer->leaves_telling ? failure_tell_ms(peer) : TIME_NEVER;
}

static time_ms (*const due_ms_of[])(const struct cluster *, const struct peer *) = {
    [DUE_CONNECT] = connect_due_ms, [DUE_PING] = ping_due_ms,
    [DUE_STUCK] = stuck_due_ms,     [DUE_SILENT] = silence_due_ms,
    [DUE_MEET] = meet_due_ms,       [DUE_HANDSHAKE] = handshake_due_ms,
    [DUE_TELL] = tell_due_ms,       [DUE_REVIEW] = failure_review_ms,
};

bool heartbeat_is_due(const struct cluster *cluster, const struct peer *peer,
                      enum heartbeat_due due)
{
    ensure(due < DUE_COUNT);
    return due_ms_of[due](cluster, peer) <= cluster->now_ms;
}

void heartbeat_schedule(struct cluster *cluster, struct peer *peer)
{
    if (peer == cluster->me || peer->is_removed) return;
    time_ms due_ms = TIME_NEVER;
    for (unsigned due = 0; due < DUE_COUNT; due++)
        due_ms = MIN(due_ms, due_ms_of[due](cluster, peer));
    ensure(due_ms > 0);
    heap_set(&cluster->deadlines, &peer->deadline.node, due_ms);
}
