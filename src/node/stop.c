/* Stopping: hand over, let replicas catch up, save, exit.
 *
 *   SIGTERM -> cluster hand-over (at most a second) -> replicas catch up -> save -> exit
 *
 * A second SIGTERM or SHUTDOWN NOW skips the waiting. When the save fails the node goes on
 * serving, unless it was forced: a process that ends with unsaved data must have been told so. */
#include "base/log.h"
#include "base/memory.h"
#include "node/parts.h"

/* How long a hand-over may take; the core gives up earlier where no replica can take over. */
#define HAND_OVER_MS 1000

static unsigned stop_words(const struct node *node, int signal)
{
    return signal == NODE_INTERRUPT ? node->config->shutdown_on_sigint
                                    : node->config->shutdown_on_sigterm;
}

void stop_signal(struct node *node, int signal)
{
    log_warning("Received %s scheduling shutdown...",
                signal == NODE_INTERRUPT ? "SIGINT" : "SIGTERM");
    unsigned words = stop_words(node, signal);
    enum stop_kind kind = STOP_DEFAULT;
    if (words & CONFIG_SHUTDOWN_SAVE) kind = STOP_SAVE;
    if (words & CONFIG_SHUTDOWN_NOSAVE) kind = STOP_NOSAVE;
    bool is_now = node->is_stopping || (words & CONFIG_SHUTDOWN_NOW) != 0;
    stop_begin(node, kind, is_now, (words & CONFIG_SHUTDOWN_FORCE) != 0);
}

void stop_listener_lost(struct node *node)
{
    node_trace(node, LOG_LEVEL_WARNING,
               "The bus listener is lost: exiting, as others will hold "
               "this node for dead");
    stop_begin(node, STOP_DEFAULT, true, true);
}

void stop_begin(struct node *node, enum stop_kind kind, bool is_now, bool is_forced)
{
    log_notice("User requested shutdown...");
    node->is_stopping = true;
    node->stop_waits = false;
    node->stop_kind = kind;
    node->stop_is_forced = is_forced;
    time_ms patience_ms = is_now ? 0 : node->config->shutdown_timeout_s * 1000;
    node->stop_by_ms = node->clock.now_ms + patience_ms;
    node->hand_over_by_ms = node->clock.now_ms + (is_now ? 0 : HAND_OVER_MS);
    node->hand_over_done = node->cluster == NULL || is_now;
}

/* The client of SHUTDOWN hears that it did not happen. */
static void stop_failed(struct node *node, const char *text)
{
    node->is_stopping = false;
    struct session *session =
        node->stop_session ? engine_session_find(node->engine, node->stop_session) : NULL;
    node->stop_session = 0;
    if (session == NULL) return;
    session_unblock(node->engine, session);
    resp_error(&session->writer, text);
    session_has_output(node->engine, session);
}

bool stop_abort(struct node *node)
{
    if (!node->is_stopping) return false;
    stop_failed(node, "ERR Errors trying to SHUTDOWN. Check logs.");
    node_trace(node, LOG_LEVEL_NOTICE, "Shutdown manually cancelled");
    return true;
}

static bool replicas_have_caught_up(struct node *node)
{
    int64_t offset = backlog_lineage(node->backlog)->offset;
    return primary_count_acked(node->primary, offset) == primary_count_online(node->primary);
}

static bool stop_must_wait(struct node *node)
{
    time_ms now_ms = node->clock.now_ms;
    if (!node->hand_over_done && now_ms < node->hand_over_by_ms) return true;
    if (node_is_replica(node) || replicas_have_caught_up(node)) return false;
    if (now_ms >= node->stop_by_ms) {
        log_warning("Some replicas did not catch up before the end");
        return false;
    }
    if (!node->stop_waits) log_notice("Waiting for replicas before shutting down.");
    node->stop_waits = true;
    if (node->acks_asked_ms + 100 <= now_ms) {
        node->acks_asked_ms = now_ms;
        primary_ask_acks(node->primary);
    }
    return true;
}

static bool stop_wants_save(const struct node *node)
{
    if (node_is_loading(node)) return false; /* half of the data must not replace all of it */
    if (node->stop_kind == STOP_NOSAVE) return false;
    return node->stop_kind == STOP_SAVE || node->config->save.count > 0;
}

void stop_turn(struct node *node)
{
    if (stop_must_wait(node)) {
        node->next_cron_ms = MIN(node->next_cron_ms, node->clock.now_ms + 5);
        return;
    }
    /* It writes to the same temporary file as the save below: it must be gone before. */
    if (node->snapshots.child_runs) {
        snapshots_kill_child(node);
        return;
    }
    if (stop_wants_save(node)) {
        log_notice("Saving the final RDB snapshot before exiting.");
        if (!snapshots_save(node) && !node->stop_is_forced) {
            log_warning("Error trying to save the DB, can't exit.");
            stop_failed(node, "ERR Errors trying to SHUTDOWN. Check logs.");
            return;
        }
    }
    nodes_conf_finish(node);
    log_warning("Eir is now ready to exit, bye bye...");
    node_add_effect(node, NODE_EXIT)->count = 0;
}
