/* The longest common subsequence of two texts: its length, and the runs of equal bytes that it
 * consists of. Of several longest ones it is the one that Valkey finds. */
#ifndef EIR_TYPES_LCS_H
#define EIR_TYPES_LCS_H

#include "base/bytes.h"

/* Its length alone: needs memory for one row. */
size_t lcs_length(struct bytes a, struct bytes b);

/* A walk over the runs, from the last to the first. */
struct lcs {
    struct bytes a, b; /* borrowed */
    size_t length;
    uint8_t *turns;      /* owned: a bit for each pair of places, see lcs.c */
    size_t a_end, b_end; /* what is left to walk */
};

struct lcs_run {
    size_t a_start, b_start;
    size_t size;
};

/* Takes a bit of memory for each pair of bytes: the caller bounds that. */
void lcs_init(struct lcs *lcs, struct bytes a, struct bytes b);
void lcs_fini(struct lcs *lcs);
/* To the end again. */
void lcs_rewind(struct lcs *lcs);
bool lcs_next(struct lcs *lcs, struct lcs_run *run);

#endif
