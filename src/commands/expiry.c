/* EXPIRE and its family, TTL and its family, PERSIST. */
#include "commands/expiry.h"
#include "base/number.h"
#include "commands/rows.h"

int expiry_unit_parse(struct bytes word)
{
    if (bytes_is_word(word, "ex")) return EXPIRY_SECONDS;
    if (bytes_is_word(word, "px")) return EXPIRY_MS;
    if (bytes_is_word(word, "exat")) return EXPIRY_AT_SECONDS;
    if (bytes_is_word(word, "pxat")) return EXPIRY_AT_MS;
    return -1;
}

bool expiry_add(const struct call *call, int64_t value, enum expiry_unit unit, time_ms *expiry_ms)
{
    bool is_seconds = unit == EXPIRY_SECONDS || unit == EXPIRY_AT_SECONDS;
    bool is_relative = unit == EXPIRY_SECONDS || unit == EXPIRY_MS;
    if (is_seconds && __builtin_mul_overflow(value, 1000, &value)) return false;
    if (is_relative && __builtin_add_overflow(value, call->wall_ms, &value)) return false;
    *expiry_ms = value;
    return true;
}

void expiry_error(struct call *call)
{
    reply_error_format(call, "ERR invalid expire time in '%s' command", call_name(call));
}

bool expiry_parse(struct call *call, uint32_t index, enum expiry_unit unit, time_ms *expiry_ms)
{
    int64_t value;
    if (!call_integer(call, index, &value)) return false;
    if (value > 0 && expiry_add(call, value, unit, expiry_ms)) return true;
    expiry_error(call);
    return false;
}

bool expiry_is_past(const struct call *call, time_ms expiry_ms)
{
    return call->access->may_expire && expiry_ms <= call->wall_ms;
}

void propagate_removal(struct call *call, struct bytes key, bool is_lazy)
{
    call_propagate(call, 2, (struct bytes[]){ is_lazy ? BYTES("UNLINK") : BYTES("DEL"), key });
}

void delete_as_expired(struct call *call, const struct key *key)
{
    if (!keyspace_delete(call->keyspace, call->access, key)) return;
    keyspace_count_expired(call->keyspace);
    propagate_removal(call, key->bytes, engine_settings(call->engine)->lazy_expire);
    call_notify(call, NOTIFY_EXPIRED, "expired", key);
}

void propagate_expiry(struct call *call, struct bytes key, time_ms expiry_ms)
{
    char text[NUMBER_TEXT_MAX];
    struct bytes at = bytes_of(text, number_print(expiry_ms, text));
    call_propagate(call, 3, (struct bytes[]){ BYTES("PEXPIREAT"), key, at });
}

/* --- EXPIRE ------------------------------------------------------------------------------ */

#define CONDITION_WORDS_MAX 8 /* more would only repeat themselves */

enum expire_condition {
    IF_NONE = 1 << 0,    /* NX */
    IF_SOME = 1 << 1,    /* XX */
    IF_LATER = 1 << 2,   /* GT */
    IF_EARLIER = 1 << 3, /* LT */
};

