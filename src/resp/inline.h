/* The replies of the hot path, written without a call; for the folders above. */
#ifndef EIR_RESP_INLINE_H
#define EIR_RESP_INLINE_H

#include "base/number.h"
#include "resp/reply.h"

/* Values up to here are written in one piece with their header; larger ones may be split. */
#define RESP_SHORT_BULK 1024

static inline void resp_fast_text(struct resp_writer *writer, const char *text, size_t size)
{
    char *at = output_reserve(writer->output, size);
    memcpy(at, text, size);
    output_commit(writer->output, size);
}

static inline void resp_fast_ok(struct resp_writer *writer)
{
    resp_fast_text(writer, "+OK\r\n", 5);
}

static inline void resp_fast_null(struct resp_writer *writer)
{
    if (writer->protocol == 2)
        resp_fast_text(writer, "$-1\r\n", 5);
    else
        resp_fast_text(writer, "_\r\n", 3);
}

/* One type byte, a number, a line end: the form of every header. Returns its size. */
static inline size_t resp_fast_head(char *at, char type, int64_t value)
{
    at[0] = type;
    size_t size = 1;
    if (value >= 0 && value < 10) {
        at[size++] = (char)('0' + value);
    } else if (value >= 0 && value < 100) { /* as most sizes are */
        unsigned tens = (unsigned)value * 103 >> 10;
        at[size++] = (char)('0' + tens);
        at[size++] = (char)('0' + (unsigned)value - 10 * tens);
    } else {
        size += number_print(value, at + 1);
    }
    at[size] = '\r';
    at[size + 1] = '\n';
    return size + 2;
}

static inline void resp_fast_integer(struct resp_writer *writer, int64_t value)
{
    char *at = output_reserve(writer->output, NUMBER_TEXT_MAX + 3);
    output_commit(writer->output, resp_fast_head(at, ':', value));
}

/* Without a call where it is short: from pieces that overlap. */
static inline void resp_fast_copy(char *to, struct bytes from)
{
    size_t last = from.size - 8;
    char pieces[4][8];
    if (from.size >= 8 && from.size <= 16) {
        memcpy(pieces[0], from.data, 8);
        memcpy(pieces[1], from.data + last, 8);
        memcpy(to, pieces[0], 8);
        memcpy(to + last, pieces[1], 8);
    } else if (from.size > 16 && from.size <= 32) {
        memcpy(pieces[0], from.data, 16);
        memcpy(pieces[2], from.data + last - 8, 16);
        memcpy(to, pieces[0], 16);
        memcpy(to + last - 8, pieces[2], 16);
    } else if (from.size > 0) {
        memcpy(to, from.data, from.size);
    }
}

static inline void resp_fast_bulk(struct resp_writer *writer, struct bytes value)
{
    if (__builtin_expect(value.size > RESP_SHORT_BULK, 0)) {
        resp_bulk(writer, value);
        return;
    }
    char *at = output_reserve(writer->output, value.size + NUMBER_TEXT_MAX + 5);
    size_t size = resp_fast_head(at, '$', (int64_t)value.size);
    resp_fast_copy(at + size, value);
    size += value.size;
    at[size] = '\r';
    at[size + 1] = '\n';
    output_commit(writer->output, size + 2);
}

#endif
