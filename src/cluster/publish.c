/* Pub/sub over the bus: to every other node, or to those of the own shard. */
#include "cluster/internal.h"
#include "cluster/wire.h"

static struct cluster_message *publication(const struct cluster *cluster, enum message_type type,
                                           bool is_light, struct bytes channel,
                                           struct bytes payload)
{
    struct cluster_message *message =
        is_light ? message_create(type) : message_start(cluster, type);
    message->is_light = is_light;
    message->sender = cluster->me->id;
    message_set_body(message, channel, payload);
    ensure(message->channel.size == channel.size);
    return message;
}

void cluster_publish(struct cluster *cluster, bool is_sharded, struct bytes channel,
                     struct bytes payload, struct cluster_effects *effects)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    ensure(cluster->effects == NULL);
    cluster->effects = effects;
    cluster->reveals = false;
    if (channel.size + payload.size > WIRE_PUBLICATION_MAX - WIRE_HEADER_SIZE - 16) {
        trace(cluster, LOG_LEVEL_WARNING,
              "a message of %zu bytes for channel %.*s is too large for the bus: only subscribers "
              "of this node got it",
              payload.size, (int)MIN(channel.size, (size_t)64), channel.data);
        cluster->effects = NULL;
        return;
    }
    enum message_type type = is_sharded ? MESSAGE_PUBLISHSHARD : MESSAGE_PUBLISH;
    const struct peer *shard = peer_shard_primary(cluster->me);
    struct cluster_message *light = NULL, *full = NULL;
    PEERS_EACH(cluster, peer)
    {
        if (peer == cluster->me || (peer->flags & NODE_HANDSHAKE)) continue;
        if (!peer_is_connected(peer)) continue;
        if (is_sharded && peer_shard_primary(peer) != shard) continue;
        bool is_light = (peer->flags & NODE_LIGHT_PUBLISH) != 0;
        struct cluster_message **shared = is_light ? &light : &full;
        if (*shared == NULL) *shared = publication(cluster, type, is_light, channel, payload);
        send_to_peer(cluster, peer, message_share(*shared));
    }
    message_destroy(light);
    message_destroy(full);
    cluster->effects = NULL;
}
