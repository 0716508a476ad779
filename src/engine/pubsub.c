/* Publish and subscribe: the rows, and the tables of subscriptions behind them.
 *
 * Subscriptions are found by session and name together, so that subscribing costs the same
 * however many others listen to the channel and however many channels the session has. */
#include "engine/pubsub.h"
#include "base/digest.h"
#include "base/ensure.h"
#include "base/glob.h"
#include "base/memory.h"
#include "engine/internal.h"

struct channel {
    struct list subscribers; /* of struct subscription, in the order they came */
    struct list_link order;
    size_t subscriber_count;
    size_t name_size;
    char name[];
};

struct subscription {
    struct list_link in_channel;
    struct list_link in_session;
    struct session *session; /* borrowed */
    struct channel *channel; /* borrowed */
    size_t key_size;
    char key[]; /* the session's id, 8 bytes, and the name */
};

struct subscriptions {
    struct list lists[PUBSUB_KIND_COUNT]; /* of struct subscription */
};

static const char *const subscribe_words[] = { "subscribe", "psubscribe", "ssubscribe" };
static const char *const unsubscribe_words[] = { "unsubscribe", "punsubscribe", "sunsubscribe" };

/* --- tables ------------------------------------------------------------------------------ */

static struct bytes channel_name(const struct channel *channel)
{
    return bytes_of(channel->name, channel->name_size);
}

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

static struct channel *channel_find(const struct pubsub *pubsub, enum pubsub_kind kind,
                                    struct bytes name)
{
    const struct table_rules *rules = &pubsub->channel_rules;
    struct table_cell *cell =
        table_find(pubsub->spaces[kind].channels, rules, hash_bytes(&rules->hash_key, name), name);
    return cell == NULL ? NULL : table_cell_entry(cell);
}

