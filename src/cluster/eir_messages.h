/* Kinds of MESSAGE_EIR, exchanged between proven Eir peers only; payloads are packed by those
 * who send them, and checked for length by those who receive them. */
#ifndef EIR_CLUSTER_EIR_MESSAGES_H
#define EIR_CLUSTER_EIR_MESSAGES_H

enum eir_type {
    EIR_SUSPECT = 1,   /* payload: id (40), flags (1): my suspicion of a node, see failure.c */
    EIR_NACK = 2,      /* election: a refused vote and its reason */
    EIR_OFFSET = 3,    /* election: my final offset after draining */
    EIR_FORMATION = 4, /* formation: proposal, lock, formed */
    EIR_LINEAGE = 5,   /* empty restart: asks the best replica to take over */
};

/* Capabilities in the Eir header. */
enum eir_capability {
    EIR_CAN_EVIDENCE = 1,  /* understands EIR_SUSPECT, counts hard evidence */
    EIR_CAN_LEASE = 2,     /* gives promises with its PONGs and keeps them */
    EIR_CAN_ELECTION = 4,  /* NACK, OFFSET, parked requests */
    EIR_CAN_FORMATION = 8,
};

#endif
