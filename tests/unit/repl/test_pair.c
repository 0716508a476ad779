/* Both halves against each other: three nodes, one of which leads, over links that deliver bytes
 * in pieces and break. Whatever happens, the followers end up with the leader's data and offset.
 *
 * The data of a node is the sequence of values that were applied to it, so that a command lost,
 * doubled or out of order shows; its snapshot is that sequence. */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/prng.h"
#include "repl/primary.h"
#include "repl/replica.h"
#include "resp/request.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define NODE_COUNT 3

struct node {
    struct backlog *backlog;
    struct primary *primary;
    struct replica *replica;
    struct buffer data;
    struct buffer incoming;
    struct repl_effects effects;
    bool is_performing;
    bool has_data;

    /* as a primary: the snapshot under way */
    uint64_t job;
    bool is_started;
    struct buffer snapshot;

    /* as a replica: the connection to the primary */
    uint64_t link; /* 0: none */
    int primary_index;
    bool is_connected;
    struct output output;      /* to the primary */
    struct output replies;     /* from it */
    struct follower *follower; /* at the primary */
    struct buffer requests;    /* arrived there, not parsed */
    struct request_parser parser;
};

static struct node nodes[NODE_COUNT];
static struct prng prng;
static struct request request;
static time_ms now_ms;
static int leader;
static unsigned written;
static uint64_t loads;
static size_t memory_before;

static void perform(struct node *node);

static struct primary_options primary_options = {
    .ping_period_ms = 1000, .timeout_ms = 60000, .is_diskless = true, .backlog_ttl_ms = 3600000
};
static struct replica_options replica_options = { .user = "",
                                                  .password = "",
                                                  .announced_ip = "",
                                                  .node_id = "",
                                                  .timeout_ms = 60000,
                                                  .ack_period_ms = 1000 };

static void tell_facts(struct node *node)
{
    struct replica_view view;
    replica_look(node->replica, &view);
    struct primary_facts facts = { .is_replica = view.state != REPLICA_IDLE,
                                   .link_is_up = view.state == REPLICA_CONNECTED,
                                   .has_keys = true };
    primary_set_facts(node->primary, &facts);
}

static void set_up_with(uint64_t seed)
{
    memory_before = memory_used();
    prng_init(&prng, seed);
    request_init(&request);
    now_ms = 1000000;
    leader = 0;
    written = 0;
    loads = 0;
    for (int i = 0; i < NODE_COUNT; i++) {
        struct node *node = &nodes[i];
        *node = (struct node){ .primary_index = -1 };
        node->backlog = backlog_create(256 * KIB, prng_next(&prng));
        node->primary = primary_create(&primary_options, node->backlog, prng_next(&prng), now_ms);
        node->replica = replica_create(&replica_options, node->backlog, prng_next(&prng));
        repl_effects_init(&node->effects);
    }
}

/* The connection is gone on both sides; the replica hears it if it did not close it itself. */
static void disconnect(struct node *node, bool is_told)
{
    if (node->link == 0) return;
    uint64_t link = node->link;
    node->link = 0;
    if (node->follower != NULL) {
        struct node *primary = &nodes[node->primary_index];
        primary_follower_destroy(primary->primary, node->follower, now_ms, &primary->effects);
        node->follower = NULL;
        perform(primary);
    }
    if (is_told) {
        struct replica_event event = { .type = node->is_connected ? REPLICA_LINK_DOWN
                                                                  : REPLICA_LINK_REFUSED,
                                       .now_ms = now_ms,
                                       .link = link };
        replica_step(node->replica, &event, &node->effects);
    }
    node->is_connected = false;
    output_fini(&node->output);
    output_fini(&node->replies);
    buffer_fini(&node->requests);
    request_parser_fini(&node->parser);
    perform(node);
}

