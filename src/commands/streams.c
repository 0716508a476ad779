/* Streams: adding entries, taking them away, ranges of them. */
#include "commands/streams.h"
#include "commands/rows.h"

/* ---- trims ---- */

#define LIMIT_NONE (-1)
/* What a trim that is not exact drops at most, unless LIMIT says otherwise: a hundred nodes. */
#define LIMIT_NODES         100
#define LIMIT_WITHOUT_NODES 10000
#define LIMIT_MAX           1000000

enum trim_kind { TRIM_NONE, TRIM_LENGTH, TRIM_ID };

/* The options of XADD and XTRIM. */
struct trim_options {
    enum trim_kind kind;
    struct stream_trim trim;
    uint32_t operator_index;  /* of "~" */
    uint32_t threshold_index; /* of what follows */
    int64_t limit;
    bool is_approximate;
    bool creates_nothing; /* NOMKSTREAM */
};

static bool parse_threshold(struct call *call, uint32_t index, struct trim_options *options)
{
    int64_t length;
    options->threshold_index = index;
    options->trim.is_by_id = options->kind == TRIM_ID;
    if (options->kind == TRIM_ID) return call_stream_id(call, index, 0, &options->trim.id);
    if (!call_integer(call, index, &length)) return false;
    if (length < 0) {
        reply_error(call, "ERR The MAXLEN argument must be >= 0.");
        return false;
    }
    options->trim.length = (uint64_t)length;
    return true;
}

/* MAXLEN or MINID at `*index`, which comes to stand at its last argument. */
static bool parse_strategy(struct call *call, uint32_t *index, struct trim_options *options)
{
    if (options->kind != TRIM_NONE) {
        reply_error(call, "ERR syntax error, MAXLEN and MINID options at the same time are not "
                          "compatible");
        return false;
    }
    options->kind = call_arg_is(call, *index, "maxlen") ? TRIM_LENGTH : TRIM_ID;
    bool has_operator = call->argc - *index > 2;
    options->is_approximate = has_operator && call_arg_is(call, *index + 1, "~");
    if (options->is_approximate || (has_operator && call_arg_is(call, *index + 1, "="))) ++*index;
    options->operator_index = *index;
    return parse_threshold(call, ++*index, options);
}

static bool parse_limit(struct call *call, uint32_t index, struct trim_options *options)
{
    if (!call_integer(call, index, &options->limit)) return false;
    if (options->limit >= 0) return true;
    reply_error(call, "ERR The LIMIT argument must be >= 0.");
    return false;
}

/* What our primary sends says LIMIT beside the exact form that it made of an inexact one. */
static bool may_limit_exact(const struct call *call)
{
    return call->session->kind == SESSION_PRIMARY || call->session->kind == SESSION_LOADING;
}

static bool check_limit(struct call *call, struct trim_options *options)
{
    if (options->limit != LIMIT_NONE && options->kind == TRIM_NONE) {
        reply_error(call, "ERR syntax error, LIMIT cannot be used without specifying a trimming "
                          "strategy");
        return false;
    }
    if (options->limit != LIMIT_NONE && !options->is_approximate && !may_limit_exact(call)) {
        reply_error(call, "ERR syntax error, LIMIT cannot be used without the special ~ option");
        return false;
    }
    int64_t limit = MAX(options->limit, 0);
    if (options->is_approximate && options->limit == LIMIT_NONE) {
        const struct value_rules *rules = keyspace_value_rules(call->keyspace);
        limit = LIMIT_NODES * (int64_t)MIN(rules->stream_node_max_entries, LIMIT_MAX);
        if (limit == 0) limit = LIMIT_WITHOUT_NODES;
        limit = MIN(limit, LIMIT_MAX);
    }
    options->trim.limit = (uint64_t)limit;
    options->trim.is_exact = !options->is_approximate;
    return true;
}

/* Options from the second argument on. For XADD they end where no option stands: at the id; XTRIM
 * has nothing else. Returns that place, 0 when an error was answered. */
