/* Plain requests: what nearly everything is, run with as few looks as there can be.
 *
 * A session without special wishes sends a row with one key, and nothing stands against it: then
 * all that refusal.c and execute.c would ask is answered by one test of the row's flags, made
 * ready once a turn, and one look at the slot's verdict. Whatever is not so goes the long way,
 * untouched; this file refuses nothing and answers no error. */
#include "base/ensure.h"
#include "engine/internal.h"

/* A log that wants to know of commands shorter than this has them measured one by one. Rows whose
 * work grows with their value are not plain, so what is takes far less. */
#define PLAIN_NOTABLE_NS 1000000

/* Flags of sessions that change nothing about how a request is run. */
#define SESSION_HARMLESS                                                                           \
    (SESSION_UNIX | SESSION_TLS | SESSION_NO_EVICT | SESSION_READONLY | SESSION_CAPA_REDIRECT |    \
     SESSION_KNOWS_MULTI)

static inline bool session_is_plain(const struct session *session)
{
    return !(session->flags & ~(uint32_t)SESSION_HARMLESS) && session->kind == SESSION_CLIENT &&
           session->is_authenticated &&
           (session->subscriptions == NULL || !session_is_subscriber(session));
}

static uint32_t stops_of(const struct engine *engine)
{
    const struct permit *permit = &engine->permit;
    bool is_in_order = !permit->is_loading && !permit->is_stale && permit->not_serving == NULL &&
                       !permit->is_cluster_down && engine->pause == PAUSE_NONE &&
                       permit->pause == PAUSE_NONE;
    if (!is_in_order || engine->observers != 0) return PLAIN_NOTHING;
    /* What is shared among many commands cannot tell which of them took a few microseconds. */
    if (engine->notable.ns < PLAIN_NOTABLE_NS) return PLAIN_NOTHING;
    bool has_lease = !permit->has_lease || engine->clock.now_ms < permit->writes_until_ms;
    bool may_write =
        has_lease && permit->misconf == NULL && !permit->lacks_replicas && !permit->is_replica;
    return may_write ? 0 : CMD_WRITE;
}

static void plain_look(struct engine *engine)
{
    engine->plain.is_known = true;
    engine->plain.stops = stops_of(engine);
    engine->plain.is_heard = propagation_is_heard(engine, &engine->plain.offset);
    engine->access.keeps_clock = false;
    engine->access.ignores_expiry = false;
    engine->access.may_expire = !engine->permit.is_replica && !engine->settings.is_importing;
}

static inline bool is_plain(struct engine *engine, const struct session *session,
                            const struct batch_item *item)
{
    const struct command_entry *entry = item->entry;
    if (!engine->plain.is_known) plain_look(engine);
    return entry != NULL && entry->is_plain && !(entry->flags & engine->plain.stops) &&
           engine->plain.stops != PLAIN_NOTHING && item->key_index > 0 &&
           session_is_plain(session) && command_takes(entry->command, item->argc);
}

/* Keys may be evicted for it. */
static inline bool has_room(struct engine *engine, const struct command_entry *entry)
{
    if (engine->settings.memory_max == 0 || !(entry->flags & CMD_DENY_OOM)) return true;
    room_check(engine);
    return !engine->room.is_lacking;
}

/* As engine_run_call does it, but for a stream that nobody hears. */
static void run_row(struct engine *engine, struct call *call)
{
    uint64_t dirty = keyspace_dirty(engine->keyspace);
    bool is_heard = engine->plain.is_heard;
    if (is_heard) propagation_group_begin(engine);
    call->command->run(call);
    bool has_changed = keyspace_dirty(engine->keyspace) != dirty || call->is_changed;
    if (engine->changes.count > 0 || (has_changed && is_heard))
        call_finish_changes(engine, call, dirty);
    else if (has_changed)
        call->session->write_offset = engine->plain.offset;
    if (is_heard) propagation_group_end(engine);
}

bool engine_run_plain(struct engine *engine, struct session *session, struct batch_item *item,
                      const struct bytes *argv)
{
    if (!is_plain(engine, session, item)) return false;
    struct command_entry *entry = item->entry;
    struct key *key = &engine->batch.keys[item->key_at];
    bool is_cluster = engine->permit.is_cluster;
    if (is_cluster && engine->permit.verdicts[key->slot] != SLOT_SERVED) return false;
    if (!has_room(engine, entry)) return false;
    batch_keys_in(key, 1, session);

    struct call call;
    call_init(&call, engine, session, entry, argv, item->argc);
    call.slot = is_cluster ? (int32_t)key->slot : -1;
    call.first_key = key;
    call.first_key_index = item->key_index;
    call.key_count = call.key_step = 1;
    call.source = batch_item_source(item);
    session->active_ms = engine->clock.now_ms;
    session->command_count++;
    session->last_command = entry;
    if (entry->flags & CMD_WRITE && engine->permit.has_lease) session_mark_write(engine, session);

    size_t output_before = session->output.size;
    engine->running = session;
    run_row(engine, &call);
    engine->running = NULL;

    size_t asked = item->end - item->feed->executed;
    size_t replied = session->output.size - output_before;
    if (__builtin_expect(asked + replied >= engine->notable.bytes, 0)) {
        engine->request_bytes = asked;
        call_note(&call, 0, replied);
    }
    if (call.is_failed) entry->statistics.failed++;
    session_finish_output(engine, session);
    item->ran_plain = true;
    return true;
}

void engine_measure_plain(struct engine *engine, struct batch_item *items, uint32_t count)
{
    uint32_t measured = 0;
    for (uint32_t i = 0; i < count; i++) measured += items[i].ran_plain;
    if (measured == 0) return;
    uint64_t now = engine->ticks();
    uint64_t share = (now - engine->ticks_last) / measured;
    engine->counters.command_ns += now - engine->ticks_last;
    engine->ticks_last = now;
    engine->counters.commands += measured;
    for (uint32_t i = 0; i < count;) {
        struct command_entry *entry = items[i].entry;
        uint32_t times = 0; /* a pipeline often repeats one command */
        for (; i < count && items[i].ran_plain && items[i].entry == entry; i++, times++)
            items[i].ran_plain = false;
        if (times == 0) { /* it went the long way */
            i++;
            continue;
        }
        entry->statistics.calls += times;
        entry->statistics.ticks += share * times;
        if (engine->settings.tracks_latency) latency_count(entry, share, times);
    }
}
