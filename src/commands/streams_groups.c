/* Consumer groups of streams: made, moved, taken away; XACK. */
#include "commands/rows.h"
#include "commands/streams.h"

/* ---- the options of CREATE and SETID ---- */

struct group_options {
    int64_t entries_read;
    bool makes_stream;
};

static bool parse_options(struct call *call, bool is_create, struct group_options *options)
{
    *options = (struct group_options){ .entries_read = STREAM_READ_UNKNOWN };
    for (uint32_t i = 5; i < call->argc; i++) {
        if (is_create && call_arg_is(call, i, "mkstream")) {
            options->makes_stream = true;
        } else if (call_arg_is(call, i, "entriesread") && i + 1 < call->argc) {
            if (!call_integer(call, ++i, &options->entries_read)) return false;
            if (options->entries_read >= 0 || options->entries_read == STREAM_READ_UNKNOWN)
                continue;
            reply_error(call, "ERR value for ENTRIESREAD must be positive or -1");
            return false;
        } else {
            reply_subcommand_error(call);
            return false;
        }
    }
    return true;
}

/* ---- the place ---- */

static bool find_stream(struct call *call, struct group_place *place, bool may_be_absent)
{
    place->key = call_key(call, 2);
    if (!call_stream_for_write(call, &place->key, &place->entry, &place->stream)) return false;
    if (place->stream != NULL || may_be_absent) return true;
    reply_error(call, "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE "
                      "you may want to use the MKSTREAM option to create an empty stream "
                      "automatically.");
    return false;
}

static bool find_group(struct call *call, struct group_place *place)
{
    if (!find_stream(call, place, false)) return false;
    struct bytes name = call_arg(call, 3);
    place->group = stream_group_find(place->stream, name);
    if (place->group != NULL) return true;
    reply_error_format(call, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                       (int)name.size, name.data, (int)place->key.bytes.size,
                       place->key.bytes.data);
    return false;
}

/* ---- XGROUP ---- */

static void xgroup_create(struct call *call)
{
    struct group_options options;
    struct group_place place;
    if (!parse_options(call, true, &options)) return;
    if (!find_stream(call, &place, options.makes_stream)) return;
    struct stream_id id = STREAM_ID_MIN;
    if (!bytes_equal(call_arg(call, 4), BYTES("$"))) {
        if (!call_stream_id(call, 4, 0, &id)) return;
    } else if (place.stream != NULL) {
        id = stream_figures(place.stream)->last_id;
    }
    if (place.stream == NULL) {
        place.stream = stream_create();
        keyspace_put_value(call->keyspace, call->access, &place.key, VALUE_STREAM, place.stream,
                           PUT_PLAIN);
    }
    if (stream_group_create(place.stream, call_arg(call, 3), id, options.entries_read) == NULL) {
        reply_error(call, "BUSYGROUP Consumer Group name already exists");
        return;
    }
    call_group_changed(call);
    call_notify(call, NOTIFY_STREAM, "xgroup-create", &place.key);
    reply_ok(call);
}

static void xgroup_setid(struct call *call)
{
    struct group_options options;
    struct group_place place;
    if (!parse_options(call, false, &options)) return;
    if (!find_group(call, &place)) return;
    struct stream_id id = stream_figures(place.stream)->last_id;
    if (!bytes_equal(call_arg(call, 4), BYTES("$")) && !call_stream_id_loose(call, 4, 0, &id))
        return;
    place.group->last_id = id;
    place.group->entries_read = options.entries_read;
    call_group_changed(call);
    call_notify(call, NOTIFY_STREAM, "xgroup-setid", &place.key);
    reply_ok(call);
}

static void xgroup_destroy(struct call *call)
{
    struct group_place place;
    if (!find_stream(call, &place, false)) return;
    bool was_there = stream_group_destroy(place.stream, call_arg(call, 3));
    if (was_there) {
        /* Told as an edit: who waits for the group must hear that it is gone. */
        call_edited(call, &place.key, place.entry, place.stream);
        call_notify(call, NOTIFY_STREAM, "xgroup-destroy", &place.key);
    }
    reply_integer(call, was_there);
}

static void xgroup_createconsumer(struct call *call)
{
    struct group_place place;
    if (!find_group(call, &place)) return;
    struct bytes name = call_arg(call, 4);
    bool is_new = stream_consumer_create(place.group, name, call->wall_ms) != NULL;
    if (is_new) {
        call_group_changed(call);
        call_notify(call, NOTIFY_STREAM, "xgroup-createconsumer", &place.key);
    }
    reply_integer(call, is_new);
}

