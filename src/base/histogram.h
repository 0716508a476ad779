/* A histogram of positive integers with bounded relative error (HDR: 64 sub-buckets an octave). */
#ifndef EIR_BASE_HISTOGRAM_H
#define EIR_BASE_HISTOGRAM_H

#include "base/units.h"

struct histogram;

struct histogram *histogram_create(void);
void histogram_destroy(struct histogram *histogram);
void histogram_record(struct histogram *histogram, uint64_t value);
/* The same value so many times: the replies of one pipeline. */
void histogram_record_times(struct histogram *histogram, uint64_t value, uint64_t times);
void histogram_merge(struct histogram *into, const struct histogram *from);
void histogram_reset(struct histogram *histogram);
uint64_t histogram_count(const struct histogram *histogram);
uint64_t histogram_min(const struct histogram *histogram); /* 0 while it is empty */
uint64_t histogram_max(const struct histogram *histogram);
double histogram_mean(const struct histogram *histogram);
/* Smallest recorded bound with at least `percent` (0..100) of the values at or below it. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

/* How many of the values are at or below this one, give or take the width of its bucket. */
uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value);

#endif
