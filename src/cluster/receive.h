/* The door for messages. */
#ifndef EIR_CLUSTER_RECEIVE_H
#define EIR_CLUSTER_RECEIVE_H

#include "cluster/cluster.h"

void receive(struct cluster *cluster, const struct cluster_event *event);

#endif
