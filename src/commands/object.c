/* OBJECT: what is known about a value besides itself. */
#include "commands/rows.h"
#include "engine/call.h"

/* The entry, or NULL after the reply for an absent key. */
static struct entry *find_object(struct call *call)
{
    struct key key = call_key(call, 2);
    struct entry *entry = keyspace_peek(call->keyspace, call->access, &key);
    keyspace_count_lookup(call->keyspace, entry != NULL);
    if (entry == NULL) reply_null(call);
    return entry;
}

static void object_encoding(struct call *call)
{
    const struct entry *entry = find_object(call);
    if (entry != NULL) reply_text(call, entry_encoding(entry));
}

static void object_refcount(struct call *call)
{
    if (find_object(call) != NULL) reply_integer(call, 1);
}

static void object_idletime(struct call *call)
{
    const struct entry *entry = find_object(call);
    if (entry == NULL) return;
    if (engine_settings(call->engine)->is_lfu) {
        reply_error(call, "ERR An LFU maxmemory policy is selected, idle time not tracked. Please "
                          "note that when switching between policies at runtime LRU and LFU data "
                          "will take some time to adjust.");
        return;
    }
    reply_integer(call, (int64_t)keyspace_idle_seconds(call->keyspace, entry, call->wall_ms));
}

static void object_freq(struct call *call)
{
    const struct entry *entry = find_object(call);
    if (entry == NULL) return;
    if (!engine_settings(call->engine)->is_lfu) {
        reply_error(call, "ERR An LFU maxmemory policy is not selected, access frequency not "
                          "tracked. Please note that when switching between policies at runtime "
                          "LRU and LFU data will take some time to adjust.");
        return;
    }
    reply_integer(call, keyspace_frequency(call->keyspace, entry, call->wall_ms));
}

static void object_help(struct call *call)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        NULL,
    };
    reply_help(call, lines);
}

/* clang-format off */
static const struct command object_subcommands[] = {
    { .name = "encoding", .run = object_encoding, .arity = 3, .flags = CMD_READ,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(2), .key_flags = KEY_RO, .group = GROUP_GENERIC,
      .args = "key", .since = "2.2.3", .complexity = "O(1)",
      .summary = "Returns the internal encoding of an object.",
      .tips = "nondeterministic_output" },
    { .name = "freq", .run = object_freq, .arity = 3, .flags = CMD_READ, .acl = ACL_KEYSPACE,
      .keys = KEY_AT(2), .key_flags = KEY_RO, .group = GROUP_GENERIC, .args = "key",
      .since = "4.0.0", .complexity = "O(1)",
      .summary = "Returns the logarithmic access frequency counter of an object.",
      .tips = "nondeterministic_output" },
    { .name = "help", .run = object_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_KEYSPACE, .group = GROUP_GENERIC, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "idletime", .run = object_idletime, .arity = 3, .flags = CMD_READ,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(2), .key_flags = KEY_RO, .group = GROUP_GENERIC,
      .args = "key", .since = "2.2.3", .complexity = "O(1)",
      .summary = "Returns the time since the last access to an object.",
      .tips = "nondeterministic_output" },
    { .name = "refcount", .run = object_refcount, .arity = 3, .flags = CMD_READ,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(2), .key_flags = KEY_RO, .group = GROUP_GENERIC,
      .args = "key", .since = "2.2.3", .complexity = "O(1)",
      .summary = "Returns the reference count of a value of a key.",
      .tips = "nondeterministic_output" },
    { 0 },
};

const struct command object_commands[] = {
    { .name = "object", .arity = -2, .group = GROUP_GENERIC, .since = "2.2.3",
      .complexity = "Depends on subcommand.",
      .summary = "A container for object introspection commands.",
      .subcommands = object_subcommands },
    { 0 },
};
/* clang-format on */
