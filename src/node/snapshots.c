/* Snapshots: loaded in slices at start, saved in the foreground or by a child, streamed to
 * replicas. One child at a time; who comes while it runs waits for its end.
 *
 * A stream's view is fixed where the fork is asked for. That happens at the end of a turn, when
 * everything that was executed is in the backlog, so that the offset told to the replicas is
 * exactly what the data hold. */
#include "base/log.h"
#include "base/memory.h"
#include "engine/latency.h"
#include "node/parts.h"
#include "persist/dump.h"
#include <stdio.h>

/* A turn's share of loading: some milliseconds of work. */
#define LOAD_SLICE    (512 * KIB)
#define STREAM_SLICE  (256 * KIB)
#define SAVE_RETRY_MS 5000

static const char *file_name(const struct node *node)
{
    return node->config->dbfilename;
}

/* ---- what a snapshot says about itself ---------------------------------------------------- */

void snapshots_describe(const struct node *node, struct snapshot_options *options)
{
    const struct config *config = node->config;
    const struct lineage *lineage = backlog_lineage(node->backlog);
    enum config_policy policy = config->maxmemory_policy;
    *options = (struct snapshot_options){
        .version = SNAPSHOT_VERSION,
        .is_compressed = config->rdbcompression,
        .has_checksum = config->rdbchecksum,
        .has_keys = true,
        .has_idle_times =
            policy == CONFIG_POLICY_ALLKEYS_LRU || policy == CONFIG_POLICY_VOLATILE_LRU,
        .has_frequencies =
            policy == CONFIG_POLICY_ALLKEYS_LFU || policy == CONFIG_POLICY_VOLATILE_LFU,
        .server_version = NODE_VALKEY_VERSION,
        .wall_ms = node->clock.wall_ms,
        .memory_used = memory_used(),
        .lineage = { .is_known = backlog_is_started(node->backlog),
                     .offset = lineage->offset,
                     .db = MAX(lineage->db, 0) },
    };
    memcpy(options->lineage.id, lineage->id, SNAPSHOT_ID_SIZE);
}

/* ---- loading at start --------------------------------------------------------------------- */

enum err snapshots_open(struct node *node, char *why)
{
    node->snapshots.last_duration_ms = -1;
    node->snapshots.last_save_wall_ms = node->clock.wall_ms;
    struct load *load = &node->load;
    enum err err = disk_open(node->disk, file_name(node), DISK_READ, &load->file);
    if (err == ERR_NOT_FOUND) return ERR_NONE;
    if (!err) err = file_size(load->file, &load->size);
    if (err) {
        snprintf(why, 256, "Fatal error loading the DB, can't open %.100s: %s", file_name(node),
                 err_text(err));
        return err;
    }
    struct snapshot_reader_options options = {
        .keyspace = node->keyspace,
        .wall_ms = node->clock.wall_ms,
        /* A clustered node does not know yet whether it will be a replica; keys past their time
         * are invisible until the primary that it then is removes them. */
        .keeps_expired = node->config->cluster_enabled || node->config->replicaof.host[0] != 0,
        .is_relaxed = node->config->rdb_version_check == CONFIG_VERSION_RELAXED,
        .ignores_checksum = !node->config->rdbchecksum || node->debug.skips_checksums,
    };
    load->reader = snapshot_reader_create(&options);
    load->started_ms = node->clock.now_ms;
    load->started_wall_ms = node->clock.wall_ms;
    node->has_data_files = true;
    return ERR_NONE;
}

static void load_close(struct node *node)
{
    file_close(node->load.file);
    snapshot_reader_destroy(node->load.reader);
    node->load = (struct load){ .file = NULL };
}

/* Nothing is overwritten and nothing half loaded is served: the process ends. */
static void load_refused(struct node *node, const char *reason)
{
    log_warning("Fatal error loading the DB, check server logs. Exiting. %s: %s", file_name(node),
                reason);
    load_close(node);
    node_add_effect(node, NODE_EXIT)->count = 1;
}

static void load_finished(struct node *node)
{
    const struct snapshot_result *result = snapshot_reader_result(node->load.reader);
    node->snapshots.loaded_keys = result->keys_loaded;
    node->snapshots.expired_keys = result->keys_expired;
    if (result->lineage.is_known) {
        backlog_restart(node->backlog, result->lineage.id, result->lineage.offset,
                        (int)result->lineage.db);
        node->has_lineage = true;
        /* A primary that was restarted leads a history of its own from here on; replicas that
         * hold exactly this much may still continue. */
        if (node->cluster == NULL && node->config->replicaof.host[0] == 0)
            backlog_fork_id(node->backlog);
    }
    log_notice("DB loaded from disk: %.3f seconds",
               (double)(node->clock.now_ms - node->load.started_ms) / 1000.0);
    log_notice("Done loading RDB, keys loaded: %llu, keys expired: %llu.",
               (unsigned long long)result->keys_loaded, (unsigned long long)result->keys_expired);
    data_tell_skipped(node, result);
    load_close(node);
    node->permit_is_stale = true;
}

