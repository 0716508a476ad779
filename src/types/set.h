/* Sets of texts, in three forms behind one pointer: an integer set (intset.h), a pack of a few
 * short members in the order in which they came (pack.h), a bucket table of all others.
 *
 * Forms change when a member comes in that is of another kind, too long, or one too many: the
 * rules say when. They never change back, but for set_settle. A set moves when it is edited:
 * functions that do take the place of its pointer. What they hand out is borrowed until the next
 * edit; integers are printed into the scratch. A member that is given may not lie in the set
 * itself, unless it is to be removed. */
#ifndef EIR_TYPES_SET_H
#define EIR_TYPES_SET_H

#include "base/prng.h"
#include "base/table.h"
#include "types/string.h"
#include "types/value.h"

struct set;

enum set_form { SET_INTSET, SET_PACK, SET_TABLE };

/* Empty, in the form for this first member and as many as are expected in all. */
struct set *set_create(const struct value_rules *rules, struct bytes first, size_t expected);
/* Empty, for integers until another comes. */
struct set *set_create_empty(void);
/* `count` members are about to be added: too many for a small form, known or not, and the set
 * leaves it at once. */
void set_expect(struct set **set, const struct value_rules *rules, size_t count);
void set_destroy(struct set *set);
struct set *set_copy(const struct set *set);

enum set_form set_form(const struct set *set);
size_t set_count(const struct set *set);
bool set_has(const struct set *set, struct bytes member);
/* False when it was there already. */
bool set_add(struct set **set, const struct value_rules *rules, struct bytes member);
/* False when it was not there. The set may be empty then. */
bool set_remove(struct set **set, struct bytes member);
/* A result that is complete: a set of integers alone, and not too many, becomes an integer set. */
void set_settle(struct set **set, const struct value_rules *rules);

/* Every member, upwards in an integer set, in the order of insertion in a pack. Start with all
 * zero; the set does not change meanwhile. */
struct set_walk {
    size_t at;
    struct table_walk table;
};
bool set_walk_next(const struct set *set, struct set_walk *walk, struct scratch *scratch,
                   struct bytes *member);

/* Any member, each with the same chance. The set is not empty. */
struct bytes set_random(const struct set *set, struct prng *prng, struct scratch *scratch);

/* SSCAN: visits all members of a small form and returns 0; of a table the bucket at the cursor,
 * and returns the next one (see table_scan). */
typedef void (*set_visit)(void *context, struct bytes member);
uint64_t set_scan(const struct set *set, uint64_t cursor, set_visit visit, void *context);

/* ---- As snapshots hold the small forms ---- */

/* The integer set's block, or the pack's listpack body. Borrowed. */
struct bytes set_raw(const struct set *set);
/* NULL when the bytes are no sound set, or an empty one: they come from outside. Large ones take
 * the form that the rules demand. */
struct set *set_create_from_intset(struct bytes raw, const struct value_rules *rules);
struct set *set_create_from_listpack(struct bytes framed, const struct value_rules *rules);

#endif
