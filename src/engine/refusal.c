/* What stands against running a command here and now: first redirects, then the state of the
 * server, in the order of spec/errors.md.
 *
 * The plain cases (no cluster; one key in a slot that is served) are decided without a call.
 * Everything else may take its time. */
#include "base/ensure.h"
#include "engine/internal.h"
#include "engine/multi.h"
#include <stdarg.h>
#include <stdio.h>

static const char cluster_down[] = "CLUSTERDOWN The cluster is down";
static const char slot_unserved[] = "CLUSTERDOWN Hash slot not served";
static const char cluster_down_reads[] =
    "CLUSTERDOWN The cluster is down and only accepts read commands";

static void refuse(struct refusal *refusal, const char *text)
{
    bytes_to_text(bytes_text(text), refusal->text, sizeof(refusal->text));
}

__attribute__((format(printf, 2, 3))) static void refuse_format(struct refusal *refusal,
                                                                const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(refusal->text, sizeof(refusal->text), format, list);
    va_end(list);
}

/* --- the slot of a command's keys -------------------------------------------------------- */

struct slot_keys {
    int32_t slot; /* -1: no keys */
    uint32_t count;
    bool is_crossing;
};

static void slot_add(struct slot_keys *keys, uint32_t slot)
{
    keys->count++;
    if (keys->slot < 0) keys->slot = (int32_t)slot;
    if (keys->slot != (int32_t)slot) keys->is_crossing = true;
}

static void slot_of_request(struct engine *engine, const struct command_entry *entry,
                            const struct bytes *argv, uint32_t argc, struct slot_keys *keys)
{
    if (entry->key_shape == KEYS_ABSENT) return;
    if (!keys_find(entry, argv, argc, &engine->places)) return;
    for (uint32_t i = 0; i < engine->places.count && !keys->is_crossing; i++)
        slot_add(keys, key_slot(argv[engine->places.items[i].index]));
}

/* What was queued is taken together when EXEC comes, as Valkey does it. */
static struct slot_keys slot_find(struct engine *engine, const struct call *call)
{
    struct slot_keys keys = { .slot = -1 };
    if (call->first_key_index > 0 && call->entry->key_shape == KEYS_ONE) {
        slot_add(&keys, call->first_key->slot);
    } else if (call->command->flags & CMD_IS_EXEC) {
        for (struct queued_command *queued = call->session->queue_first; queued != NULL;
             queued = queued->next)
            slot_of_request(engine, queued->entry, queued->argv, queued->argc, &keys);
    } else {
        slot_of_request(engine, call->entry, call->argv, call->argc, &keys);
    }
    return keys;
}

static uint32_t missing_of_request(struct engine *engine, const struct session *session,
                                   const struct command_entry *entry, const struct bytes *argv,
                                   uint32_t argc)
{
    uint32_t missing = 0;
    if (entry->key_shape == KEYS_ABSENT) return 0;
    if (!keys_find(entry, argv, argc, &engine->places)) return 0;
    for (uint32_t i = 0; i < engine->places.count; i++) {
        struct key key = keyspace_key(engine->keyspace, (uint32_t)session->db,
                                      argv[engine->places.items[i].index]);
        if (keyspace_peek(engine->keyspace, &engine->access, &key) == NULL) missing++;
    }
    return missing;
}

/* How many of the keys are not here: asked only while a slot is on its way. */
static uint32_t count_missing(struct engine *engine, const struct call *call)
{
    if (!(call->command->flags & CMD_IS_EXEC))
        return missing_of_request(engine, call->session, call->entry, call->argv, call->argc);
    uint32_t missing = 0;
    for (struct queued_command *queued = call->session->queue_first; queued != NULL;
         queued = queued->next)
        missing +=
            missing_of_request(engine, call->session, queued->entry, queued->argv, queued->argc);
    return missing;
}

/* --- redirects --------------------------------------------------------------------------- */

static void redirect(const struct permit *permit, const struct session *session, const char *word,
                     int32_t slot, uint16_t owner, struct refusal *refusal)
{
    ensure(owner < permit->endpoint_count);
    const char *text = permit->endpoints[owner].texts[session->endpoint_kind];
    refuse_format(refusal, "%s %d %s", word, slot, text);
}

/* Migrating away: keys that are gone already are asked for at the new owner. */
static void decide_migrating(struct engine *engine, const struct call *call,
                             const struct slot_keys *keys, struct refusal *refusal)
{
    const struct permit *permit = &engine->permit;
    if (call->command->flags & CMD_IS_MIGRATE) return;
    uint32_t missing = count_missing(engine, call);
    if (missing == 0) return;
    if (missing < keys->count)
        refuse(refusal, "TRYAGAIN Multiple keys request during rehashing of slot");
    else
        redirect(permit, call->session, "ASK", keys->slot, permit->ask_owners[keys->slot], refusal);
}

static bool is_shard_pubsub(const struct call *call)
{
    return call->command->keys != NULL && call->command->key_flags & KEY_IS_CHANNEL;
}

