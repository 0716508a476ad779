/* A server that the benchmark starts for itself, pinned to a core, to measure it. */
#ifndef EIR_TOOLS_BENCHMARK_SERVER_H
#define EIR_TOOLS_BENCHMARK_SERVER_H

#include "tools/benchmark_link.h"

struct server_setup {
    const char *program;   /* path, or a name in PATH */
    const char *arguments; /* a line of words, quoted as in a configuration file; "" for none */
    int core;              /* -1: any */
    bool is_clustered;     /* one node that serves all slots */
};

struct measured_server {
    struct server_setup setup;
    char program[512]; /* absolute */
    char directory[256];
    struct socket_address address;
    long pid;
    uint64_t start_ns; /* from fork to the first PONG */
    struct benchmark_link link;
};

/* Starts it and waits until it serves. False: standard error was told why. */
bool measured_server_start(struct measured_server *server, const struct server_setup *setup);
void measured_server_stop(struct measured_server *server);

uint64_t measured_server_info(struct measured_server *server, const char *name);
/* True when the reply was no error. */
bool measured_server_order(struct measured_server *server, const char *first, const char *second);

#endif
