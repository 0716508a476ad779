/* What the files of the node share: the struct, and one small door between each two of them.
 *
 *   node.c       create, the turn, deadlines
 *   links.c      connections and their numbers
 *   clients.c    sessions: bytes to the engine, replies and propagation out of it
 *   bus.c        the cluster core: its links, its effects, its facts
 *   follow.c     the following half of replication: the stream of our primary
 *   feed.c       the feeding half: replicas of ours
 *   snapshots.c  loading, saving, the child
 *   data.c       the keyspace: flush, drop, swap, expiry
 *   permit.c     what the engine may run, slot by slot
 *   options.c    configuration to the options of the cores
 *   rows_*.c     commands that need the whole node */
#ifndef EIR_NODE_INTERNAL_H
#define EIR_NODE_INTERNAL_H

#include "base/ensure.h"
#include "base/number.h"
#include "base/prng.h"
#include "cluster/cluster.h"
#include "cluster/orders.h"
#include "cluster/view.h"
#include "commands/commands.h"
#include "engine/call.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "node/node.h"
#include "node/number_map.h"
#include "persist/snapshot.h"
#include "repl/primary.h"
#include "repl/replica.h"

#define NODE_MAGIC 0x6e6f6465u

/* What eir-server says it is compatible with. */
#define NODE_VALKEY_VERSION "9.1.2"
#define NODE_REDIS_VERSION  "7.2.4"

enum stop_kind { STOP_DEFAULT, STOP_SAVE, STOP_NOSAVE };

/* One connection. */
struct link {
    connection_number number; /* 0: the place is free */
    uint32_t uses;            /* of the place */
    enum connection_kind kind;
    bool is_closing;      /* NODE_CLOSE or NODE_CLOSE_FLUSHED was said */
    bool wants_send;      /* stands in node->sends */
    bool is_held;
    time_ms created_wall_ms;
    bool is_up; /* BUS, PRIMARY: a connection that we made is established */
    struct endpoint_names names;

    struct session *session;   /* CLIENT; owned by the engine */
    struct follower *follower; /* CLIENT that spoke REPLCONF or PSYNC; owned by node->primary */

    struct output output;  /* BUS, PRIMARY */
    struct buffer input;   /* BUS: an unfinished message */
    link_number bus_link;  /* BUS: the cluster core's number */
    uint64_t repl_link;    /* PRIMARY: the replica core's number */
    uint32_t next_free;    /* while free */
};

/* A line of the node's history, for EIR EVENTS and INFO. */
struct trace_event {
    time_ms wall_ms;
    char *text; /* owned */
};
#define TRACE_EVENTS 256

/* Loading from the disk at start: in slices, a turn each. */
struct load {
    struct file *file; /* owned; NULL: not loading */
    struct snapshot_reader *reader;
    uint64_t offset;
    uint64_t size;
    time_ms started_ms;
    time_ms started_wall_ms;
};

/* The one child, and who waits for it. */
struct snapshots {
    bool child_runs;
    enum child_job job;
    uint64_t stream_job;     /* job of the primary core that the child feeds; 0: none */
    struct repl_snapshot stream_wanted; /* how the stream must look */
    uint64_t queued_job;     /* waits for the child at work; 0: none */
    struct repl_snapshot queued_snapshot;
    bool is_save_queued;     /* BGSAVE SCHEDULE */
    bool wants_save;         /* the end of this turn forks */
    bool is_held;            /* the child's pipe is not read for now */
    bool was_killed;
    struct file *sized_file; /* owned: being sent to replicas */
    uint64_t sized_at;
    uint64_t sized_job;

    time_ms child_started_ms;
    time_ms last_save_wall_ms;
    time_ms last_try_ms;     /* a failed background save is tried again after a while */
    time_ms last_duration_ms; /* -1: never */
    bool last_failed;
    uint64_t dirty_at_fork;
    uint64_t saves;
    uint64_t forks;
    uint64_t loaded_keys;
    uint64_t expired_keys;
};

