/* The time-out of BLPOP, BZPOPMIN and their relatives: seconds, with decimals. */
#ifndef EIR_COMMANDS_TIMEOUT_H
#define EIR_COMMANDS_TIMEOUT_H

#include "engine/call.h"

/* The argument as a time on the monotonic clock; 0 is TIME_NEVER. False: answered. */
bool timeout_seconds_parse(struct call *call, uint32_t index, time_ms *deadline_ms);

#endif
