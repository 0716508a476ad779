/* INFO's sections Clients, Persistence, Stats, Commandstats, Errorstats and Keyspace: what this
 * process does. */
#include "base/histogram.h"
#include "node/info.h"
#include "node/parts.h"

/* ---- Clients ------------------------------------------------------------------------------ */

static void count_follower(void *context, const struct follower_view *view)
{
    (void)view;
    ++*(int64_t *)context;
}

void info_clients(struct node *node, struct buffer *into)
{
    const struct engine_counters *counters = engine_counters(node->engine);
    const struct permit *permit = engine_permit(node->engine);
    int64_t replicas = 0;
    primary_each(node->primary, node->clock.now_ms, count_follower, &replicas);
    struct client_peaks peaks = client_memory_peaks(node);
    struct engine_watches watches = engine_watches(node->engine);
    bool is_paused_by_us = permit->pause != PAUSE_NONE;
    time_ms pause_until_ms =
        is_paused_by_us ? permit->pause_until_ms : counters->client_pause_until_ms;
    bool is_paused = pause_until_ms > node->clock.now_ms;
    const struct info_figure figures[] = {
        { "connected_clients", (int64_t)node->client_count - replicas },
        { "cluster_connections", node->bus_link_count },
        { "maxclients", node->config->maxclients },
        { "client_recent_max_input_buffer", (int64_t)peaks.input },
        { "client_recent_max_output_buffer", (int64_t)peaks.output },
        { "blocked_clients", (int64_t)counters->clients_blocked },
        { "tracking_clients", (int64_t)counters->clients_tracking },
        { "pubsub_clients", (int64_t)counters->clients_pubsub },
        { "watching_clients", (int64_t)watches.clients },
        { "clients_in_timeout_table", (int64_t)counters->clients_timed },
        { "total_watched_keys", (int64_t)watches.keys },
        { "total_blocking_keys", (int64_t)counters->keys_awaited },
        { "total_blocking_keys_on_nokey", (int64_t)counters->keys_awaited_gone },
    };
    info_figures(into, figures, COUNT_OF(figures));
    info_text(into, "paused_reason",
              !is_paused        ? "none"
              : is_paused_by_us ? "failover_in_progress"
                                : "client_pause");
    bool is_all = !is_paused_by_us && counters->client_pause == PAUSE_ALL;
    info_text(into, "paused_actions", !is_paused ? "none" : is_all ? "all" : "write");
    info_int(into, "paused_timeout_milliseconds",
             is_paused ? pause_until_ms - node->clock.now_ms : 0);
}

/* ---- Persistence -------------------------------------------------------------------------- */

static void print_loading(const struct node *node, struct buffer *into)
{
    const struct load *load = &node->load;
    double part = load->size ? (double)load->offset / (double)load->size : 1.0;
    info_int(into, "loading_start_time", load->started_wall_ms / 1000);
    info_int(into, "loading_total_bytes", (int64_t)load->size);
    info_int(into, "loading_rdb_used_mem", 0);
    info_int(into, "loading_loaded_bytes", (int64_t)load->offset);
    buffer_printf(into, "loading_loaded_perc:%.2f\r\n", part * 100);
    double passed_s = (double)(node->clock.now_ms - load->started_ms) / 1000;
    info_int(into, "loading_eta_seconds", part > 0 ? (int64_t)(passed_s * (1 - part) / part) : 1);
}

static void print_append_log(struct buffer *into)
{
    const struct info_figure figures[] = {
        { "aof_enabled", 0 },
        { "aof_rewrite_in_progress", 0 },
        { "aof_rewrite_scheduled", 0 },
        { "aof_last_rewrite_time_sec", -1 },
        { "aof_current_rewrite_time_sec", -1 },
    };
    info_figures(into, figures, COUNT_OF(figures));
    info_text(into, "aof_last_bgrewrite_status", "ok");
    info_int(into, "aof_rewrites", 0);
    info_int(into, "aof_rewrites_consecutive_failures", 0);
    info_text(into, "aof_last_write_status", "ok");
    info_int(into, "aof_last_cow_size", 0);
    info_int(into, "module_fork_in_progress", 0);
    info_int(into, "module_fork_last_cow_size", 0);
    info_int(into, "slot_migration_fork_in_progress", 0);
}

