/* Clients that take too much or say nothing: closed by what the configuration allows.
 *
 * The hard limit is looked at when output is handed to the shell, once a turn for each client
 * that has some; the soft limit and the idle time only by the cron. Replicas have limits of
 * their own (repl/primary.h), and a client that is blocked, subscribed or monitors may say nothing
 * for ever. */
#include "base/log.h"
#include "node/parts.h"

#define IDLE_PERIOD_MS 1000
#define OUTPUT_SMALL   (1 * KIB)

static const struct config_output_limit *limit_of(const struct node *node,
                                                  const struct session *session)
{
    enum config_client_class class =
        session_is_subscriber(session) ? CONFIG_CLIENT_PUBSUB : CONFIG_CLIENT_NORMAL;
    return &node->config->client_output_buffer_limit.of[class];
}

static bool is_over(int64_t limit_bytes, size_t size)
{
    return limit_bytes > 0 && size >= (uint64_t)limit_bytes;
}

static void report_over(struct node *node, const struct session *session, size_t size)
{
    log_warning("Client id=%llu addr=%s closed: %zu bytes of output waited, over the limit",
                (unsigned long long)session->id, session->address, size);
    node->clients_over_output++;
}

/* As Valkey counts: what stands behind the first block, with the blocks themselves. */
static size_t counted(const struct node *node, const struct session *session)
{
    if (node->debug.counts_output_as_list) return output_memory(&session->output);
    struct output_shape shape;
    output_measure(&session->output, &shape);
    return shape.more_memory;
}

static bool output_is_over(struct node *node, struct link *link, size_t size)
{
    const struct config_output_limit *limit = limit_of(node, link->session);
    if (is_over(limit->hard_bytes, size)) {
        report_over(node, link->session, size);
        return true;
    }
    if (link->over_soft_since_ms == 0 && is_over(limit->soft_bytes, size)) {
        link->over_soft_since_ms = node->clock.now_ms;
        number_list_add(&node->over_soft, link->number);
    }
    return false;
}

bool limits_are_passed(struct node *node, struct link *link)
{
    struct session *session = link->session;
    if (output_memory(&session->output) <= OUTPUT_SMALL) return false; /* one block at most */
    size_t size = counted(node, session);
    session->output_peak = MAX(session->output_peak, size);
    return session->kind == SESSION_CLIENT && output_is_over(node, link, size);
}

static void check_soft(struct node *node)
{
    size_t kept = 0;
    for (size_t i = 0; i < node->over_soft.count; i++) {
        struct link *link = node_link_find(node, node->over_soft.items[i]);
        if (link == NULL || link->session == NULL) continue;
        const struct config_output_limit *limit = limit_of(node, link->session);
        size_t size = counted(node, link->session);
        if (!is_over(limit->soft_bytes, size)) {
            link->over_soft_since_ms = 0;
            continue;
        }
        if (node->clock.now_ms - link->over_soft_since_ms <= limit->soft_seconds * 1000) {
            node->over_soft.items[kept++] = link->number;
            continue;
        }
        report_over(node, link->session, size);
        session_close(node->engine, link->session, SESSION_CLOSES_NOW);
    }
    node->over_soft.count = kept;
}

static void check_idle(struct node *node)
{
    time_ms timeout_ms = node->config->timeout_s * 1000;
    if (timeout_ms == 0 || node->clock.now_ms < node->idle_checked_ms + IDLE_PERIOD_MS) return;
    node->idle_checked_ms = node->clock.now_ms;
    for (struct session *session = engine_session_next(node->engine, NULL); session != NULL;
         session = engine_session_next(node->engine, session)) {
        if (node->clock.now_ms - session->active_ms <= timeout_ms) continue;
        if (session->kind != SESSION_CLIENT || session_is_subscriber(session)) continue;
        if (session->flags & SESSION_MONITOR) continue;
        if (session->blocked.reason != BLOCK_NONE || session->close != SESSION_STAYS) continue;
        log_verbose("Closing idle client");
        session_close(node->engine, session, SESSION_CLOSES_NOW);
    }
}

void limits_cron(struct node *node)
{
    check_soft(node);
    check_idle(node);
    client_memory_cron(node);
}
