/* Strings as wholes: GET, SET and their relatives. */
#include "base/memory.h"
#include "base/number.h"
#include "commands/expiry.h"
#include "commands/rows.h"

/* --- reading ----------------------------------------------------------------------------- */

static void get(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_string_for_read(call, &key, &entry)) return;
    if (entry == NULL)
        reply_null(call);
    else
        reply_string(call, entry);
}

static void mget(struct call *call)
{
    reply_array(call, call->argc - 1);
    for (uint32_t i = 1; i < call->argc; i++) {
        struct key key = call_key(call, i);
        struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &key);
        if (entry == NULL || entry_type(entry) != VALUE_STRING)
            reply_null(call);
        else
            reply_string(call, entry);
    }
}

static void strlen_command(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_string_for_read(call, &key, &entry)) return;
    reply_integer(call, entry == NULL ? 0 : (int64_t)entry_string_size(entry));
}

static void getrange(struct call *call)
{
    int64_t start, end;
    if (!call_integer(call, 2, &start) || !call_integer(call, 3, &end)) return;
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_string_for_read(call, &key, &entry)) return;
    if (entry == NULL) {
        reply_bytes(call, BYTES_EMPTY);
        return;
    }
    struct scratch scratch;
    struct bytes part = string_range(entry_string(entry, &scratch), start, end);
    if (part.size < STRING_SHARE_MIN)
        reply_bytes(call, part);
    else
        resp_bulk_shared(call->writer, entry_string_shared(entry), part);
}

/* --- SET --------------------------------------------------------------------------------- */

struct set_options {
    bool if_absent, if_present, if_equal;
    struct bytes comparison;
    bool wants_old;
    bool keeps_expiry;
    time_ms expiry_ms; /* EXPIRY_NONE: none was given */
    uint32_t get_index;
    uint32_t expiry_index; /* the number's argument; 0: none */
    enum expiry_unit unit;
    bool persists; /* GETEX */
};

/* One of NX, XX, IFEQ; answers the arguments it took, 0: it is something else, or too much. */
static uint32_t take_condition(struct call *call, uint32_t at, struct set_options *options)
{
    bool is_nx = call_arg_is(call, at, "nx"), is_xx = call_arg_is(call, at, "xx");
    if (is_nx && !options->if_present && !options->if_equal) {
        options->if_absent = true;
        return 1;
    }
    if (is_xx && !options->if_absent && !options->if_equal) {
        options->if_present = true;
        return 1;
    }
    if (call_arg_is(call, at, "ifeq") && at + 1 < call->argc && !options->if_absent &&
        !options->if_present && !options->if_equal) {
        options->if_equal = true;
        options->comparison = call_arg(call, at + 1);
        return 2;
    }
    return 0;
}

/* One of KEEPTTL, PERSIST, EX, PX, EXAT, PXAT; the same answers. */
static uint32_t take_expiry(struct call *call, uint32_t at, struct set_options *options)
{
    bool has_one = options->keeps_expiry || options->persists || options->expiry_index > 0;
    if (call_arg_is(call, at, "keepttl") && options->expiry_index == 0) {
        options->keeps_expiry = true;
        return 1;
    }
    if (call_arg_is(call, at, "persist") && options->expiry_index == 0) {
        options->persists = true;
        return 1;
    }
    int unit = expiry_unit_parse(call_arg(call, at));
    if (unit < 0 || has_one || at + 1 >= call->argc) return 0;
    options->unit = (enum expiry_unit)unit;
    options->expiry_index = at + 1;
    return 2;
}

static bool set_parse(struct call *call, struct set_options *options)
{
    *options = (struct set_options){ .expiry_ms = EXPIRY_NONE };
    for (uint32_t at = 3; at < call->argc;) {
        uint32_t taken = take_condition(call, at, options);
        if (taken == 0) taken = take_expiry(call, at, options);
        if (taken == 0 && call_arg_is(call, at, "get")) {
            options->wants_old = true;
            taken = 1;
        }
        if (taken == 0 || options->persists) {
            reply_syntax_error(call);
            return false;
        }
        at += taken;
    }
    if (options->expiry_index == 0) return true;
    return expiry_parse(call, options->expiry_index, options->unit, &options->expiry_ms);
}

static bool set_is_wanted(const struct set_options *options, const struct entry *entry)
{
    if (options->if_absent) return entry == NULL;
    if (options->if_present) return entry != NULL;
    if (!options->if_equal) return true;
    struct scratch scratch;
    return entry != NULL && bytes_equal(entry_string(entry, &scratch), options->comparison);
}

