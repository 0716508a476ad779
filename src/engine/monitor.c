/* MONITOR: every command that ran is told to those who asked, one line each.
 *
 * A line is made once and copied to each of them. It comes when the command is done, since only
 * then the database of SELECT and the arguments that must stay hidden are known; whoever monitors
 * reads the reply to its own command first. A script is told before it runs (call_show), what it
 * calls behind it. While nobody monitors this costs the caller of engine_run_call one test. */
#include "base/ensure.h"
#include "engine/internal.h"

static void append_origin(const struct session *session, struct buffer *line)
{
    if (session->kind == SESSION_SCRIPT) {
        buffer_append_text(line, "lua");
        return;
    }
    struct bytes address = bytes_text(session->address);
    if (session->flags & SESSION_UNIX) {
        buffer_append_text(line, "unix:");
        if (address.size > 2) address.size -= 2; /* ":0" */
    }
    buffer_append(line, address);
}

static void append_line(const struct engine *engine, const struct call *call, struct buffer *line)
{
    uint64_t passed_us = (engine->ticks_last - engine->turn_ticks) / 1000;
    uint64_t wall_us = (uint64_t)engine->clock.wall_ms * 1000 + passed_us;
    buffer_printf(line, "%llu.%06llu [%d ", (unsigned long long)(wall_us / 1000000),
                  (unsigned long long)(wall_us % 1000000), call->session->db);
    append_origin(call->session, line);
    buffer_append_byte(line, ']');
    for (uint32_t i = 0; i < call->argc; i++) {
        buffer_append_byte(line, ' ');
        buffer_append_quoted(line, call_is_hidden(call, i) ? BYTES(CALL_HIDDEN) : call->argv[i]);
    }
}

void monitor_tell(struct engine *engine, const struct call *call)
{
    struct buffer line = { 0 };
    if (list_is_empty(&engine->monitors) || call->session->kind == SESSION_LOADING) return;
    append_line(engine, call, &line);
    LIST_EACH(&engine->monitors, struct session, monitor, monitor_link)
    {
        if (monitor->flags & SESSION_REPLY_OFF) continue;
        resp_simple_bytes(session_push_writer(engine, monitor), buffer_bytes(&line));
    }
    buffer_fini(&line);
}

void call_show(struct call *call)
{
    monitor_tell(call->engine, call);
}

void monitor_forget(struct engine *engine, struct session *session)
{
    list_remove(&session->monitor_link);
    session->flags &= ~(uint32_t)SESSION_MONITOR;
    if (list_is_empty(&engine->monitors)) engine->observers &= ~(uint32_t)OBSERVER_MONITOR;
}

static void monitor(struct call *call)
{
    struct session *session = call->session;
    if (session->flags & SESSION_EXECUTING || session->kind == SESSION_SCRIPT) {
        reply_error(call, "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    if (session->flags & SESSION_MONITOR || session->kind == SESSION_REPLICA) return;
    session->flags |= SESSION_MONITOR;
    list_append(&call->engine->monitors, &session->monitor_link);
    call->engine->observers |= OBSERVER_MONITOR;
    reply_ok(call);
}

/* clang-format off */
const struct command monitor_commands[] = {
    { .name = "monitor", .run = monitor, .arity = 1,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .since = "1.0.0",
      .summary = "Listens for all requests received by the server in real-time." },
    { 0 },
};
/* clang-format on */
