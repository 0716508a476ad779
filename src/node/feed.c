/* The feeding half of replication in its shell: connections that asked for our stream. */
#include "base/memory.h"
#include "node/parts.h"

struct follower *feed_follower(struct node *node, struct session *session)
{
    struct link *link = node_link_find(node, session->connection);
    ensure(link != NULL);
    if (link->follower == NULL)
        link->follower = primary_follower_create(node->primary, link->number, &session->output,
                                                 link->names.remote_ip);
    return link->follower;
}

void feed_closed(struct node *node, struct link *link)
{
    primary_follower_destroy(node->primary, link->follower, node->clock.now_ms,
                             &node->repl_effects);
    link->follower = NULL;
}

/* A replica of a cluster says who it is. Who leads at the address of its primary under another id,
 * because its disk was wiped, has nothing for it: an empty full sync would be the end of the data.
 * Such a one has no slots, and does not know the replica, or knows it as one of somebody else. */
bool feed_may_serve(const struct node *node, const struct follower *follower)
{
    struct follower_view view;
    follower_look(follower, node->clock.now_ms, &view);
    struct node_id id;
    if (node->cluster == NULL || node_is_replica(node)) return true;
    if (!node_id_parse(bytes_text(view.node_id), &id)) return true; /* it did not say */
    struct cluster_peer_view myself;
    struct cluster_peer_view peer;
    cluster_peer_view(node->cluster, 0, &myself);
    if (myself.slot_count > 0) return true;
    ptrdiff_t index = cluster_peer_find(node->cluster, &id);
    if (index < 0) return false;
    cluster_peer_view(node->cluster, (size_t)index, &peer);
    return node_id_equal(&peer.primary_id, &myself.id);
}

/* Replicas that the cluster view assigns to us: a full sync need not wait for more than these. */
static unsigned replicas_assigned(const struct node *node)
{
    if (node->cluster == NULL) return 0;
    struct cluster_peer_view myself;
    cluster_peer_view(node->cluster, 0, &myself);
    unsigned count = 0;
    for (size_t i = 1; i < cluster_peer_count(node->cluster); i++) {
        struct cluster_peer_view peer;
        cluster_peer_view(node->cluster, i, &peer);
        bool is_alive = (peer.flags & (NODE_FAIL | NODE_PFAIL | NODE_HANDSHAKE)) == 0;
        if (is_alive && node_id_equal(&peer.primary_id, &myself.id)) count++;
    }
    return count;
}

void feed_facts(struct node *node)
{
    struct replica_view view;
    replica_look(node->replica, &view);
    struct permit *permit = engine_permit(node->engine);
    struct primary_facts facts = {
        .is_replica = view.state != REPLICA_IDLE,
        .link_is_up = view.state == REPLICA_CONNECTED,
        .is_paused = permit->pause != PAUSE_NONE,
        .is_fresh = node->cluster != NULL && !node_has_keys(node),
        .has_keys = node_has_keys(node),
        .replicas_assigned = replicas_assigned(node),
    };
    if (node->cluster != NULL) {
        struct cluster_status status;
        cluster_status(node->cluster, &status);
        if (!status.serves && status.is_primary) facts.refusal = status.why_not;
    }
    primary_set_facts(node->primary, &facts);
}

static void feed_step(struct node *node, enum primary_event_type type)
{
    struct primary_event event = { .type = type, .now_ms = node->clock.now_ms };
    primary_step(node->primary, &event, &node->repl_effects);
}

void feed_flush(struct node *node)
{
    feed_step(node, PRIMARY_FLUSH);
}

void feed_timer(struct node *node)
{
    if (primary_deadline(node->primary) > node->clock.now_ms) return;
    node->feed_is_due = true; /* at the end of the turn: it may take a snapshot's view */
}

void feed_turn(struct node *node)
{
    if (node->feed_is_due) {
        node->feed_is_due = false;
        feed_facts(node);
        feed_step(node, PRIMARY_TIMEOUT);
    }
    feed_flush(node);
}