struct node {
    uint32_t magic; /* first: call_host checks it */
    struct node_clock clock;
    struct node_effects *effects; /* of the turn at hand; NULL between turns */
    struct prng prng;
    uint64_t (*ticks)(void);
    struct disk *disk;     /* borrowed */
    struct config *config; /* owned */
    void (*measure)(struct node_measures *measures);
    const char *system;
    const char *loop;
    long process_id;
    const char *executable;
    size_t memory_total;
    size_t memory_at_start;
    time_ms started_ms;
    time_ms started_wall_ms;
    char run_id[40];

    struct engine *engine;     /* owned */
    struct keyspace *keyspace; /* owned; valid data */
    struct backlog *backlog;   /* owned */
    struct primary *primary;   /* owned */
    struct replica *replica;   /* owned */
    struct repl_effects repl_effects;
    struct session *stream_session; /* runs the commands of our primary */

    struct cluster *cluster; /* owned; NULL: stand-alone */
    struct cluster_facts facts; /* as last told */
    struct file *conf_lock;     /* owned */
    struct number_map bus_links; /* link_number -> connection_number */
    link_number next_inbound;
    struct number_list accepted; /* links of the bus that the core has not heard of yet */
    bool permit_is_stale;

    struct link **links; /* owned; by place */
    uint32_t link_count;
    uint32_t first_free_link;
    uint32_t client_count;
    struct number_list sends; /* connections with something to send this turn */
    struct number_list held;  /* clients that are not read for now */

    struct engine_input *batch; /* owned; the turn's client input */
    size_t batch_count;
    size_t batch_capacity;

    struct load load;
    struct snapshots snapshots;
    struct trace_event events[TRACE_EVENTS];
    uint64_t event_count;
    struct endpoint *endpoints; /* owned; what the permit borrows */
    size_t endpoint_count;
    struct list waiting; /* sessions blocked in WAIT */
    struct keyspace *incoming;   /* owned: a full sync that is being loaded */
    bool incoming_failed;
    connection_number primary_link;
    bool has_more_stream;        /* commands of the primary wait for the next turn */
    bool stream_in_transaction;
    bool is_performing_repl;
    bool feed_is_due;
    struct hash_key hash_key;
    uint64_t dirty_saved;        /* keyspace_dirty when the last snapshot was taken */
    char node_id[NODE_ID_SIZE + 1];
    char *not_serving;           /* owned; what the permit borrows */
    const char *why_not;         /* static text of the cluster core */
    struct snapshot_reader *incoming_reader; /* owned */

    time_ms next_cron_ms;
    uint64_t turn; /* number of the turn */
    bool is_ready;
    bool is_stopping;
    bool skips_expire_cycle; /* DEBUG SET-ACTIVE-EXPIRE 0 */
    bool has_lineage;    /* the data at hand came from a snapshot that names its stream */
    bool has_data_files; /* at start there was a snapshot or a nodes.conf */
    enum stop_kind stop_kind;
    bool stop_is_forced;
    uint64_t stop_session; /* id of the session whose SHUTDOWN is answered if it fails; 0: none */
    bool hand_over_done;
    time_ms hand_over_by_ms;
    time_ms stop_by_ms;
    time_ms acks_asked_ms;
    uint64_t net_in;
    uint64_t net_out;
    uint64_t net_repl_in;
    uint64_t commands_before; /* at the last second */
    time_ms ops_counted_ms;
    int64_t ops_a_second;
    uint64_t connections_received;
    uint64_t connections_rejected;
    uint64_t bus_bytes_in;
    uint64_t bus_bytes_out;
    uint64_t bus_links_over_limit;
};

static inline struct node *node_of(const struct call *call)
{
    struct node *node = call_host(call);
    ensure(node->magic == NODE_MAGIC);
    return node;
}

