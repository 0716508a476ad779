/* One request: find what stands against it, refuse it, queue it or run it. */
#include "base/ensure.h"
#include "engine/internal.h"
#include "engine/multi.h"

#define SHOWN_MAX 128 /* bytes of an unknown name, and of its arguments, that an error repeats */

static const char no_auth[] = "NOAUTH Authentication required.";

/* --- refusing ---------------------------------------------------------------------------- */

static void append_shown(struct buffer *text, struct bytes bytes, size_t room)
{
    buffer_append(text, bytes_of(bytes.data, MIN(bytes.size, room)));
}

static void reply_unknown(struct call *call)
{
    struct buffer text = { 0 };
    struct command_entry *parent = command_table_find(&call->engine->table, call->argv[0]);
    if (parent != NULL) {
        buffer_append_text(&text, "ERR unknown subcommand '");
        append_shown(&text, call->argv[1], SHOWN_MAX);
        buffer_append_text(&text, "'. Try ");
        for (const char *c = parent->name; *c != '\0'; c++)
            buffer_append_byte(&text, (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c));
        buffer_append_text(&text, " HELP.");
    } else {
        buffer_append_text(&text, "ERR unknown command '");
        append_shown(&text, call->argv[0], SHOWN_MAX);
        buffer_append_text(&text, "', with args beginning with: ");
        size_t start = text.size;
        for (uint32_t i = 1; i < call->argc && text.size - start < SHOWN_MAX; i++) {
            size_t room = SHOWN_MAX - (text.size - start);
            buffer_append_byte(&text, '\'');
            append_shown(&text, call->argv[i], room);
            buffer_append_text(&text, "' ");
        }
    }
    buffer_append_byte(&text, '\0');
    reply_error(call, text.data);
    buffer_fini(&text);
}

/* A refused EXEC ends its transaction and says why; redirects are told as they are. */
static void abort_exec(struct call *call, const char *text)
{
    const char *reason = strncmp(text, "ERR ", 4) == 0 ? text + 4 : text;
    reply_error_format(call, "EXECABORT Transaction discarded because of: %s", reason);
    multi_discard(call->engine, call->session);
}

/* What is wrong with the request whatever the state of the server; true when it was answered. */
static bool refuse_request(struct call *call)
{
    const struct command_entry *entry = call->entry;
    struct session *session = call->session;
    if (!session->is_authenticated && (entry == NULL || !(entry->flags & CMD_NO_AUTH))) {
        if (entry != NULL && entry->flags & CMD_IS_EXEC)
            abort_exec(call, no_auth);
        else
            reply_error(call, no_auth);
        return true;
    }
    if (entry == NULL) {
        reply_unknown(call);
        return true;
    }
    if (!command_takes(call->command, call->argc)) {
        if (entry->flags & CMD_IS_EXEC)
            abort_exec(call, "ERR wrong number of arguments for 'exec' command");
        else
            reply_wrong_arity(call);
        return true;
    }
    if (session->flags & SESSION_MULTI && entry->flags & CMD_NO_MULTI) {
        reply_error_format(call, "ERR Command '%s' not allowed inside a transaction", entry->name);
        return true;
    }
    return false;
}

static void note_refusal(struct call *call)
{
    if (call->entry != NULL) {
        call->entry->statistics.rejected++;
        call->engine->counters.rejected_calls++;
    }
    if (call->session->flags & SESSION_MULTI) call->session->flags |= SESSION_DIRTY_EXEC;
}

static void answer_refusal(struct call *call, const struct refusal *refusal)
{
    bool is_exec = call->entry->flags & CMD_IS_EXEC;
    bool is_redirect = refusal->slot >= 0;
    note_refusal(call);
    if (is_exec && !is_redirect) {
        abort_exec(call, refusal->text);
        return;
    }
    reply_error(call, refusal->text);
    if (is_exec) multi_discard(call->engine, call->session);
}

