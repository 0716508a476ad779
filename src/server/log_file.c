/* Where log lines go: the sink that base/log.c calls.
 *
 * The file is opened for every line, so that it can be moved away under a running server. */
#include "server/log_file.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "os/append.h"
#include "os/clock.h"
#include "os/process.h"
#include <stdio.h>

struct log_file {
    char *path; /* owned; empty: standard output */
    enum config_log_format format;
    enum config_log_time time;
    const struct node *node; /* borrowed */
};

static void print_time(const struct log_file *log_file, time_ms wall_ms, char *text,
                       size_t capacity)
{
    switch (log_file->time) {
    case CONFIG_TIME_LEGACY: clock_print_local(wall_ms, text); break;
    case CONFIG_TIME_ISO8601: clock_print_iso(wall_ms, text); break;
    case CONFIG_TIME_MILLISECONDS: snprintf(text, capacity, "%lld", (long long)wall_ms); break;
    }
}

static const char *role_word(char role)
{
    switch (role) {
    case 'M': return "primary";
    case 'S': return "replica";
    case 'C': return "RDB/AOF child";
    default: return "starting";
    }
}

/* A message as the value of a field: quotes and controls escaped for logfmt and JSON alike. */
static void append_value(struct buffer *line, const char *message)
{
    buffer_append_byte(line, '"');
    for (const char *at = message; *at != 0; at++) {
        if (*at == '"' || *at == '\\') buffer_append_byte(line, '\\');
        if ((unsigned char)*at < ' ')
            buffer_printf(line, "\\u%04x", (unsigned char)*at);
        else
            buffer_append_byte(line, *at);
    }
    buffer_append_byte(line, '"');
}

static void print_line(const struct log_file *log_file, struct buffer *line, enum log_level level,
                       const char *message)
{
    static const char *const level_words[] = { "debug", "info", "notice", "warning" };
    static const char level_signs[] = ".-*#";
    char at[48];
    print_time(log_file, clock_wall_ms(), at, sizeof(at));
    char role = log_file->node ? node_role_letter(log_file->node) : 'X';
    switch (log_file->format) {
    case CONFIG_LOG_LEGACY:
        buffer_printf(line, "%ld:%c %s %c %s\n", process_id(), role, at, level_signs[level],
                      message);
        return;
    case CONFIG_LOG_LOGFMT:
        buffer_printf(line, "pid=%ld role=\"%s\" timestamp=\"%s\" level=%s message=", process_id(),
                      role_word(role), at, level_words[level]);
        append_value(line, message);
        buffer_append_text(line, "\n");
        return;
    case CONFIG_LOG_JSON:
        buffer_printf(line,
                      "{\"pid\":%ld,\"role\":\"%s\",\"timestamp\":\"%s\",\"level\":\"%s\","
                      "\"message\":",
                      process_id(), role_word(role), at, level_words[level]);
        append_value(line, message);
        buffer_append_text(line, "}\n");
        return;
    }
}

static void log_file_write(void *context, enum log_level level, const char *message)
{
    struct log_file *log_file = context;
    struct buffer line = { 0 };
    print_line(log_file, &line, level, message);
    /* A log that cannot be written is no reason to stop serving. */
    os_append_line(log_file->path, buffer_bytes(&line));
    buffer_fini(&line);
}

struct log_file *log_file_open(const struct config *config)
{
    struct log_file *log_file = memory_alloc_zero(sizeof(*log_file));
    log_file->path = memory_copy_text(config->logfile);
    log_file->format = config->log_format;
    log_file->time = config->log_timestamp_format;
    log_set_level(config->loglevel);
    log_set_sink(log_file_write, log_file);
    return log_file;
}

void log_file_set_node(struct log_file *log_file, const struct node *node)
{
    log_file->node = node;
}

void log_file_close(struct log_file *log_file)
{
    log_set_sink(NULL, NULL);
    memory_free(log_file->path);
    memory_free(log_file);
}
