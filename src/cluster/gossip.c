/* Gossip: PING, PONG and MEET, what they tell about other nodes, and what we make of it. */
#include "cluster/rules.h"

/* --- times: gossip speaks of Unix seconds, the rules of monotonic milliseconds --- */

static uint32_t wall_seconds(const struct cluster *cluster, time_ms at_ms)
{
    if (at_ms == 0) return 0;
    time_ms wall_ms = cluster->wall_ms - (cluster->now_ms - at_ms);
    ensure(at_ms <= cluster->now_ms);
    return wall_ms <= 0 ? 0 : (uint32_t)(wall_ms / 1000);
}

/* --- choosing whom to talk about --- */

static void describe(const struct cluster *cluster, const struct peer *peer, struct gossip *entry)
{
    ensure(peer != cluster->me);
    *entry = (struct gossip){ .id = peer->id, .address = peer->address, .flags = peer->flags };
    entry->ping_sent_s = wall_seconds(cluster, peer->ping_sent_ms);
    entry->pong_received_s = wall_seconds(cluster, peer->pong_received_ms);
}

static bool is_worth_telling(const struct cluster *cluster, const struct peer *peer,
                             const struct peer *receiver)
{
    if (peer == cluster->me || peer == receiver) return false;
    if (!peer_is_placed(peer) || peer_is_suspect(peer)) return false;
    if (peer->outbound == NULL && peer->slot_count == 0) return false;
    return peer->gossip_round != cluster->gossip_round;
}

#define DRAWS_AT_ONCE 16

/* At most three draws for each wanted entry; drawn in groups, so that the waits for memory
 * overlap. */
static void add_drawn(struct cluster *cluster, const struct peer *receiver, uint32_t wanted,
                      struct cluster_message *message)
{
    struct peer *drawn[DRAWS_AT_ONCE];
    for (uint32_t left = 3 * wanted; left > 0 && message->gossip_count < wanted;) {
        uint32_t count = MIN(MIN(left, wanted - message->gossip_count), DRAWS_AT_ONCE);
        ensure(count > 0);
        for (uint32_t i = 0; i < count; i++) {
            drawn[i] = cluster->peers[prng_below(&cluster->prng, cluster->peer_count)];
            __builtin_prefetch(&drawn[i]->id);
            __builtin_prefetch(&drawn[i]->flags, 1);
            __builtin_prefetch(&drawn[i]->address);
        }
        for (uint32_t i = 0; i < count; i++) {
            if (!is_worth_telling(cluster, drawn[i], receiver)) continue;
            drawn[i]->gossip_round = cluster->gossip_round;
            describe(cluster, drawn[i], &message->gossip[message->gossip_count++]);
        }
        left -= count;
    }
}

#define GOSSIP_MIN 3u

/* So much of a packet that is sent for another reason than to gossip: the one that greets a node
 * with which nothing is new, or asks a voter for its promise, or announces something to all. Such
 * packets go out by the thousand at once, and a hundred names in each would be what a cluster of a
 * thousand nodes mostly does. Suspects are named in every packet, but where a partition makes
 * hundreds of them an Eir node hears of some at a time: its voters were told of each (failure.c).
 */
#define GOSSIP_BRIEF   GOSSIP_MIN
#define GOSSIP_FULL    UINT32_MAX
#define SUSPECTS_BRIEF 16u
#define SUSPECTS_FULL  64u /* to an Eir node; the next packet goes on where this one stopped */
/* A PING may wait long in a path that is broken; its PONG, which tells more, is not made then. */
#define GOSSIP_PING 16u

/* A tenth of the nodes. Every node is pinged at least each half timeout, so within the life of a
 * failure report (two timeouts) two nodes exchange at least 8 packets (4 pings, 4 pongs): about
 * 80% of all nodes are named in them, and every suspect is. */
static void add_gossip(struct cluster *cluster, const struct peer *receiver, uint32_t gossip_max,
                       struct cluster_message *message)
{
    uint32_t count = cluster->peer_count;
    uint32_t others = count > 2 ? count - 2 : 0;
    uint32_t wanted = MIN(MIN(MAX(count / 10, GOSSIP_MIN), others), gossip_max);
    uint32_t suspects_max = gossip_max == GOSSIP_BRIEF ? SUSPECTS_BRIEF : SUSPECTS_FULL;
    if (receiver == NULL || !receiver->is_eir) suspects_max = UINT32_MAX;
    uint32_t suspects = MIN(cluster->suspect_count, suspects_max);
    uint32_t room = wanted + suspects;
    if (room == 0) return;
    message->gossip = memory_alloc(room * sizeof(*message->gossip));
    cluster->gossip_round++;

