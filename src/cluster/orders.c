/* What an operator asks: the CLUSTER sub-commands that change something. One function an order;
 * each refuses with the text of the running Valkey before it touches anything. */
#include "cluster/orders.h"

#include "cluster/rules.h"
#include "cluster/settle.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#define BUS_PORT_ABOVE_CLIENT 10000

static void answer_set(struct cluster_answer *answer, bool is_error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void answer_set(struct cluster_answer *answer, bool is_error, const char *format, ...)
{
    answer->is_error = is_error;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(answer->text, sizeof(answer->text), format, arguments);
    va_end(arguments);
    ensure(length > 0);
}

#define refuse(answer, ...)  answer_set(answer, true, __VA_ARGS__)
#define confirm(answer, ...) answer_set(answer, false, __VA_ARGS__)

/* A node under its real id, or NULL. */
static struct peer *known_node(const struct cluster *cluster, const struct node_id *id)
{
    struct peer *peer = peers_find(cluster, id);
    ensure(peer == NULL || !peer->is_removed);
    return peer == NULL || (peer->flags & NODE_HANDSHAKE) ? NULL : peer;
}

/* True, and refused, when a lock of a formation forbids placing this node by hand. */
static bool is_locked(struct cluster *cluster, struct cluster_answer *answer)
{
    const char *why = formation_on_manual_order(cluster);
    if (why == NULL) return false;
    ensure(why[0] != 0);
    refuse(answer, "%s", why);
    return true;
}

/* --- nodes --- */

static bool ip_normalize(struct address *address)
{
    char text[ADDRESS_IP_SIZE];
    uint8_t binary[16];
    ensure(sizeof(text) >= INET6_ADDRSTRLEN);
    memcpy(text, address->ip, sizeof(text));
    text[sizeof(text) - 1] = 0;
    int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, binary) != 1) return false;
    memset(address->ip, 0, sizeof(address->ip));
    return inet_ntop(family, binary, address->ip, sizeof(address->ip)) != NULL;
}

static void order_meet(struct cluster *cluster, const struct cluster_order *order,
                       struct cluster_answer *answer)
{
    struct address address = order->address;
    if (address.bus_port == 0) address.bus_port = (uint16_t)(address.port + BUS_PORT_ABOVE_CLIENT);
    if (address.port == 0 || !ip_normalize(&address)) {
        refuse(answer, "ERR Invalid node address specified: %.45s:%u", order->address.ip,
               (unsigned)order->address.port);
        return;
    }
    ensure(address.ip[0] != 0);
    handshake_start(cluster, &address, NODE_MEET);
}

static void order_forget(struct cluster *cluster, const struct cluster_order *order,
                         struct cluster_answer *answer)
{
    struct peer *peer = peers_find(cluster, &order->id);
    if (peer == NULL) {
        /* Another node's pings were faster than valkey-cli, which tells every node. */
        if (ban_has(cluster, &order->id)) return;
        refuse(answer, "ERR Unknown node " ID_FORMAT, ID_TEXT(order->id));
    } else if (peer == cluster->me) {
        refuse(answer, "ERR I tried hard but I can't forget myself...");
    } else if (peer == cluster->me->primary) {
        refuse(answer, "ERR Can't forget my master!");
    } else {
        ensure(!peer->is_removed);
        trace(cluster, LOG_LEVEL_NOTICE, "forgot " ID_FORMAT, ID_TEXT(peer->id));
        ban_add(cluster, &peer->id, cluster->options.blacklist_ttl_ms);
        peer_forget(cluster, peer);
    }
}

static void detach(struct cluster *cluster)
{
    if (peer_is_primary(cluster->me)) return;
    /* Alone in a shard of its own, without data. */
    prng_hex(&cluster->prng, cluster->me->shard_id.hex, NODE_ID_SIZE);
    role_lead(cluster);
    ensure(peer_is_primary(cluster->me));
    effects_add(cluster, CLUSTER_FLUSH);
}

