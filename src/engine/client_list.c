/* The lines of CLIENT LIST, and the filters of CLIENT LIST and CLIENT KILL.
 *
 * A filter is a list of conditions that must all hold; NOT- turns one around. Several ids are one
 * condition. */
#include "base/digest.h"
#include "base/memory.h"
#include "base/number.h"
#include "engine/client.h"
#include "engine/internal.h"

/* --- one line ---------------------------------------------------------------------------- */

struct flag_letter {
    char letter;
    bool (*holds)(const struct session *session);
};

static bool is_monitor(const struct session *session)
{
    return session->flags & SESSION_MONITOR;
}
static bool is_replica(const struct session *session)
{
    return session->kind == SESSION_REPLICA;
}
static bool is_primary(const struct session *session)
{
    return session->kind == SESSION_PRIMARY;
}
static bool is_in_multi(const struct session *session)
{
    return session->flags & SESSION_MULTI;
}
static bool is_blocked(const struct session *session)
{
    return session->blocked.reason != BLOCK_NONE;
}
static bool is_watch_dirty(const struct session *session)
{
    return session->watcher.is_dirty;
}
static bool closes_flushed(const struct session *session)
{
    return session->close == SESSION_CLOSES_FLUSHED;
}
static bool was_unblocked(const struct session *session)
{
    return session->flags & SESSION_UNBLOCKED;
}
static bool closes_now(const struct session *session)
{
    return session->close == SESSION_CLOSES_NOW;
}
static bool is_unix(const struct session *session)
{
    return session->flags & SESSION_UNIX;
}
static bool is_readonly(const struct session *session)
{
    return session->flags & SESSION_READONLY;
}
static bool is_no_evict(const struct session *session)
{
    return session->flags & SESSION_NO_EVICT;
}
static bool is_no_touch(const struct session *session)
{
    return session->flags & SESSION_NO_TOUCH;
}
static bool is_tracking(const struct session *session)
{
    return session->flags & SESSION_TRACKING;
}
static bool is_broken(const struct session *session)
{
    return session->flags & SESSION_BROKEN_REDIRECT;
}
static bool is_broadcast(const struct session *session)
{
    return session->flags & SESSION_BROADCAST;
}
static bool is_import_source(const struct session *session)
{
    return session->flags & SESSION_IMPORT_SOURCE;
}
static bool never(const struct session *session)
{
    return false;
}

/* In the order of CLIENT LIST. Letters of things that do not exist here may be asked for. */
static const struct flag_letter flag_letters[] = {
    { 'O', is_monitor },     { 'S', is_replica },
    { 'M', is_primary },     { 'P', session_is_subscriber },
    { 'x', is_in_multi },    { 'b', is_blocked },
    { 't', is_tracking },    { 'R', is_broken },
    { 'B', is_broadcast },   { 'd', is_watch_dirty },
    { 'c', closes_flushed }, { 'u', was_unblocked },
    { 'A', closes_now },     { 'U', is_unix },
    { 'r', is_readonly },    { 'e', is_no_evict },
    { 'T', is_no_touch },    { 'I', is_import_source },
    { 'i', never },          { 'E', never },
};

static void print_flags(const struct session *session, struct buffer *into)
{
    size_t start = into->size;
    for (size_t i = 0; i < COUNT_OF(flag_letters); i++)
        if (flag_letters[i].holds(session)) buffer_append_byte(into, flag_letters[i].letter);
    if (into->size == start) buffer_append_byte(into, 'N');
}

static size_t watch_count(const struct session *session)
{
    size_t count = 0;
    if (session->watcher.is_dirty) return 0; /* what happens to them is of no more interest */
    for (const struct list_link *link = session->watcher.watches.head.next;
         link != &session->watcher.watches.head; link = link->next)
        count++;
    return count;
}

/* The arguments of the command that asks; those of others are done with. */
static size_t argument_bytes(const struct call *call, const struct session *session)
{
    size_t size = 0;
    if (session == call->session)
        for (uint32_t i = 0; i < call->argc; i++) size += call->argv[i].size;
    return size;
}

/* It was offered for sending in an earlier turn, and is still there. */
static bool waits_for_socket(const struct session *session)
{
    return session->output.size > 0 && !list_link_is_in(&session->send_link);
}

static long long multi_shown(const struct session *session)
{
    if (!(session->flags & SESSION_KNOWS_MULTI)) return -1;
    return session->flags & SESSION_MULTI ? (long long)session->queue_count : 0;
}

