/* One call of one command: its arguments, its replies, what it changed.
 *
 * This is all that a row's function sees. Helpers that answer an error themselves return false
 * (or NULL): the row returns at once. */
#ifndef EIR_ENGINE_CALL_H
#define EIR_ENGINE_CALL_H

#include "base/ensure.h"
#include "engine/engine.h"
#include "engine/notify.h"
#include "keyspace/keyspace.h"
#include "resp/inline.h"

struct call {
    const struct bytes *argv; /* borrowed; argv[0] is the command */
    uint32_t argc;
    struct resp_writer *writer; /* where replies go */
    struct session *session;
    struct engine *engine;
    struct command_entry *entry; /* the row in the engine's table, with its statistics */
    const struct command *command;
    struct keyspace *keyspace;
    int32_t slot;                /* of its keys; -1: no cluster, or no keys */
    const struct access *access; /* when and on whose behalf keys are touched */
    const struct key *first_key; /* key_count of them were looked up ahead with the batch, */
    uint32_t first_key_index;    /* from this argument on; 0: there is none */
    uint32_t key_count, key_step;
    time_ms now_ms;
    time_ms wall_ms;
    uint64_t hidden;       /* see call_hide */
    uint64_t stall_ns;     /* the process will stop so long for it: its own time (DEBUG SLEEP) */
    struct buffer *source; /* holds this request alone, and may be emptied; or NULL */
    uint32_t notified;     /* classes of events that are published: enum notify_class */
    bool is_failed;        /* an error was answered */
    bool is_changed;       /* see call_changed */
    bool is_propagation_overridden;
};

/* --- arguments --------------------------------------------------------------------------- */

static inline struct bytes call_arg(const struct call *call, uint32_t index)
{
    return call->argv[index];
}

static inline bool call_arg_is(const struct call *call, uint32_t index, const char *word)
{
    return index < call->argc && bytes_is_word(call->argv[index], word);
}

/* The command's full name: "get", "config|get". */
const char *call_name(const struct call *call);

/* The argument as a 64-bit integer, or "value is not an integer or out of range". */
bool call_integer(struct call *call, uint32_t index, int64_t *value);
/* The same with an error text of one's own ("ERR timeout is not an integer or out of range"). */
bool call_integer_or(struct call *call, uint32_t index, const char *error, int64_t *value);
/* The argument as the number of a database, or what Valkey answers. */
bool call_database(struct call *call, uint32_t index, uint32_t *db);
/* Milliseconds from now for a block: not negative; 0 is TIME_NEVER. */
bool call_timeout_ms(struct call *call, uint32_t index, time_ms *deadline_ms);

/* The argument as a key of the session's database. */
struct key call_key_beside(const struct call *call, uint32_t index);
static inline struct key call_key(const struct call *call, uint32_t index)
{
    uint32_t place = index - call->first_key_index;
    if (place == 0 || (call->key_step == 1 && place < call->key_count))
        return call->first_key[place];
    return call_key_beside(call, index);
}

/* The entry behind a key, NULL when it is absent; false when it holds no string: answered. */
static inline bool call_is_string(struct call *call, const struct entry *entry);
static inline bool call_string_for_read(struct call *call, const struct key *key,
                                        struct entry **entry);
static inline bool call_string_for_write(struct call *call, const struct key *key,
                                         struct entry **entry);
/* The same for any type: *entry is NULL when the key is absent; false when it holds something
 * else: answered. */
static inline bool call_find_for_read(struct call *call, const struct key *key,
                                      enum value_type type, struct entry **entry);
static inline bool call_find_for_write(struct call *call, const struct key *key,
                                       enum value_type type, struct entry **entry);
/* A collection was edited, and `value` is where it stands now: told to whom it concerns. Events of
 * the row's own come behind it, then call_emptied when nothing is left in it. */
void call_edited(struct call *call, const struct key *key, struct entry *entry, void *value);
/* The key goes, as a collection without elements must; publishes "del". */
void call_emptied(struct call *call, const struct key *key);
/* For reading without touching the access clock: TTL, TYPE, EXISTS. */
struct entry *call_find_untouched(struct call *call, const struct key *key);

/* For a command whose slot no key spec names (CLUSTERSCAN): false when a redirect was answered. */
bool call_slot_is_served(struct call *call, unsigned slot);
/* The same as a plain question. */
bool call_is_slot_here(const struct call *call, unsigned slot);

/* The object that engine_options.host named, checked by its magic: for rows of the node. */
void *call_host(const struct call *call);

/* --- replies ----------------------------------------------------------------------------- */

