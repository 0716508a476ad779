/* Waiting for keys: whose turn it is, what wakes whom, and all the ways in which a wait ends. */
#include "engine/blocking.h"
#include "unit/engine/runner.h"
#include <stdio.h>

static struct world *world;
static struct session *first;
static struct session *second;

/* --- rows: a key that holds a string can be taken ------------------------------------------ */

static void put(struct call *call)
{
    struct key key = call_key(call, 1);
    keyspace_put_string(call->keyspace, call->access, &key, call_arg(call, 2), PUT_PLAIN);
    reply_ok(call);
}

static void drop(struct call *call)
{
    struct key key = call_key(call, 1);
    reply_integer(call, keyspace_delete(call->keyspace, call->access, &key));
}

static void swap(struct call *call)
{
    keyspace_swap(call->keyspace, call->access, 0, 1);
    reply_ok(call);
}

static void flush(struct call *call)
{
    keyspace_flush(call->keyspace, call->access, 0);
    reply_ok(call);
}

static void take(struct call *call)
{
    for (uint32_t i = 1; i < call->argc - 1; i++) {
        struct key key = call_key(call, i);
        struct entry *entry;
        if (!call_string_for_read(call, &key, &entry)) return;
        if (entry == NULL) continue;
        reply_string(call, entry);
        keyspace_delete(call->keyspace, call->access, &key);
        call_propagate(call, 2, (struct bytes[]){ BYTES("drop"), key.bytes });
        return;
    }
    struct block_wish wish = { .key_first = 1, .key_count = call->argc - 2 };
    if (!call_timeout_ms(call, call->argc - 1, &wish.deadline_ms)) return;
    if (!call_block_on_keys(call, &wish)) reply_null(call);
}

/* Waits until the key is gone. */
static void outlive(struct call *call)
{
    struct key key = call_key(call, 1);
    if (keyspace_peek(call->keyspace, call->access, &key) == NULL) {
        reply_simple(call, "GONE");
        return;
    }
    struct block_wish wish = {
        .key_first = 1, .key_count = 1, .deadline_ms = TIME_NEVER, .wakes_when_gone = true
    };
    ck_assert(call_block_on_keys(call, &wish));
}

static const struct command rows[] = {
    { .name = "put", .run = put, .arity = 3, .flags = CMD_WRITE, .keys = KEY_AT(1) },
    { .name = "drop", .run = drop, .arity = 2, .flags = CMD_WRITE, .keys = KEY_AT(1) },
    { .name = "swap", .run = swap, .arity = 1, .flags = CMD_WRITE },
    { .name = "flush", .run = flush, .arity = 1, .flags = CMD_WRITE },
    { .name = "take",
      .run = take,
      .arity = -3,
      .flags = CMD_WRITE | CMD_BLOCKING,
      .keys = KEY_RANGE(1, -2, 1) },
    { .name = "outlive",
      .run = outlive,
      .arity = 2,
      .flags = CMD_READ | CMD_BLOCKING,
      .keys = KEY_AT(1) },
};

static void set_up(void)
{
    world = world_create();
    engine_register(world->engine, rows, COUNT_OF(rows));
    first = world_session(world);
    second = world_session(world);
}

static void tear_down(void)
{
    world_destroy(world);
}

#define ASK(line, expected) ck_assert_str_eq(world_ask(world, line), expected)
#define ASK_AS(session, line, expected)                                                            \
    ck_assert_str_eq(world_ask_as(world, session, line), expected)
#define HEARD(session, expected) ck_assert_str_eq(world_heard(world, session), expected)

static void check_waiting(size_t clients, size_t keys)
{
    const struct engine_counters *counters = engine_counters(world->engine);
    ck_assert_uint_eq(counters->clients_blocked, clients);
    ck_assert_uint_eq(counters->keys_awaited, keys);
}

/* --- served ------------------------------------------------------------------------------ */

START_TEST(who_came_first_is_served_first)
{
    ASK_AS(first, "take k 0", "");
    ASK_AS(second, "take k 0", "");
    check_waiting(2, 1);
    ASK("put k a", "+OK\r\n");
    HEARD(first, "$1\r\na\r\n");
    HEARD(second, "");
    check_waiting(1, 1);
    ASK("put k b", "+OK\r\n");
    HEARD(second, "$1\r\nb\r\n");
    check_waiting(0, 0);
    ck_assert_str_eq(world_propagated(world), "0: put k a\n0: drop k\n0: put k b\n0: drop k\n");
}
END_TEST

