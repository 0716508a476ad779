/* What each scenario measures. Options on the command line narrow it. */
#include "tools/benchmark_scenarios.h"

#include "base/memory.h"
#include "os/clock.h"
#include "os/process.h"
#include "tools/benchmark_compare.h"
#include "tools/benchmark_elements.h"
#include "tools/benchmark_types.h"
#include <stdio.h>

#define LIST(...)                                                                                  \
    ((struct number_list){ .numbers = { __VA_ARGS__ },                                             \
                           .count = sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t) })

static void narrow(struct number_list *list, const struct number_list *given)
{
    if (given->count > 0) *list = *given;
}

static bool run_lists(struct comparison *comparison, struct comparison_lists lists,
                      bool with_clusters)
{
    narrow(&lists.sizes, &comparison->options->sizes);
    narrow(&lists.clients, &comparison->options->clients);
    narrow(&lists.pipelines, &comparison->options->pipelines);
    return comparison_start(comparison, with_clusters) && comparison_run(comparison, &lists);
}

static bool run_plain(struct comparison *comparison)
{
    return run_lists(comparison, (struct comparison_lists){ LIST(3), LIST(50), LIST(1) }, false);
}

static bool run_cpu(struct comparison *comparison)
{
    return run_lists(
        comparison, (struct comparison_lists){ LIST(3, 512), LIST(50, 500, 5000), LIST(1, 16, 64) },
        false);
}

static bool run_cluster(struct comparison *comparison)
{
    return run_lists(comparison, (struct comparison_lists){ LIST(3), LIST(50), LIST(1, 16) }, true);
}

/* --- memory --- */

#define KEY_SIZE   16
#define DISTANT_MS (UINT64_C(100) * 24 * 3600 * 1000)

static void say_memory(struct comparison *comparison, const struct contestant *contestant,
                       const struct fill *fill)
{
    double payload = KEY_SIZE + (double)fill->value_size;
    double used = contestant->used_per_key - payload;
    double resident = contestant->resident_per_key - payload;
    double growth = contestant->resident_per_key / contestant->used_per_key;
    if (!comparison->options->is_json) {
        printf("  values of %2zu bytes%s  %-24s %7.1f used_memory  %7.1f RSS   RSS growth / "
               "used_memory growth: %.3f\n",
               fill->value_size, fill->expires_ms > 0 ? ", expiry" : "        ", contestant->label,
               used, resident, growth);
        fflush(stdout);
        return;
    }
    struct json *json = &comparison->json;
    json_open(json, NULL, '{');
    json_text(json, "server", contestant->label);
    json_integer(json, "keys", (int64_t)fill->key_count);
    json_integer(json, "value_size", (int64_t)fill->value_size);
    json_integer(json, "has_expiry", fill->expires_ms > 0);
    json_number(json, "used_memory_overhead_per_key", used);
    json_number(json, "rss_overhead_per_key", resident);
    json_number(json, "rss_growth_per_used_memory_growth", growth);
    json_close(json, '}');
}

static bool run_memory(struct comparison *comparison)
{
    static const struct fill fills[] = {
        { .value_size = 8 },
        { .value_size = 64 },
        { .value_size = 8, .expires_ms = DISTANT_MS },
    };
    if (!comparison->options->is_json)
        printf("%llu keys of %d bytes: bytes a key beyond key and value\n",
               (unsigned long long)comparison->keyspace, KEY_SIZE);
    for (size_t i = 0; i < COUNT_OF(fills); i++) {
        struct fill fill = fills[i];
        fill.key_count = comparison->keyspace;
        fill.seed = comparison->seed;
        /* Fresh servers each time: what FLUSHALL leaves behind is not the question. */
        comparison_stop(comparison);
        if (!comparison_start(comparison, false)) return false;
        for (size_t j = 0; j < comparison->count; j++) {
            if (!contestant_fill(&comparison->contestants[j], &fill)) return false;
            say_memory(comparison, &comparison->contestants[j], &fill);
        }
    }
    return true;
}

/* --- growth --- */

#define GROWTH_FACTOR   20
#define GROWTH_RATE     200000
#define GROWTH_CLIENTS  50
#define GROWTH_PIPELINE 16
#define QUIET_S         10

struct latencies {
    const char *what;
    uint64_t keys_from, keys_to;
    double p50_ms, p99_ms, p999_ms, max_ms;
};

