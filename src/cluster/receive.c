/* Receiving: a message is checked, its header applied, and handed to the rule that it is for. */
#include "cluster/receive.h"

#include "cluster/rules.h"

/* What arrived, and from whom: handed through the handlers below. */
struct arrival {
    struct link *link;
    struct peer *sender; /* known and out of its handshake; NULL otherwise */
    const struct cluster_message *message;
};

#define FLAGS_FROM_HEADER                                                                          \
    (NODE_NOFAILOVER | NODE_EXTENSIONS | NODE_LIGHT_PUBLISH | NODE_LIGHT_MODULE |                  \
     NODE_PRIMARY_FAILED)

/* --- the header of PING, PONG and MEET --- */

static void apply_flags(struct cluster *cluster, struct peer *sender,
                        const struct cluster_message *message)
{
    uint16_t flags =
        (uint16_t)((sender->flags & ~FLAGS_FROM_HEADER) | (message->flags & FLAGS_FROM_HEADER));
    ensure(sender != cluster->me);
    sender->cluster_is_down_there = message->cluster_is_down;
    if (flags == sender->flags) return;
    sender->flags = flags;
    cluster_changed(cluster);
}

static void apply_role(struct cluster *cluster, struct peer *sender,
                       const struct cluster_message *message)
{
    if (node_id_is_none(&message->primary_id)) {
        if (peer_is_replica(sender)) peer_set_primary(cluster, sender, NULL);
        return;
    }
    struct peer *primary = peers_find(cluster, &message->primary_id);
    if (primary == sender) return; /* nonsense */
    if (primary != NULL && (primary->flags & NODE_HANDSHAKE)) primary = NULL;
    if (peer_is_replica(sender) && sender->primary == primary) return;
    if (primary == NULL) {
        if (peer_is_primary(sender)) peer_set_replica_of_unknown(cluster, sender);
        return;
    }
    ensure(primary != sender);
    peer_set_primary(cluster, sender, primary);
}

/* My primary became a replica itself: its primary is mine now. */
static void follow_grand_primary(struct cluster *cluster, struct peer *sender)
{
    struct peer *me = cluster->me;
    if (me->primary != sender || !peer_is_replica(sender)) return;
    struct peer *grand = sender->primary;
    if (grand == NULL || grand == me) return;
    ensure(grand != sender);
    trace(cluster, LOG_LEVEL_NOTICE, "my primary follows " ID_FORMAT ": so do I",
          ID_TEXT(grand->id));
    role_follow(cluster, grand);
}

static void apply_offset(struct cluster *cluster, struct peer *sender,
                         const struct cluster_message *message)
{
    sender->offset = message->offset;
    sender->offset_heard_ms = cluster->now_ms;
    ensure(sender->offset_heard_ms > 0);
}

/* Every message of a known sender, whatever its type. */
static void apply_common(struct cluster *cluster, const struct arrival *arrival)
{
    struct peer *sender = arrival->sender;
    ensure(sender != NULL && sender != cluster->me);
    if (arrival->link->is_inbound) link_bind(cluster, arrival->link, sender);
    sender->data_received_ms = cluster->now_ms;
    identity_adopt(cluster, arrival->message);
    evidence_on_message(cluster, sender, arrival->message);
    if (!identity_is_apart(cluster, arrival->message))
        epochs_on_header(cluster, sender, arrival->message);
    apply_offset(cluster, sender, arrival->message);
    /* It runs, and we have no link to it: do not wait for the next try. */
    if (sender->outbound == NULL) sender->reconnect_ms = MIN(sender->reconnect_ms, cluster->now_ms);
}

static void apply_claims(struct cluster *cluster, const struct arrival *arrival)
{
    struct peer *sender = arrival->sender;
    if (identity_is_apart(cluster, arrival->message)) return;
    apply_flags(cluster, sender, arrival->message);
    apply_role(cluster, sender, arrival->message);
    follow_grand_primary(cluster, sender);
    slots_on_header(cluster, sender, arrival->message);
    epochs_on_collision(cluster, sender);
    gossip_on_entries(cluster, sender, arrival->message);
    ensure(!sender->is_removed);
    extensions_on_message(cluster, sender, arrival->message);
    if (sender->is_removed) return;
}

/* --- PING, MEET, PONG --- */

