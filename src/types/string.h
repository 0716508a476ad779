/* String values: bytes or a canonical integer.
 *
 * A short string stands in its key's entry (keyspace/entry.h). A long one is a `struct string` of
 * its own, so that growing by APPEND costs a constant on average and so that it can be sent
 * without a copy: it is counted bytes in the sense of base/output.h. While somebody else holds a
 * reference it may not change; string_open then hands out a private copy. */
#ifndef EIR_TYPES_STRING_H
#define EIR_TYPES_STRING_H

#include "base/buffer.h"
#include "base/number.h"
#include "base/output.h"

struct string;

/* Strings up to this size stand in the entry, longer ones are a struct string. */
#define STRING_INLINE_MAX ((size_t)4096)
/* From this size on sending by reference is worth its bookkeeping. */
#define STRING_SHARE_MIN (16 * KIB)
/* proto-max-bulk-len's default, and what a length field of an entry can hold. */
#define STRING_SIZE_MAX ((size_t)UINT32_MAX)

/* Where an integer value is printed when its text is asked for. */
struct scratch {
    char text[NUMBER_TEXT_MAX];
};

/* True when the text is kept as an integer (its canonical form is the text itself). */
bool string_is_integer(struct bytes text, int64_t *value);

struct string *string_create(struct bytes bytes);
/* The bytes stand in the buffer: the string takes over its block, and the buffer is empty. */
struct string *string_adopt(struct buffer *buffer, struct bytes bytes);
/* They do, and it takes no more memory than a block of their own. */
bool string_may_adopt(const struct buffer *buffer, struct bytes bytes);
/* `size` zero bytes. */
struct string *string_create_zero(size_t size);
/* Drops the owner's reference; frees with the last one. Any thread may do this. */
void string_destroy(struct string *string);
struct string *string_copy(const struct string *string);

struct bytes string_bytes(const struct string *string);
size_t string_memory(const struct string *string);
/* A reference for output_append_shared; the bytes stay as they are until it is dropped. */
struct shared *string_shared(struct string *string);

/* The string's bytes for writing, with room for `size` of them, those beyond the old size zero;
 * never shrinks. *string may move. Growth is by a half, so that appending is cheap on average. */
char *string_open(struct string **string, size_t size);

/* Moves it, or its bytes, to where memory is used better; false when it stays, because it stands
 * well or somebody else holds a reference. */
bool string_vacate(struct string **string);

/* GETRANGE: from `start` to `end`, both included, negative ones counted from the end. */
struct bytes string_range(struct bytes text, int64_t start, int64_t end);

#endif