static bool condition_parse(struct call *call, unsigned *condition)
{
    *condition = 0;
    for (uint32_t i = 3; i < call->argc; i++) {
        struct bytes word = call_arg(call, i);
        unsigned bit = bytes_is_word(word, "nx")   ? IF_NONE
                       : bytes_is_word(word, "xx") ? IF_SOME
                       : bytes_is_word(word, "gt") ? IF_LATER
                       : bytes_is_word(word, "lt") ? IF_EARLIER
                                                   : 0;
        if (bit == 0) {
            reply_error_format(call, "ERR Unsupported option %.*s", (int)word.size, word.data);
            return false;
        }
        *condition |= bit;
    }
    if (*condition & IF_NONE && *condition & ~(unsigned)IF_NONE) {
        reply_error(call, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (*condition & IF_LATER && *condition & IF_EARLIER) {
        reply_error(call, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* A key without expiry lives for ever: later than anything. */
static bool condition_holds(unsigned condition, time_ms current, time_ms wanted)
{
    if (condition & IF_NONE && current != EXPIRY_NONE) return false;
    if (condition & IF_SOME && current == EXPIRY_NONE) return false;
    if (condition & IF_LATER && (current == EXPIRY_NONE || wanted <= current)) return false;
    if (condition & IF_EARLIER && current != EXPIRY_NONE && wanted >= current) return false;
    return true;
}

/* The condition travels along. */
static void propagate_expire(struct call *call, time_ms expiry_ms)
{
    char text[NUMBER_TEXT_MAX];
    struct bytes argv[3 + CONDITION_WORDS_MAX] = { BYTES("PEXPIREAT"), call_arg(call, 1),
                                                   bytes_of(text, number_print(expiry_ms, text)) };
    uint32_t argc = 3;
    while (argc < call->argc && argc < COUNT_OF(argv)) {
        argv[argc] = call_arg(call, argc);
        argc++;
    }
    call_propagate(call, argc, argv);
}

static void expire_as(struct call *call, enum expiry_unit unit)
{
    int64_t value;
    time_ms expiry_ms;
    unsigned condition;
    if (!condition_parse(call, &condition)) return;
    if (!call_integer(call, 2, &value)) return;
    if (!expiry_add(call, value, unit, &expiry_ms)) {
        expiry_error(call);
        return;
    }
    /* Negative times are as good as the beginning of time; -1 would mean "none". */
    if (expiry_ms < 0) expiry_ms = 0;

    struct key key = call_key(call, 1);
    const struct entry *entry = keyspace_find_for_write(call->keyspace, call->access, &key);
    if (entry == NULL || !condition_holds(condition, entry_expiry_ms(entry), expiry_ms)) {
        reply_integer(call, 0);
        return;
    }
    if (expiry_is_past(call, expiry_ms)) {
        delete_as_expired(call, &key);
    } else {
        keyspace_set_expiry(call->keyspace, call->access, &key, expiry_ms);
        propagate_expire(call, expiry_ms);
        call_notify(call, NOTIFY_GENERIC, "expire", &key);
    }
    reply_integer(call, 1);
}

static void expire(struct call *call)
{
    expire_as(call, EXPIRY_SECONDS);
}

static void pexpire(struct call *call)
{
    expire_as(call, EXPIRY_MS);
}

static void expireat(struct call *call)
{
    expire_as(call, EXPIRY_AT_SECONDS);
}

static void pexpireat(struct call *call)
{
    expire_as(call, EXPIRY_AT_MS);
}

static void persist(struct call *call)
{
    struct key key = call_key(call, 1);
    const struct entry *entry = keyspace_find_for_write(call->keyspace, call->access, &key);
    if (entry == NULL || entry_expiry_ms(entry) == EXPIRY_NONE) {
        reply_integer(call, 0);
        return;
    }
    keyspace_set_expiry(call->keyspace, call->access, &key, EXPIRY_NONE);
    call_notify(call, NOTIFY_GENERIC, "persist", &key);
    reply_integer(call, 1);
}

/* --- TTL --------------------------------------------------------------------------------- */

static void ttl_as(struct call *call, bool is_absolute, bool is_ms)
{
    struct key key = call_key(call, 1);
    const struct entry *entry = call_find_untouched(call, &key);
    if (entry == NULL) {
        reply_integer(call, -2);
        return;
    }
    time_ms expiry_ms = entry_expiry_ms(entry);
    if (expiry_ms == EXPIRY_NONE) {
        reply_integer(call, -1);
        return;
    }
    time_ms shown_ms = is_absolute ? expiry_ms : MAX(expiry_ms - call->wall_ms, 0);
    reply_integer(call, is_ms ? shown_ms : shown_ms / 1000 + (shown_ms % 1000 >= 500));
}

static void ttl(struct call *call)
{
    ttl_as(call, false, false);
}

static void pttl(struct call *call)
{
    ttl_as(call, false, true);
}

static void expiretime(struct call *call)
{
    ttl_as(call, true, false);
}

static void pexpiretime(struct call *call)
{
    ttl_as(call, true, true);
}

/* clang-format off */
const struct command expiry_commands[] = {
    { .name = "expire", .run = expire, .arity = -3, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(1), .group = GROUP_GENERIC,
      .args = "key seconds:integer [condition(NX|XX|GT|LT)@7.0.0]", .since = "1.0.0",
      .complexity = "O(1)", .summary = "Sets the expiration time of a key in seconds.",
      .history = "7.0.0 Added options: `NX`, `XX`, `GT` and `LT`." },
    { .name = "pexpire", .run = pexpire, .arity = -3, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(1), .group = GROUP_GENERIC,
      .args = "key milliseconds:integer [condition(NX|XX|GT|LT)@7.0.0]", .since = "2.6.0",
      .complexity = "O(1)", .summary = "Sets the expiration time of a key in milliseconds.",
      .history = "7.0.0 Added options: `NX`, `XX`, `GT` and `LT`." },
    { .name = "expireat", .run = expireat, .arity = -3, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(1), .group = GROUP_GENERIC,
      .args = "key unix-time-seconds:unix-time [condition(NX|XX|GT|LT)@7.0.0]", .since = "1.2.0",
      .complexity = "O(1)", .summary = "Sets the expiration time of a key to a Unix timestamp.",
      .history = "7.0.0 Added options: `NX`, `XX`, `GT` and `LT`." },
    { .name = "pexpireat", .run = pexpireat, .arity = -3, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(1), .group = GROUP_GENERIC,
      .args = "key unix-time-milliseconds:unix-time [condition(NX|XX|GT|LT)@7.0.0]",
      .since = "2.6.0", .complexity = "O(1)",
      .summary = "Sets the expiration time of a key to a Unix milliseconds timestamp.",
      .history = "7.0.0 Added options: `NX`, `XX`, `GT` and `LT`." },
    { .name = "persist", .run = persist, .arity = 2, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(1), .group = GROUP_GENERIC, .args = "key",
      .since = "2.2.0", .complexity = "O(1)", .summary = "Removes the expiration time of a key." },
    { .name = "ttl", .run = ttl, .arity = 2, .flags = CMD_READ | CMD_FAST, .acl = ACL_KEYSPACE,
      .keys = KEY_AT(1), .group = GROUP_GENERIC, .args = "key", .since = "1.0.0",
      .complexity = "O(1)", .summary = "Returns the expiration time in seconds of a key.",
      .tips = "nondeterministic_output", .history = "2.8.0 Added the -2 reply." },
    { .name = "pttl", .run = pttl, .arity = 2, .flags = CMD_READ | CMD_FAST, .acl = ACL_KEYSPACE,
      .keys = KEY_AT(1), .group = GROUP_GENERIC, .args = "key", .since = "2.6.0",
      .complexity = "O(1)", .summary = "Returns the expiration time in milliseconds of a key.",
      .tips = "nondeterministic_output", .history = "2.8.0 Added the -2 reply." },
    { .name = "expiretime", .run = expiretime, .arity = 2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(1), .group = GROUP_GENERIC, .args = "key",
      .since = "7.0.0", .complexity = "O(1)",
      .summary = "Returns the expiration time of a key as a Unix timestamp." },
    { .name = "pexpiretime", .run = pexpiretime, .arity = 2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(1), .group = GROUP_GENERIC, .args = "key",
      .since = "7.0.0", .complexity = "O(1)",
      .summary = "Returns the expiration time of a key as a Unix milliseconds timestamp." },
    { 0 },
};
/* clang-format on */
