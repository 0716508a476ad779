/* What was taken out of the keyspace in constant time and waits to be freed: whole tables after a
 * flush or a dropped slot, large values. It refers to nothing else, so any one thread may free
 * it, at once or in slices. */
#ifndef EIR_KEYSPACE_GARBAGE_H
#define EIR_KEYSPACE_GARBAGE_H

#include "base/units.h"

struct garbage;

/* Frees about `count` keys; true when nothing is left and the garbage itself is gone. */
bool garbage_step(struct garbage *garbage, size_t count);
/* Frees all of it; NULL is allowed. */
void garbage_destroy(struct garbage *garbage);
/* Keys that wait in it (INFO's lazyfree_pending_objects). */
size_t garbage_count(const struct garbage *garbage);
/* Both as one; either may be NULL. */
struct garbage *garbage_join(struct garbage *first, struct garbage *second);

#endif
