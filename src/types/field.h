/* One field of a large hash with its value: a single allocation.
 *
 *    0    1           2 or 5
 *   +----+-----------+- - - - - - -+------+- - - - - - - - - - - - - - - -+
 *   |kind| name size | expiry (8)  | name | value: size (1 or 4) and text, |
 *   |    | (1 or 4)  | if it has   |      | or a pointer to a string (8)   |
 *   +----+-----------+- - - - - - -+------+- - - - - - - - - - - - - - - -+
 *   kind: form of the value 2 bits, has expiry, name size takes 4 bytes
 *
 * So a name of 16 bytes with a value of 8 takes 27 bytes and lands in the slab of 32. Nothing is
 * aligned; sizes are copied out. Values too large to be moved about are strings of their own,
 * which can be sent without a copy. A field moves when its size changes. */
#ifndef EIR_TYPES_FIELD_H
#define EIR_TYPES_FIELD_H

#include "types/string.h"

struct field {
    uint8_t kind;
    uint8_t rest[];
};

enum field_form {
    FIELD_SHORT, /* a size of 1 byte, the text */
    FIELD_LONG,  /* a size of 4 bytes, the text */
    FIELD_POINTER,
};

#define FIELD_FORM_MASK  0x03u
#define FIELD_HAS_EXPIRY 0x04u
#define FIELD_WIDE_NAME  0x08u

#define FIELD_EXPIRY_NONE ((time_ms)-1)

static inline size_t field_name_size(const struct field *field)
{
    if (__builtin_expect(!(field->kind & FIELD_WIDE_NAME), 1)) return field->rest[0];
    uint32_t size;
    memcpy(&size, field->rest, sizeof(size));
    return size;
}

static inline size_t field_expiry_at(const struct field *field)
{
    return field->kind & FIELD_WIDE_NAME ? 5 : 2;
}

static inline size_t field_name_at(const struct field *field)
{
    return field_expiry_at(field) + (field->kind & FIELD_HAS_EXPIRY ? 8 : 0);
}

static inline struct bytes field_name(const struct field *field)
{
    return bytes_of((const char *)field + field_name_at(field), field_name_size(field));
}

static inline time_ms field_expiry_ms(const struct field *field)
{
    if (!(field->kind & FIELD_HAS_EXPIRY)) return FIELD_EXPIRY_NONE;
    time_ms expiry_ms;
    memcpy(&expiry_ms, (const char *)field + field_expiry_at(field), sizeof(expiry_ms));
    return expiry_ms;
}

/* As for keys: a field lives through the millisecond it is set to end at. */
static inline bool field_is_expired(const struct field *field, time_ms wall_ms)
{
    return field->kind & FIELD_HAS_EXPIRY && wall_ms > field_expiry_ms(field);
}

static inline enum field_form field_form(const struct field *field)
{
    return (enum field_form)(field->kind & FIELD_FORM_MASK);
}

static inline const char *field_value_place(const struct field *field)
{
    return (const char *)field + field_name_at(field) + field_name_size(field);
}

/* The string of a value that is not in place. */
static inline struct string *field_string(const struct field *field)
{
    struct string *string;
    memcpy(&string, field_value_place(field), sizeof(string));
    return string;
}

static inline struct bytes field_value(const struct field *field)
{
    const char *at = field_value_place(field);
    if (__builtin_expect(field_form(field) == FIELD_SHORT, 1))
        return bytes_of(at + 1, (unsigned char)*at);
    if (field_form(field) == FIELD_POINTER) return string_bytes(field_string(field));
    uint32_t size;
    memcpy(&size, at, sizeof(size));
    return bytes_of(at + sizeof(size), size);
}

/* Counted bytes of a large value, for sending; NULL for a smaller one. */
struct shared *field_shared(const struct field *field);

struct field *field_create(struct bytes name, struct bytes value, time_ms expiry_ms);
void field_destroy(struct field *field);
struct field *field_copy(const struct field *field);
/* Bytes that it takes, its string included. */
size_t field_memory(const struct field *field);
/* The same field with another value and expiry; in the same memory if that fits. */
struct field *field_write(struct field *field, struct bytes value, time_ms expiry_ms);
/* The same with another expiry only. */
struct field *field_set_expiry(struct field *field, time_ms expiry_ms);

#endif
