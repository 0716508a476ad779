/* The bucket table: chains of lines, and the splitting and merging of buckets.
 *
 * At a load of 7.5 entries a bucket, lines and what they chain take 10.3 bytes an entry, and a hit
 * touches 1.2 lines, over a whole doubling (computed from the Poisson distribution of bucket
 * sizes; a load of 6 would take 11.7 bytes and 1.12 lines, one of 9 9.6 bytes and 1.28). Chained
 * lines of one size took 11.7. Shrinking waits until the load is 5, so that a number that goes up
 * and down does no work. */
#include "base/table.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "base/slabs.h"
#include "base/table_inline.h"

#define LOAD_MAX_HALVES 15
/* A table holds half a bucket's load more than that: so small tables, as slots have many, are as
 * full on the average as large ones. */
#define LOAD_MORE_HALVES 7
#define LOAD_MIN_HALVES  10
#define BUCKETS_MAX      ((uint32_t)1 << 31)

/* From so many segments on a further one is made whole at once: it adds little by then. */
#define SEGMENTS_MANY 16

/* Only while a bucket is taken apart: the chain bit means nothing then. */
#define GOES_TO_FRESH TABLE_CHAINED
#define BITS_BESIDE   (TABLE_MARK | GOES_TO_FRESH)

static inline uint64_t word_of(const void *entry, uint64_t tag)
{
    uint64_t address = (uint64_t)(uintptr_t)entry;
    ensure(address >> TABLE_ADDRESS_BITS == 0);
    return address | tag << TABLE_ADDRESS_BITS;
}

static inline uint64_t word_tag(uint64_t word)
{
    return word >> TABLE_ADDRESS_BITS & (((uint64_t)1 << TABLE_TAG_BITS) - 1);
}

void table_cell_set_entry(struct table_cell *cell, void *entry)
{
    uint64_t beside = cell->word & ~(((uint64_t)1 << TABLE_ADDRESS_BITS) - 1);
    cell->word = word_of(entry, 0) | beside;
}

bool table_cell_is_marked(const struct table_cell *cell)
{
    return cell->word & TABLE_MARK;
}

void table_cell_mark(struct table_cell *cell, bool is_marked)
{
    cell->word = is_marked ? cell->word | TABLE_MARK : cell->word & ~TABLE_MARK;
}

size_t table_count(const struct table *table)
{
    return table == NULL ? 0 : (size_t)table->count;
}

static bool is_segmented(const struct table *table)
{
    return table->bucket_count > TABLE_SEGMENT_SIZE;
}

/* ---- Chains ---- */

/* Lengths of chained lines go in steps of two words: so every other one grows in place. */
#define CHAIN_STEP 2

static size_t part_bytes(struct table_part part)
{
    return part.words * sizeof(uint64_t);
}

static size_t part_count(struct table_part part)
{
    size_t count = part.words;
    if (count == TABLE_LINE_WORDS) count -= table_line_is_chained(part.line);
    while (count > 0 && part.line->cells[count - 1].word == 0) count--;
    return count;
}

/* A chained line of so many words that starts with the `count` words at `cells`; `link` points at
 * it from now on. */
static struct table_part part_create(struct table *table, struct table_cell *link, unsigned words,
                                     const struct table_cell *cells, size_t count)
{
    struct table_part part = { slabs_alloc(words * sizeof(uint64_t)), words };
    memcpy(part.line->cells, cells, count * sizeof(*cells));
    memset(part.line->cells + count, 0, (words - count) * sizeof(*cells));
    link->word = word_of(part.line, words) | TABLE_CHAINED;
    table->chain_words += words;
    return part;
}

static void part_free(struct table *table, struct table_part part)
{
    table->chain_words -= part.words;
    slabs_free(part.line, part_bytes(part));
}

static struct table_part part_resize(struct table *table, struct table_cell *link,
                                     struct table_part part, unsigned words, size_t count)
{
    struct table_part resized = part_create(table, link, words, part.line->cells, count);
    part_free(table, part);
    return resized;
}

