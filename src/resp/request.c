/* Parsing requests: one straight loop over arrays, and everything unusual beside it.
 *
 * A header of up to nine digits that is there as a whole goes through `head_fast`; whatever that
 * does not like (signs, zeros in front, errors, a line that is not complete) is looked at again,
 * exactly, by `head_read`. An incomplete request with few arguments is simply parsed again from
 * its start, which costs some ten nanoseconds an argument; with many, their places are kept. */
#include "resp/request.h"
#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"

#define ARGV_KEPT 1024 /* an argv larger than this is given back by request_trim */
#define ERROR     "ERR Protocol error: "

#define UNUSUAL(condition) __builtin_expect(!!(condition), 0)

static const char error_argc[] = ERROR "invalid multibulk length";
static const char error_bulk[] = ERROR "invalid bulk length";
static const char error_crlf[] = ERROR "invalid CRLF in request";
static const char error_inline_long[] = ERROR "too big inline request";
static const char error_argc_long[] = ERROR "too big mbulk count string";
static const char error_bulk_long[] = ERROR "too big bulk count string";
static const char error_quotes[] = ERROR "unbalanced quotes in request";
static const char error_argc_stranger[] = ERROR "unauthenticated multibulk length";
static const char error_bulk_stranger[] = ERROR "unauthenticated bulk length";

void request_parser_init(struct request_parser *parser)
{
    *parser = (struct request_parser){ 0 };
}

void request_parser_fini(struct request_parser *parser)
{
    memory_free(parser->spans);
    *parser = (struct request_parser){ 0 };
}

void request_init(struct request *request)
{
    request->argv = request->few;
    request->argc = 0;
    request->capacity = REQUEST_ARGV_FEW;
    request->consumed = 0;
    request->needed = 0;
    request->error = NULL;
    buffer_init(&request->unquoted);
}

void request_fini(struct request *request)
{
    if (request->argv != request->few) memory_free(request->argv);
    buffer_fini(&request->unquoted);
    request->argv = NULL;
}

void request_trim(struct request *request)
{
    buffer_trim(&request->unquoted, REQUEST_LINE_MAX);
    if (request->capacity <= ARGV_KEPT) return;
    memory_free(request->argv);
    request->argv = request->few;
    request->capacity = REQUEST_ARGV_FEW;
    request->argc = 0;
}

/* Grows with the arguments that are really there, never with what a header announces. */
static void argv_grow(struct request *request)
{
    uint32_t capacity = request->capacity * 2;
    size_t size = capacity * sizeof(struct bytes);
    if (request->argv == request->few) {
        request->argv = memory_alloc(size);
        memcpy(request->argv, request->few, sizeof(request->few));
    } else {
        request->argv = memory_realloc(request->argv, size);
    }
    request->capacity = capacity;
}

static void argv_put(struct request *request, uint32_t index, struct bytes value)
{
    if (index == request->capacity) argv_grow(request);
    request->argv[index] = value;
}

static void parser_reset(struct request_parser *parser)
{
    parser->offset = 0;
    parser->needed = 0;
    if (parser->spans == NULL) return;
    memory_free(parser->spans);
    parser->spans = NULL;
    parser->capacity = 0;
    parser->found = 0;
}

static enum request_result fail(struct request_parser *parser, struct request *request,
                                const char *error)
{
    parser_reset(parser);
    request->error = error;
    return REQUEST_ERROR;
}

static enum request_result need(struct request_parser *parser, struct request *request,
                                size_t needed)
{
    parser->needed = needed;
    request->needed = needed;
    return REQUEST_MORE;
}

/* A browser that was made to talk to us sends a request line or a header; behind it, in the body,
 * could stand commands that somebody else has written. */
static bool is_browser(struct bytes name)
{
    if (name.size == 4)
        return UNUSUAL(name.data[0] == 'P' || name.data[0] == 'p') && bytes_is_word(name, "post");
    if (name.size == 5)
        return UNUSUAL(name.data[0] == 'H' || name.data[0] == 'h') && bytes_is_word(name, "host:");
    return false;
}

