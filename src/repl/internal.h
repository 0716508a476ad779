/* What only the files of repl share: helpers of effects, and the two structs that primary.c,
 * follower.c, replconf.c and snapshot.c work on together. */
#ifndef EIR_REPL_INTERNAL_H
#define EIR_REPL_INTERNAL_H

#include "base/list.h"
#include "base/prng.h"
#include "repl/effects.h"
#include "repl/primary.h"

/* ---- effects.c ---- */

/* Borrowed until the next effect is added. */
struct repl_effect *repl_effect_add(struct repl_effects *effects, enum repl_effect_type type);
void repl_effect_link(struct repl_effects *effects, enum repl_effect_type type, uint64_t link);
/* Texts over 255 bytes are cut. */
void repl_trace(struct repl_effects *effects, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- the feeding half ---- */

#define FOLLOWER_MAGIC    0x466f6c6c
#define FOLLOWER_IP_MAX   255
#define NODE_ID_TEXT_SIZE 40

enum follower_capability {
    CAPABILITY_EOF = 1 << 0,
    CAPABILITY_PSYNC2 = 1 << 1,
    CAPABILITY_DUAL_CHANNEL = 1 << 2, /* noted, never used: see primary.h */
    CAPABILITY_SKIP_CHECKSUM = 1 << 3,
};

struct follower {
    uint32_t magic;
    uint64_t link;
    struct output *output;         /* borrowed from the session */
    struct list_link in_followers; /* of the primary, from FOLLOWER_WAITING to ONLINE */
    enum follower_state state;

    /* told by REPLCONF */
    char ip[FOLLOWER_IP_MAX + 1];
    uint16_t port;
    uint32_t capabilities;
    uint32_t version; /* 9.1.2 is 0x090102; 0: not told */
    bool is_rdb_only;
    bool is_filtered; /* rdb-filter-only was given: only what it names */
    bool wants_functions;
    char node_id[NODE_ID_TEXT_SIZE + 1];

    /* where it stands */
    bool is_plain_sync;  /* came by SYNC: told nothing, acknowledges nothing */
    bool is_stream_held; /* by-marker transfer is over, its first ACK has not come */
    uint64_t job;        /* the snapshot that it gets; 0: it waits for one */
    struct backlog_cursor cursor;
    int64_t acked_offset;
    int64_t durable_offset; /* FACK; -1: not told */
    time_ms acked_ms;       /* when it last acknowledged, or came online; -1: never */
    time_ms since_ms;       /* waits since */

    /* does it still read? */
    uint64_t given; /* bytes put into its output by us */
    uint64_t taken; /* of them were gone at progress_ms */
    time_ms progress_ms;
    time_ms soft_since_ms; /* over the soft output limit since; -1: it is not */
};

struct snapshot_job {
    uint64_t number; /* 0: none */
    bool is_started;
    struct repl_snapshot snapshot;
    char marker[REPL_ID_SIZE];
    uint64_t size; /* announced; sized ones */
    uint64_t given;
    bool is_size_known;
};

struct primary {
    struct primary_options options;
    struct primary_facts facts;
    struct backlog *backlog; /* borrowed */
    uint64_t generation;     /* of the backlog, when we last looked */
    struct prng prng;
    struct list followers; /* replicas only */
    unsigned follower_count;
    struct snapshot_job job;
    uint64_t jobs_so_far;
    bool wants_acks;
    time_ms ping_due_ms;
    time_ms keep_alive_due_ms;
    time_ms alone_since_ms; /* no replicas since; -1: there are some, or never were */
    struct primary_counts counts;
};

/* ---- follower.c ---- */

void follower_move(struct follower *follower, enum follower_state next);
/* Into its output, and counted. */
void follower_write(struct follower *follower, struct bytes bytes);
void follower_write_shared(struct follower *follower, struct shared *shared, struct bytes bytes);
/* What the stream got since; SEND when there was anything. */
void follower_hand_out(struct primary *primary, struct follower *follower,
                       struct repl_effects *effects);
/* May have the stream now. */
bool follower_is_fed(const struct follower *follower);
/* Bytes that we keep because it has not taken them. */
uint64_t follower_pending(const struct primary *primary, const struct follower *follower);
/* No longer a replica: out of the list, its connection closes. */
void follower_drop(struct primary *primary, struct follower *follower, bool is_after_send,
                   struct repl_effects *effects);

/* ---- snapshot.c ---- */

/* Starts a snapshot if somebody waits and the rules for waiting allow it. */
void snapshot_consider(struct primary *primary, time_ms now_ms, struct repl_effects *effects);
/* When they will; TIME_NEVER if nobody waits or one is running. */
time_ms snapshot_due_ms(const struct primary *primary);
void snapshot_event(struct primary *primary, const struct primary_event *event,
                    struct repl_effects *effects);
/* A receiver has gone: stops the snapshot when it was the last. */
void snapshot_lost_follower(struct primary *primary, uint64_t job, struct repl_effects *effects);

#endif
