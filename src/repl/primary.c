/* The feeding half: decides about each PSYNC, hands the stream out, and watches over replicas. */
#include "repl/primary.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"
#include "repl/internal.h"

#include <inttypes.h>
#include <stdio.h>

#define KEEP_ALIVE_PERIOD_MS 1000 /* newlines to replicas that wait for a snapshot */

struct primary *primary_create(const struct primary_options *options, struct backlog *backlog,
                               uint64_t seed, time_ms now_ms)
{
    struct primary *primary = memory_alloc_zero(sizeof(*primary));
    primary->options = *options;
    primary->backlog = backlog;
    primary->generation = backlog_generation(backlog);
    prng_init(&primary->prng, seed);
    list_init(&primary->followers);
    primary->ping_due_ms = now_ms + options->ping_period_ms;
    primary->keep_alive_due_ms = now_ms + KEEP_ALIVE_PERIOD_MS;
    primary->alone_since_ms = backlog_is_started(backlog) ? now_ms : -1;
    return primary;
}

void primary_destroy(struct primary *primary)
{
    if (primary == NULL) return;
    ensure(list_is_empty(&primary->followers));
    memory_free(primary);
}

void primary_configure(struct primary *primary, const struct primary_options *options)
{
    primary->ping_due_ms += options->ping_period_ms - primary->options.ping_period_ms;
    primary->options = *options;
}

void primary_set_facts(struct primary *primary, const struct primary_facts *facts)
{
    /* The ttl of the backlog counts from the promotion, not from the last replica before it. */
    if (primary->facts.is_replica && !facts->is_replica) primary->alone_since_ms = -1;
    primary->facts = *facts;
}

/* What is due after any change of the set of followers. */
static void followers_changed(struct primary *primary, time_ms now_ms)
{
    ensure((primary->follower_count == 0) == list_is_empty(&primary->followers));
    if (primary->follower_count > 0)
        primary->alone_since_ms = -1;
    else if (primary->alone_since_ms < 0)
        primary->alone_since_ms = now_ms;
}

void primary_follower_destroy(struct primary *primary, struct follower *follower, time_ms now_ms,
                              struct repl_effects *effects)
{
    if (follower == NULL) return;
    ensure(follower->magic == FOLLOWER_MAGIC);
    if (list_link_is_in(&follower->in_followers)) {
        uint64_t job = follower->job;
        list_remove(&follower->in_followers);
        primary->follower_count--;
        backlog_cursor_clear(primary->backlog, &follower->cursor);
        snapshot_lost_follower(primary, job, effects);
        followers_changed(primary, now_ms);
        repl_effect_add(effects, REPL_CHANGED);
    }
    follower->magic = 0;
    memory_free(follower);
}

/* ---- PSYNC and SYNC ---- */

static enum psync_result refuse(struct follower *follower, const char *error)
{
    output_append(follower->output, BYTES("-"));
    output_append(follower->output, bytes_text(error));
    output_append(follower->output, BYTES("\r\n"));
    return PSYNC_REFUSED;
}

/* True when nobody, or not this one, may be fed now; the error is answered. */
static bool is_refused(const struct primary *primary, struct follower *follower)
{
    const struct primary_facts *facts = &primary->facts;
    char line[256];
    const char *error = NULL;
    if (facts->refusal != NULL) {
        (void)snprintf(line, sizeof(line), "NOMASTERLINK %s", facts->refusal);
        error = line;
    } else if (facts->is_replica && !facts->link_is_up) {
        error = "NOMASTERLINK Can't SYNC while not connected with my master";
    } else if (follower->output->size > 0) {
        error = "ERR SYNC and PSYNC are invalid with pending output";
    }
    if (error != NULL) (void)refuse(follower, error);
    return error != NULL;
}

/* From here on the connection is a replica's. */
static void follower_enlist(struct primary *primary, struct follower *follower,
                            enum follower_state state, time_ms now_ms)
{
    follower_move(follower, state);
    list_append(&primary->followers, &follower->in_followers);
    primary->follower_count++;
    follower->since_ms = now_ms;
    follower->progress_ms = now_ms;
    followers_changed(primary, now_ms);
}

