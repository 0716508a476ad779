/* Waiting for keys: blocked, served, timed out, sent away. */
#include "engine/blocking.h"
#include "base/ensure.h"
#include "engine/internal.h"

static void timed_out(struct engine *engine, struct session *session)
{
    session->last_command->statistics.calls++;
    engine->counters.commands++;
    if (!session->blocked.is_muted) resp_null_array(&session->writer);
}

/* A call that waited in vain is a call like others to the logs, though it took no time to speak
 * of: what it waited is not counted. */
void blocking_note_vain(struct engine *engine, struct session *session)
{
    const struct waiter *waiter = session->blocked.waiter;
    if (waiter == NULL) return;
    if (engine->settings.tracks_latency) latency_count(waiter->entry, 0, 1);
    if (engine->notable.ns > 0) return;
    struct call call = { .engine = engine,
                         .session = session,
                         .entry = waiter->entry,
                         .argc = waiter->argc,
                         .argv = waiter->argv,
                         .wall_ms = engine->clock.wall_ms };
    uint64_t values[COMMANDLOG_KINDS] = { [COMMANDLOG_SLOW] = 0 };
    commandlog_note(&call, values);
}

bool call_block_on_keys(struct call *call, const struct block_wish *wish)
{
    struct engine *engine = call->engine;
    struct blocked *blocked = &call->session->blocked;
    if (blocked->waiter != NULL) {
        ensure(blocked->waiter == engine->waiting.served);
        blocked->waiter->is_waiting = true;
        return true;
    }
    if (!call_block(call, BLOCK_KEYS, wish->deadline_ms, timed_out)) return false;
    struct waiter *waiter = waiter_create(&engine->waiting, call, wish);
    waiter->is_asking = call->slot >= 0 && engine->permit.verdicts[call->slot] == SLOT_ARRIVING;
    blocked->waiter = waiter;
    blocked->is_muted = call->writer == &engine->nowhere_writer;
    call->session->held_bytes += waiter->memory;
    waiting_tell_kinds(&engine->waiting, engine->keyspace);
    return true;
}

void session_refuse_blocked(struct engine *engine, struct session *session, const char *error)
{
    bool is_muted = session->blocked.is_muted;
    session_unblock(engine, session);
    session->last_command->statistics.calls++;
    session->last_command->statistics.rejected++;
    engine->counters.commands++;
    if (is_muted) return;
    engine_error(engine, &session->writer, error);
    session_has_output(engine, session);
}

/* --- to be served ------------------------------------------------------------------------ */

/* Runs the row again. False: it may not run now. */
static bool serve(struct engine *engine, struct waiter *waiter)
{
    struct session *session = waiter->session;
    struct batch_item item = { .entry = waiter->entry, .argc = waiter->argc };
    if (waiter->is_asking) session->flags |= SESSION_ASKING;
    if (session->blocked.is_muted) session->flags |= SESSION_REPLY_SKIP;
    waiter->is_waiting = false;
    engine->waiting.served = waiter;
    engine->request_bytes = 0;
    enum executed executed = engine_run_request(engine, session, &item, waiter->argv);
    engine->waiting.served = NULL;
    session->flags &= ~(uint32_t)(SESSION_ASKING | SESSION_REPLY_SKIP);
    if (executed == MUST_WAIT) waiter->is_waiting = true;
    if (!waiter->is_waiting) session_unblock(engine, session);
    return executed != MUST_WAIT;
}

static bool may_be_served(struct engine *engine, const struct awaited_key *key,
                          const struct waiter *waiter)
{
    if (waiter->session->close != SESSION_STAYS) return false;
    if (waiter->wakes_when_gone) return true;
    struct access access = { .wall_ms = engine->clock.wall_ms };
    struct key place = awaited_key_place(key, engine->keyspace);
    const struct entry *entry = keyspace_peek(engine->keyspace, &access, &place);
    return entry != NULL && entry_type(entry) == waiter->type;
}

/* False: somebody may not run now. */
static bool serve_key(struct engine *engine, struct awaited_key *key)
{
    LIST_EACH(&key->waits, struct key_wait, wait, link)
    {
        if (!may_be_served(engine, key, wait->waiter)) continue;
        if (!serve(engine, wait->waiter)) return false;
    }
    return true;
}

void blocking_serve(struct engine *engine)
{
    struct waiting *waiting = &engine->waiting;
    bool is_done = true;
    waiting->retry_ms = 0;
    while (is_done && !list_is_empty(&waiting->ready)) {
        struct awaited_key *key =
            CONTAINER_OF(waiting->ready.head.next, struct awaited_key, ready_link);
        list_remove(&key->ready_link);
        key->is_served = true;
        is_done = serve_key(engine, key);
        key->is_served = false;
        if (list_is_empty(&key->waits))
            awaited_key_drop(waiting, key);
        else if (!is_done)
            list_prepend(&waiting->ready, &key->ready_link);
    }
    waiting->is_ready = !list_is_empty(&waiting->ready);
    engine->plain.is_known = false;
}

/* Whatever it waits in, it waited for a primary. */
static void send_away(struct engine *engine, struct session *session)
{
    enum block_reason reason = session->blocked.reason;
    if (reason != BLOCK_KEYS && reason != BLOCK_WAIT) return;
    session_refuse_blocked(engine, session,
                           "UNBLOCKED force unblock from blocking operation, instance state "
                           "changed (master -> replica?)");
    session_close(engine, session, SESSION_CLOSES_FLUSHED);
}

void blocking_permit_changed(struct engine *engine)
{
    bool is_demoted = engine->permit.is_replica && !engine->waiting.was_replica;
    engine->waiting.was_replica = engine->permit.is_replica;
    if (!engine->permit.is_cluster) {
        if (!is_demoted) return;
        LIST_EACH(&engine->sessions, struct session, session, link) send_away(engine, session);
        return;
    }
    LIST_EACH(&engine->waiting.waiters, struct waiter, waiter, link)
    {
        struct refusal refusal;
        refusal_of_waiting(engine, waiter->session, waiter->entry->flags, waiter->slot, &refusal);
        if (refusal.text[0] != '\0') session_refuse_blocked(engine, waiter->session, refusal.text);
    }
}
