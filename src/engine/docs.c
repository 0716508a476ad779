/* Reading the syntax strings of rows (grammar: command.h) and writing them as COMMAND DOCS does.
 *
 * The strings are ours: a mistake in one ends the process in the first test that asks. */
#include "engine/docs.h"
#include "base/buffer.h"
#include "base/ensure.h"
#include "base/number.h"

#define SPEC_NONE (-1)

struct argument {
    struct bytes name;
    const char *type;
    struct bytes token;
    bool has_token;
    struct bytes display; /* empty: the name */
    struct bytes since, deprecated, summary;
    int spec; /* key spec, or SPEC_NONE */
    bool is_optional, is_multiple, is_multiple_token;
    struct bytes children; /* of oneof and block */
    char separator;        /* between them */
};

struct reader {
    const char *at;
    const char *end;
};

static char peek(const struct reader *reader)
{
    return reader->at < reader->end ? *reader->at : '\0';
}

static bool take(struct reader *reader, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(reader->end - reader->at) < size) return false;
    if (memcmp(reader->at, text, size) != 0) return false;
    reader->at += size;
    return true;
}

static bool is_word_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

static bool is_token_start(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || byte == '\'';
}

/* A word, or what stands in single quotes. */
static struct bytes take_word(struct reader *reader)
{
    const char *start = reader->at;
    if (peek(reader) == '\'') {
        start = ++reader->at;
        while (peek(reader) != '\'') {
            ensure(reader->at < reader->end);
            reader->at++;
        }
        return bytes_of(start, (size_t)(reader->at++ - start));
    }
    while (is_word_byte(peek(reader))) reader->at++;
    ensure(reader->at > start);
    return bytes_of(start, (size_t)(reader->at - start));
}

/* Everything up to the bracket that closes this one; the text behind '<' may hold any byte. */
static struct bytes take_children(struct reader *reader, char open, char close)
{
    const char *start = reader->at;
    for (int depth = 1; reader->at < reader->end; reader->at++) {
        if (*reader->at == '<')
            while (peek(reader) != '>') reader->at++;
        if (*reader->at == open) depth++;
        if (*reader->at == close && --depth == 0)
            return bytes_of(start, (size_t)(reader->at++ - start));
    }
    ensure_unreachable();
}

/* Up to one of the bytes that may follow in a list of suffixes. */
static struct bytes take_until(struct reader *reader, const char *stops)
{
    const char *start = reader->at;
    while (reader->at < reader->end && strchr(stops, *reader->at) == NULL) reader->at++;
    return bytes_of(start, (size_t)(reader->at - start));
}

static const char *type_of(struct reader *reader, const struct argument *argument)
{
    static const char *const types[] = { "integer",   "double", "pattern",
                                         "unix-time", "string", "key" };
    if (take(reader, ":")) {
        struct bytes word = take_word(reader);
        for (size_t i = 0; i < COUNT_OF(types); i++)
            if (bytes_equal(word, bytes_text(types[i]))) return types[i];
        ensure_unreachable();
    }
    return bytes_equal(argument->name, BYTES("key")) ? "key" : "string";
}

static void read_kind(struct reader *reader, struct argument *argument)
{
    if (is_token_start(peek(reader))) {
        argument->token = take_word(reader);
        argument->has_token = true;
        if (!take(reader, "=")) {
            argument->name = argument->token; /* printed in lower case */
            argument->type = "pure-token";
            return;
        }
    }
    argument->name = take_word(reader);
    if (peek(reader) == ':' && is_token_start(reader->at[1])) {
        reader->at++;
        argument->token = take_word(reader);
        argument->has_token = true;
        argument->type = "pure-token";
    } else if (take(reader, "(")) {
        argument->type = "oneof";
        argument->children = take_children(reader, '(', ')');
        argument->separator = '|';
    } else if (take(reader, "{")) {
        argument->type = "block";
        argument->children = take_children(reader, '{', '}');
        argument->separator = ' ';
    } else {
        argument->type = type_of(reader, argument);
    }
    if (strcmp(argument->type, "key") == 0) argument->spec = 0;
}

