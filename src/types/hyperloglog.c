/* HyperLogLog: the hash, the two encodings, the estimate. */
#include "types/hyperloglog.h"

#include "base/ensure.h"
#include <math.h>

#define INDEX_BITS 14
#define ZEROS_MAX  (64 - INDEX_BITS) /* a hash has no more zeros than this above its index */
#define HASH_SEED  0xadc83b19u

#define ENCODING_AT      4
#define COUNT_AT         8
#define DENSE            0
#define SPARSE           1
#define VALUE_BITS       6
#define VALUE_MASK       63u
#define SPARSE_VALUE_MAX 32
#define ZEROS_SHORT      64
#define RUN_MAX          4

/* ---- the hash: MurmurHash64A, as it was published ---- */

static uint64_t word_at(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof(word));
    return word; /* little-endian, like every host that we build for */
}

static uint64_t murmur(struct bytes text)
{
    const uint64_t factor = 0xc6a4a7935bd1e995;
    uint64_t hash = HASH_SEED ^ (text.size * factor);
    size_t at = 0;
    for (; at + 8 <= text.size; at += 8) {
        uint64_t word = word_at(text.data + at) * factor;
        word = (word ^ word >> 47) * factor;
        hash = (hash ^ word) * factor;
    }
    if (at < text.size) {
        uint64_t word = 0;
        for (size_t i = text.size; i-- > at;) word = word << 8 | (uint8_t)text.data[i];
        hash = (hash ^ word) * factor;
    }
    hash = (hash ^ hash >> 47) * factor;
    return hash ^ hash >> 47;
}

struct hll_place hll_place_of(struct bytes element)
{
    uint64_t hash = murmur(element);
    struct hll_place place = { .index = hash & (HLL_REGISTERS - 1) };
    hash = hash >> INDEX_BITS | (uint64_t)1 << ZEROS_MAX; /* so that the row ends */
    place.value = (uint8_t)(__builtin_ctzll(hash) + 1);
    return place;
}

/* ---- the header ---- */

bool hll_is_dense(struct bytes text)
{
    return text.data[ENCODING_AT] == DENSE;
}

bool hll_is_valid(struct bytes text)
{
    if (text.size < HLL_HEADER_SIZE || memcmp(text.data, "HYLL", 4) != 0) return false;
    if (hll_is_dense(text)) return text.size == HLL_DENSE_SIZE;
    return text.data[ENCODING_AT] == SPARSE;
}

bool hll_count_kept(struct bytes text, uint64_t *count)
{
    if (text.data[COUNT_AT + 7] & 0x80) return false;
    *count = word_at(text.data + COUNT_AT);
    return true;
}

void hll_count_keep(char *text, uint64_t count)
{
    memcpy(text + COUNT_AT, &count, sizeof(count));
}

void hll_count_forget(char *text)
{
    text[COUNT_AT + 7] |= (char)0x80;
}

void hll_create(struct buffer *text)
{
    static const char empty[] = "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff";
    buffer_clear(text);
    buffer_append(text, bytes_of(empty, sizeof(empty) - 1));
}

/* ---- dense ---- */

static uint8_t dense_get(const char *text, uint32_t index)
{
    const uint8_t *bytes = (const uint8_t *)text + HLL_HEADER_SIZE;
    size_t bit = (size_t)index * VALUE_BITS;
    unsigned shift = bit & 7;
    unsigned word = bytes[bit / 8];
    if (shift > 8 - VALUE_BITS) word |= (unsigned)bytes[bit / 8 + 1] << 8;
    return (uint8_t)(word >> shift & VALUE_MASK);
}