/* --- Headers --- */

/* Reads digits and line end at `at`; false when that is not a plain, complete small number. */
static inline bool head_fast(const char *at, const char *end, int64_t *value, const char **next)
{
    if (end - at < 3) return false;
    unsigned number = (unsigned)(unsigned char)*at++ - '0';
    if (number > 9) return false;
    if (*at != '\r') {
        if (number == 0) return false;
        const char *last = end - at > 10 ? at + 8 : end - 2;
        unsigned digit;
        while (at < last && (digit = (unsigned)(unsigned char)*at - '0') <= 9) {
            number = number * 10 + digit;
            ++at;
        }
        if (*at != '\r') return false;
    }
    if (at[1] != '\n') return false;
    *value = number;
    *next = at + 2;
    return true;
}

enum head { HEAD_READY, HEAD_MORE, HEAD_LONG, HEAD_CRLF };

/* Finds the line from `at`; `text` is what stands between the type byte and CR. */
static enum head head_read(const char *at, const char *end, struct bytes *text, const char **next)
{
    size_t size = (size_t)(end - at);
    const char *cr = size > 0 ? memchr(at, '\r', size) : NULL;
    if (cr == NULL) return size > REQUEST_LINE_MAX ? HEAD_LONG : HEAD_MORE;
    if (cr + 1 == end) return HEAD_MORE;
    if (cr[1] != '\n') return HEAD_CRLF;
    *text = cr == at ? BYTES_EMPTY : bytes_of(at + 1, (size_t)(cr - at) - 1);
    *next = cr + 2;
    return HEAD_READY;
}

