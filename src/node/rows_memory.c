/* MEMORY: what keys, tables and buffers take, and what the allocator makes of it. */
#include "base/memory.h"
#include "base/number.h"
#include "node/defrag.h"
#include "node/parts.h"

/* ---- USAGE -------------------------------------------------------------------------------- */

#define SAMPLES_USUAL 5
#define TABLE_SHARE   12 /* bytes that a key takes in its table, see base/table.c */

static void memory_usage(struct call *call)
{
    int64_t samples = SAMPLES_USUAL;
    for (uint32_t i = 3; i < call->argc; i += 2) {
        if (!call_arg_is(call, i, "samples") || i + 1 == call->argc) {
            reply_syntax_error(call);
            return;
        }
        if (!call_integer(call, i + 1, &samples)) return;
        if (samples < 0) {
            reply_syntax_error(call);
            return;
        }
    }
    struct key key = call_key(call, 2);
    const struct entry *entry = keyspace_peek(call->keyspace, call->access, &key);
    if (entry == NULL) {
        reply_null(call);
        return;
    }
    size_t sampled = samples == 0 ? SIZE_MAX : (size_t)samples;
    reply_integer(call, (int64_t)(entry_memory(entry, sampled) + TABLE_SHARE));
}

/* ---- STATS -------------------------------------------------------------------------------- */

struct item {
    const char *name;
    int64_t value;
};

static void reply_items(struct call *call, const struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        reply_text(call, items[i].name);
        reply_integer(call, items[i].value);
    }
}

static void reply_ratio(struct call *call, const char *name, double part, double whole)
{
    reply_text(call, name);
    reply_double(call, whole > 0 ? part / whole : 0);
}

static size_t reply_databases(struct call *call)
{
    size_t count = 0;
    for (uint32_t db = 0; db < keyspace_database_count(call->keyspace); db++) {
        if (keyspace_count(call->keyspace, db) == 0) continue;
        resp_bulk_format(call->writer, "db.%u", db);
        reply_map(call, 2);
        const struct item items[] = {
            { "overhead.hashtable.main", (int64_t)keyspace_database_memory(call->keyspace, db) },
            { "overhead.hashtable.expires", 0 }, /* in the entries, and in the tables */
        };
        reply_items(call, items, COUNT_OF(items));
        count++;
    }
    return count;
}

static size_t reply_parts(struct call *call, const struct node *node, size_t overhead)
{
    size_t backlog = backlog_memory(node->backlog);
    const struct item before[] = {
        { "peak.allocated", (int64_t)memory_peak() },
        { "total.allocated", (int64_t)memory_used() },
        { "startup.allocated", (int64_t)node->memory_at_start },
        { "replication.backlog", (int64_t)backlog },
        { "replicas.repl.buffer", 0 }, /* they share the backlog's blocks */
        { "clients.slaves", 0 },
        { "clients.normal", 0 },
        { "cluster.links", 0 },
        { "cluster.slot_import", 0 },
        { "cluster.slot_export", 0 },
        { "aof.buffer", 0 },
        { "lua.caches", 0 },
        { "functions.caches", 0 },
    };
    const struct item behind[] = {
        { "overhead.db.hashtable.lut", (int64_t)keyspace_table_memory(call->keyspace) },
        { "overhead.db.hashtable.rehashing", 0 },
        { "overhead.total", (int64_t)overhead },
        { "db.dict.rehashing.count", 0 },
    };
    reply_items(call, before, COUNT_OF(before));
    size_t databases = reply_databases(call);
    reply_items(call, behind, COUNT_OF(behind));
    return COUNT_OF(before) + databases + COUNT_OF(behind);
}

static size_t reply_keys(struct call *call, const struct node *node, size_t overhead)
{
    size_t used = memory_used();
    size_t dataset = used > overhead ? used - overhead : 0;
    size_t net = used > node->memory_at_start ? used - node->memory_at_start : 1;
    size_t keys = 0;
    for (uint32_t db = 0; db < keyspace_database_count(call->keyspace); db++)
        keys += keyspace_count(call->keyspace, db);
    const struct item items[] = {
        { "keys.count", (int64_t)keys },
        { "keys.bytes-per-key", keys == 0 ? 0 : (int64_t)(net / keys) },
        { "dataset.bytes", (int64_t)dataset },
    };
    reply_items(call, items, COUNT_OF(items));
    reply_ratio(call, "dataset.percentage", (double)dataset * 100, (double)net);
    reply_ratio(call, "peak.percentage", (double)used * 100, (double)memory_peak());
    return COUNT_OF(items) + 2;
}

