/* INFO's sections Server, Memory, CPU and Modules: what this process is and what it uses. */
#include "base/memory.h"
#include "node/defrag.h"
#include "node/info.h"
#include "node/parts.h"

static struct node_measures measure(const struct node *node)
{
    struct node_measures measures = { .resident_bytes = 0 };
    if (node->measure != NULL) node->measure(&measures);
    return measures;
}

/* ---- Server ------------------------------------------------------------------------------- */

static void print_listeners(const struct node *node, struct buffer *into)
{
    const struct config *config = node->config;
    int count = 0;
    if (config->port > 0) {
        buffer_printf(into, "listener%d:name=tcp", count++);
        for (size_t i = 0; i < config->bind.count; i++)
            buffer_printf(into, ",bind=%s", config->bind.items[i]);
        buffer_printf(into, ",port=%lld\r\n", (long long)config->port);
    }
    if (config->unixsocket[0] != 0)
        buffer_printf(into, "listener%d:name=unix,bind=%s\r\n", count++, config->unixsocket);
}

static void print_version(const struct node *node, struct buffer *into)
{
    info_text(into, "redis_version", NODE_REDIS_VERSION);
    info_text(into, "server_name", "valkey");
    info_text(into, "valkey_version", NODE_VALKEY_VERSION);
    info_text(into, "valkey_release_stage", "ga");
    info_text(into, "eir_version", EIR_VERSION);
    info_text(into, "redis_git_sha1", "00000000");
    info_int(into, "redis_git_dirty", 0);
    info_text(into, "redis_build_id", "0");
    info_text(into, "server_mode", node->cluster != NULL ? "cluster" : "standalone");
    info_text(into, "os", node->system);
    info_int(into, "arch_bits", (int64_t)sizeof(void *) * 8);
    info_text(into, "monotonic_clock", "POSIX clock_gettime");
    info_text(into, "multiplexing_api", node->loop);
    info_text(into, "gcc_version", __VERSION__);
}

void info_server(struct node *node, struct buffer *into)
{
    time_ms up_s = (node->clock.now_ms - node->started_ms) / 1000;
    print_version(node, into);
    info_int(into, "process_id", node->process_id);
    info_text(into, "process_supervised", "no");
    buffer_printf(into, "run_id:%.40s\r\n", node->run_id);
    const struct info_figure figures[] = {
        { "tcp_port", node->config->port }, { "server_time_usec", node->clock.wall_ms * 1000 },
        { "uptime_in_seconds", up_s },      { "uptime_in_days", up_s / 86400 },
        { "hz", node->config->hz },         { "configured_hz", node->config->hz },
        { "clients_hz", node->config->hz }, { "lru_clock", node->clock.wall_ms / 1000 & 0xffffff },
    };
    info_figures(into, figures, COUNT_OF(figures));
    info_text(into, "executable", node->executable);
    info_text(into, "config_file", node->config->file);
    info_int(into, "io_threads_active", 0);
    info_text(into, "availability_zone", node->config->availability_zone);
    print_listeners(node, into);
    if (node->is_stopping)
        info_int(into, "shutdown_in_milliseconds", MAX(node->stop_by_ms - node->clock.now_ms, 0));
}

/* ---- Memory ------------------------------------------------------------------------------- */

static void print_size(struct buffer *into, const char *name, uint64_t value)
{
    char human[NUMBER_TEXT_MAX];
    number_print_human(value, human);
    info_int(into, name, (int64_t)value);
    buffer_printf(into, "%s_human:%s\r\n", name, human);
}

static void print_ratio(struct buffer *into, const char *name, double part, double whole)
{
    buffer_printf(into, "%s:%.2f\r\n", name, whole > 0 ? part / whole : 0.0);
}

static const char *policy_name(const struct node *node, struct buffer *text)
{
    buffer_clear(text);
    config_print(node->config, BYTES("maxmemory-policy"), text);
    buffer_append_byte(text, 0);
    return text->data;
}

static void print_used(const struct node *node, const struct node_measures *measures,
                       struct buffer *into)
{
    size_t used = memory_used();
    size_t peak = memory_peak();
    size_t overhead = MIN(data_overhead(node), used);
    size_t net = used > node->memory_at_start ? used - node->memory_at_start : 1;
    print_size(into, "used_memory", used);
    print_size(into, "used_memory_rss", measures->resident_bytes);
    print_size(into, "used_memory_peak", peak);
    buffer_printf(into, "used_memory_peak_perc:%.2f%%\r\n", (double)used * 100 / (double)peak);
    info_int(into, "used_memory_overhead", (int64_t)overhead);
    info_int(into, "used_memory_startup", (int64_t)node->memory_at_start);
    info_int(into, "used_memory_dataset", (int64_t)(used - overhead));
    buffer_printf(into, "used_memory_dataset_perc:%.2f%%\r\n",
                  MIN((double)(used - overhead) * 100 / (double)net, 100.0));
}

static void print_scripts(struct buffer *into)
{
    info_int(into, "used_memory_lua", 0);
    info_int(into, "used_memory_vm_eval", 0);
    info_text(into, "used_memory_lua_human", "0B");
    const struct info_figure figures[] = {
        { "used_memory_scripts_eval", 0 }, { "number_of_cached_scripts", 0 },
        { "number_of_functions", 0 },      { "number_of_libraries", 0 },
        { "used_memory_vm_functions", 0 },
    };
    info_figures(into, figures, COUNT_OF(figures));
    print_size(into, "used_memory_vm_total", 0);
    info_int(into, "used_memory_functions", 0);
    print_size(into, "used_memory_scripts", 0);
}

