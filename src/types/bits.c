/* Bits: eight bytes at a time wherever the range allows it. */
#include "types/bits.h"

#include "base/ensure.h"
#include "base/number.h"

static uint64_t word_at(const char *text)
{
    uint64_t word; /* bytes in memory order: only counted, compared or combined */
    memcpy(&word, text, sizeof(word));
    return word;
}

bool bits_get(struct bytes text, uint64_t at)
{
    if (at / 8 >= text.size) return false;
    return (unsigned char)text.data[at / 8] >> (7 - at % 8) & 1;
}

/* --- counting ---------------------------------------------------------------------------- */

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE uint64_t count_word(const char *text)
{
    return (uint64_t)__builtin_popcountll(word_at(text));
}

static ALWAYS_INLINE uint64_t count_words(const char *text, size_t size)
{
    uint64_t count = 0;
    size_t at = 0;
    for (; at + 32 <= size; at += 32) /* unrolled, which the compiler does not do by itself */
        count += count_word(text + at) + count_word(text + at + 8) + count_word(text + at + 16) +
                 count_word(text + at + 24);
    for (; at < size; at++) count += (uint64_t)__builtin_popcount((unsigned char)text[at]);
    return count;
}

#if defined(__x86_64__)
/* The plain instruction set of x86-64 has no POPCNT, but every processor since 2009 does. */
__attribute__((target("popcnt"))) static uint64_t count_with_popcnt(const char *text, size_t size)
{
    return count_words(text, size);
}

static uint64_t count_bytes(const char *text, size_t size)
{
    if (__builtin_cpu_supports("popcnt")) return count_with_popcnt(text, size);
    return count_words(text, size);
}
#else
static uint64_t count_bytes(const char *text, size_t size)
{
    return count_words(text, size);
}
#endif

uint64_t bits_count(struct bytes text, uint64_t from, uint64_t until)
{
    ensure(until <= (uint64_t)text.size * 8);
    if (from >= until) return 0;
    size_t first = from / 8, end = (until + 7) / 8;
    uint64_t count = count_bytes(text.data + first, end - first);
    /* What the first and the last byte hold outside of the range was counted as well. */
    unsigned before = (unsigned char)text.data[first] & ~(0xffu >> from % 8);
    unsigned behind = until % 8 == 0 ? 0 : (unsigned char)text.data[end - 1] & 0xffu >> until % 8;
    return count - (uint64_t)__builtin_popcount(before) - (uint64_t)__builtin_popcount(behind);
}

/* --- searching --------------------------------------------------------------------------- */

uint64_t bits_find(struct bytes text, uint64_t from, uint64_t until, bool wanted)
{
    ensure(until <= (uint64_t)text.size * 8);
    for (; from < until && from % 8 != 0; from++)
        if (bits_get(text, from) == wanted) return from;
    uint64_t boring = wanted ? 0 : UINT64_MAX;
    while (from + 64 <= until && word_at(text.data + from / 8) == boring) from += 64;
    for (; from < until; from++)
        if (bits_get(text, from) == wanted) return from;
    return until;
}

/* --- combining --------------------------------------------------------------------------- */

/* One loop an operation: the compiler makes vectors of it. */
#define COMBINE(into, from, size, operator)                                                        \
    do {                                                                                           \
        size_t at = 0;                                                                             \
        for (; at + 8 <= (size); at += 8) {                                                        \
            uint64_t word = word_at((into) + at) operator word_at((from) + at);                    \
            memcpy((into) + at, &word, sizeof(word));                                              \
        }                                                                                          \
        for (; at < (size); at++) (into)[at] = (char)((into)[at] operator(from)[at]);              \
    } while (0)

void bits_combine(char *into, size_t size, enum bits_operation operation, struct bytes text)
{
    size_t common = MIN(size, text.size);
    switch (operation) {
    case BITS_AND:
        COMBINE(into, text.data, common, &);
        memset(into + common, 0, size - common);
        return;
    case BITS_OR: COMBINE(into, text.data, common, |); return;
    case BITS_XOR: COMBINE(into, text.data, common, ^); return;
    }
    ensure(false);
}

void bits_invert(char *text, size_t size)
{
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word = ~word_at(text + at);
        memcpy(text + at, &word, sizeof(word));
    }
    for (; at < size; at++) text[at] = (char)~text[at];
}

/* --- integers of 1 to 64 bits ------------------------------------------------------------ */

bool bits_field_parse(struct bytes word, struct bits_field *field)
{
    int64_t width;
    if (word.size < 2 || (word.data[0] != 'u' && word.data[0] != 'i')) return false;
    bool is_signed = word.data[0] == 'i';
    if (!number_parse(bytes_from(word, 1), &width)) return false;
    if (width < 1 || width > (is_signed ? 64 : 63)) return false;
    *field = (struct bits_field){ .width = (uint8_t)width, .is_signed = is_signed };
    return true;
}

int64_t bits_field_read(struct bytes text, uint64_t at, struct bits_field field)
{
    uint64_t value = 0;
    for (uint64_t bit = at; bit < at + field.width; bit++) value = value << 1 | bits_get(text, bit);
    bool is_negative = field.is_signed && value >> (field.width - 1) & 1;
    if (is_negative && field.width < 64) value |= UINT64_MAX << field.width;
    return (int64_t)value;
}

void bits_field_write(char *text, uint64_t at, struct bits_field field, int64_t value)
{
    for (unsigned left = field.width; left-- > 0; at++) {
        unsigned mask = 0x80u >> at % 8;
        bool is_set = (uint64_t)value >> left & 1;
        unsigned byte = (unsigned char)text[at / 8];
        text[at / 8] = (char)(is_set ? byte | mask : byte & ~mask);
    }
}

/* Any sum of two 64-bit numbers, brought into the field. */
static bool fit(struct bits_field field, enum bits_overflow overflow, __int128 value,
                int64_t *result)
{
    unsigned value_bits = field.is_signed ? field.width - 1 : field.width;
    __int128 max = ((__int128)1 << value_bits) - 1;
    __int128 min = field.is_signed ? -max - 1 : 0;
    bool fits = value >= min && value <= max;
    if (!fits && overflow == BITS_FAIL) return false;
    if (!fits && overflow == BITS_SATURATE) {
        value = value > max ? max : min;
    } else if (!fits) {
        uint64_t low = (uint64_t)value;
        if (field.width < 64) low &= ((uint64_t)1 << field.width) - 1;
        bool is_negative = field.is_signed && low >> (field.width - 1) & 1;
        if (is_negative && field.width < 64) low |= UINT64_MAX << field.width;
        value = (int64_t)low;
    }
    *result = (int64_t)value;
    return true;
}

bool bits_field_add(struct bits_field field, enum bits_overflow overflow, int64_t value, int64_t by,
                    int64_t *result)
{
    return fit(field, overflow, (__int128)value + by, result);
}

bool bits_field_fit(struct bits_field field, enum bits_overflow overflow, int64_t value,
                    int64_t *result)
{
    /* Valkey takes numbers at the very end of the negative ones for too large instead of too
     * small. The same command must leave the same bits on all replicas, so this is kept. */
    if (overflow == BITS_SATURATE && field.is_signed && field.width < 64) {
        int64_t max = ((int64_t)1 << (field.width - 1)) - 1;
        if (value < max - INT64_MAX) value = max;
    }
    __int128 wide = field.is_signed ? (__int128)value : (__int128)(uint64_t)value;
    return fit(field, overflow, wide, result);
}