void client_print(const struct call *call, const struct session *session, struct buffer *into)
{
    time_ms now_ms = call->now_ms;
    size_t spare = session->input.capacity - session->input.size;
    struct output_shape output;
    output_measure(&session->output, &output);
    if (call->engine->settings.output_is_list && output.first_size > 0) {
        output.more_count++;
        output.more_memory += output.first_capacity;
        output.first_size = 0;
    }
    size_t argument_memory = argument_bytes(call, session);
    buffer_printf(into, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=",
                  (unsigned long long)session->id, session->address, session->local_address,
                  session->fd, session->name, (long long)((now_ms - session->created_ms) / 1000),
                  (long long)((now_ms - session->active_ms) / 1000));
    print_flags(session, into);
    buffer_printf(into, " capa=%s db=%d sub=%u psub=%u ssub=%u multi=%lld watch=%zu",
                  session->flags & SESSION_CAPA_REDIRECT ? "r" : "", session->db,
                  session->channel_count, session->pattern_count, session->shard_channel_count,
                  multi_shown(session), watch_count(session));
    buffer_printf(into, " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu rbs=%zu rbp=%zu",
                  session->input.size, spare, argument_memory, session->queue_bytes,
                  output.first_capacity, session->output_peak);
    buffer_printf(into, " obl=%zu oll=%zu omem=%zu tot-mem=%zu events=%s cmd=%s user=%s",
                  output.first_size, output.more_count, output.more_memory,
                  session_memory(session) + argument_memory, waits_for_socket(session) ? "rw" : "r",
                  session->last_command != NULL ? session->last_command->name : "NULL",
                  session->kind == SESSION_PRIMARY ? "(superuser)" : session->user);
    buffer_printf(into, " redir=%lld resp=%d", (long long)client_redirect(session),
                  session->writer.protocol);
    buffer_printf(into, " lib-name=%s lib-ver=%s tot-net-in=%llu tot-net-out=%llu tot-cmds=%llu\n",
                  session->library_name, session->library_version,
                  (unsigned long long)session->bytes_in, (unsigned long long)session->bytes_out,
                  (unsigned long long)session->command_count);
}

/* --- filters ----------------------------------------------------------------------------- */

enum condition_kind {
    IS_TYPE,
    IS_ID,
    IS_USER,
    IS_ADDRESS,
    IS_LOCAL_ADDRESS,
    IS_OLDER,
    IS_NAMED,
    IS_IDLE,
    HAS_FLAGS,
    HAS_LIBRARY,
    HAS_VERSION,
    IS_IN_DB,
    HAS_CAPA,
    IS_FROM_IP,
};

struct client_condition {
    enum condition_kind kind;
    bool is_negated;
    struct bytes text; /* borrowed from the request */
    int64_t number;
    const struct bytes *ids; /* borrowed from the request */
    uint32_t id_count;
    struct client_condition *more; /* ids of another ID word */
    bool is_more;                  /* it is such a one: no condition of its own */
};

struct condition_word {
    const char *word;
    enum condition_kind kind;
    bool may_be_negated;
    const char *number_name; /* of a numeric one: as errors call it */
};

static const struct condition_word condition_words[] = {
    { "TYPE", IS_TYPE, true, NULL },           { "ID", IS_ID, true, NULL },
    { "USER", IS_USER, true, NULL },           { "ADDR", IS_ADDRESS, true, NULL },
    { "LADDR", IS_LOCAL_ADDRESS, true, NULL }, { "MAXAGE", IS_OLDER, false, "maxage" },
    { "NAME", IS_NAMED, true, NULL },          { "IDLE", IS_IDLE, false, "idle" },
    { "FLAGS", HAS_FLAGS, true, NULL },        { "LIB-NAME", HAS_LIBRARY, true, NULL },
    { "LIB-VER", HAS_VERSION, true, NULL },    { "DB", IS_IN_DB, true, "DB" },
    { "CAPA", HAS_CAPA, true, NULL },          { "IP", IS_FROM_IP, true, NULL },
};

static const struct condition_word *word_find(struct bytes text, bool *is_negated)
{
    *is_negated = text.size > 4 && bytes_equal_nocase(bytes_of(text.data, 4), BYTES("NOT-"));
    struct bytes word = *is_negated ? bytes_from(text, 4) : text;
    for (size_t i = 0; i < COUNT_OF(condition_words); i++) {
        if (!bytes_is_word(word, condition_words[i].word)) continue;
        return *is_negated && !condition_words[i].may_be_negated ? NULL : &condition_words[i];
    }
    return NULL;
}

static enum client_type type_parse(struct bytes word)
{
    if (bytes_is_word(word, "normal")) return CLIENT_NORMAL;
    if (bytes_is_word(word, "slave") || bytes_is_word(word, "replica")) return CLIENT_REPLICA;
    if (bytes_is_word(word, "pubsub")) return CLIENT_PUBSUB;
    if (bytes_is_word(word, "master") || bytes_is_word(word, "primary")) return CLIENT_PRIMARY;
    return CLIENT_ANY;
}

