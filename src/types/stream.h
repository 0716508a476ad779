/* Streams: entries of fields and values under growing ids, in nodes of the format's listpacks.
 *
 * A node keeps the names of its first entry's fields once; entries with the same names store
 * values only. Nodes are found by their first id (id_map.h); appending touches the last one.
 * Deleting marks an entry, and a node goes with its last one. Where nodes end is visible (trims
 * that are not exact drop whole ones), so they end where Valkey's do.
 *
 * Consumer groups stand beside the entries: stream_groups.h. */
#ifndef EIR_TYPES_STREAM_H
#define EIR_TYPES_STREAM_H

#include "types/id_map.h"
#include "types/listpack.h"
#include "types/value.h"
#include "types/value_kind.h"

struct stream;
struct stream_node;

extern const struct value_kind stream_kind;

/* What the format can hold in one node: an entry of more bytes is refused. */
#define STREAM_ENTRY_MAX GIB

struct stream *stream_create(void);
void stream_destroy(struct stream *stream);
struct stream *stream_copy(const struct stream *stream);

/* What a stream remembers beside its entries. */
struct stream_figures {
    struct stream_id last_id;        /* ever given */
    struct stream_id first_id;       /* of the first entry; 0-0 when there is none */
    struct stream_id max_deleted_id; /* by XDEL */
    uint64_t entries_added;          /* ever */
};
size_t stream_length(const struct stream *stream);
const struct stream_figures *stream_figures(const struct stream *stream);
/* first_id is the stream's own business and stays. */
void stream_figures_set(struct stream *stream, const struct stream_figures *figures);
size_t stream_node_count(const struct stream *stream);
/* How many nodes a radix tree would need for the same: XINFO shows it. Of long streams about so
 * many. */
size_t stream_radix_nodes(const struct stream *stream);

/* ---- changing it ---- */

/* The id is above last_id; `fields` are names and values, `pair_count` of each. Fails (false) only
 * when they take more than STREAM_ENTRY_MAX. */
bool stream_append(struct stream *stream, const struct value_rules *rules, struct stream_id id,
                   const struct bytes *fields, size_t pair_count);
/* False when there is no such entry. */
bool stream_delete(struct stream *stream, struct stream_id id);

struct stream_trim {
    bool is_by_id;       /* MINID, or MAXLEN */
    bool is_exact;       /* or whole nodes only */
    uint64_t length;     /* to keep at most */
    struct stream_id id; /* the first one to keep */
    uint64_t limit;      /* of entries to drop; 0: none */
};
/* Returns how many entries are gone. */
size_t stream_trim(struct stream *stream, const struct stream_trim *trim);

/* ---- reading it ---- */

/* A walk over the entries from one id to another, both included; in reverse from `until` down. */
struct stream_walk {
    /* The entry that was found. */
    struct stream_id id;
    size_t pair_count;
    /* The walk's own. */
    const struct stream *stream;
    const struct stream_node *node; /* NULL: at the end */
    struct stream_id node_id;
    struct id_place place;
    struct stream_id from;
    struct stream_id until;
    bool is_reverse;
    bool has_own_names;
    uint32_t entry_at; /* of the entry's flags */
    uint32_t data_at;  /* of its first name or value */
    uint32_t next_at;  /* behind what was read; in reverse: behind the entry to read */
};
void stream_walk_init(struct stream_walk *walk, const struct stream *stream, struct stream_id from,
                      struct stream_id until, bool is_reverse);
bool stream_walk_next(struct stream_walk *walk);
/* The entry of this id alone; false when it is not there. */
bool stream_find(const struct stream *stream, struct stream_id id, struct stream_walk *walk);

/* The pairs of the entry that a walk has found. */
struct stream_pairs {
    struct bytes body;
    size_t name_at;
    size_t value_at;
    size_t left;
    bool has_own_names;
};
void stream_pairs_init(struct stream_pairs *pairs, const struct stream_walk *walk);
bool stream_pairs_next(struct stream_pairs *pairs, struct listpack_item *name,
                       struct listpack_item *value);

/* ---- for snapshots ---- */

/* The nodes in their order; NULL at the end. Start with *place all zero and is_first. */
const struct stream_node *stream_node_next(const struct stream *stream, bool is_first,
                                           struct id_place *place, struct stream_id *id);
/* Appends the node as the format has it: a framed listpack. */
void stream_node_write(const struct stream_node *node, struct buffer *into);
/* The opposite: checks everything, and takes the node over if its id is above that of the last
 * one. False: not sound. */
bool stream_node_put(struct stream *stream, struct stream_id id, struct bytes framed);

#endif
