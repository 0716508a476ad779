/* What an operator asks of the cluster core: the CLUSTER sub-commands that change something. */
#ifndef EIR_CLUSTER_ORDERS_H
#define EIR_CLUSTER_ORDERS_H

#include "cluster/cluster.h"

enum cluster_order_type {
    ORDER_MEET,
    ORDER_FORGET,
    ORDER_REPLICATE, /* id; none: REPLICATE NO ONE, a replica becomes an empty primary */
    ORDER_FAILOVER,
    ORDER_ADD_SLOTS,
    ORDER_DEL_SLOTS,
    ORDER_FLUSH_SLOTS,
    ORDER_SET_SLOT,
    ORDER_SET_CONFIG_EPOCH,
    ORDER_BUMP_EPOCH,
    ORDER_RESET,
    ORDER_SAVE_CONFIG,
    ORDER_SERVE_EMPTY, /* an owner that lost its data shall serve without it */
};

enum failover_kind { FAILOVER_PLAIN, FAILOVER_FORCE, FAILOVER_TAKEOVER };
enum set_slot_kind { SET_SLOT_MIGRATING, SET_SLOT_IMPORTING, SET_SLOT_STABLE, SET_SLOT_NODE };

struct cluster_order {
    enum cluster_order_type type;
    time_ms now_ms;
    time_ms wall_ms;
    struct node_id id;
    struct address address;
    const struct slot_set *slots;
    unsigned slot;
    enum set_slot_kind set_slot;
    enum failover_kind failover;
    bool is_hard;         /* RESET HARD */
    uint64_t epoch;       /* SET-CONFIG-EPOCH */
    bool has_keys;        /* RESET, REPLICATE: the node holds keys */
    bool slot_has_keys;   /* SETSLOT NODE, DELSLOTS: the slot does */
    bool is_replicated;   /* SETSLOT that came through the primary's stream: a replica obeys */
};

/* Does it or says why not: the answer is the text of the reply without its first byte and line
 * end ("OK", or an error such as "ERR Unknown node ..."). */
struct cluster_answer {
    bool is_error;
    char text[256];
};

void cluster_order(struct cluster *cluster, const struct cluster_order *order,
                   struct cluster_effects *effects, struct cluster_answer *answer);

#endif