static enum client_type type_of(const struct session *session)
{
    if (session->kind == SESSION_PRIMARY) return CLIENT_PRIMARY;
    if (session->kind == SESSION_REPLICA) return CLIENT_REPLICA;
    return session_is_subscriber(session) ? CLIENT_PUBSUB : CLIENT_NORMAL;
}

/* Ids go on as long as there are numbers, none at all among them, and then nobody is meant; answers
 * where the next word is, 0 after an error. */
static uint32_t take_ids(struct call *call, uint32_t at, struct client_condition *condition)
{
    condition->ids = call->argv + at;
    if (at == call->argc) {
        reply_syntax_error(call);
        return 0;
    }
    for (; at < call->argc; at++) {
        int64_t id;
        if (!number_parse(call_arg(call, at), &id)) break;
        if (id < 1) {
            reply_error(call, "ERR client-id should be greater than 0");
            return 0;
        }
        condition->id_count++;
    }
    return at;
}

static bool take_number(struct call *call, uint32_t at, const struct condition_word *word,
                        struct client_condition *condition)
{
    int64_t count = keyspace_database_count(call->keyspace);
    const char *not_prefix = condition->is_negated ? "NOT-" : "";
    bool is_number = number_parse(call_arg(call, at), &condition->number);
    bool is_small = condition->number >= INT32_MIN && condition->number <= INT32_MAX;
    if (!is_number || (word->kind == IS_IN_DB && !is_small)) {
        reply_error_format(call, "ERR %s%s is not an integer or out of range", not_prefix,
                           word->number_name);
        return false;
    }
    if (word->kind == IS_IN_DB) {
        if (condition->number >= 0 && condition->number < count) return true;
        reply_error_format(call, "ERR %sDB number should be between 0 and %lld", not_prefix,
                           (long long)count - 1);
        return false;
    }
    if (condition->number > 0) return true;
    reply_error_format(call, "ERR %s should be greater than 0", word->number_name);
    return false;
}

static bool letters_are_known(struct bytes letters)
{
    for (size_t i = 0; i < letters.size; i++) {
        bool is_known = letters.data[i] == 'N';
        for (size_t k = 0; k < COUNT_OF(flag_letters); k++)
            if (flag_letters[k].letter == letters.data[i]) is_known = true;
        if (!is_known) return false;
    }
    return true;
}

static void reply_unknown(struct call *call, const char *what, bool is_negated, const char *word,
                          struct bytes text)
{
    if (is_negated)
        reply_error_format(call, "ERR Unknown %s found in the NOT-%s filter: %.*s", what, word,
                           (int)text.size, text.data);
    else
        reply_error_format(call, "ERR Unknown %s found in the provided filter: %.*s", what,
                           (int)text.size, text.data);
}

static bool take_text(struct call *call, uint32_t at, const struct condition_word *word,
                      struct client_condition *condition)
{
    struct bytes text = call_arg(call, at);
    condition->text = text;
    if (word->kind == IS_TYPE) {
        condition->number = type_parse(text);
        if (condition->number != CLIENT_ANY) return true;
        reply_error_format(call, "ERR Unknown client type '%.*s'", (int)text.size, text.data);
        return false;
    }
    if (word->kind == IS_USER && !bytes_equal(text, BYTES("default"))) {
        reply_error_format(call, "ERR No such user '%.*s'", (int)text.size, text.data);
        return false;
    }
    if (word->kind == HAS_FLAGS && !letters_are_known(text)) {
        reply_unknown(call, "flags", condition->is_negated, word->word, text);
        return false;
    }
    if (word->kind == HAS_CAPA) {
        for (size_t i = 0; i < text.size; i++) {
            if (text.data[i] == 'r') continue;
            reply_unknown(call, "capa", condition->is_negated, word->word, text);
            return false;
        }
    }
    return true;
}

/* The last word of a kind counts; only ids add up. */
static struct client_condition *condition_add(struct client_filter *filter,
                                              enum condition_kind kind, bool is_negated)
{
    struct client_condition *condition = NULL;
    for (uint32_t i = 0; i < filter->count && condition == NULL; i++) {
        struct client_condition *other = &filter->conditions[i];
        if (other->kind == kind && other->is_negated == is_negated) condition = other;
    }
    struct client_condition *more = condition;
    if (condition == NULL || kind == IS_ID) condition = &filter->conditions[filter->count++];
    *condition = (struct client_condition){ .kind = kind, .is_negated = is_negated };
    if (kind != IS_ID || more == NULL) return condition;
    condition->more = more->more;
    condition->is_more = true;
    more->more = condition;
    return condition;
}

