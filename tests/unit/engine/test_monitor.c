/* MONITOR: what those who ask are told of the commands of others. */
#include "unit/engine/runner.h"

static struct world *world;
static struct session *monitor;

static void hide(struct call *call)
{
    call_hide(call, 1);
    call_hide(call, 64);
    reply_ok(call);
}

static void show_first(struct call *call)
{
    call_show(call);
    reply_ok(call);
}

static void ok(struct call *call)
{
    reply_ok(call);
}

static const struct command rows[] = {
    { .name = "hide", .run = hide, .arity = -1 },
    { .name = "showfirst", .run = show_first, .arity = -1, .flags = CMD_SKIP_MONITOR },
    { .name = "quiet", .run = ok, .arity = -1, .flags = CMD_SKIP_MONITOR },
    { .name = "operator", .run = ok, .arity = -1, .flags = CMD_ADMIN },
    { .name = "look", .run = ok, .arity = -1, .flags = CMD_READ },
};

static void set_up(void)
{
    world = world_create();
    engine_register(world->engine, rows, COUNT_OF(rows));
    monitor = world_session(world);
    ck_assert_str_eq(world_ask_as(world, monitor, "MONITOR"), "+OK\r\n");
}

static void tear_down(void)
{
    world_destroy(world);
}

#define SEEN(line, expected)                                                                       \
    do {                                                                                           \
        world_ask(world, line);                                                                    \
        ck_assert_str_eq(world_heard(world, monitor), expected);                                   \
    } while (0)

#define STAMP "+1700000000.000000 "

START_TEST(a_command_is_told_with_time_database_and_address)
{
    SEEN("PING", STAMP "[0 127.0.0.1:1000] \"PING\"\r\n");
    SEEN("SELECT 3", STAMP "[3 127.0.0.1:1000] \"SELECT\" \"3\"\r\n");
    SEEN("ECHO \"a\\n\\\"\\x01 b\"", STAMP "[3 127.0.0.1:1000] \"ECHO\" \"a\\n\\\"\\x01 b\"\r\n");
}
END_TEST

START_TEST(what_was_not_run_is_not_told)
{
    SEEN("NOSUCH", "");
    SEEN("ECHO", "");
    SEEN("MULTI", STAMP "[0 127.0.0.1:1000] \"MULTI\"\r\n");
    SEEN("PING", "");
    SEEN("EXEC", STAMP "[0 127.0.0.1:1000] \"PING\"\r\n" STAMP "[0 127.0.0.1:1000] \"EXEC\"\r\n");
}
END_TEST

START_TEST(passwords_and_operators_are_not_told)
{
    SEEN("AUTH default secret",
         STAMP "[0 127.0.0.1:1000] \"AUTH\" \"(redacted)\" \"(redacted)\"\r\n");
    SEEN("HELLO 2 AUTH default secret",
         STAMP "[0 127.0.0.1:1000] \"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\"\r\n");
    SEEN("hide a b", STAMP "[0 127.0.0.1:1000] \"hide\" \"(redacted)\" \"b\"\r\n");
    SEEN("operator", "");
    SEEN("quiet", "");
    SEEN("showfirst x", STAMP "[0 127.0.0.1:1000] \"showfirst\" \"x\"\r\n");
}
END_TEST

START_TEST(whoever_monitors_reads_its_own_reply_first_and_no_keys)
{
    ck_assert_str_eq(world_ask_as(world, monitor, "PING"),
                     "+PONG\r\n" STAMP "[0 127.0.0.1:1000] \"PING\"\r\n");
    ck_assert_str_eq(world_ask_as(world, monitor, "look"),
                     "-ERR Replica can't interact with the keyspace\r\n");
    ck_assert_str_eq(world_ask_as(world, monitor, "MONITOR"), "");
}
END_TEST

START_TEST(monitoring_ends_with_reset_and_with_the_connection)
{
    struct session *second = world_session(world);
    ck_assert_str_eq(world_ask_as(world, second, "MONITOR"), "+OK\r\n");
    ck_assert_str_eq(world_ask_as(world, monitor, "RESET"), "+RESET\r\n");
    ck_assert_str_eq(world_heard(world, second), STAMP "[0 127.0.0.1:1000] \"RESET\"\r\n");
    SEEN("PING", "");
    session_destroy(world->engine, second);
    SEEN("PING", "");
    ck_assert_str_eq(world_ask_as(world, monitor, "look"), "+OK\r\n");
}
END_TEST

START_TEST(a_script_is_told_as_lua_and_a_unix_client_by_its_path)
{
    struct session *script = world_session_of(world, SESSION_SCRIPT);
    struct bytes argv[] = { BYTES("PING") };
    engine_execute(world->engine, world->clock, script, argv, 1);
    ck_assert_str_eq(world_heard(world, monitor), STAMP "[0 lua] \"PING\"\r\n");
    struct session_options options = { .address = "/run/eir:0", .is_unix = true };
    struct session *local = session_create(world->engine, &options, world->clock.now_ms);
    world_ask_as(world, local, "PING");
    ck_assert_str_eq(world_heard(world, monitor), STAMP "[0 unix:/run/eir] \"PING\"\r\n");
}
END_TEST

START_TEST(inside_a_transaction_nobody_becomes_a_monitor)
{
    world_ask(world, "MULTI");
    ck_assert_str_eq(world_ask(world, "MONITOR"), "+QUEUED\r\n");
    ck_assert_str_eq(world_ask(world, "EXEC"),
                     "*1\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_command_is_told_with_time_database_and_address,
        what_was_not_run_is_not_told,
        passwords_and_operators_are_not_told,
        whoever_monitors_reads_its_own_reply_first_and_no_keys,
        monitoring_ends_with_reset_and_with_the_connection,
        a_script_is_told_as_lua_and_a_unix_client_by_its_path,
        inside_a_transaction_nobody_becomes_a_monitor,
    };
    return run_tests("monitor", tests, COUNT_OF(tests), set_up, tear_down);
}
