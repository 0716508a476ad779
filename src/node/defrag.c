/* Active defragmentation: when, and how much of a processor it may take.
 *
 * Once a second it is measured what the allocators hold without use. When that is worth it, slabs
 * choose which of their regions can be vacated into the holes of the others (base/slabs.h), a walk
 * over all keys moves what stands there, in spells of a fraction of a millisecond, and the regions
 * go back to the system. While a child writes a snapshot nothing moves: each page that is touched
 * then is copied. */
#include "node/defrag.h"

#include "base/slabs.h"
#include "node/parts.h"

#define LOOK_PERIOD_MS 1000
#define KEYS_A_STEP    64

void defrag_measure(struct memory_stats *stats)
{
    struct slabs_stats slabs;
    memory_stats_read(stats);
    slabs_stats_read(&slabs);
    size_t used = slabs.object_bytes + slabs.whole_pages * SLAB_PAGE_BYTES;
    size_t holes = slabs.regions * MEMORY_REGION_BYTES - used;
    stats->allocated -= MIN(holes, stats->allocated);
}

/* Percent of a processor, in proportion between the thresholds; 0: not worth it. */
static unsigned effort_for(const struct config *config, const struct memory_stats *stats)
{
    size_t unused = stats->active - MIN(stats->allocated, stats->active);
    if (unused < (size_t)config->active_defrag_ignore_bytes || stats->allocated == 0) return 0;
    int64_t percent = (int64_t)(100 * (double)unused / (double)stats->allocated);
    int64_t lower = config->active_defrag_threshold_lower;
    int64_t upper = MAX(config->active_defrag_threshold_upper, lower + 1);
    if (percent < lower) return 0;
    int64_t least = config->active_defrag_cycle_min;
    int64_t most = MAX((int64_t)config->active_defrag_cycle_max, least);
    return (unsigned)(least + (most - least) * (MIN(percent, upper) - lower) / (upper - lower));
}

/* What a pass could not close is no reason for the next one: only more than that is. */
static bool is_worth_it(const struct defrag *defrag, const struct memory_stats *stats)
{
    size_t unused = stats->active - MIN(stats->allocated, stats->active);
    return unused > defrag->unused_after + defrag->unused_after / 4;
}

static void begin(struct node *node, unsigned effort)
{
    struct defrag *defrag = &node->defrag;
    slabs_vacate_begin();
    defrag->effort = effort;
    defrag->phase = DEFRAG_PLANS;
    defrag->walk = (struct defrag_walk){ 0 };
    defrag->started_ns = defrag->ns;
    defrag->next_ms = node->clock.now_ms;
}

static void look(struct node *node)
{
    struct defrag *defrag = &node->defrag;
    if (node->clock.now_ms < defrag->next_look_ms) return;
    defrag->next_look_ms = node->clock.now_ms + LOOK_PERIOD_MS;
    struct memory_stats stats;
    defrag_measure(&stats);
    unsigned effort = effort_for(node->config, &stats);
    if (defrag->effort > 0) {
        defrag->effort = MAX(effort, (unsigned)node->config->active_defrag_cycle_min);
    } else if (defrag->is_ended) { /* memory has been given back by now */
        defrag->unused_after = stats.active - MIN(stats.allocated, stats.active);
        defrag->is_ended = false;
    } else if (effort > 0 && is_worth_it(defrag, &stats)) {
        begin(node, effort);
    } else if (effort == 0) {
        defrag->unused_after = 0;
    }
}

/* One step; false when there is nothing more to do. */
static bool step(struct node *node)
{
    struct defrag *defrag = &node->defrag;
    if (!node->config->activedefrag) defrag->phase = DEFRAG_ENDS;
    if (defrag->phase == DEFRAG_PLANS) {
        if (slabs_vacate_plan() != SLABS_PLANNING) defrag->phase = DEFRAG_WALKS;
    } else if (defrag->phase == DEFRAG_WALKS) {
        if (!keyspace_defrag_step(node->keyspace, &defrag->walk, KEYS_A_STEP, &defrag->counts))
            defrag->phase = DEFRAG_ENDS;
    } else {
        return !slabs_vacate_end();
    }
    return true;
}

void defrag_turn(struct node *node)
{
    struct defrag *defrag = &node->defrag;
    if (!node->config->activedefrag && defrag->effort == 0) return;
    if (node->snapshots.child_runs || node_is_loading(node)) return; /* a pass waits */
    look(node);
    if (defrag->effort == 0 || node->clock.now_ms < defrag->next_ms) return;

    uint64_t start = node->ticks(), taken = 0;
    uint64_t budget = (uint64_t)node->config->active_defrag_cycle_us * 1000;
    bool goes_on = true;
    while (goes_on && taken <= budget) {
        goes_on = step(node);
        taken = node->ticks() - start;
    }
    defrag->ns += taken;
    if (!goes_on) {
        defrag->effort = 0;
        defrag->is_ended = true;
    }
    /* The rest of the time is for others: so much that the spell is its share. */
    uint64_t pause_ns = taken * (100 - MIN(defrag->effort, 99u)) / MAX(defrag->effort, 1u);
    defrag->next_ms = node->clock.now_ms + (time_ms)MAX(pause_ns / 1000000, UINT64_C(1));
    node_mark(node, "defragmentation");
}

time_ms defrag_deadline(const struct node *node)
{
    const struct defrag *defrag = &node->defrag;
    if (!node->config->activedefrag && defrag->effort == 0) return TIME_NEVER;
    if (node->snapshots.child_runs || node_is_loading(node)) return TIME_NEVER;
    return defrag->effort > 0 ? defrag->next_ms : defrag->next_look_ms;
}
