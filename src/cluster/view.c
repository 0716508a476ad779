/* The cluster as this node sees it: reads for replies, redirects and checkers. Changes nothing. */
#include "cluster/view.h"

#include "cluster/rules.h"

size_t cluster_peer_count(const struct cluster *cluster)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    return cluster->peer_count;
}

static time_ms wall_of(const struct cluster *cluster, time_ms at_ms)
{
    ensure(at_ms <= cluster->now_ms);
    return at_ms == 0 ? 0 : cluster->wall_ms - (cluster->now_ms - at_ms);
}

static void view_texts(const struct peer *peer, struct cluster_peer_view *view)
{
    view->hostname = view->nodename = view->zone = "";
    view->client_ipv4 = view->client_ipv6 = "";
    const struct peer_texts *texts = peer->texts;
    if (texts == NULL) return;
    ensure(texts->hostname[sizeof(texts->hostname) - 1] == 0);
    view->hostname = texts->hostname;
    view->nodename = texts->nodename;
    view->client_ipv4 = texts->client_ipv4;
    view->client_ipv6 = texts->client_ipv6;
    view->zone = texts->zone;
    view->client_port = texts->client_port;
    view->client_tls_port = texts->client_tls_port;
}

void cluster_peer_view(const struct cluster *cluster, size_t index, struct cluster_peer_view *view)
{
    ensure(index < cluster->peer_count);
    struct peer *peer = cluster->peers[index];
    bool is_me = peer == cluster->me;
    /* A replica shows the epoch of its primary, as its headers do. */
    const struct peer *claims = peer->primary != NULL ? peer->primary : peer;
    *view = (struct cluster_peer_view){
        .id = peer->id,
        .shard_id = peer->shard_id,
        .address = peer->address,
        .flags = peer->flags,
        .config_epoch = claims->config_epoch,
        .offset = is_me ? cluster->facts.offset : peer->offset,
        .ping_sent_wall_ms = wall_of(cluster, peer->ping_sent_ms),
        .pong_received_wall_ms = wall_of(cluster, peer->pong_received_ms),
        .is_connected = is_me || peer_is_connected(peer),
        .is_eir = is_me ? !cluster->options.is_classic : peer->is_eir,
        .slot_count = peer->slot_count,
        .failure_reports = is_me ? 0 : reports_count(cluster, peer),
        .slots = peer_slots(cluster, peer),
    };
    if (peer->primary != NULL) view->primary_id = peer->primary->id;
    view_texts(peer, view);
}

const struct node_id *cluster_peer_id(const struct cluster *cluster, size_t index)
{
    ensure(index < cluster->peer_count);
    return &cluster->peers[index]->id;
}

ptrdiff_t cluster_peer_find(const struct cluster *cluster, const struct node_id *id)
{
    const struct peer *peer = peers_find(cluster, id);
    ensure(peer == NULL || peer->index < cluster->peer_count);
    return peer == NULL ? -1 : (ptrdiff_t)peer->index;
}

void cluster_slot_view(const struct cluster *cluster, unsigned slot, struct slot_view *view)
{
    ensure(slot < SLOT_COUNT);
    const struct slot_move *move = move_find(cluster, slot);
    *view = (struct slot_view){ .owner = cluster->owner[slot] };
    if (move == NULL) return;
    view->state = (enum slot_state)move->state;
    view->partner = move->partner->id;
}

const int16_t *cluster_slot_owners(const struct cluster *cluster)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    return cluster->owner;
}

/* --- status --- */

static void count_slots(const struct peer *peer, struct cluster_status *status)
{
    status->slots_assigned += peer->slot_count;
    ensure(status->slots_assigned <= SLOT_COUNT);
    if (peer_is_failed(peer)) {
        status->slots_fail += peer->slot_count;
    } else if (peer_is_suspect(peer)) {
        status->slots_pfail += peer->slot_count;
    } else {
        status->slots_ok += peer->slot_count;
    }
}

static void count_health(const struct peer *peer, struct cluster_status *status)
{
    ensure(!peer->is_removed);
    if (peer_is_failed(peer)) {
        status->nodes_fail++;
        status->voters_fail += peer_is_voter(peer);
    } else if (peer_is_suspect(peer)) {
        status->nodes_pfail++;
        status->voters_pfail += peer_is_voter(peer);
    }
}

static bool serves(const struct cluster *cluster, const char **why_not)
{
    ensure(cluster->me != NULL);
    if (!formation_serves(cluster, why_not) || !lineage_serves(cluster, why_not)) return false;
    if (!cluster->save_failed) return true;
    *why_not = "nodes.conf cannot be saved";
    return false;
}

