/* Running one command of a person or a script: send, follow redirects, print. */
#ifndef EIR_TOOLS_CLI_RUN_H
#define EIR_TOOLS_CLI_RUN_H

#include "tools/cli_link.h"

/* Runs the command as often as asked; false when it could not be run, or when it failed and the
 * options say that this matters. Everything worth saying was printed. */
bool cli_run(struct cli_link *link, int64_t repeat, size_t argc, const struct bytes *argv);

#endif
