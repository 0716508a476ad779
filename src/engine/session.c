/* Sessions: made for each connection, listed, blocked, closed. */
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"
#include "engine/multi.h"

bool engine_needs_password(const struct engine *engine)
{
    return engine->settings.password.size > 0;
}

struct session *session_create(struct engine *engine, const struct session_options *options,
                               time_ms now_ms)
{
    struct session *session = memory_alloc_zero(sizeof(*session));
    session->magic = SESSION_MAGIC;
    session->kind = (uint8_t)options->kind;
    session->id = ++engine->session_id_last;
    session->connection = options->connection;
    session->host = options->host;
    session->fd = options->fd;
    session->endpoint_kind = options->endpoint_kind;
    session->is_authenticated = options->kind != SESSION_CLIENT || !engine_needs_password(engine);
    session->flags = (options->is_unix ? SESSION_UNIX : 0) | (options->is_tls ? SESSION_TLS : 0);
    session->queue_slot = -1;
    session->created_ms = session->active_ms = now_ms;
    session->name = memory_copy_text("");
    session->library_name = memory_copy_text("");
    session->library_version = memory_copy_text("");
    session->user = memory_copy_text("default");
    bytes_to_text(bytes_text(options->address != NULL ? options->address : ""), session->address,
                  sizeof(session->address));
    bytes_to_text(bytes_text(options->local_address != NULL ? options->local_address : ""),
                  session->local_address, sizeof(session->local_address));

    buffer_init(&session->input);
    request_parser_init(&session->parser);
    output_init(&session->output);
    session->writer = (struct resp_writer){ .output = &session->output, .protocol = 2 };
    watcher_init(&session->watcher);
    heap_node_init(&session->blocked.deadline);
    list_link_init(&session->send_link);
    list_link_init(&session->work_link);
    list_link_init(&session->blocked.link);
    list_append(&engine->sessions, &session->link);
    engine->session_count++;
    if (options->kind == SESSION_CLIENT) engine->counters.connections++;
    return session;
}

void session_reset_state(struct engine *engine, struct session *session)
{
    multi_discard(engine, session);
    pubsub_drop_session(engine, session);
    session->flags &= SESSION_UNIX | SESSION_TLS;
    session->db = 0;
    session->writer.protocol = 2;
    memory_free(session->name);
    session->name = memory_copy_text("");
    session->is_authenticated = !engine_needs_password(engine);
}

void session_destroy(struct engine *engine, struct session *session)
{
    ensure(session->magic == SESSION_MAGIC);
    if (session->blocked.reason != BLOCK_NONE) session_unblock(engine, session);
    session_reset_state(engine, session);
    propagation_forget_session(engine, session);
    list_remove(&session->link);
    list_remove(&session->send_link);
    list_remove(&session->work_link);
    engine->session_count--;
    buffer_fini(&session->input);
    request_parser_fini(&session->parser);
    output_fini(&session->output);
    memory_free(session->name);
    memory_free(session->library_name);
    memory_free(session->library_version);
    memory_free(session->user);
    session->magic = 0;
    memory_free(session);
}

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

/* --- blocking ---------------------------------------------------------------------------- */

void session_block(struct engine *engine, struct session *session, enum block_reason reason,
                   time_ms deadline_ms,
                   void (*timed_out)(struct engine *engine, struct session *session))
{
    ensure(session->blocked.reason == BLOCK_NONE);
    ensure(reason != BLOCK_NONE);
    session->blocked.reason = (uint8_t)reason;
    session->blocked.timed_out = timed_out;
    heap_set(&engine->deadlines, &session->blocked.deadline, deadline_ms);
    list_remove(&session->work_link);
    if (reason == BLOCK_PAUSED)
        list_append(&engine->paused, &session->blocked.link);
    else
        engine->counters.clients_blocked++;
}

void session_unblock(struct engine *engine, struct session *session)
{
    if (session->blocked.reason == BLOCK_NONE) return;
    if (session->blocked.reason != BLOCK_PAUSED) {
        ensure(engine->counters.clients_blocked > 0);
        engine->counters.clients_blocked--;
    }
    session->blocked.reason = BLOCK_NONE;
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

/* --- all of them ------------------------------------------------------------------------- */

struct session *engine_session_next(struct engine *engine, struct session *previous)
{
    struct list_link *link = previous == NULL ? engine->sessions.head.next : previous->link.next;
    return link == &engine->sessions.head ? NULL : CONTAINER_OF(link, struct session, link);
}

struct session *engine_session_find(struct engine *engine, uint64_t id)
{
    for (struct session *s = engine_session_next(engine, NULL); s != NULL;
         s = engine_session_next(engine, s))
        if (s->id == id) return s;
    return NULL;
}

size_t engine_session_count(const struct engine *engine)
{
    return engine->session_count;
}
