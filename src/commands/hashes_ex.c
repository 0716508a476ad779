/* Fields read or set together with their time, or read and removed: HGETEX, HSETEX, HGETDEL. */
#include "base/number.h"
#include "commands/expiry.h"
#include "commands/hashes.h"
#include "commands/rows.h"

/* --- HGETDEL ----------------------------------------------------------------------------- */

static void hgetdel(struct call *call)
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
        if (edit.hash != NULL && hash_find(edit.hash, field, edit.now_ms, &item)) {
            reply_hash_value(call, &item);
            hash_remove(&edit.hash, field, edit.now_ms);
            is_changed = true;
        } else {
            reply_null(call);
        }
    }
    if (!is_changed) return;
    hash_edit_told(call, &edit);
    call_notify(call, NOTIFY_HASH, "hdel", &edit.key);
    hash_edit_end(call, &edit);
}

/* --- options of HGETEX and HSETEX ---------------------------------------------------------- */

enum option {
    IF_KEY_ABSENT = 1,
    IF_KEY_EXISTS = 2,
    IF_NO_FIELD = 4,
    IF_ALL_FIELDS = 8,
    KEEPS_TIME = 16,
    TAKES_TIME = 32, /* PERSIST */
    SETS_TIME = 64,
};

struct options {
    unsigned set;
    uint32_t time_at; /* the argument */
    enum expiry_unit unit;
    time_ms expiry_ms;
    struct field_words words;
};

static const struct {
    const char *word;
    enum option option;
    unsigned excludes;
} setting[] = {
    { "nx", IF_KEY_ABSENT, IF_KEY_EXISTS },
    { "xx", IF_KEY_EXISTS, IF_KEY_ABSENT },
    { "fnx", IF_NO_FIELD, IF_ALL_FIELDS },
    { "fxx", IF_ALL_FIELDS, IF_NO_FIELD },
    { "keepttl", KEEPS_TIME, SETS_TIME | TAKES_TIME },
    { "persist", TAKES_TIME, SETS_TIME | KEEPS_TIME },
};

/* One word without a value; false: it is none of these, or stands against another one. */
static bool option_parse(struct call *call, uint32_t at, unsigned allowed, struct options *options)
{
    for (size_t i = 0; i < COUNT_OF(setting); i++) {
        if (!(setting[i].option & allowed) || !call_arg_is(call, at, setting[i].word)) continue;
        if (options->set & setting[i].excludes) return false;
        options->set |= setting[i].option;
        return true;
    }
    return false;
}

/* EX and its siblings with their value; a second one of another kind is not allowed. */
static bool time_parse(struct call *call, uint32_t at, uint32_t end, struct options *options)
{
    int unit = expiry_unit_parse(call_arg(call, at));
    if (unit < 0 || at + 1 >= end) return false;
    if (options->set & (KEEPS_TIME | TAKES_TIME)) return false;
    if (options->set & SETS_TIME && options->unit != (enum expiry_unit)unit) return false;
    options->set |= SETS_TIME;
    options->unit = (enum expiry_unit)unit;
    options->time_at = at + 1;
    return true;
}

static bool options_parse(struct call *call, unsigned allowed, uint32_t step,
                          struct options *options)
{
    uint32_t end = fields_word_find(call, 1); /* a key of that name stands for the word, too */
    *options = (struct options){ .expiry_ms = HASH_EXPIRY_NONE };
    if (end == call->argc) {
        reply_error(call, fields_error);
        return false;
    }
    for (uint32_t at = 2; at < end; at++) {
        if (option_parse(call, at, allowed, options)) continue;
        if (!time_parse(call, at, end, options)) {
            reply_syntax_error(call);
            return false;
        }
        at++;
    }
    return field_words_parse(call, end, step, fields_error, &options->words);
}

/* The time itself is looked at after the key. */
static bool options_time(struct call *call, struct options *options)
{
    int64_t value;
    if (!(options->set & SETS_TIME)) return true;
    if (!call_integer(call, options->time_at, &value)) return false;
    if (value >= 0 && expiry_add(call, value, options->unit, &options->expiry_ms)) return true;
    expiry_error(call);
    return false;
}

/* --- HGETEX ------------------------------------------------------------------------------ */

struct getting {
    struct hash_edit edit;
    struct options options;
    bool is_past;
    struct field_list changed;
};

