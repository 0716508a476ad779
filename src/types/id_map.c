/* Chunks grow by doubling up to CHUNK_ITEMS, split in halves when something comes in between, and
 * join their successor when both together would fill half a chunk. */
#include "types/id_map.h"

#include "base/ensure.h"
#include "base/memory.h"
#include <string.h>

/* Moving half a chunk of the largest items takes about as long as a miss of the cache. */
#define CHUNK_ITEMS     128u
#define CHUNK_ITEMS_MIN 2u
#define LINES_MIN       2u

struct id_chunk {
    uint32_t count;
    uint32_t capacity;
    char items[];
};

/* No id of the chunk is below the bound, and none of the chunks before it reaches it. */
struct id_line {
    struct stream_id bound;
    struct id_chunk *chunk; /* owned; never empty */
};

bool stream_id_increase(struct stream_id *id)
{
    if (++id->seq != 0 || ++id->ms != 0) return true;
    *id = STREAM_ID_MAX;
    return false;
}

bool stream_id_decrease(struct stream_id *id)
{
    if (stream_id_is_zero(*id)) return false;
    if (id->seq-- == 0) id->ms--;
    return true;
}

/* ---- chunks ---- */

static size_t chunk_size(const struct id_map *map, uint32_t capacity)
{
    return sizeof(struct id_chunk) + (size_t)capacity * map->item_size;
}

static char *item_at(const struct id_map *map, const struct id_chunk *chunk, uint32_t index)
{
    return (char *)chunk->items + (size_t)index * map->item_size;
}

static struct stream_id id_at(const struct id_map *map, const struct id_chunk *chunk,
                              uint32_t index)
{
    struct stream_id id;
    memcpy(&id, item_at(map, chunk, index), sizeof(id));
    return id;
}

static struct id_chunk *chunk_create(const struct id_map *map, uint32_t capacity)
{
    struct id_chunk *chunk = memory_alloc(chunk_size(map, capacity));
    chunk->count = 0;
    chunk->capacity = capacity;
    return chunk;
}

static struct id_line *line_at(const struct id_map *map, uint32_t line)
{
    ensure(line < map->line_count);
    return &map->lines[map->first + line];
}

static void chunk_resize(const struct id_map *map, struct id_line *line, uint32_t capacity)
{
    line->chunk = memory_realloc(line->chunk, chunk_size(map, capacity));
    line->chunk->capacity = capacity;
}

