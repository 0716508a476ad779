/* Manual failover: CLUSTER FAILOVER and the hand-over of a stopping primary (spec 16). */
#ifndef EIR_CLUSTER_MANUAL_H
#define EIR_CLUSTER_MANUAL_H

#include "cluster/message.h"

struct cluster;
struct peer;
struct cluster_order;
struct cluster_answer;
struct cluster_facts;

enum manual_state {
    MANUAL_IDLE,
    MANUAL_ASKED,   /* replica: MFSTART is sent, the primary's final offset is not known yet */
    MANUAL_CATCHES, /* replica: applies what is left up to that offset */
    MANUAL_STANDS,  /* replica: the election runs */
    MANUAL_PAUSED,  /* primary: writes are stopped for one of my replicas */
    MANUAL_STATE_COUNT
};

struct manual_failover {
    enum manual_state state;
    time_ms until_ms;       /* 0: none runs */
    uint64_t target;        /* CATCHES: the primary's final offset */
    struct node_id partner; /* the primary that I asked, or the replica that I am paused for */
    bool is_handing_over;   /* PAUSED because this node stops */
    bool is_handed_over;    /* CLUSTER_HANDED_OVER was said */
};

void manual_init(struct cluster *cluster);
void manual_fini(struct cluster *cluster);
/* ORDER_FAILOVER. */
void manual_on_order(struct cluster *cluster, const struct cluster_order *order,
                     struct cluster_answer *answer);
/* MFSTART from a known node. */
void manual_on_start(struct cluster *cluster, struct peer *sender);
/* EIR_HAND_OVER from a known Eir node. */
void manual_on_eir(struct cluster *cluster, struct peer *sender,
                   const struct cluster_message *message);
/* A header of this known node was applied (MESSAGE_PAUSED may be in its message flags). */
void manual_on_header(struct cluster *cluster, struct peer *sender,
                      const struct cluster_message *message);
void manual_on_deadline(struct cluster *cluster); /* DEADLINE_MANUAL is due */
void manual_on_facts(struct cluster *cluster, const struct cluster_facts *before);
/* My role or my primary changed: whatever ran is over. */
void manual_on_role_changed(struct cluster *cluster);
void manual_on_peer_removed(struct cluster *cluster, struct peer *peer);
/* My writes are stopped for a hand-over, or for lack of my data: every header that I send says
 * PAUSED. */
bool manual_is_paused(const struct cluster *cluster);
/* For CLUSTER INFO and replica migration: any manual failover runs. */
bool manual_is_running(const struct cluster *cluster);

#endif
