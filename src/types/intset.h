/* Integer sets: ascending numbers in one block, laid out as snapshots hold them.
 *
 *   | width 4 | count 4 | numbers, `width` bytes each ... |      little-endian, width 2, 4 or 8
 *
 * All numbers are as wide as the widest that ever came in. The block moves when it is edited. */
#ifndef EIR_TYPES_INTSET_H
#define EIR_TYPES_INTSET_H

#include "base/bytes.h"

struct intset;

struct intset *intset_create(void);
/* The bytes passed intset_is_sound. */
struct intset *intset_create_from(struct bytes raw);
/* Bytes from outside that claim to be one: width, size, and the order of the numbers. */
bool intset_is_sound(struct bytes raw);
void intset_destroy(struct intset *set);
struct intset *intset_copy(const struct intset *set);
size_t intset_memory(const struct intset *set);
/* The whole block, as a snapshot wants it. */
struct bytes intset_raw(const struct intset *set);

size_t intset_count(const struct intset *set);
int64_t intset_at(const struct intset *set, size_t index);
/* Is it there, and at which place it is or would be. */
bool intset_find(const struct intset *set, int64_t value, size_t *index);
/* False when it was there already. */
bool intset_add(struct intset **set, int64_t value);
/* False when it was not there. */
bool intset_remove(struct intset **set, int64_t value);
/* Does any number take more than so many characters? */
bool intset_is_longer(const struct intset *set, size_t characters);

#endif
