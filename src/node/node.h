/* One whole node without I/O: engine, replication and cluster joined.
 *
 * The shell (server/, or the deep simulator) reads bytes, calls node_turn with everything that is
 * ready, and performs the effects in order. The node speaks in bytes: "these came from connection
 * 7" in, "send what waits there, connect here, fork a snapshot" out. Only the disk is used
 * directly, through `struct disk`, so that what must be durable before an effect is durable when
 * the effect is handed out. */
#ifndef EIR_NODE_NODE_H
#define EIR_NODE_NODE_H

#include "base/disk.h"
#include "base/output.h"
#include "node/config.h"

struct node;

/* Numbers of connections are given out by the node: the low CONNECTION_PLACE_BITS are a place in
 * dense tables on both sides, the rest says how often the place was used. 0 is none. */
typedef uint64_t connection_number;
#define CONNECTION_PLACE_BITS 20
#define CONNECTION_PLACE_MASK ((1u << CONNECTION_PLACE_BITS) - 1)

enum connection_kind {
    CONNECTION_CLIENT,  /* accepted on a client port; replicas of ours are clients too */
    CONNECTION_BUS,     /* accepted on the bus port, or made to a peer's */
    CONNECTION_PRIMARY, /* made to our primary's client port */
};

struct endpoint_names {
    char remote_ip[46];
    char local_ip[46];
    uint16_t remote_port;
    uint16_t local_port;
    bool is_unix; /* remote_ip and local_ip hold nothing then */
    int fd;       /* only printed (CLIENT LIST) */
};

struct node_clock {
    time_ms now_ms;  /* CLOCK_BOOTTIME: counts suspended time */
    time_ms wall_ms; /* Unix time */
};

enum node_input_type {
    NODE_RECEIVED,      /* bytes of a connection; borrowed for this call */
    NODE_CONNECTED,     /* a connection made by NODE_CONNECT is up; names */
    NODE_CLOSED,        /* the connection is gone, or never came up; cause */
    NODE_CHILD_BYTES,   /* the snapshot child wrote these to its pipe */
    NODE_CHILD_STARTED, /* count: microseconds that the fork took */
    NODE_CHILD_EXITED,  /* count: 0 success, else failure */
    NODE_RESOLVED,      /* token, addresses */
    NODE_SIGNAL,        /* count: enum node_signal */
    NODE_GAP,           /* the process was stopped or the machine slept: count is milliseconds */
    NODE_LISTENER_LOST, /* the bus listener is broken */
    NODE_APPLIED,       /* answer to NODE_APPLY; count: 0 done, else it failed */
    NODE_WRITTEN,       /* answer to NODE_WRITE; count: 0 durable, else it failed */
};

/* Why a connection closed; the values of cluster/cluster.h's enum link_cause. */
enum close_cause {
    CLOSE_BY_PEER,
    CLOSE_RESET,
    CLOSE_REFUSED,
    CLOSE_UNREACHABLE,
    CLOSE_LOCAL,
};

struct node_input {
    enum node_input_type type;
    connection_number connection;
    struct bytes bytes;
    size_t count;
    enum close_cause cause;
    uint32_t token;
    const struct endpoint_names *names;
    const char (*addresses)[46];
};

enum node_effect_type {
    NODE_SEND,          /* output of the connection has bytes: send what node_output shows */
    NODE_CONNECT,       /* connection, kind, ip, port: answer NODE_CONNECTED or NODE_CLOSED */
    NODE_CLOSE,         /* at once; no NODE_CLOSED follows */
    NODE_CLOSE_FLUSHED, /* when its output is sent, or fails to be: NODE_CLOSED follows then */
    NODE_HOLD,          /* do not read from it until NODE_UNHOLD; connection 0: the child's pipe */
    NODE_UNHOLD,
    NODE_RESOLVE,    /* token, host: answer NODE_RESOLVED */
    NODE_FORK,       /* fork; the child runs node_child_run(job) and exits with its answer */
    NODE_KILL_CHILD, /* answer NODE_CHILD_EXITED */
    NODE_FREE,       /* garbage: free off-thread */
    NODE_WRITE,      /* write, owned by who performs it: disk_write_synced() off-thread, one after
                        the other; answer NODE_WRITTEN */
    NODE_APPLY,      /* listeners or directory changed: do what node_config now says; count: mask
                        of enum config_area; answer NODE_APPLIED */
    NODE_STALL,      /* stand still for count milliseconds (DEBUG SLEEP) */
    NODE_EXIT,       /* count: the exit code, or NODE_RESTARTS: the program is to be run again.
                        Everything that must be saved is saved */
};

