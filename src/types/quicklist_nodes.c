/* Nodes and chunks of nodes. */
#include "types/quicklist_nodes.h"

#include "base/compress.h"
#include "base/ensure.h"
#include "base/memory.h"

#define CHUNK_FIRST 4
#define CHUNK_MAX   128

#define NODE_ALLOC_MIN 128 /* of a node that is edited: the least that it takes */
#define COMPRESS_MIN   48  /* a smaller body is not worth it, as Valkey has it */
#define COMPRESS_GAIN  8   /* bytes that must be saved */
#define SPARSE_PART    4   /* a node that uses less than such a part of its room gives it back */

struct listnode {
    union {
        struct {
            uint32_t size;     /* of the body, compressed or not */
            uint32_t capacity; /* compressed: the size when it is not */
        };
        size_t plain_size; /* of one large element */
    };
    uint32_t start; /* of the body behind this head */
    char data[];
};

#define NODE_HEAD offsetof(struct listnode, data)

/* --- one node ---------------------------------------------------------------------------- */

static size_t allocated(struct node_ref ref)
{
    switch ((enum node_form)ref.form) {
    case NODE_PLAIN: return NODE_HEAD + ref.node->plain_size;
    case NODE_LZF: return NODE_HEAD + ref.node->size;
    case NODE_PACKED: break;
    }
    return NODE_HEAD + ref.node->capacity;
}

struct node_ref listnode_create(struct bytes body, size_t count, size_t capacity)
{
    capacity = MAX(capacity, body.size);
    ensure(capacity <= UINT32_MAX - NODE_HEAD);
    struct listnode *node = memory_alloc(NODE_HEAD + capacity);
    node->size = (uint32_t)body.size;
    node->capacity = (uint32_t)capacity;
    node->start = 0;
    if (body.size > 0) memcpy(node->data, body.data, body.size);
    return (struct node_ref){ .node = node, .count = (uint32_t)count, .form = NODE_PACKED };
}

struct node_ref listnode_create_plain(struct bytes element)
{
    struct listnode *node = memory_alloc(NODE_HEAD + element.size);
    node->plain_size = element.size;
    if (element.size > 0) memcpy(node->data, element.data, element.size);
    return (struct node_ref){ .node = node, .count = 1, .form = NODE_PLAIN };
}

void listnode_destroy(struct node_ref ref)
{
    memory_free_sized(ref.node, allocated(ref));
}

struct node_ref listnode_copy(struct node_ref ref)
{
    if (ref.form == NODE_PACKED) return listnode_create(listnode_body(ref), ref.count, 0);
    struct node_ref copy = ref;
    copy.node = memory_alloc(allocated(ref));
    memcpy(copy.node, ref.node, allocated(ref));
    return copy;
}

size_t listnode_memory(struct node_ref ref)
{
    return memory_class(allocated(ref));
}

size_t listnode_size(struct node_ref ref)
{
    if (ref.form == NODE_PLAIN) return ref.node->plain_size;
    return ref.form == NODE_LZF ? ref.node->capacity : ref.node->size;
}

struct bytes listnode_body(struct node_ref ref)
{
    ensure(ref.form != NODE_LZF);
    if (ref.form == NODE_PLAIN) return bytes_of(ref.node->data, ref.node->plain_size);
    return bytes_of(ref.node->data + ref.node->start, ref.node->size);
}

void listnode_unpack_into(struct node_ref ref, char *body)
{
    ensure(ref.form == NODE_LZF);
    bool is_sound = lzf_unpack(bytes_of(ref.node->data, ref.node->size), body, ref.node->capacity);
    ensure(is_sound);
}

void listnode_unpack(struct node_ref *ref)
{
    if (ref->form != NODE_LZF) return;
    size_t size = ref->node->capacity;
    struct listnode *node = memory_alloc(NODE_HEAD + size);
    node->size = node->capacity = (uint32_t)size;
    node->start = 0;
    listnode_unpack_into(*ref, node->data);
    listnode_destroy(*ref);
    ref->node = node;
    ref->form = NODE_PACKED;
}

void listnode_compress(struct node_ref *ref)
{
    if (ref->form != NODE_PACKED || ref->node->size < COMPRESS_MIN) return;
    struct bytes body = listnode_body(*ref);
    struct listnode *node = memory_alloc(NODE_HEAD + body.size);
    size_t size = lzf_pack(body, node->data, body.size - COMPRESS_GAIN);
    if (size == 0) {
        memory_free_sized(node, NODE_HEAD + body.size);
        return;
    }
    node = memory_realloc(node, NODE_HEAD + size);
    node->size = (uint32_t)size;
    node->capacity = (uint32_t)body.size;
    listnode_destroy(*ref);
    ref->node = node;
    ref->form = NODE_LZF;
}

