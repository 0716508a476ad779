/* Voting: when this node, as a primary with slots, lends its voice to a replica (spec 15). */
#ifndef EIR_CLUSTER_VOTE_H
#define EIR_CLUSTER_VOTE_H

#include "cluster/message.h"

struct cluster;
struct peer;

struct voting {
    time_ms started_ms; /* this run of the process */
};

void vote_init(struct cluster *cluster);
void vote_fini(struct cluster *cluster);
/* AUTH_REQUEST from a known node outside handshake; its header is already applied. A vote sets
 * voted_against_until_ms of the old primary: while that lies ahead, failure.c keeps its FAIL. */
void vote_on_request(struct cluster *cluster, struct peer *sender,
                     const struct cluster_message *message);
/* The node was just marked FAIL, here or by a FAIL message: parked requests may be granted. */
void vote_on_peer_failed(struct cluster *cluster, struct peer *failed);
/* DEADLINE_VOTE is due: parked requests have waited long enough. */
void vote_on_deadline(struct cluster *cluster);
void vote_on_peer_removed(struct cluster *cluster, struct peer *peer);

#endif
