/* What the files of the engine share and nobody else sees. */
#ifndef EIR_ENGINE_INTERNAL_H
#define EIR_ENGINE_INTERNAL_H

#include "base/prng.h"
#include "engine/batch.h"
#include "engine/blocking.h"
#include "engine/call.h"
#include "engine/commandlog.h"
#include "engine/latency.h"
#include "engine/pubsub.h"
#include "engine/slot_counts.h"
#include "engine/table.h"
#include "engine/tracking.h"
#include "engine/waiters.h"

#define ENGINE_MAGIC 0xe9619e00u

/* A turn ends after so long although commands are left: aim of design.md, 2. */
#define TURN_BUDGET_NS 1000000
/* Unparsed input above this is not read on while the session cannot go on. */
#define SESSION_INPUT_FULL (1 * MIB)
#define SESSION_INPUT_KEPT (16 * KIB)

#define ERROR_CODE_MAX  24
#define ERROR_CODES_MAX 128 /* as Valkey: scripts can make up codes */

struct error_count {
    char code[ERROR_CODE_MAX];
    uint64_t count;
};

/* Somebody who is told of every command that ran; none of them is the usual state. */
enum observer {
    OBSERVER_MONITOR = 1 << 0,
    OBSERVER_SLOTS = 1 << 1, /* slot_counts.c */
};

struct propagation_record {
    int32_t db;
    uint32_t argc;
    size_t offset;
    size_t size;
    struct session *session;
};

struct propagation_list {
    bool is_on;
    struct propagation_record *records; /* owned */
    size_t count;
    size_t capacity;
    struct buffer bytes; /* all of them, as RESP */
    /* Inside EXEC or a script: where its elements begin; MULTI and EXEC are put around them when
     * there are two or more. */
    uint32_t group_depth;
    size_t group_start;
};

/* What room.c remembers from round to round. */
struct room {
    bool is_lacking;     /* above the limit, and nothing may go: OOM */
    bool is_evicting;    /* still above the limit: the next turn goes on */
    uint64_t over_since; /* ticks; 0: not above it */
    uint64_t over_ticks; /* how long it was so in all, without the present time */
};

/* From here on a call is worth a look at the logs: the least of their thresholds. */
struct notable {
    uint64_t ns;
    uint64_t bytes; /* of request and reply together */
};

struct slot_counts {
    struct slot_count *of; /* owned; NULL: never switched on */
    unsigned replicas;
};

struct engine {
    uint32_t magic;
    uint32_t host_magic;
    bool (*is_heard)(void *host, uint64_t *offset); /* may be NULL */
    void *host;                                     /* borrowed */
    struct keyspace *keyspace;                      /* borrowed */
    struct engine_settings settings;
    uint64_t (*ticks)(void);
    uint64_t ticks_last; /* read after the last command: where the next one starts */
    struct prng prng;
    uint64_t fingerprint;
    struct engine_clock clock;
    uint64_t turn;
    uint64_t turn_ticks; /* when the turn began */

    struct plain plain;
    struct access access;    /* of the command that runs */
    struct changes changes;  /* of the same */
    size_t changes_notified; /* how many of them were published */
    size_t changes_tracked;  /* how many of them those who cache were told of */
    size_t changes_awaited;  /* how many of them made ready who waits for keys */
    uint32_t notified;       /* enum notify_class; 0: nothing is published */
    struct buffer notify_channel;
    struct command_table table;
    struct key_places places; /* reused by every search for keys */
    struct batch batch;
    struct propagation_list propagation;
    struct pubsub pubsub;
    struct tracking tracking;
    struct waiting waiting;
    struct engine_counters counters;
    struct error_count errors[ERROR_CODES_MAX];
    uint32_t error_count;

    uint64_t session_id_last;
    size_t session_count;
    struct list sessions;
    struct table *sessions_by_id; /* those in `sessions` */
    struct table_rules session_rules;
    struct list detached; /* streams of a primary that have no connection now: not listed */
    struct list ready;    /* output to send, or to be closed */
    struct list work;     /* unparsed input that can go on */
    struct list paused;   /* BLOCK_PAUSED */
    struct list monitors; /* MONITOR */
    uint32_t observers;   /* enum observer: who wants to know of every call */
    struct heap deadlines;
    uint32_t permit_generation; /* that of the last look at `paused` */
    uint8_t pause;              /* enum pause_kind of CLIENT PAUSE */
    time_ms pause_until_ms;

    struct output nowhere; /* replies that nobody shall read */
    struct resp_writer nowhere_writer;
    struct session *running; /* whose request runs; NULL between requests */
    struct output after;     /* what its command told itself: pushes behind the reply */
    struct resp_writer after_writer;

    struct room room;
    struct slot_counts slot_counts;
    struct notable notable;
    size_t request_bytes; /* of the request that runs; 0: it came from nowhere */
    struct commandlog commandlogs[COMMANDLOG_KINDS];
    struct latency_track *latencies[LATENCY_EVENTS]; /* owned; NULL: never recorded */
    struct permit permit;
};

/* execute.c, run.c */
enum executed {
    EXECUTED,  /* or refused with an error: the request is done */
    MUST_WAIT, /* not touched: to be presented again */
};
enum executed engine_run_request(struct engine *engine, struct session *session,
                                 const struct batch_item *item, const struct bytes *argv);
/* Turns what the call changed into propagation. */
void call_finish_changes(struct engine *engine, struct call *call, uint64_t dirty_before);
/* Pushes go behind the reply, and the session among those that have something to send. */
void session_finish_output(struct engine *engine, struct session *session);
void session_mark_write(struct engine *engine, struct session *session);
/* A call made ready: its keys are not looked up ahead. */
void call_init(struct call *call, struct engine *engine, struct session *session,
               struct command_entry *entry, const struct bytes *argv, uint32_t argc);
