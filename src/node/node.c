/* One whole node: what happens in a turn, and in which order.
 *
 * Bus and replication come before clients, because what they bring may forbid what the clients
 * want: a lost lease, a demotion, a slot that moved. What the clients wrote goes into the stream
 * before anything is sent, and a snapshot's view is taken at the very end, when the offset and
 * the data agree. */
#include "base/memory.h"
#include "node/defrag.h"
#include "node/parts.h"
#include <stdio.h>

#define CRON_PERIOD_MS 100

static void register_rows(struct node *node)
{
    commands_register(node->engine);
    engine_register(node->engine, node_server_rows, node_server_row_count);
    engine_register(node->engine, node_replication_rows, node_replication_row_count);
    engine_register(node->engine, node_config_rows, node_config_row_count);
    engine_register(node->engine, node_info_rows, node_info_row_count);
    engine_register(node->engine, node_memory_rows, node_memory_row_count);
    engine_register(node->engine, node_debug_rows, node_debug_row_count);
    if (!node->config->cluster_enabled) node->lone_rows = node_lone_cluster_rows_create();
    engine_register(node->engine, node->lone_rows != NULL ? node->lone_rows : node_cluster_rows,
                    node_cluster_row_count);
}

static void create_engine(struct node *node)
{
    struct engine_options options = {
        .keyspace = node->keyspace,
        .seed = prng_next(&node->prng),
        .ticks = node->ticks,
        .host = node,
        .host_magic = NODE_MAGIC,
        .is_heard = clients_are_heard,
    };
    options_engine(node, &options.settings);
    node->engine = engine_create(&options);
    engine_propagation_switch(node->engine, true);
    engine_notify(node->engine, node->config->notify_keyspace_events);
    register_rows(node);
    struct session_options stream = { .kind = SESSION_PRIMARY, .fd = -1 };
    node->stream_session = session_create(node->engine, &stream, node->clock.now_ms);
}

/* False: `why` holds the report that names the line. */
static bool rename_commands(struct node *node, char *why)
{
    const struct config_renames *renames = &node->config->renames;
    for (size_t i = 0; i < renames->count; i++) {
        const struct config_rename *rename = &renames->items[i];
        enum err err =
            engine_rename(node->engine, bytes_text(rename->from), bytes_text(rename->to));
        if (!err) continue;

        struct config_error error;
        struct buffer report = { 0 };
        config_error_init(&error);
        config_error_rename(&error, rename,
                            err == ERR_NOT_FOUND ? "No such command in rename-command"
                                                 : "Target command name already exists");
        config_error_print(&error, &report);
        snprintf(why, 256, "%.*s", (int)report.size, report.data);
        buffer_fini(&report);
        config_error_fini(&error);
        return false;
    }
    return true;
}

static void create_replication(struct node *node)
{
    const struct config *config = node->config;
    node->backlog = backlog_create((size_t)config->repl_backlog_size_bytes, prng_next(&node->prng));
    struct primary_options primary;
    options_primary(node, &primary);
    node->primary =
        primary_create(&primary, node->backlog, prng_next(&node->prng), node->clock.now_ms);
    struct replica_options replica;
    options_replica(node, &replica);
    node->replica = replica_create(&replica, node->backlog, prng_next(&node->prng));
    repl_effects_init(&node->repl_effects);
}

enum err node_create(const struct node_options *options, struct node_clock clock,
                     struct node **created, char *why)
{
    struct node *node = memory_alloc_zero(sizeof(*node));
    node->magic = NODE_MAGIC;
    node->clock = clock;
    node->ticks = options->ticks;
    node->disk = options->disk;
    node->config = options->config;
    node->measure = options->measure;
    node->raise_files = options->raise_files;
    node->system = options->system != NULL ? options->system : "";
    node->loop = options->loop != NULL ? options->loop : "";
    node->process_id = options->process_id;
    node->executable = options->executable;
    node->memory_total = options->memory_total;
    node->started_ms = clock.now_ms;
    node->started_wall_ms = clock.wall_ms;
    node->next_inbound = 2;
    prng_init(&node->prng, options->seed);
    prng_hex(&node->prng, node->run_id, sizeof(node->run_id));
    list_init(&node->waiting);
    node_links_init(node);
    turns_init(node);
    node->keyspace = data_create_keyspace(node);
    create_engine(node);
    permit_init(node);
    create_replication(node);
    node->memory_at_start = memory_used();
    *created = node;

