/* Hashes: setting, getting and removing fields. */
#include "commands/hashes.h"
#include "commands/rows.h"

/* --- setting ----------------------------------------------------------------------------- */

/* Publishes what was done to an expired field, and to the others. */
static void notify_set(struct call *call, const struct hash_edit *edit, bool has_revived)
{
    if (has_revived) call_notify(call, NOTIFY_HASH, "hexpired", &edit->key);
    call_notify(call, NOTIFY_HASH, "hset", &edit->key);
}

/* Returns how many are new; -1 when an error was answered. */
static int64_t set_pairs(struct call *call)
{
    struct hash_edit edit;
    int64_t added = 0;
    bool has_revived = false;
    if (call->argc % 2 != 0) {
        reply_wrong_arity(call);
        return -1;
    }
    if (!hash_edit_begin(call, &edit)) return -1;
    hash_edit_open(&edit);
    hash_expect(&edit.hash, edit.rules, (call->argc - 2) / 2);
    for (uint32_t i = 2; i < call->argc; i += 2) {
        enum hash_put_result result =
            hash_put(&edit.hash, edit.rules, call_arg(call, i), call_arg(call, i + 1), edit.now_ms,
                     HASH_EXPIRY_NONE);
        added += result != HASH_REPLACED;
        has_revived |= result == HASH_REVIVED;
    }
    hash_edit_told(call, &edit);
    call_changed_many(call, (call->argc - 2) / 2);
    notify_set(call, &edit, has_revived);
    return added;
}

static void hset(struct call *call)
{
    int64_t added = set_pairs(call);
    if (added >= 0) reply_integer(call, added);
}

static void hmset(struct call *call)
{
    if (set_pairs(call) >= 0) reply_ok(call);
}

static void hsetnx(struct call *call)
{
    struct hash_edit edit;
    struct hash_item item;
    struct bytes field = call_arg(call, 2);
    if (!hash_edit_begin(call, &edit)) return;
    if (edit.hash != NULL && hash_find(edit.hash, field, edit.now_ms, &item)) {
        reply_integer(call, 0);
        return;
    }
    bool has_times = hash_edit_has_times(&edit);
    hash_edit_open(&edit);
    enum hash_put_result result =
        hash_put(&edit.hash, edit.rules, field, call_arg(call, 3), edit.now_ms, HASH_EXPIRY_NONE);
    hash_edit_told(call, &edit);
    if (has_times) /* a replica may still see it there */
        call_propagate(call, 4,
                       (struct bytes[]){ BYTES("HSET"), edit.key.bytes, field, call_arg(call, 3) });
    notify_set(call, &edit, result == HASH_REVIVED);
    reply_integer(call, 1);
}

/* --- getting ----------------------------------------------------------------------------- */

static void reply_field(struct call *call, const struct hash *hash, struct bytes field)
{
    struct hash_item item;
    if (hash != NULL && hash_find(hash, field, hash_now(call), &item))
        reply_hash_value(call, &item);
    else
        reply_null(call);
}

static void hget(struct call *call)
{
    const struct hash *hash;
    if (call_hash_for_read(call, 1, &hash)) reply_field(call, hash, call_arg(call, 2));
}

static void hmget(struct call *call)
{
    const struct hash *hash;
    if (!call_hash_for_read(call, 1, &hash)) return;
    reply_array(call, call->argc - 2);
    for (uint32_t i = 2; i < call->argc; i++) reply_field(call, hash, call_arg(call, i));
}

enum parts { FIELDS = 1, VALUES = 2 };

static void reply_all(struct call *call, unsigned parts)
{
    const struct hash *hash;
    struct hash_walk walk = { 0 };
    struct hash_item item;
    time_ms now_ms = hash_now(call);
    if (!call_hash_for_read(call, 1, &hash)) return;
    size_t count = hash == NULL ? 0 : hash_live_count(hash, now_ms);
    if (parts == (FIELDS | VALUES))
        reply_map(call, count);
    else
        reply_array(call, count);
    if (hash == NULL) return;
    while (hash_walk_next(hash, &walk, now_ms, &item)) {
        if (parts & FIELDS) reply_bytes(call, item.field);
        if (parts & VALUES) reply_hash_value(call, &item);
    }
}

static void hgetall(struct call *call)
{
    reply_all(call, FIELDS | VALUES);
}

static void hkeys(struct call *call)
{
    reply_all(call, FIELDS);
}

static void hvals(struct call *call)
{
    reply_all(call, VALUES);
}

/* Fields that have ended count until they are deleted. */
static void hlen(struct call *call)
{
    const struct hash *hash;
    if (!call_hash_for_read(call, 1, &hash)) return;
    reply_integer(call, hash == NULL ? 0 : (int64_t)hash_count(hash));
}

static void hstrlen(struct call *call)
{
    const struct hash *hash;
    struct hash_item item;
    if (!call_hash_for_read(call, 1, &hash)) return;
    bool is_there = hash != NULL && hash_find(hash, call_arg(call, 2), hash_now(call), &item);
    reply_integer(call, is_there ? (int64_t)item.value.size : 0);
}