static void say_latencies(struct comparison *comparison, const struct contestant *contestant,
                          struct latencies at, const struct histogram *latency_us)
{
    at.p50_ms = (double)histogram_percentile(latency_us, 50) / 1e3;
    at.p99_ms = (double)histogram_percentile(latency_us, 99) / 1e3;
    at.p999_ms = (double)histogram_percentile(latency_us, 99.9) / 1e3;
    at.max_ms = (double)histogram_max(latency_us) / 1e3;
    if (!comparison->options->is_json) {
        printf("  %-24s %-22s %10llu %10llu %9.3f %9.3f %9.3f %9.3f\n", contestant->label, at.what,
               (unsigned long long)at.keys_from, (unsigned long long)at.keys_to, at.p50_ms,
               at.p99_ms, at.p999_ms, at.max_ms);
        fflush(stdout);
        return;
    }
    struct json *json = &comparison->json;
    json_open(json, NULL, '{');
    json_text(json, "server", contestant->label);
    json_text(json, "load", at.what);
    json_integer(json, "keys_from", (int64_t)at.keys_from);
    json_integer(json, "keys_to", (int64_t)at.keys_to);
    json_number(json, "p50_ms", at.p50_ms);
    json_number(json, "p99_ms", at.p99_ms);
    json_number(json, "p999_ms", at.p999_ms);
    json_number(json, "max_ms", at.max_ms);
    json_close(json, '}');
}

/* The table doubles, and doubles: each doubling by itself, and all of them. */
static bool grow(struct comparison *comparison, struct contestant *contestant,
                 struct load_work *work)
{
    uint64_t end = comparison->keyspace * GROWTH_FACTOR;
    uint64_t next[PLACE_KINDS] = { comparison->keyspace };
    work->numbers =
        (struct request_numbers){ .keyspace = end, .is_sequential = true, .next = next };
    work->duration_ms = 0;
    struct histogram *all_us = histogram_create();
    bool is_good = true;
    for (uint64_t keys = comparison->keyspace; keys < end && is_good;) {
        uint64_t keys_to = MIN(keys * 2, end);
        work->request_count = keys_to - keys;
        is_good = contestant_run(contestant, work, 0);
        if (!is_good) break;
        histogram_merge(all_us, contestant->latency_us);
        struct latencies at = { .what = "new keys", .keys_from = keys, .keys_to = keys_to };
        say_latencies(comparison, contestant, at, contestant->latency_us);
        keys = keys_to;
    }
    struct latencies at = { .what = "new keys, altogether",
                            .keys_from = comparison->keyspace,
                            .keys_to = end };
    if (is_good) say_latencies(comparison, contestant, at, all_us);
    histogram_destroy(all_us);
    return is_good;
}

static bool grow_one(struct comparison *comparison, struct contestant *contestant)
{
    const struct benchmark_options *options = comparison->options;
    size_t value_size = options->sizes.count > 0 ? (size_t)options->sizes.numbers[0] : 8;
    struct fill fill = { .key_count = comparison->keyspace,
                         .value_size = value_size,
                         .seed = comparison->seed };
    size_t clients =
        options->clients.count > 0 ? (size_t)options->clients.numbers[0] : GROWTH_CLIENTS;
    if (!contestant_fill(contestant, &fill) ||
        !contestant_connect(contestant, clients, comparison->seed))
        return false;
    struct request_template request;
    contestant_write_set(&request, &fill);
    struct load_work work = {
        .request = &request,
        .numbers = { .keyspace = comparison->keyspace },
        .pipeline =
            options->pipelines.count > 0 ? (size_t)options->pipelines.numbers[0] : GROWTH_PIPELINE,
        .duration_ms = (uint64_t)(options->duration_s > 0 ? options->duration_s : QUIET_S) * 1000,
        .rate = options->rate > 0 ? (double)options->rate : GROWTH_RATE,
    };
    bool is_good = contestant_run(contestant, &work, 0);
    struct latencies at = { .what = "keys that exist",
                            .keys_from = comparison->keyspace,
                            .keys_to = comparison->keyspace };
    if (is_good) say_latencies(comparison, contestant, at, contestant->latency_us);
    is_good = is_good && grow(comparison, contestant, &work);
    request_template_fini(&request);
    return is_good;
}

static bool run_growth(struct comparison *comparison)
{
    if (!comparison_start(comparison, false)) return false;
    if (!comparison->options->is_json)
        printf("  %-24s %-22s %10s %10s %9s %9s %9s %9s\n", "SET at a fixed rate", "", "keys from",
               "to", "p50 ms", "p99 ms", "p99.9 ms", "max ms");
    for (size_t i = 0; i < comparison->count; i++) {
        if (!grow_one(comparison, &comparison->contestants[i])) return false;
        contestant_stop(&comparison->contestants[i]); /* its memory may be needed */
    }
    return true;
}

/* --- idle --- */

#define IDLE_KEYS 10000
#define IDLE_S    15

struct idle_figures {
    double start_ms[ROUNDS_MAX];
    double cpu_us[ROUNDS_MAX]; /* a second */
    uint64_t cpu_at_ns;
};

