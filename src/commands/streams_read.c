/* XREAD and XREADGROUP: what came behind an id, of several streams, waiting for it if need be. */
#include "base/memory.h"
#include "commands/rows.h"
#include "commands/streams.h"
#include "engine/blocking.h"

/* Where reading one stream starts. */
struct read_start {
    struct stream_id after; /* entries behind it */
    bool is_new;            /* ">": what the group was not given yet */
};

struct reading {
    int64_t count; /* 0: all */
    bool may_block;
    time_ms deadline_ms;
    uint32_t group_index; /* of the group's name; the consumer's follows; 0: XREAD */
    bool needs_no_ack;
    uint32_t first; /* the first key; the ids follow the last one */
    uint32_t stream_count;
};

/* ---- options ---- */

static const char *symbol(bool is_group)
{
    return is_group ? ">" : "$";
}

static bool parse_streams(struct call *call, uint32_t first, bool is_group, struct reading *reading)
{
    reading->first = first;
    reading->stream_count = (call->argc - first) / 2;
    if ((call->argc - first) % 2 == 0) return true;
    reply_error_format(call,
                       "ERR Unbalanced '%s' list of streams: for each stream key an ID or '%s' "
                       "must be specified.",
                       call_name(call), symbol(is_group));
    return false;
}

static bool parse_group_option(struct call *call, uint32_t *index, bool is_group,
                               struct reading *reading)
{
    bool is_noack = call_arg_is(call, *index, "noack");
    if (!is_group) {
        reply_error_format(call,
                           "ERR The %s option is only supported by XREADGROUP. You called XREAD "
                           "instead.",
                           is_noack ? "NOACK" : "GROUP");
        return false;
    }
    if (is_noack) {
        reading->needs_no_ack = true;
        return true;
    }
    reading->group_index = *index + 1;
    *index += 2;
    return true;
}

static bool parse_reading(struct call *call, bool is_group, struct reading *reading)
{
    *reading = (struct reading){ 0 };
    for (uint32_t i = 1; i < call->argc && reading->first == 0; i++) {
        uint32_t more = call->argc - i - 1;
        if (more > 0 && call_arg_is(call, i, "block")) {
            reading->may_block = true;
            if (!call_timeout_ms(call, ++i, &reading->deadline_ms)) return false;
        } else if (more > 0 && call_arg_is(call, i, "count")) {
            if (!call_integer(call, ++i, &reading->count)) return false;
            reading->count = MAX(0, reading->count);
        } else if (more > 0 && call_arg_is(call, i, "streams")) {
            if (!parse_streams(call, i + 1, is_group, reading)) return false;
        } else if (call_arg_is(call, i, "noack") || (more > 1 && call_arg_is(call, i, "group"))) {
            if (!parse_group_option(call, &i, is_group, reading)) return false;
        } else {
            break;
        }
    }
    if (reading->first == 0) {
        reply_syntax_error(call);
        return false;
    }
    if (!is_group || reading->group_index != 0) return true;
    reply_error(call, "ERR Missing GROUP option for XREADGROUP");
    return false;
}

/* ---- starts ---- */

static void reply_no_group(struct call *call, const struct reading *reading, struct bytes key)
{
    struct bytes group = call_arg(call, reading->group_index);
    reply_error_format(call,
                       "NOGROUP No such key '%.*s' or consumer group '%.*s' in XREADGROUP with "
                       "GROUP option",
                       (int)key.size, key.data, (int)group.size, group.data);
}

static bool refuse_symbol(struct call *call, char id)
{
    reply_error_format(call,
                       "ERR The %c ID is meaningless in the context of XREADGROUP: you want to "
                       "read the history of this consumer by specifying a proper ID, or use the "
                       "> ID to get new messages. The %c ID would just return an empty result set.",
                       id, id);
    return false;
}

/* "+": the entry of the last id itself. When that was deleted there is nothing, as in Valkey. */
static struct stream_id before_last_id(const struct stream *stream)
{
    struct stream_id id = stream_figures(stream)->last_id;
    stream_id_decrease(&id);
    return id;
}

static bool parse_start(struct call *call, const struct reading *reading, uint32_t index,
                        const struct stream *stream, struct read_start *start)
{
    struct bytes text = call_arg(call, index);
    bool is_group = reading->group_index != 0;
    *start = (struct read_start){ 0 };
    if (bytes_equal(text, BYTES("$"))) {
        if (is_group) return refuse_symbol(call, '$');
        if (stream != NULL) start->after = stream_figures(stream)->last_id;
        return true;
    }
    if (bytes_equal(text, BYTES("+"))) {
        if (is_group) return refuse_symbol(call, '+');
        if (stream != NULL) start->after = before_last_id(stream);
        return true;
    }
    if (!bytes_equal(text, BYTES(">"))) return call_stream_id(call, index, 0, &start->after);
    if (!is_group)
        reply_error(call, "ERR The > ID can be specified only when calling XREADGROUP using the "
                          "GROUP <group> <consumer> option.");
    start->is_new = is_group;
    return is_group;
}

