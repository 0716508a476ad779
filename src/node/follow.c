/* The following half of replication in its shell: the connection to our primary, the commands of
 * its stream, and the second keyspace into which a full sync is loaded. */
#include "base/log.h"
#include "base/memory.h"
#include "node/parts.h"
#include <stdio.h>

/* Commands of the stream that one turn runs at most, unless a transaction is longer. */
#define APPLY_A_TURN 4096

static struct replica_event follow_event(const struct node *node, enum replica_event_type type)
{
    return (struct replica_event){ .type = type, .now_ms = node->clock.now_ms };
}

static void follow_step(struct node *node, const struct replica_event *event)
{
    replica_step(node->replica, event, &node->repl_effects);
}

void follow_start(struct node *node, const char *host, uint16_t port)
{
    bool has_data = node_has_keys(node) || node->has_lineage;
    replica_follow(node->replica, host, port, has_data, node->clock.now_ms, &node->repl_effects);
}

void follow_begin(struct node *node)
{
    const struct config_replicaof *replicaof = &node->config->replicaof;
    follow_start(node, replicaof->host, (uint16_t)replicaof->port);
}

/* ---- the connection ---------------------------------------------------------------------- */

void follow_connect(struct node *node, const struct repl_effect *effect)
{
    struct link *link = node_link_create(node, CONNECTION_PRIMARY);
    link->repl_link = effect->link;
    node->primary_link = link->number;
    struct node_effect *connect = node_add_effect(node, NODE_CONNECT);
    connect->connection = link->number;
    connect->kind = CONNECTION_PRIMARY;
    connect->port = effect->port;
    snprintf(connect->host, sizeof(connect->host), "%s", effect->host);
}

/* The link of this number of the replica core, or NULL. */
struct link *follow_link(const struct node *node, uint64_t repl_link)
{
    struct link *link = node_link_find(node, node->primary_link);
    return link != NULL && link->repl_link == repl_link ? link : NULL;
}

static void show_stream(struct node *node, const struct link *link)
{
    char address[LINK_ADDRESS_SIZE];
    char local[LINK_ADDRESS_SIZE];
    node_link_print_remote(link, address);
    node_link_print_local(link, local);
    struct session_options options = {
        .connection = link->number, .address = address, .local_address = local, .fd = link->names.fd
    };
    session_attach(node->engine, node->stream_session, &options, node->clock.now_ms);
}

void follow_connected(struct node *node, struct link *link)
{
    link->is_up = true;
    show_stream(node, link);
    struct replica_event event = follow_event(node, REPLICA_LINK_UP);
    event.link = link->repl_link;
    event.output = &link->output;
    follow_step(node, &event);
}

void follow_received(struct node *node, struct link *link, struct bytes bytes)
{
    node->net_repl_in += bytes.size;
    node->stream_session->bytes_in += bytes.size;
    node->stream_session->active_ms = node->clock.now_ms;
    struct replica_event event = follow_event(node, REPLICA_RECEIVED);
    event.link = link->repl_link;
    event.bytes = bytes;
    follow_step(node, &event);
}

void follow_closed(struct node *node, struct link *link, enum close_cause cause)
{
    (void)cause;
    struct replica_event event =
        follow_event(node, link->is_up ? REPLICA_LINK_DOWN : REPLICA_LINK_REFUSED);
    event.link = link->repl_link;
    /* The core lets go of the output before the link goes. */
    node->primary_link = 0;
    session_detach(node->engine, node->stream_session);
    follow_step(node, &event);
    node_link_release(node, link);
}

void follow_cut(struct node *node, struct link *link)
{
    node_add_effect(node, NODE_CLOSE)->connection = link->number;
    follow_closed(node, link, CLOSE_LOCAL);
}

void follow_timer(struct node *node)
{
    if (replica_deadline(node->replica) > node->clock.now_ms) return;
    struct replica_event event = follow_event(node, REPLICA_TIMEOUT);
    follow_step(node, &event);
}