void info_persistence(struct node *node, struct buffer *into)
{
    const struct snapshots *snapshots = &node->snapshots;
    bool is_saving = snapshots->child_runs && snapshots->job == CHILD_SAVE;
    time_ms running_ms = node->clock.now_ms - snapshots->child_started_ms;
    const struct info_figure before[] = {
        { "loading", node_is_loading(node) },
        { "async_loading", node->incoming != NULL },
        { "current_cow_peak", 0 },
        { "current_cow_size", 0 },
        { "current_cow_size_age", 0 },
    };
    info_figures(into, before, COUNT_OF(before));
    buffer_append_text(into, "current_fork_perc:0.00\r\n");
    const struct info_figure figures[] = {
        { "current_save_keys_processed", 0 },
        { "current_save_keys_total", 0 },
        { "rdb_changes_since_last_save",
          (int64_t)(keyspace_dirty(node->keyspace) - node->dirty_saved) },
        { "rdb_bgsave_in_progress", is_saving || snapshots->wants_save },
        { "rdb_last_save_time", snapshots->last_save_wall_ms / 1000 },
    };
    info_figures(into, figures, COUNT_OF(figures));
    info_text(into, "rdb_last_bgsave_status", snapshots->last_failed ? "err" : "ok");
    const struct info_figure after[] = {
        { "rdb_last_bgsave_time_sec",
          snapshots->last_duration_ms < 0 ? -1 : snapshots->last_duration_ms / 1000 },
        { "rdb_current_bgsave_time_sec", is_saving ? running_ms / 1000 : -1 },
        { "rdb_saves", (int64_t)snapshots->saves },
        { "rdb_last_cow_size", 0 },
        { "rdb_last_load_keys_expired", (int64_t)snapshots->expired_keys },
        { "rdb_last_load_keys_loaded", (int64_t)snapshots->loaded_keys },
    };
    info_figures(into, after, COUNT_OF(after));
    print_append_log(into);
    if (node_is_loading(node)) print_loading(node, into);
}

/* ---- Stats -------------------------------------------------------------------------------- */

static void print_traffic(const struct node *node, struct buffer *into)
{
    const struct engine_counters *counters = engine_counters(node->engine);
    const struct info_figure figures[] = {
        { "total_connections_received", (int64_t)node->connections_received },
        { "total_commands_processed", (int64_t)counters->commands },
        { "instantaneous_ops_per_sec", (int64_t)turns_rate(node, RATE_COMMANDS) },
        { "total_net_input_bytes", (int64_t)node->net_in },
        { "total_net_output_bytes", (int64_t)node->net_out },
        { "total_net_repl_input_bytes", (int64_t)node->net_repl_in },
        { "total_net_repl_output_bytes", (int64_t)node->net_repl_out },
        { "total_net_cluster_slot_import_bytes", 0 },
        { "total_net_cluster_slot_export_bytes", 0 },
    };
    info_figures(into, figures, COUNT_OF(figures));
    turns_print_rates(node, into);
}

static void print_keys(const struct node *node, struct buffer *into)
{
    struct keyspace_stats stats;
    keyspace_stats_read(node->keyspace, &stats);
    const struct engine_counters *counters = engine_counters(node->engine);
    const struct primary_counts *syncs = primary_counts(node->primary);
    const struct info_figure syncing[] = {
        { "rejected_connections", (int64_t)node->connections_rejected },
        { "sync_full", (int64_t)syncs->sync_full },
        { "sync_partial_ok", (int64_t)syncs->sync_partial_ok },
        { "sync_partial_err", (int64_t)syncs->sync_partial_err },
        { "expired_keys", (int64_t)stats.expired },
        { "expired_fields", (int64_t)stats.expired_fields },
    };
    info_figures(into, syncing, COUNT_OF(syncing));
    buffer_append_text(into, "expired_stale_perc:0.00\r\n"
                             "expired_keys_with_volatile_items_stale_perc:0.00\r\n");
    const struct info_figure figures[] = {
        { "expired_time_cap_reached_count", 0 },
        { "expire_cycle_cpu_milliseconds", 0 },
        { "evicted_keys", (int64_t)stats.evicted },
        { "evicted_clients", (int64_t)node->client_memory.evicted },
        { "evicted_scripts", 0 },
        { "total_eviction_exceeded_time", (int64_t)counters->over_memory_ms },
        { "current_eviction_exceeded_time", (int64_t)counters->over_memory_now_ms },
        { "keyspace_hits", (int64_t)stats.hits },
        { "keyspace_misses", (int64_t)stats.misses },
    };
    info_figures(into, figures, COUNT_OF(figures));
}

