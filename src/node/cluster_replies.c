/* What CLUSTER INFO, NODES, SLOTS, SHARDS and LINKS answer, from the core's view. */
#include "base/memory.h"
#include "node/parts.h"
#include <stdlib.h>

/* ---- INFO --------------------------------------------------------------------------------- */

static const char *const message_names[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_PING] = "ping",         [MESSAGE_PONG] = "pong",
    [MESSAGE_MEET] = "meet",         [MESSAGE_FAIL] = "fail",
    [MESSAGE_PUBLISH] = "publish",   [MESSAGE_AUTH_REQUEST] = "auth-req",
    [MESSAGE_AUTH_ACK] = "auth-ack", [MESSAGE_UPDATE] = "update",
    [MESSAGE_MFSTART] = "mfstart",   [MESSAGE_MODULE] = "module",
    [MESSAGE_EIR] = "eir",           [MESSAGE_PUBLISHSHARD] = "publishshard",
};

static void print_counts(const uint64_t *counts, const char *direction, struct buffer *into)
{
    uint64_t all = 0;
    for (int type = 0; type < MESSAGE_TYPE_COUNT; type++) {
        all += counts[type];
        if (counts[type] > 0)
            buffer_printf(into, "cluster_stats_messages_%s_%s:%llu\r\n", message_names[type],
                          direction, (unsigned long long)counts[type]);
    }
    buffer_printf(into, "cluster_stats_messages_%s:%llu\r\n", direction, (unsigned long long)all);
}

static const char *const guarantee_names[] = {
    [GUARANTEE_LEASE] = "lease",
    [GUARANTEE_CLASSIC] = "classic",
    [GUARANTEE_NONE] = "none",
};

/* Ours stand behind Valkey's: tools that parse the text skip what they do not know. */
static void print_ours(const struct node *node, const struct cluster_status *status,
                       struct buffer *into)
{
    buffer_printf(into, "eir_cluster_id:%016llx\r\n", (unsigned long long)status->cluster_id);
    buffer_printf(into, "eir_write_guarantee:%s\r\n", guarantee_names[status->guarantee]);
    time_ms left_ms = 0;
    if (status->is_primary && status->lease_until_ms == TIME_NEVER)
        left_ms = -1;
    else if (status->is_primary)
        left_ms = MAX(status->lease_until_ms - node->clock.now_ms, 0);
    buffer_printf(into, "eir_lease_left_ms:%lld\r\n", (long long)left_ms);
    buffer_printf(into, "eir_serves:%d\r\n", status->serves);
    buffer_printf(into, "eir_not_serving_because:%s\r\n",
                  status->serves || status->why_not == NULL ? "" : status->why_not);
}

void cluster_print_info(struct node *node, struct buffer *into)
{
    struct cluster_status status;
    cluster_status(node->cluster, &status);
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        { "slots_assigned", status.slots_assigned },
        { "slots_ok", status.slots_ok },
        { "slots_pfail", status.slots_pfail },
        { "slots_fail", status.slots_fail },
        { "nodes_pfail", status.nodes_pfail },
        { "nodes_fail", status.nodes_fail },
        { "voting_nodes_pfail", status.voters_pfail },
        { "voting_nodes_fail", status.voters_fail },
        { "known_nodes", cluster_peer_count(node->cluster) },
        { "size", status.size },
        { "current_epoch", status.current_epoch },
        { "my_epoch", status.config_epoch },
    };
    buffer_printf(into, "cluster_state:%s\r\n", status.is_ok && status.serves ? "ok" : "fail");
    for (size_t i = 0; i < COUNT_OF(figures); i++)
        buffer_printf(into, "cluster_%s:%llu\r\n", figures[i].name,
                      (unsigned long long)figures[i].value);
    struct cluster_counters counters;
    cluster_counters(node->cluster, &counters);
    print_counts(counters.sent, "sent", into);
    print_counts(counters.received, "received", into);
    buffer_printf(into,
                  "cluster_stats_bytes_sent:%llu\r\ncluster_stats_bytes_received:%llu\r\n"
                  "cluster_stats_pubsub_bytes_sent:0\r\ncluster_stats_pubsub_bytes_received:0\r\n"
                  "cluster_stats_module_bytes_sent:0\r\ncluster_stats_module_bytes_received:0\r\n"
                  "total_cluster_links_buffer_limit_exceeded:%llu\r\n",
                  (unsigned long long)node->bus_bytes_out, (unsigned long long)node->bus_bytes_in,
                  (unsigned long long)node->bus_links_over_limit);
    print_ours(node, &status, into);
}

