/* Fields that end at a time of their own: HEXPIRE, HTTL and their families, HPERSIST. */
#include "base/number.h"
#include "commands/expiry.h"
#include "commands/hashes.h"
#include "commands/rows.h"

/* --- HEXPIRE ----------------------------------------------------------------------------- */

enum condition { IF_NONE = 1, IF_ANY = 2, IF_LATER = 4, IF_EARLIER = 8 };

/* The words between the time and FIELDS. */
static bool conditions_parse(struct call *call, uint32_t end, unsigned *condition)
{
    *condition = 0;
    for (uint32_t at = 3; at < end; at++) {
        if (call_arg_is(call, at, "nx")) {
            *condition |= IF_NONE;
        } else if (call_arg_is(call, at, "xx")) {
            *condition |= IF_ANY;
        } else if (call_arg_is(call, at, "gt")) {
            *condition |= IF_LATER;
        } else if (call_arg_is(call, at, "lt")) {
            *condition |= IF_EARLIER;
        } else {
            struct bytes word = call_arg(call, at);
            reply_error_format(call, "ERR Unsupported option %.*s", (int)word.size, word.data);
            return false;
        }
    }
    if (*condition & IF_NONE && *condition != IF_NONE) {
        reply_error(call, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*condition & (IF_LATER | IF_EARLIER)) == (IF_LATER | IF_EARLIER)) {
        reply_error(call, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* A field without a time lives for ever. */
static bool condition_holds(unsigned condition, time_ms before_ms, time_ms wanted_ms)
{
    bool has_time = before_ms != HASH_EXPIRY_NONE;
    if (condition & IF_NONE && has_time) return false;
    if (condition & IF_ANY && !has_time) return false;
    if (condition & IF_LATER && (!has_time || wanted_ms <= before_ms)) return false;
    if (condition & IF_EARLIER && has_time && wanted_ms >= before_ms) return false;
    return true;
}

enum answer { NO_FIELD = -2, NOT_MET = 0, TIME_SET = 1, FIELD_DELETED = 2 };

struct expiring {
    struct hash_edit edit;
    struct field_words words;
    unsigned condition;
    time_ms expiry_ms;
    bool is_past;
    uint32_t set_count;
    struct field_list deleted; /* for HDEL */
};

static enum answer expire_field(struct expiring *expiring, struct bytes field)
{
    struct hash_edit *edit = &expiring->edit;
    struct hash_item item;
    if (edit->hash == NULL || !hash_find(edit->hash, field, edit->now_ms, &item)) return NO_FIELD;
    if (!condition_holds(expiring->condition, item.expiry_ms, expiring->expiry_ms)) return NOT_MET;
    if (expiring->is_past) {
        hash_remove(&edit->hash, field, edit->now_ms);
        field_list_add(&expiring->deleted, field);
        return FIELD_DELETED;
    }
    hash_set_expiry(&edit->hash, edit->rules, field, expiring->expiry_ms);
    expiring->set_count++;
    return TIME_SET;
}

/* HPEXPIREAT key ms [condition] FIELDS n field ...: all behind the time as it was given. */
static void propagate_time(struct call *call, time_ms expiry_ms)
{
    char text[NUMBER_TEXT_MAX];
    struct field_list list;
    field_list_init(&list, 3, call->argc - 3);
    for (uint32_t i = 3; i < call->argc; i++) field_list_add(&list, call_arg(call, i));
    list.argv[0] = BYTES("HPEXPIREAT");
    list.argv[1] = call_arg(call, 1);
    list.argv[2] = bytes_of(text, number_print(expiry_ms, text));
    call_propagate(call, call->argc, list.argv);
    field_list_fini(&list);
}

static void expire_fields(struct call *call, struct expiring *expiring)
{
    struct hash_edit *edit = &expiring->edit;
    reply_array(call, expiring->words.count);
    for (uint32_t i = 0; i < expiring->words.count; i++)
        reply_integer(call, expire_field(expiring, field_word(call, &expiring->words, i)));
    if (expiring->deleted.count > 0) {
        hash_edit_told(call, edit);
        propagate_expired(call, edit->key.bytes, &expiring->deleted);
        call_notify(call, NOTIFY_HASH, "hexpired", &edit->key);
        hash_edit_end(call, edit);
    } else if (expiring->set_count > 0) {
        hash_edit_told(call, edit);
        propagate_time(call, expiring->expiry_ms);
        call_notify(call, NOTIFY_HASH, "hexpire", &edit->key);
    }
}

static void expire_as(struct call *call, enum expiry_unit unit)
{
    struct expiring expiring = { 0 };
    int64_t value;
    uint32_t word = fields_word_find(call, 3);
    if (word == call->argc) {
        reply_error(call, fields_error);
        return;
    }
    if (!conditions_parse(call, word, &expiring.condition)) return;
    if (!field_words_parse(call, word, 1, fields_error, &expiring.words)) return;
    if (!call_integer(call, 2, &value)) return;
    if (value < 0 || !expiry_add(call, value, unit, &expiring.expiry_ms)) {
        expiry_error(call);
        return;
    }
    if (!hash_edit_begin(call, &expiring.edit)) return;
    expiring.is_past = expiry_is_past(call, expiring.expiry_ms);
    field_list_init(&expiring.deleted, 2, expiring.words.count);
    expire_fields(call, &expiring);
    field_list_fini(&expiring.deleted);
}

static void hexpire(struct call *call)
{
    expire_as(call, EXPIRY_SECONDS);
}

static void hpexpire(struct call *call)
{
    expire_as(call, EXPIRY_MS);
}

static void hexpireat(struct call *call)
{
    expire_as(call, EXPIRY_AT_SECONDS);
}

static void hpexpireat(struct call *call)
{
    expire_as(call, EXPIRY_AT_MS);
}

/* --- HPERSIST ---------------------------------------------------------------------------- */

static void hpersist(struct call *call)
{
    struct hash_edit edit;
    struct field_words words;
    struct hash_item item;
    bool is_changed = false;
    if (!call_arg_is(call, 2, "fields")) {
        reply_syntax_error(call);
        return;
    }
    if (!field_words_parse(call, 2, 1, fields_error, &words)) return;
    if (!hash_edit_begin(call, &edit)) return;
    reply_array(call, words.count);
    for (uint32_t i = 0; i < words.count; i++) {
        struct bytes field = field_word(call, &words, i);
        if (edit.hash == NULL || !hash_find(edit.hash, field, edit.now_ms, &item)) {
            reply_integer(call, -2);
        } else if (item.expiry_ms == HASH_EXPIRY_NONE) {
            reply_integer(call, -1);
        } else {
            hash_set_expiry(&edit.hash, edit.rules, field, HASH_EXPIRY_NONE);
            is_changed = true;
            reply_integer(call, 1);
        }
    }
    if (!is_changed) return;
    hash_edit_told(call, &edit);
    call_notify(call, NOTIFY_HASH, "hpersist", &edit.key);
}

/* --- HTTL -------------------------------------------------------------------------------- */

static int64_t time_left(const struct call *call, time_ms expiry_ms, bool is_absolute, bool is_ms)
{
    if (expiry_ms == HASH_EXPIRY_NONE) return -1;
    time_ms shown_ms = is_absolute ? expiry_ms : MAX(expiry_ms - call->wall_ms, 0);
    return is_ms ? shown_ms : shown_ms / 1000 + (shown_ms % 1000 >= 500);
}

static void ttl_as(struct call *call, bool is_absolute, bool is_ms)
{
    struct field_words words;
    const struct hash *hash;
    struct hash_item item;
    if (!call_arg_is(call, 2, "fields")) {
        reply_syntax_error(call);
        return;
    }
    if (!field_words_parse(call, 2, 1, "ERR syntax error", &words)) return;
    if (!call_hash_for_read(call, 1, &hash)) return;
    reply_array(call, words.count);
    for (uint32_t i = 0; i < words.count; i++) {
        bool is_there =
            hash != NULL && hash_find(hash, field_word(call, &words, i), hash_now(call), &item);
        reply_integer(call, is_there ? time_left(call, item.expiry_ms, is_absolute, is_ms) : -2);
    }
}

static void httl(struct call *call)
{
    ttl_as(call, false, false);
}

static void hpttl(struct call *call)
{
    ttl_as(call, false, true);
}

static void hexpiretime(struct call *call)
{
    ttl_as(call, true, false);
}

static void hpexpiretime(struct call *call)
{
    ttl_as(call, true, true);
}

/* clang-format off */
const struct command hash_expiry_commands[] = {
    { .name = "hexpire", .run = hexpire, .arity = -6, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key seconds:integer [condition(NX|XX|GT|LT)] "
          "FIELDS=fields{numfields:integer field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Sets expiry time on hash fields." },
    { .name = "hexpireat", .run = hexpireat, .arity = -6, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key unix-time-seconds:integer [condition(NX|XX|GT|LT)@9.0.0] "
          "FIELDS=fields{numfields:integer#0 field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Sets expiry time on hash fields." },
    { .name = "hexpiretime", .run = hexpiretime, .arity = -5, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key FIELDS=fields{numfields:integer#0 field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Returns Unix timestamps in seconds since the epoch at which the given "
          "key's field(s) will expire." },
    { .name = "hpersist", .run = hpersist, .arity = -5, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key FIELDS=fields{numfields:integer#0 field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Remove the existing expiration on a hash key's field(s)." },
    { .name = "hpexpire", .run = hpexpire, .arity = -6, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key milliseconds:integer [condition(NX|XX|GT|LT)@9.0.0] "
          "FIELDS=fields{numfields:integer#0 field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Sets expiry time on hash object." },
    { .name = "hpexpireat", .run = hpexpireat, .arity = -6, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key unix-time-milliseconds:integer [condition(NX|XX|GT|LT)@9.0.0] "
          "FIELDS=fields{numfields:integer#0 field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Sets expiration time on hash field." },
    { .name = "hpexpiretime", .run = hpexpiretime, .arity = -5, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key FIELDS=fields{numfields:integer#0 field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Returns the Unix timestamp in milliseconds since Unix epoch at which "
          "the given key's field(s) will expire." },
    { .name = "hpttl", .run = hpttl, .arity = -5, .flags = CMD_READ | CMD_FAST, .acl = ACL_HASH,
      .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key FIELDS=fields{numfields:integer#0 field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Returns the remaining time to live in milliseconds of a hash key's "
          "field(s) that have an associated expiration." },
    { .name = "httl", .run = httl, .arity = -5, .flags = CMD_READ | CMD_FAST, .acl = ACL_HASH,
      .keys = KEY_AT(1), .group = GROUP_HASH,
      .args = "key FIELDS=fields{numfields:integer#0 field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Returns the remaining time to live (in seconds) of a hash key's "
          "field(s) that have an associated expiration." },
    { 0 },
};
/* clang-format on */
