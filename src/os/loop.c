/* The loop over epoll, in the shape of completions.
 *
 * Streams are edge-triggered: level-triggered, the kernel looks at every socket a second time to
 * learn that it is empty again, which is 3% of a GET. So whatever a turn leaves unread, or may
 * leave unread, is kept in `unread` and looked at again without being told. Bytes are read into
 * one arena that lives until the next wait; when it is full, the other ready connections wait a
 * turn, which bounds both the memory and the length of a turn. */
#include "os/loop.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "os/socket.h"
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Room that one connection gets a turn: more than a pipeline of 64 GETs, less than a turn's
 * budget of copying. */
#define READ_SIZE      (16 * KIB)
#define ARENA_SIZE     (1 * MIB)
#define ACCEPTS_A_TURN 16
#define EPOLL_EVENTS   128

#define STREAM_INTEREST (EPOLLIN | EPOLLRDHUP | EPOLLET)
#define STREAM_ENDED    (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

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
    bool is_held;
    bool wants_write;
    bool is_pipe;
    bool has_ended;      /* the end, or an error, stands behind what is unread */
    bool is_unread;      /* was ready while it was held */
    bool is_queued;      /* stands in loop->unread */
    uint64_t read_in;    /* number of the wait in which it was last read */
    uint32_t generation; /* tells events of an earlier user of this place */
    uint32_t interest;   /* what epoll watches */
    uint64_t tag;
    loop_handle next_free;
};

struct loop {
    int epoll_fd;
    int wake_fd;
    struct place *places; /* owned */
    uint32_t place_count;
    loop_handle first_free;
    loop_handle first_closed;
    char *arena; /* owned */
    size_t arena_used;
    struct epoll_event ready[EPOLL_EVENTS];
    int ready_count;
    int ready_next;
    uint64_t wait_number;
    struct epoll_event *unread; /* owned; what the next wait looks at first */
    int unread_count;
    int unread_capacity;
};

static struct place *loop_place(struct loop *loop, loop_handle handle)
{
    ensure(handle < loop->place_count);
    ensure(loop->places[handle].kind != PLACE_FREE);
    return &loop->places[handle];
}

static void loop_add_places(struct loop *loop)
{
    uint32_t count = loop->place_count ? loop->place_count * 2 : 64;
    loop->places = memory_realloc(loop->places, count * sizeof(struct place));
    for (uint32_t i = count; i-- > loop->place_count;) {
        loop->places[i] = (struct place){ .fd = -1, .next_free = loop->first_free };
        loop->first_free = i;
    }
    loop->place_count = count;
}

/* epoll carries place and generation, so that an event of a connection that was closed earlier
 * in the same batch is recognised as stale. */
static void place_watch(struct loop *loop, loop_handle handle, uint32_t interest, int operation)
{
    struct place *place = &loop->places[handle];
    struct epoll_event event = { .events = interest };
    event.data.u64 = (uint64_t)place->generation << 32 | handle;
    int result = epoll_ctl(loop->epoll_fd, operation, place->fd, &event);
    ensure(result == 0);
    place->interest = interest;
}

static loop_handle loop_take_place(struct loop *loop, int fd, enum place_kind kind, uint64_t tag,
                                   uint32_t interest)
{
    if (loop->first_free == LOOP_HANDLE_NONE) loop_add_places(loop);
    loop_handle handle = loop->first_free;
    struct place *place = &loop->places[handle];
    loop->first_free = place->next_free;
    uint32_t generation = place->generation + 1;
    *place = (struct place){ .fd = fd, .kind = kind, .tag = tag, .generation = generation };
    place_watch(loop, handle, interest, EPOLL_CTL_ADD);
    return handle;
}

static void loop_free_place(struct loop *loop, loop_handle handle)
{
    struct place *place = loop_place(loop, handle);
    if (place->fd >= 0) close(place->fd);
    place->fd = -1;
    place->kind = PLACE_FREE;
    place->next_free = loop->first_free;
    loop->first_free = handle;
}

