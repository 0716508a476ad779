/* rename-command: a command under another name, or under none. */
#include "unit/engine/runner.h"

static struct world *world;

static void look(struct call *call)
{
    reply_integer(call, call->argc - 1);
}

static void write_it(struct call *call)
{
    call->is_changed = true;
    reply_ok(call);
}

static const struct command nest_rows[] = {
    { .name = "in", .run = look, .arity = 2, .flags = CMD_READ },
    { 0 },
};

static const struct command rows[] = {
    { .name = "look", .run = look, .arity = -2, .flags = CMD_READ },
    { .name = "put", .run = write_it, .arity = -1, .flags = CMD_WRITE },
    { .name = "nest", .arity = -2, .subcommands = nest_rows },
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

#define ASK(line, expected) ck_assert_str_eq(world_ask(world, line), expected "\r\n")
#define UNKNOWN(name)       "-ERR unknown command '" name "', with args beginning with: 'a' "

static enum err rename_to(const char *from, const char *to)
{
    return engine_rename(world->engine, bytes_text(from), bytes_text(to));
}

START_TEST(a_command_answers_to_its_new_name_only)
{
    ck_assert_int_eq(rename_to("LOOK", "See"), ERR_NONE);
    ASK("see a", ":1");
    ASK("SEE a b", ":2");
    ASK("look a", UNKNOWN("look"));
    ASK("see", "-ERR wrong number of arguments for 'look' command");
}
END_TEST

START_TEST(a_new_name_may_be_as_long_as_a_secret)
{
    static const char secret[] = "b840fc02d524045429941cc15f59e41cb7be6c52";
    ck_assert_int_eq(rename_to("look", secret), ERR_NONE);
    ck_assert_int_eq(rename_to("nest", "n"), ERR_NONE);
    ASK("b840fc02d524045429941cc15f59e41cb7be6c52 a", ":1");
    ASK("n in", ":1");
    ASK("nest a", UNKNOWN("nest"));
}
END_TEST

START_TEST(an_empty_name_removes_the_command)
{
    ck_assert_int_eq(rename_to("look", ""), ERR_NONE);
    ASK("look a", UNKNOWN("look"));
    ASK("command info look", "*1\r\n$-1");
    ck_assert_int_eq(rename_to("look", "x"), ERR_NOT_FOUND);
}
END_TEST

START_TEST(names_that_are_not_there_or_taken_are_refused)
{
    ck_assert_int_eq(rename_to("nosuch", "x"), ERR_NOT_FOUND);
    ck_assert_int_eq(rename_to("look", "PUT"), ERR_EXISTS);
    ASK("look a", ":1");
}
END_TEST

START_TEST(renaming_again_goes_from_the_name_of_now)
{
    ck_assert_int_eq(rename_to("look", "x"), ERR_NONE);
    ck_assert_int_eq(rename_to("look", "y"), ERR_NOT_FOUND);
    ck_assert_int_eq(rename_to("x", "y"), ERR_NONE);
    ck_assert_int_eq(rename_to("put", "look"), ERR_NONE);
    ASK("y a", ":1");
    ASK("look a", "+OK");
    ck_assert_int_eq(rename_to("y", ""), ERR_NONE);
    ASK("y a", UNKNOWN("y"));
}
END_TEST

START_TEST(a_primary_may_use_the_names_of_before)
{
    ck_assert_int_eq(rename_to("put", ""), ERR_NONE);
    ck_assert_int_eq(rename_to("look", "see"), ERR_NONE);
    struct session *primary = world_session_of(world, SESSION_PRIMARY);
    const char *const names[] = { "put", "look", "see" };
    uint64_t before = engine_counters(world->engine)->commands;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct bytes argv[] = { bytes_text(names[i]), BYTES("a") };
        engine_execute(world->engine, (struct engine_clock){ .now_ms = 1, .wall_ms = 1 }, primary,
                       argv, COUNT_OF(argv));
    }
    ck_assert_uint_eq(engine_counters(world->engine)->commands - before, 3);
    session_destroy(world->engine, primary);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_command_answers_to_its_new_name_only,   a_new_name_may_be_as_long_as_a_secret,
        an_empty_name_removes_the_command,        names_that_are_not_there_or_taken_are_refused,
        renaming_again_goes_from_the_name_of_now, a_primary_may_use_the_names_of_before,
    };
    return run_tests("rename", tests, COUNT_OF(tests), set_up, tear_down);
}
