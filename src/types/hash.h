/* Hashes: fields with values, some of which may end at a time of their own.
 *
 * A small hash is a pack of field, value, field, value ...; a large one, and every one in which a
 * field has a time, is a bucket table of fields (field.h). It never becomes small again. The
 * pointer's lowest bit tells which: functions that may convert or move take its place.
 *
 * A field whose time has come is not seen any more, but it is there until somebody takes it out:
 * the cycle of a primary (hash_expire), or a replica's stream. So who reads says when it is. Texts
 * that are put in may not lie in the hash itself; what is handed out is borrowed until the next
 * change. */
#ifndef EIR_TYPES_HASH_H
#define EIR_TYPES_HASH_H

#include "base/buffer.h"
#include "base/heap.h"
#include "base/prng.h"
#include "types/string.h"
#include "types/value.h"

struct hash;

#define HASH_EXPIRY_NONE  ((time_ms)-1)
#define HASH_EXPIRY_KEEPS ((time_ms)-2)
/* As the time of a reader: no field has ended. */
#define HASH_SEES_ALL INT64_MIN

struct hash *hash_create(void);
/* Of a sound listpack body with a count of two for each field; NULL when a field is in it twice. */
struct hash *hash_create_from(struct bytes body, size_t count, const struct value_rules *rules);
void hash_destroy(struct hash *hash);

bool hash_is_small(const struct hash *hash);
/* The listpack body of a small one. */
struct bytes hash_body(const struct hash *hash);
/* Fields that are there, ended or not. */
size_t hash_count(const struct hash *hash);
size_t hash_live_count(const struct hash *hash, time_ms wall_ms);

/* ---- reading ---- */

struct hash_item {
    struct bytes field;
    struct bytes value;
    time_ms expiry_ms;            /* HASH_EXPIRY_NONE: none */
    struct shared *shared;        /* counted bytes of a large value, for sending; else NULL */
    struct scratch field_scratch; /* where integers of a small hash are printed */
    struct scratch value_scratch;
};

/* False when it is not there, or has ended. `item->field` is the caller's own text. */
bool hash_find(const struct hash *hash, struct bytes field, time_ms wall_ms,
               struct hash_item *item);

/* All fields; start with all zero. The hash does not change meanwhile. */
struct hash_walk {
    size_t at; /* the next element of a small one */
    const void *line;
    uint32_t words;
    uint32_t bucket;
    uint32_t place;
};
bool hash_walk_next(const struct hash *hash, struct hash_walk *walk, time_ms wall_ms,
                    struct hash_item *item);

typedef void (*hash_visit)(void *context, const struct hash_item *item);
/* Cursors as table_scan's; a small hash is visited at once. About `count` fields a call. */
uint64_t hash_scan(const struct hash *hash, uint64_t cursor, size_t count, time_ms wall_ms,
                   hash_visit visit, void *context);
/* Any field, each with the same chance; false when there is none. */
bool hash_random(const struct hash *hash, struct prng *prng, time_ms wall_ms,
                 struct hash_item *item);
/* So many different fields by chance, fewer than there are. */
void hash_sample(const struct hash *hash, struct prng *prng, time_ms wall_ms, size_t count,
                 hash_visit visit, void *context);

/* ---- writing ---- */

/* So many fields are about to be put by one command: converts at once where that is too many. */
void hash_expect(struct hash **hash, const struct value_rules *rules, size_t fields);

enum hash_put_result {
    HASH_ADDED,
    HASH_REPLACED,
    HASH_REVIVED, /* one that had ended stood there: to the reader it is new */
};
/* The expiry is a time, HASH_EXPIRY_NONE or HASH_EXPIRY_KEEPS. */
enum hash_put_result hash_put(struct hash **hash, const struct value_rules *rules,
                              struct bytes field, struct bytes value, time_ms wall_ms,
                              time_ms expiry_ms);
/* False when there was none that had not ended. */
bool hash_remove(struct hash **hash, struct bytes field, time_ms wall_ms);

/* ---- time ---- */

/* Of a field that is there. */
void hash_set_expiry(struct hash **hash, const struct value_rules *rules, struct bytes field,
                     time_ms expiry_ms);
/* How many fields have a time of their own. */
size_t hash_volatile_count(const struct hash *hash);
/* No field ends before this; TIME_NEVER when none does. May be early, never late. */
time_ms hash_due_ms(const struct hash *hash);
/* What whoever keeps hashes in order of their due times puts into one; it stays where it is as long
 * as the hash is large. */
struct hash_timer {
    struct heap_node node; /* of no heap at first, nor in a copy */
    uint64_t key_hash;     /* the keeper's own */
};
/* Of a large one. */
struct hash_timer *hash_timer(struct hash *hash);
struct hash *hash_of_timer(struct hash_timer *timer);

/* Takes out fields that have ended, about `count` at most; each is shown before, unless
 * `visit` is NULL. Returns how many.
 * More have ended while hash_due_ms says so. */
size_t hash_expire(struct hash *hash, time_ms wall_ms, size_t count,
                   void (*visit)(void *context, struct bytes field), void *context);

#endif
