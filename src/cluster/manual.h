/* Manual failover: CLUSTER FAILOVER and the hand-over of a stopping primary (spec 16). */
#ifndef EIR_CLUSTER_MANUAL_H
#define EIR_CLUSTER_MANUAL_H

#include "cluster/message.h"

struct cluster;
struct peer;
struct cluster_order;
struct cluster_answer;
struct cluster_facts;

struct manual_failover {
    time_ms until_ms; /* 0: none runs */
};

void manual_init(struct cluster *cluster);
void manual_fini(struct cluster *cluster);
/* ORDER_FAILOVER. */
void manual_on_order(struct cluster *cluster, const struct cluster_order *order,
                     struct cluster_answer *answer);
/* MFSTART from a known node. */
void manual_on_start(struct cluster *cluster, struct peer *sender);
/* A header of this known node was applied (MESSAGE_PAUSED may be in its message flags). */
void manual_on_header(struct cluster *cluster, struct peer *sender,
                      const struct cluster_message *message);
void manual_on_deadline(struct cluster *cluster); /* DEADLINE_MANUAL is due */
void manual_on_facts(struct cluster *cluster, const struct cluster_facts *before);
/* My role or my primary changed: whatever ran is over. */
void manual_on_role_changed(struct cluster *cluster);
void manual_on_peer_removed(struct cluster *cluster, struct peer *peer);
/* My writes are paused for a hand-over: every header that I send says PAUSED. */
bool manual_is_paused(const struct cluster *cluster);
/* For CLUSTER INFO and replica migration: any manual failover runs. */
bool manual_is_running(const struct cluster *cluster);

#endif