static void dense_set(char *text, uint32_t index, uint8_t value)
{
    uint8_t *bytes = (uint8_t *)text + HLL_HEADER_SIZE;
    size_t bit = (size_t)index * VALUE_BITS;
    unsigned shift = bit & 7;
    unsigned low = VALUE_MASK << shift;
    unsigned set = (unsigned)value << shift;
    bytes[bit / 8] = (uint8_t)((bytes[bit / 8] & ~low) | set);
    if (shift <= 8 - VALUE_BITS) return;
    bytes[bit / 8 + 1] = (uint8_t)((bytes[bit / 8 + 1] & ~(low >> 8)) | set >> 8);
}

void hll_dense_raise(char *text, struct hll_place place)
{
    if (dense_get(text, place.index) < place.value) dense_set(text, place.index, place.value);
}

/* Four registers stand in three bytes. */
static void dense_merge(struct bytes text, uint8_t *registers)
{
    const uint8_t *bytes = (const uint8_t *)text.data + HLL_HEADER_SIZE;
    for (size_t i = 0; i < HLL_REGISTERS; i += 4, bytes += 3) {
        uint32_t word = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
        for (size_t j = 0; j < 4; j++) {
            uint8_t value = word >> VALUE_BITS * j & VALUE_MASK;
            registers[i + j] = MAX(registers[i + j], value);
        }
    }
}

/* ---- runs ---- */

struct run {
    size_t at;
    uint8_t size; /* in bytes */
    uint8_t value;
    uint32_t length;
};

/* The run at `at`, which is within the text; false when it is cut off. */
static bool run_read(struct bytes text, size_t at, struct run *run)
{
    uint8_t first = (uint8_t)text.data[at];
    *run = (struct run){ .at = at, .size = 1 };
    if (first & 0x80) {
        run->value = (uint8_t)((first >> 2 & 0x1f) + 1);
        run->length = (first & 3u) + 1;
    } else if (first & 0x40) {
        if (at + 1 == text.size) return false;
        run->size = 2;
        run->length = ((first & 0x3fu) << 8 | (uint8_t)text.data[at + 1]) + 1;
    } else {
        run->length = (first & 0x3fu) + 1;
    }
    return true;
}

static bool is_value_run(char first)
{
    return first & (char)0x80;
}

static char value_run(uint8_t value, uint32_t length)
{
    ensure(value >= 1 && value <= SPARSE_VALUE_MAX);
    ensure(length >= 1 && length <= RUN_MAX);
    return (char)(0x80 | (value - 1) << 2 | (length - 1));
}

/* Writes a run of this value; returns the end. */
static char *run_write(char *into, uint8_t value, uint32_t length)
{
    if (length == 0) return into;
    if (value > 0) {
        *into++ = value_run(value, length);
    } else if (length <= ZEROS_SHORT) {
        *into++ = (char)(length - 1);
    } else {
        *into++ = (char)(0x40 | (length - 1) >> 8);
        *into++ = (char)(length - 1);
    }
    return into;
}

/* Takes the larger of each register; false unless the runs make exactly all registers. */
static bool runs_merge(struct bytes text, uint8_t *registers)
{
    uint32_t index = 0;
    struct run run;
    for (size_t at = HLL_HEADER_SIZE; at < text.size; at += run.size) {
        if (!run_read(text, at, &run) || run.length > HLL_REGISTERS - index) return false;
        if (run.value > 0)
            for (uint32_t i = index; i < index + run.length; i++)
                registers[i] = MAX(registers[i], run.value);
        index += run.length;
    }
    return index == HLL_REGISTERS;
}

/* A run in its text: where it stands, its first register, and where the run before it stands (0
 * when there is none). */
struct run_place {
    size_t at;
    uint32_t first;
    size_t before;
};

static const struct run_place first_run = { .at = HLL_HEADER_SIZE };

/* The run that the register belongs to, looked for from *place on, which comes to be its place;
 * *before: that of the run before it. */