static void tear_down_all(void)
{
    for (int i = 0; i < NODE_COUNT; i++) disconnect(&nodes[i], true);
    for (int i = 0; i < NODE_COUNT; i++) {
        struct node *node = &nodes[i];
        disconnect(node, true);
        replica_destroy(node->replica);
        primary_destroy(node->primary);
        backlog_destroy(node->backlog);
        buffer_fini(&node->data);
        buffer_fini(&node->incoming);
        buffer_fini(&node->snapshot);
        repl_effects_fini(&node->effects);
    }
    request_fini(&request);
    ck_assert_uint_eq(memory_used(), memory_before);
}

/* The node whose follower has this link; links of followers are the index of their node + 1. */
static void close_link(struct node *node, uint64_t link)
{
    if (link == node->link) {
        disconnect(node, false);
        return;
    }
    struct node *other = &nodes[link - 1];
    disconnect(other, true);
}

static void load_end(struct node *node)
{
    struct replica_event event = { .type = REPLICA_LOADED, .now_ms = now_ms };
    buffer_clear(&node->data);
    buffer_append(&node->data, bytes_from(buffer_bytes(&node->incoming), 1));
    node->has_data = true;
    loads++;
    replica_step(node->replica, &event, &node->effects);
}

static void perform_one(struct node *node, struct repl_effect effect)
{
    switch (effect.type) {
    case REPL_CLOSE: close_link(node, effect.link); break;
    case REPL_CONNECT:
        ck_assert_uint_eq(node->link, 0);
        node->link = effect.link;
        node->primary_index = effect.port;
        break;
    case REPL_SNAPSHOT_START: node->job = effect.job; break;
    case REPL_SNAPSHOT_STOP:
        node->job = 0;
        node->is_started = false;
        break;
    case REPL_LOAD_BEGIN: buffer_clear(&node->incoming); break;
    case REPL_LOAD: buffer_append(&node->incoming, effect.bytes); break;
    case REPL_LOAD_END: load_end(node); break;
    default: break;
    }
}

/* A call from within leaves what it adds to the outer one. */
static void perform(struct node *node)
{
    tell_facts(node);
    if (node->is_performing) return;
    node->is_performing = true;
    for (size_t i = 0; i < node->effects.count; i++) perform_one(node, node->effects.items[i]);
    repl_effects_clear(&node->effects);
    node->is_performing = false;
    tell_facts(node);
}

static void serve(struct node *node, struct node *primary)
{
    struct bytes name = request.argv[0];
    if (bytes_is_word(name, "ping"))
        output_append(&node->replies, BYTES("+PONG\r\n"));
    else if (bytes_is_word(name, "replconf"))
        primary_replconf(primary->primary, node->follower, request.argc, request.argv, now_ms,
                         &primary->effects);
    else if (bytes_is_word(name, "psync"))
        (void)primary_psync(primary->primary, node->follower, request.argc, request.argv, now_ms,
                            &primary->effects);
    else
        ck_abort_msg("a request that nobody sends");
    perform(primary);
}

/* Some of what waits in an output arrives. */
static void take_some(struct output *output, struct buffer *into)
{
    struct buffer all = { 0 };
    output_copy(output, &all);
    size_t size = prng_below(&prng, MIN(all.size, (size_t)3000) + 1);
    if (prng_chance(&prng, 1, 4)) size = all.size;
    buffer_append(into, bytes_of(all.data, size));
    output_consume(output, size);
    buffer_fini(&all);
}

static void requests_arrive(struct node *node)
{
    static const struct request_limits limits = { .bulk_size_max = INT32_MAX };
    struct node *primary = &nodes[node->primary_index];
    uint64_t link = node->link;
    take_some(&node->output, &node->requests);
    while (node->link == link && node->requests.size > 0) {
        enum request_result result =
            request_parse(&node->parser, buffer_bytes(&node->requests), &limits, &request);
        if (result == REQUEST_MORE) return;
        ck_assert(result == REQUEST_READY || result == REQUEST_SKIP);
        size_t consumed = request.consumed;
        if (result == REQUEST_READY) serve(node, primary);
        if (node->link == link) buffer_consume(&node->requests, consumed);
    }
}

