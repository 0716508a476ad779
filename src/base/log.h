/* The log: one line an event, to one sink. One of the three mutable globals of the tree.
 *
 * Cores do not log: they emit a trace effect, and the shell writes it here. */
#ifndef EIR_BASE_LOG_H
#define EIR_BASE_LOG_H

#include "base/bytes.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_VERBOSE,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTHING,
};

/* Receives a finished message without a line end; the sink adds pid, time and role. */
typedef void (*log_sink)(void *context, enum log_level level, const char *message);

/* NULL restores the default sink, which writes to standard error. */
void log_set_sink(log_sink sink, void *context);
void log_set_level(enum log_level lowest);
bool log_wants(enum log_level level);

/* Messages over 1 KiB are cut. */
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_verbose(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