static void order_replicate(struct cluster *cluster, const struct cluster_order *order,
                            struct cluster_answer *answer)
{
    if (node_id_is_none(&order->id)) {
        if (!is_locked(cluster, answer)) detach(cluster);
        return;
    }
    struct peer *me = cluster->me;
    struct peer *primary = known_node(cluster, &order->id);
    if (primary == NULL) {
        refuse(answer, "ERR Unknown node " ID_FORMAT, ID_TEXT(order->id));
    } else if (primary == me) {
        refuse(answer, "ERR Can't replicate myself");
    } else if (peer_is_replica(primary)) {
        refuse(answer, "ERR I can only replicate a master, not a replica.");
    } else if (peer_is_primary(me) && (me->slot_count > 0 || order->has_keys)) {
        refuse(answer, "ERR To set a master the node must be empty and without assigned slots.");
    } else if (!is_locked(cluster, answer) && me->primary != primary) {
        role_follow(cluster, primary);
        ensure(me->primary == primary);
    }
}

/* --- slots --- */

static void order_add_slots(struct cluster *cluster, const struct cluster_order *order,
                            struct cluster_answer *answer)
{
    ensure(order->slots != NULL);
    unsigned slot = 0, first, last;
    while (slot_set_next_range(order->slots, &slot, &first, &last))
        for (unsigned at = first; at <= last; at++)
            if (slot_owner(cluster, at) != NULL) {
                refuse(answer, "ERR Slot %u is already busy", at);
                return;
            }
    if (peer_is_replica(cluster->me)) {
        /* Valkey says OK here, and then claims nothing. */
        refuse(answer, "ERR Please use ADDSLOTS only with masters.");
        return;
    }
    if (is_locked(cluster, answer)) return;
    slot = 0;
    while (slot_set_next_range(order->slots, &slot, &first, &last))
        for (unsigned at = first; at <= last; at++) {
            move_clear(cluster, at); /* it need not be imported any more */
            slot_bind(cluster, at, cluster->me);
        }
    cluster_save_first(cluster); /* before the first write to them */
}

static void order_del_slots(struct cluster *cluster, const struct cluster_order *order,
                            struct cluster_answer *answer)
{
    ensure(order->slots != NULL);
    unsigned slot = 0, first, last;
    while (slot_set_next_range(order->slots, &slot, &first, &last))
        for (unsigned at = first; at <= last; at++)
            if (slot_owner(cluster, at) == NULL) {
                refuse(answer, "ERR Slot %u is already unassigned", at);
                return;
            }
    slot = 0;
    while (slot_set_next_range(order->slots, &slot, &first, &last))
        for (unsigned at = first; at <= last; at++) slot_bind(cluster, at, NULL);
    cluster_save_later(cluster);
}

static void order_flush_slots(struct cluster *cluster, const struct cluster_order *order,
                              struct cluster_answer *answer)
{
    if (order->has_keys) {
        refuse(answer, "ERR DB must be empty to perform CLUSTER FLUSHSLOTS.");
        return;
    }
    slots_unbind_all(cluster, cluster->me);
    ensure(cluster->me->slot_count == 0);
    cluster_save_later(cluster);
}

/* --- SETSLOT --- */

static void set_slot_migrating(struct cluster *cluster, const struct cluster_order *order,
                               struct cluster_answer *answer)
{
    if (slot_owner(cluster, order->slot) != peer_shard_primary(cluster->me)) {
        refuse(answer, "ERR I'm not the owner of hash slot %u", order->slot);
        return;
    }
    struct peer *target = known_node(cluster, &order->id);
    if (target == NULL) {
        refuse(answer, "ERR I don't know about node " ID_FORMAT, ID_TEXT(order->id));
    } else if (target == cluster->me) {
        refuse(answer, "ERR Target node is myself");
    } else if (peer_is_replica(target)) {
        refuse(answer, "ERR Target node is not a master");
    } else {
        move_set(cluster, order->slot, SLOT_MIGRATING, target);
        ensure(move_find(cluster, order->slot) != NULL);
    }
}

static void set_slot_importing(struct cluster *cluster, const struct cluster_order *order,
                               struct cluster_answer *answer)
{
    if (slot_owner(cluster, order->slot) == peer_shard_primary(cluster->me)) {
        refuse(answer, "ERR I'm already the owner of hash slot %u", order->slot);
        return;
    }
    struct peer *source = known_node(cluster, &order->id);
    if (source == NULL) {
        refuse(answer, "ERR I don't know about node " ID_FORMAT, ID_TEXT(order->id));
    } else if (source == cluster->me) {
        refuse(answer, "ERR Target node is myself");
    } else if (peer_is_replica(source)) {
        refuse(answer, "ERR Target node is not a master");
    } else {
        move_set(cluster, order->slot, SLOT_IMPORTING, source);
        ensure(move_find(cluster, order->slot) != NULL);
    }
}

