/* An ordered map from ids of a stream to small items: nodes by their first id, pending entries by
 * theirs.
 *
 * Items stand sorted in chunks, the chunks in an array with a lower bound of each: two binary
 * searches find an item, appending touches the last chunk alone, and taking away at the front
 * moves no chunk. An item is a struct that begins with its id; all items of a map have the same
 * size. Pointers and places are borrowed: valid until the next change of the map. */
#ifndef EIR_TYPES_ID_MAP_H
#define EIR_TYPES_ID_MAP_H

#include "base/units.h"

struct stream_id {
    uint64_t ms;
    uint64_t seq;
};

#define STREAM_ID_MIN ((struct stream_id){ 0, 0 })
#define STREAM_ID_MAX ((struct stream_id){ UINT64_MAX, UINT64_MAX })

static inline int stream_id_compare(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms) return a.ms < b.ms ? -1 : 1;
    if (a.seq != b.seq) return a.seq < b.seq ? -1 : 1;
    return 0;
}

static inline bool stream_id_is_zero(struct stream_id id)
{
    return (id.ms | id.seq) == 0;
}

/* The ids beside it; false when there is none. */
bool stream_id_increase(struct stream_id *id);
bool stream_id_decrease(struct stream_id *id);

struct id_map {
    struct id_line *lines; /* owned; one a chunk, see id_map.c */
    uint32_t first;        /* lines before it are free again */
    uint32_t line_count;
    uint32_t line_capacity;
    uint32_t item_size;
    size_t count; /* of items; read freely */
};

/* Where an item stands. */
struct id_place {
    uint32_t line;
    uint32_t index;
};

/* The item's first member must be its id. */
void id_map_init(struct id_map *map, size_t item_size);
void id_map_fini(struct id_map *map);
void id_map_copy(const struct id_map *from, struct id_map *to);
size_t id_map_memory(const struct id_map *map);
/* How many allocations it stands on. */
size_t id_map_chunks(const struct id_map *map);

/* NULL when the id is not there. */
void *id_map_find(const struct id_map *map, struct stream_id id);
void *id_map_at(const struct id_map *map, struct id_place place);
/* The first item whose id is not below, the last one whose id is not above; NULL: none. */
void *id_map_from(const struct id_map *map, struct stream_id id, struct id_place *place);
void *id_map_until(const struct id_map *map, struct stream_id id, struct id_place *place);
void *id_map_first(const struct id_map *map, struct id_place *place);
void *id_map_last(const struct id_map *map, struct id_place *place);
/* The neighbours; NULL at the ends, and the place is as it was. */
void *id_map_next(const struct id_map *map, struct id_place *place);
void *id_map_previous(const struct id_map *map, struct id_place *place);

/* A new item of zeros but for its id, which must not be there yet. */
void *id_map_insert(struct id_map *map, struct stream_id id);
void id_map_remove(struct id_map *map, struct id_place place);

#endif