static struct table_cell *chain_push(struct table *table, struct table_line *first, uint64_t word)
{
    struct table_part part = table_first_part(first), last = part;
    struct table_cell *link = NULL; /* what points at `last` */
    size_t above = 0;
    while (table_part_next(&part)) {
        link = &last.line->cells[TABLE_LINE_WORDS - 1];
        above += TABLE_LINE_WORDS - 1;
        last = part;
    }
    size_t place = part_count(last);
    if (place == TABLE_LINE_WORDS) { /* the last word goes along, and its place points */
        link = &last.line->cells[TABLE_LINE_WORDS - 1];
        struct table_cell moved = *link;
        last = part_create(table, link, CHAIN_STEP, &moved, 1);
        above += TABLE_LINE_WORDS - 1;
        place = 1;
    } else if (place == last.words) {
        last = part_resize(table, link, last, last.words + CHAIN_STEP, place);
    }
    last.line->cells[place].word = word;
    size_t length = above + place + 1;
    ensure(length < UINT16_MAX);
    if (length > table->longest) table->longest = (uint16_t)length;
    return &last.line->cells[place];
}

/* The last entry of the chain takes the cell's place; a line with one entry is folded back. */
static void chain_remove(struct table *table, struct table_line *first, struct table_cell *cell)
{
    struct table_part part = table_first_part(first), last = part;
    struct table_cell *link = NULL;
    while (table_part_next(&part)) {
        link = &last.line->cells[TABLE_LINE_WORDS - 1];
        last = part;
    }
    size_t count = part_count(last);
    ensure(count > 0);
    *cell = last.line->cells[count - 1];
    last.line->cells[--count].word = 0;
    if (link == NULL) return;

    if (count == 1) { /* the line above is full again, without a chain */
        *link = last.line->cells[0];
        part_free(table, last);
    } else if (last.words > count + CHAIN_STEP) {
        part_resize(table, link, last, last.words - CHAIN_STEP, count);
    }
}

static void chain_free_lines(struct table *table, struct table_line *first)
{
    struct table_part part = table_first_part(first), last = part;
    while (table_part_next(&part)) {
        if (last.line != first) part_free(table, last);
        last = part;
    }
    if (last.line != first) part_free(table, last);
    *first = (struct table_line){ 0 };
}

/* ---- Taking buckets apart ---- */

/* Words of a bucket that is being split or merged; nearly always few enough for the stack. */
struct taken {
    size_t count;
    uint64_t *words;
    uint64_t few[64];
};

/* All words come out; the bucket is an empty line. */
static void bucket_take(struct table *table, size_t bucket, struct taken *taken)
{
    struct table_line *first = table_line_at(table, bucket);
    struct table_part part = table_first_part(first);
    size_t count = 0;
    do count += part_count(part);
    while (table_part_next(&part));
    taken->words = taken->few;
    if (count > COUNT_OF(taken->few)) taken->words = memory_alloc(count * sizeof(uint64_t));
    taken->count = 0;
    part = table_first_part(first);
    do {
        size_t here = part_count(part);
        for (size_t i = 0; i < here; i++) taken->words[taken->count++] = part.line->cells[i].word;
    } while (table_part_next(&part));
    ensure(taken->count == count);
    chain_free_lines(table, first);
}

static void taken_free(struct taken *taken)
{
    if (taken->words != taken->few) memory_free(taken->words);
}

/* The words as they must look in a bucket of depth `to`. Reads the entries' keys only when tags
 * start elsewhere there. */
static void taken_retag(struct taken *taken, const struct table_rules *rules, unsigned from,
                        unsigned to)
{
    if (table_tag_start(from) == table_tag_start(to)) return;
    for (size_t i = 0; i < taken->count; i++) {
        struct table_cell cell = { taken->words[i] };
        __builtin_prefetch(table_cell_entry(&cell));
    }
    for (size_t i = 0; i < taken->count; i++) {
        struct table_cell cell = { taken->words[i] };
        void *entry = table_cell_entry(&cell);
        uint64_t hash = hash_bytes(&rules->hash_key, rules->key_of(entry));
        taken->words[i] = word_of(entry, table_tag(hash, to)) | (cell.word & BITS_BESIDE);
    }
}

static void level_update(struct table *table)
{
    table->level = (uint8_t)(31 - __builtin_clz(table->bucket_count));
}

/* ---- Arrays of lines: small ones, as slots have many, are slabs, and so are whole segments ----
 */

_Static_assert(TABLE_SEGMENT_SIZE * sizeof(struct table_line) == SLAB_PAGE_BYTES, "a page each");

static size_t lines_size(size_t count)
{
    return count * sizeof(struct table_line);
}

static struct table_line *lines_alloc(size_t count)
{
    return count == TABLE_SEGMENT_SIZE ? slabs_page_alloc() : slabs_alloc(lines_size(count));
}

