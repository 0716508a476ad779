/* What the hot path may cost: no allocation for a GET, at most one for a SET. */
#include "base/memory.h"
#include "commands/commands.h"
#include "unit/engine/runner.h"
#include <stdio.h>

#define KEY_COUNT 1000
#define VALUE     "0123456789abcdef0123456789abcdef"

static struct world *world;
static struct buffer pipeline;

static void set_up(void)
{
    world = world_create();
    commands_register(world->engine);
    buffer_init(&pipeline);
}

static void tear_down(void)
{
    buffer_fini(&pipeline);
    world_destroy(world);
}

static void add_command(const char *format, int number)
{
    char line[128];
    struct request words;
    request_init(&words);
    ensure((size_t)snprintf(line, sizeof(line), format, number) < sizeof(line));
    ensure(request_split_line(bytes_text(line), &words));
    resp_write_command(&pipeline, words.argc, words.argv);
    request_fini(&words);
}

static void run_pipeline(void)
{
    world_feed(world, world->me, buffer_bytes(&pipeline));
    output_consume(&world->me->output, world->me->output.size);
    engine_propagation_clear(world->engine);
}

static void fill(const char *format)
{
    buffer_clear(&pipeline);
    for (int i = 0; i < KEY_COUNT; i++) add_command(format, i);
}

/* Allocations of running the pipeline when every buffer has found its size. */
static uint64_t cost_of_pipeline(void)
{
    run_pipeline();
    run_pipeline();
    uint64_t before = memory_allocation_count();
    run_pipeline();
    return memory_allocation_count() - before;
}

START_TEST(a_get_allocates_nothing)
{
    fill("SET key:%d " VALUE);
    run_pipeline();
    fill("GET key:%d");
    /* Blocks of output and the turn's own lists: a few for a thousand. */
    ck_assert_uint_le(cost_of_pipeline(), 8);
    fill("GET missing:%d");
    ck_assert_uint_le(cost_of_pipeline(), 8);
}
END_TEST

START_TEST(a_set_over_a_value_allocates_once_at_most)
{
    engine_propagation_switch(world->engine, false);
    fill("SET key:%d " VALUE);
    ck_assert_uint_le(cost_of_pipeline(), KEY_COUNT + 4);
}
END_TEST

START_TEST(a_set_that_is_propagated_allocates_once_at_most)
{
    fill("SET key:%d " VALUE);
    ck_assert_uint_le(cost_of_pipeline(), KEY_COUNT + 4);
}
END_TEST

START_TEST(an_incr_allocates_nothing)
{
    engine_propagation_switch(world->engine, false);
    fill("SET key:%d 1000");
    run_pipeline();
    fill("INCR key:%d");
    ck_assert_uint_le(cost_of_pipeline(), 8);
}
END_TEST

START_TEST(a_large_value_or_part_is_sent_without_a_copy)
{
    buffer_clear(&pipeline);
    add_command("SETRANGE big %d x", 1000000);
    run_pipeline();
    static const char *const readers[] = { "GET big", "GETRANGE big 1 -2", "MGET big big" };
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        buffer_clear(&pipeline);
        add_command(readers[i], 0);
        size_t before = memory_used();
        world_feed(world, world->me, buffer_bytes(&pipeline));
        ck_assert_uint_gt(world->me->output.size, 900000);
        ck_assert_uint_lt(memory_used(), before + 64 * KIB);
        output_consume(&world->me->output, world->me->output.size);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_get_allocates_nothing,
        a_set_over_a_value_allocates_once_at_most,
        a_set_that_is_propagated_allocates_once_at_most,
        an_incr_allocates_nothing,
        a_large_value_or_part_is_sent_without_a_copy,
    };
    return run_tests("cost", tests, COUNT_OF(tests), set_up, tear_down);
}
