/* DEBUG: what tests of clients and of servers use, as far as it makes sense here. */
#include "base/log.h"
#include "base/memory.h"
#include "node/parts.h"
#include "persist/dump.h"
#include <stdlib.h>

static bool debug_is_allowed(struct call *call)
{
    const struct node *node = node_of(call);
    enum config_who who = node->config->enable_debug_command;
    const char *address = call->session->address;
    bool is_local = (call->session->flags & SESSION_UNIX) != 0 ||
                    strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0;
    if (who == CONFIG_WHO_EVERYBODY || (who == CONFIG_WHO_LOCAL && is_local)) return true;
    reply_error(call, "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
                      "\"local\", you can run it from a local connection, otherwise you need to "
                      "set this option in the configuration file, and then restart the server.");
    return false;
}

/* The whole server stands still, as tests of time-outs and failovers want it. */
static void debug_sleep(struct call *call)
{
    double seconds;
    if (!number_parse_double(call_arg(call, 2), &seconds) || seconds < 0 || seconds > 1e6) {
        reply_error(call, "ERR value is not a valid float");
        return;
    }
    node_add_effect(node_of(call), NODE_STALL)->count = (int)(seconds * 1000);
    call->stall_ns = (uint64_t)(seconds * 1e9);
    reply_ok(call);
}

static void debug_object(struct call *call)
{
    struct node *node = node_of(call);
    struct access access = { .wall_ms = call->wall_ms };
    struct key key = keyspace_key(node->keyspace, (uint32_t)call->session->db, call_arg(call, 2));
    const struct entry *entry = keyspace_peek(node->keyspace, &access, &key);
    if (entry == NULL) {
        reply_error(call, "ERR no such key");
        return;
    }
    struct buffer payload = { 0 };
    enum err err = dump_write(entry, node->config->rdbcompression, &payload);
    size_t size = err || payload.size < 11 ? 0 : payload.size - 11;
    buffer_fini(&payload);
    uint64_t idle_s = keyspace_idle_seconds(node->keyspace, entry, call->wall_ms);
    struct buffer text = { 0 };
    buffer_printf(&text,
                  "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%llu "
                  "lru_seconds_idle:%llu",
                  (const void *)entry, entry_encoding(entry), size,
                  (unsigned long long)((uint64_t)(call->wall_ms / 1000) - idle_s) & 0xffffff,
                  (unsigned long long)idle_s);
    resp_simple_bytes(call->writer, buffer_bytes(&text));
    buffer_fini(&text);
}

/* Saves, empties, and loads again what was saved: what is in the file is what counts. */
static void debug_reload(struct call *call)
{
    struct node *node = node_of(call);
    clients_propagate(node);
    bool saves = !call_arg_is(call, 2, "nosave");
    if (saves && node->snapshots.child_runs) {
        reply_error(call, "ERR Background save already in progress");
        return;
    }
    if (saves && !snapshots_save(node)) {
        reply_error(call, "ERR Error trying to load the RDB dump, check server logs");
        return;
    }
    if (snapshots_reload(node))
        reply_ok(call);
    else
        reply_error(call, "ERR Error trying to load the RDB dump, check server logs");
}

static void debug_set_active_expire(struct call *call)
{
    node_of(call)->skips_expire_cycle = call_arg_is(call, 2, "0");
    reply_ok(call);
}

static void debug_jmap(struct call *call)
{
    reply_ok(call);
}

static void debug_segfault(struct call *call)
{
    (void)call;
    abort();
}

/* What a broken invariant does: a report, and the end. */
static void debug_assert(struct call *call)
{
    bool is_asked_for = call_arg_is(call, 1, "assert");
    ensure(!is_asked_for);
}

static void debug_panic(struct call *call)
{
    (void)call;
    log_warning("Panic requested through the command DEBUG PANIC");
    ensure_unreachable();
}

static void debug_change_repl_id(struct call *call)
{
    backlog_fork_id(node_of(call)->backlog);
    reply_ok(call);
}

