/* Keys whatever they hold: DEL, EXISTS, TYPE, RENAME, COPY, MOVE, RANDOMKEY. */
#include "commands/overwrite.h"
#include "commands/rows.h"

static void del(struct call *call)
{
    int64_t count = 0;
    for (uint32_t i = 1; i < call->argc; i++) {
        struct key key = call_key(call, i);
        if (!keyspace_delete(call->keyspace, call->access, &key)) continue;
        call_notify(call, NOTIFY_GENERIC, "del", &key);
        count++;
    }
    reply_integer(call, count);
}

static void exists(struct call *call)
{
    int64_t count = 0;
    for (uint32_t i = 1; i < call->argc; i++) {
        struct key key = call_key(call, i);
        if (call_find_untouched(call, &key) != NULL) count++;
    }
    reply_integer(call, count);
}

static void touch(struct call *call)
{
    int64_t count = 0;
    for (uint32_t i = 1; i < call->argc; i++) {
        struct key key = call_key(call, i);
        if (keyspace_find_for_read(call->keyspace, call->access, &key) != NULL) count++;
    }
    reply_integer(call, count);
}

static void type(struct call *call)
{
    struct key key = call_key(call, 1);
    const struct entry *entry = call_find_untouched(call, &key);
    reply_simple(call, entry == NULL ? "none" : value_type_name(entry_type(entry)));
}

/* --- moving ------------------------------------------------------------------------------ */

static bool source_exists(struct call *call, const struct key *from)
{
    if (keyspace_find_for_write(call->keyspace, call->access, from) != NULL) return true;
    reply_error(call, "ERR no such key");
    return false;
}

static void move_value(struct call *call, const struct key *from, const struct key *to,
                       const char *event_from, const char *event_to)
{
    bool is_over = overwrites_as_new(call, to);
    keyspace_rename(call->keyspace, call->access, from, to);
    if (is_over) call_notify(call, NOTIFY_NEW, "new", to);
    call_notify(call, NOTIFY_GENERIC, event_from, from);
    call_notify(call, NOTIFY_GENERIC, event_to, to);
}

static void rename_command(struct call *call)
{
    struct key from = call_key(call, 1), to = call_key(call, 2);
    if (!source_exists(call, &from)) return;
    if (!bytes_equal(from.bytes, to.bytes))
        move_value(call, &from, &to, "rename_from", "rename_to");
    reply_ok(call);
}

static void renamenx(struct call *call)
{
    struct key from = call_key(call, 1), to = call_key(call, 2);
    if (!source_exists(call, &from)) return;
    if (keyspace_find_for_write(call->keyspace, call->access, &to) != NULL) {
        reply_integer(call, 0); /* also when both are the same */
        return;
    }
    move_value(call, &from, &to, "rename_from", "rename_to");
    reply_integer(call, 1);
}

static bool is_same_place(struct call *call, const struct key *from, const struct key *to)
{
    if (from->db != to->db || !bytes_equal(from->bytes, to->bytes)) return false;
    reply_error(call, "ERR source and destination objects are the same");
    return true;
}

static void copy(struct call *call)
{
    struct key from = call_key(call, 1), to = call_key(call, 2);
    bool replaces = false;
    for (uint32_t i = 3; i < call->argc; i++) {
        if (call_arg_is(call, i, "replace")) {
            replaces = true;
        } else if (call_arg_is(call, i, "db") && i + 1 < call->argc) {
            uint32_t db;
            if (!call_database(call, ++i, &db)) return;
            to = keyspace_key_in(&to, db);
        } else {
            reply_syntax_error(call);
            return;
        }
    }
    if (is_same_place(call, &from, &to)) return;
    bool is_possible =
        keyspace_find_for_read(call->keyspace, call->access, &from) != NULL &&
        (replaces || keyspace_find_for_write(call->keyspace, call->access, &to) == NULL);
    if (is_possible) {
        bool is_over = overwrites_as_new(call, &to);
        keyspace_copy(call->keyspace, call->access, &from, &to);
        if (is_over) call_notify(call, NOTIFY_NEW, "new", &to);
        call_notify(call, NOTIFY_GENERIC, "copy_to", &to);
    }
    reply_integer(call, is_possible);
}

static void move(struct call *call)
{
    struct key from = call_key(call, 1);
    uint32_t db;
    if (!call_database(call, 2, &db)) return;
    struct key to = keyspace_key_in(&from, db);
    if (is_same_place(call, &from, &to)) return;
    bool is_possible = keyspace_find_for_write(call->keyspace, call->access, &from) != NULL &&
                       keyspace_find_for_write(call->keyspace, call->access, &to) == NULL;
    if (is_possible) move_value(call, &from, &to, "move_from", "move_to");
    reply_integer(call, is_possible);
}

