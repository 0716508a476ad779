/* Writing replies: each form of RESP2 and RESP3 once. */
#include "resp/reply.h"
#include "base/ensure.h"
#include "base/number.h"
#include "resp/inline.h"
#include <stdarg.h>
#include <stdio.h>

#define HEAD_MAX (NUMBER_TEXT_MAX + 3) /* type byte, number, CR, LF */

static void write_head(struct resp_writer *writer, char type, int64_t value)
{
    char *at = output_reserve(writer->output, HEAD_MAX);
    output_commit(writer->output, resp_fast_head(at, type, value));
}

void resp_ok(struct resp_writer *writer)
{
    resp_fast_ok(writer);
}

/* A line: no byte of the text may end it early. */
static void write_line(struct resp_writer *writer, char type, struct bytes text)
{
    char *at = output_reserve(writer->output, text.size + 3);
    *at++ = type;
    for (size_t i = 0; i < text.size; ++i) {
        char byte = text.data[i];
        *at++ = byte == '\r' || byte == '\n' ? ' ' : byte;
    }
    memcpy(at, "\r\n", 2);
    output_commit(writer->output, text.size + 3);
}

void resp_simple(struct resp_writer *writer, const char *text)
{
    write_line(writer, '+', bytes_text(text));
}

void resp_simple_bytes(struct resp_writer *writer, struct bytes text)
{
    write_line(writer, '+', text);
}

void resp_error(struct resp_writer *writer, const char *text)
{
    write_line(writer, '-', bytes_text(text));
}

void resp_error_bytes(struct resp_writer *writer, struct bytes text)
{
    write_line(writer, '-', text);
}

/* Formats into `stack`, or into a longer text of its own in `heap`. */
static struct bytes format_text(char *stack, size_t capacity, struct buffer *heap,
                                const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    int size = vsnprintf(stack, capacity, format, list);
    ensure(size >= 0);
    struct bytes text = bytes_of(stack, (size_t)size);
    if (text.size >= capacity) {
        char *at = buffer_reserve(heap, text.size + 1);
        vsnprintf(at, text.size + 1, format, again);
        text.data = at;
    }
    va_end(again);
    return text;
}

void resp_error_format(struct resp_writer *writer, const char *format, ...)
{
    char stack[256];
    struct buffer heap = { 0 };
    va_list list;
    va_start(list, format);
    resp_error_bytes(writer, format_text(stack, sizeof(stack), &heap, format, list));
    va_end(list);
    buffer_fini(&heap);
}

void resp_bulk_format(struct resp_writer *writer, const char *format, ...)
{
    char stack[256];
    struct buffer heap = { 0 };
    va_list list;
    va_start(list, format);
    resp_bulk(writer, format_text(stack, sizeof(stack), &heap, format, list));
    va_end(list);
    buffer_fini(&heap);
}

void resp_integer(struct resp_writer *writer, int64_t value)
{
    resp_fast_integer(writer, value);
}

void resp_bool(struct resp_writer *writer, bool value)
{
    if (writer->protocol == 2)
        resp_fast_text(writer, value ? ":1\r\n" : ":0\r\n", 4);
    else
        resp_fast_text(writer, value ? "#t\r\n" : "#f\r\n", 4);
}

void resp_double(struct resp_writer *writer, double value)
{
    char text[NUMBER_DOUBLE_MAX];
    resp_double_text(writer, bytes_of(text, number_print_double(value, text)));
}

void resp_double_text(struct resp_writer *writer, struct bytes digits)
{
    if (writer->protocol == 2)
        resp_fast_bulk(writer, digits);
    else
        write_line(writer, ',', digits);
}

void resp_null(struct resp_writer *writer)
{
    resp_fast_null(writer);
}

void resp_null_array(struct resp_writer *writer)
{
    if (writer->protocol == 2)
        resp_fast_text(writer, "*-1\r\n", 5);
    else
        resp_fast_text(writer, "_\r\n", 3);
}

void resp_bulk(struct resp_writer *writer, struct bytes value)
{
    if (value.size <= RESP_SHORT_BULK) {
        resp_fast_bulk(writer, value);
        return;
    }
    write_head(writer, '$', (int64_t)value.size);
    output_append(writer->output, value);
    resp_fast_text(writer, "\r\n", 2);
}

void resp_bulk_text(struct resp_writer *writer, const char *text)
{
    resp_bulk(writer, bytes_text(text));
}

void resp_bulk_integer(struct resp_writer *writer, int64_t value)
{
    char text[NUMBER_TEXT_MAX];
    resp_fast_bulk(writer, bytes_of(text, number_print(value, text)));
}

