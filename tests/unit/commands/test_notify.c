/* Which events a listener hears, in which order; that of Valkey when it was written. */
#include "commands/commands.h"
#include "unit/engine/runner.h"

#define ALL_EVENTS (~(uint32_t)NOTIFY_KEYSPACE)

static struct world *world;
static struct session *listener;
static struct buffer events;

static void set_up(void)
{
    world = world_create();
    commands_register(world->engine);
    engine_notify(world->engine, ALL_EVENTS);
    listener = world_session(world);
    world_ask_as(world, listener, "PSUBSCRIBE __key*");
    buffer_init(&events);
}

static void tear_down(void)
{
    buffer_fini(&events);
    world_destroy(world);
}

/* From "__keyevent@<db>__:<event>" and, two lines below, the key: "<db> <event> <key>\n". */
static void add_event(const char *channel)
{
    const char *db = strchr(channel, '@') + 1;
    const char *name = strstr(channel, "__:") + 3;
    const char *name_end = strchr(name, '\r');
    const char *key = strstr(name_end + 2, "\r\n") + 2;
    buffer_append(&events, bytes_of(db, (size_t)(strchr(db, '_') - db)));
    buffer_append_byte(&events, ' ');
    buffer_append(&events, bytes_of(name, (size_t)(name_end - name)));
    buffer_append_byte(&events, ' ');
    buffer_append(&events, bytes_of(key, (size_t)(strchr(key, '\r') - key)));
    buffer_append_byte(&events, '\n');
}

static const char *heard(void)
{
    buffer_clear(&events);
    const char *at = world_heard(world, listener);
    while ((at = strstr(at, "__keyevent@")) != NULL) add_event(at++);
    buffer_append_byte(&events, '\0');
    return events.data;
}

static void expect(const char *line, const char *expected)
{
    world_ask(world, line);
    const char *told = heard();
    ck_assert_msg(strcmp(told, expected) == 0, "%s\ntold: %s\nexpected: %s", line, told, expected);
}

START_TEST(a_new_key_is_told_before_what_made_it)
{
    expect("SET k v EX 100", "0 new k\n0 set k\n0 expire k\n");
    expect("SET k v", "0 set k\n");
    expect("MSET k 1 l 2", "0 set k\n0 new l\n0 set l\n");
    expect("INCR n", "0 new n\n0 incrby n\n");
    expect("RENAME k l", "0 new l\n0 rename_from k\n0 rename_to l\n");
    expect("COPY l m DB 3", "3 new m\n3 copy_to m\n");
    expect("SETBIT b 3 1", "0 new b\n0 setbit b\n");
}
END_TEST

START_TEST(what_changes_nothing_is_not_told)
{
    expect("SETBIT b 3 1", "0 new b\n0 setbit b\n");
    expect("SETBIT b 3 1", "");
    expect("BITFIELD b SET u8 0 16", "");
    expect("SET b v NX", "");
    expect("PERSIST b", "");
    expect("RENAME b b", "");
    expect("SETRANGE b 0 \"\"", "");
    expect("DEL nokey", "");
}
END_TEST

START_TEST(an_expired_key_is_told_before_what_takes_its_place)
{
    world_ask(world, "SET k v PX 10");
    heard();
    world->clock.wall_ms += 20;
    expect("SET k w", "0 expired k\n0 new k\n0 set k\n");
    expect("SET k w PXAT 1", "0 expired k\n");
    expect("GET k", "0 keymiss k\n");
}
END_TEST

START_TEST(the_cycle_tells_what_it_deletes)
{
    world_ask(world, "SET k v PX 10");
    heard();
    world->clock.wall_ms += 20;
    ck_assert_uint_eq(engine_expire_due(world->engine, world->clock, 10), 1);
    ck_assert_str_eq(heard(), "0 expired k\n");
}
END_TEST

START_TEST(a_stream_from_a_primary_is_told_as_well)
{
    struct session *stream = world_session_of(world, SESSION_PRIMARY);
    struct bytes argv[3] = { BYTES("SET"), BYTES("k"), BYTES("v") };
    engine_execute(world->engine, world->clock, stream, argv, 3);
    ck_assert_str_eq(heard(), "0 new k\n0 set k\n");
}
END_TEST

START_TEST(only_the_wanted_classes_are_told)
{
    engine_notify(world->engine, NOTIFY_KEYEVENT | NOTIFY_GENERIC);
    expect("SET k v EX 100", "0 expire k\n");
    expect("DEL k", "0 del k\n");
    engine_notify(world->engine, NOTIFY_GENERIC | NOTIFY_STRING); /* neither K nor E */
    expect("SET k v EX 100", "");
    engine_notify(world->engine, 0);
    expect("DEL k", "");
}
END_TEST

START_TEST(who_listens_to_itself_hears_behind_the_reply)
{
    world_ask(world, "HELLO 3");
    world_ask(world, "SUBSCRIBE __keyevent@0__:set");
    ck_assert_str_eq(world_ask(world, "SET k v"),
                     "+OK\r\n>3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$1\r\nk\r\n");
}
END_TEST

START_TEST(sets_tell_what_came_and_went_and_that_they_are_empty)
{
    expect("SADD s a b", "0 new s\n0 sadd s\n");
    expect("SADD s a", "");
    expect("SREM s c", "");
    expect("SREM s a c", "0 srem s\n");
    expect("SPOP s", "0 spop s\n0 del s\n");
    expect("SADD s 1 2", "0 new s\n0 sadd s\n");
    expect("SPOP s 5", "0 spop s\n0 del s\n");
    expect("SADD s 1 2", "0 new s\n0 sadd s\n");
    expect("SMOVE s t 1", "0 srem s\n0 new t\n0 sadd t\n");
    expect("SMOVE s t 2", "0 srem s\n0 del s\n0 sadd t\n");
    expect("SMOVE t t 2", "");
    expect("SADD s 1", "0 new s\n0 sadd s\n");
    expect("SMOVE s t 1", "0 srem s\n0 del s\n");
    expect("SUNIONSTORE d s t", "0 keymiss s\n0 new d\n0 sunionstore d\n");
    expect("SINTERSTORE d d t", "0 sinterstore d\n");
    expect("SDIFFSTORE d d t", "0 del d\n");
    expect("SDIFFSTORE d t t", "");
    expect("SORT t STORE d", "0 new d\n0 sortstore d\n");
    expect("SORT t LIMIT 5 5 STORE d", "0 del d\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_key_is_told_before_what_made_it,
        what_changes_nothing_is_not_told,
        an_expired_key_is_told_before_what_takes_its_place,
        the_cycle_tells_what_it_deletes,
        a_stream_from_a_primary_is_told_as_well,
        only_the_wanted_classes_are_told,
        who_listens_to_itself_hears_behind_the_reply,
        sets_tell_what_came_and_went_and_that_they_are_empty,
    };
    return run_tests("notify", tests, COUNT_OF(tests), set_up, tear_down);
}
