/* The replication stream: its identity, its position, and the tail of its bytes.
 *
 * A write becomes bytes here once. The bytes stand in counted blocks that the backlog and the
 * output of every replica share, so ten replicas cost one copy:
 *
 *      first byte held                                      offset
 *      v                                                    v
 *   [ block ]->[ block ]->[ block ]->[ block ]->[ block     ]   <- commands are written here
 *                  ^ cursor of a replica still loading: holds what is behind it
 *
 * A primary writes commands; a replica adopts the bytes of its primary unchanged, once they are
 * applied, so that it can feed others under the same ids and offsets, promoted or not.
 *
 * Offsets count bytes from 1: `offset` is the number of the last byte produced or applied, and a
 * replica that holds it asks for offset + 1. */
#ifndef EIR_REPL_BACKLOG_H
#define EIR_REPL_BACKLOG_H

#include "base/bytes.h"
#include "base/output.h"

#define REPL_ID_SIZE       40
#define BACKLOG_SIZE_MIN   (16 * KIB)
#define BACKLOG_DB_ANY     (-1) /* what is appended does not care which database is selected */
#define BACKLOG_DB_UNKNOWN (-1) /* the next command must be preceded by SELECT */

/* Which history the data belongs to. */
struct lineage {
    char id[REPL_ID_SIZE];        /* lower-case hex, not terminated */
    char former_id[REPL_ID_SIZE]; /* '0' x 40 when there is none */
    int64_t offset;
    int64_t former_end; /* first offset that is not of the former id any more; -1: none */
    int db;             /* database selected at `offset`, or BACKLOG_DB_UNKNOWN */
};

struct backlog;

/* Not started, a new id, offset 0. `seed` feeds the ids. */
struct backlog *backlog_create(size_t size_max, uint64_t seed);
void backlog_destroy(struct backlog *backlog);
void backlog_resize(struct backlog *backlog, size_t size_max);

const struct lineage *backlog_lineage(const struct backlog *backlog); /* borrowed */

/* A stream that was not started costs nothing: appending leaves even the offset alone. */
bool backlog_is_started(const struct backlog *backlog);
void backlog_start(struct backlog *backlog);
/* Drops all bytes and takes a new id: what is written from now on is not counted. */
void backlog_stop(struct backlog *backlog);

/* ---- identity ---- */

/* A primary takes over: the id so far becomes the former one, a new one begins behind offset. */
void backlog_fork_id(struct backlog *backlog);
/* The same with an id that the primary named (+CONTINUE <id>); nothing when it is the same. */
void backlog_adopt_id(struct backlog *backlog, const char *id);
/* Full sync or restart: this history, this position, no bytes; the stream is started. Cursors are
 * cut off: backlog_generation() changes, and replicas of this node must be dropped. */
void backlog_restart(struct backlog *backlog, const char *id, int64_t offset, int db);
uint64_t backlog_generation(const struct backlog *backlog);

/* ---- appending ---- */

/* One command as RESP, SELECT before it when `db` differs from the one selected. A transaction is
 * MULTI (BACKLOG_DB_ANY), its commands, EXEC (BACKLOG_DB_ANY). */
void backlog_append_command(struct backlog *backlog, int db, size_t argc, const struct bytes *argv);
/* The same for a command, or several, that are RESP already. */
void backlog_append_record(struct backlog *backlog, int db, struct bytes record);
/* The next command will be preceded by SELECT whatever the database. */
void backlog_forget_db(struct backlog *backlog);
/* A replica: bytes of the primary's stream that are applied now; `db` is selected behind them. */
void backlog_append_applied(struct backlog *backlog, struct bytes bytes, int db);

/* ---- reading ---- */

int64_t backlog_first_offset(const struct backlog *backlog); /* of the first byte held */
size_t backlog_held(const struct backlog *backlog);          /* bytes held (histlen) */
size_t backlog_size_max(const struct backlog *backlog);
size_t backlog_memory(const struct backlog *backlog);

/* May a replica that knows this id go on at `offset` (its own + 1)? The words are for the log. */
enum backlog_verdict {
    BACKLOG_CONTINUES,
    BACKLOG_NOT_STARTED,
    BACKLOG_ID_UNKNOWN,
    BACKLOG_OFFSET_OF_ANOTHER_HISTORY, /* the former id, but beyond where it ended */
    BACKLOG_OFFSET_GONE,               /* before the first byte held */
    BACKLOG_OFFSET_AHEAD,              /* beyond what was produced */
};
enum backlog_verdict backlog_check(const struct backlog *backlog, struct bytes id, int64_t offset);
const char *backlog_verdict_text(enum backlog_verdict verdict);

/* A place in the stream; the bytes behind it are kept while it stands. All zero: nowhere. */
struct backlog_block;
struct backlog_cursor {
    struct backlog_block *block; /* borrowed; pinned */
    size_t at;                   /* in the block */
    uint64_t generation;         /* of the backlog it points into */
    int64_t offset;              /* of the last byte before the cursor */
};
/* Before the byte with number `offset` + 1, which must be held or be the next one. */
void backlog_cursor_set(struct backlog *backlog, struct backlog_cursor *cursor, int64_t offset);
void backlog_cursor_clear(struct backlog *backlog, struct backlog_cursor *cursor);
/* References everything behind the cursor from the output and moves the cursor to the end;
 * returns how many bytes. */
size_t backlog_cursor_hand_out(struct backlog *backlog, struct backlog_cursor *cursor,
                               struct output *output);

#endif
