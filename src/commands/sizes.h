/* How long strings and replies may become, and which bits of a string may be named. */
#ifndef EIR_COMMANDS_SIZES_H
#define EIR_COMMANDS_SIZES_H

#include "engine/call.h"

/* May a string have so many bytes? Otherwise it was answered. What the primary streams was
 * permitted there. */
bool string_size_is_allowed(struct call *call, uint64_t size);
/* May a collection be drawn from so often, with repetition? Otherwise it was answered: a short
 * request could ask for a reply that no memory holds, and end the server. The rule is ours. */
bool draws_are_allowed(struct call *call, uint64_t count);
/* An argument as the place of a bit; otherwise it was answered. With a width "#3" is that of the
 * fourth field of such a width; 0: plain numbers only. */
bool bit_offset_parse(struct call *call, uint32_t index, unsigned width, uint64_t *offset);

#endif
