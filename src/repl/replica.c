/* The following half: one state machine from an address to an applied stream.
 *
 * Its shape: orders and events change `state` through replica_move; whatever ends a link goes
 * through lose_link; received bytes are walked by replica_received, which takes lines while
 * shaking hands, snapshot bytes while transferring and commands once connected. */
#include "repl/replica.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/prng.h"
#include "repl/internal.h"
#include "repl/stream.h"
#include "repl/transfer.h"
#include "resp/reply.h"

#include <inttypes.h>
#include <stdio.h>

#define LINE_SIZE_MAX   1024 /* of handshake answers; a FULLRESYNC line has some 80 bytes */
#define REPLICA_VERSION "9.1.2"

/* A failover settles within seconds: until then a primary that is not yet one is asked again
 * soon, but not by all its new replicas in the same millisecond. */
#define SETTLING_MS         15000
#define RETRY_QUICK_LOW_MS  40
#define RETRY_QUICK_HIGH_MS 90
#define RETRY_MS            1000
/* A stream that breaks is asked to go on at once. One that breaks as soon as it begins would turn
 * that into a busy loop: it may so often, until one has flowed for long enough. */
#define QUICK_TRIES 4
#define FLOWED_MS   1000

/* Answers are awaited in the order of the requests. */
enum handshake_step {
    STEP_PING,
    STEP_AUTH,
    STEP_PORT,
    STEP_IP,
    STEP_CAPABILITIES,
    STEP_VERSION,
    STEP_NODE_ID,
    STEP_COUNT,
};

/* A replica that is asked to lead in our place (FAILOVER). */
enum hand_over {
    HAND_OVER_NONE,
    HAND_OVER_PLANNED, /* it has not heard of it: everything can be taken back */
    HAND_OVER_ASKED,   /* on the link at hand */
    HAND_OVER_UNKNOWN, /* a link broke behind the question: it may lead, or not */
};

/* An election that is called off may leave nobody to say whom to follow: then, well after any
 * election has looked at what was drained, the former primary is tried again. */
#define DRAIN_MS 2000

struct replica {
    struct replica_options options;
    struct backlog *backlog; /* borrowed */
    struct prng prng;
    enum replica_state state;
    char *host; /* owned; NULL when idle */
    uint16_t port;
    bool asks_in_full; /* no history worth continuing */
    bool is_draining;
    bool is_drained;
    bool has_synced;
    enum hand_over hand_over;
    unsigned quick_tries;
    bool was_connected; /* by the link at hand */

    uint64_t link; /* 0: none */
    uint64_t links_so_far;
    struct output *output; /* borrowed while the link is up */
    struct buffer line;    /* an answer that is not yet whole */
    unsigned awaited;      /* handshake: bits 1 << enum handshake_step */

    char sync_id[REPL_ID_SIZE]; /* of the full sync under way */
    int64_t sync_offset;
    struct transfer transfer;
    bool is_loading; /* REPL_LOAD_BEGIN was said, and neither END's answer nor ABORT came */

    struct stream stream;

    int64_t durable_offset;
    time_ms due_ms; /* WAITING: next try; afterwards: give the link up */
    time_ms drain_until_ms;
    time_ms beat_ms; /* next ACK, or newline while loading */
    time_ms settling_until_ms;
    time_ms last_io_ms;
    time_ms link_down_ms;
    time_ms connected_ms;
    time_ms transfer_last_ms;
};

static const unsigned replica_may_become[] = {
    [REPLICA_IDLE] = 1u << REPLICA_WAITING,
    [REPLICA_WAITING] = 1u << REPLICA_CONNECTING | 1u << REPLICA_WAITING | 1u << REPLICA_IDLE,
    [REPLICA_CONNECTING] = 1u << REPLICA_HANDSHAKE | 1u << REPLICA_WAITING | 1u << REPLICA_IDLE,
    [REPLICA_HANDSHAKE] = 1u << REPLICA_SYNC | 1u << REPLICA_WAITING | 1u << REPLICA_IDLE,
    [REPLICA_SYNC] = 1u << REPLICA_TRANSFER | 1u << REPLICA_CONNECTED | 1u << REPLICA_WAITING |
                     1u << REPLICA_IDLE,
    [REPLICA_TRANSFER] = 1u << REPLICA_CONNECTED | 1u << REPLICA_WAITING | 1u << REPLICA_IDLE,
    [REPLICA_CONNECTED] = 1u << REPLICA_WAITING | 1u << REPLICA_IDLE,
};

