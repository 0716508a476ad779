/* What the files of streams share: the whole of a stream. */
#ifndef EIR_TYPES_STREAM_PARTS_H
#define EIR_TYPES_STREAM_PARTS_H

#include "types/stream_groups.h"
#include "types/stream_node.h"

/* An item of the map of nodes. */
struct stream_node_item {
    struct stream_id id;
    struct stream_node *node; /* owned */
};

struct stream_group_list {
    struct stream_group **items; /* owned; sorted by name */
    size_t count;
};

struct stream {
    struct id_map nodes;
    size_t length;
    struct stream_figures figures;
    struct stream_group_list groups;
};

/* ---- stream_groups.c, for stream.c ---- */

void stream_groups_fini(struct stream_group_list *groups);
void stream_groups_copy(const struct stream_group_list *from, struct stream_group_list *to);
size_t stream_groups_memory(const struct stream_group_list *groups);
size_t stream_groups_free_effort(const struct stream_group_list *groups);

#endif
