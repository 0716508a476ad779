/* The choice of keys to evict: samples, the pool of candidates, and the exact way for expiry.
 *
 * Keys lie in buckets by their hash, which says nothing of their use: the keys of one random
 * bucket are as good a sample as keys drawn one by one, and cost one line instead of five. */
#include "keyspace/evict.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "base/table_inline.h"
#include "keyspace/evict_pool.h"
#include "keyspace/internal.h"

#define FOUND_MAX 64 /* the policy's greatest number of samples */
/* Random buckets are looked at this often before it is taken that keys with an expiry are too
 * rare to be met by chance; then the index of expiry leads to some. */
#define TRIES_MAX 32
/* Of so many keys one ends: met by chance soon enough. */
#define VOLATILE_RARITY_MAX 16

/* How gladly this entry goes. */
static uint64_t score_of(const struct keyspace *keyspace, const struct access *access,
                         const struct evict_policy *policy, const struct entry *entry)
{
    if (policy->order == EVICT_RARE)
        return UINT8_MAX - keyspace_frequency(keyspace, entry, access->wall_ms);
    return keyspace_idle_seconds(keyspace, entry, access->wall_ms);
}

/* ---- Sampling --------------------------------------------------------------------------- */

struct sample {
    bool is_volatile_only;
    size_t wanted;
    size_t count;
    struct entry *found[FOUND_MAX];
};

static void sample_cell(void *context, const struct table_cell *cell)
{
    struct sample *sample = context;
    if (sample->count == FOUND_MAX) return;
    if (sample->is_volatile_only && !table_cell_is_marked(cell)) return;
    sample->found[sample->count++] = table_cell_entry(cell);
}

/* Where more were found than are wanted, any of them: the first places of a bucket hold older
 * keys than the last. */
static void sample_cut(struct sample *sample, struct prng *prng)
{
    for (size_t i = 0; i < sample->count && i < sample->wanted; i++) {
        size_t chosen = i + prng_below(prng, sample->count - i);
        struct entry *entry = sample->found[chosen];
        sample->found[chosen] = sample->found[i];
        sample->found[i] = entry;
        __builtin_prefetch(entry);
    }
    sample->count = MIN(sample->count, sample->wanted);
}

static size_t eligible_count(const struct database *database, bool is_volatile_only)
{
    return is_volatile_only ? database->volatile_count : database->count;
}

/* A database that holds keys which may go, each with the chance of its share; NULL: none does. */
static struct database *random_database(struct keyspace *keyspace, bool is_volatile_only,
                                        uint32_t *db)
{
    size_t total = 0;
    for (uint32_t i = 0; i < keyspace->database_count; i++)
        total += eligible_count(keyspace_database(keyspace, i), is_volatile_only);
    if (total == 0) return NULL;
    uint64_t rank = prng_below(&keyspace->prng, total);
    for (*db = 0;; (*db)++) {
        struct database *database = keyspace_database(keyspace, *db);
        size_t count = eligible_count(database, is_volatile_only);
        if (rank < count) return database;
        rank -= count;
    }
}

/* Looks at one group of buckets that the index knows. Where nothing ends any more, the index is
 * told so: the next try finds another place. */
static uint32_t sample_by_index(struct keyspace *keyspace, struct database *database,
                                struct sample *sample)
{
    struct due_place place = database_random_due(database, &keyspace->prng);
    database_visit_due(database, place, sample_cell, sample);
    if (sample->count == 0) database_set_due(database, place, TIME_NEVER);
    return place.slot;
}

/* Keys of one slot; none when chance found none. */
static uint32_t sample_take(struct keyspace *keyspace, struct database *database,
                            struct sample *sample)
{
    size_t rarity = database->count / MAX(database->volatile_count, (size_t)1);
    bool by_chance = !sample->is_volatile_only || rarity <= VOLATILE_RARITY_MAX;
    if (!by_chance) return sample_by_index(keyspace, database, sample);

    uint32_t slot = database_random_slot(database, &keyspace->prng);
    const struct table *table = database_table(database, slot);
    for (int i = 0; i < TRIES_MAX && sample->count < sample->wanted; i++) {
        uint64_t bucket = prng_below(&keyspace->prng, table_bucket_count(table));
        table_visit_bucket(table, bucket, sample_cell, sample);
        /* A small table of a slot holds no more than a few buckets: no use in asking again. */
        if (database->slots != NULL && sample->count > 0) break;
    }
    if (sample->count == 0 && sample->is_volatile_only)
        return sample_by_index(keyspace, database, sample);
    return slot;
}

/* ---- The pool --------------------------------------------------------------------------- */