static void apply_some(struct node *node)
{
    struct replica_command command = { 0 };
    /* A turn ends between commands, but not inside a transaction: a snapshot may be taken then. */
    for (int64_t left = prng_between(&prng, 0, 50); left > 0 || command.is_continued; left--) {
        if (!replica_next(node->replica, &command)) return;
        ck_assert_uint_eq(command.argc, 3);
        buffer_append(&node->data, command.argv[2]);
        replica_applied(node->replica, now_ms, &node->effects);
        perform(node);
    }
}

static void replies_arrive(struct node *node)
{
    struct buffer bytes = { 0 };
    take_some(&node->replies, &bytes);
    struct replica_event event = { .type = REPLICA_RECEIVED,
                                   .now_ms = now_ms,
                                   .link = node->link,
                                   .bytes = buffer_bytes(&bytes) };
    if (bytes.size > 0) replica_step(node->replica, &event, &node->effects);
    perform(node);
    buffer_fini(&bytes);
}

static void connect_or_move(struct node *node)
{
    if (node->link == 0) return;
    if (!node->is_connected) {
        struct node *primary = &nodes[node->primary_index];
        node->is_connected = true;
        output_init(&node->output);
        output_init(&node->replies);
        request_parser_init(&node->parser);
        node->follower = primary_follower_create(primary->primary, (uint64_t)(node - nodes) + 1,
                                                 &node->replies, "127.0.0.1");
        struct replica_event event = {
            .type = REPLICA_LINK_UP, .now_ms = now_ms, .link = node->link, .output = &node->output
        };
        replica_step(node->replica, &event, &node->effects);
        perform(node);
        return;
    }
    requests_arrive(node);
    if (node->link != 0) replies_arrive(node);
}

static void tell_primary(struct node *node, enum primary_event_type type, struct bytes bytes)
{
    struct primary_event event = {
        .type = type, .now_ms = now_ms, .job = node->job, .bytes = bytes
    };
    if (type == PRIMARY_SNAPSHOT_DONE) {
        node->job = 0;
        node->is_started = false;
    }
    primary_step(node->primary, &event, &node->effects);
    perform(node);
}

/* The view is taken at once, its bytes come in their own time. */
static void snapshot_moves(struct node *node)
{
    if (node->job == 0) return;
    if (!node->is_started) {
        node->is_started = true;
        buffer_clear(&node->snapshot);
        buffer_append_byte(&node->snapshot, '#'); /* never empty */
        buffer_append(&node->snapshot, buffer_bytes(&node->data));
        tell_primary(node, PRIMARY_SNAPSHOT_STARTED, BYTES_EMPTY);
        return;
    }
    size_t size = prng_below(&prng, 20000) + 1;
    size = MIN(node->snapshot.size, size);
    tell_primary(node, PRIMARY_SNAPSHOT_BYTES, bytes_of(node->snapshot.data, size));
    buffer_consume(&node->snapshot, size);
    if (node->job != 0 && node->snapshot.size == 0)
        tell_primary(node, PRIMARY_SNAPSHOT_DONE, BYTES_EMPTY);
}

static void write_some(struct node *node)
{
    for (uint64_t left = prng_below(&prng, 20); left > 0; left--) {
        char value[64];
        struct bytes words[] = { BYTES("SET"), BYTES("k"), BYTES_EMPTY };
        words[2] = bytes_of(value, (size_t)snprintf(value, sizeof(value), "%u,", written++));
        struct bytes multi = BYTES("MULTI");
        struct bytes exec = BYTES("EXEC");
        bool is_transaction = prng_chance(&prng, 1, 8);
        if (is_transaction) backlog_append_command(node->backlog, BACKLOG_DB_ANY, 1, &multi);
        for (int i = is_transaction ? 3 : 1; i > 0; i--) {
            int db = (int)prng_below(&prng, 2);
            backlog_append_command(node->backlog, db, 3, words);
            buffer_append(&node->data, words[2]);
        }
        if (is_transaction) backlog_append_command(node->backlog, BACKLOG_DB_ANY, 1, &exec);
    }
    node->has_data = true;
}