static void print_fragmentation(const struct node_measures *measures,
                                const struct memory_stats *stats, struct buffer *into)
{
    double used = (double)memory_used();
    double resident = (double)measures->resident_bytes;
    print_ratio(into, "allocator_frag_ratio", (double)stats->active, (double)stats->allocated);
    info_int(into, "allocator_frag_bytes", (int64_t)(stats->active - stats->allocated));
    print_ratio(into, "allocator_rss_ratio", (double)stats->resident, (double)stats->active);
    info_int(into, "allocator_rss_bytes", (int64_t)stats->resident - (int64_t)stats->active);
    print_ratio(into, "rss_overhead_ratio", resident, (double)stats->resident);
    info_int(into, "rss_overhead_bytes",
             (int64_t)measures->resident_bytes - (int64_t)stats->resident);
    print_ratio(into, "mem_fragmentation_ratio", resident, used);
    info_int(into, "mem_fragmentation_bytes", (int64_t)(resident - used));
}

void info_memory(struct node *node, struct buffer *into)
{
    struct node_measures measures = measure(node);
    struct memory_stats stats;
    defrag_measure(&stats);
    struct buffer policy = { 0 };
    print_used(node, &measures, into);
    const struct info_figure allocator[] = {
        { "allocator_allocated", (int64_t)stats.allocated },
        { "allocator_active", (int64_t)stats.active },
        { "allocator_resident", (int64_t)stats.resident },
        { "allocator_muzzy", (int64_t)stats.muzzy },
    };
    info_figures(into, allocator, COUNT_OF(allocator));
    print_size(into, "total_system_memory", node->memory_total);
    print_scripts(into);
    print_size(into, "maxmemory", (uint64_t)node->config->maxmemory_bytes);
    info_text(into, "maxmemory_policy", policy_name(node, &policy));
    print_fragmentation(&measures, &stats, into);
    const struct info_figure figures[] = {
        { "mem_not_counted_for_evict", (int64_t)engine_permit(node->engine)->memory_uncounted },
        { "mem_replication_backlog", (int64_t)backlog_memory(node->backlog) },
        { "mem_total_replication_buffers", (int64_t)backlog_memory(node->backlog) },
        { "mem_replicas_repl_buffer", 0 },
        { "mem_clients_slaves", (int64_t)node->client_memory.of[true] },
        { "mem_clients_normal", (int64_t)node->client_memory.of[false] },
        { "mem_cluster_links", 0 },
        { "mem_cluster_slot_import", 0 },
        { "mem_cluster_slot_export", 0 },
        { "mem_aof_buffer", 0 },
    };
    info_figures(into, figures, COUNT_OF(figures));
    info_text(into, "mem_allocator", stats.allocator);
    info_int(into, "mem_overhead_db_hashtable_rehashing", 0);
    info_int(into, "active_defrag_running", node->defrag.effort);
    info_int(into, "lazyfree_pending_objects", 0);
    info_int(into, "lazyfreed_objects", (int64_t)engine_counters(node->engine)->freed_aside);
    info_int(into, "eir_large_page_bytes", (int64_t)memory_large_bytes());
    buffer_fini(&policy);
}

/* ---- CPU, Modules ------------------------------------------------------------------------- */

static void print_seconds(struct buffer *into, const char *name, time_us value)
{
    buffer_printf(into, "%s:%.6f\r\n", name, (double)value / 1e6);
}

void info_cpu(struct node *node, struct buffer *into)
{
    struct node_measures measures = measure(node);
    print_seconds(into, "used_cpu_sys", measures.cpu_system_us);
    print_seconds(into, "used_cpu_user", measures.cpu_user_us);
    print_seconds(into, "used_cpu_sys_children", measures.cpu_system_children_us);
    print_seconds(into, "used_cpu_user_children", measures.cpu_user_children_us);
    print_seconds(into, "used_cpu_sys_main_thread", measures.cpu_system_us);
    print_seconds(into, "used_cpu_user_main_thread", measures.cpu_user_us);
    print_seconds(into, "used_active_time_main_thread",
                  measures.cpu_user_us + measures.cpu_system_us);
}

void info_tls(struct node *node, struct buffer *into)
{
    (void)node; /* there is no TLS yet, so there are no certificates */
    static const char *const kinds[] = { "server_cert", "client_cert", "ca_cert" };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        buffer_printf(into, "tls_%s_serial:none\r\n", kinds[i]);
        buffer_printf(into, "tls_%s_expires_in_seconds:0\r\n", kinds[i]);
    }
}

void info_engines(struct node *node, struct buffer *into)
{
    (void)node; /* no scripts yet */
    info_int(into, "engines_count", 0);
    info_int(into, "engines_total_used_memory", 0);
    info_int(into, "engines_total_memory_overhead", 0);
}

void info_modules(struct node *node, struct buffer *into)
{
    (void)node;
    (void)into; /* none: Valkey's built-in `lua` module comes with the scripts */
}
