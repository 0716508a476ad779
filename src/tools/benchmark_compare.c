/* Servers in turns: round by round each runs the same requests, in changing order, so that what
 * else the machine does falls on all alike; medians and quartiles say what is left. */
#include "tools/benchmark_compare.h"

#include "base/memory.h"
#include "os/clock.h"
#include "os/probe.h"
#include "os/process.h"
#include <stdio.h>

#define ROUNDS_DEFAULT   15
#define KEYSPACE_DEFAULT 1000000
#define ROUND_CPU_US     100000.0 /* what a round is made to cost when -n says nothing */
#define CORES_MAX        1024

struct pair {
    size_t of, against;
};

/* What is worth dividing by what. */
static size_t pairs_of(const struct comparison *comparison, struct pair *pairs)
{
    static const struct pair four[] = { { 0, 1 }, { 2, 3 }, { 2, 0 }, { 3, 1 } };
    bool has_other = comparison->options->other != NULL;
    size_t count = comparison->count == 4 ? 4 : comparison->count == 2 ? 1 : 0;
    for (size_t i = 0; i < count; i++) pairs[i] = four[i];
    if (count == 1 && !has_other) pairs[0] = (struct pair){ 1, 0 };
    return count;
}

/* --- Starting --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void find_server(struct comparison *comparison)
{
    char *path = comparison->server_path;
    size_t capacity = sizeof(comparison->server_path);
    if (comparison->options->server != NULL) {
        snprintf(path, capacity, "%s", comparison->options->server);
        return;
    }
    char own[400];
    process_executable(own, sizeof(own));
    char *slash = strrchr(own, '/');
    if (slash != NULL) *slash = 0;
    char beside[450];
    snprintf(beside, sizeof(beside), "%s/eir-server", own);
    if (probe_find_program(beside, path, capacity)) return;
    snprintf(path, capacity, "%s/../eir-server", own); /* as it is built */
}

/* The server's core and the clients' core: different ones where there are two. */
static bool choose_cores(struct comparison *comparison)
{
    const struct benchmark_options *options = comparison->options;
    int cores[CORES_MAX];
    size_t count = probe_cores(cores, COUNT_OF(cores));
    if (count == 0) return false;
    comparison->server_core = options->server_core >= 0 ? (int)options->server_core : cores[0];
    comparison->client_core =
        options->client_core >= 0 ? (int)options->client_core : cores[count - 1];
    if (comparison->server_core == comparison->client_core)
        fprintf(stderr, "Servers and clients share core %d: rates and latencies mean little\n",
                comparison->server_core);
    if (probe_pin(comparison->client_core) == ERR_NONE) return true;
    fprintf(stderr, "Can't run on core %d\n", comparison->client_core);
    return false;
}

static bool start_one(struct comparison *comparison, const char *program, const char *arguments,
                      const char *suffix, bool is_clustered)
{
    char label[80];
    snprintf(label, sizeof(label), "%s%s%s", base_name(program), suffix,
             is_clustered ? " cluster" : "");
    struct server_setup setup = { .program = program,
                                  .arguments = arguments,
                                  .core = comparison->server_core,
                                  .is_clustered = is_clustered };
    return contestant_start(&comparison->contestants[comparison->count++], &setup, label);
}

bool comparison_start(struct comparison *comparison, bool with_clusters)
{
    const struct benchmark_options *options = comparison->options;
    comparison->contestants = memory_alloc_zero(CONTESTANTS_MAX * sizeof(struct contestant));
    comparison->count = 0;
    const char *ours = comparison->server_path;
    const char *suffix = "";
    if (options->other != NULL && strcmp(base_name(ours), base_name(options->other)) == 0)
        suffix = " (other)";
    for (int is_clustered = 0; is_clustered <= (with_clusters ? 1 : 0); is_clustered++) {
        if (!start_one(comparison, ours, options->server_arguments, "", is_clustered)) return false;
        if (options->other != NULL &&
            !start_one(comparison, options->other, options->other_arguments, suffix, is_clustered))
            return false;
    }
    return true;
}

