/* What epoll finds ready, in the shape of completions.
 *
 * Streams are edge-triggered: level-triggered, the kernel looks at every socket a second time to
 * learn that it is empty again, which is 3% of a GET. So whatever a turn leaves unread, or may
 * leave unread, is kept in `unread` and looked at again without being told. Bytes are read into
 * one arena that lives until the next wait; when it is full, the other ready connections wait a
 * turn, which bounds both the memory and the length of a turn. */
#include "os/loop_internal.h"
#include "os/socket.h"
#include <sys/signalfd.h>
#include <unistd.h>

#define STREAM_ENDED (EPOLLRDHUP | EPOLLHUP | EPOLLERR)

/* ---- streams ------------------------------------------------------------------------------ */

/* Of a connection that the ring serves, epoll only tells what the ring cannot: that a full socket
 * takes bytes again, and that one broke which is not read for now. */
void socket_refresh(struct loop *loop, loop_handle handle)
{
    const struct place *place = &loop->places[handle];
    uint32_t writable = place->wants_write ? EPOLLOUT : 0;
    if (!place->is_ringed)
        place_watch(loop, handle, STREAM_INTEREST | writable);
    else if (place->wants_write || place->is_held)
        place_watch(loop, handle, writable ? writable | EPOLLET : 0);
    else
        place_unwatch(loop, handle);
}

void socket_begin(struct loop *loop, loop_handle handle)
{
    if (loop->uring == NULL || loop->places[handle].is_pipe) {
        socket_refresh(loop, handle);
        return;
    }
    place_unwatch(loop, handle);
    uring_adopt(loop, handle);
}

/* The next wait looks at it again, whatever epoll says. */
void socket_keep_unread(struct loop *loop, loop_handle handle)
{
    struct place *place = &loop->places[handle];
    if (place->is_queued) return;
    place->is_queued = true;
    number_list_add(&loop->unread, place_ticket(loop, handle));
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
        event->handle = place_take(loop, fd, PLACE_STREAM, 0);
        socket_begin(loop, event->handle);
    }
    return count;
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
    socket_begin(loop, handle);
    *event = (struct loop_event){ .type = LOOP_CONNECTED, .handle = handle, .tag = place->tag };
}

/* True when there is an event: bytes, or the end of the stream. */
static bool place_read(struct loop *loop, loop_handle handle, struct loop_event *event)
{
    struct place *place = &loop->places[handle];
    if (loop->arena_used + LOOP_READ_SIZE > LOOP_ARENA_SIZE ||
        place->read_in == loop->wait_number) {
        socket_keep_unread(loop, handle);
        return false;
    }
    place->read_in = loop->wait_number;
    char *into = loop->arena + loop->arena_used;
    size_t got;
    enum err err = place->is_pipe ? socket_read_pipe(place->fd, into, LOOP_READ_SIZE, &got)
                                  : socket_read(place->fd, into, LOOP_READ_SIZE, &got);
    if (err) {
        place_closed(loop, handle, err, event);
        return true;
    }
    if (got == 0) return false;
    loop->arena_used += got;
    /* A short read has emptied a socket: what comes later is told. */
    if (got == LOOP_READ_SIZE || place->has_ended || place->is_pipe)
        socket_keep_unread(loop, handle);
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
        socket_refresh(loop, handle);
        events[count++] = (struct loop_event){
            .type = LOOP_SENT, .handle = handle, .tag = place->tag, .count = place->sending
        };
        place->sending = 0;
    }
    if (ready & STREAM_ENDED) place->has_ended = true;
    if (place->is_held && !place->is_receiving) {
        /* Nobody reads it, so the end must be taken from epoll itself. */
        if (ready & (EPOLLHUP | EPOLLERR)) place_closed(loop, handle, ERR_IO, &events[count++]);
        return count;
    }
    if (place->is_ringed) return count;
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

static size_t handle_ready(struct loop *loop, const struct epoll_event *ready,
                           struct loop_event *events, size_t capacity)
{
    loop_handle handle = (uint32_t)ready->data.u64;
    const struct place *place = place_of_ticket(loop, ready->data.u64);
    if (place == NULL) return 0;

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
static void gather(struct loop *loop, int timeout_ms)
{
    struct number_list *unread = &loop->unread;
    int kept = 0;
    while (kept < EPOLL_EVENTS / 2 && (size_t)kept < unread->count) {
        uint64_t ticket = unread->items[kept];
        struct place *place = place_of_ticket(loop, ticket);
        if (place != NULL) place->is_queued = false;
        loop->ready[kept++] = (struct epoll_event){ .events = EPOLLIN, .data.u64 = ticket };
    }
    unread->count -= (size_t)kept;
    if (unread->count > 0)
        memmove(unread->items, unread->items + kept, unread->count * sizeof(*unread->items));
    int got = epoll_wait(loop->epoll_fd, loop->ready + kept, EPOLL_EVENTS - kept,
                         kept > 0 ? 0 : timeout_ms);
    loop->ready_count = kept + MAX(got, 0);
    loop->ready_next = 0;
}

size_t ready_collect(struct loop *loop, int timeout_ms, struct loop_event *events, size_t capacity)
{
    size_t count = 0;
    if (loop->ready_next == loop->ready_count) gather(loop, timeout_ms);
    while (loop->ready_next < loop->ready_count && count + ACCEPTS_A_TURN < capacity) {
        const struct epoll_event *ready = &loop->ready[loop->ready_next++];
        count += handle_ready(loop, ready, events + count, capacity - count);
    }
    return count;
}
