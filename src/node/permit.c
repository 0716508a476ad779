/* What the engine may run: roles, refusals and a verdict for each slot, read off the cluster view,
 * the replication cores and the configuration.
 *
 * The slots are looked at again only when something changed, the state of the cluster and the lease
 * after each step of the core, the count of good replicas, which changes by time alone, in every
 * turn. */
#include "base/memory.h"
#include "engine/slot_counts.h"
#include "node/parts.h"
#include <stdio.h>

#define MISCONF_TEXT                                                                               \
    "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to " \
    "disk. Commands that may modify the data set are disabled, because this instance is "          \
    "configured to report errors during writes if RDB snapshotting fails "                         \
    "(stop-writes-on-bgsave-error option). Please check the Valkey logs for details about the "    \
    "RDB error."

void permit_init(struct node *node)
{
    memset(engine_permit(node->engine), 0, sizeof(struct permit));
    node->permit_is_stale = true;
}

static void endpoints_free(struct node *node)
{
    for (size_t i = 0; i < node->endpoint_count; i++)
        for (int kind = 0; kind < ENDPOINT_KIND_COUNT; kind++)
            memory_free((char *)node->endpoints[i].texts[kind]);
    memory_free(node->endpoints);
    node->endpoints = NULL;
    node->endpoint_count = 0;
}

void permit_fini(struct node *node)
{
    endpoints_free(node);
    memory_free(node->not_serving);
}

/* ---- endpoints --------------------------------------------------------------------------- */

const char *permit_endpoint_host(const struct node *node, const struct cluster_peer_view *peer,
                                 bool is_ip6)
{
    switch (node->config->cluster_preferred_endpoint_type) {
    case CONFIG_ENDPOINT_HOSTNAME: return peer->hostname[0] ? peer->hostname : "?";
    case CONFIG_ENDPOINT_UNKNOWN: return "";
    case CONFIG_ENDPOINT_IP: break;
    }
    const char *announced = is_ip6 ? peer->client_ipv6 : peer->client_ipv4;
    return announced[0] ? announced : peer->address.ip;
}

uint16_t permit_endpoint_port(const struct cluster_peer_view *peer, bool is_tls)
{
    uint16_t announced = is_tls ? peer->client_tls_port : peer->client_port;
    if (announced != 0) return announced;
    return is_tls ? peer->address.port_other : peer->address.port;
}

static void endpoints_refresh(struct node *node)
{
    endpoints_free(node);
    size_t count = cluster_peer_count(node->cluster);
    node->endpoints = memory_alloc_zero(count * sizeof(struct endpoint));
    node->endpoint_count = count;
    for (size_t i = 0; i < count; i++) {
        struct cluster_peer_view peer;
        cluster_peer_view(node->cluster, i, &peer);
        for (int kind = 0; kind < ENDPOINT_KIND_COUNT; kind++) {
            bool is_ip6 = kind == ENDPOINT_TCP6 || kind == ENDPOINT_TLS6;
            bool is_tls = kind == ENDPOINT_TLS4 || kind == ENDPOINT_TLS6;
            char text[320];
            snprintf(text, sizeof(text), "%s:%u", permit_endpoint_host(node, &peer, is_ip6),
                     permit_endpoint_port(&peer, is_tls));
            node->endpoints[i].texts[kind] = memory_copy_text(text);
        }
    }
}

/* ---- slots ------------------------------------------------------------------------------- */

static uint8_t slot_verdict(const struct slot_view *view, ptrdiff_t my_primary)
{
    if (view->owner == 0) return view->state == SLOT_MIGRATING ? SLOT_MIGRATING_AWAY : SLOT_SERVED;
    if (view->state == SLOT_IMPORTING) return SLOT_ARRIVING;
    if (view->owner < 0) return SLOT_UNASSIGNED;
    if (view->owner != my_primary) return SLOT_ELSEWHERE;
    return view->state == SLOT_MIGRATING ? SLOT_SHARD_MIGRATING : SLOT_SHARD;
}

static void slots_refresh(struct node *node, struct permit *permit)
{
    struct cluster_peer_view myself;
    cluster_peer_view(node->cluster, 0, &myself);
    ptrdiff_t my_primary = node_id_is_none(&myself.primary_id)
                               ? -1
                               : cluster_peer_find(node->cluster, &myself.primary_id);
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        struct slot_view view;
        cluster_slot_view(node->cluster, slot, &view);
        permit->verdicts[slot] = slot_verdict(&view, my_primary);
        permit->owners[slot] = (uint16_t)MAX(view.owner, 0);
        ptrdiff_t partner =
            view.state == SLOT_STABLE ? -1 : cluster_peer_find(node->cluster, &view.partner);
        permit->ask_owners[slot] = (uint16_t)MAX(partner, 0);
    }
}