START_TEST(who_finds_nothing_keeps_its_place)
{
    ASK_AS(first, "take k 0", "");
    ASK_AS(second, "take k 0", "");
    ASK("MULTI", "+OK\r\n");
    ASK("put k a", "+QUEUED\r\n");
    ASK("drop k", "+QUEUED\r\n");
    ASK("EXEC", "*2\r\n+OK\r\n:1\r\n");
    HEARD(first, "");
    ASK("put k b", "+OK\r\n");
    HEARD(first, "$1\r\nb\r\n");
    HEARD(second, "");
}
END_TEST

START_TEST(a_transaction_is_over_before_anybody_is_served)
{
    ASK_AS(first, "take k 0", "");
    world_ask(world, "MULTI");
    world_ask(world, "put k a");
    world_ask(world, "put k b");
    ASK("EXEC", "*2\r\n+OK\r\n+OK\r\n");
    HEARD(first, "$1\r\nb\r\n");
    ck_assert_str_eq(world_propagated(world),
                     "-1: MULTI\n0: put k a\n0: put k b\n-1: EXEC\n0: drop k\n");
}
END_TEST

START_TEST(any_of_several_keys_will_do_and_one_named_twice_counts_once)
{
    ASK_AS(first, "take a b a a 0", "");
    check_waiting(1, 2);
    ASK("put b x", "+OK\r\n");
    HEARD(first, "$1\r\nx\r\n");
    check_waiting(0, 0);
    ASK("put a y", "+OK\r\n");
    HEARD(first, "");
}
END_TEST

START_TEST(nothing_blocks_inside_a_transaction)
{
    world_ask(world, "MULTI");
    world_ask(world, "take k 0");
    ASK("EXEC", "*1\r\n$-1\r\n");
    check_waiting(0, 0);
}
END_TEST

START_TEST(databases_are_apart_and_swapping_them_wakes)
{
    ASK_AS(first, "take k 0", "");
    world_ask(world, "SELECT 1");
    ASK("put k a", "+OK\r\n");
    HEARD(first, "");
    ASK("swap", "+OK\r\n");
    HEARD(first, "$1\r\na\r\n");
}
END_TEST

START_TEST(a_key_that_goes_wakes_who_asked_for_that)
{
    world_ask(world, "put k a");
    ASK_AS(first, "outlive k", "");
    ck_assert_uint_eq(engine_counters(world->engine)->keys_awaited_gone, 1);
    ASK("put other x", "+OK\r\n");
    ASK("put k b", "+OK\r\n");
    HEARD(first, "");
    ASK("drop k", ":1\r\n");
    HEARD(first, "+GONE\r\n");
    world_ask(world, "put k a");
    ASK_AS(first, "outlive k", "");
    ASK("flush", "+OK\r\n");
    HEARD(first, "+GONE\r\n");
    ck_assert_uint_eq(engine_counters(world->engine)->keys_awaited_gone, 0);
}
END_TEST

START_TEST(requests_behind_a_wait_run_when_it_is_over)
{
    world_feed(world, first, BYTES("take k 0\r\nPING\r\nput l z\r\n"));
    HEARD(first, "");
    ASK("put k a", "+OK\r\n");
    HEARD(first, "$1\r\na\r\n");
    ck_assert(engine_is_busy(world->engine));
    engine_turn(world->engine, world->clock, NULL, 0);
    HEARD(first, "+PONG\r\n+OK\r\n");
}
END_TEST

START_TEST(a_wait_and_what_ends_it_may_come_in_one_turn)
{
    struct engine_input inputs[] = {
        { .session = first, .bytes = BYTES("take k 0\r\nPING\r\n") },
        { .session = second, .bytes = BYTES("put k a\r\nput k b\r\n") },
    };
    engine_turn(world->engine, world->clock, inputs, COUNT_OF(inputs));
    engine_turn(world->engine, world->clock, NULL, 0);
    HEARD(first, "$1\r\na\r\n+PONG\r\n");
    HEARD(second, "+OK\r\n+OK\r\n");
}
END_TEST

