/* Tests of the following half against a primary that the test plays: bytes in, bytes out. */
#include "base/buffer.h"
#include "base/memory.h"
#include "repl/replica.h"
#include <check.h>
#include <stdlib.h>

#define ID_A   "18d10f8d366905c01591029c10377cc43ea9c55d"
#define ID_B   "90dcbde8195e166355fb6628c85475a0c58b0011"
#define MARKER "3b13579390ca4caf6ab47bcc5c0d88370f0e051a"

static struct replica_options options;
static struct backlog *backlog;
static struct replica *replica;
static struct repl_effects effects;
static struct output output;
static struct buffer said;   /* what went to the primary since it was last looked at */
static struct buffer loaded; /* snapshot bytes since LOAD_BEGIN */
static struct buffer story;  /* other effects as words */
static uint64_t link_number;
static time_ms now_ms;
static size_t memory_before;

static void set_up(void)
{
    memory_before = memory_used();
    options = (struct replica_options){ .user = "",
                                        .password = "",
                                        .announced_ip = "",
                                        .node_id = "",
                                        .announced_port = 5002,
                                        .timeout_ms = 60000,
                                        .ack_period_ms = 1000 };
    backlog = backlog_create(1 * MIB, 1);
    replica = replica_create(&options, backlog, 2);
    repl_effects_init(&effects);
    output_init(&output);
    link_number = 0;
    now_ms = 1000000;
}

static void tear_down(void)
{
    replica_destroy(replica);
    backlog_destroy(backlog);
    repl_effects_fini(&effects);
    output_fini(&output);
    buffer_fini(&said);
    buffer_fini(&loaded);
    buffer_fini(&story);
    ck_assert_uint_eq(memory_used(), memory_before);
}

static void perform(void)
{
    for (size_t i = 0; i < effects.count; i++) {
        const struct repl_effect *effect = &effects.items[i];
        switch (effect->type) {
        case REPL_SEND:
            ck_assert_uint_eq(effect->link, link_number);
            output_copy(&output, &said);
            output_consume(&output, output.size);
            break;
        case REPL_CONNECT:
            link_number = effect->link;
            buffer_printf(&story, "connect %s:%d ", effect->host, effect->port);
            break;
        case REPL_CLOSE: buffer_append_text(&story, "close "); break;
        case REPL_LOAD_BEGIN:
            buffer_clear(&loaded);
            buffer_append_text(&story, "begin ");
            break;
        case REPL_LOAD: buffer_append(&loaded, effect->bytes); break;
        case REPL_LOAD_END: buffer_append_text(&story, "end "); break;
        case REPL_LOAD_ABORT: buffer_append_text(&story, "abort "); break;
        case REPL_APPLY: buffer_append_text(&story, "apply "); break;
        case REPL_DRAINED: buffer_append_text(&story, "drained "); break;
        case REPL_HAND_OVER_REFUSED: buffer_printf(&story, "refused: %s ", effect->text); break;
        case REPL_CHANGED:
        case REPL_TRACE: break;
        default: ck_abort_msg("an effect of the other half");
        }
    }
    repl_effects_clear(&effects);
}

static void step(enum replica_event_type type, struct bytes bytes)
{
    struct replica_event event = {
        .type = type, .now_ms = now_ms, .link = link_number, .output = &output, .bytes = bytes
    };
    replica_step(replica, &event, &effects);
    perform();
}

static void receive(struct bytes bytes)
{
    step(REPLICA_RECEIVED, bytes);
}

static void expect_said(struct bytes expected)
{
    if (!bytes_equal(buffer_bytes(&said), expected))
        ck_abort_msg("said:\n%.*s\nnot:\n%.*s", (int)said.size, said.data, (int)expected.size,
                     expected.data);
    buffer_clear(&said);
}

static void expect_story(const char *expected)
{
    if (!bytes_equal(buffer_bytes(&story), bytes_text(expected)))
        ck_abort_msg("happened: %.*s\nnot: %s", (int)story.size, story.data, expected);
    buffer_clear(&story);
}

