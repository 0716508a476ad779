/* Channels and who listens to them, and how a message gets there; the rows are in pubsub.c.
 *
 * Subscriptions are found by session and name together, so that subscribing costs the same
 * however many others listen to the channel and however many channels the session has. */
#include "base/ensure.h"
#include "base/glob.h"
#include "base/memory.h"
#include "engine/internal.h"

/* --- tables ------------------------------------------------------------------------------ */

static struct bytes channel_key_of(const void *entry)
{
    return channel_name(entry);
}

static struct bytes subscription_key_of(const void *entry)
{
    const struct subscription *subscription = entry;
    return bytes_of(subscription->key, subscription->key_size);
}

void pubsub_init(struct pubsub *pubsub, struct hash_key hash_key)
{
    *pubsub = (struct pubsub){ 0 };
    pubsub->channel_rules = (struct table_rules){ channel_key_of, hash_key };
    pubsub->subscription_rules = (struct table_rules){ subscription_key_of, hash_key };
    for (size_t i = 0; i < PUBSUB_KIND_COUNT; i++) list_init(&pubsub->spaces[i].order);
}

void pubsub_fini(struct pubsub *pubsub)
{
    for (size_t i = 0; i < PUBSUB_KIND_COUNT; i++) {
        ensure(pubsub->spaces[i].count == 0); /* the sessions took theirs along */
        table_destroy(pubsub->spaces[i].channels, NULL, NULL);
        table_destroy(pubsub->spaces[i].subscriptions, NULL, NULL);
    }
    memory_free(pubsub->publications);
    buffer_fini(&pubsub->publication_bytes);
}

struct channel *pubsub_channel_find(const struct pubsub *pubsub, enum pubsub_kind kind,
                                    struct bytes name)
{
    const struct table_rules *rules = &pubsub->channel_rules;
    struct table_cell *cell =
        table_find(pubsub->spaces[kind].channels, rules, hash_bytes(&rules->hash_key, name), name);
    return cell == NULL ? NULL : table_cell_entry(cell);
}

static struct channel *channel_need(struct pubsub *pubsub, enum pubsub_kind kind, struct bytes name)
{
    struct channel *channel = pubsub_channel_find(pubsub, kind, name);
    if (channel != NULL) return channel;
    channel = memory_alloc(sizeof(*channel) + name.size);
    *channel = (struct channel){ .name_size = name.size };
    if (name.size > 0) memcpy(channel->name, name.data, name.size);
    list_init(&channel->subscribers);
    list_append(&pubsub->spaces[kind].order, &channel->order);
    pubsub->spaces[kind].count++;
    table_insert(&pubsub->spaces[kind].channels, &pubsub->channel_rules,
                 hash_bytes(&pubsub->channel_rules.hash_key, name), channel);
    return channel;
}

static void channel_drop(struct pubsub *pubsub, enum pubsub_kind kind, struct channel *channel)
{
    struct pubsub_space *space = &pubsub->spaces[kind];
    uint64_t hash = hash_bytes(&pubsub->channel_rules.hash_key, channel_name(channel));
    struct table_cell *cell =
        table_find(space->channels, &pubsub->channel_rules, hash, channel_name(channel));
    ensure(cell != NULL);
    table_remove(&space->channels, &pubsub->channel_rules, hash, cell);
    list_remove(&channel->order);
    space->count--;
    memory_free(channel);
}

static void subscription_key(struct buffer *key, const struct session *session, struct bytes name)
{
    buffer_append(key, bytes_of(&session->id, sizeof(session->id)));
    buffer_append(key, name);
}

struct subscription *pubsub_find(const struct pubsub *pubsub, enum pubsub_kind kind,
                                 const struct session *session, struct bytes name)
{
    struct buffer key = { 0 };
    subscription_key(&key, session, name);
    const struct table_rules *rules = &pubsub->subscription_rules;
    struct table_cell *cell =
        table_find(pubsub->spaces[kind].subscriptions, rules,
                   hash_bytes(&rules->hash_key, buffer_bytes(&key)), buffer_bytes(&key));
    buffer_fini(&key);
    return cell == NULL ? NULL : table_cell_entry(cell);
}

/* --- subscribing ------------------------------------------------------------------------- */

