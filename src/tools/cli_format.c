/* Formatting replies, byte for byte as valkey-cli prints them, because scripts read that. */
#include "tools/cli_format.h"

#include <stdio.h>

static void append_quoted(struct buffer *into, struct bytes text)
{
    buffer_append_quoted(into, text);
}

/* --- For a terminal: types are visible, aggregates are numbered and indented --- */

static const char *empty_text(enum resp_type type)
{
    switch (type) {
    case RESP_MAP: return "(empty hash)\n";
    case RESP_SET: return "(empty set)\n";
    case RESP_PUSH: return "(empty push)\n";
    default: return "(empty array)\n";
    }
}

static void terminal_leaf(const struct resp_value *value, struct buffer *into)
{
    switch (value->type) {
    case RESP_ERROR:
    case RESP_BULK_ERROR: buffer_append_text(into, "(error) "); break;
    case RESP_INTEGER: buffer_append_text(into, "(integer) "); break;
    case RESP_DOUBLE: buffer_append_text(into, "(double) "); break;
    case RESP_BIG_NUMBER: buffer_append_text(into, "(big number) "); break;
    case RESP_NULL: buffer_append_text(into, "(nil)\n"); return;
    case RESP_BOOL: buffer_append_text(into, value->boolean ? "(true)\n" : "(false)\n"); return;
    case RESP_BULK:
        append_quoted(into, value->text);
        buffer_append_byte(into, '\n');
        return;
    default: break;
    }
    buffer_append(into, value->text);
    buffer_append_byte(into, '\n');
}

static int digit_count(size_t number)
{
    int count = 1;
    for (; number >= 10; number /= 10) ++count;
    return count;
}

static void terminal_value(const struct resp_value *value, int indent, struct buffer *into);

/* One numbered item; of a map a key and, behind it, its value. */
static void terminal_item(const struct resp_value *value, size_t index, int indent, int width,
                          struct buffer *into)
{
    bool is_map = value->type == RESP_MAP;
    char mark = is_map ? '#' : value->type == RESP_SET ? '~' : ')';
    if (index > 0) buffer_printf(into, "%*s", indent, "");
    buffer_printf(into, "%*zu%c ", width, index + 1, mark);
    int inner = indent + width + 2;
    if (!is_map) {
        terminal_value(&value->items[index], inner, into);
        return;
    }
    terminal_value(&value->items[index * 2], inner, into);
    --into->size; /* the key's line goes on */
    buffer_append_text(into, " => ");
    struct buffer content = { 0 };
    terminal_value(&value->items[index * 2 + 1], inner, &content);
    bool is_aggregate = resp_value_is_aggregate(&value->items[index * 2 + 1]);
    bool has_lines = memchr(content.data, '\n', content.size - 1) != NULL;
    if (is_aggregate && has_lines) buffer_printf(into, "\n%*s", inner, "");
    buffer_append(into, buffer_bytes(&content));
    buffer_fini(&content);
}

static void terminal_value(const struct resp_value *value, int indent, struct buffer *into)
{
    if (!resp_value_is_aggregate(value)) {
        terminal_leaf(value, into);
        return;
    }
    size_t count = value->type == RESP_MAP ? value->count / 2 : value->count;
    if (count == 0) buffer_append_text(into, empty_text(value->type));
    for (size_t i = 0; i < count; ++i) terminal_item(value, i, indent, digit_count(count), into);
}

/* --- Raw: text alone --- */

static void raw_value(const struct cli_options *options, const struct resp_value *value,
                      struct buffer *into)
{
    if (value->type == RESP_BOOL) {
        buffer_append_text(into, value->boolean ? "(true)" : "(false)");
        return;
    }
    buffer_append(into, value->text);
    if (value->type == RESP_ERROR || value->type == RESP_BULK_ERROR) buffer_append_byte(into, '\n');
    for (size_t i = 0; i < value->count; ++i) {
        bool is_content = value->type == RESP_MAP && i % 2 == 1;
        if (i > 0) buffer_append_text(into, is_content ? " " : options->item_delimiter);
        raw_value(options, &value->items[i], into);
    }
}

/* --- CSV: flat --- */

static void csv_value(const struct resp_value *value, struct buffer *into)
{
    switch (value->type) {
    case RESP_ERROR:
    case RESP_BULK_ERROR:
        buffer_append_text(into, "ERROR,");
        append_quoted(into, value->text);
        return;
    case RESP_SIMPLE:
    case RESP_BULK:
    case RESP_VERBATIM: append_quoted(into, value->text); return;
    case RESP_NULL: buffer_append_text(into, "NULL"); return;
    case RESP_BOOL: buffer_append_text(into, value->boolean ? "true" : "false"); return;
    default: buffer_append(into, value->text); break;
    }
    for (size_t i = 0; i < value->count; ++i) {
        if (i > 0) buffer_append_byte(into, ',');
        csv_value(&value->items[i], into);
    }
}

