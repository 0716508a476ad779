/* Histories: worlds, faults and orders drawn from one seed, run to the end, healed, and judged. */
#ifndef EIR_TESTS_SIM_HISTORY_H
#define EIR_TESTS_SIM_HISTORY_H

#include "sim/sim.h"

#define HISTORY_FAULTS_MAX 64

enum fault_kind {
    FAULT_CRASH,       /* a, then restarted with its data after duration */
    FAULT_CRASH_EMPTY, /* the same without data */
    FAULT_CRASH_WIPED, /* without nodes.conf too: it comes back as somebody else */
    FAULT_CRASH_ROLLED_BACK,
    FAULT_CRASH_ELSEWHERE, /* comes back at another address */
    FAULT_SWAP,            /* a and b crash and come back at each other's address */
    FAULT_POWER,           /* a's machine; restarted after duration */
    FAULT_CRASH_SHARDS,    /* the primaries of several shards at once */
    FAULT_BOUNCE,          /* restarted at once */
    FAULT_FREEZE,          /* stopped process, suspended machine */
    FAULT_TRAP_CRASH,      /* ends between two effects ... */
    FAULT_TRAP_SAVE,       /* ... between a SAVE and what follows it */
    FAULT_TRAP_FREEZE,
    FAULT_CUT,  /* a to b, one direction */
    FAULT_MUTE, /* nobody hears a, which hears everybody */
    FAULT_DEAF, /* a hears nobody */
    FAULT_ISOLATE,
    FAULT_PARTITION,      /* the nodes of mask from the others */
    FAULT_BREAK,          /* resets of some links of a */
    FAULT_HALF_OPEN,      /* resets that only one side notices */
    FAULT_FALSE_REFUSALS, /* and a reset, so that somebody connects */
    FAULT_LISTENER,       /* a loses its listener and exits soon after */
    FAULT_DISK_FAILS,
    FAULT_DISK_STALLS,
    FAULT_WALL_CLOCK, /* jumps */
    FAULT_STOP,       /* SIGTERM, restarted after duration */
    FAULT_FAILOVER,
    FAULT_FAILOVER_FORCE,
    FAULT_TAKEOVER,
    FAULT_BUMP_EPOCH,
    FAULT_RESET, /* of a replica; then it meets the others again */
    FAULT_FORGET,
    FAULT_MEET_FOREIGN, /* a meets a node of another cluster, or a fresh one */
    FAULT_SERVE_EMPTY,  /* an operator tells a to serve what it has, in the right moment or not */
    FAULT_KIND_COUNT
};

struct fault {
    enum fault_kind kind;
    time_ms at_ms;       /* since the start */
    time_ms duration_ms; /* 0: nothing to undo */
    uint32_t a, b;
    uint64_t mask;
    unsigned number;
    bool is_off; /* left out by shrinking */
};

struct history {
    uint64_t seed;
    struct sim_options options;
    struct fault faults[HISTORY_FAULTS_MAX];
    unsigned fault_count;
    time_ms active_ms;       /* then everything is healed */
    bool members_may_change; /* wipes, resets: only agreement is asked for, not health */
};

/* Draws everything from the seed; what `given` sets (not 0) stays as it is. */
void history_draw(struct history *history, uint64_t seed, const struct sim_options *given);

/* By the name under which history_print shows it. */
bool history_find_fault(const char *name, enum fault_kind *kind);

struct verdict {
    bool is_kept;
    char text[1024]; /* the violation */
    uint64_t digest;
    uint64_t events;
    time_ms virtual_ms;
    unsigned replaced_by_evidence; /* dead primaries whose replacement was timed */
    unsigned replaced_by_silence;
};

void history_run(const struct history *history, struct verdict *verdict);
/* Leaves out what is not needed for the failure. */
void history_shrink(struct history *history);
void history_print(const struct history *history);

#endif