    add_drawn(cluster, receiver, wanted, message);
    for (uint32_t i = 0; i < suspects; i++) {
        uint32_t at = (cluster->suspect_next + i) % cluster->suspect_count;
        const struct peer *peer = cluster->suspects[at];
        ensure(peer_is_suspect(peer));
        if (!peer_is_placed(peer)) continue;
        ensure(message->gossip_count < room);
        describe(cluster, peer, &message->gossip[message->gossip_count++]);
    }
    if (suspects < cluster->suspect_count) cluster->suspect_next += suspects;
}

/* --- sending --- */

static struct cluster_message *packet(struct cluster *cluster, enum message_type type,
                                      const struct peer *receiver, bool reads_extensions,
                                      uint32_t gossip_max)
{
    struct cluster_message *message = message_start(cluster, type);
    ensure(type == MESSAGE_PING || type == MESSAGE_PONG || type == MESSAGE_MEET);
    message->message_flags |= MESSAGE_HAS_EXTENSIONS;
    add_gossip(cluster, receiver, gossip_max, message);
    if (reads_extensions) message->extensions = extensions_for_packet(cluster);
    return message;
}

static bool reads_extensions(const struct peer *peer, const struct link *link)
{
    if (link != NULL && link->has_extensions) return true;
    return peer != NULL && (peer->flags & NODE_EXTENSIONS);
}

static void remember_ping(struct cluster *cluster, struct peer *peer, uint32_t sequence)
{
    ensure(sequence != 0);
    peer->pings[1] = peer->pings[0];
    peer->pings[0] = (struct ping_record){ .sequence = sequence, .sent_ms = cluster->now_ms };
    peer->wants_ping = false;
    peer->outbound->greet_after_ms = 0;
    if (peer->ping_sent_ms == 0) peer->ping_sent_ms = cluster->now_ms;
}

/* A node that heard of this one only lately may know few others: it is told of many. */
static bool is_brief(const struct peer *peer)
{
    if (!peer->is_eir || (peer->flags & NODE_MEET)) return peer->outbound->greet_after_ms != 0;
    bool is_greeting = peer->outbound->received_ms == 0;
    return peer->wants_ping || is_greeting;
}

void gossip_send_ping(struct cluster *cluster, struct peer *peer)
{
    if (!peer_is_connected(peer) || lineage_is_mute(cluster)) return;
    enum message_type type = peer->flags & NODE_MEET ? MESSAGE_MEET : MESSAGE_PING;
    uint32_t gossip_max = is_brief(peer) ? GOSSIP_BRIEF : GOSSIP_PING;
    if (type == MESSAGE_MEET) gossip_max = GOSSIP_FULL;
    if (++cluster->ping_sequence == 0) cluster->ping_sequence = 1;
    remember_ping(cluster, peer, cluster->ping_sequence);
    struct cluster_message *message =
        packet(cluster, type, peer, reads_extensions(peer, peer->outbound), gossip_max);
    if (message->eir.is_present && gossip_max == GOSSIP_BRIEF) message->eir.flags |= EIR_BRIEF;
    if (message->eir.is_present) message->eir.sequence = cluster->ping_sequence;
    bool is_again = type == MESSAGE_MEET && !(peer->flags & NODE_HANDSHAKE);
    if (message->eir.is_present && is_again) message->eir.flags |= EIR_AGAIN;
    ensure(message->eir.echo == 0);
    send_to_peer(cluster, peer, message);
    heartbeat_schedule(cluster, peer);
}

void gossip_send_pong(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    if (!peer_is_connected(peer) || lineage_is_mute(cluster)) return;
    send_to_peer(
        cluster, peer,
        packet(cluster, MESSAGE_PONG, peer, reads_extensions(peer, peer->outbound), GOSSIP_FULL));
}

void gossip_answer(struct cluster *cluster, struct link *link, struct peer *sender,
                   const struct cluster_message *message)
{
    ensure(link->state == LINK_READY);
    if (lineage_is_mute(cluster)) return;
    bool is_brief = message->eir.is_present && (message->eir.flags & EIR_BRIEF);
    struct cluster_message *pong =
        packet(cluster, MESSAGE_PONG, sender, reads_extensions(sender, link),
               is_brief ? GOSSIP_BRIEF : GOSSIP_FULL);
    if (pong->eir.is_present && message->eir.is_present) {
        pong->eir.echo = message->eir.sequence;
        if (sender != NULL && sender != cluster->me && lease_promise(cluster, sender)) {
            pong->eir.flags |= EIR_PROMISE;
            pong->eir.sequence = (uint32_t)cluster->options.node_timeout_ms;
        }
    }
    send_on_link(cluster, link, pong);
}

static bool is_broadcast_for(const struct cluster *cluster, struct peer *peer)
{
    if (cluster->pong_to_all || (cluster->pong_to_voters && cluster->peer_count <= CROWD))
        return true;
    if (peer_shard_primary(peer) == peer_shard_primary(cluster->me)) return true;
    return cluster->pong_to_voters && peer_is_voter(peer);
}

