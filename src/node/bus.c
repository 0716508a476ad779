/* The cluster core in its shell: links and bytes on one side, events and effects on the other.
 *
 * Effects are performed in their order. CLUSTER_SAVE is done at once, synced, before the messages
 * behind it are even encoded; when it fails, everything that would reveal the unsaved state is
 * dropped. Only a save that nothing depends on is left to the background (nodes_conf.c). */
#include "base/log.h"
#include "base/memory.h"
#include "cluster/wire.h"
#include "node/parts.h"
#include <stdio.h>

#define CONF_SIZE_MAX (64 * MIB)

static const enum link_cause causes[] = {
    [CLOSE_BY_PEER] = LINK_CLOSED_BY_PEER,
    [CLOSE_RESET] = LINK_RESET,
    [CLOSE_REFUSED] = LINK_CONNECT_REFUSED,
    [CLOSE_UNREACHABLE] = LINK_CONNECT_FAILED,
    [CLOSE_LOCAL] = LINK_BROKEN,
};

static struct cluster_event bus_event(const struct node *node, enum cluster_event_type type)
{
    return (struct cluster_event){ .type = type,
                                   .now_ms = node->clock.now_ms,
                                   .wall_ms = node->clock.wall_ms };
}

static struct link *bus_link_find(const struct node *node, link_number number)
{
    return node_link_find(node, number_map_get(&node->bus_links, number));
}

/* Our id is said to the primary that we follow; a hard RESET changes it. */
static void bus_learn_id(struct node *node)
{
    struct cluster_peer_view myself;
    cluster_peer_view(node->cluster, 0, &myself);
    memcpy(node->node_id, myself.id.hex, NODE_ID_SIZE); /* ends with the zero of node_create */
}

/* ---- effects ----------------------------------------------------------------------------- */

static void bus_send(struct node *node, const struct cluster_effect *effect)
{
    struct link *link = bus_link_find(node, effect->link);
    if (link == NULL) return;
    struct buffer bytes = { 0 };
    wire_encode(effect->message, &bytes);
    output_append(&link->output, buffer_bytes(&bytes));
    buffer_fini(&bytes);
    node_link_wants_send(node, link);
}

static void bus_connect(struct node *node, const struct cluster_effect *effect)
{
    struct link *link = node_link_create(node, CONNECTION_BUS);
    link->bus_link = effect->link;
    number_map_put(&node->bus_links, effect->link, link->number);
    struct node_effect *connect = node_add_effect(node, NODE_CONNECT);
    connect->connection = link->number;
    connect->kind = CONNECTION_BUS;
    connect->port = effect->address.bus_port;
    snprintf(connect->host, sizeof(connect->host), "%s", effect->address.ip);
}

static void bus_close(struct node *node, const struct cluster_effect *effect)
{
    struct link *link = bus_link_find(node, effect->link);
    if (link != NULL) node_link_close(node, link);
}

static void bus_resolve(struct node *node, const struct cluster_effect *effect)
{
    if (effect->seed_index >= node->config->cluster_seeds.count) return;
    struct node_effect *resolve = node_add_effect(node, NODE_RESOLVE);
    resolve->token = (uint32_t)effect->seed_index;
    snprintf(resolve->host, sizeof(resolve->host), "%s",
             node->config->cluster_seeds.items[effect->seed_index].host);
}

static void bus_deliver(struct node *node, const struct cluster_message *message)
{
    engine_publish(node->engine, message->type == MESSAGE_PUBLISHSHARD, message->channel,
                   message->payload);
}

static void bus_lead(struct node *node)
{
    replica_promote(node->replica, node->clock.now_ms, &node->repl_effects);
    permit_await_lease(node);
}

/* Nothing is left of what was synced once: not the keys, and no history to go on with. */
static void bus_flush(struct node *node)
{
    data_flush(node);
    node->has_lineage = false;
}

static void bus_perform_one(struct node *node, const struct cluster_effect *effect)
{
    switch (effect->type) {
    case CLUSTER_SAVE: break; /* done by the caller */
    case CLUSTER_SEND: bus_send(node, effect); break;
    case CLUSTER_CONNECT: bus_connect(node, effect); break;
    case CLUSTER_CLOSE: bus_close(node, effect); break;
    case CLUSTER_RESOLVE: bus_resolve(node, effect); break;
    case CLUSTER_FOLLOW: follow_start(node, effect->address.ip, effect->address.port); break;
    case CLUSTER_LEAD: bus_lead(node); break;
    case CLUSTER_DRAIN:
        replica_drain(node->replica, node->clock.now_ms, &node->repl_effects);
        break;
    case CLUSTER_DROP_KEYS: data_drop_slots(node, effect->slots); break;
    case CLUSTER_FLUSH: bus_flush(node); break;
    case CLUSTER_PAUSE_WRITES: permit_pause(node, effect->until_ms); break;
    case CLUSTER_RESUME_WRITES: permit_pause(node, 0); break;
    case CLUSTER_CHANGED:
        bus_learn_id(node);
        node->permit_is_stale = true;
        break;
    case CLUSTER_DELIVER: bus_deliver(node, effect->message); break;
    case CLUSTER_HANDED_OVER: node->hand_over_done = true; break;
    case CLUSTER_TRACE: node_trace(node, effect->level, "%s", effect->text); break;
    }
}

