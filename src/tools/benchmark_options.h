/* What the command line asks eir-benchmark to do. */
#ifndef EIR_TOOLS_BENCHMARK_OPTIONS_H
#define EIR_TOOLS_BENCHMARK_OPTIONS_H

#include "base/buffer.h"
#include "base/units.h"

#define NUMBER_LIST_MAX 8

/* -c, -d and -P: one number, or several for --compare. */
struct number_list {
    int64_t numbers[NUMBER_LIST_MAX];
    size_t count;
};

struct benchmark_options {
    /* Where to. */
    char *host; /* owned, as are the texts that are not const */
    int64_t port;
    const char *socket_path;
    char *user;
    char *password;
    int64_t database;
    bool speaks_resp3;
    bool is_cluster;
    const char *replica_mode; /* --rfr: no, yes, all */
    bool is_tracking;
    /* What. */
    struct number_list clients;
    struct number_list sizes;
    struct number_list pipelines;
    int64_t request_count; /* 0: not given */
    int64_t duration_s;
    int64_t warmup_s;
    int64_t thread_count;
    int64_t keep_alive;
    int64_t keyspace; /* 0: not given */
    bool is_sequential;
    const char *tests; /* NULL: all */
    bool is_idle;
    bool reads_last_argument;
    bool is_endless;
    int64_t rate;
    int64_t seed;
    int64_t function_count;
    int64_t function_keys;
    /* How to say it. */
    bool is_quiet;
    bool is_csv;
    bool is_json;
    int64_t precision;
    bool shows_help;
    bool shows_version;
    /* Comparing servers. */
    const char *server;
    const char *server_arguments;
    const char *other; /* --compare */
    const char *other_arguments;
    const char *scenario;
    int64_t rounds;
    int64_t server_core; /* -1: the first that we may use */
    int64_t client_core; /* -1: the last */
    size_t argc;
    char **argv; /* borrowed: the command to run */
};

/* False when the arguments are wrong: the reason was printed to standard error. */
bool benchmark_options_read(struct benchmark_options *options, int argc, char **argv);
void benchmark_options_fini(struct benchmark_options *options);
void benchmark_options_print_help(void);

#endif
