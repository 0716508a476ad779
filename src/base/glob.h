/* Patterns of KEYS, SCAN MATCH, CONFIG GET and PSUBSCRIBE: * ? [a-z] [^a] and \ escapes.
 *
 * Time is bounded: a pattern of many stars costs at most pattern x text steps. */
#ifndef EIR_BASE_GLOB_H
#define EIR_BASE_GLOB_H

#include "base/bytes.h"

bool glob_matches(struct bytes pattern, struct bytes text);
bool glob_matches_nocase(struct bytes pattern, struct bytes text);

#endif
