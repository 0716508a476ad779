/* A toy world for tests of the cluster core: nodes in one process, links that are FIFO and take a
 * millisecond, one virtual clock, disks that keep the last save. The real simulator is tests/sim;
 * this one is small enough to be understood beside a failing test. */
#ifndef EIR_TESTS_TOY_NET_H
#define EIR_TESTS_TOY_NET_H

#include "base/ensure.h"
#include "base/memory.h"
#include "base/prng.h"
#include "cluster/cluster.h"
#include "cluster/orders.h"
#include "cluster/view.h"

#include <stdio.h>
#include <stdlib.h>

#define TOY_NODES_MAX 64
#define TOY_WALL_MS   1700000000000

struct toy_node {
    struct cluster *core; /* NULL: crashed */
    struct cluster_options options;
    struct cluster_facts facts;
    struct cluster_effects effects;
    struct buffer disk;  /* nodes.conf as last saved */
    struct buffer trace; /* "[ms] text\n" since the last toy_trace_clear */
    link_number next_inbound;
    uint64_t seed;
    unsigned starts;
    bool save_fails;
    bool refuses; /* listener lost: connects are refused */
    bool is_cut;  /* black hole: nothing arrives, nothing is refused */
    unsigned saves, follows, leads, drops, flushes, delivered, changes;
    unsigned pauses, resumes, drains;
    time_ms paused_until_ms;
    bool is_handed_over;
};

struct toy_wire {
    int from, to; /* nodes */
    link_number out, in;
    bool is_up;
};

struct toy_event {
    time_ms at_ms;
    uint64_t order;
    int node;
    struct cluster_event event;
    struct cluster_message *message; /* owned */
};

struct toy {
    time_ms now_ms;
    int node_count;
    struct toy_node nodes[TOY_NODES_MAX];
    struct toy_wire *wires;
    size_t wire_count, wire_capacity;
    struct toy_event *events; /* sorted by time and order */
    size_t event_count, event_capacity;
    uint64_t order;
    uint64_t sent;
};

struct toy *toy_create(int count, uint64_t seed);
void toy_destroy(struct toy *toy);
void toy_run(struct toy *toy, time_ms for_ms);

/* --- one node --- */

/* From what its disk holds. */
void toy_create_core(struct toy *toy, int index);
/* An event of now, and what follows from it. */
void toy_step(struct toy *toy, int index, struct cluster_event event);
/* What waits in node->effects. */
void toy_perform(struct toy *toy, int index);
/* Tells the core node->facts. */
void toy_facts(struct toy *toy, int index);
/* As the kernel does for a dead process: every stream ends, connects are refused. */
void toy_crash(struct toy *toy, int index);
void toy_crash_with(struct toy *toy, int index, enum link_cause cause);
void toy_restart(struct toy *toy, int index);
/* This replica never stands for election: what happens without a successor can be seen. */
void toy_forbid_failover(struct toy *toy, int index);

/* --- orders: the text of the answer, valid until the next one --- */

const char *toy_do(struct toy *toy, int index, struct cluster_order order);
const char *toy_meet(struct toy *toy, int index, int other);
const char *toy_add_slots(struct toy *toy, int index, unsigned first, unsigned last);
/* `primaries` nodes share the slots evenly; the rest follow them in turn, synced. */
void toy_form(struct toy *toy, int primaries);

/* --- questions --- */

struct node_id toy_id(struct toy *toy, int index);
struct cluster_status toy_status(struct toy *toy, int index);
/* How node `index` sees node `other`; false when it does not know it. */
bool toy_sees(struct toy *toy, int index, int other, struct cluster_peer_view *view);
bool toy_sees_id(struct toy *toy, int index, const struct node_id *id,
                 struct cluster_peer_view *view);
bool toy_trace_has(struct toy *toy, int index, const char *text);
void toy_trace_clear(struct toy *toy, int index);

#endif
