/* Tests of the feeding half: the test plays replicas that send commands and read their output. */
#include "base/buffer.h"
#include "base/memory.h"
#include "repl/primary.h"
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLICA_MAX 4

struct player {
    struct output output;
    struct follower *follower;
    uint64_t link;
    bool is_closed;
};

static struct primary_options options;
static struct primary_facts facts;
static struct backlog *backlog;
static struct primary *primary;
static struct repl_effects effects;
static struct player players[REPLICA_MAX];
static size_t player_count;
static struct repl_snapshot wanted; /* by the last REPL_SNAPSHOT_START */
static uint64_t job;                /* 0: none asked for, or stopped */
static unsigned acked_count;
static time_ms now_ms;
static size_t memory_before;

static void set_up(void)
{
    memory_before = memory_used();
    options = (struct primary_options){ .ping_period_ms = 10000,
                                        .timeout_ms = 60000,
                                        .sync_delay_ms = 5000,
                                        .is_diskless = true,
                                        .backlog_ttl_ms = 3600000,
                                        .output_hard_bytes = 10 * MIB };
    facts = (struct primary_facts){ .has_keys = true };
    now_ms = 5000000;
    backlog = backlog_create(1 * MIB, 1);
    primary = primary_create(&options, backlog, 2, now_ms);
    primary_set_facts(primary, &facts);
    repl_effects_init(&effects);
    player_count = 0;
    job = 0;
    acked_count = 0;
}

static void perform(void)
{
    for (size_t i = 0; i < effects.count; i++) {
        const struct repl_effect *effect = &effects.items[i];
        switch (effect->type) {
        case REPL_CLOSE: players[effect->link - 1].is_closed = true; break;
        case REPL_SNAPSHOT_START:
            ck_assert_uint_eq(job, 0);
            job = effect->job;
            wanted = effect->snapshot;
            break;
        case REPL_SNAPSHOT_STOP:
            ck_assert_uint_eq(job, effect->job);
            job = 0;
            break;
        case REPL_ACKED: acked_count++; break;
        case REPL_SEND:
        case REPL_CHANGED:
        case REPL_TRACE: break;
        default: ck_abort_msg("an effect of the other half");
        }
    }
    repl_effects_clear(&effects);
}

static void hang_up(struct player *player)
{
    primary_follower_destroy(primary, player->follower, now_ms, &effects);
    player->follower = NULL;
    perform();
}

static void tear_down(void)
{
    for (size_t i = 0; i < player_count; i++) {
        hang_up(&players[i]);
        output_fini(&players[i].output);
    }
    primary_destroy(primary);
    backlog_destroy(backlog);
    repl_effects_fini(&effects);
    ck_assert_uint_eq(memory_used(), memory_before);
}

static struct player *join(void)
{
    struct player *player = &players[player_count++];
    *player = (struct player){ .link = player_count };
    output_init(&player->output);
    player->follower = primary_follower_create(primary, player->link, &player->output, "127.0.0.1");
    return player;
}

/* Words separated by spaces. */
static size_t split(const char *text, struct bytes words[12])
{
    size_t count = 0;
    for (struct bytes rest = bytes_text(text); rest.size > 0; count++) {
        ptrdiff_t space = bytes_index_of(rest, ' ');
        words[count] = bytes_of(rest.data, space < 0 ? rest.size : (size_t)space);
        rest = bytes_from(rest, space < 0 ? rest.size : (size_t)space + 1);
    }
    return count;
}

static void replconf(struct player *player, const char *text)
{
    struct bytes words[12];
    size_t count = split(text, words);
    primary_replconf(primary, player->follower, count, words, now_ms, &effects);
    perform();
}

static enum psync_result psync(struct player *player, const char *text)
{
    struct bytes words[12];
    size_t count = split(text, words);
    enum psync_result result =
        primary_psync(primary, player->follower, count, words, now_ms, &effects);
    perform();
    return result;
}

static void expect(struct player *player, const char *expected)
{
    struct buffer got = { 0 };
    output_copy(&player->output, &got);
    output_consume(&player->output, player->output.size);
    if (!bytes_equal(buffer_bytes(&got), bytes_text(expected)))
        ck_abort_msg("got:\n%.*s\nnot:\n%s", (int)got.size, got.data, expected);
    buffer_fini(&got);
}

