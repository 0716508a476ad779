/* Client-side caching: who is told of which key, when, and in which form. */
#include "unit/engine/runner.h"
#include <stdio.h>

static struct world *world;
static struct session *reader;
static struct session *writer;

static void put(struct call *call)
{
    for (uint32_t i = 1; i < call->argc; i++) {
        struct key key = call_key(call, i);
        keyspace_put_string(call->keyspace, call->access, &key, BYTES("v"), PUT_PLAIN);
    }
    reply_ok(call);
}

static void look(struct call *call)
{
    for (uint32_t i = 1; i < call->argc; i++) {
        struct key key = call_key(call, i);
        keyspace_find_for_read(call->keyspace, call->access, &key);
    }
    reply_ok(call);
}

static void flush(struct call *call)
{
    keyspace_flush_all(call->keyspace, call->access);
    call_changed(call);
    reply_ok(call);
}

static void expire(struct call *call)
{
    struct key key = call_key(call, 1);
    keyspace_set_expiry(call->keyspace, call->access, &key, call->wall_ms + 10);
    reply_ok(call);
}

static const struct command rows[] = {
    { .name = "put", .run = put, .arity = -2, .flags = CMD_WRITE, .keys = KEY_RANGE(1, -1, 1) },
    { .name = "look", .run = look, .arity = -2, .flags = CMD_READ, .keys = KEY_RANGE(1, -1, 1) },
    { .name = "flush", .run = flush, .arity = 1, .flags = CMD_WRITE },
    { .name = "expire", .run = expire, .arity = 2, .flags = CMD_WRITE, .keys = KEY_AT(1) },
};

static void set_up(void)
{
    world = world_create();
    engine_register(world->engine, rows, COUNT_OF(rows));
    reader = world_session(world);
    writer = world->me;
    world_ask_as(world, reader, "HELLO 3");
}

static void tear_down(void)
{
    world_destroy(world);
}

#define OK               "+OK\r\n"
#define STALE(size, key) ">2\r\n$10\r\ninvalidate\r\n*1\r\n$" #size "\r\n" key "\r\n"
#define STALE_ALL        ">2\r\n$10\r\ninvalidate\r\n_\r\n"

#define READS(line, expected)  ck_assert_str_eq(world_ask_as(world, reader, line), expected)
#define WRITES(line, expected) ck_assert_str_eq(world_ask_as(world, writer, line), expected)
#define TOLD(session, expected)                                                                    \
    do {                                                                                           \
        engine_settle(world->engine);                                                              \
        ck_assert_str_eq(world_heard(world, session), expected);                                   \
    } while (0)

static struct engine_counters *counters(void)
{
    return engine_counters(world->engine);
}

/* --- the table of keys ------------------------------------------------------------------- */

START_TEST(a_reader_is_told_once_when_its_key_changes)
{
    READS("CLIENT TRACKING ON", OK);
    READS("look k other", OK);
    ck_assert_uint_eq(counters()->keys_tracked, 2);
    ck_assert_uint_eq(counters()->items_tracked, 2);
    WRITES("put k", OK);
    TOLD(reader, STALE(1, "k"));
    WRITES("put k", OK);
    TOLD(reader, "");
    READS("look k", OK);
    WRITES("put k other third", OK);
    TOLD(reader, STALE(1, "k") STALE(5, "other"));
    ck_assert_uint_eq(counters()->keys_tracked, 0);
    ck_assert_uint_eq(counters()->items_tracked, 0);
}
END_TEST

START_TEST(who_does_not_track_is_not_told)
{
    READS("look k", OK);
    WRITES("put k", OK);
    TOLD(reader, "");
    READS("CLIENT TRACKING ON", OK);
    READS("look k", OK);
    ck_assert_uint_eq(counters()->clients_tracking, 1);
    READS("CLIENT TRACKING OFF", OK);
    ck_assert_uint_eq(counters()->clients_tracking, 0);
    WRITES("put k", OK);
    TOLD(reader, "");
}
END_TEST