static uint32_t take_condition(struct call *call, uint32_t at, struct client_filter *filter)
{
    bool is_negated, is_last = at + 1 == call->argc;
    if (call_arg_is(call, at, "skipme") && !is_last) {
        filter->skips_me = call_arg_is(call, at + 1, "yes");
        if (filter->skips_me || call_arg_is(call, at + 1, "no")) return at + 2;
        reply_syntax_error(call);
        return 0;
    }
    const struct condition_word *word = word_find(call_arg(call, at), &is_negated);
    if (word == NULL || is_last) {
        reply_syntax_error(call);
        return 0;
    }
    struct client_condition *condition = condition_add(filter, word->kind, is_negated);
    if (word->kind == IS_ID) return take_ids(call, at + 1, condition);
    bool is_taken = word->number_name != NULL ? take_number(call, at + 1, word, condition)
                                              : take_text(call, at + 1, word, condition);
    return is_taken ? at + 2 : 0;
}

void client_filter_fini(struct client_filter *filter)
{
    memory_free(filter->conditions);
    filter->conditions = NULL;
}

bool client_filter_parse(struct call *call, uint32_t first, struct client_filter *filter)
{
    *filter = (struct client_filter){ .skips_me = bytes_is_word(call_arg(call, 1), "kill") };
    filter->conditions = memory_alloc(call->argc * sizeof(*filter->conditions));
    for (uint32_t at = first; at < call->argc;) {
        at = take_condition(call, at, filter);
        if (at > 0) continue;
        client_filter_fini(filter);
        return false;
    }
    return true;
}

static bool has_letters(const struct session *session, struct bytes letters)
{
    struct buffer flags = { 0 };
    print_flags(session, &flags);
    bool has_all = true;
    for (size_t i = 0; i < letters.size; i++)
        if (bytes_index_of(buffer_bytes(&flags), letters.data[i]) < 0) has_all = false;
    buffer_fini(&flags);
    return has_all;
}

static bool is_from_ip(const struct session *session, struct bytes ip)
{
    struct bytes address = bytes_text(session->address);
    while (address.size > 0 && address.data[address.size - 1] != ':') address.size--;
    if (address.size > 0) address.size--;
    return bytes_equal(address, ip);
}

static bool has_id(const struct session *session, const struct client_condition *condition)
{
    for (; condition != NULL; condition = condition->more)
        for (uint32_t i = 0; i < condition->id_count; i++) {
            int64_t id;
            if (number_parse(condition->ids[i], &id) && (uint64_t)id == session->id) return true;
        }
    return false;
}

static bool is_set_to(const char *text, struct bytes wanted)
{
    return text[0] != '\0' && bytes_equal(bytes_text(text), wanted);
}

static bool condition_holds(const struct client_condition *condition, time_ms now_ms,
                            const struct session *session)
{
    switch (condition->kind) {
    case IS_TYPE: return type_of(session) == (enum client_type)condition->number;
    case IS_ID: return has_id(session, condition);
    case IS_USER: return bytes_equal(bytes_text(session->user), condition->text);
    case IS_ADDRESS: return bytes_equal(bytes_text(session->address), condition->text);
    case IS_LOCAL_ADDRESS: return bytes_equal(bytes_text(session->local_address), condition->text);
    case IS_OLDER: return (now_ms - session->created_ms) / 1000 >= condition->number;
    case IS_NAMED: return is_set_to(session->name, condition->text);
    case IS_IDLE: return (now_ms - session->active_ms) / 1000 >= condition->number;
    case HAS_FLAGS: return has_letters(session, condition->text);
    case HAS_LIBRARY: return is_set_to(session->library_name, condition->text);
    case HAS_VERSION: return is_set_to(session->library_version, condition->text);
    case IS_IN_DB: return session->db == condition->number;
    case HAS_CAPA: return condition->text.size == 0 || session->flags & SESSION_CAPA_REDIRECT;
    case IS_FROM_IP: return is_from_ip(session, condition->text);
    }
    return false;
}

bool client_filter_matches(const struct client_filter *filter, const struct call *call,
                           const struct session *session)
{
    if (filter->skips_me && session == call->session) return false;
    if (session->kind == SESSION_SCRIPT || session->kind == SESSION_LOADING) return false;
    for (uint32_t i = 0; i < filter->count; i++) {
        const struct client_condition *condition = &filter->conditions[i];
        if (condition->is_more) continue;
        if (condition_holds(condition, call->now_ms, session) == condition->is_negated)
            return false;
    }
    return true;
}