static void drop_output(struct player *player)
{
    output_consume(&player->output, player->output.size);
}

static void step(enum primary_event_type type, struct bytes bytes, uint64_t size)
{
    struct primary_event event = {
        .type = type, .now_ms = now_ms, .job = job, .bytes = bytes, .size = size
    };
    primary_step(primary, &event, &effects);
    perform();
}

static void flush(void)
{
    step(PRIMARY_FLUSH, BYTES_EMPTY, 0);
}

static void wait(time_ms duration_ms)
{
    now_ms += duration_ms;
    step(PRIMARY_TIMEOUT, BYTES_EMPTY, 0);
}

static void set_x(void)
{
    struct bytes words[] = { BYTES("SET"), BYTES("x"), BYTES("1") };
    backlog_append_command(backlog, 0, 3, words);
}

#define SET_X    "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n1\r\n"
#define SELECT_0 "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
#define GETACK   "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"

/* What a 9.1.2 replica says before PSYNC. */
static struct player *join_modern(void)
{
    struct player *player = join();
    replconf(player, "REPLCONF listening-port 5002");
    replconf(player, "REPLCONF capa eof capa psync2");
    replconf(player, "REPLCONF version 9.1.2");
    expect(player, "+OK\r\n+OK\r\n+OK\r\n");
    return player;
}

static const char *id(void)
{
    static char text[REPL_ID_SIZE + 1];
    memcpy(text, backlog_lineage(backlog)->id, REPL_ID_SIZE);
    return text;
}

static char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text_of(const char *format, ...)
{
    static char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return text;
}

/* The marker that stands in what the player got; drops it all. */
static struct bytes take_marker(struct player *player)
{
    static char marker[40];
    struct buffer got = { 0 };
    output_copy(&player->output, &got);
    drop_output(player);
    const char *at = memmem(got.data, got.size, "$EOF:", 5);
    ck_assert_ptr_nonnull(at);
    memcpy(marker, at + 5, sizeof(marker));
    buffer_fini(&got);
    return bytes_of(marker, sizeof(marker));
}

static void run_snapshot(void)
{
    ck_assert_uint_ne(job, 0);
    step(PRIMARY_SNAPSHOT_STARTED, BYTES_EMPTY, 0);
    if (wanted.is_sized) step(PRIMARY_SNAPSHOT_SIZE, BYTES_EMPTY, 5);
    step(PRIMARY_SNAPSHOT_BYTES, BYTES("REDIS"), 0);
    step(PRIMARY_SNAPSHOT_DONE, BYTES_EMPTY, 0);
    job = 0;
}

/* A replica that is online and has acknowledged everything. */
static struct player *join_online(void)
{
    struct player *player = join_modern();
    ck_assert_int_eq(psync(player, "PSYNC ? -1"), PSYNC_TAKEN);
    if (job == 0) wait(5000);
    run_snapshot();
    replconf(player, "REPLCONF ACK 0");
    drop_output(player);
    return player;
}

static enum follower_state state_of(const struct player *player)
{
    struct follower_view view;
    follower_look(player->follower, now_ms, &view);
    return view.state;
}

