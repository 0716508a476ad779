/* The index of those who wait. The keyspace tells what happens to the keys in here and to no
 * others, so that the writes of everybody else cost what they always cost. */
#include "engine/waiters.h"
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/blocking.h"
#include "engine/internal.h"

static struct bytes name_of(const void *entry)
{
    const struct awaited_key *key = entry;
    return bytes_of(key->name, key->name_size);
}

void waiting_init(struct waiting *waiting, struct hash_key hash_key)
{
    list_init(&waiting->ready);
    list_init(&waiting->waiters);
    waiting->rules = (struct table_rules){ name_of, hash_key };
}

void waiting_fini(struct waiting *waiting)
{
    ensure(list_is_empty(&waiting->waiters));
    ensure(waiting->keys == NULL);
    buffer_fini(&waiting->name);
}

static uint32_t kinds_of(const struct waiting *waiting)
{
    uint32_t kinds = 1u << CHANGE_NEW | 1u << CHANGE_OVERWRITTEN | 1u << CHANGE_FLUSHED;
    if (list_is_empty(&waiting->waiters)) return 0;
    if (waiting->editing_count > 0) kinds |= 1u << CHANGE_MODIFIED;
    if (waiting->gone_key_count > 0) kinds |= 1u << CHANGE_DELETED;
    return kinds;
}

void waiting_tell_kinds(const struct waiting *waiting, struct keyspace *keyspace)
{
    keyspace_tell_awaited(keyspace, kinds_of(waiting), waiting->awaited);
}

/* --- awaited keys ------------------------------------------------------------------------ */

static struct table_cell *find_cell(struct waiting *waiting, uint32_t db, struct bytes key,
                                    uint64_t *hash)
{
    buffer_clear(&waiting->name);
    buffer_append(&waiting->name, bytes_of(&db, AWAITED_DB_SIZE));
    buffer_append(&waiting->name, key);
    struct bytes name = buffer_bytes(&waiting->name);
    *hash = hash_bytes(&waiting->rules.hash_key, name);
    return table_find(waiting->keys, &waiting->rules, *hash, name);
}

static struct awaited_key *need_key(struct waiting *waiting, const struct key *key)
{
    uint64_t hash;
    struct table_cell *cell = find_cell(waiting, key->db, key->bytes, &hash);
    if (cell != NULL) return table_cell_entry(cell);
    struct bytes name = buffer_bytes(&waiting->name);
    struct awaited_key *awaited = memory_alloc_zero(sizeof(*awaited) + name.size);
    list_init(&awaited->waits);
    list_link_init(&awaited->ready_link);
    awaited->hash = hash;
    awaited->place = keyspace_await_place(key);
    awaited->name_size = name.size;
    memcpy(awaited->name, name.data, name.size);
    table_insert(&waiting->keys, &waiting->rules, hash, awaited);
    ensure(waiting->awaited[awaited->place] < UINT16_MAX);
    waiting->awaited[awaited->place]++;
    waiting->key_count++;
    return awaited;
}

void awaited_key_drop(struct waiting *waiting, struct awaited_key *key)
{
    ensure(list_is_empty(&key->waits));
    struct table_cell *cell = table_find(waiting->keys, &waiting->rules, key->hash, name_of(key));
    table_remove(&waiting->keys, &waiting->rules, key->hash, cell);
    waiting->awaited[key->place]--;
    waiting->key_count--;
    list_remove(&key->ready_link);
    waiting->is_ready = !list_is_empty(&waiting->ready);
    memory_free_sized(key, sizeof(*key) + key->name_size);
}

static void make_ready(struct waiting *waiting, struct awaited_key *key)
{
    if (list_link_is_in(&key->ready_link)) return;
    list_append(&waiting->ready, &key->ready_link);
    waiting->is_ready = true;
}

static uint32_t db_of(const struct awaited_key *key)
{
    uint32_t db;
    memcpy(&db, key->name, AWAITED_DB_SIZE);
    return db;
}

/* All that are waited for in this database; -1: in any. */
static void make_all_ready(struct waiting *waiting, int64_t db)
{
    struct table_walk walk = { 0 };
    struct table_cell *cell;
    while ((cell = table_walk_next(waiting->keys, &walk)) != NULL) {
        struct awaited_key *key = table_cell_entry(cell);
        if (db < 0 || db_of(key) == db) make_ready(waiting, key);
    }
}

