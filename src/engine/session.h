/* A client connection as the engine sees it: everything about it but the socket.
 *
 * The folders above create a session for each connection, hand its bytes to engine_turn and send
 * what waits in `output`. Replicas of ours, the stream of our primary, and the append log while
 * it is loaded are sessions of other kinds. The struct is open, because CLIENT, MULTI, pub/sub,
 * the node's rows and the turn all live on its fields; what only the engine may change is said
 * beside it. */
#ifndef EIR_ENGINE_SESSION_H
#define EIR_ENGINE_SESSION_H

#include "base/buffer.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/output.h"
#include "keyspace/watch.h"
#include "resp/reply.h"
#include "resp/request.h"

struct engine;
struct session;
struct command_entry;
struct queued_command;
struct subscriptions;
struct tracking_client;
struct waiter;

#define SESSION_MAGIC 0x5e5510a1u

enum session_kind {
    SESSION_CLIENT,
    SESSION_REPLICA, /* a client that became a replica of ours (PSYNC) */
    SESSION_PRIMARY, /* our primary's stream: no replies, no permits, no expiry on access */
    SESSION_LOADING, /* commands of an append log */
    SESSION_SCRIPT,  /* a script's calls */
};

enum session_flag {
    SESSION_MULTI = 1 << 0,      /* commands are queued */
    SESSION_DIRTY_EXEC = 1 << 1, /* a queued command was refused: EXECABORT */
    SESSION_READONLY = 1 << 3,
    SESSION_ASKING = 1 << 4, /* for the next command only */
    SESSION_REPLY_OFF = 1 << 5,
    SESSION_REPLY_SKIP = 1 << 6, /* the next command's reply is dropped */
    SESSION_NO_EVICT = 1 << 8,
    SESSION_NO_TOUCH = 1 << 9,
    SESSION_MONITOR = 1 << 10,
    SESSION_UNBLOCKED = 1 << 11, /* was just unblocked: shown by CLIENT LIST */
    SESSION_CAPA_REDIRECT = 1 << 12,
    SESSION_UNIX = 1 << 13,
    SESSION_TLS = 1 << 14,
    SESSION_EXECUTING = 1 << 15, /* inside EXEC: nothing blocks */
    SESSION_IMPORT_SOURCE = 1 << 16,
    SESSION_KNOWS_MULTI = 1 << 17, /* has used MULTI or WATCH: shown by CLIENT LIST */
    /* CLIENT TRACKING */
    SESSION_TRACKING = 1 << 18,
    SESSION_BROADCAST = 1 << 19,
    SESSION_OPT_IN = 1 << 20,
    SESSION_OPT_OUT = 1 << 21,
    SESSION_NO_LOOP = 1 << 22,
    SESSION_CACHING = 1 << 23, /* CLIENT CACHING: the next command is the exception */
    SESSION_BROKEN_REDIRECT = 1 << 24,
};

/* What becomes of the connection after this turn. */
enum session_close { SESSION_STAYS, SESSION_CLOSES_FLUSHED, SESSION_CLOSES_NOW };

enum block_reason {
    BLOCK_NONE,
    BLOCK_PAUSED, /* its next command waits, unparsed, until the pause ends */
    BLOCK_KEYS,   /* BLPOP and its family */
    BLOCK_WAIT,   /* WAIT, WAITAOF */
    BLOCK_HOST,   /* a row of the folders above answers later */
};

/* While a session is blocked its input is kept and not parsed. */
struct blocked {
    uint8_t reason;            /* enum block_reason */
    bool is_muted;             /* its client wants no reply to what it waits in (keys) */
    bool is_timed;             /* counted by INFO; a pause is not */
    struct heap_node deadline; /* in the engine's heap */
    /* Writes the reply of a time-out; the engine unblocks before it calls. NULL: none. */
    void (*timed_out)(struct engine *engine, struct session *session);
    /* The blocker's own: for WAIT the offset and the replicas wanted. */
    uint64_t offset;
    int64_t wanted;
    int64_t wanted_local;
    void *owner;
    struct list_link link; /* in the blocker's own list */
    struct waiter *waiter; /* owned; of BLOCK_KEYS */
};

struct session {
    uint32_t magic;
    uint8_t kind;          /* enum session_kind */
    uint8_t close;         /* enum session_close; set by session_close only */
    uint8_t endpoint_kind; /* enum endpoint_kind: how redirects name nodes to it */
    bool is_authenticated;
    uint32_t flags; /* enum session_flag */
    int32_t db;
    uint64_t id;
    uint64_t connection; /* the folders above: their number for it */
    void *host;          /* the folders above: theirs; borrowed */