static void place_refresh(struct loop *loop, loop_handle handle)
{
    struct place *place = &loop->places[handle];
    uint32_t interest = STREAM_INTEREST;
    if (place->wants_write) interest |= EPOLLOUT;
    if (interest != place->interest) place_watch(loop, handle, interest, EPOLL_CTL_MOD);
}

struct loop *loop_create(void)
{
    struct loop *loop = memory_alloc_zero(sizeof(*loop));
    loop->first_free = LOOP_HANDLE_NONE;
    loop->first_closed = LOOP_HANDLE_NONE;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ensure(loop->epoll_fd >= 0);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ensure(loop->wake_fd >= 0);
    loop->arena = memory_alloc(ARENA_SIZE);
    loop_take_place(loop, loop->wake_fd, PLACE_WAKE, 0, EPOLLIN);
    return loop;
}

void loop_abandon(struct loop *loop)
{
    for (loop_handle handle = 0; handle < loop->place_count; handle++)
        if (loop->places[handle].kind != PLACE_FREE) loop_free_place(loop, handle);
    close(loop->epoll_fd);
}

void loop_destroy(struct loop *loop)
{
    loop_abandon(loop);
    memory_free(loop->places);
    memory_free(loop->arena);
    memory_free(loop->unread);
    memory_free(loop);
}

const char *loop_backend_name(const struct loop *loop)
{
    (void)loop;
    return "epoll";
}

enum err loop_listen(struct loop *loop, const struct socket_address *address, int backlog,
                     uint64_t tag, loop_handle *handle)
{
    int fd;
    enum err err = socket_listen(address, backlog, &fd);
    if (err) return err;
    *handle = loop_take_place(loop, fd, PLACE_LISTENER, tag, EPOLLIN);
    return ERR_NONE;
}

enum err loop_connect(struct loop *loop, const struct socket_address *address, const char *source,
                      uint64_t tag, loop_handle *handle)
{
    int fd;
    enum err err = socket_connect_begin(address, source, &fd);
    if (err) return err;
    *handle = loop_take_place(loop, fd, PLACE_CONNECTING, tag, EPOLLOUT);
    return ERR_NONE;
}

enum err loop_adopt(struct loop *loop, int fd, uint64_t tag, loop_handle *handle)
{
    enum err err = socket_set_nonblocking(fd);
    if (err) return err;
    *handle = loop_take_place(loop, fd, PLACE_STREAM, tag, STREAM_INTEREST);
    loop->places[*handle].is_pipe = true;
    return ERR_NONE;
}

enum err loop_signals(struct loop *loop, const int *signals, size_t count)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++) sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return err_from_errno(errno);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) return err_from_errno(errno);
    loop_take_place(loop, fd, PLACE_SIGNALS, 0, EPOLLIN);
    return ERR_NONE;
}

void loop_set_tag(struct loop *loop, loop_handle handle, uint64_t tag)
{
    loop_place(loop, handle)->tag = tag;
}

void loop_set_keepalive(struct loop *loop, loop_handle handle, int seconds)
{
    socket_set_keepalive(loop_place(loop, handle)->fd, seconds);
}

int loop_names(const struct loop *loop, loop_handle handle, struct socket_address *remote,
               struct socket_address *local)
{
    ensure(handle < loop->place_count);
    int fd = loop->places[handle].fd;
    socket_names(fd, remote, local);
    return fd;
}

size_t loop_send(struct loop *loop, loop_handle handle, const struct iovec *slices, size_t count)
{
    struct place *place = loop_place(loop, handle);
    if (place->kind == PLACE_CLOSED) return 0;
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += slices[i].iov_len;

    /* After an error nothing more goes out; reading the socket will tell why. */
    size_t sent = socket_send(place->fd, slices, count);
    if (sent < total) {
        place->wants_write = true;
        place_refresh(loop, handle);
    }
    return sent;
}

/* The next wait looks at it again, whatever epoll says. */
static void place_keep_unread(struct loop *loop, loop_handle handle)
{
    struct place *place = &loop->places[handle];
    if (place->is_queued) return;
    place->is_queued = true;
    if (loop->unread_count == loop->unread_capacity) {
        loop->unread_capacity = loop->unread_capacity ? loop->unread_capacity * 2 : 64;
        loop->unread =
            memory_realloc(loop->unread, (size_t)loop->unread_capacity * sizeof(*loop->unread));
    }
    struct epoll_event *event = &loop->unread[loop->unread_count++];
    event->events = EPOLLIN;
    event->data.u64 = (uint64_t)place->generation << 32 | handle;
}

