/* Watches: an index from database and key to those who watch it. */
#include "keyspace/watch.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "keyspace/internal.h"

struct watched_key {
    struct watches *watches; /* the index that it stands in; NULL once that is gone */
    struct list list;        /* of struct watch */
    uint32_t db;
    uint64_t hash;
    size_t key_size;
    char key[];
};

struct watch {
    struct list_link in_key;
    struct list_link in_watcher;
    struct watched_key *key;
    struct watcher *watcher;
    bool existed; /* when the watch was set: only then its expiry is a change */
};

static struct bytes key_of(const void *entry)
{
    const struct watched_key *watched = entry;
    return bytes_of(watched->key, watched->key_size);
}

void watches_init(struct watches *watches, uint32_t database_count, const struct hash_key *hash_key)
{
    *watches = (struct watches){
        .tables = memory_alloc_zero(database_count * sizeof(struct table *)),
        .database_count = database_count,
        .rules = { .key_of = key_of, .hash_key = *hash_key },
    };
}

static void watched_key_abandon(void *context, void *entry)
{
    (void)context;
    struct watched_key *watched = entry;
    watched->watches = NULL;
}

void watches_fini(struct watches *watches)
{
    /* Sessions may end later than the keyspace: their watches keep the keys they stand in. */
    for (uint32_t db = 0; db < watches->database_count; db++)
        table_destroy(watches->tables[db], watched_key_abandon, NULL);
    memory_free(watches->tables);
}

static struct table_cell *cell_find(const struct watches *watches, const struct key *key)
{
    return table_find(watches->tables[key->db], &watches->rules, key->hash, key->bytes);
}

static struct watched_key *watched_key_ask(struct watches *watches, const struct key *key)
{
    struct table_cell *cell = cell_find(watches, key);
    if (cell != NULL) return table_cell_entry(cell);

    size_t size = sizeof(struct watched_key) + key->bytes.size;
    struct watched_key *watched = memory_alloc_zero(size);
    watched->watches = watches;
    watched->db = key->db;
    watched->hash = key->hash;
    watched->key_size = key->bytes.size;
    if (key->bytes.size > 0) memcpy(watched->key, key->bytes.data, key->bytes.size);
    list_init(&watched->list);
    table_insert(&watches->tables[key->db], &watches->rules, key->hash, watched);
    watches->count++;
    return watched;
}

/* Nobody watches the key any more. */
static void watched_key_destroy(struct watched_key *watched)
{
    struct watches *watches = watched->watches;
    if (watches != NULL) {
        struct table **table = &watches->tables[watched->db];
        struct table_cell *cell =
            table_find(*table, &watches->rules, watched->hash, key_of(watched));
        table_remove(table, &watches->rules, watched->hash, cell);
        watches->count--;
    }
    memory_free_sized(watched, sizeof(*watched) + watched->key_size);
}

void watches_add(struct watches *watches, struct watcher *watcher, const struct key *key,
                 bool exists)
{
    struct watched_key *watched = watched_key_ask(watches, key);
    LIST_EACH(&watched->list, struct watch, other, in_key)
    if (other->watcher == watcher) return;

    struct watch *watch = memory_alloc_zero(sizeof(*watch));
    *watch = (struct watch){ .key = watched, .watcher = watcher, .existed = exists };
    list_append(&watched->list, &watch->in_key);
    list_append(&watcher->watches, &watch->in_watcher);
}

static void watched_key_touch(struct watched_key *watched, bool by_expiry)
{
    LIST_EACH(&watched->list, struct watch, watch, in_key)
    if (watch->existed || !by_expiry) watch->watcher->is_dirty = true;
}

void watches_touch(struct watches *watches, const struct key *key, bool by_expiry)
{
    if (watches->count == 0) return;
    struct table_cell *cell = cell_find(watches, key);
    if (cell != NULL) watched_key_touch(table_cell_entry(cell), by_expiry);
}

void watches_touch_if(struct watches *watches, uint32_t db,
                      bool (*exists)(const void *context, struct bytes key), const void *context)
{
    struct table_walk walk = { 0 };
    struct table_cell *cell;
    while ((cell = table_walk_next(watches->tables[db], &walk)) != NULL) {
        struct watched_key *watched = table_cell_entry(cell);
        if (exists(context, key_of(watched))) watched_key_touch(watched, false);
    }
}

void watcher_init(struct watcher *watcher)
{
    list_init(&watcher->watches);
    watcher->is_dirty = false;
}

void watcher_clear(struct watcher *watcher)
{
    LIST_EACH(&watcher->watches, struct watch, watch, in_watcher)
    {
        list_remove(&watch->in_key);
        list_remove(&watch->in_watcher);
        if (list_is_empty(&watch->key->list)) watched_key_destroy(watch->key);
        memory_free_sized(watch, sizeof(*watch));
    }
    watcher->is_dirty = false;
}

bool watcher_has_watches(const struct watcher *watcher)
{
    return !list_is_empty(&watcher->watches);
}

bool watcher_any(const struct watcher *watcher,
                 bool (*is_gone)(void *context, uint32_t db, struct bytes key), void *context)
{
    LIST_EACH(&watcher->watches, struct watch, watch, in_watcher)
    if (watch->existed && is_gone(context, watch->key->db, key_of(watch->key))) return true;
    return false;
}
