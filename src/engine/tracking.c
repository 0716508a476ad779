/* The table of keys that clients may hold copies of.
 *
 * For each key it keeps the ids of those who read it, in order. A key that changes is forgotten
 * with its readers, since they have been told; whoever reads it again is remembered again. Ids are
 * never used twice, so those of clients that went away may stay until then. */
#include "engine/tracking.h"
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"

#define EVICTED_A_TURN 1000 /* keys over the limit that one turn forgets */

struct tracked_key {
    uint64_t *ids; /* `only`, or owned */
    uint64_t only;
    uint32_t count;
    uint32_t capacity;
    size_t key_size;
    char key[];
};

static struct bytes key_of(const void *entry)
{
    const struct tracked_key *tracked = entry;
    return bytes_of(tracked->key, tracked->key_size);
}

void tracking_init(struct tracking *tracking, struct hash_key hash_key)
{
    *tracking = (struct tracking){ .key_rules = { key_of, hash_key } };
    tracking->prefix_rules.hash_key = hash_key; /* its key_of is broadcast.c's */
    list_init(&tracking->clients);
    list_init(&tracking->due);
}

static void tracked_free(void *context, void *entry)
{
    (void)context;
    struct tracked_key *tracked = entry;
    if (tracked->ids != &tracked->only) memory_free(tracked->ids);
    memory_free(tracked);
}

static void forget_keys(struct tracking *tracking)
{
    table_destroy(tracking->keys, tracked_free, NULL);
    tracking->keys = NULL;
    tracking->item_count = 0;
}

void tracking_fini(struct tracking *tracking)
{
    ensure(tracking->client_count == 0); /* the sessions went before */
    forget_keys(tracking);
    broadcast_fini(tracking);
}

/* --- telling ----------------------------------------------------------------------------- */

static void tell_readers(struct engine *engine, const struct tracked_key *tracked)
{
    struct bytes key = key_of(tracked);
    for (uint32_t i = 0; i < tracked->count; i++) {
        struct session *session = engine_session_find(engine, tracked->ids[i]);
        if (session == NULL || !(session->flags & SESSION_TRACKING)) continue;
        if (session->flags & SESSION_BROADCAST) continue; /* it read the key before it was so */
        if (session->flags & SESSION_NO_LOOP && session == engine->running) continue;
        tracking_send(engine, session, &key, 1);
    }
}

/* --- remembering ------------------------------------------------------------------------- */

static uint64_t hash_of(const struct tracking *tracking, struct bytes key)
{
    return hash_bytes(&tracking->key_rules.hash_key, key);
}

static struct tracked_key *tracked_need(struct tracking *tracking, struct bytes key)
{
    uint64_t hash = hash_of(tracking, key);
    struct table_cell *cell = table_find(tracking->keys, &tracking->key_rules, hash, key);
    if (cell != NULL) return table_cell_entry(cell);
    struct tracked_key *tracked = memory_alloc(sizeof(*tracked) + key.size);
    *tracked = (struct tracked_key){ .key_size = key.size, .capacity = 1 };
    tracked->ids = &tracked->only;
    if (key.size > 0) memcpy(tracked->key, key.data, key.size);
    table_insert(&tracking->keys, &tracking->key_rules, hash, tracked);
    return tracked;
}

