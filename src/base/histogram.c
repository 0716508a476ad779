/* Counts of values in buckets whose width grows with the value.
 *
 * Values below 128 have a bucket each; above, each octave has 64 buckets, so a bucket's bounds
 * differ by less than 1/64. Memory grows with the highest octave seen: a histogram of microseconds
 * up to a second takes 8 KiB, not the 30 KiB of all octaves. */
#include "base/histogram.h"

#include "base/ensure.h"
#include "base/memory.h"
#include <string.h>

#define SUB_BITS    6
#define SUB_BUCKETS ((size_t)1 << SUB_BITS)

struct histogram {
    uint64_t *counts; /* owned */
    size_t bucket_count;
    uint64_t count;
    uint64_t sum; /* wraps only after 2^64 units */
    uint64_t min; /* of no meaning while it is empty */
    uint64_t max;
};

struct histogram *histogram_create(void)
{
    return memory_alloc_zero(sizeof(struct histogram));
}

void histogram_destroy(struct histogram *histogram)
{
    if (histogram == NULL) return;
    memory_free(histogram->counts);
    memory_free(histogram);
}

static size_t bucket_of(uint64_t value)
{
    if (value < 2 * SUB_BUCKETS) return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return shift * SUB_BUCKETS + (size_t)(value >> shift);
}

/* The highest value that falls into the bucket. */
static uint64_t bucket_bound(size_t bucket)
{
    if (bucket < 2 * SUB_BUCKETS) return bucket;
    unsigned shift = (unsigned)(bucket / SUB_BUCKETS) - 1;
    uint64_t sub = bucket - shift * SUB_BUCKETS;
    return (sub << shift) + (((uint64_t)1 << shift) - 1);
}

static void reserve(struct histogram *histogram, size_t bucket)
{
    if (bucket < histogram->bucket_count) return;
    size_t wanted = (bucket / SUB_BUCKETS + 1) * SUB_BUCKETS;
    histogram->counts = memory_realloc(histogram->counts, wanted * sizeof(uint64_t));
    memset(histogram->counts + histogram->bucket_count, 0,
           (wanted - histogram->bucket_count) * sizeof(uint64_t));
    histogram->bucket_count = wanted;
}

void histogram_record_times(struct histogram *histogram, uint64_t value, uint64_t times)
{
    if (times == 0) return;
    size_t bucket = bucket_of(value);
    reserve(histogram, bucket);
    histogram->counts[bucket] += times;
    if (histogram->count == 0 || value < histogram->min) histogram->min = value;
    histogram->count += times;
    histogram->sum += value * times;
    if (value > histogram->max) histogram->max = value;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram_record_times(histogram, value, 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->bucket_count > 0) reserve(into, from->bucket_count - 1);
    for (size_t i = 0; i < from->bucket_count; i++) into->counts[i] += from->counts[i];
    if (from->count > 0 && (into->count == 0 || from->min < into->min)) into->min = from->min;
    into->count += from->count;
    into->sum += from->sum;
    into->max = MAX(into->max, from->max);
}

void histogram_reset(struct histogram *histogram)
{
    memory_free(histogram->counts);
    *histogram = (struct histogram){ 0 };
}

uint64_t histogram_count(const struct histogram *histogram)
{
    return histogram->count;
}

uint64_t histogram_min(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->min;
}

uint64_t histogram_max(const struct histogram *histogram)
{
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : (double)histogram->sum / (double)histogram->count;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    if (histogram->count == 0) return 0;
    percent = MIN(MAX(percent, 0.0), 100.0);
    double exact = percent / 100.0 * (double)histogram->count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact) rank++;
    rank = MAX(rank, (uint64_t)1);

    uint64_t seen = 0;
    for (size_t i = 0; i < histogram->bucket_count; i++) {
        seen += histogram->counts[i];
        if (seen >= rank) return MIN(bucket_bound(i), histogram->max);
    }
    return histogram->max;
}

uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value)
{
    size_t end = MIN(bucket_of(value) + 1, histogram->bucket_count);
    uint64_t seen = 0;
    for (size_t i = 0; i < end; i++) seen += histogram->counts[i];
    return seen;
}
