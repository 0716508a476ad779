/* What stories about owners have in common: who owns, who would execute a write, and that two never
 * do at once. */
#ifndef EIR_TESTS_TOY_STORY_H
#define EIR_TESTS_TOY_STORY_H

#include "unit/cluster/toy_net.h"

#include <check.h>

static inline struct cluster_peer_view toy_self(struct toy *toy, int index)
{
    struct cluster_peer_view view;
    cluster_peer_view(toy->nodes[index].core, 0, &view);
    return view;
}

static inline bool toy_lives(struct toy *toy, int index)
{
    return toy->nodes[index].core != NULL;
}

static inline bool toy_owns(struct toy *toy, int index, unsigned slot)
{
    if (!toy_lives(toy, index)) return false;
    struct cluster_peer_view self = toy_self(toy, index);
    return (self.flags & NODE_PRIMARY) && self.slots != NULL && slot_set_has(self.slots, slot);
}

/* It would execute a write to this slot now: what the lease is about. */
static inline bool toy_executes(struct toy *toy, int index, unsigned slot)
{
    if (!toy_owns(toy, index, slot)) return false;
    struct cluster_status status = toy_status(toy, index);
    return status.serves && toy->now_ms < status.lease_until_ms
           && toy->now_ms >= toy->nodes[index].paused_until_ms;
}

static inline int toy_executor(struct toy *toy, unsigned slot)
{
    int executor = -1;
    for (int i = 0; i < toy->node_count; i++) {
        if (!toy_executes(toy, i, slot)) continue;
        if (executor >= 0) {
            printf("[%lld] %d and %d both execute writes to slot %u\n", (long long)toy->now_ms,
                   executor, i, slot);
            return -2;
        }
        executor = i;
    }
    return executor;
}

/* Runs, and looks every millisecond that no slot has two executors; two slots stand for two
 * shards. */
static inline void toy_watch(struct toy *toy, time_ms for_ms)
{
    for (time_ms end_ms = toy->now_ms + for_ms; toy->now_ms < end_ms;) {
        toy_run(toy, 1);
        ck_assert_int_ne(toy_executor(toy, 0), -2);
        ck_assert_int_ne(toy_executor(toy, SLOT_COUNT - 1), -2);
    }
}

/* Runs until the node executes writes to the slot; returns how long that took, -1: not in time. */
static inline time_ms toy_await(struct toy *toy, int index, unsigned slot, time_ms at_most_ms)
{
    time_ms start_ms = toy->now_ms;
    while (!toy_executes(toy, index, slot)) {
        if (toy->now_ms - start_ms >= at_most_ms) return -1;
        toy_watch(toy, 1);
    }
    return toy->now_ms - start_ms;
}

/* Primaries first, then their replicas in turn; all settled and the traces empty. */
static inline struct toy *toy_settled(int nodes, int primaries, uint64_t seed)
{
    struct toy *toy = toy_create(nodes, seed);
    toy_form(toy, primaries);
    for (int i = 0; i < primaries; i++) {
        toy->nodes[i].facts = (struct cluster_facts){ .offset = 1000, .has_keys = true };
        toy->nodes[i].facts.replicas_online = nodes > primaries ? 1 : 0;
        toy_facts(toy, i);
    }
    toy_run(toy, 2000);
    for (int i = 0; i < nodes; i++) {
        ck_assert(toy_status(toy, i).is_ok);
        toy_trace_clear(toy, i);
    }
    return toy;
}

static inline void toy_set_offset(struct toy *toy, int index, uint64_t offset)
{
    toy->nodes[index].facts.offset = offset;
    toy->nodes[index].facts.link_active_ms = toy->now_ms;
    toy_facts(toy, index);
}

#endif