/* The first index whose id is not below; the count when there is none. */
static uint32_t chunk_search(const struct id_map *map, const struct id_chunk *chunk,
                             struct stream_id id)
{
    uint32_t low = 0;
    uint32_t high = chunk->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (stream_id_compare(id_at(map, chunk, middle), id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- lines ---- */

/* The last line whose bound is not above the id; the first one when all are. */
static uint32_t line_search(const struct id_map *map, struct stream_id id)
{
    uint32_t low = 0;
    uint32_t high = map->line_count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (stream_id_compare(line_at(map, middle)->bound, id) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void lines_make_room(struct id_map *map)
{
    if (map->first + map->line_count < map->line_capacity) return;
    if (map->first > map->line_capacity / 2) {
        memmove(map->lines, map->lines + map->first, map->line_count * sizeof(*map->lines));
        map->first = 0;
        return;
    }
    ensure(map->line_capacity < UINT32_MAX / 2);
    map->line_capacity = map->line_capacity == 0 ? LINES_MIN : map->line_capacity * 2;
    map->lines = memory_realloc(map->lines, map->line_capacity * sizeof(*map->lines));
}

static struct id_line *line_insert(struct id_map *map, uint32_t at, struct stream_id bound,
                                   struct id_chunk *chunk)
{
    lines_make_room(map);
    struct id_line *line = map->lines + map->first + at;
    memmove(line + 1, line, (map->line_count - at) * sizeof(*line));
    *line = (struct id_line){ .bound = bound, .chunk = chunk };
    map->line_count++;
    return line;
}

static void line_remove(struct id_map *map, uint32_t at)
{
    struct id_line *line = line_at(map, at);
    memory_free(line->chunk);
    map->line_count--;
    if (at == 0)
        map->first++;
    else
        memmove(line, line + 1, (map->line_count - at) * sizeof(*line));
    if (map->line_count > 0) return;
    memory_free(map->lines);
    map->lines = NULL;
    map->first = 0;
    map->line_capacity = 0;
}

/* ---- the map ---- */

void id_map_init(struct id_map *map, size_t item_size)
{
    ensure(item_size >= sizeof(struct stream_id));
    *map = (struct id_map){ .item_size = (uint32_t)item_size };
}

void id_map_fini(struct id_map *map)
{
    for (uint32_t i = 0; i < map->line_count; i++) memory_free(line_at(map, i)->chunk);
    memory_free(map->lines);
    id_map_init(map, map->item_size);
}

void id_map_copy(const struct id_map *from, struct id_map *to)
{
    id_map_init(to, from->item_size);
    if (from->line_count == 0) return;
    to->lines = memory_alloc(from->line_count * sizeof(*to->lines));
    to->line_capacity = to->line_count = from->line_count;
    to->count = from->count;
    for (uint32_t i = 0; i < from->line_count; i++) {
        const struct id_line *line = line_at(from, i);
        struct id_chunk *chunk = chunk_create(from, line->chunk->count);
        chunk->count = line->chunk->count;
        memcpy(chunk->items, line->chunk->items, (size_t)chunk->count * from->item_size);
        to->lines[i] = (struct id_line){ .bound = line->bound, .chunk = chunk };
    }
}

size_t id_map_memory(const struct id_map *map)
{
    size_t size = memory_class(map->line_capacity * sizeof(*map->lines));
    if (map->line_count == 0) return 0;
    for (uint32_t i = 0; i < map->line_count; i++)
        size += memory_class(chunk_size(map, line_at(map, i)->chunk->capacity));
    return size;
}

size_t id_map_chunks(const struct id_map *map)
{
    return map->line_count;
}

void *id_map_at(const struct id_map *map, struct id_place place)
{
    const struct id_chunk *chunk = line_at(map, place.line)->chunk;
    ensure(place.index < chunk->count);
    return item_at(map, chunk, place.index);
}

void *id_map_from(const struct id_map *map, struct stream_id id, struct id_place *place)
{
    if (map->line_count == 0) return NULL;
    place->line = line_search(map, id);
    const struct id_chunk *chunk = line_at(map, place->line)->chunk;
    place->index = chunk_search(map, chunk, id);
    if (place->index < chunk->count) return item_at(map, chunk, place->index);
    if (++place->line == map->line_count) return NULL;
    place->index = 0;
    return id_map_at(map, *place);
}

void *id_map_until(const struct id_map *map, struct stream_id id, struct id_place *place)
{
    if (id_map_from(map, id, place) == NULL) return id_map_last(map, place);
    char *item = id_map_at(map, *place);
    struct stream_id found;
    memcpy(&found, item, sizeof(found));
    if (stream_id_compare(found, id) == 0) return item;
    return id_map_previous(map, place);
}

void *id_map_find(const struct id_map *map, struct stream_id id)
{
    if (map->line_count == 0) return NULL;
    const struct id_chunk *chunk = line_at(map, line_search(map, id))->chunk;
    uint32_t index = chunk_search(map, chunk, id);
    if (index == chunk->count) return NULL;
    return stream_id_compare(id_at(map, chunk, index), id) == 0 ? item_at(map, chunk, index) : NULL;
}

void *id_map_first(const struct id_map *map, struct id_place *place)
{
    *place = (struct id_place){ 0 };
    return map->line_count == 0 ? NULL : id_map_at(map, *place);
}

void *id_map_last(const struct id_map *map, struct id_place *place)
{
    if (map->line_count == 0) return NULL;
    place->line = map->line_count - 1;
    place->index = line_at(map, place->line)->chunk->count - 1;
    return id_map_at(map, *place);
}

void *id_map_next(const struct id_map *map, struct id_place *place)
{
    struct id_place next = { place->line, place->index + 1 };
    if (next.index == line_at(map, next.line)->chunk->count) {
        if (next.line + 1 == map->line_count) return NULL;
        next = (struct id_place){ next.line + 1, 0 };
    }
    *place = next;
    return id_map_at(map, next);
}

void *id_map_previous(const struct id_map *map, struct id_place *place)
{
    if (place->index > 0) {
        place->index--;
    } else {
        if (place->line == 0) return NULL;
        place->line--;
        place->index = line_at(map, place->line)->chunk->count - 1;
    }
    return id_map_at(map, *place);
}

/* A full chunk gives its upper half away; at its end a new one begins, so that appending leaves
 * full chunks behind. Returns the line that takes the id now. */
static struct id_line *line_split(struct id_map *map, uint32_t at, struct stream_id id,
                                  uint32_t *index)
{
    struct id_chunk *full = line_at(map, at)->chunk;
    if (*index == full->count) {
        *index = 0;
        return line_insert(map, at + 1, id, chunk_create(map, CHUNK_ITEMS_MIN));
    }
    uint32_t half = full->count / 2;
    struct id_chunk *upper = chunk_create(map, CHUNK_ITEMS);
    upper->count = full->count - half;
    memcpy(upper->items, item_at(map, full, half), (size_t)upper->count * map->item_size);
    full->count = half;
    struct id_line *line = line_insert(map, at + 1, id_at(map, upper, 0), upper);
    if (*index <= half) return line - 1;
    *index -= half;
    return line;
}

void *id_map_insert(struct id_map *map, struct stream_id id)
{
    uint32_t index = 0;
    struct id_line *line;
    if (map->line_count == 0) {
        line = line_insert(map, 0, id, chunk_create(map, CHUNK_ITEMS_MIN));
    } else {
        uint32_t at = line_search(map, id);
        line = line_at(map, at);
        index = chunk_search(map, line->chunk, id);
        if (line->chunk->count == CHUNK_ITEMS)
            line = line_split(map, at, id, &index);
        else if (line->chunk->count == line->chunk->capacity)
            chunk_resize(map, line, MIN(line->chunk->capacity * 2, CHUNK_ITEMS));
    }
    struct id_chunk *chunk = line->chunk;
    ensure(index == chunk->count || stream_id_compare(id_at(map, chunk, index), id) > 0);
    char *item = item_at(map, chunk, index);
    memmove(item + map->item_size, item, (size_t)(chunk->count - index) * map->item_size);
    memset(item, 0, map->item_size);
    memcpy(item, &id, sizeof(id));
    chunk->count++;
    map->count++;
    if (stream_id_compare(id, line->bound) < 0) line->bound = id;
    return item;
}

/* Takes the next chunk in when both are small. */
static void line_join(struct id_map *map, uint32_t at)
{
    if (at + 1 >= map->line_count) return;
    struct id_line *line = line_at(map, at);
    const struct id_chunk *next = line_at(map, at + 1)->chunk;
    uint32_t sum = line->chunk->count + next->count;
    if (sum > CHUNK_ITEMS / 2) return;
    if (line->chunk->capacity < sum) chunk_resize(map, line, sum);
    memcpy(item_at(map, line->chunk, line->chunk->count), next->items,
           (size_t)next->count * map->item_size);
    line->chunk->count = sum;
    line_remove(map, at + 1);
}

void id_map_remove(struct id_map *map, struct id_place place)
{
    struct id_line *line = line_at(map, place.line);
    struct id_chunk *chunk = line->chunk;
    ensure(place.index < chunk->count);
    char *item = item_at(map, chunk, place.index);
    chunk->count--;
    map->count--;
    memmove(item, item + map->item_size, (size_t)(chunk->count - place.index) * map->item_size);
    if (chunk->count == 0) {
        line_remove(map, place.line);
        return;
    }
    if (chunk->count <= chunk->capacity / 4 && chunk->capacity > CHUNK_ITEMS_MIN)
        chunk_resize(map, line, chunk->capacity / 2);
    line_join(map, place.line);
    if (place.line > 0) line_join(map, place.line - 1);
}
