/* What is propagated: the effect of each command, once, in order. Compared with the stream of a
 * running Valkey when it was written. */
#include "commands/commands.h"
#include "unit/engine/runner.h"

static struct world *world;

static void set_up(void)
{
    world = world_create();
    commands_register(world->engine);
}

static void tear_down(void)
{
    world_destroy(world);
}

/* Asks and compares what goes into the stream; WORLD_WALL_MS is 1700000000000. */
static void expect(const char *line, const char *expected)
{
    world_ask(world, line);
    const char *propagated = world_propagated(world);
    ck_assert_msg(strcmp(propagated, expected) == 0, "%s\npropagated: %s\nexpected: %s", line,
                  propagated, expected);
}

START_TEST(a_write_goes_as_it_was_sent)
{
    expect("set k v", "0: set k v\n");
    expect("APPEND k x", "0: APPEND k x\n");
    expect("MSET a 1 b 2", "0: MSET a 1 b 2\n");
    expect("incr a", "0: incr a\n");
    expect("RENAME a c", "0: RENAME a c\n");
    expect("COPY c d", "0: COPY c d\n");
    expect("DEL k nokey", "0: DEL k nokey\n");
    expect("FLUSHALL ASYNC", "0: FLUSHALL ASYNC\n");
    expect("FLUSHDB", "0: FLUSHDB\n");
    expect("SWAPDB 0 1", "0: SWAPDB 0 1\n");
}
END_TEST

START_TEST(what_changes_nothing_goes_nowhere)
{
    expect("GET k", "");
    expect("SET k v XX", "");
    expect("DEL k", "");
    expect("SETRANGE k 0 \"\"", "");
    expect("SET k v", "0: SET k v\n");
    expect("SET k w IFEQ x", "");
    expect("SETNX k v", "");
    expect("MSETNX k v l w", "");
    expect("INCR k", "");
    expect("PERSIST k", "");
    expect("EXPIRE k 10 XX", "");
    expect("RENAME k k", "");
    expect("TOUCH k", "");
    expect("GETEX k", "");
    expect("CLIENT SETNAME x", "");
}
END_TEST

START_TEST(relative_times_become_absolute)
{
    expect("SETEX k 10 v", "0: SET k v PXAT 1700000010000\n");
    expect("SET k v EX 10 XX", "0: SET k v PXAT 1700000010000\n");
    expect("SET k v PX 5 GET", "0: SET k v PXAT 1700000000005\n");
    expect("EXPIRE k 20 GT", "0: PEXPIREAT k 1700000020000 GT\n");
    expect("EXPIREAT k 1800000000", "0: PEXPIREAT k 1800000000000\n");
    expect("GETEX k EX 1", "0: PEXPIREAT k 1700000001000\n");
    expect("GETEX k PERSIST", "0: PERSIST k\n");
    expect("MSETEX 1 k v EX 1 XX", "0: MSETEX 1 k v PXAT 1700000001000 XX\n");
}
END_TEST

START_TEST(a_time_in_the_past_is_a_removal)
{
    world_ask(world, "MSET a 1 b 1 c 1 d 1");
    world_propagated(world);
    expect("EXPIRE a 0", "0: UNLINK a\n");
    expect("GETEX b EXAT 1", "0: UNLINK b\n");
    expect("SET c v EXAT 1", "0: UNLINK c\n");
    expect("SET c v EXAT 1", "");
    engine_settings(world->engine)->lazy_expire = false;
    expect("PEXPIREAT d 5", "0: DEL d\n");
}
END_TEST

START_TEST(reading_writes_go_as_plain_writes)
{
    expect("set k v get", "0: set k v\n");
    expect("SET k w IFEQ v GET", "0: SET k w IFEQ v\n");
    expect("SET k get IFEQ w GET", "0: SET k get IFEQ w\n");
    expect("SET k GET IFEQ get GET", "0: SET k GET IFEQ get\n");
    expect("GETSET k x", "0: SET k x\n");
    expect("DELIFEQ k x", "0: DEL k\n");
    expect("SET k 1", "0: SET k 1\n");
    expect("INCRBYFLOAT k 0.5", "0: SET k 1.5 KEEPTTL\n");
    expect("GETDEL k", "0: DEL k\n");
}
END_TEST