/* Others see us under the address that they connected to. */
static void learn_own_ip(struct cluster *cluster, const struct arrival *arrival)
{
    struct address *mine = &cluster->me->address;
    bool is_meet = arrival->message->type == MESSAGE_MEET;
    const char *seen = link_local_ip(arrival->link);
    if (cluster->options.announced.ip[0] != 0 || seen[0] == 0) return;
    if (mine->ip[0] != 0 && !is_meet) return;
    if (strcmp(mine->ip, seen) == 0) return;
    memset(mine->ip, 0, sizeof(mine->ip));
    memcpy(mine->ip, seen, strlen(seen));
    ensure(mine->ip[ADDRESS_IP_SIZE - 1] == 0);
    trace(cluster, LOG_LEVEL_NOTICE, "my address is %s", mine->ip);
    cluster_save_later(cluster);
    cluster_changed(cluster);
}

static void on_meet_of_unknown(struct cluster *cluster, const struct arrival *arrival)
{
    const struct cluster_message *message = arrival->message;
    if (node_id_equal(&message->sender, &cluster->me->id)) return;
    /* It was forgotten on purpose and does not know; a MEET that an operator wants is another
     * thing. Between Valkey nodes it would come and go until the black list ends. */
    bool is_again = message->eir.is_present && (message->eir.flags & EIR_AGAIN);
    if (is_again && ban_has(cluster, &message->sender)) return;
    struct address address = address_of_message(arrival->link, message);
    if (address.ip[0] == 0 || address.bus_port == 0) return;
    handshake_start(cluster, &address, 0);
    ensure(arrival->sender == NULL);
    gossip_on_entries(cluster, NULL, message);
}

static void on_ping(struct cluster *cluster, const struct arrival *arrival)
{
    ensure(arrival->message->type != MESSAGE_PONG);
    learn_own_ip(cluster, arrival);
    if (arrival->sender != NULL) {
        if (arrival->link->is_inbound)
            address_on_ping(cluster, arrival->link, arrival->sender, arrival->message);
        apply_claims(cluster, arrival);
    } else if (arrival->message->type == MESSAGE_MEET) {
        on_meet_of_unknown(cluster, arrival);
    }
    if (arrival->sender != NULL && arrival->sender->is_removed) return;
    gossip_answer(cluster, arrival->link, arrival->sender, arrival->message);
}

/* The outbound link leads to somebody else than the node it was made for. */
static void on_mistaken_identity(struct cluster *cluster, const struct arrival *arrival)
{
    struct peer *expected = arrival->link->peer;
    trace(cluster, LOG_LEVEL_NOTICE, "node " ID_FORMAT " is not at %s:%u any more",
          ID_TEXT(expected->id), expected->address.ip, (unsigned)expected->address.port);
    link_close(cluster, arrival->link);
    memset(&expected->address, 0, sizeof(expected->address));
    expected->flags |= NODE_NOADDR;
    ensure(expected->outbound == NULL);
    cluster_save_later(cluster);
    cluster_changed(cluster);
    heartbeat_schedule(cluster, expected);
}

static void take_promise(struct cluster *cluster, struct peer *peer,
                         const struct cluster_message *message)
{
    if (!message->eir.is_present || message->eir.echo == 0) return;
    ensure(peer != cluster->me);
    for (size_t i = 0; i < COUNT_OF(peer->pings); i++) {
        if (peer->pings[i].sequence != message->eir.echo) continue;
        bool has_promise = (message->eir.flags & EIR_PROMISE) != 0;
        time_ms promise_ms = has_promise ? (time_ms)message->eir.sequence : 0;
        lease_on_pong(cluster, peer, peer->pings[i].sent_ms, promise_ms);
        return;
    }
}

/* A PONG on our own link: from the node that we pinged, or it proves that it is another. False
 * when the link is gone. */
static bool on_answer(struct cluster *cluster, struct arrival *arrival)
{
    struct peer *expected = arrival->link->peer;
    ensure(expected != NULL);
    if (expected->flags & NODE_HANDSHAKE) {
        if (!handshake_finish(cluster, expected, arrival->message)) return false;
        arrival->sender = expected;
        apply_common(cluster, arrival);
    } else if (!node_id_equal(&expected->id, &arrival->message->sender)) {
        on_mistaken_identity(cluster, arrival);
        return false;
    }
    expected->flags &= (uint16_t)~NODE_MEET;
    expected->ping_sent_ms = 0;
    expected->pong_received_ms = cluster->now_ms;
    /* Up to a sixteenth of the timeout sooner than half of it. */
    uint64_t early_max_ms = (uint64_t)cluster->options.node_timeout_ms / 16 + 1;
    expected->ping_early_ms = (uint32_t)prng_below(&cluster->prng, early_max_ms);
    take_promise(cluster, expected, arrival->message);
    failure_on_answer(cluster, expected);
    return true;
}