    enum err err = rename_commands(node, why) ? ERR_NONE : ERR_INVALID;
    if (!err) err = snapshots_open(node, why);
    if (!err && node->config->cluster_enabled) err = bus_create(node, why);
    if (err) {
        node_destroy(node);
        *created = NULL;
    }
    return err;
}

void node_destroy(struct node *node)
{
    ensure(node->magic == NODE_MAGIC);
    node->effects = NULL;
    clients_fini(node);
    node_links_fini(node);
    session_destroy(node->engine, node->stream_session);
    bus_destroy(node);
    primary_destroy(node->primary);
    replica_destroy(node->replica);
    repl_effects_fini(&node->repl_effects);
    backlog_destroy(node->backlog);
    options_forget_change(node);
    snapshots_fini(node);
    permit_fini(node);
    engine_destroy(node->engine);
    memory_free(node->lone_rows);
    keyspace_destroy(node->keyspace);
    memory_free(node->batch);
    turns_fini(node);
    for (size_t i = 0; i < TRACE_EVENTS; i++) memory_free(node->events[i].text);
    config_destroy(node->config);
    node->magic = 0;
    memory_free(node);
}

connection_number node_accept(struct node *node, enum connection_kind kind,
                              const struct endpoint_names *names, struct node_clock clock)
{
    node->clock = clock;
    struct link *link = node_link_create(node, kind);
    link->names = *names;
    if (kind == CONNECTION_CLIENT)
        clients_accept(node, link);
    else
        bus_accept(node, link);
    return link->number;
}

/* ---- the turn --------------------------------------------------------------------------- */

static void input_received(struct node *node, const struct node_input *input, struct link *link)
{
    switch (link->kind) {
    case CONNECTION_BUS: bus_received(node, link, input->bytes); break;
    case CONNECTION_PRIMARY: follow_received(node, link, input->bytes); break;
    case CONNECTION_CLIENT: clients_received(node, link, input->bytes); break;
    }
}

static void input_closed(struct node *node, const struct node_input *input, struct link *link)
{
    switch (link->kind) {
    case CONNECTION_BUS: bus_closed(node, link, input->cause); break;
    case CONNECTION_PRIMARY: follow_closed(node, link, input->cause); break;
    case CONNECTION_CLIENT: clients_closed(node, link); break;
    }
}

static void input_connected(struct node *node, const struct node_input *input, struct link *link)
{
    link->names = *input->names;
    if (link->kind == CONNECTION_BUS)
        bus_connected(node, link, input->names);
    else
        follow_connected(node, link);
}

static void take_one(struct node *node, const struct node_input *input)
{
    struct link *link = node_link_find(node, input->connection);
    switch (input->type) {
    case NODE_RECEIVED:
        if (link != NULL && !link->is_closing) input_received(node, input, link);
        break;
    case NODE_CONNECTED:
        if (link != NULL) input_connected(node, input, link);
        break;
    case NODE_CLOSED:
        if (link != NULL) input_closed(node, input, link);
        break;
    case NODE_CHILD_BYTES: snapshots_child_bytes(node, input->bytes); break;
    case NODE_CHILD_STARTED: snapshots_forked(node, (time_us)input->count); break;
    case NODE_CHILD_EXITED: snapshots_child_exited(node, (int)input->count); break;
    case NODE_RESOLVED: bus_resolved(node, input); break;
    case NODE_SIGNAL: stop_signal(node, (int)input->count); break;
    case NODE_GAP: bus_gap(node, (time_ms)input->count); break;
    case NODE_LISTENER_LOST: stop_listener_lost(node); break;
    case NODE_APPLIED: options_applied(node, input->count == 0); break;
    case NODE_WRITTEN: nodes_conf_written(node, input->count == 0); break;
    }
}

static void take_input(struct node *node, const struct node_input *input)
{
    take_one(node, input);
    repl_perform(node);
}

static bool input_is_of_client(const struct node *node, const struct node_input *input)
{
    if (input->type != NODE_RECEIVED) return false;
    const struct link *link = node_link_find(node, input->connection);
    return link != NULL && link->kind == CONNECTION_CLIENT;
}

static void node_cron(struct node *node)
{
    turns_cron(node);
    snapshots_cron(node);
    limits_cron(node);
}

/* Once, with the data loaded: from here on the node is what its files say. */
static void begin(struct node *node)
{
    node->has_begun = true;
    if (node->cluster != NULL)
        bus_resume_role(node);
    else if (node->config->replicaof.host[0] != 0)
        follow_begin(node);
    repl_perform(node);
    permit_refresh(node);
}

