/* Heartbeat: what is due about one node, and when. Every node has one deadline in the heap, the
 * earliest of these; nothing walks over all nodes ten times a second.
 *
 *   connect again | PING (half a timeout after the last PONG) | drop a link that is stuck |
 *   suspect it (a timeout without an answer) | MEET it again | give up a handshake | clear FAIL */
#include "cluster/rules.h"

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
    if (peer->wants_ping) return cluster->now_ms;
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
    if (!(peer->flags & NODE_LIGHT_MODULE)) return TIME_NEVER;
    return MAX(peer->inbound_lost_ms, peer->meet_sent_ms) + handshake_timeout_ms(cluster);
}

static time_ms connect_due_ms(const struct peer *peer)
{
    if (peer->outbound != NULL || (peer->flags & NODE_NOADDR)) return TIME_NEVER;
    return peer->reconnect_ms;
}

static time_ms handshake_due_ms(const struct cluster *cluster, const struct peer *peer)
{
    if (!is_placeholder(peer)) return TIME_NEVER;
    return peer->created_ms + handshake_timeout_ms(cluster);
}

void heartbeat_schedule(struct cluster *cluster, struct peer *peer)
{
    if (peer == cluster->me || peer->is_removed) return;
    time_ms due_ms = connect_due_ms(peer);
    due_ms = MIN(due_ms, ping_due_ms(cluster, peer));
    due_ms = MIN(due_ms, stuck_due_ms(cluster, peer));
    due_ms = MIN(due_ms, silence_due_ms(cluster, peer));
    due_ms = MIN(due_ms, meet_due_ms(cluster, peer));
    due_ms = MIN(due_ms, handshake_due_ms(cluster, peer));
    due_ms = MIN(due_ms, failure_review_ms(cluster, peer));
    ensure(due_ms > 0);
    heap_set(&cluster->deadlines, &peer->deadline.node, due_ms);
}

static void meet_again(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->inbound == NULL);
    peer->meet_sent_ms = cluster->now_ms;
    peer->flags |= NODE_MEET;
    gossip_send_ping(cluster, peer);
}

static void drop_stuck_link(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->outbound != NULL);
    link_close(cluster, peer->outbound);
    peer->reconnect_ms = cluster->now_ms;
}

void heartbeat_on_due(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    time_ms now_ms = cluster->now_ms;
    if (handshake_due_ms(cluster, peer) <= now_ms) {
        trace(cluster, LOG_LEVEL_VERBOSE, "nobody answered at %s:%u", peer->address.ip,
              (unsigned)peer->address.bus_port);
        peer_forget(cluster, peer);
        return;
    }
    if (silence_due_ms(cluster, peer) <= now_ms) failure_on_silence(cluster, peer);
    if (failure_review_ms(cluster, peer) <= now_ms) failure_review(cluster, peer);
    if (stuck_due_ms(cluster, peer) <= now_ms) drop_stuck_link(cluster, peer);
    if (connect_due_ms(peer) <= now_ms) link_connect(cluster, peer);
    if (meet_due_ms(cluster, peer) <= now_ms) meet_again(cluster, peer);
    if (ping_due_ms(cluster, peer) <= now_ms) gossip_send_ping(cluster, peer);
    heartbeat_schedule(cluster, peer);
}

/* Once a second: among five nodes drawn at random, the one with the oldest PONG. */
void heartbeat_on_second(struct cluster *cluster)
{
    ensure(cluster->peer_count > 0);
    struct peer *oldest = NULL;
    for (int draw = 0; draw < 5; draw++) {
        struct peer *peer = cluster->peers[prng_below(&cluster->prng, cluster->peer_count)];
        if (peer == cluster->me || is_placeholder(peer) || peer->ping_sent_ms != 0) continue;
        if (!peer_is_connected(peer)) continue;
        if (oldest == NULL || peer->pong_received_ms < oldest->pong_received_ms) oldest = peer;
    }
    if (oldest != NULL) gossip_send_ping(cluster, oldest);
    cluster_deadline_set(cluster, DEADLINE_SECOND, cluster->now_ms + 1000);
}

/* --- what links report --- */

#define YOUNG_RETRY_MS 30 /* and up to 20 more: two refusals 30 ms apart are evidence */
#define OLD_RETRY_MS   500

/* Quick while a close is young, slower for a node that has been gone for long: it connects to
 * us when it returns, and that makes us connect at once. */
static time_ms retry_ms(struct cluster *cluster, const struct peer *peer)
{
    if (evidence_is_young(cluster, peer))
        return YOUNG_RETRY_MS + (time_ms)prng_below(&cluster->prng, 21);
    if (cluster->options.is_classic) return 1 + (time_ms)prng_below(&cluster->prng, TICK_MS);
    if (!peer_is_failed(peer)) return TICK_MS;
    ensure(peer->failed_ms <= cluster->now_ms);
    return cluster->now_ms - peer->failed_ms > 10 * 1000 ? OLD_RETRY_MS : TICK_MS;
}

void heartbeat_on_link_up(struct cluster *cluster, struct peer *peer)
{
    ensure(peer_is_connected(peer));
    peer->evidence.refused_first_ms = 0; /* somebody listens */
    gossip_send_ping(cluster, peer);
}

void heartbeat_on_link_lost(struct cluster *cluster, struct peer *peer, time_ms lived_ms)
{
    ensure(lived_ms >= 0);
    /* At once; but who accepts and closes again and again must not keep us spinning. */
    bool is_hasty = lived_ms < TICK_MS || cluster->options.is_classic;
    peer->reconnect_ms = cluster->now_ms + (is_hasty ? retry_ms(cluster, peer) : 0);
    heartbeat_schedule(cluster, peer);
}

void heartbeat_on_refused(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->outbound == NULL);
    peer->reconnect_ms = cluster->now_ms + retry_ms(cluster, peer);
    heartbeat_schedule(cluster, peer);
}