/* --- Inline requests --- */

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool ends_word(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

/* Reads one escape behind a backslash inside double quotes; returns what follows it. */
static const char *unescape(const char *at, const char *end, struct buffer *into)
{
    if (*at == 'x' && end - at >= 3 && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0) {
        buffer_append_byte(into, (char)(hex_digit(at[1]) * 16 + hex_digit(at[2])));
        return at + 3;
    }
    char byte = *at;
    switch (byte) {
    case 'n': byte = '\n'; break;
    case 'r': byte = '\r'; break;
    case 't': byte = '\t'; break;
    case 'b': byte = '\b'; break;
    case 'a': byte = '\a'; break;
    default: break;
    }
    buffer_append_byte(into, byte);
    return at + 1;
}

/* Copies a quoted piece that starts behind its opening quote; NULL when it never ends. */
static const char *unquote(const char *at, const char *end, char quote, struct buffer *into)
{
    while (at < end) {
        if (*at == quote) return at + 1;
        if (*at == '\\' && end - at >= 2 && quote == '"') {
            at = unescape(at + 1, end, into);
        } else if (*at == '\\' && end - at >= 2 && at[1] == '\'') {
            buffer_append_byte(into, '\'');
            at += 2;
        } else {
            buffer_append_byte(into, *at++);
        }
    }
    return NULL;
}

/* A word with quotes in it, joined in `into`; NULL when a quote is left open. */
static const char *word_unquote(const char *at, const char *end, struct buffer *into)
{
    while (at != NULL && at < end && !ends_word(*at)) {
        if (*at == '"' || *at == '\'')
            at = unquote(at + 1, end, *at, into);
        else
            buffer_append_byte(into, *at++);
    }
    return at;
}

bool request_split_line(struct bytes line, struct request *request)
{
    const char *at = line.data;
    const char *end = at + line.size;
    request->argc = 0;
    buffer_clear(&request->unquoted);
    /* Unquoting never makes text longer, so the words in here will not move. */
    (void)buffer_reserve(&request->unquoted, line.size + 1);

    for (;;) {
        while (at < end && is_space(*at)) ++at;
        if (at == end) return true;
        const char *start = at;
        while (at < end && !ends_word(*at) && *at != '"' && *at != '\'') ++at;
        struct bytes word = bytes_of(start, (size_t)(at - start));
        if (at < end && !ends_word(*at)) {
            size_t before = request->unquoted.size;
            at = word_unquote(start, end, &request->unquoted);
            if (at == NULL) return false;
            word = bytes_of(request->unquoted.data + before, request->unquoted.size - before);
        }
        argv_put(request, request->argc++, word);
    }
}

static enum request_result parse_inline(struct request_parser *parser, struct bytes input,
                                        struct request *request)
{
    const char *line_end = memchr(input.data, '\n', input.size);
    if (line_end == NULL) {
        if (input.size > REQUEST_LINE_MAX) return fail(parser, request, error_inline_long);
        return need(parser, request, input.size + 1);
    }
    parser_reset(parser);
    struct bytes line = bytes_of(input.data, (size_t)(line_end - input.data));
    request->consumed = line.size + 1;
    if (line.size > 0 && line.data[line.size - 1] == '\r') --line.size;
    if (!request_split_line(line, request)) return fail(parser, request, error_quotes);
    if (request->argc == 0) return REQUEST_SKIP;
    return is_browser(request->argv[0]) ? REQUEST_HANGUP : REQUEST_READY;
}

/* --- Arrays --- */

/* Adds the arguments of this piece to those of earlier ones. */
static void spans_append(struct request_parser *parser, struct bytes input,
                         const struct request *request, uint32_t count)
{
    uint32_t total = parser->found + count;
    if (parser->capacity < total) {
        parser->capacity = MAX(total, parser->capacity * 2);
        parser->spans = memory_realloc(parser->spans, parser->capacity * sizeof(*parser->spans));
    }
    for (uint32_t i = 0; i < count; ++i)
        parser->spans[parser->found + i] = (struct request_span){
            .offset = (size_t)(request->argv[i].data - input.data),
            .size = request->argv[i].size,
        };
    parser->found = total;
}

/* Where the loop over arguments stands. Arguments of earlier pieces are not counted here. */
struct progress {
    const char *at;
    uint32_t found;
    uint32_t wanted;
};

/* The input ends before the arguments do. A few of them are simply found again from the start. */
static enum request_result suspend(struct request_parser *parser, struct bytes input,
                                   struct request *request, struct progress progress, size_t needed)
{
    if (parser->offset > 0 || progress.found > REQUEST_ARGV_FEW) {
        if (parser->offset == 0) parser->argc = progress.wanted;
        spans_append(parser, input, request, progress.found);
        parser->offset = (size_t)(progress.at - input.data);
    }
    return need(parser, request, needed);
}

/* All arguments are there, the last of them in this piece. */
static enum request_result finish(struct request_parser *parser, struct bytes input,
                                  struct request *request, struct progress progress)
{
    request->argc = progress.found;
    request->consumed = (size_t)(progress.at - input.data);
    if (parser->offset > 0) {
        spans_append(parser, input, request, progress.found);
        request->argc = parser->found;
        ensure(parser->found == parser->argc);
        for (uint32_t i = 0; i < parser->found; ++i) {
            struct request_span span = parser->spans[i];
            argv_put(request, i, bytes_of(input.data + span.offset, span.size));
        }
    }
    parser_reset(parser);
    return is_browser(request->argv[0]) ? REQUEST_HANGUP : REQUEST_READY;
}

/* Looks again at a bulk header that the fast path did not take. */
static enum request_result bulk_head(struct request_parser *parser, struct request *request,
                                     const struct request_limits *limits, const char *at,
                                     const char *end, int64_t *size, const char **next)
{
    struct bytes text;
    switch (head_read(at, end, &text, next)) {
    case HEAD_MORE: return REQUEST_MORE;
    case HEAD_LONG: return fail(parser, request, error_bulk_long);
    case HEAD_CRLF: return fail(parser, request, error_crlf);
    case HEAD_READY: break;
    }
    if (*at != '$') {
        char got = *at == '\r' || *at == '\n' || *at == '\0' ? ' ' : *at;
        static const char expected[] = ERROR "expected '$', got '";
        memcpy(request->error_text, expected, sizeof(expected) - 1);
        memcpy(request->error_text + sizeof(expected) - 1, (char[]){ got, '\'', '\0' }, 3);
        return fail(parser, request, request->error_text);
    }
    if (!number_parse(text, size) || *size < 0 || *size > limits->bulk_size_max)
        return fail(parser, request, error_bulk);
    if (limits->is_unauthenticated && *size > REQUEST_UNAUTHENTICATED_BULK)
        return fail(parser, request, error_bulk_stranger);
    return REQUEST_READY;
}

static enum request_result parse_arguments(struct request_parser *parser, struct bytes input,
                                           const struct request_limits *limits,
                                           struct request *request, struct progress progress)
{
    const char *end = input.data + input.size;
    int64_t fast_max = limits->is_unauthenticated ? REQUEST_UNAUTHENTICATED_BULK : INT64_MAX;
    fast_max = MIN(fast_max, limits->bulk_size_max);

    for (; progress.found < progress.wanted; ++progress.found) {
        const char *at = progress.at;
        const char *payload;
        int64_t size;
        if (UNUSUAL(at == end || *at != '$' || !head_fast(at + 1, end, &size, &payload) ||
                    size > fast_max)) {
            enum request_result result =
                bulk_head(parser, request, limits, at, end, &size, &payload);
            if (result == REQUEST_MORE)
                return suspend(parser, input, request, progress, input.size + 1);
            if (result != REQUEST_READY) return result;
        }
        if (UNUSUAL((size_t)(end - payload) < (size_t)size + 2)) {
            size_t needed = (size_t)(payload - input.data) + (size_t)size + 2;
            return suspend(parser, input, request, progress, needed);
        }
        if (UNUSUAL(payload[size] != '\r' || payload[size + 1] != '\n'))
            return fail(parser, request, error_crlf);
        argv_put(request, progress.found, bytes_of(payload, (size_t)size));
        progress.at = payload + size + 2;
    }
    return finish(parser, input, request, progress);
}

/* The count of an array that is unusual or wrong. */
static enum request_result array_head(struct request_parser *parser, struct bytes input,
                                      const struct request_limits *limits, struct request *request,
                                      int64_t *argc, const char **next)
{
    struct bytes text;
    switch (head_read(input.data, input.data + input.size, &text, next)) {
    case HEAD_MORE: return need(parser, request, input.size + 1);
    case HEAD_LONG: return fail(parser, request, error_argc_long);
    case HEAD_CRLF: return fail(parser, request, error_crlf);
    case HEAD_READY: break;
    }
    if (!number_parse(text, argc) || *argc > REQUEST_ARGC_MAX)
        return fail(parser, request, error_argc);
    if (limits->is_unauthenticated && *argc > REQUEST_UNAUTHENTICATED_ARGC)
        return fail(parser, request, error_argc_stranger);
    if (*argc > 0) return REQUEST_READY;
    parser_reset(parser);
    request->consumed = (size_t)(*next - input.data);
    return REQUEST_SKIP;
}

enum request_result request_parse(struct request_parser *parser, struct bytes input,
                                  const struct request_limits *limits, struct request *request)
{
    if (input.size < parser->needed || input.size == 0)
        return need(parser, request, MAX(parser->needed, 1));
    if (parser->offset > 0) {
        ensure(parser->offset <= input.size);
        struct progress progress = { .at = input.data + parser->offset,
                                     .wanted = parser->argc - parser->found };
        return parse_arguments(parser, input, limits, request, progress);
    }
    if (input.data[0] != '*') return parse_inline(parser, input, request);

    int64_t argc;
    const char *next;
    int64_t fast_max = limits->is_unauthenticated ? REQUEST_UNAUTHENTICATED_ARGC : REQUEST_ARGC_MAX;
    if (!head_fast(input.data + 1, input.data + input.size, &argc, &next) || argc == 0 ||
        argc > fast_max) {
        enum request_result result = array_head(parser, input, limits, request, &argc, &next);
        if (result != REQUEST_READY) return result;
    }
    struct progress progress = { .at = next, .wanted = (uint32_t)argc };
    return parse_arguments(parser, input, limits, request, progress);
}