static enum replica_state state(void)
{
    struct replica_view view;
    replica_look(replica, &view);
    return view.state;
}

static int64_t offset(void)
{
    return backlog_lineage(backlog)->offset;
}

static void follow(const char *host, uint16_t port, bool has_data)
{
    replica_follow(replica, host, port, has_data, now_ms, &effects);
    perform();
}

/* Runs what is there; the names of the commands go into the story. */
static void apply_all(void)
{
    struct replica_command command;
    while (replica_next(replica, &command)) {
        buffer_printf(&story, "%d:%.*s%s ", command.db, (int)command.argv[0].size,
                      command.argv[0].data, command.is_continued ? "+" : "");
        replica_applied(replica, now_ms, &effects);
        perform();
    }
}

/* Through the handshake, up to a PSYNC that is taken back from what was said. */
static void shake_hands(void)
{
    step(REPLICA_LINK_UP, BYTES_EMPTY);
    receive(BYTES("+PONG\r\n"));
    receive(BYTES("+OK\r\n+OK\r\n+OK\r\n"));
    ck_assert_int_eq(state(), REPLICA_SYNC);
    buffer_clear(&said);
}

static void loaded_with(int db)
{
    struct replica_event event = { .type = REPLICA_LOADED, .now_ms = now_ms, .db = db };
    replica_step(replica, &event, &effects);
    perform();
}

/* A full sync that leaves the replica connected at this offset of ID_A. */
static void sync_at(int64_t at)
{
    struct buffer line = { 0 };
    follow("127.0.0.1", 7000, false);
    shake_hands();
    buffer_printf(&line, "+FULLRESYNC " ID_A " %d\r\n$5\r\nREDIS", (int)at);
    receive(buffer_bytes(&line));
    loaded_with(0);
    buffer_clear(&said);
    buffer_clear(&story);
    buffer_fini(&line);
    ck_assert_int_eq(state(), REPLICA_CONNECTED);
}

#define SET_X "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n1\r\n"

START_TEST(a_full_sync_goes_as_in_a_transcript_of_valkey)
{
    backlog_restart(backlog, "3afbd7db8f336c16cdd5897b8bb852ca91f13541", 0, 0);
    follow("10.0.0.1", 5001, true);
    expect_story("connect 10.0.0.1:5001 ");
    step(REPLICA_LINK_UP, BYTES_EMPTY);
    expect_said(BYTES("*1\r\n$4\r\nPING\r\n"));
    receive(BYTES("+PONG\r\n"));
    expect_said(BYTES("*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n5002\r\n"
                      "*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n"
                      "$4\r\ncapa\r\n$6\r\npsync2\r\n"
                      "*3\r\n$8\r\nREPLCONF\r\n$7\r\nversion\r\n$5\r\n9.1.2\r\n"));
    receive(BYTES("+OK\r\n"));
    receive(BYTES("+OK\r\n+O"));
    expect_said(BYTES(""));
    receive(BYTES("K\r\n"));
    expect_said(BYTES("*3\r\n$5\r\nPSYNC\r\n$40\r\n3afbd7db8f336c16cdd5897b8bb852ca91f13541\r\n"
                      "$1\r\n1\r\n"));
    receive(BYTES("\n"));
    receive(BYTES("\n+FULLRESYNC " ID_A " 0\r\n"));
    ck_assert_int_eq(state(), REPLICA_TRANSFER);
    receive(BYTES("\n\n$EOF:" MARKER "\r\nVALKEY080..."));
    expect_story("begin ");
    ck_assert_int_eq(offset(), 0);
    ck_assert(memcmp(backlog_lineage(backlog)->id, ID_A, 40) != 0); /* not before it is loaded */
    receive(BYTES("more" MARKER));
    expect_story("end ");
    ck_assert(bytes_equal(buffer_bytes(&loaded), BYTES("VALKEY080...more")));
    loaded_with(0);
    ck_assert_int_eq(state(), REPLICA_CONNECTED);
    ck_assert(memcmp(backlog_lineage(backlog)->id, ID_A, 40) == 0);
    expect_said(BYTES("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n"));

    receive(BYTES("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n" SET_X));
    expect_story("apply ");
    ck_assert_int_eq(offset(), 23);
    apply_all();
    expect_story("0:SET ");
    ck_assert_int_eq(offset(), 50);
    now_ms += 1000;
    ck_assert_int_le(replica_deadline(replica), now_ms);
    step(REPLICA_TIMEOUT, BYTES_EMPTY);
    expect_said(BYTES("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$2\r\n50\r\n"));
    receive(BYTES("*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"));
    expect_said(BYTES("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$2\r\n50\r\n"));
    ck_assert_int_eq(offset(), 87);
}
END_TEST