static void hexists(struct call *call)
{
    const struct hash *hash;
    struct hash_item item;
    if (!call_hash_for_read(call, 1, &hash)) return;
    reply_integer(call, hash != NULL && hash_find(hash, call_arg(call, 2), hash_now(call), &item));
}

/* --- removing ---------------------------------------------------------------------------- */

static void hdel(struct call *call)
{
    struct hash_edit edit;
    int64_t removed = 0;
    if (!hash_edit_begin(call, &edit)) return;
    if (edit.hash != NULL)
        for (uint32_t i = 2; i < call->argc; i++)
            removed += hash_remove(&edit.hash, call_arg(call, i), edit.now_ms);
    if (removed > 0) {
        hash_edit_told(call, &edit);
        call_notify(call, NOTIFY_HASH, "hdel", &edit.key);
        hash_edit_end(call, &edit);
    }
    reply_integer(call, removed);
}

/* clang-format off */
const struct command hash_commands[] = {
    { .name = "hset", .run = hset, .arity = -4, .member = 2,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .group = GROUP_HASH, .args = "key data{field value}...",
      .since = "2.0.0",
      .complexity = "O(1) for each field/value pair added, so O(N) to add N field/value "
          "pairs when the command is called with multiple field/value pairs.",
      .summary = "Creates or modifies the value of a field in a hash.",
      .history = "4.0.0 Accepts multiple `field` and `value` arguments." },
    { .name = "hmset", .run = hmset, .arity = -4, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .group = GROUP_HASH, .args = "key data{field value}...",
      .since = "2.0.0", .complexity = "O(N) where N is the number of fields being set.",
      .summary = "Sets the values of multiple fields." },
    { .name = "hsetnx", .run = hsetnx, .arity = 4, .member = 2,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT, .group = GROUP_HASH,
      .args = "key field value", .since = "2.0.0", .complexity = "O(1)",
      .summary = "Sets the value of a field in a hash only when the field doesn't exist." },
    { .name = "hget", .run = hget, .arity = 3, .member = 2,
      .flags = CMD_READ | CMD_FAST, .acl = ACL_HASH,
      .keys = KEY_AT(1), .group = GROUP_HASH, .args = "key field", .since = "2.0.0",
      .complexity = "O(1)", .summary = "Returns the value of a field in a hash." },
    { .name = "hmget", .run = hmget, .arity = -3, .flags = CMD_READ | CMD_FAST, .acl = ACL_HASH,
      .keys = KEY_AT(1), .group = GROUP_HASH, .args = "key field...", .since = "2.0.0",
      .complexity = "O(N) where N is the number of fields being requested.",
      .summary = "Returns the values of all fields in a hash." },
    { .name = "hgetall", .run = hgetall, .arity = 2, .flags = CMD_READ, .acl = ACL_HASH,
      .keys = KEY_AT(1), .group = GROUP_HASH, .args = "key", .since = "2.0.0",
      .complexity = "O(N) where N is the size of the hash.",
      .summary = "Returns all fields and values in a hash.",
      .tips = "nondeterministic_output_order" },
    { .name = "hkeys", .run = hkeys, .arity = 2, .flags = CMD_READ, .acl = ACL_HASH,
      .keys = KEY_AT(1), .group = GROUP_HASH, .args = "key", .since = "2.0.0",
      .complexity = "O(N) where N is the size of the hash.",
      .summary = "Returns all fields in a hash.", .tips = "nondeterministic_output_order" },
    { .name = "hvals", .run = hvals, .arity = 2, .flags = CMD_READ, .acl = ACL_HASH,
      .keys = KEY_AT(1), .group = GROUP_HASH, .args = "key", .since = "2.0.0",
      .complexity = "O(N) where N is the size of the hash.",
      .summary = "Returns all values in a hash.", .tips = "nondeterministic_output_order" },
    { .name = "hlen", .run = hlen, .arity = 2, .flags = CMD_READ | CMD_FAST, .acl = ACL_HASH,
      .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_HASH, .args = "key", .since = "2.0.0",
      .complexity = "O(1)", .summary = "Returns the number of fields in a hash." },
    { .name = "hstrlen", .run = hstrlen, .arity = 3, .member = 2,
      .flags = CMD_READ | CMD_FAST, .acl = ACL_HASH,
      .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_HASH, .args = "key field",
      .since = "3.2.0", .complexity = "O(1)",
      .summary = "Returns the length of the value of a field." },
    { .name = "hexists", .run = hexists, .arity = 3, .member = 2,
      .flags = CMD_READ | CMD_FAST, .acl = ACL_HASH,
      .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_HASH, .args = "key field",
      .since = "2.0.0", .complexity = "O(1)",
      .summary = "Determines whether a field exists in a hash." },
    { .name = "hdel", .run = hdel, .arity = -3, .member = 2,
      .flags = CMD_WRITE | CMD_FAST, .acl = ACL_HASH,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE, .group = GROUP_HASH,
      .args = "key field...", .since = "2.0.0",
      .complexity = "O(N) where N is the number of fields to be removed.",
      .summary = "Deletes one or more fields and their values from a hash. Deletes the "
          "hash if no fields remain.", .history = "2.4.0 Accepts multiple `field` arguments." },
    { 0 },
};
/* clang-format on */