START_TEST(a_transaction_of_two_effects_is_wrapped_and_one_effect_is_bare)
{
    world_ask(world, "MULTI");
    world_ask(world, "SET a 1");
    world_ask(world, "GET a");
    expect("EXEC", "0: SET a 1\n");
    world_ask(world, "MULTI");
    world_ask(world, "SET a 1");
    world_ask(world, "SELECT 3");
    world_ask(world, "SET b 1");
    expect("EXEC", "-1: MULTI\n0: SET a 1\n3: SET b 1\n-1: EXEC\n");
    world_ask(world, "MULTI");
    expect("EXEC", "");
}
END_TEST

START_TEST(a_key_that_is_found_expired_goes_first)
{
    expect("SET k v PX 5", "0: SET k v PXAT 1700000000005\n");
    world->clock.wall_ms += 10;
    expect("GET k", "0: UNLINK k\n");
    world->clock.wall_ms -= 10;
    world_ask(world, "SET k 1 PX 5");
    world_propagated(world);
    world->clock.wall_ms += 10;
    expect("INCR k", "-1: MULTI\n0: UNLINK k\n0: INCR k\n-1: EXEC\n");
}
END_TEST

START_TEST(the_expiry_cycle_propagates_what_it_removes)
{
    world_ask(world, "SET a v PX 5");
    world_ask(world, "SET b v PX 5000");
    world_propagated(world);
    world->clock.wall_ms += 10;
    ck_assert_uint_eq(engine_expire_due(world->engine, world->clock, 100), 1);
    ck_assert_str_eq(world_propagated(world), "0: UNLINK a\n");
}
END_TEST

START_TEST(messages_follow_the_stream_outside_of_a_cluster_only)
{
    expect("PUBLISH c m", "0: PUBLISH c m\n");
    ck_assert_uint_eq(engine_publication_count(world->engine), 0);
    engine_permit(world->engine)->is_cluster = true;
    memset(engine_permit(world->engine)->verdicts, SLOT_SERVED, SLOT_COUNT);
    expect("PUBLISH c m", "");
    expect("SPUBLISH s m2", "");
    ck_assert_uint_eq(engine_publication_count(world->engine), 2);
    struct publication publication = engine_publication_at(world->engine, 1);
    ck_assert(publication.is_sharded);
    ck_assert(bytes_equal(publication.channel, BYTES("s")));
    ck_assert(bytes_equal(publication.payload, BYTES("m2")));
}
END_TEST

START_TEST(a_switched_off_list_stays_empty)
{
    engine_propagation_switch(world->engine, false);
    expect("SET k v", "");
    world_ask(world, "MULTI");
    world_ask(world, "SET k v");
    world_ask(world, "SET k v");
    expect("EXEC", "");
}
END_TEST

START_TEST(a_session_that_left_is_not_named_any_more)
{
    struct session *other = world_session(world);
    world_ask_as(world, other, "SET k v");
    ck_assert_ptr_eq(engine_propagation_at(world->engine, 0).session, other);
    session_destroy(world->engine, other);
    ck_assert_ptr_null(engine_propagation_at(world->engine, 0).session);
}
END_TEST

