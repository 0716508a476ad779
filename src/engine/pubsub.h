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

void pubsub_init(struct pubsub *pubsub, struct hash_key hash_key);
void pubsub_fini(struct pubsub *pubsub);
/* Silently: the connection is gone, or RESET. */
void pubsub_drop_session(struct engine *engine, struct session *session);

#endif