/* One packet for all: its gossip is as good for everybody, a receiver skips itself. */
void gossip_broadcast_pong(struct cluster *cluster)
{
    if (lineage_is_mute(cluster)) return;
    struct cluster_message *with = NULL, *without = NULL;
    PEERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || !peer_is_connected(peer)) continue;
        if (peer->flags & NODE_HANDSHAKE) continue;
        if (!is_broadcast_for(cluster, peer)) continue;
        bool reads = reads_extensions(peer, peer->outbound);
        struct cluster_message **shared = reads ? &with : &without;
        if (*shared == NULL) *shared = packet(cluster, MESSAGE_PONG, NULL, reads, GOSSIP_BRIEF);
        ensure((*shared)->type == MESSAGE_PONG);
        send_to_peer(cluster, peer, message_share(*shared));
    }
    message_destroy(with);
    message_destroy(without);
}

/* --- receiving --- */

static void hear_of_unknown(struct cluster *cluster, const struct gossip *entry)
{
    if (entry->flags & (NODE_NOADDR | NODE_HANDSHAKE)) return;
    if (entry->address.ip[0] == 0 || entry->address.bus_port == 0) return;
    if (node_id_is_none(&entry->id) || ban_has(cluster, &entry->id)) return;
    if (cluster->peer_count == PEER_COUNT_MAX) return;

    uint16_t flags = entry->flags & (NODE_NOFAILOVER | NODE_MIGRATE_TO | NODE_MEET);
    flags |= entry->flags & NODE_REPLICA ? NODE_REPLICA : NODE_PRIMARY;
    struct peer *peer = peers_add(cluster, &entry->id, flags);
    prng_hex(&cluster->prng, peer->shard_id.hex, NODE_ID_SIZE);
    peer->address = entry->address;
    ensure(peer != cluster->me);
    trace(cluster, LOG_LEVEL_VERBOSE, "heard of node " ID_FORMAT " at %s:%u", ID_TEXT(peer->id),
          peer->address.ip, (unsigned)peer->address.port);
    cluster_save_later(cluster);
    cluster_changed(cluster);
    cluster_notice(cluster, NOTICE_PEER_PLACED, peer);
    heartbeat_schedule(cluster, peer);
}

/* Others heard a pong of it lately: no need to ask again ourselves. */
static void take_pong_time(struct cluster *cluster, struct peer *peer, const struct gossip *entry)
{
    if (peer->ping_sent_ms != 0 || reports_count(cluster, peer) > 0) return;
    time_ms wall_ms = (time_ms)entry->pong_received_s * 1000;
    if (wall_ms > cluster->wall_ms + 500) return;
    time_ms at_ms = MIN(cluster->now_ms, cluster->now_ms - (cluster->wall_ms - wall_ms));
    if (at_ms <= peer->pong_received_ms) return;
    ensure(at_ms <= cluster->now_ms);
    peer->pong_received_ms = at_ms;
    heartbeat_schedule(cluster, peer);
}

static void hear_of_known(struct cluster *cluster, struct peer *peer, struct peer *sender,
                          const struct gossip *entry)
{
    bool fails_there = (entry->flags & (NODE_PFAIL | NODE_FAIL)) != 0;
    if (fails_there) {
        failure_on_report(cluster, peer, sender);
    } else {
        report_remove(peer, sender);
    }
    if (fails_there || (entry->flags & NODE_NOADDR)) return;
    ensure(peer != cluster->me);
    take_pong_time(cluster, peer, entry);
    if (!peer_is_healthy(peer) || (peer->flags & NODE_NOADDR))
        address_adopt(cluster, peer, &entry->address);
}

static void hear(struct cluster *cluster, struct peer *peer, struct peer *sender,
                 const struct gossip *entry)
{
    ensure(peer == NULL || !peer->is_removed);
    /* An entry before it may have made it known. */
    if (peer == NULL) peer = peers_find(cluster, &entry->id);
    if (peer == NULL) {
        hear_of_unknown(cluster, entry);
    } else if (sender != NULL && peer != cluster->me && peer != sender &&
               !(peer->flags & NODE_HANDSHAKE)) {
        hear_of_known(cluster, peer, sender, entry);
    }
}

void gossip_on_entries(struct cluster *cluster, struct peer *sender,
                       const struct cluster_message *message)
{
    struct peer *found[PEERS_BATCH_MAX];
    for (uint32_t start = 0; start < message->gossip_count; start += PEERS_BATCH_MAX) {
        uint32_t count = MIN(message->gossip_count - start, PEERS_BATCH_MAX);
        peers_find_batch(cluster, &message->gossip[start], count, found);
        for (uint32_t i = 0; i < count; i++)
            hear(cluster, found[i], sender, &message->gossip[start + i]);
    }
}
