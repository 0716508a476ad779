/* The lease: a stale primary stops before its successor can start (design.md 4). */
#ifndef EIR_CLUSTER_LEASE_H
#define EIR_CLUSTER_LEASE_H

#include "cluster/message.h"
#include "cluster/view.h"

struct cluster;
struct peer;

struct lease {
    time_ms until_ms; /* writes may run before this moment */
    time_ms floor_ms; /* answers to PINGs sent before this count for nothing */
    time_ms shortest_ms; /* the shortest promise that a voter gives; 0: none yet */
    time_ms pinged_ms; /* when voters were last pinged for their promises */
    enum cluster_guarantee guarantee;
    bool is_dirty; /* answers, links or voters changed: look again before the step ends */
    unsigned missing; /* promises, when it was last looked at, less those that came since */
    unsigned voters;   /* how many there are, see count_voters in lease.c */
    unsigned assigned; /* slots that had an owner then */
};

/* What the lease keeps about each node. A simulation holds a million of these: keep it small. */
struct lease_peer {
    time_ms answered_ping_ms; /* when the newest PING that it answered was sent; 0: none */
    time_ms promise_ms;        /* how long that answer binds it */
    time_ms promised_until_ms; /* until when I shall not vote against it */
    bool is_paused;  /* shows itself paused for a hand-over */
    bool is_opposed; /* I voted against it in an election that may still win */
};

/* What decides about writes, as plain facts. */
struct lease_facts {
    unsigned voters;            /* this node included */
    unsigned eir_voters;        /* other voters that promise and have not failed */
    unsigned classic_voters;    /* other voters that cannot promise */
    unsigned connected_voters;  /* other voters with an open link */
};
/* How many other voters must have promised: voters - quorum. */
unsigned lease_needed(unsigned voters);
enum cluster_guarantee lease_guarantee_of(const struct lease_facts *facts);

void lease_init(struct cluster *cluster);
/* A PONG of `peer` answers the PING that I sent at `ping_sent_ms`, and binds it for so long (its
 * own node timeout, which may be another than mine); 0: it promises nothing. */
void lease_on_pong(struct cluster *cluster, struct peer *peer, time_ms ping_sent_ms,
                   time_ms promise_ms);
/* I am about to answer the PING of `peer`: true records a promise and shows EIR_PROMISE. */
bool lease_promise(struct cluster *cluster, struct peer *peer);
/* CLUSTER_SUSPENDED: the process stood still for `gap_ms`. */
void lease_on_suspended(struct cluster *cluster, time_ms gap_ms);
/* Writes were stopped for a hand-over that did not come: only promises from now on count. */
void lease_restart(struct cluster *cluster);
void lease_on_peer_removed(struct cluster *cluster, struct peer *peer);
/* A link of it came up or went down. */
void lease_on_link(struct cluster *cluster, struct peer *peer);
/* A node restarted under the same id: its promises died with the old process. */
void lease_on_new_incarnation(struct cluster *cluster, struct peer *peer);
void lease_on_deadline(struct cluster *cluster); /* DEADLINE_LEASE is due */
/* Roles, slots or health changed: the voters may be others. */
void lease_on_voters_changed(struct cluster *cluster);
/* Before every step ends: looks again where something changed. */
void lease_refresh(struct cluster *cluster);
/* Mine holds at this moment. */
bool lease_holds(struct cluster *cluster);
/* Votes that elect, by the number of voters that the lease reckons with. */
unsigned lease_quorum(const struct cluster *cluster);
/* I owe `peer` a promise at this moment. */
bool lease_is_promised(const struct cluster *cluster, const struct peer *peer);
/* For cluster_status: until when writes may run, and which guarantee is in force. */
time_ms lease_until_ms(const struct cluster *cluster);
enum cluster_guarantee lease_guarantee(const struct cluster *cluster);

#endif
