/* LATENCY: what is told of slow events and of the time that commands take. */
#include "engine/latency.h"

#include "base/ensure.h"
#include "base/histogram.h"
#include "engine/internal.h"
#include <math.h>
#include <stdio.h>

static const char *const event_names[LATENCY_EVENTS] = {
    [LATENCY_COMMAND] = "command",
    [LATENCY_FAST_COMMAND] = "fast-command",
    [LATENCY_FORK] = "fork",
    [LATENCY_EXPIRE_CYCLE] = "expire-cycle",
    [LATENCY_EVICTION_CYCLE] = "eviction-cycle",
};

/* The oldest sample has number 0. */
static const struct latency_sample *track_sample(const struct latency_track *track, uint32_t number)
{
    uint32_t start = track->next + LATENCY_SAMPLES - track->count;
    return &track->samples[(start + number) % LATENCY_SAMPLES];
}

/* --- LATEST, HISTORY, RESET -------------------------------------------------------------- */

static int find_event(struct bytes name)
{
    for (int event = 0; event < LATENCY_EVENTS; event++)
        if (bytes_equal_nocase(name, bytes_text(event_names[event]))) return event;
    return -1;
}

static void latency_latest(struct call *call)
{
    struct output_mark mark = resp_begin(call->writer);
    size_t count = 0;
    for (int event = 0; event < LATENCY_EVENTS; event++) {
        const struct latency_track *track = call->engine->latencies[event];
        if (track == NULL) continue;
        const struct latency_sample *last = track_sample(track, track->count - 1);
        reply_array(call, 6);
        reply_text(call, event_names[event]);
        reply_integer(call, last->seconds);
        reply_integer(call, last->ms);
        reply_integer(call, track->worst_ms);
        reply_integer(call, (int64_t)track->sum_ms);
        reply_integer(call, (int64_t)track->event_count);
        count++;
    }
    resp_end_array(call->writer, mark, count);
}

static const struct latency_track *track_of(const struct call *call)
{
    int event = find_event(call_arg(call, 2));
    return event < 0 ? NULL : call->engine->latencies[event];
}

static void latency_history(struct call *call)
{
    const struct latency_track *track = track_of(call);
    uint32_t count = track == NULL ? 0 : track->count;
    reply_array(call, count);
    for (uint32_t i = 0; i < count; i++) {
        reply_array(call, 2);
        reply_integer(call, track_sample(track, i)->seconds);
        reply_integer(call, track_sample(track, i)->ms);
    }
}

static void latency_reset(struct call *call)
{
    int64_t count = 0;
    for (uint32_t i = 2; i < call->argc; i++) {
        int event = find_event(call_arg(call, i));
        if (event >= 0) count += latency_reset_event(call->engine, event);
    }
    for (int event = 0; call->argc == 2 && event < LATENCY_EVENTS; event++)
        count += latency_reset_event(call->engine, event);
    reply_integer(call, count);
}

/* --- GRAPH ------------------------------------------------------------------------------- */

#define GRAPH_ROWS    4
#define GRAPH_LEVELS  3 /* of one row: "_", "o", "#" */
#define GRAPH_COLUMNS 80
#define LABEL_MAX     8

struct graph {
    uint32_t low, high;
    uint32_t from, count; /* samples of one strip */
    uint32_t now;
};

static int graph_level(const struct graph *graph, uint32_t ms)
{
    const int levels = GRAPH_ROWS * GRAPH_LEVELS;
    if (graph->high == graph->low) return 0;
    double part = (double)(ms - graph->low) / (double)(graph->high - graph->low);
    return MIN((int)lround(part * levels), levels - 1);
}

static void graph_row(const struct latency_track *track, const struct graph *graph, int row,
                      struct buffer *text)
{
    for (uint32_t i = 0; i < graph->count; i++) {
        int level = graph_level(graph, track_sample(track, graph->from + i)->ms);
        char mark = ' ';
        if (level / GRAPH_LEVELS == row) mark = "_o#"[level % GRAPH_LEVELS];
        if (level / GRAPH_LEVELS > row) mark = '|';
        buffer_append_byte(text, mark);
    }
    buffer_append_byte(text, '\n');
}

/* How long ago, read from top to bottom: "15s", "3m". */
static void graph_label(uint32_t seconds, char label[LABEL_MAX])
{
    if (seconds < 60)
        snprintf(label, LABEL_MAX, "%us", seconds);
    else if (seconds < 3600)
        snprintf(label, LABEL_MAX, "%um", seconds / 60);
    else if (seconds < 86400)
        snprintf(label, LABEL_MAX, "%uh", seconds / 3600);
    else
        snprintf(label, LABEL_MAX, "%ud", seconds / 86400 % 1000000);
}

