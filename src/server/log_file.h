/* Where log lines go: a file or standard output, in the format that the configuration asks for. */
#ifndef EIR_SERVER_LOG_FILE_H
#define EIR_SERVER_LOG_FILE_H

#include "node/config.h"
#include "node/node.h"

struct log_file;

/* From now on log_notice() and its siblings write as `config` says. What is needed of it is
 * copied. */
struct log_file *log_file_open(const struct config *config);
/* The node whose role the lines show; NULL: none yet, or no more. */
void log_file_set_node(struct log_file *log_file, const struct node *node);
void log_file_close(struct log_file *log_file);

#endif