START_TEST(a_restore_goes_with_an_absolute_time)
{
    world_ask(world, "SET k v");
    world_ask(world, "DUMP k");
    struct buffer line = { 0 };
    /* "$<size>\r\n<payload>\r\n" becomes an argument as it is. */
    size_t start = (size_t)(strchr(world->text.data, '\n') + 1 - world->text.data);
    struct bytes payload = bytes_of(world->text.data + start, world->text.size - start - 3);
    struct bytes argv[] = { BYTES("RESTORE"), BYTES("r"), BYTES("1000"), payload };
    resp_write_command(&line, COUNT_OF(argv), argv);
    world_propagated(world);
    world_feed(world, world->me, buffer_bytes(&line));
    ck_assert_str_eq(world_heard(world, world->me), "+OK\r\n");
    struct propagation propagation = engine_propagation_at(world->engine, 0);
    ck_assert_uint_eq(propagation.argc, 5);
    ck_assert(bytes_starts_with(propagation.command,
                                BYTES("*5\r\n$7\r\nRESTORE\r\n$1\r\nr\r\n$13\r\n1700000001000")));
    buffer_fini(&line);
}
END_TEST

START_TEST(members_that_leave_by_chance_go_by_name)
{
    expect("SADD s a", "0: SADD s a\n");
    expect("SADD s a a", "");
    expect("SREM s b", "");
    expect("SPOP s", "0: SREM s a\n");
    expect("SPOP s", "");
    expect("SADD s 7", "0: SADD s 7\n");
    expect("SPOP s 5", "0: DEL s\n");
    expect("SADD s 7 7 7", "0: SADD s 7 7 7\n");
    expect("SPOP s 0", "");
    expect("SRANDMEMBER s 5", "");
    expect("SMOVE s t 8", "");
    expect("SMOVE s s 7", "");
    expect("SMOVE s t 7", "0: SMOVE s t 7\n");
}
END_TEST

/* Elsewhere a field that has ended here may not have ended yet. */
START_TEST(beside_fields_with_times_what_came_of_a_command_goes)
{
    expect("HINCRBY h n 5", "0: HINCRBY h n 5\n");
    expect("HSETNX h new 1", "0: HSETNX h new 1\n");
    expect("HPEXPIREAT h 1700000100000 FIELDS 1 new",
           "0: HPEXPIREAT h 1700000100000 FIELDS 1 new\n");
    expect("HINCRBY h n 5", "0: HSET h n 10\n");
    expect("HSETNX h other 1", "0: HSET h other 1\n");
    expect("HINCRBY h new 1", "0: HSETEX h PXAT 1700000100000 FIELDS 1 new 2\n");
    expect("HPERSIST h FIELDS 1 new", "0: HPERSIST h FIELDS 1 new\n");
    expect("HINCRBY h n 5", "0: HINCRBY h n 5\n");
}
END_TEST

START_TEST(what_is_stored_goes_as_it_was_sent)
{
    expect("SUNIONSTORE d s", "");
    expect("SADD s b a", "0: SADD s b a\n");
    expect("SUNIONSTORE d s t", "0: SUNIONSTORE d s t\n");
    expect("SINTERSTORE d s t", "0: SINTERSTORE d s t\n");
    expect("SDIFFSTORE d t s", "");
    expect("SORT s BY nosort STORE d", "0: SORT s BY nosort STORE d\n");
    expect("SORT t STORE d", "0: SORT t STORE d\n");
    expect("SORT t STORE d", "");
    expect("SORT s STORE d", "");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_write_goes_as_it_was_sent,
        what_changes_nothing_goes_nowhere,
        relative_times_become_absolute,
        a_time_in_the_past_is_a_removal,
        reading_writes_go_as_plain_writes,
        a_transaction_of_two_effects_is_wrapped_and_one_effect_is_bare,
        a_key_that_is_found_expired_goes_first,
        the_expiry_cycle_propagates_what_it_removes,
        messages_follow_the_stream_outside_of_a_cluster_only,
        a_switched_off_list_stays_empty,
        a_session_that_left_is_not_named_any_more,
        a_restore_goes_with_an_absolute_time,
        members_that_leave_by_chance_go_by_name,
        beside_fields_with_times_what_came_of_a_command_goes,
        what_is_stored_goes_as_it_was_sent,
    };
    return run_tests("propagation", tests, COUNT_OF(tests), set_up, tear_down);
}