/* Another allocation with the same body: all free room at the front, or at the end. */
static void listnode_move(struct node_ref *ref, size_t capacity, bool has_room_in_front)
{
    struct bytes body = listnode_body(*ref);
    ensure(capacity >= body.size);
    ensure(capacity <= UINT32_MAX - NODE_HEAD);
    struct listnode *node = memory_alloc(NODE_HEAD + capacity);
    node->size = (uint32_t)body.size;
    node->capacity = (uint32_t)capacity;
    node->start = has_room_in_front ? (uint32_t)(capacity - body.size) : 0;
    memcpy(node->data + node->start, body.data, body.size);
    listnode_destroy(*ref);
    ref->node = node;
}

/* Doubles, so that pushing costs the same however large a node may be; never beyond what one of
 * its kind will ever hold. */
static size_t capacity_for(const struct listnode *node, size_t needed, size_t wanted)
{
    size_t doubled = MAX(NODE_ALLOC_MIN, 2 * (NODE_HEAD + (size_t)node->capacity)) - NODE_HEAD;
    return MAX(needed, MIN(doubled, wanted));
}

char *listnode_open_gap(struct node_ref *ref, size_t at, size_t before, size_t after, size_t wanted)
{
    ensure(ref->form == NODE_PACKED);
    struct listnode *node = ref->node;
    ensure(at + before <= node->size);
    size_t size = node->size - before + after;
    bool is_front = at < node->size - before - at;
    if (size > node->capacity) {
        listnode_move(ref, capacity_for(node, size, wanted), is_front);
        node = ref->node;
    }
    /* The shorter side moves where there is room for it; else everything is set right. */
    size_t rest = node->size - at - before;
    char *body = node->data + node->start;
    bool fits_in_front = node->start + before >= after;
    bool fits_behind = (size_t)node->start + size <= node->capacity;
    if (fits_in_front && (is_front || !fits_behind)) {
        memmove(body + before - after, body, at);
        node->start = (uint32_t)(node->start + before - after);
    } else if (fits_behind) {
        memmove(body + at + after, body + at + before, rest);
    } else {
        size_t start = (node->capacity - size) / 2;
        char *target = node->data + start;
        if (target < body) {
            memmove(target, body, at);
            memmove(target + at + after, body + at + before, rest);
        } else {
            memmove(target + at + after, body + at + before, rest);
            memmove(target, body, at);
        }
        node->start = (uint32_t)start;
    }
    node->size = (uint32_t)size;
    if (NODE_HEAD + node->capacity > NODE_ALLOC_MIN && size < node->capacity / SPARSE_PART) {
        listnode_move(ref, MAX(size, NODE_ALLOC_MIN - NODE_HEAD), false);
        node = ref->node;
    }
    return node->data + node->start + at;
}

/* --- the chain --------------------------------------------------------------------------- */

static size_t chunk_size(size_t capacity)
{
    return sizeof(struct chunk) + capacity * sizeof(struct node_ref);
}

/* The size of a node stands in it: those of many are fetched ahead of need. */
#define FETCHED_AHEAD 8

static void chunk_destroy_nodes(const struct chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->used; i++) {
        if (i + FETCHED_AHEAD < chunk->used)
            __builtin_prefetch(chunk->refs[i + FETCHED_AHEAD].node);
        listnode_destroy(chunk->refs[i]);
    }
}

void chain_destroy_nodes(struct chain *chain)
{
    for (struct chunk *chunk = chain->first; chunk != NULL;) {
        struct chunk *next = chunk->next;
        chunk_destroy_nodes(chunk);
        memory_free_sized(chunk, chunk_size(chunk->capacity));
        chunk = next;
    }
    *chain = (struct chain){ 0 };
}

struct place chain_first(const struct chain *chain)
{
    return (struct place){ .chunk = chain->first };
}

struct place chain_last(const struct chain *chain)
{
    if (chain->last == NULL) return (struct place){ 0 };
    return (struct place){ .chunk = chain->last, .at = chain->last->used - 1u };
}

struct place place_next(struct place place)
{
    if (++place.at < place.chunk->used) return place;
    return (struct place){ .chunk = place.chunk->next };
}

struct place place_previous(struct place place)
{
    if (place.at > 0) return (struct place){ .chunk = place.chunk, .at = place.at - 1 };
    struct chunk *chunk = place.chunk->previous;
    return (struct place){ .chunk = chunk, .at = chunk == NULL ? 0 : chunk->used - 1u };
}

struct place chain_seek(const struct chain *chain, size_t *index)
{
    ensure(*index < chain->count);
    struct chunk *chunk;
    if (*index < chain->count / 2) {
        chunk = chain->first;
        for (; *index >= chunk->total; chunk = chunk->next) *index -= chunk->total;
    } else {
        size_t behind = chain->count - *index; /* from here to the end */
        chunk = chain->last;
        for (; behind > chunk->total; chunk = chunk->previous) behind -= chunk->total;
        *index = chunk->total - behind;
    }
    uint32_t at = 0;
    for (; *index >= chunk->refs[at].count; at++) *index -= chunk->refs[at].count;
    ensure(at < chunk->used);
    return (struct place){ .chunk = chunk, .at = at };
}