static void bus_perform(struct node *node, struct cluster_effects *effects)
{
    bool is_saved = true;
    for (size_t i = 0; i < effects->count; i++) {
        const struct cluster_effect *effect = &effects->items[i];
        if (effect->type == CLUSTER_SAVE && effect->may_wait)
            nodes_conf_save_later(node);
        else if (effect->type == CLUSTER_SAVE)
            is_saved = nodes_conf_save(node);
        else if (is_saved || !effect->needs_save)
            bus_perform_one(node, effect);
    }
    cluster_effects_fini(effects);
    permit_refresh_cluster(node);
}

static void bus_step(struct node *node, const struct cluster_event *event)
{
    /* A list of its own for each step: performing one may cause another. */
    struct cluster_effects effects;
    cluster_effects_init(&effects);
    cluster_step(node->cluster, event, &effects);
    bus_perform(node, &effects);
}

/* ---- facts ------------------------------------------------------------------------------- */

static void bus_collect_facts(const struct node *node, struct cluster_facts *facts)
{
    struct replica_view view;
    replica_look(node->replica, &view);
    const struct lineage *lineage = backlog_lineage(node->backlog);
    memset(facts, 0, sizeof(*facts));
    facts->offset = (uint64_t)lineage->offset;
    facts->has_keys = node_has_keys(node);
    facts->link_is_up = view.state == REPLICA_CONNECTED;
    facts->link_active_ms = view.last_io_ms;
    facts->has_synced = view.has_synced || node->has_lineage;
    facts->is_drained = view.is_drained;
    facts->has_data_files = node->has_data_files;
    facts->is_stopping = node->is_stopping;
    facts->replicas_online = primary_count_online(node->primary);
    memcpy(facts->replication_id, lineage->id, sizeof(facts->replication_id));
}

static void bus_tell(struct node *node, const struct cluster_facts *facts)
{
    node->facts = *facts;
    struct cluster_event event = bus_event(node, CLUSTER_FACTS);
    event.facts = facts;
    bus_step(node, &event);
}

void bus_tell_facts(struct node *node)
{
    if (node->cluster == NULL || node_is_loading(node)) return;
    struct cluster_facts facts;
    bus_collect_facts(node, &facts);
    if (memcmp(&facts, &node->facts, sizeof(facts)) != 0) bus_tell(node, &facts);
}

/* At the end of a turn. A primary's offset moves with every write, and the core need not be
 * stepped for that alone: it is told before the next step anyway. Who waits for an offset (a
 * replica that takes over, a primary that hands over) hears of it at once. */
void bus_tell_changes(struct node *node)
{
    if (node->cluster == NULL || node_is_loading(node)) return;
    struct cluster_facts facts;
    bus_collect_facts(node, &facts);
    bool is_awaited = node->is_stopping || node_is_replica(node) ||
                      engine_permit(node->engine)->pause != PAUSE_NONE;
    uint64_t offset = facts.offset;
    if (!is_awaited) facts.offset = node->facts.offset;
    if (memcmp(&facts, &node->facts, sizeof(facts)) == 0) return;
    facts.offset = offset;
    bus_tell(node, &facts);
}

/* ---- links ------------------------------------------------------------------------------- */

static void bus_link_up(struct node *node, struct link *link, bool is_inbound)
{
    struct cluster_event event = bus_event(node, CLUSTER_LINK_UP);
    event.link = link->bus_link;
    event.is_inbound = is_inbound;
    event.remote_ip = link->names.remote_ip;
    event.local_ip = link->names.local_ip;
    bus_step(node, &event);
}

void bus_accept(struct node *node, struct link *link)
{
    link->bus_link = node->next_inbound;
    node->next_inbound += 2;
    number_map_put(&node->bus_links, link->bus_link, link->number);
    number_list_add(&node->accepted, link->number);
}

/* Accepting happens between turns, where effects have nowhere to go: the core hears of it now. */
void bus_take_accepted(struct node *node)
{
    for (size_t i = 0; i < node->accepted.count; i++) {
        struct link *link = node_link_find(node, node->accepted.items[i]);
        if (link != NULL) bus_link_up(node, link, true);
    }
    node->accepted.count = 0;
}