static void replica_move(struct replica *replica, enum replica_state next)
{
    ensure(replica_may_become[replica->state] & 1u << next);
    replica->state = next;
}

const char *replica_state_text(enum replica_state state)
{
    static const char *const texts[] = {
        [REPLICA_IDLE] = "none",
        [REPLICA_WAITING] = "connect",
        [REPLICA_CONNECTING] = "connecting",
        [REPLICA_HANDSHAKE] = "handshake",
        [REPLICA_SYNC] = "handshake",
        [REPLICA_TRANSFER] = "sync",
        [REPLICA_CONNECTED] = "connected",
    };
    ensure(state < COUNT_OF(texts));
    return texts[state];
}

struct replica *replica_create(const struct replica_options *options, struct backlog *backlog,
                               uint64_t seed)
{
    struct replica *replica = memory_alloc_zero(sizeof(*replica));
    replica->options = *options;
    replica->backlog = backlog;
    replica->durable_offset = -1;
    prng_init(&replica->prng, seed);
    stream_init(&replica->stream, backlog);
    return replica;
}

void replica_destroy(struct replica *replica)
{
    if (replica == NULL) return;
    stream_fini(&replica->stream);
    buffer_fini(&replica->line);
    memory_free(replica->host);
    memory_free(replica);
}

void replica_configure(struct replica *replica, const struct replica_options *options)
{
    replica->options = *options;
}

void replica_set_durable(struct replica *replica, int64_t offset)
{
    replica->durable_offset = offset;
}

/* ---- the end of a link ---- */

/* Nothing of this link is left but commands that were received whole. */
static void forget_link(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    if (replica->is_loading) repl_effect_add(effects, REPL_LOAD_ABORT);
    if (replica->was_connected) replica->link_down_ms = now_ms;
    replica->is_loading = false;
    replica->was_connected = false;
    replica->link = 0;
    replica->output = NULL;
    replica->awaited = 0;
    buffer_clear(&replica->line);
}

static void close_link(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    if (replica->link == 0) return;
    repl_effect_link(effects, REPL_CLOSE, replica->link);
    forget_link(replica, now_ms, effects);
}

static time_ms retry_delay(struct replica *replica, time_ms now_ms)
{
    if (now_ms >= replica->settling_until_ms) return RETRY_MS;
    return prng_between(&replica->prng, RETRY_QUICK_LOW_MS, RETRY_QUICK_HIGH_MS);
}

static void consider_drained(struct replica *replica, struct repl_effects *effects)
{
    if (!replica->is_draining || replica->is_drained) return;
    if (replica->link != 0 || replica->stream.has_item) return;
    replica->is_drained = true;
    repl_effect_add(effects, REPL_DRAINED);
    repl_effect_add(effects, REPL_CHANGED);
}

static void refuse_hand_over(struct replica *replica, const char *why, struct repl_effects *effects)
{
    replica->hand_over = HAND_OVER_NONE;
    repl_effect_add(effects, REPL_HAND_OVER_REFUSED)->text = memory_copy_text(why);
}

/* The link is lost or given up: try again, unless the stream is only being drained. */
static void lose_link(struct replica *replica, const char *why, time_ms now_ms,
                      struct repl_effects *effects)
{
    bool was_connected = replica->state == REPLICA_CONNECTED;
    bool has_flowed = was_connected && now_ms - replica->connected_ms >= FLOWED_MS;
    if (has_flowed) replica->quick_tries = QUICK_TRIES;
    bool is_quick = was_connected && replica->quick_tries > 0;
    if (is_quick) replica->quick_tries--;
    repl_trace(effects, LOG_LEVEL_NOTICE, "link to primary %s:%u lost while %s: %s", replica->host,
               replica->port, replica_state_text(replica->state), why);
    close_link(replica, now_ms, effects);
    replica_move(replica, REPLICA_WAITING);
    if (was_connected) replica->settling_until_ms = now_ms + SETTLING_MS;
    replica->due_ms = is_quick ? now_ms : now_ms + retry_delay(replica, now_ms);
    if (replica->hand_over == HAND_OVER_PLANNED) refuse_hand_over(replica, why, effects);
    if (replica->hand_over == HAND_OVER_ASKED) replica->hand_over = HAND_OVER_UNKNOWN;
    repl_effect_add(effects, REPL_CHANGED);
    consider_drained(replica, effects);
}

