/* The nodes of a long list: a chain of chunks, each with references to up to 128 nodes and the
 * number of elements in all of them. To find the ten-millionth element means to pass over a few
 * hundred chunks and not over tens of thousands of nodes, and inserting a node moves two KiB at
 * most. Only the files of quicklist.h look in here.
 *
 * A node is listpack elements with room at either end, so that pushing and popping move nothing:
 *
 *   | size 4, capacity 4, start 4 | free ... body ... free |
 *
 * or the bytes of one large element, or a body that is compressed. */
#ifndef EIR_TYPES_QUICKLIST_NODES_H
#define EIR_TYPES_QUICKLIST_NODES_H

#include "types/listpack.h"

enum node_form {
    NODE_PACKED,
    NODE_PLAIN, /* one element, as it is */
    NODE_LZF,   /* packed and compressed */
};

struct listnode;

struct node_ref {
    struct listnode *node; /* owned */
    uint32_t count;        /* of its elements */
    uint8_t form;          /* enum node_form */
};

struct chunk {
    struct chunk *previous;
    struct chunk *next;
    size_t total; /* elements in its nodes */
    uint16_t used;
    uint16_t capacity;
    struct node_ref refs[];
};

/* All zero is an empty chain. */
struct chain {
    struct chunk *first;
    struct chunk *last;
    size_t count; /* of elements */
    size_t node_count;
};

/* A node's place; no chunk: behind the last or before the first. Places are valid until nodes come
 * or go. */
struct place {
    struct chunk *chunk;
    uint32_t at;
};

static inline struct node_ref *place_ref(struct place place)
{
    return &place.chunk->refs[place.at];
}

/* ---- One node ---- */

/* With room for `capacity` bytes at least. */
struct node_ref listnode_create(struct bytes body, size_t count, size_t capacity);
struct node_ref listnode_create_plain(struct bytes element);
void listnode_destroy(struct node_ref ref);
struct node_ref listnode_copy(struct node_ref ref);
size_t listnode_memory(struct node_ref ref);
/* Of its body, or of the element. */
size_t listnode_size(struct node_ref ref);
/* The same as bytes, where it is not compressed. */
struct bytes listnode_body(struct node_ref ref);
/* Of one that is compressed: writes listnode_size bytes. */
void listnode_unpack_into(struct node_ref ref, char *body);
void listnode_unpack(struct node_ref *ref);
/* When that is worth it. */
void listnode_compress(struct node_ref *ref);
/* The `before` bytes at `at` become `after` bytes, to be written by the caller, who also counts.
 * Grows up to `wanted` bytes ahead of need. */
char *listnode_open_gap(struct node_ref *ref, size_t at, size_t before, size_t after,
                        size_t wanted);

/* ---- The chain ---- */

void chain_destroy_nodes(struct chain *chain);
struct place chain_first(const struct chain *chain);
struct place chain_last(const struct chain *chain);
struct place place_next(struct place place);
struct place place_previous(struct place place);
/* The node with this element, which there is; *index becomes its place in the node. */
struct place chain_seek(const struct chain *chain, size_t *index);
/* Before the node at `place`, or behind the last. Returns where it is. */
struct place chain_insert(struct chain *chain, struct place place, struct node_ref ref);
/* The node is the caller's. Returns the place of the one that was behind it. */
struct place chain_take(struct chain *chain, struct place place);
/* All nodes of a chunk, at whose first one `place` is; the place of the one behind. */
struct place chain_drop_chunk(struct chain *chain, struct place place);
/* The node at `place` has `change` elements more. */
void chain_count(struct chain *chain, struct place place, int64_t change);
size_t chain_memory(const struct chain *chain);

#endif
