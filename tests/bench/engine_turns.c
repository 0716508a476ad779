/* What a request costs inside the engine: batches of GET and SET in one process, no sockets.
 *
 *   engine_turns [keys] [requests] [pipeline] [connections]
 *
 * Prints nanoseconds of processor time a request for each mix. Requests are made beforehand, so
 * that only the turn is measured; replies are dropped after each turn, as if they had been sent. */
#include "base/memory.h"
#include "base/prng.h"
#include "commands/commands.h"
#include "engine/call.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PIPELINES 512 /* made beforehand, for each mix */

struct bench {
    struct keyspace *keyspace;
    struct engine *engine;
    struct session **sessions;
    struct engine_input *inputs;
    struct buffer pipelines[PIPELINES];
    struct prng prng;
    size_t keys, requests, pipeline, connections;
};

static uint64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static uint64_t no_ticks(void)
{
    return 0;
}

static void add_request(struct bench *bench, struct buffer *into, bool is_get, uint64_t number)
{
    char key[32];
    struct bytes argv[3] = { is_get ? BYTES("GET") : BYTES("SET"),
                             bytes_of(key, (size_t)snprintf(key, sizeof(key), "key:%012llu",
                                                            (unsigned long long)number)),
                             BYTES("0123456789abcdef0123456789abcdef") };
    resp_write_command(into, is_get ? 2 : 3, argv);
}

static void turn(struct bench *bench, size_t first)
{
    struct engine_clock clock = { .now_ms = 1, .wall_ms = 1700000000000 };
    for (size_t i = 0; i < bench->connections; i++)
        bench->inputs[i] =
            (struct engine_input){ bench->sessions[i],
                                   buffer_bytes(&bench->pipelines[(first + i) % PIPELINES]) };
    engine_turn(bench->engine, clock, bench->inputs, bench->connections);
    for (size_t i = 0; i < bench->connections; i++)
        output_consume(&bench->sessions[i]->output, bench->sessions[i]->output.size);
    while (engine_take_ready(bench->engine) != NULL) {}
    engine_propagation_clear(bench->engine);
}

static void fill_keys(struct bench *bench)
{
    struct engine_clock clock = { .now_ms = 1, .wall_ms = 1700000000000 };
    struct buffer text = { 0 };
    for (size_t i = 0; i < bench->keys;) {
        buffer_clear(&text);
        for (size_t k = 0; k < 64 && i < bench->keys; k++, i++) add_request(bench, &text, false, i);
        struct engine_input input = { bench->sessions[0], buffer_bytes(&text) };
        engine_turn(bench->engine, clock, &input, 1);
        output_consume(&bench->sessions[0]->output, bench->sessions[0]->output.size);
    }
    buffer_fini(&text);
}

static void measure(struct bench *bench, const char *name, unsigned gets_in_ten)
{
    for (size_t i = 0; i < PIPELINES; i++) {
        buffer_clear(&bench->pipelines[i]);
        for (size_t k = 0; k < bench->pipeline; k++)
            add_request(bench, &bench->pipelines[i], prng_below(&bench->prng, 10) < gets_in_ten,
                        prng_below(&bench->prng, bench->keys));
    }
    size_t turns = bench->requests / (bench->pipeline * bench->connections);
    for (size_t i = 0; i < turns / 10 + 1; i++) turn(bench, i * bench->connections);
    uint64_t allocations = memory_allocation_count();
    uint64_t start = now_ns();
    for (size_t i = 0; i < turns; i++) turn(bench, i * bench->connections);
    double spent = (double)(now_ns() - start);
    double count = (double)(turns * bench->pipeline * bench->connections);
    printf("%-12s %8.1f ns/request  %.3f allocations/request\n", name, spent / count,
           (double)(memory_allocation_count() - allocations) / count);
}

static size_t argument(int argc, char **argv, int index, size_t otherwise)
{
    return argc > index ? (size_t)atoll(argv[index]) : otherwise;
}

int main(int argc, char **argv)
{
    struct bench bench = { .keys = argument(argc, argv, 1, 1000000),
                           .requests = argument(argc, argv, 2, 4000000),
                           .pipeline = argument(argc, argv, 3, 16),
                           .connections = argument(argc, argv, 4, 8) };
    struct keyspace_options keyspace_options = { .database_count = 16,
                                                 .is_clustered = getenv("CLUSTER") != NULL };
    bench.keyspace = keyspace_create(&keyspace_options);
    struct engine_options options = { .keyspace = bench.keyspace, .ticks = no_ticks };
    bench.engine = engine_create(&options);
    commands_register(bench.engine);
    if (keyspace_options.is_clustered) {
        engine_permit(bench.engine)->is_cluster = true;
        memset(engine_permit(bench.engine)->verdicts, SLOT_SERVED, SLOT_COUNT);
    }
    if (getenv("PROPAGATE") != NULL) engine_propagation_switch(bench.engine, true);
    prng_init(&bench.prng, 1);
    bench.sessions = memory_alloc(bench.connections * sizeof(*bench.sessions));
    bench.inputs = memory_alloc(bench.connections * sizeof(*bench.inputs));
    struct session_options session_options = { .kind = SESSION_CLIENT };
    for (size_t i = 0; i < bench.connections; i++)
        bench.sessions[i] = session_create(bench.engine, &session_options, 0);

    printf("%zu keys, pipeline %zu, %zu connections\n", bench.keys, bench.pipeline,
           bench.connections);
    fill_keys(&bench);
    printf("memory %.1f bytes/key\n", (double)memory_used() / (double)bench.keys);
    measure(&bench, "GET", 10);
    measure(&bench, "SET", 0);
    measure(&bench, "half", 5);

    for (size_t i = 0; i < PIPELINES; i++) buffer_fini(&bench.pipelines[i]);
    engine_destroy(bench.engine);
    keyspace_destroy(bench.keyspace);
    memory_free(bench.sessions);
    memory_free(bench.inputs);
    return 0;
}
