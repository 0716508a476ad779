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
    bucket_times_lower(&due->groups, bucket, expiry_ms);
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
    bucket_times_begin(&due->groups, table);
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
        bucket_times_begin(&(*place)->groups, table);
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
    if (due != NULL) bucket_times_follow(&due->groups, table, buckets_before);
}
