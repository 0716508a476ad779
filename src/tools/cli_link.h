/* The cli's connection to one server, and what is known about it. */
#ifndef EIR_TOOLS_CLI_LINK_H
#define EIR_TOOLS_CLI_LINK_H

#include "resp/read.h"
#include "tools/cli_options.h"

struct cli_link {
    const struct cli_options *options;
    int fd;                     /* -1: not connected */
    struct resp_reader *reader; /* owned while connected */
    char *host;                 /* owned; differs from the options after a redirect */
    uint16_t port;
    int database;
    int protocol;
    bool is_in_transaction;
};

void cli_link_init(struct cli_link *link, const struct cli_options *options);
void cli_link_fini(struct cli_link *link);

/* Connects, and does what the options ask for: AUTH, HELLO, SELECT. Says on standard error what
 * failed; a refused AUTH or SELECT leaves the link connected. */
NODISCARD enum err cli_link_open(struct cli_link *link);
void cli_link_close(struct cli_link *link);
/* From now on another server, not connected yet. */
void cli_link_move(struct cli_link *link, const char *host, uint16_t port);

NODISCARD enum err cli_link_send(struct cli_link *link, size_t argc, const struct bytes *argv);
/* The next reply or push, owned by the caller. */
NODISCARD enum err cli_link_read(struct cli_link *link, struct resp_value **value);
/* One request and its reply; pushes in between are dropped. */
NODISCARD enum err cli_link_ask(struct cli_link *link, size_t argc, const struct bytes *argv,
                                struct resp_value **value);

#endif
