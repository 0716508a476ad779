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
    if (!number_parse_double(call_arg(call, 2), &seconds) || !(seconds > 0)) seconds = 0;
    seconds = MIN(seconds, 1e6);
    node_add_effect(node_of(call), NODE_STALL)->count = (int)(seconds * 1000);
    call->stall_ns = (uint64_t)(seconds * 1e9);
    reply_ok(call);
}

/* More than any machine has: what happens then is the allocator's to say. */
static void debug_oom(struct call *call)
{
    memory_free(memory_alloc(SIZE_MAX / 2 - call->argc));
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

static void run_debug(struct call *call)
{
    static const struct {
        const char *name;
        uint32_t argc_min;
        uint32_t argc_max;
        void (*run)(struct call *call);
    } subcommands[] = {
        { "sleep", 3, 3, debug_sleep },
        { "object", 3, 4, debug_object },
        { "reload", 2, UINT32_MAX, debug_reload },
        { "assert", 2, 2, debug_assert },
        { "panic", 2, 2, debug_panic },
        { "oom", 2, 2, debug_oom },
        { "segfault", 2, UINT32_MAX, debug_segfault },
        { "change-repl-id", 2, 2, debug_change_repl_id },
        { "events", 2, 2, debug_events },
        { "populate", 3, 5, debug_populate },
        { "digest", 2, 2, debug_digest },
        { "digest-value", 2, UINT32_MAX, debug_digest_value },
        { "protocol", 3, 3, debug_protocol },
        { "error", 3, 3, debug_error },
        { "log", 3, 3, debug_log },
        { "leak", 3, 3, debug_leak },
        { "htstats", 3, UINT32_MAX, debug_htstats },
        { "htstats-key", 3, UINT32_MAX, debug_htstats_key },
        { "listpack", 3, 3, debug_listpack },
        { "quicklist", 3, 4, debug_quicklist },
        { "sdslen", 3, 3, debug_sdslen },
        { "structsize", 2, 2, debug_structsize },
        { "stringmatch-test", 2, 2, debug_stringmatch },
        { "client-eviction", 2, 2, debug_client_eviction },
        { "mallctl", 3, 4, debug_mallctl },
        { "mallctl-str", 3, 4, debug_mallctl_text },
        { "quicklist-packed-threshold", 3, 3, debug_list_threshold },
        { "replybuffer", 4, 4, debug_replybuffer },
        { "restart", 2, 3, debug_restart },
        { "crash-and-recover", 2, 3, debug_recover },
        { "replicate", 3, UINT32_MAX, debug_replicate },
        { "config-rewrite-force-all", 2, 2, debug_config_rewrite },
        { "loadaof", 2, 2, debug_load_log },
        { "clusterlink", 5, 5, debug_clusterlink },
        { "drop-cluster-packet-filter", 3, 3, debug_packet_filter },
        { "help", 2, 2, debug_help },
    };
    if (!debug_is_allowed(call)) return;
    for (size_t i = 0; i < COUNT_OF(subcommands); i++) {
        if (!call_arg_is(call, 1, subcommands[i].name)) continue;
        if (call->argc < subcommands[i].argc_min || call->argc > subcommands[i].argc_max) break;
        subcommands[i].run(call);
        return;
    }
    if (!debug_switch(call)) debug_refuse(call);
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
