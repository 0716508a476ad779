/* What a test has shown, printed in the layouts of valkey-benchmark, or as JSON. */
#ifndef EIR_TOOLS_BENCHMARK_REPORT_H
#define EIR_TOOLS_BENCHMARK_REPORT_H

#include "base/histogram.h"
#include "tools/benchmark_json.h"
#include "tools/benchmark_options.h"

struct report_node {
    const char *save;       /* CONFIG GET save */
    const char *appendonly; /* CONFIG GET appendonly */
};

struct report {
    const struct benchmark_options *options;
    const char *title;
    uint64_t request_count; /* that were answered */
    uint64_t redirect_count;
    uint64_t took_ns;
    size_t payload_size;
    size_t client_count, pipeline, thread_count;
    size_t primary_count; /* 0: no cluster */
    const struct report_node *nodes;
    size_t node_count;
    const struct histogram *latency_us;
};

/* Once, before all tests. */
void report_begin(const struct benchmark_options *options, struct json *json);
void report_print(const struct report *report, struct json *json);
void report_end(const struct benchmark_options *options, struct json *json);

#endif
