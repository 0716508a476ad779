/* What stands against a command: each refusal, and which one wins. */
#include "unit/engine/runner.h"

static struct world *world;
static struct permit *permit;

static void store(struct call *call)
{
    for (uint32_t i = 1; i + 1 < call->argc; i += 2) {
        struct key key = call_key(call, i);
        keyspace_put_string(call->keyspace, call->access, &key, call_arg(call, i + 1), PUT_PLAIN);
    }
    reply_ok(call);
}

static void look(struct call *call)
{
    reply_integer(call, call->argc - 1);
}

static const struct command rows[] = {
    { .name = "store",
      .run = store,
      .arity = -3,
      .flags = CMD_WRITE | CMD_DENY_OOM,
      .keys = KEY_RANGE(1, -1, 2) },
    { .name = "look", .run = look, .arity = -2, .flags = CMD_READ, .keys = KEY_RANGE(1, -1, 1) },
    { .name = "one", .run = look, .arity = 2, .flags = CMD_READ, .keys = KEY_AT(1) },
};

/* Slots of the keys used here: a is 15495, b is 3300, foo is 12182. */
#define SLOT_A 15495
#define SLOT_B 3300

static const struct endpoint endpoints[] = {
    { .texts = { "10.0.0.1:7001", "[fd::1]:7001", "10.0.0.1:8001", "[fd::1]:8001" } },
    { .texts = { "10.0.0.2:7002", "[fd::2]:7002", "10.0.0.2:8002", "[fd::2]:8002" } },
};

static void set_up(void)
{
    world = world_create_with(true);
    engine_register(world->engine, rows, COUNT_OF(rows));
    permit = engine_permit(world->engine);
    permit->endpoints = endpoints;
    permit->endpoint_count = COUNT_OF(endpoints);
    memset(permit->verdicts, SLOT_SERVED, sizeof(permit->verdicts));
}

static void tear_down(void)
{
    world_destroy(world);
}

#define ASK(line, expected) ck_assert_str_eq(world_ask(world, line), expected "\r\n")

START_TEST(a_served_slot_is_served)
{
    ASK("store a 1", "+OK");
    ASK("look a", ":1");
    ASK("look a{x} {x}b", ":2");
}
END_TEST

START_TEST(keys_of_two_slots_are_refused)
{
    ASK("look a b", "-CROSSSLOT Keys in request don't hash to the same slot");
    permit->is_cluster_down = true;
    ASK("look a b", "-CROSSSLOT Keys in request don't hash to the same slot");
}
END_TEST

START_TEST(an_unassigned_slot_wins_over_a_cluster_that_is_down)
{
    permit->verdicts[SLOT_A] = SLOT_UNASSIGNED;
    permit->is_cluster_down = true;
    ASK("one a", "-CLUSTERDOWN Hash slot not served");
    ASK("one b", "-CLUSTERDOWN The cluster is down");
    ASK("PING", "+PONG");
}
END_TEST

START_TEST(reads_may_be_allowed_while_the_cluster_is_down)
{
    permit->is_cluster_down = true;
    permit->reads_while_down = true;
    ASK("one a", ":1");
    ASK("store a 1", "-CLUSTERDOWN The cluster is down and only accepts read commands");
}
END_TEST

START_TEST(a_slot_of_another_node_is_pointed_at_in_the_words_of_the_connection)
{
    permit->verdicts[SLOT_A] = SLOT_ELSEWHERE;
    permit->owners[SLOT_A] = 1;
    ASK("one a", "-MOVED 15495 10.0.0.2:7002");
    world->me->endpoint_kind = ENDPOINT_TLS6;
    ASK("store a 1", "-MOVED 15495 [fd::2]:8002");
}
END_TEST

