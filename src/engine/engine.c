/* The engine as a whole: made, asked, taken apart. */
#include "engine/engine.h"
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"

#define OWN_ROWS(rows) register_closed(engine, rows)

/* Rows of this folder are closed by an empty one, because only their files know how many. */
static void register_closed(struct engine *engine, const struct command *rows)
{
    for (; rows->name != NULL; rows++) command_table_add(&engine->table, rows);
}

struct engine *engine_create(const struct engine_options *options)
{
    ensure(options->keyspace != NULL);
    ensure(options->ticks != NULL);
    struct engine *engine = memory_alloc_zero(sizeof(*engine));
    engine->magic = ENGINE_MAGIC;
    engine->host = options->host;
    engine->host_magic = options->host_magic;
    engine->is_heard = options->is_heard;
    engine->keyspace = options->keyspace;
    engine->settings = options->settings;
    if (engine->settings.bulk_size_max == 0)
        engine->settings.bulk_size_max = REQUEST_BULK_MAX_DEFAULT;
    if (engine->settings.query_buffer_max == 0) engine->settings.query_buffer_max = GIB;
    engine->ticks = options->ticks;
    engine->access.changes = &engine->changes;
    prng_init(&engine->prng, options->seed);
    engine->fingerprint = prng_next(&engine->prng) >> 32 | 1;
    changes_init(&engine->changes);
    list_init(&engine->sessions);
    list_init(&engine->detached);
    commandlogs_init(engine->commandlogs);
    list_init(&engine->ready);
    list_init(&engine->work);
    list_init(&engine->paused);
    list_init(&engine->monitors);
    heap_init(&engine->deadlines);
    output_init(&engine->nowhere);
    engine->nowhere_writer = (struct resp_writer){ .output = &engine->nowhere, .protocol = 2 };
    output_init(&engine->after);
    engine->after_writer = (struct resp_writer){ .output = &engine->after, .protocol = 2 };
    engine->batch.argv = memory_alloc(BATCH_ARGC * sizeof(*engine->batch.argv));
    engine->batch.argv_capacity = BATCH_ARGC;
    request_init(&engine->batch.request);
    struct hash_key hash_key = { { prng_next(&engine->prng), prng_next(&engine->prng) } };
    pubsub_init(&engine->pubsub, hash_key);
    tracking_init(&engine->tracking, hash_key);
    waiting_init(&engine->waiting, hash_key);
    session_index_init(engine, hash_key);

    engine_settings_changed(engine);
    command_table_init(&engine->table);
    OWN_ROWS(connection_commands);
    OWN_ROWS(client_rows);
    OWN_ROWS(command_rows);
    OWN_ROWS(commandlog_commands);
    OWN_ROWS(latency_commands);
    OWN_ROWS(monitor_commands);
    OWN_ROWS(multi_commands);
    OWN_ROWS(pubsub_commands);
    return engine;
}

void engine_destroy(struct engine *engine)
{
    ensure(engine->magic == ENGINE_MAGIC);
    LIST_EACH(&engine->sessions, struct session, session, link) session_destroy(engine, session);
    LIST_EACH(&engine->detached, struct session, session, link) session_destroy(engine, session);
    command_table_fini(&engine->table);
    memory_free(engine->places.items);
    request_fini(&engine->batch.request);
    memory_free(engine->batch.argv);
    memory_free(engine->batch.feeds);
    memory_free(engine->propagation.records);
    buffer_fini(&engine->propagation.bytes);
    pubsub_fini(&engine->pubsub);
    tracking_fini(&engine->tracking);
    waiting_fini(&engine->waiting);
    table_destroy(engine->sessions_by_id, NULL, NULL);
    changes_fini(&engine->changes);
    buffer_fini(&engine->notify_channel);
    commandlogs_fini(engine->commandlogs);
    latency_fini(engine);
    slot_counts_fini(&engine->slot_counts);
    heap_fini(&engine->deadlines);
    output_fini(&engine->nowhere);
    output_fini(&engine->after);
    engine->magic = 0;
    memory_free(engine);
}

