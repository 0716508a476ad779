/* The state of a node, shared by its files; what each of them does stands in parts.h. */
#ifndef EIR_NODE_INTERNAL_H
#define EIR_NODE_INTERNAL_H

#include "base/ensure.h"
#include "base/number.h"
#include "base/number_list.h"
#include "base/prng.h"
#include "cluster/cluster.h"
#include "cluster/orders.h"
#include "cluster/view.h"
#include "commands/commands.h"
#include "engine/call.h"
#include "engine/engine.h"
#include "keyspace/defrag.h"
#include "keyspace/keyspace.h"
#include "node/debug.h"
#include "node/node.h"
#include "node/number_map.h"
#include "node/turns.h"
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
    bool is_closing; /* NODE_CLOSE or NODE_CLOSE_FLUSHED was said */
    bool wants_send; /* stands in node->sends */
    bool is_held;
    time_ms created_wall_ms;
    bool is_up; /* BUS, PRIMARY: a connection that we made is established */
    struct endpoint_names names;

    struct session *session;   /* CLIENT; owned by the engine */
    struct follower *follower; /* CLIENT that spoke REPLCONF or PSYNC; owned by node->primary */

    time_ms over_soft_since_ms; /* CLIENT: over the soft limit of its output; 0: not */

    /* CLIENT: see client_memory.c */
    struct list_link memory_link; /* in a bucket, unless it is protected */
    size_t memory_counted;
    uint8_t memory_bucket;
    bool memory_is_replica;
    time_ms peak_until_ms; /* until then session->output_peak stands */

    struct output output; /* BUS, PRIMARY */
    struct buffer input;  /* BUS: an unfinished message */
    link_number bus_link; /* BUS: the cluster core's number */
    uint64_t repl_link;   /* PRIMARY: the replica core's number */
    uint32_t next_free;   /* while free */
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
    uint64_t stream_job;                /* job of the primary core that the child feeds; 0: none */
    struct repl_snapshot stream_wanted; /* how the stream must look */
    uint64_t queued_job;                /* waits for the child at work; 0: none */
    struct repl_snapshot queued_snapshot;
    bool is_save_queued; /* BGSAVE SCHEDULE */
    bool wants_save;     /* the end of this turn forks */
    bool is_held;        /* the child's pipe is not read for now */
    bool was_killed;
    struct file *sized_file; /* owned: being sent to replicas */
    uint64_t sized_at;
    uint64_t sized_job;

    time_ms child_started_ms;
    time_ms last_save_wall_ms;
    time_ms last_try_ms;      /* a failed background save is tried again after a while */
    time_ms last_duration_ms; /* -1: never */
    bool last_failed;
    uint64_t dirty_at_fork;
    uint64_t saves;
    uint64_t forks;
    time_us fork_us; /* how long the last one took */
    uint64_t loaded_keys;
    uint64_t expired_keys;
};

#define CLIENT_BUCKET_FIRST 15 /* smaller ones are all the same */
#define CLIENT_BUCKET_COUNT 19 /* up to 32 KiB, and then each power of two up to 8 GiB and more */
#define CLIENT_RECENT_COUNT 8  /* seconds */

/* The largest buffers of any client in one second. */
struct client_peaks {
    time_ms second;
    size_t input;
    size_t output;
};

/* What all clients take. */
struct client_memory {
    size_t of[2]; /* clients, replicas */
    struct list buckets[CLIENT_BUCKET_COUNT];
    uint32_t place; /* of the link that the cron looked at last */
    struct client_peaks recent[CLIENT_RECENT_COUNT];
    uint64_t evicted;
};

enum failover_state {
    FAILOVER_NONE,
    FAILOVER_WAITING, /* writes wait until a replica has everything */
    FAILOVER_ASKING,  /* it was, or is to be, asked to lead */
};

/* FAILOVER, without a cluster. */
struct failover {
    enum failover_state state;
    bool is_forced;
    char host[256]; /* empty: any replica */
    uint16_t port;
    int64_t offset; /* that the replica must have */
    time_ms until_ms;
    char refusal[128]; /* ASKING: why the replica will not lead; empty: it has not said so */
};

enum defrag_phase {
    DEFRAG_PLANS, /* which memory is to be vacated */
    DEFRAG_WALKS, /* over all keys */
    DEFRAG_ENDS,
};

/* Active defragmentation. */
struct defrag {
    unsigned effort; /* percent of a processor that the pass under way may take; 0: none is */
    enum defrag_phase phase;
    bool walks_anyway; /* even when slabs stay as they are */
    time_ms next_ms;   /* the next spell */
    time_ms next_look_ms;
    struct defrag_walk walk;
    struct defrag_counts counts;
    uint64_t ns;          /* of all spells */
    uint64_t started_ns;  /* of it before the last pass began */
    size_t active_before; /* bytes in active pages when the pass began */
};

