/* The snapshot of a full sync: when it starts, who gets it, and how its bytes are framed.
 *
 * Whoever waits with the same filter shares one snapshot, made so that the weakest of them can
 * read it: by marker only if all know the marker, as version 80 only if all are new enough. */
#include "base/ensure.h"
#include "base/memory.h"
#include "repl/internal.h"

#include <inttypes.h>
#include <stdio.h>

#define VERSION_9_0_0 0x090000u
/* Bytes of the snapshot that may wait in an output before no more of it is read: enough to keep a
 * fast link busy between two turns, little enough for many receivers. */
#define SNAPSHOT_AHEAD_MAX (1 * MIB)

static bool follower_waits(const struct follower *follower)
{
    return follower->state == FOLLOWER_WAITING && follower->job == 0;
}

static bool follower_same_filter(const struct follower *a, const struct follower *b)
{
    return a->is_filtered == b->is_filtered && a->wants_functions == b->wants_functions;
}

static struct follower *first_waiting(struct primary *primary)
{
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        if (follower_waits(follower)) return follower;
    }
    return NULL;
}

/* The first that waits and how many do; NULL when nobody does. */
static const struct follower *waiting_count(const struct primary *primary, unsigned *count)
{
    const struct follower *first = NULL;
    *count = 0;
    LIST_EACH(&primary->followers, const struct follower, follower, in_followers)
    {
        if (!follower_waits(follower)) continue;
        if (first == NULL) first = follower;
        ++*count;
    }
    return first;
}

time_ms snapshot_due_ms(const struct primary *primary)
{
    if (primary->job.number != 0) return TIME_NEVER;
    unsigned count;
    const struct follower *first = waiting_count(primary, &count);
    if (first == NULL) return TIME_NEVER;

    /* The delay gathers several replicas for one snapshot; it ends when nobody else can come, or
     * when a second snapshot would cost nothing. */
    const struct primary_facts *facts = &primary->facts;
    const struct primary_options *options = &primary->options;
    if (!options->is_diskless || !facts->has_keys || facts->is_fresh) return first->since_ms;
    if (options->sync_replicas_max > 0 && count >= options->sync_replicas_max)
        return first->since_ms;
    if (facts->replicas_assigned > 0 && primary->follower_count >= facts->replicas_assigned)
        return first->since_ms;
    return first->since_ms + options->sync_delay_ms;
}

/* What everybody who shares the first one's filter can read. */
static struct repl_snapshot snapshot_for(struct primary *primary, const struct follower *first)
{
    struct repl_snapshot snapshot = { .rdb_version = REPL_RDB_VERSION,
                                      .is_sized = !primary->options.is_diskless,
                                      .has_keys = !first->is_filtered,
                                      .has_functions =
                                          !first->is_filtered || first->wants_functions,
                                      .skips_checksum = true };
    bool is_anybody_silent = false;
    LIST_EACH(&primary->followers, const struct follower, follower, in_followers)
    {
        if (!follower_waits(follower) || !follower_same_filter(follower, first)) continue;
        if (!(follower->capabilities & CAPABILITY_EOF)) snapshot.is_sized = true;
        if (!(follower->capabilities & CAPABILITY_SKIP_CHECKSUM)) snapshot.skips_checksum = false;
        if (follower->version == 0)
            is_anybody_silent = true;
        else if (follower->version < VERSION_9_0_0)
            snapshot.rdb_version = REPL_RDB_VERSION_OLD;
    }
    /* Valkey takes silence for an old version on a stream only; through a file it is always new. */
    if (is_anybody_silent && !snapshot.is_sized) snapshot.rdb_version = REPL_RDB_VERSION_OLD;
    return snapshot;
}

void snapshot_consider(struct primary *primary, time_ms now_ms, struct repl_effects *effects)
{
    if (snapshot_due_ms(primary) > now_ms) return;
    const struct follower *first = first_waiting(primary);
    ensure(first != NULL);
    ensure(primary->job.number == 0);

    primary->job = (struct snapshot_job){ .number = ++primary->jobs_so_far,
                                          .snapshot = snapshot_for(primary, first) };
    prng_hex(&primary->prng, primary->job.marker, sizeof(primary->job.marker));
    struct repl_effect *start = repl_effect_add(effects, REPL_SNAPSHOT_START);
    start->job = primary->job.number;
    start->snapshot = primary->job.snapshot;
}

