/* What is pending in a group: XPENDING shows it, XCLAIM and XAUTOCLAIM give it to somebody else. */
#include "commands/rows.h"
#include "commands/streams.h"
#include <stdio.h>

static void reply_no_group(struct call *call)
{
    struct bytes key = call_arg(call, 1), group = call_arg(call, 2);
    reply_error_format(call, "NOGROUP No such key '%.*s' or consumer group '%.*s'", (int)key.size,
                       key.data, (int)group.size, group.data);
}

/* ---- XPENDING ---- */

static void pending_summary(struct call *call, const struct stream_group *group)
{
    struct id_place place;
    const struct stream_pending *first = id_map_first(&group->pending, &place);
    reply_array(call, 4);
    reply_integer(call, (int64_t)group->pending.count);
    if (first == NULL) {
        reply_null(call);
        reply_null(call);
        reply_null_array(call);
        return;
    }
    const struct stream_pending *last = id_map_last(&group->pending, &place);
    reply_stream_id(call, first->id);
    reply_stream_id(call, last->id);
    struct output_mark mark = resp_begin(call->writer);
    size_t count = 0;
    for (size_t i = 0; i < group->consumer_count; i++) {
        const struct stream_consumer *consumer = group->consumers[i];
        if (consumer->pending.count == 0) continue;
        reply_array(call, 2);
        reply_bytes(call, consumer->name);
        resp_bulk_integer(call->writer, (int64_t)consumer->pending.count);
        count++;
    }
    resp_end_array(call->writer, mark, count);
}

/* What XPENDING asks for. */
struct pending_filter {
    struct stream_id start, end;
    int64_t count;
    int64_t idle_min_ms;
    uint32_t consumer_index; /* 0: all */
};

static bool parse_filter(struct call *call, struct pending_filter *filter)
{
    uint32_t start = 3;
    *filter = (struct pending_filter){ 0 };
    if (call->argc < 6 || call->argc > 9) {
        reply_syntax_error(call);
        return false;
    }
    if (call_arg_is(call, 3, "idle")) {
        if (!call_integer(call, 4, &filter->idle_min_ms)) return false;
        if (call->argc < 8) {
            reply_syntax_error(call);
            return false;
        }
        start = 5;
    }
    if (!call_integer(call, start + 2, &filter->count)) return false;
    if (start + 3 < call->argc) filter->consumer_index = start + 3;
    return call_stream_range(call, start, start + 1, &filter->start, &filter->end);
}

/* Of one consumer or of all: both maps are in the order of the ids. */
static void pending_range(struct call *call, const struct stream_group *group,
                          const struct pending_filter *filter)
{
    const struct stream_consumer *consumer = NULL;
    if (filter->consumer_index != 0)
        consumer = stream_consumer_find(group, call_arg(call, filter->consumer_index));
    if (filter->consumer_index != 0 && consumer == NULL) {
        reply_array(call, 0);
        return;
    }
    const struct id_map *map = consumer == NULL ? &group->pending : &consumer->pending;
    struct output_mark mark = resp_begin(call->writer);
    int64_t count = 0;
    struct id_place place;
    const struct stream_id *id = id_map_from(map, filter->start, &place);
    for (; id != NULL && count < filter->count; id = id_map_next(map, &place)) {
        if (stream_id_compare(*id, filter->end) > 0) break;
        const struct stream_pending *pending = stream_pending_find(group, *id);
        int64_t idle_ms = call_stream_idle_ms(call, pending->delivered_ms);
        if (idle_ms < filter->idle_min_ms) continue;
        reply_array(call, 4);
        reply_stream_id(call, pending->id);
        reply_bytes(call, pending->consumer->name);
        reply_integer(call, idle_ms);
        reply_integer(call, (int64_t)pending->count);
        count++;
    }
    resp_end_array(call->writer, mark, (size_t)count);
}

static void xpending(struct call *call)
{
    bool is_summary = call->argc == 3;
    struct pending_filter filter;
    struct stream *stream;
    struct key key = call_key(call, 1);
    if (!is_summary && !parse_filter(call, &filter)) return;
    if (!call_stream_for_read(call, &key, &stream)) return;
    const struct stream_group *group = NULL;
    if (stream != NULL) group = stream_group_find(stream, call_arg(call, 2));
    if (group == NULL)
        reply_no_group(call);
    else if (is_summary)
        pending_summary(call, group);
    else
        pending_range(call, group, &filter);
}

/* ---- claims ---- */