START_TEST(a_migrating_slot_asks_for_what_is_gone)
{
    ASK("store a{t} 1", "+OK");
    unsigned slot = 15891; /* of {t} */
    permit->verdicts[slot] = SLOT_MIGRATING_AWAY;
    permit->ask_owners[slot] = 1;
    ASK("one a{t}", ":1");
    ASK("one b{t}", "-ASK 15891 10.0.0.2:7002");
    ASK("look a{t} b{t}", "-TRYAGAIN Multiple keys request during rehashing of slot");
    ASK("look b{t} c{t}", "-ASK 15891 10.0.0.2:7002");
}
END_TEST

START_TEST(an_arriving_slot_serves_after_asking_once)
{
    permit->verdicts[SLOT_A] = SLOT_ARRIVING;
    permit->owners[SLOT_A] = 1;
    ASK("one a", "-MOVED 15495 10.0.0.2:7002");
    ASK("ASKING", "+OK");
    ASK("store a 1", "+OK");
    ASK("one a", "-MOVED 15495 10.0.0.2:7002");
    ASK("ASKING", "+OK");
    ASK("look a {a}b", "-TRYAGAIN Multiple keys request during rehashing of slot");
    ASK("ASKING", "+OK");
    ASK("look a a", ":2");
}
END_TEST

START_TEST(a_replica_serves_reads_of_readonly_connections)
{
    permit->verdicts[SLOT_A] = SLOT_SHARD;
    permit->owners[SLOT_A] = 1;
    permit->is_replica = permit->is_replica_read_only = true;
    ASK("one a", "-MOVED 15495 10.0.0.2:7002");
    ASK("READONLY", "+OK");
    ASK("one a", ":1");
    ASK("store a 1", "-MOVED 15495 10.0.0.2:7002");
    ASK("WATCH a", "+OK");
    ASK("READWRITE", "+OK");
    ASK("one a", "-MOVED 15495 10.0.0.2:7002");
    ASK("SPUBLISH a m", ":0"); /* shard channels are everybody's in the shard */
}
END_TEST

START_TEST(a_redirect_inside_multi_spoils_the_transaction)
{
    permit->verdicts[SLOT_B] = SLOT_ELSEWHERE;
    ASK("MULTI", "+OK");
    ASK("one a", "+QUEUED");
    permit->verdicts[SLOT_B] = SLOT_SERVED;
    ASK("one b", "+QUEUED");
    permit->verdicts[SLOT_B] = SLOT_ELSEWHERE;
    ASK("EXEC", "-CROSSSLOT Keys in request don't hash to the same slot");
    ASK("MULTI", "+OK");
    ASK("one b", "-MOVED 3300 10.0.0.1:7001");
    ASK("EXEC", "-EXECABORT Transaction discarded because of previous errors.");
}
END_TEST

START_TEST(a_slot_that_leaves_between_queueing_and_exec_is_noticed)
{
    ASK("MULTI", "+OK");
    ASK("store a 1", "+QUEUED");
    permit->verdicts[SLOT_A] = SLOT_ELSEWHERE;
    ASK("EXEC", "-MOVED 15495 10.0.0.1:7001");
    ASK("EXEC", "-ERR EXEC without MULTI");
}
END_TEST

START_TEST(a_slot_that_changes_hands_lets_commands_wait)
{
    permit->verdicts[SLOT_A] = SLOT_WAIT;
    ck_assert_str_eq(world_ask(world, "one a"), "");
    ck_assert_str_eq(world_ask(world, "PING"), "");
    permit->verdicts[SLOT_A] = SLOT_ELSEWHERE;
    permit->owners[SLOT_A] = 1;
    permit->generation++;
    engine_turn(world->engine, world->clock, NULL, 0);
    ck_assert_str_eq(world_heard(world, world->me), "-MOVED 15495 10.0.0.2:7002\r\n+PONG\r\n");
}
END_TEST

START_TEST(without_a_lease_nothing_is_written)
{
    permit->has_lease = true;
    permit->writes_until_ms = world->clock.now_ms + 10;
    ASK("store a 1", "+OK");
    world->clock.now_ms += 10;
    ASK("store a 1", "-CLUSTERDOWN The cluster is down");
    ASK("one a", ":1");
    permit->verdicts[SLOT_A] = SLOT_ELSEWHERE;
    ASK("store a 1", "-MOVED 15495 10.0.0.1:7001");
}
END_TEST