static bool parse_starts(struct call *call, const struct reading *reading,
                         struct read_start *starts)
{
    for (uint32_t i = 0; i < reading->stream_count; i++) {
        struct key key = call_key(call, reading->first + i);
        struct stream *stream;
        if (!call_stream_for_read(call, &key, &stream)) return false;
        if (reading->group_index != 0 &&
            (stream == NULL ||
             stream_group_find(stream, call_arg(call, reading->group_index)) == NULL)) {
            reply_no_group(call, reading, key.bytes);
            return false;
        }
        uint32_t index = reading->first + reading->stream_count + i;
        if (!parse_start(call, reading, index, stream, &starts[i])) return false;
    }
    return true;
}

/* ---- XREAD ---- */

/* In RESP2 a stream is a pair of its own. */
static void reply_stream_head(struct call *call, struct bytes key)
{
    if (call->writer->protocol == 2) reply_array(call, 2);
    reply_bytes(call, key);
}

/* The walk from behind the id; false when nothing is there. The last id answers most of those who
 * wait without a look at any entry. */
static bool find_behind(const struct stream *stream, struct stream_id after,
                        struct stream_walk *walk)
{
    if (stream_length(stream) == 0) return false;
    if (stream_id_compare(stream_figures(stream)->last_id, after) <= 0) return false;
    if (!stream_id_increase(&after)) return false;
    stream_walk_init(walk, stream, after, STREAM_ID_MAX, false);
    struct stream_walk probe = *walk;
    return stream_walk_next(&probe);
}

static bool read_plain(struct call *call, const struct reading *reading, uint32_t index,
                       const struct read_start *start)
{
    struct key key = call_key(call, index);
    struct stream *stream;
    struct stream_walk walk;
    if (!call_stream_for_read(call, &key, &stream) || stream == NULL) return false;
    if (!find_behind(stream, start->after, &walk)) return false;
    reply_stream_head(call, key.bytes);
    reply_stream_entries(call, &walk, reading->count == 0 ? UINT64_MAX : (uint64_t)reading->count);
    return true;
}

/* ---- XREADGROUP ---- */

/* An entry is given to the consumer, also one that was given before: the group was set back. */
static void deliver(struct call *call, const struct group_place *place,
                    struct stream_consumer *consumer, struct stream_id id)
{
    struct stream_pending *pending = stream_pending_find(place->group, id);
    if (pending == NULL)
        pending = stream_pending_put(place->group, consumer, id);
    else
        stream_pending_move(pending, consumer);
    pending->delivered_ms = call->wall_ms;
    pending->count = 1;
    propagate_claim(call, place, pending);
}

static void read_new(struct call *call, const struct reading *reading,
                     const struct group_place *place, struct stream_consumer *consumer,
                     struct stream_walk *walk)
{
    struct output_mark mark = resp_begin(call->writer);
    uint64_t count_max = reading->count == 0 ? UINT64_MAX : (uint64_t)reading->count;
    size_t count = 0;
    while (count < count_max && stream_walk_next(walk)) {
        stream_group_advance(place->stream, place->group, walk->id);
        reply_stream_entry(call, walk);
        if (!reading->needs_no_ack) deliver(call, place, consumer, walk->id);
        count++;
    }
    resp_end_array(call->writer, mark, count);
    if (!reading->needs_no_ack) consumer->active_ms = call->wall_ms;
    propagate_group_id(call, place);
    call_group_changed(call);
}

/* What the consumer was given and has not acknowledged; of deleted entries the id alone. That it
 * asks again is noted, and not told to replicas. */
static void read_history(struct call *call, const struct reading *reading,
                         const struct group_place *place, struct stream_consumer *consumer,
                         struct stream_id after)
{
    struct output_mark mark = resp_begin(call->writer);
    uint64_t count_max = reading->count == 0 ? UINT64_MAX : (uint64_t)reading->count;
    size_t count = 0;
    struct id_place at;
    const struct stream_id *id = NULL;
    if (stream_id_increase(&after)) id = id_map_from(&consumer->pending, after, &at);
    for (; id != NULL && count < count_max; id = id_map_next(&consumer->pending, &at)) {
        struct stream_walk walk;
        if (stream_find(place->stream, *id, &walk)) {
            struct stream_pending *pending = stream_pending_find(place->group, *id);
            reply_stream_entry(call, &walk);
            pending->delivered_ms = call->wall_ms;
            pending->count++;
        } else {
            reply_array(call, 2);
            reply_stream_id(call, *id);
            reply_null_array(call);
        }
        count++;
    }
    resp_end_array(call->writer, mark, count);
}