/* May this one get the snapshot that is starting? Others may have come since it was asked for. */
static bool follower_can_read(const struct follower *follower, const struct repl_snapshot *snapshot)
{
    uint32_t capabilities = follower->capabilities;
    if (!snapshot->is_sized && !(capabilities & CAPABILITY_EOF)) return false;
    if (snapshot->skips_checksum && !(capabilities & CAPABILITY_SKIP_CHECKSUM)) return false;
    if (snapshot->has_keys == follower->is_filtered) return false;
    if (snapshot->has_functions == (follower->is_filtered && !follower->wants_functions))
        return false;
    if (snapshot->rdb_version == REPL_RDB_VERSION_OLD) return true;
    if (follower->version == 0) return snapshot->is_sized;
    return follower->version >= VERSION_9_0_0;
}

static void follower_begin(struct primary *primary, struct follower *follower, time_ms now_ms,
                           struct repl_effects *effects)
{
    const struct snapshot_job *job = &primary->job;
    const struct lineage *lineage = backlog_lineage(primary->backlog);
    char line[128];

    follower->job = job->number;
    follower->progress_ms = now_ms;
    if (!follower->is_rdb_only)
        backlog_cursor_set(primary->backlog, &follower->cursor, lineage->offset);
    if (!follower->is_plain_sync) {
        int size = snprintf(line, sizeof(line), "+FULLRESYNC %.*s %" PRId64 "\r\n", REPL_ID_SIZE,
                            lineage->id, lineage->offset);
        follower_write(follower, bytes_of(line, (size_t)size));
    }
    if (!job->snapshot.is_sized) {
        int size = snprintf(line, sizeof(line), "$EOF:%.*s\r\n", REPL_ID_SIZE, job->marker);
        follower_write(follower, bytes_of(line, (size_t)size));
        follower_move(follower, FOLLOWER_SENDING);
    }
    repl_effect_link(effects, REPL_SEND, follower->link);
}

static void job_end(struct primary *primary)
{
    ensure(primary->job.number != 0);
    primary->job = (struct snapshot_job){ 0 };
}

/* The view is taken: the offset of now is where the stream of all receivers begins. */
static void snapshot_started(struct primary *primary, const struct primary_event *event,
                             struct repl_effects *effects)
{
    ensure(!primary->job.is_started);
    ensure(backlog_is_started(primary->backlog));
    primary->job.is_started = true;
    unsigned count = 0;
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        if (!follower_waits(follower)) continue;
        if (!follower_can_read(follower, &primary->job.snapshot)) continue;
        follower_begin(primary, follower, event->now_ms, effects);
        count++;
    }
    /* The stream of a full sync says its database first, whatever the snapshot says. A replica
     * does not write the stream and must not forget where its primary stands. */
    if (!primary->facts.is_replica) backlog_forget_db(primary->backlog);
    repl_trace(effects, LOG_LEVEL_NOTICE,
               "full sync: snapshot %" PRIu64 " for %u replicas from offset %" PRId64 "%s",
               event->job, count, backlog_lineage(primary->backlog)->offset,
               primary->job.snapshot.is_sized ? ", by length" : "");
    repl_effect_add(effects, REPL_CHANGED);
    if (count > 0) return;
    repl_effect_add(effects, REPL_SNAPSHOT_STOP)->job = primary->job.number;
    job_end(primary);
}

static bool follower_receives(const struct primary *primary, const struct follower *follower)
{
    return primary->job.number != 0 && follower->job == primary->job.number &&
           (follower->state == FOLLOWER_WAITING || follower->state == FOLLOWER_SENDING);
}

static void snapshot_size(struct primary *primary, const struct primary_event *event,
                          struct repl_effects *effects)
{
    ensure(primary->job.snapshot.is_sized);
    ensure(!primary->job.is_size_known);
    primary->job.is_size_known = true;
    primary->job.size = event->size;
    char line[64];
    int size = snprintf(line, sizeof(line), "$%" PRIu64 "\r\n", event->size);
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        if (!follower_receives(primary, follower)) continue;
        follower_write(follower, bytes_of(line, (size_t)size));
        follower_move(follower, FOLLOWER_SENDING);
        repl_effect_link(effects, REPL_SEND, follower->link);
    }
}

/* A piece of the snapshot, shared by the outputs of its receivers. */
struct piece {
    struct shared shared;
    size_t size;
    char data[];
};

static void piece_release(struct shared *shared)
{
    struct piece *piece = CONTAINER_OF(shared, struct piece, shared);
    memory_free_sized(piece, sizeof(*piece) + piece->size);
}