void bus_connected(struct node *node, struct link *link, const struct endpoint_names *names)
{
    link->names = *names;
    link->is_up = true;
    bus_link_up(node, link, false);
}

static void bus_link_down(struct node *node, link_number number, bool was_up,
                          enum close_cause cause)
{
    struct cluster_event event = bus_event(node, was_up ? CLUSTER_LINK_DOWN : CLUSTER_LINK_REFUSED);
    event.link = number;
    event.cause = causes[cause];
    bus_step(node, &event);
}

void bus_closed(struct node *node, struct link *link, enum close_cause cause)
{
    link_number number = link->bus_link;
    bool was_up = link->is_up || (number & 1) == 0;
    node_link_release(node, link);
    bus_link_down(node, number, was_up, cause);
}

/* DEBUG DROP-CLUSTER-PACKET-FILTER, a test's cut wire: what is dropped was never received. */
static bool bus_drops(const struct node *node, const struct cluster_message *message)
{
    const struct debug_switches *debug = &node->debug;
    return debug->drops_messages &&
           (debug->dropped_type == -2 || debug->dropped_type == (int64_t)message->type);
}

static void bus_cut(struct node *node, struct link *link)
{
    link_number number = link->bus_link;
    node_link_close(node, link);
    bus_link_down(node, number, true, CLOSE_LOCAL);
}

void bus_kill(struct node *node, const struct node_id *id, bool to, bool from)
{
    for (uint32_t place = 0; place < node->link_count; place++) {
        struct link *link = node->links[place];
        struct node_id other;
        if (link->number == 0 || link->kind != CONNECTION_BUS || link->is_closing) continue;
        if (!cluster_link_peer(node->cluster, link->bus_link, &other)) continue;
        bool is_outbound = (link->bus_link & 1) != 0;
        if (memcmp(other.hex, id->hex, NODE_ID_SIZE) == 0 && (is_outbound ? to : from))
            bus_cut(node, link);
    }
}

/* One message; false when the link is gone. */
static bool bus_message(struct node *node, connection_number number,
                        struct cluster_message *message)
{
    struct link *link = node_link_find(node, number);
    ensure(link != NULL);
    if (bus_drops(node, message)) {
        message_destroy(message);
        if (node->debug.closes_on_drop) bus_cut(node, link);
        return !node->debug.closes_on_drop;
    }
    bus_tell_facts(node); /* the answer shows our offset */
    struct cluster_event event = bus_event(node, CLUSTER_RECEIVED);
    event.link = link->bus_link;
    event.message = message;
    event.remote_ip = link->names.remote_ip;
    event.local_ip = link->names.local_ip;
    bus_step(node, &event);
    message_destroy(message);
    return node_link_find(node, number) != NULL;
}

/* Only members of the cluster may send something large. */
static bool bus_claims_too_much(const struct node *node, connection_number number, size_t size)
{
    if (size <= WIRE_MESSAGE_MAX) return false;
    struct node_id id;
    return !cluster_link_peer(node->cluster, node_link_find(node, number)->bus_link, &id);
}

/* Decodes what is whole; returns the bytes used, or SIZE_MAX when the link is gone. */
static size_t bus_decode(struct node *node, connection_number number, struct bytes bytes)
{
    size_t used_all = 0;
    for (;;) {
        struct cluster_message *message = NULL;
        size_t used = 0;
        enum wire_result result = wire_decode(bytes_from(bytes, used_all), &message, &used);
        if (result == WIRE_MORE && bus_claims_too_much(node, number, used)) result = WIRE_CLOSE;
        if (result == WIRE_MORE) return used_all;
        if (result == WIRE_CLOSE) {
            struct link *link = node_link_find(node, number);
            log_verbose("A bus message that makes no sense came from %s: link closed",
                        link->names.remote_ip);
            bus_cut(node, link);
            return SIZE_MAX;
        }
        used_all += used;
        if (result == WIRE_MESSAGE && !bus_message(node, number, message)) return SIZE_MAX;
    }
}

void bus_received(struct node *node, struct link *link, struct bytes bytes)
{
    node->bus_bytes_in += bytes.size;
    connection_number number = link->number;
    struct bytes all = bytes;
    if (link->input.size > 0) {
        buffer_append(&link->input, bytes);
        all = buffer_bytes(&link->input);
    }
    bool is_buffered = link->input.size > 0;
    size_t used = bus_decode(node, number, all);
    if (used == SIZE_MAX) return;
    link = node_link_find(node, number);
    if (is_buffered)
        buffer_consume(&link->input, used);
    else
        buffer_append(&link->input, bytes_from(all, used));
}