static bool find_group(struct call *call, struct group_place *place)
{
    *place = (struct group_place){ .key = call_key(call, 1) };
    if (!call_group_for_claims(call, place)) return false;
    if (place->group != NULL) return true;
    reply_no_group(call);
    return false;
}

static bool is_idle(const struct call *call, const struct stream_pending *pending,
                    int64_t idle_min_ms)
{
    return idle_min_ms <= 0 || call_stream_idle_ms(call, pending->delivered_ms) >= idle_min_ms;
}

/* The entry is not there any more: pending for nobody. */
static void drop_pending(struct call *call, const struct group_place *place,
                         const struct stream_pending *pending)
{
    propagate_claim(call, place, pending);
    stream_pending_remove(place->group, pending->id);
    call_group_changed(call);
}

static void reply_claimed(struct call *call, const struct stream_walk *walk, bool is_id_only)
{
    if (is_id_only)
        reply_stream_id(call, walk->id);
    else
        reply_stream_entry(call, walk);
}

/* ---- XCLAIM ---- */

struct claim {
    int64_t idle_min_ms;
    uint32_t ids_end; /* the argument behind the last id */
    int64_t delivered_ms;
    int64_t retry_count; /* negative: one more */
    bool is_forced;
    bool is_id_only;
    bool has_last_id;
    struct stream_id last_id;
};

static bool claim_number(struct call *call, uint32_t index, const char *name, int64_t *value)
{
    char error[64];
    int size = snprintf(error, sizeof(error), "ERR Invalid %s option argument for XCLAIM", name);
    ensure(size > 0 && (size_t)size < sizeof(error));
    return call_integer_or(call, index, error, value);
}

/* One option at `*index`, which comes to stand at its last argument. */
static bool claim_option(struct call *call, uint32_t *index, struct claim *claim)
{
    uint32_t i = *index;
    int64_t value;
    bool has_more = i + 1 < call->argc;
    *index += has_more;
    if (has_more && call_arg_is(call, i, "idle")) {
        if (!claim_number(call, i + 1, "IDLE", &value)) return false;
        claim->delivered_ms = (int64_t)((uint64_t)call->wall_ms - (uint64_t)value);
        return true;
    }
    if (has_more && call_arg_is(call, i, "time"))
        return claim_number(call, i + 1, "TIME", &claim->delivered_ms);
    if (has_more && call_arg_is(call, i, "retrycount"))
        return claim_number(call, i + 1, "RETRYCOUNT", &claim->retry_count);
    if (has_more && call_arg_is(call, i, "lastid")) {
        claim->has_last_id = true;
        return call_stream_id(call, i + 1, 0, &claim->last_id);
    }
    *index = i;
    if (call_arg_is(call, i, "force")) {
        claim->is_forced = true;
        return true;
    }
    if (call_arg_is(call, i, "justid")) {
        claim->is_id_only = true;
        return true;
    }
    struct bytes word = call_arg(call, i);
    reply_error_format(call, "ERR Unrecognized XCLAIM option '%.*s'", (int)word.size, word.data);
    return false;
}

static bool parse_claim(struct call *call, struct claim *claim)
{
    struct stream_id id;
    *claim = (struct claim){ .delivered_ms = call->wall_ms, .retry_count = -1, .ids_end = 5 };
    if (!call_integer_or(call, 4, "ERR Invalid min-idle-time argument for XCLAIM",
                         &claim->idle_min_ms))
        return false;
    while (claim->ids_end < call->argc && stream_id_parse(call_arg(call, claim->ids_end), 0, &id))
        claim->ids_end++;
    for (uint32_t i = claim->ids_end; i < call->argc; i++)
        if (!claim_option(call, &i, claim)) return false;
    if (claim->delivered_ms < 0 || claim->delivered_ms > call->wall_ms)
        claim->delivered_ms = call->wall_ms;
    return true;
}

/* True when the entry became the consumer's and was answered; *is_told: replicas know the group's
 * last id with it. */
