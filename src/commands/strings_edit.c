/* Strings edited in place: counters, APPEND, SETRANGE. */
#include "base/number.h"
#include "commands/long_double.h"
#include "commands/rows.h"
#include "commands/sizes.h"
#include <math.h>

/* --- counters ---------------------------------------------------------------------------- */

static void increment(struct call *call, int64_t by)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    int64_t value = 0;
    if (!call_string_for_write(call, &key, &entry)) return;
    if (entry != NULL && !entry_string_integer(entry, &value)) {
        reply_error(call, "ERR value is not an integer or out of range");
        return;
    }
    if (__builtin_add_overflow(value, by, &value)) {
        reply_error(call, "ERR increment or decrement would overflow");
        return;
    }
    keyspace_put_integer(call->keyspace, call->access, &key, value);
    call_notify(call, NOTIFY_STRING, "incrby", &key);
    reply_integer(call, value);
}

static void incr(struct call *call)
{
    increment(call, 1);
}

static void decr(struct call *call)
{
    increment(call, -1);
}

static void incrby(struct call *call)
{
    int64_t by;
    if (call_integer(call, 2, &by)) increment(call, by);
}

static void decrby(struct call *call)
{
    int64_t by;
    if (!call_integer(call, 2, &by)) return;
    if (by == INT64_MIN)
        reply_error(call, "ERR decrement would overflow");
    else
        increment(call, -by);
}

static bool float_of(struct call *call, struct bytes text, long double *value)
{
    if (long_double_parse(text, value)) return true;
    reply_error(call, "ERR value is not a valid float");
    return false;
}

static void incrbyfloat(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct scratch scratch;
    long double value = 0, by;
    if (!call_string_for_write(call, &key, &entry)) return;
    if (entry != NULL && !float_of(call, entry_string(entry, &scratch), &value)) return;
    if (!float_of(call, call_arg(call, 2), &by)) return;
    value += by;
    if (isnan(value) || isinf(value)) {
        reply_error(call, "ERR increment would produce NaN or Infinity");
        return;
    }
    char text[LONG_DOUBLE_MAX];
    struct bytes result = bytes_of(text, long_double_print(value, text));
    struct put put = { .keeps_expiry = true, .keeps_text = true };
    keyspace_put_string(call->keyspace, call->access, &key, result, &put);
    call_propagate(call, 4, (struct bytes[]){ BYTES("SET"), key.bytes, result, BYTES("KEEPTTL") });
    call_notify(call, NOTIFY_STRING, "incrbyfloat", &key);
    reply_bytes(call, result);
}

/* --- bytes ------------------------------------------------------------------------------- */

static void append(struct call *call)
{
    struct key key = call_key(call, 1);
    struct bytes more = call_arg(call, 2);
    struct entry *entry;
    if (!call_string_for_write(call, &key, &entry)) return;
    size_t size = entry == NULL ? 0 : entry_string_size(entry);
    if (!string_size_is_allowed(call, (uint64_t)size + more.size)) return;
    size = keyspace_append(call->keyspace, call->access, &key, more);
    call_notify(call, NOTIFY_STRING, "append", &key);
    reply_integer(call, (int64_t)size);
}

static void setrange(struct call *call)
{
    int64_t offset;
    struct key key = call_key(call, 1);
    struct bytes value = call_arg(call, 3);
    struct entry *entry;
    if (!call_integer(call, 2, &offset)) return;
    if (offset < 0) {
        reply_error(call, "ERR offset is out of range");
        return;
    }
    if (!call_string_for_write(call, &key, &entry)) return;
    size_t size = entry == NULL ? 0 : entry_string_size(entry);
    if (value.size == 0) {
        reply_integer(call, (int64_t)size);
        return;
    }
    if (!string_size_is_allowed(call, (uint64_t)offset + value.size)) return;
    size = MAX(size, (size_t)offset + value.size);
    char *text = keyspace_open_string(call->keyspace, call->access, &key, size);
    memcpy(text + offset, value.data, value.size);
    call_notify(call, NOTIFY_STRING, "setrange", &key);
    reply_integer(call, (int64_t)size);
}

/* clang-format off */
const struct command string_edit_commands[] = {
    { .name = "incr", .run = incr, .arity = 2, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
      .group = GROUP_STRING, .args = "key", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Increments the integer value of a key by one. Uses 0 as initial value "
          "if the key doesn't exist." },
    { .name = "decr", .run = decr, .arity = 2, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
      .group = GROUP_STRING, .args = "key", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Decrements the integer value of a key by one. Uses 0 as initial value "
          "if the key doesn't exist." },
    { .name = "incrby", .run = incrby, .arity = 3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
      .group = GROUP_STRING, .args = "key increment:integer", .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Increments the integer value of a key by a number. Uses 0 as initial "
          "value if the key doesn't exist." },
    { .name = "decrby", .run = decrby, .arity = 3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
      .group = GROUP_STRING, .args = "key decrement:integer", .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Decrements the integer value of a key by a number. Uses 0 as initial "
          "value if the key doesn't exist." },
    { .name = "incrbyfloat", .run = incrbyfloat, .arity = 3,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST, .acl = ACL_STRING, .keys = KEY_AT(1),
      .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE, .group = GROUP_STRING,
      .args = "key increment:double", .since = "2.6.0", .complexity = "O(1)",
      .summary = "Increments the floating point value of a key by a number. Uses 0 as "
          "initial value if the key doesn't exist." },
    { .name = "append", .run = append, .arity = 3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT,
      .group = GROUP_STRING, .args = "key value", .since = "2.0.0",
      .complexity = "O(1). The amortized time complexity is O(1) assuming the appended "
          "value is small and the already present value is of any size, since the dynamic "
          "string library used by the server will double the free space available on every "
          "reallocation.",
      .summary = "Appends a string to the value of a key. Creates the key if it doesn't "
          "exist." },
    { .name = "setrange", .run = setrange, .arity = 4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_STRING, .keys = KEY_AT(1), .group = GROUP_STRING,
      .args = "key offset:integer value", .since = "2.2.0",
      .complexity = "O(1), not counting the time taken to copy the new string in place. "
          "Usually, this string is very small so the amortized complexity is O(1). "
          "Otherwise, complexity is O(M) with M being the length of the value argument.",
      .summary = "Overwrites a part of a string value with another by an offset. Creates "
          "the key if it doesn't exist." },
    { 0 },
};
/* clang-format on */
