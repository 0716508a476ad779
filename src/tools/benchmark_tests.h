/* The standard tests, as valkey-benchmark has them. */
#ifndef EIR_TOOLS_BENCHMARK_TESTS_H
#define EIR_TOOLS_BENCHMARK_TESTS_H

#include "tools/benchmark_request.h"

struct benchmark_test {
    const char *names; /* for -t, with commas between and around them */
    const char *title;
    const char *words; /* with spaces between them, '%' where a cluster's tag goes */
    uint32_t repeated; /* the last words so often: 10 keys of MSET */
    uint32_t repeated_words;
    bool is_inline;
    bool is_read; /* a replica may answer it */
};

extern const struct benchmark_test benchmark_tests[];
extern const size_t benchmark_test_count;

struct benchmark_values {
    struct bytes data;
    bool has_numbers; /* -r was given */
    bool is_cluster;
    uint32_t function_count;
    uint32_t function_keys;
};

/* NULL selects everything. */
bool benchmark_test_is_selected(const struct benchmark_test *test, const char *selection);
void benchmark_test_write(const struct benchmark_test *test, const struct benchmark_values *values,
                          struct request_template *request);
/* `size` letters, random but the same for the same seed. */
void benchmark_data_write(struct buffer *data, size_t size, uint64_t seed);

#endif
