/* The reply reader on hostile input: byte by byte, in pieces and by skipping it must agree. */
#include "base/ensure.h"
#include "resp/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void record(struct buffer *log, const struct resp_value *value)
{
    buffer_append_byte(log, (char)value->type);
    buffer_append(log, value->text);
    if (value->attribute != NULL) record(log, value->attribute);
    buffer_append_int(log, (int64_t)value->count);
    for (size_t i = 0; i < value->count; ++i) record(log, &value->items[i]);
}

/* Reads all replies; returns how many bytes they took. */
static size_t read_in_pieces(struct bytes input, size_t step, struct buffer *log)
{
    struct resp_limits limits = { .size_max = 1 * MIB, .depth_max = 8 };
    struct resp_reader *reader = resp_reader_create(&limits);
    enum resp_result result = RESP_MORE;
    size_t taken = 0;
    for (size_t start = 0; start < input.size && result != RESP_BROKEN; start += step) {
        resp_reader_feed(reader, bytes_of(input.data + start, MIN(step, input.size - start)));
        struct resp_value *value;
        while ((result = resp_reader_next(reader, &value)) == RESP_READY) {
            record(log, value);
            resp_value_destroy(value);
            size_t consumed;
            struct bytes rest = bytes_from(input, taken);
            ensure(resp_skip(rest, &consumed) == RESP_READY);
            taken += consumed;
        }
    }
    buffer_append_byte(log, (char)('0' + result));
    resp_reader_destroy(reader);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct bytes input = bytes_of(data + 1, size - 1);
    struct buffer whole = { 0 };
    struct buffer pieces = { 0 };
    size_t taken = read_in_pieces(input, input.size, &whole);
    ensure(read_in_pieces(input, 1 + data[0] % 64, &pieces) == taken);
    ensure(bytes_equal(buffer_bytes(&whole), buffer_bytes(&pieces)));
    buffer_fini(&whole);
    buffer_fini(&pieces);
    return 0;
}
