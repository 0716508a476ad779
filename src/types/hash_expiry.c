/* Fields with a time of their own: setting it, and taking out what has ended. */
#include "base/ensure.h"
#include "types/hash_inside.h"

void hash_set_expiry(struct hash **hash, const struct value_rules *rules, struct bytes field,
                     time_ms expiry_ms)
{
    if (!hash_is_large(*hash) && expiry_ms == HASH_EXPIRY_NONE) return;
    hash_enlarge(hash, rules);
    struct fields *fields = hash_fields(*hash);
    uint64_t number = fields_hash(fields, field);
    struct table_cell *cell = fields_find(fields, number, field);
    ensure(cell != NULL);
    struct field *before = table_cell_entry(cell);
    time_ms before_ms = field_expiry_ms(before);
    struct field *after = field_set_expiry(before, expiry_ms);
    if (after != before) table_cell_set_entry(cell, after);
    fields_expiry_changed(fields, cell, number, before_ms, expiry_ms);
}

size_t hash_volatile_count(const struct hash *hash)
{
    return hash_is_large(hash) ? hash_fields(hash)->volatile_count : 0;
}

time_ms hash_due_ms(const struct hash *hash)
{
    if (hash_volatile_count(hash) == 0) return TIME_NEVER;
    return MIN(minima_least(&hash_fields(hash)->times), TIME_NEVER - 1);
}

struct hash_timer *hash_timer(struct hash *hash)
{
    ensure(hash_is_large(hash));
    return &hash_fields(hash)->timer;
}

struct hash *hash_of_timer(struct hash_timer *timer)
{
    return hash_of_fields(CONTAINER_OF(timer, struct fields, timer));
}

/* More than a group of four buckets ever holds, nearly always. */
#define FOUND_MAX 64

/* What a look at one group of buckets finds. */
struct look {
    time_ms wall_ms;
    struct field *found[FOUND_MAX];
    size_t count;
    size_t ended_count; /* `found` and those for which there was no room */
    time_ms next_ms;    /* the earliest of what stays */
};

static void look_at(void *context, const struct table_cell *cell)
{
    struct look *look = context;
    if (!table_cell_is_marked(cell)) return;
    struct field *field = table_cell_entry(cell);
    bool has_ended = field_is_expired(field, look->wall_ms);
    look->ended_count += has_ended;
    if (has_ended && look->count < FOUND_MAX)
        look->found[look->count++] = field;
    else
        look->next_ms = MIN(look->next_ms, field_expiry_ms(field));
}

static struct look look_at_group(const struct fields *fields, size_t group, time_ms wall_ms)
{
    struct look look = { .wall_ms = wall_ms, .next_ms = TIME_NEVER };
    bucket_times_visit(fields->table, group, look_at, &look);
    return look;
}

size_t hash_live_count(const struct hash *hash, time_ms wall_ms)
{
    size_t count = hash_count(hash);
    if (hash_due_ms(hash) >= wall_ms) return count;
    const struct fields *fields = hash_fields(hash);
    size_t group = 0;
    while ((group = minima_find_due_from(&fields->times, group, wall_ms - 1)) != SIZE_MAX)
        count -= look_at_group(fields, group++, wall_ms).ended_count;
    return count;
}

size_t hash_expire(struct hash *hash, time_ms wall_ms, size_t count,
                   void (*visit)(void *context, struct bytes field), void *context)
{
    size_t ended = 0;
    if (!hash_is_large(hash)) return 0;
    struct fields *fields = hash_fields(hash);
    while (ended < count) {
        size_t group = minima_find_due(&fields->times, wall_ms - 1);
        if (group == SIZE_MAX) break;
        struct look look = look_at_group(fields, group, wall_ms);
        minima_set(&fields->times, group, look.next_ms);
        /* Removing may merge buckets; fields stay where they are. */
        for (size_t i = 0; i < look.count; i++) {
            struct bytes name = field_name(look.found[i]);
            uint64_t number = fields_hash(fields, name);
            if (visit != NULL) visit(context, name);
            fields_remove(fields, number, fields_find(fields, number, name));
        }
        ended += MAX(look.count, (size_t)1); /* a look counts, too: its time may be too early */
    }
    return ended;
}
