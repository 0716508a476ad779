/* Whole databases and slots: emptied, exchanged, taken over, each in constant time. */
#include "base/ensure.h"
#include "base/memory.h"
#include "base/table_inline.h"
#include "keyspace/internal.h"

/* Which watched keys a change of many keys concerns. */
struct reach {
    const struct keyspace *first;
    const struct keyspace *second; /* NULL: none */
    uint32_t first_db, second_db;
    int32_t slot; /* -1: all */
};

static bool stands_in(const struct keyspace *keyspace, uint32_t db, struct bytes bytes,
                      int32_t slot)
{
    struct key key = keyspace_key(keyspace, db, bytes);
    if (slot >= 0 && key.slot != (uint32_t)slot) return false;
    return gate_cell(keyspace, &key) != NULL;
}

static bool is_in_reach(const void *context, struct bytes key)
{
    const struct reach *reach = context;
    if (stands_in(reach->first, reach->first_db, key, reach->slot)) return true;
    return reach->second != NULL && stands_in(reach->second, reach->second_db, key, reach->slot);
}

static void tell_flushed(struct keyspace *keyspace, const struct access *access, uint32_t db,
                         int32_t slot)
{
    if (access->changes != NULL && keyspace->told_kinds >> CHANGE_FLUSHED & 1)
        changes_append(access->changes, CHANGE_FLUSHED, db, slot, BYTES_EMPTY);
}

size_t keyspace_flush(struct keyspace *keyspace, const struct access *access, uint32_t db)
{
    struct reach reach = { .first = keyspace, .first_db = db, .slot = -1 };
    watches_touch_if(&keyspace->watches, db, is_in_reach, &reach);
    keyspace->moves++;
    size_t count = database_drop_all(keyspace_database(keyspace, db), &keyspace->garbage);
    keyspace->dirty += count;
    tell_flushed(keyspace, access, db, -1);
    return count;
}

size_t keyspace_flush_all(struct keyspace *keyspace, const struct access *access)
{
    size_t count = 0;
    for (uint32_t db = 0; db < keyspace->database_count; db++)
        count += keyspace_flush(keyspace, access, db);
    return count;
}

size_t keyspace_drop_slot(struct keyspace *keyspace, const struct access *access, uint32_t db,
                          uint32_t slot)
{
    ensure(keyspace->is_clustered);
    ensure(slot < SLOT_COUNT);
    struct database *database = keyspace_database(keyspace, db);
    if (database->count == 0 || database_table(database, slot) == NULL) return 0;
    struct reach reach = { .first = keyspace, .first_db = db, .slot = (int32_t)slot };
    watches_touch_if(&keyspace->watches, db, is_in_reach, &reach);
    keyspace->moves++;
    size_t count = database_drop_slot(database, slot, &keyspace->garbage);
    keyspace->dirty += count;
    tell_flushed(keyspace, access, db, (int32_t)slot);
    return count;
}

void keyspace_swap(struct keyspace *keyspace, const struct access *access, uint32_t first,
                   uint32_t second)
{
    if (first == second) return;
    struct reach reach = {
        .first = keyspace, .second = keyspace, .first_db = first, .second_db = second, .slot = -1
    };
    watches_touch_if(&keyspace->watches, first, is_in_reach, &reach);
    watches_touch_if(&keyspace->watches, second, is_in_reach, &reach);
    keyspace->moves++;
    struct database database = *keyspace_database(keyspace, first);
    *keyspace_database(keyspace, first) = *keyspace_database(keyspace, second);
    *keyspace_database(keyspace, second) = database;
    keyspace->dirty++;
    tell_flushed(keyspace, access, first, -1);
    tell_flushed(keyspace, access, second, -1);
}

void keyspace_adopt(struct keyspace *keyspace, const struct access *access, struct keyspace *other)
{
    ensure(keyspace->is_clustered == other->is_clustered);
    ensure(keyspace->database_count == other->database_count);
    ensure(memcmp(&keyspace->rules.hash_key, &other->rules.hash_key, sizeof(struct hash_key)) == 0);
    keyspace->moves++;
    for (uint32_t db = 0; db < keyspace->database_count; db++) {
        struct reach reach = {
            .first = keyspace, .second = other, .first_db = db, .second_db = db, .slot = -1
        };
        watches_touch_if(&keyspace->watches, db, is_in_reach, &reach);
        database_drop_all(keyspace_database(keyspace, db), &keyspace->garbage);
        *keyspace_database(keyspace, db) = *keyspace_database(other, db);
        *keyspace_database(other, db) = (struct database){ 0 };
        tell_flushed(keyspace, access, db, -1);
    }
    keyspace->garbage = garbage_join(keyspace->garbage, keyspace_garbage_take(other));
    keyspace_destroy(other);
}
