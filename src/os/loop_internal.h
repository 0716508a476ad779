/* What the files of the loop share: its places, and who does what with them.
 *
 *   loop.c         the interface of loop.h
 *   loop_epoll.c   what epoll finds ready: with epoll everything, with io_uring what is rare
 *                  (listeners, connects, signals, pipes, sockets that were full)
 *   loop_uring.c   connections over io_uring
 *   loop_places.c  the table of places
 *
 * Each of them calls only those below it. */
#ifndef EIR_OS_LOOP_INTERNAL_H
#define EIR_OS_LOOP_INTERNAL_H

#include "base/ensure.h"
#include "base/number_list.h"
#include "os/loop.h"
#include <sys/epoll.h>

/* Room that one connection gets a turn: more than a pipeline of 64 SETs of 512 bytes, less than a
 * turn's budget of copying. */
#define LOOP_READ_SIZE  (64 * KIB)
#define LOOP_ARENA_SIZE (1 * MIB)
#define ACCEPTS_A_TURN  16
#define EPOLL_EVENTS    128

enum place_kind {
    PLACE_FREE,
    PLACE_LISTENER,
    PLACE_CONNECTING,
    PLACE_STREAM,
    PLACE_SIGNALS,
    PLACE_WAKE,
    PLACE_CLOSED, /* LOOP_CLOSED was handed out; free when the loop waits again */
};

struct place {
    int fd;
    enum place_kind kind;
    uint32_t generation; /* tells events of an earlier user of this place */
    uint32_t interest;   /* what epoll watches */
    bool is_watched;     /* by epoll */
    bool is_held;
    bool wants_write;
    bool is_pipe;

    /* epoll */
    bool has_ended;   /* the end, or an error, stands behind what is unread */
    bool is_queued;   /* stands in loop->unread */
    uint64_t read_in; /* number of the wait in which it was last read */

    /* io_uring */
    bool is_ringed;    /* read and written by the ring */
    bool is_receiving; /* the ring holds a receive for it */
    enum err ended_by; /* why the receive ended */
    size_t sending;    /* bytes handed to the ring and not told as sent yet */

    uint64_t tag;
    loop_handle next_free;
};

struct uring;

struct loop {
    struct place *places; /* owned */
    uint32_t place_count;
    loop_handle first_free;
    loop_handle first_closed;
    uint64_t wait_number;
    int wake_fd;
    char why_epoll[64]; /* empty, or why it is not io_uring */

    /* epoll */
    int epoll_fd;
    char *arena; /* owned */
    size_t arena_used;
    struct epoll_event ready[EPOLL_EVENTS];
    int ready_count;
    int ready_next;
    struct number_list unread; /* tickets; what the next wait looks at first */

    /* io_uring */
    struct uring *uring;   /* owned; NULL: epoll does everything */
    bool is_epoll_pending; /* the ring said that epoll has something */
};

/* ---- loop_places.c ---- */

/* A place and its present user as one number, which epoll and the ring carry: so what is told of
 * an earlier user is recognised as stale. The two highest bits are the carrier's. */
#define GENERATION_BITS 30
#define GENERATION_MASK ((1u << GENERATION_BITS) - 1)

static inline uint64_t place_ticket(const struct loop *loop, loop_handle handle)
{
    return (uint64_t)loop->places[handle].generation << 32 | handle;
}

/* NULL: it is somebody else's by now. */
static inline struct place *place_of_ticket(struct loop *loop, uint64_t ticket)
{
    struct place *place = &loop->places[(uint32_t)ticket];
    return place->generation == (ticket >> 32 & GENERATION_MASK) ? place : NULL;
}

struct place *loop_place(struct loop *loop, loop_handle handle);
/* Not watched by anybody yet. */
loop_handle place_take(struct loop *loop, int fd, enum place_kind kind, uint64_t tag);
void place_free(struct loop *loop, loop_handle handle);
/* What epoll shall tell of it; 0: nothing but errors. */
void place_watch(struct loop *loop, loop_handle handle, uint32_t interest);
void place_unwatch(struct loop *loop, loop_handle handle);
/* Hands out LOOP_CLOSED. The place is not given to another connection before the caller has seen
 * the whole batch: an event before this one may still make it send or close here. */
void place_closed(struct loop *loop, loop_handle handle, enum err cause, struct loop_event *event);
void place_free_closed(struct loop *loop);

/* ---- loop_uring.c ---- */

/* NULL: the kernel does not know what is needed, or forbids it; `why` says which. */
struct uring *uring_create(int epoll_fd, char *why, size_t why_size);
/* In a forked child: lets go of the parent's ring without touching what it does. */
void uring_abandon(struct uring *uring);
void uring_destroy(struct uring *uring);
/* Takes a connected socket over. */
void uring_adopt(struct loop *loop, loop_handle handle);
/* Nothing of it is in the ring any more: its descriptor may be closed. */
void uring_release(struct loop *loop, loop_handle handle);
/* As loop_send; true when it was taken, and LOOP_SENT tells how it went. */
bool uring_send(struct loop *loop, loop_handle handle, const struct iovec *slices, size_t count,
                size_t total);
void uring_hold(struct loop *loop, loop_handle handle);
size_t uring_wait(struct loop *loop, int timeout_ms, struct loop_event *events, size_t capacity);

/* ---- loop_epoll.c ---- */

/* Interest of a stream that epoll reads: edge-triggered. */
#define STREAM_INTEREST (EPOLLIN | EPOLLRDHUP | EPOLLET)

void socket_begin(struct loop *loop, loop_handle handle);
void socket_refresh(struct loop *loop, loop_handle handle);
/* The next wait looks at it again, whatever epoll says. */
void socket_keep_unread(struct loop *loop, loop_handle handle);
size_t ready_collect(struct loop *loop, int timeout_ms, struct loop_event *events, size_t capacity);

#endif
