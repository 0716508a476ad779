/* What took long, and when: the events that LATENCY tells about, and how long commands take.
 *
 * An event is recorded from latency-monitor-threshold on: at most one sample a second, the worst
 * of it, the last 160 of them. */
#ifndef EIR_ENGINE_LATENCY_H
#define EIR_ENGINE_LATENCY_H

#include "base/units.h"

enum latency_event {
    LATENCY_COMMAND,      /* a command that is not flagged fast */
    LATENCY_FAST_COMMAND, /* one that is */
    LATENCY_FORK,
    LATENCY_EXPIRE_CYCLE,
    LATENCY_EVICTION_CYCLE,
    LATENCY_EVENTS,
};

#define LATENCY_SAMPLES 160

struct latency_sample {
    uint32_t seconds; /* Unix time */
    uint32_t ms;
};

struct latency_track {
    struct latency_sample samples[LATENCY_SAMPLES]; /* a ring */
    uint32_t count;
    uint32_t next;
    uint32_t worst_ms; /* since the reset */
    uint64_t sum_ms;   /* of all events, of those too that share a second with a worse one */
    uint64_t event_count;
};

struct engine;
struct command_entry;

/* Records it when it took long enough to be recorded. */
void latency_note(struct engine *engine, enum latency_event event, uint64_t duration_ns);
/* Adds calls that took so long each to the histogram of a command, which is made with the first. */
void latency_count(struct command_entry *entry, uint64_t duration_ns, uint64_t times);
/* Forgets the event; false when nothing was recorded. */
bool latency_reset_event(struct engine *engine, enum latency_event event);
void latency_fini(struct engine *engine);

#endif
