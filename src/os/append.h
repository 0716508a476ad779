/* One line to a file that others may move or cut at any time, or to standard output. */
#ifndef EIR_OS_APPEND_H
#define EIR_OS_APPEND_H

#include "base/bytes.h"

/* An empty path is standard output. Failures are ignored: the caller has nowhere to tell them. */
void os_append_line(const char *path, struct bytes line);
/* Replaces or creates a small file (a pid file); false when that failed. */
bool os_write_file(const char *path, struct bytes content);
/* NULL when lines can be appended to the file, which is made if it is not there; else why not. */
const char *os_append_refusal(const char *path);
void os_remove_file(const char *path);
/* Everything from standard input, for a configuration that comes through a pipe. */
struct buffer;
void os_read_input(struct buffer *into);

#endif
