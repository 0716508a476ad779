/* The agreement of fresh nodes on one set of members: the locks of a formation, without links,
 * peers or slots. The argument why it is safe stands in agreement.c. */
#ifndef EIR_CLUSTER_AGREEMENT_H
#define EIR_CLUSTER_AGREEMENT_H

#include "cluster/plan.h"

#define AGREEMENT_GATHER_MS 500 /* a set is proposed when it was unchanged for so long */

/* What a node that is heard directly said last. */
struct agreement_voice {
    struct node_id id;
    time_ms heard_ms;
    uint8_t phase; /* enum formation_phase */
    uint64_t set;
};

/* A set that somebody has told us about. */
struct agreement_set {
    uint64_t number;
    uint32_t round;
    uint32_t count;
    bool is_dead; /* a member has refused it: it can never be formed */
    struct formation_member *members; /* owned, sorted by id */
};

struct agreement {
    struct plan_shape shape;
    struct node_id self;
    char host[ADDRESS_IP_SIZE]; /* shown with the next lock */

    /* Durable from FORMATION_LOCKED on, with the members of `set`; the refusals always. */
    uint8_t phase;
    uint64_t set; /* proposed, locked or formed; 0: none */
    uint64_t refused[FORMATION_REFUSED_MAX];
    uint32_t refused_count;

    struct agreement_voice *voices; /* owned, sorted by id */
    uint32_t voice_count;
    uint32_t voice_capacity;
    struct agreement_set *sets; /* owned */
    uint32_t set_count;
    uint32_t set_capacity;
    uint64_t gathered;         /* the set that the voices amount to; 0: too few */
    time_ms gathered_since_ms;
    bool trusts_proposals;     /* a planted bug, for tests of the simulator */
    uint64_t formed_elsewhere; /* a set of this name and shape is formed: without me, or mine,
                                * whose members the others need no longer remember */
};

/* What a step asks of the caller. */
enum agreement_news {
    AGREEMENT_SAID = 1, /* tell everybody where I stand */
    AGREEMENT_SAVE = 2, /* ... but make it durable first */
    AGREEMENT_FORMED = 4, /* the set is formed: carry out its plan */
};

void agreement_init(struct agreement *agreement, const struct plan_shape *shape,
                    const struct node_id *self);
void agreement_fini(struct agreement *agreement);
/* A message of a node with the same shape, heard from itself. */
void agreement_hear(struct agreement *agreement, const struct node_id *sender,
                    const struct formation_message *message, time_ms now_ms);
/* The node is not connected any more. */
void agreement_lose(struct agreement *agreement, const struct node_id *id);
/* Nor are those who have said nothing since `oldest_ms`: they take no part any more. */
void agreement_lose_silent(struct agreement *agreement, time_ms oldest_ms);
/* Decides what follows from all that; a set of enum agreement_news. */
unsigned agreement_step(struct agreement *agreement, time_ms now_ms);
/* When a step may decide something without having heard anything new. */
time_ms agreement_due_ms(const struct agreement *agreement);
/* What I say; its lists are borrowed from the agreement, `heard` is left to the caller. */
void agreement_say(const struct agreement *agreement, struct formation_message *message);
/* The set with this number or NULL. */
const struct agreement_set *agreement_find(const struct agreement *agreement, uint64_t number);
/* Whether `formed_elsewhere` binds me: I hold no lock on another set. */
bool agreement_may_join(const struct agreement *agreement);
/* A node becomes a member of a cluster that others have formed, without a place in its plan. */
void agreement_join(struct agreement *agreement, uint64_t number);
/* Formed, and every member knows it: the members need not be remembered any longer. */
void agreement_forget(struct agreement *agreement);
/* Every lock of the set is known. */
bool agreement_set_is_complete(const struct agreement_set *set);

/* For nodes.conf: "phase:number:round:shards:replicas:name in hex:id=host,id,..." and
 * "number,number,...". Reading a lock replaces the shape by that of the lock; false: malformed. */
void agreement_write_lock(const struct agreement *agreement, struct buffer *into);
NODISCARD bool agreement_read_lock(struct agreement *agreement, struct bytes text);
void agreement_write_refused(const struct agreement *agreement, struct buffer *into);
NODISCARD bool agreement_read_refused(struct agreement *agreement, struct bytes text);

#endif
