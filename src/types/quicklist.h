/* Lists: a pack while they are small, then packs in a chain.
 *
 * A small list is one pack (pack.h), told by the low bit of its pointer. A long one is a chain of
 * nodes (quicklist_nodes.h) of at most list-max-listpack-size; an element larger than that is a
 * node of its own, and nodes farther than list-compress-depth from both ends are compressed.
 * Where it becomes long, where it becomes small again and how nodes split and join is Valkey's, for
 * OBJECT ENCODING tells it. Functions that may convert take the place of the pointer. */
#ifndef EIR_TYPES_QUICKLIST_H
#define EIR_TYPES_QUICKLIST_H

#include "types/quicklist_nodes.h"
#include "types/value.h"

struct quicklist;

/* Empty; a key may hold none. */
struct quicklist *quicklist_create(void);
void quicklist_destroy(struct quicklist *list);
size_t quicklist_count(const struct quicklist *list);

/* The list becomes long when so much more would be too much for one pack. Whatever puts elements
 * in says so itself; but Valkey says it before it looks whether there is a place for them. */
void quicklist_expect(struct quicklist **list, const struct value_rules *rules, size_t size,
                      size_t count);
/* One after the other to the head or the tail. The texts may not lie in the list. */
void quicklist_push(struct quicklist **list, const struct value_rules *rules, bool is_head,
                    const struct bytes *texts, size_t count);
/* The elements from `index` on. */
void quicklist_remove(struct quicklist **list, const struct value_rules *rules, size_t index,
                      size_t count);
/* The element at one end, which is this text, goes to an end. The text may not lie in the list. */
void quicklist_rotate(struct quicklist **list, const struct value_rules *rules, bool from_head,
                      bool to_head, struct bytes text);
void quicklist_replace(struct quicklist **list, const struct value_rules *rules, size_t index,
                       struct bytes text);
/* Before or after the element at `index`. */
void quicklist_insert(struct quicklist **list, const struct value_rules *rules, size_t index,
                      bool is_after, struct bytes text);
/* Up to `count` elements that are this text, seen from the head or the tail; how many. */
size_t quicklist_remove_equal(struct quicklist **list, const struct value_rules *rules,
                              struct bytes text, size_t count, bool from_tail);

/* ---- Reading ---- */

/* Walks over elements; what it gives is valid until its next step. The list may not change. */
struct quicklist_cursor {
    struct bytes body; /* of the node at hand */
    size_t at;         /* of the next element; backwards: behind it */
    struct place place;
    bool is_backward;
    bool is_plain;
    char *unpacked; /* owned; of a node that is compressed */
};

/* From the element at `index` on, or from the end when it is the list's count; backwards from the
 * element at `index` to the head. */
void quicklist_cursor_init(struct quicklist_cursor *cursor, const struct quicklist *list,
                           size_t index, bool is_backward);
void quicklist_cursor_fini(struct quicklist_cursor *cursor);
/* False at the end. */
bool quicklist_next(struct quicklist_cursor *cursor, struct listpack_item *item);

/* ---- Snapshots: node by node ---- */

/* What one node holds, in order; start with all zero. The body is borrowed until the next call. */
struct quicklist_walk {
    struct place place;
    bool is_begun;
    bool is_plain; /* the body is one element */
    struct bytes body;
    size_t count;
    char *unpacked; /* owned; the last call frees it */
};
size_t quicklist_node_count(const struct quicklist *list);
bool quicklist_walk_next(const struct quicklist *list, struct quicklist_walk *walk);

/* A list is built of nodes by these, from quicklist_begin to quicklist_finish. */
struct quicklist *quicklist_begin(void);
void quicklist_append_node(struct quicklist *list, const struct value_rules *rules,
                           struct bytes body, size_t count);
void quicklist_append_plain(struct quicklist *list, const struct value_rules *rules,
                            struct bytes element);
/* The form that its size asks for. */
void quicklist_finish(struct quicklist **list, const struct value_rules *rules);

#endif