/* What came over it is wrong, and will hardly be right a moment later. */
static void reject_link(struct replica *replica, const char *why, time_ms now_ms,
                        struct repl_effects *effects)
{
    lose_link(replica, why, now_ms, effects);
    replica->due_ms = now_ms + RETRY_MS;
}

/* ---- a new link ---- */

static void connect(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    ensure(replica->link == 0);
    ensure(!replica->stream.has_item);
    stream_drop(&replica->stream);
    replica_move(replica, REPLICA_CONNECTING);
    replica->link = REPLICA_LINK | ++replica->links_so_far;
    replica->due_ms = now_ms + replica->options.timeout_ms;
    struct repl_effect *effect = repl_effect_add(effects, REPL_CONNECT);
    effect->link = replica->link;
    effect->host = replica->host;
    effect->port = replica->port;
}

static void connect_when_due(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    if (replica->state != REPLICA_WAITING || replica->is_draining) return;
    if (replica->stream.has_item || now_ms < replica->due_ms) return;
    connect(replica, now_ms, effects);
}

static void say(struct replica *replica, size_t argc, const struct bytes *argv,
                struct repl_effects *effects)
{
    ensure(replica->output != NULL);
    resp_output_command(replica->output, argc, argv);
    repl_effect_link(effects, REPL_SEND, replica->link);
}

static void say_replconf(struct replica *replica, enum handshake_step step, const char *name,
                         const char *value, struct repl_effects *effects)
{
    struct bytes words[] = { BYTES("REPLCONF"), bytes_text(name), bytes_text(value) };
    say(replica, COUNT_OF(words), words, effects);
    replica->awaited |= 1u << step;
}

static void say_auth(struct replica *replica, struct repl_effects *effects)
{
    const struct replica_options *options = &replica->options;
    if (options->password[0] == '\0') return;
    struct bytes words[] = { BYTES("AUTH"), bytes_text(options->user),
                             bytes_text(options->password) };
    bool has_user = options->user[0] != '\0';
    if (!has_user) words[1] = words[2];
    say(replica, has_user ? 3 : 2, words, effects);
    replica->awaited |= 1u << STEP_AUTH;
}

/* PING was answered: all the rest goes out at once. */
static void say_who_we_are(struct replica *replica, struct repl_effects *effects)
{
    const struct replica_options *options = &replica->options;
    char port[NUMBER_TEXT_MAX];
    port[number_print(options->announced_port, port)] = '\0';
    struct bytes words[] = { BYTES("REPLCONF"),
                             BYTES("capa"),
                             BYTES("eof"),
                             BYTES("capa"),
                             BYTES("psync2"),
                             BYTES("capa"),
                             BYTES("skip-rdb-checksum") };

    say_auth(replica, effects);
    say_replconf(replica, STEP_PORT, "listening-port", port, effects);
    if (options->announced_ip[0] != '\0')
        say_replconf(replica, STEP_IP, "ip-address", options->announced_ip, effects);
    say(replica, options->is_link_safe ? 7 : 5, words, effects);
    replica->awaited |= 1u << STEP_CAPABILITIES;
    say_replconf(replica, STEP_VERSION, "version", REPLICA_VERSION, effects);
    if (options->node_id[0] != '\0')
        say_replconf(replica, STEP_NODE_ID, "SET-CLUSTER-NODE-ID", options->node_id, effects);
}

