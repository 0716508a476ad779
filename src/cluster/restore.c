/* nodes.conf, between its text (conf.h) and the state of the core. */
#include "cluster/restore.h"

#include "cluster/conf.h"
#include "cluster/ours.h"
#include "cluster/rules.h"

#define MY_FLAGS (NODE_MYSELF | NODE_EXTENSIONS | NODE_LIGHT_PUBLISH | NODE_LIGHT_MODULE)

static void make_new(struct cluster *cluster)
{
    struct node_id id;
    prng_hex(&cluster->prng, id.hex, NODE_ID_SIZE);
    cluster->me = peers_add(cluster, &id, NODE_PRIMARY | MY_FLAGS);
    prng_hex(&cluster->prng, cluster->me->shard_id.hex, NODE_ID_SIZE);
    ensure(cluster->me->index == 0);
}

/* --- in --- */

static time_ms monotonic_ms(const struct cluster *cluster, time_ms wall_ms)
{
    if (wall_ms == 0) return 0;
    time_ms at_ms = cluster->now_ms - (cluster->wall_ms - wall_ms);
    ensure(cluster->now_ms > 0);
    return at_ms > cluster->now_ms ? cluster->now_ms : MAX(at_ms, 1);
}

static void take_texts(struct peer *peer, const struct conf_node *node)
{
    if (!node->hostname[0] && !node->nodename[0] && !node->client_ipv4[0] &&
        !node->client_ipv6[0] && !node->zone[0] && node->client_port == 0 &&
        node->client_tls_port == 0)
        return;
    struct peer_texts *texts = peer_texts_for_write(peer);
    ensure(sizeof(texts->hostname) == sizeof(node->hostname));
    bytes_to_text(bytes_text(node->hostname), texts->hostname, sizeof(texts->hostname));
    bytes_to_text(bytes_text(node->nodename), texts->nodename, sizeof(texts->nodename));
    bytes_to_text(bytes_text(node->client_ipv4), texts->client_ipv4, sizeof(texts->client_ipv4));
    bytes_to_text(bytes_text(node->client_ipv6), texts->client_ipv6, sizeof(texts->client_ipv6));
    bytes_to_text(bytes_text(node->zone), texts->zone, sizeof(texts->zone));
    texts->client_port = node->client_port;
    texts->client_tls_port = node->client_tls_port;
}

static struct peer *add_node(struct cluster *cluster, const struct conf_node *node)
{
    uint16_t kept = NODE_PRIMARY | NODE_NOADDR | NODE_NOFAILOVER;
    uint16_t flags = (uint16_t)(node->flags & kept);
    if (!(node->flags & (NODE_PRIMARY | NODE_REPLICA))) flags |= NODE_PRIMARY;
    struct peer *peer = peers_add(cluster, &node->id, flags);
    ensure(!peer->is_removed);
    peer->address = node->address;
    peer->config_epoch = node->config_epoch;
    peer->shard_id = node->shard_id;
    if (node_id_is_none(&peer->shard_id))
        prng_hex(&cluster->prng, peer->shard_id.hex, NODE_ID_SIZE);
    take_texts(peer, node);
    return peer;
}

static void restore_me(struct cluster *cluster, const struct conf_node *node)
{
    cluster->me = add_node(cluster, node);
    cluster->me->flags |= MY_FLAGS;
    cluster->me->flags &= (uint16_t)~NODE_NOADDR;
    ensure(cluster->me->index == 0);
}

static bool restore_peer(struct cluster *cluster, const struct conf_node *node)
{
    if (peers_find(cluster, &node->id) != NULL) return false;
    if (cluster->peer_count == PEER_COUNT_MAX) return false;
    struct peer *peer = add_node(cluster, node);
    ensure(peer != cluster->me);
    peer->may_wait = true;
    if (node->ping_sent_ms != 0) peer->ping_sent_ms = cluster->now_ms;
    peer->pong_received_ms = monotonic_ms(cluster, node->pong_received_ms);
    if (node->flags & NODE_FAIL) {
        peer_set_health(cluster, peer, NODE_FAIL);
        peer->failed_ms = cluster->now_ms;
        peer->failed_before = true;
    } else if (node->flags & NODE_PFAIL) {
        peer_set_health(cluster, peer, NODE_PFAIL);
        peer->ping_sent_ms = cluster->now_ms;
    }
    return true;
}

static void restore_relation(struct cluster *cluster, const struct conf_node *node)
{
    struct peer *peer = peers_find(cluster, &node->id);
    ensure(peer != NULL);
    if (!node_id_is_none(&node->primary_id)) {
        struct peer *primary = peers_find(cluster, &node->primary_id);
        if (primary != NULL && primary != peer) role_restore(cluster, peer, primary);
    }
    if (node->flags & NODE_REPLICA) peer_set_role(cluster, peer, NODE_REPLICA);
    if (peer_is_replica(peer)) return;
    unsigned slot = 0, first, last;
    while (slot_set_next_range(&node->slots, &slot, &first, &last))
        for (unsigned at = first; at <= last; at++) slot_bind(cluster, at, peer);
}

static void restore_moves(struct cluster *cluster, const struct conf *conf)
{
    for (size_t i = 0; i < conf->open_slot_count; i++) {
        const struct conf_open_slot *open = &conf->open_slots[i];
        ensure(open->slot < SLOT_COUNT);
        struct peer *partner = peers_find(cluster, &open->partner);
        if (partner == NULL || partner == cluster->me) continue;
        move_set(cluster, open->slot, open->is_importing ? SLOT_IMPORTING : SLOT_MIGRATING,
                 partner);
    }
}

