/* Streams: which node an entry belongs to, and walks across nodes. */
#include "types/stream.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "types/stream_parts.h"

#define ID_SIZE         16   /* bytes of a key of the radix tree that we do not have */
#define RADIX_EXACT_MAX 1024 /* keys that are looked at to tell how many nodes it would have */

struct stream *stream_create(void)
{
    struct stream *stream = memory_alloc_zero(sizeof(*stream));
    id_map_init(&stream->nodes, sizeof(struct stream_node_item));
    return stream;
}

void stream_destroy(struct stream *stream)
{
    struct id_place place;
    struct stream_node_item *item = id_map_first(&stream->nodes, &place);
    for (; item != NULL; item = id_map_next(&stream->nodes, &place))
        stream_node_destroy(item->node);
    id_map_fini(&stream->nodes);
    stream_groups_fini(&stream->groups);
    memory_free(stream);
}

struct stream *stream_copy(const struct stream *stream)
{
    struct stream *copy = memory_alloc(sizeof(*copy));
    *copy = *stream;
    id_map_copy(&stream->nodes, &copy->nodes);
    struct id_place place;
    struct stream_node_item *item = id_map_first(&copy->nodes, &place);
    for (; item != NULL; item = id_map_next(&copy->nodes, &place))
        item->node = stream_node_copy(item->node);
    stream_groups_copy(&stream->groups, &copy->groups);
    return copy;
}

size_t stream_length(const struct stream *stream)
{
    return stream->length;
}

const struct stream_figures *stream_figures(const struct stream *stream)
{
    return &stream->figures;
}

void stream_figures_set(struct stream *stream, const struct stream_figures *figures)
{
    struct stream_id first_id = stream->figures.first_id;
    stream->figures = *figures;
    stream->figures.first_id = first_id;
}

size_t stream_node_count(const struct stream *stream)
{
    return stream->nodes.count;
}

/* ---- the tree of Valkey ---- */

/* Bytes that the ids, written out big-endian, have in common at their start. */
static unsigned common_bytes(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms) return (unsigned)__builtin_clzll(a.ms ^ b.ms) / 8;
    return 8 + (unsigned)__builtin_clzll(a.seq ^ b.seq) / 8;
}

/* A tree of bytes in which a row of single children is one node: a leaf for each key, a node where
 * keys part, and one for each row in between. `open` are the depths at which keys part on the way
 * to the last leaf. */
struct radix {
    unsigned open[ID_SIZE];
    unsigned open_count;
    size_t count;
};

static void radix_row(struct radix *radix, unsigned from, unsigned until)
{
    radix->count += until > from + 1; /* the first byte stands where the keys part */
}

/* What lies deeper than what the next key has in common is complete. */
static void radix_close(struct radix *radix, unsigned depth)
{
    while (radix->open_count > 0 && radix->open[radix->open_count - 1] > depth) {
        unsigned closed = radix->open[--radix->open_count];
        unsigned above = radix->open_count > 0 ? radix->open[radix->open_count - 1] : 0;
        radix_row(radix, MAX(above, depth), closed);
    }
}

/* The tree of the first `key_count` keys. */
static size_t radix_count(const struct stream *stream, size_t key_count)
{
    struct radix radix = { .count = key_count };
    struct id_place place;
    const struct stream_node_item *item = id_map_first(&stream->nodes, &place);
    if (item == NULL) return 1;
    struct stream_id last = item->id;
    unsigned before = 0, top = ID_SIZE;
    for (size_t i = 1; i < key_count; i++) {
        item = id_map_next(&stream->nodes, &place);
        unsigned common = common_bytes(last, item->id);
        radix_row(&radix, MAX(before, common), ID_SIZE);
        radix_close(&radix, common);
        if (radix.open_count == 0 || radix.open[radix.open_count - 1] < common) {
            radix.open[radix.open_count++] = common;
            radix.count++;
        }
        before = common;
        top = MIN(top, common);
        last = item->id;
    }
    if (top == ID_SIZE) return 2; /* a single key: one row and its leaf */
    radix_row(&radix, before, ID_SIZE);
    while (radix.open_count > 1) {
        unsigned closed = radix.open[--radix.open_count];
        radix_row(&radix, radix.open[radix.open_count - 1], closed);
    }
    return radix.count + (top > 0);
}