/* A chunk stands in the place of `old`, or behind it. */
static void chain_link(struct chain *chain, struct chunk *chunk)
{
    if (chunk->previous == NULL)
        chain->first = chunk;
    else
        chunk->previous->next = chunk;
    if (chunk->next == NULL)
        chain->last = chunk;
    else
        chunk->next->previous = chunk;
}

static struct chunk *chunk_create(struct chain *chain, struct chunk *previous, struct chunk *next,
                                  size_t capacity)
{
    struct chunk *chunk = memory_alloc(chunk_size(capacity));
    *chunk = (struct chunk){ .previous = previous, .next = next, .capacity = (uint16_t)capacity };
    chain_link(chain, chunk);
    return chunk;
}

/* The later half of a full chunk goes to one of its own. */
static void chunk_split(struct chain *chain, struct chunk *chunk)
{
    struct chunk *other = chunk_create(chain, chunk, chunk->next, CHUNK_MAX);
    uint16_t kept = chunk->used / 2;
    other->used = chunk->used - kept;
    memcpy(other->refs, chunk->refs + kept, other->used * sizeof(*other->refs));
    chunk->used = kept;
    for (uint32_t i = 0; i < other->used; i++) other->total += other->refs[i].count;
    chunk->total -= other->total;
}

/* Room for one more before `place`, which may be elsewhere then. */
static struct place make_room(struct chain *chain, struct place place)
{
    struct chunk *chunk = place.chunk;
    if (chunk->used < chunk->capacity) return place;
    if (chunk->capacity < CHUNK_MAX) {
        size_t capacity = MIN(4u * chunk->capacity, CHUNK_MAX);
        chunk = memory_realloc(chunk, chunk_size(capacity));
        chunk->capacity = (uint16_t)capacity;
        chain_link(chain, chunk);
    } else if (place.at == chunk->used && chunk->next == NULL) {
        chunk = chunk_create(chain, chunk, NULL, CHUNK_MAX);
        place.at = 0;
    } else if (place.at == 0 && chunk->previous == NULL) {
        chunk = chunk_create(chain, NULL, chunk, CHUNK_MAX);
    } else {
        chunk_split(chain, chunk);
        if (place.at > chunk->used) {
            place.at -= chunk->used;
            chunk = chunk->next;
        }
    }
    place.chunk = chunk;
    return place;
}

struct place chain_insert(struct chain *chain, struct place place, struct node_ref ref)
{
    if (place.chunk == NULL && chain->last != NULL)
        place = (struct place){ .chunk = chain->last, .at = chain->last->used };
    if (place.chunk == NULL) place.chunk = chunk_create(chain, NULL, NULL, CHUNK_FIRST);
    place = make_room(chain, place);
    struct chunk *chunk = place.chunk;
    memmove(chunk->refs + place.at + 1, chunk->refs + place.at,
            (chunk->used - place.at) * sizeof(*chunk->refs));
    chunk->refs[place.at] = ref;
    chunk->used++;
    chunk->total += ref.count;
    chain->count += ref.count;
    chain->node_count++;
    return place;
}

static void chunk_destroy(struct chain *chain, struct chunk *chunk)
{
    if (chunk->previous == NULL)
        chain->first = chunk->next;
    else
        chunk->previous->next = chunk->next;
    if (chunk->next == NULL)
        chain->last = chunk->previous;
    else
        chunk->next->previous = chunk->previous;
    memory_free_sized(chunk, chunk_size(chunk->capacity));
}

struct place chain_take(struct chain *chain, struct place place)
{
    struct chunk *chunk = place.chunk;
    uint32_t count = chunk->refs[place.at].count;
    chunk->used--;
    chunk->total -= count;
    chain->count -= count;
    chain->node_count--;
    memmove(chunk->refs + place.at, chunk->refs + place.at + 1,
            (chunk->used - place.at) * sizeof(*chunk->refs));
    if (place.at < chunk->used) return place;
    struct place next = { .chunk = chunk->next };
    if (chunk->used == 0) chunk_destroy(chain, chunk);
    return next;
}

struct place chain_drop_chunk(struct chain *chain, struct place place)
{
    struct chunk *chunk = place.chunk;
    ensure(place.at == 0);
    struct place next = { .chunk = chunk->next };
    chunk_destroy_nodes(chunk);
    chain->count -= chunk->total;
    chain->node_count -= chunk->used;
    chunk_destroy(chain, chunk);
    return next;
}

void chain_count(struct chain *chain, struct place place, int64_t change)
{
    place_ref(place)->count = (uint32_t)(place_ref(place)->count + change);
    place.chunk->total = (size_t)((int64_t)place.chunk->total + change);
    chain->count = (size_t)((int64_t)chain->count + change);
}

size_t chain_memory(const struct chain *chain)
{
    size_t size = 0;
    for (const struct chunk *chunk = chain->first; chunk != NULL; chunk = chunk->next)
        size += memory_class(chunk_size(chunk->capacity));
    return size;
}