void cluster_status(const struct cluster *cluster, struct cluster_status *status)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    const struct peer *me = cluster->me;
    *status = (struct cluster_status){
        .is_ok = cluster->is_ok,
        .is_primary = peer_is_primary(me),
        .lease_until_ms = lease_until_ms(cluster),
        .guarantee = lease_guarantee(cluster),
        .current_epoch = cluster->current_epoch,
        .config_epoch = me->primary != NULL ? me->primary->config_epoch : me->config_epoch,
        .last_vote_epoch = cluster->last_vote_epoch,
        .size = cluster->size,
        .cluster_id = cluster->cluster_id,
        .manual_failover_runs = manual_is_running(cluster),
        .import_or_migration_open = cluster->move_count > 0,
    };
    status->serves = serves(cluster, &status->why_not);
    PEERS_EACH(cluster, peer)
    {
        count_slots(peer, status);
        count_health(peer, status);
    }
}

void cluster_counters(const struct cluster *cluster, struct cluster_counters *counters)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    *counters = cluster->counters;
}

/* --- CLUSTER NODES --- */

static const struct {
    uint16_t flag;
    const char *name;
} flag_names[] = {
    { NODE_MYSELF, "myself" }, { NODE_PRIMARY, "master" },
    { NODE_REPLICA, "slave" }, { NODE_PFAIL, "fail?" },
    { NODE_FAIL, "fail" },     { NODE_HANDSHAKE, "handshake" },
    { NODE_NOADDR, "noaddr" }, { NODE_NOFAILOVER, "nofailover" },
};

static void print_flags(uint16_t flags, struct buffer *into)
{
    bool is_first = true;
    for (size_t i = 0; i < COUNT_OF(flag_names); i++) {
        if (!(flags & flag_names[i].flag)) continue;
        if (!is_first) buffer_append_byte(into, ',');
        buffer_append_text(into, flag_names[i].name);
        is_first = false;
    }
    ensure(into->size > 0);
    if (is_first) buffer_append_text(into, "noflags");
}

/* Where clients reach it: announced for them by family and port, or as nodes do. */
static void print_address(const struct cluster_peer_view *view, enum cluster_reader reader,
                          struct buffer *into)
{
    const char *ip = reader & READER_IPV6 ? view->client_ipv6 : view->client_ipv4;
    if (ip[0] == 0) ip = view->address.ip;
    bool wants_other = ((reader & READER_TLS) != 0) != ((reader & READER_TLS_BUS) != 0);
    unsigned announced = reader & READER_TLS ? view->client_tls_port : view->client_port;
    unsigned port = wants_other && view->address.port_other != 0 ? view->address.port_other
                                                                 : view->address.port;
    ensure(ip != NULL);
    buffer_printf(into, "%s:%u@%u", ip, announced != 0 ? announced : port,
                  (unsigned)view->address.bus_port);
    if (view->hostname[0] != 0) buffer_printf(into, ",%s", view->hostname);
}

static void print_slots(const struct slot_set *slots, struct buffer *into)
{
    unsigned slot = 0, first, last;
    while (slot_set_next_range(slots, &slot, &first, &last)) {
        ensure(last < SLOT_COUNT);
        if (first == last)
            buffer_printf(into, " %u", first);
        else
            buffer_printf(into, " %u-%u", first, last);
    }
}

static void print_moves(const struct cluster *cluster, struct buffer *into)
{
    for (uint32_t i = 0; i < cluster->move_count; i++) {
        const struct slot_move *move = &cluster->moves[i];
        ensure(move->state != SLOT_STABLE);
        buffer_printf(into, " [%u-%c-" ID_FORMAT "]", (unsigned)move->slot,
                      move->state == SLOT_IMPORTING ? '<' : '>', ID_TEXT(move->partner->id));
    }
}

void cluster_print_node_for(const struct cluster *cluster, size_t index, enum cluster_reader reader,
                            struct buffer *into)
{
    struct cluster_peer_view view;
    cluster_peer_view(cluster, index, &view);
    ensure(!node_id_is_none(&view.id));
    buffer_printf(into, ID_FORMAT " ", ID_TEXT(view.id));
    print_address(&view, reader, into);
    buffer_append_byte(into, ' ');
    print_flags(view.flags, into);
    if (node_id_is_none(&view.primary_id))
        buffer_append_text(into, " -");
    else
        buffer_printf(into, " " ID_FORMAT, ID_TEXT(view.primary_id));
    buffer_printf(into, " %lld %lld %llu %s", (long long)view.ping_sent_wall_ms,
                  (long long)view.pong_received_wall_ms, (unsigned long long)view.config_epoch,
                  view.is_connected ? "connected" : "disconnected");
    print_slots(view.slots, into);
    if (index == 0) print_moves(cluster, into);
}

void cluster_print_node(const struct cluster *cluster, size_t index, struct buffer *into)
{
    ensure(index < cluster->peer_count);
    cluster_print_node_for(cluster, index, READER_PLAIN, into);
}

bool cluster_link_peer(const struct cluster *cluster, link_number number, struct node_id *id)
{
    const struct link *link = links_find(cluster, number);
    if (link == NULL || link->peer == NULL) return false;
    *id = link->peer->id;
    return true;
}