static void on_pong(struct cluster *cluster, struct arrival *arrival)
{
    ensure(arrival->message->type == MESSAGE_PONG);
    if (!arrival->link->is_inbound && !on_answer(cluster, arrival)) return;
    if (arrival->sender == NULL) return;
    apply_claims(cluster, arrival);
}

/* --- the other types: from known senders only --- */

static void on_fail(struct cluster *cluster, struct arrival *arrival)
{
    ensure(arrival->sender != NULL);
    if (identity_is_apart(cluster, arrival->message)) return;
    failure_on_fail_message(cluster, arrival->sender, arrival->message);
}

static void on_auth_request(struct cluster *cluster, struct arrival *arrival)
{
    ensure(arrival->sender != NULL);
    vote_on_request(cluster, arrival->sender, arrival->message);
}

static void on_auth_ack(struct cluster *cluster, struct arrival *arrival)
{
    ensure(arrival->sender != NULL);
    election_on_vote(cluster, arrival->sender, arrival->message);
}

static void on_update(struct cluster *cluster, struct arrival *arrival)
{
    ensure(arrival->sender != NULL);
    if (identity_is_apart(cluster, arrival->message)) return;
    slots_on_update(cluster, arrival->message);
}

static void on_manual_start(struct cluster *cluster, struct arrival *arrival)
{
    ensure(arrival->sender != NULL);
    manual_on_start(cluster, arrival->sender);
}

static void on_publish(struct cluster *cluster, struct arrival *arrival)
{
    struct cluster_effect *effect = effects_add(cluster, CLUSTER_DELIVER);
    effect->needs_save = false;
    effect->message = message_clone(arrival->message);
    ensure(effect->message->type == arrival->message->type);
}

static void on_module(struct cluster *cluster, struct arrival *arrival)
{
    ensure(cluster->me != NULL && arrival->sender != NULL);
    /* No modules here: counted, and that is all. */
}

static void on_eir(struct cluster *cluster, struct arrival *arrival)
{
    const struct cluster_message *message = arrival->message;
    ensure(arrival->sender != NULL);
    if (cluster->options.is_classic || !arrival->sender->is_eir) return;
    switch (message->eir_type) {
    case EIR_SUSPECT: failure_on_suspect_message(cluster, arrival->sender, message); break;
    case EIR_NACK:
    case EIR_OFFSET: election_on_eir(cluster, arrival->sender, message); break;
    case EIR_FORMATION: formation_on_eir(cluster, arrival->sender, message); break;
    case EIR_CASTS: vote_on_eir(cluster, arrival->sender, message); break;
    case EIR_HAND_OVER: manual_on_eir(cluster, arrival->sender, message); break;
    case EIR_LINEAGE: lineage_on_eir(cluster, arrival->sender, message); break;
    default: break; /* of a later version */
    }
}

static void (*const handlers[MESSAGE_TYPE_COUNT])(struct cluster *, struct arrival *) = {
    [MESSAGE_FAIL] = on_fail,
    [MESSAGE_PUBLISH] = on_publish,
    [MESSAGE_AUTH_REQUEST] = on_auth_request,
    [MESSAGE_AUTH_ACK] = on_auth_ack,
    [MESSAGE_UPDATE] = on_update,
    [MESSAGE_MFSTART] = on_manual_start,
    [MESSAGE_MODULE] = on_module,
    [MESSAGE_PUBLISHSHARD] = on_publish,
    [MESSAGE_EIR] = on_eir,
};

/* --- the door --- */

/* A light message names no sender: it is whoever the link belongs to. */
static struct peer *find_sender(const struct cluster *cluster, const struct link *link,
                                const struct cluster_message *message)
{
    if (message->is_light) return link->peer;
    if (node_id_is_none(&message->sender)) return NULL;
    struct peer *sender = peers_find(cluster, &message->sender);
    ensure(sender == NULL || !sender->is_removed);
    if (sender == NULL || sender == cluster->me) return NULL;
    return sender->flags & NODE_HANDSHAKE ? NULL : sender;
}

#define FOREIGN_TRACE_MS 10000