void info_stats(struct node *node, struct buffer *into)
{
    const struct engine_counters *counters = engine_counters(node->engine);
    const struct defrag *defrag = &node->defrag;
    uint64_t current_ns = defrag->effort > 0 ? defrag->ns - defrag->started_ns : 0;
    print_traffic(node, into);
    print_keys(node, into);
    const struct info_figure figures[] = {
        { "pubsub_channels", (int64_t)counters->channels },
        { "pubsub_patterns", (int64_t)counters->patterns },
        { "pubsubshard_channels", (int64_t)counters->shard_channels },
        { "latest_fork_usec", node->snapshots.fork_us },
        { "total_forks", (int64_t)node->snapshots.forks },
        { "migrate_cached_sockets", 0 },
        { "slave_expires_tracked_keys", 0 },
        { "active_defrag_hits", (int64_t)defrag->counts.moved },
        { "active_defrag_misses", (int64_t)defrag->counts.left },
        { "active_defrag_key_hits", (int64_t)defrag->counts.keys_moved },
        { "active_defrag_key_misses", (int64_t)defrag->counts.keys_left },
        { "total_active_defrag_time", (int64_t)(defrag->ns / 1000000) },
        { "current_active_defrag_time", (int64_t)(current_ns / 1000000) },
        { "tracking_total_keys", (int64_t)counters->keys_tracked },
        { "tracking_total_items", (int64_t)counters->items_tracked },
        { "tracking_total_prefixes", (int64_t)counters->prefixes_tracked },
        { "unexpected_error_replies", 0 },
        { "total_error_replies", (int64_t)counters->error_replies },
        { "dump_payload_sanitizations", 0 },
        { "total_reads_processed", (int64_t)node->reads },
        { "total_writes_processed", (int64_t)node->writes },
        { "io_threaded_reads_processed", 0 },
        { "io_threaded_writes_processed", 0 },
        { "io_threaded_freed_objects", 0 },
        { "io_threaded_accept_processed", 0 },
        { "io_threaded_poll_processed", 0 },
        { "io_threaded_total_prefetch_batches", 0 },
        { "io_threaded_total_prefetch_entries", 0 },
        { "client_query_buffer_limit_disconnections", (int64_t)counters->queries_over_limit },
        { "client_output_buffer_limit_disconnections", (int64_t)node->clients_over_output },
        { "reply_buffer_shrinks", 0 },
        { "reply_buffer_expands", 0 },
    };
    info_figures(into, figures, COUNT_OF(figures));
    turns_print(node, into);
    const struct info_figure denied[] = {
        { "acl_access_denied_auth", (int64_t)counters->auth_denied },
        { "acl_access_denied_cmd", 0 },
        { "acl_access_denied_key", 0 },
        { "acl_access_denied_channel", 0 },
        { "acl_access_denied_tls_cert", 0 },
        { "acl_access_denied_db", 0 },
    };
    info_figures(into, denied, COUNT_OF(denied));
}

struct latency_printing {
    const struct config_percentiles *percentiles;
    struct buffer *into;
};

/* ---- Commandstats, Errorstats ------------------------------------------------------------- */

static void print_command(void *context, const char *name,
                          const struct command_statistics *statistics)
{
    uint64_t us = statistics->ticks / 1000;
    buffer_printf(context,
                  "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,"
                  "failed_calls=%llu\r\n",
                  name, (unsigned long long)statistics->calls, (unsigned long long)us,
                  statistics->calls ? (double)us / (double)statistics->calls : 0.0,
                  (unsigned long long)statistics->rejected, (unsigned long long)statistics->failed);
}

void info_commandstats(struct node *node, struct buffer *into)
{
    engine_visit_commands(node->engine, print_command, into);
}

/* Nanoseconds as microseconds with three decimals; percentiles as they were configured. */
static void print_latency(void *context, const char *name,
                          const struct command_statistics *statistics)
{
    const struct latency_printing *printing = context;
    if (statistics->latencies == NULL || histogram_count(statistics->latencies) == 0) return;
    const struct config_percentiles *wanted = printing->percentiles;
    buffer_printf(printing->into, "latency_percentiles_usec_%s:", name);
    for (size_t i = 0; i < wanted->count; i++) {
        uint64_t ns = histogram_percentile(statistics->latencies, wanted->items[i]);
        buffer_printf(printing->into, "%sp%g=%.3f", i == 0 ? "" : ",", wanted->items[i],
                      (double)ns / 1000);
    }
    buffer_append_text(printing->into, "\r\n");
}

void info_latencystats(struct node *node, struct buffer *into)
{
    if (!node->config->latency_tracking) return;
    struct latency_printing printing = { .percentiles =
                                             &node->config->latency_tracking_info_percentiles,
                                         .into = into };
    engine_visit_commands(node->engine, print_latency, &printing);
}

static void print_error(void *context, const char *code, uint64_t count)
{
    buffer_printf(context, "errorstat_%s:count=%llu\r\n", code, (unsigned long long)count);
}

void info_errorstats(struct node *node, struct buffer *into)
{
    engine_visit_errors(node->engine, print_error, into);
}

/* ---- Keyspace ----------------------------------------------------------------------------- */

void info_keyspace(struct node *node, struct buffer *into)
{
    for (uint32_t db = 0; db < keyspace_database_count(node->keyspace); db++) {
        struct keyspace_database_stats stats;
        keyspace_database_stats_read(node->keyspace, db, node->clock.wall_ms, &stats);
        if (stats.keys == 0) continue;
        buffer_printf(into,
                      "db%u:keys=%zu,expires=%zu,avg_ttl=%lld,keys_with_volatile_items=%zu\r\n", db,
                      stats.keys, stats.volatile_keys, (long long)stats.ttl_average_ms,
                      stats.keys_with_items);
    }
}