void waiting_all_ready(struct waiting *waiting)
{
    make_all_ready(waiting, -1);
}

void waiting_of_changes(struct engine *engine)
{
    struct waiting *waiting = &engine->waiting;
    const struct changes *changes = &engine->changes;
    if (waiting->keys == NULL) return;
    for (; engine->changes_awaited < changes->count; engine->changes_awaited++) {
        const struct change *change = &changes->items[engine->changes_awaited];
        if (change->kind == CHANGE_FLUSHED) {
            make_all_ready(waiting, change->db);
            continue;
        }
        uint64_t hash;
        struct table_cell *cell =
            find_cell(waiting, change->db, changes_key(changes, change), &hash);
        if (cell != NULL) make_ready(waiting, table_cell_entry(cell));
    }
}

struct key awaited_key_place(const struct awaited_key *key, const struct keyspace *keyspace)
{
    struct bytes bytes = bytes_of(key->name + AWAITED_DB_SIZE, key->name_size - AWAITED_DB_SIZE);
    return keyspace_key(keyspace, db_of(key), bytes);
}

/* --- who waits --------------------------------------------------------------------------- */

bool session_waits(const struct session *session)
{
    const struct waiter *waiter = session->blocked.waiter;
    return waiter != NULL && waiter->is_waiting;
}

/* With its arguments, and room for the waits. */
static struct waiter *waiter_alloc(const struct call *call, const struct block_wish *wish)
{
    const struct bytes *argv = wish->argv != NULL ? wish->argv : call->argv;
    size_t argv_at = sizeof(struct waiter) + wish->key_count * sizeof(struct key_wait);
    size_t text_at = argv_at + call->argc * sizeof(*argv);
    size_t size = text_at;
    for (uint32_t i = 0; i < call->argc; i++) size += argv[i].size;

    struct waiter *waiter = memory_alloc(size);
    *waiter = (struct waiter){
        .session = call->session,
        .entry = call->entry,
        .memory = size,
        .argv = (struct bytes *)((char *)waiter + argv_at),
        .argc = call->argc,
        .slot = call->slot,
        .type = (uint8_t)wish->type,
        .wakes_when_gone = wish->wakes_when_gone,
        .is_waiting = true,
    };
    char *text = (char *)waiter + text_at;
    for (uint32_t i = 0; i < call->argc; i++) {
        if (argv[i].size > 0) memcpy(text, argv[i].data, argv[i].size);
        waiter->argv[i] = bytes_of(text, argv[i].size);
        text += argv[i].size;
    }
    return waiter;
}

static void wait_for_key(struct waiting *waiting, struct waiter *waiter, const struct key *key)
{
    struct awaited_key *awaited = need_key(waiting, key);
    if (!list_is_empty(&awaited->waits)) {
        struct list_link *last = awaited->waits.head.previous;
        if (CONTAINER_OF(last, struct key_wait, link)->waiter == waiter) return;
    }
    struct key_wait *wait = &waiter->waits[waiter->wait_count++];
    wait->key = awaited;
    wait->waiter = waiter;
    list_append(&awaited->waits, &wait->link);
    if (waiter->wakes_when_gone && awaited->gone_count++ == 0) waiting->gone_key_count++;
}

struct waiter *waiter_create(struct waiting *waiting, const struct call *call,
                             const struct block_wish *wish)
{
    struct waiter *waiter = waiter_alloc(call, wish);
    list_append(&waiting->waiters, &waiter->link);
    if (waiter->type == VALUE_STREAM) waiting->editing_count++;
    for (uint32_t i = 0; i < wish->key_count; i++) {
        struct key key = keyspace_key(call->keyspace, (uint32_t)call->session->db,
                                      call->argv[wish->key_first + i]);
        wait_for_key(waiting, waiter, &key);
    }
    return waiter;
}

void waiter_destroy(struct waiting *waiting, struct waiter *waiter)
{
    for (uint32_t i = 0; i < waiter->wait_count; i++) {
        struct awaited_key *key = waiter->waits[i].key;
        list_remove(&waiter->waits[i].link);
        if (waiter->wakes_when_gone && --key->gone_count == 0) waiting->gone_key_count--;
        if (list_is_empty(&key->waits) && !key->is_served) awaited_key_drop(waiting, key);
    }
    if (waiter->type == VALUE_STREAM) waiting->editing_count--;
    list_remove(&waiter->link);
    memory_free_sized(waiter, waiter->memory);
}