START_TEST(everything_that_is_configured_is_said_in_order)
{
    options.user = "repl";
    options.password = "secret";
    options.announced_ip = "1.2.3.4";
    options.node_id = "0123456789abcdef0123456789abcdef01234567";
    options.is_link_safe = true;
    replica_configure(replica, &options);
    follow("h", 1, false);
    step(REPLICA_LINK_UP, BYTES_EMPTY);
    buffer_clear(&said);
    receive(BYTES("-NOAUTH Authentication required.\r\n"));
    expect_said(
        BYTES("*3\r\n$4\r\nAUTH\r\n$4\r\nrepl\r\n$6\r\nsecret\r\n"
              "*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n5002\r\n"
              "*3\r\n$8\r\nREPLCONF\r\n$10\r\nip-address\r\n$7\r\n1.2.3.4\r\n"
              "*7\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n"
              "$4\r\ncapa\r\n$17\r\nskip-rdb-checksum\r\n"
              "*3\r\n$8\r\nREPLCONF\r\n$7\r\nversion\r\n$5\r\n9.1.2\r\n"
              "*3\r\n$8\r\nREPLCONF\r\n$19\r\nSET-CLUSTER-NODE-ID\r\n"
              "$40\r\n0123456789abcdef0123456789abcdef01234567\r\n"));
    receive(BYTES("+OK\r\n+OK\r\n-ERR Unrecognized REPLCONF option\r\n+OK\r\n+OK\r\n"));
    expect_said(BYTES(""));
    receive(BYTES("+OK\r\n"));
    /* A cluster node without any data does not pretend to have a history. */
    expect_said(BYTES("*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"));
}
END_TEST

START_TEST(a_refused_password_ends_the_attempt)
{
    options.password = "wrong";
    replica_configure(replica, &options);
    follow("h", 1, false);
    step(REPLICA_LINK_UP, BYTES_EMPTY);
    receive(BYTES("-NOAUTH x\r\n"));
    receive(BYTES("-WRONGPASS invalid\r\n"));
    expect_story("connect h:1 close ");
    ck_assert_int_eq(state(), REPLICA_WAITING);
}
END_TEST

START_TEST(a_partial_sync_goes_on_behind_the_offset_and_takes_the_new_id)
{
    sync_at(100);
    receive(BYTES(SET_X));
    apply_all();
    ck_assert_int_eq(offset(), 127);
    receive(BYTES("*3\r\n$3\r\nSE")); /* half a command is not applied */
    buffer_clear(&story);
    now_ms += 5000;
    step(REPLICA_LINK_DOWN, BYTES_EMPTY);
    expect_story("connect 127.0.0.1:7000 "); /* at once: the stream had flowed */
    step(REPLICA_LINK_UP, BYTES_EMPTY);
    receive(BYTES("+PONG\r\n"));
    buffer_clear(&said);
    receive(BYTES("+OK\r\n+OK\r\n+OK\r\n"));
    expect_said(BYTES("*3\r\n$5\r\nPSYNC\r\n$40\r\n" ID_A "\r\n$3\r\n128\r\n"));
    receive(BYTES("+CONTINUE " ID_B "\r\n" SET_X));
    expect_story("apply ");
    apply_all();
    expect_story("0:SET ");
    const struct lineage *lineage = backlog_lineage(backlog);
    ck_assert(memcmp(lineage->id, ID_B, 40) == 0);
    ck_assert(memcmp(lineage->former_id, ID_A, 40) == 0);
    ck_assert_int_eq(lineage->former_end, 128);
    ck_assert_int_eq(lineage->offset, 154);
}
END_TEST

