/* The core's outside: create and destroy, one event in, effects out. */
#include "cluster/cluster.h"

#include "cluster/receive.h"
#include "cluster/restore.h"
#include "cluster/rules.h"
#include "cluster/settle.h"

/* --- options --- */

static void options_adopt(struct cluster *cluster, const struct cluster_options *options)
{
    memory_free(cluster->seeds);
    cluster->seeds = NULL;
    cluster->options = *options;
    ensure(options->node_timeout_ms > 0);
    if (options->seed_count > 0) {
        size_t size = options->seed_count * sizeof(*cluster->seeds);
        cluster->seeds = memory_alloc(size);
        memcpy(cluster->seeds, options->seeds, size);
    }
    cluster->options.seeds = cluster->seeds;
}

static void show_nofailover(struct cluster *cluster)
{
    uint16_t flags = (uint16_t)(cluster->me->flags & ~NODE_NOFAILOVER);
    if (cluster->options.replica_no_failover || cluster->facts.is_stopping)
        flags |= NODE_NOFAILOVER;
    if (flags == cluster->me->flags) return;
    cluster->me->flags = flags;
    ensure(cluster->me->index == 0);
    cluster_changed(cluster);
    cluster_save_later(cluster);
}

/* --- life --- */

static void timers_init(struct cluster *cluster)
{
    heap_init(&cluster->deadlines);
    for (unsigned kind = 0; kind < DEADLINE_COUNT; kind++) {
        heap_node_init(&cluster->timers[kind].node);
        cluster->timers[kind].kind = (uint8_t)kind;
    }
    cluster_deadline_set(cluster, DEADLINE_SECOND,
                         cluster->now_ms + (time_ms)prng_below(&cluster->prng, 1000) + 1);
    ensure(cluster->deadlines.count == 1);
}

static struct cluster *cluster_alloc(const struct cluster_options *options, uint64_t seed,
                                     time_ms now_ms, time_ms wall_ms)
{
    ensure(now_ms > 0); /* 0 means "never" in every time that the core keeps */
    struct cluster *cluster = memory_alloc_zero(sizeof(*cluster));
    cluster->magic = CLUSTER_MAGIC;
    cluster->voters = memory_alloc_zero(sizeof(*cluster->voters));
    cluster->voters->is_stale = true;
    cluster->now_ms = now_ms;
    cluster->wall_ms = wall_ms;
    cluster->state_started_ms = now_ms;
    cluster->link_next = 1;
    prng_init(&cluster->prng, seed);
    cluster->hash_key.words[0] = prng_next(&cluster->prng);
    cluster->hash_key.words[1] = prng_next(&cluster->prng);
    cluster->incarnation = prng_next(&cluster->prng) | 1; /* 0 means unknown */
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) cluster->owner[slot] = -1;
    options_adopt(cluster, options);
    timers_init(cluster);
    return cluster;
}

static void rules_init(struct cluster *cluster)
{
    ensure(cluster->me != NULL);
    lease_init(cluster);
    election_init(cluster);
    vote_init(cluster);
    manual_init(cluster);
    migration_init(cluster);
    lineage_init(cluster);
    formation_init(cluster);
}

enum err cluster_create(const struct cluster_options *options, struct bytes conf, uint64_t seed,
                        time_ms now_ms, time_ms wall_ms, struct cluster **cluster, char *why)
{
    struct cluster *made = cluster_alloc(options, seed, now_ms, wall_ms);
    enum err err = restore_conf(made, conf, why);
    if (err) {
        cluster_destroy(made);
        return err;
    }
    ensure(made->me == made->peers[0]);
    extensions_of_options(made);
    show_nofailover(made);
    made->had_slots_at_start = peer_shard_primary(made->me)->slot_count > 0;
    made->state_is_due = true;
    cluster_deadline_set(made, DEADLINE_STATE, now_ms);
    rules_init(made);
    *cluster = made;
    return ERR_NONE;
}

void cluster_destroy(struct cluster *cluster)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    ensure(cluster->effects == NULL);
    formation_fini(cluster);
    manual_fini(cluster);
    vote_fini(cluster);
    election_fini(cluster);
    heap_fini(&cluster->deadlines); /* it still knows its nodes: before the peers go */
    links_fini(cluster);
    peers_fini(cluster);
    voters_fini(cluster);
    extensions_destroy(cluster->extensions);
    memory_free(cluster->moves);
    memory_free(cluster->banned);
    memory_free(cluster->notices);
    memory_free(cluster->seeds);
    memory_free(cluster);
}