static void read_suffixes(struct reader *reader, struct argument *argument)
{
    static const char stops[] = "@+<# |)]}";
    for (;;) {
        if (take(reader, "+...")) {
            argument->is_multiple = argument->is_multiple_token = true;
        } else if (take(reader, "...")) {
            argument->is_multiple = true;
        } else if (take(reader, "#")) {
            argument->spec = *reader->at++ - '0';
        } else if (take(reader, "/")) {
            argument->display = take_word(reader);
            if (take(reader, ":")) {
                struct bytes more = take_word(reader);
                argument->display.size += 1 + more.size;
            }
        } else if (take(reader, "@-")) {
            argument->deprecated = take_until(reader, stops);
        } else if (take(reader, "@")) {
            argument->since = take_until(reader, stops);
        } else if (take(reader, "<")) {
            argument->summary = take_until(reader, ">");
            reader->at++;
        } else {
            return;
        }
    }
}

/* The next argument of a list; false at its end. */
static bool read_argument(struct reader *reader, char separator, struct argument *argument)
{
    if (reader->at == reader->end) return false;
    *argument = (struct argument){ .spec = SPEC_NONE };
    argument->is_optional = take(reader, "[");
    read_kind(reader, argument);
    read_suffixes(reader, argument);
    if (argument->is_optional) ensure(take(reader, "]"));
    if (reader->at < reader->end) ensure(*reader->at++ == separator);
    return true;
}

/* --- writing ----------------------------------------------------------------------------- */

static void write_name(struct resp_writer *writer, struct bytes name)
{
    char lower[64];
    ensure(name.size < sizeof(lower));
    for (size_t i = 0; i < name.size; i++)
        lower[i] =
            (char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + 32 : name.data[i]);
    resp_bulk(writer, bytes_of(lower, name.size));
}

static size_t write_pair(struct resp_writer *writer, const char *name, struct bytes value)
{
    if (value.size == 0) return 0;
    resp_bulk_text(writer, name);
    resp_bulk(writer, value);
    return 1;
}

static size_t write_flags(struct resp_writer *writer, const struct argument *argument)
{
    size_t count =
        (size_t)argument->is_optional + argument->is_multiple + argument->is_multiple_token;
    if (count == 0) return 0;
    resp_bulk_text(writer, "flags");
    resp_set(writer, count);
    if (argument->is_optional) resp_simple(writer, "optional");
    if (argument->is_multiple) resp_simple(writer, "multiple");
    if (argument->is_multiple_token) resp_simple(writer, "multiple_token");
    return 1;
}

static void write_list(struct resp_writer *writer, struct bytes text, char separator, int depth);

static void write_argument(struct resp_writer *writer, const struct argument *argument, int depth)
{
    bool is_group = argument->children.data != NULL;
    struct output_mark mark = resp_begin(writer);
    size_t count = 2;
    resp_bulk_text(writer, "name");
    write_name(writer, argument->name);
    resp_bulk_text(writer, "type");
    resp_bulk_text(writer, argument->type);
    if (!is_group) {
        resp_bulk_text(writer, "display_text");
        write_name(writer, argument->display.size > 0 ? argument->display : argument->name);
        count++;
    }
    if (argument->spec != SPEC_NONE) {
        resp_bulk_text(writer, "key_spec_index");
        resp_integer(writer, argument->spec);
        count++;
    }
    if (argument->has_token) {
        resp_bulk_text(writer, "token");
        resp_bulk(writer, argument->token);
        count++;
    }
    count += write_pair(writer, "summary", argument->summary);
    count += write_pair(writer, "since", argument->since);
    count += write_pair(writer, "deprecated_since", argument->deprecated);
    count += write_flags(writer, argument);
    if (is_group) {
        resp_bulk_text(writer, "arguments");
        write_list(writer, argument->children, argument->separator, depth + 1);
        count++;
    }
    resp_end_map(writer, mark, count);
}

static void write_list(struct resp_writer *writer, struct bytes text, char separator, int depth)
{
    ensure(depth < 16);
    struct reader reader = { .at = text.data, .end = text.data + text.size };
    struct argument argument;
    struct output_mark mark = resp_begin(writer);
    size_t count = 0;
    while (read_argument(&reader, separator, &argument)) {
        write_argument(writer, &argument, depth);
        count++;
    }
    resp_end_array(writer, mark, count);
}

void docs_write_arguments(struct resp_writer *writer, const char *syntax)
{
    write_list(writer, bytes_text(syntax), ' ', 0);
}
