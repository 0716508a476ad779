/* Links: one out to every known node, one in from each; and what ends with a node that is
 * forgotten.
 *
 * Outbound links are numbered here (odd), accepted ones by the shell (even). An accepted link
 * belongs to nobody until a known sender speaks on it. */
#include "cluster/internal.h"

struct link *links_find(const struct cluster *cluster, link_number number)
{
    struct link *link = directory_find(&cluster->links, number);
    ensure(link == NULL || link->number == number);
    return link;
}

static struct link *link_add(struct cluster *cluster, link_number number, bool is_inbound,
                             const char *remote_ip, const char *local_ip)
{
    size_t remote_size = strlen(remote_ip) + 1, local_size = strlen(local_ip) + 1;
    ensure(remote_size <= ADDRESS_IP_SIZE && local_size <= ADDRESS_IP_SIZE);
    struct link *link = memory_alloc_zero(sizeof(*link) + remote_size + local_size);
    memcpy(link->remote_ip, remote_ip, remote_size);
    memcpy(link->remote_ip + remote_size, local_ip, local_size);
    link->number = number;
    link->is_inbound = is_inbound;
    link->created_ms = cluster->now_ms;
    directory_put(&cluster->links, number, link);
    return link;
}

void link_connect(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    ensure(peer->outbound == NULL);
    ensure(!(peer->flags & NODE_NOADDR));
    struct link *link = link_add(cluster, cluster->link_next, false, "", "");
    cluster->link_next += 2;
    link->state = LINK_CONNECTING;
    link->peer = peer;
    peer->outbound = link;
    /* A node that cannot even be connected to is as silent as one that does not answer. */
    if (peer->ping_sent_ms == 0) peer->ping_sent_ms = cluster->now_ms;

    struct cluster_effect *effect = effects_add(cluster, CLUSTER_CONNECT);
    effect->needs_save = false; /* an address, nothing of our state */
    effect->link = link->number;
    effect->node = peer->id;
    effect->address = peer->address;
}

void link_accept(struct cluster *cluster, const struct cluster_event *event)
{
    ensure(event->is_inbound);
    ensure(event->link != 0 && event->link % 2 == 0);
    struct link *link =
        link_add(cluster, event->link, true, event->remote_ip != NULL ? event->remote_ip : "",
                 event->local_ip != NULL ? event->local_ip : "");
    link->state = LINK_READY;
}

void link_ready(struct cluster *cluster, struct link *link, const struct cluster_event *event)
{
    ensure(link->state == LINK_CONNECTING);
    ensure(link->peer != NULL);
    link->state = LINK_READY;
    link->created_ms = cluster->now_ms;
    ensure(!event->is_inbound);
}

/* The link is gone already, or the caller closes it. */
void link_forget(struct cluster *cluster, struct link *link)
{
    struct peer *peer = link->peer;
    if (peer != NULL && peer->outbound == link) peer->outbound = NULL;
    if (peer != NULL && peer->inbound == link) {
        peer->inbound = NULL;
        peer->inbound_lost_ms = cluster->now_ms;
    }
    ensure(links_find(cluster, link->number) == link);
    directory_remove(&cluster->links, link->number);
    memory_free(link);
}

void link_close(struct cluster *cluster, struct link *link)
{
    ensure(link != NULL);
    struct cluster_effect *effect = effects_add(cluster, CLUSTER_CLOSE);
    effect->needs_save = false;
    effect->link = link->number;
    link_forget(cluster, link);
}

/* A known sender speaks on an accepted link: its newest link is the one that counts. */
void link_bind(struct cluster *cluster, struct link *link, struct peer *peer)
{
    ensure(link->is_inbound);
    ensure(peer != cluster->me);
    if (link->peer == peer) return;
    if (link->peer != NULL) {
        link->peer->inbound = NULL;
        link->peer->inbound_lost_ms = cluster->now_ms;
        link->peer = NULL;
    }
    if (peer->inbound != NULL) link_close(cluster, peer->inbound);
    link->peer = peer;
    peer->inbound = link;
    peer->inbound_lost_ms = 0;
}

static void forget_relations(struct cluster *cluster, struct peer *gone)
{
    PEERS_EACH(cluster, peer)
    {
        if (peer->primary == gone) peer->primary = NULL;
        report_remove(peer, gone);
    }
    if (gone->primary != NULL) {
        ensure(gone->primary->replica_count > 0);
        gone->primary->replica_count--;
        gone->primary = NULL;
    }
}

void peer_forget(struct cluster *cluster, struct peer *peer)
{
    ensure(peer != cluster->me);
    ensure(peer != cluster->me->primary);
    if (peer->outbound != NULL) link_close(cluster, peer->outbound);
    if (peer->inbound != NULL) link_close(cluster, peer->inbound);
    slots_unbind_all(cluster, peer);
    forget_relations(cluster, peer);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cluster->move_count; i++)
        if (cluster->moves[i].partner != peer) cluster->moves[kept++] = cluster->moves[i];
    cluster->move_count = kept;
    cluster->state_is_due = true;
    cluster_changed(cluster);
    cluster_save_later(cluster);
    peers_remove(cluster, peer);
}

void links_fini(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->links.capacity; i++)
        memory_free(cluster->links.cells[i].value);
    directory_fini(&cluster->links);
    ensure(cluster->links.count == 0);
}
