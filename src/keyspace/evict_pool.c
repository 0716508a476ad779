/* The pool: a short sorted array that keeps the memory of its keys. */
#include "keyspace/evict_pool.h"

#include "base/memory.h"

#define POOL_SIZE 16

/* By rising score: the best candidate stands last. */
struct evict_pool {
    struct evict_candidate items[POOL_SIZE];
    size_t count;
};

struct evict_pool *evict_pool_create(void)
{
    return memory_alloc_zero(sizeof(struct evict_pool));
}

void evict_pool_destroy(struct evict_pool *pool)
{
    if (pool == NULL) return;
    for (size_t i = 0; i < POOL_SIZE; i++) buffer_fini(&pool->items[i].key);
    memory_free_sized(pool, sizeof(*pool));
}

void evict_pool_clear(struct evict_pool *pool)
{
    if (pool != NULL) pool->count = 0;
}

static bool pool_holds(const struct evict_pool *pool, uint32_t db, struct bytes key)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->items[i].db == db && bytes_equal(buffer_bytes(&pool->items[i].key), key))
            return true;
    return false;
}

void evict_pool_offer(struct evict_pool *pool, uint64_t score, uint32_t db, uint32_t slot,
                      struct bytes key)
{
    size_t place = pool->count;
    while (place > 0 && pool->items[place - 1].score > score) place--;
    if (pool->count == POOL_SIZE && place == 0) return; /* all there are better */
    if (pool_holds(pool, db, key)) return;

    struct evict_candidate fresh;
    if (pool->count < POOL_SIZE) {
        fresh = pool->items[pool->count]; /* its memory */
        memmove(pool->items + place + 1, pool->items + place,
                (pool->count - place) * sizeof(fresh));
        pool->count++;
    } else {
        place--; /* the worst one leaves */
        fresh = pool->items[0];
        memmove(pool->items, pool->items + 1, place * sizeof(fresh));
    }
    fresh.score = score;
    fresh.db = db;
    fresh.slot = slot;
    buffer_clear(&fresh.key);
    buffer_append(&fresh.key, key);
    pool->items[place] = fresh;
}

const struct evict_candidate *evict_pool_take(struct evict_pool *pool)
{
    return pool->count == 0 ? NULL : &pool->items[--pool->count];
}
