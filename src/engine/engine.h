/* The engine: parses what arrived, finds rows, checks permits, runs commands, collects replies
 * and what must be replicated. No I/O, no clock, no cluster.
 *
 * A turn takes the bytes of many connections at once. It parses every complete command (up to a
 * limit for each connection), hashes keys and prefetches buckets, entries and values in stages,
 * and only then executes, in the order of arrival. Replies stand in the sessions' outputs and
 * writes in the propagation list when it returns:
 *
 *   engine_turn(...)                       one batch
 *   engine_propagation / _clear            append log first, then replicas
 *   engine_take_ready, again and again     sessions to send to, or to close
 */
#ifndef EIR_ENGINE_ENGINE_H
#define EIR_ENGINE_ENGINE_H

#include "base/err.h"
#include "engine/command.h"
#include "engine/commandlog.h"
#include "engine/permit.h"
#include "engine/session.h"
#include "keyspace/evict.h"

struct engine;
struct keyspace;

/* Values of the configuration that the engine lives by; the node keeps them up to date. Texts
 * are borrowed until they are replaced. */
struct engine_settings {
    struct bytes password; /* requirepass of the default user; empty: none */
    int64_t bulk_size_max; /* proto-max-bulk-len */
    size_t query_buffer_max;
    uint32_t database_count;
    size_t tracked_keys_max; /* tracking-table-max-keys; 0: no limit */
    bool is_importing;       /* import-mode: expired keys are kept, and shown to import sources */
    bool lazy_expire;        /* lazyfree-lazy-expire: UNLINK instead of DEL in the stream */
    bool lazy_eviction;
    bool lazy_server_del;
    bool lazy_user_del;
    bool lazy_user_flush;
    bool dump_is_plain;     /* rdbcompression no */
    bool lazy_flush;        /* lazyfree-lazy-user-flush: only counted */
    bool dump_is_unchecked; /* DEBUG SET-SKIP-CHECKSUM-VALIDATION */
    bool output_is_list;    /* DEBUG CLIENT-ENFORCE-REPLY-LIST: no block of replies is the first */
    bool dump_is_relaxed;   /* rdb-version-check relaxed */
    bool is_lfu;            /* an LFU policy: OBJECT FREQ instead of IDLETIME */
    struct commandlog_limits logs[COMMANDLOG_KINDS];
    int64_t latency_threshold_ms;  /* latency-monitor-threshold; 0: nothing is recorded */
    bool tracks_latency;           /* a histogram for every command */
    size_t memory_max;             /* maxmemory; 0: no limit */
    bool may_evict;                /* false: noeviction */
    struct evict_policy evict;     /* which keys go */
    uint64_t evict_budget_ns;      /* of one round; UINT64_MAX: until there is room */
    bool replica_ignores_memory;   /* replica-ignore-maxmemory */
    const char *availability_zone; /* HELLO; empty: not shown */
};

struct engine_options {
    struct keyspace *keyspace; /* borrowed */
    struct engine_settings settings;
    uint64_t seed;
    uint64_t (*ticks)(void); /* nanoseconds from anywhere; only measures */
    void *host;              /* what call_host hands to the rows of the folders above; borrowed */
    uint32_t host_magic;     /* first word of *host */
    /* Whether anybody will read what is written now; NULL: always. What nobody reads is not put
     * together: then `offset` is where the stream stands still, for those who wrote. */
    bool (*is_heard)(void *host, uint64_t *offset);
};

struct engine *engine_create(const struct engine_options *options);
void engine_destroy(struct engine *engine);
/* Adds rows: `count` of them, names unique. The rows must outlive the engine. */
void engine_register(struct engine *engine, const struct command *rows, size_t count);

/* rename-command, once all rows are registered; an empty `to` removes the command. ERR_NOT_FOUND:
 * no such command; ERR_EXISTS: there is one of the new name. */
NODISCARD enum err engine_rename(struct engine *engine, struct bytes from, struct bytes to);

/* A number of this engine's own: cursors that carry another one are not ours. */
uint64_t engine_fingerprint(const struct engine *engine);
/* The caller writes into them between turns. */
struct permit *engine_permit(struct engine *engine);
struct engine_settings *engine_settings(struct engine *engine);
/* To be called when they were changed. */
void engine_settings_changed(struct engine *engine);
/* What engine_options named, its magic checked. */
void *engine_host(const struct engine *engine);
struct keyspace *engine_keyspace(struct engine *engine);
/* A full synchronisation made another one valid. The old one is the caller's again. */
struct keyspace *engine_swap_keyspace(struct engine *engine, struct keyspace *keyspace);

struct engine_clock {
    time_ms now_ms;  /* monotonic */
    time_ms wall_ms; /* Unix time */
};

struct engine_input {
    struct session *session;
    struct bytes bytes; /* borrowed for the turn */
};

/* Executes what these bytes complete, what earlier turns left over, and what became unblocked.
 * Time-outs of blocked sessions are handled first. */
void engine_turn(struct engine *engine, struct engine_clock clock,
                 const struct engine_input *inputs, size_t count);
/* Deletes keys whose time has come, about so many at most, and propagates that; returns how many.
 * For the primary's background cycle. */
size_t engine_expire_due(struct engine *engine, struct engine_clock clock, size_t count_max);
/* When it wants a turn though nothing arrives (a blocked client's time-out, the end of a pause). */
time_ms engine_deadline(const struct engine *engine);
/* Complete commands may be waiting: do not sleep before the next turn. */
bool engine_is_busy(const struct engine *engine);