void loop_hold(struct loop *loop, loop_handle handle, bool is_held)
{
    struct place *place = loop_place(loop, handle);
    if (place->kind == PLACE_CLOSED) return;
    ensure(place->kind == PLACE_STREAM);
    place->is_held = is_held;
    if (is_held || !place->is_unread) return;
    place->is_unread = false;
    place_keep_unread(loop, handle);
}

void loop_close(struct loop *loop, loop_handle handle)
{
    if (loop_place(loop, handle)->kind != PLACE_CLOSED) loop_free_place(loop, handle);
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof(one));
    (void)written; /* a full counter wakes as well */
}

static size_t place_accept(struct loop *loop, loop_handle handle, struct loop_event *events,
                           size_t capacity)
{
    size_t count = 0;
    uint64_t tag = loop->places[handle].tag;
    while (count < capacity && count < ACCEPTS_A_TURN) {
        int fd;
        enum err err = socket_accept(loop->places[handle].fd, &fd);
        if (err) break; /* none left, or a connection that is gone already */
        struct loop_event *event = &events[count++];
        *event = (struct loop_event){ .type = LOOP_ACCEPTED, .tag = tag };
        event->handle = loop_take_place(loop, fd, PLACE_STREAM, 0, STREAM_INTEREST);
    }
    return count;
}

/* The place is not given to another connection before the caller has seen the whole batch: an
 * event before this one may still make it send or close here. (After a failed send, SENT and
 * CLOSED come together.) */
static void place_closed(struct loop *loop, loop_handle handle, enum err cause,
                         struct loop_event *event)
{
    *event = (struct loop_event){
        .type = LOOP_CLOSED, .handle = handle, .tag = loop->places[handle].tag, .cause = cause
    };
    struct place *place = loop_place(loop, handle);
    close(place->fd);
    place->fd = -1;
    place->kind = PLACE_CLOSED;
    place->next_free = loop->first_closed;
    loop->first_closed = handle;
}

static void loop_free_closed(struct loop *loop)
{
    while (loop->first_closed != LOOP_HANDLE_NONE) {
        loop_handle handle = loop->first_closed;
        loop->first_closed = loop->places[handle].next_free;
        loop_free_place(loop, handle);
    }
}

static void place_connected(struct loop *loop, loop_handle handle, struct loop_event *event)
{
    struct place *place = &loop->places[handle];
    enum err err = socket_connect_result(place->fd);
    if (err) {
        place_closed(loop, handle, err, event);
        return;
    }
    place->kind = PLACE_STREAM;
    place_refresh(loop, handle);
    *event = (struct loop_event){ .type = LOOP_CONNECTED, .handle = handle, .tag = place->tag };
}

/* True when there is an event: bytes, or the end of the stream. */
static bool place_read(struct loop *loop, loop_handle handle, struct loop_event *event)
{
    struct place *place = &loop->places[handle];
    if (loop->arena_used + READ_SIZE > ARENA_SIZE || place->read_in == loop->wait_number) {
        place_keep_unread(loop, handle);
        return false;
    }
    place->read_in = loop->wait_number;
    char *into = loop->arena + loop->arena_used;
    size_t got;
    enum err err = place->is_pipe ? socket_read_pipe(place->fd, into, READ_SIZE, &got)
                                  : socket_read(place->fd, into, READ_SIZE, &got);
    if (err) {
        place_closed(loop, handle, err, event);
        return true;
    }
    if (got == 0) return false;
    loop->arena_used += got;
    /* A short read has emptied a socket: what comes later is told. */
    if (got == READ_SIZE || place->has_ended || place->is_pipe) place_keep_unread(loop, handle);
    *event = (struct loop_event){
        .type = LOOP_RECEIVED, .handle = handle, .tag = place->tag, .bytes = bytes_of(into, got)
    };
    return true;
}

