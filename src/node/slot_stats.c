/* CLUSTER SLOT-STATS: what the slots of this node, or of its primary, hold.
 *
 *   SLOT-STATS SLOTSRANGE first last
 *   SLOT-STATS ORDERBY metric [LIMIT count] [ASC | DESC]
 *
 * Slots of equal value stand in ascending order, whichever way the values run. */
#include "base/memory.h"
#include "node/parts.h"
#include <stdlib.h>

struct slot_stat {
    unsigned slot;
    uint64_t keys;
};

struct order {
    size_t limit;
    bool is_ascending;
};

static uint64_t slot_keys(const struct node *node, unsigned slot)
{
    uint64_t keys = 0;
    for (uint32_t db = 0; db < keyspace_database_count(node->keyspace); db++)
        keys += keyspace_slot_count(node->keyspace, db, slot);
    return keys;
}

static void reply_stat(struct call *call, const struct slot_stat *stat)
{
    reply_array(call, 2);
    reply_integer(call, stat->slot);
    reply_map(call, 1);
    reply_text(call, "key-count");
    reply_integer(call, (int64_t)stat->keys);
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
        if (owners[slot] >= 0 && owners[slot] == owner)
            (*stats)[count++] = (struct slot_stat){ slot, slot_keys(node, slot) };
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
    *order = (struct order){ .limit = SLOT_COUNT };
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
    if (a->keys != b->keys) return a->keys < b->keys ? -1 : 1;
    return compare_slots(a, b);
}

static int compare_descending(const void *left, const void *right)
{
    const struct slot_stat *a = left;
    const struct slot_stat *b = right;
    if (a->keys != b->keys) return a->keys > b->keys ? -1 : 1;
    return compare_slots(a, b);
}

static void reply_ordered(struct call *call)
{
    struct order order;
    if (!call_arg_is(call, 3, "key-count")) {
        reply_error(call, "ERR Unrecognized sort metric for ORDERBY.");
        return;
    }
    if (!parse_order(call, &order)) return;
    struct slot_stat *stats;
    size_t count = collect(node_of(call), 0, SLOT_COUNT - 1, &stats);
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