START_TEST(replconf_answers_as_valkey_does)
{
    static const char *const answers[][2] = {
        { "REPLCONF", "+OK\r\n" },
        { "REPLCONF a", "-ERR syntax error\r\n" },
        { "REPLCONF listening-port 1 capa", "-ERR syntax error\r\n" },
        { "REPLCONF LISTENING-PORT 1", "+OK\r\n" },
        { "REPLCONF listening-port x", "-ERR value is not an integer or out of range\r\n" },
        { "REPLCONF ip-address 1.2.3.4 listening-port y",
          "-ERR value is not an integer or out of range\r\n" },
        { "REPLCONF rdb-only 2", "-ERR value is out of range, value must between 0 and 1\r\n" },
        { "REPLCONF rdb-only x", "-ERR value is not an integer or out of range\r\n" },
        { "REPLCONF rdb-channel 1", "+OK\r\n" },
        { "REPLCONF set-rdb-client-id x", "-ERR value is not an integer or out of range\r\n" },
        { "REPLCONF set-rdb-client-id 999", "-ERR Unrecognized RDB client id 999\r\n" },
        { "REPLCONF version 9.1", "-ERR Unrecognized version format: 9.1\r\n" },
        { "REPLCONF version 9.1.2.3", "-ERR Unrecognized version format: 9.1.2.3\r\n" },
        { "REPLCONF version 9.1.x", "-ERR Unrecognized version format: 9.1.x\r\n" },
        { "REPLCONF set-cluster-node-id abc",
          "-ERR This instance has cluster support disabled\r\n" },
        { "REPLCONF capa foo", "+OK\r\n" },
        { "REPLCONF rdb-filter-only functions", "+OK\r\n" },
        { "REPLCONF rdb-filter-only data", "-ERR Unsupported rdb-filter-only option: data\r\n" },
        { "REPLCONF foo bar", "-ERR Unrecognized REPLCONF option: foo\r\n" },
        { "REPLCONF ACK 5", "" },
        { "REPLCONF GETACK *", "" },
    };
    struct player *player = join();
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        replconf(player, answers[i][0]);
        expect(player, answers[i][1]);
    }
    char line[400] = "REPLCONF ip-address ";
    memset(line + 20, '1', 300);
    replconf(player, line);
    expect(player, "-ERR REPLCONF ip-address provided by replica instance is too long: "
                   "300 bytes\r\n");
}
END_TEST

START_TEST(a_full_sync_by_marker_holds_the_stream_until_the_first_ack)
{
    struct player *player = join_modern();
    ck_assert_int_eq(psync(player, "PSYNC 3afbd7db8f336c16cdd5897b8bb852ca91f13541 1"),
                     PSYNC_TAKEN);
    expect(player, "");
    ck_assert_uint_eq(job, 0); /* others may come */
    for (int i = 0; i < 4; i++) wait(1000);
    expect(player, "\n\n\n\n");
    set_x(); /* before the view is taken: part of the snapshot */
    wait(1000);
    ck_assert_uint_ne(job, 0);
    ck_assert(!wanted.is_sized);
    ck_assert_int_eq(wanted.rdb_version, 80);
    drop_output(player);

    step(PRIMARY_SNAPSHOT_STARTED, BYTES_EMPTY, 0);
    struct buffer got = { 0 };
    output_copy(&player->output, &got);
    ck_assert(bytes_starts_with(buffer_bytes(&got),
                                bytes_text(text_of("+FULLRESYNC %s 50\r\n$EOF:", id()))));
    buffer_fini(&got);
    struct bytes marker = take_marker(player);
    set_x();
    flush();
    step(PRIMARY_SNAPSHOT_BYTES, BYTES("RED"), 0);
    step(PRIMARY_SNAPSHOT_BYTES, BYTES("IS"), 0);
    expect(player, "REDIS");
    step(PRIMARY_SNAPSHOT_DONE, BYTES_EMPTY, 0);
    expect(player, text_of("%.*s", 40, marker.data));
    ck_assert_int_eq(state_of(player), FOLLOWER_ONLINE);
    flush();
    expect(player, "");
    replconf(player, "REPLCONF ACK 50");
    expect(player, SELECT_0 SET_X);
    set_x();
    flush();
    expect(player, SET_X);
}
END_TEST

START_TEST(a_full_sync_by_length_is_followed_by_the_stream_at_once)
{
    struct player *player = join();
    replconf(player, "REPLCONF capa psync2");
    drop_output(player);
    psync(player, "PSYNC ? -1");
    wait(5000);
    ck_assert(wanted.is_sized);
    ck_assert_int_eq(wanted.rdb_version, 80);
    drop_output(player);
    step(PRIMARY_SNAPSHOT_STARTED, BYTES_EMPTY, 0);
    expect(player, text_of("+FULLRESYNC %s 0\r\n", id()));
    wait(1000);
    expect(player, "\n");
    set_x();
    step(PRIMARY_SNAPSHOT_SIZE, BYTES_EMPTY, 5);
    step(PRIMARY_SNAPSHOT_BYTES, BYTES("REDIS"), 0);
    step(PRIMARY_SNAPSHOT_DONE, BYTES_EMPTY, 0);
    expect(player, "$5\r\nREDIS" SELECT_0 SET_X);
}
END_TEST

