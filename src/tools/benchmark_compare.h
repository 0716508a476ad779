/* Several servers, measured in turns, and what they cost against each other. */
#ifndef EIR_TOOLS_BENCHMARK_COMPARE_H
#define EIR_TOOLS_BENCHMARK_COMPARE_H

#include "tools/benchmark_json.h"
#include "tools/benchmark_measure.h"
#include "tools/benchmark_options.h"

#define CONTESTANTS_MAX 4

struct comparison {
    const struct benchmark_options *options;
    struct contestant *contestants; /* owned: CONTESTANTS_MAX */
    size_t count;
    int server_core;
    int client_core;
    size_t rounds;
    uint64_t keyspace;
    uint64_t seed;
    struct json json;
    char server_path[512];
};

/* Chooses cores and pins this process; false: standard error was told why not. */
bool comparison_init(struct comparison *comparison, const struct benchmark_options *options);
void comparison_fini(struct comparison *comparison);

/* Ours first, then the other if there is one; with clusters, both again as nodes of clusters. */
bool comparison_start(struct comparison *comparison, bool with_clusters);
void comparison_stop(struct comparison *comparison);

/* One test under one load. */
struct comparison_row {
    const struct benchmark_test *test;
    int64_t value_size, client_count, pipeline;
    uint64_t request_count; /* a round; found by the run */
};
/* Runs it over the connections that are up, and prints it. */
bool comparison_run_row(struct comparison *comparison, struct comparison_row *row);

struct comparison_lists {
    struct number_list sizes;
    struct number_list clients;
    struct number_list pipelines;
};
/* Every test for every combination of the lists, a row each. */
bool comparison_run(struct comparison *comparison, const struct comparison_lists *lists);

#endif
