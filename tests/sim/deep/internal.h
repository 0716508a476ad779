/* The inside of the deep world: events in time, wires between ends, nodes and clients. */
#ifndef EIR_TESTS_DEEP_INTERNAL_H
#define EIR_TESTS_DEEP_INTERNAL_H

#include "base/digest.h"
#include "base/ensure.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/number.h"
#include "deep.h"

/* Who is at the end of a wire: a node, or a client (behind the nodes in number). */
#define DEEP_CLIENT(i) (DEEP_NODES_MAX + (i))

enum deep_event_type {
    DEEP_BYTES,       /* wire, side: bytes arrive there */
    DEEP_OPENED,      /* wire: the connect succeeded; told to side 0 */
    DEEP_CLOSED,      /* wire, side: the other end is gone; cause */
    DEEP_CHILD_BYTES, /* who */
    DEEP_CHILD_EXIT,  /* who; number: code */
    DEEP_RESOLVED,    /* who; number: token */
    DEEP_WRITE,       /* who; host: name, bytes: content of a file */
    DEEP_RESUME,      /* who: SIGCONT */
    DEEP_CLIENT_TURN, /* who */
};

struct deep_event {
    struct heap_node node;
    uint64_t order; /* breaks ties: first made, first done */
    enum deep_event_type type;
    unsigned who;
    uint32_t incarnation; /* of the node; events of an earlier life are void */
    uint64_t wire;
    int side;
    uint64_t number;
    enum close_cause cause;
    struct buffer bytes;
    char host[256];
};

/* One connection. Side 0 made it. */
struct wire_end {
    unsigned who;
    uint32_t incarnation;
    connection_number connection; /* nodes: 0 until accepted */
    bool is_open;
    bool is_held;
    struct buffer waiting; /* arrived while held, cut off or stopped */
    bool has_ended;        /* the end arrived behind those bytes */
    enum close_cause ended;
    time_ms last_ms; /* when the last bytes sent to this end arrive: they never overtake */
};

struct wire {
    struct list_link link;
    uint64_t number;
    bool is_bus;
    struct wire_end ends[2];
};

struct deep_child {
    bool runs;
    enum child_job job;
    struct buffer bytes; /* not yet handed out */
    int code;
    bool is_held;
};

struct deep_node {
    unsigned number;
    struct node *node; /* NULL: down */
    struct memory_disk *disk;
    uint32_t incarnation;
    char ip[46];
    time_ms wall_offset_ms;
    time_ms stopped_since_ms; /* SIGSTOP; 0: runs */
    bool has_no_power;        /* its host does not even refuse */
    bool wants_exit;
    struct node_effects effects;
    struct deep_child child;
};

struct deep_client {
    unsigned number;
    uint64_t wire;   /* 0: not connected */
    unsigned target; /* the node it talks to */
    struct buffer input;
    uint64_t key; /* of the write that waits for its answer */
    uint64_t value;
    bool is_waiting;
    bool awaits_wait; /* SET was answered, WAIT not yet */
    time_ms asked_ms;
    uint64_t *values;  /* owned: last acknowledged value by key; 0: none */
    time_ms *acked_ms; /* owned: when, for the reader of a failure */
    uint64_t next_value;
};

struct deep {
    struct deep_options options;
    struct prng prng;
    time_ms now_ms;
    uint64_t next_order;
    uint64_t next_wire;
    struct heap events;
    struct list wires;
    struct deep_node nodes[DEEP_NODES_MAX];
    unsigned node_count;
    struct deep_client clients[DEEP_CLIENTS_MAX];
    bool clients_paused;
    bool cut[DEEP_NODES_MAX][DEEP_NODES_MAX];
    uint64_t digest;
    char violation[512];
    struct buffer answer;
};

#define DEEP_KEYS 512

/* ---- world.c ---- */
struct deep_event *deep_schedule(struct deep *deep, time_ms in_ms, enum deep_event_type type);
void deep_note(struct deep *deep, uint64_t number);
void deep_violate(struct deep *deep, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- wire.c ---- */
struct wire *wire_find(struct deep *deep, uint64_t number);
struct wire *wire_of(struct deep *deep, unsigned who, connection_number connection, int *side);
/* Opens a wire to an address; what comes of it is an event. */
struct wire *wire_open(struct deep *deep, unsigned who, connection_number connection,
                       const char *ip, uint16_t port);
void wire_send(struct deep *deep, struct wire *wire, int from_side, struct bytes bytes);
/* This side closes: the other hears it behind the bytes that are on their way. */
void wire_close(struct deep *deep, struct wire *wire, int side, enum close_cause cause);
/* Everything of a process that died; hosts that lost power say nothing. */
void wires_of_dead(struct deep *deep, unsigned who, bool is_silent);
bool wire_is_cut(const struct deep *deep, const struct wire *wire, int to_side);
/* Hands over what waited at this end. */
void wire_release(struct deep *deep, struct wire *wire, int side);
void wires_destroy(struct deep *deep);
void wire_event(struct deep *deep, struct deep_event *event);

/* ---- node.c ---- */
void node_shell_turn(struct deep *deep, struct deep_node *shell, const struct node_input *inputs,
                     size_t count);
struct node_clock node_shell_clock(const struct deep *deep, const struct deep_node *shell);
time_ms node_shell_deadline(const struct deep_node *shell);
void node_shell_event(struct deep *deep, struct deep_event *event);
void node_shell_create(struct deep *deep, unsigned who);
void node_shell_destroy(struct deep *deep, unsigned who);
bool node_shell_runs(const struct deep_node *shell);
unsigned node_by_ip(const struct deep *deep, const char *ip);

/* ---- client.c ---- */
void clients_create(struct deep *deep);
void clients_destroy(struct deep *deep);
void client_received(struct deep *deep, unsigned who, struct bytes bytes);
void client_closed(struct deep *deep, unsigned who);
void client_turn(struct deep *deep, unsigned who);

#endif
