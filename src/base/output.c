/* The chain of blocks that waits to be sent.
 *
 * Blocks grow from 1 KiB over 4 KiB to 16 KiB as more waits, so that an idle connection costs one
 * small block at most and a busy one few large ones. The last block that was sent is kept when it
 * is a small one: the usual request and reply then needs no allocation at all. */
#include "base/output.h"

#include "base/buffer.h"
#include "base/ensure.h"
#include "base/memory.h"

#define BLOCK_SIZE_FIRST  (1 * KIB)
#define BLOCK_SIZE_SECOND (4 * KIB)

struct output_block {
    struct output_block *next;
    struct shared *shared; /* one reference; NULL for a block of our own */
    const char *data;      /* `own` or what `shared` counts */
    size_t size;           /* bytes in it; of the tail block, see tail_seal */
    uint32_t allocated;
    char own[];
};

#define BLOCK_HEAD offsetof(struct output_block, own)

void output_init(struct output *output)
{
    *output = (struct output){ 0 };
}

static void block_free(struct output *output, struct output_block *block)
{
    if (block->shared != NULL) {
        output->shared_size -= block->size + block->allocated;
        shared_drop(block->shared);
    } else {
        output->memory -= block->allocated;
    }
    output->block_count--;
    memory_free_sized(block, block->allocated);
}

void output_fini(struct output *output)
{
    while (output->front != NULL) {
        struct output_block *block = output->front;
        output->front = block->next;
        block_free(output, block);
    }
    *output = (struct output){ 0 };
}

/* The tail's size lives in the write pointer while it is written to; this brings it home. */
static void tail_seal(struct output *output)
{
    if (output->write != NULL) output->tail->size = (size_t)(output->write - output->tail->own);
}

/* Writing goes on behind the tail's first `size` bytes. */
static void tail_open(struct output *output)
{
    struct output_block *tail = output->tail;
    output->write = output->write_end = NULL;
    if (tail == NULL || tail->shared != NULL) return;
    output->write = tail->own + tail->size;
    output->write_end = (char *)tail + tail->allocated;
}

static struct output_block *block_create(struct output *output, size_t room)
{
    size_t size = output->memory == 0                  ? BLOCK_SIZE_FIRST
                  : output->memory < BLOCK_SIZE_SECOND ? BLOCK_SIZE_SECOND
                                                       : OUTPUT_BLOCK_SIZE;
    ensure(room <= UINT32_MAX - 2 * OUTPUT_BLOCK_SIZE);
    size = memory_class(MAX(size, BLOCK_HEAD + room));
    struct output_block *block = memory_alloc(size);
    *block = (struct output_block){ .data = block->own, .allocated = (uint32_t)size };
    output->memory += block->allocated;
    output->block_count++;
    return block;
}

/* Links `block` behind `place`, in front when that is NULL. The tail must be sealed. */
static void block_link(struct output *output, struct output_block *place,
                       struct output_block *block)
{
    struct output_block **link = place == NULL ? &output->front : &place->next;
    block->next = *link;
    *link = block;
    if (output->tail == place) output->tail = block;
}

char *output_grow(struct output *output, size_t more)
{
    tail_seal(output);
    block_link(output, output->tail, block_create(output, more));
    tail_open(output);
    return output->write;
}

void output_append(struct output *output, struct bytes bytes)
{
    size_t room = (size_t)(output->write_end - output->write);
    size_t first = MIN(room, bytes.size);
    if (first > 0) {
        memcpy(output->write, bytes.data, first);
        output_commit(output, first);
    }
    for (bytes = bytes_from(bytes, first); bytes.size > 0;) {
        output_grow(output, 1);
        size_t part = MIN((size_t)(output->write_end - output->write), bytes.size);
        memcpy(output->write, bytes.data, part);
        output_commit(output, part);
        bytes = bytes_from(bytes, part);
    }
}

void output_append_shared(struct output *output, struct shared *shared, struct bytes bytes)
{
    if (bytes.size == 0) return;
    struct output_block *block = memory_alloc(sizeof(*block));
    *block = (struct output_block){
        .shared = shared, .data = bytes.data, .size = bytes.size, .allocated = sizeof(*block)
    };
    shared_hold(shared);
    tail_seal(output);
    block_link(output, output->tail, block);
    tail_open(output);
    output->block_count++;
    output->shared_size += bytes.size + block->allocated;
    output->size += bytes.size;
}

