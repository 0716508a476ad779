/* nodes.conf in: from text to the state of a node that starts. */
#ifndef EIR_CLUSTER_RESTORE_H
#define EIR_CLUSTER_RESTORE_H

#include "base/bytes.h"
#include "base/err.h"

struct cluster;

/* Fills a cluster without nodes; an empty text makes a new node with an id of its own. */
NODISCARD enum err restore_conf(struct cluster *cluster, struct bytes text, char *why);

#endif
