/* A session of eir-cli: lines from a person at the prompt, or from a file, run one by one. */
#ifndef EIR_TOOLS_CLI_SESSION_H
#define EIR_TOOLS_CLI_SESSION_H

#include "tools/cli_link.h"

/* The exit status. */
int cli_session(struct cli_link *link);

#endif
