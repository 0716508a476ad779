/* Connections over io_uring: the kernel has the bytes read before we wake.
 *
 * Each connection has one receive in the ring for all its life, which takes buffers from a common
 * ring as bytes arrive. What is to be sent is only noted, and goes with the system call that waits
 * for the next turn: one call a turn instead of two a request.
 *
 * A send never outlives that call: it may not wait (MSG_DONTWAIT), so afterwards either all of it
 * is gone and nothing is said (CQE_SKIP_SUCCESS), or a completion tells how much is, and epoll
 * tells when the socket takes more. So the kernel never looks at memory of ours between turns, and
 * a connection can be closed, or the process forked, at any time.
 *
 * What is rare stays with epoll, whose descriptor the ring watches: in particular listeners, for
 * a port must be free the moment its owner dies, and requests in a ring outlive the process a
 * little. Large sends are made at once: there the copying costs, not the call. */
#include "base/memory.h"
#include "os/loop_internal.h"
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SUBMISSIONS    512
#define COMPLETIONS    4096
#define SEND_BYTES_MAX (32 * KIB)
#define BUFFER_GROUP   0

/* Where the kernel can fill a buffer bit by bit (6.12 and later), few large ones do: what a
 * pipeline of 64 long SETs brings should rarely be torn apart, for then it is copied once more.
 * Before, each arrival takes one, however small. Their odd size keeps their beginnings, which is
 * often all that is used, from falling into the same cache sets. */
#define FILLED_COUNT 16
#define FILLED_SIZE  (64 * KIB)
#define TAKEN_COUNT  256
#define TAKEN_SIZE   (4 * KIB + 64)

/* Of newer headers than the oldest library that we build with. */
#define BUFFERS_ARE_FILLED  2u        /* IOU_PBUF_RING_INC, where the header says "pad" */
#define COMPLETION_HAS_MORE (1u << 4) /* IORING_CQE_F_BUF_MORE: the buffer is used further */

#define SLICES_A_CALL   1024
#define MESSAGES_A_CALL 64

/* While requests come faster than they can be answered one by one, it pays to let some more come:
 * waking up costs a tenth of a GET. 6.12 and later can be asked for it. */
#define GATHER_US         50
#define GATHER_MAX        32
#define GATHER_PATIENCE   256
#define KERNEL_CAN_GATHER (1u << 15) /* IORING_FEAT_MIN_TIMEOUT */

enum uring_kind { URING_RECEIVE, URING_SEND, URING_EPOLL, URING_CANCEL };

struct uring {
    struct io_uring ring;
    struct io_uring_buf_ring *buffer_ring; /* owned */
    char *buffers;                         /* owned */
    size_t mapped_bytes;
    unsigned buffer_count;
    unsigned buffer_size;
    unsigned offsets[TAKEN_COUNT]; /* how far each buffer is filled */
    unsigned given[TAKEN_COUNT];   /* full ones: back to the kernel with the next wait */
    unsigned given_count;

    unsigned gather;          /* how many completions the next wait would like to see */
    unsigned gather_patience; /* waits until it may ask for one more */
    bool can_gather;

    /* Tickets of connections. */
    struct number_list sends; /* handed to the ring, LOOP_SENT still to come */
    size_t send_next;
    bool has_untold;            /* the last wait had no room for all that was sent */
    struct number_list starved; /* receives that ended for want of a buffer */
    struct number_list ended;   /* receives whose end is told with the next wait */

    /* What the messages of one call refer to: it must stay until the call is made. */
    struct iovec slices[SLICES_A_CALL];
    struct msghdr messages[MESSAGES_A_CALL];
    size_t slice_count;
    size_t message_count;
};

/* ---- creation ----------------------------------------------------------------------------- */

static void buffer_give_back(struct uring *uring, unsigned index, int offset)
{
    io_uring_buf_ring_add(uring->buffer_ring, uring->buffers + (size_t)index * uring->buffer_size,
                          uring->buffer_size, (unsigned short)index, (int)uring->buffer_count - 1,
                          offset);
}