START_TEST(an_old_replica_gets_an_old_snapshot)
{
    struct player *old = join();
    replconf(old, "REPLCONF capa eof capa psync2 version 8.0.1");
    struct player *modern = join_modern();
    drop_output(old);
    psync(old, "PSYNC ? -1");
    psync(modern, "PSYNC ? -1");
    wait(5000);
    ck_assert_int_eq(wanted.rdb_version, 11);
    run_snapshot();
    ck_assert_int_eq(state_of(old), FOLLOWER_ONLINE);
    ck_assert_int_eq(state_of(modern), FOLLOWER_ONLINE);
}
END_TEST

START_TEST(the_delay_ends_early_when_nobody_else_can_come)
{
    struct player *first = join_modern();
    facts.has_keys = false;
    primary_set_facts(primary, &facts);
    psync(first, "PSYNC ? -1");
    ck_assert_uint_ne(job, 0);
    hang_up(first);
    ck_assert_uint_ne(job, 0); /* not started yet: whoever comes now may have it */
    step(PRIMARY_SNAPSHOT_STARTED, BYTES_EMPTY, 0);
    ck_assert_uint_eq(job, 0);

    facts = (struct primary_facts){ .has_keys = true, .replicas_assigned = 2 };
    primary_set_facts(primary, &facts);
    struct player *second = join_modern();
    struct player *third = join_modern();
    psync(second, "PSYNC ? -1");
    ck_assert_uint_eq(job, 0);
    psync(third, "PSYNC ? -1");
    ck_assert_uint_ne(job, 0);
}
END_TEST

START_TEST(so_many_waiting_replicas_start_it_and_one_snapshot_serves_them)
{
    options.sync_replicas_max = 3;
    primary_configure(primary, &options);
    struct player *all[3];
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(job, 0);
        all[i] = join_modern();
        psync(all[i], "PSYNC ? -1");
    }
    run_snapshot();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(state_of(all[i]), FOLLOWER_ONLINE);
        drop_output(all[i]);
    }
    ck_assert_uint_eq(primary_counts(primary)->sync_full, 3);
}
END_TEST

START_TEST(who_comes_while_one_runs_waits_for_the_next)
{
    struct player *first = join_modern();
    psync(first, "PSYNC ? -1");
    wait(5000);
    step(PRIMARY_SNAPSHOT_STARTED, BYTES_EMPTY, 0);
    struct player *second = join_modern();
    psync(second, "PSYNC ? -1");
    wait(20000);
    ck_assert_int_eq(state_of(second), FOLLOWER_WAITING);
    step(PRIMARY_SNAPSHOT_BYTES, BYTES("REDIS"), 0);
    struct primary_event done = { .type = PRIMARY_SNAPSHOT_DONE, .now_ms = now_ms, .job = job };
    job = 0;
    primary_step(primary, &done, &effects);
    perform();
    ck_assert_uint_ne(job, 0);
    run_snapshot();
    ck_assert_int_eq(state_of(second), FOLLOWER_ONLINE);
}
END_TEST

START_TEST(a_partial_sync_goes_on_where_the_replica_stands)
{
    struct player *first = join_online();
    set_x();
    set_x();
    flush();
    hang_up(first);
    struct player *player = join_modern();
    ck_assert_int_eq(psync(player, text_of("PSYNC %s 51", id())), PSYNC_TAKEN);
    expect(player, text_of("+CONTINUE %s\r\n" SET_X, id()));
    ck_assert_uint_eq(primary_counts(primary)->sync_partial_ok, 1);

    struct player *plain = join(); /* without psync2 */
    psync(plain, text_of("PSYNC %s 78", id()));
    expect(plain, "+CONTINUE\r\n");
    struct player *lost = join_modern();
    psync(lost, text_of("PSYNC %s 79", id()));
    expect(lost, "");
    ck_assert_uint_eq(primary_counts(primary)->sync_partial_err, 1);
    ck_assert_int_eq(state_of(lost), FOLLOWER_WAITING);
}
END_TEST