static void propagate_set_at(struct call *call, struct bytes key, struct bytes value,
                             time_ms expiry_ms)
{
    char text[NUMBER_TEXT_MAX];
    struct bytes at = bytes_of(text, number_print(expiry_ms, text));
    call_propagate(call, 5, (struct bytes[]){ BYTES("SET"), key, value, BYTES("PXAT"), at });
}

/* As it was sent, without GET. */
static void propagate_without_get(struct call *call)
{
    struct bytes *argv = memory_alloc(call->argc * sizeof(*argv));
    uint32_t argc = 0;
    for (uint32_t i = 0; i < call->argc; i++) {
        bool is_comparison = i > 3 && call_arg_is(call, i - 1, "ifeq");
        if (i < 3 || is_comparison || !call_arg_is(call, i, "get"))
            argv[argc++] = call_arg(call, i);
    }
    call_propagate(call, argc, argv);
    memory_free(argv);
}

static void notify_set(struct call *call, const struct key *key, bool has_expiry)
{
    call_notify(call, NOTIFY_STRING, "set", key);
    if (has_expiry) call_notify(call, NOTIFY_GENERIC, "expire", key);
}

/* Writes the value; a time that has passed removes the key instead. */
static void set_value(struct call *call, const struct key *key, struct bytes value,
                      const struct set_options *options)
{
    if (options->expiry_index > 0 && expiry_is_past(call, options->expiry_ms)) {
        delete_as_expired(call, key);
        return;
    }
    struct put put = { .expiry_ms = options->expiry_ms,
                       .keeps_expiry = options->keeps_expiry,
                       .source = call->source };
    keyspace_put_string(call->keyspace, call->access, key, value, &put);
    if (options->expiry_index > 0)
        propagate_set_at(call, key->bytes, value, options->expiry_ms);
    else if (options->wants_old)
        propagate_without_get(call);
    notify_set(call, key, options->expiry_index > 0);
}

static void set(struct call *call)
{
    struct set_options options;
    struct key key = call_key(call, 1);
    if (call->argc == 3) {
        struct put put = { .source = call->source };
        keyspace_put_string(call->keyspace, call->access, &key, call_arg(call, 2), &put);
        call_notify(call, NOTIFY_STRING, "set", &key);
        reply_ok(call);
        return;
    }
    if (!set_parse(call, &options)) return;
    struct entry *entry = NULL;
    if (options.wants_old) { /* which also reads it */
        if (!call_string_for_read(call, &key, &entry)) return;
    } else if (options.if_equal) {
        if (!call_string_for_write(call, &key, &entry)) return;
    } else if (options.if_absent || options.if_present) {
        entry = keyspace_find_for_write(call->keyspace, call->access, &key);
    }
    bool is_wanted = set_is_wanted(&options, entry);
    if (options.wants_old) {
        if (entry == NULL)
            reply_null(call);
        else
            reply_string(call, entry);
    } else if (!is_wanted) {
        reply_null(call);
    } else {
        reply_ok(call);
    }
    if (is_wanted) set_value(call, &key, call_arg(call, 2), &options);
}

static bool set_find_keys(const struct bytes *argv, uint32_t argc, struct key_places *places)
{
    uint32_t flags = KEY_OW | KEY_UPDATE;
    for (uint32_t i = 3; i < argc; i++)
        if (bytes_is_word(argv[i], "get")) flags = KEY_RW | KEY_ACCESS | KEY_UPDATE;
    key_places_add(places, 1, flags);
    return true;
}

static void setnx(struct call *call)
{
    struct key key = call_key(call, 1);
    if (keyspace_find_for_write(call->keyspace, call->access, &key) != NULL) {
        reply_integer(call, 0);
        return;
    }
    keyspace_put_string(call->keyspace, call->access, &key, call_arg(call, 2), PUT_PLAIN);
    call_notify(call, NOTIFY_STRING, "set", &key);
    reply_integer(call, 1);
}

static void setex_as(struct call *call, enum expiry_unit unit)
{
    struct set_options options = { .expiry_index = 2 };
    if (!expiry_parse(call, 2, unit, &options.expiry_ms)) return;
    struct key key = call_key(call, 1);
    set_value(call, &key, call_arg(call, 3), &options);
    reply_ok(call);
}

static void setex(struct call *call)
{
    setex_as(call, EXPIRY_SECONDS);
}

static void psetex(struct call *call)
{
    setex_as(call, EXPIRY_MS);
}

