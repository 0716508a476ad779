/* What each scenario measures. Options on the command line narrow it. */
#include "tools/benchmark_scenarios.h"

#include "os/clock.h"
#include "os/probe.h"
#include "os/process.h"
#include "tools/benchmark_compare.h"
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

static bool run_memory(struct comparison *comparison)
{
    static const struct fill fills[] = {
        { .value_size = 8 },
        { .value_size = 64 },
        { .value_size = 8, .expires_ms = DISTANT_MS },
    };
    struct json *json = &comparison->json;
    bool is_json = comparison->options->is_json;
    if (!is_json)
        printf("%llu keys of %d bytes: bytes a key beyond key and value\n",
               (unsigned long long)comparison->keyspace, KEY_SIZE);
    for (size_t i = 0; i < COUNT_OF(fills); i++) {
        struct fill fill = fills[i];
        fill.key_count = comparison->keyspace;
        fill.seed = comparison->seed;
        /* Fresh servers each time: what FLUSHALL leaves behind is not the question. */
        if (!comparison_start(comparison, false)) return false;
        for (size_t j = 0; j < comparison->count; j++) {
            struct contestant *contestant = &comparison->contestants[j];
            if (!contestant_fill(contestant, &fill)) return false;
            double payload = KEY_SIZE + (double)fill.value_size;
            if (!is_json) {
                printf("  values of %2zu bytes%s  %-30s %7.1f used_memory  %7.1f RSS  (RSS growth /"
                       " used_memory growth: %.3f)\n",
                       fill.value_size, fill.expires_ms > 0 ? ", expiry" : "        ",
                       contestant->label, contestant->used_per_key - payload,
                       contestant->resident_per_key - payload,
                       contestant->resident_per_key / contestant->used_per_key);
                fflush(stdout);
                continue;
            }
            json_open(json, NULL, '{');
            json_text(json, "server", contestant->label);
            json_integer(json, "keys", (int64_t)fill.key_count);
            json_integer(json, "value_size", (int64_t)fill.value_size);
            json_integer(json, "has_expiry", fill.expires_ms > 0);
            json_number(json, "used_memory_overhead_per_key", contestant->used_per_key - payload);
            json_number(json, "rss_overhead_per_key", contestant->resident_per_key - payload);
            json_number(json, "rss_growth_per_used_memory_growth",
                        contestant->resident_per_key / contestant->used_per_key);
            json_close(json, '}');
        }
        comparison_stop(comparison);
    }
    return true;
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
    { "cluster", run_cluster },
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
