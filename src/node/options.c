/* From the configuration to the options of the cores, at start and after CONFIG SET. */
#include "base/ensure.h"
#include "base/log.h"
#include "base/memory.h"
#include "engine/slot_counts.h"
#include "node/parts.h"
#include <stdio.h>

static bool is_lfu(const struct config *config)
{
    return config->maxmemory_policy == CONFIG_POLICY_ALLKEYS_LFU ||
           config->maxmemory_policy == CONFIG_POLICY_VOLATILE_LFU;
}

static struct evict_policy evict_policy_of(const struct config *config)
{
    static const struct {
        enum evict_order order;
        bool is_volatile_only;
    } policies[] = {
        [CONFIG_POLICY_VOLATILE_LRU] = { EVICT_IDLE, true },
        [CONFIG_POLICY_VOLATILE_LFU] = { EVICT_RARE, true },
        [CONFIG_POLICY_VOLATILE_RANDOM] = { EVICT_ANY, true },
        [CONFIG_POLICY_VOLATILE_TTL] = { EVICT_SOON, true },
        [CONFIG_POLICY_ALLKEYS_LRU] = { EVICT_IDLE, false },
        [CONFIG_POLICY_ALLKEYS_LFU] = { EVICT_RARE, false },
        [CONFIG_POLICY_ALLKEYS_RANDOM] = { EVICT_ANY, false },
        [CONFIG_POLICY_NOEVICTION] = { EVICT_ANY, false },
    };
    ensure((size_t)config->maxmemory_policy < COUNT_OF(policies));
    return (struct evict_policy){
        .order = policies[config->maxmemory_policy].order,
        .is_volatile_only = policies[config->maxmemory_policy].is_volatile_only,
        .samples = (unsigned)config->maxmemory_samples,
    };
}

/* The time of one round of eviction: half a millisecond at the usual 10, a twentieth of that for
 * each step below, doubled by every eight above, no limit at 100. */
static uint64_t evict_budget_ns(int64_t tenacity)
{
    if (tenacity >= 100) return UINT64_MAX;
    if (tenacity <= 10) return MAX((uint64_t)tenacity, 1) * 50000;
    return (uint64_t)500000 << ((tenacity - 10) / 8);
}

struct value_rules options_value_rules(const struct node *node)
{
    const struct config *config = node->config;
    return (struct value_rules){
        .hash_max_listpack_entries = (size_t)config->hash_max_listpack_entries,
        .hash_max_listpack_value = (size_t)config->hash_max_listpack_value_bytes,
        .set_max_intset_entries = (size_t)config->set_max_intset_entries,
        .set_max_listpack_entries = (size_t)config->set_max_listpack_entries,
        .set_max_listpack_value = (size_t)config->set_max_listpack_value_bytes,
        .zset_max_listpack_entries = (size_t)config->zset_max_listpack_entries,
        .zset_max_listpack_value = (size_t)config->zset_max_listpack_value_bytes,
        .list_max_listpack_size = (int)config->list_max_listpack_size,
        .list_plain_min = node->debug.list_plain_min,
        .list_compress_depth = (unsigned)config->list_compress_depth,
        .hll_sparse_max_bytes = (size_t)config->hll_sparse_max_bytes,
        .stream_node_max_bytes = (size_t)config->stream_node_max_bytes,
        .stream_node_max_entries = (size_t)config->stream_node_max_entries,
    };
}

void options_engine(const struct node *node, struct engine_settings *settings)
{
    const struct config *config = node->config;
    *settings = (struct engine_settings){
        .password = bytes_text(config->requirepass),
        .bulk_size_max = MIN(config->proto_max_bulk_len_bytes, (int64_t)STRING_SIZE_MAX),
        .query_buffer_max = (size_t)config->client_query_buffer_limit_bytes,
        .database_count = keyspace_database_count(node->keyspace),
        .tracked_keys_max = (size_t)config->tracking_table_max_keys,
        .lazy_expire = config->lazyfree_lazy_expire,
        .lazy_eviction = config->lazyfree_lazy_eviction,
        .lazy_server_del = config->lazyfree_lazy_server_del,
        .lazy_user_del = config->lazyfree_lazy_user_del,
        .lazy_user_flush = config->lazyfree_lazy_user_flush,
        .is_lfu = is_lfu(config),
        .logs = {
            [COMMANDLOG_SLOW] = { config->commandlog_execution_slower_than_us,
                                  (size_t)config->commandlog_slow_execution_max_len },
            [COMMANDLOG_LARGE_REQUEST] = { config->commandlog_request_larger_than_bytes,
                                           (size_t)config->commandlog_large_request_max_len },
            [COMMANDLOG_LARGE_REPLY] = { config->commandlog_reply_larger_than_bytes,
                                         (size_t)config->commandlog_large_reply_max_len },
        },
        .latency_threshold_ms = config->latency_monitor_threshold_ms,
        .tracks_latency = config->latency_tracking,
        .memory_max = (size_t)config->maxmemory_bytes,
        .is_importing = config->import_mode,
        .may_evict =
            config->maxmemory_policy != CONFIG_POLICY_NOEVICTION && !config->import_mode,
        .evict = evict_policy_of(config),
        .evict_budget_ns = evict_budget_ns(config->maxmemory_eviction_tenacity),
        .replica_ignores_memory = config->replica_ignore_maxmemory,
        .dump_is_plain = !config->rdbcompression,
        .lazy_flush = config->lazyfree_lazy_user_flush,
        .dump_is_unchecked = node->debug.skips_checksums,
        .output_is_list = node->debug.counts_output_as_list,
        .dump_is_relaxed = config->rdb_version_check == CONFIG_VERSION_RELAXED,
        .availability_zone = config->availability_zone,
    };
}

