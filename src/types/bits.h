/* A string as a row of bits, the first one the highest of the first byte: counting, searching,
 * combining, and the small integers of BITFIELD. Pure functions on borrowed bytes.
 *
 * A range of bits is given as `from` and `until`, the latter not included. */
#ifndef EIR_TYPES_BITS_H
#define EIR_TYPES_BITS_H

#include "base/bytes.h"

/* False beyond the end, as for a string that was grown with zeros. */
bool bits_get(struct bytes text, uint64_t at);
/* How many are set. */
uint64_t bits_count(struct bytes text, uint64_t from, uint64_t until);
/* The first one that is `wanted`; `until` when there is none. */
uint64_t bits_find(struct bytes text, uint64_t from, uint64_t until, bool wanted);

enum bits_operation { BITS_AND, BITS_OR, BITS_XOR };
/* Combines another text into the first `size` bytes; a shorter one has zeros behind its end. */
void bits_combine(char *into, size_t size, enum bits_operation operation, struct bytes text);
/* Every bit becomes its opposite. */
void bits_invert(char *text, size_t size);

/* --- integers of 1 to 64 bits ------------------------------------------------------------ */

struct bits_field {
    uint8_t width; /* 1 to 64; unsigned ones end at 63, so that every value is an int64 */
    bool is_signed;
};

enum bits_overflow { BITS_WRAP, BITS_SATURATE, BITS_FAIL };

/* "u8", "i64"; false when it is no such word. */
bool bits_field_parse(struct bytes word, struct bits_field *field);
/* Bits beyond the end are zero. */
int64_t bits_field_read(struct bytes text, uint64_t at, struct bits_field field);
/* The text has all the bits of the field. */
void bits_field_write(char *text, uint64_t at, struct bits_field field, int64_t value);
/* value + by, brought into the field; false when it does not fit and may not. */
bool bits_field_add(struct bits_field field, enum bits_overflow overflow, int64_t value, int64_t by,
                    int64_t *result);
/* A value as a client gave it, brought into the field: an unsigned one takes the bits of a
 * negative number as a large one, and a signed one takes numbers below -INT64_MAX + its largest
 * as too large when it saturates. */
bool bits_field_fit(struct bits_field field, enum bits_overflow overflow, int64_t value,
                    int64_t *result);

#endif
