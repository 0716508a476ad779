/* What rows call: arguments, errors, effects. */
#include "engine/call.h"
#include "base/memory.h"
#include "base/number.h"
#include "engine/internal.h"
#include "keyspace/inline.h"
#include <stdarg.h>
#include <stdio.h>

#define TIMEOUT_MAX_MS (INT64_MAX / 4) /* as good as for ever; sums cannot overflow */

static const char not_an_integer[] = "ERR value is not an integer or out of range";

/* --- arguments --------------------------------------------------------------------------- */

const char *call_name(const struct call *call)
{
    return call->entry->name;
}

bool call_integer(struct call *call, uint32_t index, int64_t *value)
{
    return call_integer_or(call, index, not_an_integer, value);
}

bool call_integer_or(struct call *call, uint32_t index, const char *error, int64_t *value)
{
    if (number_parse(call_arg(call, index), value)) return true;
    reply_error(call, error);
    return false;
}

bool call_database(struct call *call, uint32_t index, uint32_t *db)
{
    int64_t value;
    if (!call_integer(call, index, &value)) return false;
    if (value < INT32_MIN || value > INT32_MAX) {
        reply_error(call, "ERR value is out of range, value must between -2147483648 and "
                          "2147483647");
        return false;
    }
    if (value < 0 || value >= keyspace_database_count(call->keyspace)) {
        reply_error(call, "ERR DB index is out of range");
        return false;
    }
    *db = (uint32_t)value;
    return true;
}

bool call_timeout_ms(struct call *call, uint32_t index, time_ms *deadline_ms)
{
    int64_t timeout_ms;
    if (!call_integer_or(call, index, "ERR timeout is not an integer or out of range", &timeout_ms))
        return false;
    if (timeout_ms < 0) {
        reply_error(call, "ERR timeout is negative");
        return false;
    }
    /* Valkey adds it to the wall clock. */
    if (timeout_ms > INT64_MAX - call->wall_ms) {
        reply_error(call, "ERR timeout is out of range");
        return false;
    }
    *deadline_ms = timeout_ms == 0 ? TIME_NEVER : call->now_ms + MIN(timeout_ms, TIMEOUT_MAX_MS);
    return true;
}

struct key call_key_beside(const struct call *call, uint32_t index)
{
    uint32_t place = index - call->first_key_index;
    if (call->key_count > 1 && place % call->key_step == 0 &&
        place / call->key_step < call->key_count)
        return call->first_key[place / call->key_step];
    return keyspace_key(call->keyspace, (uint32_t)call->session->db, call->argv[index]);
}

struct entry *call_find_untouched(struct call *call, const struct key *key)
{
    struct access access = *call->access;
    access.keeps_clock = true;
    return keyspace_find_for_read(call->keyspace, &access, key);
}

void *engine_host(const struct engine *engine)
{
    ensure(engine->host != NULL);
    ensure(*(const uint32_t *)engine->host == engine->host_magic);
    return engine->host;
}

void *call_host(const struct call *call)
{
    return engine_host(call->engine);
}

/* --- replies ----------------------------------------------------------------------------- */

void reply_string(struct call *call, struct entry *entry)
{
    if (entry_form(entry) == FORM_SHORT) { /* most of them */
        resp_fast_bulk(call->writer, entry_short_inline(entry));
        return;
    }
    struct scratch scratch;
    struct bytes text = entry_string(entry, &scratch);
    if (text.size < STRING_SHARE_MIN)
        resp_fast_bulk(call->writer, text);
    else
        resp_bulk_shared(call->writer, entry_string_shared(entry), text);
}

void reply_verbatim(struct call *call, struct bytes text)
{
    resp_verbatim(call->writer, "txt", text);
}

