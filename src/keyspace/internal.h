/* What the files of this folder share: making entries, the databases, the gate. */
#ifndef EIR_KEYSPACE_INTERNAL_H
#define EIR_KEYSPACE_INTERNAL_H

#include "base/bucket_times.h"
#include "base/digest.h"
#include "base/minima.h"
#include "base/table_inline.h"
#include "keyspace/inline.h"
#include "keyspace/items.h"
#include "keyspace/keyspace.h"

/* ---- entry.c ---- */

/* What a new or changed entry shall hold. */
struct content {
    enum value_type type;
    enum entry_form form;
    bool is_edited;    /* of a hash: has fields that end */
    int64_t integer;   /* FORM_INTEGER */
    struct bytes text; /* FORM_SHORT and FORM_LONG; a NULL `data` means zeros */
    void *pointer;     /* FORM_POINTER; owned by the entry from then on */
};

/* A text that is edited in place. */
#define PUT_EDITED (&(const struct put){ .keeps_text = true, .is_edited = true })
/* A string's content: an integer if it is one and may be, in place if short, else an object. */
struct content content_of_text(struct bytes text, const struct put *put);
/* What the entry holds, borrowed: the text points into it, the pointer is not copied. */
struct content entry_content(const struct entry *entry);

/* `reuse` is NULL or an entry whose memory is taken when it fits, and freed when not; its value
 * object is the caller's business. The key and the text may not point into it. */
struct entry *entry_create(struct entry *reuse, struct bytes key, const struct content *content,
                           time_ms expiry_ms, uint32_t clock);
/* Puts the text or integer in the place of the one before it, when it takes the same memory, is of
 * the same form and the entry has no expiry: then only the value is written. False: not so. */
bool entry_overwrite(struct entry *entry, const struct content *content, uint32_t clock);
/* Frees the entry; its value object too, unless that was taken away before. */
void entry_destroy(struct entry *entry);
void entry_free_shell(struct entry *entry);
/* The same with another expiry; may move. */
struct entry *entry_set_expiry(struct entry *entry, time_ms expiry_ms);
/* Its string as bytes for writing, at least `size`; new bytes are zero; may move. */
struct entry *entry_open_text(struct entry *entry, size_t size, char **text);
size_t entry_size(const struct entry *entry);
/* Fetches what stands behind the entry's first cache line, which was fetched before. */
void entry_prefetch_rest(const struct entry *entry);

/* ---- due.c ---- */

/* When keys of one table end: for each group of four buckets a time before which none does. Moved
 * with every split and merge; too early after deletions, until the cycle looks and corrects it.
 * About 0.3 bytes a key, and nothing in the entries beside their time. */
struct due {
    struct minima groups;
    size_t volatile_count;
    __int128 expiry_sum; /* of the times: for the average */
};

void due_destroy(struct due *due); /* NULL is allowed */
/* Of all keys that are in the table. */
struct due *due_create(const struct table *table);
/* A key in this bucket had one expiry and has another now; the index comes and goes with need. */
void due_change(struct due **due, const struct table *table, size_t bucket, time_ms before_ms,
                time_ms after_ms);
/* The table may have split or merged a bucket since the last call. */
void due_follow(struct due *due, const struct table *table, size_t buckets_before);
static inline time_ms due_least_ms(const struct due *due)
{
    return due == NULL ? TIME_NEVER : minima_least(&due->groups);
}

/* ---- garbage.c ---- */

struct slots;

void garbage_add_value(struct garbage **garbage, enum value_type type, void *value);
/* The table with its index; both may be NULL. */
void garbage_add_table(struct garbage **garbage, struct table *table, struct due *due);
/* All of a clustered database; `count` keys are in it. */
void garbage_add_slots(struct garbage **garbage, struct slots *slots, size_t count);

/* ---- database.c ---- */

/* What a clustered database has, made with its first key. Its tables stand in an array themselves,
 * two to a cache line, at an address that follows from the slot: a look-up waits for one line more
 * than without slots, and nothing else costs memory where the table is small. */
struct slots {
    struct table *tables;                    /* owned; SLOT_COUNT */
    uint64_t group_counts[SLOT_COUNT / 128]; /* of 128 slots each: to find slots that hold keys */
    struct due **dues; /* owned; NULL until a slot with volatile keys is large enough for an index
                          of its own */
    struct minima due; /* of each slot a time before which none of its keys ends */
    uint32_t settled;  /* the slot whose table was settled last */
};

struct database {
    struct slots *slots; /* owned; NULL when not clustered or empty */
    struct table *table; /* owned; when not clustered */
    struct due *due;
    struct items *items; /* owned; NULL: no hash has fields that end */
    size_t count;
    size_t volatile_count;
    __int128 expiry_sum;
};

void database_fini(struct database *database);
/* The table of a slot; NULL when empty. */
static inline struct table *database_table(const struct database *database, uint32_t slot)
{
    if (database->slots == NULL) return database->table;
    struct table *table = &database->slots->tables[slot];
    return table->count == 0 ? NULL : table;
}
struct table_cell *database_insert(struct database *database, const struct table_rules *rules,
                                   const struct key *key, struct entry *entry, bool is_clustered);
/* Takes the entry out, which keeps its own expiry. */
void database_remove(struct database *database, const struct table_rules *rules,
                     const struct key *key, struct table_cell *cell);
