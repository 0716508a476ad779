/* A borrowed slice of bytes: the argument type of everything that reads. It owns nothing. */
#ifndef EIR_BASE_BYTES_H
#define EIR_BASE_BYTES_H

#include "base/units.h"
#include <string.h>

struct bytes {
    const char *data; /* not terminated; may be NULL when size is 0 */
    size_t size;
};

#define BYTES(literal) ((struct bytes){ .data = "" literal, .size = sizeof(literal) - 1 })
#define BYTES_EMPTY    ((struct bytes){ .data = "", .size = 0 })

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){ .data = data, .size = size };
}

static inline struct bytes bytes_text(const char *text)
{
    return (struct bytes){ .data = text, .size = strlen(text) };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The same without a call, for short ones. */
static inline bool bytes_equal_inline(struct bytes a, struct bytes b)
{
    uint64_t left, right;
    if (a.size != b.size) return false;
    if (a.size < sizeof(left) || a.size > 8 * sizeof(left)) return bytes_equal(a, b);
    size_t last = a.size - sizeof(left); /* overlaps the word before it */
    for (size_t at = 0; at < last; at += sizeof(left)) {
        memcpy(&left, a.data + at, sizeof(left));
        memcpy(&right, b.data + at, sizeof(right));
        if (left != right) return false;
    }
    memcpy(&left, a.data + last, sizeof(left));
    memcpy(&right, b.data + last, sizeof(right));
    return left == right;
}

static inline struct bytes bytes_from(struct bytes bytes, size_t start)
{
    return bytes_of(bytes.data + start, bytes.size - start);
}

/* Like memcmp, the shorter one first where one is the beginning of the other. */
int bytes_compare(struct bytes a, struct bytes b);
/* ASCII letters compare without case. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);
/* As above, against a terminated lower- or upper-case word. */
bool bytes_is_word(struct bytes bytes, const char *word);
/* First place of `byte`, or -1. */
ptrdiff_t bytes_index_of(struct bytes bytes, char byte);
bool bytes_starts_with(struct bytes bytes, struct bytes beginning);
/* Without spaces, tabs, CR and LF at both ends. */
struct bytes bytes_trim(struct bytes bytes);
/* A terminated copy on the heap; the caller frees it with memory_free. */
char *bytes_copy_text(struct bytes bytes);
/* Copies into a fixed text field, always terminated; false when it was cut. */
bool bytes_to_text(struct bytes bytes, char *text, size_t capacity);

#endif
