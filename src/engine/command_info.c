/* COMMAND: what the rows say, in the forms that clients read. */
#include "base/ensure.h"
#include "base/glob.h"
#include "engine/docs.h"
#include "engine/internal.h"
#include <stdio.h>

static const char *const flag_names[] = {
    "write",        "readonly",          "denyoom",          "admin",
    "pubsub",       "noscript",          "loading",          "stale",
    "skip_monitor", "no_mandatory_keys", "no_async_loading", "blocking",
    "fast",         "movablekeys",       "no_auth",          "no_multi",
    "allow_busy",   "skip_commandlog",   "asking",
};

static const char *const category_names[ACL_CATEGORY_COUNT] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting",
};

static const char *const group_names[] = {
    [GROUP_GENERIC] = "generic",
    [GROUP_STRING] = "string",
    [GROUP_LIST] = "list",
    [GROUP_SET] = "set",
    [GROUP_SORTED_SET] = "sorted-set",
    [GROUP_HASH] = "hash",
    [GROUP_PUBSUB] = "pubsub",
    [GROUP_TRANSACTIONS] = "transactions",
    [GROUP_CONNECTION] = "connection",
    [GROUP_SERVER] = "server",
    [GROUP_SCRIPTING] = "scripting",
    [GROUP_HYPERLOGLOG] = "hyperloglog",
    [GROUP_CLUSTER] = "cluster",
    [GROUP_GEO] = "geo",
    [GROUP_STREAM] = "stream",
    [GROUP_BITMAP] = "bitmap",
};

static const char *const key_flag_names[] = {
    "RO",     "RW",     "OW",      "RM",         "access",        "update",
    "insert", "delete", "not_key", "incomplete", "variable_flags"
};

/* --- pieces ------------------------------------------------------------------------------ */

static void reply_bits(struct call *call, uint32_t bits, const char *const *names, size_t count,
                       const char *prefix)
{
    reply_set(call, (size_t)__builtin_popcount(bits));
    for (size_t i = 0; i < count; i++) {
        if (!(bits & 1u << i)) continue;
        char word[64];
        int size = snprintf(word, sizeof(word), "%s%s", prefix, names[i]);
        resp_simple_bytes(call->writer, bytes_of(word, (size_t)size));
    }
}

/* Words of a text, separated by one byte. */
static size_t split(struct bytes text, char separator, struct bytes *parts, size_t capacity)
{
    size_t count = 0;
    while (text.size > 0 && count < capacity) {
        ptrdiff_t at = bytes_index_of(text, separator);
        size_t size = at < 0 ? text.size : (size_t)at;
        parts[count++] = bytes_of(text.data, size);
        text = bytes_from(text, at < 0 ? size : size + 1);
    }
    return count;
}

static void reply_tips(struct call *call, const char *tips)
{
    struct bytes words[8];
    size_t count = tips == NULL ? 0 : split(bytes_text(tips), ' ', words, COUNT_OF(words));
    reply_set(call, count);
    for (size_t i = 0; i < count; i++) reply_bytes(call, words[i]);
}

static void reply_number(struct call *call, const char *name, int64_t value)
{
    reply_text(call, name);
    reply_integer(call, value);
}

static void reply_begin_search(struct call *call, const struct key_spec *spec)
{
    static const char *const names[] = { [KEY_BEGIN_INDEX] = "index",
                                         [KEY_BEGIN_KEYWORD] = "keyword",
                                         [KEY_BEGIN_UNKNOWN] = "unknown" };
    reply_text(call, "begin_search");
    reply_map(call, 2);
    reply_text(call, "type");
    reply_text(call, names[spec->begin]);
    reply_text(call, "spec");
    if (spec->begin == KEY_BEGIN_INDEX) {
        reply_map(call, 1);
        reply_number(call, "index", spec->start);
    } else if (spec->begin == KEY_BEGIN_KEYWORD) {
        reply_map(call, 2);
        reply_text(call, "keyword");
        reply_text(call, spec->keyword);
        reply_number(call, "startfrom", spec->start);
    } else {
        reply_map(call, 0);
    }
}