#define NODE_RESTARTS 1000

enum node_signal { NODE_TERMINATE, NODE_INTERRUPT };

enum child_job {
    CHILD_SAVE,   /* snapshot to the disk: temp file, synced, renamed by the child */
    CHILD_STREAM, /* snapshot to the pipe, for replicas */
};

/* A file that is written beside the loop. */
struct node_write {
    char *name; /* owned */
    struct buffer content;
};
void node_write_destroy(struct node_write *write);

struct node_effect {
    enum node_effect_type type;
    connection_number connection;
    enum connection_kind kind;
    char host[256]; /* CONNECT: numeric address; RESOLVE: name */
    uint16_t port;
    uint32_t token;
    enum child_job job;
    int count;
    void *garbage;
    void (*garbage_free)(void *garbage);
    struct node_write *write;
};

struct node_effects {
    struct node_effect *items; /* owned */
    size_t count;
    size_t capacity;
};

void node_effects_init(struct node_effects *effects);
void node_effects_clear(struct node_effects *effects);
void node_effects_fini(struct node_effects *effects);

/* What the operating system says of this process: only printed, by INFO. */
struct node_measures {
    size_t resident_bytes;
    time_us cpu_user_us, cpu_system_us;
    time_us cpu_user_children_us, cpu_system_children_us;
};

/* Open files besides connections: logs, snapshots, listeners and the like. */
#define NODE_FILES_RESERVED 32

struct node_options {
    struct config *config;   /* adopted */
    struct disk *disk;       /* borrowed; outlives the node */
    uint64_t seed;           /* entropy of this start */
    uint64_t (*ticks)(void); /* nanoseconds from anywhere: only measures and ends turns */
    void (*measure)(struct node_measures *measures); /* NULL: all zero */
    /* Asks for room for so many open files; answers how many there may be. NULL: any number. */
    size_t (*raise_files)(size_t wanted);
    const char *system; /* "Linux 6.1.0 x86_64"; printed */
    const char *loop;   /* name of the loop's back end; printed */
    long process_id;    /* printed */
    const char *executable;
    const char *config_path; /* absolute, or empty */
    size_t memory_total;     /* of the machine */
};

/* Opens nodes.conf (locks it) and prepares loading; the data are loaded in slices by the turns
 * that follow. On an error `why` (256 bytes) says which file, where, and why. */
NODISCARD enum err node_create(const struct node_options *options, struct node_clock clock,
                               struct node **node, char *why);
void node_destroy(struct node *node);

/* A connection was accepted: its number. Over maxclients it gets an error and is closed by the
 * effects of the next turn. */
connection_number node_accept(struct node *node, enum connection_kind kind,
                              const struct endpoint_names *names, struct node_clock clock);

/* Bus input is handled before client input, whatever their order here. Call it with no inputs
 * when node_deadline has passed. */
void node_turn(struct node *node, struct node_clock clock, const struct node_input *inputs,
               size_t count, struct node_effects *effects);
/* Between the turn and the sends, with a fresh clock: takes back the replies of writes whose
 * lease ran out meanwhile (their connections are closed instead). */
void node_before_send(struct node *node, struct node_clock clock, struct node_effects *effects);
/* The time since the last mark was spent on this part of the turn; INFO names the longest part of
 * the longest turn. */
void node_mark(struct node *node, const char *part);
/* The effects are done. */
void node_turn_done(struct node *node);
time_ms node_deadline(const struct node *node);
/* True while it has work of its own left (loading, expiry, a long batch): do not wait. */
bool node_is_busy(const struct node *node);

/* What waits to be sent, NULL when there is no such connection. The shell takes slices from it,
 * tells what went by node_sent, and never changes it itself. */
const struct output *node_output(const struct node *node, connection_number connection);
void node_sent(struct node *node, connection_number connection, size_t count);

/* In the child, after it has closed what it inherited. Returns the exit code. */
struct sink;
int node_child_run(struct node *node, enum child_job job, struct sink *sink);

const struct config *node_config(const struct node *node);
/* The role letter of log lines: M, S, C (child) or X (starting). */
char node_role_letter(const struct node *node);
/* Loading is over and commands are served: time to say that we are ready. */
bool node_is_ready(const struct node *node);

#endif
