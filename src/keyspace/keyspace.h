/* The databases: keys and their values, expiry, watches; looked up, written and walked here only.
 *
 * Every write passes one gate in this folder, which marks watchers dirty, counts dirt, tells
 * changes and keeps the expiry index. No clock and no chance of its own: time is in `struct
 * access`, the prng is seeded by the options.
 *
 * Pointers to entries are borrowed: valid until the next write to the keyspace, whatever the key.
 * A key whose time has come is never seen: a look-up treats it as absent, and deletes it where
 * the access allows that. */
#ifndef EIR_KEYSPACE_KEYSPACE_H
#define EIR_KEYSPACE_KEYSPACE_H

#include "base/hash.h"
#include "base/prng.h"
#include "base/table.h"
#include "keyspace/changes.h"
#include "keyspace/entry.h"
#include "keyspace/garbage.h"
#include "keyspace/watch.h"

struct keyspace;

enum keyspace_clock {
    KEYSPACE_CLOCK_LRU, /* remembers the second of the last access */
    KEYSPACE_CLOCK_LFU, /* counts accesses, logarithmically, with decay */
};

struct keyspace_options {
    uint32_t database_count;
    bool is_clustered; /* a table for each slot instead of one for each database */
    struct hash_key hash_key;
    uint64_t seed; /* random keys, LFU counting */
    enum keyspace_clock clock;
    uint32_t lfu_log_factor;    /* 0 means the usual 10 */
    uint32_t lfu_decay_minutes; /* 0: never decays */
    struct value_rules values;  /* hash_key above is taken, whatever stands here */
};

struct keyspace *keyspace_create(const struct keyspace_options *options);
void keyspace_destroy(struct keyspace *keyspace);
/* Follows maxmemory-policy and the lfu parameters; entries keep the clock they have. */
void keyspace_set_clock(struct keyspace *keyspace, enum keyspace_clock clock,
                        uint32_t lfu_log_factor, uint32_t lfu_decay_minutes);

/* Collections are built and edited by these from now on; their hash key stays. */
void keyspace_set_value_rules(struct keyspace *keyspace, const struct value_rules *rules);
const struct value_rules *keyspace_value_rules(const struct keyspace *keyspace);
/* For random members: the keyspace's own chance. */
struct prng *keyspace_prng(struct keyspace *keyspace);

/* ---- Looking up ---- */

/* A key with what its look-up needs, computed once for each command. */
struct key {
    struct bytes bytes; /* borrowed from the request */
    uint64_t hash;
    uint32_t slot; /* 0 when there are no slots */
    uint32_t db;
    /* What was found ahead (keyspace_look_ahead); asked only while nothing has moved since. It is
     * of this database: who wants the same key of another one asks keyspace_key_in. */
    struct table_cell *proposed;
    uint64_t moves;
};

/* The same key of another database. */
static inline struct key keyspace_key_in(const struct key *key, uint32_t db)
{
    struct key other = *key;
    other.db = db;
    other.proposed = NULL;
    return other;
}

struct key keyspace_key(const struct keyspace *keyspace, uint32_t db, struct bytes bytes);
/* As above when the router knows the slot already. */
struct key keyspace_key_in_slot(const struct keyspace *keyspace, uint32_t db, uint32_t slot,
                                struct bytes bytes);

/* When and on whose behalf keys are touched. */
struct access {
    time_ms wall_ms;
    bool may_expire;         /* a look-up deletes what has expired: true on a primary only */
    bool ignores_expiry;     /* sees expired keys: the stream of the primary, loading */
    bool keeps_clock;        /* CLIENT NO-TOUCH */
    struct changes *changes; /* borrowed; NULL: nobody wants to know (loading) */
};

/* For reading: counts a hit or a miss, sets the access clock. NULL when absent. */
struct entry *keyspace_find_for_read(struct keyspace *keyspace, const struct access *access,
                                     const struct key *key);