/* ---- NODES -------------------------------------------------------------------------------- */

void cluster_reply_nodes(struct call *call)
{
    struct node *node = node_of(call);
    struct buffer text = { 0 };
    for (size_t i = 0; i < cluster_peer_count(node->cluster); i++) {
        cluster_print_node(node->cluster, i, &text);
        buffer_append_byte(&text, '\n');
    }
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

void cluster_reply_replicas(struct call *call, const struct node_id *primary)
{
    struct node *node = node_of(call);
    size_t peers = cluster_peer_count(node->cluster);
    struct buffer line = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < peers; i++) {
        struct cluster_peer_view peer;
        cluster_peer_view(node->cluster, i, &peer);
        count += node_id_equal(&peer.primary_id, primary);
    }
    reply_array(call, count);
    for (size_t i = 0; i < peers; i++) {
        struct cluster_peer_view peer;
        cluster_peer_view(node->cluster, i, &peer);
        if (!node_id_equal(&peer.primary_id, primary)) continue;
        buffer_clear(&line);
        cluster_print_node(node->cluster, i, &line);
        reply_bytes(call, buffer_bytes(&line));
    }
    buffer_fini(&line);
}

/* ---- SLOTS -------------------------------------------------------------------------------- */

struct endpoint_style {
    bool is_ip6;
    bool is_tls;
};

static struct endpoint_style style_of(const struct session *session)
{
    uint8_t kind = session->endpoint_kind;
    return (struct endpoint_style){
        .is_ip6 = kind == ENDPOINT_TCP6 || kind == ENDPOINT_TLS6,
        .is_tls = kind == ENDPOINT_TLS4 || kind == ENDPOINT_TLS6,
    };
}

static const char *client_ip(const struct cluster_peer_view *peer, struct endpoint_style style)
{
    const char *announced = style.is_ip6 ? peer->client_ipv6 : peer->client_ipv4;
    return announced[0] ? announced : peer->address.ip;
}

static void reply_endpoint(struct call *call, const struct cluster_peer_view *peer,
                           struct endpoint_style style)
{
    const struct node *node = node_of(call);
    if (node->config->cluster_preferred_endpoint_type == CONFIG_ENDPOINT_UNKNOWN)
        reply_null(call);
    else
        reply_text(call, permit_endpoint_host(node, peer, style.is_ip6));
}

static void reply_slots_node(struct call *call, const struct cluster_peer_view *peer)
{
    const struct node *node = node_of(call);
    struct endpoint_style style = style_of(call->session);
    enum config_endpoint type = node->config->cluster_preferred_endpoint_type;
    bool has_ip = type != CONFIG_ENDPOINT_IP;
    bool has_hostname = type != CONFIG_ENDPOINT_HOSTNAME && peer->hostname[0] != 0;
    bool has_zone = peer->zone[0] != 0;
    reply_array(call, 4);
    reply_endpoint(call, peer, style);
    reply_integer(call, permit_endpoint_port(peer, style.is_tls));
    reply_bytes(call, bytes_of(peer->id.hex, NODE_ID_SIZE));
    reply_map(call, (size_t)has_ip + has_hostname + has_zone);
    if (has_ip) {
        reply_text(call, "ip");
        reply_text(call, client_ip(peer, style));
    }
    if (has_hostname) {
        reply_text(call, "hostname");
        reply_text(call, peer->hostname);
    }
    if (has_zone) {
        reply_text(call, "availability-zone");
        reply_text(call, peer->zone);
    }
}

/* A replica at offset 0 of a primary that has written has no data yet: nobody should read it. */
static bool has_no_data(const struct cluster_peer_view *peer,
                        const struct cluster_peer_view *primary)
{
    return peer->offset == 0 && primary->offset > 0;
}

static bool is_shown_replica_of(const struct cluster_peer_view *peer,
                                const struct cluster_peer_view *primary)
{
    return node_id_equal(&peer->primary_id, &primary->id) && (peer->flags & NODE_FAIL) == 0 &&
           !has_no_data(peer, primary);
}

