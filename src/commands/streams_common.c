/* Ids, ranges and entries of streams, as clients write and read them. */
#include "base/memory.h"
#include "commands/streams.h"

/* ---- ids ---- */

struct bytes stream_id_print(struct stream_id id, struct stream_id_text *room)
{
    size_t size = number_print_unsigned(id.ms, room->text);
    room->text[size++] = '-';
    size += number_print_unsigned(id.seq, room->text + size);
    return bytes_of(room->text, size);
}

/* Canonical numbers first; then leading zeros, blanks and a plus, as Valkey takes them. */
static bool part_parse(struct bytes text, uint64_t *value)
{
    int64_t canonical;
    if (number_parse_unsigned(text, value)) return true;
    return !number_parse(text, &canonical) && number_parse_loose(text, value);
}

bool stream_id_parse(struct bytes text, uint64_t seq_missing, struct stream_id *id)
{
    ptrdiff_t dash = bytes_index_of(text, '-');
    if (text.size == 0 || text.size > 127) return false;
    id->seq = seq_missing;
    if (dash < 0) return part_parse(text, &id->ms);
    return part_parse(bytes_of(text.data, (size_t)dash), &id->ms) &&
           part_parse(bytes_from(text, (size_t)dash + 1), &id->seq);
}

void reply_invalid_stream_id(struct call *call)
{
    reply_error(call, "ERR Invalid stream ID specified as stream command argument");
}

static bool call_parse(struct call *call, struct bytes text, uint64_t seq_missing,
                       struct stream_id *id)
{
    if (stream_id_parse(text, seq_missing, id)) return true;
    reply_invalid_stream_id(call);
    return false;
}

bool call_stream_id(struct call *call, uint32_t index, uint64_t seq_missing, struct stream_id *id)
{
    return call_parse(call, call_arg(call, index), seq_missing, id);
}

bool call_stream_id_loose(struct call *call, uint32_t index, uint64_t seq_missing,
                          struct stream_id *id)
{
    struct bytes text = call_arg(call, index);
    bool is_least = bytes_equal(text, BYTES("-"));
    if (!is_least && !bytes_equal(text, BYTES("+"))) return call_parse(call, text, seq_missing, id);
    *id = is_least ? STREAM_ID_MIN : STREAM_ID_MAX;
    return true;
}

/* One end of a range; *is_excluded when "(" stands in front. */
static bool call_bound(struct call *call, uint32_t index, uint64_t seq_missing,
                       struct stream_id *id, bool *is_excluded)
{
    struct bytes text = call_arg(call, index);
    *is_excluded = text.size > 1 && text.data[0] == '(';
    if (*is_excluded) return call_parse(call, bytes_from(text, 1), seq_missing, id);
    return call_stream_id_loose(call, index, seq_missing, id);
}

bool call_stream_start(struct call *call, uint32_t index, struct stream_id *start)
{
    bool is_excluded;
    if (!call_bound(call, index, 0, start, &is_excluded)) return false;
    if (!is_excluded || stream_id_increase(start)) return true;
    reply_error(call, "ERR invalid start ID for the interval");
    return false;
}

bool call_stream_range(struct call *call, uint32_t start_index, uint32_t end_index,
                       struct stream_id *start, struct stream_id *end)
{
    bool excludes_end;
    if (!call_stream_start(call, start_index, start)) return false;
    if (!call_bound(call, end_index, UINT64_MAX, end, &excludes_end)) return false;
    if (excludes_end && !stream_id_decrease(end)) {
        reply_error(call, "ERR invalid end ID for the interval");
        return false;
    }
    return true;
}

void reply_stream_id(struct call *call, struct stream_id id)
{
    struct stream_id_text room;
    reply_bytes(call, stream_id_print(id, &room));
}

/* ---- entries ---- */

static void reply_item(struct call *call, const struct listpack_item *item)
{
    struct scratch scratch;
    reply_bytes(call, listpack_text(item, &scratch));
}

void reply_stream_entry(struct call *call, const struct stream_walk *walk)
{
    struct stream_pairs pairs;
    struct listpack_item name, value;
    stream_pairs_init(&pairs, walk);
    reply_array(call, 2);
    reply_stream_id(call, walk->id);
    reply_array(call, 2 * walk->pair_count);
    while (stream_pairs_next(&pairs, &name, &value)) {
        reply_item(call, &name);
        reply_item(call, &value);
    }
}

