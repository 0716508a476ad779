/* Election: a replica stands for its failed primary (spec 15, design.md 4 "Election"). */
#ifndef EIR_CLUSTER_ELECTION_H
#define EIR_CLUSTER_ELECTION_H

#include "cluster/message.h"

struct cluster;
struct peer;
struct cluster_facts;

struct election {
    uint64_t epoch; /* of the running candidature; 0: none */
};

/* What an election keeps about each node. A simulation holds a million of these: keep it small. */
struct election_peer {
    uint64_t vote_epoch; /* the last epoch in which this node voted for me */
};

void election_init(struct cluster *cluster);
void election_fini(struct cluster *cluster);
/* DEADLINE_ELECTION is due (set it with cluster_deadline_set). */
void election_on_deadline(struct cluster *cluster);
/* My primary was just marked FAIL, or turned out FAIL when I became its replica. */
void election_on_primary_failed(struct cluster *cluster);
/* My primary lost its FAIL flag, or I follow another one, or lead: forget what runs. */
void election_on_primary_back(struct cluster *cluster);
/* AUTH_ACK from a known node outside handshake; its header is already applied. */
void election_on_vote(struct cluster *cluster, struct peer *voter,
                      const struct cluster_message *message);
/* EIR_NACK or EIR_OFFSET from a known Eir node. */
void election_on_eir(struct cluster *cluster, struct peer *sender,
                     const struct cluster_message *message);
/* A header of this known node was applied: epochs, flags or offset may be new. */
void election_on_header(struct cluster *cluster, struct peer *sender,
                        const struct cluster_message *message);
/* cluster->facts changed; `before` is what they were. */
void election_on_facts(struct cluster *cluster, const struct cluster_facts *before);
/* The node is about to be forgotten: drop every pointer to it. */
void election_on_peer_removed(struct cluster *cluster, struct peer *peer);

#endif
