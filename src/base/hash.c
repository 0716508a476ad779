/* SipHash-1-3 with 64 bits: Aumasson and Bernstein's keyed hash with fewer rounds, as the hash
 * tables of Rust and Python use it. */
#include "base/hash.h"

static inline uint64_t rotate_left(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

/* `size` bytes, little-endian: one load, for it is 4 or 8 and known to the compiler. */
static inline uint64_t number_at(const char *data, size_t size)
{
    uint64_t number = 0;
    memcpy(&number, data, size);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    number = __builtin_bswap64(number);
#endif
    return number;
}

/* The last 0..7 bytes, little-endian, with the length in the top byte: from pieces that overlap,
 * without a loop. */
static inline uint64_t last_word(const char *data, size_t left, size_t size)
{
    uint64_t word = (uint64_t)size << 56;
    if (left == 0) return word;
    if (size >= 8) return word | number_at(data + left - 8, 8) >> (8 * (8 - left));
    if (left >= 4)
        return word | number_at(data, 4) | number_at(data + left - 4, 4) << (8 * (left - 4));
    return word | (uint64_t)(uint8_t)data[0] |
           (uint64_t)(uint8_t)data[left / 2] << (8 * (left / 2)) |
           (uint64_t)(uint8_t)data[left - 1] << (8 * (left - 1));
}

uint64_t hash_bytes(const struct hash_key *key, struct bytes bytes)
{
    uint64_t v[4] = { key->words[0] ^ 0x736f6d6570736575u, key->words[1] ^ 0x646f72616e646f6du,
                      key->words[0] ^ 0x6c7967656e657261u, key->words[1] ^ 0x7465646279746573u };
    size_t whole = bytes.size & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = number_at(bytes.data + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t word = last_word(bytes.data + whole, bytes.size - whole, bytes.size);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;

    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