void bus_resolved(struct node *node, const struct node_input *input)
{
    if (node->cluster == NULL) return;
    struct cluster_event event = bus_event(node, CLUSTER_RESOLVED);
    event.seed_index = input->token;
    event.addresses = input->addresses;
    event.address_count = input->count;
    bus_step(node, &event);
}

void bus_gap(struct node *node, time_ms gap_ms)
{
    log_warning("The process did not run for %lld ms: it was stopped, or the machine slept",
                (long long)gap_ms);
    if (node->cluster == NULL) return;
    struct cluster_event event = bus_event(node, CLUSTER_SUSPENDED);
    event.gap_ms = gap_ms;
    permit_await_lease(node);
    bus_step(node, &event);
}

void bus_timer(struct node *node)
{
    if (node->cluster == NULL || node_is_loading(node)) return;
    if (cluster_deadline(node->cluster) > node->clock.now_ms) return;
    bus_tell_facts(node);
    struct cluster_event event = bus_event(node, CLUSTER_TIMEOUT);
    bus_step(node, &event);
}

void bus_resume_role(struct node *node)
{
    struct cluster_peer_view myself;
    struct cluster_peer_view primary;
    cluster_peer_view(node->cluster, 0, &myself);
    ptrdiff_t index = node_id_is_none(&myself.primary_id)
                          ? -1
                          : cluster_peer_find(node->cluster, &myself.primary_id);
    if (index < 0) return;
    cluster_peer_view(node->cluster, (size_t)index, &primary);
    if (primary.address.ip[0] != 0) follow_start(node, primary.address.ip, primary.address.port);
}

void bus_order(struct node *node, const struct cluster_order *order, struct cluster_answer *answer)
{
    bus_tell_facts(node);
    struct cluster_effects effects;
    cluster_effects_init(&effects);
    cluster_order(node->cluster, order, &effects, answer);
    bus_perform(node, &effects);
    permit_refresh(node);
}

void bus_publish(struct node *node, bool is_sharded, struct bytes channel, struct bytes payload)
{
    struct cluster_effects effects;
    cluster_effects_init(&effects);
    cluster_publish(node->cluster, is_sharded, channel, payload, &effects);
    bus_perform(node, &effects);
}

/* ---- start and end ----------------------------------------------------------------------- */

static enum err bus_lock(struct node *node, char *why)
{
    const char *name = node->config->cluster_config_file;
    char lock_name[4096];
    snprintf(lock_name, sizeof(lock_name), "%s.lock", name);
    enum err err = disk_lock(node->disk, lock_name, &node->conf_lock);
    if (err == ERR_LOCKED)
        snprintf(why, 256,
                 "Sorry, the cluster configuration file %.60s is already used by a different "
                 "Cluster node. Please make sure that different nodes use different cluster "
                 "configuration files.",
                 name);
    else if (err)
        snprintf(why, 256, "Can't open %.100s in order to acquire a lock: %s", lock_name,
                 err_text(err));
    return err;
}

enum err bus_create(struct node *node, char *why)
{
    enum err err = bus_lock(node, why);
    if (err) return err;
    nodes_conf_tidy(node);
    const char *name = node->config->cluster_config_file;
    struct buffer text = { 0 };
    err = disk_read_whole(node->disk, name, CONF_SIZE_MAX, &text);
    if (err && err != ERR_NOT_FOUND) {
        snprintf(why, 256, "Can't read %.100s: %s", name, err_text(err));
        buffer_fini(&text);
        return err;
    }
    struct cluster_options options;
    size_t seed_count = node->config->cluster_seeds.count;
    struct cluster_seed *seeds = memory_alloc_zero((seed_count + 1) * sizeof(*seeds));
    options_cluster(node, &options, seeds);
    char reason[256] = "";
    err = cluster_create(&options, buffer_bytes(&text), prng_next(&node->prng), node->clock.now_ms,
                         node->clock.wall_ms, &node->cluster, reason);
    if (err)
        snprintf(why, 256, "Unrecoverable error: corrupted cluster config file %.60s: %.120s", name,
                 reason);
    memory_free(seeds);
    buffer_fini(&text);
    if (err) return err;

    bus_learn_id(node);
    options_apply(node, CONFIG_AREA_REPLICATION | CONFIG_AREA_CLUSTER); /* they show the id */
    return ERR_NONE;
}

void bus_destroy(struct node *node)
{
    if (node->cluster != NULL) cluster_destroy(node->cluster);
    node->cluster = NULL;
    number_map_fini(&node->bus_links);
    number_list_fini(&node->accepted);
    file_close(node->conf_lock);
}