static enum executed wait_for_it(struct engine *engine, struct session *session,
                                 const struct refusal *refusal)
{
    if (engine->waiting.served != NULL) { /* it is blocked already, and stays so */
        engine->waiting.retry_ms = refusal->until_ms;
        return MUST_WAIT;
    }
    session_block(engine, session, BLOCK_PAUSED, refusal->until_ms, NULL);
    return MUST_WAIT;
}

/* --- a request --------------------------------------------------------------------------- */

/* Nothing expires on a replica, while writes are paused, or while data come from elsewhere. */
static bool may_expire(const struct engine *engine)
{
    const struct permit *permit = &engine->permit;
    return !permit->is_replica && !permit->is_loading && engine->pause == PAUSE_NONE &&
           permit->pause == PAUSE_NONE && !engine->settings.is_importing;
}

static void prepare_access(struct engine *engine, const struct session *session)
{
    bool is_source = session->flags & SESSION_IMPORT_SOURCE && engine->settings.is_importing;
    engine->access.keeps_clock = session->flags & SESSION_NO_TOUCH;
    engine->access.ignores_expiry =
        session->kind == SESSION_PRIMARY || session->kind == SESSION_LOADING || is_source;
    engine->access.may_expire = !engine->access.ignores_expiry && may_expire(engine);
}

static void queue_call(struct call *call)
{
    struct session *session = call->session;
    multi_queue(session, call->entry, call->argv, call->argc);
    if (session->queue_bytes > call->engine->settings.query_buffer_max) {
        call->engine->counters.queries_over_limit++;
        session_close(call->engine, session, SESSION_CLOSES_NOW);
    }
    reply_simple(call, "QUEUED");
}

void session_mark_write(struct engine *engine, struct session *session)
{
    if (session->write_turn == engine->turn) return;
    session->write_turn = engine->turn;
    session->turn_mark = output_mark(&session->output);
}

static void run_permitted(struct engine *engine, struct call *call)
{
    struct session *session = call->session;
    bool is_queued = session->flags & SESSION_MULTI && !(call->entry->flags & CMD_NOT_QUEUED);
    if (engine->permit.has_lease && call->entry->flags & (CMD_WRITE | CMD_IS_EXEC))
        session_mark_write(engine, session);
    if (session->flags & SESSION_ASKING) session->flags &= ~(uint32_t)SESSION_ASKING;
    if (is_queued)
        queue_call(call);
    else
        engine_run_call(engine, call);
}

static void mute(struct engine *engine, struct call *call)
{
    struct session *session = call->session;
    bool is_muted = session->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP) ||
                    session->kind == SESSION_PRIMARY || session->kind == SESSION_LOADING ||
                    session->kind == SESSION_REPLICA;
    session->flags &= ~(uint32_t)SESSION_REPLY_SKIP;
    if (!is_muted) return;
    engine->nowhere_writer.protocol = session->writer.protocol;
    call->writer = &engine->nowhere_writer;
}

static void append_pushes(struct engine *engine, struct session *session)
{
    struct buffer pushes = { 0 };
    output_copy(&engine->after, &pushes);
    output_append(&session->output, buffer_bytes(&pushes));
    output_consume(&engine->after, engine->after.size);
    buffer_fini(&pushes);
}

void session_finish_output(struct engine *engine, struct session *session)
{
    if (engine->after.size > 0) append_pushes(engine, session);
    if (session->output.size > 0) session_has_output(engine, session);
}

static void finish_output(struct engine *engine, struct session *session, struct session *outer)
{
    engine->running = outer;
    if (engine->nowhere.size > 0) {
        /* An answer in the middle of its stream would make a replica apply it. */
        if (session->kind == SESSION_REPLICA) session_close(engine, session, SESSION_CLOSES_NOW);
        output_consume(&engine->nowhere, engine->nowhere.size);
    }
    if (outer == NULL) session_finish_output(engine, session);
}

/* CLIENT CACHING is for the next command, or transaction; more of CLIENT may stand between. */
static void end_caching(struct session *session, const struct command_entry *entry)
{
    bool is_client = entry != NULL && entry->parent != NULL &&
                     strcmp(entry->parent->command->name, "client") == 0;
    if (!is_client && !(session->flags & SESSION_MULTI))
        session->flags &= ~(uint32_t)SESSION_CACHING;
}