static uint32_t parse_options(struct call *call, bool is_add, struct trim_options *options)
{
    uint32_t i = 2;
    *options = (struct trim_options){ .limit = LIMIT_NONE };
    for (; i < call->argc; i++) {
        bool has_more = i + 1 < call->argc;
        if (is_add && bytes_equal(call_arg(call, i), BYTES("*"))) break;
        if (has_more && (call_arg_is(call, i, "maxlen") || call_arg_is(call, i, "minid"))) {
            if (!parse_strategy(call, &i, options)) return 0;
        } else if (has_more && call_arg_is(call, i, "limit")) {
            if (!parse_limit(call, ++i, options)) return 0;
        } else if (is_add && call_arg_is(call, i, "nomkstream")) {
            options->creates_nothing = true;
        } else if (is_add) {
            break;
        } else {
            reply_syntax_error(call);
            return 0;
        }
    }
    return i;
}

/* Replicas trim exactly what was trimmed here: "= threshold" in place of "~ threshold". */
static size_t exact_arguments(const struct stream *stream, const struct trim_options *options,
                              struct stream_argument replaced[2], struct stream_id_text *room)
{
    if (options->kind == TRIM_NONE || !options->is_approximate) return 0;
    struct bytes threshold;
    if (options->kind == TRIM_ID)
        threshold = stream_id_print(stream_figures(stream)->first_id, room);
    else
        threshold = bytes_of(room->text, number_print_unsigned(stream_length(stream), room->text));
    replaced[0] = (struct stream_argument){ options->operator_index, BYTES("=") };
    replaced[1] = (struct stream_argument){ options->threshold_index, threshold };
    return 2;
}

static void xtrim(struct call *call)
{
    struct trim_options options;
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct stream *stream;
    if (parse_options(call, false, &options) == 0 || !check_limit(call, &options)) return;
    if (!call_stream_for_write(call, &key, &entry, &stream)) return;
    size_t count = 0;
    if (stream != NULL) count = stream_trim(stream, &options.trim);
    if (count > 0) {
        struct stream_argument replaced[2];
        struct stream_id_text room;
        call_edited(call, &key, entry, stream);
        call_notify(call, NOTIFY_STREAM, "xtrim", &key);
        size_t replaced_count = exact_arguments(stream, &options, replaced, &room);
        if (replaced_count > 0) call_propagate_with(call, replaced, replaced_count);
    }
    reply_integer(call, (int64_t)count);
}

/* ---- XADD ---- */

/* The id of a new entry as it was asked for. */
struct new_id {
    struct stream_id id;
    bool is_free;     /* "*" */
    bool is_seq_free; /* "ms-*" */
};

static bool parse_new_id(struct call *call, uint32_t index, struct new_id *new_id)
{
    struct bytes text = call_arg(call, index);
    *new_id = (struct new_id){ .is_free = bytes_equal(text, BYTES("*")) };
    if (new_id->is_free) return true;
    if (text.size > 2 && memcmp(text.data + text.size - 2, "-*", 2) == 0) {
        new_id->is_seq_free = true;
        text.size -= 2;
        bool is_right = bytes_index_of(text, '-') < 0 && stream_id_parse(text, 0, &new_id->id);
        if (!is_right) reply_invalid_stream_id(call);
        return is_right;
    }
    return call_stream_id(call, index, 0, &new_id->id);
}

/* Gives the entry its id; false when there is none above the last one: answered. */
static bool choose_id(struct call *call, const struct new_id *new_id, struct stream_id last,
                      struct stream_id *id)
{
    struct stream_id next = last;
    if (!stream_id_increase(&next)) {
        reply_error(call, "ERR The stream has exhausted the last possible ID, unable to add more "
                          "items");
        return false;
    }
    *id = new_id->id;
    if (new_id->is_free) {
        *id = (struct stream_id){ .ms = (uint64_t)call->wall_ms };
        if (stream_id_compare(*id, next) < 0) *id = next;
    } else if (new_id->is_seq_free && id->ms == last.ms) {
        *id = next;
    }
    bool is_above = stream_id_compare(*id, last) > 0;
    if (new_id->is_seq_free && id->ms != new_id->id.ms) is_above = false;
    if (!is_above)
        reply_error(call, "ERR The ID specified in XADD is equal or smaller than the target "
                          "stream top item");
    return is_above;
}

