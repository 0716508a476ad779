/* The list of changes. */
#include "keyspace/changes.h"

#include "base/ensure.h"
#include "base/memory.h"

void changes_init(struct changes *changes)
{
    *changes = (struct changes){ 0 };
}

void changes_fini(struct changes *changes)
{
    memory_free_sized(changes->items, changes->capacity * sizeof(*changes->items));
    buffer_fini(&changes->keys);
    *changes = (struct changes){ 0 };
}

void changes_clear(struct changes *changes)
{
    changes->count = 0;
    buffer_clear(&changes->keys);
}

void changes_append(struct changes *changes, enum change_kind kind, uint32_t db, int32_t slot,
                    struct bytes key)
{
    if (changes->count == changes->capacity) {
        changes->capacity = MAX(2 * changes->capacity, (size_t)16);
        changes->items =
            memory_realloc(changes->items, changes->capacity * sizeof(*changes->items));
    }
    changes->items[changes->count++] = (struct change){
        .kind = kind,
        .db = db,
        .slot = slot,
        .key_at = changes->keys.size,
        .key_size = key.size,
    };
    buffer_append(&changes->keys, key);
}

struct bytes changes_key(const struct changes *changes, const struct change *change)
{
    ensure(change->key_at + change->key_size <= changes->keys.size);
    return bytes_from(bytes_of(changes->keys.data, change->key_at + change->key_size),
                      change->key_at);
}
