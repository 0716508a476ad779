/* Ping extensions: announced texts and ports, shard ids, and the black list that FORGET spreads.
 *
 * A text that a node does not send any more is a text that it cleared; so every message with
 * extensions is the whole truth. Most of them change nothing. */
#include "cluster/rules.h"

/* --- the black list --- */

void ban_expire(struct cluster *cluster)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cluster->banned_count; i++)
        if (cluster->banned[i].until_ms > cluster->now_ms)
            cluster->banned[kept++] = cluster->banned[i];
    ensure(kept <= cluster->banned_count);
    cluster->banned_count = kept;
}

static struct banned *ban_find(struct cluster *cluster, const struct node_id *id)
{
    ban_expire(cluster);
    for (uint32_t i = 0; i < cluster->banned_count; i++)
        if (node_id_equal(&cluster->banned[i].id, id)) return &cluster->banned[i];
    return NULL;
}

bool ban_has(struct cluster *cluster, const struct node_id *id)
{
    ensure(!node_id_is_none(id));
    return cluster->banned_count > 0 && ban_find(cluster, id) != NULL;
}

void ban_add(struct cluster *cluster, const struct node_id *id, time_ms ttl_ms)
{
    if (ttl_ms <= 0) return;
    struct banned *banned = ban_find(cluster, id);
    if (banned == NULL) {
        if (cluster->banned_count == cluster->banned_capacity) {
            cluster->banned_capacity =
                cluster->banned_capacity == 0 ? 8 : cluster->banned_capacity * 2;
            cluster->banned =
                memory_realloc(cluster->banned, cluster->banned_capacity * sizeof(*banned));
        }
        banned = &cluster->banned[cluster->banned_count++];
        banned->id = *id;
        banned->until_ms = 0;
    }
    ensure(node_id_equal(&banned->id, id));
    banned->until_ms = MAX(banned->until_ms, cluster->now_ms + ttl_ms);
}

/* --- sending --- */

/* The time left is rounded down: rounded up, two nodes would keep each other's bans alive for
 * ever, each telling a little more than it has left. */
static void build_forgotten(const struct cluster *cluster, struct extensions *extensions)
{
    if (cluster->banned_count == 0) return;
    extensions->forgotten = memory_alloc(cluster->banned_count * sizeof(*extensions->forgotten));
    for (uint32_t i = 0; i < cluster->banned_count; i++) {
        time_ms left_s = (cluster->banned[i].until_ms - cluster->now_ms) / 1000;
        if (left_s <= 0) continue;
        ensure(extensions->forgotten_count < cluster->banned_count);
        extensions->forgotten[extensions->forgotten_count++] =
            (struct forgotten){ .id = cluster->banned[i].id, .ttl_s = (uint64_t)left_s };
    }
}

static struct extensions *build(const struct cluster *cluster)
{
    const struct cluster_options *options = &cluster->options;
    struct extensions *extensions = memory_alloc_zero(sizeof(*extensions));
    ensure(!node_id_is_none(&cluster->me->shard_id));
    memcpy(extensions->hostname, options->hostname, sizeof(extensions->hostname));
    memcpy(extensions->nodename, options->nodename, sizeof(extensions->nodename));
    memcpy(extensions->client_ipv4, options->client_ipv4, sizeof(extensions->client_ipv4));
    memcpy(extensions->client_ipv6, options->client_ipv6, sizeof(extensions->client_ipv6));
    memcpy(extensions->zone, options->zone, sizeof(extensions->zone));
    extensions->client_port = options->client_port;
    extensions->client_tls_port = options->client_tls_port;
    extensions->shard_id = cluster->me->shard_id;
    build_forgotten(cluster, extensions);
    return extensions;
}

/* They are the same in packet after packet; only what was forgotten shows a time that runs. */
struct extensions *extensions_for_packet(struct cluster *cluster)
{
    const struct extensions *last = cluster->extensions;
    bool is_same = last != NULL && last->forgotten_count == 0 && cluster->banned_count == 0 &&
                   node_id_equal(&last->shard_id, &cluster->me->shard_id);
    if (!is_same) {
        extensions_destroy(cluster->extensions);
        cluster->extensions = build(cluster);
    }
    return extensions_share(cluster->extensions);
}

