/* What is remembered of commands that were slow or large: COMMANDLOG, SLOWLOG, LATENCY. */
#include "unit/engine/runner.h"

static struct world *world;

/* sleep MS: as if the process had stood still. */
static void sleep_ms(struct call *call)
{
    int64_t ms;
    if (!call_integer(call, 1, &ms)) return;
    call->stall_ns = (uint64_t)ms * 1000000;
    reply_ok(call);
}

static void secret(struct call *call)
{
    call_hide(call, 2);
    reply_ok(call);
}

static const struct command rows[] = {
    { .name = "sleep", .run = sleep_ms, .arity = 2 },
    { .name = "nap", .run = sleep_ms, .arity = 2, .flags = CMD_FAST },
    { .name = "secret", .run = secret, .arity = -2 },
    { .name = "unlogged", .run = secret, .arity = -1, .flags = CMD_SKIP_LOG },
};

static void set_up(void)
{
    world = world_create();
    engine_register(world->engine, rows, COUNT_OF(rows));
}

static void tear_down(void)
{
    world_destroy(world);
}

#define ASK(line, expected) ck_assert_str_eq(world_ask(world, line), expected)

static void limit(enum commandlog_kind kind, int64_t threshold, size_t length_max)
{
    engine_settings(world->engine)->logs[kind] =
        (struct commandlog_limits){ .threshold = threshold, .length_max = length_max };
    engine_settings_changed(world->engine);
}

static void watch_latency(int64_t threshold_ms)
{
    engine_settings(world->engine)->latency_threshold_ms = threshold_ms;
    engine_settings_changed(world->engine);
}

START_TEST(a_slow_command_is_logged_with_its_arguments)
{
    limit(COMMANDLOG_SLOW, 2000, 10);
    ASK("sleep 1", "+OK\r\n");
    ASK("SLOWLOG LEN", ":0\r\n");
    ASK("CLIENT SETNAME bob", "+OK\r\n");
    ASK("sleep 2", "+OK\r\n");
    ASK("SLOWLOG GET", "*1\r\n*6\r\n:0\r\n:1700000000\r\n:2000\r\n*2\r\n$5\r\nsleep\r\n$1\r\n2\r\n"
                       "$14\r\n127.0.0.1:1000\r\n$3\r\nbob\r\n");
    ASK("COMMANDLOG LEN slow", ":1\r\n");
    ASK("COMMANDLOG LEN large-reply", ":0\r\n");
    ASK("SLOWLOG RESET", "+OK\r\n");
    ASK("COMMANDLOG GET -1 slow", "*0\r\n");
}
END_TEST