static void getset(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_string_for_read(call, &key, &entry)) return;
    if (entry == NULL)
        reply_null(call);
    else
        reply_string(call, entry);
    keyspace_put_string(call->keyspace, call->access, &key, call_arg(call, 2), PUT_PLAIN);
    call_notify(call, NOTIFY_STRING, "set", &key);
    call_propagate(call, 3, (struct bytes[]){ BYTES("SET"), key.bytes, call_arg(call, 2) });
}

/* --- several keys ------------------------------------------------------------------------ */

static bool any_exists(struct call *call, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i += 2) {
        struct key key = call_key(call, i);
        if (keyspace_find_for_write(call->keyspace, call->access, &key) != NULL) return true;
    }
    return false;
}

static void put_pairs(struct call *call, uint32_t first, uint32_t end, const struct put *put)
{
    for (uint32_t i = first; i < end; i += 2) {
        struct key key = call_key(call, i);
        keyspace_put_string(call->keyspace, call->access, &key, call_arg(call, i + 1), put);
        notify_set(call, &key, put->expiry_ms != 0 && put->expiry_ms != EXPIRY_NONE);
    }
}

static void mset(struct call *call)
{
    if (call->argc % 2 == 0) {
        reply_wrong_arity(call);
        return;
    }
    put_pairs(call, 1, call->argc, PUT_PLAIN);
    reply_ok(call);
}

static void msetnx(struct call *call)
{
    if (call->argc % 2 == 0) {
        reply_wrong_arity(call);
        return;
    }
    bool is_wanted = !any_exists(call, 1, call->argc);
    if (is_wanted) put_pairs(call, 1, call->argc, PUT_PLAIN);
    reply_integer(call, is_wanted);
}

static bool all_exist(struct call *call, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i += 2) {
        struct key key = call_key(call, i);
        if (keyspace_find_for_write(call->keyspace, call->access, &key) == NULL) return false;
    }
    return true;
}

/* As it was sent, with the time as an absolute one. */
static void propagate_msetex(struct call *call, const struct set_options *options)
{
    char text[NUMBER_TEXT_MAX];
    struct bytes *argv = memory_alloc(call->argc * sizeof(*argv));
    memcpy(argv, call->argv, call->argc * sizeof(*argv));
    argv[options->expiry_index - 1] = BYTES("PXAT");
    argv[options->expiry_index] = bytes_of(text, number_print(options->expiry_ms, text));
    call_propagate(call, call->argc, argv);
    memory_free(argv);
}

/* The pairs end where the options begin. */
static bool msetex_parse(struct call *call, uint32_t *end, struct set_options *options)
{
    int64_t count;
    *options = (struct set_options){ .expiry_ms = EXPIRY_NONE };
    if (!number_parse(call_arg(call, 1), &count) || count < 1 || count > INT32_MAX) {
        reply_error(call, "ERR invalid numkeys value or out of range");
        return false;
    }
    if (count > (int64_t)(call->argc - 2) / 2) {
        reply_syntax_error(call);
        return false;
    }
    *end = 2 + (uint32_t)count * 2;
    for (uint32_t at = *end; at < call->argc;) {
        uint32_t taken = take_condition(call, at, options);
        if (taken == 0) taken = take_expiry(call, at, options);
        if (taken == 0 || options->if_equal || options->persists) {
            reply_syntax_error(call);
            return false;
        }
        at += taken;
    }
    if (options->expiry_index == 0) return true;
    return expiry_parse(call, options->expiry_index, options->unit, &options->expiry_ms);
}

static void msetex(struct call *call)
{
    struct set_options options;
    uint32_t end;
    if (!msetex_parse(call, &end, &options)) return;
    if ((options.if_absent && any_exists(call, 2, end)) ||
        (options.if_present && !all_exist(call, 2, end))) {
        reply_integer(call, 0);
        return;
    }
    struct put put = { .expiry_ms = options.expiry_ms, .keeps_expiry = options.keeps_expiry };
    put_pairs(call, 2, end, &put);
    if (options.expiry_index > 0) propagate_msetex(call, &options);
    reply_integer(call, 1);
}

/* --- reading and changing ---------------------------------------------------------------- */

static void getdel(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_string_for_read(call, &key, &entry)) return;
    if (entry == NULL) {
        reply_null(call);
        return;
    }
    reply_string(call, entry);
    keyspace_delete(call->keyspace, call->access, &key);
    propagate_removal(call, key.bytes, false);
    call_notify(call, NOTIFY_GENERIC, "del", &key);
}