void snapshots_load_turn(struct node *node)
{
    struct load *load = &node->load;
    char *slice = memory_alloc(LOAD_SLICE);
    size_t got = 0;
    enum err err = file_read(load->file, load->offset, slice, LOAD_SLICE, &got);
    size_t consumed = 0;
    if (!err && got > 0) err = snapshot_reader_feed(load->reader, bytes_of(slice, got), &consumed);
    memory_free(slice);
    load->offset += got;
    if (!err && got == 0) {
        err = snapshot_reader_end(load->reader);
        if (!err) {
            load_finished(node);
            return;
        }
    }
    if (err) {
        const char *reason = snapshot_reader_error(load->reader)->reason;
        load_refused(node, reason[0] ? reason : err_text(err));
    }
}

void snapshots_fini(struct node *node)
{
    if (node->load.file != NULL) load_close(node);
    file_close(node->snapshots.sized_file);
    snapshot_reader_destroy(node->incoming_reader);
    if (node->incoming != NULL) keyspace_destroy(node->incoming);
}

/* ---- saving ------------------------------------------------------------------------------- */

static bool save_to_disk(struct node *node)
{
    struct snapshot_options options;
    snapshots_describe(node, &options);
    struct snapshot_error error = { .reason = "" };
    enum err err = snapshot_save(node->disk, file_name(node), node->process_id, node->keyspace,
                                 &options, &error);
    if (err) log_warning("Error saving DB on disk: %s (%s)", err_text(err), error.reason);
    return err == ERR_NONE;
}

static void saved(struct node *node, bool is_done, uint64_t dirty)
{
    struct snapshots *snapshots = &node->snapshots;
    snapshots->last_failed = !is_done;
    if (is_done) {
        snapshots->last_save_wall_ms = node->clock.wall_ms;
        snapshots->saves++;
        node->dirty_saved = dirty;
    }
    node->permit_is_stale = true;
}

bool snapshots_save(struct node *node)
{
    bool is_done = save_to_disk(node);
    if (is_done) log_notice("DB saved on disk");
    saved(node, is_done, keyspace_dirty(node->keyspace));
    return is_done;
}

static bool load_whole(struct node *node, struct keyspace *keyspace)
{
    struct snapshot_reader_options options = {
        .keyspace = keyspace,
        .wall_ms = node->clock.wall_ms,
        .keeps_expired = node_is_replica(node),
        .is_relaxed = node->config->rdb_version_check == CONFIG_VERSION_RELAXED,
        .ignores_checksum = !node->config->rdbchecksum || node->debug.skips_checksums,
    };
    struct snapshot_reader *reader = snapshot_reader_create(&options);
    enum err err = snapshot_load(node->disk, file_name(node), reader);
    if (err)
        log_warning("Loading %s failed: %s", file_name(node),
                    snapshot_reader_error(reader)->reason);
    snapshot_reader_destroy(reader);
    return err == ERR_NONE;
}

bool snapshots_reload(struct node *node)
{
    struct keyspace *loaded = data_create_keyspace(node);
    bool is_done = load_whole(node, loaded);
    if (is_done)
        data_adopt(node, loaded);
    else
        keyspace_destroy(loaded);
    return is_done;
}

/* False: the key is there, and stays. */
static bool merge_one(struct node *node, const struct entry *entry, uint32_t db, bool replaces)
{
    struct access access = { .wall_ms = node->clock.wall_ms, .ignores_expiry = true };
    struct key key = keyspace_key(node->keyspace, db, entry_key(entry));
    if (!replaces && keyspace_peek(node->keyspace, &access, &key) != NULL) return false;
    struct put put = { .expiry_ms = entry_expiry_ms(entry), .keeps_text = true };
    struct buffer payload = { 0 };
    enum err err = dump_write(entry, false, &payload);
    if (!err) err = dump_restore(node->keyspace, &access, &key, buffer_bytes(&payload), &put);
    buffer_fini(&payload);
    return err == ERR_NONE;
}

bool snapshots_merge(struct node *node, bool replaces)
{
    struct keyspace *loaded = data_create_keyspace(node);
    bool is_done = load_whole(node, loaded);
    struct keyspace_walk walk;
    keyspace_walk_init(&walk);
    const struct entry *entry;
    while (is_done && (entry = keyspace_walk_next(loaded, &walk)) != NULL)
        is_done = merge_one(node, entry, walk.db, replaces);
    keyspace_destroy(loaded);
    engine_keys_replaced(node->engine);
    return is_done;
}