static void count_for_slot(struct engine *engine, const struct call *call, uint64_t start,
                           size_t output_before)
{
    struct slot_request request = {
        .ticks = engine->ticks_last - start,
        .bytes_in = engine->request_bytes,
        .bytes_out = call->session->output.size - output_before,
    };
    slot_counts_request(engine, call, &request);
}

enum executed engine_run_request(struct engine *engine, struct session *session,
                                 const struct batch_item *item, const struct bytes *argv)
{
    struct call call;
    uint64_t start = engine->ticks_last;
    size_t output_before = session->output.size;
    call_init(&call, engine, session, item->entry, argv, item->argc);
    if (item->key_index > 0) {
        call.first_key_index = item->key_index;
        call.key_count = item->key_count;
        call.key_step = (uint32_t)item->entry->key_step;
        struct key *keys = &engine->batch.keys[item->key_at];
        batch_keys_in(keys, item->key_count, session);
        call.first_key = keys;
    }
    call.source = batch_item_source(item);
    prepare_access(engine, session);

    if (item->entry != NULL) session->last_command = item->entry;
    struct refusal refusal; /* large: not cleared as a whole */
    refusal.slot = -1;
    refusal.must_wait = false;
    refusal.is_crossing = false;
    refusal.text[0] = '\0';
    bool is_checked = session->kind == SESSION_CLIENT || session->kind == SESSION_REPLICA;
    bool is_sound =
        session->is_authenticated && item->entry != NULL && command_takes(call.command, call.argc);
    if (is_sound && is_checked) {
        bool needs_room = item->entry->flags & (CMD_DENY_OOM | CMD_IS_EXEC);
        if (needs_room && engine->settings.memory_max > 0) room_check(engine);
        refusal_find(engine, &call, &refusal);
        if (refusal.must_wait && refusal.text[0] == '\0')
            return wait_for_it(engine, session, &refusal);
    }
    session->active_ms = engine->clock.now_ms;
    call.slot = refusal.slot;
    /* A script's call is run within its caller's: what is pushed to that one comes later. */
    struct session *outer = engine->running;
    if (outer == NULL) engine->running = session;
    mute(engine, &call);

    if (refuse_request(&call))
        note_refusal(&call);
    else if (refusal.text[0] != '\0')
        answer_refusal(&call, &refusal);
    else
        run_permitted(engine, &call);

    if (session->flags & SESSION_CACHING) end_caching(session, item->entry);
    finish_output(engine, session, outer);
    bool is_counted = engine->observers & OBSERVER_SLOTS && !refusal.is_crossing;
    if (is_counted) count_for_slot(engine, &call, start, output_before);
    return EXECUTED;
}

static struct command_entry *find_streamed(const struct engine *engine, const struct bytes *argv,
                                           uint32_t argc)
{
    struct command_entry *entry = command_table_find_streamed(&engine->table, argv[0]);
    if (entry == NULL || entry->sub_count == 0 || argc < 2) return entry;
    return command_entry_find_sub(entry, argv[1]);
}

void engine_execute(struct engine *engine, struct engine_clock clock, struct session *session,
                    const struct bytes *argv, uint32_t argc)
{
    ensure(argc > 0);
    engine->clock = clock;
    engine->access.wall_ms = clock.wall_ms;
    if (engine->observers & OBSERVER_SLOTS) engine->ticks_last = engine->ticks();
    bool is_stream = session->kind == SESSION_PRIMARY || session->kind == SESSION_LOADING;
    struct command_entry *entry =
        is_stream ? find_streamed(engine, argv, argc) : engine_find_entry(engine, argv, argc);
    struct batch_item item = { .entry = entry, .argc = argc };
    engine_run_request(engine, session, &item, argv);
    if (engine->waiting.is_ready && engine->running == NULL) blocking_serve(engine);
}