static void graph_labels(const struct latency_track *track, const struct graph *graph,
                         struct buffer *text)
{
    bool has_more = true;
    for (size_t at = 0; has_more; at++) {
        has_more = false;
        for (uint32_t i = 0; i < graph->count; i++) {
            char label[LABEL_MAX];
            graph_label(graph->now - track_sample(track, graph->from + i)->seconds, label);
            size_t size = strlen(label);
            buffer_append_byte(text, at < size ? label[at] : ' ');
            if (at + 1 < size) has_more = true;
        }
        buffer_append_byte(text, '\n');
    }
}

static void latency_graph(struct call *call)
{
    const struct latency_track *track = track_of(call);
    if (track == NULL) {
        struct bytes name = call_arg(call, 2);
        reply_error_format(call, "ERR No samples available for event '%.*s'", (int)name.size,
                           name.data);
        return;
    }
    struct graph graph = { .low = UINT32_MAX, .now = (uint32_t)(call->wall_ms / 1000) };
    for (uint32_t i = 0; i < track->count; i++) {
        graph.low = MIN(graph.low, track_sample(track, i)->ms);
        graph.high = MAX(graph.high, track_sample(track, i)->ms);
    }
    struct buffer text = { 0 };
    buffer_printf(&text, "%s - high %u ms, low %u ms (all time high %u ms)\n",
                  event_names[find_event(call_arg(call, 2))], graph.high, graph.low,
                  track->worst_ms);
    for (int i = 0; i < GRAPH_COLUMNS; i++) buffer_append_byte(&text, '-');
    buffer_append_byte(&text, '\n');
    for (graph.from = 0; graph.from < track->count; graph.from += GRAPH_COLUMNS) {
        graph.count = MIN(track->count - graph.from, (uint32_t)GRAPH_COLUMNS);
        for (int row = GRAPH_ROWS - 1; row >= 0; row--) graph_row(track, &graph, row, &text);
        buffer_printf(&text, "%*s\n", (int)graph.count, "");
        graph_labels(track, &graph, &text);
    }
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

/* --- DOCTOR ------------------------------------------------------------------------------ */

static const char *const advice[LATENCY_EVENTS] = {
    [LATENCY_COMMAND] = "Commands that look at many elements stop everybody else meanwhile: "
                        "SLOWLOG GET names them.",
    [LATENCY_FAST_COMMAND] = "A fast command was slow: the process did not get the processor, or "
                             "its memory was swapped out.",
    [LATENCY_FORK] = "Forking takes long with much memory: huge pages of the kernel make it slow, "
                     "and so do some virtual machines.",
    [LATENCY_EXPIRE_CYCLE] = "Many keys end at the same time: spread their expiry, or lower "
                             "active-expire-effort.",
    [LATENCY_EVICTION_CYCLE] = "Room is made in large steps: lower maxmemory-eviction-tenacity, or "
                               "write smaller values.",
};

static void doctor_event(const struct latency_track *track, int number, const char *name,
                         struct buffer *text)
{
    double sum = 0, deviation = 0;
    for (uint32_t i = 0; i < track->count; i++) sum += track_sample(track, i)->ms;
    double average = sum / track->count;
    for (uint32_t i = 0; i < track->count; i++)
        deviation += fabs(track_sample(track, i)->ms - average);
    uint32_t first = track_sample(track, 0)->seconds;
    uint32_t last = track_sample(track, track->count - 1)->seconds;
    buffer_printf(text,
                  "%d. %s: %u latency spikes (average %.0fms, mean deviation %.0fms, period %.2f "
                  "sec). Worst all time event %ums.\n",
                  number, name, track->count, average, deviation / track->count,
                  MAX((double)(last - first) / track->count, 1.0 / track->count), track->worst_ms);
}

static void doctor_report(const struct engine *engine, struct buffer *text)
{
    int number = 0;
    buffer_append_text(text, "Latency spikes are observed in this Valkey instance.\n\n");
    for (int event = 0; event < LATENCY_EVENTS; event++)
        if (engine->latencies[event] != NULL)
            doctor_event(engine->latencies[event], ++number, event_names[event], text);
    buffer_append_text(text, "\nHere is some advice for you:\n\n");
    for (int event = 0; event < LATENCY_EVENTS; event++)
        if (engine->latencies[event] != NULL) buffer_printf(text, "- %s\n", advice[event]);
}

static void latency_doctor(struct call *call)
{
    struct buffer text = { 0 };
    bool has_events = false;
    for (int event = 0; event < LATENCY_EVENTS; event++)
        if (call->engine->latencies[event] != NULL) has_events = true;
    if (has_events)
        doctor_report(call->engine, &text);
    else if (call->engine->settings.latency_threshold_ms <= 0)
        buffer_append_text(&text,
                           "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in "
                           "this Valkey instance. You may use \"CONFIG SET "
                           "latency-monitor-threshold <milliseconds>.\" in order to enable it.\n");
    else
        buffer_append_text(&text,
                           "No latency spike was observed during the lifetime of this Valkey "
                           "instance, not in the slightest bit.\n");
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

/* --- HISTOGRAM --------------------------------------------------------------------------- */

#define BOUND_LEAST_NS 1024 /* the first bound shown is a microsecond */
#define BOUND_COUNT    20   /* the last one half a second: what is slower counts there */

/* Bounds are powers of two and what a histogram of two digits cannot tell from them. */
static uint64_t bound_ns(unsigned number)
{
    uint64_t power = (uint64_t)BOUND_LEAST_NS << number;
    return power + power / 128 - 1;
}

static void reply_histogram(struct call *call, const struct command_entry *entry)
{
    const struct histogram *latencies = entry->statistics.latencies;
    uint64_t total = histogram_count(latencies);
    reply_text(call, entry->name);
    reply_map(call, 2);
    reply_text(call, "calls");
    reply_integer(call, (int64_t)total);
    reply_text(call, "histogram_usec");
    struct output_mark mark = resp_begin(call->writer);
    uint64_t told = 0;
    size_t pairs = 0;
    for (unsigned number = 0; told < total; number++) {
        uint64_t here = histogram_count_up_to(latencies, bound_ns(number));
        if (number == BOUND_COUNT) here = total;
        if (here == told) continue;
        reply_integer(call, (int64_t)(bound_ns(number) / 1000));
        reply_integer(call, (int64_t)here);
        told = here;
        pairs++;
    }
    resp_end_map(call->writer, mark, pairs);
}

/* The histograms of a command and its subcommands; how many. */
static size_t reply_histograms(struct call *call, const struct command_entry *entry)
{
    size_t count = 0;
    const struct histogram *latencies = entry->statistics.latencies;
    if (latencies != NULL && histogram_count(latencies) > 0) {
        reply_histogram(call, entry);
        count++;
    }
    for (uint32_t i = 0; i < entry->sub_count; i++)
        count += reply_histograms(call, &entry->subs[i]);
    return count;
}

static void latency_histogram(struct call *call)
{
    const struct command_table *table = &call->engine->table;
    struct output_mark mark = resp_begin(call->writer);
    size_t count = 0;
    for (uint32_t i = 0; call->argc == 2 && i < table->count; i++)
        count += reply_histograms(call, table->entries[i]);
    for (uint32_t i = 2; i < call->argc; i++) {
        const struct command_entry *entry = command_table_find_full(table, call_arg(call, i));
        if (entry != NULL) count += reply_histograms(call, entry);
    }
    resp_end_map(call->writer, mark, count);
}

static void latency_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        "    Return a cumulative distribution of latencies in the format of a histogram for the "
        "specified command names.",
        "    If no commands are specified then all histograms are replied.",
        NULL,
    };
    reply_help(call, lines);
}