/* The shard gave its last slot away by hand. */
static void leave_empty_shard(struct cluster *cluster, struct peer *owner)
{
    if (cluster->me->slot_count > 0 || !peer_is_primary(cluster->me)) return;
    if (!cluster->options.allow_replica_migration || !peer_is_primary(owner)) return;
    ensure(owner != cluster->me);
    trace(cluster, LOG_LEVEL_NOTICE, "my last slot went to " ID_FORMAT, ID_TEXT(owner->id));
    role_follow(cluster, owner);
}

static void set_slot_owner(struct cluster *cluster, unsigned slot, struct peer *owner)
{
    struct peer *me = cluster->me;
    bool was_mine = slot_owner(cluster, slot) == me;
    const struct slot_move *move = move_find(cluster, slot);
    bool was_importing = move != NULL && move->state == SLOT_IMPORTING;
    move_clear(cluster, slot);
    slot_bind(cluster, slot, owner);
    ensure(slot_owner(cluster, slot) == owner);
    if (owner == me && (was_importing || !was_mine)) {
        /* Mine by an order, without consent: an epoch above all others says so. */
        if (!epochs_bump(cluster)) cluster_save_first(cluster);
        cluster->pong_to_all = true;
    } else if (was_mine && owner != me) {
        cluster_save_first(cluster);
        leave_empty_shard(cluster, owner);
    } else {
        cluster_save_later(cluster);
    }
}

static void set_slot_node(struct cluster *cluster, const struct cluster_order *order,
                          struct cluster_answer *answer)
{
    struct peer *owner = known_node(cluster, &order->id);
    if (owner == NULL) {
        refuse(answer, "ERR Unknown node " ID_FORMAT, ID_TEXT(order->id));
        return;
    }
    if (peer_is_replica(owner)) {
        refuse(answer, "ERR Target node is not a master");
        return;
    }
    bool is_mine = slot_owner(cluster, order->slot) == cluster->me;
    if (is_mine && owner != cluster->me && order->slot_has_keys) {
        refuse(answer,
               "ERR Can't assign hashslot %u to a different node while I still hold keys for "
               "this hash slot.",
               order->slot);
        return;
    }
    ensure(order->slot < SLOT_COUNT);
    if (is_locked(cluster, answer)) return;
    set_slot_owner(cluster, order->slot, owner);
}

static void order_set_slot(struct cluster *cluster, const struct cluster_order *order,
                           struct cluster_answer *answer)
{
    if (order->slot >= SLOT_COUNT) {
        refuse(answer, "ERR Invalid or out of range slot");
        return;
    }
    if (peer_is_replica(cluster->me) && !order->is_replicated) {
        refuse(answer, "ERR Please use SETSLOT only with masters.");
        return;
    }
    ensure(order->set_slot <= SET_SLOT_NODE);
    switch (order->set_slot) {
    case SET_SLOT_MIGRATING: set_slot_migrating(cluster, order, answer); break;
    case SET_SLOT_IMPORTING: set_slot_importing(cluster, order, answer); break;
    case SET_SLOT_STABLE: move_clear(cluster, order->slot); break;
    case SET_SLOT_NODE: set_slot_node(cluster, order, answer); break;
    }
}

/* --- epochs --- */

static void order_set_config_epoch(struct cluster *cluster, const struct cluster_order *order,
                                   struct cluster_answer *answer)
{
    struct peer *me = cluster->me;
    if (cluster->peer_count > 1) {
        refuse(answer, "ERR The user can assign a config epoch only when the node does not know "
                       "any other node.");
        return;
    }
    if (me->config_epoch != 0) {
        refuse(answer, "ERR Node config epoch is already non-zero");
        return;
    }
    if (is_locked(cluster, answer)) return;
    me->config_epoch = order->epoch;
    if (cluster->current_epoch < order->epoch) cluster->current_epoch = order->epoch;
    ensure(cluster->current_epoch >= me->config_epoch);
    cluster_save_first(cluster);
    cluster_changed(cluster);
}