START_TEST(refusals_make_a_replica_keep_its_data_and_ask_again)
{
    facts.refusal = "this node restarted without its data";
    primary_set_facts(primary, &facts);
    struct player *player = join_modern();
    ck_assert_int_eq(psync(player, "PSYNC ? -1"), PSYNC_REFUSED);
    expect(player, "-NOMASTERLINK this node restarted without its data\r\n");

    facts = (struct primary_facts){ .is_replica = true };
    primary_set_facts(primary, &facts);
    ck_assert_int_eq(psync(player, "PSYNC ? -1"), PSYNC_REFUSED);
    expect(player, "-NOMASTERLINK Can't SYNC while not connected with my master\r\n");

    facts = (struct primary_facts){ 0 };
    primary_set_facts(primary, &facts);
    psync(player, "PSYNC a 1 FAILOVER");
    expect(player, "-ERR PSYNC FAILOVER can't be sent to a master.\r\n");
    psync(player, "PSYNC a x");
    expect(player, "-ERR value is not an integer or out of range\r\n");
    replconf(player, "REPLCONF capa eof");
    ck_assert_int_eq(psync(player, "PSYNC ? -1"), PSYNC_REFUSED);
    expect(player, "+OK\r\n-ERR SYNC and PSYNC are invalid with pending output\r\n");
    ck_assert_int_eq(psync(player, "PSYNC ? -1"), PSYNC_TAKEN);
}
END_TEST

START_TEST(psync_failover_asks_a_replica_to_take_over)
{
    facts.is_replica = true;
    facts.link_is_up = true;
    primary_set_facts(primary, &facts);
    struct player *player = join_modern();
    psync(player, "PSYNC ffffffffffffffffffffffffffffffffffffffff 1 FAILOVER");
    expect(player, "-ERR PSYNC FAILOVER replid must match my replid.\r\n");
    ck_assert_int_eq(psync(player, text_of("PSYNC %s 1 FAILOVER", id())), PSYNC_PROMOTE);
    expect(player, "");
}
END_TEST

START_TEST(sync_gets_the_snapshot_without_a_status_line)
{
    struct player *player = join();
    ck_assert_int_eq(primary_sync(primary, player->follower, now_ms, &effects), PSYNC_TAKEN);
    perform();
    wait(5000);
    drop_output(player);
    run_snapshot();
    expect(player, "$5\r\nREDIS");
}
END_TEST

START_TEST(rdb_only_ends_with_the_snapshot)
{
    struct player *player = join();
    replconf(player, "REPLCONF capa eof rdb-only 1 rdb-filter-only functions");
    drop_output(player);
    primary_sync(primary, player->follower, now_ms, &effects);
    perform();
    wait(5000);
    ck_assert(!wanted.has_keys);
    ck_assert(wanted.has_functions);
    ck_assert_int_eq(wanted.rdb_version, 11);
    run_snapshot();
    ck_assert(player->is_closed);
    ck_assert_int_eq(state_of(player), FOLLOWER_LEAVING);
}
END_TEST

START_TEST(a_replica_that_wants_an_answer_is_dropped)
{
    struct player *player = join_online();
    replconf(player, "REPLCONF GETACK *");
    ck_assert(!player->is_closed);
    replconf(player, "REPLCONF listening-port 5");
    expect(player, "");
    ck_assert(player->is_closed);
    replconf(player, "REPLCONF ACK 5");
    expect(player, "");
}
END_TEST

START_TEST(a_failed_snapshot_drops_its_replicas)
{
    struct player *player = join_modern();
    psync(player, "PSYNC ? -1");
    wait(5000);
    step(PRIMARY_SNAPSHOT_STARTED, BYTES_EMPTY, 0);
    struct primary_event failed = { .type = PRIMARY_SNAPSHOT_FAILED, .now_ms = now_ms, .job = job };
    job = 0;
    primary_step(primary, &failed, &effects);
    perform();
    ck_assert(player->is_closed);
    ck_assert_uint_eq(job, 0);
}
END_TEST

START_TEST(a_snapshot_that_nobody_wants_any_more_is_stopped)
{
    struct player *player = join_modern();
    psync(player, "PSYNC ? -1");
    wait(5000);
    step(PRIMARY_SNAPSHOT_STARTED, BYTES_EMPTY, 0);
    ck_assert_uint_ne(job, 0);
    hang_up(player);
    ck_assert_uint_eq(job, 0);
}
END_TEST