static void say_idle(struct comparison *comparison, const struct contestant *contestant,
                     const struct idle_figures *figures, size_t seconds)
{
    double start_ms = quantile(figures->start_ms, comparison->rounds, 50);
    double cpu_us = quantile(figures->cpu_us, seconds, 50);
    if (!comparison->options->is_json) {
        printf("  %-24s  CPU time %8.1f us a second (%.1f-%.1f)   start to first PONG %7.2f ms "
               "(%.2f-%.2f)\n",
               contestant->label, cpu_us, quantile(figures->cpu_us, seconds, 25),
               quantile(figures->cpu_us, seconds, 75), start_ms,
               quantile(figures->start_ms, comparison->rounds, 25),
               quantile(figures->start_ms, comparison->rounds, 75));
        return;
    }
    struct json *json = &comparison->json;
    json_open(json, NULL, '{');
    json_text(json, "server", contestant->label);
    json_number(json, "idle_cpu_us_per_second", cpu_us);
    json_number(json, "start_ms", start_ms);
    json_close(json, '}');
}

/* All of them stand still at the same time. */
static void watch_idle(struct comparison *comparison, struct idle_figures *figures, size_t seconds)
{
    for (size_t i = 0; i < comparison->count; i++)
        figures[i].cpu_at_ns = clock_cpu_of(comparison->contestants[i].server.pid);
    for (size_t second = 0; second < seconds; second++) {
        process_stall(1000);
        for (size_t i = 0; i < comparison->count; i++) {
            uint64_t now_ns = clock_cpu_of(comparison->contestants[i].server.pid);
            figures[i].cpu_us[second] = (double)(now_ns - figures[i].cpu_at_ns) / 1e3;
            figures[i].cpu_at_ns = now_ns;
        }
    }
}

static bool measure_idle(struct comparison *comparison, struct idle_figures *figures)
{
    const struct benchmark_options *options = comparison->options;
    for (size_t round = 0; round < comparison->rounds; round++) {
        comparison_stop(comparison);
        if (!comparison_start(comparison, true)) return false;
        for (size_t i = 0; i < comparison->count; i++)
            figures[i].start_ms[round] = (double)comparison->contestants[i].server.start_ns / 1e6;
    }
    struct fill fill = {
        .key_count = options->keyspace > 0 ? (uint64_t)options->keyspace : IDLE_KEYS,
        .value_size = 8,
        .expires_ms = DISTANT_MS,
        .seed = comparison->seed,
    };
    for (size_t i = 0; i < comparison->count; i++)
        if (!contestant_fill(&comparison->contestants[i], &fill)) return false;
    size_t seconds =
        options->duration_s > 0 ? MIN((size_t)options->duration_s, ROUNDS_MAX) : IDLE_S;
    process_stall(2000); /* what filling left to do is done by then */
    if (!options->is_json)
        printf("%llu keys with distant expiry, nothing to do for %zu s\n",
               (unsigned long long)fill.key_count, seconds);
    watch_idle(comparison, figures, seconds);
    for (size_t i = 0; i < comparison->count; i++)
        say_idle(comparison, &comparison->contestants[i], &figures[i], seconds);
    return true;
}

static bool run_idle(struct comparison *comparison)
{
    struct idle_figures *figures = memory_alloc_zero(CONTESTANTS_MAX * sizeof(*figures));
    bool is_good = measure_idle(comparison, figures);
    memory_free(figures);
    return is_good;
}

/* --- All of them --- */

struct scenario {
    const char *name;
    bool (*run)(struct comparison *comparison);
};

static const struct scenario scenarios[] = {
    { "", run_plain },
    { "cpu", run_cpu },
    { "memory", run_memory },
    { "growth", run_growth },
    { "idle", run_idle },
    { "cluster", run_cluster },
    { "types", benchmark_types },
    { "elements", benchmark_elements },
};

static const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(scenarios); i++)
        if (strcmp(scenarios[i].name, name) == 0) return &scenarios[i];
    fprintf(stderr, "Unknown scenario \"%s\"; there are:", name);
    for (size_t i = 1; i < COUNT_OF(scenarios); i++) fprintf(stderr, " %s", scenarios[i].name);
    fprintf(stderr, "\n");
    return NULL;
}

int benchmark_scenario(const struct benchmark_options *options)
{
    const struct scenario *scenario =
        scenario_find(options->scenario != NULL ? options->scenario : "");
    if (scenario == NULL) return 1;
    struct comparison comparison;
    if (!comparison_init(&comparison, options)) return 1;
    if (options->is_json) {
        json_open(&comparison.json, NULL, '{');
        json_text(&comparison.json, "scenario", scenario->name);
        json_integer(&comparison.json, "server_core", comparison.server_core);
        json_integer(&comparison.json, "client_core", comparison.client_core);
        json_open(&comparison.json, "rows", '[');
    } else {
        printf("Servers on core %d, clients on core %d; ratios are medians over the rounds\n\n",
               comparison.server_core, comparison.client_core);
    }
    bool is_good = scenario->run(&comparison);
    comparison_stop(&comparison);
    if (options->is_json && is_good) {
        json_close(&comparison.json, ']');
        json_close(&comparison.json, '}');
        json_print(&comparison.json);
    }
    comparison_fini(&comparison);
    return is_good ? 0 : 1;
}