/* The end of a turn, before output is taken: what clients that cache are told together. */
void engine_settle(struct engine *engine);
/* A key, or all of them, went without the engine's doing; somebody may want to know of keys. */
void engine_key_dropped(struct engine *engine, struct bytes key);
bool engine_tracks_keys(const struct engine *engine);
void engine_keys_replaced(struct engine *engine);

/* The next session with output that was not offered yet, or with `close` set, or NULL. */
struct session *engine_take_ready(struct engine *engine);

/* Runs one command outside of any turn: an element of the primary's stream, of an append log or
 * of a script. The session's kind decides what is checked. */
void engine_execute(struct engine *engine, struct engine_clock clock, struct session *session,
                    const struct bytes *argv, uint32_t argc);

/* --- what must be replicated -------------------------------------------------------------- */

/* One element for the append log and the backlog, already as RESP. A SELECT belongs before it
 * when `db` is not that of the element before; -1 fits behind any. */
struct propagation {
    int32_t db;
    uint32_t argc;
    struct bytes command;    /* an array of bulk strings; borrowed until engine_propagation_clear */
    struct session *session; /* whose command it was, for WAIT; NULL: nobody's */
};
/* In the order of execution. Only collected while switched on (somebody listens). */
size_t engine_propagation_count(const struct engine *engine);
struct propagation engine_propagation_at(const struct engine *engine, size_t index);
void engine_propagation_clear(struct engine *engine);
void engine_propagation_switch(struct engine *engine, bool is_on);
/* Puts an element in, outside of any command. */
void engine_propagate(struct engine *engine, int32_t db, uint32_t argc, const struct bytes *argv);

/* --- sessions and statistics -------------------------------------------------------------- */

/* Oldest first: NULL gives the first one; NULL ends. */
struct session *engine_session_next(struct engine *engine, struct session *previous);
struct session *engine_session_find(struct engine *engine, uint64_t id);
size_t engine_session_count(const struct engine *engine);
/* What INFO prints of the engine; those of keys are the keyspace's. */
struct engine_counters {
    uint64_t commands;
    uint64_t command_ns; /* that they took in all */
    uint64_t longest_ns; /* of the longest one since the node looked */
    const char *longest_name;
    uint64_t error_replies;
    uint64_t bytes_in;
    uint64_t connections;
    uint64_t rejected_calls;
    uint64_t clients_blocked;
    uint64_t clients_timed;    /* those of them that wait for so long only */
    uint64_t clients_watching; /* WATCH, whatever happened to the keys */
    uint64_t clients_pubsub;
    uint64_t clients_tracking;
    uint64_t keys_tracked;
    uint64_t items_tracked; /* pairs of key and client */
    uint64_t prefixes_tracked;
    uint64_t keys_awaited;      /* by blocked clients */
    uint64_t keys_awaited_gone; /* those whose deletion wakes one */
    uint64_t channels;
    uint64_t patterns;
    uint64_t shard_channels;
    uint64_t auth_denied;
    uint64_t freed_aside;  /* keys and large values that were given to the background */
    uint64_t flushed_sync; /* keys of those that are on their way, but were not asked for so */
    uint64_t read_errors;
    uint64_t queries_over_limit;   /* clients closed for it */
    uint64_t over_memory_ms;       /* in all, above maxmemory while evicting */
    uint64_t over_memory_now_ms;   /* the present time of it; 0: enough room */
    time_ms client_pause_until_ms; /* CLIENT PAUSE; 0: none */
    uint8_t client_pause;          /* enum pause_kind */
};
struct engine_counters *engine_counters(struct engine *engine);
/* Clients whose watched keys have not changed, and different keys that they watch. Looks at every
 * session while there are any. */
struct engine_watches {
    size_t clients;
    size_t keys;
};
struct engine_watches engine_watches(struct engine *engine);
void engine_statistics_reset(struct engine *engine); /* CONFIG RESETSTAT */

struct histogram;

struct command_statistics {
    struct histogram *latencies; /* owned by the table; nanoseconds; NULL: none were counted */
    uint64_t calls;
    uint64_t ticks; /* nanoseconds */
    uint64_t rejected;
    uint64_t failed;
};
/* Calls visit for every command and subcommand ("config|get") that was ever called. */
void engine_visit_commands(const struct engine *engine,
                           void (*visit)(void *context, const char *name,
                                         const struct command_statistics *statistics),
                           void *context);
/* Calls visit for every error code that was ever answered ("WRONGTYPE"). */
void engine_visit_errors(const struct engine *engine,
                         void (*visit)(void *context, const char *code, uint64_t count),
                         void *context);

/* A message for the subscribers here (from the bus, or a row); answers how many got it. */
size_t engine_publish(struct engine *engine, bool is_sharded, struct bytes channel,
                      struct bytes payload);
/* PUBLISH and SPUBLISH of this turn that the bus must carry; borrowed until the clear. */
struct publication {
    bool is_sharded;
    struct bytes channel;
    struct bytes payload;
};
size_t engine_publication_count(const struct engine *engine);
struct publication engine_publication_at(const struct engine *engine, size_t index);
void engine_publications_clear(struct engine *engine);
/* The verdicts changed: subscribers of shard channels whose slot left the shard are told and
 * dropped. */
void engine_slots_changed(struct engine *engine);

#endif