START_TEST(the_turn_of_the_last_write_is_remembered_with_the_place_before_its_reply)
{
    permit->has_lease = true;
    permit->writes_until_ms = TIME_NEVER;
    world_feed(world, world->me, BYTES("PING\r\n"));
    world_feed(world, world->me, BYTES("PING\r\nstore a 1\r\nPING\r\n"));
    output_rewind(&world->me->output, world->me->turn_mark);
    ck_assert_str_eq(world_heard(world, world->me), "+PONG\r\n+PONG\r\n");
}
END_TEST

START_TEST(states_refuse_in_their_order)
{
    permit->is_cluster = false;
    permit->is_loading = true;
    ASK("one a", "-LOADING Valkey is loading the dataset in memory");
    ASK("PING", "-LOADING Valkey is loading the dataset in memory");
    ASK("MULTI", "+OK");
    ASK("DISCARD", "+OK");
    permit->is_replica = permit->is_replica_read_only = permit->is_stale = true;
    ASK("one a", "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to "
                 "'no'.");
    ASK("store a 1", "-READONLY You can't write against a read only replica.");
    permit->is_replica = false;
    permit->lacks_replicas = true;
    ASK("store a 1", "-NOREPLICAS Not enough good replicas to write.");
    permit->misconf = "MISCONF Errors writing to the AOF file: No space left on device";
    ASK("store a 1", "-MISCONF Errors writing to the AOF file: No space left on device");
    ASK("PING", "-MISCONF Errors writing to the AOF file: No space left on device");
    engine_settings(world->engine)->memory_max = 1;
    ASK("store a 1", "-OOM command not allowed when used memory > 'maxmemory'.");
    permit->is_cluster = true;
    permit->verdicts[SLOT_A] = SLOT_UNASSIGNED;
    ASK("store a 1", "-CLUSTERDOWN Hash slot not served");
    ASK("store a", "-ERR wrong number of arguments for 'store' command");
    ASK("nosuch", "-ERR unknown command 'nosuch', with args beginning with: ");
}
END_TEST

START_TEST(a_refused_exec_names_the_reason)
{
    permit->is_cluster = false;
    ASK("MULTI", "+OK");
    ASK("one a", "+QUEUED");
    permit->is_stale = true;
    ASK("EXEC", "-EXECABORT Transaction discarded because of: MASTERDOWN Link with MASTER is down "
                "and replica-serve-stale-data is set to 'no'.");
    ASK("EXEC", "-ERR EXEC without MULTI");
}
END_TEST

START_TEST(a_node_that_must_not_serve_says_why)
{
    permit->not_serving = "CLUSTERDOWN Data of the recorded lineage is missing";
    ASK("one a", "-CLUSTERDOWN Data of the recorded lineage is missing");
    ASK("PING", "+PONG");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_served_slot_is_served,
        keys_of_two_slots_are_refused,
        an_unassigned_slot_wins_over_a_cluster_that_is_down,
        reads_may_be_allowed_while_the_cluster_is_down,
        a_slot_of_another_node_is_pointed_at_in_the_words_of_the_connection,
        a_migrating_slot_asks_for_what_is_gone,
        an_arriving_slot_serves_after_asking_once,
        a_replica_serves_reads_of_readonly_connections,
        a_redirect_inside_multi_spoils_the_transaction,
        a_slot_that_leaves_between_queueing_and_exec_is_noticed,
        a_slot_that_changes_hands_lets_commands_wait,
        without_a_lease_nothing_is_written,
        the_turn_of_the_last_write_is_remembered_with_the_place_before_its_reply,
        states_refuse_in_their_order,
        a_refused_exec_names_the_reason,
        a_node_that_must_not_serve_says_why,
    };
    return run_tests("permit", tests, COUNT_OF(tests), set_up, tear_down);
}