START_TEST(a_refusal_is_asked_again_soon_at_first_and_once_a_second_later)
{
    follow("h", 1, true);
    for (int i = 0; i < 5; i++) {
        shake_hands();
        receive(BYTES("-NOMASTERLINK Can't SYNC while not connected with my master\r\n"));
        time_ms wait_ms = replica_deadline(replica) - now_ms;
        ck_assert_int_gt(wait_ms, 0);
        ck_assert_int_le(wait_ms, 100);
        now_ms += wait_ms;
        step(REPLICA_TIMEOUT, BYTES_EMPTY);
        ck_assert_int_eq(state(), REPLICA_CONNECTING);
    }
    now_ms += 20000;
    step(REPLICA_LINK_REFUSED, BYTES_EMPTY);
    ck_assert_int_eq(replica_deadline(replica) - now_ms, 1000);
}
END_TEST

START_TEST(a_broken_transfer_leaves_data_and_history_alone)
{
    sync_at(100);
    now_ms += 5000;
    step(REPLICA_LINK_DOWN, BYTES_EMPTY);
    shake_hands();
    receive(BYTES("+FULLRESYNC " ID_B " 7\r\n$500\r\nhalf of it"));
    buffer_clear(&story);
    step(REPLICA_LINK_DOWN, BYTES_EMPTY);
    expect_story("abort ");
    ck_assert(memcmp(backlog_lineage(backlog)->id, ID_A, 40) == 0);
    ck_assert_int_eq(offset(), 100);
}
END_TEST

START_TEST(a_snapshot_that_cannot_be_loaded_is_asked_for_again_after_a_second)
{
    follow("h", 1, false);
    shake_hands();
    receive(BYTES("+FULLRESYNC " ID_B " 7\r\n$5\r\nBROKE" SET_X));
    struct replica_event event = { .type = REPLICA_LOAD_FAILED,
                                   .now_ms = now_ms,
                                   .text = "bad magic" };
    replica_step(replica, &event, &effects);
    perform();
    expect_story("connect h:1 begin end close ");
    ck_assert_int_eq(replica_deadline(replica), now_ms + 1000);
    ck_assert_int_eq(offset(), 0);
}
END_TEST

START_TEST(the_stream_right_behind_a_snapshot_waits_until_that_is_loaded)
{
    follow("h", 1, false);
    shake_hands();
    receive(BYTES("+FULLRESYNC " ID_A " 7\r\n$5\r\nREDIS" SET_X));
    expect_story("connect h:1 begin end ");
    loaded_with(3);
    expect_story("apply ");
    apply_all();
    expect_story("3:SET ");
    ck_assert_int_eq(offset(), 34);
}
END_TEST

START_TEST(newlines_tell_the_primary_that_loading_goes_on)
{
    follow("h", 1, false);
    shake_hands();
    receive(BYTES("+FULLRESYNC " ID_A " 7\r\n$500\r\nREDIS"));
    now_ms += 1000;
    step(REPLICA_TIMEOUT, BYTES_EMPTY);
    expect_said(BYTES("\n"));
}
END_TEST

START_TEST(silence_ends_the_link)
{
    sync_at(0);
    for (int i = 0; i < 70 && state() == REPLICA_CONNECTED; i++) {
        now_ms += 1000;
        step(REPLICA_TIMEOUT, BYTES_EMPTY);
    }
    expect_story("close ");
    ck_assert_int_eq(state(), REPLICA_WAITING);
}
END_TEST

START_TEST(draining_applies_what_came_and_does_not_connect_again)
{
    sync_at(0);
    receive(BYTES(SET_X SET_X "*1\r\n$4\r\nhal"));
    replica_drain(replica, now_ms, &effects);
    perform();
    now_ms += 1500;
    step(REPLICA_LINK_DOWN, BYTES_EMPTY);
    expect_story("apply "); /* not drained: commands wait */
    apply_all();
    expect_story("0:SET apply 0:SET drained ");
    ck_assert_int_eq(offset(), 54);
    ck_assert_int_gt(replica_deadline(replica), now_ms);
    follow("127.0.0.1", 7000, true); /* it lives after all */
    expect_story("connect 127.0.0.1:7000 ");
}
END_TEST