/* A nodes.conf that the shell writes beside the loop. */
struct conf_writing {
    bool is_running; /* NODE_WRITTEN is awaited */
    bool is_stale;   /* something newer stands on the disk: what is being written is dropped */
    bool wants_more; /* it changed since */
};

/* A CONFIG SET that waits for the shell. */
struct config_change {
    struct config *before; /* owned; NULL: none waits */
    uint32_t areas;
    uint64_t session_id; /* 0: nobody is told */
    struct buffer error; /* the reply if it fails */
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
    size_t (*raise_files)(size_t wanted);
    const char *system;
    const char *loop;
    long process_id;
    const char *executable;
    size_t memory_total;
    size_t memory_at_start;
    time_ms started_ms;
    time_ms started_wall_ms;
    char run_id[40];

    struct command *lone_rows; /* owned; CLUSTER of a server alone, else NULL */
    struct engine *engine;     /* owned */
    struct keyspace *keyspace; /* owned; valid data */
    bool has_returned_memory;  /* of another thread, more than one turn takes in */
    time_ms region_until_ms;   /* one that was made ready is kept; 0: none is */
    struct defrag defrag;
    struct backlog *backlog; /* owned */
    struct primary *primary; /* owned */
    struct replica *replica; /* owned */
    struct repl_effects repl_effects;
    struct session *stream_session; /* runs the commands of our primary */

    struct cluster *cluster;    /* owned; NULL: stand-alone */
    struct cluster_facts facts; /* as last told */
    struct file *conf_lock;     /* owned */
    struct conf_writing conf_writing;
    struct slot_set slots_counted; /* whose costs count: they start from zero when they come */
    struct number_map bus_links;   /* link_number -> connection_number */
    link_number next_inbound;
    struct number_list accepted; /* links of the bus that the core has not heard of yet */
    bool permit_is_stale;

    struct link **links; /* owned; by place */
    uint32_t link_count;
    uint32_t first_free_link;
    uint32_t client_count;
    uint32_t bus_link_count;
    struct client_memory client_memory;
    struct number_list sends;     /* connections with something to send this turn */
    struct number_list held;      /* clients that are not read for now */
    struct number_list over_soft; /* clients over the soft limit of their output */
    time_ms idle_checked_ms;

    struct engine_input *batch; /* owned; the turn's client input */
    size_t batch_count;
    size_t batch_capacity;

    struct load load;
    struct snapshots snapshots;
    struct failover failover;
    struct config_change change;
    struct trace_event events[TRACE_EVENTS];
    uint64_t event_count;
    struct endpoint *endpoints; /* owned; what the permit borrows */
    size_t endpoint_count;
    struct list waiting;       /* sessions blocked in WAIT */
    struct keyspace *incoming; /* owned: a full sync that is being loaded */
    bool incoming_failed;
    connection_number primary_link;
    bool has_more_stream; /* commands of the primary wait for the next turn */
    bool stream_in_transaction;
    bool is_performing_repl;
    bool feed_is_due;
    struct hash_key hash_key;
    uint64_t dirty_saved; /* keyspace_dirty when the last snapshot was taken */
    char node_id[NODE_ID_SIZE + 1];
    char *not_serving;                       /* owned; what the permit borrows */
    const char *why_not;                     /* static text of the cluster core */
    struct snapshot_reader *incoming_reader; /* owned */

    time_ms next_cron_ms;
    uint64_t turn;  /* number of the turn */
    bool has_begun; /* the data are loaded and the role of nodes.conf is taken up */
    bool is_stopping;
    struct debug_switches debug;
    bool has_lineage;    /* the data at hand came from a snapshot that names its stream */
    bool has_data_files; /* at start there was a snapshot or a nodes.conf */
    enum stop_kind stop_kind;
    bool stop_is_forced;
    bool stop_waits;       /* for replicas, and the log says so */
    uint64_t stop_session; /* id of the session whose SHUTDOWN is answered if it fails; 0: none */
    bool hand_over_done;
    time_ms hand_over_by_ms;
    time_ms stop_by_ms;
    time_ms acks_asked_ms;
    uint64_t net_in;
    uint64_t net_out;
    uint64_t net_repl_out; /* of those, to replicas */
    uint64_t reads;        /* pieces that arrived, */
    uint64_t writes;       /* and that went */
    uint64_t net_repl_in;
    struct turns turns;
    uint64_t connections_received;
    uint64_t connections_rejected;
    uint64_t clients_over_output; /* closed for it */
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

#endif
