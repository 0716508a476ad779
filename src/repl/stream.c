/* Commands out of a primary's stream: see stream.h for the picture. */
#include "repl/stream.h"

#include "base/ensure.h"
#include "base/number.h"

#define INPUT_KEEP_MAX     (256 * KIB) /* memory kept while nothing waits */
#define INPUT_COMPACT_FROM (64 * KIB)  /* applied bytes that are worth moving the rest for */

static const struct request_limits stream_limits = { .bulk_size_max = INT64_C(1) << 40 };

void stream_init(struct stream *stream, struct backlog *backlog)
{
    *stream = (struct stream){ .backlog = backlog };
    request_parser_init(&stream->parser);
    request_parser_init(&stream->scan_parser);
    request_init(&stream->request);
}

void stream_fini(struct stream *stream)
{
    request_parser_fini(&stream->parser);
    request_parser_fini(&stream->scan_parser);
    request_fini(&stream->request);
    buffer_fini(&stream->input);
}

static void parser_reset(struct request_parser *parser)
{
    request_parser_fini(parser);
    request_parser_init(parser);
}

void stream_drop(struct stream *stream)
{
    parser_reset(&stream->parser);
    parser_reset(&stream->scan_parser);
    buffer_clear(&stream->input);
    buffer_trim(&stream->input, INPUT_KEEP_MAX);
    stream->start = stream->at = stream->scan_at = 0;
    stream->is_in_transaction = false;
    stream->has_item = false;
}

void stream_begin(struct stream *stream, int db)
{
    stream->db = MAX(db, 0);
}

size_t stream_pending(const struct stream *stream)
{
    ensure(stream->start <= stream->input.size);
    return stream->input.size - stream->start;
}

/* Moves what is not applied to the front, when that is cheap for what it frees. */
static void stream_compact(struct stream *stream)
{
    size_t done = stream->start;
    if (done < stream->input.size && (done < INPUT_COMPACT_FROM || done < stream->input.size / 2))
        return;
    buffer_consume(&stream->input, done);
    stream->start = 0;
    stream->at -= done;
    stream->scan_at -= MIN(stream->scan_at, done);
    if (stream->input.size == 0) {
        buffer_trim(&stream->input, INPUT_KEEP_MAX);
        request_trim(&stream->request);
    }
}

void stream_feed(struct stream *stream, struct bytes bytes)
{
    stream_compact(stream);
    buffer_append(&stream->input, bytes);
    stream->has_item = false; /* its arguments may have moved: it is parsed again */
}

/* The applied bytes go on to those who follow us. */
static void stream_commit(struct stream *stream)
{
    ensure(!stream->is_in_transaction);
    ensure(stream->at >= stream->start);
    struct bytes applied = bytes_of(stream->input.data + stream->start, stream->at - stream->start);
    backlog_append_applied(stream->backlog, applied, stream->db);
    stream->start = stream->at;
}

void stream_done(struct stream *stream)
{
    ensure(stream->has_item);
    stream->has_item = false;
    stream->at += stream->request.consumed;
    ensure(stream->at <= stream->input.size);
    if (!stream->is_in_transaction) stream_commit(stream);
}

/* Behind MULTI: is EXEC there? Remembers how far it looked. */
static enum request_result transaction_scan(struct stream *stream)
{
    stream->scan_at = MAX(stream->scan_at, stream->at + stream->request.consumed);
    if (stream->input.size - stream->at > STREAM_TRANSACTION_MAX) return REQUEST_ERROR;
    for (;;) {
        struct bytes rest = bytes_from(buffer_bytes(&stream->input), stream->scan_at);
        enum request_result result =
            request_parse(&stream->scan_parser, rest, &stream_limits, &stream->request);
        if (result != REQUEST_READY && result != REQUEST_SKIP) return result;
        if (result == REQUEST_READY && bytes_is_word(stream->request.argv[0], "exec")) {
            stream->scan_at = 0;
            return REQUEST_READY;
        }
        stream->scan_at += stream->request.consumed;
    }
}

static enum stream_item begin_transaction(struct stream *stream)
{
    size_t multi_size = stream->request.consumed;
    enum request_result result =
        stream->is_in_transaction ? REQUEST_ERROR : transaction_scan(stream);
    if (result == REQUEST_MORE) return STREAM_NONE;
    if (result != REQUEST_READY) return STREAM_BROKEN;
    stream->is_in_transaction = true;
    stream->at += multi_size;
    stream->has_item = false;
    return STREAM_NONE;
}

static bool select_database(struct stream *stream)
{
    int64_t db;
    if (stream->request.argc != 2 || !number_parse(stream->request.argv[1], &db)) return false;
    if (db < 0 || db > INT32_MAX) return false;
    stream->db = (int)db;
    return true;
}

/* What is not for the engine; STREAM_NONE: dealt with, look at the next. */
static enum stream_item take_own(struct stream *stream, bool *is_own)
{
    const struct request *request = &stream->request;
    struct bytes name = request->argv[0];
    *is_own = true;
    if (bytes_is_word(name, "ping")) {
        stream_done(stream);
        return STREAM_NONE;
    }
    if (bytes_is_word(name, "select")) {
        if (!select_database(stream)) return STREAM_BROKEN;
        stream_done(stream);
        return STREAM_NONE;
    }
    if (bytes_is_word(name, "exec")) {
        if (!stream->is_in_transaction) return STREAM_BROKEN;
        stream->is_in_transaction = false;
        stream_done(stream);
        return STREAM_NONE;
    }
    if (bytes_is_word(name, "replconf")) {
        if (request->argc >= 2 && bytes_is_word(request->argv[1], "getack")) return STREAM_GETACK;
        stream_done(stream);
        return STREAM_NONE;
    }
    *is_own = false;
    return STREAM_COMMAND;
}

/* Parses what stands at `at`; STREAM_COMMAND: a whole request is in stream->request. */
static enum stream_item stream_parse(struct stream *stream)
{
    for (;;) {
        struct bytes rest = bytes_from(buffer_bytes(&stream->input), stream->at);
        if (rest.size == 0) return STREAM_NONE;
        switch (request_parse(&stream->parser, rest, &stream_limits, &stream->request)) {
        case REQUEST_READY: stream->has_item = true; return STREAM_COMMAND;
        case REQUEST_MORE: return STREAM_NONE;
        case REQUEST_SKIP: /* an empty line counts in the offset as any byte does */
            stream->has_item = true;
            stream_done(stream);
            break;
        case REQUEST_ERROR:
        case REQUEST_HANGUP: return STREAM_BROKEN;
        }
    }
}

enum stream_item stream_next(struct stream *stream)
{
    for (;;) {
        if (!stream->has_item) {
            enum stream_item item = stream_parse(stream);
            if (item != STREAM_COMMAND) return item;
        }
        if (bytes_is_word(stream->request.argv[0], "multi")) {
            enum stream_item item = begin_transaction(stream);
            if (item == STREAM_BROKEN) return item;
            if (stream->is_in_transaction) continue;
            stream->has_item = false; /* MULTI is parsed again when more has come */
            return STREAM_NONE;
        }
        bool is_own;
        enum stream_item item = take_own(stream, &is_own);
        if (!is_own || item != STREAM_NONE) return item;
    }
}
