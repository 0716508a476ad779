/* Turns: what arrives in which pieces, what runs in which order, what must wait. */
#include "unit/engine/runner.h"
#include <stdio.h>

static struct world *world;

/* Rows of the test's own: the engine alone has none that touch keys but WATCH. */
static void put(struct call *call)
{
    struct key key = call_key(call, 1);
    keyspace_put_string(call->keyspace, call->access, &key, call_arg(call, 2), PUT_PLAIN);
    reply_ok(call);
}

static void look(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &key);
    if (entry == NULL)
        reply_null(call);
    else
        reply_string(call, entry);
}

static void look_all(struct call *call)
{
    reply_array(call, call->argc - 1);
    for (uint32_t i = 1; i < call->argc; i++) {
        struct key key = call_key(call, i);
        ck_assert(bytes_equal(key.bytes, call_arg(call, i)));
        ck_assert_uint_eq(key.db, (uint32_t)call->session->db);
        struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &key);
        if (entry == NULL)
            reply_null(call);
        else
            reply_string(call, entry);
    }
}

static void late(struct engine *engine, struct session *session)
{
    resp_simple(&session->writer, "LATE");
}

static void wait_for_it(struct call *call)
{
    time_ms deadline_ms;
    if (!call_timeout_ms(call, 1, &deadline_ms)) return;
    if (!call_block(call, BLOCK_HOST, deadline_ms, late)) reply_simple(call, "ATONCE");
}