/* As above without hit, miss or clock: OBJECT, TTL, TYPE, EXISTS in scripts, DEBUG. */
struct entry *keyspace_peek(struct keyspace *keyspace, const struct access *access,
                            const struct key *key);
/* For writing: sets the clock. The caller edits the value and then says keyspace_modified, or
 * does nothing. Strings are written through the functions below instead. */
struct entry *keyspace_find_for_write(struct keyspace *keyspace, const struct access *access,
                                      const struct key *key);
void keyspace_modified(struct keyspace *keyspace, const struct access *access,
                       const struct key *key);

/* As above for a hash in which fields may have got or lost a time: keeps the index of those. */
void keyspace_items_changed(struct keyspace *keyspace, const struct key *key, struct entry *entry);
/* Before a hash is written: takes out fields that have ended, where this access may. NULL when the
 * key went with the last of them. */
struct entry *keyspace_expire_fields(struct keyspace *keyspace, const struct access *access,
                                     const struct key *key, struct entry *entry);

/* Brings what the look-ups of these keys will read into the cache, in stages over all of them, and
 * proposes cells to the look-ups. */
void keyspace_look_ahead(const struct keyspace *keyspace, struct key *keys, size_t count);
/* The rest of a value that is long, shortly before it is wanted. */
void keyspace_look_closer(const struct keyspace *keyspace, const struct key *key);

/* ---- Writing ---- */

struct put {
    time_ms expiry_ms;     /* absolute; 0 as well as EXPIRY_NONE: none; ignored if keeps_expiry */
    bool keeps_expiry;     /* SET KEEPTTL, GETSET-like edits */
    bool keeps_text;       /* do not turn a canonical integer into one (INCRBYFLOAT, RESTORE) */
    bool is_edited;        /* OBJECT ENCODING says "raw", as of a text that was built up (BITOP) */
    struct buffer *source; /* where the text lies, if it may be taken from there; or NULL */
};
#define PUT_PLAIN (&(const struct put){ 0 })

/* The key gets this string, whatever it held before. Neither key nor text may point into the
 * keyspace: their memory may be used again. */
struct entry *keyspace_put_string(struct keyspace *keyspace, const struct access *access,
                                  const struct key *key, struct bytes text, const struct put *put);
/* INCR's result: in place when there is a string already; keeps the expiry. */
struct entry *keyspace_put_integer(struct keyspace *keyspace, const struct access *access,
                                   const struct key *key, int64_t value);
/* The key gets this object, which the keyspace owns from now on. */
struct entry *keyspace_put_value(struct keyspace *keyspace, const struct access *access,
                                 const struct key *key, enum value_type type, void *value,
                                 const struct put *put);
/* Appends to a string or creates it; returns the new size. The key holds no other type. */
size_t keyspace_append(struct keyspace *keyspace, const struct access *access,
                       const struct key *key, struct bytes more);
/* The string's bytes for writing, at least `size` of them, new ones zero (SETRANGE, SETBIT,
 * BITFIELD, PFADD); creates the key when absent. Counts as modified. Valid until the next call.
 * The key holds no other type; size is at most STRING_SIZE_MAX. */
char *keyspace_open_string(struct keyspace *keyspace, const struct access *access,
                           const struct key *key, size_t size);

/* False when it was absent. A large value goes to the garbage. */
bool keyspace_delete(struct keyspace *keyspace, const struct access *access, const struct key *key);
/* As above, told as expired or evicted instead. */
bool keyspace_delete_as(struct keyspace *keyspace, const struct access *access,
                        const struct key *key, enum change_kind kind);
/* The value moves, with expiry and clock, to another key or database, over what it held; false
 * when the first is absent. Told as deleted there and new or overwritten here. */
bool keyspace_rename(struct keyspace *keyspace, const struct access *access, const struct key *from,
                     const struct key *to);