size_t stream_radix_nodes(const struct stream *stream)
{
    size_t key_count = stream->nodes.count;
    if (key_count <= RADIX_EXACT_MAX) return radix_count(stream, key_count);
    double nodes = (double)radix_count(stream, RADIX_EXACT_MAX);
    return (size_t)(nodes * (double)key_count / RADIX_EXACT_MAX);
}

/* ---- changing ---- */

static size_t data_size(const struct bytes *fields, size_t pair_count)
{
    size_t size = 0;
    for (size_t i = 0; i < 2 * pair_count; i++) size += fields[i].size;
    return size;
}

/* Must an entry of so many bytes begin a new node? Counted as Valkey counts, for it is seen. */
static bool node_is_full(const struct stream_node *node, const struct value_rules *rules,
                         size_t size)
{
    size_t size_max = rules->stream_node_max_bytes;
    if (size_max == 0 || size_max > STREAM_ENTRY_MAX) size_max = STREAM_ENTRY_MAX;
    if (stream_node_format_size(node) + size >= size_max) return true;
    size_t count_max = rules->stream_node_max_entries;
    return count_max > 0 && (size_t)node->live_count + node->deleted_count >= count_max;
}

bool stream_append(struct stream *stream, const struct value_rules *rules, struct stream_id id,
                   const struct bytes *fields, size_t pair_count)
{
    size_t size = data_size(fields, pair_count);
    if (size > STREAM_ENTRY_MAX) return false;
    ensure(stream_id_compare(id, stream->figures.last_id) > 0);
    struct id_place place;
    struct stream_node_item *item = id_map_last(&stream->nodes, &place);
    if (item == NULL || node_is_full(item->node, rules, size)) {
        if (item != NULL) stream_node_close(&item->node);
        item = id_map_insert(&stream->nodes, id);
        item->node = stream_node_create(fields, pair_count);
    }
    stream_node_append(&item->node, item->id, id, fields, pair_count);
    if (stream->length++ == 0) stream->figures.first_id = id;
    stream->figures.last_id = id;
    stream->figures.entries_added++;
    return true;
}

static void find_first_id(struct stream *stream)
{
    struct stream_walk walk;
    stream_walk_init(&walk, stream, STREAM_ID_MIN, STREAM_ID_MAX, false);
    stream->figures.first_id = stream_walk_next(&walk) ? walk.id : STREAM_ID_MIN;
}

static void node_remove(struct stream *stream, struct id_place place)
{
    struct stream_node_item *item = id_map_at(&stream->nodes, place);
    stream_node_destroy(item->node);
    id_map_remove(&stream->nodes, place);
}

bool stream_delete(struct stream *stream, struct stream_id id)
{
    struct stream_walk walk;
    if (!stream_find(stream, id, &walk)) return false;
    struct stream_node_item *item = id_map_at(&stream->nodes, walk.place);
    stream_node_delete(item->node, walk.entry_at);
    if (item->node->live_count == 0) node_remove(stream, walk.place);
    stream->length--;
    struct stream_figures *figures = &stream->figures;
    if (stream_id_compare(id, figures->max_deleted_id) > 0) figures->max_deleted_id = id;
    if (stream_id_compare(id, figures->first_id) == 0) find_first_id(stream);
    return true;
}

/* ---- trimming ---- */

static bool is_trimmed(const struct stream *stream, const struct stream_trim *trim,
                       struct stream_id id)
{
    if (trim->is_by_id) return stream_id_compare(id, trim->id) < 0;
    return stream->length > trim->length;
}

/* The last entry of the node counts though it is deleted: a node may lose all others one by one
 * and stay, as Valkey's does. */
static bool node_is_trimmed(const struct stream *stream, const struct stream_trim *trim,
                            const struct stream_node_item *item)
{
    if (!trim->is_by_id) return stream->length - item->node->live_count >= trim->length;
    struct stream_entry last;
    size_t at = stream_node_before(item->node, item->node->size);
    stream_node_read(item->node, item->id, at, &last);
    return stream_id_compare(last.id, trim->id) < 0;
}

