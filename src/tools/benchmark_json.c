/* Commas and quotes; nothing else of JSON is hard. */
#include "tools/benchmark_json.h"

#include <math.h>
#include <stdio.h>

void json_fini(struct json *json)
{
    buffer_fini(&json->text);
}

static void append_quoted(struct buffer *into, const char *text)
{
    buffer_append_byte(into, '"');
    for (; *text != 0; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            buffer_printf(into, "\\%c", byte);
        else if (byte < 32)
            buffer_printf(into, "\\u%04x", byte);
        else
            buffer_append_byte(into, (char)byte);
    }
    buffer_append_byte(into, '"');
}

static void begin(struct json *json, const char *name)
{
    if (json->needs_comma) buffer_append_byte(&json->text, ',');
    json->needs_comma = true;
    if (name == NULL) return;
    append_quoted(&json->text, name);
    buffer_append_byte(&json->text, ':');
}

void json_open(struct json *json, const char *name, char bracket)
{
    begin(json, name);
    buffer_append_byte(&json->text, bracket);
    json->needs_comma = false;
}

void json_close(struct json *json, char bracket)
{
    buffer_append_byte(&json->text, bracket);
    json->needs_comma = true;
}

void json_text(struct json *json, const char *name, const char *value)
{
    begin(json, name);
    append_quoted(&json->text, value);
}

void json_integer(struct json *json, const char *name, int64_t value)
{
    begin(json, name);
    buffer_append_int(&json->text, value);
}

void json_number(struct json *json, const char *name, double value)
{
    begin(json, name);
    buffer_printf(&json->text, "%.6g", isfinite(value) ? value : 0.0);
}

void json_print(const struct json *json)
{
    printf("%.*s\n", (int)json->text.size, json->text.data);
    fflush(stdout);
}
