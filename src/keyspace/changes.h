/* What happened to keys, as plain data: keyspace appends here, engine turns it into notifications,
 * invalidations, wake-ups and propagation.
 *
 * Expired and evicted keys are always told, because their removal must be propagated; everything
 * else only while somebody wants it (keyspace_tell_changes). The key bytes are copied: they
 * outlive the entry. */
#ifndef EIR_KEYSPACE_CHANGES_H
#define EIR_KEYSPACE_CHANGES_H

#include "base/buffer.h"

enum change_kind {
    CHANGE_NEW,         /* the key did not exist before */
    CHANGE_OVERWRITTEN, /* a value took another one's place */
    CHANGE_MODIFIED,    /* the value was edited */
    CHANGE_DELETED,
    CHANGE_EXPIRED, /* deleted because its time had come; propagate DEL or UNLINK */
    CHANGE_EVICTED, /* deleted to make room; propagate as well */
    CHANGE_FIELDS,  /* fields of the hash have ended: each is told as a CHANGE_FIELD behind it */
    CHANGE_FIELD,   /* `key` is the field; propagate them as HDEL */
    CHANGE_EMPTIED, /* the last of these was its last field: deleted */
    CHANGE_EXPIRY,  /* its time was set or taken away */
    CHANGE_MISSED,  /* a reader did not find it */
    CHANGE_FLUSHED, /* the whole database (slot -1) or the whole slot; no key */
};

struct change {
    enum change_kind kind;
    uint32_t db;
    int32_t slot;  /* 0 when there are no slots; -1: all of the database */
    size_t key_at; /* place of the key in `keys` */
    size_t key_size;
};

/* All zero is a valid empty list. */
struct changes {
    struct change *items; /* owned */
    size_t count;
    size_t capacity;
    struct buffer keys;
};

void changes_init(struct changes *changes);
void changes_fini(struct changes *changes);
/* Empty again; keeps the memory. */
void changes_clear(struct changes *changes);
void changes_append(struct changes *changes, enum change_kind kind, uint32_t db, int32_t slot,
                    struct bytes key);
/* Borrowed: valid until the next append or clear. */
struct bytes changes_key(const struct changes *changes, const struct change *change);

#endif