static void lines_free(struct table_line *lines, size_t count)
{
    if (count == TABLE_SEGMENT_SIZE)
        slabs_page_free(lines);
    else
        slabs_free(lines, lines_size(count));
}

static struct table_line *lines_resize(struct table_line *lines, size_t before, size_t after)
{
    if (before == after) return lines;
    bool are_large = MIN(lines_size(before), lines_size(after)) > SLAB_SIZE_MAX;
    bool are_parts = MAX(before, after) < TABLE_SEGMENT_SIZE;
    if (are_large && are_parts) return memory_realloc(lines, lines_size(after));
    struct table_line *moved = lines_alloc(after);
    memcpy(moved, lines, lines_size(MIN(before, after)));
    lines_free(lines, before);
    return moved;
}

/* Lines that an array of `used` ones should have room for: a bit more, in whole size classes. A
 * small one no more than it must. */
static size_t lines_wanted(size_t used)
{
    if (lines_size(used) <= SLAB_SIZE_MAX) return used;
    size_t size = memory_class(lines_size(used + used / 16));
    return MIN(size / sizeof(struct table_line), TABLE_SEGMENT_SIZE);
}

/* Places in the directory of a table with so many segments: it doubles. */
static size_t directory_places(size_t segments)
{
    size_t places = 8;
    while (places < segments) places *= 2;
    return places;
}

size_t table_memory(const struct table *table)
{
    if (table == NULL) return 0;
    size_t directory = 0;
    if (is_segmented(table)) {
        size_t segments = ((table->bucket_count - 1) >> TABLE_SEGMENT_BITS) + 1;
        directory = memory_class(directory_places(segments) * sizeof(struct table_line *));
    }
    return slabs_class(sizeof(*table)) + directory + table->capacity * sizeof(struct table_line) +
           table->chain_words * sizeof(uint64_t);
}

/* The array that holds the last lines: the only one of a small table, else the last segment. */
static struct table_line **last_array(struct table *table)
{
    if (!is_segmented(table)) return &table->lines;
    return &table->segments[(table->bucket_count - 1) >> TABLE_SEGMENT_BITS];
}

static void last_array_resize(struct table *table, size_t before, size_t after)
{
    struct table_line **array = last_array(table);
    *array = lines_resize(*array, before, after);
    table->capacity = (uint32_t)(table->capacity - before + after);
}

/* All arrays are full segments: opens the next, and the directory with the second one. */
static void segment_open(struct table *table)
{
    size_t segments = table->bucket_count >> TABLE_SEGMENT_BITS;
    if (segments == 1) {
        struct table_line *lines = table->lines;
        table->segments = memory_alloc(directory_places(2) * sizeof(struct table_line *));
        table->segments[0] = lines;
    } else if (directory_places(segments) < directory_places(segments + 1)) {
        size_t places = directory_places(segments + 1);
        table->segments = memory_realloc(table->segments, places * sizeof(struct table_line *));
    }
    size_t room = segments < SEGMENTS_MANY ? lines_wanted(1) : TABLE_SEGMENT_SIZE;
    table->segments[segments] = lines_alloc(room);
    table->capacity += (uint32_t)room;
}

/* Room for one bucket more, whose line is empty; it counts from now on. */
static void lines_extend(struct table *table)
{
    size_t fresh = table->bucket_count;
    if (fresh == table->capacity) {
        size_t in_last = fresh % TABLE_SEGMENT_SIZE;
        if (in_last == 0)
            segment_open(table);
        else
            last_array_resize(table, in_last, lines_wanted(in_last + 1));
    }
    table->bucket_count++;
    level_update(table);
    *table_line_at(table, fresh) = (struct table_line){ 0 };
}

/* The last bucket, which is empty by now, is gone, and with the last one of an array the array.
 * Nothing is allocated: a table may be taken apart by any thread. */
static void lines_retract(struct table *table)
{
    size_t in_last = (table->bucket_count - 1) % TABLE_SEGMENT_SIZE; /* that stay */
    size_t full = table->bucket_count - 1 - in_last;
    size_t room = table->capacity - full;
    if (in_last == 0 && full > 0) {
        size_t segments = full >> TABLE_SEGMENT_BITS; /* that stay */
        lines_free(*last_array(table), room);
        table->capacity = (uint32_t)full;
        if (segments == 1) {
            struct table_line *lines = table->segments[0];
            memory_free_sized(table->segments, directory_places(2) * sizeof(lines));
            table->lines = lines;
        } else if (directory_places(segments) < directory_places(segments + 1)) {
            table->segments = memory_realloc(table->segments, directory_places(segments) *
                                                                  sizeof(struct table_line *));
        }
    }
    table->bucket_count--;
    if (table->bucket_count > 0) level_update(table);
}

