/* Integer sets: binary search and moving of what stands behind. */
#include "types/intset.h"

#include "base/ensure.h"
#include "base/number.h"
#include "base/slabs.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers stand as in snapshots");

struct intset {
    uint32_t width; /* of a number in bytes: 2, 4 or 8 */
    uint32_t count;
    char numbers[];
};

static size_t size_of(size_t width, size_t count)
{
    return sizeof(struct intset) + width * count;
}

static size_t block_size(const struct intset *set)
{
    return size_of(set->width, set->count);
}

static size_t width_for(int64_t value)
{
    if (value >= INT16_MIN && value <= INT16_MAX) return 2;
    return value >= INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

static inline int64_t number_at(const char *numbers, size_t width, size_t index)
{
    int16_t narrow;
    int32_t middle;
    int64_t wide;
    const char *at = numbers + width * index;
    if (width == sizeof(narrow)) {
        memcpy(&narrow, at, sizeof(narrow));
        return narrow;
    }
    if (width == sizeof(middle)) {
        memcpy(&middle, at, sizeof(middle));
        return middle;
    }
    memcpy(&wide, at, sizeof(wide));
    return wide;
}

/* The low bytes of a little-endian number are its narrow form. */
static void number_put(struct intset *set, size_t index, int64_t value)
{
    memcpy(set->numbers + set->width * index, &value, set->width);
}

struct intset *intset_create(void)
{
    struct intset *set = slabs_alloc(sizeof(*set));
    *set = (struct intset){ .width = 2 };
    return set;
}

bool intset_is_sound(struct bytes raw)
{
    struct intset head;
    if (raw.size < sizeof(head)) return false;
    memcpy(&head, raw.data, sizeof(head));
    if (head.width != 2 && head.width != 4 && head.width != 8) return false;
    if (raw.size != size_of(head.width, head.count)) return false;
    const char *numbers = raw.data + sizeof(head);
    for (size_t i = 1; i < head.count; i++)
        if (number_at(numbers, head.width, i - 1) >= number_at(numbers, head.width, i))
            return false;
    return true;
}

struct intset *intset_create_from(struct bytes raw)
{
    struct intset *set = slabs_alloc(raw.size);
    memcpy(set, raw.data, raw.size);
    ensure(block_size(set) == raw.size);
    return set;
}

void intset_destroy(struct intset *set)
{
    slabs_free(set, block_size(set));
}

struct intset *intset_copy(const struct intset *set)
{
    return intset_create_from(intset_raw(set));
}

size_t intset_memory(const struct intset *set)
{
    return slabs_class(block_size(set));
}

struct bytes intset_raw(const struct intset *set)
{
    return bytes_of(set, block_size(set));
}

size_t intset_count(const struct intset *set)
{
    return set->count;
}

int64_t intset_at(const struct intset *set, size_t index)
{
    ensure(index < set->count);
    return number_at(set->numbers, set->width, index);
}

/* Compiled for each width: the loop has no branch on it. */
static inline __attribute__((always_inline)) size_t lower_bound(const struct intset *set,
                                                                size_t width, int64_t value)
{
    size_t low = 0, count = set->count;
    while (count > 0) {
        size_t half = count / 2;
        bool is_below = number_at(set->numbers, width, low + half) < value;
        low = is_below ? low + half + 1 : low;
        count = is_below ? count - half - 1 : half;
    }
    return low;
}

bool intset_find(const struct intset *set, int64_t value, size_t *index)
{
    if (set->width == 2)
        *index = lower_bound(set, 2, value);
    else
        *index = set->width == 4 ? lower_bound(set, 4, value) : lower_bound(set, 8, value);
    return *index < set->count && number_at(set->numbers, set->width, *index) == value;
}

/* All numbers wider, from the last to the first: each lands behind those still to be read. */
static struct intset *widen(struct intset *set, size_t width)
{
    size_t before = set->width;
    set = slabs_resize(set, block_size(set), size_of(width, set->count));
    set->width = (uint32_t)width;
    for (size_t i = set->count; i-- > 0;) number_put(set, i, number_at(set->numbers, before, i));
    return set;
}

bool intset_add(struct intset **place, int64_t value)
{
    size_t at;
    struct intset *set = *place;
    if (intset_find(set, value, &at)) return false;
    ensure(set->count < UINT32_MAX);
    if (width_for(value) > set->width) set = widen(set, width_for(value));
    size_t width = set->width;
    set = slabs_resize(set, block_size(set), block_size(set) + width);
    char *here = set->numbers + width * at;
    memmove(here + width, here, width * (set->count - at));
    set->count++;
    number_put(set, at, value);
    *place = set;
    return true;
}

bool intset_remove(struct intset **place, int64_t value)
{
    size_t at;
    struct intset *set = *place;
    if (!intset_find(set, value, &at)) return false;
    size_t size = block_size(set), width = set->width;
    char *here = set->numbers + width * at;
    set->count--;
    memmove(here, here + width, width * (set->count - at));
    *place = slabs_resize(set, size, size - width);
    return true;
}

bool intset_is_longer(const struct intset *set, size_t characters)
{
    char text[NUMBER_TEXT_MAX];
    if (set->count == 0) return false;
    if (number_print(intset_at(set, 0), text) > characters) return true;
    return number_print(intset_at(set, set->count - 1), text) > characters;
}
