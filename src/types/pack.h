/* A small collection in one piece of memory: listpack elements with a head of four bytes.
 *
 *   | size of the body 20 bits, count 12 bits | body ... |
 *
 * What a listpack of the format would need beyond that (six bytes of head, one of end) is put on
 * when it is saved; the body is the same. A pack holds at most PACK_SIZE_MAX bytes and
 * PACK_COUNT_MAX elements: what would be larger is kept in the large form, whatever the options
 * allow, for every edit moves half of it. Small ones come from slabs.
 *
 * A pack moves when it is edited: functions that do take the place of its pointer. Places are
 * offsets in the body. A text that is put in may not lie in the pack itself. */
#ifndef EIR_TYPES_PACK_H
#define EIR_TYPES_PACK_H

#include "types/listpack.h"

struct pack;

#define PACK_SIZE_MAX  ((size_t)(1 << 20) - 1)
#define PACK_COUNT_MAX ((size_t)(1 << 12) - 1)

struct pack *pack_create(void);
/* With this sound body; at most the limits above. */
struct pack *pack_create_from(struct bytes body, size_t count);
void pack_destroy(struct pack *pack);
struct pack *pack_copy(const struct pack *pack);
size_t pack_memory(const struct pack *pack);

struct bytes pack_body(const struct pack *pack);
size_t pack_count(const struct pack *pack);
/* Do `count` more elements of `size` bytes of text in all fit, whatever their encoding? */
bool pack_has_room(const struct pack *pack, size_t count, size_t size);

/* Before the element at `at`, or at the end. */
void pack_insert(struct pack **pack, size_t at, struct bytes text);
/* Two at once: field and value, member and score. */
void pack_insert_pair(struct pack **pack, size_t at, struct bytes first, struct bytes second);
void pack_replace(struct pack **pack, size_t at, struct bytes text);
/* The element at `at` and those behind it, `count` in all. */
void pack_remove(struct pack **pack, size_t at, size_t count);

#endif
