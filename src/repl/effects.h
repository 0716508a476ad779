/* What a step of the replication cores wants done, in the order in which it must be done.
 *
 * Both halves (primary.h, replica.h) fill the same list. Bytes to send were written into the
 * connection's own output before; REPL_SEND only names the connection. */
#ifndef EIR_REPL_EFFECTS_H
#define EIR_REPL_EFFECTS_H

#include "base/bytes.h"
#include "base/log.h"

enum repl_effect_type {
    REPL_SEND,           /* link: its output holds bytes */
    REPL_CLOSE,          /* link; with is_after_send, once everything in its output was sent */
    REPL_CONNECT,        /* link, host, port: answer REPLICA_LINK_UP or REPLICA_LINK_REFUSED */
    REPL_SNAPSHOT_START, /* job, snapshot: answer PRIMARY_SNAPSHOT_STARTED when the view is taken */
    REPL_SNAPSHOT_STOP,  /* job: nobody wants it any more; no answer */
    REPL_LOAD_BEGIN,     /* make an empty second keyspace and a reader for it */
    REPL_LOAD,           /* bytes: feed them to the reader */
    REPL_LOAD_END,       /* all bytes came: swap the keyspaces; answer LOADED or LOAD_FAILED */
    REPL_LOAD_ABORT,     /* drop the second keyspace; what is served stays as it is */
    REPL_APPLY,          /* whole commands wait: call replica_next() until it says no */
    REPL_DRAINED,        /* everything that the lost primary sent is applied (replica_drain) */
    REPL_ACKED,          /* a replica acknowledged more: look at sessions blocked in WAIT */
    REPL_HAND_OVER_REFUSED, /* text: why nobody leads in our place; then we follow nobody either */
    REPL_CHANGED, /* role, link, ids or the set of replicas changed: read the views again */
    REPL_TRACE,   /* level, text: a line for the event ring and the log */
};

#define REPL_RDB_VERSION_OLD 11 /* REDIS0011, for replicas older than 9.0.0 or of no version */
#define REPL_RDB_VERSION     80 /* VALKEY080 */

/* What the snapshot of a full sync must be like. Its repl-id, repl-offset and repl-stream-db are
 * those of the backlog at the moment when the view is taken. */
struct repl_snapshot {
    int rdb_version;
    bool is_sized; /* its length must be known before its first byte: to a file first */
    bool has_keys; /* false: rdb-filter-only left the data out */
    bool has_functions;
    bool skips_checksum; /* every receiver said that its link is safe enough */
};

struct repl_effect {
    enum repl_effect_type type;
    uint64_t link;
    bool is_after_send;
    uint64_t job;
    struct repl_snapshot snapshot;
    struct bytes bytes; /* borrowed: valid until the next step of the same core */
    const char *host;   /* borrowed from the core: until it is told to follow another */
    uint16_t port;
    enum log_level level;
    char *text; /* TRACE, HAND_OVER_REFUSED; owned by the list */
};

struct repl_effects {
    struct repl_effect *items; /* owned */
    size_t count;
    size_t capacity;
};

void repl_effects_init(struct repl_effects *effects);
void repl_effects_clear(struct repl_effects *effects); /* keeps the room */
void repl_effects_fini(struct repl_effects *effects);

#endif
