/* Consumer groups of a stream: who was given which entry and has not acknowledged it.
 *
 * A group keeps what is pending by id, with time, count and consumer; a consumer keeps the ids of
 * its own. Fields are read freely; they are written by the functions here, but for the plain
 * figures (ids, times, counts), which are the caller's to set. */
#ifndef EIR_TYPES_STREAM_GROUPS_H
#define EIR_TYPES_STREAM_GROUPS_H

#include "types/stream.h"

#define STREAM_READ_UNKNOWN (-1) /* of entries_read */
#define STREAM_NEVER_ACTIVE (-1)

struct stream_consumer {
    struct bytes name; /* its bytes are owned */
    time_ms seen_ms;
    time_ms active_ms;     /* or STREAM_NEVER_ACTIVE */
    struct id_map pending; /* of ids alone */
};

struct stream_pending {
    struct stream_id id;
    time_ms delivered_ms;
    uint64_t count;                   /* of deliveries */
    struct stream_consumer *consumer; /* borrowed */
};

struct stream_group {
    struct bytes name; /* its bytes are owned */
    struct stream_id last_id;
    int64_t entries_read;
    struct id_map pending;              /* of struct stream_pending */
    struct stream_consumer **consumers; /* owned; sorted by name */
    size_t consumer_count;
};

size_t stream_group_count(const struct stream *stream);
/* By their names' order. */
struct stream_group *stream_group_at(const struct stream *stream, size_t index);
struct stream_group *stream_group_find(const struct stream *stream, struct bytes name);
/* NULL when there is one of this name. */
struct stream_group *stream_group_create(struct stream *stream, struct bytes name,
                                         struct stream_id last_id, int64_t entries_read);
bool stream_group_destroy(struct stream *stream, struct bytes name);

struct stream_consumer *stream_consumer_find(const struct stream_group *group, struct bytes name);
/* NULL when there is one of this name. */
struct stream_consumer *stream_consumer_create(struct stream_group *group, struct bytes name,
                                               time_ms seen_ms);
/* With all that is pending for it. */
void stream_consumer_destroy(struct stream_group *group, struct stream_consumer *consumer);

/* NULL when it is not pending. */
struct stream_pending *stream_pending_find(const struct stream_group *group, struct stream_id id);
/* It is not pending yet. While a stream is loaded the consumer may be unknown (NULL) until
 * stream_pending_move tells it. */
struct stream_pending *stream_pending_put(struct stream_group *group,
                                          struct stream_consumer *consumer, struct stream_id id);
/* Makes it the consumer's, whosever it was. */
void stream_pending_move(struct stream_pending *pending, struct stream_consumer *consumer);
/* False when it was not pending. */
bool stream_pending_remove(struct stream_group *group, struct stream_id id);

/* How many entries were added up to this id; STREAM_READ_UNKNOWN when deletions hide it. */
int64_t stream_count_until(const struct stream *stream, struct stream_id id);
/* Was an entry behind this id deleted by XDEL, as far as one can know? */
bool stream_has_deleted_from(const struct stream *stream, struct stream_id id);
/* How many entries the group has not read; false when it cannot be known. */
bool stream_group_lag(const struct stream *stream, const struct stream_group *group, int64_t *lag);
/* The group goes on behind this entry, which was just delivered. */
void stream_group_advance(const struct stream *stream, struct stream_group *group,
                          struct stream_id id);

#endif