static void reply_find_keys(struct call *call, const struct key_spec *spec)
{
    static const char *const names[] = {
        [KEY_FIND_RANGE] = "range", [KEY_FIND_NUMBER] = "keynum", [KEY_FIND_UNKNOWN] = "unknown"
    };
    reply_text(call, "find_keys");
    reply_map(call, 2);
    reply_text(call, "type");
    reply_text(call, names[spec->find]);
    reply_text(call, "spec");
    if (spec->find == KEY_FIND_RANGE) {
        reply_map(call, 3);
        reply_number(call, "lastkey", spec->last);
        reply_number(call, "keystep", spec->step);
        reply_number(call, "limit", spec->limit);
    } else if (spec->find == KEY_FIND_NUMBER) {
        reply_map(call, 3);
        reply_number(call, "keynumidx", spec->last);
        reply_number(call, "firstkey", spec->first);
        reply_number(call, "keystep", spec->step);
    } else {
        reply_map(call, 0);
    }
}

static void reply_specs(struct call *call, const struct command *command)
{
    size_t count = 0;
    const struct key_spec *spec = command->keys;
    while (spec != NULL && spec[count].begin != KEY_SPEC_END) count++;
    reply_set(call, count);
    for (size_t i = 0; i < count; i++, spec++) {
        reply_map(call, spec->notes != NULL ? 4 : 3);
        if (spec->notes != NULL) {
            reply_text(call, "notes");
            reply_text(call, spec->notes);
        }
        reply_text(call, "flags");
        reply_bits(call, key_spec_flags(command, spec), key_flag_names, COUNT_OF(key_flag_names),
                   "");
        reply_begin_search(call, spec);
        reply_find_keys(call, spec);
    }
}

/* --- INFO -------------------------------------------------------------------------------- */

static void reply_info(struct call *call, const struct command_entry *entry)
{
    const struct command *command = entry->command;
    reply_array(call, 10);
    reply_text(call, entry->name);
    reply_integer(call, command->arity);
    reply_bits(call, entry->flags & ((CMD_SHOWN_LAST << 1) - 1), flag_names, COUNT_OF(flag_names),
               "");
    reply_integer(call, entry->key_first);
    reply_integer(call, entry->key_last);
    reply_integer(call, entry->key_step);
    reply_bits(call, entry->acl, category_names, COUNT_OF(category_names), "@");
    reply_tips(call, command->tips);
    reply_specs(call, command);
    reply_array(call, entry->sub_count);
    for (uint32_t i = 0; i < entry->sub_count; i++) reply_info(call, &entry->subs[i]);
}

static void command(struct call *call)
{
    const struct command_table *table = &call->engine->table;
    reply_array(call, table->count);
    for (uint32_t i = 0; i < table->count; i++) reply_info(call, table->entries[i]);
}

static void command_info(struct call *call)
{
    if (call->argc == 2) {
        command(call);
        return;
    }
    reply_array(call, call->argc - 2);
    for (uint32_t i = 2; i < call->argc; i++) {
        const struct command_entry *entry =
            command_table_find_full(&call->engine->table, call_arg(call, i));
        if (entry != NULL)
            reply_info(call, entry);
        else
            reply_null(call);
    }
}

static void command_count(struct call *call)
{
    reply_integer(call, call->engine->table.count);
}

/* --- DOCS -------------------------------------------------------------------------------- */

static size_t reply_doc_text(struct call *call, const char *name, const char *text)
{
    if (text == NULL) return 0;
    reply_text(call, name);
    reply_text(call, text);
    return 1;
}

static size_t reply_history(struct call *call, const char *history)
{
    if (history == NULL) return 0;
    struct bytes lines[16];
    size_t count = split(bytes_text(history), '\n', lines, COUNT_OF(lines));
    reply_text(call, "history");
    reply_set(call, count);
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t space = bytes_index_of(lines[i], ' ');
        ensure(space > 0);
        reply_array(call, 2);
        reply_bytes(call, bytes_of(lines[i].data, (size_t)space));
        reply_bytes(call, bytes_from(lines[i], (size_t)space + 1));
    }
    return 1;
}