static size_t place_stream(struct loop *loop, loop_handle handle, uint32_t ready,
                           struct loop_event *events, size_t capacity)
{
    struct place *place = &loop->places[handle];
    size_t count = 0;
    if (ready & EPOLLOUT && place->wants_write) {
        place->wants_write = false;
        place_refresh(loop, handle);
        events[count++] =
            (struct loop_event){ .type = LOOP_SENT, .handle = handle, .tag = place->tag };
    }
    if (ready & STREAM_ENDED) place->has_ended = true;
    if (place->is_held) {
        place->is_unread = true;
        /* Nobody reads it, so the end must be taken from epoll itself. */
        if (ready & (EPOLLHUP | EPOLLERR)) place_closed(loop, handle, ERR_IO, &events[count++]);
        return count;
    }
    if (ready & (EPOLLIN | STREAM_ENDED) && place_read(loop, handle, &events[count])) count++;
    return count;
}

static size_t place_signals(struct loop *loop, loop_handle handle, struct loop_event *event)
{
    struct signalfd_siginfo info;
    ssize_t got = read(loop->places[handle].fd, &info, sizeof(info));
    if (got != sizeof(info)) return 0;
    *event = (struct loop_event){ .type = LOOP_SIGNALLED, .count = info.ssi_signo };
    return 1;
}

static size_t place_woken(struct loop *loop, struct loop_event *event)
{
    uint64_t value;
    ssize_t got = read(loop->wake_fd, &value, sizeof(value));
    if (got != sizeof(value)) return 0;
    *event = (struct loop_event){ .type = LOOP_WOKEN };
    return 1;
}

static size_t loop_handle_ready(struct loop *loop, const struct epoll_event *ready,
                                struct loop_event *events, size_t capacity)
{
    loop_handle handle = (uint32_t)ready->data.u64;
    struct place *place = &loop->places[handle];
    if (place->generation != (uint32_t)(ready->data.u64 >> 32)) return 0;

    switch (place->kind) {
    case PLACE_LISTENER: return place_accept(loop, handle, events, capacity);
    case PLACE_CONNECTING: place_connected(loop, handle, events); return 1;
    case PLACE_STREAM: return place_stream(loop, handle, ready->events, events, capacity);
    case PLACE_SIGNALS: return place_signals(loop, handle, events);
    case PLACE_WAKE: return place_woken(loop, events);
    case PLACE_CLOSED:
    case PLACE_FREE: break;
    }
    return 0;
}

/* What earlier turns left unread, and what is ready now. */
static void loop_gather(struct loop *loop, int timeout_ms)
{
    int kept = MIN(loop->unread_count, EPOLL_EVENTS / 2);
    for (int i = 0; i < kept; i++) {
        loop_handle handle = (uint32_t)loop->unread[i].data.u64;
        loop->ready[i] = loop->unread[i];
        struct place *place = &loop->places[handle];
        if (place->generation == (uint32_t)(loop->ready[i].data.u64 >> 32))
            place->is_queued = false;
    }
    loop->unread_count -= kept;
    if (loop->unread_count > 0)
        memmove(loop->unread, loop->unread + kept,
                (size_t)loop->unread_count * sizeof(*loop->unread));
    int got = epoll_wait(loop->epoll_fd, loop->ready + kept, EPOLL_EVENTS - kept,
                         kept > 0 ? 0 : timeout_ms);
    loop->ready_count = kept + MAX(got, 0);
    loop->ready_next = 0;
}

size_t loop_wait(struct loop *loop, int timeout_ms, struct loop_event *events, size_t capacity)
{
    ensure(capacity >= 2 * ACCEPTS_A_TURN);
    loop->arena_used = 0;
    loop_free_closed(loop);
    size_t count = 0;
    loop->wait_number++;
    if (loop->ready_next == loop->ready_count) loop_gather(loop, timeout_ms);
    while (loop->ready_next < loop->ready_count && count + ACCEPTS_A_TURN < capacity) {
        const struct epoll_event *ready = &loop->ready[loop->ready_next++];
        count += loop_handle_ready(loop, ready, events + count, capacity - count);
    }
    return count;
}