/* The entry in this cell changed its expiry. */
void database_expiry_changed(struct database *database, const struct key *key,
                             struct table_cell *cell, time_ms before_ms, time_ms after_ms);
/* The hash of this entry has other fields that end than before, or none. */
void database_items_changed(struct database *database, const struct key *key, struct entry *entry);
/* The hash of this entry is about to go. */
void database_items_gone(struct database *database, const struct key *key, struct entry *entry);
/* All of a slot or of the database into the garbage; returns how many keys. */
size_t database_drop_slot(struct database *database, uint32_t slot, struct garbage **garbage);
size_t database_drop_all(struct database *database, struct garbage **garbage);
time_ms database_due_ms(const struct database *database);
/* Some buckets of a slot that the index of expiry has one time for. */
struct due_place {
    uint32_t slot;
    size_t group; /* 0 where all of the slot is one */
};

/* Where something is due; false when nowhere. */
bool database_find_due(const struct database *database, time_ms limit_ms, struct due_place *place);
/* Any place where keys with an expiry may be; there are some. */
struct due_place database_random_due(const struct database *database, struct prng *prng);
void database_set_due(struct database *database, struct due_place place, time_ms due_ms);
/* Visits the keys there, whether they end or not. */
void database_visit_due(const struct database *database, struct due_place place, table_visit visit,
                        void *context);
/* The next slot from `slot` on that holds keys, SLOT_COUNT when there is none. */
uint32_t database_next_slot(const struct database *database, uint32_t slot);
/* A slot, each with a chance that goes with its number of keys; the database is not empty. */
uint32_t database_random_slot(const struct database *database, struct prng *prng);
size_t database_memory(const struct database *database);
void database_measure(const struct database *database, bool with_chains, struct table_shape *shape);

/* ---- watch.c ---- */

struct watches {
    struct table **tables; /* owned; for each database its watched keys */
    uint32_t database_count;
    struct table_rules rules;
    size_t count; /* watched keys: nothing is looked up while there are none */
};

void watches_init(struct watches *watches, uint32_t database_count,
                  const struct hash_key *hash_key);
void watches_fini(struct watches *watches);
void watches_add(struct watches *watches, struct watcher *watcher, const struct key *key,
                 bool exists);
void watches_touch(struct watches *watches, const struct key *key, bool by_expiry);
/* Touches every watched key of the database for which `exists` says so. */
void watches_touch_if(struct watches *watches, uint32_t db,
                      bool (*exists)(const void *context, struct bytes key), const void *context);
/* True when `is_gone` says so of a watched key that existed when the watch was set. */
bool watcher_any(const struct watcher *watcher,
                 bool (*is_gone)(void *context, uint32_t db, struct bytes key), void *context);

/* ---- gate.c ---- */

struct keyspace {
    struct table_rules rules;
    struct value_rules values;
    struct prng prng;
    enum keyspace_clock clock;
    uint32_t lfu_log_factor;
    uint32_t lfu_decay_minutes;
    bool is_clustered;
    uint32_t database_count;
    struct database *databases; /* owned */
    struct watches watches;
    uint32_t told_kinds;     /* bits 1 << change_kind: */
    uint32_t wanted_kinds;   /* of any key, */
    uint32_t awaited_kinds;  /* or only of those that somebody waits for */
    const uint16_t *awaited; /* borrowed; their counts by hash */
    uint64_t dirty;
    uint64_t moves; /* changes whenever a cell may have another entry, or none */
    struct keyspace_stats stats;
    struct garbage *garbage;       /* owned */
    struct evict_pool *evict_pool; /* owned; NULL until something is evicted */
};

static inline struct database *keyspace_database(const struct keyspace *keyspace, uint32_t db)
{
    return &keyspace->databases[db];
}

/* Where the key stands, expired or not. */
struct table_cell *gate_cell(const struct keyspace *keyspace, const struct key *key);
/* As above for a key that is alive under this access; deletes an expired one where allowed. */
struct table_cell *gate_live_cell(struct keyspace *keyspace, const struct access *access,
                                  const struct key *key);
/* Everybody who must hear of it does: watchers, dirt, the list of changes. */
void gate_tell(struct keyspace *keyspace, const struct access *access, const struct key *key,
               enum change_kind kind);
/* A reader did not find the key: counted, and told. */
void gate_tell_missed(struct keyspace *keyspace, const struct access *access,
                      const struct key *key);
/* Puts the entry in the place of the one in `cell`, or in as a new one when that is NULL. The
 * former entry is gone already. */
void gate_put(struct keyspace *keyspace, const struct access *access, const struct key *key,
              struct table_cell *cell, struct entry *entry, time_ms expiry_before_ms);
/* Takes the entry out of its table and gives it to the caller. */
struct entry *gate_take(struct keyspace *keyspace, const struct key *key, struct table_cell *cell);
/* Frees an entry's value object: at once, or as garbage when that takes long. */
void gate_discard_value(struct keyspace *keyspace, struct entry *entry);
/* The access clock of a key that is touched now, and of one that is new. */
void gate_touch(struct keyspace *keyspace, const struct access *access, struct entry *entry);
uint32_t gate_new_clock(const struct keyspace *keyspace, time_ms wall_ms);
struct key gate_key_of_entry(const struct keyspace *keyspace, uint32_t db, uint32_t slot,
                             const struct entry *entry);

#endif
