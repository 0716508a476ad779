/* What the commands know about patterns of keys. */
#ifndef EIR_COMMANDS_PATTERNS_H
#define EIR_COMMANDS_PATTERNS_H

#include "engine/call.h"

/* The slot that every key of this pattern must be in: it holds a hash tag, and nothing before the
 * tag's end may stand for anything else. -1: any slot, or no cluster. */
int32_t pattern_slot(const struct call *call, struct bytes pattern);

#endif