/* The stream has the entry: it is trimmed, told, answered. */
static void finish_add(struct call *call, const struct key *key, struct stream *stream,
                       const struct trim_options *options, const struct new_id *new_id,
                       uint32_t id_index)
{
    struct stream_id_text room, trim_room;
    struct stream_argument replaced[3];
    struct bytes id = stream_id_print(stream_figures(stream)->last_id, &room);
    call_notify(call, NOTIFY_STREAM, "xadd", key);
    reply_bytes(call, id);
    if (options->kind != TRIM_NONE && stream_trim(stream, &options->trim) > 0)
        call_notify(call, NOTIFY_STREAM, "xtrim", key);
    size_t count = exact_arguments(stream, options, replaced, &trim_room);
    if (new_id->is_free || new_id->is_seq_free)
        replaced[count++] = (struct stream_argument){ id_index, id };
    if (count > 0) call_propagate_with(call, replaced, count);
}

static void xadd(struct call *call)
{
    struct trim_options options;
    struct new_id new_id;
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct stream *stream;
    uint32_t id_index = parse_options(call, true, &options);
    if (id_index == 0) return;
    if (id_index < call->argc && !parse_new_id(call, id_index, &new_id)) return;
    if (!check_limit(call, &options)) return;
    if (call->argc < id_index + 3 || (call->argc - id_index) % 2 == 0) {
        reply_wrong_arity(call);
        return;
    }
    if (!new_id.is_free && !new_id.is_seq_free && stream_id_is_zero(new_id.id)) {
        reply_error(call, "ERR The ID specified in XADD must be greater than 0-0");
        return;
    }
    if (!call_stream_for_write(call, &key, &entry, &stream)) return;
    if (stream == NULL && options.creates_nothing) {
        reply_null(call);
        return;
    }
    struct stream_id last = stream == NULL ? STREAM_ID_MIN : stream_figures(stream)->last_id;
    struct stream_id id;
    if (!choose_id(call, &new_id, last, &id)) return;
    bool is_new = stream == NULL;
    if (is_new) stream = stream_create();
    if (!stream_append(stream, keyspace_value_rules(call->keyspace), id, call->argv + id_index + 1,
                       (call->argc - id_index) / 2)) {
        if (is_new) stream_destroy(stream);
        reply_error(call, "ERR Elements are too large to be stored");
        return;
    }
    if (is_new)
        keyspace_put_value(call->keyspace, call->access, &key, VALUE_STREAM, stream, PUT_PLAIN);
    else
        call_edited(call, &key, entry, stream);
    finish_add(call, &key, stream, &options, &new_id, id_index);
}

/* ---- the others ---- */

static void xlen(struct call *call)
{
    struct key key = call_key(call, 1);
    struct stream *stream;
    if (!call_stream_for_read(call, &key, &stream)) return;
    reply_integer(call, stream == NULL ? 0 : (int64_t)stream_length(stream));
}

static void range(struct call *call, bool is_reverse)
{
    struct key key = call_key(call, 1);
    struct stream_id start, end;
    struct stream *stream;
    int64_t count = INT64_MAX;
    if (!call_stream_range(call, is_reverse ? 3 : 2, is_reverse ? 2 : 3, &start, &end)) return;
    for (uint32_t i = 4; i < call->argc; i += 2) {
        if (i + 1 == call->argc || !call_arg_is(call, i, "count")) {
            reply_syntax_error(call);
            return;
        }
        if (!call_integer(call, i + 1, &count)) return;
    }
    if (!call_stream_for_read(call, &key, &stream)) return;
    if (stream == NULL) {
        reply_array(call, 0);
        return;
    }
    if (count <= 0) {
        reply_null_array(call);
        return;
    }
    struct stream_walk walk;
    stream_walk_init(&walk, stream, start, end, is_reverse);
    reply_stream_entries(call, &walk, (uint64_t)count);
}

static void xrange(struct call *call)
{
    range(call, false);
}