START_TEST(own_writes_are_told_behind_the_reply_unless_noloop)
{
    READS("CLIENT TRACKING ON", OK);
    READS("look k", OK);
    READS("put k", OK STALE(1, "k"));
    READS("MULTI", OK);
    READS("look k", "+QUEUED\r\n");
    READS("put k", "+QUEUED\r\n");
    READS("EXEC", "*2\r\n" OK OK STALE(1, "k"));
    READS("CLIENT TRACKING ON NOLOOP", OK);
    READS("look k", OK);
    READS("put k", OK);
    READS("look k", OK);
    WRITES("put k", OK);
    TOLD(reader, STALE(1, "k"));
}
END_TEST

START_TEST(a_flush_tells_everybody_everything)
{
    struct session *broadcast = world_session(world);
    world_ask_as(world, broadcast, "HELLO 3");
    ck_assert_str_eq(world_ask_as(world, broadcast, "CLIENT TRACKING ON BCAST PREFIX x"), OK);
    READS("CLIENT TRACKING ON", OK);
    READS("look k", OK);
    WRITES("flush", OK);
    TOLD(reader, STALE_ALL);
    TOLD(broadcast, STALE_ALL);
    READS("flush", OK STALE_ALL);
    engine_keys_replaced(world->engine);
    TOLD(reader, STALE_ALL);
    ck_assert_uint_eq(counters()->keys_tracked, 0);
}
END_TEST

START_TEST(a_key_that_expires_or_leaves_with_its_slot_is_stale)
{
    READS("CLIENT TRACKING ON", OK);
    WRITES("put k", OK);
    WRITES("expire k", OK);
    READS("look k", OK);
    world->clock.wall_ms += 100;
    ck_assert_uint_eq(engine_expire_due(world->engine, world->clock, 10), 1);
    TOLD(reader, STALE(1, "k"));
    WRITES("put k", OK);
    WRITES("expire k", OK);
    READS("look k", OK);
    world->clock.wall_ms += 100;
    READS("look k", OK STALE(1, "k"));
    engine_key_dropped(world->engine, BYTES("k"));
    TOLD(reader, STALE(1, "k")); /* the last look was remembered, too */
}
END_TEST

START_TEST(what_our_primary_writes_is_told_as_well)
{
    struct session *stream = world_session_of(world, SESSION_PRIMARY);
    READS("CLIENT TRACKING ON", OK);
    READS("look k", OK);
    struct bytes argv[] = { BYTES("put"), BYTES("k") };
    engine_execute(world->engine, world->clock, stream, argv, 2);
    TOLD(reader, STALE(1, "k"));
}
END_TEST

START_TEST(many_readers_of_one_key_are_told_one_by_one)
{
    struct session *readers[100];
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        readers[i] = world_session(world);
        world_ask_as(world, readers[i], "HELLO 3");
        world_ask_as(world, readers[i], "CLIENT TRACKING ON");
    }
    for (size_t i = COUNT_OF(readers); i-- > 0;) {
        world_ask_as(world, readers[i], "look k");
        world_ask_as(world, readers[(i * 37) % COUNT_OF(readers)], "look k");
    }
    ck_assert_uint_eq(counters()->keys_tracked, 1);
    ck_assert_uint_eq(counters()->items_tracked, COUNT_OF(readers));
    session_destroy(world->engine, readers[50]);
    readers[50] = NULL;
    WRITES("put k", OK);
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        if (readers[i] != NULL) TOLD(readers[i], STALE(1, "k"));
}
END_TEST

START_TEST(keys_over_the_limit_are_told_and_forgotten)
{
    engine_settings(world->engine)->tracked_keys_max = 10;
    READS("CLIENT TRACKING ON", OK);
    for (int i = 0; i < 30; i++) {
        char line[32];
        snprintf(line, sizeof(line), "look key%02d", i);
        READS(line, OK);
    }
    engine_settle(world->engine);
    ck_assert_uint_eq(counters()->keys_tracked, 10);
    size_t told = 0;
    for (const char *at = world_heard(world, reader); (at = strstr(at, "invalidate")) != NULL; at++)
        told++;
    ck_assert_uint_eq(told, 20);
}
END_TEST

