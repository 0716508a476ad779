/* What the server says about its commands: the help texts, and the names for completion. */
#ifndef EIR_TOOLS_CLI_HELP_H
#define EIR_TOOLS_CLI_HELP_H

#include "tools/cli_link.h"

/* "help", "help @group", "help command": prints what COMMAND DOCS knows. */
bool cli_help_print(struct cli_link *link, size_t argc, const struct bytes *argv);

/* COMMAND DOCS as a tree, owned by the caller; NULL when the server does not say. */
struct resp_value *cli_help_fetch(struct cli_link *link);

#endif
