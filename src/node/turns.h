/* How long the turns of the loop take, what made the longest of them long, and how much happens a
 * second. A turn counts from the first input to the last effect; waiting for the next is not in it,
 * nor what the loop sends while it waits. */
#ifndef EIR_NODE_TURNS_H
#define EIR_NODE_TURNS_H

#include "base/histogram.h"
#include "base/units.h"

#define RATE_SAMPLES 16 /* as many as Valkey averages over, one at each run of the cron */

enum turn_rate {
    RATE_COMMANDS,
    RATE_NET_IN,
    RATE_NET_OUT,
    RATE_REPL_IN,
    RATE_REPL_OUT,
    RATE_TURNS,
    RATE_TURN_NS,
    TURN_RATES,
};

struct rate {
    uint64_t before;                /* the counter at the last sample */
    uint64_t samples[RATE_SAMPLES]; /* a second */
};

struct turns {
    struct histogram *durations; /* owned; nanoseconds, since the last reset */
    uint64_t count;
    uint64_t ns; /* of all turns */

    uint64_t started_at; /* ticks; 0: no turn is under way */
    uint64_t marked_at;  /* up to here the turn is accounted for */
    uint64_t longest_ns; /* of the parts of this turn */
    const char *longest_part;
    char command[32]; /* the longest one of this turn, when it made most of its part */

    uint64_t worst_ns;
    char worst_cause[48];
    time_ms worst_wall_ms;

    struct rate rates[TURN_RATES];
    unsigned rate_next;
    time_ms rated_ms;
};

#endif