START_TEST(the_newest_come_first_and_the_oldest_go)
{
    limit(COMMANDLOG_SLOW, 1000, 3);
    for (int i = 0; i < 5; i++) ASK("sleep 1", "+OK\r\n");
    ASK("SLOWLOG LEN", ":3\r\n");
    const char *answer = world_ask(world, "SLOWLOG GET 2");
    ck_assert_ptr_nonnull(strstr(answer, "*2\r\n*6\r\n:4\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "*6\r\n:3\r\n"));
    ck_assert_ptr_null(strstr(answer, "*6\r\n:2\r\n"));
}
END_TEST

START_TEST(long_arguments_and_many_are_cut)
{
    limit(COMMANDLOG_SLOW, 0, 1);
    char line[1000] = "secret ";
    memset(line + 7, 'x', 130);
    ASK(line, "+OK\r\n");
    ck_assert_ptr_nonnull(strstr(world_ask(world, "SLOWLOG GET 1"), "xx... (2 more bytes)\r\n"));
    ASK("unlogged 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2", "+OK\r\n");
    ck_assert_ptr_null(strstr(world_ask(world, "SLOWLOG GET 1"), "unlogged"));
    ASK("secret 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2", "+OK\r\n");
    const char *answer = world_ask(world, "SLOWLOG GET 1");
    ck_assert_ptr_nonnull(
        strstr(answer, "*32\r\n$6\r\nsecret\r\n$1\r\n1\r\n$10\r\n(redacted)\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "$1\r\n0\r\n$22\r\n... (2 more arguments)\r\n$14"));
}
END_TEST

START_TEST(large_requests_and_replies_have_logs_of_their_own)
{
    limit(COMMANDLOG_LARGE_REQUEST, 100, 10);
    limit(COMMANDLOG_LARGE_REPLY, 100, 10);
    char line[200] = "ECHO ";
    memset(line + 5, 'x', 60);
    world_ask(world, line);
    ASK("COMMANDLOG LEN large-request", ":0\r\n");
    ASK("COMMANDLOG LEN large-reply", ":0\r\n");
    memset(line + 5, 'x', 93); /* $93, its bytes and two line ends: 100 */
    world_ask(world, line);
    ASK("COMMANDLOG LEN large-reply", ":1\r\n");
    ASK("COMMANDLOG LEN large-request", ":1\r\n");
    ck_assert_ptr_nonnull(strstr(world_ask(world, "COMMANDLOG GET 1 large-reply"), ":100\r\n"));
    ASK("COMMANDLOG RESET large-reply", "+OK\r\n");
    ASK("COMMANDLOG LEN large-request", ":1\r\n");
}
END_TEST

START_TEST(wrong_words_are_named)
{
    const struct exchange exchanges[] = {
        { "COMMANDLOG GET 1 fast",
          "-ERR type should be one of the following: slow, large-request, large-reply\r\n" },
        { "COMMANDLOG GET -2 slow", "-ERR count should be greater than or equal to -1\r\n" },
        { "SLOWLOG GET many", "-ERR count should be greater than or equal to -1\r\n" },
        { "LATENCY GRAPH none", "-ERR No samples available for event 'none'\r\n" },
        { "LATENCY RESET none", ":0\r\n" },
        { "LATENCY HISTORY none", "*0\r\n" },
        { "LATENCY LATEST", "*0\r\n" },
    };
    CHECK_EXCHANGES(world, exchanges);
}
END_TEST

START_TEST(events_keep_the_worst_of_each_second)
{
    ASK("sleep 500", "+OK\r\n");
    ASK("LATENCY LATEST", "*0\r\n");
    watch_latency(10);
    ASK("sleep 9", "+OK\r\n");
    ASK("sleep 30", "+OK\r\n");
    ASK("sleep 20", "+OK\r\n");
    world->clock.wall_ms += 5000;
    ASK("sleep 15", "+OK\r\n");
    ASK("nap 12", "+OK\r\n");
    ASK("LATENCY LATEST",
        "*2\r\n*6\r\n$7\r\ncommand\r\n:1700000005\r\n:15\r\n:30\r\n:65\r\n:3\r\n"
        "*6\r\n$12\r\nfast-command\r\n:1700000005\r\n:12\r\n:12\r\n:12\r\n:1\r\n");
    ASK("LATENCY HISTORY command",
        "*2\r\n*2\r\n:1700000000\r\n:30\r\n*2\r\n:1700000005\r\n:15\r\n");
    ASK("LATENCY RESET fast-command none", ":1\r\n");
    ASK("LATENCY RESET", ":1\r\n");
}
END_TEST

START_TEST(a_graph_shows_the_samples_in_proportion)
{
    watch_latency(1);
    static const char *const lines[] = { "sleep 101", "sleep 200", "sleep 300", "sleep 400",
                                         "sleep 500" };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        world_ask(world, lines[i]);
        world->clock.wall_ms += i == 3 ? 70000 : 1000;
    }
    world_ask(world, "HELLO 3");
    const char *answer = world_ask(world, "LATENCY GRAPH command");
    ck_assert_ptr_nonnull(strstr(answer, "txt:command - high 500 ms, low 101 ms (all time high 500 "
                                         "ms)\n"));
    ck_assert_ptr_nonnull(strstr(answer, "   _#\n  _||\n _|||\n_||||\n     \n11111\nmmmms\n"));
}
END_TEST

START_TEST(histograms_count_the_calls_of_a_command)
{
    ASK("LATENCY HISTOGRAM sleep", "*0\r\n");
    engine_settings(world->engine)->tracks_latency = true;
    ASK("sleep 1", "+OK\r\n");
    ASK("sleep 1", "+OK\r\n");
    ASK("sleep 3", "+OK\r\n");
    ASK("LATENCY HISTOGRAM sleep nosuch",
        "*2\r\n$5\r\nsleep\r\n*4\r\n$5\r\ncalls\r\n:3\r\n$14\r\nhistogram_usec\r\n"
        "*4\r\n:1056\r\n:2\r\n:4227\r\n:3\r\n");
    engine_statistics_reset(world->engine);
    ASK("LATENCY HISTOGRAM sleep", "*0\r\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_slow_command_is_logged_with_its_arguments,
        the_newest_come_first_and_the_oldest_go,
        long_arguments_and_many_are_cut,
        large_requests_and_replies_have_logs_of_their_own,
        wrong_words_are_named,
        events_keep_the_worst_of_each_second,
        a_graph_shows_the_samples_in_proportion,
        histograms_count_the_calls_of_a_command,
    };
    return run_tests("commandlog", tests, COUNT_OF(tests), set_up, tear_down);
}