void engine_register(struct engine *engine, const struct command *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) command_table_add(&engine->table, &rows[i]);
}

enum err engine_rename(struct engine *engine, struct bytes from, struct bytes to)
{
    engine->batch.recent = (struct recent_command){ .size = 0 };
    return command_table_rename(&engine->table, from, to);
}

uint64_t engine_fingerprint(const struct engine *engine)
{
    return engine->fingerprint;
}

struct permit *engine_permit(struct engine *engine)
{
    return &engine->permit;
}

struct engine_settings *engine_settings(struct engine *engine)
{
    return &engine->settings;
}

struct keyspace *engine_keyspace(struct engine *engine)
{
    return engine->keyspace;
}

struct keyspace *engine_swap_keyspace(struct engine *engine, struct keyspace *keyspace)
{
    struct keyspace *old = engine->keyspace;
    engine->keyspace = keyspace;
    engine_tell_kinds(engine);
    waiting_tell_kinds(&engine->waiting, keyspace);
    return old;
}

/* --- statistics -------------------------------------------------------------------------- */

struct engine_counters *engine_counters(struct engine *engine)
{
    engine->counters.clients_pubsub = engine->pubsub.client_count;
    engine->counters.clients_tracking = engine->tracking.client_count;
    engine->counters.keys_tracked = table_count(engine->tracking.keys);
    engine->counters.items_tracked = engine->tracking.item_count;
    engine->counters.prefixes_tracked = table_count(engine->tracking.prefixes);
    engine->counters.keys_awaited = engine->waiting.key_count;
    engine->counters.keys_awaited_gone = engine->waiting.gone_key_count;
    engine->counters.channels = engine->pubsub.spaces[PUBSUB_CHANNEL].count;
    engine->counters.patterns = engine->pubsub.spaces[PUBSUB_PATTERN].count;
    engine->counters.shard_channels = engine->pubsub.spaces[PUBSUB_SHARD].count;
    engine->counters.client_pause_until_ms = engine->pause_until_ms;
    engine->counters.client_pause = engine->pause;
    const struct room *room = &engine->room;
    uint64_t present = room->over_since == 0 ? 0 : engine->ticks() - room->over_since;
    engine->counters.over_memory_ms = (room->over_ticks + present) / 1000000;
    engine->counters.over_memory_now_ms = present / 1000000;
    return &engine->counters;
}

void engine_statistics_reset(struct engine *engine)
{
    struct engine_counters kept = engine->counters;
    engine->counters = (struct engine_counters){
        .clients_blocked = kept.clients_blocked,
        .clients_timed = kept.clients_timed,
        .clients_watching = kept.clients_watching,
        .auth_denied = kept.auth_denied,
    };
    engine->room.over_ticks = 0;
    engine->error_count = 0;
    slot_counts_reset(&engine->slot_counts);
    for (uint32_t i = 0; i < engine->table.count; i++) {
        struct command_entry *entry = engine->table.entries[i];
        command_statistics_reset(&entry->statistics);
        for (uint32_t k = 0; k < entry->sub_count; k++)
            command_statistics_reset(&entry->subs[k].statistics);
    }
}

typedef void (*visit_command)(void *context, const char *name,
                              const struct command_statistics *statistics);

static void visit_entry(const struct command_entry *entry, visit_command visit, void *context)
{
    const struct command_statistics *statistics = &entry->statistics;
    if (statistics->calls + statistics->rejected + statistics->failed > 0)
        visit(context, entry->name, statistics);
    for (uint32_t i = 0; i < entry->sub_count; i++) visit_entry(&entry->subs[i], visit, context);
}

void engine_visit_commands(const struct engine *engine, visit_command visit, void *context)
{
    for (uint32_t i = 0; i < engine->table.count; i++)
        visit_entry(engine->table.entries[i], visit, context);
}

void engine_visit_errors(const struct engine *engine,
                         void (*visit)(void *context, const char *code, uint64_t count),
                         void *context)
{
    for (uint32_t i = 0; i < engine->error_count; i++)
        visit(context, engine->errors[i].code, engine->errors[i].count);
}
