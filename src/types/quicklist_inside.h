/* What the files of quicklist.h share: the two forms, and how large a node may be. */
#ifndef EIR_TYPES_QUICKLIST_INSIDE_H
#define EIR_TYPES_QUICKLIST_INSIDE_H

#include "types/pack.h"
#include "types/quicklist.h"

/* The long form. */
struct chain_list {
    struct chain chain;
    /* One node that may hold what a small list may: a pack counts to 4095 only. */
    bool is_one_pack;
};

#define SMALL_TAG ((uintptr_t)1)

static inline bool is_small(const struct quicklist *list)
{
    return (uintptr_t)list & SMALL_TAG;
}

static inline struct pack *pack_of(const struct quicklist *list)
{
    return (struct pack *)((uintptr_t)list & ~SMALL_TAG);
}

static inline struct quicklist *list_of_pack(struct pack *pack)
{
    return (struct quicklist *)((uintptr_t)pack | SMALL_TAG);
}

static inline struct chain_list *long_of(const struct quicklist *list)
{
    return (struct chain_list *)(uintptr_t)list;
}

/* ---- quicklist_limits.c: sizes as Valkey counts them, the frame of a listpack included ---- */

/* Is this too much for one node? */
bool limits_exceeded(const struct value_rules *rules, size_t size, size_t count);
/* Does the element need a node of its own? */
bool limits_are_passed_by(const struct value_rules *rules, size_t element_size);
/* May one more element of this size join the node? */
bool limits_allow(const struct value_rules *rules, struct node_ref ref, size_t element_size);
bool limits_allow_joining(const struct value_rules *rules, struct node_ref a, struct node_ref b);
/* Room that a node may ever need, for growing ahead. */
size_t limits_capacity(const struct value_rules *rules);

/* It becomes small again when it is one node, of half of what is allowed when it shrinks. */
void quicklist_settle(struct quicklist **list, const struct value_rules *rules, bool is_shrinking);
/* The node compressed, or not, as its place asks for; and the nodes at the border of the depth. */
void quicklist_settle_depth(struct chain *chain, const struct value_rules *rules,
                            struct place place);
void quicklist_settle_ends(struct chain *chain, const struct value_rules *rules);

#endif