START_TEST(draining_ends_by_itself_when_nobody_gives_an_order)
{
    sync_at(0);
    replica_drain(replica, now_ms, &effects);
    perform();
    now_ms += 100;
    step(REPLICA_LINK_DOWN, BYTES_EMPTY);
    expect_story("drained ");
    now_ms += 1899;
    step(REPLICA_TIMEOUT, BYTES_EMPTY);
    expect_story("");
    now_ms += 1;
    ck_assert_int_eq(replica_deadline(replica), now_ms);
    step(REPLICA_TIMEOUT, BYTES_EMPTY);
    expect_story("connect 127.0.0.1:7000 ");
}
END_TEST

START_TEST(draining_without_a_stream_is_over_at_once)
{
    follow("h", 1, true);
    buffer_clear(&story);
    replica_drain(replica, now_ms, &effects);
    perform();
    expect_story("close drained ");
}
END_TEST

START_TEST(another_primary_is_asked_to_go_on_at_the_same_place)
{
    sync_at(100);
    receive(BYTES(SET_X SET_X));
    buffer_clear(&story);
    follow("10.0.0.9", 7009, true);
    expect_story("close "); /* first what was received is applied */
    apply_all();
    expect_story("0:SET apply 0:SET connect 10.0.0.9:7009 ");
    step(REPLICA_LINK_UP, BYTES_EMPTY);
    receive(BYTES("+PONG\r\n"));
    buffer_clear(&said);
    receive(BYTES("+OK\r\n+OK\r\n+OK\r\n"));
    expect_said(BYTES("*3\r\n$5\r\nPSYNC\r\n$40\r\n" ID_A "\r\n$3\r\n155\r\n"));
}
END_TEST

START_TEST(a_promoted_replica_leads_under_a_new_id)
{
    sync_at(100);
    replica_promote(replica, now_ms, &effects);
    perform();
    expect_story("close ");
    const struct lineage *lineage = backlog_lineage(backlog);
    ck_assert(memcmp(lineage->former_id, ID_A, 40) == 0);
    ck_assert(memcmp(lineage->id, ID_A, 40) != 0);
    ck_assert_int_eq(lineage->former_end, 101);
    ck_assert_int_eq(state(), REPLICA_IDLE);
    ck_assert_int_eq(replica_deadline(replica), TIME_NEVER);
}
END_TEST

START_TEST(events_of_a_link_that_was_given_up_mean_nothing)
{
    follow("h", 1, true);
    uint64_t old = link_number;
    follow("h", 2, true);
    buffer_clear(&story);
    struct replica_event event = {
        .type = REPLICA_LINK_UP, .now_ms = now_ms, .link = old, .output = &output
    };
    replica_step(replica, &event, &effects);
    event.type = REPLICA_LINK_DOWN;
    replica_step(replica, &event, &effects);
    perform();
    expect_story("");
    ck_assert_int_eq(state(), REPLICA_CONNECTING);
}
END_TEST

START_TEST(a_stream_that_is_no_protocol_is_not_asked_again_in_a_loop)
{
    sync_at(100);
    now_ms += 5000;
    receive(BYTES(SET_X "*1\r\n:7\r\n"));
    apply_all();
    expect_story("apply 0:SET close ");
    ck_assert_int_eq(replica_deadline(replica), now_ms + 1000);
    ck_assert_int_eq(offset(), 127);
}
END_TEST

