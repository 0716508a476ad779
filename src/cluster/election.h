/* Election: a replica stands for its failed primary (spec 15, design.md 4 "Election"). */
#ifndef EIR_CLUSTER_ELECTION_H
#define EIR_CLUSTER_ELECTION_H

#include "cluster/message.h"

struct cluster;
struct peer;
struct cluster_facts;

enum election_state {
    ELECTION_IDLE,
    ELECTION_DRAINING,   /* applying what the dead primary still sent */
    ELECTION_COLLECTING, /* told the siblings my offset, hearing theirs */
    ELECTION_WAITING,    /* for my turn: by rank, or to try again */
    ELECTION_STANDING,   /* asked for votes */
    ELECTION_STATE_COUNT
};

enum election_kind {
    ELECTION_FAILURE, /* my primary is FAIL */
    ELECTION_PAUSED,  /* my primary is paused and I have everything */
    ELECTION_FORCED,  /* an operator, or my primary itself, orders it */
};

struct election {
    uint64_t epoch; /* of the running candidature; 0: none */
    enum election_state state;
    enum election_kind kind;
    time_ms due_ms;     /* when the state ends by itself */
    time_ms until_ms;   /* a manual one: when it is given up; TIME_NEVER otherwise */
    struct node_id primary; /* a manual one: against whom it was ordered */
    time_ms asked_ms;   /* when the votes were asked for */
    unsigned attempts;  /* of this election so far, mine and those of better siblings */
    time_ms bound_ms;   /* the last start of it, or of a voter: promises may bind since then */
    unsigned rank_shown; /* the last rank that was traced */
    bool is_refused;    /* the reason why I do not stand was traced */
};

/* What an election keeps about each node. A simulation holds a million of these: keep it small. */
struct election_peer {
    uint64_t vote_epoch;   /* the last epoch in which this node voted for me */
    uint64_t nack_epoch;   /* the last epoch in which it refused */
    uint64_t final_offset; /* sibling: what it has of our dead primary */
    bool has_final;
    bool is_final_eligible;
    time_ms quiet_ms; /* a PING sent then was answered by a replica whose elections were over */
};

/* Whether I may stand, as plain facts; the reason why not is static text, NULL: I may. */
struct candidate {
    bool is_manual;
    bool is_forced;
    bool has_nofailover;
    bool is_stopping;
    bool has_synced;
    bool has_age; /* the stream flowed at some time in this run */
    time_ms age_ms;
    time_ms age_max_ms; /* TIME_NEVER: unbounded */
};
const char *election_why_not(const struct candidate *candidate);

void election_init(struct cluster *cluster);
void election_fini(struct cluster *cluster);
/* DEADLINE_ELECTION is due (set it with cluster_deadline_set). */
void election_on_deadline(struct cluster *cluster);
/* My primary was just marked FAIL, or turned out FAIL when I became its replica. */
void election_on_primary_failed(struct cluster *cluster);
/* My primary lost its FAIL flag, or I follow another one, or lead: forget what runs. */
void election_on_primary_back(struct cluster *cluster);
/* Without delay, until it wins or `until_ms` passes; for manual.c and lineage.c. */
void election_start_manual(struct cluster *cluster, enum election_kind kind, time_ms until_ms);
/* AUTH_ACK from a known node outside handshake; its header is already applied. */
void election_on_vote(struct cluster *cluster, struct peer *voter,
                      const struct cluster_message *message);
/* EIR_NACK or EIR_OFFSET from a known Eir node. */
void election_on_eir(struct cluster *cluster, struct peer *sender,
                     const struct cluster_message *message);
/* It has started anew, and votes for nobody for a while (vote.c). */
void election_on_new_incarnation(struct cluster *cluster, const struct peer *peer);
/* A header of this known node was applied: epochs, flags or offset may be new. */
void election_on_header(struct cluster *cluster, struct peer *sender,
                        const struct cluster_message *message);
/* cluster->facts changed; `before` is what they were. */
void election_on_facts(struct cluster *cluster, const struct cluster_facts *before);
/* CLUSTER_SUSPENDED: votes that waited meanwhile must not make me win. */
void election_on_suspended(struct cluster *cluster);
/* The node is about to be forgotten: drop every pointer to it. */
void election_on_peer_removed(struct cluster *cluster, struct peer *peer);
/* For my Eir header: EIR_STANDING and EIR_ELIGIBLE. */
bool election_is_standing(const struct cluster *cluster);
bool election_is_eligible(const struct cluster *cluster);

#endif
