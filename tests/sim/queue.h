/* Events of the simulated world, in order of time. */
#ifndef EIR_TESTS_SIM_QUEUE_H
#define EIR_TESTS_SIM_QUEUE_H

#include "base/units.h"

struct packet;
struct sim_link;

enum sim_event_type {
    EVENT_START,     /* node, for the first time */
    EVENT_TIMER,     /* node's core deadline */
    EVENT_PACKET,    /* link, side, packet: arrives at that side */
    EVENT_CONNECT,   /* link: the attempt reaches its target */
    EVENT_CONNECTED, /* link: the answer reaches its origin */
    EVENT_RESOLVED,  /* node, number: seed index */
    EVENT_TICK,      /* node: data model */
    EVENT_DRAINED,   /* node */
    EVENT_THAW,      /* node */
    EVENT_EXIT,      /* node: the process ends by itself */
    EVENT_STORY,     /* number: the next fault of a history */
    EVENT_SECOND,    /* checkers */
};

struct sim_event {
    time_us at_us;
    uint64_t order; /* breaks ties: first put, first taken */
    uint32_t type;
    uint32_t node;
    union {
        uint64_t number;       /* of the seed, ... or generation of the node's process */
        struct packet *packet; /* PACKET; owned */
        struct sim_link *link; /* CONNECT, CONNECTED; it lasts until then */
    };
};

struct event_list {
    struct sim_event *events; /* owned */
    size_t count;
    size_t capacity;
};

struct queue {
    struct event_list near;  /* a binary heap: all events up to the end of `bucket` */
    struct event_list *ring; /* owned; later ones; NULL: there was none yet */
    size_t far_count;        /* in the ring */
    uint64_t bucket;         /* of the near ones: time in units of the ring */
    uint64_t order;
};

void queue_put(struct queue *queue, struct sim_event event);
bool queue_take(struct queue *queue, time_us until_us, struct sim_event *event);
void queue_fini(struct queue *queue);

#endif