/* clang-format off */
static const struct command latency_subcommands[] = {
    { .name = "doctor", .run = latency_doctor, .arity = 2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .since = "2.8.13", .complexity = "O(1)",
      .summary = "Returns a human-readable latency analysis report.",
      .tips = "nondeterministic_output request_policy:all_nodes response_policy:special" },
    { .name = "graph", .run = latency_graph, .arity = 3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .args = "event", .since = "2.8.13", .complexity = "O(1)",
      .summary = "Returns a latency graph for an event.",
      .tips = "nondeterministic_output request_policy:all_nodes response_policy:special" },
    { .name = "help", .run = latency_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_SERVER, .since = "2.8.13", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "histogram", .run = latency_histogram, .arity = -2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .args = "[command...]", .since = "7.0.0",
      .complexity = "O(N) where N is the number of commands with latency information "
          "being retrieved.",
      .summary = "Returns the cumulative distribution of latencies of a subset or all "
          "commands.",
      .tips = "nondeterministic_output request_policy:all_nodes response_policy:special" },
    { .name = "history", .run = latency_history, .arity = 3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .args = "event", .since = "2.8.13", .complexity = "O(1)",
      .summary = "Returns timestamp-latency samples for an event.",
      .tips = "nondeterministic_output request_policy:all_nodes response_policy:special" },
    { .name = "latest", .run = latency_latest, .arity = 2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .since = "2.8.13", .complexity = "O(1)",
      .summary = "Returns the latest latency samples for all events.",
      .tips = "nondeterministic_output request_policy:all_nodes response_policy:special" },
    { .name = "reset", .run = latency_reset, .arity = -2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .args = "[event...]", .since = "2.8.13", .complexity = "O(1)",
      .summary = "Resets the latency data for one or more events.",
      .tips = "request_policy:all_nodes response_policy:agg_sum" },
    { 0 },
};

const struct command latency_commands[] = {
    { .name = "latency", .arity = -2, .group = GROUP_SERVER, .since = "2.8.13",
      .complexity = "Depends on subcommand.",
      .summary = "A container for latency diagnostics commands.",
      .subcommands = latency_subcommands },
    { 0 },
};
/* clang-format on */