START_TEST(a_stream_that_breaks_goes_on_at_once_unless_it_keeps_breaking)
{
    sync_at(100);
    for (int i = 0; i < 6; i++) {
        buffer_clear(&story);
        step(REPLICA_LINK_DOWN, BYTES_EMPTY);
        bool is_quick = i < 4;
        ck_assert_int_eq(state(), is_quick ? REPLICA_CONNECTING : REPLICA_WAITING);
        if (!is_quick) {
            now_ms = replica_deadline(replica);
            step(REPLICA_TIMEOUT, BYTES_EMPTY);
        }
        expect_story("connect 127.0.0.1:7000 ");
        shake_hands();
        receive(BYTES("+CONTINUE\r\n"));
        ck_assert_int_eq(state(), REPLICA_CONNECTED);
    }
    now_ms += 1000;
    step(REPLICA_LINK_DOWN, BYTES_EMPTY);
    ck_assert_int_eq(state(), REPLICA_CONNECTING);
}
END_TEST

START_TEST(answers_that_make_no_sense_end_the_attempt)
{
    static const char *const answers[] = { "+FULLRESYNC\r\n",
                                           "+FULLRESYNC " ID_A "\r\n",
                                           "+FULLRESYNC " ID_A " x\r\n",
                                           "+FULLRESYNC " ID_A " -5\r\n",
                                           "+CONTINUE short\r\n",
                                           "garbage\r\n",
                                           ":1\r\n",
                                           "+DUALCHANNELSYNC\r\n",
                                           "+FULLRESYNC " ID_A " 5\r\n$x\r\n",
                                           "+FULLRESYNC " ID_A " 5\r\n-ERR no\r\n" };
    follow("h", 1, true);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        shake_hands();
        receive(bytes_text(answers[i]));
        ck_assert_int_eq(state(), REPLICA_WAITING);
        now_ms += 1000;
        step(REPLICA_TIMEOUT, BYTES_EMPTY);
    }
    char line[3000];
    memset(line, 'x', sizeof(line));
    step(REPLICA_LINK_UP, BYTES_EMPTY);
    receive(bytes_of(line, sizeof(line)));
    ck_assert_int_eq(state(), REPLICA_WAITING);
}
END_TEST

#define ASKED_TO_LEAD "*4\r\n$5\r\nPSYNC\r\n$40\r\n" ID_A "\r\n$2\r\n51\r\n$8\r\nFAILOVER\r\n"
#define ASKED_TO_FEED "*3\r\n$5\r\nPSYNC\r\n$40\r\n" ID_A "\r\n$2\r\n51\r\n"

/* A primary at offset 50 asks one that follows it to lead; up to the answer of PSYNC. */
static void ask_to_lead(void)
{
    backlog_restart(backlog, ID_A, 50, 0);
    backlog_start(backlog);
    replica_hand_over(replica, "127.0.0.1", 7001, now_ms, &effects);
    perform();
    expect_story("connect 127.0.0.1:7001 ");
}

static void shake_hands_up_to(struct bytes psync)
{
    step(REPLICA_LINK_UP, BYTES_EMPTY);
    receive(BYTES("+PONG\r\n"));
    buffer_clear(&said);
    receive(BYTES("+OK\r\n+OK\r\n+OK\r\n"));
    expect_said(psync);
}

START_TEST(one_that_is_asked_to_lead_is_followed_under_its_new_id)
{
    ask_to_lead();
    shake_hands_up_to(BYTES(ASKED_TO_LEAD));
    receive(BYTES("+CONTINUE " ID_B "\r\n"));
    ck_assert_int_eq(state(), REPLICA_CONNECTED);
    ck_assert(memcmp(backlog_lineage(backlog)->id, ID_B, 40) == 0);
    ck_assert_int_eq(offset(), 50);
    /* A later link is one like any other. */
    step(REPLICA_LINK_DOWN, BYTES_EMPTY);
    now_ms += 2000;
    step(REPLICA_TIMEOUT, BYTES_EMPTY);
    buffer_clear(&story);
    step(REPLICA_LINK_UP, BYTES_EMPTY);
    receive(BYTES("+PONG\r\n"));
    buffer_clear(&said);
    receive(BYTES("+OK\r\n+OK\r\n+OK\r\n"));
    expect_said(BYTES("*3\r\n$5\r\nPSYNC\r\n$40\r\n" ID_B "\r\n$2\r\n51\r\n"));
}
END_TEST

