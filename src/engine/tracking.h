/* Client-side caching: which client may hold a copy of which key, and who is told when it is stale.
 *
 * By default the server remembers the keys that a client reads (tracking.c). In broadcast mode it
 * remembers only prefixes and tells of every key below them that is written, once a turn
 * (broadcast.c). Names of keys count without their database, as in Valkey. */
#ifndef EIR_ENGINE_TRACKING_H
#define EIR_ENGINE_TRACKING_H

#include "base/list.h"
#include "base/table.h"
#include "engine/session.h"

struct call;

/* What a session that tracks has more than others. */
struct tracking_client {
    struct list_link link; /* in the engine's list of all of them */
    struct session *session;
    uint64_t redirect;    /* id of the session that is told instead; 0: itself */
    struct list prefixes; /* its memberships; see broadcast.c */
};

/* How many prefixes there are of each length: so few that a key asks each of them. */
struct prefix_length {
    size_t size;
    size_t count;
};

struct tracking {
    struct list clients;
    size_t client_count;
    struct table *keys; /* owned with its entries: struct tracked_key */
    struct table_rules key_rules;
    size_t item_count; /* pairs of key and client */

    struct table *prefixes; /* owned with its entries: struct prefix */
    struct table_rules prefix_rules;
    struct list due; /* prefixes below which keys were written in this turn */
    struct prefix_length *lengths;
    size_t length_count;
    size_t length_capacity;
};

void tracking_init(struct tracking *tracking, struct hash_key hash_key);
void tracking_fini(struct tracking *tracking);

struct tracking_mode {
    uint32_t flags; /* of enum session_flag */
    uint64_t redirect;
    const struct bytes *prefixes; /* of SESSION_BROADCAST; none: every key */
    uint32_t prefix_count;
};
#define SESSION_TRACKING_MODES                                                                     \
    (SESSION_BROADCAST | SESSION_OPT_IN | SESSION_OPT_OUT | SESSION_NO_LOOP)

/* Begins, or goes on in another mode. */
void tracking_start(struct engine *engine, struct session *session,
                    const struct tracking_mode *mode);
void tracking_stop(struct engine *engine, struct session *session); /* harmless without */

/* The session reads what this call names: it may keep copies. */
void tracking_remember(struct engine *engine, struct session *session, const struct call *call);
/* What the keyspace told since the last time. */
void tracking_of_changes(struct engine *engine);
/* All keys are gone: everybody who tracks is told. */
void tracking_flush(struct engine *engine);
/* What is left to the end of a turn: broadcasts, keys over the limit. */
void tracking_settle(struct engine *engine);

/* tracking_send.c: tells one client, or whom it redirects to, of these keys; NULL: of all. */
void tracking_send(struct engine *engine, struct session *session, const struct bytes *keys,
                   size_t count);

/* broadcast.c */
void broadcast_join(struct engine *engine, struct session *session, struct bytes prefix);
void broadcast_leave_all(struct engine *engine, struct session *session);
void broadcast_key(struct engine *engine, struct bytes key);
void broadcast_send(struct engine *engine);
/* The session's prefixes in order, borrowed until it changes them: free the array. */
size_t broadcast_prefixes(const struct session *session, struct bytes **prefixes);
void broadcast_fini(struct tracking *tracking);

#endif
