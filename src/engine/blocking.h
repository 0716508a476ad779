/* Commands that wait for a key: BLPOP and its family, BZPOPMIN, XREAD.
 *
 * A session that waits keeps its whole request. When a key that it waits for may have what it
 * wants (it came into being or got another value; of a stream: was edited; for XREADGROUP also:
 * was deleted), its row runs again, between two commands of others and never inside a transaction.
 * Those who wait for one key are asked in the order in which they came, as long as the key holds a
 * value of their type; who finds nothing goes on waiting in its old place, until its old deadline.
 * So a row is written as if it never waited:
 *
 *   answer and return if there is something;
 *   if (!call_block_on_keys(call, &wish)) answer as after a time-out;
 *
 * What runs again is propagated and told as any command: as the effect that the row overrides it
 * with (LPOP for BLPOP). It is counted when it is done, and shown to MONITOR when it comes. */
#ifndef EIR_ENGINE_BLOCKING_H
#define EIR_ENGINE_BLOCKING_H

#include "engine/call.h"

struct block_wish {
    uint32_t key_first; /* the arguments that are keys */
    uint32_t key_count;
    enum value_type type;
    bool wakes_when_gone; /* also when a key is deleted, or of another type (XREADGROUP) */
    time_ms deadline_ms;  /* TIME_NEVER: none */
    /* What is to run again, as many as the call has; NULL: the request as it came. Copied. (XREAD
     * says in the place of "$" which entry is the last one now.) */
    const struct bytes *argv;
};

/* Waits. The row answers nothing when it is true. False where nothing may wait (MULTI, a script,
 * the stream of the primary): the row answers as after a time-out. After a time-out everybody who
 * waits is answered a null array. */
bool call_block_on_keys(struct call *call, const struct block_wish *wish);

/* Its time has run out: said before it is unblocked. */
void blocking_note_vain(struct engine *engine, struct session *session);
/* Ends whatever the session waits in with an error (CLIENT UNBLOCK ... ERROR). */
void session_refuse_blocked(struct engine *engine, struct session *session, const char *error);

/* ---- For the engine's own files ---- */

/* Runs who waits for ready keys; between two commands. Only called while one is ready. */
void blocking_serve(struct engine *engine);
/* Role or slots changed: who waits for what will not come here is told so. */
void blocking_permit_changed(struct engine *engine);

#endif
