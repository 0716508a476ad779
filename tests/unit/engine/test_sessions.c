/* Connections about themselves and each other: AUTH, HELLO, CLIENT, MULTI with WATCH, pub/sub. */
#include "unit/engine/runner.h"
#include <stdio.h>

static struct world *world;
static struct session *other;

static void put(struct call *call)
{
    struct key key = call_key(call, 1);
    keyspace_put_string(call->keyspace, call->access, &key, call_arg(call, 2), PUT_PLAIN);
    reply_ok(call);
}

static const struct command rows[] = {
    { .name = "put", .run = put, .arity = 3, .flags = CMD_WRITE, .keys = KEY_AT(1) },
};

static void set_up(void)
{
    world = world_create();
    engine_register(world->engine, rows, COUNT_OF(rows));
    other = world_session(world);
}

static void tear_down(void)
{
    world_destroy(world);
}

#define ASK(line, expected)       ck_assert_str_eq(world_ask(world, line), expected)
#define ASK_OTHER(line, expected) ck_assert_str_eq(world_ask_as(world, other, line), expected)
#define HEARD(session, expected)  ck_assert_str_eq(world_heard(world, session), expected)

/* --- authentication ---------------------------------------------------------------------- */

static struct session *stranger(void)
{
    engine_settings(world->engine)->password = BYTES("secret");
    return world_session(world);
}

