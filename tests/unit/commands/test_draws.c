/* Draws with repetition: as many as a reply can hold, and no more. */
#include "commands/commands.h"
#include "unit/engine/runner.h"

static struct world *world;

static void set_up(void)
{
    world = world_create();
    commands_register(world->engine);
    world_ask(world, "SADD s m");
    world_ask(world, "HSET h f v");
    world_ask(world, "ZADD z 1 m");
}

static void tear_down(void)
{
    world_destroy(world);
}

#define REFUSED "-ERR count of repeated draws exceeds maximum allowed size (proto-max-bulk-len)\r\n"

START_TEST(test_a_short_request_cannot_ask_for_a_reply_that_no_memory_holds)
{
    static const struct exchange exchanges[] = {
        { "SRANDMEMBER s -9223372036854775807", REFUSED },
        { "HRANDFIELD h -9223372036854775807", REFUSED },
        { "HRANDFIELD h -4611686018427387903 WITHVALUES", REFUSED },
        { "ZRANDMEMBER z -9223372036854775807", REFUSED },
        { "ZRANDMEMBER z -4611686018427387903 WITHSCORES", REFUSED },
        { "SRANDMEMBER none -9223372036854775807", "*0\r\n" },
        { "SRANDMEMBER s 9223372036854775807", "*1\r\n$1\r\nm\r\n" },
        { "SRANDMEMBER s -2", "*2\r\n$1\r\nm\r\n$1\r\nm\r\n" },
        { "HRANDFIELD h -2", "*2\r\n$1\r\nf\r\n$1\r\nf\r\n" },
        { "ZRANDMEMBER z -1 WITHSCORES", "*2\r\n$1\r\nm\r\n$1\r\n1\r\n" },
    };
    CHECK_EXCHANGES(world, exchanges);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_a_short_request_cannot_ask_for_a_reply_that_no_memory_holds };
    return run_tests("draws", tests, COUNT_OF(tests), set_up, tear_down);
}
