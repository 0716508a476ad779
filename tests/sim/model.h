/* What the simulated world is made of: events, links, nodes, checkers. The functions on it stand in
 * world.h. */
#ifndef EIR_TESTS_SIM_MODEL_H
#define EIR_TESTS_SIM_MODEL_H

#include "base/buffer.h"
#include "base/ensure.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/prng.h"
#include "cluster/directory.h"
#include "sim/queue.h"
#include "sim/sim.h"

#define MS                 ((time_us)1000)
#define NOBODY             UINT32_MAX
#define SAMPLE_SLOTS       64 /* writers touch these slots only: every 256th */
#define SAMPLE_STRIDE      (SLOT_COUNT / SAMPLE_SLOTS)
#define TICK_US            (50 * MS) /* of the data model */
#define GAP_MS             100       /* a shell reports a longer stand-still as CLUSTER_SUSPENDED */
#define CONNECT_TIMEOUT_US (5000 * MS)

/* --- links --- */

enum packet_kind { PACKET_MESSAGE, PACKET_END, PACKET_RESET };

struct packet {
    struct list_link in_held;
    enum packet_kind kind;
    uint8_t side; /* where it goes: index into ends */
    struct sim_link *link; /* counted in its users */
    struct cluster_message *message; /* owned */
};

enum end_state { END_NONE, END_WAITING, END_OPEN, END_CLOSED };

/* One side of a connection. A dead process leaves its sides CLOSED. */
struct link_end {
    uint32_t node;
    uint32_t process; /* the node's process number when it was opened */
    enum end_state state;
    bool is_known;      /* the core still knows the number */
    link_number number; /* as the core knows it */
    time_us arrives_us; /* the last packet toward this side: what follows is not earlier */
    struct list held;   /* packets that a cut holds back */
};

/* A side of a link in the list of its node. */
struct link_place {
    struct list_link in_list;
    struct sim_link *link; /* borrowed */
    uint8_t side;
};

struct sim_link {
    uint32_t users; /* packets and inputs that point to it */
    bool is_gone;   /* neither side has it any more: freed with its last user */
    struct list_link in_all;
    struct link_place places[2];
    struct link_end ends[2]; /* 0: who connected; 1: who accepted */
    uint32_t target_ip;
    bool is_connecting; /* the answer to the connect is still on its way */
    bool is_accepted;
    enum link_cause answer; /* when it was not */
};

/* --- nodes --- */

enum node_state { NODE_DOWN, NODE_RUNNING, NODE_FROZEN };

/* An event for the core that waits while the node stands still. */
struct sim_input {
    enum cluster_event_type type;
    link_number number;
    struct sim_link *link; /* counted in its users; NULL: it is about no link */
    uint8_t side;
    bool is_inbound;
    enum link_cause cause;
    struct cluster_message *message; /* owned */
    char remote_ip[ADDRESS_IP_SIZE];
    size_t seed_index;
    uint32_t resolved; /* node or NOBODY */
};

enum trap_place { TRAP_NONE, TRAP_ANYWHERE, TRAP_AFTER_SAVE };

/* Ends or freezes the process between two effects. */
struct trap {
    enum trap_place place;
    unsigned countdown;
    time_ms freeze_ms; /* 0: crash */
};

enum stream_state { STREAM_NONE, STREAM_WAITING, STREAM_SYNCING, STREAM_FLOWING };

struct replid {
    char hex[40];
};

/* The keyspace and replication of a node, as far as the cluster sees them. */
struct sim_data {
    struct replid replid;  /* all zero: none */
    struct replid replid2; /* the history that this one continues ... */
    uint64_t offset2;      /* ... up to here */
    uint64_t offset;       /* executed or applied */
    uint64_t received;     /* replica: what has arrived, applied or not */
    bool has_keys;
    bool has_synced;
    bool lost_lineage;
    bool was_emptied; /* started without the data that it had, and has not synced since */
    bool is_drained;
    bool is_stopping;
    time_ms active_ms;       /* local */
    time_ms paused_until_ms; /* local; 0: not paused */
    uint32_t follows_ip;     /* NOBODY: a primary */
    uint32_t follows;        /* the node that had this address, or NOBODY */
    uint32_t source_process;
    enum stream_state stream;
    time_us syncs_us; /* SYNCING: when it will be complete */
    time_us heard_us; /* FLOWING: when the source last said something */
};

/* Slots whose owner died (check_failover.c). */
struct vacancy {
    bool is_open;
    bool is_hard;     /* all who had links with it hold hard evidence */
    unsigned slot;    /* one of them */
    time_us since_us; /* somebody could have taken over since; TIME_NEVER: nobody can */
};