/* --- receiving --- */

static bool has_texts(const struct extensions *extensions)
{
    return extensions->hostname[0] || extensions->nodename[0] || extensions->client_ipv4[0] ||
           extensions->client_ipv6[0] || extensions->zone[0] || extensions->client_port != 0 ||
           extensions->client_tls_port != 0;
}

static void take_texts(struct cluster *cluster, struct peer *peer,
                       const struct extensions *extensions)
{
    if (peer->texts == NULL && !has_texts(extensions)) return;
    struct peer_texts texts = { .client_port = extensions->client_port,
                                .client_tls_port = extensions->client_tls_port };
    /* Text by text: what stands behind a terminator must not make them differ. */
    bytes_to_text(bytes_text(extensions->hostname), texts.hostname, sizeof(texts.hostname));
    bytes_to_text(bytes_text(extensions->nodename), texts.nodename, sizeof(texts.nodename));
    bytes_to_text(bytes_text(extensions->client_ipv4), texts.client_ipv4,
                  sizeof(texts.client_ipv4));
    bytes_to_text(bytes_text(extensions->client_ipv6), texts.client_ipv6,
                  sizeof(texts.client_ipv6));
    bytes_to_text(bytes_text(extensions->zone), texts.zone, sizeof(texts.zone));
    struct peer_texts *known = peer_texts_for_write(peer);
    ensure(known != NULL);
    if (memcmp(known, &texts, sizeof(texts)) == 0) return;
    *known = texts;
    cluster_save_later(cluster);
    cluster_changed(cluster);
}

static void take_shard_id(struct cluster *cluster, struct peer *sender,
                          const struct node_id *shard_id)
{
    ensure(sender != cluster->me);
    if (node_id_is_none(shard_id) || node_id_equal(shard_id, &sender->shard_id)) return;
    sender->shard_id = *shard_id;
    if (cluster->me->primary == sender) cluster->me->shard_id = *shard_id;
    cluster_save_later(cluster);
    cluster_changed(cluster);
}

static void take_forgotten(struct cluster *cluster, const struct extensions *extensions)
{
    for (uint32_t i = 0; i < extensions->forgotten_count; i++) {
        const struct forgotten *forgotten = &extensions->forgotten[i];
        if (forgotten->ttl_s == 0 || forgotten->ttl_s > UINT32_MAX) continue;
        struct peer *peer = peers_find(cluster, &forgotten->id);
        if (peer == NULL || peer == cluster->me || peer == cluster->me->primary) continue;
        ban_add(cluster, &forgotten->id, (time_ms)forgotten->ttl_s * 1000);
        trace(cluster, LOG_LEVEL_NOTICE, "forgot " ID_FORMAT ", as others did",
              ID_TEXT(forgotten->id));
        peer_forget(cluster, peer);
    }
}

void extensions_on_message(struct cluster *cluster, struct peer *sender,
                           const struct cluster_message *message)
{
    ensure(!sender->is_removed);
    if (!(message->message_flags & MESSAGE_HAS_EXTENSIONS)) return;
    sender->sends_extensions = true;
    const struct extensions *extensions = message->extensions;
    /* Not written toward a node that is not known to read them: says nothing then. */
    if (extensions == NULL) return;
    take_texts(cluster, sender, extensions);
    take_shard_id(cluster, sender, &extensions->shard_id);
    take_forgotten(cluster, extensions);
}

void extensions_of_options(struct cluster *cluster)
{
    extensions_destroy(cluster->extensions);
    cluster->extensions = build(cluster);
    take_texts(cluster, cluster->me, cluster->extensions);

    struct address *address = &cluster->me->address;
    const struct address *announced = &cluster->options.announced;
    ensure(cluster->me->index == 0);
    struct address before = *address;
    if (announced->ip[0] != 0) memcpy(address->ip, announced->ip, sizeof(address->ip));
    address->port = announced->port;
    address->port_other = announced->port_other;
    address->bus_port = announced->bus_port;
    if (memcmp(&before, address, sizeof(before)) == 0) return;
    cluster_save_later(cluster);
    cluster_changed(cluster);
}
