/* Ziplists, the packed lists of older snapshots: they are read and become listpack bodies. */
#ifndef EIR_PERSIST_ZIPLIST_H
#define EIR_PERSIST_ZIPLIST_H

#include "base/buffer.h"

/* Appends the elements of a ziplist from outside to a listpack body and tells how many they are.
 * False, with nothing appended: it is none. Everything that it says about itself is checked. */
bool ziplist_open(struct bytes ziplist, struct buffer *body, size_t *count);

#endif