static size_t node_trim(struct stream *stream, const struct stream_trim *trim,
                        const struct stream_node_item *item)
{
    size_t count = 0;
    struct stream_entry entry;
    for (size_t at = item->node->entries_at; at < item->node->size;) {
        stream_node_read(item->node, item->id, at, &entry);
        if (!entry.is_deleted) {
            if (!is_trimmed(stream, trim, entry.id)) break;
            stream_node_delete(item->node, at);
            stream->length--;
            count++;
        }
        at = stream_node_after(item->node, &entry);
    }
    return count;
}

size_t stream_trim(struct stream *stream, const struct stream_trim *trim)
{
    size_t count = 0;
    struct id_place place;
    const struct stream_node_item *item;
    while ((item = id_map_first(&stream->nodes, &place)) != NULL) {
        size_t live_count = item->node->live_count;
        if (!trim->is_by_id && stream->length <= trim->length) break;
        if (trim->limit > 0 && count + live_count > trim->limit) break;
        if (!node_is_trimmed(stream, trim, item)) {
            if (trim->is_exact) count += node_trim(stream, trim, item);
            break;
        }
        node_remove(stream, place);
        stream->length -= live_count;
        count += live_count;
    }
    if (count > 0) find_first_id(stream);
    return count;
}

/* ---- walks ---- */

static void walk_enter(struct stream_walk *walk, const struct stream_node_item *item)
{
    walk->node = item == NULL ? NULL : item->node;
    if (item == NULL) return;
    walk->node_id = item->id;
    walk->next_at = walk->is_reverse ? item->node->size : item->node->entries_at;
}

/* Is the id nearer to the end of the node than to its start? Told by the times alone. */
static bool is_near_end(const struct stream_walk *walk, struct stream_id id)
{
    struct id_place place = walk->place;
    const struct stream_node_item *next = id_map_next(&walk->stream->nodes, &place);
    uint64_t end_ms = next == NULL ? walk->stream->figures.last_id.ms : next->id.ms;
    return id.ms > walk->node_id.ms && id.ms - walk->node_id.ms > end_ms / 2 - walk->node_id.ms / 2;
}

/* Who reads what came last starts near the end of a node: the walk's first place is looked for
 * from there. Ids of deleted entries may be out of order (XSETID) and say nothing. */
static void walk_seek_back(struct stream_walk *walk)
{
    struct stream_entry entry;
    uint32_t at = walk->node->size;
    while (at > walk->node->entries_at) {
        uint32_t before = (uint32_t)stream_node_before(walk->node, at);
        stream_node_read(walk->node, walk->node_id, before, &entry);
        if (!entry.is_deleted && stream_id_compare(entry.id, walk->from) < 0) break;
        at = before;
    }
    walk->next_at = at;
}

void stream_walk_init(struct stream_walk *walk, const struct stream *stream, struct stream_id from,
                      struct stream_id until, bool is_reverse)
{
    *walk = (struct stream_walk){
        .stream = stream, .from = from, .until = until, .is_reverse = is_reverse
    };
    const struct stream_node_item *item =
        id_map_until(&stream->nodes, is_reverse ? until : from, &walk->place);
    if (item == NULL && !is_reverse) item = id_map_first(&stream->nodes, &walk->place);
    walk_enter(walk, item);
    if (item != NULL && !is_reverse && is_near_end(walk, from)) walk_seek_back(walk);
}

/* The next entry in the walk's direction, deleted or not. */
static bool walk_step(struct stream_walk *walk, struct stream_entry *entry)
{
    const struct id_map *nodes = &walk->stream->nodes;
    if (walk->node == NULL) return false;
    if (walk->is_reverse) {
        if (walk->next_at == walk->node->entries_at)
            walk_enter(walk, id_map_previous(nodes, &walk->place));
        if (walk->node == NULL) return false;
        walk->next_at = (uint32_t)stream_node_before(walk->node, walk->next_at);
        walk->entry_at = walk->next_at;
        stream_node_read(walk->node, walk->node_id, walk->entry_at, entry);
    } else {
        if (walk->next_at == walk->node->size) walk_enter(walk, id_map_next(nodes, &walk->place));
        if (walk->node == NULL) return false;
        walk->entry_at = walk->next_at;
        stream_node_read(walk->node, walk->node_id, walk->entry_at, entry);
        walk->next_at = (uint32_t)stream_node_after(walk->node, entry);
    }
    return true;
}