static int buffers_register(struct uring *uring, unsigned count, unsigned size, unsigned flags)
{
    size_t ring_bytes = count * sizeof(struct io_uring_buf);
    ring_bytes = (ring_bytes + 4095) / 4096 * 4096; /* the buffers begin on a page */
    uring->mapped_bytes = ring_bytes + (size_t)count * size;
    char *memory =
        mmap(NULL, uring->mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -errno;
    uring->buffer_ring = (struct io_uring_buf_ring *)(void *)memory;
    uring->buffers = memory + ring_bytes;
    uring->buffer_count = count;
    uring->buffer_size = size;
    io_uring_buf_ring_init(uring->buffer_ring);
    struct io_uring_buf_reg registration = { .ring_addr = (uint64_t)(uintptr_t)memory,
                                             .ring_entries = count,
                                             .bgid = BUFFER_GROUP,
                                             .pad = (uint16_t)flags };
    int result = io_uring_register_buf_ring(&uring->ring, &registration, 0);
    if (result < 0) {
        munmap(memory, uring->mapped_bytes);
        return result;
    }
    for (unsigned i = 0; i < count; i++) buffer_give_back(uring, i, (int)i);
    io_uring_buf_ring_advance(uring->buffer_ring, (int)count);
    return 0;
}

/* After each call that submits: nothing of the messages is referred to any more. */
static void submitted(struct uring *uring, int result)
{
    ensure(result >= 0 || result == -EBUSY || result == -EAGAIN || result == -EINTR);
    uring->slice_count = 0;
    uring->message_count = 0;
}

static void submit(struct uring *uring)
{
    submitted(uring, io_uring_submit(&uring->ring));
}

static struct io_uring_sqe *take_submission(struct uring *uring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
    if (sqe != NULL) return sqe;
    submit(uring);
    sqe = io_uring_get_sqe(&uring->ring);
    ensure(sqe != NULL);
    return sqe;
}

static void watch_epoll(struct uring *uring, int epoll_fd)
{
    struct io_uring_sqe *sqe = take_submission(uring);
    io_uring_prep_poll_multishot(sqe, epoll_fd, POLLIN);
    sqe->user_data = (uint64_t)URING_EPOLL << 62;
}

struct uring *uring_create(int epoll_fd, char *why, size_t why_size)
{
    struct uring *uring = memory_alloc_zero(sizeof(*uring));
    /* Together they came with 6.1, by which time everything else that is used here was there. */
    struct io_uring_params parameters = { .flags = IORING_SETUP_SINGLE_ISSUER |
                                                   IORING_SETUP_DEFER_TASKRUN |
                                                   IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL,
                                          .cq_entries = COMPLETIONS };
    int result = io_uring_queue_init_params(SUBMISSIONS, &uring->ring, &parameters);
    if (result < 0) {
        snprintf(why, why_size, "io_uring: %s", strerror(-result));
        memory_free(uring);
        return NULL;
    }
    result = buffers_register(uring, FILLED_COUNT, FILLED_SIZE, BUFFERS_ARE_FILLED);
    if (result < 0) result = buffers_register(uring, TAKEN_COUNT, TAKEN_SIZE, 0);
    if (result < 0) {
        snprintf(why, why_size, "io_uring buffers: %s", strerror(-result));
        io_uring_queue_exit(&uring->ring);
        memory_free(uring);
        return NULL;
    }
    uring->gather = 1;
    uring->can_gather = parameters.features & KERNEL_CAN_GATHER;
    watch_epoll(uring, epoll_fd);
    return uring;
}

void uring_abandon(struct uring *uring)
{
    close(uring->ring.ring_fd);
}

void uring_destroy(struct uring *uring)
{
    submit(uring); /* last words */
    io_uring_queue_exit(&uring->ring);
    munmap(uring->buffer_ring, uring->mapped_bytes);
    number_list_fini(&uring->sends);
    number_list_fini(&uring->starved);
    number_list_fini(&uring->ended);
    memory_free(uring);
}

/* ---- connections -------------------------------------------------------------------------- */

static uint64_t user_data_of(const struct loop *loop, loop_handle handle, enum uring_kind kind)
{
    return (uint64_t)kind << 62 | place_ticket(loop, handle);
}

/* NULL: the connection is gone. */
static struct place *connection_of(struct loop *loop, uint64_t ticket)
{
    struct place *place = place_of_ticket(loop, ticket);
    return place != NULL && place->kind == PLACE_STREAM ? place : NULL;
}

static void receive(struct loop *loop, loop_handle handle)
{
    struct place *place = &loop->places[handle];
    ensure(!place->is_receiving);
    struct io_uring_sqe *sqe = take_submission(loop->uring);
    io_uring_prep_recv_multishot(sqe, place->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    sqe->user_data = user_data_of(loop, handle, URING_RECEIVE);
    place->is_receiving = true;
}

static void cancel_receive(struct loop *loop, loop_handle handle)
{
    struct io_uring_sqe *sqe = take_submission(loop->uring);
    io_uring_prep_cancel64(sqe, user_data_of(loop, handle, URING_RECEIVE), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = (uint64_t)URING_CANCEL << 62;
}

void uring_adopt(struct loop *loop, loop_handle handle)
{
    loop->places[handle].is_ringed = true;
    receive(loop, handle);
}

void uring_hold(struct loop *loop, loop_handle handle)
{
    struct place *place = &loop->places[handle];
    if (place->is_held && place->is_receiving) cancel_receive(loop, handle);
    /* One that is being cancelled begins again when its end is told. */
    if (!place->is_held && !place->is_receiving) receive(loop, handle);
}

void uring_release(struct loop *loop, loop_handle handle)
{
    struct place *place = &loop->places[handle];
    struct uring *uring = loop->uring;
    /* Whatever names the descriptor must have gone before the number is used again; and while a
     * receive holds the socket, closing it would tell the peer nothing. */
    if (place->is_receiving) cancel_receive(loop, handle);
    if (io_uring_sq_ready(&uring->ring) == 0) return;
    submitted(uring, io_uring_submit_and_get_events(&uring->ring));
}

static void send_message(struct uring *uring, struct io_uring_sqe *sqe, int fd, unsigned flags,
                         const struct iovec *slices, size_t count)
{
    struct iovec *kept = &uring->slices[uring->slice_count];
    struct msghdr *message = &uring->messages[uring->message_count++];
    memcpy(kept, slices, count * sizeof(*slices));
    uring->slice_count += count;
    *message = (struct msghdr){ .msg_iov = kept, .msg_iovlen = count };
    io_uring_prep_sendmsg(sqe, fd, message, flags);
}

bool uring_send(struct loop *loop, loop_handle handle, const struct iovec *slices, size_t count,
                size_t total)
{
    struct uring *uring = loop->uring;
    struct place *place = &loop->places[handle];
    ensure(place->sending == 0);
    if (total > SEND_BYTES_MAX || total == 0 || count > SLICES_A_CALL) return false;

    if (uring->message_count == MESSAGES_A_CALL || uring->slice_count + count > SLICES_A_CALL)
        submit(uring);
    unsigned flags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL; /* all of it, or say how much */
    struct io_uring_sqe *sqe = take_submission(uring);
    if (count == 1)
        io_uring_prep_send(sqe, place->fd, slices[0].iov_base, slices[0].iov_len, (int)flags);
    else
        send_message(uring, sqe, place->fd, flags, slices, count);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = user_data_of(loop, handle, URING_SEND);
    place->sending = total;
    number_list_add(&uring->sends, place_ticket(loop, handle));
    return true;
}

/* ---- completions -------------------------------------------------------------------------- */

static struct bytes received_bytes(struct uring *uring, const struct io_uring_cqe *cqe)
{
    unsigned index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    size_t size = cqe->res > 0 ? (size_t)cqe->res : 0;
    size_t at = (size_t)index * uring->buffer_size + uring->offsets[index];
    uring->offsets[index] += (unsigned)size;
    ensure(uring->offsets[index] <= uring->buffer_size);
    if (!(cqe->flags & COMPLETION_HAS_MORE)) {
        uring->offsets[index] = 0;
        uring->given[uring->given_count++] = index;
    }
    return bytes_of(uring->buffers + at, size);
}

/* An end that comes with the last bytes is told a wait later: what answers them goes out before. */
static size_t receive_ended(struct loop *loop, loop_handle handle, struct loop_event *event)
{
    struct uring *uring = loop->uring;
    const struct place *place = &loop->places[handle];
    if (place->read_in == loop->wait_number) {
        number_list_add(&uring->ended, place_ticket(loop, handle));
        return 0;
    }
    place_unwatch(loop, handle);
    place_closed(loop, handle, place->ended_by, event);
    return 1;
}

/* Those that ended with the bytes of the last wait. */
static size_t tell_ended(struct loop *loop, struct loop_event *events, size_t capacity)
{
    struct number_list *ended = &loop->uring->ended;
    size_t count = 0;
    size_t kept = 0;
    for (size_t i = 0; i < ended->count; i++) {
        const struct place *place = connection_of(loop, ended->items[i]);
        if (place == NULL || place->is_receiving) continue;
        if (count == capacity)
            ended->items[kept++] = ended->items[i];
        else
            count += receive_ended(loop, (uint32_t)ended->items[i], &events[count]);
    }
    ended->count = kept;
    return count;
}

static size_t receive_told(struct loop *loop, const struct io_uring_cqe *cqe,
                           struct loop_event *event)
{
    struct bytes bytes = BYTES_EMPTY;
    if (cqe->flags & IORING_CQE_F_BUFFER) bytes = received_bytes(loop->uring, cqe);
    struct place *place = connection_of(loop, cqe->user_data);
    if (place == NULL) return 0;

    loop_handle handle = (uint32_t)cqe->user_data;
    if (!(cqe->flags & IORING_CQE_F_MORE)) place->is_receiving = false;
    if (cqe->res == -ENOBUFS) {
        number_list_add(&loop->uring->starved, place_ticket(loop, handle));
        return 0;
    }
    bool is_interrupted = cqe->res == -ECANCELED || cqe->res == -EINTR || cqe->res == -EAGAIN;
    if (cqe->res <= 0 && !is_interrupted) {
        place->ended_by = cqe->res == 0 ? ERR_CLOSED : err_from_errno(-cqe->res);
        return receive_ended(loop, handle, event);
    }
    if (!place->is_receiving && !place->is_held) receive(loop, handle);
    if (bytes.size == 0) return 0;
    place->read_in = loop->wait_number;
    *event = (struct loop_event){
        .type = LOOP_RECEIVED, .handle = handle, .tag = place->tag, .bytes = bytes
    };
    return 1;
}

/* Only sends that did not go as a whole are told. */
static size_t send_told(struct loop *loop, const struct io_uring_cqe *cqe, struct loop_event *event)
{
    struct place *place = connection_of(loop, cqe->user_data);
    if (place == NULL) return 0;
    loop_handle handle = (uint32_t)cqe->user_data;
    if (cqe->res >= 0 || cqe->res == -EAGAIN) {
        place->sending = cqe->res > 0 ? (size_t)cqe->res : 0;
        place->wants_write = true; /* what went is told when it takes more */
        place_watch(loop, handle, EPOLLOUT | EPOLLET);
        return 0;
    }
    /* Broken: the receive will tell why, when there is one. */
    place->sending = 0;
    if (place->is_receiving) return 0;
    place_unwatch(loop, handle);
    place_closed(loop, handle, ERR_IO, event);
    return 1;
}

static size_t completion_told(struct loop *loop, const struct io_uring_cqe *cqe,
                              struct loop_event *event)
{
    switch ((enum uring_kind)(cqe->user_data >> 62)) {
    case URING_RECEIVE: return receive_told(loop, cqe, event);
    case URING_SEND: return send_told(loop, cqe, event);
    case URING_EPOLL:
        loop->is_epoll_pending = true;
        if (!(cqe->flags & IORING_CQE_F_MORE)) watch_epoll(loop->uring, loop->epoll_fd);
        break;
    case URING_CANCEL: break;
    }
    return 0;
}

/* What one connection brings in pieces often lies in one piece: then it is told as one. */
static bool is_continued(const struct loop_event *before, const struct loop_event *event)
{
    return before->type == LOOP_RECEIVED && event->type == LOOP_RECEIVED &&
           before->handle == event->handle &&
           before->bytes.data + before->bytes.size == event->bytes.data;
}

static size_t take_completions(struct loop *loop, struct loop_event *events, size_t capacity)
{
    struct io_uring *ring = &loop->uring->ring;
    size_t count = 0;
    unsigned head;
    unsigned seen = 0;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(ring, head, cqe)
    {
        if (count == capacity) break;
        seen++;
        size_t more = completion_told(loop, cqe, &events[count]);
        if (more > 0 && count > 0 && is_continued(&events[count - 1], &events[count]))
            events[count - 1].bytes.size += events[count].bytes.size;
        else
            count += more;
    }
    io_uring_cq_advance(ring, seen);
    return count;
}

/* Everything that was handed to the ring is gone, except what a completion spoke of. */
static size_t tell_sent(struct loop *loop, struct loop_event *events, size_t capacity)
{
    struct uring *uring = loop->uring;
    size_t count = 0;
    while (uring->send_next < uring->sends.count && count < capacity) {
        uint64_t ticket = uring->sends.items[uring->send_next++];
        struct place *place = connection_of(loop, ticket);
        if (place == NULL || place->sending == 0 || place->wants_write) continue;
        events[count++] = (struct loop_event){ .type = LOOP_SENT,
                                               .handle = (uint32_t)ticket,
                                               .tag = place->tag,
                                               .count = place->sending };
        place->sending = 0;
    }
    if (uring->send_next == uring->sends.count) uring->send_next = uring->sends.count = 0;
    return count;
}

static void give_buffers_back(struct loop *loop)
{
    struct uring *uring = loop->uring;
    for (unsigned i = 0; i < uring->given_count; i++)
        buffer_give_back(uring, uring->given[i], (int)i);
    io_uring_buf_ring_advance(uring->buffer_ring, (int)uring->given_count);
    uring->given_count = 0;
    for (size_t i = 0; i < uring->starved.count; i++) {
        const struct place *place = connection_of(loop, uring->starved.items[i]);
        if (place != NULL && !place->is_receiving && !place->is_held)
            receive(loop, (uint32_t)uring->starved.items[i]);
    }
    uring->starved.count = 0;
}

/* Shows the kernel what was prepared; answers how many. */
static unsigned publish_submissions(struct io_uring *ring)
{
    struct io_uring_sq *sq = &ring->sq;
    unsigned mask = *sq->kring_mask;
    unsigned tail = *sq->ktail;
    for (; sq->sqe_head != sq->sqe_tail; sq->sqe_head++, tail++)
        sq->array[tail & mask] = sq->sqe_head & mask;
    io_uring_smp_store_release(sq->ktail, tail);
    return tail - *sq->khead;
}

/* The one system call of a turn. The library's function has no word for `gather`: how many
 * completions are worth waiting for during GATHER_US, after which the first one will do. */
static void submit_and_wait(struct uring *uring, int timeout_ms, unsigned gather)
{
    struct __kernel_timespec timeout = { .tv_sec = timeout_ms / 1000,
                                         .tv_nsec = timeout_ms % 1000 * 1000000LL };
    struct io_uring_getevents_arg wait = {
        .sigmask_sz = _NSIG / 8,
        .pad = gather > 1 ? GATHER_US : 0, /* "min_wait_usec" in newer headers */
        .ts = timeout_ms < 0 ? 0 : (uint64_t)(uintptr_t)&timeout,
    };
    unsigned count = publish_submissions(&uring->ring);
    int result = io_uring_enter2((unsigned)uring->ring.ring_fd, count, timeout_ms == 0 ? 0 : gather,
                                 IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, (sigset_t *)&wait,
                                 sizeof(wait));
    submitted(uring, result == -ETIME ? 0 : result);
}

/* How many to wait for: as many as came last time, and now and then one more, to see whether they
 * come in time. So a lone client never waits, and few of them rarely wait for nobody. */
static void learn_gather(struct uring *uring, unsigned wanted, unsigned got)
{
    if (!uring->can_gather) return;
    if (got < wanted) {
        uring->gather = MAX(got, 1);
        uring->gather_patience = GATHER_PATIENCE;
    } else if (uring->gather_patience > 0) {
        uring->gather_patience--;
    } else {
        uring->gather = wanted > 1 ? MAX(got, wanted + 1) : MAX(got, 1);
        uring->gather = MIN(uring->gather, GATHER_MAX);
    }
}

size_t uring_wait(struct loop *loop, int timeout_ms, struct loop_event *events, size_t capacity)
{
    struct uring *uring = loop->uring;
    give_buffers_back(loop);
    bool has_some =
        uring->has_untold || uring->ended.count > 0 || io_uring_cq_ready(&uring->ring) > 0;
    if (has_some) timeout_ms = 0;
    unsigned gather = uring->gather;
    submit_and_wait(uring, timeout_ms, gather);
    learn_gather(uring, gather, io_uring_cq_ready(&uring->ring));
    size_t count = tell_ended(loop, events, capacity);
    count += take_completions(loop, events + count, capacity - count);
    /* Only when all completions are known is it clear which sends went as a whole. */
    if (io_uring_cq_ready(&uring->ring) == 0)
        count += tell_sent(loop, events + count, capacity - count);
    uring->has_untold = uring->sends.count > 0;
    return count;
}
