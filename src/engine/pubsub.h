/* Who listens to which channel. Three spaces of names: channels, patterns, shard channels. */
#ifndef EIR_ENGINE_PUBSUB_H
#define EIR_ENGINE_PUBSUB_H

#include "base/list.h"
#include "base/table.h"
#include "engine/session.h"

enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KIND_COUNT };

struct pubsub_space {
    struct table *channels;      /* struct channel by name; owned with its entries */
    struct table *subscriptions; /* struct subscription by session and name; the same */
    struct list order;           /* channels, oldest first: patterns are walked */
    size_t count;                /* channels */
};

struct publication_record {
    bool is_sharded;
    size_t offset;
    size_t channel_size;
    size_t payload_size;
};

struct pubsub {
    struct pubsub_space spaces[PUBSUB_KIND_COUNT];
    struct table_rules channel_rules;
    struct table_rules subscription_rules;
    size_t client_count; /* sessions with at least one subscription */
    /* What the bus must carry. */
    struct publication_record *publications; /* owned */
    size_t publication_count;
    size_t publication_capacity;
    struct buffer publication_bytes;
};

/* Of one space; gone with its last subscriber. */
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

static inline struct bytes channel_name(const struct channel *channel)
{
    return bytes_of(channel->name, channel->name_size);
}

void pubsub_init(struct pubsub *pubsub, struct hash_key hash_key);
void pubsub_fini(struct pubsub *pubsub);

struct channel *pubsub_channel_find(const struct pubsub *pubsub, enum pubsub_kind kind,
                                    struct bytes name);
struct subscription *pubsub_find(const struct pubsub *pubsub, enum pubsub_kind kind,
                                 const struct session *session, struct bytes name);
/* How many of a kind the session has. */
uint32_t *pubsub_count_of(struct session *session, enum pubsub_kind kind);
/* Once only. */
void pubsub_subscribe(struct engine *engine, struct session *session, enum pubsub_kind kind,
                      struct bytes name);
void pubsub_unsubscribe(struct pubsub *pubsub, enum pubsub_kind kind,
                        struct subscription *subscription);
/* Silently: the connection is gone, or RESET. */
void pubsub_drop_session(struct engine *engine, struct session *session);
/* Is there anybody whom a message could reach? */
bool pubsub_has_listeners(const struct pubsub *pubsub);
/* The bus must carry this. */
void pubsub_carry(struct pubsub *pubsub, bool is_sharded, struct bytes channel,
                  struct bytes payload);

#endif
