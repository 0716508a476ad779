/* The bucket table: entries found by the hash of their key, in lines of one cache line.
 *
 * A line holds eight words, each a pointer to an entry with 16 bits beside it: a tag of the hash,
 * and a mark that the table's user is free to set. A bucket is one line; what does not fit goes
 * to chained lines as long as they must be, whose pointer takes the last word. The table grows and
 * shrinks by linear hashing: one bucket is split, or merged with its sibling, at a time, as entries
 * come and go, so no operation ever pauses and the load is always the same: about 10.5 bytes an
 * entry.
 *
 * An empty table is a NULL pointer; who keeps the struct itself (table_inline.h shows it) has it
 * all zero. The table owns its lines, not the entries. Cells are borrowed: valid until the next
 * insertion or removal. */
#ifndef EIR_BASE_TABLE_H
#define EIR_BASE_TABLE_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/prng.h"

struct table; /* NULL: empty */

/* How the table reads entries when it moves or compares them. */
struct table_rules {
    struct bytes (*key_of)(const void *entry);
    struct hash_key hash_key;
};

/* Where an entry stands. */
struct table_cell {
    uint64_t word;
};

#define TABLE_ADDRESS_BITS 48

static inline void *table_cell_entry(const struct table_cell *cell)
{
    return (void *)(uintptr_t)(cell->word & (((uint64_t)1 << TABLE_ADDRESS_BITS) - 1));
}

/* The entry moved: another address, the same key. */
void table_cell_set_entry(struct table_cell *cell, void *entry);
bool table_cell_is_marked(const struct table_cell *cell);
void table_cell_mark(struct table_cell *cell, bool is_marked);

size_t table_count(const struct table *table);
/* Bytes of its lines and of itself. */
size_t table_memory(const struct table *table);

/* How full it is, added to what the struct holds already. */
#define TABLE_SHAPE_CHAINS 50
struct table_shape {
    size_t places; /* in the first lines of all buckets, without the link in each */
    size_t entries;
    size_t buckets;
    size_t chained;                      /* lines behind the first ones */
    size_t longest;                      /* chain of those */
    size_t of_chain[TABLE_SHAPE_CHAINS]; /* buckets with a chain so long; the last: or longer */
};
/* The chains are looked at only if asked for: that is a walk through the table. */
void table_measure(const struct table *table, bool with_chains, struct table_shape *shape);

/* NULL when the key is not there. */
struct table_cell *table_find(const struct table *table, const struct table_rules *rules,
                              uint64_t hash, struct bytes key);
/* The key must not be there yet. */
struct table_cell *table_insert(struct table **table, const struct table_rules *rules,
                                uint64_t hash, void *entry);
/* Takes out what stands in the cell, which was found by this hash. */
void table_remove(struct table **table, const struct table_rules *rules, uint64_t hash,
                  struct table_cell *cell);

/* The same for a table that stands in the caller's storage. */
struct table_cell *table_insert_in(struct table *table, const struct table_rules *rules,
                                   uint64_t hash, void *entry);
void table_remove_in(struct table *table, const struct table_rules *rules, uint64_t hash,
                     struct table_cell *cell);
/* Arrays of a size that most small tables have grown out of, or shrunk from, stand on pages with
 * holes: moves this table's to where there are fewer. Costs next to nothing when it stands well. */
void table_settle(struct table *table);
/* On the heap from now on; the storage is empty again. NULL when it was. */
struct table *table_take(struct table *table);

typedef void (*table_release)(void *context, void *entry);
/* Hands every entry to `release` (NULL: nobody) and frees the table. */
void table_destroy(struct table *table, table_release release, void *context);
/* As above, about `count` entries a call; true when done and *table is NULL. In between only
 * further steps are allowed. Returns through *released how many there were. */
bool table_destroy_step(struct table **table, size_t count, table_release release, void *context,
                        size_t *released);
/* The same for a table that stands in the caller's storage: all zero in the end. */
bool table_clear_step(struct table *table, size_t count, table_release release, void *context,
                      size_t *released);

/* ---- Looking up many keys at once: each stage for all of them, then the next ---- */

/* Stage 1, when the table itself is in the cache: fetches the line of the hash's bucket. */
void table_prefetch_bucket(const struct table *table, uint64_t hash);
/* Stage 2, when table_propose (table_inline.h) knows no cell in that line: fetches the next one of
 * the bucket. */
void table_prefetch_chain(const struct table *table, uint64_t hash);

/* ---- All entries ---- */

typedef void (*table_visit)(void *context, const struct table_cell *cell);
/* Visits the bucket at the cursor, 0 at first, and returns the next cursor, 0 at the end. Entries
 * that are there from the first call to the last are visited at least once, whatever happens in
 * between; `visit` itself must not change the table.
 *
 * A cursor is a place in the order of bit-reversed hashes. A bucket of depth d holds the hashes
 * that agree in their d lowest bits: an interval of that order. Splitting and merging only change
 * how the order is cut, so "all below the cursor were visited" stays true. */
uint64_t table_scan(const struct table *table, uint64_t cursor, table_visit visit, void *context);

/* Any cell, each with exactly the same chance; NULL when the table is empty. */
struct table_cell *table_random(const struct table *table, struct prng *prng);

/* A walk over all entries of a table that does not change meanwhile; start with all zero. */
struct table_walk {
    const void *line;
    uint32_t words;  /* of this line */
    uint32_t bucket; /* the next one */
    uint32_t place;
};
struct table_cell *table_walk_next(const struct table *table, struct table_walk *walk);

/* ---- For an index beside the table that keeps something for each bucket ---- */

size_t table_bucket_count(const struct table *table);
/* The bucket that this hash belongs to. */
size_t table_bucket_of(const struct table *table, uint64_t hash);
/* Where a bucket came from by splitting, and where it goes when the table shrinks. Not for 0. */
static inline size_t table_bucket_parent(size_t bucket)
{
    return bucket & ~((size_t)1 << (63 - __builtin_clzll(bucket)));
}
/* Moves the lines of this bucket, and an array of lines that it is the first of, off memory that is
 * to be vacated (slabs.h); returns how many blocks. */
unsigned table_vacate_bucket(struct table *table, size_t bucket);
void table_visit_bucket(const struct table *table, size_t bucket, table_visit visit, void *context);

#endif
