/* The data side of a node, as far as the cluster sees it: an offset that grows by writes while
 * they are permitted, a stream to replicas that lags, syncs that take time, histories by id. */
#include "sim/world.h"

#include <string.h>

#define WRITE_SIZE        100
#define STREAM_SILENCE_US (10000 * MS) /* repl-timeout of the model */

static bool replid_equal(const struct replid *a, const struct replid *b)
{
    return memcmp(a->hex, b->hex, sizeof(a->hex)) == 0;
}

static void replid_draw(struct sim *sim, struct replid *replid)
{
    prng_hex(&sim->prng, replid->hex, sizeof(replid->hex));
}

/* From here on this node writes a history of its own, which continues the old one. */
static void data_branch(struct sim *sim, struct sim_data *data)
{
    data->replid2 = data->replid;
    data->offset2 = data->offset;
    replid_draw(sim, &data->replid);
}

void data_start(struct sim *sim, struct sim_node *node, bool keeps_data)
{
    struct sim_data *data = &node->data;
    bool had_data = data->has_keys || data->offset > 0;
    struct sim_data fresh = { .follows = NOBODY, .follows_ip = NOBODY };
    if (keeps_data && had_data) {
        fresh.replid = data->replid;
        fresh.offset = fresh.received = data->offset;
        fresh.has_keys = data->has_keys;
        fresh.has_synced = data->has_synced;
    }
    fresh.lost_lineage = !keeps_data && had_data && node->disk.size > 0;
    fresh.was_emptied = fresh.lost_lineage;
    *data = fresh;
    data_branch(sim, data);
}

void data_lead(struct sim *sim, struct sim_node *node)
{
    struct sim_data *data = &node->data;
    uint32_t old_primary = data->follows;
    bool was_replica = data->follows_ip != NOBODY;
    data->stream = STREAM_NONE;
    data->is_drained = false;
    if (was_replica) {
        check_promoted(sim, node, old_primary);
        data_branch(sim, data);
    }
    data->follows = data->follows_ip = NOBODY;
    node->facts_due = true;
}

void data_follow(struct sim *sim, struct sim_node *node, const struct node_id *id,
                 const struct address *address)
{
    struct sim_data *data = &node->data;
    (void)id;
    uint32_t ip = net_parse_ip(address->ip);
    uint32_t target = ip < sim->ip_count ? sim->node_of_ip[ip] : NOBODY;
    bool is_same = target != NOBODY && data->follows == target && data->stream == STREAM_FLOWING;
    data->follows_ip = ip;
    data->follows = target;
    data->is_drained = false;
    data->paused_until_ms = 0;
    if (!is_same) {
        data->stream = STREAM_WAITING;
        data->active_ms = 0;
    }
    node->facts_due = true;
}

void data_drain(struct sim *sim, struct sim_node *node)
{
    time_us took_us = (time_us)prng_below(&sim->prng, 40 * MS);
    sim_put(sim, EVENT_DRAINED, node->index, sim->now_us + took_us, node->process);
}

void data_drained(struct sim *sim, struct sim_node *node)
{
    struct sim_data *data = &node->data;
    if (data->follows_ip == NOBODY) return; /* it leads already */
    data->offset = data->received;
    data->is_drained = true;
    node_tell_facts(sim, node);
}

void data_flush(struct sim *sim, struct sim_node *node)
{
    struct sim_data *data = &node->data;
    data->offset = data->received = 0;
    data->has_keys = data->has_synced = data->lost_lineage = false;
    data->replid2 = (struct replid){ { 0 } };
    replid_draw(sim, &data->replid);
    node->facts_due = true;
}

void data_facts(const struct sim *sim, const struct sim_node *node, struct cluster_facts *facts)
{
    const struct sim_data *data = &node->data;
    memset(facts, 0, sizeof(*facts)); /* compared as bytes */
    facts->offset = data->offset;
    facts->has_keys = data->has_keys;
    facts->link_is_up = data->stream == STREAM_FLOWING;
    facts->link_active_ms = data->active_ms;
    facts->has_synced = data->has_synced;
    facts->is_drained = data->is_drained;
    facts->lost_lineage = data->lost_lineage;
    facts->has_data_files = data->has_keys;
    facts->is_stopping = data->is_stopping;
    memcpy(facts->replication_id, data->replid.hex, sizeof(facts->replication_id));
    if (data->follows_ip != NOBODY) return;
    for (uint32_t i = 0; i < sim->node_count; i++) {
        const struct sim_node *other = &sim->nodes[i];
        if (other->data.follows == node->index && other->data.stream == STREAM_FLOWING)
            facts->replicas_online++;
    }
}

/* --- the stream of a replica --- */

/* The process that the replica talks to, if it answers; NULL when nobody does. */
static struct sim_node *data_source(struct sim *sim, struct sim_node *node)
{
    struct sim_data *data = &node->data;
    if (data->follows == NOBODY && data->follows_ip < sim->ip_count)
        data->follows = sim->node_of_ip[data->follows_ip];
    if (data->follows == NOBODY || data->follows == node->index) return NULL;
    struct sim_node *source = &sim->nodes[data->follows];
    if (source->state == NODE_DOWN || source->ip_number != data->follows_ip) return NULL;
    return source;
}

static bool data_may_continue(const struct sim_data *data, const struct sim_data *source)
{
    if (data->offset > source->offset || !data->has_synced) return false;
    if (replid_equal(&data->replid, &source->replid)) return true;
    return replid_equal(&data->replid, &source->replid2) && data->offset <= source->offset2;
}