void options_primary(const struct node *node, struct primary_options *options)
{
    const struct config *config = node->config;
    const struct config_output_limit *limit =
        &config->client_output_buffer_limit.of[CONFIG_CLIENT_REPLICA];
    *options = (struct primary_options){
        .ping_period_ms = config->repl_ping_replica_period_s * 1000,
        .timeout_ms = config->repl_timeout_s * 1000,
        .sync_delay_ms = config->repl_diskless_sync_delay_s * 1000,
        .sync_replicas_max = (unsigned)config->repl_diskless_sync_max_replicas,
        .is_diskless = config->repl_diskless_sync,
        .backlog_ttl_ms = config->repl_backlog_ttl_s * 1000,
        .replicas_min = (unsigned)config->min_replicas_to_write,
        .lag_max_ms = config->min_replicas_max_lag_s * 1000,
        .output_hard_bytes = (uint64_t)limit->hard_bytes,
        .output_soft_bytes = (uint64_t)limit->soft_bytes,
        .output_soft_ms = limit->soft_seconds * 1000,
        .is_cluster = config->cluster_enabled,
    };
}

void options_replica(const struct node *node, struct replica_options *options)
{
    const struct config *config = node->config;
    *options = (struct replica_options){
        .user = config->primaryuser,
        .password = config->primaryauth,
        .announced_ip = config->replica_announce_ip,
        .announced_port = (uint16_t)(config->replica_announce_port ? config->replica_announce_port
                                                                   : config->port),
        .node_id = node->cluster != NULL ? node->node_id : "",
        .timeout_ms = config->repl_timeout_s * 1000,
        .ack_period_ms = 1000,
    };
}

static void copy_text(char *to, size_t capacity, const char *from)
{
    snprintf(to, capacity, "%s", from);
}

static void options_announced(const struct config *config, struct cluster_options *options)
{
    struct address *address = &options->announced;
    copy_text(address->ip, sizeof(address->ip), config->cluster_announce_ip);
    int64_t port = config->cluster_announce_port ? config->cluster_announce_port : config->port;
    int64_t bus = config->cluster_port ? config->cluster_port : config->port + 10000;
    if (config->cluster_announce_bus_port) bus = config->cluster_announce_bus_port;
    address->port = (uint16_t)port;
    address->port_other = (uint16_t)config->cluster_announce_tls_port;
    address->bus_port = (uint16_t)bus;
    copy_text(options->hostname, sizeof(options->hostname), config->cluster_announce_hostname);
    copy_text(options->nodename, sizeof(options->nodename),
              config->cluster_announce_human_nodename);
    copy_text(options->client_ipv4, sizeof(options->client_ipv4),
              config->cluster_announce_client_ipv4);
    copy_text(options->client_ipv6, sizeof(options->client_ipv6),
              config->cluster_announce_client_ipv6);
    options->client_port = (uint16_t)config->cluster_announce_client_port;
    options->client_tls_port = (uint16_t)config->cluster_announce_client_tls_port;
    copy_text(options->zone, sizeof(options->zone), config->availability_zone);
}

void options_cluster(const struct node *node, struct cluster_options *options,
                     struct cluster_seed *seeds)
{
    const struct config *config = node->config;
    *options = (struct cluster_options){
        .skips_random_ping = node->debug.skips_random_ping,
        .skips_reconnection = node->debug.skips_reconnection,
        .node_timeout_ms = config->cluster_node_timeout_ms,
        .manual_failover_timeout_ms = config->cluster_manual_failover_timeout_ms,
        .blacklist_ttl_ms = config->cluster_blacklist_ttl_s * 1000,
        .repl_ping_period_ms = config->repl_ping_replica_period_s * 1000,
        .replica_validity_factor = (int)config->cluster_replica_validity_factor,
        .migration_barrier = (int)config->cluster_migration_barrier,
        .allow_replica_migration = config->cluster_allow_replica_migration,
        .require_full_coverage = config->cluster_require_full_coverage,
        .replica_no_failover = config->cluster_replica_no_failover,
        .shards = (unsigned)config->cluster_shards,
        .replicas_per_shard = (unsigned)config->cluster_replicas_per_shard,
        .seeds = seeds,
        .seed_count = config->cluster_seeds.count,
    };
    options_announced(config, options);
    copy_text(options->name, sizeof(options->name), config->cluster_name);
    for (size_t i = 0; i < config->cluster_seeds.count; i++) {
        const struct config_seed *seed = &config->cluster_seeds.items[i];
        copy_text(seeds[i].host, sizeof(seeds[i].host), seed->host);
        seeds[i].port = seed->port;
        seeds[i].bus_port = seed->bus_port;
    }
}

