/* The expiry cycle: finds what is due through the index and deletes it. */
#include "base/ensure.h"
#include "keyspace/internal.h"

/* More than a group of four buckets ever holds, nearly always. */
#define FOUND_MAX 64

/* What a look at one group of buckets finds. */
struct look {
    time_ms wall_ms;
    struct entry *found[FOUND_MAX]; /* due */
    size_t count;
    time_ms next_ms; /* the earliest of those that are not, or could not be taken along */
};

static void look_at(void *context, const struct table_cell *cell)
{
    struct look *look = context;
    if (!table_cell_is_marked(cell)) return; /* has no expiry: the entry is not even read */
    struct entry *entry = table_cell_entry(cell);
    if (entry_is_expired(entry, look->wall_ms) && look->count < FOUND_MAX)
        look->found[look->count++] = entry;
    else
        look->next_ms = MIN(look->next_ms, entry_expiry_inline(entry));
}

static void prefetch_entry(void *context, const struct table_cell *cell)
{
    (void)context;
    if (table_cell_is_marked(cell)) __builtin_prefetch(table_cell_entry(cell));
}

/* Deletes what is due in one group of buckets, and corrects the group's time. */
static size_t expire_group(struct keyspace *keyspace, const struct access *access, uint32_t db,
                           struct due_place place)
{
    struct database *database = keyspace_database(keyspace, db);
    ensure(database_table(database, place.slot) != NULL);
    database_visit_due(database, place, prefetch_entry, NULL);
    struct look look = { .wall_ms = access->wall_ms, .next_ms = TIME_NEVER };
    database_visit_due(database, place, look_at, &look);
    database_set_due(database, place, look.next_ms);
    /* Deleting may merge buckets and so change the groups; the entries stay where they are. */
    for (size_t i = 0; i < look.count; i++) {
        struct key key = gate_key_of_entry(keyspace, db, place.slot, look.found[i]);
        struct access at = *access;
        at.ignores_expiry = true;
        bool existed = keyspace_delete_as(keyspace, &at, &key, CHANGE_EXPIRED);
        ensure(existed);
    }
    return look.count;
}

/* ---- fields ---- */

void keyspace_items_changed(struct keyspace *keyspace, const struct key *key, struct entry *entry)
{
    database_items_changed(keyspace_database(keyspace, key->db), key, entry);
}

struct owner {
    const struct hash *hash;
    struct entry *entry;
};

static void look_for_owner(void *context, const struct table_cell *cell)
{
    struct owner *owner = context;
    struct entry *entry = table_cell_entry(cell);
    if (entry_has_items(entry) && entry_value(entry) == owner->hash) owner->entry = entry;
}

/* The key under which the hash stands. */
static struct entry *owner_of(const struct database *database, uint32_t slot, struct hash *hash)
{
    const struct table *table = database_table(database, slot);
    struct owner owner = { .hash = hash };
    size_t bucket = table_bucket_of(table, hash_timer(hash)->key_hash);
    table_visit_bucket(table, bucket, look_for_owner, &owner);
    ensure(owner.entry != NULL);
    return owner.entry;
}

struct ending {
    struct keyspace *keyspace;
    const struct access *access;
    struct key key;
    size_t count; /* fields so far */
};

static void tell_field(void *context, struct bytes field)
{
    struct ending *ending = context;
    const struct access *access = ending->access;
    const struct key *key = &ending->key;
    if (ending->count++ == 0) gate_tell(ending->keyspace, access, key, CHANGE_FIELDS);
    if (access->changes != NULL)
        changes_append(access->changes, CHANGE_FIELD, key->db, (int32_t)key->slot, field);
}

/* Takes fields that are due out of a hash, and the key away when it has no others. */
static size_t expire_fields(struct keyspace *keyspace, const struct access *access,
                            const struct key *key, struct entry *entry, size_t count_max)
{
    struct hash *hash = entry_value(entry);
    struct ending ending = { .keyspace = keyspace, .access = access, .key = *key };
    hash_expire(hash, access->wall_ms, count_max, tell_field, &ending);
    keyspace->stats.expired_fields += ending.count;
    if (hash_count(hash) > 0) {
        database_items_changed(keyspace_database(keyspace, key->db), key, entry);
        return ending.count;
    }
    struct access at = *access;
    at.ignores_expiry = true;
    bool existed = keyspace_delete_as(keyspace, &at, key, CHANGE_EMPTIED);
    ensure(existed);
    return ending.count;
}

/* What a writer takes out before it writes; were it more, the cycle does it. */
#define EXPIRED_BY_WRITER_MAX 1000

struct entry *keyspace_expire_fields(struct keyspace *keyspace, const struct access *access,
                                     const struct key *key, struct entry *entry)
{
    if (!access->may_expire || access->ignores_expiry || !entry_has_items(entry)) return entry;
    if (hash_due_ms(entry_value(entry)) >= access->wall_ms) return entry;
    expire_fields(keyspace, access, key, entry, EXPIRED_BY_WRITER_MAX);
    struct table_cell *cell = gate_cell(keyspace, key);
    return cell == NULL ? NULL : table_cell_entry(cell);
}

static size_t expire_items(struct keyspace *keyspace, const struct access *access, uint32_t db,
                           size_t count_max)
{
    const struct database *database = keyspace_database(keyspace, db);
    size_t work = 0;
    struct hash *hash;
    uint32_t slot;
    while (work < count_max &&
           (hash = items_find_due(database->items, access->wall_ms - 1, &slot)) != NULL) {
        struct entry *entry = owner_of(database, slot, hash);
        struct key key = gate_key_of_entry(keyspace, db, slot, entry);
        size_t here = expire_fields(keyspace, access, &key, entry, count_max - work);
        work += MAX(here, (size_t)1);
    }
    return work;
}

/* ---- the cycle ---- */

size_t keyspace_expire_due(struct keyspace *keyspace, const struct access *access, size_t count_max)
{
    ensure(access->may_expire);
    size_t expired = 0;
    size_t work = 0; /* a look at a group counts, too: its time may have been too early */
    for (uint32_t db = 0; db < keyspace->database_count; db++) {
        const struct database *database = keyspace_database(keyspace, db);
        struct due_place place;
        while (work < count_max && database_find_due(database, access->wall_ms - 1, &place)) {
            size_t here = expire_group(keyspace, access, db, place);
            expired += here;
            work += MAX(here, (size_t)1);
        }
        size_t fields = work < count_max ? expire_items(keyspace, access, db, count_max - work) : 0;
        expired += fields;
        work += fields;
    }
    return expired;
}

time_ms keyspace_next_expiry_ms(const struct keyspace *keyspace)
{
    time_ms next_ms = TIME_NEVER;
    for (uint32_t db = 0; db < keyspace->database_count; db++)
        next_ms = MIN(next_ms, MIN(database_due_ms(keyspace_database(keyspace, db)),
                                   items_due_ms(keyspace_database(keyspace, db)->items)));
    return next_ms == TIME_NEVER ? TIME_NEVER
                                 : next_ms + 1; /* what ends lives through its last ms */
}
