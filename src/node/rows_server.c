/* SAVE, BGSAVE, LASTSAVE and SHUTDOWN. */
#include "base/log.h"
#include "node/parts.h"

static void run_save(struct call *call)
{
    struct node *node = node_of(call);
    if (node->snapshots.child_runs && node->snapshots.job == CHILD_SAVE) {
        reply_error(call, "ERR Background save already in progress");
        return;
    }
    clients_propagate(node); /* the snapshot says where in the stream it stands */
    if (snapshots_save(node))
        reply_ok(call);
    else
        reply_error(call, "ERR");
}

static void cancel_save(struct call *call)
{
    struct node *node = node_of(call);
    struct snapshots *snapshots = &node->snapshots;
    if (snapshots->child_runs && snapshots->job == CHILD_SAVE && snapshots->stream_job == 0) {
        snapshots_kill_child(node);
        reply_simple(call, "Background saving cancelled");
    } else if (snapshots->is_save_queued || snapshots->wants_save) {
        snapshots->is_save_queued = false;
        snapshots->wants_save = false;
        reply_simple(call, "Scheduled background saving cancelled");
    } else {
        reply_error(call, "ERR Background saving is currently not in progress or scheduled");
    }
}

static void run_bgsave(struct call *call)
{
    struct node *node = node_of(call);
    bool may_wait = call->argc == 2 && call_arg_is(call, 1, "schedule");
    if (call->argc == 2 && call_arg_is(call, 1, "cancel")) {
        cancel_save(call);
        return;
    }
    if (call->argc > 2 || (call->argc == 2 && !may_wait)) {
        reply_syntax_error(call);
        return;
    }
    switch (snapshots_save_in_background(node, may_wait)) {
    case SNAPSHOT_STARTED: reply_simple(call, "Background saving started"); break;
    case SNAPSHOT_SCHEDULED: reply_simple(call, "Background saving scheduled"); break;
    case SNAPSHOT_BUSY:
        if (node->snapshots.job == CHILD_SAVE)
            reply_error(call, "ERR Background save already in progress");
        else
            reply_error(call, "ERR Another child process is active (AOF?): can't BGSAVE right now. "
                              "Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever "
                              "possible.");
        break;
    }
}

static void run_lastsave(struct call *call)
{
    reply_integer(call, node_of(call)->snapshots.last_save_wall_ms / 1000);
}

struct shutdown_words {
    enum stop_kind kind;
    bool is_now;
    bool is_forced;
    bool is_abort;
    bool is_safe;
    bool is_failover;
};

static bool parse_shutdown(struct call *call, struct shutdown_words *words)
{
    *words = (struct shutdown_words){ .kind = STOP_DEFAULT };
    for (uint32_t at = 1; at < call->argc; at++) {
        bool is_save = call_arg_is(call, at, "save");
        bool is_nosave = call_arg_is(call, at, "nosave");
        if ((is_save || is_nosave) && words->kind != STOP_DEFAULT) return false;
        if (is_save)
            words->kind = STOP_SAVE;
        else if (is_nosave)
            words->kind = STOP_NOSAVE;
        else if (call_arg_is(call, at, "now"))
            words->is_now = true;
        else if (call_arg_is(call, at, "force"))
            words->is_forced = true;
        else if (call_arg_is(call, at, "abort"))
            words->is_abort = true;
        else if (call_arg_is(call, at, "safe"))
            words->is_safe = true;
        else if (call_arg_is(call, at, "failover"))
            words->is_failover = true;
        else
            return false;
    }
    bool has_others = words->is_now || words->is_forced || words->kind != STOP_DEFAULT;
    return !(words->is_abort && has_others) && !(words->is_safe && words->is_forced);
}

/* Without a reply: the client sees the connection end. When the save fails the node goes on, and
 * the client is told by the reply that stop_turn writes. */
static void run_shutdown(struct call *call)
{
    struct node *node = node_of(call);
    struct shutdown_words words;
    if (!parse_shutdown(call, &words)) {
        reply_syntax_error(call);
        return;
    }
    if (words.is_abort) {
        if (stop_abort(node))
            reply_ok(call);
        else
            reply_error(call, "ERR No shutdown in progress.");
        return;
    }
    stop_begin(node, words.kind, words.is_now, words.is_forced);
    /* Nobody may believe that what is sent from now on is saved. */
    if (call_block(call, BLOCK_HOST, TIME_NEVER, NULL)) node->stop_session = call->session->id;
}

/* clang-format off */
const struct command node_server_rows[] = {
    { .name = "save", .run = run_save, .arity = 1,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
      .group = GROUP_SERVER, .since = "1.0.0",
      .complexity = "O(N) where N is the total number of keys in all databases",
      .summary = "Synchronously saves the database(s) to disk." },
    { .name = "bgsave", .run = run_bgsave, .arity = -1,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_NO_ASYNC_LOADING, .group = GROUP_SERVER,
      .args = "[operation(SCHEDULE@3.2.2|CANCEL@8.1.0)]", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Asynchronously saves the database(s) to disk.",
      .history = "3.2.2 Added the `SCHEDULE` option.\n8.1.0 Added the `CANCEL` option." },
    { .name = "lastsave", .run = run_lastsave, .arity = 1,
      .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
      .acl = ACL_ADMIN | ACL_DANGEROUS, .group = GROUP_SERVER, .since = "1.0.0",
      .complexity = "O(1)",
      .summary = "Returns the Unix timestamp of the last successful save to disk.",
      .tips = "nondeterministic_output" },
    { .name = "shutdown", .run = run_shutdown, .arity = -1,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI | CMD_ALLOW_BUSY,
      .group = GROUP_SERVER,
      .args = "[abort-selector(save-selector-block{[save-selector(NOSAVE|SAVE)] "
          "[NOW@7.0.0] [FORCE@7.0.0] [SAFE@9.0.0] [FAILOVER@9.0.0]}|ABORT@7.0.0)]",
      .since = "1.0.0",
      .complexity = "O(N) when saving, where N is the total number of keys in all "
          "databases when saving data, otherwise O(1)",
      .summary = "Synchronously saves the database(s) to disk and shuts down the server.",
      .history = "7.0.0 Added the `NOW`, `FORCE` and `ABORT` modifiers.\n9.0.0 Added the "
          "`SAFE` and `FAILOVER` modifiers." },
};
/* clang-format on */
const size_t node_server_row_count = COUNT_OF(node_server_rows);