struct output_mark output_mark(struct output *output)
{
    tail_seal(output);
    struct output_block *tail = output->tail;
    return (struct output_mark){ .block = tail,
                                 .offset = tail == NULL ? 0 : tail->size,
                                 .size = output->size };
}

/* True when what the marked block got since the mark could move up to make room in place. */
static bool block_open_at(struct output_block *block, size_t offset, struct bytes bytes)
{
    if (block == NULL || block->shared != NULL) return false;
    if (block->allocated - BLOCK_HEAD - block->size < bytes.size) return false;
    memmove(block->own + offset + bytes.size, block->own + offset, block->size - offset);
    memcpy(block->own + offset, bytes.data, bytes.size);
    block->size += bytes.size;
    return true;
}

void output_insert(struct output *output, struct output_mark mark, struct bytes bytes)
{
    if (bytes.size == 0) return;
    ensure(output->size >= mark.size);
    tail_seal(output);
    struct output_block *marked = mark.block;
    if (!block_open_at(marked, mark.offset, bytes)) {
        /* A block of its own, which also takes what the marked block got since. */
        size_t moved = marked == NULL ? 0 : marked->size - mark.offset;
        struct output_block *block = block_create(output, bytes.size + moved);
        memcpy(block->own, bytes.data, bytes.size);
        if (moved > 0) memcpy(block->own + bytes.size, marked->own + mark.offset, moved);
        block->size = bytes.size + moved;
        if (marked != NULL) marked->size = mark.offset;
        block_link(output, marked, block);
    }
    tail_open(output);
    output->size += bytes.size;
}

void output_rewind(struct output *output, struct output_mark mark)
{
    ensure(output->size >= mark.size);
    tail_seal(output);
    struct output_block *block = mark.block == NULL ? output->front : mark.block->next;
    while (block != NULL) {
        struct output_block *next = block->next;
        block_free(output, block);
        block = next;
    }
    output->tail = mark.block;
    if (mark.block == NULL) {
        output->front = NULL;
    } else {
        mark.block->next = NULL;
        mark.block->size = mark.offset;
    }
    tail_open(output);
    output->size = mark.size;
}

/* Bytes in a block; of the tail they are counted by the write pointer. */
static size_t block_size(const struct output *output, const struct output_block *block)
{
    if (block != output->tail || output->write == NULL) return block->size;
    return (size_t)(output->write - block->own);
}

size_t output_slices(const struct output *output, struct iovec *slices, size_t capacity)
{
    size_t count = 0;
    size_t skip = output->sent;
    for (const struct output_block *block = output->front; block != NULL && count < capacity;
         block = block->next, skip = 0) {
        size_t size = block_size(output, block);
        if (size == skip) continue;
        slices[count].iov_base = (char *)(uintptr_t)(block->data + skip);
        slices[count++].iov_len = size - skip;
    }
    return count;
}

void output_measure(const struct output *output, struct output_shape *shape)
{
    const struct output_block *first = output->front;
    bool has_first = first != NULL && first->shared == NULL;
    *shape = (struct output_shape){ .more_count = output->block_count - has_first };
    if (has_first) {
        shape->first_capacity = first->allocated;
        shape->first_size = block_size(output, first) - output->sent;
    }
    shape->more_memory = output_memory(output) - shape->first_capacity;
}

size_t output_memory(const struct output *output)
{
    return output->memory + output->shared_size;
}

/* Everything is gone: the last block stays when it is a small one of our own. */
static void output_drained(struct output *output)
{
    ensure(output->size == 0);
    struct output_block *block = output->front;
    output->sent = 0;
    if (block != NULL && (block->shared != NULL || block->allocated > BLOCK_SIZE_FIRST)) {
        block_free(output, block);
        output->front = output->tail = block = NULL;
    }
    if (block != NULL) block->size = 0;
    tail_open(output);
}

void output_consume(struct output *output, size_t count)
{
    ensure(count <= output->size);
    tail_seal(output);
    output->size -= count;
    output->sent += count;
    while (output->front != output->tail && output->sent >= output->front->size) {
        struct output_block *block = output->front;
        output->sent -= block->size;
        output->front = block->next;
        block_free(output, block);
    }
    if (output->size == 0) output_drained(output);
}

void output_copy(const struct output *output, struct buffer *into)
{
    size_t skip = output->sent;
    for (const struct output_block *block = output->front; block != NULL;
         block = block->next, skip = 0) {
        struct bytes bytes = bytes_of(block->data, block_size(output, block));
        buffer_append(into, bytes_from(bytes, skip));
    }
}
