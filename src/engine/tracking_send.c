/* How a client is told that its copies are stale: a push, or a message to whom it redirects. */
#include "engine/internal.h"
#include "engine/tracking.h"

static const char channel[] = "__redis__:invalidate";

static void tell_broken(struct engine *engine, struct session *session)
{
    session->flags |= SESSION_BROKEN_REDIRECT;
    if (session->writer.protocol < 3) return;
    struct resp_writer *writer = session_push_writer(engine, session);
    resp_push(writer, 2);
    resp_bulk_text(writer, "tracking-redir-broken");
    resp_integer(writer, (int64_t)session->tracking->redirect);
}

void tracking_send(struct engine *engine, struct session *session, const struct bytes *keys,
                   size_t count)
{
    struct session *target = session;
    uint64_t redirect = session->tracking->redirect;
    if (redirect != 0) {
        target = engine_session_find(engine, redirect);
        if (target == NULL || target->close != SESSION_STAYS) { /* one that goes hears nothing */
            tell_broken(engine, session);
            return;
        }
    }
    bool is_message = target->writer.protocol < 3;
    /* Somebody who speaks RESP2 can only be told as a subscriber, whatever it listens to. */
    if (is_message && (redirect == 0 || !session_is_subscriber(target))) return;
    struct resp_writer *writer = session_push_writer(engine, target);
    resp_push(writer, is_message ? 3 : 2);
    resp_bulk_text(writer, is_message ? "message" : "invalidate");
    if (is_message) resp_bulk_text(writer, channel);
    if (keys == NULL) {
        /* In the protocol of whom it concerns: so does Valkey. */
        resp_null(&(struct resp_writer){ writer->output, session->writer.protocol });
        return;
    }
    resp_array(writer, count);
    for (size_t i = 0; i < count; i++) resp_bulk(writer, keys[i]);
}
