/* The places of the loop: a table whose entries are used again under a new generation. */
#include "base/memory.h"
#include "os/loop_internal.h"
#include <unistd.h>

struct place *loop_place(struct loop *loop, loop_handle handle)
{
    ensure(handle < loop->place_count);
    ensure(loop->places[handle].kind != PLACE_FREE);
    return &loop->places[handle];
}

static void add_places(struct loop *loop)
{
    uint32_t count = loop->place_count ? loop->place_count * 2 : 64;
    loop->places = memory_realloc(loop->places, count * sizeof(struct place));
    for (uint32_t i = count; i-- > loop->place_count;) {
        loop->places[i] = (struct place){ .fd = -1, .next_free = loop->first_free };
        loop->first_free = i;
    }
    loop->place_count = count;
}

loop_handle place_take(struct loop *loop, int fd, enum place_kind kind, uint64_t tag)
{
    if (loop->first_free == LOOP_HANDLE_NONE) add_places(loop);
    loop_handle handle = loop->first_free;
    struct place *place = &loop->places[handle];
    loop->first_free = place->next_free;
    uint32_t generation = (place->generation + 1) & GENERATION_MASK;
    *place = (struct place){ .fd = fd, .kind = kind, .tag = tag, .generation = generation };
    return handle;
}

void place_free(struct loop *loop, loop_handle handle)
{
    struct place *place = loop_place(loop, handle);
    if (place->fd >= 0) close(place->fd);
    place->fd = -1;
    place->kind = PLACE_FREE;
    place->next_free = loop->first_free;
    loop->first_free = handle;
}

void place_watch(struct loop *loop, loop_handle handle, uint32_t interest)
{
    struct place *place = &loop->places[handle];
    if (place->is_watched && place->interest == interest) return;
    struct epoll_event event = { .events = interest, .data.u64 = place_ticket(loop, handle) };
    int operation = place->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int result = epoll_ctl(loop->epoll_fd, operation, place->fd, &event);
    ensure(result == 0);
    place->interest = interest;
    place->is_watched = true;
}

void place_unwatch(struct loop *loop, loop_handle handle)
{
    struct place *place = &loop->places[handle];
    if (!place->is_watched) return;
    int result = epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, place->fd, NULL);
    ensure(result == 0);
    place->is_watched = false;
}

void place_closed(struct loop *loop, loop_handle handle, enum err cause, struct loop_event *event)
{
    struct place *place = loop_place(loop, handle);
    *event = (struct loop_event){
        .type = LOOP_CLOSED, .handle = handle, .tag = place->tag, .cause = cause
    };
    close(place->fd);
    place->fd = -1;
    place->kind = PLACE_CLOSED;
    place->next_free = loop->first_closed;
    loop->first_closed = handle;
}

void place_free_closed(struct loop *loop)
{
    while (loop->first_closed != LOOP_HANDLE_NONE) {
        loop_handle handle = loop->first_closed;
        loop->first_closed = loop->places[handle].next_free;
        place_free(loop, handle);
    }
}