/* Gives back what the last array has too much of. */
static void lines_shrink(struct table *table)
{
    size_t in_last = table->bucket_count % TABLE_SEGMENT_SIZE;
    size_t room = table->capacity - (table->bucket_count - in_last);
    bool are_many = table->bucket_count >= SEGMENTS_MANY * TABLE_SEGMENT_SIZE;
    if (in_last > 0 && 4 * in_last <= 3 * room && !are_many)
        last_array_resize(table, room, lines_wanted(in_last));
}

/* The next bucket in line gives half of its hashes to a new one at the end. */
static void split(struct table *table, const struct table_rules *rules)
{
    size_t fresh = table->bucket_count;
    size_t parent = fresh == 0 ? 0 : table_bucket_parent(fresh);
    unsigned depth = table_depth_at(table, parent);
    lines_extend(table);
    ensure(table_depth_at(table, parent) == depth + 1);
    ensure(table_depth_at(table, fresh) == depth + 1);

    struct taken taken;
    bucket_take(table, parent, &taken);
    uint64_t fresh_bit = (uint64_t)1 << (depth - table_tag_start(depth));
    for (size_t i = 0; i < taken.count; i++)
        if (word_tag(taken.words[i]) & fresh_bit) taken.words[i] |= GOES_TO_FRESH;
    taken_retag(&taken, rules, depth, depth + 1);
    for (size_t i = 0; i < taken.count; i++) {
        size_t bucket = taken.words[i] & GOES_TO_FRESH ? fresh : parent;
        chain_push(table, table_line_at(table, bucket), taken.words[i] & ~GOES_TO_FRESH);
    }
    taken_free(&taken);
}

/* The last bucket goes back into the one it was split from. */
static void merge(struct table *table, const struct table_rules *rules)
{
    size_t last = table->bucket_count - 1;
    size_t parent = table_bucket_parent(last);
    unsigned depth = table_depth_at(table, last);
    struct taken from_last, from_parent;
    bucket_take(table, last, &from_last);
    taken_retag(&from_last, rules, depth, depth - 1);
    if (table_tag_start(depth) != table_tag_start(depth - 1)) {
        bucket_take(table, parent, &from_parent);
        taken_retag(&from_parent, rules, depth, depth - 1);
        struct table_line *line = table_line_at(table, parent);
        for (size_t i = 0; i < from_parent.count; i++)
            chain_push(table, line, from_parent.words[i]);
        taken_free(&from_parent);
    }
    lines_retract(table);
    lines_shrink(table);
    ensure(table_depth_at(table, parent) == depth - 1);
    struct table_line *line = table_line_at(table, parent);
    for (size_t i = 0; i < from_last.count; i++) chain_push(table, line, from_last.words[i]);
    taken_free(&from_last);
}

/* ---- Entries ---- */

struct table_cell *table_find(const struct table *table, const struct table_rules *rules,
                              uint64_t hash, struct bytes key)
{
    return table_find_inline(table, hash, key, rules->key_of);
}

static void table_open(struct table *table)
{
    table->lines = slabs_alloc(lines_size(1));
    table->lines[0] = (struct table_line){ 0 };
    table->capacity = 1;
    table->bucket_count = 1;
}

void table_settle(struct table *table)
{
    size_t size = lines_size(table->capacity);
    if (size == 0 || size > SLAB_SIZE_MAX || !slabs_should_move(table->lines, size)) return;
    struct table_line *lines = slabs_alloc(size);
    memcpy(lines, table->lines, size);
    slabs_free(table->lines, size);
    table->lines = lines;
}

struct table_cell *table_insert_in(struct table *table, const struct table_rules *rules,
                                   uint64_t hash, void *entry)
{
    uint64_t load_max = (uint64_t)LOAD_MAX_HALVES * table->bucket_count + LOAD_MORE_HALVES;
    if (table->bucket_count == 0)
        table_open(table);
    else if (2 * (table->count + 1) > load_max && table->bucket_count < BUCKETS_MAX)
        split(table, rules);

    size_t bucket = table_bucket_at(table, hash);
    uint64_t word = word_of(entry, table_tag(hash, table_depth_at(table, bucket)));
    struct table_cell *cell = chain_push(table, table_line_at(table, bucket), word);
    table->count++;
    return cell;
}