bool stream_walk_next(struct stream_walk *walk)
{
    struct stream_entry entry;
    while (walk_step(walk, &entry)) {
        if (entry.is_deleted) continue;
        bool is_below = stream_id_compare(entry.id, walk->from) < 0;
        bool is_above = stream_id_compare(entry.id, walk->until) > 0;
        if (walk->is_reverse ? is_below : is_above) break;
        if (is_below || is_above) continue;
        walk->id = entry.id;
        walk->pair_count = entry.pair_count;
        walk->has_own_names = entry.has_own_names;
        walk->data_at = entry.data_at;
        return true;
    }
    walk->node = NULL;
    return false;
}

bool stream_find(const struct stream *stream, struct stream_id id, struct stream_walk *walk)
{
    stream_walk_init(walk, stream, id, id, false);
    return stream_walk_next(walk);
}

void stream_pairs_init(struct stream_pairs *pairs, const struct stream_walk *walk)
{
    pairs->body = stream_node_body(walk->node);
    pairs->left = walk->pair_count;
    pairs->has_own_names = walk->has_own_names;
    pairs->value_at = walk->data_at;
    pairs->name_at = walk->has_own_names ? walk->data_at : listpack_after(pairs->body, 0);
}

bool stream_pairs_next(struct stream_pairs *pairs, struct listpack_item *name,
                       struct listpack_item *value)
{
    if (pairs->left == 0) return false;
    pairs->left--;
    if (pairs->has_own_names) {
        size_t at = listpack_read(pairs->body, pairs->value_at, name);
        pairs->value_at = listpack_read(pairs->body, at, value);
        return true;
    }
    pairs->name_at = listpack_read(pairs->body, pairs->name_at, name);
    pairs->value_at = listpack_read(pairs->body, pairs->value_at, value);
    return true;
}

/* ---- for snapshots ---- */

const struct stream_node *stream_node_next(const struct stream *stream, bool is_first,
                                           struct id_place *place, struct stream_id *id)
{
    const struct stream_node_item *item =
        is_first ? id_map_first(&stream->nodes, place) : id_map_next(&stream->nodes, place);
    if (item == NULL) return NULL;
    *id = item->id;
    return item->node;
}

bool stream_node_put(struct stream *stream, struct stream_id id, struct bytes framed)
{
    struct stream_id last = stream->figures.last_id;
    struct id_place place;
    const struct stream_node_item *before = id_map_last(&stream->nodes, &place);
    if (before != NULL && stream_id_compare(id, before->id) <= 0) return false;
    struct stream_node *node = stream_node_parse(framed, id, &last);
    if (node == NULL) return false;
    struct stream_node_item *item = id_map_insert(&stream->nodes, id);
    item->node = node;
    stream->length += node->live_count;
    stream->figures.last_id = last;
    find_first_id(stream);
    return true;
}

/* ---- as a kind of value ---- */

static size_t nodes_memory(const struct stream *stream, size_t samples)
{
    struct id_place place;
    size_t size = 0, count = 0;
    const struct stream_node_item *item = id_map_first(&stream->nodes, &place);
    for (; item != NULL; item = id_map_next(&stream->nodes, &place)) {
        size += stream_node_memory(item->node);
        if (++count == samples) break;
    }
    return count == 0 ? 0 : (size_t)((double)size / (double)count * (double)stream->nodes.count);
}

static size_t kind_memory(const void *value, size_t samples)
{
    const struct stream *stream = value;
    return memory_class(sizeof(*stream)) + id_map_memory(&stream->nodes) +
           nodes_memory(stream, samples) + stream_groups_memory(&stream->groups);
}

static size_t kind_free_effort(const void *value)
{
    const struct stream *stream = value;
    return 1 + stream->nodes.count + stream_groups_free_effort(&stream->groups);
}

static void kind_destroy(void *value)
{
    stream_destroy(value);
}

static void *kind_copy(const void *value)
{
    return stream_copy(value);
}

static const char *kind_encoding(const void *value)
{
    return "stream";
}

const struct value_kind stream_kind = {
    .name = "stream",
    .destroy = kind_destroy,
    .copy = kind_copy,
    .memory = kind_memory,
    .free_effort = kind_free_effort,
    .encoding = kind_encoding,
};