uint32_t *pubsub_count_of(struct session *session, enum pubsub_kind kind)
{
    if (kind == PUBSUB_CHANNEL) return &session->channel_count;
    return kind == PUBSUB_PATTERN ? &session->pattern_count : &session->shard_channel_count;
}

void pubsub_subscribe(struct engine *engine, struct session *session, enum pubsub_kind kind,
                      struct bytes name)
{
    struct pubsub *pubsub = &engine->pubsub;
    if (pubsub_find(pubsub, kind, session, name) != NULL) return;
    if (session->subscriptions == NULL) {
        session->subscriptions = memory_alloc(sizeof(*session->subscriptions));
        for (size_t i = 0; i < PUBSUB_KIND_COUNT; i++) list_init(&session->subscriptions->lists[i]);
    }
    if (!session_is_subscriber(session)) pubsub->client_count++;
    struct channel *channel = channel_need(pubsub, kind, name);
    size_t key_size = sizeof(session->id) + name.size;
    struct subscription *subscription = memory_alloc(sizeof(*subscription) + key_size);
    session->held_bytes += sizeof(*subscription) + key_size;
    *subscription =
        (struct subscription){ .session = session, .channel = channel, .key_size = key_size };
    memcpy(subscription->key, &session->id, sizeof(session->id));
    if (name.size > 0) memcpy(subscription->key + sizeof(session->id), name.data, name.size);
    list_append(&channel->subscribers, &subscription->in_channel);
    list_append(&session->subscriptions->lists[kind], &subscription->in_session);
    channel->subscriber_count++;
    (*pubsub_count_of(session, kind))++;
    uint64_t hash =
        hash_bytes(&pubsub->subscription_rules.hash_key, subscription_key_of(subscription));
    table_insert(&pubsub->spaces[kind].subscriptions, &pubsub->subscription_rules, hash,
                 subscription);
}

void pubsub_unsubscribe(struct pubsub *pubsub, enum pubsub_kind kind,
                        struct subscription *subscription)
{
    struct session *session = subscription->session;
    struct channel *channel = subscription->channel;
    struct bytes key = subscription_key_of(subscription);
    struct table **table = &pubsub->spaces[kind].subscriptions;
    uint64_t hash = hash_bytes(&pubsub->subscription_rules.hash_key, key);
    struct table_cell *cell = table_find(*table, &pubsub->subscription_rules, hash, key);
    ensure(cell != NULL);
    table_remove(table, &pubsub->subscription_rules, hash, cell);
    list_remove(&subscription->in_channel);
    list_remove(&subscription->in_session);
    session->held_bytes -= sizeof(*subscription) + subscription->key_size;
    memory_free(subscription);
    ensure(*pubsub_count_of(session, kind) > 0);
    (*pubsub_count_of(session, kind))--;
    if (--channel->subscriber_count == 0) channel_drop(pubsub, kind, channel);
    if (!session_is_subscriber(session)) pubsub->client_count--;
}

void pubsub_drop_session(struct engine *engine, struct session *session)
{
    if (session->subscriptions == NULL) return;
    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++)
        LIST_EACH(&session->subscriptions->lists[kind], struct subscription, subscription,
                  in_session)
    pubsub_unsubscribe(&engine->pubsub, (enum pubsub_kind)kind, subscription);
    memory_free(session->subscriptions);
    session->subscriptions = NULL;
}

/* --- publishing -------------------------------------------------------------------------- */

/* A large payload is copied once, and sent from there to every subscriber. */
#define PAYLOAD_SHARE_MIN (16 * KIB)

struct shared_payload {
    struct shared shared;
    size_t size;
    char text[];
};

struct message {
    struct bytes name;
    struct bytes payload;
    struct shared_payload *copy; /* one reference; NULL: none yet */
};

static void payload_release(struct shared *shared)
{
    struct shared_payload *copy = CONTAINER_OF(shared, struct shared_payload, shared);
    memory_free_sized(copy, sizeof(*copy) + copy->size);
}

static struct shared_payload *payload_copy(struct bytes payload)
{
    struct shared_payload *copy = memory_alloc(sizeof(*copy) + payload.size);
    copy->shared = (struct shared){ .references = 1, .release = payload_release };
    copy->size = payload.size;
    memcpy(copy->text, payload.data, payload.size);
    return copy;
}