static struct table *table_create(struct table content)
{
    struct table *table = slabs_alloc(sizeof(*table));
    *table = content;
    return table;
}

struct table_cell *table_insert(struct table **place, const struct table_rules *rules,
                                uint64_t hash, void *entry)
{
    if (*place == NULL) *place = table_create((struct table){ 0 });
    return table_insert_in(*place, rules, hash, entry);
}

struct table *table_take(struct table *table)
{
    if (table->bucket_count == 0) return NULL;
    struct table *taken = table_create(*table);
    *table = (struct table){ 0 };
    return taken;
}

static void table_close(struct table *table)
{
    ensure(table->chain_words == 0);
    ensure(table->bucket_count == 1);
    lines_free(table->lines, table->capacity);
    *table = (struct table){ 0 };
}

void table_remove_in(struct table *table, const struct table_rules *rules, uint64_t hash,
                     struct table_cell *cell)
{
    ensure(table->count > 0);
    chain_remove(table, table_line_at(table, table_bucket_at(table, hash)), cell);
    table->count--;
    if (table->count == 0) {
        while (table->bucket_count > 1) merge(table, rules); /* two at most are left */
        table_close(table);
    } else if (table->bucket_count > 1 &&
               2 * table->count < (uint64_t)LOAD_MIN_HALVES * (table->bucket_count - 1)) {
        merge(table, rules);
    }
}

static void table_free(struct table **place)
{
    slabs_free(*place, sizeof(**place));
    *place = NULL;
}

void table_remove(struct table **place, const struct table_rules *rules, uint64_t hash,
                  struct table_cell *cell)
{
    table_remove_in(*place, rules, hash, cell);
    if ((*place)->bucket_count == 0) table_free(place);
}

bool table_clear_step(struct table *table, size_t count, table_release release, void *context,
                      size_t *released)
{
    *released = 0;
    while (table->bucket_count > 0 && *released < MAX(count, (size_t)1)) {
        struct taken taken;
        bucket_take(table, table->bucket_count - 1, &taken);
        for (size_t i = 0; i < taken.count; i++) {
            struct table_cell cell = { taken.words[i] };
            __builtin_prefetch(table_cell_entry(&cell));
        }
        for (size_t i = 0; i < taken.count && release != NULL; i++) {
            struct table_cell cell = { taken.words[i] };
            release(context, table_cell_entry(&cell));
        }
        *released += MAX(taken.count, (size_t)1);
        table->count -= taken.count;
        taken_free(&taken);
        if (table->bucket_count == 1)
            table_close(table);
        else
            lines_retract(table);
    }
    return table->bucket_count == 0;
}

bool table_destroy_step(struct table **place, size_t count, table_release release, void *context,
                        size_t *released)
{
    *released = 0;
    if (*place == NULL) return true;
    if (!table_clear_step(*place, count, release, context, released)) return false;
    table_free(place);
    return true;
}

void table_destroy(struct table *table, table_release release, void *context)
{
    size_t released;
    while (!table_destroy_step(&table, SIZE_MAX, release, context, &released)) {}
}

/* ---- Prefetching ---- */

void table_prefetch_bucket(const struct table *table, uint64_t hash)
{
    if (table != NULL) __builtin_prefetch(table_line_at(table, table_bucket_at(table, hash)));
}

void table_prefetch_chain(const struct table *table, uint64_t hash)
{
    if (table == NULL) return;
    struct table_part part = table_first_part(table_line_at(table, table_bucket_at(table, hash)));
    if (table_part_next(&part)) __builtin_prefetch(part.line);
}

/* ---- All entries ---- */

static uint64_t reverse_bits(uint64_t value)
{
    value = (value >> 1 & 0x5555555555555555u) | (value & 0x5555555555555555u) << 1;
    value = (value >> 2 & 0x3333333333333333u) | (value & 0x3333333333333333u) << 2;
    value = (value >> 4 & 0x0f0f0f0f0f0f0f0fu) | (value & 0x0f0f0f0f0f0f0f0fu) << 4;
    return __builtin_bswap64(value);
}