static bool run_find(struct bytes text, uint32_t index, struct run *run, struct run_place *place,
                     struct run_place *before)
{
    *before = *place;
    while (place->at < text.size) {
        if (!run_read(text, place->at, run)) return false;
        uint32_t end = place->first + run->length;
        if (index < end) return end <= HLL_REGISTERS;
        *before = *place;
        *place = (struct run_place){ place->at + run->size, end, place->at };
    }
    return false;
}

bool hll_to_dense(struct buffer *text)
{
    if (hll_is_dense(buffer_bytes(text))) return true;
    uint8_t registers[HLL_REGISTERS] = { 0 };
    if (!runs_merge(buffer_bytes(text), registers)) return false;
    text->size = HLL_HEADER_SIZE;
    size_t more = HLL_DENSE_SIZE - HLL_HEADER_SIZE;
    memset(buffer_reserve(text, more), 0, more);
    text->size = HLL_DENSE_SIZE;
    text->data[ENCODING_AT] = DENSE;
    for (uint32_t i = 0; i < HLL_REGISTERS; i++)
        if (registers[i] > 0) dense_set(text->data, i, registers[i]);
    return true;
}

/* ---- raising a register of a sparse one ---- */

#define RUNS_LOOKED_AT                                                                             \
    5 /* what can have come together: the one before, three new, the one behind */

/* Neighbours of one value become one run where a run can hold them. */
static void runs_join(struct buffer *text, size_t at)
{
    for (int left = RUNS_LOOKED_AT; left > 0 && at < text->size; left--) {
        struct run run, next;
        if (!run_read(buffer_bytes(text), at, &run)) return; /* what follows was never sound */
        size_t behind = at + run.size;
        if (run.value > 0 && behind < text->size && is_value_run(text->data[behind])) {
            run_read(buffer_bytes(text), behind, &next);
            if (run.value == next.value && run.length + next.length <= RUN_MAX) {
                text->data[behind] = value_run(run.value, run.length + next.length);
                memmove(text->data + at, text->data + behind, text->size - behind);
                text->size--;
                continue; /* may be joined once more */
            }
        }
        at = behind;
    }
}

/* The run becomes up to three: what was before the register, the register, what was behind. False
 * when the text would get too long. */
static bool run_split(struct buffer *text, size_t size_max, const struct run *run, uint32_t first,
                      struct hll_place place)
{
    char runs[2 * 3];
    char *end = run_write(runs, run->value, place.index - first);
    end = run_write(end, place.value, 1);
    end = run_write(end, run->value, first + run->length - place.index - 1);
    size_t size = (size_t)(end - runs);
    if (size > run->size && text->size + size - run->size > size_max) return false;
    buffer_reserve(text, sizeof(runs));
    char *into = text->data + run->at;
    memmove(into + size, into + run->size, text->size - run->at - run->size);
    memcpy(into, runs, size);
    text->size = text->size - run->size + size;
    return true;
}

/* The register is looked for from *from on; afterwards that is a place from which a higher one can
 * be looked for. */
static enum hll_result sparse_raise(struct buffer *text, size_t size_max, struct hll_place place,
                                    struct run_place *from)
{
    struct run run;
    struct run_place found = *from, before;
    bool fits = place.value <= SPARSE_VALUE_MAX;
    if (!run_find(buffer_bytes(text), place.index, &run, &found, &before)) return HLL_CORRUPT;
    *from = before;
    if (run.value >= place.value) return HLL_SAME;
    if (fits) fits = run_split(text, size_max, &run, found.first, place);
    if (!fits) {
        if (!hll_to_dense(text)) return HLL_CORRUPT;
        hll_dense_raise(text->data, place);
        return HLL_CHANGED;
    }
    runs_join(text, found.before > 0 ? found.before : HLL_HEADER_SIZE);
    return HLL_CHANGED;
}

enum hll_result hll_would_change(struct bytes text, struct hll_place place)
{
    struct run run;
    struct run_place found = first_run, before;
    if (hll_is_dense(text))
        return dense_get(text.data, place.index) < place.value ? HLL_CHANGED : HLL_SAME;
    if (!run_find(text, place.index, &run, &found, &before)) return HLL_CORRUPT;
    return run.value < place.value ? HLL_CHANGED : HLL_SAME;
}