static void delifeq(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct scratch scratch;
    if (!call_string_for_write(call, &key, &entry)) return;
    if (entry == NULL || !bytes_equal(entry_string(entry, &scratch), call_arg(call, 2))) {
        reply_integer(call, 0);
        return;
    }
    keyspace_delete(call->keyspace, call->access, &key);
    propagate_removal(call, key.bytes, false);
    call_notify(call, NOTIFY_GENERIC, "del", &key);
    reply_integer(call, 1);
}

static bool getex_parse(struct call *call, struct set_options *options)
{
    *options = (struct set_options){ .expiry_ms = EXPIRY_NONE };
    for (uint32_t at = 2; at < call->argc;) {
        uint32_t taken = take_expiry(call, at, options);
        if (taken == 0 || options->keeps_expiry) {
            reply_syntax_error(call);
            return false;
        }
        at += taken;
    }
    if (options->expiry_index == 0) return true;
    return expiry_parse(call, options->expiry_index, options->unit, &options->expiry_ms);
}

static void getex(struct call *call)
{
    struct set_options options;
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!getex_parse(call, &options)) return;
    if (!call_string_for_read(call, &key, &entry)) return;
    if (entry == NULL) {
        reply_null(call);
        return;
    }
    reply_string(call, entry);
    if (options.expiry_index > 0 && expiry_is_past(call, options.expiry_ms)) {
        delete_as_expired(call, &key);
    } else if (options.expiry_index > 0) {
        keyspace_set_expiry(call->keyspace, call->access, &key, options.expiry_ms);
        propagate_expiry(call, key.bytes, options.expiry_ms);
        call_notify(call, NOTIFY_GENERIC, "expire", &key);
    } else if (options.persists && entry_expiry_ms(entry) != EXPIRY_NONE) {
        keyspace_set_expiry(call->keyspace, call->access, &key, EXPIRY_NONE);
        call_propagate(call, 2, (struct bytes[]){ BYTES("PERSIST"), key.bytes });
        call_notify(call, NOTIFY_GENERIC, "persist", &key);
    }
}