static void reply_docs(struct call *call, const struct command_entry *entry)
{
    static const char *const doc_flags[] = { "deprecated", "syscmd" };
    const struct command *command = entry->command;
    struct output_mark mark = resp_begin(call->writer);
    size_t count = reply_doc_text(call, "summary", command->summary);
    count += reply_doc_text(call, "since", command->since);
    count += reply_doc_text(call, "group", group_names[command->group]);
    count += reply_doc_text(call, "complexity", command->complexity);
    if (command->doc_flags != 0) {
        reply_text(call, "doc_flags");
        reply_bits(call, command->doc_flags, doc_flags, COUNT_OF(doc_flags), "");
        count++;
    }
    count += reply_doc_text(call, "deprecated_since", command->deprecated_since);
    count += reply_doc_text(call, "replaced_by", command->replaced_by);
    count += reply_history(call, command->history);
    if (command->args != NULL) {
        reply_text(call, "arguments");
        docs_write_arguments(call->writer, command->args);
        count++;
    }
    if (entry->sub_count > 0) {
        reply_text(call, "subcommands");
        reply_map(call, entry->sub_count);
        for (uint32_t i = 0; i < entry->sub_count; i++) {
            reply_text(call, entry->subs[i].name);
            reply_docs(call, &entry->subs[i]);
        }
        count++;
    }
    resp_end_map(call->writer, mark, count);
}

static void command_docs(struct call *call)
{
    const struct command_table *table = &call->engine->table;
    struct output_mark mark = resp_begin(call->writer);
    size_t count = 0;
    uint32_t wanted = call->argc == 2 ? table->count : call->argc - 2;
    for (uint32_t i = 0; i < wanted; i++) {
        const struct command_entry *entry =
            call->argc == 2 ? table->entries[i]
                            : command_table_find_full(table, call_arg(call, i + 2));
        if (entry == NULL) continue;
        reply_text(call, entry->name);
        reply_docs(call, entry);
        count++;
    }
    resp_end_map(call->writer, mark, count);
}

/* --- LIST -------------------------------------------------------------------------------- */

enum list_filter { LIST_ALL, LIST_MODULE, LIST_CATEGORY, LIST_PATTERN };

static uint32_t category_bit(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(category_names); i++)
        if (bytes_is_word(name, category_names[i])) return 1u << i;
    return 0;
}

static size_t list_entry(struct call *call, const struct command_entry *entry,
                         enum list_filter filter)
{
    bool is_wanted = true;
    size_t count = 0;
    if (filter == LIST_MODULE) is_wanted = false;
    if (filter == LIST_CATEGORY) is_wanted = entry->acl & category_bit(call_arg(call, 4));
    if (filter == LIST_PATTERN)
        is_wanted = glob_matches_nocase(call_arg(call, 4), bytes_text(entry->name));
    if (is_wanted) {
        reply_text(call, entry->name);
        count++;
    }
    for (uint32_t i = 0; i < entry->sub_count; i++)
        count += list_entry(call, &entry->subs[i], filter);
    return count;
}

static void command_list(struct call *call)
{
    enum list_filter filter = LIST_ALL;
    if (call->argc == 5 && call_arg_is(call, 2, "filterby")) {
        if (call_arg_is(call, 3, "module")) filter = LIST_MODULE;
        if (call_arg_is(call, 3, "aclcat")) filter = LIST_CATEGORY;
        if (call_arg_is(call, 3, "pattern")) filter = LIST_PATTERN;
    }
    if (filter == LIST_ALL && call->argc != 2) {
        reply_syntax_error(call);
        return;
    }
    const struct command_table *table = &call->engine->table;
    struct output_mark mark = resp_begin(call->writer);
    size_t count = 0;
    for (uint32_t i = 0; i < table->count; i++)
        count += list_entry(call, table->entries[i], filter);
    resp_end_array(call->writer, mark, count);
}

/* --- GETKEYS ----------------------------------------------------------------------------- */

/* The keys of the command behind argument 2, or NULL after an error. */
static const struct key_places *find_keys(struct call *call)
{
    struct engine *engine = call->engine;
    const struct bytes *argv = call->argv + 2;
    uint32_t argc = call->argc - 2;
    const struct command_entry *entry = engine_find_entry(engine, argv, argc);
    if (entry == NULL) {
        reply_error(call, "ERR Invalid command specified");
        return NULL;
    }
    const struct command *command = entry->command;
    bool has_keys = command->find_keys != NULL ||
                    (command->keys != NULL && !(command->key_flags & KEY_IS_CHANNEL));
    if (!has_keys) {
        reply_error(call, "ERR The command has no key arguments");
        return NULL;
    }
    if (!command_takes(command, argc)) {
        reply_error(call, "ERR Invalid number of arguments specified for command");
        return NULL;
    }
    bool is_sound = keys_find(entry, argv, argc, &engine->places);
    if (is_sound && engine->places.count > 0) return &engine->places;
    if (command->flags & CMD_OPTIONAL_KEYS) {
        engine->places.count = 0;
        return &engine->places;
    }
    reply_error(call, "ERR Invalid arguments specified for command");
    return NULL;
}

