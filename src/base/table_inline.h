/* The inside of the bucket table, for look-ups compiled into their callers. */
#ifndef EIR_BASE_TABLE_INLINE_H
#define EIR_BASE_TABLE_INLINE_H

#include "base/table.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define TABLE_LINE_WORDS 8
/* In the last word of a whole line: it points at the next one, with the length in the tag's place.
 */
#define TABLE_CHAINED  ((uint64_t)1 << 63)
#define TABLE_MARK     ((uint64_t)1 << 62)
#define TABLE_TAG_BITS 14

/* Buckets up to this number stand in one array, more in segments of this size. */
#define TABLE_SEGMENT_BITS 10
#define TABLE_SEGMENT_SIZE ((size_t)1 << TABLE_SEGMENT_BITS)

/* Words fill from the first on, so an empty one ends the bucket. */
struct table_line {
    struct table_cell cells[TABLE_LINE_WORDS];
};

struct table {
    union {
        struct table_line *lines;     /* owned; while bucket_count <= TABLE_SEGMENT_SIZE */
        struct table_line **segments; /* owned, as is what they point at */
    };
    uint64_t count;
    uint32_t bucket_count;
    uint32_t capacity;    /* lines in all arrays */
    uint32_t chain_words; /* in the lines beyond the first of their bucket */
    uint16_t longest;     /* no bucket ever held more entries */
    uint8_t level;        /* 2^level <= bucket_count < 2^(level + 1) */
};

static inline struct table_line *table_line_at(const struct table *table, size_t bucket)
{
    if (table->bucket_count <= TABLE_SEGMENT_SIZE) return &table->lines[bucket];
    return &table->segments[bucket >> TABLE_SEGMENT_BITS][bucket & (TABLE_SEGMENT_SIZE - 1)];
}

static inline size_t table_bucket_at(const struct table *table, uint64_t hash)
{
    uint64_t half = (uint64_t)1 << table->level;
    uint64_t bucket = hash & (2 * half - 1);
    return (size_t)(bucket < table->bucket_count ? bucket : bucket & (half - 1));
}

/* How many low bits of their hash all entries of this bucket share. */
static inline unsigned table_depth_at(const struct table *table, size_t bucket)
{
    uint64_t half = (uint64_t)1 << table->level;
    bool is_split = bucket >= half || bucket + half < table->bucket_count;
    return table->level + is_split;
}

/* Where in the hash the tags of a bucket of this depth begin.
 *
 * A tag holds 14 bits from a multiple of five at or below the depth. So the bit that decides where
 * an entry goes when its bucket splits stands in the tag, and four of five splits touch no entry;
 * and at least 9 bits of the tag still tell entries of the bucket apart. */
static inline unsigned table_tag_start(unsigned depth)
{
    return depth - depth % 5;
}

static inline uint64_t table_tag(uint64_t hash, unsigned depth)
{
    return hash >> table_tag_start(depth) & (((uint64_t)1 << TABLE_TAG_BITS) - 1);
}

static inline bool table_line_is_chained(const struct table_line *line)
{
    return line->cells[TABLE_LINE_WORDS - 1].word & TABLE_CHAINED;
}

/* A line as long as it is: the first of a bucket has eight words, a chained one two to eight. */
struct table_part {
    struct table_line *line;
    unsigned words;
};

static inline struct table_part table_first_part(struct table_line *line)
{
    return (struct table_part){ line, TABLE_LINE_WORDS };
}

/* Goes on to the next line of the bucket; false at its end. */
static inline bool table_part_next(struct table_part *part)
{
    if (part->words < TABLE_LINE_WORDS || !table_line_is_chained(part->line)) return false;
    const struct table_cell *link = &part->line->cells[TABLE_LINE_WORDS - 1];
    part->words = (unsigned)(link->word >> TABLE_ADDRESS_BITS & (2 * TABLE_LINE_WORDS - 1));
    part->line = table_cell_entry(link);
    return true;
}

