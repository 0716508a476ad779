/* What each slot costs, counted while that is switched on. */
#ifndef EIR_ENGINE_SLOT_COUNTS_H
#define EIR_ENGINE_SLOT_COUNTS_H

#include "base/units.h"

struct engine;

struct slot_count {
    uint64_t ticks; /* nanoseconds */
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* What was counted before it was switched off is kept. */
void engine_count_slots(struct engine *engine, bool is_on);
/* So many replicas get what the stream carries. */
void engine_count_slots_for(struct engine *engine, unsigned replicas);
/* Only once it has been switched on. */
const struct slot_count *engine_slot_count(const struct engine *engine, unsigned slot);
/* The slot came or went: it starts from zero. */
void engine_slot_count_reset(struct engine *engine, unsigned slot);

#endif
