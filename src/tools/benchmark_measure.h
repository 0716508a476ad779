/* A server under measurement: started, filled, loaded, and what it cost. */
#ifndef EIR_TOOLS_BENCHMARK_MEASURE_H
#define EIR_TOOLS_BENCHMARK_MEASURE_H

#include "tools/benchmark_load.h"
#include "tools/benchmark_server.h"
#include "tools/benchmark_tests.h"

#define FIGURES    5
#define ROUNDS_MAX 1000

enum figure {
    FIGURE_CPU,  /* server's microseconds of CPU time a request */
    FIGURE_RATE, /* requests a second */
    FIGURE_P50,  /* milliseconds */
    FIGURE_P99,
    FIGURE_P999,
};

struct contestant {
    char label[80];
    struct measured_server server;
    struct load *load; /* owned; NULL while nobody is connected */
    struct load_target target;
    struct histogram *latency_us; /* owned */
    double samples[FIGURES][ROUNDS_MAX];
    double user_share; /* of its CPU time, over all rounds of a row */
    time_us user_at, system_at;
    /* After the last fill. */
    double used_per_key;
    double resident_per_key;
};

bool contestant_start(struct contestant *contestant, const struct server_setup *setup,
                      const char *label);
void contestant_stop(struct contestant *contestant);

struct fill {
    uint64_t key_count;
    size_t value_size;
    uint64_t expires_ms; /* from now; 0: never */
    uint64_t seed;
};
/* The SET of it, with a place for the key's number. */
void contestant_write_set(struct request_template *request, const struct fill *fill);
/* The request so often, with numbers from 0 on, into an empty server, and what memory one took.
 * Standard error is told what fails. */
bool contestant_fill_with(struct contestant *contestant, const struct request_template *request,
                          uint64_t count, uint64_t seed);
/* The same with key:000000000000 and so on. */
bool contestant_fill(struct contestant *contestant, const struct fill *fill);

bool contestant_connect(struct contestant *contestant, size_t connection_count, uint64_t seed);
void contestant_disconnect(struct contestant *contestant);
/* One run; its figures go into samples[...][round]. */
bool contestant_run(struct contestant *contestant, const struct load_work *work, size_t round);
/* Between these two the user share is counted. */
void contestant_begin_row(struct contestant *contestant);
void contestant_end_row(struct contestant *contestant);

/* `percent` 0 to 100 of `count` values; sorts a copy. */
double quantile(const double *values, size_t count, double percent);
/* The same of a[i] / b[i]. */
double ratio_quantile(const double *a, const double *b, size_t count, double percent);

#endif
