/* Whole databases, and the time: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB, TIME. */
#include "base/number.h"
#include "commands/rows.h"
#include "engine/call.h"

static void dbsize(struct call *call)
{
    reply_integer(call, (int64_t)keyspace_count(call->keyspace, (uint32_t)call->session->db));
}

/* Both modes are one here: the data go to the garbage at once and are freed aside. */
static bool flush_mode_is_right(struct call *call)
{
    bool is_right =
        call->argc == 1 ||
        (call->argc == 2 && (call_arg_is(call, 1, "sync") || call_arg_is(call, 1, "async")));
    if (!is_right) reply_syntax_error(call);
    return is_right;
}

static void flushed(struct call *call, size_t count)
{
    bool is_aside =
        call->argc == 1 ? engine_settings(call->engine)->lazy_flush : call_arg_is(call, 1, "async");
    if (!is_aside) engine_counters(call->engine)->flushed_sync += count;
    call_changed(call);
    reply_ok(call);
}

static void flushdb(struct call *call)
{
    if (!flush_mode_is_right(call)) return;
    flushed(call, keyspace_flush(call->keyspace, call->access, (uint32_t)call->session->db));
}

static void flushall(struct call *call)
{
    if (!flush_mode_is_right(call)) return;
    flushed(call, keyspace_flush_all(call->keyspace, call->access));
}

static bool index_parse(struct call *call, uint32_t at, const char *error, int64_t *index)
{
    if (!call_integer_or(call, at, error, index)) return false;
    if (*index >= INT32_MIN && *index <= INT32_MAX) return true;
    reply_error(call, error);
    return false;
}

static void swapdb(struct call *call)
{
    int64_t first, second, count = keyspace_database_count(call->keyspace);
    if (keyspace_is_clustered(call->keyspace)) {
        reply_error(call, "ERR SWAPDB is not allowed in cluster mode");
        return;
    }
    if (!index_parse(call, 1, "ERR invalid first DB index", &first)) return;
    if (!index_parse(call, 2, "ERR invalid second DB index", &second)) return;
    if (first < 0 || first >= count || second < 0 || second >= count) {
        reply_error(call, "ERR DB index is out of range");
        return;
    }
    keyspace_swap(call->keyspace, call->access, (uint32_t)first, (uint32_t)second);
    call_changed(call);
    reply_ok(call);
}

static void time_command(struct call *call)
{
    reply_array(call, 2);
    resp_bulk_integer(call->writer, call->wall_ms / 1000);
    resp_bulk_integer(call->writer, call->wall_ms % 1000 * 1000);
}

/* clang-format off */
const struct command server_commands[] = {
    { .name = "dbsize", .run = dbsize, .arity = 1, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_KEYSPACE, .group = GROUP_SERVER, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Returns the number of keys in the database.",
      .tips = "request_policy:all_shards response_policy:agg_sum" },
    { .name = "flushdb", .run = flushdb, .arity = -1, .flags = CMD_WRITE,
      .acl = ACL_DANGEROUS | ACL_KEYSPACE, .group = GROUP_SERVER,
      .args = "[flush-type(ASYNC@4.0.0|SYNC@6.2.0)]", .since = "1.0.0",
      .complexity = "O(N) where N is the number of keys in the selected database",
      .summary = "Removes all keys from the current database.",
      .tips = "request_policy:all_shards response_policy:all_succeeded",
      .history = "4.0.0 Added the `ASYNC` flushing mode modifier.\n6.2.0 Added the `SYNC` "
          "flushing mode modifier." },
    { .name = "flushall", .run = flushall, .arity = -1, .flags = CMD_WRITE,
      .acl = ACL_DANGEROUS | ACL_KEYSPACE, .group = GROUP_SERVER,
      .args = "[flush-type(ASYNC@4.0.0|SYNC@6.2.0)]", .since = "1.0.0",
      .complexity = "O(N) where N is the total number of keys in all databases",
      .summary = "Removes all keys from all databases.",
      .tips = "request_policy:all_shards response_policy:all_succeeded",
      .history = "4.0.0 Added the `ASYNC` flushing mode modifier.\n6.2.0 Added the `SYNC` "
          "flushing mode modifier." },
    { .name = "swapdb", .run = swapdb, .arity = 3, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_DANGEROUS | ACL_KEYSPACE, .group = GROUP_SERVER,
      .args = "index1:integer index2:integer", .since = "4.0.0",
      .complexity = "O(N) where N is the count of clients watching or blocking on keys "
          "from both databases.", .summary = "Swaps two databases." },
    { .name = "time", .run = time_command, .arity = 1, .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
      .group = GROUP_SERVER, .since = "2.6.0", .complexity = "O(1)",
      .summary = "Returns the server time.", .tips = "nondeterministic_output" },
    { 0 },
};
/* clang-format on */
