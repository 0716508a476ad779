/* The keyspace in the node's hands: made, flushed, swapped, cleared of slots, rid of what expired.
 */
#include "base/memory.h"
#include "base/slabs.h"
#include "node/parts.h"

/* Expired keys that one turn removes at most: about a quarter of a millisecond of work at the usual
 * active-expire-effort of 1, a millisecond at 10. */
static size_t expire_a_turn(const struct config *config)
{
    return 256 * (size_t)(config->active_expire_effort + 2) / 3;
}

struct keyspace *data_create_keyspace(struct node *node)
{
    const struct config *config = node->config;
    if (node->hash_key.words[0] == 0 && node->hash_key.words[1] == 0) {
        node->hash_key.words[0] = prng_next(&node->prng);
        node->hash_key.words[1] = prng_next(&node->prng);
    }
    enum config_policy policy = config->maxmemory_policy;
    bool is_lfu = policy == CONFIG_POLICY_ALLKEYS_LFU || policy == CONFIG_POLICY_VOLATILE_LFU;
    struct keyspace_options options = {
        .database_count =
            (uint32_t)(config->cluster_enabled ? config->cluster_databases : config->databases),
        .is_clustered = config->cluster_enabled,
        .hash_key = node->hash_key,
        .seed = prng_next(&node->prng),
        .clock = is_lfu ? KEYSPACE_CLOCK_LFU : KEYSPACE_CLOCK_LRU,
        .lfu_log_factor = (uint32_t)config->lfu_log_factor,
        .lfu_decay_minutes = (uint32_t)config->lfu_decay_time_minutes,
        .values = options_value_rules(node),
    };
    return keyspace_create(&options);
}

size_t data_overhead(const struct node *node)
{
    return node->memory_at_start + keyspace_table_memory(node->keyspace) +
           backlog_memory(node->backlog);
}

/* A region of memory that was made ready and not needed is given back after this. */
#define REGION_KEPT_MS 1000

static void garbage_free(void *garbage)
{
    garbage_destroy(garbage);
}

static void count_garbage(struct node *node, const struct garbage *garbage)
{
    struct engine_counters *counters = engine_counters(node->engine);
    size_t count = garbage_count(garbage);
    counters->freed_aside += count - MIN(count, counters->flushed_sync);
    counters->flushed_sync = 0;
}

void data_sweep(struct node *node)
{
    node->has_returned_memory = !slabs_collect(); /* what was garbage earlier */
    if (slabs_wants_region()) {
        node_free_later(node, node, slabs_prepare);
        node->region_until_ms = node->clock.now_ms + REGION_KEPT_MS;
    } else if (node->region_until_ms != 0 && node->clock.now_ms > node->region_until_ms) {
        slabs_unprepare();
        node->region_until_ms = 0;
    }
    struct garbage *garbage = keyspace_garbage_take(node->keyspace);
    if (garbage != NULL) count_garbage(node, garbage);
    node_free_later(node, garbage, garbage_free);
}

static struct access data_access(const struct node *node, struct changes *changes)
{
    return (struct access){ .wall_ms = node->clock.wall_ms, .changes = changes };
}

void data_flush(struct node *node)
{
    struct access access = data_access(node, NULL);
    keyspace_flush_all(node->keyspace, &access);
    engine_keys_replaced(node->engine);
    data_sweep(node);
}

void data_drop_slots(struct node *node, const struct slot_set *slots)
{
    struct access access = data_access(node, NULL);
    unsigned slot = 0;
    unsigned first;
    unsigned last;
    while (slot_set_next_range(slots, &slot, &first, &last))
        for (unsigned at = first; at <= last; at++)
            for (uint32_t db = 0; db < keyspace_database_count(node->keyspace); db++)
                data_drop_slot(node, &access, db, at);
    data_sweep(node);
}

struct key_collector {
    struct node *node;
    uint32_t db;
};

static void propagate_removal(struct node *node, uint32_t db, struct bytes key, bool is_lazy)
{
    struct bytes argv[2] = { is_lazy ? BYTES("UNLINK") : BYTES("DEL"), key };
    engine_propagate(node->engine, (int32_t)db, 2, argv);
}

static void collect_key(void *context, const struct entry *entry)
{
    struct key_collector *collector = context;
    /* Replicas learn slot changes on their own, but drop keys only when told. */
    if (!node_is_replica(collector->node))
        propagate_removal(collector->node, collector->db, entry_key(entry), false);
    engine_key_dropped(collector->node->engine, entry_key(entry));
    engine_notify_dropped(collector->node->engine, collector->db, entry_key(entry));
}

void data_drop_slot(struct node *node, const struct access *access, uint32_t db, unsigned slot)
{
    size_t count = keyspace_slot_count(node->keyspace, db, slot);
    if (count == 0) return;
    struct key_collector collector = { .node = node, .db = db };
    bool is_told = engine_tracks_keys(node->engine) || engine_notifies(node->engine);
    if (!node_is_replica(node) || is_told)
        keyspace_visit_slot(node->keyspace, db, slot, count, collect_key, &collector);
    keyspace_drop_slot(node->keyspace, access, db, slot);
}

/* What a snapshot holds for modules cannot be kept: the next one that we write will lack it. */
void data_tell_skipped(struct node *node, const struct snapshot_result *result)
{
    if (result->modules_skipped == 0) return;
    node_trace(node, LOG_LEVEL_WARNING,
               "The snapshot holds data of modules in %llu places: left out, there are no modules "
               "here",
               (unsigned long long)result->modules_skipped);
}

void data_adopt(struct node *node, struct keyspace *keyspace)
{
    struct access access = data_access(node, NULL);
    keyspace_adopt(node->keyspace, &access, keyspace);
    engine_keys_replaced(node->engine);
    data_sweep(node);
}

/* Replicas never do: the primary says so in its stream. */
static bool expires_by_itself(const struct node *node)
{
    return !node_is_replica(node) && !node_is_loading(node) && !node->debug.skips_expire_cycle &&
           !node->debug.pauses_cron && !node->config->import_mode;
}

void data_expire(struct node *node)
{
    if (!expires_by_itself(node)) return;
    if (keyspace_next_expiry_ms(node->keyspace) > node->clock.wall_ms) return;
    struct permit *permit = engine_permit(node->engine);
    if (permit->pause != PAUSE_NONE) return; /* the offset must not move during a hand-over */
    if (engine_counters(node->engine)->client_pause_until_ms > node->clock.now_ms) return;

    struct engine_clock clock = { .now_ms = node->clock.now_ms, .wall_ms = node->clock.wall_ms };
    engine_expire_due(node->engine, clock, expire_a_turn(node->config));
    node_mark(node, "expiry");
}

time_ms data_deadline(const struct node *node)
{
    if (node->has_returned_memory) return node->clock.now_ms + 1;
    if (!expires_by_itself(node)) return TIME_NEVER;
    time_ms due_wall_ms = keyspace_next_expiry_ms(node->keyspace);
    if (due_wall_ms == TIME_NEVER) return TIME_NEVER;
    /* From the wall clock to the loop's. At most ten cycles a second: a key past its time is
     * invisible anyway. */
    time_ms wait_ms = MAX(due_wall_ms - node->clock.wall_ms, 100);
    return node->clock.now_ms + wait_ms;
}
