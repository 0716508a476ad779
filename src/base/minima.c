/* The tree of minima. Places that do not exist hold TIME_NEVER, so that nobody asks for them. */
#include "base/minima.h"

#include "base/ensure.h"
#include "base/memory.h"

#define FAN_BITS 6
#define FAN      ((size_t)1 << FAN_BITS)

/* A leaf is an array of times: FAN of them, or `room` in the root. */
struct branch {
    time_ms times[FAN]; /* of the children */
    void *children[FAN];
};

static size_t leaf_size(size_t room)
{
    return room * sizeof(time_ms);
}

static void times_clear(time_ms *times, size_t from, size_t count)
{
    for (size_t i = from; i < count; i++) times[i] = TIME_NEVER;
}

static time_ms times_least(const time_ms *times, size_t count)
{
    time_ms least = TIME_NEVER;
    for (size_t i = 0; i < count; i++) least = MIN(least, times[i]);
    return least;
}

/* Places below one child of a node of this height. */
static size_t span_of(unsigned height)
{
    return (size_t)1 << (FAN_BITS * height);
}

static void node_free(void *node, unsigned height, size_t room)
{
    if (node == NULL) return;
    if (height == 0) {
        memory_free_sized(node, leaf_size(room));
        return;
    }
    struct branch *branch = node;
    for (size_t i = 0; i < FAN; i++) node_free(branch->children[i], height - 1, FAN);
    memory_free_sized(branch, sizeof(*branch));
}

static size_t root_room(const struct minima *minima)
{
    return minima->height == 0 ? minima->room : FAN;
}

void minima_fini(struct minima *minima)
{
    node_free(minima->root, minima->height, root_room(minima));
    *minima = (struct minima){ 0 };
}

static struct branch *branch_create(void)
{
    struct branch *branch = memory_alloc_zero(sizeof(*branch));
    times_clear(branch->times, 0, FAN);
    return branch;
}

static void *node_create(unsigned height, size_t room)
{
    if (height > 0) return branch_create();
    time_ms *times = memory_alloc(leaf_size(room));
    times_clear(times, 0, room);
    return times;
}

/* The same tree, one level higher or with more room in its only leaf. */
static void root_grow(struct minima *minima, size_t count)
{
    if (minima->height == 0 && minima->room < MIN(count, FAN)) {
        size_t room = memory_class(leaf_size(MIN(count, FAN))) / sizeof(time_ms);
        room = MIN(room, FAN);
        minima->root = memory_realloc(minima->root, leaf_size(room));
        times_clear(minima->root, minima->room, room);
        minima->room = (uint8_t)room;
    }
    while (count > span_of(minima->height + 1u)) {
        struct branch *root = branch_create();
        root->children[0] = minima->root;
        root->times[0] = minima->least;
        minima->root = root;
        minima->height++;
    }
}

/* A tree of two levels whose places all lie below the first child becomes that child. */
static void root_shrink(struct minima *minima)
{
    while (minima->height > 0 && minima->count <= span_of(minima->height)) {
        struct branch *root = minima->root;
        minima->root = root->children[0];
        memory_free_sized(root, sizeof(*root));
        minima->height--;
        minima->room = FAN;
    }
}

void minima_resize(struct minima *minima, size_t count)
{
    ensure(count <= UINT32_MAX);
    if (count < minima->count) ensure(minima_at(minima, minima->count - 1) == TIME_NEVER);
    if (minima->root != NULL && count > minima->count) root_grow(minima, count);
    bool shrinks = count < minima->count;
    minima->count = (uint32_t)count;
    if (minima->root != NULL && shrinks) root_shrink(minima);
}

static unsigned height_for(size_t count)
{
    unsigned height = 0;
    while (count > span_of(height + 1)) height++;
    return height;
}

/* Returns the least time of the node afterwards; `least` is what it was before. A node that is
 * left without times is freed. */