/* ---- the stream -------------------------------------------------------------------------- */

void follow_apply(struct node *node)
{
    struct engine_clock clock = { .now_ms = node->clock.now_ms, .wall_ms = node->clock.wall_ms };
    struct replica_command command;
    node->has_more_stream = false;
    /* What the stream brings is handed on as it came, not as our engine would say it. */
    engine_propagation_switch(node->engine, false);
    for (unsigned count = 0; replica_next(node->replica, &command); count++) {
        if (count >= APPLY_A_TURN && !node->stream_in_transaction) {
            node->has_more_stream = true;
            break;
        }
        node->stream_session->db = command.db;
        engine_execute(node->engine, clock, node->stream_session, command.argv,
                       (uint32_t)command.argc);
        node->stream_in_transaction = command.is_continued;
        replica_applied(node->replica, node->clock.now_ms, &node->repl_effects);
    }
    engine_propagation_switch(node->engine, true);
    if (node->has_more_stream) node_mark(node, "commands of the primary");
}

bool follow_is_busy(const struct node *node)
{
    return node->has_more_stream;
}

/* ---- a full sync ------------------------------------------------------------------------- */

void follow_load_begin(struct node *node)
{
    node->incoming = data_create_keyspace(node);
    struct snapshot_reader_options options = {
        .keyspace = node->incoming,
        .wall_ms = node->clock.wall_ms,
        .keeps_expired = true,
        .is_relaxed = node->config->rdb_version_check == CONFIG_VERSION_RELAXED,
        .ignores_checksum = !node->config->rdbchecksum || node->debug.skips_checksums,
    };
    node->incoming_reader = snapshot_reader_create(&options);
    node->incoming_failed = false;
}

static void destroy_keyspace(void *keyspace)
{
    keyspace_destroy(keyspace);
}

void follow_load_drop(struct node *node)
{
    snapshot_reader_destroy(node->incoming_reader);
    node->incoming_reader = NULL;
    node_free_later(node, node->incoming, destroy_keyspace);
    node->incoming = NULL;
}

void follow_load_bytes(struct node *node, struct bytes bytes)
{
    if (node->incoming_failed) return;
    size_t consumed;
    enum err err = snapshot_reader_feed(node->incoming_reader, bytes, &consumed);
    node->incoming_failed = err != ERR_NONE || consumed < bytes.size;
}

static void load_failed(struct node *node, const char *reason)
{
    node_trace(node, LOG_LEVEL_WARNING, "Failed to load the snapshot of the primary: %s", reason);
    struct replica_event event = follow_event(node, REPLICA_LOAD_FAILED);
    event.text = reason;
    follow_load_drop(node);
    replica_step(node->replica, &event, &node->repl_effects);
}

void follow_load_end(struct node *node)
{
    struct snapshot_reader *reader = node->incoming_reader;
    enum err err = node->incoming_failed ? ERR_MALFORMED : snapshot_reader_end(reader);
    if (err) {
        char reason[SNAPSHOT_REASON_SIZE];
        snprintf(reason, sizeof(reason), "%s", snapshot_reader_error(reader)->reason);
        load_failed(node, reason);
        return;
    }
    const struct snapshot_result *result = snapshot_reader_result(reader);
    struct replica_event event = follow_event(node, REPLICA_LOADED);
    event.db = result->lineage.is_known ? (int)result->lineage.db : BACKLOG_DB_UNKNOWN;
    node_trace(node, LOG_LEVEL_NOTICE, "PRIMARY <-> REPLICA sync: finished with success, %llu keys",
               (unsigned long long)result->keys_loaded);
    data_tell_skipped(node, result);
    data_adopt(node, node->incoming);
    node->incoming = NULL;
    node->has_lineage = true;
    snapshot_reader_destroy(reader);
    node->incoming_reader = NULL;
    replica_step(node->replica, &event, &node->repl_effects);
}