/* --- modes ------------------------------------------------------------------------------- */

START_TEST(opting_in_is_for_one_command_or_transaction)
{
    READS("CLIENT TRACKING ON OPTIN", OK);
    READS("look k", OK);
    ck_assert_uint_eq(counters()->keys_tracked, 0);
    READS("CLIENT CACHING YES", OK);
    READS("CLIENT GETNAME", "_\r\n");
    READS("look k", OK);
    READS("look other", OK);
    ck_assert_uint_eq(counters()->keys_tracked, 1);
    READS("CLIENT CACHING YES", OK);
    READS("MULTI", OK);
    READS("look a", "+QUEUED\r\n");
    READS("look b", "+QUEUED\r\n");
    READS("EXEC", "*2\r\n" OK OK);
    READS("look c", OK);
    ck_assert_uint_eq(counters()->keys_tracked, 3);
    READS("CLIENT CACHING YES", OK);
    READS("nosuch", "-ERR unknown command 'nosuch', with args beginning with: \r\n");
    READS("look d", OK);
    ck_assert_uint_eq(counters()->keys_tracked, 3);
}
END_TEST

START_TEST(opting_out_is_for_one_command)
{
    READS("CLIENT TRACKING ON OPTOUT", OK);
    READS("CLIENT CACHING NO", OK);
    READS("look k", OK);
    READS("look other", OK);
    ck_assert_uint_eq(counters()->keys_tracked, 1);
}
END_TEST

START_TEST(broadcasts_come_together_in_order_at_the_end_of_a_turn)
{
    READS("CLIENT TRACKING ON BCAST PREFIX x PREFIX y", OK);
    ck_assert_uint_eq(counters()->prefixes_tracked, 2);
    world_feed(world, writer, BYTES("put y1 x2 z\r\nput x1 x2\r\n"));
    ck_assert_str_eq(world_heard(world, reader), "");
    ck_assert_str_eq(world_heard(world, writer), OK OK);
    TOLD(reader, ">2\r\n$10\r\ninvalidate\r\n*2\r\n$2\r\nx1\r\n$2\r\nx2\r\n" STALE(2, "y1"));
    TOLD(reader, "");
    READS("put x", OK);
    TOLD(reader, STALE(1, "x"));
    READS("CLIENT TRACKING OFF", OK);
    ck_assert_uint_eq(counters()->prefixes_tracked, 0);
    WRITES("put x", OK);
    TOLD(reader, "");
}
END_TEST

START_TEST(a_broadcast_leaves_out_what_a_noloop_client_wrote)
{
    READS("CLIENT TRACKING ON BCAST NOLOOP", OK);
    struct engine_input both[] = { { reader, BYTES("put mine ours\r\n") },
                                   { writer, BYTES("put theirs ours\r\n") } };
    engine_turn(world->engine, world->clock, both, 2);
    TOLD(reader, OK ">2\r\n$10\r\ninvalidate\r\n*2\r\n$4\r\nours\r\n$6\r\ntheirs\r\n");
    READS("put mine", OK);
    TOLD(reader, "");
}
END_TEST

START_TEST(a_client_that_goes_takes_its_prefixes_along)
{
    struct session *second = world_session(world);
    READS("CLIENT TRACKING ON BCAST PREFIX x", OK);
    world_ask_as(world, second, "CLIENT TRACKING ON BCAST PREFIX x PREFIX y");
    WRITES("put x y", OK);
    session_destroy(world->engine, second); /* while the turn's keys wait */
    ck_assert_uint_eq(counters()->prefixes_tracked, 1);
    TOLD(reader, STALE(1, "x"));
    READS("RESET", "+RESET\r\n");
    ck_assert_uint_eq(counters()->prefixes_tracked, 0);
    ck_assert_uint_eq(counters()->clients_tracking, 0);
}
END_TEST

/* --- redirects --------------------------------------------------------------------------- */

