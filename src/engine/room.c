/* Room: keeps the memory in use below maxmemory, by evicting keys or by refusing commands.
 *
 * One look at a counter before each command that may need memory; the rest only above the limit.
 * A round of eviction ends after its budget of time even when there is no room yet: then commands
 * go on meanwhile, and the next turn evicts further. Refused is only when nothing may go. */
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"
#include "keyspace/evict.h"

#define KEYS_BETWEEN_CLOCKS 16 /* evicted before the time is read again */

static size_t memory_over(const struct engine *engine)
{
    size_t limit = engine->settings.memory_max + engine->permit.memory_uncounted;
    size_t used = memory_used();
    return used > limit ? used - limit : 0;
}

/* A hand-over or a paused server must not change: its replicas count offsets. */
static bool may_evict(const struct engine *engine)
{
    time_ms until_ms;
    return engine_pause(engine, &until_ms) == PAUSE_NONE;
}

static void note_excess(struct room *room, uint64_t now)
{
    if (room->over_since == 0) room->over_since = now;
    room->is_evicting = true;
}

static void note_enough(struct room *room, uint64_t now)
{
    if (room->over_since != 0) room->over_ticks += now - room->over_since;
    room->over_since = 0;
    room->is_evicting = false;
}

/* False when there is nothing left that may go. */
static bool evict_some(struct engine *engine)
{
    struct access access = { .wall_ms = engine->clock.wall_ms,
                             .may_expire = true,
                             .changes = &engine->changes };
    bool is_found = true;
    for (int i = 0; i < KEYS_BETWEEN_CLOCKS && is_found && memory_over(engine) > 0; i++)
        is_found = keyspace_evict(engine->keyspace, &access, &engine->settings.evict);
    propagation_of_changes(engine);
    return is_found;
}

static void make_room(struct engine *engine)
{
    struct room *room = &engine->room;
    uint64_t start = engine->ticks();
    uint64_t now = start;
    bool is_found = engine->settings.may_evict;
    while (is_found && memory_over(engine) > 0 && now - start < engine->settings.evict_budget_ns) {
        is_found = evict_some(engine);
        now = engine->ticks();
    }
    latency_note(engine, LATENCY_EVICTION_CYCLE, now - start);
    bool is_over = memory_over(engine) > 0;
    engine->room.is_lacking = is_over && !is_found;
    if (is_over && is_found)
        note_excess(room, start);
    else
        note_enough(room, now);
}

void room_check(struct engine *engine)
{
    engine->room.is_lacking = false;
    if (memory_over(engine) == 0) {
        if (engine->room.is_evicting) note_enough(&engine->room, engine->ticks());
        return;
    }
    if (engine->permit.is_replica && engine->settings.replica_ignores_memory) return;
    engine->room.is_lacking = engine->permit.is_loading; /* what is not here yet cannot be chosen */
    if (engine->permit.is_loading || !may_evict(engine)) return;
    make_room(engine);
}

void room_forget(struct engine *engine)
{
    engine->room.is_lacking = false;
    engine->room.is_evicting = false;
    engine->room.over_since = 0;
}