/* clang-format off */
const struct command string_commands[] = {
    { .name = "get", .run = get, .arity = 2, .flags = CMD_READ | CMD_FAST, .acl = ACL_STRING,
      .keys = KEY_AT(1), .group = GROUP_STRING, .args = "key", .since = "1.0.0",
      .complexity = "O(1)", .summary = "Returns the string value of a key." },
    { .name = "mget", .run = mget, .arity = -2, .flags = CMD_READ | CMD_FAST, .acl = ACL_STRING,
      .keys = KEY_RANGE(1, -1, 1), .group = GROUP_STRING, .args = "key...", .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys to retrieve.",
      .summary = "Atomically returns the string values of one or more keys.",
      .tips = "request_policy:multi_shard" },
    { .name = "strlen", .run = strlen_command, .arity = 2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_STRING,
      .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_STRING, .args = "key",
      .since = "2.2.0", .complexity = "O(1)", .summary = "Returns the length of a string value." },
    { .name = "getrange", .run = getrange, .arity = 4, .flags = CMD_READ, .acl = ACL_STRING,
      .keys = KEY_AT(1), .group = GROUP_STRING, .args = "key start:integer end:integer",
      .since = "2.4.0",
      .complexity = "O(N) where N is the length of the returned string. The complexity is "
          "ultimately determined by the returned length, but because creating a substring "
          "from an existing string is very cheap, it can be considered O(1) for small "
          "strings.", .summary = "Returns a substring of the string stored at a key." },
    { .name = "substr", .run = getrange, .arity = 4, .flags = CMD_READ, .acl = ACL_STRING,
      .keys = KEY_AT(1), .group = GROUP_STRING, .args = "key start:integer end:integer",
      .since = "1.0.0",
      .complexity = "O(N) where N is the length of the returned string. The complexity is "
          "ultimately determined by the returned length, but because creating a substring "
          "from an existing string is very cheap, it can be considered O(1) for small "
          "strings.", .summary = "Returns a substring from a string value." },
    { .name = "set", .run = set, .find_keys = set_find_keys, .arity = -3,
      .flags = CMD_WRITE | CMD_DENY_OOM, .acl = ACL_STRING,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS,
                        .notes = "RW and ACCESS due to the optional `GET` argument")),
      .group = GROUP_STRING,
      .args = "key value [condition(NX@2.6.12|XX@2.6.12|IFEQ=comparison-value@8.1.0<Sets "
          "the key's value only if the current value matches the specified comparison "
          "value.>)] [GET@6.2.0] [expiration(EX=seconds:integer@2.6.12|"
          "PX=milliseconds:integer@2.6.12|EXAT=unix-time-seconds:unix-time@6.2.0|"
          "PXAT=unix-time-milliseconds:unix-time@6.2.0|KEEPTTL@6.0.0)]", .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Sets the string value of a key, ignoring its type. The key is created "
          "if it doesn't exist.",
      .history = "2.6.12 Added the `EX`, `PX`, `NX` and `XX` options.\n6.0.0 Added the "
          "`KEEPTTL` option.\n6.2.0 Added the `GET`, `EXAT` and `PXAT` option.\n7.0.0 "
          "Allowed the `NX` and `GET` options to be used together.\n8.1.0 Added the `IFEQ` "
          "option." },
    { .name = "setnx", .run = setnx, .arity = 3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_OW | KEY_INSERT,
      .group = GROUP_STRING, .args = "key value", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Sets the string value of a key only when the key doesn't exist." },
    { .name = "setex", .run = setex, .arity = 4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_OW | KEY_UPDATE,
      .group = GROUP_STRING, .args = "key seconds:integer value", .since = "2.0.0",
      .complexity = "O(1)",
      .summary = "Sets the string value and expiration time of a key. Creates the key if "
          "it doesn't exist." },
    { .name = "psetex", .run = psetex, .arity = 4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_OW | KEY_UPDATE,
      .group = GROUP_STRING, .args = "key milliseconds:integer value", .since = "2.6.0",
      .complexity = "O(1)",
      .summary = "Sets both string value and expiration time in milliseconds of a key. "
          "The key is created if it doesn't exist." },
    { .name = "getset", .run = getset, .arity = 3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
      .group = GROUP_STRING, .args = "key value", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Returns the previous string value of a key after setting it to a new "
          "value." },
    { .name = "mset", .run = mset, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_STRING, .keys = KEY_RANGE(1, -1, 2), .key_flags = KEY_OW | KEY_UPDATE,
      .group = GROUP_STRING, .args = "data{key value}...", .since = "1.0.1",
      .complexity = "O(N) where N is the number of keys to set.",
      .summary = "Atomically creates or modifies the string values of one or more keys.",
      .tips = "request_policy:multi_shard response_policy:all_succeeded" },
    { .name = "msetnx", .run = msetnx, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_STRING, .keys = KEY_RANGE(1, -1, 2), .key_flags = KEY_OW | KEY_INSERT,
      .group = GROUP_STRING, .args = "data{key value}...", .since = "1.0.1",
      .complexity = "O(N) where N is the number of keys to set.",
      .summary = "Atomically modifies the string values of one or more keys only when all "
          "keys don't exist." },
    { .name = "msetex", .run = msetex, .arity = -4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_STRING, .keys = KEYS(SPEC_NUMBER(1, 0, 1, 2)), .key_flags = KEY_OW | KEY_UPDATE,
      .group = GROUP_STRING,
      .args = "numkeys:integer data{key value}... [condition(NX|XX)] "
          "[expiration(EX=seconds:integer|PX=milliseconds:integer|"
          "EXAT=unix-time-seconds:unix-time|PXAT=unix-time-milliseconds:unix-time|KEEPTTL)]",
      .since = "9.1.0", .complexity = "O(N) where N is the number of keys to set.",
      .summary = "Atomically creates or modifies the string values of one or more keys, "
          "and optionally set their expiration.",
      .tips = "request_policy:multi_shard response_policy:all_succeeded" },
    { .name = "getdel", .run = getdel, .arity = 2, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_STRING, .args = "key", .since = "6.2.0", .complexity = "O(1)",
      .summary = "Returns the string value of a key after deleting the key." },
    { .name = "delifeq", .run = delifeq, .arity = 3, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_STRING, .keys = KEY_AT(1), .key_flags = KEY_RM | KEY_DELETE,
      .group = GROUP_STRING, .args = "key value", .since = "9.0.0", .complexity = "O(1)",
      .summary = "Delete key if value matches string." },
    { .name = "getex", .run = getex, .arity = -2, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_STRING,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
                        .notes = "RW and UPDATE because it changes the TTL")),
      .group = GROUP_STRING,
      .args = "key [expiration(EX=seconds:integer|PX=milliseconds:integer|"
          "EXAT=unix-time-seconds:unix-time|PXAT=unix-time-milliseconds:unix-time|PERSIST)]",
      .since = "6.2.0", .complexity = "O(1)",
      .summary = "Returns the string value of a key after setting its expiration time." },
    { 0 },
};
/* clang-format on */
