/* Help from COMMAND DOCS: the server at hand describes the commands that it really has. */
#include "tools/cli_help.h"

#include "os/terminal.h"
#include <ctype.h>
#include <stdio.h>

struct resp_value *cli_help_fetch(struct cli_link *link)
{
    struct bytes argv[] = { BYTES("COMMAND"), BYTES("DOCS") };
    struct resp_value *docs;
    if (link->fd < 0 || cli_link_ask(link, 2, argv, &docs)) return NULL;
    if (resp_value_is_aggregate(docs)) return docs;
    resp_value_destroy(docs);
    return NULL;
}

static const char *text_of(const struct resp_value *map, const char *key)
{
    const struct resp_value *value = resp_value_find(map, key);
    return value == NULL || value->text.data == NULL ? "" : value->text.data;
}

static bool has_flag(const struct resp_value *argument, const char *flag)
{
    const struct resp_value *flags = resp_value_find(argument, "flags");
    for (size_t i = 0; flags != NULL && i < flags->count; ++i)
        if (bytes_equal(flags->items[i].text, bytes_text(flag))) return true;
    return false;
}

static void append_arguments(const struct resp_value *arguments, const char *between,
                             struct buffer *into);

/* An argument without its brackets. */
static void append_plain(const struct resp_value *argument, struct buffer *into)
{
    const char *token = text_of(argument, "token");
    const char *type = text_of(argument, "type");
    const struct resp_value *parts = resp_value_find(argument, "arguments");
    if (*token != '\0') buffer_append_text(into, token);
    if (strcmp(type, "pure-token") == 0) return;
    if (*token != '\0') buffer_append_byte(into, ' ');
    if (parts != NULL)
        append_arguments(parts, strcmp(type, "oneof") == 0 ? "|" : " ", into);
    else if (*text_of(argument, "display_text") != '\0')
        buffer_append_text(into, text_of(argument, "display_text"));
    else
        buffer_append_text(into, text_of(argument, "name"));
}

static void append_argument(const struct resp_value *argument, struct buffer *into)
{
    bool is_optional = has_flag(argument, "optional");
    if (is_optional) buffer_append_byte(into, '[');
    append_plain(argument, into);
    if (has_flag(argument, "multiple")) {
        buffer_append_text(into, " [");
        append_plain(argument, into);
        buffer_append_text(into, " ...]");
    }
    if (is_optional) buffer_append_byte(into, ']');
}

static void append_arguments(const struct resp_value *arguments, const char *between,
                             struct buffer *into)
{
    for (size_t i = 0; i < arguments->count; ++i) {
        if (i > 0) buffer_append_text(into, between);
        append_argument(&arguments->items[i], into);
    }
}

/* "config|set" as "CONFIG SET". */
static void append_name(struct bytes name, struct buffer *into)
{
    for (size_t i = 0; i < name.size; ++i)
        buffer_append_byte(into,
                           name.data[i] == '|' ? ' ' : (char)toupper((unsigned char)name.data[i]));
}

static void print_command(struct bytes name, const struct resp_value *facts)
{
    bool is_terminal = terminal_is_attached(TERMINAL_OUT);
    const char *bold = is_terminal ? "\x1b[1m" : "";
    const char *yellow = is_terminal ? "\x1b[33m" : "";
    const char *plain = is_terminal ? "\x1b[0m" : "";
    const struct resp_value *arguments = resp_value_find(facts, "arguments");
    struct buffer title = { 0 };
    struct buffer syntax = { 0 };
    append_name(name, &title);
    if (arguments != NULL) append_arguments(arguments, " ", &syntax);
    buffer_append_byte(&title, '\0');
    buffer_append_byte(&syntax, '\0');
    printf("\n  %s%s%s %s\n", bold, title.data, plain, syntax.data);
    printf("  %ssummary:%s %s\n", yellow, plain, text_of(facts, "summary"));
    printf("  %ssince:%s %s\n", yellow, plain, text_of(facts, "since"));
    printf("  %sgroup:%s %s\n", yellow, plain, text_of(facts, "group"));
    buffer_fini(&title);
    buffer_fini(&syntax);
}

static void print_introduction(void)
{
    printf("eir-cli %s\n"
           "      \"help @<group>\" lists the commands of a group\n"
           "      \"help <command>\" explains a command\n"
           "      <tab> completes the name of a command\n"
           "      \"connect <host> <port>\" goes to another server\n"
           "      \"quit\" ends\n",
           EIR_VERSION);
}

/* Does the name match the words? "config set" also finds "config|set". */
static bool matches(struct bytes name, size_t argc, const struct bytes *argv)
{
    for (size_t i = 0; i < argc; ++i) {
        if (name.size < argv[i].size ||
            !bytes_equal_nocase(bytes_of(name.data, argv[i].size), argv[i]))
            return false;
        name = bytes_from(name, argv[i].size);
        if (name.size == 0) return i + 1 == argc;
        if (name.data[0] != '|') return false;
        name = bytes_from(name, 1);
    }
    return true;
}

static size_t print_matches(const struct resp_value *docs, size_t argc, const struct bytes *argv)
{
    size_t found = 0;
    bool is_group = argv[0].size > 0 && argv[0].data[0] == '@';
    for (size_t i = 0; i + 1 < docs->count; i += 2) {
        struct bytes name = docs->items[i].text;
        const struct resp_value *facts = &docs->items[i + 1];
        const struct resp_value *group = resp_value_find(facts, "group");
        bool is_wanted =
            is_group ? group != NULL && bytes_equal_nocase(bytes_from(argv[0], 1), group->text)
                     : matches(name, argc, argv);
        if (is_wanted) {
            print_command(name, facts);
            ++found;
        }
        const struct resp_value *children = resp_value_find(facts, "subcommands");
        if (children != NULL && !is_group) found += print_matches(children, argc, argv);
    }
    return found;
}

bool cli_help_print(struct cli_link *link, size_t argc, const struct bytes *argv)
{
    if (argc < 2) {
        print_introduction();
        return true;
    }
    if (link->fd < 0 && cli_link_open(link)) return false;
    struct resp_value *docs = cli_help_fetch(link);
    if (docs == NULL) {
        fprintf(stderr, "The server has no COMMAND DOCS.\n");
        return false;
    }
    print_matches(docs, argc - 1, argv + 1);
    printf("\n");
    resp_value_destroy(docs);
    return true;
}
