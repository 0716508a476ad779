/* The following half of replication: finds its primary, loads its data, applies its stream.
 *
 *   IDLE -> WAITING -> CONNECTING -> HANDSHAKE -> SYNC -> TRANSFER -> CONNECTED
 *              ^                                    '--------------------^ (+CONTINUE)
 *              '------- any loss: try again, quickly at first, then once a second
 *
 * Commands are pulled, not pushed: after REPL_APPLY node calls replica_next() as long as its turn
 * allows, runs each, and says replica_applied(). A transaction is handed out when its EXEC is
 * there, never in part. PING, SELECT, MULTI, EXEC and REPLCONF of the stream are handled here.
 *
 * The offset counts completely applied commands and is the backlog's: applied bytes go into the
 * backlog as they are, to feed our own replicas, now or after a promotion.
 *
 * A full sync does not touch what is served: bytes go out as REPL_LOAD for a second keyspace, and
 * ids and offset change with REPLICA_LOADED, together with the swap.
 *
 * We do not offer `capa dual-channel` (see primary.h). */
#ifndef EIR_REPL_REPLICA_H
#define EIR_REPL_REPLICA_H

#include "repl/backlog.h"
#include "repl/effects.h"

/* Set in the numbers of links that this core asks for, so that no number of an accepted connection
 * is ever one of them. */
#define REPLICA_LINK (UINT64_C(1) << 63)

/* Texts are borrowed and must live as long as the replica, or until replica_configure. */
struct replica_options {
    const char *user;         /* primaryuser; empty: AUTH with the password alone */
    const char *password;     /* primaryauth; empty: no AUTH */
    const char *announced_ip; /* replica-announce-ip; empty: not said */
    uint16_t announced_port;  /* replica-announce-port, or the port that clients reach */
    const char *node_id;      /* 40 characters in cluster mode, else empty */
    time_ms timeout_ms;       /* repl-timeout */
    time_ms ack_period_ms;    /* 1000 */
    bool is_link_safe;        /* TLS: checksums of the snapshot may be skipped */
};

struct replica;

/* Borrows the backlog. Follows nobody. */
struct replica *replica_create(const struct replica_options *options, struct backlog *backlog,
                               uint64_t seed);
void replica_destroy(struct replica *replica);
void replica_configure(struct replica *replica, const struct replica_options *options);

/* ---- orders ---- */

/* Follow this node; what was followed before is let go. The position in the stream stays: the new
 * primary is asked to continue, with the ids known here. `has_data`: any key, or a history worth
 * continuing; without one, and in cluster mode, a full sync is asked for at once. */
void replica_follow(struct replica *replica, const char *host, uint16_t port, bool has_data,
                    time_ms now_ms, struct repl_effects *effects);
/* Follow a replica of ours, and ask it to lead from now on (FAILOVER). REPL_HAND_OVER_REFUSED says
 * that it will not; its caller has this core stop then. Where the link breaks behind the question
 * it is asked again, because it may lead already. */
void replica_hand_over(struct replica *replica, const char *host, uint16_t port, time_ms now_ms,
                       struct repl_effects *effects);
/* Follow nobody any more and lead: the id so far becomes the former one. */
void replica_promote(struct replica *replica, time_ms now_ms, struct repl_effects *effects);
/* Follow nobody; ids and offset stay as they are (CLUSTER RESET, shutdown). */
void replica_stop(struct replica *replica, time_ms now_ms, struct repl_effects *effects);
/* The primary is taken for dead: apply what it still sent, do not connect again. REPL_DRAINED
 * says when the stream has ended and all of it is applied; at once if it has. Ends with follow
 * (the same primary too), promote or stop, and by itself after two seconds: an election that was
 * called off must not leave a replica without a primary. */
void replica_drain(struct replica *replica, time_ms now_ms, struct repl_effects *effects);

/* ---- what happens ---- */

enum replica_event_type {
    REPLICA_TIMEOUT,      /* the deadline that replica_deadline named */
    REPLICA_LINK_UP,      /* link, output: where this core writes to, until LINK_DOWN or CLOSE */
    REPLICA_LINK_REFUSED, /* link: never came up */
    REPLICA_LINK_DOWN,    /* link: ended or broken; bytes that came before were RECEIVED before */
    REPLICA_RECEIVED,     /* link, bytes */
    REPLICA_LOADED,       /* the new keyspace is in place; db: repl-stream-db of the snapshot, or
                             BACKLOG_DB_UNKNOWN */
    REPLICA_LOAD_FAILED,  /* text: why; the old keyspace is in place */
};

struct replica_event {
    enum replica_event_type type;
    time_ms now_ms; /* monotonic */
    uint64_t link;
    struct output *output; /* borrowed until the link ends */
    struct bytes bytes;    /* borrowed for this call and its effects */
    int db;
    const char *text;
};

/* Events of links that were given up meanwhile are ignored. */
void replica_step(struct replica *replica, const struct replica_event *event,
                  struct repl_effects *effects);
time_ms replica_deadline(const struct replica *replica);

/* ---- the stream ---- */

struct replica_command {
    const struct bytes *argv; /* borrowed until replica_applied */
    size_t argc;
    int db;            /* where it runs */
    bool is_continued; /* the next one belongs to the same transaction: do not stop here */
};

/* The next command to run, the same one until replica_applied; false: nothing whole is there. */
bool replica_next(struct replica *replica, struct replica_command *command);
/* The command that replica_next handed out has been run, well or not. */
void replica_applied(struct replica *replica, time_ms now_ms, struct repl_effects *effects);

/* What our own append log has on disk, said with each ACK (FACK); -1: no append log. */
void replica_set_durable(struct replica *replica, int64_t offset);

/* ---- what others ask ---- */

enum replica_state {
    REPLICA_IDLE,    /* follows nobody */
    REPLICA_WAITING, /* between two tries */
    REPLICA_CONNECTING,
    REPLICA_HANDSHAKE,
    REPLICA_SYNC,     /* PSYNC was sent */
    REPLICA_TRANSFER, /* a snapshot is coming in */
    REPLICA_CONNECTED,
};

struct replica_view {
    enum replica_state state;
    const char *host; /* borrowed; empty when idle */
    uint16_t port;
    bool is_draining;
    bool is_drained;
    bool has_synced;        /* completed a sync in this run */
    time_ms last_io_ms;     /* when the primary last sent anything (monotonic); 0: never */
    time_ms link_down_ms;   /* since when no stream flows (monotonic); 0: it does, or need not */
    uint64_t transfer_size; /* announced size of the snapshot; 0: not announced */
    uint64_t transfer_read; /* bytes of it that came */
    time_ms transfer_last_ms;
    int64_t offset_received; /* offset plus what waits to be applied */
};
void replica_look(const struct replica *replica, struct replica_view *view);
/* The word of ROLE: connect, connecting, handshake, sync, connected. */
const char *replica_state_text(enum replica_state state);

#endif
