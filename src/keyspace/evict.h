/* Making room: the key that a policy would rather lose than any other it looked at.
 *
 * What is least used is not known exactly, for that would cost memory at every key: a few keys are
 * sampled each time, and the best candidates of all samples so far wait in a pool. */
#ifndef EIR_KEYSPACE_EVICT_H
#define EIR_KEYSPACE_EVICT_H

#include "keyspace/keyspace.h"

enum evict_order {
    EVICT_IDLE, /* not touched for longest; the keyspace's clock is KEYSPACE_CLOCK_LRU */
    EVICT_RARE, /* touched least often; KEYSPACE_CLOCK_LFU */
    EVICT_SOON, /* would end first; exact, and only of keys that end */
    EVICT_ANY,
};

struct evict_policy {
    enum evict_order order;
    bool is_volatile_only; /* only keys that end */
    unsigned samples;      /* keys looked at for each one that goes */
};

/* Deletes one key and tells it as CHANGE_EVICTED. False when there is none that may go. */
bool keyspace_evict(struct keyspace *keyspace, const struct access *access,
                    const struct evict_policy *policy);

#endif