static struct channel *channel_need(struct pubsub *pubsub, enum pubsub_kind kind, struct bytes name)
{
    struct channel *channel = channel_find(pubsub, kind, name);
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

static struct subscription *subscription_find(const struct pubsub *pubsub, enum pubsub_kind kind,
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

static uint32_t *count_of(struct session *session, enum pubsub_kind kind)
{
    if (kind == PUBSUB_CHANNEL) return &session->channel_count;
    return kind == PUBSUB_PATTERN ? &session->pattern_count : &session->shard_channel_count;
}

static void subscribe_name(struct engine *engine, struct session *session, enum pubsub_kind kind,
                           struct bytes name)
{
    struct pubsub *pubsub = &engine->pubsub;
    if (subscription_find(pubsub, kind, session, name) != NULL) return;
    if (session->subscriptions == NULL) {
        session->subscriptions = memory_alloc(sizeof(*session->subscriptions));
        for (size_t i = 0; i < PUBSUB_KIND_COUNT; i++) list_init(&session->subscriptions->lists[i]);
    }
    if (!session_is_subscriber(session)) pubsub->client_count++;
    struct channel *channel = channel_need(pubsub, kind, name);
    size_t key_size = sizeof(session->id) + name.size;
    struct subscription *subscription = memory_alloc(sizeof(*subscription) + key_size);
    *subscription =
        (struct subscription){ .session = session, .channel = channel, .key_size = key_size };
    memcpy(subscription->key, &session->id, sizeof(session->id));
    if (name.size > 0) memcpy(subscription->key + sizeof(session->id), name.data, name.size);
    list_append(&channel->subscribers, &subscription->in_channel);
    list_append(&session->subscriptions->lists[kind], &subscription->in_session);
    channel->subscriber_count++;
    (*count_of(session, kind))++;
    uint64_t hash =
        hash_bytes(&pubsub->subscription_rules.hash_key, subscription_key_of(subscription));
    table_insert(&pubsub->spaces[kind].subscriptions, &pubsub->subscription_rules, hash,
                 subscription);
}

static void subscription_drop(struct pubsub *pubsub, enum pubsub_kind kind,
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
    memory_free(subscription);
    ensure(*count_of(session, kind) > 0);
    (*count_of(session, kind))--;
    if (--channel->subscriber_count == 0) channel_drop(pubsub, kind, channel);
    if (!session_is_subscriber(session)) pubsub->client_count--;
}

void pubsub_drop_session(struct engine *engine, struct session *session)
{
    if (session->subscriptions == NULL) return;
    for (int kind = 0; kind < PUBSUB_KIND_COUNT; kind++)
        LIST_EACH(&session->subscriptions->lists[kind], struct subscription, subscription,
                  in_session)
    subscription_drop(&engine->pubsub, (enum pubsub_kind)kind, subscription);
    memory_free(session->subscriptions);
    session->subscriptions = NULL;
}

static size_t shown_count(const struct session *session, enum pubsub_kind kind)
{
    if (kind == PUBSUB_SHARD) return session->shard_channel_count;
    return session->channel_count + session->pattern_count;
}

static void tell(struct session *session, const char *word, const struct bytes *name,
                 enum pubsub_kind kind)
{
    struct resp_writer *writer = &session->writer;
    resp_push(writer, 3);
    resp_bulk_text(writer, word);
    if (name != NULL)
        resp_bulk(writer, *name);
    else
        resp_null(writer);
    resp_integer(writer, (int64_t)shown_count(session, kind));
}

static void subscribe_all(struct call *call, enum pubsub_kind kind)
{
    for (uint32_t i = 1; i < call->argc; i++) {
        struct bytes name = call_arg(call, i);
        subscribe_name(call->engine, call->session, kind, name);
        tell(call->session, subscribe_words[kind], &name, kind);
    }
}

static void unsubscribe_every(struct call *call, enum pubsub_kind kind)
{
    struct session *session = call->session;
    if (*count_of(session, kind) == 0) {
        tell(session, unsubscribe_words[kind], NULL, kind);
        return;
    }
    struct buffer name = { 0 };
    LIST_EACH(&session->subscriptions->lists[kind], struct subscription, subscription, in_session)
    {
        buffer_clear(&name);
        buffer_append(&name, channel_name(subscription->channel));
        struct bytes text = buffer_bytes(&name);
        subscription_drop(&call->engine->pubsub, kind, subscription);
        tell(session, unsubscribe_words[kind], &text, kind);
    }
    buffer_fini(&name);
}

static void unsubscribe_all(struct call *call, enum pubsub_kind kind)
{
    if (call->argc == 1) {
        unsubscribe_every(call, kind);
        return;
    }
    struct pubsub *pubsub = &call->engine->pubsub;
    for (uint32_t i = 1; i < call->argc; i++) {
        struct bytes name = call_arg(call, i);
        struct subscription *subscription = subscription_find(pubsub, kind, call->session, name);
        if (subscription != NULL) subscription_drop(pubsub, kind, subscription);
        tell(call->session, unsubscribe_words[kind], &name, kind);
    }
}

static void subscribe(struct call *call)
{
    subscribe_all(call, PUBSUB_CHANNEL);
}

static void psubscribe(struct call *call)
{
    subscribe_all(call, PUBSUB_PATTERN);
}

static void ssubscribe(struct call *call)
{
    if (call->session->flags & SESSION_EXECUTING) {
        reply_error(call, "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
        return;
    }
    subscribe_all(call, PUBSUB_SHARD);
}

static void unsubscribe(struct call *call)
{
    unsubscribe_all(call, PUBSUB_CHANNEL);
}

static void punsubscribe(struct call *call)
{
    unsubscribe_all(call, PUBSUB_PATTERN);
}

static void sunsubscribe(struct call *call)
{
    unsubscribe_all(call, PUBSUB_SHARD);
}

static bool slot_is_elsewhere(const struct engine *engine, struct bytes name)
{
    uint8_t verdict = engine->permit.verdicts[key_slot(name)];
    return verdict == SLOT_UNASSIGNED || verdict == SLOT_ELSEWHERE;
}

void engine_slots_changed(struct engine *engine)
{
    if (!engine->permit.is_cluster) return;
    struct pubsub_space *space = &engine->pubsub.spaces[PUBSUB_SHARD];
    LIST_EACH(&space->order, struct channel, channel, order)
    {
        if (!slot_is_elsewhere(engine, channel_name(channel))) continue;
        struct buffer name = { 0 };
        buffer_append(&name, channel_name(channel));
        struct bytes text = buffer_bytes(&name);
        size_t left = channel->subscriber_count;
        while (left-- > 0) {
            struct subscription *first =
                LIST_FIRST(&channel->subscribers, struct subscription, in_channel);
            struct session *session = first->session;
            subscription_drop(&engine->pubsub, PUBSUB_SHARD, first);
            tell(session, unsubscribe_words[PUBSUB_SHARD], &text, PUBSUB_SHARD);
            session_has_output(engine, session);
        }
        buffer_fini(&name);
    }
}

/* --- publishing -------------------------------------------------------------------------- */

static size_t publish_plain(struct engine *engine, enum pubsub_kind kind, struct bytes name,
                            struct bytes payload)
{
    struct channel *channel = channel_find(&engine->pubsub, kind, name);
    if (channel == NULL) return 0;
    LIST_EACH(&channel->subscribers, struct subscription, subscription, in_channel)
    {
        struct resp_writer *writer = session_push_writer(engine, subscription->session);
        resp_push(writer, 3);
        resp_bulk_text(writer, kind == PUBSUB_SHARD ? "smessage" : "message");
        resp_bulk(writer, name);
        resp_bulk(writer, payload);
    }
    return channel->subscriber_count;
}

static size_t publish_to_patterns(struct engine *engine, struct bytes name, struct bytes payload)
{
    size_t count = 0;
    LIST_EACH(&engine->pubsub.spaces[PUBSUB_PATTERN].order, struct channel, pattern, order)
    {
        if (!glob_matches(channel_name(pattern), name)) continue;
        LIST_EACH(&pattern->subscribers, struct subscription, subscription, in_channel)
        {
            struct resp_writer *writer = session_push_writer(engine, subscription->session);
            resp_push(writer, 4);
            resp_bulk_text(writer, "pmessage");
            resp_bulk(writer, channel_name(pattern));
            resp_bulk(writer, name);
            resp_bulk(writer, payload);
        }
        count += pattern->subscriber_count;
    }
    return count;
}

size_t engine_publish(struct engine *engine, bool is_sharded, struct bytes channel,
                      struct bytes payload)
{
    if (is_sharded) return publish_plain(engine, PUBSUB_SHARD, channel, payload);
    size_t count = publish_plain(engine, PUBSUB_CHANNEL, channel, payload);
    return count + publish_to_patterns(engine, channel, payload);
}

static void publication_add(struct pubsub *pubsub, bool is_sharded, struct bytes channel,
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

/* In a cluster the bus carries messages to everybody; elsewhere they follow the stream. */
static void publish_as(struct call *call, bool is_sharded)
{
    struct bytes channel = call_arg(call, 1), payload = call_arg(call, 2);
    size_t count = engine_publish(call->engine, is_sharded, channel, payload);
    if (call->engine->permit.is_cluster)
        publication_add(&call->engine->pubsub, is_sharded, channel, payload);
    else
        call_changed(call);
    reply_integer(call, (int64_t)count);
}

static void publish(struct call *call)
{
    publish_as(call, false);
}

static void spublish(struct call *call)
{
    publish_as(call, true);
}

/* --- PUBSUB ------------------------------------------------------------------------------ */

static void list_channels(struct call *call, enum pubsub_kind kind)
{
    struct output_mark mark = resp_begin(call->writer);
    size_t count = 0;
    LIST_EACH(&call->engine->pubsub.spaces[kind].order, struct channel, channel, order)
    {
        if (call->argc > 2 && !glob_matches(call_arg(call, 2), channel_name(channel))) continue;
        reply_bytes(call, channel_name(channel));
        count++;
    }
    resp_end_array(call->writer, mark, count);
}

static void count_subscribers(struct call *call, enum pubsub_kind kind)
{
    reply_array(call, (call->argc - 2) * 2);
    for (uint32_t i = 2; i < call->argc; i++) {
        const struct channel *channel =
            channel_find(&call->engine->pubsub, kind, call_arg(call, i));
        reply_bytes(call, call_arg(call, i));
        reply_integer(call, channel == NULL ? 0 : (int64_t)channel->subscriber_count);
    }
}

static void pubsub_channels(struct call *call)
{
    if (call->argc > 3)
        reply_subcommand_error(call);
    else
        list_channels(call, PUBSUB_CHANNEL);
}

static void pubsub_shardchannels(struct call *call)
{
    if (call->argc > 3)
        reply_subcommand_error(call);
    else
        list_channels(call, PUBSUB_SHARD);
}

static void pubsub_numsub(struct call *call)
{
    count_subscribers(call, PUBSUB_CHANNEL);
}

static void pubsub_shardnumsub(struct call *call)
{
    count_subscribers(call, PUBSUB_SHARD);
}

static void pubsub_numpat(struct call *call)
{
    reply_integer(call, (int64_t)call->engine->pubsub.spaces[PUBSUB_PATTERN].count);
}

static void pubsub_help(struct call *call)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> "
        "(default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
        NULL,
    };
    reply_help(call, lines);
}

/* clang-format off */
static const struct command pubsub_subcommands[] = {
    { .name = "channels", .run = pubsub_channels, .arity = -2,
      .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE, .group = GROUP_PUBSUB,
      .args = "[pattern:pattern]", .since = "2.8.0",
      .complexity = "O(N) where N is the number of active channels, and assuming constant "
          "time pattern matching (relatively short channels and patterns)",
      .summary = "Returns the active channels." },
    { .name = "help", .run = pubsub_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_PUBSUB, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "numpat", .run = pubsub_numpat, .arity = 2,
      .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE, .group = GROUP_PUBSUB, .since = "2.8.0",
      .complexity = "O(1)", .summary = "Returns a count of unique pattern subscriptions." },
    { .name = "numsub", .run = pubsub_numsub, .arity = -2,
      .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE, .group = GROUP_PUBSUB, .args = "[channel...]",
      .since = "2.8.0",
      .complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested "
          "channels", .summary = "Returns a count of subscribers to channels." },
    { .name = "shardchannels", .run = pubsub_shardchannels, .arity = -2,
      .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE, .group = GROUP_PUBSUB,
      .args = "[pattern:pattern]", .since = "7.0.0",
      .complexity = "O(N) where N is the number of active shard channels, and assuming "
          "constant time pattern matching (relatively short shard channels).",
      .summary = "Returns the active shard channels." },
    { .name = "shardnumsub", .run = pubsub_shardnumsub, .arity = -2,
      .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE, .group = GROUP_PUBSUB,
      .args = "[shardchannel...]", .since = "7.0.0",
      .complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of "
          "requested shard channels",
      .summary = "Returns the count of subscribers of shard channels." },
    { 0 },
};

const struct command pubsub_commands[] = {
    { .name = "subscribe", .run = subscribe, .arity = -2,
      .flags = CMD_PUBSUB | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_IN_PUBSUB,
      .group = GROUP_PUBSUB,
      .args = "channel...", .since = "2.0.0",
      .complexity = "O(N) where N is the number of channels to subscribe to.",
      .summary = "Listens for messages published to channels." },
    { .name = "unsubscribe", .run = unsubscribe, .arity = -1,
      .flags = CMD_PUBSUB | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_IN_PUBSUB,
      .group = GROUP_PUBSUB,
      .args = "[channel...]", .since = "2.0.0",
      .complexity = "O(N) where N is the number of channels to unsubscribe.",
      .summary = "Stops listening to messages posted to channels." },
    { .name = "psubscribe", .run = psubscribe, .arity = -2,
      .flags = CMD_PUBSUB | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_IN_PUBSUB,
      .group = GROUP_PUBSUB,
      .args = "pattern:pattern...", .since = "2.0.0",
      .complexity = "O(N) where N is the number of patterns to subscribe to.",
      .summary = "Listens for messages published to channels that match one or more "
          "patterns." },
    { .name = "punsubscribe", .run = punsubscribe, .arity = -1,
      .flags = CMD_PUBSUB | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_IN_PUBSUB,
      .group = GROUP_PUBSUB,
      .args = "[pattern:pattern...]", .since = "2.0.0",
      .complexity = "O(N) where N is the number of patterns to unsubscribe.",
      .summary = "Stops listening to messages published to channels that match one or "
          "more patterns." },
    { .name = "ssubscribe", .run = ssubscribe, .arity = -2,
      .flags = CMD_PUBSUB | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_IN_PUBSUB,
      .keys = KEY_RANGE(1, -1, 1),
      .key_flags = KEY_IS_CHANNEL, .group = GROUP_PUBSUB, .args = "shardchannel...",
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of shard channels to subscribe to.",
      .summary = "Listens for messages published to shard channels." },
    { .name = "sunsubscribe", .run = sunsubscribe, .arity = -1,
      .flags = CMD_PUBSUB | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_IN_PUBSUB,
      .keys = KEY_RANGE(1, -1, 1),
      .key_flags = KEY_IS_CHANNEL, .group = GROUP_PUBSUB, .args = "[shardchannel...]",
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of shard channels to unsubscribe.",
      .summary = "Stops listening to messages posted to shard channels." },
    { .name = "publish", .run = publish, .arity = 3,
      .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE,
      .group = GROUP_PUBSUB,
      .args = "channel message", .since = "2.0.0",
      .complexity = "O(N+M) where N is the number of clients subscribed to the receiving "
          "channel and M is the total number of subscribed patterns (by any client).",
      .summary = "Posts a message to a channel." },
    { .name = "spublish", .run = spublish, .arity = 3,
      .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE,
      .keys = KEY_AT(1),
      .key_flags = KEY_IS_CHANNEL, .group = GROUP_PUBSUB, .args = "shardchannel message",
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of clients subscribed to the receiving "
          "shard channel.", .summary = "Posts a message to a shard channel." },
    { .name = "pubsub", .arity = -2, .group = GROUP_PUBSUB, .since = "2.8.0",
      .complexity = "Depends on subcommand.", .summary = "A container for Pub/Sub commands.",
      .subcommands = pubsub_subcommands },
    { 0 },
};
/* clang-format on */