static size_t reply_allocator(struct call *call, const struct node *node)
{
    struct node_measures measures = { .resident_bytes = 0 };
    if (node->measure != NULL) node->measure(&measures);
    struct memory_stats stats;
    defrag_measure(&stats);
    double active = (double)stats.active, resident = (double)stats.resident;
    double all = (double)measures.resident_bytes, used = (double)memory_used();
    const struct item items[] = {
        { "allocator.allocated", (int64_t)stats.allocated },
        { "allocator.active", (int64_t)stats.active },
        { "allocator.resident", (int64_t)stats.resident },
        { "allocator.muzzy", (int64_t)stats.muzzy },
    };
    const struct item spare = { "allocator-fragmentation.bytes",
                                (int64_t)stats.active - (int64_t)stats.allocated };
    const struct item pages = { "allocator-rss.bytes", (int64_t)(resident - active) };
    const struct item rest = { "rss-overhead.bytes", (int64_t)(all - resident) };
    const struct item whole = { "fragmentation.bytes", (int64_t)(all - used) };
    reply_items(call, items, COUNT_OF(items));
    reply_ratio(call, "allocator-fragmentation.ratio", active, (double)stats.allocated);
    reply_items(call, &spare, 1);
    reply_ratio(call, "allocator-rss.ratio", resident, active);
    reply_items(call, &pages, 1);
    reply_ratio(call, "rss-overhead.ratio", all, resident);
    reply_items(call, &rest, 1);
    reply_ratio(call, "fragmentation", all, used);
    reply_items(call, &whole, 1);
    return COUNT_OF(items) + 8;
}

static void memory_stats_command(struct call *call)
{
    const struct node *node = node_of(call);
    size_t overhead = MIN(data_overhead(node), memory_used());
    struct output_mark mark = resp_begin(call->writer);
    size_t pairs = reply_parts(call, node, overhead);
    pairs += reply_keys(call, node, overhead);
    pairs += reply_allocator(call, node);
    resp_end_map(call->writer, mark, pairs);
}

/* ---- the allocator ------------------------------------------------------------------------ */

static void append_text(void *context, const char *text)
{
    buffer_append_text(context, text);
}

static void memory_malloc_stats(struct call *call)
{
    struct buffer text = { 0 };
    memory_report(append_text, &text);
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

static void memory_purge_command(struct call *call)
{
    memory_purge();
    reply_ok(call);
}

/* ---- DOCTOR ------------------------------------------------------------------------------- */

#define WORTH_A_LOOK (5 * MIB)

static void memory_doctor(struct call *call)
{
    const struct node *node = node_of(call);
    struct node_measures measures = { .resident_bytes = 0 };
    if (node->measure != NULL) node->measure(&measures);
    struct buffer text = { 0 };
    size_t used = memory_used(), peak = memory_peak();
    if (used < WORTH_A_LOOK) {
        buffer_append_text(&text, "There is too little data here to say anything about it: less "
                                  "than 5 MB are in use.\n");
    } else {
        if (peak > used + used / 2)
            buffer_printf(&text,
                          "- High peak: at the highest %zu bytes were in use, now there are %zu. "
                          "Free memory may not go back to the system before MEMORY PURGE.\n",
                          peak, used);
        if (measures.resident_bytes > used + used / 2 && measures.resident_bytes > used + 10 * MIB)
            buffer_printf(&text,
                          "- High fragmentation: the process takes %zu bytes for %zu in use. "
                          "MEMORY PURGE returns what is free.\n",
                          measures.resident_bytes, used);
        if (text.size == 0) buffer_append_text(&text, "No problem with memory was found.\n");
    }
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

static void memory_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "PURGE",
        "    Attempt to purge dirty pages for reclamation by the allocator.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
        NULL,
    };
    reply_help(call, lines);
}

/* clang-format off */
static const struct command memory_subcommands[] = {
    { .name = "doctor", .run = memory_doctor, .arity = 2, .group = GROUP_SERVER, .since = "4.0.0",
      .complexity = "O(1)", .summary = "Outputs a memory problems report.",
      .tips = "nondeterministic_output request_policy:all_shards response_policy:special" },
    { .name = "help", .run = memory_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_SERVER, .since = "4.0.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "malloc-stats", .run = memory_malloc_stats, .arity = 2, .flags = CMD_LOADING,
      .group = GROUP_SERVER, .since = "4.0.0",
      .complexity = "Depends on how much memory is allocated, could be slow",
      .summary = "Returns the allocator statistics.",
      .tips = "nondeterministic_output request_policy:all_shards response_policy:special" },
    { .name = "purge", .run = memory_purge_command, .arity = 2, .flags = CMD_LOADING,
      .group = GROUP_SERVER, .since = "4.0.0",
      .complexity = "Depends on how much memory is allocated, could be slow",
      .summary = "Asks the allocator to release memory.",
      .tips = "request_policy:all_shards response_policy:all_succeeded" },
    { .name = "stats", .run = memory_stats_command, .arity = 2, .group = GROUP_SERVER,
      .since = "4.0.0", .complexity = "O(1)", .summary = "Returns details about memory usage.",
      .tips = "nondeterministic_output request_policy:all_shards response_policy:special" },
    { .name = "usage", .run = memory_usage, .arity = -3, .flags = CMD_READ, .keys = KEY_AT(2),
      .key_flags = KEY_RO, .group = GROUP_SERVER, .args = "key [SAMPLES=count:integer]",
      .since = "4.0.0", .complexity = "O(N) where N is the number of samples.",
      .summary = "Estimates the memory usage of a key." },
    { 0 },
};

const struct command node_memory_rows[] = {
    { .name = "memory", .arity = -2, .group = GROUP_SERVER, .since = "4.0.0",
      .complexity = "Depends on subcommand.",
      .summary = "A container for memory diagnostics commands.",
      .subcommands = memory_subcommands },
};
/* clang-format on */
const size_t node_memory_row_count = COUNT_OF(node_memory_rows);
