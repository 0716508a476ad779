/* Streams in their three forms: nodes, figures, groups with what is pending.
 *
 *   | nodes: count, (id 16, listpack) ... | length | last id | first, deleted, added (2, 3) |
 *   | groups: count, then for each:                                                        |
 *   |   name, last id, read (2, 3) | pending: count, (id 16, time 8, count) ...            |
 *   |   consumers: count, then for each: name, seen 8, active 8 (3) | count, id 16 ...     |
 *
 * A step takes a node, a group's head, a pending entry, a consumer's head or one of its ids. */
#include "base/ensure.h"
#include "persist/internal.h"
#include "types/stream_groups.h"

#define ID_SIZE 16

enum phase {
    PHASE_BEGIN,
    PHASE_NODES,
    PHASE_FIGURES,
    PHASE_GROUP,
    PHASE_PENDING,
    PHASE_CONSUMERS,
    PHASE_CONSUMER,
    PHASE_CONSUMER_PENDING,
};

/* ---- tokens ---- */

static uint64_t big(const char *bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) value = value << 8 | (uint8_t)bytes[i];
    return value;
}

static struct stream_id id_of(struct bytes bytes)
{
    ensure(bytes.size == ID_SIZE);
    return (struct stream_id){ .ms = big(bytes.data), .seq = big(bytes.data + 8) };
}

static enum rdb_token take_raw_id(struct rdb_cursor *cursor, struct stream_id *id)
{
    struct bytes bytes;
    enum rdb_token token = rdb_take_bytes(cursor, ID_SIZE, &bytes);
    if (token == RDB_OK) *id = id_of(bytes);
    return token;
}

static enum rdb_token take_id(struct rdb_cursor *cursor, struct stream_id *id)
{
    enum rdb_token token = rdb_take_length(cursor, &id->ms);
    return token == RDB_OK ? rdb_take_length(cursor, &id->seq) : token;
}

static enum rdb_token take_time(struct rdb_cursor *cursor, time_ms *time)
{
    uint64_t value;
    enum rdb_token token = rdb_take_little(cursor, 8, &value);
    if (token == RDB_OK) *time = (time_ms)value;
    return token;
}

static enum rdb_token bad(struct rdb_cursor *cursor, const char *why)
{
    return rdb_bad(cursor, ERR_MALFORMED, why);
}

/* ---- entries ---- */

static enum rdb_token begin(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    enum rdb_token token = rdb_take_length(cursor, &decoder->left);
    if (token != RDB_OK) return token;
    decoder->value.type = VALUE_STREAM;
    decoder->value.object = stream_create();
    decoder->phase = PHASE_NODES;
    return RDB_OK;
}

static enum rdb_token take_node(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    if (decoder->left == 0) {
        decoder->phase = PHASE_FIGURES;
        return RDB_OK;
    }
    struct bytes key, framed;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &key);
    if (token == RDB_OK) token = rdb_take_string(cursor, &decoder->second, &framed);
    if (token != RDB_OK) return token;
    if (key.size != ID_SIZE) return bad(cursor, "a stream's node under no id");
    if (!stream_node_put(decoder->value.object, id_of(key), framed))
        return bad(cursor, "an unsound node of a stream");
    decoder->left--;
    return RDB_OK;
}

static enum rdb_token take_figures(struct rdb_decoder *decoder, struct rdb_cursor *cursor,
                                   unsigned form)
{
    struct stream *stream = decoder->value.object;
    struct stream_id last_entry = stream_figures(stream)->last_id;
    struct stream_figures figures = { 0 };
    uint64_t length;
    enum rdb_token token = rdb_take_length(cursor, &length);
    if (token == RDB_OK) token = take_id(cursor, &figures.last_id);
    figures.entries_added = length;
    if (form >= 2) {
        struct stream_id first_id; /* told by the entries themselves */
        if (token == RDB_OK) token = take_id(cursor, &first_id);
        if (token == RDB_OK) token = take_id(cursor, &figures.max_deleted_id);
        if (token == RDB_OK) token = rdb_take_length(cursor, &figures.entries_added);
    }
    if (token == RDB_OK) token = rdb_take_length(cursor, &decoder->outer_left);
    if (token != RDB_OK) return token;
    if (length != stream_length(stream)) return bad(cursor, "a stream of another length");
    if (stream_id_compare(figures.last_id, last_entry) < 0)
        return bad(cursor, "a stream whose last id is not the last one");
    stream_figures_set(stream, &figures);
    decoder->phase = PHASE_GROUP;
    return RDB_OK;
}

