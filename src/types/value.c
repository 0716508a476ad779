/* The kinds of value, each with the row that its own file exports. */
#include "types/value.h"

#include "base/ensure.h"
#include "types/stream.h"
#include "types/value_kind.h"

/* A type that is not built yet has a name only. */
static const struct value_kind *const kinds[VALUE_TYPE_COUNT] = {
    [VALUE_STRING] = &string_kind,
    [VALUE_LIST] = &list_kind,
    [VALUE_SET] = &set_kind,
    [VALUE_ZSET] = &zset_kind,
    [VALUE_HASH] = &hash_kind,
    [VALUE_STREAM] = &stream_kind,
};

static const struct value_kind *kind_of(enum value_type type)
{
    ensure((unsigned)type < VALUE_TYPE_COUNT);
    return kinds[type];
}

const char *value_type_name(enum value_type type)
{
    return kind_of(type)->name;
}

bool value_type_parse(struct bytes name, enum value_type *type)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!bytes_is_word(name, kinds[i]->name)) continue;
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

const struct table *value_table(enum value_type type, const void *value)
{
    const struct value_kind *kind = kind_of(type);
    return kind->table == NULL ? NULL : kind->table(value);
}

const char *value_encoding(enum value_type type, const void *value)
{
    ensure(kind_of(type)->encoding != NULL);
    return kind_of(type)->encoding(value);
}
