/* Mass insertion: requests from standard input go out while their replies are counted. */
#ifndef EIR_TOOLS_CLI_PIPE_H
#define EIR_TOOLS_CLI_PIPE_H

#include "tools/cli_link.h"

/* The exit status: 0 when every reply came and none was an error. */
int cli_pipe(struct cli_link *link);

#endif
