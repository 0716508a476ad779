/* The engine on hostile input: every answer is RESP, and what it propagates makes a second
 * keyspace equal to the first.
 *
 * The input is what a client sends. Its first byte says in which pieces it arrives and how much
 * time passes between them. */
#include "base/ensure.h"
#include "base/memory.h"
#include "commands/commands.h"
#include "engine/call.h"
#include "resp/read.h"
#include "types/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WALL_MS ((time_ms)1700000000000)

struct side {
    struct keyspace *keyspace;
    struct engine *engine;
    struct session *session;
    int32_t stream_db; /* that the stream last selected */
};

static uint64_t no_ticks(void)
{
    return 0;
}

static void side_init(struct side *side, enum session_kind kind)
{
    side->keyspace = keyspace_create(&(struct keyspace_options){
        .database_count = 4,
        .hash_key = { { 1, 2 } },
        .seed = 3,
        .values = { .zset_max_listpack_entries = 4, .zset_max_listpack_value = 16 },
    });
    /* Small limits: what a size from outside may cost is tested, not the patience. */
    side->engine = engine_create(&(struct engine_options){
        .keyspace = side->keyspace,
        .settings = { .database_count = 4, .bulk_size_max = 64 * 1024, .query_buffer_max = MIB },
        .ticks = no_ticks,
    });
    commands_register(side->engine);
    engine_notify(side->engine, UINT32_MAX); /* a subscriber among the inputs hears everything */
    side->stream_db = 0;
    side->session = session_create(side->engine, &(struct session_options){ .kind = kind }, 0);
}

static void side_fini(struct side *side)
{
    engine_destroy(side->engine);
    garbage_destroy(keyspace_garbage_take(side->keyspace));
    keyspace_destroy(side->keyspace);
}

static void check_answers(struct session *session)
{
    struct buffer answers = { 0 };
    output_copy(&session->output, &answers);
    output_consume(&session->output, session->output.size);
    for (size_t at = 0, consumed; at < answers.size; at += consumed) {
        struct bytes rest = bytes_from(buffer_bytes(&answers), at);
        ensure(resp_skip(rest, &consumed) == RESP_READY);
    }
    buffer_fini(&answers);
}

static void apply(struct side *replica, struct engine_clock clock, struct propagation element)
{
    struct request_parser parser = { 0 };
    struct request_limits limits = { .bulk_size_max = REQUEST_BULK_MAX_DEFAULT };
    struct request request;
    request_init(&request);
    ensure(request_parse(&parser, element.command, &limits, &request) == REQUEST_READY);
    if (element.db >= 0 && element.db != replica->stream_db) {
        char digit = (char)('0' + element.db);
        struct bytes select[2] = { BYTES("SELECT"), bytes_of(&digit, 1) };
        engine_execute(replica->engine, clock, replica->session, select, 2);
        replica->stream_db = element.db;
    }
    engine_execute(replica->engine, clock, replica->session, request.argv, request.argc);
    request_fini(&request);
}

static void replicate(struct side *primary, struct side *replica, struct engine_clock clock)
{
    for (size_t i = 0; i < engine_propagation_count(primary->engine); i++)
        apply(replica, clock, engine_propagation_at(primary->engine, i));
    engine_propagation_clear(primary->engine);
    engine_publications_clear(primary->engine);
}

/* A stream's figures tell of every entry that was added or deleted. Of other collections a copy
 * may have another encoding. */
static void check_value(const struct entry *ours, const struct entry *theirs)
{
    struct scratch scratch[2];
    ensure(entry_type(ours) == entry_type(theirs));
    if (entry_type(ours) == VALUE_STRING)
        ensure(bytes_equal(entry_string(ours, &scratch[0]), entry_string(theirs, &scratch[1])));
    if (entry_type(ours) != VALUE_STREAM) return;
    const struct stream *first = entry_value(ours), *second = entry_value(theirs);
    ensure(stream_length(first) == stream_length(second));
    ensure(memcmp(stream_figures(first), stream_figures(second), sizeof(struct stream_figures)) ==
           0);
}

static void check_equal(struct side *primary, struct side *replica)
{
    struct access access = { .wall_ms = WALL_MS, .ignores_expiry = true };
    struct keyspace_walk walk;
    keyspace_walk_init(&walk);
    const struct entry *ours;
    while ((ours = keyspace_walk_next(primary->keyspace, &walk)) != NULL) {
        struct key key = keyspace_key(replica->keyspace, walk.db, entry_key(ours));
        const struct entry *theirs = keyspace_peek(replica->keyspace, &access, &key);
        ensure(theirs != NULL);
        ensure(entry_expiry_ms(ours) == entry_expiry_ms(theirs));
        check_value(ours, theirs);
    }
    for (uint32_t db = 0; db < 4; db++)
        ensure(keyspace_count(primary->keyspace, db) == keyspace_count(replica->keyspace, db));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct side primary, replica;
    struct engine_clock clock = { .now_ms = 1000, .wall_ms = WALL_MS };
    side_init(&primary, SESSION_CLIENT);
    side_init(&replica, SESSION_PRIMARY);
    engine_propagation_switch(primary.engine, true);
    size_t step = data[0] < 128 ? size : (size_t)data[0] - 127;

    for (size_t at = 1; at < size; at += step) {
        struct bytes piece = bytes_of(data + at, MIN(step, size - at));
        struct engine_input input = { primary.session, piece };
        engine_turn(primary.engine, clock, &input, 1);
        while (engine_is_busy(primary.engine)) engine_turn(primary.engine, clock, NULL, 0);
        replicate(&primary, &replica, clock);
        check_answers(primary.session);
        clock.now_ms += data[0] % 8;
        clock.wall_ms += data[0] % 8;
        if (primary.session->close != SESSION_STAYS) break;
    }
    check_equal(&primary, &replica);
    while (engine_take_ready(primary.engine) != NULL) {}
    side_fini(&primary);
    side_fini(&replica);
    return 0;
}
