/* The feeding half of replication: whoever asks this node for its stream, primary or not.
 *
 * Node calls the functions of the commands (REPLCONF, PSYNC, SYNC) from its rows, and the step
 * for what happens otherwise. Both write answers, snapshot and stream straight into the output of
 * the connection, which therefore must live until primary_follower_destroy.
 *
 * One snapshot runs at a time and serves everybody who waited for it. Its view is taken when node
 * answers PRIMARY_SNAPSHOT_STARTED; at that moment the offset is fixed and +FULLRESYNC is written.
 *
 *   WAITING -> SENDING -> ONLINE
 *      |          '-> (rdb-only) closed
 *      '-> ONLINE by partial sync
 *
 * Dual channel: `capa dual-channel` is accepted as what the peer can do and never used; we do not
 * answer +DUALCHANNELSYNC, and replica.h does not offer it. A peer then syncs over one connection.
 * So `rdb-channel` and `set-rdb-client-id` have nothing to refer to. */
#ifndef EIR_REPL_PRIMARY_H
#define EIR_REPL_PRIMARY_H

#include "repl/backlog.h"
#include "repl/effects.h"

/* May change at run time (primary_configure). */
struct primary_options {
    time_ms ping_period_ms;     /* repl-ping-replica-period */
    time_ms timeout_ms;         /* repl-timeout */
    time_ms sync_delay_ms;      /* repl-diskless-sync-delay */
    unsigned sync_replicas_max; /* repl-diskless-sync-max-replicas; 0: do not count */
    bool is_diskless;           /* repl-diskless-sync */
    time_ms backlog_ttl_ms;     /* repl-backlog-ttl; 0: never freed */
    unsigned replicas_min;      /* min-replicas-to-write */
    time_ms lag_max_ms;         /* min-replicas-max-lag */
    uint64_t output_hard_bytes; /* client-output-buffer-limit replica; 0: none */
    uint64_t output_soft_bytes;
    time_ms output_soft_ms;
    bool is_cluster;
};

/* What the rest of the node knows; told whenever it changes (primary_set_facts). */
struct primary_facts {
    bool is_replica;            /* this node itself follows somebody */
    bool link_is_up;            /* as a replica: its stream flows */
    bool is_paused;             /* writes are paused: the offset must not move, no PING */
    bool is_fresh;              /* being formed: no start-up delays */
    bool has_keys;              /* any key in any database */
    unsigned replicas_assigned; /* replicas that should come (cluster view); 0: not known */
    /* Why nobody may be fed now, or NULL; borrowed. The answer is "-NOMASTERLINK <refusal>": on
     * that, and on -LOADING, a Valkey 9.1.2 replica keeps its data and sends PSYNC again after a
     * second. On -MASTERDOWN, -ERR and others it falls back to SYNC first. */
    const char *refusal;
};

struct primary;
struct follower; /* a connection that sent REPLCONF or PSYNC: perhaps a replica */

/* Both borrow the backlog. */
struct primary *primary_create(const struct primary_options *options, struct backlog *backlog,
                               uint64_t seed, time_ms now_ms);
void primary_destroy(struct primary *primary); /* all followers must be gone */
void primary_configure(struct primary *primary, const struct primary_options *options);
void primary_set_facts(struct primary *primary, const struct primary_facts *facts);

/* ---- connections and their commands ---- */

/* At the first REPLCONF, PSYNC or SYNC of a session. `ip` is the peer's address as text, copied. */
struct follower *primary_follower_create(struct primary *primary, uint64_t link,
                                         struct output *output, const char *ip);
/* The connection is closed (by whomever). */
void primary_follower_destroy(struct primary *primary, struct follower *follower, time_ms now_ms,
                              struct repl_effects *effects);

/* argv[0] is the command. Answers, if there is an answer, stand in the output afterwards. */
void primary_replconf(struct primary *primary, struct follower *follower, size_t argc,
                      const struct bytes *argv, time_ms now_ms, struct repl_effects *effects);

/* Anything came from it: one that loads for long sends newlines only. */
void primary_heard(struct primary *primary, struct follower *follower, time_ms now_ms);