static void run_timers(struct node *node)
{
    bus_timer(node);
    repl_perform(node);
    follow_timer(node);
    repl_perform(node);
    feed_timer(node);
    if (node->clock.now_ms < node->next_cron_ms) return;
    node->next_cron_ms = node->clock.now_ms + CRON_PERIOD_MS;
    if (!node->debug.pauses_cron) node_cron(node);
}

void node_turn(struct node *node, struct node_clock clock, const struct node_input *inputs,
               size_t count, struct node_effects *effects)
{
    ensure(node->magic == NODE_MAGIC);
    node->clock = clock;
    node->effects = effects;
    node->turn++;
    turns_begin(node);
    bus_take_accepted(node);
    repl_perform(node);
    for (size_t i = 0; i < count; i++)
        if (!input_is_of_client(node, &inputs[i])) take_input(node, &inputs[i]);
    if (!node->has_begun && !node_is_loading(node)) begin(node);
    run_timers(node);
    follow_apply(node);
    repl_perform(node);
    if (node->load.file != NULL) {
        snapshots_load_turn(node);
        node_mark(node, "loading");
    }
    if (node->permit_is_stale) permit_refresh(node);
    permit_refresh_cheap(node);
    node_mark(node, "cluster, replication and timers");

    for (size_t i = 0; i < count; i++)
        if (input_is_of_client(node, &inputs[i])) take_input(node, &inputs[i]);
    clients_turn(node);
    turns_mark_commands(node);
    data_expire(node);
    defrag_turn(node);
    clients_propagate(node);
    if (node->failover.state != FAILOVER_NONE) failover_turn(node);
    if (node->is_stopping) stop_turn(node);
    data_sweep(node);
    bus_tell_changes(node);
    repl_perform(node);
    feed_turn(node);
    repl_perform(node);
    snapshots_stream_turn(node);
    repl_perform(node);
    clients_take_ready(node);
    repl_perform(node);
    node_links_flush(node);
    node_mark(node, "propagation");
    node->effects = NULL;
}

void node_before_send(struct node *node, struct node_clock clock, struct node_effects *effects)
{
    node->clock = clock;
    struct permit *permit = engine_permit(node->engine);
    if (!permit->has_lease || clock.now_ms < permit->writes_until_ms) return;
    /* The lease ran out during the turn: whoever wrote in it must not be told that it is done. */
    node->effects = effects;
    clients_withhold(node);
    node->effects = NULL;
}

time_ms node_deadline(const struct node *node)
{
    time_ms due_ms = node->next_cron_ms;
    due_ms = MIN(due_ms, engine_deadline(node->engine));
    due_ms = MIN(due_ms, primary_deadline(node->primary));
    due_ms = MIN(due_ms, replica_deadline(node->replica));
    due_ms = MIN(due_ms, data_deadline(node));
    due_ms = MIN(due_ms, defrag_deadline(node));
    if (node->cluster != NULL) due_ms = MIN(due_ms, cluster_deadline(node->cluster));
    return due_ms;
}

bool node_is_busy(const struct node *node)
{
    return node->load.file != NULL || engine_is_busy(node->engine) || follow_is_busy(node);
}

const struct output *node_output(const struct node *node, connection_number connection)
{
    const struct link *link = node_link_find(node, connection);
    if (link == NULL) return NULL;
    return link->session != NULL ? &link->session->output : &link->output;
}

void node_sent(struct node *node, connection_number connection, size_t count)
{
    struct link *link = node_link_find(node, connection);
    if (link == NULL) return;
    if (link->session != NULL) link->session->bytes_out += count;
    output_consume(link->session != NULL ? &link->session->output : &link->output, count);
    if (link->kind == CONNECTION_CLIENT && client_memory_limit(node) > 0)
        client_memory_measure(node, link);
    if (link->kind == CONNECTION_BUS)
        node->bus_bytes_out += count;
    else
        node->net_out += count;
    node->writes++;
    if (link->session != NULL && link->session->kind == SESSION_REPLICA)
        node->net_repl_out += count;
}

int node_child_run(struct node *node, enum child_job job, struct sink *sink)
{
    return snapshots_child_run(node, job, sink);
}

const struct config *node_config(const struct node *node)
{
    return node->config;
}

char node_role_letter(const struct node *node)
{
    return node_is_replica(node) ? 'S' : 'M';
}

bool node_is_ready(const struct node *node)
{
    return node->load.file == NULL;
}
