/* FAILOVER: a primary without a cluster hands over to one of its replicas.
 *
 *   FAILOVER -> writes wait, acknowledgements are asked for -> one replica has everything
 *            -> we ask it to lead and follow it: PSYNC id offset FAILOVER
 *            -> it goes on under a new id, and writes are redirected by whoever reads INFO
 *
 * Before the replica is asked, everything can be taken back. Once it was asked it may lead, whether
 * we heard its answer or not: then only its refusal, or an operator (ABORT), makes us lead again.
 */
#include "base/log.h"
#include "node/parts.h"
#include <stdio.h>

struct failover_request {
    bool is_abort;
    bool is_forced;
    bool has_target;
    char host[256];
    int64_t port;
    int64_t timeout_ms; /* 0: none */
};

const char *failover_state_text(const struct node *node)
{
    switch (node->failover.state) {
    case FAILOVER_NONE: break;
    case FAILOVER_WAITING: return "waiting-for-sync";
    case FAILOVER_ASKING: return "failover-in-progress";
    }
    return "no-failover";
}

/* "127.0.0.1:6380", or "any replica". */
static const char *target_text(const struct failover *failover, char text[280])
{
    if (failover->host[0] == 0) return "any replica";
    snprintf(text, 280, "%s:%u", failover->host, failover->port);
    return text;
}

static void finish(struct node *node)
{
    node->failover = (struct failover){ .state = FAILOVER_NONE };
    permit_pause(node, 0);
    permit_refresh(node);
}

static void roll_back(struct node *node, const char *why)
{
    char text[280];
    node_trace(node, LOG_LEVEL_NOTICE, "FAILOVER to %s aborted: %s",
               target_text(&node->failover, text), why);
    if (node->failover.state == FAILOVER_ASKING) {
        replica_stop(node->replica, node->clock.now_ms, &node->repl_effects);
        repl_perform(node);
    }
    finish(node);
}

/* ---- the way forward ---------------------------------------------------------------------- */

struct target_search {
    const struct failover *failover; /* its host empty: any replica */
    int64_t offset;                  /* that it must have */
    bool is_replica;
    bool is_online;
    bool is_synced;
    char host[256];
    uint16_t port;
};

static void look_at_replica(void *context, const struct follower_view *view)
{
    struct target_search *search = context;
    const struct failover *failover = search->failover;
    bool is_any = failover->host[0] == 0;
    if (!is_any && (strcmp(view->ip, failover->host) != 0 || view->port != failover->port)) return;
    search->is_replica = true;
    if (view->state != FOLLOWER_ONLINE) return;
    search->is_online = true;
    if (search->is_synced || view->offset < search->offset) return;
    search->is_synced = true;
    snprintf(search->host, sizeof(search->host), "%s", view->ip);
    search->port = view->port;
}

static struct target_search find_target(const struct node *node)
{
    struct target_search search = { .failover = &node->failover, .offset = node->failover.offset };
    primary_each(node->primary, node->clock.now_ms, look_at_replica, &search);
    return search;
}

static void ask_target(struct node *node, const char *host, uint16_t port)
{
    struct failover *failover = &node->failover;
    if (failover->host != host) snprintf(failover->host, sizeof(failover->host), "%s", host);
    failover->port = port;
    failover->state = FAILOVER_ASKING;
    replica_hand_over(node->replica, host, port, node->clock.now_ms, &node->repl_effects);
    repl_perform(node);
    permit_refresh(node);
}

static void wait_for_sync(struct node *node)
{
    struct failover *failover = &node->failover;
    struct target_search search = find_target(node);
    char text[280];
    if (search.is_synced) {
        snprintf(failover->host, sizeof(failover->host), "%s", search.host);
        failover->port = search.port;
        node_trace(node, LOG_LEVEL_NOTICE, "Failover target %s is synced, failing over.",
                   target_text(failover, text));
        ask_target(node, failover->host, failover->port);
    } else if (failover->until_ms > node->clock.now_ms) {
        node->next_cron_ms = MIN(node->next_cron_ms, failover->until_ms);
    } else if (failover->is_forced) {
        node_trace(node, LOG_LEVEL_NOTICE, "FAILOVER to %s time out exceeded, failing over.",
                   target_text(failover, text));
        ask_target(node, failover->host, failover->port);
    } else {
        roll_back(node, "Replica never caught up before timeout");
    }
}

