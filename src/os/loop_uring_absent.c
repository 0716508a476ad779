/* A build without liburing: epoll does everything. */
#include "os/loop_internal.h"
#include <stdio.h>

struct uring *uring_create(int epoll_fd, char *why, size_t why_size)
{
    (void)epoll_fd;
    snprintf(why, why_size, "built without io_uring");
    return NULL;
}

void uring_abandon(struct uring *uring)
{
    (void)uring;
}

void uring_destroy(struct uring *uring)
{
    (void)uring;
}

void uring_adopt(struct loop *loop, loop_handle handle)
{
    (void)loop, (void)handle;
}

void uring_release(struct loop *loop, loop_handle handle)
{
    (void)loop, (void)handle;
}

bool uring_send(struct loop *loop, loop_handle handle, const struct iovec *slices, size_t count,
                size_t total)
{
    (void)loop, (void)handle, (void)slices, (void)count, (void)total;
    return false;
}

void uring_hold(struct loop *loop, loop_handle handle)
{
    (void)loop, (void)handle;
}

size_t uring_wait(struct loop *loop, int timeout_ms, struct loop_event *events, size_t capacity)
{
    (void)loop, (void)timeout_ms, (void)events, (void)capacity;
    return 0;
}
