/* One connection that asks and waits: for what a benchmark wants to know of a server. */
#ifndef EIR_TOOLS_BENCHMARK_LINK_H
#define EIR_TOOLS_BENCHMARK_LINK_H

#include "os/loop.h"
#include "resp/read.h"

struct benchmark_link {
    int fd;                     /* -1: not connected */
    struct resp_reader *reader; /* owned while connected */
};

NODISCARD enum err benchmark_link_open(struct benchmark_link *link,
                                       const struct socket_address *address);
void benchmark_link_close(struct benchmark_link *link);
/* Requests that are written out already, and the last of their replies; the first error among
 * them comes instead. NULL: the connection is gone. The caller owns the value. */
struct resp_value *benchmark_link_send(struct benchmark_link *link, struct bytes requests,
                                       size_t reply_count);
/* One request, its words behind each other, NULL at the end. */
struct resp_value *benchmark_link_ask(struct benchmark_link *link, ...) __attribute__((sentinel));
/* As above for who needs to know only whether it went well. */
bool benchmark_link_order(struct benchmark_link *link, size_t argc, const struct bytes *argv);
/* The number behind "name:" in INFO; 0 when it is not there. */
uint64_t benchmark_link_info(struct benchmark_link *link, const char *name);

#endif