static void get_field(struct call *call, struct getting *getting, struct bytes field)
{
    struct hash_edit *edit = &getting->edit;
    struct hash_item item;
    if (edit->hash == NULL || !hash_find(edit->hash, field, edit->now_ms, &item)) {
        reply_null(call);
        return;
    }
    reply_hash_value(call, &item);
    unsigned set = getting->options.set;
    if (set & SETS_TIME && getting->is_past)
        hash_remove(&edit->hash, field, edit->now_ms);
    else if (set & SETS_TIME)
        hash_set_expiry(&edit->hash, edit->rules, field, getting->options.expiry_ms);
    else if (set & TAKES_TIME && item.expiry_ms != HASH_EXPIRY_NONE)
        hash_set_expiry(&edit->hash, edit->rules, field, HASH_EXPIRY_NONE);
    else
        return;
    field_list_add(&getting->changed, field);
}

static void tell_getting(struct call *call, struct getting *getting)
{
    struct hash_edit *edit = &getting->edit;
    char text[NUMBER_TEXT_MAX];
    hash_edit_told(call, edit);
    if (getting->options.set & TAKES_TIME) {
        propagate_fields(call, BYTES("HPERSIST"), edit->key.bytes, BYTES_EMPTY, &getting->changed);
        call_notify(call, NOTIFY_HASH, "hpersist", &edit->key);
    } else if (getting->is_past) {
        propagate_expired(call, edit->key.bytes, &getting->changed);
        call_notify(call, NOTIFY_HASH, "hexpired", &edit->key);
        hash_edit_end(call, edit);
    } else {
        struct bytes time = bytes_of(text, number_print(getting->options.expiry_ms, text));
        propagate_fields(call, BYTES("HPEXPIREAT"), edit->key.bytes, time, &getting->changed);
        call_notify(call, NOTIFY_HASH, "hexpire", &edit->key);
    }
}

/* Of a key that is not there, the command counts as a reader. */
static void tell_missed(struct call *call, const struct hash_edit *edit)
{
    struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &edit->key);
    ensure(entry == NULL);
}

static void hgetex(struct call *call)
{
    struct getting getting = { 0 };
    struct options *options = &getting.options;
    if (!options_parse(call, TAKES_TIME, 1, options)) return;
    if (!hash_edit_begin(call, &getting.edit)) return;
    if (getting.edit.hash == NULL)
        tell_missed(call, &getting.edit);
    else
        keyspace_count_lookup(call->keyspace, true);
    if (!options_time(call, options)) return;
    getting.is_past = options->set & SETS_TIME && expiry_is_past(call, options->expiry_ms);
    uint32_t head = options->set & TAKES_TIME ? 4 : getting.is_past ? 2 : 5;
    field_list_init(&getting.changed, head, options->words.count);
    reply_array(call, options->words.count);
    for (uint32_t i = 0; i < options->words.count; i++)
        get_field(call, &getting, field_word(call, &options->words, i));
    if (getting.changed.count > 0) tell_getting(call, &getting);
    field_list_fini(&getting.changed);
}

/* --- HSETEX ------------------------------------------------------------------------------ */

static bool key_condition_holds(const struct hash_edit *edit, const struct options *options)
{
    if (options->set & IF_KEY_ABSENT && edit->hash != NULL) return false;
    return !(options->set & IF_KEY_EXISTS) || edit->hash != NULL;
}

static bool field_condition_holds(struct call *call, const struct hash_edit *edit,
                                  const struct options *options)
{
    if (!(options->set & (IF_NO_FIELD | IF_ALL_FIELDS))) return true;
    for (uint32_t i = 0; i < options->words.count; i++) {
        struct hash_item item;
        struct bytes field = field_word(call, &options->words, i);
        bool is_there = edit->hash != NULL && hash_find(edit->hash, field, edit->now_ms, &item);
        if (is_there != !!(options->set & IF_ALL_FIELDS)) return false;
    }
    return true;
}

/* HSETEX key [PXAT ms | KEEPTTL] FIELDS n field value ...: without the conditions, which held. */
static void propagate_set(struct call *call, const struct options *options)
{
    char text[NUMBER_TEXT_MAX];
    uint32_t fields_at = MAX(options->words.at - 2, 2u);
    struct field_list list;
    field_list_init(&list, 4, call->argc - fields_at);
    uint32_t count = 0;
    list.argv[count++] = BYTES("HSETEX");
    list.argv[count++] = call_arg(call, 1);
    if (options->set & SETS_TIME) {
        list.argv[count++] = BYTES("PXAT");
        list.argv[count++] = bytes_of(text, number_print(options->expiry_ms, text));
    } else if (options->set & KEEPS_TIME) {
        list.argv[count++] = BYTES("KEEPTTL");
    }
    for (uint32_t i = fields_at; i < call->argc; i++) list.argv[count++] = call_arg(call, i);
    call_propagate(call, count, list.argv);
    field_list_fini(&list);
}