static void reply_slots_range(struct call *call, unsigned first, unsigned last, size_t owner)
{
    const struct cluster *cluster = node_of(call)->cluster;
    struct cluster_peer_view primary;
    cluster_peer_view(cluster, owner, &primary);
    size_t peers = cluster_peer_count(cluster);
    size_t replicas = 0;
    struct cluster_peer_view peer;
    for (size_t i = 0; i < peers; i++) {
        cluster_peer_view(cluster, i, &peer);
        replicas += is_shown_replica_of(&peer, &primary);
    }
    reply_array(call, 3 + replicas);
    reply_integer(call, first);
    reply_integer(call, last);
    reply_slots_node(call, &primary);
    for (size_t i = 0; i < peers; i++) {
        cluster_peer_view(cluster, i, &peer);
        if (is_shown_replica_of(&peer, &primary)) reply_slots_node(call, &peer);
    }
}

/* The next run of slots with one owner, from *slot on; false at the end. */
static bool next_owned_range(const int16_t *owners, unsigned *slot, unsigned *first, unsigned *last)
{
    while (*slot < SLOT_COUNT && owners[*slot] < 0) ++*slot;
    if (*slot == SLOT_COUNT) return false;
    *first = *slot;
    while (*slot < SLOT_COUNT && owners[*slot] == owners[*first]) ++*slot;
    *last = *slot - 1;
    return true;
}

void cluster_reply_slots(struct call *call)
{
    const int16_t *owners = cluster_slot_owners(node_of(call)->cluster);
    unsigned slot = 0;
    unsigned first;
    unsigned last;
    size_t count = 0;
    while (next_owned_range(owners, &slot, &first, &last)) count++;
    reply_array(call, count);
    slot = 0;
    while (next_owned_range(owners, &slot, &first, &last))
        reply_slots_range(call, first, last, (size_t)owners[first]);
}

/* ---- SHARDS ------------------------------------------------------------------------------- */

static const char *health_of(const struct node *node, const struct cluster_peer_view *peer)
{
    if (peer->flags & NODE_FAIL) return "fail";
    bool is_myself = (peer->flags & NODE_MYSELF) != 0;
    if (is_myself && node_is_loading(node)) return "loading";
    ptrdiff_t place = cluster_peer_find(node->cluster, &peer->primary_id);
    if (place < 0) return "online";
    struct cluster_peer_view primary;
    cluster_peer_view(node->cluster, (size_t)place, &primary);
    return has_no_data(peer, &primary) ? "loading" : "online";
}

static void reply_pair(struct call *call, const char *name, const char *value)
{
    reply_text(call, name);
    reply_text(call, value);
}

static void reply_shard_node(struct call *call, const struct cluster_peer_view *peer)
{
    const struct node *node = node_of(call);
    struct endpoint_style style = style_of(call->session);
    uint16_t port = permit_endpoint_port(peer, false);
    uint16_t tls_port = permit_endpoint_port(peer, true);
    bool has_hostname = peer->hostname[0] != 0;
    bool has_zone = peer->zone[0] != 0;
    reply_map(call, (size_t)(port != 0) + (tls_port != 0) + has_hostname + has_zone + 6);
    reply_text(call, "id");
    reply_bytes(call, bytes_of(peer->id.hex, NODE_ID_SIZE));
    if (port != 0) {
        reply_text(call, "port");
        reply_integer(call, port);
    }
    if (tls_port != 0) {
        reply_text(call, "tls-port");
        reply_integer(call, tls_port);
    }
    reply_pair(call, "ip", client_ip(peer, style));
    reply_text(call, "endpoint");
    reply_endpoint(call, peer, style);
    if (has_hostname) reply_pair(call, "hostname", peer->hostname);
    reply_pair(call, "role", node_id_is_none(&peer->primary_id) ? "master" : "replica");
    reply_text(call, "replication-offset");
    reply_integer(call, (int64_t)peer->offset);
    reply_pair(call, "health", health_of(node, peer));
    if (has_zone) reply_pair(call, "availability-zone", peer->zone);
}

