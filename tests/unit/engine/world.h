/* A node's place taken by a test: an engine over a keyspace, sessions without sockets. Bytes in,
 * bytes out, and a clock that stands still until it is moved. */
#ifndef EIR_TESTS_UNIT_ENGINE_WORLD_H
#define EIR_TESTS_UNIT_ENGINE_WORLD_H

#include "base/ensure.h"
#include "base/memory.h"
#include "engine/call.h"
#include "resp/request.h"
#include <check.h>

#define WORLD_WALL_MS ((time_ms)1700000000000)

struct world {
    struct keyspace *keyspace;
    struct engine *engine;
    struct engine_clock clock;
    struct buffer text; /* what the last question was answered */
    struct session *me;
};

static inline uint64_t world_ticks(void)
{
    return 0;
}

static inline struct session *world_session_of(struct world *world, enum session_kind kind)
{
    struct session_options options = {
        .kind = kind, .address = "127.0.0.1:1000", .local_address = "127.0.0.1:7000", .fd = 8
    };
    return session_create(world->engine, &options, world->clock.now_ms);
}

static inline struct session *world_session(struct world *world)
{
    return world_session_of(world, SESSION_CLIENT);
}

/* The presets of the options. */
static const struct value_rules world_value_rules = {
    .hash_max_listpack_entries = 512,
    .hash_max_listpack_value = 64,
    .set_max_intset_entries = 512,
    .set_max_listpack_entries = 128,
    .set_max_listpack_value = 64,
    .zset_max_listpack_entries = 128,
    .zset_max_listpack_value = 64,
    .list_max_listpack_size = -2,
    .hll_sparse_max_bytes = 3000,
    .stream_node_max_bytes = 4096,
    .stream_node_max_entries = 100,
};

static inline struct world *world_create_with(bool is_clustered)
{
    struct world *world = memory_alloc_zero(sizeof(*world));
    world->clock = (struct engine_clock){ .now_ms = 1000, .wall_ms = WORLD_WALL_MS };
    world->keyspace = keyspace_create(&(struct keyspace_options){
        .database_count = 16,
        .is_clustered = is_clustered,
        .hash_key = { { 1, 2 } },
        .seed = 3,
        .values = world_value_rules,
    });
    world->engine = engine_create(
        &(struct engine_options){ .keyspace = world->keyspace,
                                  .seed = 5,
                                  .ticks = world_ticks,
                                  .settings = { .database_count = 16, .lazy_expire = true } });
    engine_permit(world->engine)->is_cluster = is_clustered;
    engine_propagation_switch(world->engine, true);
    world->me = world_session(world);
    return world;
}

static inline struct world *world_create(void)
{
    return world_create_with(false);
}

static inline void world_destroy(struct world *world)
{
    engine_destroy(world->engine);
    garbage_destroy(keyspace_garbage_take(world->keyspace));
    keyspace_destroy(world->keyspace);
    buffer_fini(&world->text);
    memory_free(world);
}

static inline void world_feed(struct world *world, struct session *session, struct bytes bytes)
{
    struct engine_input input = { .session = session, .bytes = bytes };
    engine_turn(world->engine, world->clock, &input, 1);
}

/* What waits in the session's output, taken. */
static inline const char *world_heard(struct world *world, struct session *session)
{
    buffer_clear(&world->text);
    output_copy(&session->output, &world->text);
    output_consume(&session->output, session->output.size);
    buffer_append_byte(&world->text, '\0');
    return world->text.data;
}

/* A line as typed by hand, sent as an array of bulk strings; the answer's bytes. */
static inline const char *world_ask_as(struct world *world, struct session *session,
                                       const char *line)
{
    struct request words;
    struct buffer bytes = { 0 };
    request_init(&words);
    ensure(request_split_line(bytes_text(line), &words));
    resp_write_command(&bytes, words.argc, words.argv);
    world_feed(world, session, buffer_bytes(&bytes));
    buffer_fini(&bytes);
    request_fini(&words);
    return world_heard(world, session);
}

static inline const char *world_ask(struct world *world, const char *line)
{
    return world_ask_as(world, world->me, line);
}

/* Everything that was propagated since the last question, one line each: "db: WORD WORD". */
static inline const char *world_propagated(struct world *world)
{
    buffer_clear(&world->text);
    for (size_t i = 0; i < engine_propagation_count(world->engine); i++) {
        struct propagation propagation = engine_propagation_at(world->engine, i);
        struct request_parser parser = { 0 };
        struct request_limits limits = { .bulk_size_max = REQUEST_BULK_MAX_DEFAULT };
        struct request request;
        request_init(&request);
        ensure(request_parse(&parser, propagation.command, &limits, &request) == REQUEST_READY);
        ensure(request.argc == propagation.argc);
        buffer_printf(&world->text, "%d:", propagation.db);
        for (uint32_t k = 0; k < request.argc; k++)
            buffer_printf(&world->text, " %.*s", (int)request.argv[k].size, request.argv[k].data);
        buffer_append_byte(&world->text, '\n');
        request_fini(&request);
    }
    engine_propagation_clear(world->engine);
    buffer_append_byte(&world->text, '\0');
    return world->text.data;
}

#endif