/* --- JSON --- */

static void json_byte(unsigned char byte, struct buffer *into)
{
    static const char letters[][2] = { { '"', '"' },  { '\\', '\\' }, { '\n', 'n' }, { '\r', 'r' },
                                       { '\t', 't' }, { '\b', 'b' },  { '\f', 'f' } };
    for (size_t i = 0; i < COUNT_OF(letters); ++i) {
        if (byte != (unsigned char)letters[i][0]) continue;
        buffer_append_byte(into, '\\');
        buffer_append_byte(into, letters[i][1]);
        return;
    }
    if (byte < 0x20)
        buffer_printf(into, "\\u%04x", byte);
    else
        buffer_append_byte(into, (char)byte);
}

/* ASCII only: the bytes as a quoted string would show them, that text then as JSON. Quotes come
 * out as \\\", where valkey-cli writes \\" and the JSON ends too early. */
static void json_text(struct bytes text, bool is_ascii_only, struct buffer *into)
{
    struct buffer quoted = { 0 };
    if (is_ascii_only) {
        append_quoted(&quoted, text);
        text = bytes_of(quoted.data + 1, quoted.size - 2);
    }
    buffer_append_byte(into, '"');
    for (size_t i = 0; i < text.size; ++i) json_byte((unsigned char)text.data[i], into);
    buffer_append_byte(into, '"');
    buffer_fini(&quoted);
}

static void json_value(const struct resp_value *value, bool is_ascii_only, struct buffer *into);

static void json_key(const struct resp_value *key, bool is_ascii_only, struct buffer *into)
{
    if (!resp_value_is_aggregate(key)) {
        json_text(key->text, is_ascii_only, into);
        return;
    }
    struct buffer text = { 0 }; /* JSON knows text as keys only */
    json_value(key, is_ascii_only, &text);
    json_text(buffer_bytes(&text), is_ascii_only, into);
    buffer_fini(&text);
}

static void json_aggregate(const struct resp_value *value, bool is_ascii_only, struct buffer *into)
{
    bool is_map = value->type == RESP_MAP;
    buffer_append_byte(into, is_map ? '{' : '[');
    for (size_t i = 0; i < value->count; ++i) {
        bool is_key = is_map && i % 2 == 0;
        if (i > 0) buffer_append_byte(into, is_map && i % 2 == 1 ? ':' : ',');
        if (is_key)
            json_key(&value->items[i], is_ascii_only, into);
        else
            json_value(&value->items[i], is_ascii_only, into);
    }
    buffer_append_byte(into, is_map ? '}' : ']');
}

static void json_value(const struct resp_value *value, bool is_ascii_only, struct buffer *into)
{
    switch (value->type) {
    case RESP_ERROR:
    case RESP_BULK_ERROR:
        buffer_append_text(into, "error:");
        json_text(value->text, is_ascii_only, into);
        return;
    case RESP_SIMPLE:
    case RESP_BULK:
    case RESP_VERBATIM: json_text(value->text, is_ascii_only, into); return;
    case RESP_NULL: buffer_append_text(into, "null"); return;
    case RESP_BOOL: buffer_append_text(into, value->boolean ? "true" : "false"); return;
    case RESP_INTEGER:
    case RESP_BIG_NUMBER:
    case RESP_DOUBLE: buffer_append(into, value->text); return;
    default: json_aggregate(value, is_ascii_only, into); return;
    }
}

void cli_format_text(const struct cli_options *options, const struct resp_value *value,
                     struct buffer *into)
{
    raw_value(options, value, into);
}

void cli_format_reply(const struct cli_options *options, const struct resp_value *value,
                      struct buffer *into)
{
    switch (options->format) {
    case CLI_FORMAT_AUTO:
    case CLI_FORMAT_TERMINAL: terminal_value(value, 0, into); return;
    case CLI_FORMAT_RAW: raw_value(options, value, into); break;
    case CLI_FORMAT_CSV: csv_value(value, into); break;
    case CLI_FORMAT_JSON: json_value(value, false, into); break;
    case CLI_FORMAT_QUOTED_JSON: json_value(value, true, into); break;
    }
    buffer_append_text(into, options->reply_delimiter);
}
