/* MULTI, EXEC, DISCARD, WATCH, UNWATCH. */
#include "engine/multi.h"
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"

#define WATCH_BYTES 128 /* about: a watch, the key that it may be the first to watch */

void multi_queue(struct session *session, struct command_entry *entry, const struct bytes *argv,
                 uint32_t argc)
{
    size_t size = sizeof(struct queued_command) + argc * sizeof(struct bytes);
    size_t text_at = size;
    for (uint32_t i = 0; i < argc; i++) size += argv[i].size;

    struct queued_command *queued = memory_alloc(size);
    *queued = (struct queued_command){ .entry = entry, .argc = argc, .memory = size };
    char *text = (char *)queued + text_at;
    for (uint32_t i = 0; i < argc; i++) {
        if (argv[i].size > 0) memcpy(text, argv[i].data, argv[i].size);
        queued->argv[i] = bytes_of(text, argv[i].size);
        text += argv[i].size;
    }
    if (session->queue_count == 0) {
        session->queue_first = queued;
        session->queue_flags_any = 0;
        session->queue_flags_all = UINT32_MAX;
    } else {
        session->queue_last->next = queued;
    }
    session->queue_last = queued;
    session->queue_count++;
    session->queue_bytes += size;
    session->queue_flags_any |= entry->flags;
    session->queue_flags_all &= entry->flags;
}

static void unwatch_all(struct engine *engine, struct session *session)
{
    if (session->watch_count > 0) engine->counters.clients_watching--;
    session->watch_count = 0;
    session->watch_bytes = 0;
    watcher_clear(&session->watcher);
}

void multi_discard(struct engine *engine, struct session *session)
{
    while (session->queue_first != NULL) {
        struct queued_command *next = session->queue_first->next;
        memory_free_sized(session->queue_first, session->queue_first->memory);
        session->queue_first = next;
    }
    session->queue_last = NULL;
    session->queue_count = 0;
    session->queue_bytes = 0;
    session->queue_flags_any = session->queue_flags_all = 0;
    session->flags &= ~(uint32_t)(SESSION_MULTI | SESSION_DIRTY_EXEC);
    unwatch_all(engine, session);
}

static void multi(struct call *call)
{
    call->session->flags |= SESSION_MULTI | SESSION_KNOWS_MULTI;
    reply_ok(call);
}

static void discard(struct call *call)
{
    if (!(call->session->flags & SESSION_MULTI)) {
        reply_error(call, "ERR DISCARD without MULTI");
        return;
    }
    multi_discard(call->engine, call->session);
    reply_ok(call);
}

static void run_queue(struct call *exec)
{
    struct engine *engine = exec->engine;
    struct session *session = exec->session;
    reply_array(exec, session->queue_count);
    session->flags &= ~(uint32_t)SESSION_MULTI;
    session->flags |= SESSION_EXECUTING;
    propagation_group_begin(engine);
    for (struct queued_command *queued = session->queue_first; queued != NULL;
         queued = queued->next) {
        struct call call;
        call_init(&call, engine, session, queued->entry, queued->argv, queued->argc);
        call.writer = exec->writer;
        engine_run_call(engine, &call);
    }
    propagation_group_end(engine);
    session->flags &= ~(uint32_t)SESSION_EXECUTING;
}

static void exec(struct call *call)
{
    struct session *session = call->session;
    if (!(session->flags & SESSION_MULTI)) {
        reply_error(call, "ERR EXEC without MULTI");
        return;
    }
    if (session->flags & SESSION_DIRTY_EXEC)
        reply_error(call, "EXECABORT Transaction discarded because of previous errors.");
    else if (keyspace_watcher_is_dirty(call->keyspace, call->access, &session->watcher))
        reply_null_array(call);
    else
        run_queue(call);
    multi_discard(call->engine, session);
}

static void watch(struct call *call)
{
    struct session *session = call->session;
    session->flags |= SESSION_KNOWS_MULTI;
    if (session->watcher.is_dirty) { /* EXEC will fail whatever comes */
        reply_ok(call);
        return;
    }
    for (uint32_t i = 1; i < call->argc; i++) {
        struct key key = call_key(call, i);
        if (session->watch_count == 0) call->engine->counters.clients_watching++;
        keyspace_watch(call->keyspace, call->access, &session->watcher, &key);
        session->watch_count++;
        session->watch_bytes += WATCH_BYTES + key.bytes.size;
    }
    reply_ok(call);
}

/* A dirty watcher need not watch any more; that is seen to here, where somebody counts. */
static bool is_watching(struct session *session)
{
    struct watcher *watcher = &session->watcher;
    if (!watcher->is_dirty) return watcher_has_watches(watcher);
    watcher_clear(watcher);
    watcher->is_dirty = true;
    return false;
}

struct engine_watches engine_watches(struct engine *engine)
{
    struct engine_watches watches = { 0 };
    if (engine->counters.clients_watching == 0) return watches;
    LIST_EACH(&engine->sessions, struct session, session, link)
    if (is_watching(session)) watches.clients++;
    watches.keys = keyspace_watched_count(engine->keyspace);
    return watches;
}

static void unwatch(struct call *call)
{
    unwatch_all(call->engine, call->session);
    reply_ok(call);
}

/* clang-format off */
const struct command multi_commands[] = {
    { .name = "multi", .run = multi, .arity = 1,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_MULTI | CMD_ALLOW_BUSY,
      .acl = ACL_TRANSACTION, .group = GROUP_TRANSACTIONS, .since = "1.2.0", .complexity = "O(1)",
      .summary = "Starts a transaction." },
    { .name = "exec", .run = exec, .arity = 1,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_SKIP_LOG | CMD_NOT_QUEUED |
          CMD_IS_EXEC, .acl = ACL_TRANSACTION,
      .group = GROUP_TRANSACTIONS, .since = "1.2.0",
      .complexity = "Depends on commands in the transaction",
      .summary = "Executes all commands in a transaction." },
    { .name = "discard", .run = discard, .arity = 1,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY |
          CMD_NOT_QUEUED,
      .acl = ACL_TRANSACTION, .group = GROUP_TRANSACTIONS, .since = "2.0.0",
      .complexity = "O(N), when N is the number of queued commands",
      .summary = "Discards a transaction." },
    { .name = "watch", .run = watch, .arity = -2,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_MULTI | CMD_ALLOW_BUSY,
      .acl = ACL_TRANSACTION, .keys = KEY_RANGE(1, -1, 1), .key_flags = KEY_RO,
      .group = GROUP_TRANSACTIONS, .args = "key...", .since = "2.2.0",
      .complexity = "O(1) for every key.",
      .summary = "Monitors changes to keys to determine the execution of a transaction." },
    { .name = "unwatch", .run = unwatch, .arity = 1,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY,
      .acl = ACL_TRANSACTION, .group = GROUP_TRANSACTIONS, .since = "2.2.0", .complexity = "O(1)",
      .summary = "Forgets about watched keys of a transaction." },
    { 0 },
};
/* clang-format on */