void failover_turn(struct node *node)
{
    if (node->failover.state == FAILOVER_WAITING) wait_for_sync(node);
    if (node->failover.state != FAILOVER_ASKING) return;
    if (node->failover.refusal[0] != 0) {
        char why[sizeof(node->failover.refusal)];
        memcpy(why, node->failover.refusal, sizeof(why));
        roll_back(node, why);
        return;
    }
    struct replica_view view;
    replica_look(node->replica, &view);
    if (view.state != REPLICA_CONNECTED && view.state != REPLICA_TRANSFER) return;
    node_trace(node, LOG_LEVEL_NOTICE, "FAILOVER: %s:%u leads now", view.host, view.port);
    config_put_replicaof(node->config, view.host, view.port);
    finish(node);
}

/* ---- the command -------------------------------------------------------------------------- */

static bool parse_target(struct call *call, uint32_t at, struct failover_request *request)
{
    request->has_target = true;
    bytes_to_text(call_arg(call, at), request->host, sizeof(request->host));
    return call_integer(call, at + 1, &request->port);
}

static bool parse_timeout(struct call *call, uint32_t at, struct failover_request *request)
{
    if (!call_integer(call, at, &request->timeout_ms)) return false;
    if (request->timeout_ms > 0) return true;
    reply_error(call, "ERR FAILOVER timeout must be greater than 0");
    return false;
}

static bool parse(struct call *call, struct failover_request *request)
{
    *request = (struct failover_request){ .is_abort = false };
    uint32_t argc = call->argc;
    for (uint32_t at = 1; at < argc; at++) {
        if (call_arg_is(call, at, "timeout") && at + 1 < argc && request->timeout_ms == 0) {
            if (!parse_timeout(call, ++at, request)) return false;
        } else if (call_arg_is(call, at, "abort") && argc == 2) {
            request->is_abort = true;
        } else if (call_arg_is(call, at, "to") && at + 2 < argc && !request->has_target) {
            if (!parse_target(call, at + 1, request)) return false;
            at += 2;
        } else if (call_arg_is(call, at, "force") && !request->is_forced) {
            request->is_forced = true;
        } else {
            reply_syntax_error(call);
            return false;
        }
    }
    return true;
}

static void count_one(void *context, const struct follower_view *view)
{
    (void)view;
    ++*(size_t *)context;
}

/* The reason why not, or NULL. */
static const char *fault(struct node *node, const struct failover_request *request)
{
    size_t replicas = 0;
    primary_each(node->primary, node->clock.now_ms, count_one, &replicas);
    if (node->failover.state != FAILOVER_NONE) return "ERR FAILOVER already in progress.";
    if (node_is_replica(node)) return "ERR FAILOVER is not valid when server is a replica.";
    if (replicas == 0) return "ERR FAILOVER requires connected replicas.";
    if (request->is_forced && (request->timeout_ms == 0 || !request->has_target))
        return "ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
    if (!request->has_target) return NULL;

    struct failover wanted = { .port = (uint16_t)request->port };
    snprintf(wanted.host, sizeof(wanted.host), "%s", request->host);
    struct target_search search = { .failover = &wanted, .offset = INT64_MAX };
    primary_each(node->primary, node->clock.now_ms, look_at_replica, &search);
    if (!search.is_replica || wanted.host[0] == 0 || request->port != wanted.port)
        return "ERR FAILOVER target HOST and PORT is not a replica.";
    return search.is_online ? NULL : "ERR FAILOVER target replica is not online.";
}

static void begin(struct node *node, const struct failover_request *request)
{
    struct failover *failover = &node->failover;
    clients_propagate(node);
    *failover = (struct failover){
        .state = FAILOVER_WAITING,
        .is_forced = request->is_forced,
        .port = (uint16_t)request->port,
        .until_ms = request->timeout_ms ? node->clock.now_ms + request->timeout_ms : TIME_NEVER,
        .offset = backlog_lineage(node->backlog)->offset,
    };
    if (request->has_target) snprintf(failover->host, sizeof(failover->host), "%s", request->host);
    char text[280];
    node_trace(node, LOG_LEVEL_NOTICE, "FAILOVER requested to %s.", target_text(failover, text));
    /* The question goes into the stream before the pause keeps everything out of it. */
    primary_ask_acks(node->primary);
    feed_flush(node);
    permit_pause(node, TIME_NEVER);
}

void failover_run(struct call *call)
{
    struct node *node = node_of(call);
    struct failover_request request;
    if (node->cluster != NULL) {
        reply_error(call, "ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command "
                          "instead.");
        return;
    }
    if (!parse(call, &request)) return;
    if (request.is_abort && node->failover.state == FAILOVER_NONE) {
        reply_error(call, "ERR No failover in progress.");
        return;
    }
    if (request.is_abort) {
        roll_back(node, "Failover manually aborted");
        reply_ok(call);
        return;
    }
    const char *error = fault(node, &request);
    if (error != NULL) {
        reply_error(call, error);
        return;
    }
    begin(node, &request);
    reply_ok(call);
}