START_TEST(a_slow_receiver_slows_the_snapshot_down)
{
    struct player *player = join_modern();
    psync(player, "PSYNC ? -1");
    wait(5000);
    step(PRIMARY_SNAPSHOT_STARTED, BYTES_EMPTY, 0);
    static char piece[64 * KIB];
    unsigned count = 0;
    while (primary_wants_snapshot_bytes(primary)) {
        step(PRIMARY_SNAPSHOT_BYTES, bytes_of(piece, sizeof(piece)), 0);
        ck_assert_uint_lt(++count, 100);
    }
    ck_assert_uint_eq(count, 16);
    drop_output(player);
    ck_assert(primary_wants_snapshot_bytes(primary));
    step(PRIMARY_SNAPSHOT_BYTES, bytes_of(piece, sizeof(piece)), 0);
    for (int i = 0; i < 70 && !player->is_closed; i++) wait(1000);
    ck_assert(player->is_closed);
}
END_TEST

START_TEST(pings_flow_on_a_primary_that_is_not_paused)
{
    struct player *player = join_online();
    wait(10000);
    expect(player, "*1\r\n$4\r\nping\r\n");
    facts.is_paused = true;
    primary_set_facts(primary, &facts);
    wait(10000);
    expect(player, "");
    facts = (struct primary_facts){ .is_replica = true, .link_is_up = true };
    primary_set_facts(primary, &facts);
    wait(10000);
    expect(player, "");
}
END_TEST

START_TEST(a_new_ping_period_counts_from_the_last_ping)
{
    struct player *player = join_online();
    wait(10000);
    expect(player, "*1\r\n$4\r\nping\r\n");
    options.ping_period_ms = 30000;
    primary_configure(primary, &options);
    wait(29000);
    expect(player, "");
    options.ping_period_ms = 10000;
    primary_configure(primary, &options);
    wait(1);
    expect(player, "*1\r\n$4\r\nping\r\n");
}
END_TEST

START_TEST(acknowledgements_are_counted_for_wait)
{
    struct player *first = join_online();
    struct player *second = join_online();
    drop_output(first);
    set_x();
    int64_t target = backlog_lineage(backlog)->offset;
    primary_ask_acks(primary);
    primary_ask_acks(primary);
    flush();
    expect(first, SELECT_0 SET_X GETACK);
    ck_assert_uint_eq(primary_count_acked(primary, target), 0);
    acked_count = 0;
    replconf(first, text_of("REPLCONF ACK %d FACK %d", (int)target, (int)target - 1));
    ck_assert_uint_eq(acked_count, 1);
    ck_assert_uint_eq(primary_count_acked(primary, target), 1);
    ck_assert_uint_eq(primary_count_durable(primary, target), 0);
    ck_assert_uint_eq(primary_count_durable(primary, target - 1), 1);
    replconf(second, text_of("REPLCONF ACK %d", (int)target));
    ck_assert_uint_eq(primary_count_acked(primary, target), 2);
    replconf(second, text_of("REPLCONF ACK %d", (int)target));
    ck_assert_uint_eq(acked_count, 2); /* the same again is no news */
    expect(first, "");
}
END_TEST

START_TEST(min_replicas_counts_those_heard_lately)
{
    options.replicas_min = 1;
    options.lag_max_ms = 10000;
    primary_configure(primary, &options);
    ck_assert(!primary_may_write(primary, now_ms));
    struct player *player = join_online();
    ck_assert(primary_may_write(primary, now_ms));
    now_ms += 10001;
    ck_assert(!primary_may_write(primary, now_ms));
    ck_assert_uint_eq(primary_count_good(primary, now_ms), 0);
    replconf(player, "REPLCONF ACK 0");
    ck_assert(primary_may_write(primary, now_ms));
}
END_TEST

START_TEST(a_silent_replica_is_dropped_and_a_loading_one_is_not)
{
    struct player *silent = join_online();
    struct player *loading = join_online();
    for (int i = 0; i < 61; i++) {
        wait(1000);
        primary_heard(primary, loading->follower, now_ms);
    }
    ck_assert(silent->is_closed);
    ck_assert(!loading->is_closed);
}
END_TEST