/* As above, but the first keeps its value. */
bool keyspace_copy(struct keyspace *keyspace, const struct access *access, const struct key *from,
                   const struct key *to);

/* Sets the time at which the key ends, or takes it away with EXPIRY_NONE; a time that has passed
 * is stored as any other. Returns the entry, which may have moved; NULL when absent. */
struct entry *keyspace_set_expiry(struct keyspace *keyspace, const struct access *access,
                                  const struct key *key, time_ms expiry_ms);

/* The access clock as OBJECT IDLETIME and FREQ, RESTORE and snapshots see it. */
uint64_t keyspace_idle_seconds(const struct keyspace *keyspace, const struct entry *entry,
                               time_ms wall_ms);
uint8_t keyspace_frequency(const struct keyspace *keyspace, const struct entry *entry,
                           time_ms wall_ms);
void keyspace_set_idle_seconds(struct keyspace *keyspace, struct entry *entry, uint64_t seconds,
                               time_ms wall_ms);
void keyspace_set_frequency(struct keyspace *keyspace, struct entry *entry, uint8_t frequency,
                            time_ms wall_ms);

/* ---- Expiry ---- */

/* Deletes keys and fields of hashes whose time has come, about count_max at most; each key is told
 * as CHANGE_EXPIRED, fields by CHANGE_FIELDS. Returns how many. More is due while
 * keyspace_next_expiry_ms is not in the future. */
size_t keyspace_expire_due(struct keyspace *keyspace, const struct access *access,
                           size_t count_max);
/* No key and no field ends before this time; TIME_NEVER when none ever does. May be early, never
 * late. */
time_ms keyspace_next_expiry_ms(const struct keyspace *keyspace);

/* ---- Watching ---- */

/* Watches the key for this watcher, once. */
void keyspace_watch(struct keyspace *keyspace, const struct access *access, struct watcher *watcher,
                    const struct key *key);
/* How many different keys somebody watches. */
size_t keyspace_watched_count(const struct keyspace *keyspace);
/* Must EXEC fail? True when a watched key changed, or existed and has expired since. */
bool keyspace_watcher_is_dirty(struct keyspace *keyspace, const struct access *access,
                               struct watcher *watcher);
/* Which kinds are told besides CHANGE_EXPIRED and CHANGE_EVICTED: bits 1 << change_kind. */
void keyspace_tell_changes(struct keyspace *keyspace, uint32_t kinds);
/* These are told as well, but only of keys that somebody waits for: whose count, at
 * keyspace_await_place, is not 0. The counts are borrowed. */
#define KEYSPACE_AWAIT_PLACES 16384
static inline size_t keyspace_await_place(const struct key *key)
{
    return key->hash % KEYSPACE_AWAIT_PLACES;
}
void keyspace_tell_awaited(struct keyspace *keyspace, uint32_t kinds, const uint16_t *counts);

/* ---- All keys ---- */

/* SCAN: visits about `count` live keys from the cursor on, whole buckets at a time, and returns
 * the next cursor, 0 at the end. Every key that is there throughout is visited, some twice.
 * `visit` must not write to the keyspace. With slots the cursor is (place << 14 | slot), as
 * Valkey's. With `slot` not negative it stays in that slot. */
typedef void (*keyspace_visit)(void *context, const struct entry *entry);
uint64_t keyspace_scan(const struct keyspace *keyspace, const struct access *access, uint32_t db,
                       int32_t slot, uint64_t cursor, size_t count, keyspace_visit visit,
                       void *context);
/* Up to `count` keys of one slot, expired ones too: GETKEYSINSLOT. Returns how many. */
size_t keyspace_visit_slot(const struct keyspace *keyspace, uint32_t db, uint32_t slot,
                           size_t count, keyspace_visit visit, void *context);
/* A live key, each with the same chance; NULL when none is found. */
struct entry *keyspace_random(struct keyspace *keyspace, const struct access *access, uint32_t db);