static void set_not_serving(struct node *node, struct permit *permit, const char *why_not)
{
    memory_free(node->not_serving);
    node->not_serving = NULL;
    if (why_not != NULL) {
        char text[320];
        snprintf(text, sizeof(text), "CLUSTERDOWN %s", why_not);
        node->not_serving = memory_copy_text(text);
    }
    permit->not_serving = node->not_serving;
}

static void log_state_change(struct node *node, bool is_down, bool was_down)
{
    if (is_down != was_down)
        node_trace(node, LOG_LEVEL_NOTICE, "Cluster state changed: %s", is_down ? "fail" : "ok");
}

static void cluster_refresh(struct node *node, struct permit *permit)
{
    endpoints_refresh(node);
    permit->endpoints = node->endpoints;
    permit->endpoint_count = (uint32_t)node->endpoint_count;
    permit->reads_while_down = node->config->cluster_allow_reads_when_down;
    permit->shard_pubsub_while_down = node->config->cluster_allow_pubsubshard_when_down;
    slots_refresh(node, permit);
    engine_slots_changed(node->engine);
}

void permit_refresh_cluster(struct node *node)
{
    struct permit *permit = engine_permit(node->engine);
    struct cluster_status status;
    cluster_status(node->cluster, &status);
    log_state_change(node, !status.is_ok, permit->is_cluster_down);
    permit->is_cluster_down = !status.is_ok;
    struct cluster_peer_view myself;
    cluster_peer_view(node->cluster, 0, &myself);
    /* Who owns no slots has nothing that a successor could also write. */
    permit->has_lease =
        status.is_primary && myself.slot_count > 0 && status.lease_until_ms != TIME_NEVER;
    /* Who waits for a lease goes on when there is one. */
    bool had_lease = node->clock.now_ms < permit->writes_until_ms;
    bool has_lease = node->clock.now_ms < status.lease_until_ms;
    if (has_lease && !had_lease) permit->generation++;
    permit->writes_until_ms = status.lease_until_ms;
    const char *why_not = status.serves ? NULL : status.why_not;
    if (why_not != node->why_not) set_not_serving(node, permit, why_not);
    node->why_not = why_not;
}

/* The voters answer within a round trip; a node that is cut off gets its error soon enough. */
#define LEASE_AWAITED_MS 1000

void permit_await_lease(struct node *node)
{
    struct permit *permit = engine_permit(node->engine);
    time_ms patience_ms = MIN(node->config->cluster_node_timeout_ms / 5, LEASE_AWAITED_MS);
    permit->lease_awaited_until_ms = node->clock.now_ms + patience_ms;
}

void permit_pause(struct node *node, time_ms until_ms)
{
    struct permit *permit = engine_permit(node->engine);
    permit->pause = until_ms ? PAUSE_WRITES : PAUSE_NONE;
    permit->pause_until_ms = until_ms;
    permit->generation++;
    feed_facts(node);
}

void permit_refresh_cheap(struct node *node)
{
    struct permit *permit = engine_permit(node->engine);
    permit->lacks_replicas = !primary_may_write(node->primary, node->clock.now_ms);
    if (node->config->cluster_slot_stats_enabled)
        engine_count_slots_for(node->engine, primary_count_online(node->primary));
    /* What slow replicas keep of the stream beyond the backlog's own size: evicting for its sake
     * would make the stream longer still. */
    size_t held = backlog_memory(node->backlog);
    size_t own = backlog_size_max(node->backlog);
    permit->memory_uncounted = held > own ? held - own : 0;
}

void permit_refresh(struct node *node)
{
    const struct config *config = node->config;
    struct permit *permit = engine_permit(node->engine);
    struct replica_view view;
    replica_look(node->replica, &view);
    node->permit_is_stale = false;
    permit->generation++; /* whoever waits is looked at again */

    permit->is_cluster = node->cluster != NULL;
    permit->is_replica = view.state != REPLICA_IDLE;
    permit->is_replica_read_only = config->replica_read_only;
    permit->is_loading = node_is_loading(node);
    permit->is_loading_beside = node->incoming != NULL;
    permit->is_stale =
        permit->is_replica && view.state != REPLICA_CONNECTED && !config->replica_serve_stale_data;
    permit->misconf =
        node->snapshots.last_failed && config->stop_writes_on_bgsave_error && config->save.count > 0
            ? MISCONF_TEXT
            : NULL;
    if (node->cluster != NULL) {
        cluster_refresh(node, permit);
        permit_refresh_cluster(node);
        slot_stats_refresh(node);
    }
    permit_refresh_cheap(node);
    feed_facts(node);
}
