/* What the replication cores want, done: both halves fill one list of effects.
 *
 * Whoever steps a core leaves its effects in that list; they are performed here, once the step
 * and what caused it are over, and before the next input. */
#include "node/parts.h"

/* The connection that a core means: our primary's, or a replica's. */
static struct link *repl_link_find(const struct node *node, uint64_t number)
{
    struct link *link = follow_link(node, number);
    return link != NULL ? link : node_link_find(node, number);
}

static void repl_close(struct node *node, const struct repl_effect *effect)
{
    struct link *link = repl_link_find(node, effect->link);
    if (link == NULL) return;
    if (link->kind == CONNECTION_PRIMARY) {
        node->primary_link = 0;
        session_detach(node->engine, node->stream_session);
        node_link_close(node, link);
        return;
    }
    session_close(node->engine, link->session,
                  effect->is_after_send ? SESSION_CLOSES_FLUSHED : SESSION_CLOSES_NOW);
}

static void repl_send(struct node *node, const struct repl_effect *effect)
{
    struct link *link = repl_link_find(node, effect->link);
    if (link != NULL) node_link_wants_send(node, link);
}

static void repl_perform_one(struct node *node, const struct repl_effect *effect)
{
    switch (effect->type) {
    case REPL_SEND: repl_send(node, effect); break;
    case REPL_CLOSE: repl_close(node, effect); break;
    case REPL_CONNECT: follow_connect(node, effect); break;
    case REPL_SNAPSHOT_START: snapshots_stream_start(node, effect->job, &effect->snapshot); break;
    case REPL_SNAPSHOT_STOP: snapshots_stream_stop(node, effect->job); break;
    case REPL_LOAD_BEGIN: follow_load_begin(node); break;
    case REPL_LOAD: follow_load_bytes(node, effect->bytes); break;
    case REPL_LOAD_END: follow_load_end(node); break;
    case REPL_LOAD_ABORT: follow_load_drop(node); break;
    case REPL_APPLY: node->has_more_stream = true; break;
    case REPL_DRAINED: break; /* told with the facts */
    case REPL_ACKED: clients_check_wait(node); break;
    case REPL_HAND_OVER_REFUSED:
        bytes_to_text(bytes_text(effect->text), node->failover.refusal,
                      sizeof(node->failover.refusal));
        break;
    case REPL_CHANGED: node->permit_is_stale = true; break;
    case REPL_TRACE: node_trace(node, (int)effect->level, "%s", effect->text); break;
    }
}

void repl_perform(struct node *node)
{
    /* Performing one may add more, which stand behind those that are there; a nested call leaves
     * them to the outer one. */
    if (node->is_performing_repl) return;
    node->is_performing_repl = true;
    for (size_t i = 0; i < node->repl_effects.count; i++) {
        struct repl_effect effect = node->repl_effects.items[i];
        repl_perform_one(node, &effect);
    }
    repl_effects_clear(&node->repl_effects);
    node->is_performing_repl = false;
}