static void say_psync(struct replica *replica, struct repl_effects *effects)
{
    const struct lineage *lineage = backlog_lineage(replica->backlog);
    char offset[NUMBER_TEXT_MAX];
    struct bytes words[] = { BYTES("PSYNC"), BYTES("?"), BYTES("-1"), BYTES("FAILOVER") };
    if (!replica->asks_in_full) {
        words[1] = bytes_of(lineage->id, REPL_ID_SIZE);
        words[2] = bytes_of(offset, number_print(lineage->offset + 1, offset));
    }
    replica_move(replica, REPLICA_SYNC);
    say(replica, replica->hand_over == HAND_OVER_NONE ? 3 : 4, words, effects);
    if (replica->hand_over == HAND_OVER_PLANNED) replica->hand_over = HAND_OVER_ASKED;
}

static void say_ack(struct replica *replica, struct repl_effects *effects)
{
    char offset[NUMBER_TEXT_MAX];
    char durable[NUMBER_TEXT_MAX];
    struct bytes words[] = { BYTES("REPLCONF"), BYTES("ACK"), BYTES(""), BYTES("FACK"), BYTES("") };
    bool has_log = replica->durable_offset >= 0;
    words[2] = bytes_of(offset, number_print(backlog_lineage(replica->backlog)->offset, offset));
    if (has_log) words[4] = bytes_of(durable, number_print(replica->durable_offset, durable));
    say(replica, has_log ? 5 : 3, words, effects);
}

/* ---- the stream ---- */

/* Deals with what is ours and stops before the next command for the engine. */
static void settle(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    for (;;) {
        switch (stream_next(&replica->stream)) {
        case STREAM_COMMAND: repl_effect_add(effects, REPL_APPLY); return;
        case STREAM_NONE:
            consider_drained(replica, effects);
            connect_when_due(replica, now_ms, effects);
            return;
        case STREAM_GETACK:
            /* The answer says what is applied before this very command. */
            if (replica->output != NULL) say_ack(replica, effects);
            stream_done(&replica->stream);
            break;
        case STREAM_BROKEN:
            stream_drop(&replica->stream);
            if (replica->link == 0) return;
            reject_link(replica, "the stream is no protocol", now_ms, effects);
            return;
        }
    }
}

bool replica_next(struct replica *replica, struct replica_command *command)
{
    if (stream_next(&replica->stream) != STREAM_COMMAND) return false;
    const struct request *request = &replica->stream.request;
    *command = (struct replica_command){ .argv = request->argv,
                                         .argc = request->argc,
                                         .db = replica->stream.db,
                                         .is_continued = replica->stream.is_in_transaction };
    return true;
}

void replica_applied(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    ensure(replica->stream.has_item);
    stream_done(&replica->stream);
    settle(replica, now_ms, effects);
}

static void go_online(struct replica *replica, int db, time_ms now_ms, struct repl_effects *effects)
{
    backlog_start(replica->backlog);
    stream_begin(&replica->stream, db);
    replica_move(replica, REPLICA_CONNECTED);
    replica->was_connected = true;
    replica->has_synced = true;
    replica->asks_in_full = false;
    replica->link_down_ms = 0;
    replica->connected_ms = now_ms;
    replica->due_ms = now_ms + replica->options.timeout_ms;
    replica->beat_ms = now_ms + replica->options.ack_period_ms;
    say_ack(replica, effects);
    repl_effect_add(effects, REPL_CHANGED);
}

/* ---- answers ---- */

static void full_sync_begins(struct replica *replica, struct bytes rest, time_ms now_ms,
                             struct repl_effects *effects)
{
    int64_t offset;
    if (rest.size < REPL_ID_SIZE + 2 || rest.data[REPL_ID_SIZE] != ' ' ||
        !number_parse(bytes_from(rest, REPL_ID_SIZE + 1), &offset) || offset < 0) {
        reject_link(replica, "FULLRESYNC without id and offset", now_ms, effects);
        return;
    }
    memcpy(replica->sync_id, rest.data, REPL_ID_SIZE);
    replica->sync_offset = offset;
    replica->transfer = (struct transfer){ .frame = TRANSFER_UNKNOWN };
    replica->transfer_last_ms = now_ms;
    replica->beat_ms = now_ms + replica->options.ack_period_ms;
    replica_move(replica, REPLICA_TRANSFER);
    repl_trace(effects, LOG_LEVEL_NOTICE, "full sync with primary %s:%u: %.*s:%" PRId64,
               replica->host, replica->port, REPL_ID_SIZE, replica->sync_id, offset);
    repl_effect_add(effects, REPL_CHANGED);
}

