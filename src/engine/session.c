/* What happens to a session while it lives: offered for sending, blocked, closed, listed. */
#include "base/ensure.h"
#include "engine/internal.h"

void session_has_output(struct engine *engine, struct session *session)
{
    if (!list_link_is_in(&session->send_link)) list_append(&engine->ready, &session->send_link);
}

void session_close(struct engine *engine, struct session *session, enum session_close close)
{
    if (close <= (enum session_close)session->close) return;
    session->close = (uint8_t)close;
    list_remove(&session->work_link);
    session_has_output(engine, session);
}

struct session *engine_take_ready(struct engine *engine)
{
    if (list_is_empty(&engine->ready)) return NULL;
    struct session *session = CONTAINER_OF(engine->ready.head.next, struct session, send_link);
    ensure(session->magic == SESSION_MAGIC);
    list_remove(&session->send_link);
    return session;
}

struct resp_writer *session_push_writer(struct engine *engine, struct session *session)
{
    if (session != engine->running) {
        session_has_output(engine, session);
        return &session->writer;
    }
    engine->after_writer.protocol = session->writer.protocol;
    return &engine->after_writer;
}

/* --- blocking ---------------------------------------------------------------------------- */

void session_block(struct engine *engine, struct session *session, enum block_reason reason,
                   time_ms deadline_ms,
                   void (*timed_out)(struct engine *engine, struct session *session))
{
    ensure(session->blocked.reason == BLOCK_NONE);
    ensure(reason != BLOCK_NONE);
    session->blocked.reason = (uint8_t)reason;
    session->blocked.is_muted = false;
    session->blocked.timed_out = timed_out;
    heap_set(&engine->deadlines, &session->blocked.deadline, deadline_ms);
    list_remove(&session->work_link);
    if (reason == BLOCK_PAUSED) list_append(&engine->paused, &session->blocked.link);
    engine->counters.clients_blocked++;
    session->blocked.is_timed = reason != BLOCK_PAUSED && deadline_ms != TIME_NEVER;
    engine->counters.clients_timed += session->blocked.is_timed;
}

static void stop_waiting(struct engine *engine, struct session *session)
{
    session->held_bytes -= session->blocked.waiter->memory;
    waiter_destroy(&engine->waiting, session->blocked.waiter);
    session->blocked.waiter = NULL;
    waiting_tell_kinds(&engine->waiting, engine->keyspace);
}

void session_unblock(struct engine *engine, struct session *session)
{
    if (session->blocked.reason == BLOCK_NONE) return;
    ensure(engine->counters.clients_blocked > 0);
    engine->counters.clients_blocked--;
    engine->counters.clients_timed -= session->blocked.is_timed;
    session->blocked.reason = BLOCK_NONE;
    if (session->blocked.waiter != NULL) stop_waiting(engine, session);
    session->blocked.timed_out = NULL;
    session->blocked.owner = NULL;
    heap_remove(&engine->deadlines, &session->blocked.deadline);
    list_remove(&session->blocked.link);
    if (session->input.size > 0 && session->close == SESSION_STAYS &&
        !list_link_is_in(&session->work_link))
        list_append(&engine->work, &session->work_link);
}

bool session_is_full(const struct session *session)
{
    return session->input.size >= SESSION_INPUT_FULL &&
           session->input.size >= session->parser.needed;
}

/* --- what it takes ----------------------------------------------------------------------- */

static size_t text_memory(const char *text)
{
    return bytes_text(text).size + 1;
}

size_t session_memory(const struct session *session)
{
    size_t texts = text_memory(session->name) + text_memory(session->user) +
                   text_memory(session->library_name) + text_memory(session->library_version);
    return sizeof(*session) + texts + session->input.capacity + output_memory(&session->output) +
           session->queue_bytes + session->held_bytes + session->watch_bytes;
}

/* --- by id ------------------------------------------------------------------------------- */

static struct bytes id_of(const void *entry)
{
    const struct session *session = entry;
    return bytes_of(&session->id, sizeof(session->id));
}

void session_index_init(struct engine *engine, struct hash_key hash_key)
{
    engine->session_rules = (struct table_rules){ id_of, hash_key };
}

static uint64_t hash_of_id(const struct engine *engine, const uint64_t *id)
{
    return hash_bytes(&engine->session_rules.hash_key, bytes_of(id, sizeof(*id)));
}

static struct table_cell *cell_of_id(const struct engine *engine, const uint64_t *id)
{
    return table_find(engine->sessions_by_id, &engine->session_rules, hash_of_id(engine, id),
                      bytes_of(id, sizeof(*id)));
}

void session_index_add(struct engine *engine, struct session *session)
{
    table_insert(&engine->sessions_by_id, &engine->session_rules, hash_of_id(engine, &session->id),
                 session);
}

void session_index_remove(struct engine *engine, struct session *session)
{
    struct table_cell *cell = cell_of_id(engine, &session->id);
    if (cell == NULL) return; /* it has no connection now */
    table_remove(&engine->sessions_by_id, &engine->session_rules, hash_of_id(engine, &session->id),
                 cell);
}

struct session *engine_session_find(struct engine *engine, uint64_t id)
{
    struct table_cell *cell = cell_of_id(engine, &id);
    return cell == NULL ? NULL : table_cell_entry(cell);
}

/* --- all of them ------------------------------------------------------------------------- */

struct session *engine_session_next(struct engine *engine, struct session *previous)
{
    struct list_link *link = previous == NULL ? engine->sessions.head.next : previous->link.next;
    return link == &engine->sessions.head ? NULL : CONTAINER_OF(link, struct session, link);
}

size_t engine_session_count(const struct engine *engine)
{
    return engine->session_count;
}
