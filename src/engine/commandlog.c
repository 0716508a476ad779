/* COMMANDLOG and SLOWLOG: entries are made rarely, so each is one block and a list holds them.
 *
 * Whether there is anything to log is decided by the caller of commandlog_note, with a compare for
 * each kind; here the formats are kept: at most 32 arguments, of each at most 128 bytes. */
#include "engine/commandlog.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"

#define ARGC_MAX    32
#define ARG_MAX     128

/* A text of the entry lies in its buffer, from the end of the one before. */
struct log_entry {
    struct list_link link;
    uint64_t id;
    time_ms wall_ms;
    uint64_t value;
    uint32_t argc;
    uint32_t ends[ARGC_MAX + 2]; /* of the arguments, the address and the client's name */
    struct buffer texts;
};

void commandlogs_init(struct commandlog logs[COMMANDLOG_KINDS])
{
    for (int kind = 0; kind < COMMANDLOG_KINDS; kind++) {
        logs[kind] = (struct commandlog){ .count = 0 };
        list_init(&logs[kind].entries);
    }
}

static void log_cut(struct commandlog *log, size_t count)
{
    while (log->count > count) {
        struct log_entry *entry = CONTAINER_OF(log->entries.head.previous, struct log_entry, link);
        list_remove(&entry->link);
        buffer_fini(&entry->texts);
        memory_free(entry);
        log->count--;
    }
}

void commandlogs_fini(struct commandlog logs[COMMANDLOG_KINDS])
{
    for (int kind = 0; kind < COMMANDLOG_KINDS; kind++) log_cut(&logs[kind], 0);
}

/* --- taking ------------------------------------------------------------------------------ */

static void entry_close_text(struct log_entry *entry, uint32_t index)
{
    entry->ends[index] = (uint32_t)entry->texts.size;
}

static void entry_add_argument(struct log_entry *entry, uint32_t index, struct bytes argument)
{
    struct buffer *texts = &entry->texts;
    buffer_append(texts, bytes_of(argument.data, MIN(argument.size, (size_t)ARG_MAX)));
    if (argument.size > ARG_MAX)
        buffer_printf(texts, "... (%zu more bytes)", argument.size - ARG_MAX);
    entry_close_text(entry, index);
}

static struct log_entry *entry_create(const struct call *call, uint64_t id, uint64_t value)
{
    struct log_entry *entry = memory_alloc_zero(sizeof(*entry));
    entry->id = id;
    entry->wall_ms = call->wall_ms;
    entry->value = value;
    entry->argc = MIN(call->argc, (uint32_t)ARGC_MAX);
    for (uint32_t i = 0; i < entry->argc; i++) {
        if (i == ARGC_MAX - 1 && call->argc > ARGC_MAX) {
            buffer_printf(&entry->texts, "... (%u more arguments)", call->argc - i);
            entry_close_text(entry, i);
        } else {
            bool is_hidden = call_is_hidden(call, i);
            entry_add_argument(entry, i, is_hidden ? BYTES(CALL_HIDDEN) : call->argv[i]);
        }
    }
    buffer_append_text(&entry->texts, call->session->address);
    entry_close_text(entry, entry->argc);
    buffer_append_text(&entry->texts, call->session->name);
    entry_close_text(entry, entry->argc + 1);
    return entry;
}

void commandlog_note(const struct call *call, const uint64_t values[COMMANDLOG_KINDS])
{
    struct engine *engine = call->engine;
    if (call->entry->flags & CMD_SKIP_LOG) return;
    for (int kind = 0; kind < COMMANDLOG_KINDS; kind++) {
        const struct commandlog_limits *limits = &engine->settings.logs[kind];
        struct commandlog *log = &engine->commandlogs[kind];
        if (limits->length_max == 0 || limits->threshold < 0 ||
            values[kind] < (uint64_t)limits->threshold)
            continue;
        struct log_entry *entry = entry_create(call, log->id_next++, values[kind]);
        list_prepend(&log->entries, &entry->link);
        log->count++;
        log_cut(log, limits->length_max);
    }
}

/* --- the commands ------------------------------------------------------------------------ */

static struct bytes entry_text(const struct log_entry *entry, uint32_t index)
{
    uint32_t start = index == 0 ? 0 : entry->ends[index - 1];
    return bytes_of(entry->texts.data + start, entry->ends[index] - start);
}

static void reply_entry(struct call *call, const struct log_entry *entry)
{
    reply_array(call, 6);
    reply_integer(call, (int64_t)entry->id);
    reply_integer(call, entry->wall_ms / 1000);
    reply_integer(call, (int64_t)entry->value);
    reply_array(call, entry->argc);
    for (uint32_t i = 0; i < entry->argc; i++) reply_bytes(call, entry_text(entry, i));
    reply_bytes(call, entry_text(entry, entry->argc));
    reply_bytes(call, entry_text(entry, entry->argc + 1));
}

static void reply_entries(struct call *call, enum commandlog_kind kind, int64_t count)
{
    struct commandlog *log = &call->engine->commandlogs[kind];
    size_t left = count < 0 ? log->count : MIN((size_t)count, log->count);
    reply_array(call, left);
    LIST_EACH(&log->entries, struct log_entry, entry, link)
    {
        if (left-- == 0) break;
        reply_entry(call, entry);
    }
}

