/* DUMP and RESTORE: one value as a payload of bytes, out and in. */
#include "persist/dump.h"
#include "base/memory.h"
#include "base/number.h"
#include "commands/expiry.h"
#include "commands/overwrite.h"
#include "commands/rows.h"

static void dump(struct call *call)
{
    struct key key = call_key(call, 1);
    const struct entry *entry = call_find_untouched(call, &key);
    if (entry == NULL) {
        reply_null(call);
        return;
    }
    struct buffer payload = { 0 };
    bool is_compressed = !engine_settings(call->engine)->dump_is_plain;
    if (dump_write(entry, is_compressed, &payload))
        reply_error(call, "ERR This value cannot be dumped");
    else
        reply_bytes(call, buffer_bytes(&payload));
    buffer_fini(&payload);
}

/* --- RESTORE ----------------------------------------------------------------------------- */

struct restore {
    bool replaces;
    bool is_absolute;
    int64_t ttl_ms;
    int64_t idle_seconds; /* -1: not given */
    int64_t frequency;    /* -1: not given */
    time_ms expiry_ms;
};

/* One option at argument `at`: answers how many arguments it took, 0 after an error. */
static uint32_t take_option(struct call *call, uint32_t at, struct restore *restore)
{
    bool has_value = at + 1 < call->argc;
    if (call_arg_is(call, at, "replace")) {
        restore->replaces = true;
        return 1;
    }
    if (call_arg_is(call, at, "absttl")) {
        restore->is_absolute = true;
        return 1;
    }
    if (call_arg_is(call, at, "idletime") && has_value && restore->frequency < 0) {
        if (!call_integer(call, at + 1, &restore->idle_seconds)) return 0;
        if (restore->idle_seconds >= 0) return 2;
        reply_error(call, "ERR Invalid IDLETIME value, must be >= 0");
        return 0;
    }
    if (call_arg_is(call, at, "freq") && has_value && restore->idle_seconds < 0) {
        if (!call_integer(call, at + 1, &restore->frequency)) return 0;
        if (restore->frequency >= 0 && restore->frequency <= UINT8_MAX) return 2;
        reply_error(call, "ERR Invalid FREQ value, must be >= 0 and <= 255");
        return 0;
    }
    reply_syntax_error(call);
    return 0;
}

static bool restore_parse(struct call *call, struct restore *restore)
{
    *restore = (struct restore){ .idle_seconds = -1, .frequency = -1, .expiry_ms = EXPIRY_NONE };
    for (uint32_t at = 4; at < call->argc;) {
        uint32_t taken = take_option(call, at, restore);
        if (taken == 0) return false;
        at += taken;
    }
    return true;
}

