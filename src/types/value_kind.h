/* What a type of value tells value.c about itself: one row. */
#ifndef EIR_TYPES_VALUE_KIND_H
#define EIR_TYPES_VALUE_KIND_H

#include "base/table.h"
#include "base/units.h"

/* The functions of value.h, with the type known. */
struct value_kind {
    const char *name;
    void (*destroy)(void *value);
    void *(*copy)(const void *value);
    size_t (*memory)(const void *value, size_t samples);
    size_t (*free_effort)(const void *value);
    const char *(*encoding)(const void *value);
    const struct table *(*table)(const void *value); /* NULL: no form of it has one */
};

extern const struct value_kind list_kind;
extern const struct value_kind set_kind;
extern const struct value_kind hash_kind;
extern const struct value_kind string_kind;
extern const struct value_kind zset_kind;

#endif