static void child_fork(struct node *node, enum child_job job)
{
    struct snapshots *snapshots = &node->snapshots;
    ensure(!snapshots->child_runs);
    snapshots->child_runs = true;
    snapshots->was_killed = false;
    snapshots->job = job;
    snapshots->child_started_ms = node->clock.now_ms;
    snapshots->dirty_at_fork = keyspace_dirty(node->keyspace);
    snapshots->forks++;
    node_add_effect(node, NODE_FORK)->job = job;
}

enum snapshot_start snapshots_save_in_background(struct node *node, bool may_wait)
{
    struct snapshots *snapshots = &node->snapshots;
    if (snapshots->child_runs) {
        if (snapshots->job == CHILD_SAVE || !may_wait) return SNAPSHOT_BUSY;
        snapshots->is_save_queued = true;
        return SNAPSHOT_SCHEDULED;
    }
    snapshots->wants_save = true; /* the fork is asked for at the end of the turn */
    return SNAPSHOT_STARTED;
}

static bool save_point_reached(const struct node *node)
{
    const struct config *config = node->config;
    const struct snapshots *snapshots = &node->snapshots;
    uint64_t changes = keyspace_dirty(node->keyspace) - node->dirty_saved;
    time_ms age_ms = node->clock.wall_ms - snapshots->last_save_wall_ms;
    if (snapshots->last_failed && node->clock.now_ms - snapshots->last_try_ms < SAVE_RETRY_MS)
        return false;
    for (size_t i = 0; i < config->save.count; i++) {
        const struct config_save_point *point = &config->save.items[i];
        if (changes < (uint64_t)point->changes || age_ms <= point->seconds * 1000) continue;
        log_notice("%lld changes in %lld seconds. Saving...", (long long)point->changes,
                   (long long)point->seconds);
        return true;
    }
    return false;
}

void snapshots_cron(struct node *node)
{
    struct snapshots *snapshots = &node->snapshots;
    if (snapshots->child_runs || node_is_loading(node) || node->is_stopping) return;
    if (save_point_reached(node) || snapshots->is_save_queued) {
        snapshots->is_save_queued = false;
        snapshots->wants_save = true;
    }
}

/* ---- streams for replicas ----------------------------------------------------------------- */

static struct primary_event stream_event(const struct node *node, enum primary_event_type type,
                                         uint64_t job)
{
    return (struct primary_event){ .type = type, .now_ms = node->clock.now_ms, .job = job };
}

static void stream_step(struct node *node, const struct primary_event *event)
{
    primary_step(node->primary, event, &node->repl_effects);
}

static void stream_tell(struct node *node, enum primary_event_type type, uint64_t job)
{
    struct primary_event event = stream_event(node, type, job);
    stream_step(node, &event);
}

void snapshots_stream_start(struct node *node, uint64_t job, const struct repl_snapshot *wanted)
{
    struct snapshots *snapshots = &node->snapshots;
    ensure(snapshots->queued_job == 0);
    snapshots->queued_job = job;
    snapshots->queued_snapshot = *wanted;
}

void snapshots_stream_stop(struct node *node, uint64_t job)
{
    struct snapshots *snapshots = &node->snapshots;
    if (snapshots->queued_job == job) snapshots->queued_job = 0;
    if (snapshots->sized_job == job) {
        file_close(snapshots->sized_file);
        snapshots->sized_file = NULL;
        snapshots->sized_job = 0;
    }
    if (snapshots->stream_job != job) return;
    snapshots->stream_job = 0;
    /* A save to the disk is worth finishing; a pipe that nobody reads is not. */
    if (snapshots->child_runs && snapshots->job == CHILD_STREAM) snapshots_kill_child(node);
}

static void stream_fork(struct node *node)
{
    struct snapshots *snapshots = &node->snapshots;
    snapshots->stream_job = snapshots->queued_job;
    snapshots->stream_wanted = snapshots->queued_snapshot;
    snapshots->queued_job = 0;
    snapshots->is_held = false;
    /* +FULLRESYNC is written now, with the offset of exactly this view. */
    stream_tell(node, PRIMARY_SNAPSHOT_STARTED, snapshots->stream_job);
    child_fork(node, snapshots->stream_wanted.is_sized ? CHILD_SAVE : CHILD_STREAM);
}

static void stream_sized_slice(struct node *node)
{
    struct snapshots *snapshots = &node->snapshots;
    uint64_t job = snapshots->sized_job;
    if (job == 0 || !primary_wants_snapshot_bytes(node->primary)) return;
    char *slice = memory_alloc(STREAM_SLICE);
    size_t got = 0;
    enum err err = file_read(snapshots->sized_file, snapshots->sized_at, slice, STREAM_SLICE, &got);
    snapshots->sized_at += got;
    if (!err && got > 0) {
        struct primary_event event = stream_event(node, PRIMARY_SNAPSHOT_BYTES, job);
        event.bytes = bytes_of(slice, got);
        stream_step(node, &event);
    }
    memory_free(slice);
    if (!err && got > 0) return;
    file_close(snapshots->sized_file);
    snapshots->sized_file = NULL;
    snapshots->sized_job = 0;
    stream_tell(node, err ? PRIMARY_SNAPSHOT_FAILED : PRIMARY_SNAPSHOT_DONE, job);
}

