/* Payloads of MESSAGE_EIR, exchanged between proven Eir peers only: packed and unpacked here, every
 * length checked before memory is taken. Numbers are big-endian, as everywhere on the bus. */
#ifndef EIR_CLUSTER_EIR_MESSAGES_H
#define EIR_CLUSTER_EIR_MESSAGES_H

#include "base/buffer.h"
#include "base/err.h"
#include "cluster/types.h"

enum eir_type {
    EIR_SUSPECT = 1,   /* payload: id (40), flags (1): my suspicion of a node, see failure.c */
    EIR_NACK = 2,      /* election: a refused vote and its reason */
    EIR_OFFSET = 3,    /* election: my final offset after draining */
    EIR_FORMATION = 4, /* formation: proposal, lock, formed */
    EIR_LINEAGE = 5,   /* empty restart: asks the best replica to take over */
    EIR_HAND_OVER = 6, /* a stopping primary asks a caught-up replica to take over */
    EIR_CASTS = 7,     /* before a vote: votes of the voter that may still win elsewhere */
};

/* Capabilities in the Eir header. */
enum eir_capability {
    EIR_CAN_EVIDENCE = 1,  /* understands EIR_SUSPECT, counts hard evidence */
    EIR_CAN_LEASE = 2,     /* gives promises with its PONGs and keeps them */
    EIR_CAN_ELECTION = 4,  /* NACK, OFFSET, parked requests */
    EIR_CAN_FORMATION = 8,
};

/* EIR_NACK */
struct eir_nack {
    uint64_t epoch;   /* the one that was asked for */
    uint8_t reason;   /* enum vote */
    uint32_t wait_ms; /* asking again sooner cannot help; 0: it may */
};
void eir_nack_write(const struct eir_nack *nack, struct buffer *into);
NODISCARD enum err eir_nack_read(struct bytes payload, struct eir_nack *nack);

/* EIR_OFFSET, EIR_LINEAGE and EIR_HAND_OVER: where a data set ends. */
struct eir_offset {
    struct node_id primary; /* whose stream it is */
    uint64_t offset;
    bool is_eligible; /* the sender may take over */
};
void eir_offset_write(const struct eir_offset *offset, struct buffer *into);
NODISCARD enum err eir_offset_read(struct bytes payload, struct eir_offset *offset);

/* EIR_CASTS */
#define EIR_CASTS_MAX 1024
struct eir_cast {
    struct node_id candidate;
    struct node_id primary;
    uint64_t epoch;
};
void eir_casts_write(const struct eir_cast *casts, uint32_t count, struct buffer *into);
/* On success the list is the caller's; NULL when it is empty. */
NODISCARD enum err eir_casts_read(struct bytes payload, struct eir_cast **casts, uint32_t *count);

/* EIR_FORMATION. What a node says of itself, of the nodes that it has heard, and of one set. */
#define FORMATION_MEMBERS_MAX 4096 /* of a set; also of nodes heard. 16384 slots / 4 */
#define FORMATION_REFUSED_MAX 32
#define FORMATION_NAME_MAX    255

enum formation_phase {
    FORMATION_LISTENS,  /* has heard fewer than a set, or not for long enough */
    FORMATION_PROPOSES, /* would lock this set */
    FORMATION_LOCKED,   /* has locked it, durably */
    FORMATION_FORMED,   /* every lock of the set is known: it is the cluster */
    FORMATION_PHASE_COUNT
};

struct formation_heard {
    struct node_id id;
    struct address address;
};

struct formation_member {
    struct node_id id;
    bool has_locked;
    char host[ADDRESS_IP_SIZE]; /* as the member's own lock says; empty before */
};

struct formation_message {
    uint8_t phase;
    char name[FORMATION_NAME_MAX + 1];
    uint32_t shards;
    uint32_t replicas_per_shard;
    uint64_t set;   /* its number: plan_number in plan.h; 0: none */
    uint32_t round; /* the same nodes try again under another number after a refusal */
    uint64_t refused[FORMATION_REFUSED_MAX]; /* sets that the sender will never lock */
    uint32_t refused_count;
    uint32_t heard_count;
    uint32_t member_count;            /* of `set`; 0 when only its number is said */
    struct formation_heard *heard;    /* owned when read */
    struct formation_member *members; /* owned when read; sorted by id, none twice */
};
void formation_message_write(const struct formation_message *message, struct buffer *into);
/* On success the lists are the caller's: formation_message_fini. */
NODISCARD enum err formation_message_read(struct bytes payload, struct formation_message *message);
void formation_message_fini(struct formation_message *message);

#endif