static void xgroup_delconsumer(struct call *call)
{
    struct group_place place;
    if (!find_group(call, &place)) return;
    struct stream_consumer *consumer = stream_consumer_find(place.group, call_arg(call, 4));
    if (consumer == NULL) {
        reply_integer(call, 0);
        return;
    }
    reply_integer(call, (int64_t)consumer->pending.count);
    stream_consumer_destroy(place.group, consumer);
    call_group_changed(call);
    call_notify(call, NOTIFY_STREAM, "xgroup-delconsumer", &place.key);
}

static void xgroup_help(struct call *call)
{
    static const char *const lines[] = {
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
        NULL,
    };
    reply_help(call, lines);
}

/* ---- XACK ---- */

static void xack(struct call *call)
{
    struct group_place place = { .key = call_key(call, 1) };
    struct stream_id id;
    if (!call_group_for_claims(call, &place)) return;
    if (place.group == NULL) {
        reply_integer(call, 0);
        return;
    }
    /* All are right, or none is taken. */
    for (uint32_t i = 3; i < call->argc; i++)
        if (!call_stream_id(call, i, 0, &id)) return;
    int64_t count = 0;
    for (uint32_t i = 3; i < call->argc; i++) {
        bool is_right = stream_id_parse(call_arg(call, i), 0, &id);
        count += is_right && stream_pending_remove(place.group, id);
    }
    if (count > 0) call_group_changed(call);
    reply_integer(call, count);
}

/* clang-format off */
static const struct command xgroup_subcommands[] = {
    { .name = "create", .run = xgroup_create, .arity = -5, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_STREAM, .keys = KEY_AT(2), .key_flags = KEY_RW | KEY_INSERT,
      .group = GROUP_STREAM,
      .args = "key group id-selector(id|new-id:'$') [MKSTREAM] "
          "[ENTRIESREAD=entriesread:integer/entries-read]", .since = "5.0.0", .complexity = "O(1)",
      .summary = "Creates a consumer group.",
      .history = "7.0.0 Added the `entries_read` named argument." },
    { .name = "createconsumer", .run = xgroup_createconsumer, .arity = 5,
      .flags = CMD_WRITE | CMD_DENY_OOM, .acl = ACL_STREAM, .keys = KEY_AT(2),
      .key_flags = KEY_RW | KEY_INSERT, .group = GROUP_STREAM, .args = "key group consumer",
      .since = "6.2.0", .complexity = "O(1)",
      .summary = "Creates a consumer in a consumer group." },
    { .name = "delconsumer", .run = xgroup_delconsumer, .arity = 5, .flags = CMD_WRITE,
      .acl = ACL_STREAM, .keys = KEY_AT(2), .key_flags = KEY_RW | KEY_DELETE,
      .group = GROUP_STREAM, .args = "key group consumer", .since = "5.0.0", .complexity = "O(1)",
      .summary = "Deletes a consumer from a consumer group." },
    { .name = "destroy", .run = xgroup_destroy, .arity = 4, .flags = CMD_WRITE, .acl = ACL_STREAM,
      .keys = KEY_AT(2), .key_flags = KEY_RW | KEY_DELETE, .group = GROUP_STREAM,
      .args = "key group", .since = "5.0.0",
      .complexity = "O(N) where N is the number of entries in the group's pending entries "
          "list (PEL).", .summary = "Destroys a consumer group." },
    { .name = "help", .run = xgroup_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_STREAM, .group = GROUP_STREAM, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "setid", .run = xgroup_setid, .arity = -5, .flags = CMD_WRITE, .acl = ACL_STREAM,
      .keys = KEY_AT(2), .group = GROUP_STREAM,
      .args = "key group id-selector(id|new-id:'$') "
          "[ENTRIESREAD=entriesread:integer/entries-read]", .since = "5.0.0", .complexity = "O(1)",
      .summary = "Sets the last-delivered ID of a consumer group.",
      .history = "7.0.0 Added the optional `entries_read` argument." },
    { 0 },
};

const struct command stream_group_commands[] = {
    { .name = "xgroup", .arity = -2, .group = GROUP_STREAM, .since = "5.0.0",
      .complexity = "Depends on subcommand.",
      .summary = "A container for consumer groups commands.", .subcommands = xgroup_subcommands },
    { .name = "xack", .run = xack, .arity = -4, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_STREAM,
      .keys = KEY_AT(1), .group = GROUP_STREAM, .args = "key group id...", .since = "5.0.0",
      .complexity = "O(1) for each message ID processed.",
      .summary = "Returns the number of messages that were successfully acknowledged by "
          "the consumer group member of a stream." },
    { 0 },
};
/* clang-format on */
