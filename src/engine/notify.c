/* Notifications: one event is at most two messages, published at once. */
#include "engine/notify.h"
#include "base/number.h"
#include "engine/internal.h"

/* What the keyspace tells that is an event of its own. */
static const struct {
    uint32_t class;
    const char *event;
} told[] = {
    [CHANGE_NEW] = { NOTIFY_NEW, "new" },
    [CHANGE_EXPIRED] = { NOTIFY_EXPIRED, "expired" },
    [CHANGE_EVICTED] = { NOTIFY_EVICTED, "evicted" },
    [CHANGE_FIELDS] = { NOTIFY_HASH, "hexpired" },
    [CHANGE_EMPTIED] = { NOTIFY_GENERIC, "del" },
    [CHANGE_MISSED] = { NOTIFY_MISSED, "keymiss" },
};

static uint32_t notify_kinds(const struct engine *engine)
{
    uint32_t kinds = 0;
    for (size_t i = 0; i < COUNT_OF(told); i++)
        if (engine->notified & told[i].class) kinds |= 1u << i;
    /* Who caches wants to know of whatever happens to a key. */
    if (engine->tracking.client_count > 0) kinds |= ~(1u << CHANGE_MISSED);
    return kinds;
}

void engine_tell_kinds(struct engine *engine)
{
    keyspace_tell_changes(engine->keyspace, notify_kinds(engine));
}

void engine_notify(struct engine *engine, uint32_t classes)
{
    bool is_published = classes & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT);
    engine->notified = is_published ? classes : 0;
    engine_tell_kinds(engine);
}

static void publish(struct engine *engine, const char *space, int32_t db, struct bytes name,
                    struct bytes payload)
{
    struct buffer *channel = &engine->notify_channel;
    char number[NUMBER_TEXT_MAX];
    buffer_clear(channel);
    buffer_append_text(channel, space);
    buffer_append(channel, bytes_of(number, number_print(db, number)));
    buffer_append_text(channel, "__:");
    buffer_append(channel, name);
    engine_publish(engine, false, buffer_bytes(channel), payload);
}

static void tell(struct engine *engine, uint32_t class, const char *event, int32_t db,
                 struct bytes key)
{
    if (!(engine->notified & class) || !pubsub_has_listeners(&engine->pubsub)) return;
    struct bytes name = bytes_text(event);
    if (engine->notified & NOTIFY_KEYSPACE) publish(engine, "__keyspace@", db, key, name);
    if (engine->notified & NOTIFY_KEYEVENT) publish(engine, "__keyevent@", db, name, key);
}

void notify_of_changes(struct engine *engine)
{
    struct changes *changes = &engine->changes;
    for (; engine->changes_notified < changes->count; engine->changes_notified++) {
        const struct change *change = &changes->items[engine->changes_notified];
        if ((size_t)change->kind >= COUNT_OF(told) || told[change->kind].event == NULL) continue;
        tell(engine, told[change->kind].class, told[change->kind].event, (int32_t)change->db,
             changes_key(changes, change));
    }
}

bool engine_notifies(const struct engine *engine)
{
    return engine->notified != 0;
}

void engine_notify_dropped(struct engine *engine, uint32_t db, struct bytes key)
{
    tell(engine, NOTIFY_GENERIC, "del", (int32_t)db, key);
}

void notify_event(struct call *call, uint32_t class, const char *event, const struct key *key)
{
    notify_of_changes(call->engine); /* they happened before */
    tell(call->engine, class, event, (int32_t)key->db, key->bytes);
}