static bool claim_one(struct call *call, const struct group_place *place, const struct claim *claim,
                      struct stream_consumer *consumer, struct stream_id id, bool *is_told)
{
    struct stream_pending *pending = stream_pending_find(place->group, id);
    struct stream_walk walk;
    if (!stream_find(place->stream, id, &walk)) {
        if (pending == NULL) return false;
        drop_pending(call, place, pending);
        *is_told = true;
        return false;
    }
    if (pending == NULL && !claim->is_forced) return false;
    if (pending == NULL) {
        pending = stream_pending_put(place->group, consumer, id);
        pending->count = 1;
    } else if (!is_idle(call, pending, claim->idle_min_ms)) {
        return false;
    }
    stream_pending_move(pending, consumer);
    pending->delivered_ms = claim->delivered_ms;
    if (claim->retry_count >= 0)
        pending->count = (uint64_t)claim->retry_count;
    else
        pending->count += !claim->is_id_only;
    reply_claimed(call, &walk, claim->is_id_only);
    consumer->active_ms = call->wall_ms;
    propagate_claim(call, place, pending);
    call_group_changed(call);
    *is_told = true;
    return true;
}

static void xclaim(struct call *call)
{
    struct claim claim;
    struct group_place place;
    bool is_new;
    if (!find_group(call, &place) || !parse_claim(call, &claim)) return;
    call_propagate_nothing(call);
    bool is_told = true;
    if (claim.has_last_id && stream_id_compare(claim.last_id, place.group->last_id) > 0) {
        place.group->last_id = claim.last_id;
        is_told = false;
    }
    struct stream_consumer *consumer = call_consumer(call, &place, call_arg(call, 3), &is_new);
    struct output_mark mark = resp_begin(call->writer);
    size_t count = 0;
    for (uint32_t i = 5; i < claim.ids_end; i++) {
        struct stream_id id;
        bool is_right = stream_id_parse(call_arg(call, i), 0, &id);
        ensure(is_right);
        count += claim_one(call, &place, &claim, consumer, id, &is_told);
    }
    resp_end_array(call->writer, mark, count);
    if (is_told) return;
    propagate_group_id(call, &place);
    call_group_changed(call);
}

/* ---- XAUTOCLAIM ---- */

#define AUTOCLAIM_COUNT    100
#define AUTOCLAIM_ATTEMPTS 10 /* entries looked at for each that may be claimed */

struct autoclaim {
    int64_t idle_min_ms;
    struct stream_id start;
    int64_t count;
    bool is_id_only;
};

static bool parse_autoclaim(struct call *call, struct autoclaim *claim)
{
    *claim = (struct autoclaim){ .count = AUTOCLAIM_COUNT };
    if (!call_integer_or(call, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM",
                         &claim->idle_min_ms))
        return false;
    if (!call_stream_start(call, 5, &claim->start)) return false;
    for (uint32_t i = 6; i < call->argc; i++) {
        if (call_arg_is(call, i, "count") && i + 1 < call->argc) {
            static const char error[] = "ERR COUNT must be > 0";
            if (!call_integer_or(call, ++i, error, &claim->count)) return false;
            if (claim->count > 0 && claim->count <= INT64_MAX / 16) continue;
            reply_error(call, error);
            return false;
        }
        if (!call_arg_is(call, i, "justid")) {
            reply_syntax_error(call);
            return false;
        }
        claim->is_id_only = true;
    }
    return true;
}

static void autoclaim_one(struct call *call, const struct group_place *place,
                          const struct autoclaim *claim, struct stream_pending *pending,
                          struct stream_consumer *consumer, const struct stream_walk *walk)
{
    stream_pending_move(pending, consumer);
    pending->delivered_ms = call->wall_ms;
    pending->count += !claim->is_id_only;
    consumer->active_ms = call->wall_ms;
    reply_claimed(call, walk, claim->is_id_only);
    propagate_claim(call, place, pending);
    call_group_changed(call);
}

/* Ids of entries that are not there any more, told behind those that are. */
struct gone_ids {
    struct buffer ids; /* of struct stream_id */
    size_t count;
};

static void reply_gone(struct call *call, struct gone_ids *gone)
{
    reply_array(call, gone->count);
    for (size_t i = 0; i < gone->count; i++) {
        struct stream_id id;
        memcpy(&id, gone->ids.data + i * sizeof(id), sizeof(id));
        reply_stream_id(call, id);
    }
    buffer_fini(&gone->ids);
}