static void partial_sync_begins(struct replica *replica, struct bytes rest, time_ms now_ms,
                                struct repl_effects *effects)
{
    if (replica->asks_in_full || (rest.size != 0 && rest.size != REPL_ID_SIZE)) {
        reject_link(replica, "CONTINUE where it cannot be", now_ms, effects);
        return;
    }
    const struct lineage *lineage = backlog_lineage(replica->backlog);
    if (rest.size == REPL_ID_SIZE) backlog_adopt_id(replica->backlog, rest.data);
    repl_trace(effects, LOG_LEVEL_NOTICE,
               "partial sync with primary %s:%u: %.*s from offset %" PRId64, replica->host,
               replica->port, REPL_ID_SIZE, lineage->id, lineage->offset + 1);
    go_online(replica, lineage->db, now_ms, effects);
}

/* Who was asked before and leads by now did what it was asked for: it is followed like any other.
 */
static void hand_over_refused(struct replica *replica, struct bytes line, time_ms now_ms,
                              struct repl_effects *effects)
{
    char why[128];
    (void)snprintf(why, sizeof(why), "PSYNC FAILOVER answered: %.*s",
                   (int)MIN(line.size, (size_t)80), line.data);
    bool leads = bytes_starts_with(line, BYTES("-ERR PSYNC FAILOVER can't be sent to a master"));
    if (replica->hand_over == HAND_OVER_UNKNOWN && leads)
        replica->hand_over = HAND_OVER_NONE;
    else
        refuse_hand_over(replica, why, effects);
    lose_link(replica, why, now_ms, effects);
}

static void answered_psync(struct replica *replica, struct bytes line, time_ms now_ms,
                           struct repl_effects *effects)
{
    static const struct bytes full = { "+FULLRESYNC ", 12 };
    static const struct bytes partial = { "+CONTINUE", 9 };
    char why[128];
    bool follows = bytes_starts_with(line, full) || bytes_starts_with(line, partial);
    if (replica->hand_over != HAND_OVER_NONE && !follows) {
        hand_over_refused(replica, line, now_ms, effects);
        return;
    }
    replica->hand_over = HAND_OVER_NONE;
    if (bytes_starts_with(line, full)) {
        full_sync_begins(replica, bytes_from(line, full.size), now_ms, effects);
    } else if (bytes_starts_with(line, partial)) {
        partial_sync_begins(replica, bytes_trim(bytes_from(line, partial.size)), now_ms, effects);
    } else {
        /* NOMASTERLINK, LOADING and the like: it will be able to, later. */
        (void)snprintf(why, sizeof(why), "PSYNC answered: %.*s", (int)MIN(line.size, (size_t)80),
                       line.data);
        lose_link(replica, why, now_ms, effects);
    }
}

static bool is_alive_answer(struct bytes line)
{
    return line.data[0] == '+' || bytes_starts_with(line, BYTES("-NOAUTH")) ||
           bytes_starts_with(line, BYTES("-NOPERM")) ||
           bytes_starts_with(line, BYTES("-ERR operation not permitted"));
}

static void answered_handshake(struct replica *replica, struct bytes line, time_ms now_ms,
                               struct repl_effects *effects)
{
    ensure(replica->awaited != 0);
    enum handshake_step step = (enum handshake_step)__builtin_ctz(replica->awaited);
    ensure(step < STEP_COUNT);
    replica->awaited &= ~(1u << step);
    bool is_error = line.data[0] == '-';
    int shown = (int)MIN(line.size, (size_t)80);

    if (line.data[0] != '+' && !is_error) {
        reject_link(replica, "the answer is no status", now_ms, effects);
        return;
    }
    if (step == STEP_PING && !is_alive_answer(line)) {
        char why[128];
        (void)snprintf(why, sizeof(why), "PING answered: %.*s", shown, line.data);
        lose_link(replica, why, now_ms, effects);
        return;
    }
    if (step == STEP_AUTH && is_error) {
        reject_link(replica, "AUTH was refused", now_ms, effects);
        return;
    }
    if (is_error && step != STEP_PING)
        repl_trace(effects, LOG_LEVEL_NOTICE, "primary does not understand a REPLCONF: %.*s", shown,
                   line.data);
    if (step == STEP_PING) say_who_we_are(replica, effects);
    if (replica->awaited == 0) say_psync(replica, effects);
}