struct sim_node {
    uint32_t index;
    bool is_classic;
    bool is_foreign;
    enum node_state state;
    bool is_powered; /* the machine answers for a dead process */
    bool listens;
    bool died_with_input;
    uint32_t process;     /* counts starts: what belongs to an older one is void */
    struct cluster *core; /* owned; NULL: down */
    struct cluster_options options;
    uint32_t ip_number;
    char ip[ADDRESS_IP_SIZE];
    struct node_id id; /* of the running core */

    /* clock: local = base + (now - since) x rate / 1000 */
    time_us clock_since_us;
    time_ms clock_base_ms;
    int clock_rate; /* per mille */
    time_ms wall_offset_ms;
    time_us timer_us;
    unsigned timer_spins;

    time_us frozen_since_us;
    time_us thaw_us;
    struct sim_input *inbox; /* owned */
    size_t inbox_first;
    size_t inbox_count; /* behind the last */
    size_t inbox_capacity;
    struct cluster_effects effects;
    size_t effect_next; /* what of `effects` is still to be done */
    bool is_busy;       /* pumping: further inputs wait their turn */
    bool facts_due;
    time_ms gap_ms;     /* to be reported before anything else */
    bool has_stalled;   /* this SAVE has waited for the disk already */
    bool drops_unsaved; /* the SAVE of this list failed */
    bool save_failed;   /* tell the core before the next event */
    struct trap trap;

    /* disk */
    struct buffer disk;       /* durable text of nodes.conf */
    struct buffer disk_older; /* what a roll-back brings */
    unsigned disk_saves;
    bool disk_fails;
    time_ms disk_stall_ms;

    struct sim_data data;
    struct cluster_facts facts; /* as last told */
    bool facts_told;
    struct directory links;  /* struct sim_link by the core's number */
    struct list links_list;  /* struct link_place */
    unsigned false_refusals; /* so many connects are refused although it listens */
    link_number accept_next; /* even */

    time_us settled_us;   /* since when it shows a cluster id; 0: it does not */
    time_us disturbed_us; /* when something was last wrong with it or its network */
    time_us down_us;
    struct vacancy vacancy;
    struct buffer trace;
    bool view_is_new;
    uint64_t owners_digest; /* who owns what, as it sees it; while !view_is_new */
    struct cluster_status status; /* refreshed by data ticks and checks */
};

/* --- checkers --- */

/* Who acknowledged the last write of a sample slot. */
struct slot_watch {
    uint64_t epoch;
    struct node_id owner;
    time_us at_us;
};

struct vote_record {
    struct node_id voter;
    struct node_id candidate;
    uint64_t epoch;
};

/* The highest that an id ever showed or saved: none of it may fall. */
struct id_record {
    struct node_id id;
    uint64_t vote_epoch;
    uint64_t config_epoch;
    uint64_t asked_epoch;
    bool is_void; /* reset, wiped or rolled back: its promises are gone with its disk */
};

struct checker {
    bool lease_holds; /* no operator, clock or disk took the lease's ground away */
    struct slot_watch slots[SAMPLE_SLOTS];
    struct vote_record *votes; /* owned */
    size_t vote_count, vote_capacity;
    struct id_record *ids; /* owned */
    size_t id_count, id_capacity;
    uint64_t formed_id; /* cluster id of the formation that serves */
    time_us vacancies_due_us;
    time_us forgot_us; /* when an operator last had a node forgotten */
    unsigned replaced_by_evidence, replaced_by_silence; /* filled while their clock ran */
};

/* --- the world --- */

struct sim {
    struct sim_options options;
    struct prng prng; /* of the world; each core has its own chance */
    time_us now_us;
    uint64_t event_count;
    uint64_t second_events; /* of the current second */
    uint64_t digest;
    struct queue queue;
    struct sim_node *nodes; /* owned */
    uint32_t node_count;
    uint32_t member_count; /* without spares */
    uint32_t *node_of_ip;  /* owned; by ip_number; NOBODY */
    uint32_t ip_count;
    uint8_t *cuts; /* owned; [from * node_count + to] */
    bool has_cuts;
    unsigned latency_us; /* at least; up to four times that */
    struct list links;   /* struct sim_link; owned */
    struct cluster_seed *seeds; /* owned */
    size_t seed_count;
    struct conf_node *conf_lines; /* owned; while the world is made */
    time_us mark_us;
    time_us disturbed_us;    /* any node */
    struct buffer text;      /* what sim_trace returned last */
    bool members_may_change; /* histories: only agreement is asked for, not health */
    char *violation;         /* owned */
    char complaint[128];     /* why the world was not healthy when last asked */
    struct checker checker;
    void (*on_story)(struct sim *sim, uint64_t number, void *context);
    void *story_context;
};

#endif
