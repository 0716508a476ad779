/* Commands of replication: the handshake of replicas, REPLICAOF, ROLE, WAIT. */
#include "base/log.h"
#include "node/parts.h"
#include <stdio.h>

/* ---- the handshake of replicas ------------------------------------------------------------ */

static void run_replconf(struct call *call)
{
    struct node *node = node_of(call);
    struct follower *follower = feed_follower(node, call->session);
    primary_replconf(node->primary, follower, call->argc, call->argv, call->now_ms,
                     &node->repl_effects);
    repl_perform(node);
}

static void become_replica_link(struct node *node, struct call *call)
{
    call->session->kind = SESSION_REPLICA;
    session_has_output(node->engine, call->session);
}

static bool may_serve_psync(struct node *node, struct call *call)
{
    if (call->session->output.size > 0) {
        reply_error(call, "ERR SYNC and PSYNC are invalid with pending output");
        return false;
    }
    clients_propagate(node); /* the offset must count what this turn wrote so far */
    feed_facts(node);
    return true;
}

static void run_psync(struct call *call)
{
    struct node *node = node_of(call);
    if (call->session->kind == SESSION_REPLICA) return;
    int64_t offset;
    if (!call_integer(call, 2, &offset)) return;
    if (!may_serve_psync(node, call)) return;
    struct follower *follower = feed_follower(node, call->session);
    if (!feed_may_serve(node, follower)) {
        reply_error(call,
                    "NOMASTERLINK Can't SYNC: I have no slots, and you are no replica of mine");
        return;
    }
    uint32_t argc = call->argc;
    enum psync_result result =
        primary_psync(node->primary, follower, argc, call->argv, call->now_ms, &node->repl_effects);
    if (result == PSYNC_PROMOTE && node->cluster != NULL) {
        reply_error(call, "ERR PSYNC FAILOVER not allowed in cluster mode.");
        return;
    }
    if (result == PSYNC_PROMOTE) {
        node_trace(node, LOG_LEVEL_NOTICE, "PRIMARY MODE enabled (failover request from '%s')",
                   call->session->address);
        config_put_replicaof(node->config, "", 0);
        replica_promote(node->replica, call->now_ms, &node->repl_effects);
        repl_perform(node);
        permit_refresh(node);
        result = primary_psync(node->primary, follower, argc - 1, call->argv, call->now_ms,
                               &node->repl_effects);
    }
    if (result == PSYNC_TAKEN) become_replica_link(node, call);
    repl_perform(node);
}

static void run_sync(struct call *call)
{
    struct node *node = node_of(call);
    if (call->session->kind == SESSION_REPLICA) return;
    if (!may_serve_psync(node, call)) return;
    struct follower *follower = feed_follower(node, call->session);
    if (primary_sync(node->primary, follower, call->now_ms, &node->repl_effects) == PSYNC_TAKEN)
        become_replica_link(node, call);
    repl_perform(node);
}

/* ---- REPLICAOF ---------------------------------------------------------------------------- */

static void promote(struct node *node, struct call *call)
{
    if (node_is_replica(node)) {
        replica_promote(node->replica, call->now_ms, &node->repl_effects);
        repl_perform(node);
        node_trace(node, LOG_LEVEL_NOTICE, "PRIMARY MODE enabled (user request from '%s')",
                   call->session->address);
        config_put_replicaof(node->config, "", 0);
        permit_refresh(node);
    }
    reply_ok(call);
}

static void run_replicaof(struct call *call)
{
    struct node *node = node_of(call);
    if (node->cluster != NULL) {
        reply_error(call, "ERR REPLICAOF not allowed in cluster mode.");
        return;
    }
    if (node->failover.state != FAILOVER_NONE) {
        reply_error(call, "ERR REPLICAOF not allowed while failing over.");
        return;
    }
    if (call_arg_is(call, 1, "no") && call_arg_is(call, 2, "one")) {
        promote(node, call);
        return;
    }
    int64_t port;
    if (!number_parse(call_arg(call, 2), &port) || port < 0 || port > 65535) {
        reply_error(call, "ERR Invalid master port");
        return;
    }
    struct replica_view view;
    replica_look(node->replica, &view);
    char host[256];
    bytes_to_text(call_arg(call, 1), host, sizeof(host));
    if (view.state != REPLICA_IDLE && strcmp(view.host, host) == 0 && view.port == port) {
        reply_simple(call, "OK Already connected to specified master");
        return;
    }
    config_put_replicaof(node->config, host, port);
    node_trace(node, LOG_LEVEL_NOTICE, "REPLICAOF %s:%d enabled (user request from '%s')", host,
               (int)port, call->session->address);
    follow_begin(node);
    permit_refresh(node);
    reply_ok(call);
}