START_TEST(a_hand_over_is_taken_back_while_nobody_was_asked)
{
    ask_to_lead();
    step(REPLICA_LINK_REFUSED, BYTES_EMPTY);
    expect_story("refused: no connection ");
    replica_stop(replica, now_ms, &effects);
    perform();
    ck_assert_int_eq(state(), REPLICA_IDLE);
    ck_assert(memcmp(backlog_lineage(backlog)->id, ID_A, 40) == 0);
    ck_assert_int_eq(offset(), 50);
}
END_TEST

START_TEST(a_hand_over_is_taken_back_when_it_is_refused)
{
    ask_to_lead();
    shake_hands_up_to(BYTES(ASKED_TO_LEAD));
    receive(BYTES("-ERR PSYNC FAILOVER replid must match my replid.\r\n"));
    expect_story("refused: PSYNC FAILOVER answered: -ERR PSYNC FAILOVER replid must match my "
                 "replid. close ");
}
END_TEST

START_TEST(one_that_may_lead_already_is_asked_again_and_believed)
{
    ask_to_lead();
    shake_hands_up_to(BYTES(ASKED_TO_LEAD));
    step(REPLICA_LINK_DOWN, BYTES_EMPTY);
    now_ms += 2000;
    step(REPLICA_TIMEOUT, BYTES_EMPTY);
    expect_story("connect 127.0.0.1:7001 ");
    shake_hands_up_to(BYTES(ASKED_TO_LEAD));
    receive(BYTES("-ERR PSYNC FAILOVER can't be sent to a master.\r\n"));
    expect_story("close ");
    now_ms += 2000;
    step(REPLICA_TIMEOUT, BYTES_EMPTY);
    expect_story("connect 127.0.0.1:7001 ");
    shake_hands_up_to(BYTES(ASKED_TO_FEED));
    receive(BYTES("+CONTINUE " ID_B "\r\n"));
    ck_assert_int_eq(state(), REPLICA_CONNECTED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repl/replica");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_full_sync_goes_as_in_a_transcript_of_valkey);
    tcase_add_test(tcase, everything_that_is_configured_is_said_in_order);
    tcase_add_test(tcase, a_refused_password_ends_the_attempt);
    tcase_add_test(tcase, a_partial_sync_goes_on_behind_the_offset_and_takes_the_new_id);
    tcase_add_test(tcase, a_refusal_is_asked_again_soon_at_first_and_once_a_second_later);
    tcase_add_test(tcase, a_broken_transfer_leaves_data_and_history_alone);
    tcase_add_test(tcase, a_snapshot_that_cannot_be_loaded_is_asked_for_again_after_a_second);
    tcase_add_test(tcase, the_stream_right_behind_a_snapshot_waits_until_that_is_loaded);
    tcase_add_test(tcase, newlines_tell_the_primary_that_loading_goes_on);
    tcase_add_test(tcase, silence_ends_the_link);
    tcase_add_test(tcase, draining_applies_what_came_and_does_not_connect_again);
    tcase_add_test(tcase, draining_ends_by_itself_when_nobody_gives_an_order);
    tcase_add_test(tcase, draining_without_a_stream_is_over_at_once);
    tcase_add_test(tcase, another_primary_is_asked_to_go_on_at_the_same_place);
    tcase_add_test(tcase, a_promoted_replica_leads_under_a_new_id);
    tcase_add_test(tcase, events_of_a_link_that_was_given_up_mean_nothing);
    tcase_add_test(tcase, a_stream_that_is_no_protocol_is_not_asked_again_in_a_loop);
    tcase_add_test(tcase, a_stream_that_breaks_goes_on_at_once_unless_it_keeps_breaking);
    tcase_add_test(tcase, answers_that_make_no_sense_end_the_attempt);
    tcase_add_test(tcase, one_that_is_asked_to_lead_is_followed_under_its_new_id);
    tcase_add_test(tcase, a_hand_over_is_taken_back_while_nobody_was_asked);
    tcase_add_test(tcase, a_hand_over_is_taken_back_when_it_is_refused);
    tcase_add_test(tcase, one_that_may_lead_already_is_asked_again_and_believed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
