/* The expiry index of one table.
 *
 * It keeps no list of keys: only, for every four buckets, a time before which none of their keys
 * ends. So setting, changing and removing a key costs nothing here but lowering one number, and
 * an entry carries nothing but its time. The price is paid by the cycle: it reads the expiries of
 * about 30 keys to find one that is due, and finds them together, out of order, in the cache's
 * favour. A wheel or a heap of entries was left for it: 12 bytes a key more, and links to mend
 * whenever an entry moves. */
#include "base/ensure.h"
#include "base/memory.h"
#include "keyspace/internal.h"

static size_t groups_for(size_t buckets)
{
    return (buckets + (1u << DUE_GROUP_BITS) - 1) >> DUE_GROUP_BITS;
}

void due_destroy(struct due *due)
{
    if (due == NULL) return;
    minima_fini(&due->groups);
    memory_free_sized(due, sizeof(*due));
}

static void count_in(struct due *due, size_t bucket, time_ms expiry_ms)
{
    due->volatile_count++;
    due->expiry_sum += expiry_ms;
    minima_lower(&due->groups, due_group_of(bucket), expiry_ms);
}

struct build {
    struct due *due;
    size_t bucket;
};

static void build_cell(void *context, const struct table_cell *cell)
{
    struct build *build = context;
    if (!table_cell_is_marked(cell)) return;
    count_in(build->due, build->bucket, entry_expiry_inline(table_cell_entry(cell)));
}

struct due *due_create(const struct table *table)
{
    struct due *due = memory_alloc_zero(sizeof(*due));
    struct build build = { .due = due };
    size_t buckets = table_bucket_count(table);
    minima_resize(&due->groups, groups_for(buckets));
    for (; build.bucket < buckets; build.bucket++)
        table_visit_bucket(table, build.bucket, build_cell, &build);
    return due;
}

void due_change(struct due **place, const struct table *table, size_t bucket, time_ms before_ms,
                time_ms after_ms)
{
    if (*place == NULL) {
        if (after_ms == EXPIRY_NONE) return;
        *place = memory_alloc_zero(sizeof(**place));
        minima_resize(&(*place)->groups, groups_for(table_bucket_count(table)));
    }
    struct due *due = *place;
    if (before_ms != EXPIRY_NONE) {
        ensure(due->volatile_count > 0);
        due->volatile_count--;
        due->expiry_sum -= before_ms;
    }
    if (after_ms != EXPIRY_NONE) count_in(due, bucket, after_ms);
    /* Small again: nothing is left that a later look would have to correct. */
    if (due->volatile_count == 0 && due->groups.height == 0) {
        due_destroy(due);
        *place = NULL;
    }
}

void due_follow(struct due *due, const struct table *table, size_t buckets_before)
{
    if (due == NULL) return;
    size_t buckets = table_bucket_count(table);
    struct minima *groups = &due->groups;
    for (; buckets_before < buckets; buckets_before++) { /* this bucket is new */
        size_t group = due_group_of(buckets_before);
        size_t parent = due_group_of(table_bucket_parent(buckets_before));
        if (group >= groups->count) minima_resize(groups, group + 1);
        if (group != parent) minima_lower(groups, group, minima_at(groups, parent));
    }
    while (buckets_before > buckets && buckets_before > 1) { /* the last one is gone */
        buckets_before--;
        size_t group = due_group_of(buckets_before);
        size_t parent = due_group_of(table_bucket_parent(buckets_before));
        if (group == parent) continue;
        minima_lower(groups, parent, minima_at(groups, group));
        if (buckets_before % (1u << DUE_GROUP_BITS) != 0) continue;
        minima_set(groups, group, TIME_NEVER);
        minima_resize(groups, group);
    }
}

void due_visit_group(const struct table *table, size_t group, table_visit visit, void *context)
{
    size_t bucket = group << DUE_GROUP_BITS;
    size_t end = MIN(bucket + (1u << DUE_GROUP_BITS), table_bucket_count(table));
    for (; bucket < end; bucket++) table_visit_bucket(table, bucket, visit, context);
}