static bool ttl_parse(struct call *call, struct restore *restore)
{
    if (!call_integer(call, 2, &restore->ttl_ms)) return false;
    if (restore->ttl_ms < 0) {
        reply_error(call, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    if (restore->ttl_ms == 0) return true;
    enum expiry_unit unit = restore->is_absolute ? EXPIRY_AT_MS : EXPIRY_MS;
    /* What no clock will ever show counts as past, as it does in Valkey. */
    if (!expiry_add(call, restore->ttl_ms, unit, &restore->expiry_ms)) restore->expiry_ms = 0;
    return true;
}

/* With a time to live the stream carries the absolute one. */
static void propagate_restore(struct call *call, const struct restore *restore)
{
    if (restore->ttl_ms == 0 || restore->is_absolute) return;
    char text[NUMBER_TEXT_MAX];
    struct bytes *argv = memory_alloc((call->argc + 1) * sizeof(*argv));
    memcpy(argv, call->argv, call->argc * sizeof(*argv));
    argv[2] = bytes_of(text, number_print(restore->expiry_ms, text));
    argv[call->argc] = BYTES("ABSTTL");
    call_propagate(call, call->argc + 1, argv);
    memory_free(argv);
}

static void set_clock(struct call *call, const struct key *key, const struct restore *restore)
{
    struct entry *entry = keyspace_peek(call->keyspace, call->access, key);
    if (entry == NULL) return;
    if (restore->idle_seconds >= 0)
        keyspace_set_idle_seconds(call->keyspace, entry, (uint64_t)restore->idle_seconds,
                                  call->wall_ms);
    if (restore->frequency >= 0)
        keyspace_set_frequency(call->keyspace, entry, (uint8_t)restore->frequency, call->wall_ms);
}

/* Its time has come already: nothing is put, and what was replaced is gone. */
static void restore_nothing(struct call *call, const struct key *key)
{
    if (keyspace_delete(call->keyspace, call->access, key)) {
        propagate_removal(call, key->bytes, engine_settings(call->engine)->lazy_expire);
        call_notify(call, NOTIFY_GENERIC, "del", key);
    }
    reply_ok(call);
}

static void restore(struct call *call)
{
    struct restore restore;
    struct key key = call_key(call, 1);
    struct bytes payload = call_arg(call, 3);
    if (!restore_parse(call, &restore)) return;
    if (!restore.replaces && keyspace_find_for_write(call->keyspace, call->access, &key) != NULL) {
        reply_error(call, "BUSYKEY Target key name already exists.");
        return;
    }
    if (!ttl_parse(call, &restore)) return;
    const struct engine_settings *settings = engine_settings(call->engine);
    if (dump_verify(payload, settings->dump_is_relaxed, settings->dump_is_unchecked)) {
        reply_error(call, "ERR DUMP payload version or checksum are wrong");
        return;
    }
    if (restore.expiry_ms != EXPIRY_NONE && expiry_is_past(call, restore.expiry_ms)) {
        restore_nothing(call, &key);
        return;
    }
    struct put put = { .expiry_ms = restore.expiry_ms, .keeps_text = true };
    bool is_over = overwrites_as_new(call, &key);
    enum err err = dump_restore(call->keyspace, call->access, &key, payload, &put);
    if (err == ERR_UNSUPPORTED) {
        reply_error(call, "ERR This kind of value is not supported by this server");
        return;
    }
    if (err) {
        reply_error(call, "ERR Bad data format");
        return;
    }
    set_clock(call, &key, &restore);
    propagate_restore(call, &restore);
    if (is_over) call_notify(call, NOTIFY_NEW, "new", &key);
    call_notify(call, NOTIFY_GENERIC, "restore", &key);
    reply_ok(call);
}

/* clang-format off */
const struct command dump_commands[] = {
    { .name = "dump", .run = dump, .arity = 2, .flags = CMD_READ, .acl = ACL_KEYSPACE,
      .keys = KEY_AT(1), .group = GROUP_GENERIC, .args = "key", .since = "2.6.0",
      .complexity = "O(1) to access the key and additional O(N*M) to serialize it, where "
          "N is the number of objects composing the value and M their average size. For "
          "small string values the time complexity is thus O(1)+O(1*M) where M is small, "
          "so simply O(1).",
      .summary = "Returns a serialized representation of the value stored at a key.",
      .tips = "nondeterministic_output" },
    { .name = "restore", .run = restore, .arity = -4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_DANGEROUS | ACL_KEYSPACE, .keys = KEY_AT(1), .key_flags = KEY_OW | KEY_UPDATE,
      .group = GROUP_GENERIC,
      .args = "key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] "
          "[IDLETIME=seconds:integer@5.0.0] [FREQ=frequency:integer@5.0.0]", .since = "2.6.0",
      .complexity = "O(1) to create the new key and additional O(N*M) to reconstruct the "
          "serialized value, where N is the number of objects composing the value and M "
          "their average size. For small string values the time complexity is thus "
          "O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the "
          "complexity is O(N*M*log(N)) because inserting values into sorted sets is "
          "O(log(N)).", .summary = "Creates a key from the serialized representation of a value.",
      .history = "3.0.0 Added the `REPLACE` modifier.\n5.0.0 Added the `ABSTTL` "
          "modifier.\n5.0.0 Added the `IDLETIME` and `FREQ` options." },
    { .name = "restore-asking", .run = restore, .arity = -4,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_ASKING, .acl = ACL_DANGEROUS | ACL_KEYSPACE,
      .keys = KEY_AT(1), .key_flags = KEY_OW | KEY_UPDATE, .group = GROUP_SERVER,
      .args = "key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] "
          "[IDLETIME=seconds:integer@5.0.0] [FREQ=frequency:integer@5.0.0]", .since = "3.0.0",
      .complexity = "O(1) to create the new key and additional O(N*M) to reconstruct the "
          "serialized value, where N is the number of objects composing the value and M "
          "their average size. For small string values the time complexity is thus "
          "O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the "
          "complexity is O(N*M*log(N)) because inserting values into sorted sets is "
          "O(log(N)).", .summary = "An internal command for migrating keys in a cluster.",
      .history = "3.0.0 Added the `REPLACE` modifier.\n5.0.0 Added the `ABSTTL` "
          "modifier.\n5.0.0 Added the `IDLETIME` and `FREQ` options.", .doc_flags = DOC_SYSTEM },
    { 0 },
};
/* clang-format on */
