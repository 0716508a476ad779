/* The parts of HSCAN, SSCAN and ZSCAN that are the same. */
#include "commands/scan_elements.h"

#include "base/number.h"

#define SCAN_COUNT_DEFAULT 10

/* Valkey refuses plain negative numbers and takes whatever else strtoull takes. */
bool scan_cursor_parse(struct call *call, uint32_t index, struct scan_options *options)
{
    int64_t number;
    *options = (struct scan_options){ .count = SCAN_COUNT_DEFAULT };
    bool is_negative = number_parse(call_arg(call, index), &number) && number < 0;
    if (!is_negative && number_parse_loose(call_arg(call, index), &options->cursor)) return true;
    reply_error(call, "ERR invalid cursor");
    return false;
}

/* One option; false when an error was answered. */
static bool parse_one(struct call *call, uint32_t *at, const char *without,
                      struct scan_options *options)
{
    bool has_value = *at + 1 < call->argc;
    if (call_arg_is(call, *at, "count") && has_value) {
        if (!call_integer(call, ++*at, &options->count)) return false;
        if (options->count >= 1) return true;
    } else if (call_arg_is(call, *at, "match") && has_value) {
        struct bytes pattern = call_arg(call, ++*at);
        options->pattern = bytes_equal(pattern, BYTES("*")) ? (struct bytes){ 0 } : pattern;
        return true;
    } else if (without != NULL && call_arg_is(call, *at, without)) {
        options->is_without = true;
        return true;
    } else if (call_arg_is(call, *at, "novalues")) {
        reply_error(call, "ERR NOVALUES option can only be used in HSCAN");
        return false;
    } else if (call_arg_is(call, *at, "noscores")) {
        reply_error(call, "ERR NOSCORES option can only be used in ZSCAN");
        return false;
    }
    reply_syntax_error(call);
    return false;
}

bool scan_options_parse(struct call *call, uint32_t first, const char *without,
                        struct scan_options *options)
{
    for (uint32_t at = first; at < call->argc; at++)
        if (!parse_one(call, &at, without, options)) return false;
    return true;
}

void scan_reply_begin(struct call *call, struct scan_reply *reply)
{
    reply->start = output_mark(call->writer->output);
    reply->elements = resp_begin(call->writer);
}

void scan_reply_end(struct call *call, struct scan_reply *reply, uint64_t cursor, size_t found)
{
    struct buffer head = { 0 };
    char text[NUMBER_TEXT_MAX];
    size_t size = number_print_unsigned(cursor, text);
    resp_end_array(call->writer, reply->elements, found);
    buffer_printf(&head, "*2\r\n$%zu\r\n%.*s\r\n", size, (int)size, text);
    output_insert(call->writer->output, reply->start, buffer_bytes(&head));
    buffer_fini(&head);
}

void scan_reply_empty(struct call *call)
{
    reply_array(call, 2);
    reply_bytes(call, BYTES("0"));
    reply_array(call, 0);
}
