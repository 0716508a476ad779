/* When the entries of a bucket table are due: for each group of four buckets a time before which
 * none in it is.
 *
 * No list of entries is kept, so giving one a time, another, or taking it out costs no more than
 * lowering a number, about 0.3 bytes an entry. After a removal a group's time is too early until
 * somebody looks at the group and corrects it. The times are a struct minima that the owner keeps
 * beside its table. */
#ifndef EIR_BASE_BUCKET_TIMES_H
#define EIR_BASE_BUCKET_TIMES_H

#include "base/minima.h"
#include "base/table.h"

#define BUCKET_TIMES_GROUP_BITS 2

static inline size_t bucket_times_group(size_t bucket)
{
    return bucket >> BUCKET_TIMES_GROUP_BITS;
}

/* As many groups as the table has; before the first time is set. */
void bucket_times_begin(struct minima *groups, const struct table *table);
/* An entry of this bucket is due then. */
static inline void bucket_times_lower(struct minima *groups, size_t bucket, time_ms time)
{
    minima_lower(groups, bucket_times_group(bucket), time);
}
/* The table, which is not empty, may have split or merged a bucket since the last call. */
void bucket_times_follow(struct minima *groups, const struct table *table, size_t buckets_before);
/* Visits the entries of one group, whether they have a time or not. */
void bucket_times_visit(const struct table *table, size_t group, table_visit visit, void *context);

#endif