/* ---- ROLE --------------------------------------------------------------------------------- */

static void count_replica(void *context, const struct follower_view *view)
{
    (void)view;
    ++*(size_t *)context;
}

static void reply_replica(void *context, const struct follower_view *view)
{
    struct call *call = context;
    char text[NUMBER_TEXT_MAX];
    reply_array(call, 3);
    reply_text(call, view->ip);
    reply_bytes(call, bytes_of(text, number_print(view->port, text)));
    reply_bytes(call, bytes_of(text, number_print(view->offset, text)));
}

static void run_role(struct call *call)
{
    struct node *node = node_of(call);
    struct replica_view view;
    replica_look(node->replica, &view);
    const struct lineage *lineage = backlog_lineage(node->backlog);
    if (view.state != REPLICA_IDLE) {
        reply_array(call, 5);
        reply_text(call, "slave");
        reply_text(call, view.host);
        reply_integer(call, view.port);
        reply_text(call, replica_state_text(view.state));
        reply_integer(call, view.state == REPLICA_CONNECTED ? lineage->offset : -1);
        return;
    }
    size_t count = 0;
    primary_each(node->primary, call->now_ms, count_replica, &count);
    reply_array(call, 3);
    reply_text(call, "master");
    reply_integer(call, lineage->offset);
    reply_array(call, count);
    primary_each(node->primary, call->now_ms, reply_replica, call);
}

/* ---- WAIT --------------------------------------------------------------------------------- */

static void wait_timed_out(struct engine *engine, struct session *session)
{
    list_remove(&session->blocked.link);
    clients_answer_wait(engine_host(engine), session);
}

/* Blocks until the replicas are there; false when nothing may block: the answer is due now. */
static bool block_for_replicas(struct call *call, int64_t wanted, bool is_durable,
                               time_ms deadline_ms)
{
    struct node *node = node_of(call);
    struct session *session = call->session;
    if (!call_block(call, BLOCK_WAIT, deadline_ms, wait_timed_out)) return false;
    session->blocked.offset = session->write_offset;
    session->blocked.wanted = wanted;
    session->blocked.wanted_local = is_durable;
    list_append(&node->waiting, &session->blocked.link);
    primary_ask_acks(node->primary);
    return true;
}

static void run_wait(struct call *call)
{
    struct node *node = node_of(call);
    int64_t wanted;
    time_ms deadline_ms;
    if (node_is_replica(node)) {
        reply_error(call, "ERR WAIT cannot be used with replica instances. Please also note that "
                          "if a replica is configured to be writable (which is not the default) "
                          "writes to replicas are just local and are not propagated.");
        return;
    }
    if (!call_integer(call, 1, &wanted)) return;
    if (!call_timeout_ms(call, 2, &deadline_ms)) return;
    clients_propagate(node); /* what this connection wrote in this turn gets its offset */
    struct session *session = call->session;
    unsigned count = primary_count_acked(node->primary, (int64_t)session->write_offset);
    if ((int64_t)count < wanted && block_for_replicas(call, wanted, false, deadline_ms)) return;
    reply_integer(call, count);
}

