/* The log: formats a line and hands it to the sink. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define LOG_MESSAGE_MAX 1024

static void write_to_standard_error(void *context, enum log_level level, const char *message)
{
    static const char *const names[] = { "debug", "verbose", "notice", "warning", "nothing" };
    (void)context;
    fprintf(stderr, "%s: %s\n", names[level], message);
}

/* One of the mutable globals that the style names: set at start, before there are threads. */
static struct {
    log_sink sink;
    void *context;
    enum log_level lowest;
} output = { write_to_standard_error, NULL, LOG_LEVEL_NOTICE };

void log_set_sink(log_sink sink, void *context)
{
    output.sink = sink == NULL ? write_to_standard_error : sink;
    output.context = sink == NULL ? NULL : context;
}

void log_set_level(enum log_level lowest)
{
    output.lowest = lowest;
}

bool log_wants(enum log_level level)
{
    return level >= output.lowest && level < LOG_LEVEL_NOTHING;
}

static void write_line(enum log_level level, const char *format, va_list arguments)
{
    char message[LOG_MESSAGE_MAX + 1];
    vsnprintf(message, sizeof(message), format, arguments);
    output.sink(output.context, level, message);
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        if (!log_wants(level)) return;                                                             \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        write_line(level, format, arguments);                                                      \
        va_end(arguments);                                                                         \
    }

LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
LOG_FUNCTION(log_verbose, LOG_LEVEL_VERBOSE)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
