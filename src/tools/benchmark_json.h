/* A JSON text, written from left to right. */
#ifndef EIR_TOOLS_BENCHMARK_JSON_H
#define EIR_TOOLS_BENCHMARK_JSON_H

#include "base/buffer.h"

/* All zero is an empty text. A name of NULL stands for an element of an array, or the whole. */
struct json {
    struct buffer text;
    bool needs_comma;
};

void json_fini(struct json *json);
void json_open(struct json *json, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);                  /* '}' or ']' */
void json_text(struct json *json, const char *name, const char *value);
void json_integer(struct json *json, const char *name, int64_t value);
void json_number(struct json *json, const char *name, double value);
/* With a line end, to standard output. */
void json_print(const struct json *json);

#endif