static void run_waitaof(struct call *call)
{
    static const char not_positive[] = "ERR value is out of range, must be positive";
    struct node *node = node_of(call);
    int64_t local;
    int64_t wanted;
    time_ms deadline_ms;
    if (!call_integer(call, 1, &local)) return;
    if (local < 0 || local > 1) {
        reply_error(call, "ERR value is out of range, value must between 0 and 1");
        return;
    }
    if (!call_integer_or(call, 2, not_positive, &wanted)) return;
    if (wanted < 0) {
        reply_error(call, not_positive);
        return;
    }
    if (!call_timeout_ms(call, 3, &deadline_ms)) return;
    if (node_is_replica(node)) {
        reply_error(call, "ERR WAITAOF cannot be used with replica instances. Please also note "
                          "that writes to replicas are just local and are not propagated.");
        return;
    }
    if (local > 0) {
        reply_error(call, "ERR WAITAOF cannot be used when numlocal is set but appendonly is "
                          "disabled.");
        return;
    }
    /* No replica of ours says FACK before the append log exists; Valkey's may. */
    clients_propagate(node);
    unsigned count = primary_count_durable(node->primary, (int64_t)call->session->write_offset);
    if ((int64_t)count < wanted && block_for_replicas(call, wanted, true, deadline_ms)) return;
    reply_array(call, 2);
    reply_integer(call, 0);
    reply_integer(call, count);
}

/* clang-format off */
const struct command node_replication_rows[] = {
    { .name = "replconf", .run = run_replconf, .arity = -1,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
      .group = GROUP_SERVER, .since = "3.0.0", .complexity = "O(1)",
      .summary = "An internal command for configuring the replication stream.",
      .doc_flags = DOC_SYSTEM },
    { .name = "psync", .run = run_psync, .arity = -3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
      .group = GROUP_SERVER, .args = "replicationid offset:integer", .since = "2.8.0",
      .summary = "An internal command used in replication." },
    { .name = "sync", .run = run_sync, .arity = 1,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
      .group = GROUP_SERVER, .since = "1.0.0",
      .summary = "An internal command used in replication." },
    { .name = "replicaof", .run = run_replicaof, .arity = 3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_SERVER,
      .args = "args(host-port{host port:integer}|no-one{NO ONE})", .since = "5.0.0",
      .complexity = "O(1)",
      .summary = "Configures a server as replica of another, or promotes it to a primary." },
    { .name = "slaveof", .run = run_replicaof, .arity = 3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_STALE | CMD_NO_ASYNC_LOADING, .group = GROUP_SERVER,
      .args = "args(host-port{host port:integer}|no-one{NO ONE})", .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Sets a server as a replica of another, or promotes it to being a primary.",
      .doc_flags = DOC_DEPRECATED, .deprecated_since = "5.0.0", .replaced_by = "`REPLICAOF`" },
    { .name = "failover", .run = failover_run, .arity = -1,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_STALE, .group = GROUP_SERVER,
      .args = "[TO=target{host port:integer [FORCE]}] [ABORT] [TIMEOUT=milliseconds:integer]",
      .since = "6.2.0", .complexity = "O(1)",
      .summary = "Starts a coordinated failover from a server to one of its replicas." },
    { .name = "role", .run = run_role, .arity = 1,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST,
      .acl = ACL_ADMIN | ACL_DANGEROUS, .group = GROUP_SERVER, .since = "2.8.12",
      .complexity = "O(1)", .summary = "Returns the replication role." },
    { .name = "wait", .run = run_wait, .arity = 3, .flags = CMD_BLOCKING, .acl = ACL_CONNECTION,
      .group = GROUP_GENERIC, .args = "numreplicas:integer timeout:integer", .since = "3.0.0",
      .complexity = "O(1)",
      .summary = "Blocks until the asynchronous replication of all preceding write "
          "commands sent by the connection is completed.",
      .tips = "request_policy:all_shards response_policy:agg_min" },
    { .name = "waitaof", .run = run_waitaof, .arity = 4, .flags = CMD_BLOCKING,
      .acl = ACL_CONNECTION,
      .group = GROUP_GENERIC, .args = "numlocal:integer numreplicas:integer timeout:integer",
      .since = "7.2.0", .complexity = "O(1)",
      .summary = "Blocks until all of the preceding write commands sent by the connection "
          "are written to the append-only file of the primary and/or replicas.",
      .tips = "request_policy:all_shards response_policy:agg_min" },
};
/* clang-format on */
const size_t node_replication_row_count = COUNT_OF(node_replication_rows);