/* One bit for each of the line's words whose tag is this one. Tag 0 also finds empty words. */
static inline unsigned table_line_matches(const struct table_line *line, uint64_t tag)
{
#ifdef __SSE2__
    /* The upper halves of all words side by side, without mark and chain bit. */
    const __m128 *at = (const __m128 *)(const void *)line->cells;
    __m128i low = _mm_castps_si128(_mm_shuffle_ps(at[0], at[1], 0xdd));
    __m128i high = _mm_castps_si128(_mm_shuffle_ps(at[2], at[3], 0xdd));
    __m128i wanted = _mm_set1_epi32((int)tag);
    low = _mm_cmpeq_epi32(_mm_srli_epi32(_mm_slli_epi32(low, 2), 18), wanted);
    high = _mm_cmpeq_epi32(_mm_srli_epi32(_mm_slli_epi32(high, 2), 18), wanted);
    __m128i both = _mm_packs_epi32(low, high);
    unsigned matches = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(both, both)) & 0xff;
#else
    unsigned matches = 0;
    for (unsigned i = 0; i < TABLE_LINE_WORDS; i++) {
        uint64_t word = line->cells[i].word & ~(TABLE_MARK | TABLE_CHAINED);
        matches |= (unsigned)(word >> TABLE_ADDRESS_BITS == tag) << i;
    }
#endif
    unsigned ends = (unsigned)table_line_is_chained(line);
    return matches & ~(ends << (TABLE_LINE_WORDS - 1));
}

static inline unsigned table_part_matches(struct table_part part, uint64_t tag)
{
    if (part.words == TABLE_LINE_WORDS) return table_line_matches(part.line, tag);
    unsigned matches = 0;
    for (unsigned i = 0; i < part.words; i++) {
        uint64_t word = part.line->cells[i].word & ~TABLE_MARK;
        matches |= (unsigned)(word >> TABLE_ADDRESS_BITS == tag) << i;
    }
    return matches;
}

static inline __attribute__((always_inline)) struct table_cell *table_find_inline(
    const struct table *table, uint64_t hash, struct bytes key,
    struct bytes (*key_of)(const void *entry))
{
    if (table == NULL) return NULL;
    size_t bucket = table_bucket_at(table, hash);
    uint64_t tag = table_tag(hash, table_depth_at(table, bucket));
    struct table_part part = table_first_part(table_line_at(table, bucket));
    do {
        for (unsigned matches = table_part_matches(part, tag); matches != 0;
             matches &= matches - 1) {
            struct table_cell *cell = &part.line->cells[__builtin_ctz(matches)];
            const void *entry = table_cell_entry(cell);
            if (entry != NULL && bytes_equal_inline(key_of(entry), key)) return cell;
        }
    } while (table_part_next(&part));
    return NULL;
}

/* The first cell of the hash's bucket that may hold it, by its tag alone; NULL: none in its first
 * line. */
static inline struct table_cell *table_propose(const struct table *table, uint64_t hash)
{
    size_t bucket = table_bucket_at(table, hash);
    struct table_line *line = table_line_at(table, bucket);
    unsigned matches = table_line_matches(line, table_tag(hash, table_depth_at(table, bucket)));
    if (matches == 0) return NULL;
    struct table_cell *cell = &line->cells[__builtin_ctz(matches)];
    return table_cell_entry(cell) == NULL ? NULL : cell;
}

/* The same in the lines behind the first. */
static inline struct table_cell *table_propose_chained(const struct table *table, uint64_t hash)
{
    size_t bucket = table_bucket_at(table, hash);
    uint64_t tag = table_tag(hash, table_depth_at(table, bucket));
    struct table_part part = table_first_part(table_line_at(table, bucket));
    while (table_part_next(&part)) {
        unsigned matches = table_part_matches(part, tag);
        if (matches == 0) continue;
        struct table_cell *cell = &part.line->cells[__builtin_ctz(matches)];
        return table_cell_entry(cell) == NULL ? NULL : cell;
    }
    return NULL;
}

#endif
