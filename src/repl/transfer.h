/* The snapshot of a full sync as it comes in: finds its frame and hands out its bytes.
 *
 *   $<length>\r\n  then so many bytes, and the stream right behind them
 *   $EOF:<40 characters>\r\n  then bytes until the same 40 characters come again */
#ifndef EIR_REPL_TRANSFER_H
#define EIR_REPL_TRANSFER_H

#include "repl/effects.h"

#define TRANSFER_MARKER_SIZE 40

enum transfer_frame {
    TRANSFER_UNKNOWN, /* its header has not come */
    TRANSFER_BY_LENGTH,
    TRANSFER_BY_MARKER,
    TRANSFER_DONE,
};

struct transfer {
    enum transfer_frame frame;
    uint64_t size; /* announced; 0 by marker */
    uint64_t read; /* bytes of the snapshot that came */
    char marker[TRANSFER_MARKER_SIZE];
    char held[TRANSFER_MARKER_SIZE - 1]; /* the last bytes: the marker may begin in them */
    size_t held_size;
    char let_go[2 * (TRANSFER_MARKER_SIZE - 1)]; /* held before; effects of this step refer to it */
};

/* The header line without its line end; false when it is none. */
bool transfer_begin(struct transfer *transfer, struct bytes line);
/* Appends REPL_LOAD for what belongs to the snapshot; returns how many bytes were taken: all of
 * them unless the frame is TRANSFER_DONE afterwards. At most once in a step. */
size_t transfer_feed(struct transfer *transfer, struct bytes bytes, struct repl_effects *effects);

#endif