static bool read_group(struct call *call, const struct reading *reading, uint32_t index,
                       const struct read_start *start)
{
    struct group_place place = { .key = call_key(call, index) };
    struct stream_walk walk;
    bool is_new;
    if (!call_stream_for_write(call, &place.key, &place.entry, &place.stream)) return false;
    ensure(place.stream != NULL);
    keyspace_count_lookup(call->keyspace, true); /* as Valkey, which looks for it a second time */
    place.group = stream_group_find(place.stream, call_arg(call, reading->group_index));
    ensure(place.group != NULL);
    struct bytes name = call_arg(call, reading->group_index + 1);
    struct stream_consumer *consumer = call_consumer(call, &place, name, &is_new);
    if (is_new && reading->needs_no_ack) propagate_consumer(call, &place, name);
    if (!start->is_new) {
        reply_stream_head(call, place.key.bytes);
        read_history(call, reading, &place, consumer, start->after);
        return true;
    }
    if (!find_behind(place.stream, place.group->last_id, &walk)) return false;
    reply_stream_head(call, place.key.bytes);
    read_new(call, reading, &place, consumer, &walk);
    return true;
}

/* ---- both ---- */

/* False when there was nothing: nothing is answered either. */
static bool read_all(struct call *call, const struct reading *reading,
                     const struct read_start *starts)
{
    struct output_mark mark = resp_begin(call->writer);
    size_t count = 0;
    for (uint32_t i = 0; i < reading->stream_count; i++) {
        uint32_t index = reading->first + i;
        count += reading->group_index == 0 ? read_plain(call, reading, index, &starts[i])
                                           : read_group(call, reading, index, &starts[i]);
    }
    if (count == 0) return false;
    if (call->writer->protocol == 2)
        resp_end_array(call->writer, mark, count);
    else
        resp_end_map(call->writer, mark, count);
    return true;
}

/* Waits with the ids as they are now in the place of "$" and "+". */
static bool wait_for_entries(struct call *call, const struct reading *reading,
                             const struct read_start *starts)
{
    struct bytes *argv = memory_alloc(call->argc * sizeof(*argv));
    struct stream_id_text *rooms = memory_alloc(reading->stream_count * sizeof(*rooms));
    memcpy(argv, call->argv, call->argc * sizeof(*argv));
    for (uint32_t i = 0; i < reading->stream_count; i++)
        if (!starts[i].is_new)
            argv[reading->first + reading->stream_count + i] =
                stream_id_print(starts[i].after, &rooms[i]);
    struct block_wish wish = {
        .key_first = reading->first,
        .key_count = reading->stream_count,
        .type = VALUE_STREAM,
        .wakes_when_gone = reading->group_index != 0,
        .deadline_ms = reading->deadline_ms,
        .argv = argv,
    };
    bool waits = call_block_on_keys(call, &wish);
    memory_free(argv);
    memory_free(rooms);
    return waits;
}

static void read_streams(struct call *call, bool is_group)
{
    struct reading reading;
    struct read_start few[8];
    if (!parse_reading(call, is_group, &reading)) return;
    struct read_start *starts = few;
    if (reading.stream_count > COUNT_OF(few))
        starts = memory_alloc(reading.stream_count * sizeof(*starts));
    if (parse_starts(call, &reading, starts)) {
        if (is_group) call_propagate_nothing(call);
        bool is_answered = read_all(call, &reading, starts);
        if (!is_answered && reading.may_block)
            is_answered = wait_for_entries(call, &reading, starts);
        if (!is_answered) reply_null_array(call);
    }
    if (starts != few) memory_free(starts);
}

static void xread(struct call *call)
{
    read_streams(call, false);
}

static void xreadgroup(struct call *call)
{
    read_streams(call, true);
}

/* clang-format off */
const struct command stream_read_commands[] = {
    { .name = "xread", .run = xread, .arity = -4, .flags = CMD_READ | CMD_BLOCKING,
      .acl = ACL_STREAM, .keys = KEYS(SPEC_WORD("STREAMS", 1, .last = -1, .limit = 2)),
      .group = GROUP_STREAM,
      .args = "[COUNT=count:integer] [BLOCK=milliseconds:integer] STREAMS=streams{key... "
          "id...}", .since = "5.0.0",
      .summary = "Returns messages from multiple streams with IDs greater than the ones "
          "requested. Blocks until a message is available otherwise." },
    { .name = "xreadgroup", .run = xreadgroup, .arity = -7, .flags = CMD_WRITE | CMD_BLOCKING,
      .acl = ACL_STREAM,
      .keys = KEYS(SPEC_WORD("STREAMS", 4, .last = -1, .limit = 2, .flags = KEY_RO | KEY_ACCESS)),
      .group = GROUP_STREAM,
      .args = "GROUP=group-block{group consumer} [COUNT=count:integer] "
          "[BLOCK=milliseconds:integer] [NOACK] STREAMS=streams{key... id...}", .since = "5.0.0",
      .complexity = "For each stream mentioned: O(M) with M being the number of elements "
          "returned. If M is constant (e.g. always asking for the first 10 elements with "
          "COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, "
          "XADD will pay the O(N) time in order to serve the N clients blocked on the "
          "stream getting new data.",
      .summary = "Returns new or historical messages from a stream for a consumer in a "
          "group. Blocks until a message is available otherwise." },
    { 0 },
};
/* clang-format on */
