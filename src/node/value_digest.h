/* A digest of a value by what it holds, for DEBUG DIGEST. */
#ifndef EIR_NODE_VALUE_DIGEST_H
#define EIR_NODE_VALUE_DIGEST_H

#include "base/digest.h"
#include "keyspace/entry.h"

/* The same for equal values, whatever their form in memory and the order of what has none. Fields
 * that have ended at this time are left out. */
void value_digest(const struct entry *entry, time_ms wall_ms, uint8_t digest[SHA1_SIZE]);

#endif
