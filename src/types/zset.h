/* Sorted sets: members with scores, ordered by score and then by member.
 *
 * A small one is a pack of member, score, member, score ... in their order (pack.h): integral
 * scores as integers, others as text. A large one is a tree (btree.h) beside a bucket table that
 * finds an element by its member; both point at elements of one allocation each. It becomes large
 * by the rules' zset_max_listpack_entries and zset_max_listpack_value, and small again only by
 * zset_compact.
 *
 * The pointer itself says which form it is; functions that may change that, or move the pack, take
 * the pointer's place. No score is NaN. Places and cursors are valid until the next change. */
#ifndef EIR_TYPES_ZSET_H
#define EIR_TYPES_ZSET_H

#include "base/prng.h"
#include "base/table.h"
#include "types/btree.h"
#include "types/string.h"
#include "types/value.h"

struct zset;

struct zset *zset_create(void);
void zset_destroy(struct zset *zset);
size_t zset_count(const struct zset *zset);
bool zset_is_small(const struct zset *zset);

/* So many members are about to be put, the longest of this size: what the rules do not allow in a
 * small one makes it large now, even when nothing comes of them. */
void zset_expect(struct zset **zset, const struct value_rules *rules, size_t count,
                 size_t member_size);

/* ---- by member ---- */

/* Where a member is, or that it is not there. */
struct zset_place {
    bool is_found;
    double score;            /* when it is */
    uint64_t hash;           /* of the large form, */
    struct table_cell *cell; /* borrowed */
    size_t at;               /* of the small form */
};

bool zset_find(const struct zset *zset, struct bytes member, struct zset_place *place);
/* The member was looked for and not found. It may not lie in the zset itself. */
void zset_insert(struct zset **zset, const struct value_rules *rules,
                 const struct zset_place *place, struct bytes member, double score);
/* It was found, and gets another score. */
void zset_rescore(struct zset **zset, const struct zset_place *place, struct bytes member,
                  double score);
void zset_remove(struct zset **zset, const struct zset_place *place);
/* How many are before it. */
size_t zset_rank(const struct zset *zset, const struct zset_place *place);

/* ---- by order ---- */

/* A walk in either direction. */
struct zset_cursor {
    const struct zset *zset; /* borrowed */
    size_t at;               /* of the small form */
    struct btree_cursor tree;
};

struct zset_item {
    struct bytes member; /* borrowed from the zset, or from the scratch */
    double score;
    struct scratch scratch;
};

/* The cursor stands before what has this rank, which is at most the count. */
void zset_seek_rank(const struct zset *zset, size_t rank, struct zset_cursor *cursor);
/* The cursor stands at the bound; returns how many are before it. */
size_t zset_seek(const struct zset *zset, const struct btree_bound *bound,
                 struct zset_cursor *cursor);
/* What is behind the cursor, or before it, which is passed; false at the end. */
bool zset_next(struct zset_cursor *cursor, struct zset_item *item);
bool zset_previous(struct zset_cursor *cursor, struct zset_item *item);

/* Removes `count` from this rank on; so many are there. */
void zset_remove_ranks(struct zset **zset, size_t rank, size_t count);

/* ---- as a whole ---- */

typedef void (*zset_visit)(void *context, struct bytes member, double score);
/* As table_scan: some of them and the next cursor, 0 at the end; a small one comes at once. */
uint64_t zset_scan(const struct zset *zset, uint64_t cursor, zset_visit visit, void *context);

/* A large one becomes small if the rules allow that: as results of ZUNIONSTORE do. */
void zset_compact(struct zset **zset, const struct value_rules *rules);

/* For snapshots: the body of a small one. */
struct bytes zset_small_body(const struct zset *zset);
/* A zset of this sound listpack body; NULL when it is none: odd, empty, a member twice, a score
 * that is no number, or out of order. */
struct zset *zset_create_from(struct bytes body, size_t count, const struct value_rules *rules);

#endif