static void transfer_header(struct replica *replica, struct bytes line, time_ms now_ms,
                            struct repl_effects *effects)
{
    if (!transfer_begin(&replica->transfer, line)) {
        char why[128];
        (void)snprintf(why, sizeof(why), "no snapshot follows: %.*s",
                       (int)MIN(line.size, (size_t)80), line.data);
        reject_link(replica, why, now_ms, effects);
        return;
    }
    replica->is_loading = true;
    repl_effect_add(effects, REPL_LOAD_BEGIN);
}

/* ---- received bytes ---- */

/* Takes one line into replica->line; false: it is not whole yet. */
static bool take_line(struct replica *replica, struct bytes *bytes, time_ms now_ms,
                      struct repl_effects *effects)
{
    ptrdiff_t end = bytes_index_of(*bytes, '\n');
    size_t size = end < 0 ? bytes->size : (size_t)end;
    if (replica->line.size + size > LINE_SIZE_MAX) {
        reject_link(replica, "an answer is too long", now_ms, effects);
        return false;
    }
    buffer_append(&replica->line, bytes_of(bytes->data, size));
    *bytes = bytes_from(*bytes, end < 0 ? size : size + 1);
    return end >= 0;
}

static void received_line(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    char copy[LINE_SIZE_MAX];
    struct bytes line = bytes_trim(buffer_bytes(&replica->line));
    ensure(line.size <= sizeof(copy));
    if (line.size > 0) memcpy(copy, line.data, line.size);
    line = bytes_of(copy, line.size);
    buffer_clear(&replica->line); /* the answer may end the link */
    if (line.size == 0) return;   /* "I am still busy" */

    switch (replica->state) {
    case REPLICA_HANDSHAKE: answered_handshake(replica, line, now_ms, effects); break;
    case REPLICA_SYNC: answered_psync(replica, line, now_ms, effects); break;
    case REPLICA_TRANSFER: transfer_header(replica, line, now_ms, effects); break;
    default: ensure_unreachable();
    }
}

static void received_snapshot(struct replica *replica, struct bytes *bytes, time_ms now_ms,
                              struct repl_effects *effects)
{
    size_t taken = transfer_feed(&replica->transfer, *bytes, effects);
    *bytes = bytes_from(*bytes, taken);
    replica->transfer_last_ms = now_ms;
    if (replica->transfer.frame == TRANSFER_DONE) repl_effect_add(effects, REPL_LOAD_END);
}

static void replica_received(struct replica *replica, struct bytes bytes, time_ms now_ms,
                             struct repl_effects *effects)
{
    uint64_t link = replica->link;
    replica->last_io_ms = now_ms;
    replica->due_ms = now_ms + replica->options.timeout_ms;
    while (bytes.size > 0 && replica->link == link) {
        bool is_stream =
            replica->state == REPLICA_CONNECTED ||
            (replica->state == REPLICA_TRANSFER && replica->transfer.frame == TRANSFER_DONE);
        if (is_stream) {
            /* Right behind a snapshot by length; looked at when that is loaded. */
            stream_feed(&replica->stream, bytes);
            if (replica->state == REPLICA_CONNECTED) settle(replica, now_ms, effects);
            return;
        }
        if (replica->state == REPLICA_TRANSFER && replica->is_loading)
            received_snapshot(replica, &bytes, now_ms, effects);
        else if (take_line(replica, &bytes, now_ms, effects))
            received_line(replica, now_ms, effects);
    }
}

/* ---- events ---- */

static void link_up(struct replica *replica, const struct replica_event *event,
                    struct repl_effects *effects)
{
    struct bytes ping = BYTES("PING");
    ensure(event->output != NULL);
    replica->output = event->output;
    replica_move(replica, REPLICA_HANDSHAKE);
    replica->awaited = 1u << STEP_PING;
    replica->due_ms = event->now_ms + replica->options.timeout_ms;
    say(replica, 1, &ping, effects);
    repl_effect_add(effects, REPL_CHANGED);
}