/* Where the id stands, or where it belongs. */
static uint32_t place_of(const struct tracked_key *tracked, uint64_t id)
{
    uint32_t first = 0, end = tracked->count;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (tracked->ids[middle] < id)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static void tracked_grow(struct tracked_key *tracked)
{
    tracked->capacity *= 2;
    size_t size = tracked->capacity * sizeof(*tracked->ids);
    if (tracked->ids != &tracked->only) {
        tracked->ids = memory_realloc(tracked->ids, size);
        return;
    }
    tracked->ids = memory_alloc(size);
    tracked->ids[0] = tracked->only;
}

static void remember(struct tracking *tracking, struct bytes key, uint64_t id)
{
    struct tracked_key *tracked = tracked_need(tracking, key);
    uint32_t place = place_of(tracked, id);
    if (place < tracked->count && tracked->ids[place] == id) return;
    if (tracked->count == tracked->capacity) tracked_grow(tracked);
    memmove(tracked->ids + place + 1, tracked->ids + place,
            (tracked->count - place) * sizeof(*tracked->ids));
    tracked->ids[place] = id;
    tracked->count++;
    tracking->item_count++;
}

void tracking_remember(struct engine *engine, struct session *session, const struct call *call)
{
    const struct command_entry *entry = call->entry;
    uint32_t flags = session->flags;
    /* A script is no reader: what it calls is. */
    if (!(entry->flags & CMD_READ) || entry->flags & CMD_SKIP_MONITOR) return;
    if (entry->key_shape == KEYS_ABSENT || flags & SESSION_BROADCAST) return;
    if (flags & SESSION_OPT_IN && !(flags & SESSION_CACHING)) return;
    if (flags & SESSION_OPT_OUT && flags & SESSION_CACHING) return;
    if (!keys_find(entry, call->argv, call->argc, &engine->places)) return;
    for (uint32_t i = 0; i < engine->places.count; i++) {
        const struct key_place *place = &engine->places.items[i];
        if (place->flags & KEY_IS_CHANNEL) continue;
        remember(&engine->tracking, call->argv[place->index], session->id);
    }
}

/* --- changes ----------------------------------------------------------------------------- */

static void forget_key(struct engine *engine, struct bytes key)
{
    struct tracking *tracking = &engine->tracking;
    uint64_t hash = hash_of(tracking, key);
    struct table_cell *cell = table_find(tracking->keys, &tracking->key_rules, hash, key);
    if (cell == NULL) return;
    struct tracked_key *tracked = table_cell_entry(cell);
    table_remove(&tracking->keys, &tracking->key_rules, hash, cell);
    tracking->item_count -= tracked->count;
    tell_readers(engine, tracked);
    tracked_free(NULL, tracked);
}

void tracking_flush(struct engine *engine)
{
    struct tracking *tracking = &engine->tracking;
    LIST_EACH(&tracking->clients, struct tracking_client, client, link)
    tracking_send(engine, client->session, NULL, 0);
    forget_keys(tracking);
}

/* One flush of all databases is told as one change for each of them. */
static bool goes_on(const struct engine *engine, const struct change *change)
{
    const struct change *before = change - 1;
    return change > engine->changes.items && before->kind == CHANGE_FLUSHED &&
           before->slot == change->slot && before->db + 1 == change->db;
}

static void take_key(struct engine *engine, struct bytes key)
{
    if (engine->tracking.length_count > 0) broadcast_key(engine, key);
    if (engine->tracking.keys != NULL) forget_key(engine, key);
}

static void take_change(struct engine *engine, const struct change *change)
{
    if (change->kind == CHANGE_MISSED || change->kind == CHANGE_FIELD) return;
    if (change->kind != CHANGE_FLUSHED)
        take_key(engine, changes_key(&engine->changes, change));
    else if (change->slot < 0 && !goes_on(engine, change))
        tracking_flush(engine);
}

void tracking_of_changes(struct engine *engine)
{
    if (engine->tracking.client_count == 0 && engine->tracking.keys == NULL) return;
    for (; engine->changes_tracked < engine->changes.count; engine->changes_tracked++)
        take_change(engine, &engine->changes.items[engine->changes_tracked]);
}

/* --- the end of a turn ------------------------------------------------------------------- */

static void evict(struct engine *engine)
{
    struct tracking *tracking = &engine->tracking;
    size_t limit = engine->settings.tracked_keys_max;
    if (limit == 0) return;
    for (int i = 0; i < EVICTED_A_TURN && table_count(tracking->keys) > limit; i++) {
        struct table_cell *cell = table_random(tracking->keys, &engine->prng);
        forget_key(engine, key_of(table_cell_entry(cell)));
    }
}

void tracking_settle(struct engine *engine)
{
    struct tracking *tracking = &engine->tracking;
    if (!list_is_empty(&tracking->due)) broadcast_send(engine);
    if (tracking->keys != NULL) evict(engine);
}

void engine_settle(struct engine *engine)
{
    tracking_settle(engine);
}

void engine_key_dropped(struct engine *engine, struct bytes key)
{
    take_key(engine, key);
}

bool engine_tracks_keys(const struct engine *engine)
{
    return engine->tracking.client_count > 0;
}

void engine_keys_replaced(struct engine *engine)
{
    tracking_flush(engine);
    waiting_all_ready(&engine->waiting);
}

/* --- clients ----------------------------------------------------------------------------- */

void tracking_start(struct engine *engine, struct session *session,
                    const struct tracking_mode *mode)
{
    struct tracking *tracking = &engine->tracking;
    if (session->tracking == NULL) {
        session->tracking = memory_alloc(sizeof(*session->tracking));
        *session->tracking = (struct tracking_client){ .session = session };
        list_init(&session->tracking->prefixes);
        list_append(&tracking->clients, &session->tracking->link);
        tracking->client_count++;
        engine_tell_kinds(engine);
    }
    session->flags &= ~(uint32_t)(SESSION_TRACKING_MODES | SESSION_BROKEN_REDIRECT);
    session->flags |= mode->flags | SESSION_TRACKING;
    session->tracking->redirect = mode->redirect;
    if (!(mode->flags & SESSION_BROADCAST)) return;
    if (mode->prefix_count == 0) broadcast_join(engine, session, BYTES_EMPTY);
    for (uint32_t i = 0; i < mode->prefix_count; i++)
        broadcast_join(engine, session, mode->prefixes[i]);
}

void tracking_stop(struct engine *engine, struct session *session)
{
    if (session->tracking == NULL) return;
    broadcast_leave_all(engine, session);
    list_remove(&session->tracking->link);
    memory_free(session->tracking);
    session->tracking = NULL;
    session->flags &= ~(uint32_t)(SESSION_TRACKING | SESSION_TRACKING_MODES |
                                  SESSION_BROKEN_REDIRECT | SESSION_CACHING);
    if (--engine->tracking.client_count == 0) engine_tell_kinds(engine);
}
