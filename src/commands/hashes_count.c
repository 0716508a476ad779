/* Numbers in the fields of a hash: HINCRBY and HINCRBYFLOAT. */
#include "base/number.h"
#include "commands/hashes.h"
#include "commands/long_double.h"
#include "commands/rows.h"
#include <math.h>

/* The sum takes the field's place and keeps its time, which a plain HSET at the other end would
 * take away. */
static void put_sum(struct call *call, struct hash_edit *edit, struct bytes sum, time_ms expiry_ms,
                    bool is_told_as_sum)
{
    struct bytes field = call_arg(call, 2);
    char time[NUMBER_TEXT_MAX];
    bool has_times = hash_edit_has_times(edit);
    hash_edit_open(edit);
    enum hash_put_result result =
        hash_put(&edit->hash, edit->rules, field, sum, edit->now_ms, HASH_EXPIRY_KEEPS);
    hash_edit_told(call, edit);
    if (expiry_ms != HASH_EXPIRY_NONE)
        call_propagate(call, 8,
                       (struct bytes[]){ BYTES("HSETEX"), edit->key.bytes, BYTES("PXAT"),
                                         bytes_of(time, number_print(expiry_ms, time)),
                                         BYTES("FIELDS"), BYTES("1"), field, sum });
    else if (is_told_as_sum || has_times) /* what has ended here may not have ended there */
        call_propagate(call, 4, (struct bytes[]){ BYTES("HSET"), edit->key.bytes, field, sum });
    if (result == HASH_REVIVED) call_notify(call, NOTIFY_HASH, "hexpired", &edit->key);
}

static void hincrby(struct call *call)
{
    struct hash_edit edit;
    struct hash_item item = { .expiry_ms = HASH_EXPIRY_NONE };
    int64_t value = 0, by;
    char text[NUMBER_TEXT_MAX];
    if (!call_integer(call, 3, &by)) return;
    if (!hash_edit_begin(call, &edit)) return;
    if (edit.hash != NULL && hash_find(edit.hash, call_arg(call, 2), edit.now_ms, &item) &&
        !number_parse(item.value, &value)) {
        reply_error(call, "ERR hash value is not an integer");
        return;
    }
    if (__builtin_add_overflow(value, by, &value)) {
        reply_error(call, "ERR increment or decrement would overflow");
        return;
    }
    put_sum(call, &edit, bytes_of(text, number_print(value, text)), item.expiry_ms, false);
    call_notify(call, NOTIFY_HASH, "hincrby", &edit.key);
    reply_integer(call, value);
}

static void hincrbyfloat(struct call *call)
{
    struct hash_edit edit;
    struct hash_item item = { .expiry_ms = HASH_EXPIRY_NONE };
    long double value = 0, by;
    char text[LONG_DOUBLE_MAX];
    if (!long_double_parse(call_arg(call, 3), &by)) {
        reply_error(call, "ERR value is not a valid float");
        return;
    }
    if (isnan(by) || isinf(by)) {
        reply_error(call, "ERR value is NaN or Infinity");
        return;
    }
    if (!hash_edit_begin(call, &edit)) return;
    if (edit.hash != NULL && hash_find(edit.hash, call_arg(call, 2), edit.now_ms, &item) &&
        !long_double_parse(item.value, &value)) {
        reply_error(call, "ERR hash value is not a float");
        return;
    }
    value += by;
    if (isnan(value) || isinf(value)) {
        reply_error(call, "ERR increment would produce NaN or Infinity");
        return;
    }
    struct bytes sum = bytes_of(text, long_double_print(value, text));
    put_sum(call, &edit, sum, item.expiry_ms, true);
    call_notify(call, NOTIFY_HASH, "hincrbyfloat", &edit.key);
    reply_bytes(call, sum);
}

/* clang-format off */
const struct command hash_count_commands[] = {
    { .name = "hincrby", .run = hincrby, .arity = 4, .member = 2,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
      .group = GROUP_HASH, .args = "key field increment:integer", .since = "2.0.0",
      .complexity = "O(1)",
      .summary = "Increments the integer value of a field in a hash by a number. Uses 0 "
          "as initial value if the field doesn't exist." },
    { .name = "hincrbyfloat", .run = hincrbyfloat, .arity = 4, .member = 2,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST, .acl = ACL_HASH, .keys = KEY_AT(1),
      .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE, .group = GROUP_HASH,
      .args = "key field increment:double", .since = "2.6.0", .complexity = "O(1)",
      .summary = "Increments the floating point value of a field by a number. Uses 0 as "
          "initial value if the field doesn't exist." },
    { 0 },
};
/* clang-format on */
