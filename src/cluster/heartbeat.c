/* Heartbeat: does what is due about one node (schedule.c says when), and what links report. */
#include "cluster/rules.h"

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
    if (heartbeat_is_due(cluster, peer, DUE_HANDSHAKE)) {
        trace(cluster, LOG_LEVEL_VERBOSE, "nobody answered at %s:%u", peer->address.ip,
              (unsigned)peer->address.bus_port);
        peer_forget(cluster, peer);
        return;
    }
    if (heartbeat_is_due(cluster, peer, DUE_SILENT)) failure_on_silence(cluster, peer);
    if (heartbeat_is_due(cluster, peer, DUE_REVIEW)) failure_review(cluster, peer);
    if (heartbeat_is_due(cluster, peer, DUE_TELL)) failure_tell(cluster, peer);
    if (heartbeat_is_due(cluster, peer, DUE_STUCK)) drop_stuck_link(cluster, peer);
    if (heartbeat_is_due(cluster, peer, DUE_CONNECT)) link_connect(cluster, peer);
    if (heartbeat_is_due(cluster, peer, DUE_MEET)) meet_again(cluster, peer);
    if (heartbeat_is_due(cluster, peer, DUE_PING)) gossip_send_ping(cluster, peer);
    heartbeat_schedule(cluster, peer);
}

/* Once a second: among five nodes drawn at random, the one with the oldest PONG. */
void heartbeat_on_second(struct cluster *cluster)
{
    ensure(cluster->peer_count > 0);
    cluster_deadline_set(cluster, DEADLINE_SECOND, cluster->now_ms + 1000);
    if (cluster->options.skips_random_ping) return;
    struct peer *oldest = NULL;
    for (int draw = 0; draw < 5; draw++) {
        struct peer *peer = cluster->peers[prng_below(&cluster->prng, cluster->peer_count)];
        if (peer == cluster->me || (peer->flags & NODE_HANDSHAKE) || peer->ping_sent_ms != 0)
            continue;
        if (!peer_is_connected(peer)) continue;
        if (oldest == NULL || peer->pong_received_ms < oldest->pong_received_ms) oldest = peer;
    }
    if (oldest != NULL) gossip_send_ping(cluster, oldest);
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

/* A node that starts and knows a thousand others connects to all of them at once. It need not PING
 * them in the same moment, as they need not all answer it then: what nodes.conf names, and nobody
 * suspects, is greeted within a quarter of a timeout. Then every link has spoken long before its
 * silence could mean anything. My own shard is greeted at once, and voters are by lease.c. */
static bool may_greet_later(const struct cluster *cluster, const struct peer *peer)
{
    if (cluster->options.is_classic || cluster->peer_count <= CROWD) return false;
    if (!peer->may_wait || peer->answered_ms != 0 || peer->flags & NODE_MEET) return false;
    if (!peer_is_healthy(peer) || formation_is_open(cluster)) return false;
    return !peers_share_shard(peer, cluster->me);
}

void heartbeat_on_link_up(struct cluster *cluster, struct peer *peer)
{
    ensure(peer_is_connected(peer));
    peer->evidence.refused_first_ms = 0; /* somebody listens */
    bool is_later = may_greet_later(cluster, peer);
    peer->may_wait = false;
    if (!is_later) {
        gossip_send_ping(cluster, peer);
        return;
    }
    uint64_t spread_ms = (uint64_t)cluster->options.node_timeout_ms / 4 + 1;
    peer->outbound->greet_after_ms = 1 + (uint32_t)prng_below(&cluster->prng, spread_ms);
    peer->ping_sent_ms = 0; /* it was connected to, not asked yet */
    heartbeat_schedule(cluster, peer);
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
