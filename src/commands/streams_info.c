/* XINFO: streams, groups and consumers as their owners see them. */
#include "commands/rows.h"
#include "commands/streams.h"

#define FULL_COUNT 10 /* entries and pending ones that FULL shows, unless COUNT says otherwise */

static bool find_stream(struct call *call, struct stream **stream)
{
    struct key key = call_key(call, 2);
    if (!call_stream_for_read(call, &key, stream)) return false;
    if (*stream != NULL) return true;
    reply_error(call, "ERR no such key");
    return false;
}

/* ---- CONSUMERS, GROUPS ---- */

static void xinfo_consumers(struct call *call)
{
    struct stream *stream;
    if (!find_stream(call, &stream)) return;
    struct bytes key = call_arg(call, 2), name = call_arg(call, 3);
    const struct stream_group *group = stream_group_find(stream, name);
    if (group == NULL) {
        reply_error_format(call, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                           (int)name.size, name.data, (int)key.size, key.data);
        return;
    }
    reply_array(call, group->consumer_count);
    for (size_t i = 0; i < group->consumer_count; i++) {
        const struct stream_consumer *consumer = group->consumers[i];
        bool is_active = consumer->active_ms != STREAM_NEVER_ACTIVE;
        reply_map(call, 4);
        reply_text(call, "name");
        reply_bytes(call, consumer->name);
        reply_field_integer(call, "pending", (int64_t)consumer->pending.count);
        reply_field_integer(call, "idle", call_stream_idle_ms(call, consumer->seen_ms));
        reply_field_integer(call, "inactive",
                            is_active ? call_stream_idle_ms(call, consumer->active_ms) : -1);
    }
}

static void reply_progress(struct call *call, const struct stream *stream,
                           const struct stream_group *group)
{
    int64_t lag;
    reply_field_id(call, "last-delivered-id", group->last_id);
    reply_text(call, "entries-read");
    if (group->entries_read == STREAM_READ_UNKNOWN)
        reply_null(call);
    else
        reply_integer(call, group->entries_read);
    reply_text(call, "lag");
    if (stream_group_lag(stream, group, &lag))
        reply_integer(call, lag);
    else
        reply_null(call);
}

static void xinfo_groups(struct call *call)
{
    struct stream *stream;
    if (!find_stream(call, &stream)) return;
    reply_array(call, stream_group_count(stream));
    for (size_t i = 0; i < stream_group_count(stream); i++) {
        const struct stream_group *group = stream_group_at(stream, i);
        reply_map(call, 6);
        reply_text(call, "name");
        reply_bytes(call, group->name);
        reply_field_integer(call, "consumers", (int64_t)group->consumer_count);
        reply_field_integer(call, "pending", (int64_t)group->pending.count);
        reply_progress(call, stream, group);
    }
}

/* ---- STREAM ---- */

static void reply_figures(struct call *call, const struct stream *stream)
{
    const struct stream_figures *figures = stream_figures(stream);
    reply_field_integer(call, "length", (int64_t)stream_length(stream));
    reply_field_integer(call, "radix-tree-keys", (int64_t)stream_node_count(stream));
    reply_field_integer(call, "radix-tree-nodes", (int64_t)stream_radix_nodes(stream));
    reply_field_id(call, "last-generated-id", figures->last_id);
    reply_field_id(call, "max-deleted-entry-id", figures->max_deleted_id);
    reply_field_integer(call, "entries-added", (int64_t)figures->entries_added);
    reply_field_id(call, "recorded-first-entry-id", figures->first_id);
}

static void reply_edge(struct call *call, const struct stream *stream, bool is_last)
{
    struct stream_walk walk;
    stream_walk_init(&walk, stream, STREAM_ID_MIN, STREAM_ID_MAX, is_last);
    if (stream_walk_next(&walk))
        reply_stream_entry(call, &walk);
    else
        reply_null(call);
}

static void reply_group_pending(struct call *call, const struct stream_group *group, size_t count)
{
    struct id_place at;
    const struct stream_pending *pending = id_map_first(&group->pending, &at);
    reply_text(call, "pending");
    reply_array(call, MIN(count, group->pending.count));
    for (; pending != NULL && count > 0; pending = id_map_next(&group->pending, &at), count--) {
        reply_array(call, 4);
        reply_stream_id(call, pending->id);
        reply_bytes(call, pending->consumer->name);
        reply_integer(call, pending->delivered_ms);
        reply_integer(call, (int64_t)pending->count);
    }
}