START_TEST(a_muted_client_is_served_in_silence)
{
    world_feed(world, first, BYTES("CLIENT REPLY SKIP\r\ntake k 0\r\n"));
    ASK("put k a", "+OK\r\n");
    HEARD(first, "");
    ASK_AS(first, "PING", "+PONG\r\n");
    world_feed(world, first, BYTES("CLIENT REPLY SKIP\r\ntake k 10\r\n"));
    world->clock.now_ms += 11;
    engine_turn(world->engine, world->clock, NULL, 0);
    HEARD(first, "");
    check_waiting(0, 0);
}
END_TEST

START_TEST(a_monitor_sees_a_wait_once_and_it_is_counted_once)
{
    struct session *monitor = world_session(world);
    ASK_AS(monitor, "MONITOR", "+OK\r\n");
    world_ask_as(world, first, "take k 0");
    const char *seen = world_heard(world, monitor);
    ck_assert_ptr_nonnull(strstr(seen, "\"take\" \"k\" \"0\""));
    uint64_t commands = engine_counters(world->engine)->commands;
    world_ask(world, "put k a");
    HEARD(first, "$1\r\na\r\n");
    ck_assert_uint_eq(engine_counters(world->engine)->commands, commands + 2);
    ck_assert_ptr_null(strstr(world_heard(world, monitor), "take"));
}
END_TEST

/* --- not served -------------------------------------------------------------------------- */

START_TEST(a_wait_ends_at_its_first_deadline)
{
    ASK_AS(first, "take k 100", "");
    world->clock.now_ms += 60;
    world_ask(world, "MULTI");
    world_ask(world, "put k a");
    world_ask(world, "drop k");
    world_ask(world, "EXEC");
    ck_assert_int_eq(engine_deadline(world->engine), 1100);
    world->clock.now_ms += 40;
    engine_turn(world->engine, world->clock, NULL, 0);
    HEARD(first, "*-1\r\n");
    check_waiting(0, 0);
}
END_TEST

