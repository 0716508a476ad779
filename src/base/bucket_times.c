/* Times of groups of buckets, moved with every split and merge. */
#include "base/bucket_times.h"

#define GROUP_BUCKETS ((size_t)1 << BUCKET_TIMES_GROUP_BITS)

void bucket_times_begin(struct minima *groups, const struct table *table)
{
    size_t buckets = table_bucket_count(table);
    minima_resize(groups, (buckets + GROUP_BUCKETS - 1) >> BUCKET_TIMES_GROUP_BITS);
}

void bucket_times_follow(struct minima *groups, const struct table *table, size_t buckets_before)
{
    size_t buckets = table_bucket_count(table);
    for (; buckets_before < buckets; buckets_before++) { /* this bucket is new */
        size_t group = bucket_times_group(buckets_before);
        size_t parent = bucket_times_group(table_bucket_parent(buckets_before));
        if (group >= groups->count) minima_resize(groups, group + 1);
        if (group != parent) minima_lower(groups, group, minima_at(groups, parent));
    }
    while (buckets_before > buckets && buckets_before > 1) { /* the last one is gone */
        buckets_before--;
        size_t group = bucket_times_group(buckets_before);
        size_t parent = bucket_times_group(table_bucket_parent(buckets_before));
        if (group == parent) continue;
        minima_lower(groups, parent, minima_at(groups, group));
        if (buckets_before % GROUP_BUCKETS != 0) continue;
        minima_set(groups, group, TIME_NEVER);
        minima_resize(groups, group);
    }
}

void bucket_times_visit(const struct table *table, size_t group, table_visit visit, void *context)
{
    size_t bucket = group << BUCKET_TIMES_GROUP_BITS;
    size_t end = MIN(bucket + GROUP_BUCKETS, table_bucket_count(table));
    for (; bucket < end; bucket++) table_visit_bucket(table, bucket, visit, context);
}