/* ---- groups ---- */

static enum rdb_token take_group(struct rdb_decoder *decoder, struct rdb_cursor *cursor,
                                 unsigned form)
{
    if (decoder->outer_left == 0) {
        decoder->is_done = true;
        return RDB_OK;
    }
    struct bytes name;
    struct stream_id last_id;
    uint64_t entries_read = (uint64_t)STREAM_READ_UNKNOWN;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &name);
    if (token == RDB_OK) token = take_id(cursor, &last_id);
    if (token == RDB_OK && form >= 2) token = rdb_take_length(cursor, &entries_read);
    if (token == RDB_OK) token = rdb_take_length(cursor, &decoder->left);
    if (token != RDB_OK) return token;
    decoder->parts[0] =
        stream_group_create(decoder->value.object, name, last_id, (int64_t)entries_read);
    if (decoder->parts[0] == NULL) return bad(cursor, "a stream with two groups of one name");
    decoder->outer_left--;
    decoder->phase = PHASE_PENDING;
    return RDB_OK;
}

static enum rdb_token take_pending(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    if (decoder->left == 0) {
        decoder->phase = PHASE_CONSUMERS;
        return RDB_OK;
    }
    struct stream_group *group = decoder->parts[0];
    struct stream_id id;
    time_ms delivered_ms;
    uint64_t count;
    enum rdb_token token = take_raw_id(cursor, &id);
    if (token == RDB_OK) token = take_time(cursor, &delivered_ms);
    if (token == RDB_OK) token = rdb_take_length(cursor, &count);
    if (token != RDB_OK) return token;
    if (stream_pending_find(group, id) != NULL) return bad(cursor, "an entry pending twice");
    struct stream_pending *pending = stream_pending_put(group, NULL, id);
    pending->delivered_ms = delivered_ms;
    pending->count = count;
    decoder->left--;
    return RDB_OK;
}

static enum rdb_token take_consumer_count(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    enum rdb_token token = rdb_take_length(cursor, &decoder->inner_left);
    if (token == RDB_OK) decoder->phase = PHASE_CONSUMER;
    return token;
}

/* Every entry must be pending for somebody. */
static enum rdb_token end_group(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    const struct stream_group *group = decoder->parts[0];
    size_t count = 0;
    for (size_t i = 0; i < group->consumer_count; i++) count += group->consumers[i]->pending.count;
    if (count != group->pending.count) return bad(cursor, "an entry pending for nobody");
    decoder->phase = PHASE_GROUP;
    return RDB_OK;
}

static enum rdb_token take_consumer(struct rdb_decoder *decoder, struct rdb_cursor *cursor,
                                    unsigned form)
{
    if (decoder->inner_left == 0) return end_group(decoder, cursor);
    struct bytes name;
    time_ms seen_ms, active_ms;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &name);
    if (token == RDB_OK) token = take_time(cursor, &seen_ms);
    active_ms = seen_ms;
    if (token == RDB_OK && form >= 3) token = take_time(cursor, &active_ms);
    if (token == RDB_OK) token = rdb_take_length(cursor, &decoder->left);
    if (token != RDB_OK) return token;
    struct stream_consumer *consumer = stream_consumer_create(decoder->parts[0], name, seen_ms);
    if (consumer == NULL) return bad(cursor, "a group with two consumers of one name");
    consumer->active_ms = active_ms;
    decoder->parts[1] = consumer;
    decoder->inner_left--;
    decoder->phase = PHASE_CONSUMER_PENDING;
    return RDB_OK;
}

static enum rdb_token take_consumer_pending(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    if (decoder->left == 0) {
        decoder->phase = PHASE_CONSUMER;
        return RDB_OK;
    }
    struct stream_id id;
    enum rdb_token token = take_raw_id(cursor, &id);
    if (token != RDB_OK) return token;
    struct stream_pending *pending = stream_pending_find(decoder->parts[0], id);
    if (pending == NULL || pending->consumer != NULL)
        return bad(cursor, "an entry pending for a consumer and not for its group");
    stream_pending_move(pending, decoder->parts[1]);
    decoder->left--;
    return RDB_OK;
}

