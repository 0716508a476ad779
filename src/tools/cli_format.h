/* Replies as text: for eyes, for pipes, as CSV, as JSON. */
#ifndef EIR_TOOLS_CLI_FORMAT_H
#define EIR_TOOLS_CLI_FORMAT_H

#include "resp/read.h"
#include "tools/cli_options.h"

/* Adds the reply in the format of the options, with the delimiter behind it. */
void cli_format_reply(const struct cli_options *options, const struct resp_value *value,
                      struct buffer *into);
/* The same for a reply that is a text to be read by people, such as INFO: as it is, in every
 * format. */
void cli_format_text(const struct cli_options *options, const struct resp_value *value,
                     struct buffer *into);

#endif