static inline void reply_ok(struct call *call)
{
    resp_fast_ok(call->writer);
}
static inline void reply_null(struct call *call)
{
    resp_fast_null(call->writer);
}
static inline void reply_null_array(struct call *call)
{
    resp_null_array(call->writer);
}
static inline void reply_integer(struct call *call, int64_t value)
{
    resp_fast_integer(call->writer, value);
}
static inline void reply_bool(struct call *call, bool value)
{
    resp_bool(call->writer, value);
}
static inline void reply_double(struct call *call, double v)
{
    resp_double(call->writer, v);
}
static inline void reply_bytes(struct call *call, struct bytes value)
{
    resp_fast_bulk(call->writer, value);
}
static inline void reply_text(struct call *call, const char *text)
{
    resp_bulk_text(call->writer, text);
}
static inline void reply_simple(struct call *call, const char *text)
{
    resp_simple(call->writer, text);
}
static inline void reply_array(struct call *call, size_t n)
{
    resp_array(call->writer, n);
}
static inline void reply_map(struct call *call, size_t pairs)
{
    resp_map(call->writer, pairs);
}
static inline void reply_set(struct call *call, size_t n)
{
    resp_set(call->writer, n);
}
static inline void reply_push(struct call *call, size_t n)
{
    resp_push(call->writer, n);
}
/* The string that the entry holds; a large one is sent without a copy. */
void reply_string(struct call *call, struct entry *entry);
/* "txt": what INFO and CLIENT LIST answer. */
void reply_verbatim(struct call *call, struct bytes text);
/* HELP: "<NAME> <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", the lines, and those of
 * HELP itself. `lines` ends with NULL. */
void reply_help(struct call *call, const char *const *lines);

/* Errors: the whole text with its code. Counted in the statistics; the call has failed. */
void reply_error(struct call *call, const char *text);
void reply_error_format(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reply_syntax_error(struct call *call);
void reply_wrong_arity(struct call *call);
void reply_wrong_type(struct call *call);
/* "unknown subcommand or wrong number of arguments for '...'. Try X HELP." */
void reply_subcommand_error(struct call *call);

static inline bool call_is_type(struct call *call, const struct entry *entry, enum value_type type)
{
    if (entry == NULL || entry_type(entry) == type) return true;
    reply_wrong_type(call);
    return false;
}

static inline bool call_find_for_read(struct call *call, const struct key *key,
                                      enum value_type type, struct entry **entry)
{
    *entry = keyspace_find_for_read(call->keyspace, call->access, key);
    return call_is_type(call, *entry, type);
}

static inline bool call_find_for_write(struct call *call, const struct key *key,
                                       enum value_type type, struct entry **entry)
{
    *entry = keyspace_find_for_write(call->keyspace, call->access, key);
    return call_is_type(call, *entry, type);
}

static inline bool call_is_string(struct call *call, const struct entry *entry)
{
    return call_is_type(call, entry, VALUE_STRING);
}

static inline bool call_string_for_read(struct call *call, const struct key *key,
                                        struct entry **entry)
{
    return call_find_for_read(call, key, VALUE_STRING, entry);
}

static inline bool call_string_for_write(struct call *call, const struct key *key,
                                         struct entry **entry)
{
    return call_find_for_write(call, key, VALUE_STRING, entry);
}

/* --- who else reads the request ----------------------------------------------------------- */

/* MONITOR and the logs of commands show this in place of the argument. */
#define CALL_HIDDEN "(redacted)"
static inline void call_hide(struct call *call, uint32_t index)
{
    call->hidden |= (uint64_t)1 << MIN(index, 63u); /* with the 63rd go all behind it */
}
static inline bool call_is_hidden(const struct call *call, uint32_t index)
{
    return call->hidden >> MIN(index, 63u) & 1;
}
/* Tells MONITOR now: for a row with CMD_SKIP_MONITOR whose own calls come behind it (EVAL). */
void call_show(struct call *call);

void notify_event(struct call *call, uint32_t class, const char *event, const struct key *key);

/* --- effects ----------------------------------------------------------------------------- */

/* A command that changed the keyspace is propagated as it was sent, unless one of these says
 * otherwise. */

/* Says that something changed which the keyspace does not see (PUBLISH, FLUSHALL of nothing). */
void call_changed(struct call *call);
/* A change that was told once was one of so many elements: each counts to the rules of saving. */
static inline void call_changed_many(struct call *call, size_t count)
{
    if (count > 1) keyspace_dirty_add(call->keyspace, count - 1);
}
/* Propagates this instead; may be called several times. */
void call_propagate(struct call *call, uint32_t argc, const struct bytes *argv);
/* The same in another database than the session's. */
void call_propagate_in(struct call *call, int32_t db, uint32_t argc, const struct bytes *argv);
/* Propagates nothing of this call. */
void call_propagate_nothing(struct call *call);

/* Publishes what happened to the key: "set", "rename_from". Said behind the change itself; the key
 * says in which database. */
static inline void call_notify(struct call *call, uint32_t class, const char *event,
                               const struct key *key)
{
    if (__builtin_expect(call->notified & class, 0)) notify_event(call, class, event, key);
}

/* Answers later: the row that called this must arrange for the reply. Inside MULTI, EXEC and
 * scripts nothing may block: false then, and the row answers at once what a time-out would. */
bool call_block(struct call *call, enum block_reason reason, time_ms deadline_ms,
                void (*timed_out)(struct engine *engine, struct session *session));

#endif