void reply_help(struct call *call, const char *const *lines)
{
    const char *name = call->entry->parent != NULL ? call->entry->parent->name : call->entry->name;
    struct buffer head = { 0 };
    for (; *name != '\0'; name++)
        buffer_append_byte(&head, (char)(*name >= 'a' && *name <= 'z' ? *name - 32 : *name));
    buffer_append_text(&head, " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    size_t count = 0;
    while (lines[count] != NULL) count++;

    resp_array(call->writer, count + 3);
    resp_simple_bytes(call->writer, buffer_bytes(&head));
    for (size_t i = 0; i < count; i++) resp_simple(call->writer, lines[i]);
    resp_simple(call->writer, "HELP");
    resp_simple(call->writer, "    Print this help.");
    buffer_fini(&head);
}

void engine_count_error(struct engine *engine, struct bytes text)
{
    ptrdiff_t space = bytes_index_of(text, ' ');
    size_t size = space < 0 ? text.size : (size_t)space;
    char code[ERROR_CODE_MAX];
    bytes_to_text(bytes_of(text.data, size), code, sizeof(code));
    engine->counters.error_replies++;
    for (uint32_t i = 0; i < engine->error_count; i++) {
        if (strcmp(engine->errors[i].code, code) != 0) continue;
        engine->errors[i].count++;
        return;
    }
    if (engine->error_count == ERROR_CODES_MAX) return;
    struct error_count *error = &engine->errors[engine->error_count++];
    memcpy(error->code, code, sizeof(code));
    error->count = 1;
}

void engine_error(struct engine *engine, struct resp_writer *writer, const char *text)
{
    engine_count_error(engine, bytes_text(text));
    resp_error(writer, text);
}

void reply_error(struct call *call, const char *text)
{
    call->is_failed = true;
    engine_error(call->engine, call->writer, text);
}

void reply_error_format(struct call *call, const char *format, ...)
{
    char small[256];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(small, sizeof(small), format, list);
    va_end(list);
    ensure(size >= 0);
    if ((size_t)size < sizeof(small)) {
        reply_error(call, small);
        return;
    }
    char *large = memory_alloc((size_t)size + 1);
    va_start(list, format);
    vsnprintf(large, (size_t)size + 1, format, list);
    va_end(list);
    reply_error(call, large);
    memory_free(large);
}

void reply_syntax_error(struct call *call)
{
    reply_error(call, "ERR syntax error");
}

void reply_wrong_arity(struct call *call)
{
    reply_error_format(call, "ERR wrong number of arguments for '%s' command", call->entry->name);
}

void reply_wrong_type(struct call *call)
{
    reply_error(call, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

void reply_subcommand_error(struct call *call)
{
    struct bytes word = call->argc > 1 ? call_arg(call, 1) : call_arg(call, 0);
    const char *name = call->entry->parent != NULL ? call->entry->parent->name : call->entry->name;
    char upper[COMMAND_NAME_MAX + 1] = { 0 };
    for (size_t i = 0; name[i] != '\0' && i < COMMAND_NAME_MAX; i++)
        upper[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
    reply_error_format(call,
                       "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s "
                       "HELP.",
                       (int)MIN(word.size, 128), word.data, upper);
}

/* --- effects ----------------------------------------------------------------------------- */

void call_changed(struct call *call)
{
    call->is_changed = true;
}

void call_propagate(struct call *call, uint32_t argc, const struct bytes *argv)
{
    call_propagate_in(call, call->session->db, argc, argv);
}

void call_propagate_in(struct call *call, int32_t db, uint32_t argc, const struct bytes *argv)
{
    call->is_propagation_overridden = true;
    enum session_kind kind = call->session->kind;
    if (kind == SESSION_PRIMARY || kind == SESSION_LOADING) return;
    /* Keys that expired while this call looked for them were gone before it did anything. */
    if (call->engine->changes.count > 0) propagation_of_changes(call->engine);
    propagation_append(call->engine, call->session, db, argc, argv);
}

void call_propagate_nothing(struct call *call)
{
    call->is_propagation_overridden = true;
}

void call_edited(struct call *call, const struct key *key, struct entry *entry, void *value)
{
    entry_value_set(entry, value);
    keyspace_modified(call->keyspace, call->access, key);
}

void call_emptied(struct call *call, const struct key *key)
{
    bool was_there = keyspace_delete(call->keyspace, call->access, key);
    ensure(was_there);
    call_notify(call, NOTIFY_GENERIC, "del", key);
}

bool call_block(struct call *call, enum block_reason reason, time_ms deadline_ms,
                void (*timed_out)(struct engine *engine, struct session *session))
{
    if (call->session->kind != SESSION_CLIENT) return false;
    if (call->session->flags & (SESSION_EXECUTING | SESSION_MULTI)) return false;
    session_block(call->engine, call->session, reason, deadline_ms, timed_out);
    return true;
}