static time_ms node_set(void **link, unsigned height, size_t room, size_t index, time_ms time,
                        time_ms least)
{
    if (*link == NULL) {
        if (time == TIME_NEVER) return TIME_NEVER;
        *link = node_create(height, room);
    }
    time_ms *times = *link; /* both kinds of node begin with them */
    size_t place = index >> (FAN_BITS * height);
    time_ms before = times[place];
    if (height > 0) {
        struct branch *branch = *link;
        size_t below = index & (span_of(height) - 1);
        time = node_set(&branch->children[place], height - 1, FAN, below, time, before);
    }
    times[place] = time;
    if (time <= least && time != TIME_NEVER) return time;
    if (before > least) return least;
    least = times_least(times, room);
    if (least == TIME_NEVER) {
        node_free(*link, height, room);
        *link = NULL;
    }
    return least;
}

void minima_set(struct minima *minima, size_t index, time_ms time)
{
    ensure(index < minima->count);
    if (minima->root == NULL) {
        if (time == TIME_NEVER) return;
        minima->height = (uint8_t)height_for(minima->count);
        size_t room = memory_class(leaf_size(MIN(minima->count, FAN))) / sizeof(time_ms);
        minima->room = (uint8_t)MIN(room, FAN);
    }
    minima->least = node_set(&minima->root, minima->height, root_room(minima), index, time,
                             minima_least(minima));
    if (minima->root == NULL) minima->height = minima->room = 0;
}

time_ms minima_at(const struct minima *minima, size_t index)
{
    ensure(index < minima->count);
    const void *node = minima->root;
    for (unsigned height = minima->height; node != NULL && height > 0; height--) {
        node = ((const struct branch *)node)->children[index >> (FAN_BITS * height)];
        index &= span_of(height) - 1;
    }
    return node == NULL ? TIME_NEVER : ((const time_ms *)node)[index];
}

void minima_lower(struct minima *minima, size_t index, time_ms time)
{
    if (time < minima_at(minima, index)) minima_set(minima, index, time);
}

size_t minima_find_due(const struct minima *minima, time_ms limit)
{
    if (minima_least(minima) > limit) return SIZE_MAX;
    const void *node = minima->root;
    size_t index = 0;
    for (unsigned height = minima->height;; height--) {
        const time_ms *times = node;
        size_t place = 0;
        while (times[place] > limit) {
            place++;
            ensure(place < FAN);
        }
        index = index << FAN_BITS | place;
        if (height == 0) return index;
        node = ((const struct branch *)node)->children[place];
    }
}

static size_t node_find(const void *node, unsigned height, size_t room, size_t start, time_ms limit)
{
    if (node == NULL) return SIZE_MAX;
    const time_ms *times = node; /* both kinds of node begin with them */
    size_t below = start & (span_of(height) - 1);
    for (size_t place = start >> (FAN_BITS * height); place < room; place++, below = 0) {
        if (times[place] > limit) continue;
        if (height == 0) return place;
        const struct branch *branch = node;
        size_t found = node_find(branch->children[place], height - 1, FAN, below, limit);
        if (found != SIZE_MAX) return place << (FAN_BITS * height) | found;
    }
    return SIZE_MAX;
}

size_t minima_find_due_from(const struct minima *minima, size_t start, time_ms limit)
{
    if (minima_least(minima) > limit || start >= minima->count) return SIZE_MAX;
    return node_find(minima->root, minima->height, root_room(minima), start, limit);
}

static size_t node_memory(const void *node, unsigned height)
{
    if (node == NULL) return 0;
    if (height == 0) return leaf_size(FAN);
    const struct branch *branch = node;
    size_t sum = sizeof(*branch);
    for (size_t i = 0; i < FAN; i++) sum += node_memory(branch->children[i], height - 1);
    return sum;
}

size_t minima_memory(const struct minima *minima)
{
    if (minima->root == NULL) return 0;
    if (minima->height == 0) return leaf_size(minima->room);
    return node_memory(minima->root, minima->height);
}
