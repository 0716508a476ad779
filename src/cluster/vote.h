/* Voting: when this node, as a primary with slots, lends its voice to a replica (spec 15). */
#ifndef EIR_CLUSTER_VOTE_H
#define EIR_CLUSTER_VOTE_H

#include "base/buffer.h"
#include "base/err.h"
#include "cluster/eir_messages.h"
#include "cluster/message.h"

struct cluster;
struct peer;

/* The numbers travel in EIR_NACK: never change them. */
enum vote {
    VOTE_GRANTED = 0,
    VOTE_NOT_A_VOTER = 1,   /* I am not a primary with slots */
    VOTE_EPOCH_STALE = 2,   /* I have seen a higher epoch */
    VOTE_ALREADY_CAST = 3,  /* in this epoch I have voted */
    VOTE_NOT_A_REPLICA = 4, /* the candidate is not a replica of a primary that I know */
    VOTE_SLOTS_NEWER = 5,   /* some of its slots have an owner of a newer config epoch */
    VOTE_PRIMARY_ALIVE = 6, /* its primary has not failed here, and nobody forces me */
    VOTE_PROMISED = 7,      /* I owe its primary a promise */
    VOTE_NO_LINK = 8,       /* my answer would not reach the candidate */
    VOTE_NOT_CURRENT = 9,   /* I may have been replaced without having heard of it */
    VOTE_COUNT
};
/* Words for a log, of static storage. */
const char *vote_text(enum vote vote);

struct voter {
    bool is_voter;
    bool is_current; /* its own lease holds, and it is not about to be replaced */
    uint64_t epoch_current;
    uint64_t epoch_voted;
};

struct vote_request {
    uint64_t epoch;
    bool is_connected;     /* an answer can be sent */
    bool is_replica;       /* of a primary that the voter knows */
    bool is_my_replica;    /* that primary is the voter itself */
    bool has_newer_owner;  /* of a slot that it claims */
    bool primary_failed;   /* FAIL in the voter's eyes */
    bool is_forced;        /* FORCEACK that counts */
    bool is_promised;      /* the voter promised the primary not to vote against it */
    bool is_released;      /* ... but holds hard evidence, or the primary or an operator lets it */
};
/* Decides and changes nothing. */
enum vote vote_decide(const struct voter *voter, const struct vote_request *request);
/* Evidence may still come: the request is worth keeping for a while. */
bool vote_may_change(enum vote vote);

/* A vote that was cast and may still make its candidate win. Durable with the vote: while it may
 * win, the old primary gets no promise from me. */
struct vote_cast {
    struct node_id candidate;
    struct node_id primary;
    uint64_t epoch;
    time_ms cast_ms; /* in this run: what was loaded counts from the start */
    time_ms asked_ms; /* when the candidate was last pinged for a proof */
};

struct vote_parked {
    struct node_id candidate;
    struct cluster_message *message; /* owned */
    time_ms until_ms;
};

struct voting {
    time_ms started_ms; /* this run of the process */
    bool had_past;      /* an earlier run may have promised what this one does not know of */
    struct vote_cast *casts; /* owned */
    uint32_t cast_count;
    struct vote_parked *parked; /* owned */
    uint32_t parked_count;
    struct eir_cast *offered; /* owned: what voters of my election told of their casts */
    uint32_t offered_count;
    uint64_t offered_epoch; /* the election that this was for */
};

void vote_init(struct cluster *cluster); /* after nodes.conf was read */
void vote_fini(struct cluster *cluster);
/* AUTH_REQUEST from a known node outside handshake; its header is already applied. A vote sets
 * voted_against_until_ms of the old primary: while that lies ahead, failure.c keeps its FAIL. */
void vote_on_request(struct cluster *cluster, struct peer *sender,
                     const struct cluster_message *message);
/* Any other header of a known node outside handshake, after it was applied: it may prove that an
 * election is over, or release a promise. */
void vote_on_header(struct cluster *cluster, struct peer *sender,
                    const struct cluster_message *message);
/* The node was just marked FAIL, here or by a FAIL message: parked requests may be granted. */
void vote_on_peer_failed(struct cluster *cluster, struct peer *failed);
/* EIR_CASTS from a known Eir node. */
void vote_on_eir(struct cluster *cluster, struct peer *sender,
                 const struct cluster_message *message);
/* I am about to take over with the votes of this epoch: what those voters have cast is mine to
 * remember, too. Before the promotion is saved. */
void vote_inherit(struct cluster *cluster, uint64_t epoch);
/* My role or my primary changed. */
void vote_on_role_changed(struct cluster *cluster);
/* DEADLINE_VOTE is due: parked requests have waited long enough. */
void vote_on_deadline(struct cluster *cluster);
void vote_on_peer_removed(struct cluster *cluster, struct peer *peer);

/* nodes.conf: "epoch:candidate:primary,..." */
void vote_write_casts(const struct cluster *cluster, struct buffer *into);
NODISCARD bool vote_read_casts(struct cluster *cluster, struct bytes text);

#endif
