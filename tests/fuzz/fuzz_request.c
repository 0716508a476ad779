/* The request parser on hostile input: whole and in pieces it must find the same requests. */
#include "base/ensure.h"
#include "base/memory.h"
#include "resp/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that was found, as bytes to compare. */
static void record(struct buffer *log, enum request_result result, const struct request *request)
{
    buffer_append_byte(log, (char)('0' + result));
    if (result == REQUEST_ERROR) buffer_append_text(log, request->error);
    if (result != REQUEST_READY) return;
    ensure(request->argc > 0);
    for (uint32_t i = 0; i < request->argc; ++i) {
        buffer_append_int(log, (int64_t)request->argv[i].size);
        buffer_append_byte(log, ':');
        buffer_append(log, request->argv[i]);
    }
}

/* Parses like a connection does: what is incomplete is kept, in memory that moves. */
static void parse_in_pieces(struct bytes input, size_t step, const struct request_limits *limits,
                            struct buffer *log)
{
    struct request_parser parser;
    struct request request;
    request_parser_init(&parser);
    request_init(&request);
    size_t start = 0;
    bool is_open = true;
    for (size_t end = 0; end < input.size && is_open;) {
        end = MIN(input.size, end + step);
        for (;;) {
            size_t waiting = end - start;
            char *copy = memory_alloc(waiting + 1);
            memcpy(copy, input.data + start, waiting);
            struct bytes piece = bytes_of(copy, waiting);
            enum request_result result = request_parse(&parser, piece, limits, &request);
            if (result != REQUEST_MORE) record(log, result, &request);
            memory_free(copy);
            is_open = result != REQUEST_ERROR && result != REQUEST_HANGUP;
            if (result == REQUEST_MORE) ensure(request.needed > waiting);
            if (result == REQUEST_MORE || !is_open) break;
            ensure(request.consumed > 0 && request.consumed <= waiting);
            start += request.consumed;
        }
    }
    request_trim(&request);
    request_fini(&request);
    request_parser_fini(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct request_limits limits = { .bulk_size_max = REQUEST_BULK_MAX_DEFAULT,
                                     .is_unauthenticated = data[0] & 1 };
    size_t step = 1 + (data[0] >> 1);
    struct bytes input = bytes_of(data + 1, size - 1);
    if (input.size > 4 * KIB && step < 16) step = 512; /* bounded work */
    struct buffer whole = { 0 };
    struct buffer pieces = { 0 };
    parse_in_pieces(input, input.size, &limits, &whole);
    parse_in_pieces(input, step, &limits, &pieces);
    ensure(bytes_equal(buffer_bytes(&whole), buffer_bytes(&pieces)));
    buffer_fini(&whole);
    buffer_fini(&pieces);
    return 0;
}