static void reply_consumer_full(struct call *call, const struct stream_group *group,
                                const struct stream_consumer *consumer, size_t count)
{
    reply_map(call, 5);
    reply_text(call, "name");
    reply_bytes(call, consumer->name);
    reply_field_integer(call, "seen-time", consumer->seen_ms);
    reply_field_integer(call, "active-time", consumer->active_ms);
    reply_field_integer(call, "pel-count", (int64_t)consumer->pending.count);
    reply_text(call, "pending");
    reply_array(call, MIN(count, consumer->pending.count));
    struct id_place at;
    const struct stream_id *id = id_map_first(&consumer->pending, &at);
    for (; id != NULL && count > 0; id = id_map_next(&consumer->pending, &at), count--) {
        const struct stream_pending *pending = stream_pending_find(group, *id);
        reply_array(call, 3);
        reply_stream_id(call, *id);
        reply_integer(call, pending->delivered_ms);
        reply_integer(call, (int64_t)pending->count);
    }
}

static void reply_group_full(struct call *call, const struct stream *stream,
                             const struct stream_group *group, size_t count)
{
    reply_map(call, 7);
    reply_text(call, "name");
    reply_bytes(call, group->name);
    reply_progress(call, stream, group);
    reply_field_integer(call, "pel-count", (int64_t)group->pending.count);
    reply_group_pending(call, group, count);
    reply_text(call, "consumers");
    reply_array(call, group->consumer_count);
    for (size_t i = 0; i < group->consumer_count; i++)
        reply_consumer_full(call, group, group->consumers[i], count);
}

static void reply_full(struct call *call, const struct stream *stream, size_t count)
{
    struct stream_walk walk;
    reply_map(call, 9);
    reply_figures(call, stream);
    reply_text(call, "entries");
    stream_walk_init(&walk, stream, STREAM_ID_MIN, STREAM_ID_MAX, false);
    reply_stream_entries(call, &walk, count);
    reply_text(call, "groups");
    reply_array(call, stream_group_count(stream));
    for (size_t i = 0; i < stream_group_count(stream); i++)
        reply_group_full(call, stream, stream_group_at(stream, i), count);
}

static void xinfo_stream(struct call *call)
{
    struct stream *stream;
    int64_t count = FULL_COUNT;
    if (!find_stream(call, &stream)) return;
    if (call->argc == 3) {
        reply_map(call, 10);
        reply_figures(call, stream);
        reply_field_integer(call, "groups", (int64_t)stream_group_count(stream));
        reply_text(call, "first-entry");
        reply_edge(call, stream, false);
        reply_text(call, "last-entry");
        reply_edge(call, stream, true);
        return;
    }
    bool is_counted = call->argc == 6 && call_arg_is(call, 4, "count");
    if (!call_arg_is(call, 3, "full") || (call->argc != 4 && !is_counted)) {
        reply_subcommand_error(call);
        return;
    }
    if (is_counted && !call_integer(call, 5, &count)) return;
    if (count < 0) count = FULL_COUNT;
    reply_full(call, stream, count == 0 ? SIZE_MAX : (size_t)count);
}

static void xinfo_help(struct call *call)
{
    static const char *const lines[] = {
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
        NULL,
    };
    reply_help(call, lines);
}

/* clang-format off */
static const struct command xinfo_subcommands[] = {
    { .name = "consumers", .run = xinfo_consumers, .arity = 4, .flags = CMD_READ,
      .acl = ACL_STREAM, .keys = KEY_AT(2), .group = GROUP_STREAM, .args = "key group",
      .since = "5.0.0", .complexity = "O(1)",
      .summary = "Returns a list of the consumers in a consumer group.",
      .tips = "nondeterministic_output",
      .history = "7.2.0 Added the `inactive` field, and changed the meaning of `idle`." },
    { .name = "groups", .run = xinfo_groups, .arity = 3, .flags = CMD_READ, .acl = ACL_STREAM,
      .keys = KEY_AT(2), .group = GROUP_STREAM, .args = "key", .since = "5.0.0",
      .complexity = "O(1)", .summary = "Returns a list of the consumer groups of a stream.",
      .history = "7.0.0 Added the `entries-read` and `lag` fields" },
    { .name = "help", .run = xinfo_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_STREAM, .group = GROUP_STREAM, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "stream", .run = xinfo_stream, .arity = -3, .flags = CMD_READ, .acl = ACL_STREAM,
      .keys = KEY_AT(2), .group = GROUP_STREAM,
      .args = "key [full-block{FULL [COUNT=count:integer]}]", .since = "5.0.0",
      .complexity = "O(1)", .summary = "Returns information about a stream.",
      .history = "6.0.0 Added the `FULL` modifier.\n7.0.0 Added the "
          "`max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, "
          "`entries-read` and `lag` fields\n7.2.0 Added the `active-time` field, and "
          "changed the meaning of `seen-time`." },
    { 0 },
};

const struct command stream_info_commands[] = {
    { .name = "xinfo", .arity = -2, .group = GROUP_STREAM, .since = "5.0.0",
      .complexity = "Depends on subcommand.",
      .summary = "A container for stream introspection commands.",
      .subcommands = xinfo_subcommands },
    { 0 },
};
/* clang-format on */