START_TEST(client_unblock_ends_a_wait_as_told)
{
    char line[64];
    snprintf(line, sizeof(line), "CLIENT UNBLOCK %d", (int)first->id);
    world_ask_as(world, first, "HELLO 3");
    ASK_AS(first, "take k 0", "");
    ASK(line, ":1\r\n");
    HEARD(first, "_\r\n");
    ASK(line, ":0\r\n");
    ASK_AS(first, "take k 0", "");
    snprintf(line, sizeof(line), "CLIENT UNBLOCK %d ERROR", (int)first->id);
    ASK(line, ":1\r\n");
    HEARD(first, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    check_waiting(0, 0);
}
END_TEST

START_TEST(a_client_that_leaves_waits_no_more)
{
    ASK_AS(first, "take k l 0", "");
    ASK_AS(second, "take k 0", "");
    session_destroy(world->engine, first);
    check_waiting(1, 1);
    ASK("put k a", "+OK\r\n");
    HEARD(second, "$1\r\na\r\n");
    session_destroy(world->engine, second);
}
END_TEST

START_TEST(who_waits_is_served_after_a_pause)
{
    ASK_AS(first, "take k 0", "");
    ASK_AS(second, "take k 0", "");
    struct session *primary = world_session_of(world, SESSION_PRIMARY);
    ASK("CLIENT PAUSE 100 WRITE", "+OK\r\n");
    struct bytes argv[] = { BYTES("put"), BYTES("k"), BYTES("a") };
    engine_execute(world->engine, world->clock, primary, argv, 3);
    HEARD(first, "");
    check_waiting(2, 1);
    ck_assert_int_eq(engine_deadline(world->engine), 1100);
    world->clock.now_ms += 100;
    engine_turn(world->engine, world->clock, NULL, 0);
    HEARD(first, "$1\r\na\r\n");
    check_waiting(1, 1);
}
END_TEST

START_TEST(a_primary_that_becomes_a_replica_sends_everybody_away)
{
    ASK_AS(first, "take k 0", "");
    struct permit *permit = engine_permit(world->engine);
    permit->is_replica = true;
    permit->generation++;
    engine_turn(world->engine, world->clock, NULL, 0);
    HEARD(first, "-UNBLOCKED force unblock from blocking operation, instance state changed (master "
                 "-> replica?)\r\n");
    ck_assert_int_eq(first->close, SESSION_CLOSES_FLUSHED);
    check_waiting(0, 0);
}
END_TEST

/* --- slots ------------------------------------------------------------------------------- */

static struct permit *clustered(void)
{
    static const struct endpoint endpoint = { .texts = { "h:1", "h:1", "h:1", "h:1" } };
    world_destroy(world);
    world = world_create_with(true);
    engine_register(world->engine, rows, COUNT_OF(rows));
    first = world_session(world);
    second = world_session(world);
    struct permit *permit = engine_permit(world->engine);
    memset(permit->verdicts, SLOT_SERVED, sizeof(permit->verdicts));
    permit->endpoints = &endpoint;
    permit->endpoint_count = 1;
    return permit;
}

static void change_verdict(struct permit *permit, const char *key, enum slot_verdict verdict)
{
    permit->verdicts[key_slot(bytes_text(key))] = (uint8_t)verdict;
    permit->generation++;
    engine_turn(world->engine, world->clock, NULL, 0);
}

START_TEST(who_waits_in_a_slot_that_leaves_is_redirected)
{
    struct permit *permit = clustered();
    ASK_AS(first, "take k 0", "");
    ASK_AS(second, "take l 0", "");
    change_verdict(permit, "k", SLOT_MIGRATING_AWAY);
    HEARD(first, "");
    change_verdict(permit, "k", SLOT_WAIT);
    HEARD(first, "");
    change_verdict(permit, "k", SLOT_ELSEWHERE);
    HEARD(first, "-MOVED 7629 h:1\r\n");
    ck_assert_int_eq(first->close, SESSION_STAYS);
    check_waiting(1, 1);
    change_verdict(permit, "l", SLOT_UNASSIGNED);
    HEARD(second, "-CLUSTERDOWN Hash slot not served\r\n");
    change_verdict(permit, "l", SLOT_SERVED);
    ASK_AS(second, "take l 0", "");
    permit->is_cluster_down = true;
    permit->generation++;
    engine_turn(world->engine, world->clock, NULL, 0);
    HEARD(second, "-CLUSTERDOWN The cluster is down\r\n");
    check_waiting(0, 0);
}
END_TEST

START_TEST(only_a_reader_waits_on_at_a_replica)
{
    struct permit *permit = clustered();
    struct session *third = world_session(world);
    world_ask(world, "put k a");
    world_ask_as(world, first, "READONLY");
    ASK_AS(first, "outlive k", "");
    ASK_AS(second, "outlive k", "");
    ASK_AS(third, "take l 0", "");
    permit->is_replica = true;
    change_verdict(permit, "l", SLOT_SHARD);
    change_verdict(permit, "k", SLOT_SHARD);
    HEARD(first, "");
    HEARD(second, "-MOVED 7629 h:1\r\n");
    HEARD(third, "-MOVED 11562 h:1\r\n");
    struct session *primary = world_session_of(world, SESSION_PRIMARY);
    struct bytes argv[] = { BYTES("drop"), BYTES("k") };
    engine_execute(world->engine, world->clock, primary, argv, 2);
    HEARD(first, "+GONE\r\n");
}
END_TEST

START_TEST(who_came_with_asking_is_served_when_the_key_arrives)
{
    struct permit *permit = clustered();
    change_verdict(permit, "k", SLOT_ARRIVING);
    world_feed(world, first, BYTES("ASKING\r\ntake k 0\r\n"));
    HEARD(first, "+OK\r\n");
    world_feed(world, second, BYTES("ASKING\r\nput k a\r\n"));
    HEARD(second, "+OK\r\n+OK\r\n");
    HEARD(first, "$1\r\na\r\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        who_came_first_is_served_first,
        who_finds_nothing_keeps_its_place,
        a_transaction_is_over_before_anybody_is_served,
        any_of_several_keys_will_do_and_one_named_twice_counts_once,
        nothing_blocks_inside_a_transaction,
        databases_are_apart_and_swapping_them_wakes,
        a_key_that_goes_wakes_who_asked_for_that,
        requests_behind_a_wait_run_when_it_is_over,
        a_wait_and_what_ends_it_may_come_in_one_turn,
        a_muted_client_is_served_in_silence,
        a_monitor_sees_a_wait_once_and_it_is_counted_once,
        a_wait_ends_at_its_first_deadline,
        client_unblock_ends_a_wait_as_told,
        a_client_that_leaves_waits_no_more,
        who_waits_is_served_after_a_pause,
        a_primary_that_becomes_a_replica_sends_everybody_away,
        who_waits_in_a_slot_that_leaves_is_redirected,
        only_a_reader_waits_on_at_a_replica,
        who_came_with_asking_is_served_when_the_key_arrives,
    };
    return run_tests("engine/blocking", tests, COUNT_OF(tests), set_up, tear_down);
}