static void data_begin_sync(struct sim *sim, struct sim_node *node, struct sim_node *source)
{
    struct sim_data *data = &node->data;
    bool is_partial = data_may_continue(data, &source->data);
    time_us took_us = is_partial ? 2 * MS + (time_us)prng_below(&sim->prng, 10 * MS)
                                 : 20 * MS + (time_us)prng_below(&sim->prng, 800 * MS);
    data->stream = STREAM_SYNCING;
    data->source_process = source->process;
    data->syncs_us = sim->now_us + took_us;
}

static void data_end_sync(struct sim *sim, struct sim_node *node, struct sim_node *source)
{
    struct sim_data *data = &node->data;
    check_synced(sim, node, source);
    data->was_emptied = false;
    data->replid = source->data.replid;
    data->replid2 = (struct replid){ { 0 } };
    data->offset = data->received = source->data.offset;
    data->has_keys = source->data.has_keys;
    data->has_synced = true;
    data->lost_lineage = false;
    data->stream = STREAM_FLOWING;
    data->active_ms = node_local_ms(sim, node);
    data->heard_us = sim->now_us;
    node->facts_due = true;
}

static void data_lose_stream(struct sim_node *node)
{
    node->data.stream = STREAM_WAITING;
    node->facts_due = true;
}

static void data_flow(struct sim *sim, struct sim_node *node, struct sim_node *source)
{
    struct sim_data *data = &node->data;
    bool is_same = source->process == data->source_process &&
                   replid_equal(&data->replid, &source->data.replid);
    if (!is_same) {
        data_lose_stream(node);
        return;
    }
    if (source->state != NODE_RUNNING) return;
    /* What the last tick brought is applied now; what is new arrives, all of it or not yet. */
    if (data->offset != data->received) node->facts_due = true;
    data->offset = data->received;
    data->has_keys = data->offset > 0 && source->data.has_keys;
    if (!prng_chance(&sim->prng, 1, 8)) data->received = source->data.offset;
    data->active_ms = node_local_ms(sim, node);
    data->heard_us = sim->now_us;
}

/* An owner that does not serve, because its own data are missing, feeds nobody. */
static bool data_feeds(struct sim *sim, struct sim_node *source)
{
    if (source->state != NODE_RUNNING || source->data.follows_ip != NOBODY) return false;
    node_refresh(sim, source);
    return source->status.serves || !source->status.is_primary;
}

static void data_tick_replica(struct sim *sim, struct sim_node *node)
{
    struct sim_data *data = &node->data;
    struct sim_node *source = data_source(sim, node);
    bool is_silent = source != NULL && (!net_reaches(sim, source->index, node->index) ||
                                        !net_reaches(sim, node->index, source->index));
    if (source == NULL && data->stream == STREAM_FLOWING && data->follows != NOBODY) {
        /* A dead process ends the stream; a dead machine says nothing. */
        if (sim->nodes[data->follows].is_powered)
            data_lose_stream(node);
        else
            is_silent = true;
    }
    if (is_silent || source == NULL) {
        if (data->stream == STREAM_FLOWING && sim->now_us - data->heard_us > STREAM_SILENCE_US)
            data_lose_stream(node);
        if (data->stream == STREAM_SYNCING) data->stream = STREAM_WAITING;
        return;
    }
    if (data->stream == STREAM_FLOWING) {
        data_flow(sim, node, source);
    } else if (data->stream == STREAM_SYNCING) {
        if (source->process != data->source_process)
            data->stream = STREAM_WAITING;
        else if (sim->now_us >= data->syncs_us)
            data_end_sync(sim, node, source);
    } else if (data_feeds(sim, source)) {
        data_begin_sync(sim, node, source);
    }
}

/* --- the writers of a primary --- */

bool data_may_write(struct sim *sim, struct sim_node *node)
{
    if (node->state != NODE_RUNNING || node->data.follows_ip != NOBODY) return false;
    time_ms now_ms = node_local_ms(sim, node);
    if (node->data.paused_until_ms > now_ms) return false;
    node_refresh(sim, node);
    const struct cluster_status *status = &node->status;
    return status->is_primary && status->is_ok && status->serves && status->lease_until_ms > now_ms;
}

static void data_tick_primary(struct sim *sim, struct sim_node *node)
{
    if (!data_may_write(sim, node)) return;
    const int16_t *owners = cluster_slot_owners(node->core);
    for (uint64_t count = prng_below(&sim->prng, 4); count > 0; count--) {
        unsigned sample = (unsigned)prng_below(&sim->prng, SAMPLE_SLOTS);
        if (owners[sample * SAMPLE_STRIDE] != 0) continue;
        node->data.offset += WRITE_SIZE;
        node->data.received = node->data.offset;
        node->data.has_keys = true;
        node->facts_due = true;
        if (!node->is_foreign) check_write(sim, node, sample, node->status.config_epoch);
    }
}

void data_tick(struct sim *sim, struct sim_node *node)
{
    struct sim_data *data = &node->data;
    if (node->state == NODE_RUNNING && node->effect_next == node->effects.count) {
        bool is_replica = data->follows_ip != NOBODY;
        if (is_replica)
            data_tick_replica(sim, node);
        else if (!sim->options.no_writes)
            data_tick_primary(sim, node);
        if (node->facts_due) node_pump(sim, node);
    }
    if (node->state == NODE_DOWN) return;
    time_us period_us = sim->options.no_writes ? 4 * TICK_US : TICK_US;
    sim_put(sim, EVENT_TICK, node->index, sim->now_us + period_us, node->process);
}