static void trace_foreign(struct cluster *cluster, const struct node_id *id)
{
    ensure(!node_id_is_none(id));
    time_ms last_ms = cluster->foreign_traced_ms;
    if (last_ms != 0 && cluster->now_ms < last_ms + FOREIGN_TRACE_MS) return;
    cluster->foreign_traced_ms = cluster->now_ms;
    trace(cluster, LOG_LEVEL_WARNING, "node " ID_FORMAT " belongs to another cluster: refused",
          ID_TEXT(*id));
}

static void refuse_foreign(struct cluster *cluster, struct link *link, struct peer *sender,
                           const struct cluster_message *message)
{
    ensure(message->eir.is_present);
    trace_foreign(cluster, &message->sender);
    struct peer *peer = sender != NULL ? sender : link->peer;
    bool is_mine = peer == NULL || peer == cluster->me->primary || peer->slot_count > 0;
    /* A member that lost the id, and its slots while it was away: it will adopt ours. */
    if (sender != NULL && message->eir.cluster_id == 0) is_mine = true;
    /* A bare header says whose I am: else it would knock again, not knowing why. */
    bool is_asking = message->type == MESSAGE_PING || message->type == MESSAGE_MEET;
    if (is_asking) send_on_link(cluster, link, message_start(cluster, MESSAGE_PONG));
    link_close(cluster, link);
    if (is_mine) {
        if (peer != NULL) heartbeat_on_link_lost(cluster, peer, 0);
        return;
    }
    /* Gossip brought it here, or an address that is somebody else's now. */
    ban_add(cluster, &peer->id, cluster->options.blacklist_ttl_ms);
    peer_forget(cluster, peer);
}

static void receive_light(struct cluster *cluster, struct arrival *arrival)
{
    if (arrival->sender == NULL || (arrival->sender->flags & NODE_HANDSHAKE)) {
        struct peer *peer = arrival->link->peer;
        link_close(cluster, arrival->link);
        if (peer != NULL) heartbeat_on_link_lost(cluster, peer, 0);
        return;
    }
    ensure(arrival->sender != cluster->me);
    arrival->sender->data_received_ms = cluster->now_ms;
    if (handlers[arrival->message->type] != NULL)
        handlers[arrival->message->type](cluster, arrival);
}

static void receive_full(struct cluster *cluster, struct arrival *arrival)
{
    const struct cluster_message *message = arrival->message;
    if (message->message_flags & MESSAGE_HAS_EXTENSIONS) arrival->link->has_extensions = true;
    if (arrival->sender != NULL) apply_common(cluster, arrival);
    if (message->type == MESSAGE_PING || message->type == MESSAGE_MEET) {
        on_ping(cluster, arrival);
    } else if (message->type == MESSAGE_PONG) {
        on_pong(cluster, arrival);
    } else if (arrival->sender != NULL) {
        ensure(handlers[message->type] != NULL);
        handlers[message->type](cluster, arrival);
    }
    if (arrival->sender == NULL || arrival->sender->is_removed) return;
    if (message->type != MESSAGE_AUTH_REQUEST) vote_on_header(cluster, arrival->sender, message);
    manual_on_header(cluster, arrival->sender, message);
    election_on_header(cluster, arrival->sender, message);
    heartbeat_schedule(cluster, arrival->sender);
}

/* Epochs grow by one at a time: nobody ever honestly sees one so high, and counting on from it
 * would wrap round. */
#define EPOCH_MAX ((uint64_t)1 << 62)

static bool is_plausible(const struct cluster_message *message)
{
    ensure(message->type < MESSAGE_TYPE_COUNT);
    if (message->is_light) return true;
    if (node_id_is_none(&message->sender)) return false;
    return message->current_epoch < EPOCH_MAX && message->config_epoch < EPOCH_MAX &&
           message->subject_epoch < EPOCH_MAX;
}

void receive(struct cluster *cluster, const struct cluster_event *event)
{
    struct arrival arrival = { .link = links_find(cluster, event->link),
                               .message = event->message };
    ensure(event->message != NULL);
    if (arrival.link == NULL || arrival.link->state != LINK_READY) return; /* closed meanwhile */
    ensure(event->message->type < MESSAGE_TYPE_COUNT);
    arrival.link->received_ms = cluster->now_ms;
    cluster->counters.received[event->message->type]++;
    if (!is_plausible(event->message)) return;
    arrival.sender = find_sender(cluster, arrival.link, event->message);
    if (event->message->is_light) {
        receive_light(cluster, &arrival);
        return;
    }
    if (identity_is_foreign(cluster, arrival.sender, event->message)) {
        refuse_foreign(cluster, arrival.link, arrival.sender, event->message);
        return;
    }
    receive_full(cluster, &arrival);
}