START_TEST(a_replica_that_reads_nothing_is_dropped_at_the_limit)
{
    struct player *player = join_online();
    static char value[1 * MIB];
    struct bytes words[] = { BYTES("SET"), BYTES("x"), bytes_of(value, sizeof(value)) };
    for (int i = 0; i < 10; i++) { /* the tenth, with what is around it, is over 10 MiB */
        ck_assert(!player->is_closed);
        backlog_append_command(backlog, 0, 3, words);
        flush();
        wait(1000);
    }
    ck_assert(player->is_closed);
}
END_TEST

START_TEST(the_backlog_is_freed_when_nobody_came_for_long_enough)
{
    struct player *player = join_online();
    set_x();
    hang_up(player);
    char former[REPL_ID_SIZE];
    memcpy(former, id(), sizeof(former));
    ck_assert_int_eq(primary_deadline(primary), now_ms + 3600000);
    wait(3599999);
    ck_assert(backlog_is_started(backlog));
    wait(1);
    ck_assert(!backlog_is_started(backlog));
    ck_assert(memcmp(former, id(), sizeof(former)) != 0);
    ck_assert_int_eq(primary_deadline(primary), TIME_NEVER);
}
END_TEST

START_TEST(a_promotion_starts_the_time_to_live_anew)
{
    hang_up(join_online());
    facts = (struct primary_facts){ .is_replica = true, .link_is_up = true };
    primary_set_facts(primary, &facts);
    wait(7200000);
    ck_assert(backlog_is_started(backlog));
    facts.is_replica = false;
    primary_set_facts(primary, &facts);
    wait(1000);
    ck_assert(backlog_is_started(backlog));
}
END_TEST

START_TEST(a_new_history_drops_everybody_who_held_the_old_one)
{
    struct player *online = join_online();
    struct player *waiting = join_modern();
    psync(waiting, "PSYNC ? -1");
    backlog_restart(backlog, "90dcbde8195e166355fb6628c85475a0c58b0011", 500, 0);
    flush();
    ck_assert(online->is_closed);
    ck_assert(waiting->is_closed);
    ck_assert_uint_eq(primary_count_online(primary), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repl/primary");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, replconf_answers_as_valkey_does);
    tcase_add_test(tcase, a_full_sync_by_marker_holds_the_stream_until_the_first_ack);
    tcase_add_test(tcase, a_full_sync_by_length_is_followed_by_the_stream_at_once);
    tcase_add_test(tcase, an_old_replica_gets_an_old_snapshot);
    tcase_add_test(tcase, the_delay_ends_early_when_nobody_else_can_come);
    tcase_add_test(tcase, so_many_waiting_replicas_start_it_and_one_snapshot_serves_them);
    tcase_add_test(tcase, who_comes_while_one_runs_waits_for_the_next);
    tcase_add_test(tcase, a_partial_sync_goes_on_where_the_replica_stands);
    tcase_add_test(tcase, refusals_make_a_replica_keep_its_data_and_ask_again);
    tcase_add_test(tcase, psync_failover_asks_a_replica_to_take_over);
    tcase_add_test(tcase, sync_gets_the_snapshot_without_a_status_line);
    tcase_add_test(tcase, rdb_only_ends_with_the_snapshot);
    tcase_add_test(tcase, a_replica_that_wants_an_answer_is_dropped);
    tcase_add_test(tcase, a_failed_snapshot_drops_its_replicas);
    tcase_add_test(tcase, a_snapshot_that_nobody_wants_any_more_is_stopped);
    tcase_add_test(tcase, a_slow_receiver_slows_the_snapshot_down);
    tcase_add_test(tcase, pings_flow_on_a_primary_that_is_not_paused);
    tcase_add_test(tcase, a_new_ping_period_counts_from_the_last_ping);
    tcase_add_test(tcase, acknowledgements_are_counted_for_wait);
    tcase_add_test(tcase, min_replicas_counts_those_heard_lately);
    tcase_add_test(tcase, a_silent_replica_is_dropped_and_a_loading_one_is_not);
    tcase_add_test(tcase, a_replica_that_reads_nothing_is_dropped_at_the_limit);
    tcase_add_test(tcase, the_backlog_is_freed_when_nobody_came_for_long_enough);
    tcase_add_test(tcase, a_promotion_starts_the_time_to_live_anew);
    tcase_add_test(tcase, a_new_history_drops_everybody_who_held_the_old_one);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
