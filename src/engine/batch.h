/* What a turn has parsed and not yet executed: requests, their keys, the input they came from. */
#ifndef EIR_ENGINE_BATCH_H
#define EIR_ENGINE_BATCH_H

#include "engine/session.h"
#include "engine/table.h"
#include "keyspace/keyspace.h"

#define BATCH_COUNT      128  /* commands looked up ahead together */
#define BATCH_ARGC       1024 /* their arguments; a larger command makes room for itself */
#define BATCH_KEYS       256  /* their keys, as far as they go */
#define SESSION_COMMANDS 64   /* of one connection, before the next one has its turn */

/* One command that was parsed and not yet executed. */
struct batch_item {
    struct command_entry *entry; /* NULL: unknown */
    struct feed *feed;
    uint32_t argv_at;
    uint32_t argc;
    uint32_t key_index; /* the argument that is the first key, 0: none */
    uint32_t key_at;    /* its place among the batch's keys, or that of its equal before it */
    uint32_t key_count; /* from there on, every key_step arguments */
    bool ran_plain;     /* and was not measured yet */
    size_t end;         /* of the request, in the feed's view */
};

/* The input of one session in this turn. */
struct feed {
    struct session *session;
    struct bytes view; /* what is parsed: the received bytes, or the session's own buffer */
    size_t parsed;
    size_t executed;
    bool is_direct;  /* the view is not the session's buffer */
    bool is_halted;  /* a command must wait: nothing behind it may run */
    bool wants_more; /* the rest is no whole request */
};

/* The command that was looked for last, as its client wrote it: often the next one is the same. */
struct recent_command {
    uint64_t word;
    size_t size;
    struct command_entry *entry; /* without subcommands; NULL: none, and size is 0 */
};

struct batch {
    struct recent_command recent;
    struct batch_item items[BATCH_COUNT];
    uint32_t count;
    struct bytes *argv; /* owned */
    uint32_t argc;
    uint32_t argv_capacity;
    struct key keys[BATCH_KEYS];
    uint32_t key_count;
    bool has_members;   /* a row of these names one */
    struct feed *feeds; /* owned */
    uint32_t feed_count;
    uint32_t feed_capacity;
    struct request request;
};

/* What keeps requests from being plain: looked at in each turn, and again behind every request that
 * was not plain, because only such a one changes it. */
struct plain {
    bool is_known;
    bool is_heard;
    uint32_t stops;  /* rows with one of these flags; PLAIN_NOTHING: all of them */
    uint64_t offset; /* where the stream stands while nobody hears it */
};
#define PLAIN_NOTHING UINT32_MAX

/* SELECT may have run since the keys were looked up ahead. */
static inline void batch_keys_in(struct key *keys, uint32_t count, const struct session *session)
{
    uint32_t db = (uint32_t)session->db;
    for (uint32_t i = 0; i < count && keys[i].db != db; i++)
        keys[i] = keyspace_key_in(&keys[i], db);
}

#endif
