/* The order of a large sorted set: a B+ tree whose inner nodes count what is below them.
 *
 * Leaves hold pointers to elements, ordered by score and then by member. An inner node holds for
 * each child its first element (score beside it, so that the way down touches no element unless
 * scores are equal), and how many elements are below it: a rank is the sum of the counts left of
 * the way down.
 *
 * A leaf is half a KiB, an inner node one: 8 bytes an element when elements come in their order,
 * about 13 when they come in any. The tree owns its nodes, not the elements. */
#ifndef EIR_TYPES_BTREE_H
#define EIR_TYPES_BTREE_H

#include "types/element.h"

struct btree_node;

/* All zero is an empty tree. */
struct btree {
    struct btree_node *root; /* owned; NULL: empty */
    size_t node_bytes;       /* of all nodes */
};

/* A place between elements: those before it are the ones that are less. */
enum btree_bound_kind {
    BTREE_SCORE_FIRST,   /* before all elements of the score */
    BTREE_SCORE_BEHIND,  /* behind them */
    BTREE_MEMBER_FIRST,  /* by the member alone, where all scores are the same */
    BTREE_MEMBER_BEHIND, /* behind the member itself */
    BTREE_END,           /* behind all */
    BTREE_ELEMENT,       /* before the element of this score and member */
};

struct btree_bound {
    enum btree_bound_kind kind;
    double score;
    struct bytes member;
};

/* Is this element before the bound (negative), behind it (positive) or the one it names (0)? */
int btree_bound_compare(const struct btree_bound *bound, double score, struct bytes member);

/* A child has at least eight siblings or so: this is enough for 2^32 elements. */
#define BTREE_DEPTH_MAX 14

/* A place in the tree; valid until the tree changes. */
struct btree_cursor {
    struct btree_node *nodes[BTREE_DEPTH_MAX]; /* from the root to a leaf */
    uint16_t places[BTREE_DEPTH_MAX];          /* in each of them */
    unsigned depth;                            /* 0: the tree is empty */
};

size_t btree_count(const struct btree *tree);
void btree_fini(struct btree *tree);

/* The element is in its place from now on; none equals it. */
void btree_insert(struct btree *tree, struct element *element);
/* Takes out this element. */
void btree_remove(struct btree *tree, const struct element *element);
/* Takes out what stands at this rank. */
struct element *btree_take_at(struct btree *tree, size_t rank);
/* Gives the element this score if it may stay where it is, between its neighbours. False: it was
 * taken out, with its old score; the caller changes that and inserts it. */
bool btree_rescore(struct btree *tree, struct element *element, double score);

/* The cursor stands at the bound; returns how many elements are before it. */
size_t btree_seek(const struct btree *tree, const struct btree_bound *bound,
                  struct btree_cursor *cursor);
/* How many are before this element. */
size_t btree_rank(const struct btree *tree, const struct element *element);
/* The cursor stands before the element of this rank, which is at most the count. */
void btree_seek_rank(const struct btree *tree, size_t rank, struct btree_cursor *cursor);
/* The element behind the cursor, or before it, which is passed; NULL at the end. */
struct element *btree_next(struct btree_cursor *cursor);
struct element *btree_previous(struct btree_cursor *cursor);

/* For tests: is everything as it must be? */
bool btree_is_sound(const struct btree *tree);

#endif