static void apply_cluster(struct node *node)
{
    if (node->cluster == NULL) return;
    struct cluster_options options;
    size_t count = node->config->cluster_seeds.count;
    struct cluster_seed *seeds = memory_alloc_zero((count + 1) * sizeof(*seeds));
    options_cluster(node, &options, seeds);
    cluster_configure(node->cluster, &options);
    memory_free(seeds);
}

static void apply_replication(struct node *node)
{
    struct primary_options primary;
    options_primary(node, &primary);
    primary_configure(node->primary, &primary);
    struct replica_options replica;
    options_replica(node, &replica);
    replica_configure(node->replica, &replica);
    backlog_resize(node->backlog, (size_t)node->config->repl_backlog_size_bytes);
}

static void apply_slot_stats(struct node *node)
{
    bool is_on = node->cluster != NULL && node->config->cluster_slot_stats_enabled;
    engine_count_slots(node->engine, is_on);
}

void options_apply(struct node *node, uint32_t areas)
{
    const struct config *config = node->config;
    options_engine(node, engine_settings(node->engine));
    engine_settings_changed(node->engine);
    if (areas & CONFIG_AREA_MEMORY) memory_use_background_thread(config->jemalloc_bg_thread);
    if (areas & CONFIG_AREA_MEMORY)
        keyspace_set_clock(node->keyspace, is_lfu(config) ? KEYSPACE_CLOCK_LFU : KEYSPACE_CLOCK_LRU,
                           (uint32_t)config->lfu_log_factor,
                           (uint32_t)config->lfu_decay_time_minutes);
    if (areas & CONFIG_AREA_ENCODING) {
        struct value_rules values = options_value_rules(node);
        keyspace_set_value_rules(node->keyspace, &values);
    }
    if (areas & CONFIG_AREA_NOTIFY) engine_notify(node->engine, config->notify_keyspace_events);
    if (areas & CONFIG_AREA_LOG) log_set_level(config->loglevel);
    if (areas & CONFIG_AREA_CLUSTER) apply_slot_stats(node);
    /* Texts of the replication options are borrowed from the configuration: always again. */
    apply_replication(node);
    if (areas &
        (CONFIG_AREA_CLUSTER | CONFIG_AREA_ANNOUNCE | CONFIG_AREA_REPLICATION | CONFIG_AREA_LISTEN))
        apply_cluster(node);
    node->permit_is_stale = true;
}

/* ---- what only the shell can do ----------------------------------------------------------- */

#define AREAS_OF_SHELL (CONFIG_AREA_LISTEN | CONFIG_AREA_DIRECTORY)

bool options_need_shell(uint32_t areas)
{
    return (areas & AREAS_OF_SHELL) != 0;
}

void options_ask_shell(struct node *node, struct session *session, uint32_t areas,
                       struct config *before, struct bytes error)
{
    struct config_change *change = &node->change;
    ensure(change->before == NULL);
    *change = (struct config_change){ .before = before, .areas = areas };
    change->session_id = session != NULL ? session->id : 0;
    buffer_append(&change->error, error);
    node_add_effect(node, NODE_APPLY)->count = (int)(areas & AREAS_OF_SHELL);
}

void options_forget_change(struct node *node)
{
    config_destroy(node->change.before);
    buffer_fini(&node->change.error);
    node->change = (struct config_change){ .before = NULL };
}

void options_applied(struct node *node, bool is_done)
{
    struct config_change *change = &node->change;
    if (change->before == NULL) return; /* the way back from a failure: nobody waits */
    struct session *session =
        change->session_id ? engine_session_find(node->engine, change->session_id) : NULL;
    if (!is_done) {
        /* The listeners that were closed for the new ones are opened again. */
        config_swap(node->config, change->before);
        options_apply(node, change->areas);
        node_add_effect(node, NODE_APPLY)->count = (int)(change->areas & AREAS_OF_SHELL);
    }
    if (session != NULL) {
        session_unblock(node->engine, session);
        if (is_done)
            resp_ok(&session->writer);
        else
            resp_error_bytes(&session->writer, buffer_bytes(&change->error));
        session_has_output(node->engine, session);
    }
    options_forget_change(node);
}
