/* The load on servers: connections that send prepared requests and count the replies.
 *
 * One load belongs to one thread. Several may share a tally, and then share the work. It is made
 * to cost little itself, since it runs beside the server that it measures: a pipeline is one
 * send, usually one receive, and no allocation. */
#ifndef EIR_TOOLS_BENCHMARK_LOAD_H
#define EIR_TOOLS_BENCHMARK_LOAD_H

#include "base/err.h"
#include "base/histogram.h"
#include "os/loop.h"
#include "tools/benchmark_request.h"

struct load;

struct load_target {
    struct socket_address address;
    const struct request_tags *tags; /* borrowed; may change while a load runs. NULL: no cluster */
};

struct load_options {
    const struct load_target *targets; /* borrowed; connections go round them */
    size_t target_count;
    size_t target_first; /* where this thread's connections begin to go round */
    size_t connection_count;
    struct bytes greeting; /* borrowed; sent first on each connection, OK is expected for all */
    uint32_t greeting_count;
    bool names_servers; /* in errors: there are several */
    bool reconnects;    /* a new connection for each pipeline */
    uint64_t seed;
};

struct load_work {
    const struct request_template *request;
    struct request_numbers numbers;
    size_t pipeline;
    uint64_t request_count;         /* copies of the request; 0: until the time is over */
    uint64_t duration_ms;           /* 0: until the count is reached */
    uint64_t rate;                  /* requests a second, 0: as many as go */
    bool tolerates_redirects;       /* MOVED and the like are counted, they end nothing */
    void (*on_tick)(void *context); /* four times a second; NULL: nobody wants it */
    void *context;
};

/* What the threads of one run have in common. All zero at the start of a run. */
struct load_tally {
    uint64_t issued;
    uint64_t done;
    uint64_t redirected;
    uint64_t started_ns;
    bool is_stopped; /* somebody failed */
};

struct load *load_create(const struct load_options *options);
void load_destroy(struct load *load);

/* All connections up and greeted; false: see load_failure. */
bool load_connect(struct load *load);
/* One run over connections that are up; latencies in microseconds. */
bool load_run(struct load *load, const struct load_work *work, struct load_tally *tally,
              struct histogram *latency_us);
/* Why it failed: a sentence. */
const char *load_failure(const struct load *load);
/* Waits with open connections until somebody closes them. */
void load_stay_idle(struct load *load);

#endif