static void follow(int index, int target)
{
    struct node *node = &nodes[index];
    replica_follow(node->replica, "n", (uint16_t)target, node->has_data, now_ms, &node->effects);
    perform(node);
}

/* Another one leads; it may lag behind, then what only the former leader had is lost. */
static void hand_over(int next)
{
    struct node *node = &nodes[next];
    replica_promote(node->replica, now_ms, &node->effects);
    perform(node);
    leader = next;
    for (int i = 0; i < NODE_COUNT; i++) {
        if (i != next) follow(i, next);
    }
}

static void tick(void)
{
    now_ms += prng_between(&prng, 1, 30);
    for (int i = 0; i < NODE_COUNT; i++) {
        struct node *node = &nodes[i];
        connect_or_move(node);
        apply_some(node);
        snapshot_moves(node);
        if (replica_deadline(node->replica) <= now_ms) {
            struct replica_event event = { .type = REPLICA_TIMEOUT, .now_ms = now_ms };
            replica_step(node->replica, &event, &node->effects);
            perform(node);
        }
        bool is_due = primary_deadline(node->primary) <= now_ms;
        tell_primary(node, is_due ? PRIMARY_TIMEOUT : PRIMARY_FLUSH, BYTES_EMPTY);
    }
}

static bool is_settled(void)
{
    for (int i = 0; i < NODE_COUNT; i++) {
        const struct lineage *mine = backlog_lineage(nodes[i].backlog);
        const struct lineage *theirs = backlog_lineage(nodes[leader].backlog);
        struct replica_view view;
        replica_look(nodes[i].replica, &view);
        if (i != leader && view.state != REPLICA_CONNECTED) return false;
        if (mine->offset != theirs->offset) return false;
        if (memcmp(mine->id, theirs->id, REPL_ID_SIZE) != 0) return false;
    }
    return true;
}

static void settle(void)
{
    for (int i = 0; i < 3000 && !is_settled(); i++) tick();
    ck_assert(is_settled());
    for (int i = 0; i < NODE_COUNT; i++)
        ck_assert(bytes_equal(buffer_bytes(&nodes[i].data), buffer_bytes(&nodes[leader].data)));
}

START_TEST(followers_end_up_with_the_data_of_the_leader)
{
    set_up_with((uint64_t)_i + 1);
    write_some(&nodes[0]);
    follow(1, 0);
    follow(2, prng_chance(&prng, 1, 2) ? 0 : 1); /* a chain, sometimes */
    for (int i = 0; i < 1500; i++) {
        if (prng_chance(&prng, 1, 3)) write_some(&nodes[leader]);
        if (prng_chance(&prng, 1, 60)) disconnect(&nodes[prng_below(&prng, NODE_COUNT)], true);
        if (prng_chance(&prng, 1, 400)) {
            int next = (int)prng_below(&prng, NODE_COUNT);
            if (next != leader && nodes[next].has_data) hand_over(next);
        }
        tick();
    }
    settle();
    tear_down_all();
}
END_TEST

START_TEST(a_hand_over_between_equals_needs_no_full_sync)
{
    set_up_with(100 + (uint64_t)_i);
    write_some(&nodes[0]);
    follow(1, 0);
    follow(2, 0);
    settle();
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 20; i++) {
            write_some(&nodes[leader]);
            tick();
        }
        settle();
        uint64_t before = loads;
        hand_over((leader + 1) % NODE_COUNT);
        write_some(&nodes[leader]);
        disconnect(&nodes[(leader + 1) % NODE_COUNT], true);
        settle();
        ck_assert_uint_eq(loads, before);
    }
    tear_down_all();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repl/pair");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, followers_end_up_with_the_data_of_the_leader, 0, 60);
    tcase_add_loop_test(tcase, a_hand_over_between_equals_needs_no_full_sync, 0, 10);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