/* A walk over every key of every database, slot by slot, for a snapshot: nothing may be written
 * meanwhile (the child after a fork). */
struct keyspace_walk {
    uint32_t db;
    uint32_t slot;
    const void *line; /* this and what follows is the walk's own */
    uint32_t words;
    uint32_t bucket;
    uint32_t place;
};
void keyspace_walk_init(struct keyspace_walk *walk);
/* The next entry, with db and slot in the walk saying where it is; NULL at the end. */
const struct entry *keyspace_walk_next(const struct keyspace *keyspace, struct keyspace_walk *walk);

/* ---- Databases and slots ---- */

uint32_t keyspace_database_count(const struct keyspace *keyspace);
bool keyspace_is_clustered(const struct keyspace *keyspace);
size_t keyspace_count(const struct keyspace *keyspace, uint32_t db);
size_t keyspace_slot_count(const struct keyspace *keyspace, uint32_t db, uint32_t slot);
bool keyspace_is_empty(const struct keyspace *keyspace);

/* All in constant time; what was there joins the garbage. Watchers of keys that existed are
 * dirty. Return how many keys are gone. */
size_t keyspace_flush(struct keyspace *keyspace, const struct access *access, uint32_t db);
size_t keyspace_flush_all(struct keyspace *keyspace, const struct access *access);
size_t keyspace_drop_slot(struct keyspace *keyspace, const struct access *access, uint32_t db,
                          uint32_t slot);
/* SWAPDB. Watchers of keys that exist in either are dirty. */
void keyspace_swap(struct keyspace *keyspace, const struct access *access, uint32_t first,
                   uint32_t second);
/* Takes over the complete data of another keyspace made with the same options (a replica's new
 * set), which is destroyed; the old data joins the garbage. */
void keyspace_adopt(struct keyspace *keyspace, const struct access *access, struct keyspace *other);

/* What waits to be freed, now the caller's; NULL when nothing does. */
struct garbage *keyspace_garbage_take(struct keyspace *keyspace);

/* ---- Figures ---- */

/* Changes since the start: what `save` rules count and what says that a command wrote. */
uint64_t keyspace_dirty(const struct keyspace *keyspace);
void keyspace_dirty_add(struct keyspace *keyspace, uint64_t count);

struct keyspace_database_stats {
    size_t keys;
    size_t volatile_keys;   /* with an expiry */
    size_t keys_with_items; /* hashes with fields that end */
    time_ms ttl_average_ms; /* 0 without volatile keys */
};
void keyspace_database_stats_read(const struct keyspace *keyspace, uint32_t db, time_ms wall_ms,
                                  struct keyspace_database_stats *stats);

struct keyspace_stats {
    uint64_t hits;
    uint64_t misses;
    uint64_t expired; /* on access and by the cycle */
    uint64_t evicted;
    uint64_t expired_fields;
};
/* What only the command knows: it deleted a key because the time it should get has passed; its
 * peek was a look-up of the client's (OBJECT). */
void keyspace_count_expired(struct keyspace *keyspace);
/* The same for fields. */
void keyspace_count_expired_fields(struct keyspace *keyspace, uint64_t count);
void keyspace_count_lookup(struct keyspace *keyspace, bool is_hit);
void keyspace_stats_read(const struct keyspace *keyspace, struct keyspace_stats *stats);
void keyspace_stats_reset(struct keyspace *keyspace); /* CONFIG RESETSTAT */
/* Bytes of lines and indexes, without the entries; looks at every slot that holds keys. */
size_t keyspace_table_memory(const struct keyspace *keyspace);
size_t keyspace_database_memory(const struct keyspace *keyspace, uint32_t db);
/* Of the tables of its keys, all slots together. */
void keyspace_database_measure(const struct keyspace *keyspace, uint32_t db, bool with_chains,
                               struct table_shape *shape);

#endif
