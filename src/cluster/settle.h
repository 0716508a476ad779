/* The frame around every step and every order. */
#ifndef EIR_CLUSTER_SETTLE_H
#define EIR_CLUSTER_SETTLE_H

#include "cluster/cluster.h"

void step_begin(struct cluster *cluster, time_ms now_ms, time_ms wall_ms,
                struct cluster_effects *effects);
void step_end(struct cluster *cluster, bool is_order);

#endif
