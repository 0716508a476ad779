/* Sizes: proto-max-bulk-len is also the limit of what commands build up. */
#include "commands/sizes.h"
#include "base/number.h"

static uint64_t size_max(const struct call *call)
{
    enum session_kind kind = call->session->kind;
    if (kind == SESSION_PRIMARY || kind == SESSION_LOADING) return STRING_SIZE_MAX;
    uint64_t configured = (uint64_t)engine_settings(call->engine)->bulk_size_max;
    return MIN(configured, (uint64_t)STRING_SIZE_MAX);
}

bool string_size_is_allowed(struct call *call, uint64_t size)
{
    if (size <= size_max(call)) return true;
    reply_error(call, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}

bool draws_are_allowed(struct call *call, uint64_t count)
{
    if (count <= size_max(call)) return true;
    reply_error(call, "ERR count of repeated draws exceeds maximum allowed size "
                      "(proto-max-bulk-len)");
    return false;
}

bool bit_offset_parse(struct call *call, uint32_t index, unsigned width, uint64_t *offset)
{
    struct bytes text = call_arg(call, index);
    bool is_counted = width > 0 && text.size > 0 && text.data[0] == '#';
    int64_t value;
    if (is_counted) text = bytes_from(text, 1);
    bool is_valid = number_parse(text, &value);
    if (is_valid && is_counted) is_valid = !__builtin_mul_overflow(value, (int64_t)width, &value);
    if (!is_valid || value < 0 || (uint64_t)value / 8 >= size_max(call)) {
        reply_error(call, "ERR bit offset is not an integer or out of range");
        return false;
    }
    *offset = (uint64_t)value;
    return true;
}