enum hll_result hll_raise(struct buffer *text, size_t sparse_size_max, struct hll_place place)
{
    struct run_place from = first_run;
    if (!hll_is_dense(buffer_bytes(text))) return sparse_raise(text, sparse_size_max, place, &from);
    enum hll_result result = hll_would_change(buffer_bytes(text), place);
    if (result == HLL_CHANGED) hll_dense_raise(text->data, place);
    return result;
}

/* What is there is taken into the registers first, so that all can be written at once. */
static void dense_raise_all(char *text, const uint8_t *registers)
{
    uint8_t all[HLL_REGISTERS];
    memcpy(all, registers, sizeof(all));
    dense_merge(bytes_of(text, HLL_DENSE_SIZE), all);
    uint8_t *bytes = (uint8_t *)text + HLL_HEADER_SIZE;
    for (size_t i = 0; i < HLL_REGISTERS; i += 4, bytes += 3) {
        uint32_t word = all[i] | (uint32_t)all[i + 1] << 6 | (uint32_t)all[i + 2] << 12 |
                        (uint32_t)all[i + 3] << 18;
        bytes[0] = (uint8_t)word;
        bytes[1] = (uint8_t)(word >> 8);
        bytes[2] = (uint8_t)(word >> 16);
    }
}

bool hll_raise_all(struct buffer *text, size_t sparse_size_max,
                   const uint8_t registers[HLL_REGISTERS])
{
    struct run_place from = first_run;
    for (uint32_t i = 0; i < HLL_REGISTERS; i++) {
        struct hll_place place = { .index = i, .value = registers[i] };
        if (hll_is_dense(buffer_bytes(text))) {
            dense_raise_all(text->data, registers);
            return true;
        }
        if (place.value == 0) continue;
        if (sparse_raise(text, sparse_size_max, place, &from) == HLL_CORRUPT) return false;
    }
    return true;
}

bool hll_merge(struct bytes text, uint8_t registers[HLL_REGISTERS])
{
    if (!hll_is_dense(text)) return runs_merge(text, registers);
    dense_merge(text, registers);
    return true;
}

void hll_describe(struct bytes text, struct buffer *words)
{
    struct run run;
    for (size_t at = HLL_HEADER_SIZE; at < text.size; at += run.size) {
        if (!run_read(text, at, &run)) return;
        if (at > HLL_HEADER_SIZE) buffer_append_byte(words, ' ');
        if (run.value > 0)
            buffer_printf(words, "v:%u,%u", run.value, run.length);
        else
            buffer_printf(words, "%c:%u", run.size == 2 ? 'Z' : 'z', run.length);
    }
}

/* ---- the estimate: Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" ---- */

static double tau(double x)
{
    if (x == 0 || x == 1) return 0;
    double before, y = 1, z = 1 - x;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= pow(1 - x, 2) * y;
    } while (before != z);
    return z / 3;
}

static double sigma(double x)
{
    if (x == 1) return INFINITY;
    double before, y = 1, z = x;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (before != z);
    return z;
}

uint64_t hll_count(const uint8_t registers[HLL_REGISTERS])
{
    static const double alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    const double count = HLL_REGISTERS;
    uint32_t histogram[VALUE_MASK + 1] = { 0 };
    for (size_t i = 0; i < HLL_REGISTERS; i++) histogram[registers[i] & VALUE_MASK]++;
    double z = count * tau((count - histogram[ZEROS_MAX + 1]) / count);
    for (int value = ZEROS_MAX; value >= 1; value--) {
        z += histogram[value];
        z *= 0.5;
    }
    z += count * sigma(histogram[0] / count);
    return (uint64_t)llroundl(alpha * count * count / z);
}
