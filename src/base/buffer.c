/* A growing run of bytes: doubles, so that appending costs a constant on average. */
#include "base/buffer.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"
#include <stdarg.h>
#include <stdio.h>

#define BUFFER_CAPACITY_FIRST 64
#define BUFFER_GROWTH_MAX     (1 * MIB) /* beyond it doubling would waste more than it saves */

void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){ 0 };
}

void buffer_fini(struct buffer *buffer)
{
    memory_free_sized(buffer->data, buffer->capacity);
    *buffer = (struct buffer){ 0 };
}

char *buffer_reserve(struct buffer *buffer, size_t more)
{
    ensure(more <= SIZE_MAX / 2 - buffer->size);
    size_t need = buffer->size + more;
    if (need > buffer->capacity || buffer->data == NULL) {
        size_t spare = MIN(buffer->capacity, BUFFER_GROWTH_MAX);
        size_t capacity = MAX(need, buffer->capacity + spare);
        capacity = memory_class(MAX(capacity, (size_t)BUFFER_CAPACITY_FIRST));
        buffer->data = memory_realloc(buffer->data, capacity);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, struct bytes bytes)
{
    if (bytes.size == 0) return;
    memcpy(buffer_reserve(buffer, bytes.size), bytes.data, bytes.size);
    buffer->size += bytes.size;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, bytes_text(text));
}

void buffer_append_byte(struct buffer *buffer, char byte)
{
    *buffer_reserve(buffer, 1) = byte;
    buffer->size++;
}

void buffer_append_int(struct buffer *buffer, int64_t value)
{
    buffer->size += number_print(value, buffer_reserve(buffer, NUMBER_TEXT_MAX));
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *place = buffer_reserve(buffer, BUFFER_CAPACITY_FIRST);
    size_t room = buffer->capacity - buffer->size;
    int size = vsnprintf(place, room, format, arguments);
    va_end(arguments);
    ensure(size >= 0);

    if ((size_t)size >= room) {
        place = buffer_reserve(buffer, (size_t)size + 1); /* vsnprintf wants its terminator */
        va_start(arguments, format);
        vsnprintf(place, (size_t)size + 1, format, arguments);
        va_end(arguments);
    }
    buffer->size += (size_t)size;
}

static void append_quoted_byte(struct buffer *buffer, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *names = "\nn\rr\tt\aa\bb\"\"\\\\";
    for (const char *name = names; *name != '\0'; name += 2) {
        if (c != (unsigned char)name[0]) continue;
        buffer_append_byte(buffer, '\\');
        buffer_append_byte(buffer, name[1]);
        return;
    }
    if (c >= 0x20 && c < 0x7f) {
        buffer_append_byte(buffer, (char)c);
        return;
    }
    char hex[4] = { '\\', 'x', digits[c >> 4], digits[c & 15] };
    buffer_append(buffer, bytes_of(hex, sizeof(hex)));
}

void buffer_append_quoted(struct buffer *buffer, struct bytes bytes)
{
    buffer_append_byte(buffer, '"');
    for (size_t i = 0; i < bytes.size; i++)
        append_quoted_byte(buffer, (unsigned char)bytes.data[i]);
    buffer_append_byte(buffer, '"');
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    ensure(count <= buffer->size);
    buffer->size -= count;
    if (count > 0 && buffer->size > 0) memmove(buffer->data, buffer->data + count, buffer->size);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
}

void buffer_trim(struct buffer *buffer, size_t capacity_max)
{
    buffer->size = 0;
    if (buffer->capacity > capacity_max) buffer_fini(buffer);
}

char *buffer_take(struct buffer *buffer, size_t *size)
{
    *buffer_reserve(buffer, 1) = '\0';
    char *data = buffer->data;
    if (size != NULL) *size = buffer->size;
    buffer_init(buffer);
    return data;
}