static void sync_in_full(struct primary *primary, struct follower *follower, const char *why,
                         time_ms now_ms, struct repl_effects *effects)
{
    primary->counts.sync_full++;
    backlog_start(primary->backlog);
    primary->generation = backlog_generation(primary->backlog);
    follower_enlist(primary, follower, FOLLOWER_WAITING, now_ms);
    repl_trace(effects, LOG_LEVEL_NOTICE, "full sync asked for by %s:%u: %s", follower->ip,
               follower->port, why);
    repl_effect_add(effects, REPL_CHANGED);
    snapshot_consider(primary, now_ms, effects);
}

static void sync_in_part(struct primary *primary, struct follower *follower, int64_t offset,
                         time_ms now_ms, struct repl_effects *effects)
{
    primary->counts.sync_partial_ok++;
    char line[64];
    int size = snprintf(line, sizeof(line), "+CONTINUE %.*s\r\n", REPL_ID_SIZE,
                        backlog_lineage(primary->backlog)->id);
    if (follower->capabilities & CAPABILITY_PSYNC2)
        follower_write(follower, bytes_of(line, (size_t)size));
    else
        follower_write(follower, BYTES("+CONTINUE\r\n"));
    repl_effect_link(effects, REPL_SEND, follower->link);

    follower_enlist(primary, follower, FOLLOWER_ONLINE, now_ms);
    follower->acked_ms = now_ms;
    backlog_cursor_set(primary->backlog, &follower->cursor, offset - 1);
    repl_trace(effects, LOG_LEVEL_NOTICE,
               "partial sync of %s:%u from offset %" PRId64 ", %" PRId64 " bytes behind",
               follower->ip, follower->port, offset,
               backlog_lineage(primary->backlog)->offset + 1 - offset);
    follower_hand_out(primary, follower, effects);
    repl_effect_add(effects, REPL_CHANGED);
}

enum psync_result primary_psync(struct primary *primary, struct follower *follower, size_t argc,
                                const struct bytes *argv, time_ms now_ms,
                                struct repl_effects *effects)
{
    ensure(follower->magic == FOLLOWER_MAGIC);
    ensure(argc >= 3); /* by the arity of the row */
    if (follower_is_replica(follower)) return PSYNC_TAKEN;

    struct bytes id = argv[1];
    if (argc > 3 && bytes_is_word(argv[3], "failover")) {
        const struct lineage *lineage = backlog_lineage(primary->backlog);
        if (!primary->facts.is_replica)
            return refuse(follower, "ERR PSYNC FAILOVER can't be sent to a master.");
        if (!bytes_equal_nocase(id, bytes_of(lineage->id, REPL_ID_SIZE)))
            return refuse(follower, "ERR PSYNC FAILOVER replid must match my replid.");
        return PSYNC_PROMOTE;
    }
    if (is_refused(primary, follower)) return PSYNC_REFUSED;
    int64_t offset;
    if (!number_parse(argv[2], &offset))
        return refuse(follower, "ERR value is not an integer or out of range");

    if (bytes_equal(id, BYTES("?")) || follower->is_rdb_only) {
        sync_in_full(primary, follower, "it knows no position", now_ms, effects);
        return PSYNC_TAKEN;
    }
    enum backlog_verdict verdict = backlog_check(primary->backlog, id, offset);
    if (verdict == BACKLOG_CONTINUES) {
        sync_in_part(primary, follower, offset, now_ms, effects);
        return PSYNC_TAKEN;
    }
    primary->counts.sync_partial_err++;
    sync_in_full(primary, follower, backlog_verdict_text(verdict), now_ms, effects);
    return PSYNC_TAKEN;
}

enum psync_result primary_sync(struct primary *primary, struct follower *follower, time_ms now_ms,
                               struct repl_effects *effects)
{
    ensure(follower->magic == FOLLOWER_MAGIC);
    if (follower_is_replica(follower)) return PSYNC_TAKEN;
    if (is_refused(primary, follower)) return PSYNC_REFUSED;
    follower->is_plain_sync = true;
    sync_in_full(primary, follower, "SYNC", now_ms, effects);
    return PSYNC_TAKEN;
}

