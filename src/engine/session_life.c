/* How a session begins and ends, and how RESET makes a new one of an old one. */
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"
#include "engine/multi.h"

bool engine_needs_password(const struct engine *engine)
{
    return engine->settings.password.size > 0;
}

static void copy_address(const char *address, char *into, size_t capacity)
{
    bytes_to_text(bytes_text(address != NULL ? address : ""), into, capacity);
}

void session_attach(struct engine *engine, struct session *session,
                    const struct session_options *options, time_ms now_ms)
{
    ensure(session->connection == 0);
    list_remove(&session->link);
    session->id = ++engine->session_id_last;
    session->connection = options->connection;
    session->fd = options->fd;
    session->created_ms = session->active_ms = now_ms;
    session->bytes_in = session->bytes_out = session->command_count = 0;
    copy_address(options->address, session->address, sizeof(session->address));
    copy_address(options->local_address, session->local_address, sizeof(session->local_address));
    list_append(&engine->sessions, &session->link);
    session_index_add(engine, session);
}

void session_detach(struct engine *engine, struct session *session)
{
    ensure(session->kind == SESSION_PRIMARY);
    session_index_remove(engine, session);
    list_remove(&session->link);
    list_remove(&session->send_link);
    list_append(&engine->detached, &session->link);
    session->connection = 0;
    session->close = SESSION_STAYS;
}

struct session *session_create(struct engine *engine, const struct session_options *options,
                               time_ms now_ms)
{
    struct session *session = memory_alloc_zero(sizeof(*session));
    session->magic = SESSION_MAGIC;
    session->kind = (uint8_t)options->kind;
    session->host = options->host;
    session->endpoint_kind = options->endpoint_kind;
    session->is_authenticated = options->kind != SESSION_CLIENT || !engine_needs_password(engine);
    session->flags = (options->is_unix ? SESSION_UNIX : 0) | (options->is_tls ? SESSION_TLS : 0);
    session->name = memory_copy_text("");
    session->library_name = memory_copy_text("");
    session->library_version = memory_copy_text("");
    session->user = memory_copy_text("default");

    buffer_init(&session->input);
    request_parser_init(&session->parser);
    output_init(&session->output);
    session->writer = (struct resp_writer){ .output = &session->output, .protocol = 2 };
    watcher_init(&session->watcher);
    heap_node_init(&session->blocked.deadline);
    list_link_init(&session->send_link);
    list_link_init(&session->work_link);
    list_link_init(&session->monitor_link);
    list_link_init(&session->blocked.link);
    list_append(&engine->detached, &session->link);
    if (options->kind != SESSION_PRIMARY) session_attach(engine, session, options, now_ms);
    engine->session_count++;
    if (options->kind == SESSION_CLIENT) engine->counters.connections++;
    return session;
}

void session_reset_state(struct engine *engine, struct session *session)
{
    multi_discard(engine, session);
    pubsub_drop_session(engine, session);
    monitor_forget(engine, session);
    tracking_stop(engine, session);
    session->flags &= SESSION_UNIX | SESSION_TLS | SESSION_CAPA_REDIRECT | SESSION_KNOWS_MULTI;
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
    session_index_remove(engine, session);
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
