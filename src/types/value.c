/* The kinds of value: one row each. */
#include "types/value.h"

#include "base/ensure.h"
#include "types/string.h"

struct value_kind {
    const char *name;
    void (*destroy)(void *value);
    void *(*copy)(const void *value);
    size_t (*memory)(const void *value, size_t samples);
    size_t (*free_effort)(const void *value);
    const char *(*encoding)(const void *value);
};

static void destroy_string(void *value)
{
    string_destroy(value);
}

static void *copy_string(const void *value)
{
    return string_copy(value);
}

static size_t memory_of_string(const void *value, size_t samples)
{
    (void)samples;
    return string_memory(value);
}

/* One allocation, but giving back many pages takes time as well: a unit for each 64 KiB. */
static size_t free_effort_of_string(const void *value)
{
    return 1 + string_memory(value) / (64 * KIB);
}

static const char *encoding_of_string(const void *value)
{
    (void)value;
    return "raw";
}

static const struct value_kind kinds[VALUE_TYPE_COUNT] = {
    [VALUE_STRING] = { "string", destroy_string, copy_string, memory_of_string,
                       free_effort_of_string, encoding_of_string },
    [VALUE_LIST] = { .name = "list" },
    [VALUE_SET] = { .name = "set" },
    [VALUE_ZSET] = { .name = "zset" },
    [VALUE_HASH] = { .name = "hash" },
    [VALUE_STREAM] = { .name = "stream" },
};

static const struct value_kind *kind_of(enum value_type type)
{
    ensure((unsigned)type < VALUE_TYPE_COUNT);
    return &kinds[type];
}

const char *value_type_name(enum value_type type)
{
    return kind_of(type)->name;
}

bool value_type_parse(struct bytes name, enum value_type *type)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!bytes_is_word(name, kinds[i].name)) continue;
        *type = (enum value_type)i;
        return true;
    }
    return false;
}

void value_destroy(enum value_type type, void *value)
{
    ensure(kind_of(type)->destroy != NULL);
    kind_of(type)->destroy(value);
}

void *value_copy(enum value_type type, const void *value)
{
    ensure(kind_of(type)->copy != NULL);
    return kind_of(type)->copy(value);
}

size_t value_memory(enum value_type type, const void *value, size_t samples)
{
    ensure(kind_of(type)->memory != NULL);
    return kind_of(type)->memory(value, samples);
}

size_t value_free_effort(enum value_type type, const void *value)
{
    ensure(kind_of(type)->free_effort != NULL);
    return kind_of(type)->free_effort(value);
}

const char *value_encoding(enum value_type type, const void *value)
{
    ensure(kind_of(type)->encoding != NULL);
    return kind_of(type)->encoding(value);
}
