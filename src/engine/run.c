/* One call: its row found, run, measured, and its effects propagated. Nothing is checked here. */
#include "base/ensure.h"
#include "engine/internal.h"

struct command_entry *engine_find_entry(const struct engine *engine, const struct bytes *argv,
                                        uint32_t argc)
{
    struct command_entry *entry = command_table_find(&engine->table, argv[0]);
    if (entry == NULL || entry->sub_count == 0 || argc < 2) return entry;
    return command_entry_find_sub(entry, argv[1]);
}

void call_init(struct call *call, struct engine *engine, struct session *session,
               struct command_entry *entry, const struct bytes *argv, uint32_t argc)
{
    /* One by one: a literal is first cleared as a whole, by a slow instruction. */
    call->argv = argv;
    call->argc = argc;
    call->writer = &session->writer;
    call->session = session;
    call->engine = engine;
    call->entry = entry;
    call->command = entry != NULL ? entry->command : NULL;
    call->keyspace = engine->keyspace;
    call->slot = 0;
    call->access = &engine->access;
    call->first_key = NULL;
    call->first_key_index = call->key_count = call->key_step = 0;
    call->now_ms = engine->clock.now_ms;
    call->wall_ms = engine->clock.wall_ms;
    call->hidden = 0;
    call->stall_ns = 0;
    call->source = NULL;
    call->notified = engine->notified;
    call->is_failed = call->is_changed = call->is_propagation_overridden = false;
}

static bool is_propagated(const struct call *call)
{
    enum session_kind kind = call->session->kind;
    return kind != SESSION_PRIMARY && kind != SESSION_LOADING;
}

static void tell_observers(struct engine *engine, const struct call *call)
{
    /* What a script reads, its caller reads. */
    struct session *caller = engine->running != NULL ? engine->running : call->session;
    if (caller->flags & SESSION_TRACKING) {
        tracking_of_changes(engine); /* what it found expired was stale before it looked */
        tracking_remember(engine, caller, call);
    }
    bool was_shown = engine->waiting.served != NULL;
    if (!was_shown && !(call->entry->flags & (CMD_ADMIN | CMD_SKIP_MONITOR)))
        monitor_tell(engine, call);
}

/* It took long, or many bytes: the logs decide which of them it concerns. */
void call_note(const struct call *call, uint64_t taken_ns, size_t replied)
{
    struct engine *engine = call->engine;
    bool is_fast = call->entry->flags & CMD_FAST;
    latency_note(engine, is_fast ? LATENCY_FAST_COMMAND : LATENCY_COMMAND, taken_ns);
    const uint64_t values[COMMANDLOG_KINDS] = {
        [COMMANDLOG_SLOW] = taken_ns / 1000,
        [COMMANDLOG_LARGE_REQUEST] = engine->request_bytes,
        [COMMANDLOG_LARGE_REPLY] = replied,
    };
    commandlog_note(call, values);
}

static uint64_t threshold_of(int64_t value, int64_t unit)
{
    if (value < 0) return UINT64_MAX;
    return value > INT64_MAX / unit ? UINT64_MAX : (uint64_t)(value * unit);
}

void engine_settings_changed(struct engine *engine)
{
    const struct engine_settings *settings = &engine->settings;
    const struct commandlog_limits *logs = settings->logs;
    int64_t latency_ms = settings->latency_threshold_ms > 0 ? settings->latency_threshold_ms : -1;
    uint64_t from[COMMANDLOG_KINDS];
    for (int kind = 0; kind < COMMANDLOG_KINDS; kind++) {
        bool is_on = logs[kind].length_max > 0;
        int64_t unit = kind == COMMANDLOG_SLOW ? 1000 : 1;
        from[kind] = is_on ? threshold_of(logs[kind].threshold, unit) : UINT64_MAX;
    }
    engine->notable.ns = MIN(from[COMMANDLOG_SLOW], threshold_of(latency_ms, 1000000));
    engine->notable.bytes = MIN(from[COMMANDLOG_LARGE_REQUEST], from[COMMANDLOG_LARGE_REPLY]);
}

void call_finish_changes(struct engine *engine, struct call *call, uint64_t dirty_before)
{
    uint64_t dirty = keyspace_dirty(engine->keyspace);
    if (!is_propagated(call)) {
        tracking_of_changes(engine);
        notify_of_changes(engine);
        waiting_of_changes(engine);
        engine_changes_clear(engine);
        return;
    }
    if (engine->changes.count > 0) propagation_of_changes(engine);
    if (dirty == dirty_before && !call->is_changed) return;
    if (call->is_propagation_overridden) return;
    if (!(call->entry->flags & (CMD_WRITE | CMD_MAY_REPLICATE))) return;
    propagation_append(engine, call->session, call->session->db, call->argc, call->argv);
}

/* It is done, and took so long. */
static void count_call(struct engine *engine, const struct call *call, uint64_t taken,
                       size_t replied)
{
    struct command_entry *entry = call->entry;
    entry->statistics.calls++;
    if (taken > engine->counters.longest_ns) {
        engine->counters.longest_ns = taken;
        engine->counters.longest_name = entry->name;
    }
    if (engine->settings.tracks_latency) latency_count(entry, taken, 1);
    if (taken >= engine->notable.ns || engine->request_bytes + replied >= engine->notable.bytes)
        call_note(call, taken, replied);
    if (call->is_failed) entry->statistics.failed++;
    engine->counters.commands++;
    call->session->command_count++;
}

void engine_run_call(struct engine *engine, struct call *call)
{
    uint64_t dirty = keyspace_dirty(engine->keyspace);
    uint64_t start = engine->ticks_last;
    size_t output_before = call->writer->output->size;

    propagation_group_begin(engine);
    call->command->run(call);

    uint64_t end = engine->ticks();
    engine->ticks_last = end;
    uint64_t taken = end - start + call->stall_ns;
    call->entry->statistics.ticks += taken;
    engine->counters.command_ns += taken;
    if (!session_waits(call->session))
        count_call(engine, call, taken, call->writer->output->size - output_before);
    const struct session *caller = engine->running != NULL ? engine->running : call->session;
    if (engine->observers != 0 || caller->flags & SESSION_TRACKING) tell_observers(engine, call);
    call_finish_changes(engine, call, dirty);
    propagation_group_end(engine);
}
