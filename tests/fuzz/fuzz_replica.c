/* Fuzzes both halves of replication with what a hostile peer may say: the first byte chooses the
 * half. A primary that misbehaves is read as handshake, snapshot and stream in pieces; a replica
 * that does, as REPLCONF and PSYNC. Offsets must add up whatever comes. */
#include "base/ensure.h"
#include "base/memory.h"
#include "repl/primary.h"
#include "repl/replica.h"
#include "resp/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct follower_world {
    struct backlog *backlog;
    struct replica *replica;
    struct repl_effects effects;
    struct output output;
    uint64_t link;
    time_ms now_ms;
};

static void step(struct follower_world *world, enum replica_event_type type, struct bytes bytes)
{
    struct replica_event event = { .type = type,
                                   .now_ms = world->now_ms,
                                   .link = world->link,
                                   .output = &world->output,
                                   .bytes = bytes };
    replica_step(world->replica, &event, &world->effects);
}

static void perform(struct follower_world *world)
{
    bool is_loaded = false;
    for (size_t i = 0; i < world->effects.count; i++) {
        struct repl_effect *effect = &world->effects.items[i];
        if (effect->type == REPL_CONNECT) world->link = effect->link;
        if (effect->type == REPL_LOAD_END) is_loaded = true;
        if (effect->type == REPL_LOAD) ensure(effect->bytes.size > 0);
    }
    repl_effects_clear(&world->effects);
    if (is_loaded) step(world, REPLICA_LOADED, BYTES_EMPTY);
    repl_effects_clear(&world->effects);
    output_consume(&world->output, world->output.size);
}

static void run_commands(struct follower_world *world)
{
    struct replica_command command;
    while (replica_next(world->replica, &command)) {
        ensure(command.argc > 0);
        ensure(command.db >= 0);
        replica_applied(world->replica, world->now_ms, &world->effects);
        perform(world);
    }
    struct replica_view view;
    replica_look(world->replica, &view);
    ensure(view.offset_received >= backlog_lineage(world->backlog)->offset);
}

static void hostile_primary(struct bytes bytes, size_t piece)
{
    struct replica_options options = { .user = "",
                                       .password = "p",
                                       .announced_ip = "",
                                       .node_id = "",
                                       .timeout_ms = 1000,
                                       .ack_period_ms = 1000 };
    struct follower_world world = { .backlog = backlog_create(BACKLOG_SIZE_MIN, 1), .now_ms = 1 };
    world.replica = replica_create(&options, world.backlog, 2);
    repl_effects_init(&world.effects);
    output_init(&world.output);
    replica_follow(world.replica, "h", 1, true, world.now_ms, &world.effects);
    perform(&world);
    step(&world, REPLICA_LINK_UP, BYTES_EMPTY);
    perform(&world);
    for (size_t at = 0; at < bytes.size; at += piece) {
        step(&world, REPLICA_RECEIVED, bytes_of(bytes.data + at, MIN(piece, bytes.size - at)));
        perform(&world);
        run_commands(&world);
        world.now_ms += 10;
    }
    replica_promote(world.replica, world.now_ms, &world.effects);
    repl_effects_fini(&world.effects);
    replica_destroy(world.replica);
    backlog_destroy(world.backlog);
    output_fini(&world.output);
}

static void hostile_replica(struct bytes bytes)
{
    static const struct request_limits limits = { .bulk_size_max = INT32_MAX };
    struct primary_options options = { .timeout_ms = 1000, .is_diskless = true };
    struct backlog *backlog = backlog_create(BACKLOG_SIZE_MIN, 1);
    struct primary *primary = primary_create(&options, backlog, 2, 1);
    struct repl_effects effects;
    struct output output;
    struct request_parser parser;
    struct request request;
    repl_effects_init(&effects);
    output_init(&output);
    request_parser_init(&parser);
    request_init(&request);
    struct follower *follower = primary_follower_create(primary, 2, &output, "127.0.0.1");
    while (request_parse(&parser, bytes, &limits, &request) == REQUEST_READY) {
        if (request.argc >= 3 && bytes_is_word(request.argv[0], "psync"))
            (void)primary_psync(primary, follower, request.argc, request.argv, 2, &effects);
        else
            primary_replconf(primary, follower, request.argc, request.argv, 2, &effects);
        struct primary_event event = { .type = PRIMARY_TIMEOUT, .now_ms = 3 };
        primary_step(primary, &event, &effects);
        bytes = bytes_from(bytes, request.consumed);
    }
    primary_follower_destroy(primary, follower, 4, &effects);
    primary_destroy(primary);
    backlog_destroy(backlog);
    repl_effects_fini(&effects);
    output_fini(&output);
    request_parser_fini(&parser);
    request_fini(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct bytes bytes = bytes_of(data + 1, size - 1);
    if (data[0] & 1)
        hostile_replica(bytes);
    else
        hostile_primary(bytes, (size_t)(data[0] >> 1) + 1);
    return 0;
}