void cluster_configure(struct cluster *cluster, const struct cluster_options *options)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    ensure(cluster->effects == NULL);
    options_adopt(cluster, options);
    extensions_of_options(cluster);
    show_nofailover(cluster);
    formation_on_configure(cluster);
    PEERS_EACH(cluster, peer) heartbeat_schedule(cluster, peer);
    cluster->state_is_due = true;
    cluster_deadline_set(cluster, DEADLINE_STATE, cluster->now_ms);
}

time_ms cluster_deadline(const struct cluster *cluster)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    return heap_due_ms(&cluster->deadlines);
}

/* --- events --- */

static void on_timeout(struct cluster *cluster, const struct cluster_event *event)
{
    ensure(event->now_ms == cluster->now_ms);
    /* What is due is served before every step ends. */
}

static void on_link_up(struct cluster *cluster, const struct cluster_event *event)
{
    if (event->is_inbound) {
        link_accept(cluster, event);
        return;
    }
    struct link *link = links_find(cluster, event->link);
    if (link == NULL) return; /* closed meanwhile */
    ensure(!link->is_inbound);
    link_ready(cluster, link, event);
    heartbeat_on_link_up(cluster, link->peer);
}

static void on_link_down(struct cluster *cluster, const struct cluster_event *event)
{
    struct link *link = links_find(cluster, event->link);
    if (link == NULL) return;
    struct peer *peer = link->peer;
    time_ms lived_ms = cluster->now_ms - link->created_ms;
    bool is_inbound = link->is_inbound;
    link_forget(cluster, link);
    if (peer == NULL) return;
    ensure(peer != cluster->me);
    evidence_on_link_down(cluster, peer, event->cause);
    cluster_changed(cluster);
    if (!is_inbound) heartbeat_on_link_lost(cluster, peer, lived_ms);
    heartbeat_schedule(cluster, peer);
}

static void on_link_refused(struct cluster *cluster, const struct cluster_event *event)
{
    struct link *link = links_find(cluster, event->link);
    if (link == NULL) return;
    struct peer *peer = link->peer;
    ensure(!link->is_inbound && peer != NULL);
    link_forget(cluster, link);
    evidence_on_refused(cluster, peer, event->cause);
    heartbeat_on_refused(cluster, peer);
}

static void on_resolved(struct cluster *cluster, const struct cluster_event *event)
{
    if (event->seed_index >= cluster->options.seed_count) return; /* options changed meanwhile */
    ensure(cluster->seeds != NULL);
    formation_on_resolved(cluster, event);
}

static void on_facts(struct cluster *cluster, const struct cluster_event *event)
{
    struct cluster_facts before = cluster->facts;
    ensure(event->facts != NULL);
    cluster->facts = *event->facts;
    show_nofailover(cluster);
    lineage_on_facts(cluster, &before);
    manual_on_facts(cluster, &before);
    election_on_facts(cluster, &before);
}

/* Nobody answers a process that stands still: silence is counted from now on. */
static void on_suspended(struct cluster *cluster, const struct cluster_event *event)
{
    trace(cluster, LOG_LEVEL_WARNING, "stood still for %lld ms", (long long)event->gap_ms);
    lease_on_suspended(cluster, event->gap_ms);
    election_on_suspended(cluster);
    PEERS_EACH(cluster, peer)
    {
        if (peer == cluster->me) continue;
        if (peer->ping_sent_ms != 0) peer->ping_sent_ms = cluster->now_ms;
        peer->evidence.refused_first_ms = 0;
        ensure(!peer->is_removed);
        heartbeat_schedule(cluster, peer);
    }
}

static void on_received(struct cluster *cluster, const struct cluster_event *event)
{
    ensure(event->message != NULL);
    receive(cluster, event);
}

static void (*const handlers[])(struct cluster *, const struct cluster_event *) = {
    [CLUSTER_TIMEOUT] = on_timeout,
    [CLUSTER_RECEIVED] = on_received,
    [CLUSTER_LINK_UP] = on_link_up,
    [CLUSTER_LINK_DOWN] = on_link_down,
    [CLUSTER_LINK_REFUSED] = on_link_refused,
    [CLUSTER_RESOLVED] = on_resolved,
    [CLUSTER_FACTS] = on_facts,
    [CLUSTER_SUSPENDED] = on_suspended,
};

void cluster_step(struct cluster *cluster, const struct cluster_event *event,
                  struct cluster_effects *effects)
{
    ensure((size_t)event->type < COUNT_OF(handlers));
    step_begin(cluster, event->now_ms, event->wall_ms, effects);
    handlers[event->type](cluster, event);
    step_end(cluster, false);
}
