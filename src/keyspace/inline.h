/* The layout of an entry, for code that must be compiled into its caller. entry.h draws it. */
#ifndef EIR_KEYSPACE_INLINE_H
#define EIR_KEYSPACE_INLINE_H

#include "keyspace/entry.h"

enum entry_form {
    FORM_INTEGER, /* 8 bytes */
    FORM_SHORT,   /* a size of 1 byte, the text */
    FORM_LONG,    /* a size of 4 bytes, the text */
    FORM_POINTER, /* 8 bytes */
};

#define ENTRY_TYPE_MASK  0x07u
#define ENTRY_FORM_SHIFT 3
#define ENTRY_FORM_MASK  0x18u
#define ENTRY_HAS_EXPIRY 0x20u
#define ENTRY_IS_EDITED  0x40u /* a string that was changed in place: "raw" to OBJECT ENCODING */
#define ENTRY_HAS_ITEMS  0x40u /* a hash with fields that end, known to the index of those */
#define ENTRY_WIDE_KEY   0x80u /* the key size takes 4 bytes */

#define ENTRY_CLOCK_AT    1
#define ENTRY_KEY_SIZE_AT 4

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the clock is read with the kind");

struct entry {
    uint8_t kind;
    uint8_t rest[];
};

static inline enum entry_form entry_form(const struct entry *entry)
{
    return (enum entry_form)((entry->kind & ENTRY_FORM_MASK) >> ENTRY_FORM_SHIFT);
}

static inline const char *entry_base(const struct entry *entry)
{
    return (const char *)entry;
}

static inline uint32_t entry_word32(const struct entry *entry, size_t at)
{
    uint32_t word;
    memcpy(&word, entry_base(entry) + at, sizeof(word));
    return word;
}

static inline bool entry_has_items(const struct entry *entry)
{
    return (entry->kind & (ENTRY_TYPE_MASK | ENTRY_HAS_ITEMS)) == (VALUE_HASH | ENTRY_HAS_ITEMS);
}

static inline size_t entry_key_size(const struct entry *entry)
{
    if (entry->kind & ENTRY_WIDE_KEY) return entry_word32(entry, ENTRY_KEY_SIZE_AT);
    return (unsigned char)entry_base(entry)[ENTRY_KEY_SIZE_AT];
}

static inline size_t entry_expiry_at(const struct entry *entry)
{
    return ENTRY_KEY_SIZE_AT + (entry->kind & ENTRY_WIDE_KEY ? 4 : 1);
}

static inline size_t entry_key_at(const struct entry *entry)
{
    return entry_expiry_at(entry) + (entry->kind & ENTRY_HAS_EXPIRY ? 8 : 0);
}

static inline size_t entry_value_at(const struct entry *entry)
{
    return entry_key_at(entry) + entry_key_size(entry);
}

static inline struct bytes entry_key_inline(const struct entry *entry)
{
    return bytes_of(entry_base(entry) + entry_key_at(entry), entry_key_size(entry));
}

/* The text of a string in FORM_SHORT. */
static inline struct bytes entry_short_inline(const struct entry *entry)
{
    const char *value = entry_base(entry) + entry_value_at(entry);
    return bytes_of(value + 1, (unsigned char)value[0]);
}

static inline time_ms entry_expiry_inline(const struct entry *entry)
{
    if (!(entry->kind & ENTRY_HAS_EXPIRY)) return EXPIRY_NONE;
    time_ms expiry_ms;
    memcpy(&expiry_ms, entry_base(entry) + entry_expiry_at(entry), sizeof(expiry_ms));
    return expiry_ms;
}

/* Valkey's rule: a key lives through the millisecond it is set to end at. */
static inline bool entry_is_expired(const struct entry *entry, time_ms wall_ms)
{
    return (entry->kind & ENTRY_HAS_EXPIRY) && wall_ms > entry_expiry_inline(entry);
}

static inline uint32_t entry_clock_inline(const struct entry *entry)
{
    return entry_word32(entry, 0) >> 8; /* the three bytes behind the first, little-endian */
}

static inline void entry_clock_set(struct entry *entry, uint32_t clock)
{
    uint32_t word = (uint32_t)entry->kind | clock << 8;
    memcpy(entry, &word, sizeof(word));
}

#endif