static enum err restore_ours(struct cluster *cluster, const struct conf *conf, char *why)
{
    for (size_t i = 0; i < conf->var_count; i++) {
        struct bytes name = bytes_text(conf->vars[i].name);
        ensure(conf->vars[i].value != NULL);
        if (ours_read(cluster, name, bytes_text(conf->vars[i].value))) continue;
        bytes_to_text(BYTES("a malformed value on the vars line"), why, CONF_WHY_SIZE);
        return ERR_MALFORMED;
    }
    return ERR_NONE;
}

static enum err restore_parsed(struct cluster *cluster, const struct conf *conf, char *why)
{
    ensure(conf->myself < conf->node_count);
    restore_me(cluster, &conf->nodes[conf->myself]);
    for (size_t i = 0; i < conf->node_count; i++) {
        if (i == conf->myself || (conf->nodes[i].flags & NODE_HANDSHAKE)) continue;
        if (restore_peer(cluster, &conf->nodes[i])) continue;
        bytes_to_text(BYTES("a node that is listed twice, or too many"), why, CONF_WHY_SIZE);
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < conf->node_count; i++)
        if (!(conf->nodes[i].flags & NODE_HANDSHAKE)) restore_relation(cluster, &conf->nodes[i]);
    restore_moves(cluster, conf);
    cluster->current_epoch = conf->current_epoch;
    cluster->last_vote_epoch = conf->last_vote_epoch;
    uint64_t known = MAX(epochs_highest(cluster), conf->last_vote_epoch);
    if (cluster->current_epoch < known) cluster->current_epoch = known;
    if (peer_is_replica(cluster->me) && cluster->me->primary != NULL &&
        peer_is_failed(cluster->me->primary))
        cluster->me->flags |= NODE_PRIMARY_FAILED;
    PEERS_EACH(cluster, peer) heartbeat_schedule(cluster, peer);
    return restore_ours(cluster, conf, why);
}

enum err restore_conf(struct cluster *cluster, struct bytes text, char *why)
{
    ensure(cluster->peer_count == 0);
    struct conf conf;
    conf_init(&conf);
    enum err err = conf_parse(text, &conf, why);
    if (err == ERR_NOT_FOUND) {
        make_new(cluster);
        err = ERR_NONE;
    } else if (!err) {
        err = restore_parsed(cluster, &conf, why);
        cluster->is_id_saved = !err;
        cluster->save_is_wanted = false; /* what was read stands there already */
    }
    conf_fini(&conf);
    return err;
}

/* --- out --- */

static void copy_texts(const struct peer *peer, struct conf_node *node)
{
    const struct peer_texts *texts = peer->texts;
    if (texts == NULL) return;
    ensure(sizeof(node->hostname) == sizeof(texts->hostname));
    memcpy(node->hostname, texts->hostname, sizeof(node->hostname));
    memcpy(node->nodename, texts->nodename, sizeof(node->nodename));
    memcpy(node->client_ipv4, texts->client_ipv4, sizeof(node->client_ipv4));
    memcpy(node->client_ipv6, texts->client_ipv6, sizeof(node->client_ipv6));
    memcpy(node->zone, texts->zone, sizeof(node->zone));
    node->client_port = texts->client_port;
    node->client_tls_port = texts->client_tls_port;
}

static time_ms wall_ms_of(const struct cluster *cluster, time_ms at_ms)
{
    ensure(at_ms <= cluster->now_ms);
    return at_ms == 0 ? 0 : cluster->wall_ms - (cluster->now_ms - at_ms);
}

static void node_of_peer(const struct cluster *cluster, struct peer *peer,
                         struct conf_node *node)
{
    const uint16_t written = NODE_PRIMARY | NODE_REPLICA | NODE_PFAIL | NODE_FAIL | NODE_MYSELF |
                             NODE_NOADDR | NODE_NOFAILOVER;
    *node = (struct conf_node){ .id = peer->id,
                                .shard_id = peer->shard_id,
                                .address = peer->address,
                                .flags = (uint16_t)(peer->flags & written),
                                .config_epoch = peer->config_epoch };
    ensure(!(peer->flags & NODE_HANDSHAKE));
    if (peer->primary != NULL) node->primary_id = peer->primary->id;
    node->ping_sent_ms = wall_ms_of(cluster, peer->ping_sent_ms);
    node->pong_received_ms = wall_ms_of(cluster, peer->pong_received_ms);
    node->is_connected = peer == cluster->me || peer_is_connected(peer);
    node->slots = *peer_slots(cluster, peer);
    copy_texts(peer, node);
}

void cluster_conf_write(const struct cluster *cluster, struct buffer *into)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    struct conf_open_slot *open = memory_alloc((cluster->move_count + 1) * sizeof(*open));
    for (uint32_t i = 0; i < cluster->move_count; i++) {
        const struct slot_move *move = &cluster->moves[i];
        open[i] = (struct conf_open_slot){ .slot = move->slot,
                                           .partner = move->partner->id,
                                           .is_importing = move->state == SLOT_IMPORTING };
    }
    struct conf_node *node = memory_alloc(sizeof(*node));
    PEERS_EACH(cluster, peer)
    {
        if (peer->flags & NODE_HANDSHAKE) continue;
        node_of_peer(cluster, peer, node);
        bool is_me = peer == cluster->me;
        conf_print_node(node, is_me ? open : NULL, is_me ? cluster->move_count : 0, into);
    }
    conf_print_vars_begin(cluster->current_epoch, cluster->last_vote_epoch, into);
    ours_write(cluster, into);
    conf_print_vars_end(into);
    memory_free(node);
    memory_free(open);
}