/* Fields that would have ended before anybody saw them: those that are there go. */
static void set_in_the_past(struct call *call, struct hash_edit *edit,
                            const struct options *options)
{
    struct field_list gone;
    field_list_init(&gone, 2, options->words.count);
    for (uint32_t i = 0; i < options->words.count && edit->hash != NULL; i++) {
        struct bytes field = field_word(call, &options->words, i);
        if (hash_remove(&edit->hash, field, edit->now_ms)) field_list_add(&gone, field);
    }
    if (gone.count > 0) hash_edit_told(call, edit);
    propagate_expired(call, edit->key.bytes, &gone);
    field_list_fini(&gone);
    if (edit->hash == NULL) call_notify(call, NOTIFY_NEW, "new", &edit->key);
    call_notify(call, NOTIFY_HASH, "hset", &edit->key);
    call_notify(call, NOTIFY_HASH, "hexpire", &edit->key);
    call_notify(call, NOTIFY_HASH, "hexpired", &edit->key);
    if (edit->hash == NULL)
        call_notify(call, NOTIFY_GENERIC, "del", &edit->key);
    else
        hash_edit_end(call, edit);
}

static void set_fields(struct call *call, struct hash_edit *edit, const struct options *options)
{
    time_ms expiry_ms = options->set & KEEPS_TIME ? HASH_EXPIRY_KEEPS : options->expiry_ms;
    struct field_list revived;
    field_list_init(&revived, 2, options->words.count);
    hash_edit_open(edit);
    for (uint32_t i = 0; i < options->words.count; i++) {
        struct bytes field = field_word(call, &options->words, i);
        struct bytes value = call_arg(call, options->words.at + 2 * i + 1);
        if (hash_put(&edit->hash, edit->rules, field, value, edit->now_ms, expiry_ms) ==
            HASH_REVIVED)
            field_list_add(&revived, field);
    }
    hash_edit_told(call, edit);
    /* A replica would keep the time of what has ended. */
    if (revived.count > 0) propagate_expired(call, edit->key.bytes, &revived);
    propagate_set(call, options);
    if (revived.count > 0) call_notify(call, NOTIFY_HASH, "hexpired", &edit->key);
    field_list_fini(&revived);
    call_notify(call, NOTIFY_HASH, "hset", &edit->key);
    if (options->set & SETS_TIME) call_notify(call, NOTIFY_HASH, "hexpire", &edit->key);
}

static void hsetex(struct call *call)
{
    struct hash_edit edit;
    struct options options;
    unsigned allowed = IF_KEY_ABSENT | IF_KEY_EXISTS | IF_NO_FIELD | IF_ALL_FIELDS | KEEPS_TIME;
    if (!options_parse(call, allowed, 2, &options)) return;
    if (!hash_edit_begin(call, &edit)) return;
    /* The time is looked at between the two conditions. */
    bool is_wanted = key_condition_holds(&edit, &options);
    if (is_wanted && !options_time(call, &options)) return;
    if (!is_wanted || !field_condition_holds(call, &edit, &options)) {
        reply_integer(call, 0);
        return;
    }
    if (options.set & SETS_TIME && expiry_is_past(call, options.expiry_ms))
        set_in_the_past(call, &edit, &options);
    else
        set_fields(call, &edit, &options);
    reply_integer(call, 1);
}

/* clang-format off */
const struct command hash_ex_commands[] = {
    { .name = "hgetdel", .run = hgetdel, .arity = -5, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_HASH, .args = "key FIELDS=fields{numfields:integer#0 field...}",
      .since = "9.1.0",
      .complexity = "O(N) where N is the number of fields to be retrieved and deleted.",
      .summary = "Returns the values of one or more fields and deletes them from a hash." },
    { .name = "hgetex", .run = hgetex, .arity = -5, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_HASH,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE, .group = GROUP_HASH,
      .args = "key [expiration(EX=seconds:integer|PX=milliseconds:integer|"
          "EXAT=unix-time-seconds:unix-time|PXAT=unix-time-milliseconds:unix-time|"
          "PERSIST)] FIELDS=fields{numfields:integer#0 field...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Gets the value of one or more fields of a given hash key, and "
          "optionally sets their expiration time or time-to-live (TTL)." },
    { .name = "hsetex", .run = hsetex, .arity = -6, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_HASH, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT, .group = GROUP_HASH,
      .args = "key [key-condition(NX|XX)] [fields-condition(FNX|FXX)] "
          "[expiration(EX=seconds:integer|PX=milliseconds:integer|"
          "EXAT=unix-time-seconds:unix-time|PXAT=unix-time-milliseconds:unix-time|"
          "KEEPTTL)] FIELDS=fields{numfields:integer#0 data{field value}...}", .since = "9.0.0",
      .complexity = "O(N) where N is the number of specified fields.",
      .summary = "Sets the value of one or more fields of a given hash key, and "
          "optionally sets their expiration time." },
    { 0 },
};
/* clang-format on */