void snapshots_stream_turn(struct node *node)
{
    struct snapshots *snapshots = &node->snapshots;
    if (!snapshots->child_runs && !node_is_loading(node)) {
        if (snapshots->queued_job != 0 && snapshots->sized_job == 0)
            stream_fork(node);
        else if (snapshots->wants_save) {
            snapshots->wants_save = false;
            snapshots->last_try_ms = node->clock.now_ms;
            child_fork(node, CHILD_SAVE);
            log_notice("Background saving started");
        }
    }
    stream_sized_slice(node);
    bool is_held = snapshots->child_runs && snapshots->job == CHILD_STREAM &&
                   snapshots->stream_job != 0 && !primary_wants_snapshot_bytes(node->primary);
    if (is_held == snapshots->is_held) return;
    snapshots->is_held = is_held;
    if (snapshots->child_runs) node_add_effect(node, is_held ? NODE_HOLD : NODE_UNHOLD);
}

void snapshots_child_bytes(struct node *node, struct bytes bytes)
{
    uint64_t job = node->snapshots.stream_job;
    if (job == 0) return;
    struct primary_event event = stream_event(node, PRIMARY_SNAPSHOT_BYTES, job);
    event.bytes = bytes;
    stream_step(node, &event);
}

/* The file that the child saved goes to the replicas that asked for a length first. */
static void stream_sized_begin(struct node *node, uint64_t job)
{
    struct snapshots *snapshots = &node->snapshots;
    uint64_t size = 0;
    enum err err = disk_open(node->disk, file_name(node), DISK_READ, &snapshots->sized_file);
    if (!err) err = file_size(snapshots->sized_file, &size);
    if (err) {
        file_close(snapshots->sized_file);
        snapshots->sized_file = NULL;
        stream_tell(node, PRIMARY_SNAPSHOT_FAILED, job);
        return;
    }
    snapshots->sized_job = job;
    snapshots->sized_at = 0;
    struct primary_event event = stream_event(node, PRIMARY_SNAPSHOT_SIZE, job);
    event.size = size;
    stream_step(node, &event);
}

void snapshots_forked(struct node *node, time_us duration_us)
{
    node->snapshots.fork_us = duration_us;
    latency_note(node->engine, LATENCY_FORK, (uint64_t)duration_us * 1000);
}

void snapshots_child_exited(struct node *node, int code)
{
    struct snapshots *snapshots = &node->snapshots;
    if (!snapshots->child_runs) return;
    snapshots->child_runs = false;
    bool is_done = code == 0;
    snapshots->last_duration_ms = node->clock.now_ms - snapshots->child_started_ms;
    uint64_t job = snapshots->stream_job;
    snapshots->stream_job = 0;
    if (snapshots->job == CHILD_SAVE && snapshots->was_killed)
        snapshot_forget(node->disk, node->process_id);
    if (snapshots->job == CHILD_SAVE && (is_done || !snapshots->was_killed)) {
        saved(node, is_done, snapshots->dirty_at_fork);
        if (is_done)
            log_notice("Background saving terminated with success");
        else
            log_warning("Background saving error");
    }
    if (job == 0) return;
    if (!is_done)
        stream_tell(node, PRIMARY_SNAPSHOT_FAILED, job);
    else if (snapshots->job == CHILD_STREAM)
        stream_tell(node, PRIMARY_SNAPSHOT_DONE, job);
    else
        stream_sized_begin(node, job);
}

void snapshots_kill_child(struct node *node)
{
    if (!node->snapshots.child_runs || node->snapshots.was_killed) return;
    node->snapshots.was_killed = true;
    node_add_effect(node, NODE_KILL_CHILD);
}

/* In the child. */
int snapshots_child_run(struct node *node, enum child_job job, struct sink *sink)
{
    if (job == CHILD_SAVE) return save_to_disk(node) ? 0 : 1;
    const struct repl_snapshot *wanted = &node->snapshots.stream_wanted;
    struct snapshot_options options;
    snapshots_describe(node, &options);
    options.version = wanted->rdb_version;
    options.has_keys = wanted->has_keys;
    options.has_checksum = options.has_checksum && !wanted->skips_checksum;
    struct snapshot_error error = { .reason = "" };
    enum err err = snapshot_write(sink, node->keyspace, &options, &error);
    if (err) log_warning("Snapshot for replicas failed: %s (%s)", err_text(err), error.reason);
    return err ? 1 : 0;
}
