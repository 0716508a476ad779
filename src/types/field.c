/* Fields: built, and written over in place where the slab is the same. */
#include "types/field.h"

#include "base/ensure.h"
#include "base/slabs.h"

static const uint8_t form_head_sizes[] = { [FIELD_SHORT] = 1, [FIELD_LONG] = 4 };

static enum field_form form_for(struct bytes value)
{
    if (value.size <= UINT8_MAX) return FIELD_SHORT;
    return value.size <= STRING_INLINE_MAX ? FIELD_LONG : FIELD_POINTER;
}

static size_t value_room(struct bytes value)
{
    enum field_form form = form_for(value);
    return form == FIELD_POINTER ? sizeof(struct string *) : form_head_sizes[form] + value.size;
}

static size_t size_for(size_t name_size, struct bytes value, time_ms expiry_ms)
{
    return (name_size > UINT8_MAX ? 5 : 2) + (expiry_ms == FIELD_EXPIRY_NONE ? 0 : 8) + name_size +
           value_room(value);
}

static size_t size_of(const struct field *field)
{
    size_t at = (size_t)(field_value_place(field) - (const char *)field);
    if (field_form(field) == FIELD_POINTER) return at + sizeof(struct string *);
    return at + form_head_sizes[field_form(field)] + field_value(field).size;
}

/* The value behind the name, with its form in the kind. */
static void value_put(struct field *field, struct bytes value)
{
    enum field_form form = form_for(value);
    char *at = (char *)(uintptr_t)field_value_place(field);
    field->kind = (uint8_t)((field->kind & ~FIELD_FORM_MASK) | (unsigned)form);
    if (form == FIELD_POINTER) {
        struct string *string = string_create(value);
        memcpy(at, &string, sizeof(string));
        return;
    }
    uint32_t size = (uint32_t)value.size;
    if (form == FIELD_SHORT)
        *at = (char)size;
    else
        memcpy(at, &size, sizeof(size));
    if (size > 0) memcpy(at + form_head_sizes[form], value.data, size);
}

static void expiry_put(struct field *field, time_ms expiry_ms)
{
    memcpy((char *)field + field_expiry_at(field), &expiry_ms, sizeof(expiry_ms));
}

struct field *field_create(struct bytes name, struct bytes value, time_ms expiry_ms)
{
    ensure(name.size <= UINT32_MAX);
    ensure(value.size <= STRING_SIZE_MAX);
    struct field *field = slabs_alloc(size_for(name.size, value, expiry_ms));
    bool is_wide = name.size > UINT8_MAX;
    bool has_expiry = expiry_ms != FIELD_EXPIRY_NONE;
    uint32_t size = (uint32_t)name.size;
    field->kind = (uint8_t)((is_wide ? FIELD_WIDE_NAME : 0) | (has_expiry ? FIELD_HAS_EXPIRY : 0));
    if (is_wide)
        memcpy(field->rest, &size, sizeof(size));
    else
        field->rest[0] = (uint8_t)size;
    if (has_expiry) expiry_put(field, expiry_ms);
    if (size > 0) memcpy((char *)field + field_name_at(field), name.data, size);
    value_put(field, value);
    return field;
}

static void value_drop(struct field *field)
{
    if (field_form(field) == FIELD_POINTER) string_destroy(field_string(field));
}

void field_destroy(struct field *field)
{
    value_drop(field);
    slabs_free(field, size_of(field));
}

struct field *field_copy(const struct field *field)
{
    return field_create(field_name(field), field_value(field), field_expiry_ms(field));
}

size_t field_memory(const struct field *field)
{
    size_t memory = slabs_class(size_of(field));
    if (field_form(field) == FIELD_POINTER) memory += string_memory(field_string(field));
    return memory;
}

struct shared *field_shared(const struct field *field)
{
    if (field_form(field) != FIELD_POINTER) return NULL;
    struct string *string = field_string(field);
    return string_bytes(string).size < STRING_SHARE_MIN ? NULL : string_shared(string);
}

struct field *field_write(struct field *field, struct bytes value, time_ms expiry_ms)
{
    bool keeps_shape =
        (field->kind & FIELD_HAS_EXPIRY) == (expiry_ms == FIELD_EXPIRY_NONE ? 0 : FIELD_HAS_EXPIRY);
    size_t size = size_for(field_name_size(field), value, expiry_ms);
    if (keeps_shape && slabs_class(size) == slabs_class(size_of(field))) {
        value_drop(field);
        if (expiry_ms != FIELD_EXPIRY_NONE) expiry_put(field, expiry_ms);
        value_put(field, value);
        return field;
    }
    struct field *fresh = field_create(field_name(field), value, expiry_ms);
    field_destroy(field);
    return fresh;
}

struct field *field_set_expiry(struct field *field, time_ms expiry_ms)
{
    bool had = field->kind & FIELD_HAS_EXPIRY;
    bool has = expiry_ms != FIELD_EXPIRY_NONE;
    size_t at = field_expiry_at(field);
    size_t before = size_of(field);
    if (has && !had) {
        field = slabs_resize(field, before, before + 8);
        memmove((char *)field + at + 8, (char *)field + at, before - at);
    } else if (had && !has) {
        memmove((char *)field + at, (char *)field + at + 8, before - at - 8);
        field = slabs_resize(field, before, before - 8);
    }
    if (had != has) field->kind ^= FIELD_HAS_EXPIRY;
    if (has) expiry_put(field, expiry_ms);
    return field;
}