START_TEST(a_stranger_may_only_introduce_itself)
{
    struct session *session = stranger();
    ck_assert_str_eq(world_ask_as(world, session, "PING"), "-NOAUTH Authentication required.\r\n");
    ck_assert_str_eq(world_ask_as(world, session, "nosuch"),
                     "-NOAUTH Authentication required.\r\n");
    ck_assert_str_eq(world_ask_as(world, session, "AUTH wrong"),
                     "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    ck_assert_str_eq(world_ask_as(world, session, "AUTH secre"),
                     "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    ck_assert_str_eq(world_ask_as(world, session, "AUTH bob secret"),
                     "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    ck_assert_int_eq(strncmp(world_ask_as(world, session, "HELLO 3"), "-NOAUTH HELLO must", 18), 0);
    ck_assert_str_eq(world_ask_as(world, session, "AUTH secret"), "+OK\r\n");
    ck_assert_str_eq(world_ask_as(world, session, "PING"), "+PONG\r\n");
    ck_assert_str_eq(world_ask_as(world, session, "RESET"), "+RESET\r\n");
    ck_assert_str_eq(world_ask_as(world, session, "PING"), "-NOAUTH Authentication required.\r\n");
}
END_TEST

START_TEST(a_pipeline_may_begin_with_its_password)
{
    struct session *session = stranger();
    world_feed(world, session, BYTES("AUTH secret\r\nPING\r\n"));
    HEARD(session, "+OK\r\n+PONG\r\n");
}
END_TEST

START_TEST(a_stranger_may_not_send_much)
{
    struct session *session = stranger();
    world_feed(world, session, BYTES("*11\r\n"));
    HEARD(session, "-ERR Protocol error: unauthenticated multibulk length\r\n");
    ck_assert_int_eq(session->close, SESSION_CLOSES_FLUSHED);
}
END_TEST

START_TEST(hello_authenticates_names_and_switches_in_one)
{
    struct session *session = stranger();
    const char *answer = world_ask_as(world, session, "HELLO 3 AUTH default secret SETNAME me");
    ck_assert_ptr_eq(strstr(answer, "%7\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n"), answer);
    ck_assert_str_eq(session->name, "me");
    ck_assert_int_eq(session->writer.protocol, 3);
    ck_assert_str_eq(world_ask_as(world, session, "HELLO 2 SETNAME \"a b\""),
                     "-ERR Client names cannot contain spaces, newlines or special "
                     "characters.\r\n");
    ck_assert_int_eq(session->writer.protocol, 3);
}
END_TEST

/* --- CLIENT ------------------------------------------------------------------------------ */

START_TEST(client_list_shows_every_field_in_valkeys_order)
{
    world->clock.now_ms += 7000;
    world_ask(world, "CLIENT SETNAME me");
    const char *info = world_ask(world, "CLIENT INFO");
    ck_assert_ptr_nonnull(strstr(
        info, "id=1 addr=127.0.0.1:1000 laddr=127.0.0.1:7000 fd=8 name=me age=7 idle=0 flags=N "
              "capa= db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=10 "
              "multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 "));
    ck_assert_ptr_nonnull(strstr(info, " events=r cmd=client|info user=default redir=-1 resp=2 "
                                       "lib-name= lib-ver= tot-net-in="));
}
END_TEST

START_TEST(client_kill_ends_those_that_match_and_itself_last)
{
    struct session *third = world_session(world);
    world_ask_as(world, third, "CLIENT SETNAME third");
    ASK("CLIENT KILL NAME third", ":1\r\n");
    ck_assert_int_eq(third->close, SESSION_CLOSES_NOW);
    ck_assert_int_eq(other->close, SESSION_STAYS);
    ASK("CLIENT KILL TYPE normal SKIPME no", ":2\r\n");
    ck_assert_int_eq(world->me->close, SESSION_CLOSES_FLUSHED);
    ck_assert_int_eq(other->close, SESSION_CLOSES_NOW);
}
END_TEST

START_TEST(client_reply_mutes_this_next_or_all)
{
    ASK("CLIENT REPLY SKIP", "");
    ASK("PING", "");
    ASK("PING", "+PONG\r\n");
    ASK("CLIENT REPLY OFF", "");
    ASK("nosuch", "");
    ASK("CLIENT REPLY ON", "+OK\r\n");
    world_feed(world, world->me, BYTES("CLIENT REPLY SKIP\r\nPING\r\nPING\r\n"));
    HEARD(world->me, "+PONG\r\n");
}
END_TEST

START_TEST(reset_forgets_everything)
{
    world_ask(world, "HELLO 3");
    world_ask(world, "CLIENT SETNAME me");
    world_ask(world, "SELECT 3");
    world_ask(world, "SUBSCRIBE c");
    world_ask(world, "READONLY");
    world_ask(world, "MULTI");
    ASK("RESET", "+RESET\r\n");
    ck_assert_str_eq(world->me->name, "");
    ck_assert_int_eq(world->me->db, 0);
    ck_assert_uint_eq(world->me->flags, SESSION_KNOWS_MULTI);
    ck_assert_int_eq(world->me->writer.protocol, 2);
    ck_assert(!session_is_subscriber(world->me));
    ASK("EXEC", "-ERR EXEC without MULTI\r\n");
}
END_TEST

START_TEST(quit_closes_after_its_answer_and_runs_nothing_behind_it)
{
    world_feed(world, world->me, BYTES("QUIT\r\nPING\r\n"));
    HEARD(world->me, "+OK\r\n");
    ck_assert_int_eq(world->me->close, SESSION_CLOSES_FLUSHED);
}
END_TEST

/* --- transactions ------------------------------------------------------------------------ */

START_TEST(a_watched_key_that_changes_spoils_exec)
{
    ASK("WATCH k", "+OK\r\n");
    ASK_OTHER("put k 1", "+OK\r\n");
    ASK("MULTI", "+OK\r\n");
    ASK("put k 2", "+QUEUED\r\n");
    ASK("EXEC", "*-1\r\n");
    ASK("MULTI", "+OK\r\n");
    ASK("put k 2", "+QUEUED\r\n");
    ASK("EXEC", "*1\r\n+OK\r\n");
    ck_assert_uint_eq(engine_counters(world->engine)->clients_watching, 0);
    ck_assert_uint_eq(engine_watches(world->engine).keys, 0);
}
END_TEST

START_TEST(unwatch_and_discard_forget_the_keys)
{
    world_ask(world, "WATCH k");
    ASK_OTHER("put k 1", "+OK\r\n");
    ASK("UNWATCH", "+OK\r\n");
    world_ask(world, "MULTI");
    ASK("EXEC", "*0\r\n");
    world_ask(world, "WATCH k");
    ASK_OTHER("put k 1", "+OK\r\n");
    world_ask(world, "MULTI");
    ASK("DISCARD", "+OK\r\n");
    world_ask(world, "MULTI");
    ASK("EXEC", "*0\r\n");
}
END_TEST

START_TEST(queued_arguments_outlive_the_bytes_they_came_in)
{
    char text[] = "MULTI\r\nput k abc\r\n";
    world_feed(world, world->me, bytes_text(text));
    memset(text, 'x', sizeof(text));
    world_feed(world, world->me, BYTES("EXEC\r\n"));
    HEARD(world->me, "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    struct key key = keyspace_key(world->keyspace, 0, BYTES("k"));
    struct access access = { .wall_ms = WORLD_WALL_MS };
    struct scratch scratch;
    const struct entry *entry = keyspace_peek(world->keyspace, &access, &key);
    ck_assert_ptr_nonnull(entry);
    ck_assert(bytes_equal(entry_string(entry, &scratch), BYTES("abc")));
}
END_TEST

/* --- pub/sub ----------------------------------------------------------------------------- */

START_TEST(a_message_reaches_channels_and_patterns)
{
    ASK("SUBSCRIBE news", "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    ASK("PSUBSCRIBE n*", "*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n");
    ASK("SUBSCRIBE news", "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:2\r\n");
    ASK_OTHER("PUBLISH news hi", ":2\r\n");
    HEARD(world->me, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"
                     "*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
    ASK_OTHER("PUBLISH old hi", ":0\r\n");
    ASK_OTHER("PUBSUB NUMSUB news old", "*4\r\n$4\r\nnews\r\n:1\r\n$3\r\nold\r\n:0\r\n");
    ASK_OTHER("PUBSUB NUMPAT", ":1\r\n");
    ASK_OTHER("PUBSUB CHANNELS n*", "*1\r\n$4\r\nnews\r\n");
    ck_assert_uint_eq(engine_counters(world->engine)->clients_pubsub, 1);
}
END_TEST

START_TEST(subscribers_of_resp2_may_say_little)
{
    world_ask(world, "SUBSCRIBE c");
    ASK("CLIENT ID",
        "-ERR Can't execute 'client|id': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING "
        "/ QUIT / RESET are allowed in this context\r\n");
    ASK("PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    ASK("PING x", "*2\r\n$4\r\npong\r\n$1\r\nx\r\n");
    ASK("UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n");
    ASK("UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    ASK("PING", "+PONG\r\n");
}
END_TEST

START_TEST(in_resp3_a_message_to_oneself_comes_after_the_reply)
{
    world_ask(world, "HELLO 3");
    ASK("SUBSCRIBE c", ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    ASK("PUBLISH c m", ":1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
}
END_TEST

START_TEST(a_large_message_is_held_once_for_all_who_wait_for_it)
{
    struct session *readers[20];
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        readers[i] = world_session(world);
        world_ask_as(world, readers[i], i % 2 ? "SUBSCRIBE c" : "PSUBSCRIBE c*");
    }
    struct buffer payload = { 0 };
    while (payload.size < MIB) buffer_append_text(&payload, "many words, ");
    size_t before = memory_used();
    ck_assert_uint_eq(engine_publish(world->engine, false, BYTES("c"), buffer_bytes(&payload)),
                      COUNT_OF(readers));
    ck_assert_uint_lt(memory_used() - before, 2 * MIB);
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        ck_assert_uint_gt(session_memory(readers[i]), payload.size); /* it keeps it alive */
        const char *heard = world_heard(world, readers[i]);
        ck_assert_ptr_nonnull(strstr(heard, "many words, many words"));
        ck_assert_uint_gt(strlen(heard), payload.size);
        ck_assert_uint_lt(session_memory(readers[i]), payload.size);
    }
    buffer_fini(&payload);
}
END_TEST

START_TEST(shard_channels_are_counted_and_lost_with_their_slot)
{
    ASK("SSUBSCRIBE a", "*3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n");
    ASK("SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    ASK_OTHER("SPUBLISH a m", ":1\r\n");
    HEARD(world->me, "*3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\nm\r\n");
    struct permit *permit = engine_permit(world->engine);
    engine_slots_changed(world->engine); /* no cluster: nothing is lost */
    permit->is_cluster = true;
    memset(permit->verdicts, SLOT_SERVED, sizeof(permit->verdicts));
    engine_slots_changed(world->engine);
    HEARD(world->me, "");
    permit->verdicts[15495] = SLOT_ELSEWHERE;
    engine_slots_changed(world->engine);
    permit->is_cluster = false;
    HEARD(world->me, "*3\r\n$12\r\nsunsubscribe\r\n$1\r\na\r\n:0\r\n");
    ASK_OTHER("SPUBLISH a m", ":0\r\n");
    ASK_OTHER("PUBLISH a m", ":1\r\n");
}
END_TEST

START_TEST(a_subscriber_that_goes_away_leaves_nothing_behind)
{
    world_ask_as(world, other, "SUBSCRIBE a b c");
    world_ask_as(world, other, "PSUBSCRIBE a*");
    session_destroy(world->engine, other);
    ASK("PUBLISH a m", ":0\r\n");
    ASK("PUBSUB CHANNELS", "*0\r\n");
    ASK("PUBSUB NUMPAT", ":0\r\n");
}
END_TEST

START_TEST(statistics_tell_calls_refusals_and_failures_apart)
{
    world_ask(world, "PING");
    world_ask(world, "PING a b");
    world_ask(world, "ECHO");
    world_ask(world, "nosuch");
    const struct engine_counters *counters = engine_counters(world->engine);
    ck_assert_uint_eq(counters->commands, 2); /* both PINGs ran, one of them failed */
    ck_assert_uint_eq(counters->rejected_calls, 1);
    ck_assert_uint_eq(counters->error_replies, 3);
    engine_statistics_reset(world->engine);
    ck_assert_uint_eq(engine_counters(world->engine)->error_replies, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_stranger_may_only_introduce_itself,
        a_pipeline_may_begin_with_its_password,
        a_stranger_may_not_send_much,
        hello_authenticates_names_and_switches_in_one,
        client_list_shows_every_field_in_valkeys_order,
        client_kill_ends_those_that_match_and_itself_last,
        client_reply_mutes_this_next_or_all,
        reset_forgets_everything,
        quit_closes_after_its_answer_and_runs_nothing_behind_it,
        a_watched_key_that_changes_spoils_exec,
        unwatch_and_discard_forget_the_keys,
        queued_arguments_outlive_the_bytes_they_came_in,
        a_message_reaches_channels_and_patterns,
        subscribers_of_resp2_may_say_little,
        in_resp3_a_message_to_oneself_comes_after_the_reply,
        a_large_message_is_held_once_for_all_who_wait_for_it,
        shard_channels_are_counted_and_lost_with_their_slot,
        a_subscriber_that_goes_away_leaves_nothing_behind,
        statistics_tell_calls_refusals_and_failures_apart,
    };
    return run_tests("sessions", tests, COUNT_OF(tests), set_up, tear_down);
}
