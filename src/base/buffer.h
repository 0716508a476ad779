/* Bytes that are owned and grow: what is built piece by piece, and what waits to be parsed. */
#ifndef EIR_BASE_BUFFER_H
#define EIR_BASE_BUFFER_H

#include "base/bytes.h"

/* All zero is a valid empty buffer. */
struct buffer {
    char *data; /* owned; NULL while capacity is 0 */
    size_t size;
    size_t capacity;
};

void buffer_init(struct buffer *buffer);
void buffer_fini(struct buffer *buffer);

/* Room for `more` bytes behind the end; the caller writes them and adds to size. */
char *buffer_reserve(struct buffer *buffer, size_t more);
void buffer_append(struct buffer *buffer, struct bytes bytes);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, char byte);
void buffer_append_int(struct buffer *buffer, int64_t value);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A quoted form for logs and MONITOR: "..." with \n \r \t \a \b \" \\ \xHH. */
void buffer_append_quoted(struct buffer *buffer, struct bytes bytes);

/* Drops bytes at the front; what is left moves down. */
void buffer_consume(struct buffer *buffer, size_t count);
/* Empty again; keeps the memory. */
void buffer_clear(struct buffer *buffer);
/* Empty again; gives memory over `capacity_max` back. */
void buffer_trim(struct buffer *buffer, size_t capacity_max);
/* The bytes come out as a terminated heap block, owned by the caller; the buffer is empty. */
char *buffer_take(struct buffer *buffer, size_t *size);

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return bytes_of(buffer->data, buffer->size);
}

#endif