/* Replies what was claimed; returns the id to go on from, 0-0 at the end. */
static struct stream_id autoclaim_range(struct call *call, const struct group_place *place,
                                        const struct autoclaim *claim,
                                        struct stream_consumer *consumer, struct gone_ids *gone)
{
    struct id_map *map = &place->group->pending;
    struct stream_id next = claim->start;
    struct output_mark mark = resp_begin(call->writer);
    size_t claimed = 0;
    struct id_place at;
    struct stream_pending *pending = id_map_from(map, next, &at);
    int64_t attempts = claim->count * AUTOCLAIM_ATTEMPTS;
    for (int64_t count = claim->count; pending != NULL && count > 0 && attempts > 0; attempts--) {
        struct stream_id id = pending->id;
        struct stream_walk walk;
        if (!stream_find(place->stream, id, &walk)) {
            buffer_append(&gone->ids, bytes_of(&id, sizeof(id)));
            gone->count++;
            count--;
            drop_pending(call, place, pending);
            pending = id_map_from(map, id, &at); /* everything may have moved */
            continue;
        }
        if (is_idle(call, pending, claim->idle_min_ms)) {
            autoclaim_one(call, place, claim, pending, consumer, &walk);
            claimed++;
            count--;
        }
        pending = id_map_next(map, &at);
    }
    resp_end_array(call->writer, mark, claimed);
    return pending == NULL ? STREAM_ID_MIN : pending->id;
}

static void xautoclaim(struct call *call)
{
    struct autoclaim claim;
    struct group_place place;
    struct gone_ids gone = { 0 };
    bool is_new;
    if (!parse_autoclaim(call, &claim) || !find_group(call, &place)) return;
    call_propagate_nothing(call);
    struct stream_consumer *consumer = call_consumer(call, &place, call_arg(call, 3), &is_new);
    reply_array(call, 3);
    /* The id to go on from stands in front of the entries, but is known behind them. */
    struct output_mark mark = resp_begin(call->writer);
    struct stream_id next = autoclaim_range(call, &place, &claim, consumer, &gone);
    struct stream_id_text room;
    struct bytes text = stream_id_print(next, &room);
    char bulk[STREAM_ID_TEXT_MAX + 8];
    int size =
        snprintf(bulk, sizeof(bulk), "$%zu\r\n%.*s\r\n", text.size, (int)text.size, text.data);
    ensure(size > 0 && (size_t)size < sizeof(bulk));
    output_insert(call->writer->output, mark, bytes_of(bulk, (size_t)size));
    reply_gone(call, &gone);
}

/* clang-format off */
const struct command stream_pending_commands[] = {
    { .name = "xpending", .run = xpending, .arity = -3, .flags = CMD_READ, .acl = ACL_STREAM,
      .keys = KEY_AT(1), .group = GROUP_STREAM,
      .args = "key group [filters{[IDLE=min-idle-time:integer@6.2.0] start end "
          "count:integer [consumer]}]", .since = "5.0.0",
      .complexity = "O(N) with N being the number of elements returned, so asking for a "
          "small fixed number of entries per call is O(1). O(M), where M is the total "
          "number of entries scanned when used with the IDLE filter. When the command "
          "returns just the summary and the list of consumers is small, it runs in O(1) "
          "time; otherwise, an additional O(N) time for iterating every consumer.",
      .summary = "Returns the information and entries from a stream consumer group's "
          "pending entries list.", .tips = "nondeterministic_output",
      .history = "6.2.0 Added the `IDLE` option and exclusive range intervals." },
    { .name = "xclaim", .run = xclaim, .arity = -6, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_STREAM, .keys = KEY_AT(1), .group = GROUP_STREAM,
      .args = "key group consumer min-idle-time id... [IDLE=ms:integer] "
          "[TIME=unix-time-milliseconds:unix-time] [RETRYCOUNT=count:integer] [FORCE] "
          "[JUSTID] [LASTID=lastid]", .since = "5.0.0",
      .complexity = "O(log N) with N being the number of messages in the PEL of the "
          "consumer group.",
      .summary = "Changes, or acquires, ownership of a message in a consumer group, as if "
          "the message was delivered to a consumer group member.",
      .tips = "nondeterministic_output" },
    { .name = "xautoclaim", .run = xautoclaim, .arity = -6, .flags = CMD_WRITE | CMD_FAST,
      .acl = ACL_STREAM, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE,
      .group = GROUP_STREAM,
      .args = "key group consumer min-idle-time start [COUNT=count:integer] [JUSTID]",
      .since = "6.2.0", .complexity = "O(1) if COUNT is small.",
      .summary = "Changes, or acquires, ownership of messages in a consumer group, as if "
          "the messages were delivered to a consumer group member.",
      .tips = "nondeterministic_output",
      .history = "7.0.0 Added an element to the reply array, containing deleted entries "
          "the command cleared from the PEL" },
    { 0 },
};
/* clang-format on */