static void write_message(struct resp_writer *writer, struct message *message)
{
    resp_bulk(writer, message->name);
    if (message->payload.size < PAYLOAD_SHARE_MIN) {
        resp_bulk(writer, message->payload);
        return;
    }
    if (message->copy == NULL) message->copy = payload_copy(message->payload);
    resp_bulk_shared(writer, &message->copy->shared,
                     bytes_of(message->copy->text, message->copy->size));
}

static size_t publish_plain(struct engine *engine, enum pubsub_kind kind, struct message *message)
{
    struct bytes name = message->name;
    struct channel *channel = pubsub_channel_find(&engine->pubsub, kind, name);
    if (channel == NULL) return 0;
    LIST_EACH(&channel->subscribers, struct subscription, subscription, in_channel)
    {
        struct resp_writer *writer = session_push_writer(engine, subscription->session);
        resp_push(writer, 3);
        resp_bulk_text(writer, kind == PUBSUB_SHARD ? "smessage" : "message");
        write_message(writer, message);
    }
    if (kind == PUBSUB_SHARD && engine->observers & OBSERVER_SLOTS)
        slot_counts_message(engine, name, message->payload, channel->subscriber_count);
    return channel->subscriber_count;
}

static size_t publish_to_patterns(struct engine *engine, struct message *message)
{
    size_t count = 0;
    LIST_EACH(&engine->pubsub.spaces[PUBSUB_PATTERN].order, struct channel, pattern, order)
    {
        if (!glob_matches(channel_name(pattern), message->name)) continue;
        LIST_EACH(&pattern->subscribers, struct subscription, subscription, in_channel)
        {
            struct resp_writer *writer = session_push_writer(engine, subscription->session);
            resp_push(writer, 4);
            resp_bulk_text(writer, "pmessage");
            resp_bulk(writer, channel_name(pattern));
            write_message(writer, message);
        }
        count += pattern->subscriber_count;
    }
    return count;
}

bool pubsub_has_listeners(const struct pubsub *pubsub)
{
    return pubsub->spaces[PUBSUB_CHANNEL].count > 0 || pubsub->spaces[PUBSUB_PATTERN].count > 0;
}

size_t engine_publish(struct engine *engine, bool is_sharded, struct bytes channel,
                      struct bytes payload)
{
    struct message message = { .name = channel, .payload = payload };
    size_t count = publish_plain(engine, is_sharded ? PUBSUB_SHARD : PUBSUB_CHANNEL, &message);
    if (!is_sharded) count += publish_to_patterns(engine, &message);
    if (message.copy != NULL) shared_drop(&message.copy->shared);
    return count;
}

void pubsub_carry(struct pubsub *pubsub, bool is_sharded, struct bytes channel,
                  struct bytes payload)
{
    if (pubsub->publication_count == pubsub->publication_capacity) {
        pubsub->publication_capacity = MAX(16, pubsub->publication_capacity * 2);
        pubsub->publications = memory_realloc(
            pubsub->publications, pubsub->publication_capacity * sizeof(*pubsub->publications));
    }
    pubsub->publications[pubsub->publication_count++] =
        (struct publication_record){ .is_sharded = is_sharded,
                                     .offset = pubsub->publication_bytes.size,
                                     .channel_size = channel.size,
                                     .payload_size = payload.size };
    buffer_append(&pubsub->publication_bytes, channel);
    buffer_append(&pubsub->publication_bytes, payload);
}

size_t engine_publication_count(const struct engine *engine)
{
    return engine->pubsub.publication_count;
}

struct publication engine_publication_at(const struct engine *engine, size_t index)
{
    const struct pubsub *pubsub = &engine->pubsub;
    ensure(index < pubsub->publication_count);
    const struct publication_record *record = &pubsub->publications[index];
    const char *at = pubsub->publication_bytes.data + record->offset;
    return (struct publication){ .is_sharded = record->is_sharded,
                                 .channel = bytes_of(at, record->channel_size),
                                 .payload =
                                     bytes_of(at + record->channel_size, record->payload_size) };
}

void engine_publications_clear(struct engine *engine)
{
    engine->pubsub.publication_count = 0;
    buffer_clear(&engine->pubsub.publication_bytes);
    buffer_trim(&engine->pubsub.publication_bytes, MIB);
}
