/* Lines and their words: quotes, escapes, comments, as valkey.conf has them.
 *
 * Inside "..." the escapes \n \r \t \b \a \xHH and \ before any other character count, inside
 * '...' only \'. A quote may open and close anywhere in a word: a"b c"d is one word. */
#include "base/memory.h"
#include "node/config_internal.h"

bool config_next_line(struct bytes text, size_t *at, int64_t *number, struct bytes *line)
{
    if (*at >= text.size) return false;
    struct bytes rest = bytes_from(text, *at);
    ptrdiff_t end = bytes_index_of(rest, '\n');
    size_t size = end < 0 ? rest.size : (size_t)end;
    *line = bytes_trim(bytes_of(rest.data, size));
    *at += size + 1;
    (*number)++;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool config_is_plain(struct bytes word)
{
    for (size_t i = 0; i < word.size; i++)
        if ((unsigned char)word.data[i] <= ' ' || word.data[i] == '"' || word.data[i] == '\'')
            return false;
    return word.size > 0;
}

bool config_is_pattern(struct bytes word)
{
    return bytes_index_of(word, '*') >= 0 || bytes_index_of(word, '?') >= 0 ||
           bytes_index_of(word, '[') >= 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The character behind a backslash at text[*at]; moves `*at` behind what belongs to it. */
static char unescape(struct bytes text, size_t *at)
{
    char c = text.data[(*at)++];
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    case 'x': break;
    default: return c;
    }
    if (text.size - *at < 2) return c;
    int high = hex_digit(text.data[*at]), low = hex_digit(text.data[*at + 1]);
    if (high < 0 || low < 0) return c;
    *at += 2;
    return (char)(high << 4 | low);
}

/* What stands between quotes; `*at` is behind the opening one and moves behind the closing one.
 * False when there is none. */
static bool quoted_append(struct bytes text, size_t *at, char quote, struct buffer *into)
{
    while (*at < text.size) {
        char c = text.data[(*at)++];
        if (c == quote) return true;
        bool escapes = c == '\\' && *at < text.size && (quote == '"' || text.data[*at] == '\'');
        if (escapes) c = quote == '"' ? unescape(text, at) : text.data[(*at)++];
        buffer_append_byte(into, c);
    }
    return false;
}

static bool word_append(struct bytes text, size_t *at, struct buffer *into)
{
    while (*at < text.size && !is_space(text.data[*at])) {
        char c = text.data[(*at)++];
        if (c == '"' || c == '\'') {
            if (!quoted_append(text, at, c, into)) return false;
        } else {
            buffer_append_byte(into, c);
        }
    }
    return true;
}

bool config_line_init(struct config_line *line, struct bytes text)
{
    *line = (struct config_line){ 0 };
    /* No escape is shorter than what it stands for, so the words never move while they grow. */
    buffer_reserve(&line->text, text.size + 1);
    size_t capacity = 0;
    for (size_t at = 0;;) {
        while (at < text.size && is_space(text.data[at])) at++;
        if (at == text.size) return true;

        size_t start = line->text.size;
        if (!word_append(text, &at, &line->text)) {
            config_line_fini(line);
            return false;
        }
        if (line->count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            line->words = memory_realloc(line->words, capacity * sizeof(*line->words));
        }
        line->words[line->count++] = bytes_of(line->text.data + start, line->text.size - start);
    }
}

void config_line_fini(struct config_line *line)
{
    buffer_fini(&line->text);
    memory_free(line->words);
    *line = (struct config_line){ 0 };
}