/* ---- node.c ---- */
struct node_effect *node_add_effect(struct node *node, enum node_effect_type type);
/* A line for the event ring and the log. */
void node_trace(struct node *node, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void node_free_later(struct node *node, void *garbage, void (*garbage_free)(void *garbage));
void node_cron(struct node *node);

/* ---- links.c ---- */
void links_init(struct node *node);
void links_fini(struct node *node);
struct link *link_create(struct node *node, enum connection_kind kind);
struct link *link_find(const struct node *node, connection_number number);
/* Frees the place; sessions and followers of it must be gone. */
void link_release(struct node *node, struct link *link);
/* Says NODE_CLOSE and forgets it, whatever it is; cores are not told. */
void link_close(struct node *node, struct link *link);
void link_close_flushed(struct node *node, struct link *link);
/* There will be one NODE_SEND for it at the end of the turn. */
void link_wants_send(struct node *node, struct link *link);
void links_flush(struct node *node);

/* ---- clients.c ---- */
void clients_accept(struct node *node, struct link *link);
void clients_received(struct node *node, struct link *link, struct bytes bytes);
void clients_closed(struct node *node, struct link *link);
void clients_close(struct node *node, struct link *link);
/* Runs the batch of this turn and hands out what it caused. */
void clients_turn(struct node *node);
/* Takes what must be replicated out of the engine into the backlog. */
void clients_propagate(struct node *node);
void clients_take_ready(struct node *node);
void clients_check_wait(struct node *node);
/* The reply of WAIT or WAITAOF as things stand now. */
void clients_answer_wait(struct node *node, struct session *session);
/* Closes everybody who wrote in this turn, unanswered. */
void clients_withhold(struct node *node);

/* ---- bus.c ---- */
NODISCARD enum err bus_create(struct node *node, char *why);
void bus_destroy(struct node *node);
void bus_accept(struct node *node, struct link *link);
/* Tells the core of links that were accepted since the last turn. */
void bus_take_accepted(struct node *node);
void bus_connected(struct node *node, struct link *link, const struct endpoint_names *names);
void bus_received(struct node *node, struct link *link, struct bytes bytes);
void bus_closed(struct node *node, struct link *link, enum close_cause cause);
void bus_resolved(struct node *node, const struct node_input *input);
void bus_gap(struct node *node, time_ms gap_ms);
void bus_timer(struct node *node);
/* Tells the core what the data side knows, if that changed. */
void bus_tell_facts(struct node *node);
void bus_order(struct node *node, const struct cluster_order *order,
               struct cluster_answer *answer);
void bus_publish(struct node *node, bool is_sharded, struct bytes channel, struct bytes payload);

/* ---- follow.c ---- */
void follow_start(struct node *node, const char *host, uint16_t port);
void follow_connected(struct node *node, struct link *link);
void follow_received(struct node *node, struct link *link, struct bytes bytes);
void follow_closed(struct node *node, struct link *link, enum close_cause cause);
void follow_timer(struct node *node);
bool follow_is_busy(const struct node *node);
/* Runs what waits of the primary's stream, as far as a turn allows. */
void follow_apply(struct node *node);
/* What the configuration says in `replicaof` (stand-alone). */
void follow_begin(struct node *node);
bool follow_is_replica(const struct node *node);
/* Performs what a replication core wants. */
void repl_perform(struct node *node);

/* ---- feed.c ---- */
struct follower *feed_follower(struct node *node, struct session *session);
void feed_facts(struct node *node);
void feed_flush(struct node *node);
/* The end of a turn: what is due, then what was appended to the stream. */
void feed_turn(struct node *node);
void feed_timer(struct node *node);
void feed_closed(struct node *node, struct link *link);

/* ---- snapshots.c ---- */
NODISCARD enum err snapshots_open(struct node *node, char *why);
void snapshots_fini(struct node *node);
bool snapshots_is_loading(const struct node *node);
/* Loads a slice. */
void snapshots_load_turn(struct node *node);
void snapshots_cron(struct node *node);
/* In the foreground; false: failed (logged). */
bool snapshots_save(struct node *node);
/* Replaces the data by what the file holds; on false they are what they were. */
bool snapshots_reload(struct node *node);
enum snapshot_start { SNAPSHOT_STARTED, SNAPSHOT_BUSY, SNAPSHOT_SCHEDULED };
enum snapshot_start snapshots_save_in_background(struct node *node, bool may_wait);
void snapshots_child_bytes(struct node *node, struct bytes bytes);
void snapshots_child_exited(struct node *node, int code);
void snapshots_stream_start(struct node *node, uint64_t job, const struct repl_snapshot *wanted);
void snapshots_stream_stop(struct node *node, uint64_t job);
/* Feeds the child's pipe, or a sized file, as far as the receivers take it. */
void snapshots_stream_turn(struct node *node);
void snapshots_kill_child(struct node *node);
int snapshots_child_run(struct node *node, enum child_job job, struct sink *sink);
/* What a snapshot says about where it stands in the stream. */
void snapshots_describe(const struct node *node, struct snapshot_options *options);

/* ---- data.c ---- */
struct keyspace *data_create_keyspace(struct node *node);
void data_free_keyspace(struct node *node, struct keyspace *keyspace);
void data_flush(struct node *node);
/* Deletes the keys of slots that are not ours any more. */
void data_drop_slots(struct node *node, const struct slot_set *slots);
void data_drop_slot(struct node *node, const struct access *access, uint32_t db, unsigned slot);
/* Hands what waits to be freed to the background. */
void data_sweep(struct node *node);
void data_adopt(struct node *node, struct keyspace *keyspace);
void data_expire(struct node *node);
time_ms data_deadline(const struct node *node);
bool data_has_keys(const struct node *node);

/* ---- permit.c ---- */
void permit_init(struct node *node);
void permit_fini(struct node *node);
/* The host and port by which clients are told of a node. */
const char *permit_endpoint_host(const struct node *node, const struct cluster_peer_view *peer,
                                 bool is_ip6);
uint16_t permit_endpoint_port(const struct cluster_peer_view *peer, bool is_tls);
/* Reads views, states and the configuration again. */
void permit_refresh(struct node *node);
/* What may change without an event: lease, good replicas. */
void permit_refresh_cheap(struct node *node);

/* ---- options.c ---- */
void options_engine(const struct node *node, struct engine_settings *settings);
void options_primary(const struct node *node, struct primary_options *options);
void options_replica(const struct node *node, struct replica_options *options);
/* `seeds` must hold config->cluster_seeds.count entries. */
void options_cluster(const struct node *node, struct cluster_options *options,
                     struct cluster_seed *seeds);
/* After CONFIG SET: carries the new values to whom they concern. */
void options_apply(struct node *node, uint32_t areas);
void options_listened(struct node *node, bool is_done);

/* ---- stop.c ---- */
void stop_begin(struct node *node, enum stop_kind kind, bool is_now, bool is_forced);
void stop_signal(struct node *node, int signal);
/* Without its bus listener a node looks dead to others: it must be. */
void stop_listener_lost(struct node *node);
bool stop_abort(struct node *node);
void stop_turn(struct node *node);

/* ---- cluster_replies.c ---- */
void cluster_print_info(struct node *node, struct buffer *into);
void cluster_reply_slots(struct call *call);
void cluster_reply_shards(struct call *call);
void cluster_reply_links(struct call *call);
void cluster_reply_nodes(struct call *call);
void cluster_reply_replicas(struct call *call, const struct node_id *primary);
void cluster_reply_slot_stats(struct call *call);

/* ---- rows ---- */
extern const struct command node_cluster_rows[];
extern const size_t node_cluster_row_count;
extern const struct command node_server_rows[];
extern const size_t node_server_row_count;
extern const struct command node_replication_rows[];
extern const size_t node_replication_row_count;
extern const struct command node_config_rows[];
extern const size_t node_config_row_count;
extern const struct command node_info_rows[];
extern const size_t node_info_row_count;
extern const struct command node_debug_rows[];
extern const size_t node_debug_row_count;

/* INFO: the text of these sections, as `info.c` knows them by name. */
void info_print(struct node *node, const struct bytes *sections, size_t count,
                struct buffer *into);

#endif
