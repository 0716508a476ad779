/* Names as three words: up to 24 bytes, folded to lower case, compared without a loop. */
#ifndef EIR_ENGINE_WORDS_H
#define EIR_ENGINE_WORDS_H

#include "base/bytes.h"

/* Eight ASCII letters at once: a byte between 'A' and 'Z' gets bit 0x20. The sums below carry into
 * bit 7 of a byte exactly when it is at least 'A', or above 'Z'. */
static inline uint64_t word_fold(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = word & (0x7f * ones);
    uint64_t from_a = low + (0x80 - 'A') * ones;
    uint64_t above_z = low + (0x7f - 'Z') * ones;
    uint64_t is_upper = (from_a ^ above_z) & ~word & (0x80 * ones);
    return word | is_upper >> 2;
}

/* Up to eight bytes without reading past them. */
static inline uint64_t word_read(const char *at, size_t size)
{
    uint64_t word = 0;
    if (size >= 8) {
        memcpy(&word, at, 8);
    } else if (size >= 4) {
        uint32_t front, back;
        memcpy(&front, at, 4);
        memcpy(&back, at + size - 4, 4);
        word = front | (uint64_t)back << (8 * (size - 4));
    } else if (size > 0) {
        word = (uint8_t)at[0] | (uint64_t)(uint8_t)at[size / 2] << (8 * (size / 2)) |
               (uint64_t)(uint8_t)at[size - 1] << (8 * (size - 1));
    }
    return word;
}

static inline uint64_t word_load(const char *at, size_t size)
{
    return word_fold(word_read(at, size));
}

/* The name holds 1 to 24 bytes. Compare sizes too: zero bytes at the end do not show. */
static inline void words_load(struct bytes name, uint64_t words[3])
{
    words[0] = word_load(name.data, name.size);
    words[1] = name.size > 8 ? word_load(name.data + 8, name.size - 8) : 0;
    words[2] = name.size > 16 ? word_load(name.data + 16, name.size - 16) : 0;
}

static inline bool words_equal(const uint64_t a[3], const uint64_t b[3])
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

static inline uint32_t words_hash(const uint64_t words[3])
{
    uint64_t hash = words[0] * 0x9e3779b97f4a7c15u ^ words[1] * 0xc2b2ae3d27d4eb4fu ^
                    words[2] * 0x165667b19e3779f9u;
    return (uint32_t)(hash >> 40);
}

#endif