/* ---- the stream ---- */

static void flush(struct primary *primary, struct repl_effects *effects)
{
    const struct primary_facts *facts = &primary->facts;
    if (primary->wants_acks && !facts->is_replica && !facts->is_paused &&
        primary->follower_count > 0) {
        struct bytes words[] = { BYTES("REPLCONF"), BYTES("GETACK"), BYTES("*") };
        backlog_append_command(primary->backlog, BACKLOG_DB_ANY, COUNT_OF(words), words);
    }
    primary->wants_acks = false;
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        if (follower_is_fed(follower)) follower_hand_out(primary, follower, effects);
    }
}

/* The history was replaced below our replicas: what they hold is worth nothing any more. */
static void drop_all_if_history_changed(struct primary *primary, time_ms now_ms,
                                        struct repl_effects *effects)
{
    if (primary->generation == backlog_generation(primary->backlog)) return;
    primary->generation = backlog_generation(primary->backlog);
    if (primary->job.number != 0)
        snapshot_event(primary,
                       &(struct primary_event){ .type = PRIMARY_SNAPSHOT_FAILED,
                                                .now_ms = now_ms,
                                                .job = primary->job.number },
                       effects);
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        follower_drop(primary, follower, false, effects);
    }
    followers_changed(primary, now_ms);
}

/* ---- watching ---- */

/* Why this replica must go, or NULL. */
static const char *follower_fault(struct primary *primary, struct follower *follower,
                                  time_ms now_ms)
{
    const struct primary_options *options = &primary->options;
    uint64_t taken = follower->given - MIN(follower->given, follower->output->size);
    if (taken != follower->taken || follower->output->size == 0) {
        follower->taken = taken;
        follower->progress_ms = now_ms;
    }
    if (follower->state == FOLLOWER_SENDING &&
        now_ms - follower->progress_ms >= options->timeout_ms)
        return "it does not read its snapshot";
    if (follower->state == FOLLOWER_ONLINE && !follower->is_plain_sync &&
        now_ms - follower->acked_ms >= options->timeout_ms)
        return "no acknowledgement in repl-timeout";

    /* A limit below the backlog's size would forbid what the backlog holds anyway. */
    uint64_t floor = backlog_size_max(primary->backlog);
    uint64_t pending = follower_pending(primary, follower);
    if (options->output_hard_bytes > 0 && pending > MAX(options->output_hard_bytes, floor))
        return "over the hard output limit";
    if (options->output_soft_bytes == 0 || pending <= MAX(options->output_soft_bytes, floor)) {
        follower->soft_since_ms = -1;
        return NULL;
    }
    if (follower->soft_since_ms < 0) follower->soft_since_ms = now_ms;
    if (now_ms - follower->soft_since_ms < options->output_soft_ms) return NULL;
    return "over the soft output limit for too long";
}

static void watch(struct primary *primary, time_ms now_ms, struct repl_effects *effects)
{
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        const char *fault = follower_fault(primary, follower, now_ms);
        if (fault != NULL) {
            repl_trace(effects, LOG_LEVEL_WARNING, "replica %s:%u dropped: %s", follower->ip,
                       follower->port, fault);
            uint64_t job = follower->job;
            follower_drop(primary, follower, false, effects);
            snapshot_lost_follower(primary, job, effects);
        } else if (follower->state == FOLLOWER_WAITING) {
            follower_write(follower, BYTES("\n"));
            repl_effect_link(effects, REPL_SEND, follower->link);
        }
    }
    followers_changed(primary, now_ms);
}

static bool may_ping(const struct primary *primary)
{
    return !primary->facts.is_replica && !primary->facts.is_paused && primary->follower_count > 0;
}

static time_ms backlog_free_ms(const struct primary *primary)
{
    if (primary->alone_since_ms < 0 || primary->options.backlog_ttl_ms == 0) return TIME_NEVER;
    if (primary->facts.is_replica || !backlog_is_started(primary->backlog)) return TIME_NEVER;
    return primary->alone_since_ms + primary->options.backlog_ttl_ms;
}

