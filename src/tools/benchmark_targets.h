/* The servers that a benchmark goes to: one, or the nodes of a cluster. */
#ifndef EIR_TOOLS_BENCHMARK_TARGETS_H
#define EIR_TOOLS_BENCHMARK_TARGETS_H

#include "tools/benchmark_cluster.h"
#include "tools/benchmark_load.h"
#include "tools/benchmark_options.h"
#include "tools/benchmark_report.h"

struct targets {
    const struct benchmark_options *options;
    struct load_target *list;  /* owned */
    struct report_node *nodes; /* owned, their texts too: what CONFIG GET says */
    size_t count;
    size_t primary_count; /* 0: no cluster */
    struct buffer greeting;
    uint32_t greeting_count;
    char *all_tags;             /* owned; NULL: no cluster */
    struct request_tags **worn; /* owned: replaced tags; a thread may still read them */
    size_t worn_count;
};

/* Connects, asks who is there and what their configuration says. False: standard error was told
 * why. */
bool targets_init(struct targets *targets, const struct benchmark_options *options);
void targets_fini(struct targets *targets);
/* The cluster has changed: takes over who serves which slot now. Any thread may send meanwhile. */
void targets_refresh(struct targets *targets);
/* One request to every primary (or the one server), before a test; false: it was refused, and
 * standard error was told. */
bool targets_order(struct targets *targets, struct bytes request);

#endif
