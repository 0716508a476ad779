/* Long strings: a counted block with room to grow.
 *
 * The bytes stand behind the head, or, of a string that was adopted, in the block of a buffer which
 * they came in; then the address of that block is what stands behind the head. */
#include "types/string.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "types/value_kind.h"

struct string {
    struct shared shared; /* the owner's reference and those of who sends it */
    size_t size;
    size_t capacity; /* bytes that data has room for */
    char *data;      /* `own`, or in an adopted block */
    char own[];
};

#define ADOPTED_SIZE (sizeof(struct string) + sizeof(char *))

static bool is_adopted(const struct string *string)
{
    return string->data != string->own;
}

static char *adopted_block(const struct string *string)
{
    char *block;
    memcpy(&block, string->own, sizeof(block));
    return block;
}

static size_t adopted_size(const struct string *string)
{
    return (size_t)(string->data - adopted_block(string)) + string->capacity;
}

bool string_is_integer(struct bytes text, int64_t *value)
{
    return text.size > 0 && text.size <= 20 && number_parse(text, value);
}

static void release(struct shared *shared)
{
    struct string *string = CONTAINER_OF(shared, struct string, shared);
    if (is_adopted(string)) memory_free_sized(adopted_block(string), adopted_size(string));
    memory_free_sized(string,
                      is_adopted(string) ? ADOPTED_SIZE : sizeof(*string) + string->capacity);
}

static struct string *create(size_t size, size_t capacity)
{
    ensure(size <= capacity);
    ensure(capacity <= SIZE_MAX / 2);
    size_t allocated = memory_class(sizeof(struct string) + capacity);
    struct string *string = memory_alloc(allocated);
    string->shared = (struct shared){ .references = 1, .release = release };
    string->size = size;
    string->capacity = allocated - sizeof(*string);
    string->data = string->own;
    return string;
}

struct string *string_adopt(struct buffer *buffer, struct bytes bytes)
{
    size_t at = (size_t)(bytes.data - buffer->data);
    ensure(at + bytes.size <= buffer->size);
    struct string *string = memory_alloc(ADOPTED_SIZE);
    *string = (struct string){
        .shared = { .references = 1, .release = release },
        .size = bytes.size,
        .capacity = buffer->capacity - at,
        .data = buffer->data + at,
    };
    memcpy(string->own, &buffer->data, sizeof(buffer->data));
    buffer_init(buffer);
    return string;
}

bool string_may_adopt(const struct buffer *buffer, struct bytes bytes)
{
    if (bytes.size < STRING_SHARE_MIN || buffer->data == NULL) return false;
    bool is_inside =
        bytes.data >= buffer->data && bytes.data + bytes.size <= buffer->data + buffer->size;
    return is_inside && buffer->capacity <= memory_class(sizeof(struct string) + bytes.size);
}

struct string *string_create(struct bytes bytes)
{
    struct string *string = create(bytes.size, bytes.size);
    if (bytes.size > 0) memcpy(string->data, bytes.data, bytes.size);
    return string;
}

struct string *string_create_zero(size_t size)
{
    struct string *string = create(size, size);
    memset(string->data, 0, size);
    return string;
}

void string_destroy(struct string *string)
{
    if (string != NULL) shared_drop(&string->shared);
}

struct string *string_copy(const struct string *string)
{
    return string_create(string_bytes(string));
}

struct bytes string_bytes(const struct string *string)
{
    return bytes_of(string->data, string->size);
}

size_t string_memory(const struct string *string)
{
    return is_adopted(string) ? ADOPTED_SIZE + adopted_size(string)
                              : sizeof(*string) + string->capacity;
}

struct shared *string_shared(struct string *string)
{
    return &string->shared;
}

char *string_open(struct string **place, size_t size)
{
    struct string *string = *place;
    size_t size_after = MAX(size, string->size);
    bool is_kept = !shared_is_shared(&string->shared);
    size_t capacity = string->capacity;
    if (size_after > capacity) capacity = MAX(size_after, capacity + capacity / 2);

    if (is_adopted(string) && capacity != string->capacity) is_kept = false;
    if (!is_kept) {
        struct string *copy = create(string->size, capacity);
        memcpy(copy->data, string->data, string->size);
        string_destroy(string);
        string = copy;
    } else if (capacity != string->capacity) {
        size_t allocated = memory_class(sizeof(*string) + capacity);
        string = memory_realloc(string, allocated);
        string->capacity = allocated - sizeof(*string);
        string->data = string->own;
    }
    if (size_after > string->size)
        memset(string->data + string->size, 0, size_after - string->size);
    string->size = size_after;
    *place = string;
    return string->data;
}

bool string_vacate(struct string **place)
{
    struct string *string = *place;
    if (shared_is_shared(&string->shared)) return false;
    if (is_adopted(string)) {
        char *block = adopted_block(string);
        size_t at = (size_t)(string->data - block);
        char *moved = memory_vacate(block, adopted_size(string));
        string->data = moved + at;
        memcpy(string->own, &moved, sizeof(moved));
        return moved != block;
    }
    *place = memory_vacate(string, sizeof(*string) + string->capacity);
    (*place)->data = (*place)->own;
    return *place != string;
}

/* An index from either end as one from the front, which may still be negative. */
static int64_t from_front(int64_t index, int64_t size)
{
    return index < 0 ? index + size : index;
}

struct bytes string_range(struct bytes text, int64_t start, int64_t end)
{
    int64_t size = (int64_t)text.size;
    if (size == 0 || (start < 0 && end < 0 && start > end)) return BYTES_EMPTY;
    start = MAX(from_front(start, size), (int64_t)0);
    end = MIN(MAX(from_front(end, size), (int64_t)0), size - 1);
    if (start > end) return BYTES_EMPTY;
    return bytes_of(text.data + start, (size_t)(end - start + 1));
}

/* ---- as a kind of value ---- */

static void destroy_string(void *value)
{
    string_destroy(value);
}

static void *copy_string(const void *value)
{
    return string_copy(value);
}

static size_t memory_of_string(const void *value, size_t samples)
{
    (void)samples;
    return string_memory(value);
}

/* One allocation, but giving back many pages takes time as well: a unit for each 64 KiB. */
static size_t free_effort_of_string(const void *value)
{
    return 1 + string_memory(value) / (64 * KIB);
}

static const char *encoding_of_string(const void *value)
{
    (void)value;
    return "raw";
}

const struct value_kind string_kind = {
    .name = "string",
    .destroy = destroy_string,
    .copy = copy_string,
    .memory = memory_of_string,
    .free_effort = free_effort_of_string,
    .encoding = encoding_of_string,
};
