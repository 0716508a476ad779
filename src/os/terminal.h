/* The terminal and the standard streams of a program that a person runs. */
#ifndef EIR_OS_TERMINAL_H
#define EIR_OS_TERMINAL_H

#include "base/buffer.h"
#include "base/err.h"

enum terminal_stream {
    TERMINAL_IN = 0,
    TERMINAL_OUT = 1,
};

bool terminal_is_attached(enum terminal_stream stream);
/* Adds what can be read from standard input, waiting for at least one byte; ERR_CLOSED at its
 * end. */
NODISCARD enum err terminal_read(struct buffer *into);
/* A line that is not shown while it is typed; without line end. */
NODISCARD enum err terminal_read_secret(const char *prompt, struct buffer *into);
void terminal_pause(time_us pause_us);

#endif
