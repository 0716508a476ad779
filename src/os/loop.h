/* The loop: waiting for sockets, timers aside, in the shape of completions.
 *
 * Bytes arrive as events with the bytes in them; sends say how much is gone. io_uring works like
 * that by itself, epoll imitates it, and nobody above this file knows which one runs. */
#ifndef EIR_OS_LOOP_H
#define EIR_OS_LOOP_H

#include "base/bytes.h"
#include "base/err.h"
#include <sys/uio.h>

struct loop;

/* A place in the loop: a listener, a connection, a pipe or a signal source. Reused after close. */
typedef uint32_t loop_handle;
#define LOOP_HANDLE_NONE UINT32_MAX

struct socket_address {
    char ip[108]; /* numeric, or the path of a unix socket */
    uint16_t port;
    bool is_unix;
    unsigned permissions; /* of a path to listen on; 0: as the umask says */
    bool has_group;       /* the path shall belong to it */
    unsigned group;
};

enum loop_event_type {
    LOOP_ACCEPTED,  /* handle: the new connection; tag: of the listener */
    LOOP_CONNECTED, /* an outbound connection is up */
    LOOP_RECEIVED,  /* bytes: valid until the next loop_wait */
    LOOP_SENT,      /* count bytes of an earlier loop_send are gone: call it again for the rest */
    LOOP_CLOSED,    /* cause; the handle is free at the next loop_wait, nothing is sent before */
    LOOP_SIGNALLED, /* count: the signal's number */
    LOOP_WOKEN,     /* loop_wake was called */
};

/* Small, because one is written for every request: names are asked for (loop_names). */
struct loop_event {
    enum loop_event_type type;
    loop_handle handle;
    uint64_t tag; /* of the connection; of the listener for ACCEPTED */
    union {
        struct bytes bytes;
        size_t count;
        enum err cause; /* ERR_CLOSED (FIN), ERR_IO (reset), ERR_REFUSED, ERR_UNREACHABLE */
    };
};

enum loop_choice {
    LOOP_AUTO, /* io_uring where the kernel has and allows it, else epoll */
    LOOP_EPOLL,
    LOOP_URING, /* the same: a server without it is better than none */
};

struct loop *loop_create(enum loop_choice choice);
void loop_destroy(struct loop *loop);
const char *loop_backend_name(const struct loop *loop);
/* Why it is epoll, when it is. */
const char *loop_why_epoll(const struct loop *loop);

/* Listens on a numeric address or a unix path. */
NODISCARD enum err loop_listen(struct loop *loop, const struct socket_address *address, int backlog,
                               uint64_t tag, loop_handle *handle);
/* LOOP_CONNECTED or LOOP_CLOSED follows, unless it fails at once (no event then); `source` is NULL
 * or an address to bind to. */
NODISCARD enum err loop_connect(struct loop *loop, const struct socket_address *address,
                                const char *source, uint64_t tag, loop_handle *handle);
/* Reads from an open descriptor (a pipe) as from a connection; the loop closes it. */
NODISCARD enum err loop_adopt(struct loop *loop, int fd, uint64_t tag, loop_handle *handle);
/* These signals become LOOP_SIGNALLED events. */
NODISCARD enum err loop_signals(struct loop *loop, const int *signals, size_t count);

void loop_set_tag(struct loop *loop, loop_handle handle, uint64_t tag);
void loop_set_keepalive(struct loop *loop, loop_handle handle, int seconds);
/* Both ends of a connection that is up; returns its descriptor, which is only to be printed. */
int loop_names(const struct loop *loop, loop_handle handle, struct socket_address *remote,
               struct socket_address *local);

/* Sends what it can now and returns how many bytes are gone. When that is less than everything,
 * LOOP_SENT follows (with what went meanwhile, maybe 0): then call again. The slices stay in
 * place until they are gone. */
size_t loop_send(struct loop *loop, loop_handle handle, const struct iovec *slices, size_t count);
/* Stops and resumes reading; the peer feels it as a full window. */
void loop_hold(struct loop *loop, loop_handle handle, bool is_held);
/* At once, unsent bytes are lost; no event follows. */
void loop_close(struct loop *loop, loop_handle handle);

/* Waits until something is ready or timeout_ms passes (-1: for ever), and fills `events`. */
size_t loop_wait(struct loop *loop, int timeout_ms, struct loop_event *events, size_t capacity);
/* From any thread: ends the wait. */
void loop_wake(struct loop *loop);

/* In a forked child, first thing: closes every descriptor of the loop. */
void loop_abandon(struct loop *loop);

#endif
