/* CLUSTER SLOT-STATS: what the slots of this node, or of its primary, hold.
 *
 *   SLOT-STATS SLOTSRANGE first last
 *   SLOT-STATS ORDERBY metric [LIMIT count] [ASC | DESC]
 *
 * Slots of equal value stand in ascending order, whichever way the values run. What costs time to
 * count is only counted, shown and sorted by while cluster-slot-stats-enabled says so. */
#include "base/memory.h"
#include "engine/slot_counts.h"
#include "node/parts.h"
#include <stdlib.h>

enum metric { METRIC_KEYS, METRIC_CPU, METRIC_IN, METRIC_OUT, METRIC_COUNT };

static const char *const metric_names[METRIC_COUNT] = {
    [METRIC_KEYS] = "key-count",
    [METRIC_CPU] = "cpu-usec",
    [METRIC_IN] = "network-bytes-in",
    [METRIC_OUT] = "network-bytes-out",
};

struct slot_stat {
    unsigned slot;
    uint64_t sorted_by;
    uint64_t values[METRIC_COUNT];
};

struct order {
    enum metric metric;
    size_t limit;
    bool is_ascending;
};

static unsigned metrics_shown(const struct node *node)
{
    return node->config->cluster_slot_stats_enabled ? METRIC_COUNT : METRIC_KEYS + 1;
}

static uint64_t slot_keys(const struct node *node, unsigned slot)
{
    uint64_t keys = 0;
    for (uint32_t db = 0; db < keyspace_database_count(node->keyspace); db++)
        keys += keyspace_slot_count(node->keyspace, db, slot);
    return keys;
}

static void fill_stat(const struct node *node, unsigned slot, struct slot_stat *stat)
{
    *stat = (struct slot_stat){ .slot = slot, .values = { slot_keys(node, slot) } };
    if (metrics_shown(node) < METRIC_COUNT) return;
    const struct slot_count *count = engine_slot_count(node->engine, slot);
    stat->values[METRIC_CPU] = count->ticks / 1000;
    stat->values[METRIC_IN] = count->bytes_in;
    stat->values[METRIC_OUT] = count->bytes_out;
}

static void reply_stat(struct call *call, const struct slot_stat *stat)
{
    unsigned shown = metrics_shown(node_of(call));
    reply_array(call, 2);
    reply_integer(call, stat->slot);
    reply_map(call, shown);
    for (unsigned metric = 0; metric < shown; metric++) {
        reply_text(call, metric_names[metric]);
        reply_integer(call, (int64_t)stat->values[metric]);
    }
}

/* Whose slots are shown: the place of this node, or of its primary, among the peers. */
static ptrdiff_t shown_owner(const struct cluster *cluster)
{
    struct cluster_peer_view myself;
    cluster_peer_view(cluster, 0, &myself);
    if (node_id_is_none(&myself.primary_id)) return 0;
    return cluster_peer_find(cluster, &myself.primary_id);
}

/* The caller frees `stats`. */
static size_t collect(const struct node *node, unsigned first, unsigned last,
                      struct slot_stat **stats)
{
    const int16_t *owners = cluster_slot_owners(node->cluster);
    ptrdiff_t owner = shown_owner(node->cluster);
    ensure(first <= last && last < SLOT_COUNT);
    *stats = memory_alloc((last - first + 1) * sizeof(**stats));
    size_t count = 0;
    for (unsigned slot = first; slot <= last; slot++)
        if (owners[slot] >= 0 && owners[slot] == owner) fill_stat(node, slot, &(*stats)[count++]);
    return count;
}

static void reply_stats(struct call *call, const struct slot_stat *stats, size_t count)
{
    reply_array(call, count);
    for (size_t i = 0; i < count; i++) reply_stat(call, &stats[i]);
}

/* ---- SLOTSRANGE --------------------------------------------------------------------------- */

static bool parse_slot(struct call *call, uint32_t index, unsigned *slot)
{
    int64_t value;
    if (number_parse(call_arg(call, index), &value) && value >= 0 && value < SLOT_COUNT) {
        *slot = (unsigned)value;
        return true;
    }
    reply_error(call, "ERR Invalid or out of range slot");
    return false;
}

static void reply_range(struct call *call)
{
    unsigned first;
    unsigned last;
    if (!parse_slot(call, 3, &first) || !parse_slot(call, 4, &last)) return;
    if (first > last) {
        reply_error_format(call, "ERR Start slot number %u is greater than end slot number %u",
                           first, last);
        return;
    }
    struct slot_stat *stats;
    size_t count = collect(node_of(call), first, last, &stats);
    reply_stats(call, stats, count);
    memory_free(stats);
}

