/* What waits to be sent on one connection: a chain of blocks.
 *
 * Replies are formatted straight into the tail block, so a block that is being sent (io_uring
 * still reads it) never moves. A block may also refer to bytes that somebody else counts, such
 * as the blocks of the replication stream or, later, a large value: those are sent, not copied.
 *
 *   [ block ]->[ block ]->[ shared ]->[ block ]
 *     ^ front, `sent` bytes already gone     ^ tail, written here
 */
#ifndef EIR_BASE_OUTPUT_H
#define EIR_BASE_OUTPUT_H

#include "base/bytes.h"
#include <sys/uio.h>

#define OUTPUT_BLOCK_SIZE (16 * KIB)

/* Counted bytes owned by somebody else; release is called when the last reference goes. The count
 * is atomic: a deleted value may be dropped on another thread while it is still being sent. */
struct shared {
    uint32_t references;
    void (*release)(struct shared *shared);
};

static inline void shared_hold(struct shared *shared)
{
    __atomic_fetch_add(&shared->references, 1, __ATOMIC_RELAXED);
}

static inline void shared_drop(struct shared *shared)
{
    if (__atomic_fetch_sub(&shared->references, 1, __ATOMIC_ACQ_REL) == 1) shared->release(shared);
}

/* Does anybody but the caller hold it? */
static inline bool shared_is_shared(const struct shared *shared)
{
    return __atomic_load_n(&shared->references, __ATOMIC_ACQUIRE) > 1;
}

struct output_block;

struct output {
    struct output_block *front; /* owned */
    struct output_block *tail;
    size_t sent; /* bytes of the front block that are gone */
    size_t size; /* bytes waiting */
    size_t block_count;
    size_t memory;      /* bytes of the blocks, shared ones not counted */
    size_t shared_size; /* bytes that those refer to, and they themselves */
    char *write;        /* where the next byte goes: the fast path of output_reserve */
    char *write_end;
};

void output_init(struct output *output);
void output_fini(struct output *output);

/* Slow path of output_reserve. */
char *output_grow(struct output *output, size_t more);

/* Contiguous room for `more` bytes at the tail; follow with output_commit. */
static inline char *output_reserve(struct output *output, size_t more)
{
    if (__builtin_expect((size_t)(output->write_end - output->write) >= more, 1))
        return output->write;
    return output_grow(output, more);
}

static inline void output_commit(struct output *output, size_t count)
{
    output->write += count;
    output->size += count;
}

void output_append(struct output *output, struct bytes bytes);
/* A reference to counted bytes: one reference is taken, and dropped when they are sent. */
void output_append_shared(struct output *output, struct shared *shared, struct bytes bytes);

/* A place to come back to: for replies whose header is known only at their end. */
struct output_mark {
    struct output_block *block;
    size_t offset;
    size_t size;
};
struct output_mark output_mark(struct output *output);
/* Puts `bytes` where the mark was taken, before everything that was written since. */
void output_insert(struct output *output, struct output_mark mark, struct bytes bytes);
/* Forgets everything that was written since the mark. */
void output_rewind(struct output *output, struct output_mark mark);

/* Up to `capacity` slices from the front; returns how many. They stay valid and in place until
 * output_consume passes them. */
size_t output_slices(const struct output *output, struct iovec *slices, size_t capacity);
/* What CLIENT LIST shows: the first block of our own apart, since most clients have no other. */
struct output_shape {
    size_t first_capacity;
    size_t first_size; /* bytes that wait in it */
    size_t more_count; /* blocks behind it */
    size_t more_memory;
};
void output_measure(const struct output *output, struct output_shape *shape);
/* Bytes of the blocks, and of what they only refer to: somebody must keep it until it is sent. */
size_t output_memory(const struct output *output);
/* `count` bytes from the front were sent. */
void output_consume(struct output *output, size_t count);
/* Copies everything that waits (tests, logs). */
struct buffer;
void output_copy(const struct output *output, struct buffer *into);

#endif
