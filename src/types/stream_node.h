/* One node of a stream: the names of its first entry's fields, then entries behind each other.
 *
 *   | count | names ... | 0 | entry | entry | ...            elements of a listpack (listpack.h)
 *
 *   entry: | flags | ms | seq | data ... | elements before this one |
 *   data:  values alone, if the names are those of the first entry; else | count | name, value ...
 * |
 *
 * ms and seq are differences to the node's id. The format has two more elements in front, how many
 * entries there are and how many are deleted: here they are plain numbers, so that appending
 * never moves what is there. (Valkey's RDB format, streams.) */
#ifndef EIR_TYPES_STREAM_NODE_H
#define EIR_TYPES_STREAM_NODE_H

#include "types/id_map.h"
#include "types/listpack.h"
#include "types/value.h"

struct stream_node {
    uint32_t size; /* of the body */
    uint32_t capacity;
    uint32_t element_count;
    uint32_t live_count; /* entries, without the deleted ones */
    uint32_t deleted_count;
    uint32_t name_count; /* fields of the first entry */
    uint32_t entries_at; /* behind the names */
    char body[];
};

static inline struct bytes stream_node_body(const struct stream_node *node)
{
    return bytes_of(node->body, node->size);
}

/* With these names, no entry yet. */
struct stream_node *stream_node_create(const struct bytes *fields, size_t pair_count);
void stream_node_destroy(struct stream_node *node);
struct stream_node *stream_node_copy(const struct stream_node *node);
size_t stream_node_memory(const struct stream_node *node);
/* Bytes of it as the format has it: what stream-node-max-bytes limits. */
size_t stream_node_format_size(const struct stream_node *node);

/* The node may move. `id` must be that of the node or above, and its data not larger than what
 * STREAM_ENTRY_MAX says. */
void stream_node_append(struct stream_node **node, struct stream_id node_id, struct stream_id id,
                        const struct bytes *fields, size_t pair_count);
/* Gives unused room back. */
void stream_node_close(struct stream_node **node);
/* Marks the entry whose flags are here. */
void stream_node_delete(struct stream_node *node, size_t entry_at);

/* An entry as it stands there. */
struct stream_entry {
    struct stream_id id;
    uint32_t pair_count;
    uint32_t data_at; /* of the first name or value */
    bool is_deleted;
    bool has_own_names;
};
void stream_node_read(const struct stream_node *node, struct stream_id node_id, size_t at,
                      struct stream_entry *entry);
/* The place behind the entry. */
size_t stream_node_after(const struct stream_node *node, const struct stream_entry *entry);
/* The place of the entry before `at`. */
size_t stream_node_before(const struct stream_node *node, size_t at);

/* The form of snapshots: a framed listpack, with the two elements. */
void stream_node_write(const struct stream_node *node, struct buffer *into);
/* The opposite; NULL unless every element is where it must be and the ids of those that are not
 * deleted grow from *last on, which becomes that of the last one. */
struct stream_node *stream_node_parse(struct bytes framed, struct stream_id node_id,
                                      struct stream_id *last);

#endif