static void order_bump_epoch(struct cluster *cluster, const struct cluster_order *order,
                             struct cluster_answer *answer)
{
    ensure(order->type == ORDER_BUMP_EPOCH);
    bool is_new = epochs_bump(cluster);
    confirm(answer, "%s %llu", is_new ? "BUMPED" : "STILL",
            (unsigned long long)cluster->me->config_epoch);
}

/* --- the whole node --- */

static void reset_identity(struct cluster *cluster, bool is_hard)
{
    struct peer *me = cluster->me;
    ensure(cluster->peer_count == 1);
    if (is_hard) {
        cluster->current_epoch = 0;
        cluster->last_vote_epoch = 0;
        me->config_epoch = 0;
        prng_hex(&cluster->prng, me->shard_id.hex, NODE_ID_SIZE);
    }
    /* Epochs fall and locks are dropped only together with the id: nobody may hear of them under
     * the old one. */
    if (is_hard || formation_needs_new_id(cluster)) {
        struct node_id id;
        prng_hex(&cluster->prng, id.hex, NODE_ID_SIZE);
        trace(cluster, LOG_LEVEL_NOTICE, "reset: node " ID_FORMAT " is " ID_FORMAT " now",
              ID_TEXT(me->id), ID_TEXT(id));
        peers_rename(cluster, me, &id);
    }
    cluster->cluster_id = 0;
}

static void order_reset(struct cluster *cluster, const struct cluster_order *order,
                        struct cluster_answer *answer)
{
    if (peer_is_primary(cluster->me) && order->has_keys) {
        refuse(answer, "ERR CLUSTER RESET can't be called with master nodes containing keys");
        return;
    }
    detach(cluster);
    slots_unbind_all(cluster, cluster->me);
    moves_clear(cluster);
    while (cluster->peer_count > 1) peer_forget(cluster, cluster->peers[cluster->peer_count - 1]);
    cluster->had_slots_at_start = false;
    cluster->is_in_minority = false;
    cluster->minority_ms = 0;
    reset_identity(cluster, order->is_hard);
    cluster_save_first(cluster);
    formation_on_reset(cluster);
    ensure(cluster->me->slot_count == 0);
    cluster_changed(cluster);
}

static void order_save_config(struct cluster *cluster, const struct cluster_order *order,
                              struct cluster_answer *answer)
{
    ensure(order->type == ORDER_SAVE_CONFIG && !answer->is_error);
    cluster_save_first(cluster);
}

static void order_failover(struct cluster *cluster, const struct cluster_order *order,
                           struct cluster_answer *answer)
{
    ensure(order->failover <= FAILOVER_TAKEOVER);
    manual_on_order(cluster, order, answer);
}

static void order_serve_empty(struct cluster *cluster, const struct cluster_order *order,
                              struct cluster_answer *answer)
{
    ensure(order->type == ORDER_SERVE_EMPTY);
    lineage_on_serve_empty(cluster, answer);
}

static void (*const handlers[])(struct cluster *, const struct cluster_order *,
                                struct cluster_answer *) = {
    [ORDER_MEET] = order_meet,
    [ORDER_FORGET] = order_forget,
    [ORDER_REPLICATE] = order_replicate,
    [ORDER_FAILOVER] = order_failover,
    [ORDER_ADD_SLOTS] = order_add_slots,
    [ORDER_DEL_SLOTS] = order_del_slots,
    [ORDER_FLUSH_SLOTS] = order_flush_slots,
    [ORDER_SET_SLOT] = order_set_slot,
    [ORDER_SET_CONFIG_EPOCH] = order_set_config_epoch,
    [ORDER_BUMP_EPOCH] = order_bump_epoch,
    [ORDER_RESET] = order_reset,
    [ORDER_SAVE_CONFIG] = order_save_config,
    [ORDER_SERVE_EMPTY] = order_serve_empty,
};

void cluster_order(struct cluster *cluster, const struct cluster_order *order,
                   struct cluster_effects *effects, struct cluster_answer *answer)
{
    ensure((size_t)order->type < COUNT_OF(handlers));
    step_begin(cluster, order->now_ms, order->wall_ms, effects);
    confirm(answer, "OK");
    handlers[order->type](cluster, order, answer);
    step_end(cluster, true);
}
