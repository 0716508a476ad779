/* The large form of a hash, for the files of this type alone. */
#ifndef EIR_TYPES_HASH_INSIDE_H
#define EIR_TYPES_HASH_INSIDE_H

#include "base/bucket_times.h"
#include "base/table_inline.h"
#include "types/field.h"
#include "types/hash.h"
#include "types/pack.h"

struct fields {
    struct table *table; /* owned, as are the fields in it; those with a time are marked */
    struct table_rules rules;
    struct minima times;   /* of groups of buckets; nothing while no field has a time */
    size_t volatile_count; /* fields with a time */
    struct hash_timer timer;
};

#define HASH_IS_LARGE ((uintptr_t)1)

static inline bool hash_is_large(const struct hash *hash)
{
    return (uintptr_t)hash & HASH_IS_LARGE;
}

static inline struct hash *hash_of_fields(struct fields *fields)
{
    return (struct hash *)((uintptr_t)fields | HASH_IS_LARGE);
}

static inline struct fields *hash_fields(const struct hash *hash)
{
    return (struct fields *)((uintptr_t)hash & ~HASH_IS_LARGE);
}

static inline struct pack *hash_pack(const struct hash *hash)
{
    return (struct pack *)(uintptr_t)hash;
}

static inline struct bytes fields_key_of(const void *entry)
{
    return field_name(entry);
}

static inline struct table_cell *fields_find(const struct fields *fields, uint64_t hash,
                                             struct bytes name)
{
    return table_find_inline(fields->table, hash, name, fields_key_of);
}

static inline uint64_t fields_hash(const struct fields *fields, struct bytes name)
{
    return hash_bytes(&fields->rules.hash_key, name);
}

/* The table has split or merged buckets since it had so many. */
void fields_follow(struct fields *fields, size_t buckets_before);
/* The field in this cell had one expiry and has another. */
void fields_expiry_changed(struct fields *fields, struct table_cell *cell, uint64_t hash,
                           time_ms before_ms, time_ms after_ms);
/* Out of the table, and freed. */
void fields_remove(struct fields *fields, uint64_t hash, struct table_cell *cell);

/* Makes the hash a large one, if it is not. */
void hash_enlarge(struct hash **hash, const struct value_rules *rules);

#endif