void resp_bulk_double(struct resp_writer *writer, double value)
{
    char text[NUMBER_DOUBLE_MAX];
    resp_fast_bulk(writer, bytes_of(text, number_print_double(value, text)));
}

void resp_bulk_shared(struct resp_writer *writer, struct shared *shared, struct bytes value)
{
    write_head(writer, '$', (int64_t)value.size);
    output_append_shared(writer->output, shared, value);
    resp_fast_text(writer, "\r\n", 2);
}

void resp_big_number(struct resp_writer *writer, struct bytes digits)
{
    if (writer->protocol == 2)
        resp_bulk(writer, digits);
    else
        write_line(writer, '(', digits);
}

void resp_verbatim(struct resp_writer *writer, const char *format, struct bytes text)
{
    if (writer->protocol == 2) {
        resp_bulk(writer, text);
        return;
    }
    ensure(strlen(format) == 3);
    write_head(writer, '=', (int64_t)text.size + 4);
    resp_fast_text(writer, format, 3);
    resp_fast_text(writer, ":", 1);
    output_append(writer->output, text);
    resp_fast_text(writer, "\r\n", 2);
}

void resp_array(struct resp_writer *writer, size_t count)
{
    write_head(writer, '*', (int64_t)count);
}

void resp_map(struct resp_writer *writer, size_t pair_count)
{
    if (writer->protocol == 2)
        write_head(writer, '*', (int64_t)pair_count * 2);
    else
        write_head(writer, '%', (int64_t)pair_count);
}

void resp_set(struct resp_writer *writer, size_t count)
{
    write_head(writer, writer->protocol == 2 ? '*' : '~', (int64_t)count);
}

void resp_push(struct resp_writer *writer, size_t count)
{
    write_head(writer, writer->protocol == 2 ? '*' : '>', (int64_t)count);
}

void resp_attribute(struct resp_writer *writer, size_t pair_count)
{
    ensure(writer->protocol == 3);
    write_head(writer, '|', (int64_t)pair_count);
}

struct output_mark resp_begin(struct resp_writer *writer)
{
    return output_mark(writer->output);
}

static void insert_head(struct resp_writer *writer, struct output_mark mark, char type,
                        int64_t count)
{
    char head[HEAD_MAX];
    output_insert(writer->output, mark, bytes_of(head, resp_fast_head(head, type, count)));
}

void resp_end_array(struct resp_writer *writer, struct output_mark mark, size_t count)
{
    insert_head(writer, mark, '*', (int64_t)count);
}

void resp_end_map(struct resp_writer *writer, struct output_mark mark, size_t pair_count)
{
    if (writer->protocol == 2)
        insert_head(writer, mark, '*', (int64_t)pair_count * 2);
    else
        insert_head(writer, mark, '%', (int64_t)pair_count);
}

void resp_end_set(struct resp_writer *writer, struct output_mark mark, size_t count)
{
    insert_head(writer, mark, writer->protocol == 2 ? '*' : '~', (int64_t)count);
}

/* --- Requests --- */

static void buffer_append_bulk(struct buffer *into, struct bytes value)
{
    char *at = buffer_reserve(into, HEAD_MAX + value.size + 2);
    size_t size = resp_fast_head(at, '$', (int64_t)value.size);
    if (value.size > 0) memcpy(at + size, value.data, value.size);
    memcpy(at + size + value.size, "\r\n", 2);
    into->size += size + value.size + 2;
}

static void buffer_append_head(struct buffer *into, char type, int64_t value)
{
    char *at = buffer_reserve(into, HEAD_MAX);
    into->size += resp_fast_head(at, type, value);
}

void resp_write_command(struct buffer *into, size_t argc, const struct bytes *argv)
{
    buffer_append_head(into, '*', (int64_t)argc);
    for (size_t i = 0; i < argc; ++i) buffer_append_bulk(into, argv[i]);
}

void resp_output_command(struct output *output, size_t argc, const struct bytes *argv)
{
    struct resp_writer writer = { .output = output, .protocol = 2 };
    write_head(&writer, '*', (int64_t)argc);
    for (size_t i = 0; i < argc; ++i) resp_bulk(&writer, argv[i]);
}

void resp_write_words(struct buffer *into, ...)
{
    va_list list;
    int64_t argc = 0;
    va_start(list, into);
    while (va_arg(list, const char *) != NULL) ++argc;
    va_end(list);

    buffer_append_head(into, '*', argc);
    va_start(list, into);
    for (const char *word; (word = va_arg(list, const char *)) != NULL;)
        buffer_append_bulk(into, bytes_text(word));
    va_end(list);
}
