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
#define REST_MS        60000 /* after a pass that won less than a twentieth */
#define KEYS_A_STEP    64

static size_t slab_holes(void)
{
    struct slabs_stats slabs;
    slabs_stats_read(&slabs);
    size_t used = slabs.object_bytes + slabs.whole_pages * SLAB_PAGE_BYTES;
    return slabs.regions * MEMORY_REGION_BYTES - used;
}

void defrag_measure(struct memory_stats *stats)
{
    memory_stats_read(stats);
    stats->allocated -= MIN(slab_holes(), stats->allocated);
}

static size_t unused_bytes(const struct memory_stats *stats)
{
    return stats->active - MIN(stats->allocated, stats->active);
}

/* Percent of a processor, in proportion between the thresholds; 0: not worth it. */
static unsigned effort_for(const struct config *config, const struct memory_stats *stats)
{
    size_t unused = unused_bytes(stats);
    if (unused < (size_t)config->active_defrag_ignore_bytes || stats->allocated == 0) return 0;
    int64_t percent = (int64_t)(100 * (double)unused / (double)stats->allocated);
    int64_t lower = config->active_defrag_threshold_lower;
    int64_t upper = MAX(config->active_defrag_threshold_upper, lower + 1);
    if (percent < lower) return 0;
    int64_t least = config->active_defrag_cycle_min;
    int64_t most = MAX((int64_t)config->active_defrag_cycle_max, least);
    return (unsigned)(least + (most - least) * (MIN(percent, upper) - lower) / (upper - lower));
}

static void begin(struct node *node, unsigned effort, const struct memory_stats *stats)
{
    struct defrag *defrag = &node->defrag;
    struct memory_stats beside = *stats; /* what slabs do not answer for */
    beside.active -= MIN(slab_holes(), beside.active);
    slabs_vacate_begin();
    defrag->effort = effort;
    defrag->phase = DEFRAG_PLANS;
    defrag->walks_anyway = effort_for(node->config, &beside) > 0;
    defrag->active_before = stats->active;
    defrag->walk = (struct defrag_walk){ 0 };
    defrag->started_ns = defrag->ns;
    defrag->next_ms = node->clock.now_ms;
}

/* Where it won little, others own what stands in the way: soon again would be in vain. */
static void end(struct node *node)
{
    struct defrag *defrag = &node->defrag;
    struct memory_stats stats;
    memory_stats_read(&stats);
    bool has_won = stats.active < defrag->active_before - defrag->active_before / 20;
    defrag->effort = 0;
    defrag->next_look_ms = node->clock.now_ms + (has_won ? LOOK_PERIOD_MS : REST_MS);
}

static void look(struct node *node)
{
    struct defrag *defrag = &node->defrag;
    if (node->clock.now_ms < defrag->next_look_ms) return;
    defrag->next_look_ms = node->clock.now_ms + LOOK_PERIOD_MS;
    struct memory_stats stats;
    defrag_measure(&stats);
    unsigned effort = effort_for(node->config, &stats);
    if (defrag->effort > 0)
        defrag->effort = MAX(effort, (unsigned)node->config->active_defrag_cycle_min);
    else if (effort > 0)
        begin(node, effort, &stats);
}

/* One step; false when there is nothing more to do. */
static bool step(struct node *node)
{
    struct defrag *defrag = &node->defrag;
    if (!node->config->activedefrag) defrag->phase = DEFRAG_ENDS;
    if (defrag->phase == DEFRAG_PLANS) {
        enum slabs_vacating state = slabs_vacate_plan();
        if (state == SLABS_PLANNING) return true;
        bool walks = state == SLABS_LEAVING || defrag->walks_anyway;
        defrag->phase = walks ? DEFRAG_WALKS : DEFRAG_ENDS;
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
    /* The rest of the time is for others: so much that the spell is its share. */
    uint64_t pause_ns = taken * (100 - MIN(defrag->effort, 99u)) / MAX(defrag->effort, 1u);
    defrag->next_ms = node->clock.now_ms + (time_ms)MAX(pause_ns / 1000000, UINT64_C(1));
    if (!goes_on) end(node);
    node_mark(node, "defragmentation");
}

time_ms defrag_deadline(const struct node *node)
{
    const struct defrag *defrag = &node->defrag;
    if (!node->config->activedefrag && defrag->effort == 0) return TIME_NEVER;
    if (node->snapshots.child_runs || node_is_loading(node)) return TIME_NEVER;
    return defrag->effort > 0 ? defrag->next_ms : defrag->next_look_ms;
}
