/* Chance, seeded: the only source of it inside a core. Same seed, same numbers (xoshiro256**). */
#ifndef EIR_BASE_PRNG_H
#define EIR_BASE_PRNG_H

#include "base/units.h"

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
/* 0 .. limit - 1, without bias; limit must be above 0. */
uint64_t prng_below(struct prng *prng, uint64_t limit);
/* low .. high, both included. */
int64_t prng_between(struct prng *prng, int64_t low, int64_t high);
/* True in `numerator` of `denominator` cases. */
bool prng_chance(struct prng *prng, uint64_t numerator, uint64_t denominator);
double prng_unit(struct prng *prng); /* [0, 1) */
/* Lower-case hex characters, not terminated: node and replication ids. */
void prng_hex(struct prng *prng, char *hex, size_t count);

#endif