static enum rdb_token step(struct rdb_decoder *decoder, struct rdb_cursor *cursor, unsigned form)
{
    switch (decoder->phase) {
    case PHASE_BEGIN: return begin(decoder, cursor);
    case PHASE_NODES: return take_node(decoder, cursor);
    case PHASE_FIGURES: return take_figures(decoder, cursor, form);
    case PHASE_GROUP: return take_group(decoder, cursor, form);
    case PHASE_PENDING: return take_pending(decoder, cursor);
    case PHASE_CONSUMERS: return take_consumer_count(decoder, cursor);
    case PHASE_CONSUMER: return take_consumer(decoder, cursor, form);
    case PHASE_CONSUMER_PENDING: return take_consumer_pending(decoder, cursor);
    default: ensure_unreachable();
    }
}

enum rdb_token rdb_stream_1_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return step(decoder, cursor, 1);
}

enum rdb_token rdb_stream_2_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return step(decoder, cursor, 2);
}

enum rdb_token rdb_stream_3_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return step(decoder, cursor, 3);
}

/* ---- writing ---- */

uint8_t rdb_stream_number(const struct entry *entry)
{
    return 21;
}

static void put_raw_id(struct rdb_writer *writer, struct stream_id id)
{
    uint8_t bytes[ID_SIZE];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(id.ms >> (56 - 8 * i));
        bytes[8 + i] = (uint8_t)(id.seq >> (56 - 8 * i));
    }
    rdb_put_bytes(writer, bytes_of(bytes, ID_SIZE));
}

static void put_id(struct rdb_writer *writer, struct stream_id id)
{
    rdb_put_length(writer, id.ms);
    rdb_put_length(writer, id.seq);
}

static void put_nodes(struct rdb_writer *writer, const struct stream *stream)
{
    struct buffer framed = { 0 };
    struct id_place place;
    struct stream_id id;
    rdb_put_length(writer, stream_node_count(stream));
    const struct stream_node *node = stream_node_next(stream, true, &place, &id);
    for (; node != NULL; node = stream_node_next(stream, false, &place, &id)) {
        rdb_put_length(writer, ID_SIZE);
        put_raw_id(writer, id);
        buffer_clear(&framed);
        stream_node_write(node, &framed);
        rdb_put_string(writer, buffer_bytes(&framed));
    }
    buffer_fini(&framed);
}

static void put_consumer(struct rdb_writer *writer, const struct stream_consumer *consumer)
{
    rdb_put_string(writer, consumer->name);
    rdb_put_little(writer, (uint64_t)consumer->seen_ms, 8);
    rdb_put_little(writer, (uint64_t)consumer->active_ms, 8);
    rdb_put_length(writer, consumer->pending.count);
    struct id_place place;
    const struct stream_id *id = id_map_first(&consumer->pending, &place);
    for (; id != NULL; id = id_map_next(&consumer->pending, &place)) put_raw_id(writer, *id);
}

static void put_group(struct rdb_writer *writer, const struct stream_group *group)
{
    rdb_put_string(writer, group->name);
    put_id(writer, group->last_id);
    rdb_put_length(writer, (uint64_t)group->entries_read);
    rdb_put_length(writer, group->pending.count);
    struct id_place place;
    const struct stream_pending *pending = id_map_first(&group->pending, &place);
    for (; pending != NULL; pending = id_map_next(&group->pending, &place)) {
        put_raw_id(writer, pending->id);
        rdb_put_little(writer, (uint64_t)pending->delivered_ms, 8);
        rdb_put_length(writer, pending->count);
    }
    rdb_put_length(writer, group->consumer_count);
    for (size_t i = 0; i < group->consumer_count; i++) put_consumer(writer, group->consumers[i]);
}

void rdb_stream_put(struct rdb_writer *writer, const struct entry *entry)
{
    const struct stream *stream = entry_value(entry);
    const struct stream_figures *figures = stream_figures(stream);
    put_nodes(writer, stream);
    rdb_put_length(writer, stream_length(stream));
    put_id(writer, figures->last_id);
    put_id(writer, figures->first_id);
    put_id(writer, figures->max_deleted_id);
    rdb_put_length(writer, figures->entries_added);
    rdb_put_length(writer, stream_group_count(stream));
    for (size_t i = 0; i < stream_group_count(stream); i++)
        put_group(writer, stream_group_at(stream, i));
}