void reply_stream_entries(struct call *call, struct stream_walk *walk, uint64_t count)
{
    struct output_mark mark = resp_begin(call->writer);
    size_t replied = 0;
    while (replied < count && stream_walk_next(walk)) {
        reply_stream_entry(call, walk);
        replied++;
    }
    resp_end_array(call->writer, mark, replied);
}

/* ---- the stream of a key ---- */

bool call_stream_for_read(struct call *call, const struct key *key, struct stream **stream)
{
    struct entry *entry;
    if (!call_find_for_read(call, key, VALUE_STREAM, &entry)) return false;
    *stream = entry == NULL ? NULL : entry_value(entry);
    return true;
}

bool call_stream_for_write(struct call *call, const struct key *key, struct entry **entry,
                           struct stream **stream)
{
    if (!call_find_for_write(call, key, VALUE_STREAM, entry)) return false;
    *stream = *entry == NULL ? NULL : entry_value(*entry);
    return true;
}

void call_propagate_with(struct call *call, const struct stream_argument *replaced, size_t count)
{
    struct bytes few[32];
    size_t size = call->argc * sizeof(*few);
    struct bytes *argv = call->argc <= COUNT_OF(few) ? few : memory_alloc(size);
    memcpy(argv, call->argv, size);
    for (size_t i = 0; i < count; i++) argv[replaced[i].index] = replaced[i].value;
    call_propagate(call, call->argc, argv);
    if (argv != few) memory_free(argv);
}

/* ---- groups ---- */

bool call_group_for_claims(struct call *call, struct group_place *place)
{
    if (!call_find_for_read(call, &place->key, VALUE_STREAM, &place->entry)) return false;
    if (place->entry == NULL) return true;
    place->stream = entry_value(place->entry);
    place->group = stream_group_find(place->stream, call_arg(call, 2));
    return true;
}

int64_t call_stream_idle_ms(const struct call *call, time_ms then_ms)
{
    int64_t idle_ms = (int64_t)((uint64_t)call->wall_ms - (uint64_t)then_ms);
    return MAX(0, idle_ms);
}

struct stream_consumer *call_consumer(struct call *call, const struct group_place *place,
                                      struct bytes name, bool *is_new)
{
    struct stream_consumer *consumer = stream_consumer_find(place->group, name);
    *is_new = consumer == NULL;
    if (*is_new) {
        consumer = stream_consumer_create(place->group, name, call->wall_ms);
        call_group_changed(call);
        call_notify(call, NOTIFY_STREAM, "xgroup-createconsumer", &place->key);
    }
    consumer->seen_ms = call->wall_ms;
    return consumer;
}

void call_group_changed(struct call *call)
{
    keyspace_dirty_add(call->keyspace, 1);
}

static struct bytes number_text(int64_t value, struct scratch *scratch)
{
    return bytes_of(scratch->text, number_print(value, scratch->text));
}

void propagate_claim(struct call *call, const struct group_place *place,
                     const struct stream_pending *pending)
{
    struct stream_id_text id, last_id;
    struct scratch time, count;
    struct bytes argv[] = {
        BYTES("XCLAIM"),     place->key.bytes,
        place->group->name,  pending->consumer->name,
        BYTES("0"),          stream_id_print(pending->id, &id),
        BYTES("TIME"),       number_text(pending->delivered_ms, &time),
        BYTES("RETRYCOUNT"), number_text((int64_t)pending->count, &count),
        BYTES("FORCE"),      BYTES("JUSTID"),
        BYTES("LASTID"),     stream_id_print(place->group->last_id, &last_id),
    };
    call_propagate(call, COUNT_OF(argv), argv);
}

void propagate_group_id(struct call *call, const struct group_place *place)
{
    struct stream_id_text id;
    struct scratch read;
    struct bytes argv[] = {
        BYTES("XGROUP"),
        BYTES("SETID"),
        place->key.bytes,
        place->group->name,
        stream_id_print(place->group->last_id, &id),
        BYTES("ENTRIESREAD"),
        number_text(place->group->entries_read, &read),
    };
    call_propagate(call, COUNT_OF(argv), argv);
}

void propagate_consumer(struct call *call, const struct group_place *place, struct bytes name)
{
    struct bytes argv[] = {
        BYTES("XGROUP"), BYTES("CREATECONSUMER"), place->key.bytes, place->group->name, name,
    };
    call_propagate(call, COUNT_OF(argv), argv);
}