static const struct command rows[] = {
    { .name = "put", .run = put, .arity = 3, .flags = CMD_WRITE, .keys = KEY_AT(1) },
    { .name = "look", .run = look, .arity = 2, .flags = CMD_READ, .keys = KEY_AT(1) },
    { .name = "lookall",
      .run = look_all,
      .arity = -2,
      .flags = CMD_READ,
      .keys = KEY_RANGE(1, -1, 1) },
    { .name = "waitforit", .run = wait_for_it, .arity = 2, .flags = CMD_BLOCKING },
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

static void feed(const char *text)
{
    world_feed(world, world->me, bytes_text(text));
}

START_TEST(a_pipeline_is_answered_in_order)
{
    feed("PING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n*1\r\n$4\r\nPING\r\n");
    ck_assert_str_eq(world_heard(world, world->me), "+PONG\r\n$2\r\nhi\r\n+PONG\r\n");
}
END_TEST

START_TEST(a_request_may_arrive_byte_by_byte)
{
    const char *text = "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\nPING\r\n";
    for (size_t i = 0; text[i] != '\0'; i++) world_feed(world, world->me, bytes_of(text + i, 1));
    ck_assert_str_eq(world_heard(world, world->me), "$5\r\nhello\r\n+PONG\r\n");
    ck_assert_uint_eq(world->me->input.size, 0);
}
END_TEST

START_TEST(every_way_to_cut_a_pipeline_gives_the_same_answers)
{
    const char *text = "*3\r\n$3\r\nput\r\n$1\r\nk\r\n$4\r\nv\r\nw\r\necho 'a b'\r\n"
                       "*2\r\n$4\r\nlook\r\n$1\r\nk\r\n\r\nping\r\n";
    size_t size = strlen(text);
    for (size_t cut = 1; cut < size; cut++) {
        world_feed(world, world->me, bytes_of(text, cut));
        world_feed(world, world->me, bytes_of(text + cut, size - cut));
        ck_assert_str_eq(world_heard(world, world->me),
                         "+OK\r\n$3\r\na b\r\n$4\r\nv\r\nw\r\n+PONG\r\n");
    }
}
END_TEST

START_TEST(a_request_that_was_cut_holds_up_what_follows_it)
{
    const char *text = "*2\r\n$9\r\nwaitforit\r\n$2\r\n50\r\nPING\r\nPI";
    for (size_t cut = 1; cut < 28; cut++) {
        world_feed(world, world->me, bytes_of(text, cut));
        world_feed(world, world->me, bytes_text(text + cut));
        ck_assert_str_eq(world_heard(world, world->me), "");
        feed("NG\r\n");
        world->clock.now_ms += 50;
        engine_turn(world->engine, world->clock, NULL, 0);
        ck_assert_str_eq(world_heard(world, world->me), "+LATE\r\n+PONG\r\n+PONG\r\n");
    }
}
END_TEST

START_TEST(a_protocol_error_that_was_cut_is_the_last_answer)
{
    const char *text = "*2\r\n$4\r\nECHO\r\n!x\r\n!y\r\nPING\r\n";
    for (size_t cut = 1; cut < strlen(text); cut++) {
        struct session *session = world_session(world);
        world_feed(world, session, bytes_of(text, cut));
        world_feed(world, session, bytes_text(text + cut));
        ck_assert_str_eq(world_heard(world, session),
                         "-ERR Protocol error: expected '$', got '!'\r\n");
        ck_assert_int_eq(session->close, SESSION_CLOSES_FLUSHED);
    }
}
END_TEST

START_TEST(two_pieces_of_one_connection_in_one_turn_are_one_stream)
{
    struct engine_input inputs[] = { { world->me, BYTES("*2\r\n$4\r\nEC") },
                                     { world->me, BYTES("HO\r\n$2\r\nhi\r\nPI") },
                                     { world->me, BYTES("NG\r\n") } };
    engine_turn(world->engine, world->clock, inputs, COUNT_OF(inputs));
    ck_assert_str_eq(world_heard(world, world->me), "$2\r\nhi\r\n+PONG\r\n");
}
END_TEST

START_TEST(a_line_whose_end_is_at_hand_is_not_too_long_on_the_way)
{
    enum { LIMIT = 65536 };
    struct buffer text = { 0 };
    buffer_append(&text, BYTES("*"));
    while (text.size < LIMIT + 6) buffer_append(&text, BYTES("1"));
    buffer_append(&text, BYTES("\r\n"));
    for (size_t cut = LIMIT - 130; cut <= LIMIT; cut++) {
        struct session *session = world_session(world);
        world_feed(world, session, bytes_of(text.data, cut));
        ck_assert_str_eq(world_heard(world, session), "");
        world_feed(world, session, bytes_from(buffer_bytes(&text), cut));
        ck_assert_str_eq(world_heard(world, session),
                         "-ERR Protocol error: invalid multibulk length\r\n");
        session_destroy(world->engine, session);
    }
    buffer_fini(&text);
}
END_TEST

START_TEST(connections_of_one_turn_see_each_other_in_the_order_of_arrival)
{
    struct session *other = world_session(world);
    struct engine_input inputs[] = { { other, BYTES("put k 1\r\n") },
                                     { world->me, BYTES("look k\r\nput k 2\r\n") } };
    engine_turn(world->engine, world->clock, inputs, COUNT_OF(inputs));
    ck_assert_str_eq(world_heard(world, world->me), "$1\r\n1\r\n+OK\r\n");
    ck_assert_str_eq(world_heard(world, other), "+OK\r\n");
}
END_TEST

START_TEST(a_long_pipeline_shares_the_turn_with_others)
{
    struct buffer text = { 0 };
    struct session *other = world_session(world);
    for (int i = 0; i < 1000; i++) buffer_printf(&text, "put k %d\r\n", i);
    struct engine_input inputs[] = { { world->me, buffer_bytes(&text) },
                                     { other, BYTES("look k\r\n") } };
    engine_turn(world->engine, world->clock, inputs, COUNT_OF(inputs));
    ck_assert_uint_eq(world->me->output.size, 1000 * 5);
    /* Not behind all thousand of them. */
    ck_assert_str_eq(world_heard(world, other), "$2\r\n63\r\n");
    buffer_fini(&text);
}
END_TEST

static uint64_t slow_ticks(void)
{
    static uint64_t now;
    return now += 300000; /* each command takes 0.3 ms */
}

START_TEST(what_a_turn_has_no_time_for_goes_on_in_the_next_one)
{
    struct engine_options options = { .keyspace = world->keyspace, .ticks = slow_ticks };
    struct engine *engine = engine_create(&options);
    struct session_options session_options = { .kind = SESSION_CLIENT };
    struct session *session = session_create(engine, &session_options, 0);
    struct buffer text = { 0 };
    for (int i = 0; i < 200; i++) buffer_append_text(&text, "PING\r\n");
    struct engine_input input = { session, buffer_bytes(&text) };
    engine_turn(engine, world->clock, &input, 1);
    ck_assert_uint_lt(session->output.size, 200 * 7);
    ck_assert_uint_gt(session->output.size, 0);
    ck_assert(engine_is_busy(engine));
    memset(text.data, 'x', text.size); /* the received bytes are gone after the turn */
    while (engine_is_busy(engine)) engine_turn(engine, world->clock, NULL, 0);
    ck_assert_uint_eq(session->output.size, 200 * 7);
    buffer_fini(&text);
    engine_destroy(engine);
}
END_TEST

START_TEST(a_protocol_error_is_answered_after_what_came_before_and_closes)
{
    feed("PING\r\n*1\r\n!x\r\nPING\r\n");
    ck_assert_str_eq(world_heard(world, world->me),
                     "+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    ck_assert_int_eq(world->me->close, SESSION_CLOSES_FLUSHED);
    feed("PING\r\n");
    ck_assert_str_eq(world_heard(world, world->me), "");
}
END_TEST

START_TEST(a_browser_is_hung_up_on)
{
    feed("POST / HTTP/1.1\r\n");
    ck_assert_int_eq(world->me->close, SESSION_CLOSES_NOW);
    ck_assert_str_eq(world_heard(world, world->me), "");
}
END_TEST

START_TEST(sessions_with_output_are_offered_once)
{
    ck_assert_ptr_null(engine_take_ready(world->engine));
    feed("PING\r\nPING\r\n");
    ck_assert_ptr_eq(engine_take_ready(world->engine), world->me);
    ck_assert_ptr_null(engine_take_ready(world->engine));
    world_heard(world, world->me);
}
END_TEST

START_TEST(a_blocked_session_keeps_what_follows_until_its_time_is_up)
{
    feed("waitforit 50\r\nPING\r\n");
    ck_assert_str_eq(world_heard(world, world->me), "");
    feed("ECHO x\r\n");
    ck_assert_str_eq(world_heard(world, world->me), "");
    ck_assert_int_eq(engine_deadline(world->engine), world->clock.now_ms + 50);
    ck_assert_uint_eq(engine_counters(world->engine)->clients_blocked, 1);
    world->clock.now_ms += 50;
    engine_turn(world->engine, world->clock, NULL, 0);
    ck_assert_str_eq(world_heard(world, world->me), "+LATE\r\n+PONG\r\n$1\r\nx\r\n");
    ck_assert_uint_eq(engine_counters(world->engine)->clients_blocked, 0);
}
END_TEST

START_TEST(inside_a_transaction_nothing_blocks)
{
    feed("MULTI\r\nwaitforit 0\r\nEXEC\r\n");
    ck_assert_str_eq(world_heard(world, world->me), "+OK\r\n+QUEUED\r\n*1\r\n+ATONCE\r\n");
}
END_TEST

START_TEST(a_blocked_session_may_go_away)
{
    struct session *other = world_session(world);
    world_feed(world, other, BYTES("waitforit 0\r\nPING\r\n"));
    session_destroy(world->engine, other);
    ck_assert_uint_eq(engine_counters(world->engine)->clients_blocked, 0);
    ck_assert_int_eq(engine_deadline(world->engine), TIME_NEVER);
}
END_TEST

START_TEST(client_unblock_ends_a_block_with_a_timeout_or_an_error)
{
    struct session *other = world_session(world);
    char line[64];
    world_feed(world, other, BYTES("waitforit 0\r\n"));
    snprintf(line, sizeof(line), "CLIENT UNBLOCK %llu", (unsigned long long)other->id);
    ck_assert_str_eq(world_ask(world, line), ":1\r\n");
    ck_assert_str_eq(world_heard(world, other), "+LATE\r\n");
    ck_assert_str_eq(world_ask(world, line), ":0\r\n");
    world_feed(world, other, BYTES("waitforit 0\r\n"));
    snprintf(line, sizeof(line), "CLIENT UNBLOCK %llu ERROR", (unsigned long long)other->id);
    ck_assert_str_eq(world_ask(world, line), ":1\r\n");
    ck_assert_str_eq(world_heard(world, other),
                     "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
}
END_TEST

START_TEST(a_pause_of_writes_holds_writes_and_what_is_behind_them)
{
    struct session *other = world_session(world);
    ck_assert_str_eq(world_ask(world, "CLIENT PAUSE 100 WRITE"), "+OK\r\n");
    world_feed(world, other, BYTES("PING\r\nput k 1\r\nPING\r\n"));
    ck_assert_str_eq(world_heard(world, other), "+PONG\r\n");
    ck_assert_str_eq(world_ask(world, "look k"), "$-1\r\n");
    ck_assert_int_eq(engine_deadline(world->engine), world->clock.now_ms + 100);
    world->clock.now_ms += 100;
    engine_turn(world->engine, world->clock, NULL, 0);
    ck_assert_str_eq(world_heard(world, other), "+OK\r\n+PONG\r\n");
}
END_TEST

START_TEST(an_end_of_the_pause_lets_the_writes_go)
{
    struct session *other = world_session(world);
    world_ask(world, "CLIENT PAUSE 100000 WRITE");
    world_feed(world, other, BYTES("put k 1\r\n"));
    ck_assert_str_eq(world_ask(world, "CLIENT UNPAUSE"), "+OK\r\n");
    ck_assert(engine_is_busy(world->engine));
    engine_turn(world->engine, world->clock, NULL, 0);
    ck_assert_str_eq(world_heard(world, other), "+OK\r\n");
}
END_TEST

START_TEST(a_pause_by_permit_ends_when_the_permit_says_so)
{
    struct permit *permit = engine_permit(world->engine);
    permit->pause = PAUSE_ALL;
    permit->pause_until_ms = TIME_NEVER;
    permit->generation++;
    feed("PING\r\n");
    ck_assert_str_eq(world_heard(world, world->me), "");
    permit->pause = PAUSE_NONE;
    permit->generation++;
    engine_turn(world->engine, world->clock, NULL, 0);
    engine_turn(world->engine, world->clock, NULL, 0);
    ck_assert_str_eq(world_heard(world, world->me), "+PONG\r\n");
}
END_TEST

START_TEST(a_request_of_many_arguments_makes_room_for_itself)
{
    struct buffer text = { 0 };
    buffer_append_text(&text, "PING\r\n*5000\r\n$7\r\nUNKNOWN\r\n");
    for (int i = 1; i < 5000; i++) buffer_append_text(&text, "$1\r\nx\r\n");
    buffer_append_text(&text, "PING\r\n");
    world_feed(world, world->me, buffer_bytes(&text));
    const char *heard = world_heard(world, world->me);
    ck_assert_ptr_eq(strstr(heard, "+PONG\r\n-ERR unknown command 'UNKNOWN'"), heard);
    ck_assert_str_eq(heard + strlen(heard) - 7, "+PONG\r\n");
    buffer_fini(&text);
}
END_TEST

START_TEST(a_query_buffer_over_its_limit_closes_without_a_word)
{
    engine_settings(world->engine)->query_buffer_max = 1000;
    struct buffer text = { 0 };
    buffer_append_text(&text, "*2\r\n$4\r\nECHO\r\n$100000\r\n");
    for (int i = 0; i < 1000; i++) buffer_append_byte(&text, 'x');
    world_feed(world, world->me, buffer_bytes(&text));
    ck_assert_int_eq(world->me->close, SESSION_CLOSES_NOW);
    ck_assert_str_eq(world_heard(world, world->me), "");
    buffer_fini(&text);
}
END_TEST

START_TEST(many_keys_of_one_command_are_looked_up_where_its_session_is)
{
    struct buffer text = { 0 };
    struct buffer expected = { 0 };
    for (int round = 0; round < 2; round++) { /* more keys than are looked up ahead together */
        for (int i = 0; i < 300; i++) buffer_printf(&text, "put k%d v%d\r\n", i, i);
        for (int i = 0; i < 300; i++) buffer_append_text(&expected, "+OK\r\n");
        buffer_append_text(&text, "lookall k1 none k2 k1\r\n");
        buffer_append_text(&expected, "*4\r\n$2\r\nv1\r\n$-1\r\n$2\r\nv2\r\n$2\r\nv1\r\n");
        buffer_append_text(&text, "lookall");
        buffer_append_text(&expected, "*300\r\n");
        for (int i = 0; i < 300; i++) {
            buffer_printf(&text, " k%d", i);
            buffer_printf(&expected, "$%d\r\nv%d\r\n", i < 10 ? 2 : i < 100 ? 3 : 4, i);
        }
        buffer_append_text(&text, "\r\nselect 1\r\nlookall k1 k2\r\nselect 0\r\n");
        buffer_append_text(&expected, "+OK\r\n*2\r\n$-1\r\n$-1\r\n+OK\r\n");
    }
    world_feed(world, world->me, buffer_bytes(&text));
    for (int turn = 0; turn < 40; turn++) engine_turn(world->engine, world->clock, NULL, 0);
    buffer_append_byte(&expected, '\0');
    ck_assert_str_eq(world_heard(world, world->me), expected.data);
    buffer_fini(&text);
    buffer_fini(&expected);
}
END_TEST

/* The key of a request is shared with those behind it that have the same one. */
START_TEST(one_key_in_many_requests_is_looked_up_where_its_session_is)
{
    struct session *other = world_session(world);
    struct bytes mine = BYTES("put k a\r\nlook k\r\nselect 1\r\nlook k\r\nput k b\r\nlook k\r\n"
                              "select 0\r\nlook k\r\nlookall k\r\nput k c\r\nlook k\r\nlook j\r\n");
    struct bytes others = BYTES("look k\r\nselect 1\r\nlook k\r\nlook k\r\nput k d\r\nlook k\r\n");
    struct engine_input inputs[] = { { .session = world->me, .bytes = mine },
                                     { .session = other, .bytes = others } };
    engine_turn(world->engine, world->clock, inputs, COUNT_OF(inputs));
    ck_assert_str_eq(world_heard(world, world->me),
                     "+OK\r\n$1\r\na\r\n+OK\r\n$-1\r\n+OK\r\n$1\r\nb\r\n+OK\r\n$1\r\na\r\n"
                     "*1\r\n$1\r\na\r\n+OK\r\n$1\r\nc\r\n$-1\r\n");
    ck_assert_str_eq(world_heard(world, other),
                     "$1\r\nc\r\n+OK\r\n$1\r\nb\r\n$1\r\nb\r\n+OK\r\n$1\r\nd\r\n");
}
END_TEST

static unsigned asked_who_hears;

static bool nobody_hears(void *host, uint64_t *offset)
{
    ck_assert_ptr_eq(host, &asked_who_hears);
    *offset = 77;
    asked_who_hears++;
    return false;
}

START_TEST(what_nobody_hears_is_not_put_together)
{
    struct engine *engine = engine_create(
        &(struct engine_options){ .keyspace = world->keyspace,
                                  .seed = 5,
                                  .ticks = world_ticks,
                                  .host = &asked_who_hears,
                                  .is_heard = nobody_hears,
                                  .settings = { .database_count = 16, .lazy_expire = true } });
    struct engine *usual = world->engine;
    world->engine = engine;
    engine_propagation_switch(engine, true);
    engine_register(engine, rows, COUNT_OF(rows));
    struct session *session = world_session(world);
    ck_assert_str_eq(world_ask_as(world, session, "put k 1"), "+OK\r\n");
    ck_assert_uint_ge(asked_who_hears, 1);
    ck_assert_uint_eq(session->write_offset, 77);
    ck_assert_uint_eq(engine_propagation_count(engine), 0);
    engine_destroy(engine);
    world->engine = usual;
}
END_TEST

START_TEST(the_stream_of_the_primary_is_executed_without_answers_or_permits)
{
    struct permit *permit = engine_permit(world->engine);
    struct session *primary = world_session_of(world, SESSION_PRIMARY);
    permit->is_replica = permit->is_replica_read_only = true;
    permit->is_stale = true;
    struct bytes argv[] = { BYTES("put"), BYTES("k"), BYTES("1") };
    engine_execute(world->engine, world->clock, primary, argv, COUNT_OF(argv));
    ck_assert_uint_eq(primary->output.size, 0);
    ck_assert_uint_eq(engine_propagation_count(world->engine), 0);
    permit->is_stale = false;
    ck_assert_str_eq(world_ask(world, "look k"), "$1\r\n1\r\n");
    ck_assert_str_eq(world_ask(world, "put k 2"),
                     "-READONLY You can't write against a read only replica.\r\n");
}
END_TEST

START_TEST(the_stream_of_the_primary_is_listed_and_killed_while_it_has_a_connection)
{
    struct session *primary = world_session_of(world, SESSION_PRIMARY);
    const char *kill = "client kill type primary";
    ck_assert_str_eq(world_ask(world, kill), ":0\r\n");
    ck_assert_str_eq(world_ask(world, "client list type primary"), "$0\r\n\r\n");

    struct session_options options = { .connection = 7, .address = "127.0.0.1:6379", .fd = 9 };
    session_attach(world->engine, primary, &options, world->clock.now_ms);
    ck_assert_ptr_nonnull(strstr(world_ask(world, "client list"), "addr=127.0.0.1:6379"));
    ck_assert_str_eq(world_ask(world, kill), ":1\r\n");
    ck_assert_int_eq(primary->close, SESSION_CLOSES_NOW);
    ck_assert_ptr_eq(engine_take_ready(world->engine), world->me);
    ck_assert_ptr_eq(engine_take_ready(world->engine), primary);

    session_detach(world->engine, primary);
    ck_assert_int_eq(primary->close, SESSION_STAYS);
    ck_assert_str_eq(world_ask(world, kill), ":0\r\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_pipeline_is_answered_in_order,
        a_request_may_arrive_byte_by_byte,
        every_way_to_cut_a_pipeline_gives_the_same_answers,
        a_request_that_was_cut_holds_up_what_follows_it,
        a_protocol_error_that_was_cut_is_the_last_answer,
        two_pieces_of_one_connection_in_one_turn_are_one_stream,
        a_line_whose_end_is_at_hand_is_not_too_long_on_the_way,
        connections_of_one_turn_see_each_other_in_the_order_of_arrival,
        a_long_pipeline_shares_the_turn_with_others,
        what_a_turn_has_no_time_for_goes_on_in_the_next_one,
        a_protocol_error_is_answered_after_what_came_before_and_closes,
        a_browser_is_hung_up_on,
        sessions_with_output_are_offered_once,
        a_blocked_session_keeps_what_follows_until_its_time_is_up,
        inside_a_transaction_nothing_blocks,
        a_blocked_session_may_go_away,
        client_unblock_ends_a_block_with_a_timeout_or_an_error,
        a_pause_of_writes_holds_writes_and_what_is_behind_them,
        an_end_of_the_pause_lets_the_writes_go,
        a_pause_by_permit_ends_when_the_permit_says_so,
        a_request_of_many_arguments_makes_room_for_itself,
        a_query_buffer_over_its_limit_closes_without_a_word,
        many_keys_of_one_command_are_looked_up_where_its_session_is,
        one_key_in_many_requests_is_looked_up_where_its_session_is,
        what_nobody_hears_is_not_put_together,
        the_stream_of_the_primary_is_executed_without_answers_or_permits,
        the_stream_of_the_primary_is_listed_and_killed_while_it_has_a_connection,
    };
    return run_tests("turn", tests, COUNT_OF(tests), set_up, tear_down);
}