static void snapshot_bytes(struct primary *primary, const struct primary_event *event,
                           struct repl_effects *effects)
{
    struct snapshot_job *job = &primary->job;
    if (event->bytes.size == 0) return;
    job->given += event->bytes.size;
    ensure(!job->snapshot.is_sized || (job->is_size_known && job->given <= job->size));

    struct piece *piece = memory_alloc(sizeof(*piece) + event->bytes.size);
    *piece = (struct piece){ .shared = { .references = 1, .release = piece_release },
                             .size = event->bytes.size };
    memcpy(piece->data, event->bytes.data, piece->size);
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        if (!follower_receives(primary, follower)) continue;
        follower_write_shared(follower, &piece->shared, bytes_of(piece->data, piece->size));
        repl_effect_link(effects, REPL_SEND, follower->link);
    }
    shared_drop(&piece->shared);
}

static void follower_finish(struct primary *primary, struct follower *follower, time_ms now_ms,
                            struct repl_effects *effects)
{
    if (!primary->job.snapshot.is_sized)
        follower_write(follower, bytes_of(primary->job.marker, sizeof(primary->job.marker)));
    repl_effect_link(effects, REPL_SEND, follower->link);
    if (follower->is_rdb_only) {
        follower_drop(primary, follower, true, effects);
        return;
    }
    follower_move(follower, FOLLOWER_ONLINE);
    follower->acked_ms = now_ms;
    /* Who reads up to a marker may read a little further; so the stream waits for its ACK. */
    follower->is_stream_held = !primary->job.snapshot.is_sized;
    if (follower_is_fed(follower)) follower_hand_out(primary, follower, effects);
}

static void snapshot_failed(struct primary *primary, const char *why, struct repl_effects *effects)
{
    repl_trace(effects, LOG_LEVEL_WARNING, "full sync failed: %s", why);
    bool is_started = primary->job.is_started;
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        /* One that never started takes everybody with it who waited for it: they ask again. */
        if (follower_receives(primary, follower) || (!is_started && follower_waits(follower)))
            follower_drop(primary, follower, false, effects);
    }
    job_end(primary);
}

static void snapshot_done(struct primary *primary, const struct primary_event *event,
                          struct repl_effects *effects)
{
    const struct snapshot_job *job = &primary->job;
    if (job->snapshot.is_sized && (!job->is_size_known || job->given != job->size)) {
        snapshot_failed(primary, "the snapshot has another size than announced", effects);
        return;
    }
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        if (follower_receives(primary, follower))
            follower_finish(primary, follower, event->now_ms, effects);
    }
    job_end(primary);
    repl_effect_add(effects, REPL_CHANGED);
}

void snapshot_event(struct primary *primary, const struct primary_event *event,
                    struct repl_effects *effects)
{
    ensure(event->job != 0);
    if (event->job != primary->job.number) return; /* stopped meanwhile */
    switch (event->type) {
    case PRIMARY_SNAPSHOT_STARTED: snapshot_started(primary, event, effects); break;
    case PRIMARY_SNAPSHOT_SIZE: snapshot_size(primary, event, effects); break;
    case PRIMARY_SNAPSHOT_BYTES: snapshot_bytes(primary, event, effects); break;
    case PRIMARY_SNAPSHOT_DONE: snapshot_done(primary, event, effects); break;
    case PRIMARY_SNAPSHOT_FAILED:
        snapshot_failed(primary, "the snapshot could not be made", effects);
        break;
    default: ensure_unreachable();
    }
}

void snapshot_lost_follower(struct primary *primary, uint64_t job, struct repl_effects *effects)
{
    if (job == 0 || job != primary->job.number) return;
    LIST_EACH(&primary->followers, struct follower, follower, in_followers)
    {
        if (follower_receives(primary, follower)) return;
    }
    repl_effect_add(effects, REPL_SNAPSHOT_STOP)->job = job;
    repl_trace(effects, LOG_LEVEL_NOTICE, "full sync: nobody waits for snapshot %" PRIu64, job);
    job_end(primary);
}

bool primary_wants_snapshot_bytes(const struct primary *primary)
{
    if (primary->job.number == 0) return false;
    LIST_EACH(&primary->followers, const struct follower, follower, in_followers)
    {
        if (follower_receives(primary, follower) && follower->output->size >= SNAPSHOT_AHEAD_MAX)
            return false;
    }
    return true;
}
