/* What the commands of streams share: ids as clients write them, entries as they are answered,
 * trims. */
#ifndef EIR_COMMANDS_STREAMS_H
#define EIR_COMMANDS_STREAMS_H

#include "engine/call.h"
#include "types/stream_groups.h"

/* ---- ids ---- */

#define STREAM_ID_TEXT_MAX (2 * NUMBER_TEXT_MAX)

struct stream_id_text {
    char text[STREAM_ID_TEXT_MAX];
};
/* "ms-seq". Borrowed from the room. */
struct bytes stream_id_print(struct stream_id id, struct stream_id_text *room);

/* "ms-seq" or "ms" alone, then with this seq; false when it is neither. */
bool stream_id_parse(struct bytes text, uint64_t seq_missing, struct stream_id *id);
/* The same of an argument; otherwise it was answered. The loose form knows "-" and "+" too. */
bool call_stream_id(struct call *call, uint32_t index, uint64_t seq_missing, struct stream_id *id);
bool call_stream_id_loose(struct call *call, uint32_t index, uint64_t seq_missing,
                          struct stream_id *id);
void reply_invalid_stream_id(struct call *call);

/* The start and the end of a range, "(" in front excludes the id itself; otherwise it was
 * answered. */
bool call_stream_range(struct call *call, uint32_t start_index, uint32_t end_index,
                       struct stream_id *start, struct stream_id *end);
/* The start alone. */
bool call_stream_start(struct call *call, uint32_t index, struct stream_id *start);

void reply_stream_id(struct call *call, struct stream_id id);

/* ---- entries ---- */

/* The entry that the walk has found: its id and its pairs. */
void reply_stream_entry(struct call *call, const struct stream_walk *walk);
/* Those that the walk still finds, `count` at most. */
void reply_stream_entries(struct call *call, struct stream_walk *walk, uint64_t count);

/* ---- the stream of a key ---- */

/* NULL when it is absent, false when it is something else: answered. */
bool call_stream_for_read(struct call *call, const struct key *key, struct stream **stream);
bool call_stream_for_write(struct call *call, const struct key *key, struct entry **entry,
                           struct stream **stream);

/* As sent, with some arguments replaced. */
struct stream_argument {
    uint32_t index;
    struct bytes value;
};
void call_propagate_with(struct call *call, const struct stream_argument *replaced, size_t count);

/* ---- groups ---- */

/* A group of a key's stream. */
struct group_place {
    struct key key;
    struct entry *entry;
    struct stream *stream;
    struct stream_group *group;
};

/* The group (argument 2) of the place's key, NULL if there is none; false when the key is something
 * else. What is pending is looked up as by a reader: an absent key counts as missed. */
bool call_group_for_claims(struct call *call, struct group_place *place);
/* How long ago this was, 0 if it is to come. Claims and snapshots bring any time at all. */
int64_t call_stream_idle_ms(const struct call *call, time_ms then_ms);

/* The consumer of this name, made if there is none, and seen now. */
struct stream_consumer *call_consumer(struct call *call, const struct group_place *place,
                                      struct bytes name, bool *is_new);
/* What is pending was changed; watchers of the key are not concerned. */
void call_group_changed(struct call *call);

/* Effects, as replicas get them. */
void propagate_claim(struct call *call, const struct group_place *place,
                     const struct stream_pending *pending);
void propagate_group_id(struct call *call, const struct group_place *place);
void propagate_consumer(struct call *call, const struct group_place *place, struct bytes name);

/* For XINFO and XPENDING: pairs of a map. */
static inline void reply_field_integer(struct call *call, const char *name, int64_t value)
{
    reply_text(call, name);
    reply_integer(call, value);
}
static inline void reply_field_id(struct call *call, const char *name, struct stream_id id)
{
    reply_text(call, name);
    reply_stream_id(call, id);
}

#endif