    struct list_link link;         /* in the engine's list of all sessions, oldest first */
    struct list_link send_link;    /* among those that have something to send, or to be closed */
    struct list_link work_link;    /* among those with unparsed input that can go on */
    struct list_link monitor_link; /* among those that MONITOR */

    /* Input: bytes that were received and not yet executed, whole requests or not. */
    struct buffer input;
    struct request_parser parser;
    uint64_t fed_turn;     /* the engine's turn that last brought bytes, */
    uint32_t fed_pieces;   /* in so many pieces */
    struct bytes fed_rest; /* what of them is in no buffer; of no meaning after that turn */

    /* Output: replies and pushes. */
    struct output output;
    struct resp_writer writer; /* into output; its protocol is the connection's */

    struct queued_command *queue_first; /* owned; in order */
    struct queued_command *queue_last;
    uint32_t queue_count;
    size_t queue_bytes;
    uint32_t queue_flags_any; /* flags that at least one queued row has */
    uint32_t queue_flags_all; /* flags that all of them have */
    struct watcher watcher;   /* WATCH */
    uint32_t watch_count;
    size_t held_bytes; /* of subscriptions and prefixes */
    size_t watch_bytes;
    struct subscriptions *subscriptions; /* owned; NULL: never subscribed */
    uint32_t channel_count;              /* SUBSCRIBE */
    uint32_t pattern_count;              /* PSUBSCRIBE */
    uint32_t shard_channel_count;        /* SSUBSCRIBE */
    struct tracking_client *tracking;    /* owned; NULL: it does not track */
    struct blocked blocked;

    /* For WAIT: where the stream stood after its last write; set by whoever streams. */
    uint64_t write_offset;
    /* The engine's turn in which it last executed a write: replies of that turn may have to be
     * taken back. */
    uint64_t write_turn;
    struct output_mark turn_mark; /* where its output stood when that turn began */

    /* What CLIENT LIST shows. Texts are owned and never NULL. */
    char *name;
    char *library_name;
    char *library_version;
    char *user;
    char address[64];
    char local_address[64];
    int fd;
    time_ms created_ms; /* monotonic */
    time_ms active_ms;
    struct command_entry *last_command;
    uint64_t bytes_in;
    uint64_t bytes_out; /* counted by whoever sends */
    uint64_t command_count;
    size_t output_peak; /* of the last seconds; kept by whoever sends */
};

struct session_options {
    enum session_kind kind;
    uint64_t connection;
    void *host;
    const char *address; /* "ip:port", or "path:0" */
    const char *local_address;
    int fd;
    uint8_t endpoint_kind;
    bool is_unix;
    bool is_tls;
};

/* The engine owns it until session_destroy; ids are never reused. */
struct session *session_create(struct engine *engine, const struct session_options *options,
                               time_ms now_ms);
/* The connection is gone. Unblocks, unwatches, unsubscribes. */
void session_destroy(struct engine *engine, struct session *session);

/* The session of our primary's stream outlives its connections, since what came is run after the
 * link is lost. It is listed, with a new id, from attach to detach. */
void session_attach(struct engine *engine, struct session *session,
                    const struct session_options *options, time_ms now_ms);
void session_detach(struct engine *engine, struct session *session);

/* Asks for the connection's end; the node learns of it from engine_take_ready. */
void session_close(struct engine *engine, struct session *session, enum session_close close);
/* Output was written outside of the session's own command: it will be offered for sending. */
void session_has_output(struct engine *engine, struct session *session);
/* Stops parsing its input until engine_unblock; TIME_NEVER: no time-out. */
void session_block(struct engine *engine, struct session *session, enum block_reason reason,
                   time_ms deadline_ms,
                   void (*timed_out)(struct engine *engine, struct session *session));
/* Takes the block away (harmless without one); its input goes on in the next turn. */
void session_unblock(struct engine *engine, struct session *session);
/* So much unparsed input waits that no more should be read from the connection for now. */
bool session_is_full(const struct session *session);

/* Bytes that the session takes, its buffers and whatever belongs to it included. */
size_t session_memory(const struct session *session);

static inline bool session_is_subscriber(const struct session *session)
{
    return session->channel_count + session->pattern_count + session->shard_channel_count > 0;
}

#endif
