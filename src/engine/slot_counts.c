/* What each slot costs: time, bytes of its requests, bytes sent for it. For CLUSTER SLOT-STATS.
 *
 * Counted only while somebody asked for it (cluster-slot-stats-enabled): then every request goes
 * the long way, past here; otherwise nothing of this is touched. Bytes are those of the protocol: a
 * request as it came, its reply, and what the stream carries to each replica, or what a message of
 * a shard channel brings to each subscriber. Valkey counts the same, but replies inside of EXEC
 * twice; here they count once. */
#include "engine/slot_counts.h"

#include "base/memory.h"
#include "engine/internal.h"

#define SLOTS 16384
/* "*1\r\n$5\r\nMULTI\r\n": counted with the EXEC that shows which slot it was for. */
#define MULTI_BYTES 15

void engine_count_slots(struct engine *engine, bool is_on)
{
    struct slot_counts *counts = &engine->slot_counts;
    if (is_on && counts->of == NULL) counts->of = memory_alloc_zero(SLOTS * sizeof(*counts->of));
    engine->observers &= ~(uint32_t)OBSERVER_SLOTS;
    if (is_on) engine->observers |= OBSERVER_SLOTS;
    engine->plain.is_known = false;
}

void engine_count_slots_for(struct engine *engine, unsigned replicas)
{
    engine->slot_counts.replicas = replicas;
}

const struct slot_count *engine_slot_count(const struct engine *engine, unsigned slot)
{
    ensure(slot < SLOTS);
    ensure(engine->slot_counts.of != NULL);
    return &engine->slot_counts.of[slot];
}

void engine_slot_count_reset(struct engine *engine, unsigned slot)
{
    ensure(slot < SLOTS);
    if (engine->slot_counts.of != NULL) engine->slot_counts.of[slot] = (struct slot_count){ 0 };
}

void slot_counts_reset(struct slot_counts *counts)
{
    if (counts->of != NULL) memset(counts->of, 0, SLOTS * sizeof(*counts->of));
}

void slot_counts_fini(struct slot_counts *counts)
{
    memory_free(counts->of);
}

static size_t bulk_size(size_t size)
{
    char text[NUMBER_TEXT_MAX];
    return 1 + number_print((int64_t)size, text) + 2 + size + 2;
}

static size_t request_size(uint32_t argc, const struct bytes *argv)
{
    char text[NUMBER_TEXT_MAX];
    size_t size = 1 + number_print(argc, text) + 2;
    for (uint32_t i = 0; i < argc; i++) size += bulk_size(argv[i].size);
    return size;
}

/* That of the first key; -1: it has none. */
static int32_t slot_of(struct engine *engine, const struct command_entry *entry, uint32_t argc,
                       const struct bytes *argv)
{
    if (entry == NULL || entry->key_shape == KEYS_ABSENT) return -1;
    if (!keys_find(entry, argv, argc, &engine->places) || engine->places.count == 0) return -1;
    return (int32_t)key_slot(argv[engine->places.items[0].index]);
}

void slot_counts_request(struct engine *engine, const struct call *call,
                         const struct slot_request *request)
{
    bool is_stream = call->session->kind == SESSION_PRIMARY;
    int32_t slot = call->slot;
    uint64_t bytes_in = request->bytes_in;
    if (is_stream) {
        slot = slot_of(engine, call->entry, call->argc, call->argv);
        bytes_in = request_size(call->argc, call->argv);
    }
    if (slot < 0) return;
    struct slot_count *count = &engine->slot_counts.of[slot];
    count->ticks += request->ticks;
    count->bytes_in += bytes_in;
    count->bytes_out += request->bytes_out;
    if (call->entry->flags & CMD_IS_EXEC) count->bytes_in += MULTI_BYTES;
}

void slot_counts_stream(struct engine *engine, uint32_t argc, const struct bytes *argv, size_t size)
{
    unsigned replicas = engine->slot_counts.replicas;
    if (replicas == 0) return;
    struct command_entry *entry = command_table_find(&engine->table, argv[0]);
    if (entry != NULL && entry->sub_count > 0 && argc > 1)
        entry = command_entry_find_sub(entry, argv[1]);
    int32_t slot = slot_of(engine, entry, argc, argv);
    if (slot >= 0) engine->slot_counts.of[slot].bytes_out += (uint64_t)size * replicas;
}

void slot_counts_message(struct engine *engine, struct bytes channel, struct bytes payload,
                         size_t receivers)
{
    const struct bytes message[] = { BYTES("smessage"), channel, payload };
    engine->slot_counts.of[key_slot(channel)].bytes_out +=
        (uint64_t)request_size(COUNT_OF(message), message) * receivers;
}
