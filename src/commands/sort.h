/* SORT in parts: what was asked for, what its elements are ordered by, where they come from. */
#ifndef EIR_COMMANDS_SORT_H
#define EIR_COMMANDS_SORT_H

#include "engine/call.h"
#include "types/hash.h"

/* A request of SORT or SORT_RO. */
struct sort {
    struct call *call;
    struct bytes by; /* data NULL: by the elements themselves */
    bool is_unordered;
    bool is_descending;
    bool is_alpha;
    int64_t offset;
    int64_t count;      /* negative: all */
    uint32_t get_count; /* of the GET patterns in the request */
    uint32_t store;     /* argument of the destination; 0: none */
    struct buffer name; /* room for names of keys */
};

/* One element. */
struct sort_item {
    struct bytes text;
    size_t index; /* of its place before */
    double weight;
    struct bytes by; /* what it is compared by; data NULL: nothing was found */
};

/* All of a collection, or, when they stay as they are, those that are asked for. */
struct sort_items {
    struct sort_item *items; /* owned */
    size_t count;
    struct buffer texts; /* of all items, behind each other */
    struct buffer by_texts;
};

/* ---- sort_load.c ---- */

/* How many elements there are in it; false when it is nothing that can be sorted. NULL: none. */
bool sort_count(const struct entry *entry, size_t *count);
/* Takes them over, those from `start` to `end`, in the order in which the collection gives them,
 * or backwards where the request says so and the collection has an order. */
void sort_load(const struct sort *sort, const struct entry *entry, size_t start, size_t end,
               struct sort_items *items);
void sort_items_fini(struct sort_items *items);

/* ---- sort_pattern.c ---- */

/* Where what was found stands, until the next look-up. */
struct sort_found {
    struct scratch scratch;
    struct hash_item item;
};

/* What a pattern gives for an element: "#" itself, "name_*" a string, "name_*->field" a field of a
 * hash. False when there is nothing. */
bool sort_pattern_find(struct sort *sort, struct bytes pattern, struct bytes element,
                       struct sort_found *found, struct bytes *text);

#endif
