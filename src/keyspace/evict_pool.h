/* The keys that eviction would rather lose than any others it has seen, the best one first. */
#ifndef EIR_KEYSPACE_EVICT_POOL_H
#define EIR_KEYSPACE_EVICT_POOL_H

#include "base/buffer.h"

struct evict_candidate {
    uint64_t score;
    uint32_t db;
    uint32_t slot;
    struct buffer key;
};

struct evict_pool;

struct evict_pool *evict_pool_create(void);
void evict_pool_destroy(struct evict_pool *pool); /* NULL is allowed */
/* For candidates that were judged by another clock. NULL is allowed. */
void evict_pool_clear(struct evict_pool *pool);
/* The key is copied; nothing happens when all that are here are better, or it is here already. */
void evict_pool_offer(struct evict_pool *pool, uint64_t score, uint32_t db, uint32_t slot,
                      struct bytes key);
/* The best one, which is here no more; borrowed until the next offer. NULL: none is left. */
const struct evict_candidate *evict_pool_take(struct evict_pool *pool);

#endif