static void reply_shard_slots(struct call *call, const struct slot_set *slots)
{
    unsigned slot = 0;
    unsigned first;
    unsigned last;
    size_t count = 0;
    while (slots != NULL && slot_set_next_range(slots, &slot, &first, &last)) count++;
    reply_array(call, count * 2);
    slot = 0;
    while (slots != NULL && slot_set_next_range(slots, &slot, &first, &last)) {
        reply_integer(call, first);
        reply_integer(call, last);
    }
}

/* One shard: the nodes with this shard id, of which `leader` is the first in the table. */
static void reply_shard(struct call *call, const struct node_id *shard)
{
    const struct cluster *cluster = node_of(call)->cluster;
    size_t peers = cluster_peer_count(cluster);
    const struct slot_set *slots = NULL;
    size_t count = 0;
    struct cluster_peer_view peer;
    for (size_t i = 0; i < peers; i++) {
        cluster_peer_view(cluster, i, &peer);
        if (!node_id_equal(&peer.shard_id, shard) || peer.flags & NODE_HANDSHAKE) continue;
        count++;
        if (node_id_is_none(&peer.primary_id) && peer.slot_count > 0) slots = peer.slots;
    }
    reply_map(call, 3);
    reply_text(call, "slots");
    reply_shard_slots(call, slots);
    reply_text(call, "nodes");
    reply_array(call, count);
    for (size_t i = 0; i < peers; i++) {
        cluster_peer_view(cluster, i, &peer);
        if (node_id_equal(&peer.shard_id, shard) && (peer.flags & NODE_HANDSHAKE) == 0)
            reply_shard_node(call, &peer);
    }
    reply_text(call, "id");
    reply_bytes(call, bytes_of(shard->hex, NODE_ID_SIZE));
}

static int compare_ids(const void *a, const void *b)
{
    return node_id_compare(a, b);
}

void cluster_reply_shards(struct call *call)
{
    const struct cluster *cluster = node_of(call)->cluster;
    size_t peers = cluster_peer_count(cluster);
    struct node_id *shards = memory_alloc(peers * sizeof(*shards));
    size_t count = 0;
    for (size_t i = 0; i < peers; i++) {
        struct cluster_peer_view peer;
        cluster_peer_view(cluster, i, &peer);
        if ((peer.flags & NODE_HANDSHAKE) == 0) shards[count++] = peer.shard_id;
    }
    qsort(shards, count, sizeof(*shards), compare_ids);
    size_t unique = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !node_id_equal(&shards[i], &shards[unique - 1])) shards[unique++] = shards[i];
    reply_array(call, unique);
    for (size_t i = 0; i < unique; i++) reply_shard(call, &shards[i]);
    memory_free(shards);
}

/* ---- LINKS -------------------------------------------------------------------------------- */

static void reply_link(struct call *call, const struct link *link, const struct node_id *id)
{
    bool is_outbound = (link->bus_link & 1) != 0;
    reply_map(call, 6);
    reply_pair(call, "direction", is_outbound ? "to" : "from");
    reply_text(call, "node");
    reply_bytes(call, bytes_of(id->hex, NODE_ID_SIZE));
    reply_text(call, "create-time");
    reply_integer(call, link->created_wall_ms);
    reply_pair(call, "events", link->output.size > 0 ? "rw" : "r");
    reply_text(call, "send-buffer-allocated");
    reply_integer(call, link->output.memory);
    reply_text(call, "send-buffer-used");
    reply_integer(call, (int64_t)link->output.size);
}

void cluster_reply_links(struct call *call)
{
    struct node *node = node_of(call);
    struct output_mark mark = output_mark(call->writer->output);
    size_t count = 0;
    for (uint32_t place = 0; place < node->link_count; place++) {
        const struct link *link = node->links[place];
        struct node_id id;
        if (link->number == 0 || link->kind != CONNECTION_BUS) continue;
        if (!cluster_link_peer(node->cluster, link->bus_link, &id)) continue;
        reply_link(call, link, &id);
        count++;
    }
    char header[NUMBER_TEXT_MAX + 4];
    size_t size = number_print((int64_t)count, header + 1);
    header[0] = '*';
    memcpy(header + 1 + size, "\r\n", 2);
    output_insert(call->writer->output, mark, bytes_of(header, size + 3));
}
