/* Keyspace notifications: what happened to a key, published to who listens to its channels.
 *
 * Commands say what they did with call_notify (engine/call.h). What the keyspace does by itself
 * comes as struct changes: a key is new, missed, has expired, was evicted. Both are published in
 * the order in which they happened, to the subscribers of this node alone. */
#ifndef EIR_ENGINE_NOTIFY_H
#define EIR_ENGINE_NOTIFY_H

#include "base/bytes.h"

struct engine;

/* The classes of notify-keyspace-events, in the order of CONFIG_NOTIFY_LETTERS. */
enum notify_class {
    NOTIFY_KEYSPACE = 1 << 0, /* K: publish to __keyspace@<db>__:<key> */
    NOTIFY_KEYEVENT = 1 << 1, /* E: publish to __keyevent@<db>__:<event> */
    NOTIFY_GENERIC = 1 << 2,
    NOTIFY_STRING = 1 << 3,
    NOTIFY_LIST = 1 << 4,
    NOTIFY_SET = 1 << 5,
    NOTIFY_HASH = 1 << 6,
    NOTIFY_ZSET = 1 << 7,
    NOTIFY_EXPIRED = 1 << 8,
    NOTIFY_EVICTED = 1 << 9,
    NOTIFY_STREAM = 1 << 10,
    NOTIFY_MODULE = 1 << 11,
    NOTIFY_MISSED = 1 << 12,
    NOTIFY_NEW = 1 << 13,
};

/* Follows the option: bits of enum notify_class. Without K and E nothing is published. */
void engine_notify(struct engine *engine, uint32_t classes);
bool engine_notifies(const struct engine *engine);
/* A key goes without a command of its own: its slot is dropped. */
void engine_notify_dropped(struct engine *engine, uint32_t db, struct bytes key);

#endif