static void link_ended(struct replica *replica, const char *why, time_ms now_ms,
                       struct repl_effects *effects)
{
    /* Closed already: forgotten first, so that lose_link has nothing to close. */
    forget_link(replica, now_ms, effects);
    lose_link(replica, why, now_ms, effects);
    connect_when_due(replica, now_ms, effects);
}

static void loaded(struct replica *replica, const struct replica_event *event,
                   struct repl_effects *effects)
{
    if (!replica->is_loading || replica->transfer.frame != TRANSFER_DONE) return;
    replica->is_loading = false;
    backlog_restart(replica->backlog, replica->sync_id, replica->sync_offset, event->db);
    repl_trace(effects, LOG_LEVEL_NOTICE, "full sync done: %" PRIu64 " bytes loaded",
               replica->transfer.read);
    go_online(replica, event->db, event->now_ms, effects);
    settle(replica, event->now_ms, effects);
}

static void load_failed(struct replica *replica, const struct replica_event *event,
                        struct repl_effects *effects)
{
    if (!replica->is_loading) return;
    replica->is_loading = false; /* the second keyspace is gone already */
    stream_drop(&replica->stream);
    reject_link(replica, event->text == NULL ? "the snapshot cannot be loaded" : event->text,
                event->now_ms, effects);
}

static void drain_timeout(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    if (!replica->is_draining || now_ms < replica->drain_until_ms) return;
    replica->is_draining = replica->is_drained = false;
    if (replica->state == REPLICA_WAITING) replica->due_ms = now_ms;
    repl_effect_add(effects, REPL_CHANGED);
}

static void timeout(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    if (replica->state == REPLICA_IDLE) return;
    drain_timeout(replica, now_ms, effects);
    if (replica->state == REPLICA_WAITING) {
        connect_when_due(replica, now_ms, effects);
        return;
    }
    if (now_ms >= replica->due_ms) {
        lose_link(replica, "nothing came in repl-timeout", now_ms, effects);
        return;
    }
    if (now_ms < replica->beat_ms) return;
    if (replica->state == REPLICA_CONNECTED) {
        say_ack(replica, effects);
    } else if (replica->state == REPLICA_TRANSFER) {
        output_append(replica->output, BYTES("\n"));
        repl_effect_link(effects, REPL_SEND, replica->link);
    }
    replica->beat_ms = now_ms + replica->options.ack_period_ms;
}

void replica_step(struct replica *replica, const struct replica_event *event,
                  struct repl_effects *effects)
{
    bool is_of_link = event->link != 0 && event->link == replica->link;
    switch (event->type) {
    case REPLICA_TIMEOUT: timeout(replica, event->now_ms, effects); break;
    case REPLICA_LINK_UP:
        if (is_of_link) link_up(replica, event, effects);
        break;
    case REPLICA_LINK_REFUSED:
        if (is_of_link) link_ended(replica, "no connection", event->now_ms, effects);
        break;
    case REPLICA_LINK_DOWN:
        if (is_of_link) link_ended(replica, "closed", event->now_ms, effects);
        break;
    case REPLICA_RECEIVED:
        if (is_of_link) replica_received(replica, event->bytes, event->now_ms, effects);
        break;
    case REPLICA_LOADED: loaded(replica, event, effects); break;
    case REPLICA_LOAD_FAILED: load_failed(replica, event, effects); break;
    }
}

time_ms replica_deadline(const struct replica *replica)
{
    time_ms due_ms = replica->is_draining ? replica->drain_until_ms : TIME_NEVER;
    switch (replica->state) {
    case REPLICA_IDLE: return TIME_NEVER;
    case REPLICA_WAITING:
        if (replica->is_draining || replica->stream.has_item) return due_ms;
        return replica->due_ms;
    case REPLICA_TRANSFER:
    case REPLICA_CONNECTED: return MIN(due_ms, MIN(replica->due_ms, replica->beat_ms));
    default: return MIN(due_ms, replica->due_ms);
    }
}

/* ---- orders ---- */

