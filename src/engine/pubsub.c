/* Publish and subscribe: the rows. */
#include "engine/pubsub.h"
#include "base/digest.h"
#include "base/glob.h"
#include "engine/internal.h"

static const char *const subscribe_words[] = { "subscribe", "psubscribe", "ssubscribe" };
static const char *const unsubscribe_words[] = { "unsubscribe", "punsubscribe", "sunsubscribe" };

/* --- subscribing ------------------------------------------------------------------------- */

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
        pubsub_subscribe(call->engine, call->session, kind, name);
        tell(call->session, subscribe_words[kind], &name, kind);
    }
}

static void unsubscribe_every(struct call *call, enum pubsub_kind kind)
{
    struct session *session = call->session;
    if (*pubsub_count_of(session, kind) == 0) {
        tell(session, unsubscribe_words[kind], NULL, kind);
        return;
    }
    struct buffer name = { 0 };
    LIST_EACH(&session->subscriptions->lists[kind], struct subscription, subscription, in_session)
    {
        buffer_clear(&name);
        buffer_append(&name, channel_name(subscription->channel));
        struct bytes text = buffer_bytes(&name);
        pubsub_unsubscribe(&call->engine->pubsub, kind, subscription);
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
        struct subscription *subscription = pubsub_find(pubsub, kind, call->session, name);
        if (subscription != NULL) pubsub_unsubscribe(pubsub, kind, subscription);
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
            pubsub_unsubscribe(&engine->pubsub, PUBSUB_SHARD, first);
            tell(session, unsubscribe_words[PUBSUB_SHARD], &text, PUBSUB_SHARD);
            session_has_output(engine, session);
        }
        buffer_fini(&name);
    }
}

/* --- publishing -------------------------------------------------------------------------- */

/* In a cluster the bus carries messages to everybody; elsewhere they follow the stream. */
static void publish_as(struct call *call, bool is_sharded)
{
    struct bytes channel = call_arg(call, 1), payload = call_arg(call, 2);
    size_t count = engine_publish(call->engine, is_sharded, channel, payload);
    if (call->engine->permit.is_cluster)
        pubsub_carry(&call->engine->pubsub, is_sharded, channel, payload);
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
            pubsub_channel_find(&call->engine->pubsub, kind, call_arg(call, i));
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
