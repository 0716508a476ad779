/* What a step of the cluster core wants done, in the order in which it must be done.
 *
 * CLUSTER_SAVE stands before the CLUSTER_SEND that reveals what was saved: a shell that fails to
 * save must drop every later effect of this list that `needs_save` marks, and tell the core with
 * the next event (cluster_save_failed in cluster.h). A SAVE that `may_wait` reveals nothing: it may
 * be done beside everything else, as long as no older text ever replaces a newer one. */
#ifndef EIR_CLUSTER_EFFECTS_H
#define EIR_CLUSTER_EFFECTS_H

#include "cluster/message.h"

enum cluster_effect_type {
    CLUSTER_SAVE,          /* make cluster_conf_write() durable, synced, before going on */
    CLUSTER_SEND,          /* link, message */
    CLUSTER_CONNECT,       /* link, address: answer LINK_UP or LINK_REFUSED */
    CLUSTER_CLOSE,         /* link; no LINK_DOWN follows */
    CLUSTER_RESOLVE,       /* seed_index */
    CLUSTER_FOLLOW,        /* be a replica of `node` at `address` */
    CLUSTER_LEAD,          /* be a primary: stop replicating; the lineage goes on (replid2) */
    CLUSTER_DRAIN,         /* replica: apply what the dead primary still sent: is_drained */
    CLUSTER_DROP_KEYS,     /* slots (owned by the effect): delete their keys */
    CLUSTER_FLUSH,         /* delete every key (RESET on a replica) */
    CLUSTER_PAUSE_WRITES,  /* until_ms */
    CLUSTER_RESUME_WRITES,
    CLUSTER_CHANGED,       /* roles, slots, state or addresses changed: read the view again */
    CLUSTER_DELIVER,       /* message: a PUBLISH or PUBLISHSHARD for local subscribers */
    CLUSTER_HANDED_OVER,   /* stopping primary: the hand-over is done or given up, exit now */
    CLUSTER_TRACE,         /* text: a line for the event ring and the log */
};

struct cluster_effect {
    enum cluster_effect_type type;
    bool needs_save; /* reveals what the CLUSTER_SAVE before it makes durable */
    bool may_wait;   /* SAVE: no packet and nobody's answer depends on it */
    uint64_t link;
    struct cluster_message *message; /* owned by the list */
    struct node_id node;
    struct address address;
    struct slot_set *slots; /* owned by the list */
    size_t seed_index;
    time_ms until_ms;
    int level;  /* TRACE: enum log_level */
    char *text; /* TRACE; owned by the list */
};

struct cluster_effects {
    struct cluster_effect *items; /* owned */
    size_t count;
    size_t capacity;
};

void cluster_effects_init(struct cluster_effects *effects);
void cluster_effects_clear(struct cluster_effects *effects); /* destroys messages, keeps room */
void cluster_effects_fini(struct cluster_effects *effects);

#endif