static void debug_events(struct call *call)
{
    const struct node *node = node_of(call);
    uint64_t count = MIN(node->event_count, TRACE_EVENTS);
    reply_array(call, count);
    for (uint64_t i = node->event_count - count; i < node->event_count; i++) {
        const struct trace_event *event = &node->events[i % TRACE_EVENTS];
        reply_array(call, 2);
        reply_integer(call, event->wall_ms);
        reply_text(call, event->text);
    }
}

static void debug_help(struct call *call)
{
    static const char *const lines[] = {
        "ASSERT",
        "    Break an invariant: the server ends with a report.",
        "CHANGE-REPL-ID",
        "    Start a new replication history; replicas may still continue the former one.",
        "DIGEST",
        "    Return a signature of all data: equal for equal data.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    Return a signature of the value of each key.",
        "ERROR <string>",
        "    Return an error with <string> as its text.",
        "EVENTS",
        "    Failovers, votes, syncs and the like of this node, oldest first, with Unix ms.",
        "HTSTATS <dbid>",
        "    Return figures of the tables of a database.",
        "JMAP",
        "    Does nothing.",
        "LOG <message>",
        "    Write <message> to the log.",
        "OBJECT <key>",
        "    Show low level info about <key> and its value.",
        "PANIC",
        "    End the server with a report, as if it had found itself in an impossible state.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Create <count> string keys named key:<num>; they are not replicated.",
        "PROTOCOL <type>",
        "    Reply with a test value of the type: string, integer, double, bignum, null, array,",
        "    set, map, attrib, push, verbatim, true, false.",
        "RELOAD [NOSAVE]",
        "    Save the data to disk and load them again.",
        "SEGFAULT",
        "    Crash the server.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Setting it to 0 stops the removal of expired keys that nobody looks at.",
        "SLEEP <seconds>",
        "    Stop the server for <seconds>.",
        NULL,
    };
    reply_help(call, lines);
}

static void run_debug(struct call *call)
{
    static const struct {
        const char *name;
        int argc_min;
        int argc_max;
        void (*run)(struct call *call);
    } subcommands[] = {
        { "sleep", 3, 3, debug_sleep },
        { "object", 3, 4, debug_object },
        { "reload", 2, 5, debug_reload },
        { "set-active-expire", 3, 3, debug_set_active_expire },
        { "jmap", 2, 2, debug_jmap },
        { "assert", 2, 2, debug_assert },
        { "panic", 2, 2, debug_panic },
        { "segfault", 2, 2, debug_segfault },
        { "change-repl-id", 2, 2, debug_change_repl_id },
        { "events", 2, 2, debug_events },
        { "populate", 3, 5, debug_populate },
        { "digest", 2, 2, debug_digest },
        { "digest-value", 3, INT32_MAX, debug_digest_value },
        { "protocol", 3, 3, debug_protocol },
        { "error", 3, 3, debug_error },
        { "log", 3, 3, debug_log },
        { "htstats", 3, 4, debug_htstats },
        { "help", 2, 2, debug_help },
    };
    if (!debug_is_allowed(call)) return;
    int argc = (int)call->argc;
    for (size_t i = 0; i < COUNT_OF(subcommands); i++) {
        if (!call_arg_is(call, 1, subcommands[i].name)) continue;
        if (argc < subcommands[i].argc_min || argc > subcommands[i].argc_max) break;
        subcommands[i].run(call);
        return;
    }
    reply_error_format(call,
                       "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try DEBUG "
                       "HELP.",
                       (int)MIN(call_arg(call, 1).size, 128), call_arg(call, 1).data);
}

/* clang-format off */
const struct command node_debug_rows[] = {
    { .name = "debug", .run = run_debug, .arity = -2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .since = "1.0.0", .complexity = "Depends on subcommand.",
      .summary = "A container for debugging commands.", .doc_flags = DOC_SYSTEM },
};
/* clang-format on */
const size_t node_debug_row_count = COUNT_OF(node_debug_rows);
