/* Histories of the deep world: faults drawn by chance from a seed, and what must hold in the end.
 */
#ifndef EIR_TESTS_DEEP_HISTORY_H
#define EIR_TESTS_DEEP_HISTORY_H

#include "deep.h"

struct history_result {
    bool is_kept;  /* every promise was kept */
    char why[512]; /* else */
    uint64_t digest;
    uint64_t acknowledged;
    uint64_t lost; /* without WAIT some may be */
    unsigned failovers;
};

/* One history: formation, writes, faults, healing, and everything looked at. */
void history_run(uint64_t seed, bool is_verbose, struct history_result *result);

#endif