static void command_getkeys(struct call *call)
{
    const struct key_places *places = find_keys(call);
    if (places == NULL) return;
    reply_array(call, places->count);
    for (uint32_t i = 0; i < places->count; i++)
        reply_bytes(call, call_arg(call, places->items[i].index + 2));
}

static void command_getkeysandflags(struct call *call)
{
    const struct key_places *places = find_keys(call);
    if (places == NULL) return;
    reply_array(call, places->count);
    for (uint32_t i = 0; i < places->count; i++) {
        reply_array(call, 2);
        reply_bytes(call, call_arg(call, places->items[i].index + 2));
        uint32_t flags = places->items[i].flags & ~(uint32_t)KEY_VARIABLE_FLAGS;
        reply_bits(call, flags, key_flag_names, COUNT_OF(key_flag_names), "");
    }
}

static void command_help(struct call *call)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Return details about all commands.",
        "COUNT",
        "    Return the total number of commands in this server.",
        "LIST",
        "    Return a list of all commands in this server.",
        "INFO [<command-name> ...]",
        "    Return details about multiple commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "DOCS [<command-name> ...]",
        "    Return documentation details about multiple commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "GETKEYS <full-command>",
        "    Return the keys from a full command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys and the access flags from a full command.",
        NULL,
    };
    reply_help(call, lines);
}

/* clang-format off */
static const struct command command_subcommands[] = {
    { .name = "count", .run = command_count, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_CONNECTION, .group = GROUP_SERVER, .since = "2.8.13", .complexity = "O(1)",
      .summary = "Returns a count of commands." },
    { .name = "docs", .run = command_docs, .arity = -2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_CONNECTION, .group = GROUP_SERVER, .args = "[command-name...]", .since = "7.0.0",
      .complexity = "O(N) where N is the number of commands to look up",
      .summary = "Returns documentary information about one, multiple or all commands.",
      .tips = "nondeterministic_output_order" },
    { .name = "getkeys", .run = command_getkeys, .arity = -3, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_CONNECTION, .group = GROUP_SERVER, .args = "command [arg...]", .since = "2.8.13",
      .complexity = "O(N) where N is the number of arguments to the command",
      .summary = "Extracts the key names from an arbitrary command." },
    { .name = "getkeysandflags", .run = command_getkeysandflags, .arity = -3,
      .flags = CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION, .group = GROUP_SERVER,
      .args = "command [arg...]", .since = "7.0.0",
      .complexity = "O(N) where N is the number of arguments to the command",
      .summary = "Extracts the key names and access flags for an arbitrary command." },
    { .name = "help", .run = command_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_CONNECTION, .group = GROUP_SERVER, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "info", .run = command_info, .arity = -2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_CONNECTION, .group = GROUP_SERVER, .args = "[command-name...]", .since = "2.8.13",
      .complexity = "O(N) where N is the number of commands to look up",
      .summary = "Returns information about one, multiple or all commands.",
      .tips = "nondeterministic_output_order",
      .history = "7.0.0 Allowed to be called with no argument to get info on all commands." },
    { .name = "list", .run = command_list, .arity = -2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_CONNECTION, .group = GROUP_SERVER,
      .args = "[FILTERBY=filterby(MODULE=module-name|ACLCAT=category|PATTERN=pattern:pattern)]",
      .since = "7.0.0", .complexity = "O(N) where N is the total number of commands",
      .summary = "Returns a list of command names.", .tips = "nondeterministic_output_order" },
    { 0 },
};

const struct command command_rows[] = {
    { .name = "command", .run = command, .arity = -1, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_CONNECTION, .group = GROUP_SERVER, .since = "2.8.13",
      .complexity = "O(N) where N is the total number of commands",
      .summary = "Returns detailed information about all commands.",
      .tips = "nondeterministic_output_order", .subcommands = command_subcommands },
    { 0 },
};
/* clang-format on */
