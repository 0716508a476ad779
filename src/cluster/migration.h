/* Replica migration: a spare replica moves to an orphaned primary (spec 18). */
#ifndef EIR_CLUSTER_MIGRATION_H
#define EIR_CLUSTER_MIGRATION_H

struct cluster;
struct peer;

struct migration {
    struct peer *orphan; /* borrowed: the one that I might move to */
};

void migration_init(struct cluster *cluster);
void migration_on_deadline(struct cluster *cluster); /* DEADLINE_MIGRATION is due */
void migration_on_peer_removed(struct cluster *cluster, struct peer *peer);

#endif