static void timeout(struct primary *primary, time_ms now_ms, struct repl_effects *effects)
{
    if (now_ms >= primary->keep_alive_due_ms) {
        primary->keep_alive_due_ms = now_ms + KEEP_ALIVE_PERIOD_MS;
        watch(primary, now_ms, effects);
    }
    if (now_ms >= primary->ping_due_ms) {
        primary->ping_due_ms = now_ms + primary->options.ping_period_ms;
        struct bytes ping = BYTES("ping");
        if (may_ping(primary)) backlog_append_command(primary->backlog, BACKLOG_DB_ANY, 1, &ping);
    }
    if (now_ms >= backlog_free_ms(primary)) {
        backlog_stop(primary->backlog);
        primary->generation = backlog_generation(primary->backlog);
        primary->alone_since_ms = -1;
        repl_trace(effects, LOG_LEVEL_NOTICE, "backlog freed after repl-backlog-ttl, new id %.*s",
                   REPL_ID_SIZE, backlog_lineage(primary->backlog)->id);
        repl_effect_add(effects, REPL_CHANGED);
    }
    snapshot_consider(primary, now_ms, effects);
    flush(primary, effects);
}

void primary_step(struct primary *primary, const struct primary_event *event,
                  struct repl_effects *effects)
{
    drop_all_if_history_changed(primary, event->now_ms, effects);
    switch (event->type) {
    case PRIMARY_TIMEOUT: timeout(primary, event->now_ms, effects); break;
    case PRIMARY_FLUSH: flush(primary, effects); break;
    default: snapshot_event(primary, event, effects); break;
    }
    followers_changed(primary, event->now_ms);
    /* An ended snapshot lets the next one begin. */
    if (event->type >= PRIMARY_SNAPSHOT_STARTED) snapshot_consider(primary, event->now_ms, effects);
}

time_ms primary_deadline(const struct primary *primary)
{
    time_ms due = MIN(snapshot_due_ms(primary), backlog_free_ms(primary));
    if (primary->follower_count > 0) due = MIN(due, primary->keep_alive_due_ms);
    if (may_ping(primary)) due = MIN(due, primary->ping_due_ms);
    return due;
}

/* ---- what others ask ---- */

void primary_ask_acks(struct primary *primary)
{
    primary->wants_acks = true;
}

unsigned primary_count_acked(const struct primary *primary, int64_t offset)
{
    unsigned count = 0;
    LIST_EACH(&primary->followers, const struct follower, follower, in_followers)
    {
        count += follower->state == FOLLOWER_ONLINE && follower->acked_offset >= offset;
    }
    return count;
}

unsigned primary_count_durable(const struct primary *primary, int64_t offset)
{
    unsigned count = 0;
    LIST_EACH(&primary->followers, const struct follower, follower, in_followers)
    {
        count += follower->state == FOLLOWER_ONLINE && follower->durable_offset >= offset;
    }
    return count;
}

unsigned primary_count_online(const struct primary *primary)
{
    return primary_count_acked(primary, INT64_MIN);
}

unsigned primary_count_good(const struct primary *primary, time_ms now_ms)
{
    unsigned count = 0;
    LIST_EACH(&primary->followers, const struct follower, follower, in_followers)
    {
        count += follower->state == FOLLOWER_ONLINE &&
                 now_ms - follower->acked_ms <= primary->options.lag_max_ms;
    }
    return count;
}

bool primary_may_write(const struct primary *primary, time_ms now_ms)
{
    const struct primary_options *options = &primary->options;
    if (options->replicas_min == 0 || options->lag_max_ms == 0 || primary->facts.is_replica)
        return true;
    return primary_count_good(primary, now_ms) >= options->replicas_min;
}

void primary_each(const struct primary *primary, time_ms now_ms,
                  void (*visit)(void *context, const struct follower_view *view), void *context)
{
    LIST_EACH(&primary->followers, const struct follower, follower, in_followers)
    {
        struct follower_view view;
        follower_look(follower, now_ms, &view);
        visit(context, &view);
    }
}

const struct primary_counts *primary_counts(const struct primary *primary)
{
    return &primary->counts;
}

void primary_counts_reset(struct primary *primary)
{
    primary->counts = (struct primary_counts){ 0 };
}
