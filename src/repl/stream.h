/* What a primary sends once a sync is done: commands, taken from the bytes one by one, with the
 * place of each known to the byte.
 *
 *   input:  | applied | a transaction, handed out command by command | not yet whole |
 *           ^ 0       ^ start           ^ at                         ^ scanned to    ^ size
 *
 * PING, SELECT, MULTI and EXEC are dealt with here. A transaction comes out only when its EXEC is
 * there, and counts as applied, as a whole, with it: so the offset never stands inside one. */
#ifndef EIR_REPL_STREAM_H
#define EIR_REPL_STREAM_H

#include "repl/backlog.h"
#include "resp/request.h"

/* A transaction is kept until its EXEC comes; a primary that never sends one must not fill us. */
#define STREAM_TRANSACTION_MAX (4 * GIB)

struct stream {
    struct backlog *backlog; /* borrowed: gets what is applied */
    struct buffer input;
    size_t start; /* applied up to here */
    size_t at;    /* the next command */
    int db;       /* selected at `at` */
    bool is_in_transaction;
    bool has_item;  /* `request` holds the command at `at` */
    size_t scan_at; /* looking for EXEC: behind the last whole command */
    struct request_parser parser;
    struct request_parser scan_parser;
    struct request request; /* points into itself: a stream must not be moved after its init */
};

void stream_init(struct stream *stream, struct backlog *backlog);
void stream_fini(struct stream *stream);

/* Behind a sync: the stream goes on here, with this database selected. */
void stream_begin(struct stream *stream, int db);
void stream_feed(struct stream *stream, struct bytes bytes);
/* Forgets what was received and not applied. */
void stream_drop(struct stream *stream);
/* Received bytes that are not applied. */
size_t stream_pending(const struct stream *stream);

enum stream_item {
    STREAM_NONE,    /* nothing whole */
    STREAM_COMMAND, /* stream->request; say stream_done when it has run */
    STREAM_GETACK,  /* the primary asks for an ACK of what is applied now; then stream_done */
    STREAM_BROKEN,  /* not a stream: stream->request.error says why, or is NULL */
};
/* The same item again until stream_done. */
enum stream_item stream_next(struct stream *stream);
void stream_done(struct stream *stream);

#endif