static void decide_slot(struct engine *engine, const struct call *call, uint32_t flags,
                        const struct slot_keys *keys, struct refusal *refusal)
{
    const struct permit *permit = &engine->permit;
    const struct session *session = call->session;
    bool is_asking = session->flags & SESSION_ASKING || flags & CMD_ASKING;
    bool reads_replica = (session->flags & SESSION_READONLY && !(flags & CMD_WRITE)) ||
                         is_shard_pubsub(call); /* its messages reach the whole shard */
    uint16_t owner = permit->owners[keys->slot];

    switch ((enum slot_verdict)permit->verdicts[keys->slot]) {
    case SLOT_UNASSIGNED: refuse(refusal, slot_unserved); return;
    case SLOT_SERVED: return;
    case SLOT_MIGRATING_AWAY: decide_migrating(engine, call, keys, refusal); return;
    case SLOT_ARRIVING:
        if (flags & CMD_IS_MIGRATE) return;
        if (!is_asking) break;
        if (keys->count > 1 && count_missing(engine, call) > 0)
            refuse(refusal, "TRYAGAIN Multiple keys request during rehashing of slot");
        return;
    case SLOT_SHARD:
        if (reads_replica) return;
        break;
    case SLOT_SHARD_MIGRATING:
        if (!reads_replica) break;
        decide_migrating(engine, call, keys, refusal);
        return;
    case SLOT_WAIT:
        refusal->must_wait = true;
        refusal->until_ms = TIME_NEVER;
        return;
    case SLOT_ELSEWHERE: break;
    }
    redirect(permit, session, "MOVED", keys->slot, owner, refusal);
}

/* While it waits it needs no key, so a slot on its way is no reason to go; a cluster that is down
 * lets nobody write what it waits for. */
void refusal_of_waiting(struct engine *engine, const struct session *session, uint32_t flags,
                        int32_t slot, struct refusal *refusal)
{
    const struct permit *permit = &engine->permit;
    refusal->text[0] = '\0';
    if (slot < 0) return;
    bool reads_replica = session->flags & SESSION_READONLY && !(flags & CMD_WRITE);
    if (permit->not_serving != NULL) {
        refuse(refusal, permit->not_serving);
        return;
    }
    if (permit->is_cluster_down) {
        refuse(refusal, cluster_down);
        return;
    }
    switch ((enum slot_verdict)permit->verdicts[slot]) {
    case SLOT_SERVED:
    case SLOT_MIGRATING_AWAY:
    case SLOT_ARRIVING:
    case SLOT_WAIT: return;
    case SLOT_UNASSIGNED: refuse(refusal, slot_unserved); return;
    case SLOT_SHARD:
    case SLOT_SHARD_MIGRATING:
        if (reads_replica) return;
        break;
    case SLOT_ELSEWHERE: break;
    }
    redirect(permit, session, "MOVED", slot, permit->owners[slot], refusal);
}

/* A lease that was only just lost, or is only just to be had, is worth waiting for. */
static void lack_lease(const struct call *call, struct refusal *refusal)
{
    time_ms until_ms = call->engine->permit.lease_awaited_until_ms;
    if (call->now_ms >= until_ms) {
        refuse(refusal, cluster_down);
        return;
    }
    refusal->must_wait = true;
    refusal->until_ms = until_ms;
}

static void decide_cluster(struct engine *engine, const struct call *call, uint32_t flags,
                           struct refusal *refusal)
{
    const struct permit *permit = &engine->permit;
    bool is_write = flags & CMD_WRITE;
    bool has_lease = !permit->has_lease || call->now_ms < permit->writes_until_ms;
    struct slot_keys keys = slot_find(engine, call);
    refusal->slot = keys.slot;

    if (keys.slot < 0) {
        if (is_write && !has_lease && !permit->is_replica) lack_lease(call, refusal);
        return;
    }
    refusal->is_crossing = keys.is_crossing;
    if (keys.is_crossing) {
        refuse(refusal, "CROSSSLOT Keys in request don't hash to the same slot");
        return;
    }
    if (permit->not_serving != NULL) {
        refuse(refusal, permit->not_serving);
        return;
    }
    if (permit->is_cluster_down && permit->verdicts[keys.slot] != SLOT_UNASSIGNED) {
        if (is_shard_pubsub(call)) {
            if (!permit->shard_pubsub_while_down) refuse(refusal, cluster_down);
        } else if (!permit->reads_while_down) {
            refuse(refusal, cluster_down);
        } else if (is_write) {
            refuse(refusal, cluster_down_reads);
        }
        if (refusal->text[0] != '\0') return;
    }
    decide_slot(engine, call, flags, &keys, refusal);
    if (refusal->text[0] == '\0' && is_write && !has_lease) lack_lease(call, refusal);
}

