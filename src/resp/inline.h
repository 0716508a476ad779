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
    if (value >= 0 && value < 10)
        at[size++] = (char)('0' + value);
    else
        size += number_print(value, at + 1);
    at[size] = '\r';
    at[size + 1] = '\n';
    return size + 2;
}

static inline void resp_fast_integer(struct resp_writer *writer, int64_t value)
{
    char *at = output_reserve(writer->output, NUMBER_TEXT_MAX + 3);
    output_commit(writer->output, resp_fast_head(at, ':', value));
}

static inline void resp_fast_bulk(struct resp_writer *writer, struct bytes value)
{
    if (__builtin_expect(value.size > RESP_SHORT_BULK, 0)) {
        resp_bulk(writer, value);
        return;
    }
    char *at = output_reserve(writer->output, value.size + NUMBER_TEXT_MAX + 5);
    size_t size = resp_fast_head(at, '$', (int64_t)value.size);
    if (value.size > 0) memcpy(at + size, value.data, value.size);
    size += value.size;
    at[size] = '\r';
    at[size + 1] = '\n';
    output_commit(writer->output, size + 2);
}

#endif