/* The session's buffer, when it holds this request and nothing else. */
static inline struct buffer *batch_item_source(const struct batch_item *item)
{
    const struct feed *feed = item->feed;
    bool is_alone = feed != NULL && !feed->is_direct && feed->executed == 0;
    return is_alone && item->end == feed->view.size ? &feed->session->input : NULL;
}
/* A call that took long, or many bytes: the logs decide what of it concerns them. */
void call_note(const struct call *call, uint64_t taken_ns, size_t replied);
/* Runs the row, with statistics and propagation; everything was checked before. */
void engine_run_call(struct engine *engine, struct call *call);
/* The command, or its subcommand; NULL: unknown. */
struct command_entry *engine_find_entry(const struct engine *engine, const struct bytes *argv,
                                        uint32_t argc);

/* plain.c: the way of nearly all requests: a session without special wishes, a row with one key,
 * nothing that stands against it. False: it was not touched, and goes the long way.
 *
 * Whatever must look at every request of a session (or of a row, or at all) says so in one place:
 * session_is_plain, row_is_plain (table.c) or stops_of. */
bool engine_run_plain(struct engine *engine, struct session *session, struct batch_item *item,
                      const struct bytes *argv);
/* Counts those of these items that ran plain, and shares the time since the last look at the clock
 * among them: a look costs as much as a good part of a GET. */
void engine_measure_plain(struct engine *engine, struct batch_item *items, uint32_t count);

/* members.c: brings what the look-ups of members in large collections will read into the cache, in
 * stages over the batch; its keys were looked up ahead. */
void members_look_ahead(const struct keyspace *keyspace, const struct batch *batch);

/* refusal.c: what stands against running this now; NULL when nothing does. The text lives until
 * the next call, in `text`. */
struct refusal {
    bool must_wait; /* no error: present it again later */
    time_ms until_ms;
    int32_t slot;
    bool is_crossing; /* of several slots */
    char text[512];   /* the whole error; empty: permitted */
};
void refusal_find(struct engine *engine, const struct call *call, struct refusal *refusal);
/* The same for who waits for keys of this slot: does its command still belong here? */
void refusal_of_waiting(struct engine *engine, const struct session *session, uint32_t flags,
                        int32_t slot, struct refusal *refusal);
enum pause_kind engine_pause(const struct engine *engine, time_ms *until_ms);

/* room.c: makes room when there is a limit and it is exceeded, and tells the permit whether there
 * is none. Only called while settings.memory_max is not 0. */
void room_check(struct engine *engine);
/* The limit was lifted. */
void room_forget(struct engine *engine);

/* turn.c: whoever was paused and need not wait any more goes on. */
void engine_wake_paused(struct engine *engine);

/* monitor.c */
void monitor_tell(struct engine *engine, const struct call *call);
void monitor_forget(struct engine *engine, struct session *session);

/* slot_counts.c: only called while OBSERVER_SLOTS is set. */
struct slot_request {
    uint64_t ticks;
    size_t bytes_in;
    size_t bytes_out;
};
void slot_counts_request(struct engine *engine, const struct call *call,
                         const struct slot_request *request);
/* An element of the stream, of so many bytes. */
void slot_counts_stream(struct engine *engine, uint32_t argc, const struct bytes *argv,
                        size_t size);
/* A message of a shard channel. */
void slot_counts_message(struct engine *engine, struct bytes channel, struct bytes payload,
                         size_t receivers);
void slot_counts_reset(struct slot_counts *counts);
void slot_counts_fini(struct slot_counts *counts);

/* session.c: where to write what no command of the session asked for: behind the reply of the
 * one that runs. The session will be offered for sending. */
struct resp_writer *session_push_writer(struct engine *engine, struct session *session);

/* notify.c: publishes what the keyspace told since the last time. */
void notify_of_changes(struct engine *engine);
/* The keyspace tells what anybody in here wants to know. */
void engine_tell_kinds(struct engine *engine);

/* engine.c, call.c, propagation.c */
void engine_changes_clear(struct engine *engine);
void engine_count_error(struct engine *engine, struct bytes text);
void engine_error(struct engine *engine, struct resp_writer *writer, const char *text);
/* Between these two, elements belong together: two or more are wrapped into MULTI and EXEC. */
void propagation_group_begin(struct engine *engine);
void propagation_group_end(struct engine *engine);
void propagation_append(struct engine *engine, struct session *session, int32_t db, uint32_t argc,
                        const struct bytes *argv);
/* Whether anybody reads what is appended; otherwise the offset at which the stream stands. */
bool propagation_is_heard(const struct engine *engine, uint64_t *offset);
/* Turns what the keyspace told into elements: keys that expired or were evicted. */
void propagation_of_changes(struct engine *engine);
void propagation_forget_session(struct engine *engine, const struct session *session);
/* session.c: the index by id. */
void session_index_init(struct engine *engine, struct hash_key hash_key);
void session_index_add(struct engine *engine, struct session *session);
void session_index_remove(struct engine *engine, struct session *session);
void session_reset_state(struct engine *engine, struct session *session);
bool engine_needs_password(const struct engine *engine);

extern const struct command connection_commands[];
extern const struct command client_rows[];
extern const struct command command_rows[];
extern const struct command commandlog_commands[];
extern const struct command latency_commands[];
extern const struct command monitor_commands[];
extern const struct command multi_commands[];
extern const struct command pubsub_commands[];

#endif
