/* Who waits for which key: an index from database and key to those who wait, in the order in which
 * they came. What it is for stands in blocking.h. */
#ifndef EIR_ENGINE_WAITERS_H
#define EIR_ENGINE_WAITERS_H

#include "base/list.h"
#include "base/table.h"
#include "keyspace/keyspace.h"

struct block_wish;
struct call;
struct engine;
struct session;

struct waiting {
    struct table *keys;    /* of struct awaited_key */
    struct list ready;     /* those of them that may have something, in the order of the changes */
    struct list waiters;   /* all, oldest first */
    struct waiter *served; /* whose row runs again now */
    time_ms retry_ms;      /* what is ready had to wait: until then */
    bool is_ready;         /* `ready` is not empty */
    bool was_replica;      /* this node, when who waits was last looked at */
    size_t key_count;
    size_t gone_key_count; /* keys that somebody waits to be deleted for */
    size_t editing_count;  /* waiters whose value is edited while they wait: streams */
    struct table_rules rules;
    struct buffer name;                      /* of the key that is looked up */
    uint16_t awaited[KEYSPACE_AWAIT_PLACES]; /* keys by their hash */
};

/* A key that somebody waits for. Its name is the database, four bytes, and the key. */
struct awaited_key {
    struct list waits;           /* of struct key_wait, oldest first */
    struct list_link ready_link; /* in waiting.ready */
    uint64_t hash;
    size_t place;      /* in waiting.awaited */
    size_t gone_count; /* of waiters that wake when it is gone */
    bool is_served;    /* must outlive its last wait */
    size_t name_size;
    char name[];
};

#define AWAITED_DB_SIZE sizeof(uint32_t)

struct key_wait {
    struct list_link link;
    struct awaited_key *key;
    struct waiter *waiter;
};

/* One allocation: this, the waits, the argv, and all its bytes. */
struct waiter {
    struct list_link link; /* in waiting.waiters */
    struct session *session;
    struct command_entry *entry;
    size_t memory;
    struct bytes *argv;
    uint32_t argc;
    uint32_t wait_count; /* a key that is named twice is waited for once */
    int32_t slot;
    uint8_t type;
    bool wakes_when_gone;
    bool is_waiting; /* false while its row runs again, unless the row wants to wait on */
    bool is_asking;  /* it waits in a slot that arrives */
    struct key_wait waits[];
};

void waiting_init(struct waiting *waiting, struct hash_key hash_key);
void waiting_fini(struct waiting *waiting);
/* The keyspace tells what those who wait want to know; said whenever one came or went. */
void waiting_tell_kinds(const struct waiting *waiting, struct keyspace *keyspace);

/* The call's session waits from now on, or no more. */
struct waiter *waiter_create(struct waiting *waiting, const struct call *call,
                             const struct block_wish *wish);
void waiter_destroy(struct waiting *waiting, struct waiter *waiter);
/* The session waits for keys, and its row is not just being served. */
bool session_waits(const struct session *session);

struct key awaited_key_place(const struct awaited_key *key, const struct keyspace *keyspace);
/* The last who waited for it went while it was served. */
void awaited_key_drop(struct waiting *waiting, struct awaited_key *key);

/* What the keyspace told makes keys ready. */
void waiting_of_changes(struct engine *engine);
/* Whatever is waited for may be there. */
void waiting_all_ready(struct waiting *waiting);

#endif