void table_visit_bucket(const struct table *table, size_t bucket, table_visit visit, void *context)
{
    ensure(bucket < table->bucket_count);
    struct table_part part = table_first_part(table_line_at(table, bucket));
    do {
        size_t count = part_count(part);
        for (size_t i = 0; i < count; i++) visit(context, &part.line->cells[i]);
    } while (table_part_next(&part));
}

void table_measure(const struct table *table, bool with_chains, struct table_shape *shape)
{
    if (table == NULL) return;
    shape->places += (size_t)table->bucket_count * (TABLE_LINE_WORDS - 1);
    shape->entries += table->count;
    shape->buckets += table->bucket_count;
    for (size_t bucket = 0; with_chains && bucket < table->bucket_count; bucket++) {
        struct table_part part = table_first_part(table_line_at(table, bucket));
        size_t chained = 0;
        while (table_part_next(&part)) chained++;
        shape->chained += chained;
        shape->longest = MAX(shape->longest, chained);
        shape->of_chain[MIN(chained, (size_t)TABLE_SHAPE_CHAINS - 1)]++;
    }
}

uint64_t table_scan(const struct table *table, uint64_t cursor, table_visit visit, void *context)
{
    if (table == NULL) return 0;
    size_t bucket = table_bucket_at(table, cursor);
    unsigned depth = table_depth_at(table, bucket);
    table_visit_bucket(table, bucket, visit, context);
    /* One on in the reversed order, at the bucket's own depth. */
    uint64_t below = ((uint64_t)1 << depth) - 1;
    return reverse_bits(reverse_bits(cursor | ~below) + 1);
}

struct table_cell *table_random(const struct table *table, struct prng *prng)
{
    if (table == NULL) return NULL;
    /* A bucket and a place in it, both even over their range; drawn again when nobody stands
     * there. So every entry has the chance 1 / (buckets x longest) in each draw. */
    for (;;) {
        struct table_part part =
            table_first_part(table_line_at(table, prng_below(prng, table->bucket_count)));
        size_t place = (size_t)prng_below(prng, table->longest);
        while (place >= TABLE_LINE_WORDS - 1 && table_part_next(&part))
            place -= TABLE_LINE_WORDS - 1;
        if (place < part_count(part)) return &part.line->cells[place];
    }
}

struct table_cell *table_walk_next(const struct table *table, struct table_walk *walk)
{
    if (table == NULL) return NULL;
    for (;;) {
        struct table_part part = { (struct table_line *)(uintptr_t)walk->line, walk->words };
        if (part.line == NULL) {
            if (walk->bucket >= table->bucket_count) return NULL;
            part = table_first_part(table_line_at(table, walk->bucket++));
            walk->line = part.line;
            walk->words = part.words;
            walk->place = 0;
        }
        if (walk->place < part_count(part)) return &part.line->cells[walk->place++];
        bool goes_on = table_part_next(&part);
        walk->line = goes_on ? part.line : NULL;
        walk->words = part.words;
        walk->place = 0;
    }
}

unsigned table_vacate_bucket(struct table *table, size_t bucket)
{
    unsigned moved = 0;
    if (bucket % TABLE_SEGMENT_SIZE == 0) {
        bool is_last = bucket + TABLE_SEGMENT_SIZE >= table->bucket_count;
        struct table_line **array = &table->lines;
        if (is_segmented(table)) array = &table->segments[bucket >> TABLE_SEGMENT_BITS];
        size_t count = is_last ? table->capacity - bucket : TABLE_SEGMENT_SIZE;
        struct table_line *before = *array;
        *array = count == TABLE_SEGMENT_SIZE ? slabs_page_vacate(before)
                                             : slabs_vacate(before, lines_size(count));
        moved += *array != before;
    }
    struct table_part part = table_first_part(table_line_at(table, bucket));
    for (struct table_part last = part; table_part_next(&part); last = part) {
        struct table_line *before = part.line;
        part.line = slabs_vacate(before, part_bytes(part));
        if (part.line == before) continue;
        struct table_cell *link = &last.line->cells[TABLE_LINE_WORDS - 1];
        link->word = word_of(part.line, part.words) | TABLE_CHAINED;
        moved++;
    }
    return moved;
}

size_t table_bucket_count(const struct table *table)
{
    return table == NULL ? 0 : table->bucket_count;
}

size_t table_bucket_of(const struct table *table, uint64_t hash)
{
    return table_bucket_at(table, hash);
}