static void randomkey(struct call *call)
{
    const struct entry *entry =
        keyspace_random(call->keyspace, call->access, (uint32_t)call->session->db);
    if (entry == NULL)
        reply_null(call);
    else
        reply_bytes(call, entry_key(entry));
}

/* clang-format off */
const struct command key_commands[] = {
    { .name = "del", .run = del, .arity = -2, .flags = CMD_WRITE, .acl = ACL_KEYSPACE,
      .keys = KEY_RANGE(1, -1, 1), .key_flags = KEY_RM | KEY_DELETE, .group = GROUP_GENERIC,
      .args = "key...", .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys that will be removed. When a key "
          "to remove holds a value other than a string, the individual complexity for this "
          "key is O(M) where M is the number of elements in the list, set, sorted set or "
          "hash. Removing a single key that holds a string value is O(1).",
      .summary = "Deletes one or more keys.",
      .tips = "request_policy:multi_shard response_policy:agg_sum" },
    { .name = "unlink", .run = del, .arity = -2, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_RANGE(1, -1, 1), .key_flags = KEY_RM | KEY_DELETE,
      .group = GROUP_GENERIC, .args = "key...", .since = "4.0.0",
      .complexity = "O(1) for each key removed regardless of its size. Then the command "
          "does O(N) work in a different thread in order to reclaim memory, where N is the "
          "number of allocations the deleted objects where composed of.",
      .summary = "Asynchronously deletes one or more keys.",
      .tips = "request_policy:multi_shard response_policy:agg_sum" },
    { .name = "exists", .run = exists, .arity = -2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_RANGE(1, -1, 1), .key_flags = KEY_RO,
      .group = GROUP_GENERIC, .args = "key...", .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys to check.",
      .summary = "Determines whether one or more keys exist.",
      .tips = "request_policy:multi_shard response_policy:agg_sum",
      .history = "3.0.3 Accepts multiple `key` arguments." },
    { .name = "touch", .run = touch, .arity = -2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_RANGE(1, -1, 1), .key_flags = KEY_RO,
      .group = GROUP_GENERIC, .args = "key...", .since = "3.2.1",
      .complexity = "O(N) where N is the number of keys that will be touched.",
      .summary = "Returns the number of existing keys out of those specified after "
          "updating the time they were last accessed.",
      .tips = "request_policy:multi_shard response_policy:agg_sum" },
    { .name = "type", .run = type, .arity = 2, .flags = CMD_READ | CMD_FAST, .acl = ACL_KEYSPACE,
      .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_GENERIC, .args = "key",
      .since = "1.0.0", .complexity = "O(1)",
      .summary = "Determines the type of value stored at a key." },
    { .name = "rename", .run = rename_command, .arity = 3, .flags = CMD_WRITE, .acl = ACL_KEYSPACE,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_DELETE),
                        SPEC_AT(2, .flags = KEY_OW | KEY_UPDATE)), .group = GROUP_GENERIC,
      .args = "key newkey:key#1", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Renames a key and overwrites the destination." },
    { .name = "renamenx", .run = renamenx, .arity = 3, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_KEYSPACE,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_DELETE),
                        SPEC_AT(2, .flags = KEY_OW | KEY_INSERT)), .group = GROUP_GENERIC,
      .args = "key newkey:key#1", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Renames a key only when the target key name doesn't exist.",
      .history = "3.2.0 The command no longer returns an error when source and "
          "destination names are the same." },
    { .name = "copy", .run = copy, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_KEYSPACE,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RO | KEY_ACCESS),
                        SPEC_AT(2, .flags = KEY_OW | KEY_UPDATE)), .group = GROUP_GENERIC,
      .args = "source:key destination:key#1 [DB=destination-db:integer] [REPLACE]",
      .since = "6.2.0",
      .complexity = "O(N) worst case for collections, where N is the number of nested "
          "items. O(1) for string values.", .summary = "Copies the value of a key to a new key." },
    { .name = "move", .run = move, .arity = 3, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_KEYSPACE,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE, .group = GROUP_GENERIC,
      .args = "key db:integer", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Moves a key to another database." },
    { .name = "randomkey", .run = randomkey, .arity = 1, .flags = CMD_READ, .acl = ACL_KEYSPACE,
      .group = GROUP_GENERIC, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Returns a random key name from the database.",
      .tips = "request_policy:all_shards response_policy:special nondeterministic_output" },
    { 0 },
};
/* clang-format on */