START_TEST(another_connection_is_told_as_a_subscriber)
{
    struct session *listener = world_session(world);
    char line[64];
    snprintf(line, sizeof(line), "CLIENT TRACKING ON REDIRECT %d", (int)listener->id);
    ck_assert_str_eq(world_ask_as(world, writer, line), OK);
    WRITES("look k", OK);
    READS("put k", OK);
    TOLD(listener, ""); /* RESP2, and no subscriber */
    world_ask_as(world, listener, "SUBSCRIBE __redis__:invalidate");
    WRITES("look k", OK);
    READS("put k", OK);
    TOLD(listener, "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n");
    READS("flush", OK);
    TOLD(listener, "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n");
}
END_TEST

START_TEST(a_redirect_to_nobody_is_told_as_broken)
{
    struct session *listener = world_session(world);
    char line[64], broken[64];
    snprintf(line, sizeof(line), "CLIENT TRACKING ON REDIRECT %d", (int)listener->id);
    snprintf(broken, sizeof(broken), ">2\r\n$21\r\ntracking-redir-broken\r\n:%d\r\n",
             (int)listener->id);
    READS(line, OK);
    READS("look k", OK);
    session_destroy(world->engine, listener);
    WRITES("put k", OK);
    TOLD(reader, broken);
    ck_assert_uint_ne(reader->flags & SESSION_BROKEN_REDIRECT, 0);
    READS(line, "-ERR The client ID you want redirect to does not exist\r\n");
    READS("CLIENT TRACKING ON", OK);
    ck_assert_uint_eq(reader->flags & SESSION_BROKEN_REDIRECT, 0);
}
END_TEST

START_TEST(who_has_said_goodbye_is_nobody)
{
    struct session *listener = world_session(world);
    char line[64];
    snprintf(line, sizeof(line), "CLIENT TRACKING ON REDIRECT %d", (int)listener->id);
    world_ask_as(world, listener, "SUBSCRIBE __redis__:invalidate");
    READS(line, OK);
    READS("look k", OK);
    world_ask_as(world, listener, "QUIT");
    WRITES("put k", OK);
    TOLD(listener, "");
    ck_assert_uint_ne(reader->flags & SESSION_BROKEN_REDIRECT, 0);
}
END_TEST

START_TEST(the_state_is_shown)
{
    READS("CLIENT TRACKINGINFO", "%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n"
                                 "$8\r\nprefixes\r\n*0\r\n");
    READS("CLIENT TRACKING ON BCAST PREFIX b PREFIX a NOLOOP", OK);
    READS("CLIENT TRACKINGINFO",
          "%3\r\n$5\r\nflags\r\n~3\r\n$2\r\non\r\n$5\r\nbcast\r\n$6\r\nnoloop\r\n"
          "$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    READS("CLIENT TRACKING ON BCAST PREFIX ab",
          "-ERR Prefix 'ab' overlaps with an existing prefix 'a'. Prefixes for a single client "
          "must not overlap.\r\n");
    ck_assert_ptr_nonnull(strstr(world_ask_as(world, reader, "CLIENT INFO"), " flags=tB "));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_reader_is_told_once_when_its_key_changes,
        who_does_not_track_is_not_told,
        own_writes_are_told_behind_the_reply_unless_noloop,
        a_flush_tells_everybody_everything,
        a_key_that_expires_or_leaves_with_its_slot_is_stale,
        what_our_primary_writes_is_told_as_well,
        many_readers_of_one_key_are_told_one_by_one,
        keys_over_the_limit_are_told_and_forgotten,
        opting_in_is_for_one_command_or_transaction,
        opting_out_is_for_one_command,
        broadcasts_come_together_in_order_at_the_end_of_a_turn,
        a_broadcast_leaves_out_what_a_noloop_client_wrote,
        a_client_that_goes_takes_its_prefixes_along,
        another_connection_is_told_as_a_subscriber,
        a_redirect_to_nobody_is_told_as_broken,
        who_has_said_goodbye_is_nobody,
        the_state_is_shown,
    };
    return run_tests("tracking", tests, COUNT_OF(tests), set_up, tear_down);
}
