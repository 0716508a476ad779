/* A growing array of times that knows its smallest, and where it is: a tree of minima, 64 wide.
 *
 * For what is due in many places: one number a place, about 8.3 bytes where places are in use, and
 * finding the next due place costs one node a level. No operation copies more than one node. */
#ifndef EIR_BASE_MINIMA_H
#define EIR_BASE_MINIMA_H

#include "base/units.h"

/* All zero is a valid empty one. */
struct minima {
    void *root;    /* owned; a leaf when height is 0; NULL when all is TIME_NEVER */
    time_ms least; /* meaningless without a root */
    uint32_t count;
    uint8_t height;
    uint8_t room; /* places of a leaf that is the root */
};

void minima_fini(struct minima *minima); /* empty again */

/* So many places; new ones hold TIME_NEVER, those that go must hold it. Costs no memory: what
 * holds TIME_NEVER only has no nodes. */
void minima_resize(struct minima *minima, size_t count);
time_ms minima_at(const struct minima *minima, size_t index);
void minima_set(struct minima *minima, size_t index, time_ms time);
/* Sets it only to something earlier. */
void minima_lower(struct minima *minima, size_t index, time_ms time);

/* The smallest, TIME_NEVER when there is none. */
static inline time_ms minima_least(const struct minima *minima)
{
    return minima->root == NULL ? TIME_NEVER : minima->least;
}

/* The first place whose time is not after `limit`, or SIZE_MAX. */
size_t minima_find_due(const struct minima *minima, time_ms limit);
/* The first one from `start` on. */
size_t minima_find_due_from(const struct minima *minima, size_t start, time_ms limit);
size_t minima_memory(const struct minima *minima);

#endif