enum psync_result {
    PSYNC_REFUSED, /* an error is in the output; the session is what it was */
    PSYNC_TAKEN,   /* the session is a replica's link now: no more replies to its commands */
    PSYNC_PROMOTE, /* PSYNC ... FAILOVER to a replica: promote, then call again without the word */
};
enum psync_result primary_psync(struct primary *primary, struct follower *follower, size_t argc,
                                const struct bytes *argv, time_ms now_ms,
                                struct repl_effects *effects);
enum psync_result primary_sync(struct primary *primary, struct follower *follower, time_ms now_ms,
                               struct repl_effects *effects);

/* ---- what happens ---- */

enum primary_event_type {
    PRIMARY_TIMEOUT,          /* the deadline that primary_deadline named */
    PRIMARY_FLUSH,            /* end of a turn: hand out what was appended to the backlog */
    PRIMARY_SNAPSHOT_STARTED, /* job: its view is as of now */
    PRIMARY_SNAPSHOT_SIZE,    /* job, size: a sized snapshot is complete, its bytes follow */
    PRIMARY_SNAPSHOT_BYTES,   /* job, bytes */
    PRIMARY_SNAPSHOT_DONE,    /* job: that was all */
    PRIMARY_SNAPSHOT_FAILED,  /* job: its replicas are dropped and will ask again */
};

struct primary_event {
    enum primary_event_type type;
    time_ms now_ms; /* monotonic */
    uint64_t job;
    uint64_t size;
    struct bytes bytes; /* borrowed for this call */
};

void primary_step(struct primary *primary, const struct primary_event *event,
                  struct repl_effects *effects);
time_ms primary_deadline(const struct primary *primary);
/* False while the slowest receiver still has enough to send: read no more of the snapshot. */
bool primary_wants_snapshot_bytes(const struct primary *primary);

/* ---- what others ask ---- */

/* Puts REPLCONF GETACK * into the stream with the next PRIMARY_FLUSH (WAIT, WAITAOF, hand-over). */
void primary_ask_acks(struct primary *primary);
/* Online replicas that hold everything up to this offset; in memory, or in their append log. */
unsigned primary_count_acked(const struct primary *primary, int64_t offset);
unsigned primary_count_durable(const struct primary *primary, int64_t offset);
unsigned primary_count_online(const struct primary *primary);
/* Online and heard within lag_max_ms (min_slaves_good_slaves). */
unsigned primary_count_good(const struct primary *primary, time_ms now_ms);
/* False: writes must be refused with NOREPLICAS. */
bool primary_may_write(const struct primary *primary, time_ms now_ms);

enum follower_state {
    FOLLOWER_CLIENT,  /* shook hands only, or not even that */
    FOLLOWER_WAITING, /* wait_bgsave */
    FOLLOWER_SENDING, /* send_bulk */
    FOLLOWER_ONLINE,
    FOLLOWER_LEAVING, /* rdb-only, all written: closes once that is sent; or told to close */
};

/* One line of INFO, ROLE, CLIENT LIST. */
struct follower_view {
    uint64_t link;
    enum follower_state state;
    const char *ip; /* announced or seen; borrowed */
    uint16_t port;
    int64_t offset; /* acknowledged */
    int64_t durable_offset;
    time_ms lag_ms;      /* since the last ACK; -1 before the first */
    size_t pending;      /* bytes held for it beyond its output */
    const char *node_id; /* 40 characters, terminated; empty when not told */
};
void follower_look(const struct follower *follower, time_ms now_ms, struct follower_view *view);
bool follower_is_replica(const struct follower *follower); /* WAITING and above */
const char *follower_state_text(enum follower_state state);
/* Everybody that is a replica, in the order of their coming. */
void primary_each(const struct primary *primary, time_ms now_ms,
                  void (*visit)(void *context, const struct follower_view *view), void *context);

struct primary_counts {
    uint64_t sync_full;
    uint64_t sync_partial_ok;
    uint64_t sync_partial_err;
};
const struct primary_counts *primary_counts(const struct primary *primary);
void primary_counts_reset(struct primary *primary);

#endif
