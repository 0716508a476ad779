/* The lease: a stale primary stops before its successor can start (design.md 4). */
#ifndef EIR_CLUSTER_LEASE_H
#define EIR_CLUSTER_LEASE_H

#include "cluster/message.h"
#include "cluster/view.h"

struct cluster;
struct peer;

struct lease {
    time_ms until_ms; /* writes may run before this moment */
};

/* What the lease keeps about each node. A simulation holds a million of these: keep it small. */
struct lease_peer {
    time_ms answered_ping_ms; /* when the newest PING that it answered with a promise was sent */
    time_ms promised_until_ms; /* until when I shall not vote against it */
};

void lease_init(struct cluster *cluster);
/* A PONG of `peer` answers the PING that I sent at `ping_sent_ms`; it promises or not. */
void lease_on_pong(struct cluster *cluster, struct peer *peer, time_ms ping_sent_ms,
                   bool has_promise);
/* I am about to answer the PING of `peer`: true records a promise and shows EIR_PROMISE. */
bool lease_promise(struct cluster *cluster, struct peer *peer);
/* A link to or from this node came up or went down (a primary without open links to a majority
 * stops at once): call cluster_changed when the verdict changes. */
void lease_on_link(struct cluster *cluster, struct peer *peer);
/* CLUSTER_SUSPENDED: the process stood still for `gap_ms`. */
void lease_on_suspended(struct cluster *cluster, time_ms gap_ms);
void lease_on_peer_removed(struct cluster *cluster, struct peer *peer);
/* A node restarted under the same id: its promises died with the old process. */
void lease_on_new_incarnation(struct cluster *cluster, struct peer *peer);
void lease_on_deadline(struct cluster *cluster); /* DEADLINE_LEASE is due */
/* For cluster_status: until when writes may run, and which guarantee is in force. */
time_ms lease_until_ms(const struct cluster *cluster);
enum cluster_guarantee lease_guarantee(const struct cluster *cluster);

#endif