void comparison_stop(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++) contestant_stop(&comparison->contestants[i]);
    memory_free(comparison->contestants);
    comparison->contestants = NULL;
    comparison->count = 0;
}

bool comparison_init(struct comparison *comparison, const struct benchmark_options *options)
{
    *comparison = (struct comparison){ .options = options };
    comparison->rounds = options->rounds > 0 ? (size_t)options->rounds : ROUNDS_DEFAULT;
    comparison->keyspace = options->keyspace > 0 ? (uint64_t)options->keyspace : KEYSPACE_DEFAULT;
    comparison->seed = options->seed >= 0 ? (uint64_t)options->seed : clock_entropy();
    process_raise_file_limit(40000);
    find_server(comparison);
    return choose_cores(comparison);
}

void comparison_fini(struct comparison *comparison)
{
    json_fini(&comparison->json);
}

/* --- Printing --- */

/* The cheapest round: what else the machine does only adds. */
static double least_cpu(const struct comparison *comparison, const struct contestant *contestant)
{
    return quantile(contestant->samples[FIGURE_CPU], comparison->rounds, 0);
}

static const char *const figure_names[FIGURES] = { "cpu_us_per_request", "requests_per_second",
                                                   "p50_ms", "p99_ms", "p999_ms" };

static void json_row(struct comparison *comparison, const struct comparison_row *row)
{
    struct json *json = &comparison->json;
    json_open(json, NULL, '{');
    json_text(json, "test", row->test->title);
    json_integer(json, "value_size", row->value_size);
    json_integer(json, "clients", row->client_count);
    json_integer(json, "pipeline", row->pipeline);
    json_integer(json, "requests_per_round", (int64_t)row->request_count);
    json_integer(json, "rounds", (int64_t)comparison->rounds);
    json_open(json, "servers", '[');
    for (size_t i = 0; i < comparison->count; i++) {
        const struct contestant *contestant = &comparison->contestants[i];
        json_open(json, NULL, '{');
        json_text(json, "server", contestant->label);
        for (int figure = 0; figure < FIGURES; figure++)
            json_number(json, figure_names[figure],
                        quantile(contestant->samples[figure], comparison->rounds, 50));
        json_number(json, "cpu_us_per_request_least", least_cpu(comparison, contestant));
        json_number(json, "cpu_user_share", contestant->user_share);
        json_number(json, "used_memory_per_key", contestant->used_per_key);
        json_number(json, "rss_per_key", contestant->resident_per_key);
        json_close(json, '}');
    }
    json_close(json, ']');
    struct pair pairs[CONTESTANTS_MAX];
    size_t pair_count = pairs_of(comparison, pairs);
    json_open(json, "ratios", '[');
    for (size_t i = 0; i < pair_count; i++) {
        const struct contestant *of = &comparison->contestants[pairs[i].of];
        const struct contestant *against = &comparison->contestants[pairs[i].against];
        json_open(json, NULL, '{');
        json_text(json, "of", of->label);
        json_text(json, "against", against->label);
        for (int figure = 0; figure < FIGURES; figure++) {
            json_open(json, figure_names[figure], '[');
            for (int quarter = 1; quarter <= 3; quarter++)
                json_number(json, NULL,
                            ratio_quantile(of->samples[figure], against->samples[figure],
                                           comparison->rounds, 25 * quarter));
            json_close(json, ']');
        }
        json_number(json, "cpu_us_per_request_least",
                    least_cpu(comparison, of) / least_cpu(comparison, against));
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

static void print_ratio(const struct comparison *comparison, struct pair pair)
{
    const struct contestant *of = &comparison->contestants[pair.of];
    const struct contestant *against = &comparison->contestants[pair.against];
    char label[200];
    snprintf(label, sizeof(label), "%s / %s", of->label, against->label);
    double at[FIGURES][3];
    for (int figure = 0; figure < FIGURES; figure++)
        for (int quarter = 0; quarter < 3; quarter++)
            at[figure][quarter] = ratio_quantile(of->samples[figure], against->samples[figure],
                                                 comparison->rounds, 25 * (quarter + 1));
    double least = least_cpu(comparison, of) / least_cpu(comparison, against);
    printf("  %-50s %8.3f %8.3f %12.3f %9.3f %9.3f %9.3f\n", label, at[FIGURE_CPU][1], least,
           at[FIGURE_RATE][1], at[FIGURE_P50][1], at[FIGURE_P99][1], at[FIGURE_P999][1]);
    printf("  %-50s %.2f-%.2f            %.2f-%.2f %.2f-%.2f %.2f-%.2f %.2f-%.2f\n",
           "    quartiles of the rounds", at[FIGURE_CPU][0], at[FIGURE_CPU][2], at[FIGURE_RATE][0],
           at[FIGURE_RATE][2], at[FIGURE_P50][0], at[FIGURE_P50][2], at[FIGURE_P99][0],
           at[FIGURE_P99][2], at[FIGURE_P999][0], at[FIGURE_P999][2]);
}

static void print_row(struct comparison *comparison, const struct comparison_row *row)
{
    if (comparison->options->is_json) {
        json_row(comparison, row);
        return;
    }
    printf("%s, %lld bytes, %lld clients, pipeline %lld: %zu rounds of %llu requests\n",
           row->test->title, (long long)row->value_size, (long long)row->client_count,
           (long long)row->pipeline, comparison->rounds, (unsigned long long)row->request_count);
    printf("  %-50s %8s %8s %12s %9s %9s %9s %6s\n", "medians", "CPU us/r", "least", "requests/s",
           "p50 ms", "p99 ms", "p99.9 ms", "user");
    for (size_t i = 0; i < comparison->count; i++) {
        const struct contestant *contestant = &comparison->contestants[i];
        double medians[FIGURES];
        for (int figure = 0; figure < FIGURES; figure++)
            medians[figure] = quantile(contestant->samples[figure], comparison->rounds, 50);
        printf("  %-50s %8.3f %8.3f %12.0f %9.3f %9.3f %9.3f %5.0f%%\n", contestant->label,
               medians[FIGURE_CPU], least_cpu(comparison, contestant), medians[FIGURE_RATE],
               medians[FIGURE_P50], medians[FIGURE_P99], medians[FIGURE_P999],
               contestant->user_share * 100);
    }
    struct pair pairs[CONTESTANTS_MAX];
    size_t pair_count = pairs_of(comparison, pairs);
    for (size_t i = 0; i < pair_count; i++) print_ratio(comparison, pairs[i]);
    printf("\n");
    fflush(stdout);
}

static void print_memory(struct comparison *comparison, int64_t value_size)
{
    if (comparison->options->is_json) return; /* it stands in the rows */
    printf("%llu keys of 16 bytes, values of %lld bytes\n",
           (unsigned long long)comparison->keyspace, (long long)value_size);
    for (size_t i = 0; i < comparison->count; i++) {
        const struct contestant *contestant = &comparison->contestants[i];
        printf("  %-50s %8.1f bytes a key (used_memory), %.1f (RSS)\n", contestant->label,
               contestant->used_per_key, contestant->resident_per_key);
    }
    printf("\n");
    fflush(stdout);
}

/* --- Running --- */

/* The first run of all warms up and says how many requests make a round. */
static bool calibrate(struct comparison *comparison, struct load_work *work, int64_t client_count)
{
    uint64_t wave = (uint64_t)client_count * work->pipeline;
    work->request_count = MAX(wave * 2, (uint64_t)10000);
    for (size_t i = 0; i < comparison->count; i++)
        if (!contestant_run(&comparison->contestants[i], work, 0)) return false;
    double cpu_us = comparison->contestants[0].samples[FIGURE_CPU][0];
    uint64_t wanted = (uint64_t)(ROUND_CPU_US / MAX(cpu_us, 0.01));
    if (comparison->options->request_count > 0)
        work->request_count = (uint64_t)comparison->options->request_count;
    else
        work->request_count = MAX(wanted / 1000 * 1000, MAX(wave * 2, (uint64_t)5000));
    return true;
}

bool comparison_run_row(struct comparison *comparison, struct comparison_row *row)
{
    struct buffer data = { 0 };
    struct request_template request;
    uint64_t next[PLACE_KINDS] = { 0 };
    benchmark_data_write(&data, (size_t)row->value_size, comparison->seed);
    struct benchmark_values values = {
        .data = buffer_bytes(&data), .has_numbers = true, .function_count = 10, .function_keys = 1
    };
    benchmark_test_write(row->test, &values, &request);
    struct load_work work = { .request = &request,
                              .numbers = { .keyspace = comparison->keyspace, .next = next },
                              .pipeline = (size_t)row->pipeline };
    bool is_good = calibrate(comparison, &work, row->client_count);
    row->request_count = work.request_count;
    for (size_t i = 0; i < comparison->count; i++)
        contestant_begin_row(&comparison->contestants[i]);
    for (size_t round = 0; round < comparison->rounds && is_good; round++)
        for (size_t i = 0; i < comparison->count && is_good; i++) {
            size_t turn = round % 2 == 0 ? i : comparison->count - 1 - i;
            is_good = contestant_run(&comparison->contestants[turn], &work, round);
        }
    for (size_t i = 0; i < comparison->count; i++) contestant_end_row(&comparison->contestants[i]);
    if (is_good) print_row(comparison, row);
    request_template_fini(&request);
    buffer_fini(&data);
    return is_good;
}

static bool run_tests(struct comparison *comparison, struct comparison_row row)
{
    const char *tests = comparison->options->tests;
    bool is_good = true;
    for (size_t i = 0; i < benchmark_test_count && is_good; i++) {
        row.test = &benchmark_tests[i];
        if (!benchmark_test_is_selected(row.test, tests != NULL ? tests : "set,get")) continue;
        is_good = comparison_run_row(comparison, &row);
    }
    return is_good;
}

static bool fill_all(struct comparison *comparison, int64_t value_size)
{
    struct fill fill = { .key_count = comparison->keyspace,
                         .value_size = (size_t)value_size,
                         .seed = comparison->seed };
    for (size_t i = 0; i < comparison->count; i++)
        if (!contestant_fill(&comparison->contestants[i], &fill)) return false;
    print_memory(comparison, value_size);
    return true;
}

static bool connect_all(struct comparison *comparison, int64_t client_count)
{
    for (size_t i = 0; i < comparison->count; i++)
        if (!contestant_connect(&comparison->contestants[i], (size_t)client_count,
                                comparison->seed + i))
            return false;
    return true;
}

bool comparison_run(struct comparison *comparison, const struct comparison_lists *lists)
{
    bool is_good = true;
    for (size_t s = 0; s < lists->sizes.count && is_good; s++) {
        struct comparison_row row = { .value_size = lists->sizes.numbers[s] };
        is_good = fill_all(comparison, row.value_size);
        for (size_t c = 0; c < lists->clients.count && is_good; c++) {
            row.client_count = lists->clients.numbers[c];
            is_good = connect_all(comparison, row.client_count);
            for (size_t p = 0; p < lists->pipelines.count && is_good; p++) {
                row.pipeline = lists->pipelines.numbers[p];
                is_good = run_tests(comparison, row);
            }
        }
        for (size_t i = 0; i < comparison->count; i++)
            contestant_disconnect(&comparison->contestants[i]);
    }
    return is_good;
}