static void decide_lone_slot(const struct call *call, unsigned slot, struct refusal *refusal)
{
    struct slot_keys keys = { .slot = (int32_t)slot, .count = 1 };
    refusal->text[0] = '\0';
    refusal->must_wait = false;
    if (call->engine->permit.is_cluster)
        decide_slot(call->engine, call, call->entry->flags, &keys, refusal);
}

bool call_slot_is_served(struct call *call, unsigned slot)
{
    struct refusal refusal;
    decide_lone_slot(call, slot, &refusal);
    if (refusal.text[0] == '\0') return true;
    reply_error(call, refusal.text);
    return false;
}

bool call_is_slot_here(const struct call *call, unsigned slot)
{
    struct refusal refusal;
    decide_lone_slot(call, slot, &refusal);
    return refusal.text[0] == '\0';
}

/* --- the state of the server ------------------------------------------------------------- */

static const char *refused_by_state(const struct engine *engine, const struct session *session,
                                    uint32_t flags, bool is_stale_ok, bool is_loading_ok)
{
    const struct permit *permit = &engine->permit;
    bool is_write = flags & CMD_WRITE;
    if (engine->room.is_lacking && flags & CMD_DENY_OOM)
        return "OOM command not allowed when used memory > 'maxmemory'.";
    if (permit->misconf != NULL && !permit->is_replica && (is_write || flags & CMD_IN_MISCONF))
        return permit->misconf;
    if (permit->lacks_replicas && is_write && !permit->is_replica)
        return "NOREPLICAS Not enough good replicas to write.";
    if (permit->is_replica && permit->is_replica_read_only && is_write)
        return "READONLY You can't write against a read only replica.";
    if (session->writer.protocol == 2 && session_is_subscriber(session) && !(flags & CMD_IN_PUBSUB))
        return ""; /* the text names the command */
    if (permit->is_stale && !is_stale_ok)
        return "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    if (permit->is_loading && !permit->is_loading_beside && !is_loading_ok)
        return "LOADING Valkey is loading the dataset in memory";
    if (permit->is_loading && permit->is_loading_beside && flags & CMD_NO_ASYNC_LOADING)
        return "LOADING Valkey is loading the dataset in memory";
    bool is_listener = session->flags & SESSION_MONITOR || session->kind == SESSION_REPLICA;
    if (is_listener && flags & (CMD_READ | CMD_WRITE | CMD_MAY_REPLICATE))
        return "ERR Replica can't interact with the keyspace";
    return NULL;
}

enum pause_kind engine_pause(const struct engine *engine, time_ms *until_ms)
{
    const struct permit *permit = &engine->permit;
    time_ms now_ms = engine->clock.now_ms;
    enum pause_kind kind = PAUSE_NONE;
    *until_ms = 0;
    if (engine->pause != PAUSE_NONE && now_ms < engine->pause_until_ms) {
        kind = engine->pause;
        *until_ms = engine->pause_until_ms;
    }
    if (permit->pause != PAUSE_NONE && now_ms < permit->pause_until_ms) {
        kind = MAX(kind, (enum pause_kind)permit->pause);
        *until_ms = MAX(*until_ms, permit->pause_until_ms);
    }
    return kind;
}

static void find_pause(const struct engine *engine, uint32_t flags, struct refusal *refusal)
{
    if (engine->pause == PAUSE_NONE && engine->permit.pause == PAUSE_NONE) return;
    time_ms until_ms;
    enum pause_kind kind = engine_pause(engine, &until_ms);
    if (kind == PAUSE_NONE) return;
    if (kind == PAUSE_WRITES && !(flags & (CMD_WRITE | CMD_MAY_REPLICATE))) return;
    refusal->must_wait = true;
    refusal->until_ms = until_ms;
}

/* EXEC stands for what was queued. */
static uint32_t effective_flags(const struct call *call)
{
    const uint32_t any = CMD_WRITE | CMD_READ | CMD_DENY_OOM | CMD_MAY_REPLICATE;
    uint32_t flags = call->entry->flags;
    if (flags & CMD_IS_EXEC) flags |= call->session->queue_flags_any & any;
    return flags;
}

void refusal_find(struct engine *engine, const struct call *call, struct refusal *refusal)
{
    const struct session *session = call->session;
    uint32_t flags = effective_flags(call);
    uint32_t all = flags;
    if (flags & CMD_IS_EXEC && session->queue_count > 0) all &= session->queue_flags_all;
    refusal->text[0] = '\0';
    refusal->must_wait = false;
    refusal->slot = -1;

    if (engine->permit.is_cluster) {
        decide_cluster(engine, call, flags, refusal);
        if (refusal->text[0] != '\0') return;
    }
    const char *text = refused_by_state(engine, session, flags, all & CMD_STALE, all & CMD_LOADING);
    if (text == NULL) {
        if (!refusal->must_wait) find_pause(engine, flags, refusal);
        return;
    }
    refusal->must_wait = false;
    if (text[0] != '\0') {
        refuse(refusal, text);
        return;
    }
    refuse_format(refusal,
                  "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT "
                  "/ RESET are allowed in this context",
                  call->entry->name);
}
