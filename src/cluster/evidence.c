/* Hard evidence that a process is dead (design.md 4): its links broke from its side and nobody
 * listens on its port any more.
 *
 * All of it must hold: links with this incarnation were up in this run; none is open now in
 * either direction; the peer closed at least one; two connects at least 30 ms apart were refused.
 * A reset, an unreachable host or a time-out is what a partition looks like, and proves nothing.
 * It counts only against a primary that somebody can replace at once. */
#include "cluster/rules.h"

#define REFUSED_APART_MS 30
/* For so long after a close, connects are tried again quickly (heartbeat.c). */
#define YOUNG_MS 1000

static void evidence_reset(struct evidence *evidence)
{
    *evidence = (struct evidence){ 0 };
    ensure(!evidence->is_hard);
}

bool evidence_is_young(const struct cluster *cluster, const struct peer *peer)
{
    if (cluster->options.is_classic || peer->evidence.closed_ms == 0) return false;
    ensure(peer->evidence.closed_ms <= cluster->now_ms);
    return cluster->now_ms - peer->evidence.closed_ms < YOUNG_MS;
}

static void forget_process(struct cluster *cluster, struct peer *peer)
{
    evidence_reset(&peer->evidence);
    memset(peer->pings, 0, sizeof(peer->pings));
    cluster_notice(cluster, NOTICE_PEER_RESTARTED, peer);
}

/* Its files were taken over by a Valkey server: what it promised and could do is gone. */
static void become_valkey(struct cluster *cluster, struct peer *peer)
{
    ensure(peer->is_eir);
    peer->is_eir = false;
    peer->eir_capabilities = 0;
    peer->eir_flags = 0;
    peer->cluster_id = 0;
    peer->incarnation = 0;
    trace(cluster, LOG_LEVEL_NOTICE, "node " ID_FORMAT " is a Valkey server now",
          ID_TEXT(peer->id));
    forget_process(cluster, peer);
}

void evidence_on_message(struct cluster *cluster, struct peer *peer,
                         const struct cluster_message *message)
{
    ensure(peer != cluster->me);
    failure_on_life(cluster, peer);
    if (cluster->options.is_classic || message->is_light) return;
    if (!message->eir.is_present) {
        if (peer->is_eir) become_valkey(cluster, peer);
        return;
    }
    peer->evidence.refused_first_ms = 0;
    /* The last words of a dying process may come over one link after the end of the other. */
    if (!evidence_is_young(cluster, peer)) peer->evidence.closed_ms = 0;

    bool is_first = !peer->is_eir;
    bool is_restarted = !is_first && peer->incarnation != message->eir.incarnation;
    peer->is_eir = true;
    peer->eir_capabilities = message->eir.capabilities;
    peer->eir_flags = message->eir.flags;
    peer->cluster_id = message->eir.cluster_id;
    peer->incarnation = message->eir.incarnation;
    if (is_restarted) forget_process(cluster, peer);
    peer->evidence.incarnation = message->eir.incarnation;
    if (is_first) cluster_notice(cluster, NOTICE_PEER_PLACED, peer);
}

void evidence_on_link_down(struct cluster *cluster, struct peer *peer, enum link_cause cause)
{
    ensure(peer != cluster->me);
    if (cause != LINK_CLOSED_BY_PEER || peer->evidence.incarnation == 0) return;
    if (peer->evidence.closed_ms == 0) peer->evidence.closed_ms = cluster->now_ms;
}

bool failure_is_hard(const struct peer *peer)
{
    return peer->evidence.is_hard;
}

static bool can_inherit(const struct cluster *cluster, const struct peer *replica)
{
    if (replica == cluster->me)
        return cluster->facts.has_synced && !cluster->options.replica_no_failover;
    if (!peer_is_connected(replica) || !peer_is_healthy(replica)) return false;
    if (replica->flags & NODE_NOFAILOVER) return false;
    if (replica->is_eir) return (replica->eir_flags & EIR_ELIGIBLE) != 0;
    return replica->offset > 0; /* a Valkey replica that never synced shows 0 */
}

bool failure_has_heir(const struct cluster *cluster, const struct peer *primary)
{
    ensure(primary != NULL);
    if (primary->replica_count == 0) return false;
    PEERS_EACH(cluster, peer)
    if (peer->primary == primary && can_inherit(cluster, peer)) return true;
    return false;
}

static bool is_complete(const struct cluster *cluster, const struct peer *peer)
{
    const struct evidence *evidence = &peer->evidence;
    if (evidence->incarnation == 0 || evidence->closed_ms == 0) return false;
    if (evidence->refused_first_ms == 0) return false;
    if (cluster->now_ms - evidence->refused_first_ms < REFUSED_APART_MS) return false;
    if (peer->outbound != NULL && peer->outbound->state == LINK_READY) return false;
    if (peer->inbound != NULL) return false;
    return peer_is_voter(peer) && failure_has_heir(cluster, peer);
}

/* What I know of its replicas may be half a timeout old, from before they had synced: the next
 * refused connect shall find it fresh. */
static void ask_heirs(struct cluster *cluster, const struct peer *primary)
{
    if (!peer_is_voter(primary) || failure_has_heir(cluster, primary)) return;
    PEERS_EACH(cluster, peer) {
        if (peer->primary != primary || peer == cluster->me || !peer->is_eir) continue;
        ensure(peer_is_replica(peer));
        if (peer_is_connected(peer) && peer->ping_sent_ms == 0) peer_ping_soon(cluster, peer);
    }
}

void evidence_on_refused(struct cluster *cluster, struct peer *peer, enum link_cause cause)
{
    if (cluster->options.is_classic || cause != LINK_CONNECT_REFUSED) return;
    ensure(cluster->now_ms > 0);
    if (peer->evidence.refused_first_ms == 0) peer->evidence.refused_first_ms = cluster->now_ms;
    ask_heirs(cluster, peer);
    if (peer->evidence.is_hard || !is_complete(cluster, peer)) return;
    peer->evidence.is_hard = true;
    if (peer_is_suspect(peer)) return; /* told already */
    failure_suspect(cluster, peer);
}
