/* Joining: placeholders of MEET, real ids and addresses, and which nodes are of another cluster.
 *
 * Identity is not address. A node is known by its id; where it lives is what its last PING said. */
#include "cluster/rules.h"

static bool is_same_place(const struct address *a, const struct address *b)
{
    return a->bus_port == b->bus_port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool handshake_start(struct cluster *cluster, const struct address *address, uint16_t flags)
{
    ensure(address->ip[0] != 0);
    if (cluster->peer_count == PEER_COUNT_MAX) return false;
    PEERS_EACH(cluster, peer)
    if ((peer->flags & NODE_HANDSHAKE) && is_same_place(&peer->address, address)) return false;

    struct node_id id;
    prng_hex(&cluster->prng, id.hex, NODE_ID_SIZE);
    struct peer *peer = peers_add(cluster, &id, (uint16_t)(NODE_HANDSHAKE | flags));
    prng_hex(&cluster->prng, peer->shard_id.hex, NODE_ID_SIZE);
    peer->address = *address;
    heartbeat_schedule(cluster, peer);
    return true;
}

struct address address_of_message(const struct link *link, const struct cluster_message *message)
{
    ensure(link != NULL);
    struct address address = message->address;
    if (address.ip[0] == 0) memcpy(address.ip, link->remote_ip, strlen(link->remote_ip));
    return address;
}

static void adopt_address(struct cluster *cluster, struct peer *peer, const struct address *address)
{
    if (peer->outbound != NULL) link_close(cluster, peer->outbound);
    peer->address = *address;
    peer->flags &= (uint16_t)~NODE_NOADDR;
    peer->reconnect_ms = cluster->now_ms;
    ensure(peer->outbound == NULL);
    trace(cluster, LOG_LEVEL_NOTICE, "node " ID_FORMAT " is at %s:%u now", ID_TEXT(peer->id),
          address->ip, (unsigned)address->port);
    if (peer == cluster->me->primary) {
        struct cluster_effect *effect = effects_add(cluster, CLUSTER_FOLLOW);
        effect->node = peer->id;
        effect->address = *address;
    }
    cluster_save_later(cluster);
    cluster_changed(cluster);
    heartbeat_schedule(cluster, peer);
}

void address_adopt(struct cluster *cluster, struct peer *peer, const struct address *address)
{
    if (address->ip[0] == 0 || address->bus_port == 0) return;
    ensure(peer != cluster->me);
    bool is_same = is_same_place(&peer->address, address) && peer->address.port == address->port &&
                   peer->address.port_other == address->port_other;
    if (is_same && !(peer->flags & NODE_NOADDR)) return;
    adopt_address(cluster, peer, address);
}

void address_on_ping(struct cluster *cluster, struct link *link, struct peer *sender,
                     const struct cluster_message *message)
{
    ensure(link->is_inbound);
    struct address address = address_of_message(link, message);
    address_adopt(cluster, sender, &address);
}

bool handshake_finish(struct cluster *cluster, struct peer *placeholder,
                      const struct cluster_message *message)
{
    ensure(placeholder->flags & NODE_HANDSHAKE);
    struct peer *known = peers_find(cluster, &message->sender);
    if (known != NULL && known != placeholder) {
        struct address address = placeholder->address;
        peer_forget(cluster, placeholder);
        if (known != cluster->me) address_adopt(cluster, known, &address);
        return false;
    }
    if (node_id_is_none(&message->sender)) return false;
    peers_rename(cluster, placeholder, &message->sender);
    placeholder->flags &= (uint16_t) ~(NODE_HANDSHAKE | NODE_MEET);
    peer_set_role(cluster, placeholder, NODE_PRIMARY); /* its header corrects that */
    placeholder->created_ms = cluster->now_ms;
    trace(cluster, LOG_LEVEL_NOTICE, "met node " ID_FORMAT " at %s:%u", ID_TEXT(placeholder->id),
          placeholder->address.ip, (unsigned)placeholder->address.port);
    cluster_save_later(cluster);
    cluster_changed(cluster);
    cluster_notice(cluster, NOTICE_PEER_PLACED, placeholder);
    return true;
}

/* --- cluster ids --- */

bool identity_is_foreign(const struct cluster *cluster, struct peer *sender,
                         const struct cluster_message *message)
{
    ensure(sender != cluster->me);
    if (cluster->options.is_classic || !message->eir.is_present) return false;
    uint64_t mine = cluster->cluster_id;
    uint64_t theirs = message->eir.cluster_id;
    if (mine == theirs) return false;
    if (mine != 0 && theirs != 0) return true;
    /* One side is unset: it adopts the other's id, unless it has slots of a life of its own. They
     * are no such thing if I know it by them: then it is a member whose nodes.conf was written by
     * a Valkey server for a while. Gossip tells of no slots, so a stranger is not known so. */
    if (sender != NULL && peer_shard_primary(sender)->slot_count > 0) return false;
    if (theirs == 0) return !slot_set_is_empty(slot_map_set(message->slots));
    return peer_shard_primary(cluster->me)->slot_count > 0;
}

bool identity_is_apart(const struct cluster *cluster, const struct cluster_message *message)
{
    if (!cluster->formation.is_wanted || cluster->formation.is_done) return false;
    if (!message->eir.is_present || message->eir.cluster_id == 0) return false;
    if (message->eir.cluster_id == cluster->cluster_id) return false;
    return message->eir.cluster_id != cluster->formation.agreement.formed_elsewhere;
}

void identity_adopt(struct cluster *cluster, const struct cluster_message *message)
{
    if (cluster->options.is_classic || !message->eir.is_present) return;
    if (cluster->cluster_id != 0 || message->eir.cluster_id == 0) return;
    /* A fresh node that gathers may be bound to a set of its own: formation.c decides there. */
    if (cluster->formation.is_wanted && !cluster->formation.is_done) return;
    cluster->cluster_id = message->eir.cluster_id;
    ensure(cluster->cluster_id != 0);
    cluster_save_first(cluster);
    trace(cluster, LOG_LEVEL_NOTICE, "joined cluster %016llx",
          (unsigned long long)cluster->cluster_id);
}
