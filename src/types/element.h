/* An element of a large sorted set: score and member in one allocation.
 *
 *    0        8             9
 *   +--------+-------------+- - - - - - - - - - - -+-------------+
 *   | score  | member size | member size (4), if so | member     |
 *   +--------+-------------+- - - - - - - - - - - -+-------------+
 *
 * A member of 16 bytes takes 32 in all. */
#ifndef EIR_TYPES_ELEMENT_H
#define EIR_TYPES_ELEMENT_H

#include "base/bytes.h"
#include "base/slabs.h"

struct element {
    double score;
    uint8_t size; /* of the member, or ELEMENT_IS_LONG */
    char rest[];
};

#define ELEMENT_IS_LONG 255
#define ELEMENT_HEAD    offsetof(struct element, rest)

static inline struct bytes element_member(const struct element *element)
{
    uint32_t size = element->size;
    if (size != ELEMENT_IS_LONG) return bytes_of(element->rest, size);
    memcpy(&size, element->rest, sizeof(size));
    return bytes_of(element->rest + sizeof(size), size);
}

static inline size_t element_size(size_t member_size)
{
    size_t head = ELEMENT_HEAD + (member_size < ELEMENT_IS_LONG ? 0 : sizeof(uint32_t));
    return head + member_size;
}

static inline struct element *element_create(struct bytes member, double score)
{
    struct element *element = slabs_alloc(element_size(member.size));
    char *at = element->rest;
    uint32_t size = (uint32_t)member.size;
    element->score = score;
    element->size = (uint8_t)(size < ELEMENT_IS_LONG ? size : ELEMENT_IS_LONG);
    if (size >= ELEMENT_IS_LONG) {
        memcpy(at, &size, sizeof(size));
        at += sizeof(size);
    }
    if (size > 0) memcpy(at, member.data, size);
    return element;
}

static inline void element_destroy(struct element *element)
{
    slabs_free(element, element_size(element_member(element).size));
}

#endif
