/* What the families of sorted sets and of places on earth share. */
#ifndef EIR_COMMANDS_ZSETS_H
#define EIR_COMMANDS_ZSETS_H

#include "engine/call.h"
#include "types/zset.h"

static inline struct zset *entry_zset(const struct entry *entry)
{
    return entry_value(entry);
}

/* The sorted set under a key; *zset is NULL when there is none. False: answered. */
bool call_zset_for_read(struct call *call, uint32_t index, struct zset **zset);

/* ---- adding: ZADD, ZINCRBY, GEOADD ---- */

struct zset_add {
    bool if_absent, if_present, if_greater, if_less;
    bool counts_changed; /* CH */
    bool increments;
    uint32_t first; /* the argument behind the options */
};

/* Reads the options from argument 2 on. */
void zset_add_parse(struct call *call, struct zset_add *add);
/* Adds `count` members with their scores, and answers. The members are arguments `step` apart,
 * from `first` on. True when that changed anything. */
bool zset_add_run(struct call *call, const struct zset_add *add, const double *scores,
                  uint32_t first, uint32_t step, uint32_t count);

/* ---- replies ---- */

/* One of a range: the member, with its score if wanted: in RESP3 both in an array of two. */
static inline void reply_zset_item(struct call *call, const struct zset_item *item, bool has_score)
{
    if (has_score && call->writer->protocol > 2) reply_array(call, 2);
    reply_bytes(call, item->member);
    if (has_score) reply_double(call, item->score);
}

/* The header of `count` of them. */
static inline void reply_zset_items(struct call *call, size_t count, bool has_score)
{
    reply_array(call, has_score && call->writer->protocol == 2 ? 2 * count : count);
}

/* ---- results ---- */

/* The key gets the sorted set, which is given away; an empty one deletes the key. Publishes the
 * event, or "del", and answers the count. */
void zset_store(struct call *call, const struct key *key, struct zset *zset, const char *event);
/* Adds a member that may be there already. */
void zset_put(struct zset **zset, const struct value_rules *rules, struct bytes member,
              double score);
/* After elements were taken out: tells it, deletes an empty key. */
void zset_shrunk(struct call *call, const struct key *key, struct entry *entry, struct zset *zset,
                 const char *event);

#endif
