/* Replica migration: a spare replica moves to an orphaned primary (spec 18). */
#ifndef EIR_CLUSTER_MIGRATION_H
#define EIR_CLUSTER_MIGRATION_H

#include "cluster/types.h"

struct cluster;
struct peer;

struct migration {
    struct peer *orphan; /* borrowed: the one that I might move to */
    time_ms since_ms;    /* since when it is seen to be orphaned */
};

void migration_init(struct cluster *cluster);
void migration_on_deadline(struct cluster *cluster); /* DEADLINE_MIGRATION is due */
void migration_on_peer_removed(struct cluster *cluster, struct peer *peer);

#endif