static bool call_kind(struct call *call, uint32_t index, enum commandlog_kind *kind)
{
    static const char *const names[COMMANDLOG_KINDS] = { "slow", "large-request", "large-reply" };
    for (int i = 0; i < COMMANDLOG_KINDS; i++) {
        if (!call_arg_is(call, index, names[i])) continue;
        *kind = (enum commandlog_kind)i;
        return true;
    }
    reply_error(call, "ERR type should be one of the following: slow, large-request, large-reply");
    return false;
}

static bool call_count(struct call *call, uint32_t index, int64_t *count)
{
    static const char error[] = "ERR count should be greater than or equal to -1";
    if (!call_integer_or(call, index, error, count)) return false;
    if (*count >= -1) return true;
    reply_error(call, error);
    return false;
}

static void commandlog_get(struct call *call)
{
    int64_t count;
    enum commandlog_kind kind;
    if (!call_count(call, 2, &count) || !call_kind(call, 3, &kind)) return;
    reply_entries(call, kind, count);
}

static void commandlog_len(struct call *call)
{
    enum commandlog_kind kind;
    if (!call_kind(call, 2, &kind)) return;
    reply_integer(call, (int64_t)call->engine->commandlogs[kind].count);
}

static void commandlog_reset(struct call *call)
{
    enum commandlog_kind kind;
    if (!call_kind(call, 2, &kind)) return;
    log_cut(&call->engine->commandlogs[kind], 0);
    reply_ok(call);
}

static void commandlog_help(struct call *call)
{
    static const char *const lines[] = {
        "GET <count> <type>",
        "    Return top <count> entries of the specified <type> from the commandlog (-1 mean all).",
        "    Entries are made of:",
        "    id, timestamp,",
        "        time in microseconds for type of slow,",
        "        or size in bytes for type of large-request,",
        "        or size in bytes for type of large-reply",
        "    arguments array, client IP and port,",
        "    client name",
        "LEN <type>",
        "    Return the length of the specified type of commandlog.",
        "RESET <type>",
        "    Reset the specified type of commandlog.",
        NULL,
    };
    reply_help(call, lines);
}

static void slowlog_get(struct call *call)
{
    int64_t count = 10;
    if (call->argc > 3) {
        reply_subcommand_error(call);
        return;
    }
    if (call->argc == 3 && !call_count(call, 2, &count)) return;
    reply_entries(call, COMMANDLOG_SLOW, count);
}

static void slowlog_len(struct call *call)
{
    reply_integer(call, (int64_t)call->engine->commandlogs[COMMANDLOG_SLOW].count);
}

static void slowlog_reset(struct call *call)
{
    log_cut(&call->engine->commandlogs[COMMANDLOG_SLOW], 0);
    reply_ok(call);
}

static void slowlog_help(struct call *call)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
        NULL,
    };
    reply_help(call, lines);
}

/* clang-format off */
static const struct command commandlog_subcommands[] = {
    { .name = "get", .run = commandlog_get, .arity = 4,
      .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .args = "count:integer type(SLOW|LARGE-REQUEST|LARGE-REPLY)", .since = "8.1.0",
      .complexity = "O(N) where N is the number of entries returned",
      .summary = "Returns the specified command log's entries.",
      .tips = "request_policy:all_nodes nondeterministic_output" },
    { .name = "help", .run = commandlog_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_SERVER, .since = "8.1.0", .complexity = "O(1)",
      .summary = "Shows helpful text about the different subcommands." },
    { .name = "len", .run = commandlog_len, .arity = 3,
      .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .args = "type(SLOW|LARGE-REQUEST|LARGE-REPLY)", .since = "8.1.0", .complexity = "O(1)",
      .summary = "Returns the number of entries in the specified type of command log.",
      .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output" },
    { .name = "reset", .run = commandlog_reset, .arity = 3,
      .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .args = "type(SLOW|LARGE-REQUEST|LARGE-REPLY)", .since = "8.1.0",
      .complexity = "O(N) where N is the number of entries in the commandlog",
      .summary = "Clears all entries from the specified type of command log.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded" },
    { 0 },
};

static const struct command slowlog_subcommands[] = {
    { .name = "get", .run = slowlog_get, .arity = -2, .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
      .group = GROUP_SERVER, .args = "[count:integer]", .since = "2.2.12",
      .complexity = "O(N) where N is the number of entries returned",
      .summary = "Returns the slow log's entries.",
      .tips = "request_policy:all_nodes nondeterministic_output",
      .history = "4.0.0 Added client IP address, port and name to the reply." },
    { .name = "help", .run = slowlog_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_SERVER, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Shows helpful text about the different subcommands." },
    { .name = "len", .run = slowlog_len, .arity = 2, .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
      .group = GROUP_SERVER, .since = "2.2.12", .complexity = "O(1)",
      .summary = "Returns the number of entries in the slow log.",
      .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output" },
    { .name = "reset", .run = slowlog_reset, .arity = 2,
      .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER, .since = "2.2.12",
      .complexity = "O(N) where N is the number of entries in the slowlog",
      .summary = "Clears all entries from the slow log.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded" },
    { 0 },
};

const struct command commandlog_commands[] = {
    { .name = "commandlog", .arity = -2, .group = GROUP_SERVER, .since = "8.1.0",
      .complexity = "Depends on subcommand.", .summary = "A container for command log commands.",
      .subcommands = commandlog_subcommands },
    { .name = "slowlog", .arity = -2, .group = GROUP_SERVER, .since = "2.2.12",
      .complexity = "Depends on subcommand.", .summary = "A container for slow log commands.",
      .subcommands = slowlog_subcommands },
    { 0 },
};
/* clang-format on */