static void xrevrange(struct call *call)
{
    range(call, true);
}

static void xdel(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct stream *stream;
    struct stream_id id;
    if (!call_stream_for_write(call, &key, &entry, &stream)) return;
    size_t count = 0;
    if (stream != NULL) {
        /* All are right, or none is deleted. */
        for (uint32_t i = 2; i < call->argc; i++)
            if (!call_stream_id(call, i, 0, &id)) return;
        for (uint32_t i = 2; i < call->argc; i++)
            if (stream_id_parse(call_arg(call, i), 0, &id)) count += stream_delete(stream, id);
    }
    if (count > 0) {
        call_edited(call, &key, entry, stream);
        call_changed_many(call, count);
        call_notify(call, NOTIFY_STREAM, "xdel", &key);
    }
    reply_integer(call, (int64_t)count);
}

/* ---- XSETID ---- */

struct setid {
    struct stream_id last_id;
    struct stream_id max_deleted_id;
    int64_t entries_added; /* -1: stays */
};

static bool parse_setid(struct call *call, struct setid *setid)
{
    *setid = (struct setid){ .entries_added = -1 };
    if (!call_stream_id(call, 2, 0, &setid->last_id)) return false;
    for (uint32_t i = 3; i < call->argc; i += 2) {
        bool has_more = i + 1 < call->argc;
        if (has_more && call_arg_is(call, i, "entriesadded")) {
            if (!call_integer(call, i + 1, &setid->entries_added)) return false;
            if (setid->entries_added >= 0) continue;
            reply_error(call, "ERR entries_added must be positive");
            return false;
        }
        if (!has_more || !call_arg_is(call, i, "maxdeletedid")) {
            reply_syntax_error(call);
            return false;
        }
        if (!call_stream_id(call, i + 1, 0, &setid->max_deleted_id)) return false;
        if (stream_id_compare(setid->last_id, setid->max_deleted_id) >= 0) continue;
        reply_error(call, "ERR The ID specified in XSETID is smaller than the provided "
                          "max_deleted_entry_id");
        return false;
    }
    return true;
}

/* NULL, or why the stream cannot go on from there. */
static const char *setid_refusal(const struct stream *stream, const struct setid *setid)
{
    struct stream_walk top;
    if (stream_id_compare(setid->last_id, stream_figures(stream)->max_deleted_id) < 0)
        return "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
    if (stream_length(stream) == 0) return NULL;
    stream_walk_init(&top, stream, STREAM_ID_MIN, STREAM_ID_MAX, true);
    bool has_top = stream_walk_next(&top);
    ensure(has_top);
    if (stream_id_compare(setid->last_id, top.id) < 0)
        return "ERR The ID specified in XSETID is smaller than the target stream top item";
    if (setid->entries_added >= 0 && (uint64_t)setid->entries_added < stream_length(stream))
        return "ERR The entries_added specified in XSETID is smaller than the target stream "
               "length";
    return NULL;
}

static void xsetid(struct call *call)
{
    struct key key = call_key(call, 1);
    struct setid setid;
    struct entry *entry;
    struct stream *stream;
    if (!parse_setid(call, &setid)) return;
    if (!call_stream_for_write(call, &key, &entry, &stream)) return;
    if (stream == NULL) {
        reply_error(call, "ERR no such key");
        return;
    }
    const char *refusal = setid_refusal(stream, &setid);
    if (refusal != NULL) {
        reply_error(call, refusal);
        return;
    }
    struct stream_figures figures = *stream_figures(stream);
    figures.last_id = setid.last_id;
    if (setid.entries_added >= 0) figures.entries_added = (uint64_t)setid.entries_added;
    if (!stream_id_is_zero(setid.max_deleted_id)) figures.max_deleted_id = setid.max_deleted_id;
    stream_figures_set(stream, &figures);
    call_group_changed(call); /* no entry: watchers are not concerned */
    call_notify(call, NOTIFY_STREAM, "xsetid", &key);
    reply_ok(call);
}

