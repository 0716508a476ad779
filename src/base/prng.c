/* xoshiro256** by Blackman and Vigna, seeded through splitmix64 so that any seed will do. */
#include "base/prng.h"

#include "base/ensure.h"

void prng_init(struct prng *prng, uint64_t seed)
{
    for (size_t i = 0; i < COUNT_OF(prng->state); i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t mixed = seed;
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
        prng->state[i] = mixed ^ mixed >> 31;
    }
}

static inline uint64_t rotate_left(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

uint64_t prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t limit)
{
    ensure(limit > 0);
    /* Lemire: the high half of a product, with the few biased low halves drawn again. */
    unsigned __int128 product = (unsigned __int128)prng_next(prng) * limit;
    if ((uint64_t)product < limit) {
        uint64_t biased = -limit % limit;
        while ((uint64_t)product < biased) product = (unsigned __int128)prng_next(prng) * limit;
    }
    return (uint64_t)(product >> 64);
}

int64_t prng_between(struct prng *prng, int64_t low, int64_t high)
{
    ensure(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    uint64_t offset = span == 0 ? prng_next(prng) : prng_below(prng, span);
    return (int64_t)((uint64_t)low + offset);
}

bool prng_chance(struct prng *prng, uint64_t numerator, uint64_t denominator)
{
    return prng_below(prng, denominator) < numerator;
}

double prng_unit(struct prng *prng)
{
    return (double)(prng_next(prng) >> 11) * 0x1.0p-53;
}

void prng_hex(struct prng *prng, char *hex, size_t count)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        if (i % 16 == 0) bits = prng_next(prng);
        hex[i] = "0123456789abcdef"[bits & 15];
        bits >>= 4;
    }
}
