/* Recording what took long: samples of events, and the histogram of each command. */
#include "base/histogram.h"
#include "base/memory.h"
#include "engine/internal.h"

void latency_note(struct engine *engine, enum latency_event event, uint64_t duration_ns)
{
    int64_t threshold_ms = engine->settings.latency_threshold_ms;
    uint64_t ms = duration_ns / 1000000;
    if (threshold_ms <= 0 || ms < (uint64_t)threshold_ms) return;
    struct latency_track **place = &engine->latencies[event];
    if (*place == NULL) *place = memory_alloc_zero(sizeof(**place));

    struct latency_track *track = *place;
    uint32_t now = (uint32_t)(engine->clock.wall_ms / 1000);
    uint32_t duration = (uint32_t)MIN(ms, (uint64_t)UINT32_MAX);
    track->worst_ms = MAX(track->worst_ms, duration);
    track->sum_ms += ms;
    track->event_count++;
    struct latency_sample *last =
        &track->samples[(track->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
    if (track->count > 0 && last->seconds == now) {
        last->ms = MAX(last->ms, duration);
        return;
    }
    track->samples[track->next] = (struct latency_sample){ now, duration };
    track->next = (track->next + 1) % LATENCY_SAMPLES;
    track->count = MIN(track->count + 1, (uint32_t)LATENCY_SAMPLES);
}

void latency_count(struct command_entry *entry, uint64_t duration_ns, uint64_t times)
{
    if (entry->statistics.latencies == NULL) entry->statistics.latencies = histogram_create();
    histogram_record_times(entry->statistics.latencies, MAX(duration_ns, (uint64_t)1), times);
}

bool latency_reset_event(struct engine *engine, enum latency_event event)
{
    if (engine->latencies[event] == NULL) return false;
    memory_free(engine->latencies[event]);
    engine->latencies[event] = NULL;
    return true;
}

void latency_fini(struct engine *engine)
{
    for (int event = 0; event < LATENCY_EVENTS; event++) latency_reset_event(engine, event);
}