/* ---- ORDERBY ------------------------------------------------------------------------------ */

static bool parse_limit(struct call *call, uint32_t index, size_t *limit)
{
    int64_t value;
    if (number_parse(call_arg(call, index), &value) && value >= 1 && value <= SLOT_COUNT) {
        *limit = (size_t)value;
        return true;
    }
    reply_error_format(call, "ERR Limit has to lie in between 1 and %d (maximum number of slots).",
                       SLOT_COUNT);
    return false;
}

static bool parse_order(struct call *call, struct order *order)
{
    order->limit = SLOT_COUNT;
    bool has_limit = false;
    bool has_direction = false;
    for (uint32_t at = 4; at < call->argc; at++) {
        bool is_limit = call_arg_is(call, at, "limit") && at + 1 < call->argc;
        bool is_ascending = call_arg_is(call, at, "asc");
        if (!is_limit && !is_ascending && !call_arg_is(call, at, "desc")) {
            reply_syntax_error(call);
            return false;
        }
        if (is_limit ? has_limit : has_direction) {
            reply_error(call, "ERR Multiple filters of the same type are disallowed.");
            return false;
        }
        if (is_limit) {
            has_limit = true;
            if (!parse_limit(call, ++at, &order->limit)) return false;
        } else {
            has_direction = true;
            order->is_ascending = is_ascending;
        }
    }
    return true;
}

static int compare_slots(const struct slot_stat *a, const struct slot_stat *b)
{
    return a->slot < b->slot ? -1 : a->slot > b->slot;
}

static int compare_ascending(const void *left, const void *right)
{
    const struct slot_stat *a = left;
    const struct slot_stat *b = right;
    if (a->sorted_by != b->sorted_by) return a->sorted_by < b->sorted_by ? -1 : 1;
    return compare_slots(a, b);
}

static int compare_descending(const void *left, const void *right)
{
    const struct slot_stat *a = left;
    const struct slot_stat *b = right;
    if (a->sorted_by != b->sorted_by) return a->sorted_by > b->sorted_by ? -1 : 1;
    return compare_slots(a, b);
}

static bool parse_metric(struct call *call, enum metric *metric)
{
    unsigned shown = metrics_shown(node_of(call));
    for (unsigned i = 0; i < shown; i++) {
        if (!call_arg_is(call, 3, metric_names[i])) continue;
        *metric = (enum metric)i;
        return true;
    }
    reply_error(call, "ERR Unrecognized sort metric for ORDERBY.");
    return false;
}

static void reply_ordered(struct call *call)
{
    struct order order = { .metric = METRIC_KEYS };
    if (!parse_metric(call, &order.metric) || !parse_order(call, &order)) return;
    struct slot_stat *stats;
    size_t count = collect(node_of(call), 0, SLOT_COUNT - 1, &stats);
    for (size_t i = 0; i < count; i++) stats[i].sorted_by = stats[i].values[order.metric];
    qsort(stats, count, sizeof(*stats),
          order.is_ascending ? compare_ascending : compare_descending);
    reply_stats(call, stats, MIN(count, order.limit));
    memory_free(stats);
}

void cluster_reply_slot_stats(struct call *call)
{
    if (call->argc == 5 && call_arg_is(call, 2, "slotsrange"))
        reply_range(call);
    else if (call->argc >= 4 && call_arg_is(call, 2, "orderby"))
        reply_ordered(call);
    else
        reply_error(call, "ERR unknown subcommand or wrong number of arguments for 'SLOT-STATS'. "
                          "Try CLUSTER HELP.");
}

/* ---- what comes and goes ------------------------------------------------------------------ */

void slot_stats_refresh(struct node *node)
{
    if (!node->config->cluster_slot_stats_enabled) return;
    const int16_t *owners = cluster_slot_owners(node->cluster);
    ptrdiff_t owner = shown_owner(node->cluster);
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        bool is_shown = owners[slot] >= 0 && owners[slot] == owner;
        if (is_shown == slot_set_has(&node->slots_counted, slot)) continue;
        engine_slot_count_reset(node->engine, slot);
        if (is_shown)
            slot_set_add(&node->slots_counted, slot);
        else
            slot_set_remove(&node->slots_counted, slot);
    }
}