static void stop_following(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    close_link(replica, now_ms, effects);
    if (replica->state != REPLICA_IDLE) replica_move(replica, REPLICA_IDLE);
    memory_free(replica->host);
    replica->host = NULL;
    replica->port = 0;
    replica->is_draining = replica->is_drained = false;
    replica->hand_over = HAND_OVER_NONE;
    replica->link_down_ms = 0;
    repl_effect_add(effects, REPL_CHANGED);
}

void replica_follow(struct replica *replica, const char *host, uint16_t port, bool has_data,
                    time_ms now_ms, struct repl_effects *effects)
{
    bool is_same =
        replica->state != REPLICA_IDLE && replica->port == port && strcmp(replica->host, host) == 0;
    replica->settling_until_ms = now_ms + SETTLING_MS;
    if (is_same) {
        replica->is_draining = replica->is_drained = false;
        if (replica->state == REPLICA_WAITING) replica->due_ms = now_ms;
        connect_when_due(replica, now_ms, effects);
        return;
    }
    time_ms down_ms = replica->state == REPLICA_IDLE        ? now_ms
                      : replica->state == REPLICA_CONNECTED ? now_ms
                                                            : replica->link_down_ms;
    stop_following(replica, now_ms, effects);
    replica->link_down_ms = down_ms;
    replica->host = memory_copy_text(host);
    replica->port = port;
    replica->quick_tries = QUICK_TRIES;
    replica->asks_in_full = !has_data && replica->options.node_id[0] != '\0';
    if (replica->asks_in_full) replica->has_synced = false; /* what it synced once is gone */
    replica_move(replica, REPLICA_WAITING);
    replica->due_ms = now_ms;
    repl_trace(effects, LOG_LEVEL_NOTICE, "following %s:%u", host, port);
    connect_when_due(replica, now_ms, effects);
}

void replica_hand_over(struct replica *replica, const char *host, uint16_t port, time_ms now_ms,
                       struct repl_effects *effects)
{
    ensure(replica->state == REPLICA_IDLE);
    replica_follow(replica, host, port, true, now_ms, effects);
    replica->hand_over = HAND_OVER_PLANNED;
}

void replica_promote(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    stop_following(replica, now_ms, effects);
    stream_drop(&replica->stream);
    backlog_start(replica->backlog);
    backlog_fork_id(replica->backlog);
    const struct lineage *lineage = backlog_lineage(replica->backlog);
    repl_trace(effects, LOG_LEVEL_NOTICE, "leading: %.*s goes on as %.*s from offset %" PRId64,
               REPL_ID_SIZE, lineage->former_id, REPL_ID_SIZE, lineage->id, lineage->former_end);
}

void replica_stop(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    stop_following(replica, now_ms, effects);
    stream_drop(&replica->stream);
}

void replica_drain(struct replica *replica, time_ms now_ms, struct repl_effects *effects)
{
    if (replica->state == REPLICA_IDLE || replica->is_draining) return;
    replica->is_draining = true;
    replica->drain_until_ms = now_ms + DRAIN_MS;
    if (replica->state != REPLICA_CONNECTED && replica->link != 0) {
        /* No stream flows here, so none will be missed. */
        close_link(replica, now_ms, effects);
        replica_move(replica, REPLICA_WAITING);
        replica->due_ms = now_ms;
    }
    consider_drained(replica, effects);
}

/* ---- what others ask ---- */

void replica_look(const struct replica *replica, struct replica_view *view)
{
    *view = (struct replica_view){
        .state = replica->state,
        .host = replica->host == NULL ? "" : replica->host,
        .port = replica->port,
        .is_draining = replica->is_draining,
        .is_drained = replica->is_drained,
        .has_synced = replica->has_synced,
        .last_io_ms = replica->last_io_ms,
        .link_down_ms = replica->link_down_ms,
        .offset_received =
            backlog_lineage(replica->backlog)->offset + (int64_t)stream_pending(&replica->stream),
    };
    if (replica->state != REPLICA_TRANSFER) return;
    view->transfer_size = replica->transfer.size;
    view->transfer_read = replica->transfer.read;
    view->transfer_last_ms = replica->transfer_last_ms;
}
