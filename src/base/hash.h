/* The keyed hash of tables: SipHash-1-3, safe against chosen keys, and a mixer for integers. */
#ifndef EIR_BASE_HASH_H
#define EIR_BASE_HASH_H

#include "base/bytes.h"

struct hash_key {
    uint64_t words[2];
};

uint64_t hash_bytes(const struct hash_key *key, struct bytes bytes);
/* For keys that no outsider chooses. */
static inline uint64_t hash_integer(uint64_t value)
{
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93u;
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93u;
    value ^= value >> 32;
    return value;
}

#endif
