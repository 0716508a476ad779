/* What the files of the server share. */
#ifndef EIR_SERVER_INTERNAL_H
#define EIR_SERVER_INTERNAL_H

#include "node/node.h"
#include "os/loop.h"
#include "os/resolve.h"
#include "os/worker.h"
#include "os/writer.h"

/* Tags of the loop that are no connection numbers. */
#define TAG_CLIENT_LISTENER UINT64_MAX
#define TAG_BUS_LISTENER    (UINT64_MAX - 1)
#define TAG_CHILD           (UINT64_MAX - 2)

#define EVENTS_A_TURN 256
#define LISTENERS_MAX 36 /* 16 addresses for clients, 16 for the bus, a unix socket, room */

struct connection {
    connection_number number; /* 0: the place is free */
    loop_handle handle;       /* LOOP_HANDLE_NONE: the socket is gone or never was */
    bool is_up;
    bool is_sending; /* LOOP_SENT is awaited */
    bool closes_when_sent;
};

struct listener {
    loop_handle handle;
    bool is_bus;
};

struct child {
    long pid; /* 0: none */
    loop_handle pipe;
    bool is_held;
};

struct server {
    struct loop *loop;         /* owned */
    struct node *node;         /* owned */
    struct disk *disk;         /* owned */
    struct worker *freeing;    /* owned */
    struct resolver *resolver; /* owned */
    struct writer *writer;     /* owned */

    struct connection *connections; /* owned; by place of the number */
    size_t connection_capacity;

    struct listener listeners[LISTENERS_MAX];
    size_t listener_count;

    struct child child;

    /* The inputs of the turn that is being gathered, and what they borrow from. */
    struct node_input *inputs; /* owned */
    size_t input_count;
    size_t input_capacity;
    struct endpoint_names names[EVENTS_A_TURN];
    size_t names_used;
    struct resolved resolved;

    struct log_file *log_file; /* borrowed: shows the role of the node */
    char executable[4096];
    char system[256];

    struct node_effects effects;
    struct node_clock clock; /* of the turn */
    bool was_ready;
    bool wants_exit;
    int exit_code;
};

/* ---- inputs.c ---- */

/* Room for one more input of the coming turn. */
struct node_input *server_add_input(struct server *server, enum node_input_type type);

/* ---- connections.c ---- */

/* NULL when the number is stale. */
struct connection *connection_find(struct server *server, connection_number number);
struct connection *connection_put(struct server *server, connection_number number,
                                  loop_handle handle);
/* Sends what waits, as far as the socket takes it. */
void connection_send(struct server *server, connection_number number);
void connection_open(struct server *server, const struct node_effect *effect);
void connection_close(struct server *server, connection_number number);
void connection_close_flushed(struct server *server, connection_number number);
/* Events of the loop become inputs of the coming turn. */
void connection_accepted(struct server *server, const struct loop_event *event);
void connection_event(struct server *server, const struct loop_event *event);

/* ---- listeners.c ---- */

/* Opens what the configuration says; false when it could not (logged), nothing changed then. */
bool listeners_open(struct server *server);
void listeners_close(struct server *server);

/* ---- children.c ---- */

void child_start(struct server *server, enum child_job job);
void child_hold(struct server *server, bool is_held);
void child_kill(struct server *server);
void child_event(struct server *server, const struct loop_event *event);
/* After SIGCHLD: tells the node when it ended. */
void child_reap(struct server *server);

#endif
