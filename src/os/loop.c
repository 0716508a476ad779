/* The interface of the loop; which back end runs is decided here, and known only below. */
#include "os/loop.h"

#include "base/memory.h"
#include "os/loop_internal.h"
#include "os/socket.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct loop *loop_create(enum loop_choice choice)
{
    struct loop *loop = memory_alloc_zero(sizeof(*loop));
    loop->first_free = LOOP_HANDLE_NONE;
    loop->first_closed = LOOP_HANDLE_NONE;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ensure(loop->epoll_fd >= 0);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ensure(loop->wake_fd >= 0);
    loop->arena = memory_alloc(LOOP_ARENA_SIZE);
    place_watch(loop, place_take(loop, loop->wake_fd, PLACE_WAKE, 0), EPOLLIN);
    if (choice == LOOP_EPOLL)
        snprintf(loop->why_epoll, sizeof(loop->why_epoll), "as configured");
    else
        loop->uring = uring_create(loop->epoll_fd, loop->why_epoll, sizeof(loop->why_epoll));
    return loop;
}

void loop_abandon(struct loop *loop)
{
    if (loop->uring != NULL) uring_abandon(loop->uring);
    for (loop_handle handle = 0; handle < loop->place_count; handle++)
        if (loop->places[handle].kind != PLACE_FREE) place_free(loop, handle);
    close(loop->epoll_fd);
}

void loop_destroy(struct loop *loop)
{
    if (loop->uring != NULL) uring_destroy(loop->uring);
    loop->uring = NULL;
    loop_abandon(loop);
    memory_free(loop->places);
    memory_free(loop->arena);
    number_list_fini(&loop->unread);
    memory_free(loop);
}

const char *loop_backend_name(const struct loop *loop)
{
    return loop->uring != NULL ? "io_uring" : "epoll";
}

const char *loop_why_epoll(const struct loop *loop)
{
    return loop->why_epoll;
}

enum err loop_listen(struct loop *loop, const struct socket_address *address, int backlog,
                     uint64_t tag, loop_handle *handle)
{
    int fd;
    enum err err = socket_listen(address, backlog, &fd);
    if (err) return err;
    *handle = place_take(loop, fd, PLACE_LISTENER, tag);
    place_watch(loop, *handle, EPOLLIN);
    return ERR_NONE;
}

enum err loop_connect(struct loop *loop, const struct socket_address *address, const char *source,
                      uint64_t tag, loop_handle *handle)
{
    int fd;
    enum err err = socket_connect_begin(address, source, &fd);
    if (err) return err;
    *handle = place_take(loop, fd, PLACE_CONNECTING, tag);
    place_watch(loop, *handle, EPOLLOUT);
    return ERR_NONE;
}

enum err loop_adopt(struct loop *loop, int fd, uint64_t tag, loop_handle *handle)
{
    enum err err = socket_set_nonblocking(fd);
    if (err) return err;
    *handle = place_take(loop, fd, PLACE_STREAM, tag);
    loop->places[*handle].is_pipe = true;
    socket_begin(loop, *handle);
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
    place_watch(loop, place_take(loop, fd, PLACE_SIGNALS, 0), EPOLLIN);
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
    if (place->is_ringed && uring_send(loop, handle, slices, count, total)) return 0;

    /* After an error nothing more goes out; reading the socket will tell why. */
    size_t sent = socket_send(place->fd, slices, count);
    if (sent < total) {
        place->wants_write = true;
        socket_refresh(loop, handle);
    }
    return sent;
}

void loop_hold(struct loop *loop, loop_handle handle, bool is_held)
{
    struct place *place = loop_place(loop, handle);
    if (place->kind == PLACE_CLOSED || place->is_held == is_held) return;
    ensure(place->kind == PLACE_STREAM);
    place->is_held = is_held;
    if (place->is_ringed) {
        uring_hold(loop, handle);
        socket_refresh(loop, handle);
    } else if (!is_held) {
        socket_keep_unread(loop, handle); /* what came meanwhile is not told again */
    }
}

void loop_close(struct loop *loop, loop_handle handle)
{
    struct place *place = loop_place(loop, handle);
    if (place->kind == PLACE_CLOSED) return;
    if (place->is_ringed) uring_release(loop, handle);
    place_free(loop, handle);
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof(one));
    (void)written; /* a full counter wakes as well */
}

size_t loop_wait(struct loop *loop, int timeout_ms, struct loop_event *events, size_t capacity)
{
    ensure(capacity >= 4 * ACCEPTS_A_TURN);
    loop->wait_number++;
    loop->arena_used = 0;
    place_free_closed(loop);
    if (loop->uring == NULL) return ready_collect(loop, timeout_ms, events, capacity);

    /* Half of the room for each, so that neither can keep the other from being heard. */
    if (loop->is_epoll_pending) timeout_ms = 0;
    size_t count = uring_wait(loop, timeout_ms, events, capacity / 2);
    if (!loop->is_epoll_pending) return count;
    size_t rare = ready_collect(loop, 0, events + count, capacity - count);
    /* The ring tells once that epoll has become ready: it is asked until it has nothing. */
    loop->is_epoll_pending = loop->ready_count > 0 || loop->unread.count > 0;
    return count + rare;
}
