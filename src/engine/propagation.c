/* The list of what must be replicated: made once, read by the append log and the backlog. */
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"
#include "resp/reply.h"

#define PROPAGATION_KEPT (256 * KIB) /* memory that an idle list keeps */

static struct propagation_record *record_add(struct propagation_list *list)
{
    if (list->count == list->capacity) {
        list->capacity = MAX(64, list->capacity * 2);
        list->records = memory_realloc(list->records, list->capacity * sizeof(*list->records));
    }
    return &list->records[list->count++];
}

bool propagation_is_heard(const struct engine *engine, uint64_t *offset)
{
    return engine->is_heard == NULL || engine->is_heard(engine->host, offset);
}

void propagation_append(struct engine *engine, struct session *session, int32_t db, uint32_t argc,
                        const struct bytes *argv)
{
    struct propagation_list *list = &engine->propagation;
    if (!list->is_on) return;
    uint64_t offset_still;
    if (!propagation_is_heard(engine, &offset_still)) {
        if (session != NULL) session->write_offset = offset_still;
        return;
    }
    size_t offset = list->bytes.size;
    resp_write_command(&list->bytes, argc, argv);
    *record_add(list) = (struct propagation_record){
        .db = db,
        .argc = argc,
        .offset = offset,
        .size = list->bytes.size - offset,
        .session = session,
    };
    if (engine->observers & OBSERVER_SLOTS)
        slot_counts_stream(engine, argc, argv, list->bytes.size - offset);
}

#define HDEL_FIELDS_MAX 64

/* Fields that have ended, from the change behind `at` on: HDEL key field ..., in one transaction
 * with the end of the key, if that came of it. Returns the place of the last change it took. */
static size_t propagate_fields(struct engine *engine, size_t at)
{
    const struct changes *changes = &engine->changes;
    const struct change *hash = &changes->items[at];
    struct bytes argv[2 + HDEL_FIELDS_MAX] = { BYTES("HDEL"), changes_key(changes, hash) };
    uint32_t argc = 2;
    propagation_group_begin(engine);
    for (; at + 1 < changes->count && changes->items[at + 1].kind == CHANGE_FIELD; at++) {
        argv[argc++] = changes_key(changes, &changes->items[at + 1]);
        if (argc < COUNT_OF(argv)) continue;
        propagation_append(engine, NULL, (int32_t)hash->db, argc, argv);
        argc = 2;
    }
    if (argc > 2) propagation_append(engine, NULL, (int32_t)hash->db, argc, argv);
    if (at + 1 < changes->count && changes->items[at + 1].kind == CHANGE_EMPTIED) {
        argv[0] = engine->settings.lazy_expire ? BYTES("UNLINK") : BYTES("DEL");
        propagation_append(engine, NULL, (int32_t)hash->db, 2, argv);
        at++;
    }
    propagation_group_end(engine);
    return at;
}

void propagation_of_changes(struct engine *engine)
{
    struct changes *changes = &engine->changes;
    tracking_of_changes(engine);
    notify_of_changes(engine);
    waiting_of_changes(engine);
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        if (change->kind == CHANGE_FIELDS) {
            i = propagate_fields(engine, i);
            continue;
        }
        bool is_expired = change->kind == CHANGE_EXPIRED;
        if (!is_expired && change->kind != CHANGE_EVICTED) continue;
        bool is_lazy = is_expired ? engine->settings.lazy_expire : engine->settings.lazy_eviction;
        struct bytes argv[2] = { is_lazy ? BYTES("UNLINK") : BYTES("DEL"),
                                 changes_key(changes, change) };
        propagation_append(engine, NULL, (int32_t)change->db, 2, argv);
    }
    engine_changes_clear(engine);
}

void engine_changes_clear(struct engine *engine)
{
    changes_clear(&engine->changes);
    engine->changes_notified = 0;
    engine->changes_tracked = 0;
    engine->changes_awaited = 0;
}

size_t engine_expire_due(struct engine *engine, struct engine_clock clock, size_t count_max)
{
    engine->clock = clock;
    struct access access = { .wall_ms = clock.wall_ms,
                             .may_expire = true,
                             .changes = &engine->changes };
    uint64_t start = engine->ticks();
    size_t count = keyspace_expire_due(engine->keyspace, &access, count_max);
    propagation_of_changes(engine);
    latency_note(engine, LATENCY_EXPIRE_CYCLE, engine->ticks() - start);
    return count;
}

void propagation_group_begin(struct engine *engine)
{
    struct propagation_list *list = &engine->propagation;
    if (list->group_depth++ == 0) list->group_start = list->count;
}

/* MULTI takes the first element's place; its bytes may stand anywhere. A SELECT that the first
 * element needs comes behind MULTI, as Valkey has it. */
void propagation_group_end(struct engine *engine)
{
    struct propagation_list *list = &engine->propagation;
    ensure(list->group_depth > 0);
    if (--list->group_depth > 0) return;
    if (list->count - list->group_start < 2) return;

    struct session *session = list->records[list->count - 1].session;
    propagation_append(engine, session, -1, 1, (struct bytes[]){ BYTES("MULTI") });
    struct propagation_record multi = list->records[list->count - 1];
    struct propagation_record *start = list->records + list->group_start;
    memmove(start + 1, start, (list->count - 1 - list->group_start) * sizeof(*start));
    *start = multi;
    propagation_append(engine, session, -1, 1, (struct bytes[]){ BYTES("EXEC") });
}

void propagation_forget_session(struct engine *engine, const struct session *session)
{
    struct propagation_list *list = &engine->propagation;
    for (size_t i = 0; i < list->count; i++)
        if (list->records[i].session == session) list->records[i].session = NULL;
}

void engine_propagate(struct engine *engine, int32_t db, uint32_t argc, const struct bytes *argv)
{
    propagation_append(engine, NULL, db, argc, argv);
}

void engine_propagation_switch(struct engine *engine, bool is_on)
{
    engine->propagation.is_on = is_on;
}

size_t engine_propagation_count(const struct engine *engine)
{
    return engine->propagation.count;
}

struct propagation engine_propagation_at(const struct engine *engine, size_t index)
{
    const struct propagation_list *list = &engine->propagation;
    ensure(index < list->count);
    const struct propagation_record *record = &list->records[index];
    return (struct propagation){
        .db = record->db,
        .argc = record->argc,
        .command = bytes_of(list->bytes.data + record->offset, record->size),
        .session = record->session,
    };
}

void engine_propagation_clear(struct engine *engine)
{
    struct propagation_list *list = &engine->propagation;
    /* A row of the node may hand on what there is so far (PSYNC does): its own group begins
     * again. */
    list->group_start = 0;
    list->count = 0;
    buffer_clear(&list->bytes);
    buffer_trim(&list->bytes, PROPAGATION_KEPT);
}