static bool pool_fill(struct keyspace *keyspace, const struct access *access,
                      const struct evict_policy *policy)
{
    size_t left = MIN(MAX(policy->samples, 1u), (unsigned)FOUND_MAX);
    while (left > 0) {
        uint32_t db;
        struct database *database = random_database(keyspace, policy->is_volatile_only, &db);
        if (database == NULL) return false;
        struct sample sample = { .is_volatile_only = policy->is_volatile_only, .wanted = left };
        uint32_t slot = sample_take(keyspace, database, &sample);
        sample_cut(&sample, &keyspace->prng);
        for (size_t i = 0; i < sample.count; i++) {
            uint64_t score = score_of(keyspace, access, policy, sample.found[i]);
            evict_pool_offer(keyspace->evict_pool, score, db, slot,
                             entry_key_inline(sample.found[i]));
        }
        left -= MIN(left, MAX(sample.count, (size_t)1));
    }
    return true;
}

/* ---- Evicting --------------------------------------------------------------------------- */

static void evict_entry(struct keyspace *keyspace, const struct access *access, uint32_t db,
                        uint32_t slot, const struct entry *entry)
{
    struct key key = gate_key_of_entry(keyspace, db, slot, entry);
    bool existed = keyspace_delete_as(keyspace, access, &key, CHANGE_EVICTED);
    ensure(existed);
}

/* The best candidate that is still there and was not used since. */
static bool evict_candidate(struct keyspace *keyspace, const struct access *access,
                            const struct evict_policy *policy)
{
    struct evict_pool *pool = keyspace->evict_pool;
    const struct evict_candidate *best;
    while ((best = evict_pool_take(pool)) != NULL) {
        struct key key =
            keyspace_key_in_slot(keyspace, best->db, best->slot, buffer_bytes(&best->key));
        struct table_cell *cell = gate_cell(keyspace, &key);
        if (cell == NULL) continue;
        struct entry *entry = table_cell_entry(cell);
        if (policy->is_volatile_only && entry_expiry_inline(entry) == EXPIRY_NONE) continue;
        if (score_of(keyspace, access, policy, entry) < best->score) continue;
        return keyspace_delete_as(keyspace, access, &key, CHANGE_EVICTED);
    }
    return false;
}

static bool evict_by_pool(struct keyspace *keyspace, const struct access *access,
                          const struct evict_policy *policy)
{
    if (keyspace->evict_pool == NULL) keyspace->evict_pool = evict_pool_create();
    do {
        if (!pool_fill(keyspace, access, policy)) return false;
    } while (!evict_candidate(keyspace, access, policy));
    return true;
}

static bool evict_any(struct keyspace *keyspace, const struct access *access,
                      const struct evict_policy *policy)
{
    for (;;) {
        uint32_t db;
        struct database *database = random_database(keyspace, policy->is_volatile_only, &db);
        if (database == NULL) return false;
        struct sample sample = { .is_volatile_only = policy->is_volatile_only, .wanted = 1 };
        uint32_t slot = sample_take(keyspace, database, &sample);
        if (sample.count == 0) continue;
        sample_cut(&sample, &keyspace->prng);
        evict_entry(keyspace, access, db, slot, sample.found[0]);
        return true;
    }
}

struct soonest {
    struct entry *entry;
    time_ms expiry_ms;
};

static void look_for_soonest(void *context, const struct table_cell *cell)
{
    struct soonest *soonest = context;
    if (!table_cell_is_marked(cell)) return;
    time_ms expiry_ms = entry_expiry_inline(table_cell_entry(cell));
    if (soonest->entry != NULL && expiry_ms >= soonest->expiry_ms) return;
    *soonest = (struct soonest){ table_cell_entry(cell), expiry_ms };
}

/* The index may name a time that is too early, never one that is too late: it is corrected until
 * the key is there that it promised. */
static bool evict_soonest(struct keyspace *keyspace, const struct access *access)
{
    for (;;) {
        uint32_t db = 0;
        time_ms due_ms = TIME_NEVER;
        for (uint32_t i = 0; i < keyspace->database_count; i++) {
            time_ms here_ms = database_due_ms(keyspace_database(keyspace, i));
            if (here_ms >= due_ms) continue;
            due_ms = here_ms;
            db = i;
        }
        if (due_ms == TIME_NEVER) return false;

        struct database *database = keyspace_database(keyspace, db);
        struct due_place place;
        bool is_found = database_find_due(database, due_ms, &place);
        ensure(is_found);
        struct soonest soonest = { .entry = NULL, .expiry_ms = TIME_NEVER };
        database_visit_due(database, place, look_for_soonest, &soonest);
        if (soonest.entry == NULL || soonest.expiry_ms > due_ms) {
            database_set_due(database, place, soonest.expiry_ms);
            continue;
        }
        evict_entry(keyspace, access, db, place.slot, soonest.entry);
        return true;
    }
}

bool keyspace_evict(struct keyspace *keyspace, const struct access *access,
                    const struct evict_policy *policy)
{
    struct access all = *access;
    all.ignores_expiry = true; /* what has expired makes room as well */
    switch (policy->order) {
    case EVICT_IDLE:
    case EVICT_RARE: return evict_by_pool(keyspace, &all, policy);
    case EVICT_SOON: return evict_soonest(keyspace, &all);
    case EVICT_ANY: return evict_any(keyspace, &all, policy);
    }
    ensure_unreachable();
}
