/* Packs: editing is one resize and one move. */
#include "types/pack.h"

#include "base/ensure.h"
#include "base/slabs.h"

struct pack {
    uint32_t word; /* size of the body << COUNT_BITS | count */
    char body[];
};

#define COUNT_BITS 12

static size_t body_size(const struct pack *pack)
{
    return pack->word >> COUNT_BITS;
}

static void describe(struct pack *pack, size_t size, size_t count)
{
    ensure(size <= PACK_SIZE_MAX);
    ensure(count <= PACK_COUNT_MAX);
    pack->word = (uint32_t)(size << COUNT_BITS | count);
}

struct pack *pack_create_from(struct bytes body, size_t count)
{
    struct pack *pack = slabs_alloc(sizeof(*pack) + body.size);
    describe(pack, body.size, count);
    if (body.size > 0) memcpy(pack->body, body.data, body.size);
    return pack;
}

struct pack *pack_create(void)
{
    return pack_create_from(BYTES_EMPTY, 0);
}

void pack_destroy(struct pack *pack)
{
    slabs_free(pack, sizeof(*pack) + body_size(pack));
}

struct pack *pack_copy(const struct pack *pack)
{
    return pack_create_from(pack_body(pack), pack_count(pack));
}

size_t pack_memory(const struct pack *pack)
{
    return slabs_class(sizeof(*pack) + body_size(pack));
}

struct bytes pack_body(const struct pack *pack)
{
    return bytes_of(pack->body, body_size(pack));
}

size_t pack_count(const struct pack *pack)
{
    return pack->word & PACK_COUNT_MAX;
}

bool pack_has_room(const struct pack *pack, size_t count, size_t size)
{
    size_t frames = 10 * count; /* head and tail of a text up to PACK_SIZE_MAX, an integer whole */
    if (count > PACK_COUNT_MAX - pack_count(pack)) return false;
    return size <= PACK_SIZE_MAX && frames + size <= PACK_SIZE_MAX - body_size(pack);
}

/* The `before` bytes at `at` become `after` bytes, to be written by the caller. */
static char *open_gap(struct pack **place, size_t at, size_t before, size_t after)
{
    struct pack *pack = *place;
    size_t size = body_size(pack);
    size_t count = pack_count(pack);
    ensure(at + before <= size);
    size_t rest = size - at - before;
    size_t size_after = size - before + after;
    if (after < before) memmove(pack->body + at + after, pack->body + at + before, rest);
    if (after != before)
        pack = slabs_resize(pack, sizeof(*pack) + size, sizeof(*pack) + size_after);
    if (after > before) memmove(pack->body + at + after, pack->body + at + before, rest);
    describe(pack, size_after, count);
    *place = pack;
    return pack->body + at;
}

void pack_insert(struct pack **pack, size_t at, struct bytes text)
{
    struct listpack_code code;
    listpack_encode(text, &code);
    listpack_write(open_gap(pack, at, 0, code.size), &code);
    describe(*pack, body_size(*pack), pack_count(*pack) + 1);
}

void pack_insert_pair(struct pack **pack, size_t at, struct bytes first, struct bytes second)
{
    struct listpack_code codes[2];
    listpack_encode(first, &codes[0]);
    listpack_encode(second, &codes[1]);
    char *into = open_gap(pack, at, 0, codes[0].size + codes[1].size);
    into = listpack_write(into, &codes[0]);
    listpack_write(into, &codes[1]);
    describe(*pack, body_size(*pack), pack_count(*pack) + 2);
}

void pack_replace(struct pack **pack, size_t at, struct bytes text)
{
    struct listpack_code code;
    listpack_encode(text, &code);
    size_t before = listpack_after(pack_body(*pack), at) - at;
    listpack_write(open_gap(pack, at, before, code.size), &code);
}

void pack_remove(struct pack **pack, size_t at, size_t count)
{
    size_t left = pack_count(*pack);
    ensure(count <= left);
    size_t end = at;
    for (size_t i = 0; i < count; i++) end = listpack_after(pack_body(*pack), end);
    open_gap(pack, at, end - at, 0);
    describe(*pack, body_size(*pack), left - count);
}