/* clang-format off */
const struct command stream_commands[] = {
    { .name = "xadd", .run = xadd, .arity = -5, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_STREAM,
      .keys = KEYS(SPEC_AT(1,
                        .notes = "UPDATE instead of INSERT because of the optional "
                            "trimming feature")),
      .group = GROUP_STREAM,
      .args = "key [NOMKSTREAM@6.2.0] [trim{strategy(MAXLEN|MINID@6.2.0) "
          "[operator(equal:'='|approximately:'~')] threshold [LIMIT=count:integer@6.2.0]}] "
          "id-selector(auto-id:'*'|id) data{field value}...", .since = "5.0.0",
      .complexity = "O(1) when adding a new entry, O(N) when trimming where N being the "
          "number of entries evicted.",
      .summary = "Appends a new message to a stream. Creates the key if it doesn't exist.",
      .tips = "nondeterministic_output",
      .history = "6.2.0 Added the `NOMKSTREAM` option, `MINID` trimming strategy and the "
          "`LIMIT` option.\n7.0.0 Added support for the `<ms>-*` explicit ID form." },
    { .name = "xlen", .run = xlen, .arity = 2, .flags = CMD_READ | CMD_FAST, .acl = ACL_STREAM,
      .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_STREAM, .args = "key",
      .since = "5.0.0", .complexity = "O(1)",
      .summary = "Returns the number of messages in a stream." },
    { .name = "xrange", .run = xrange, .arity = -4, .flags = CMD_READ, .acl = ACL_STREAM,
      .keys = KEY_AT(1), .group = GROUP_STREAM, .args = "key start end [COUNT=count:integer]",
      .since = "5.0.0",
      .complexity = "O(N) with N being the number of elements being returned. If N is "
          "constant (e.g. always asking for the first 10 elements with COUNT), you can "
          "consider it O(1).",
      .summary = "Returns the messages from a stream within a range of IDs.",
      .history = "6.2.0 Added exclusive ranges." },
    { .name = "xrevrange", .run = xrevrange, .arity = -4, .flags = CMD_READ, .acl = ACL_STREAM,
      .keys = KEY_AT(1), .group = GROUP_STREAM, .args = "key end start [COUNT=count:integer]",
      .since = "5.0.0",
      .complexity = "O(N) with N being the number of elements returned. If N is constant "
          "(e.g. always asking for the first 10 elements with COUNT), you can consider it "
          "O(1).",
      .summary = "Returns the messages from a stream within a range of IDs in reverse order.",
      .history = "6.2.0 Added exclusive ranges." },
    { .name = "xdel", .run = xdel, .arity = -3, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_STREAM,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE, .group = GROUP_STREAM,
      .args = "key id...", .since = "5.0.0",
      .complexity = "O(1) for each single item to delete in the stream, regardless of the "
          "stream size.",
      .summary = "Returns the number of messages after removing them from a stream." },
    { .name = "xtrim", .run = xtrim, .arity = -4, .flags = CMD_WRITE, .acl = ACL_STREAM,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE, .group = GROUP_STREAM,
      .args = "key trim{strategy(MAXLEN|MINID@6.2.0) [operator(equal:'='|"
          "approximately:'~')] threshold [LIMIT=count:integer@6.2.0]}", .since = "5.0.0",
      .complexity = "O(N), with N being the number of evicted entries. Constant times are "
          "very small however, since entries are organized in macro nodes containing "
          "multiple entries that can be released with a single deallocation.",
      .summary = "Deletes messages from the beginning of a stream.",
      .tips = "nondeterministic_output",
      .history = "6.2.0 Added the `MINID` trimming strategy and the `LIMIT` option." },
    { .name = "xsetid", .run = xsetid, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_STREAM, .keys = KEY_AT(1), .group = GROUP_STREAM,
      .args = "key last-id [ENTRIESADDED=entries-added:integer@7.0.0] "
          "[MAXDELETEDID=max-deleted-id@7.0.0]", .since = "5.0.0", .complexity = "O(1)",
      .summary = "An internal command for replicating stream values.",
      .history = "7.0.0 Added the `entries_added` and `max_deleted_entry_id` arguments." },
    { 0 },
};
/* clang-format on */
