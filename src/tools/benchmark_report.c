/* The layouts: long, one line (-q), CSV, JSON. Scripts parse them, so they stay as they are. */
#include "tools/benchmark_report.h"

#include <stdio.h>

static double milliseconds(uint64_t us)
{
    return (double)us / 1e3;
}

static double at_percent(const struct report *report, double percent)
{
    return milliseconds(histogram_percentile(report->latency_us, percent));
}

static double least(const struct report *report)
{
    return milliseconds(histogram_min(report->latency_us));
}

static double rate_of(const struct report *report)
{
    double seconds = (double)report->took_ns / 1e9;
    return seconds > 0 ? (double)report->request_count / seconds : 0;
}

/* --- Long --- */

static void print_distribution(const struct report *report)
{
    uint64_t total = histogram_count(report->latency_us);
    uint64_t before = 0;
    double left = 100;
    printf("Latency by percentile distribution:\n");
    for (double percent = 0; before < total; percent = 100 - left) {
        uint64_t value = histogram_percentile(report->latency_us, percent);
        uint64_t count = histogram_count_up_to(report->latency_us, value);
        if (count > before)
            printf("%.3f%% <= %.3f milliseconds (cumulative count %llu)\n", percent,
                   milliseconds(value), (unsigned long long)count);
        before = count;
        left /= 2;
    }
    printf("%.3f%% <= %.3f milliseconds (cumulative count %llu)\n\n", 100.0,
           at_percent(report, 100), (unsigned long long)total);
}

/* Steps of a tenth of a millisecond up to two, of one from there. */
static void print_cumulative(const struct report *report)
{
    uint64_t total = histogram_count(report->latency_us);
    uint64_t before = UINT64_MAX;
    printf("Cumulative distribution of latencies:\n");
    for (uint64_t us = 100; before != total; us += us < 2000 ? 100 : 1000) {
        uint64_t count = histogram_count_up_to(report->latency_us, us);
        if (count != before)
            printf("%.3f%% <= %.3f milliseconds (cumulative count %llu)\n",
                   total > 0 ? 100.0 * (double)count / (double)total : 0.0, milliseconds(us),
                   (unsigned long long)count);
        before = count;
    }
    printf("\n");
}

static void print_configuration(const struct report *report)
{
    if (report->primary_count > 0)
        printf("  cluster mode: yes (%zu primary)\n", report->primary_count);
    for (size_t i = 0; i < report->node_count; i++) {
        const struct report_node *node = &report->nodes[i];
        if (report->primary_count > 0)
            printf("  node [%zu] configuration:\n    save: %s\n    appendonly: %s\n", i,
                   node->save[0] != 0 ? node->save : "NONE", node->appendonly);
        else
            printf("  host configuration \"save\": %s\n  host configuration \"appendonly\": %s\n",
                   node->save, node->appendonly);
    }
}

static void print_long(const struct report *report)
{
    printf("====== %s ======\n", report->title);
    printf("  %llu requests completed in %.2f seconds\n", (unsigned long long)report->request_count,
           (double)report->took_ns / 1e9);
    printf("  %zu parallel clients\n  %zu bytes payload\n  keep alive: %d\n", report->client_count,
           report->payload_size, (int)report->options->keep_alive);
    print_configuration(report);
    printf("  multi-thread: %s\n", report->thread_count > 1 ? "yes" : "no");
    if (report->thread_count > 1) printf("  threads: %zu\n", report->thread_count);
    if (report->redirect_count > 0)
        printf("  redirections: %llu\n", (unsigned long long)report->redirect_count);
    printf("\n");
    print_distribution(report);
    print_cumulative(report);
    printf("Summary:\n  throughput summary: %.2f requests per second\n", rate_of(report));
    printf("  latency summary (msec):\n    %9s %9s %9s %9s %9s %9s\n", "avg", "min", "p50", "p95",
           "p99", "max");
    printf("    %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f\n", histogram_mean(report->latency_us) / 1e3,
           least(report), at_percent(report, 50), at_percent(report, 95), at_percent(report, 99),
           at_percent(report, 100));
}

/* --- The others --- */

static void print_csv(const struct report *report)
{
    printf("\"%s\",\"%.2f\",\"%.3f\",\"%.3f\",\"%.3f\",\"%.3f\",\"%.3f\",\"%.3f\"\n", report->title,
           rate_of(report), histogram_mean(report->latency_us) / 1e3, least(report),
           at_percent(report, 50), at_percent(report, 95), at_percent(report, 99),
           at_percent(report, 100));
}

static void add_json(const struct report *report, struct json *json)
{
    json_open(json, NULL, '{');
    json_text(json, "test", report->title);
    json_integer(json, "requests", (int64_t)report->request_count);
    json_number(json, "seconds", (double)report->took_ns / 1e9);
    json_number(json, "requests_per_second", rate_of(report));
    json_number(json, "avg_ms", histogram_mean(report->latency_us) / 1e3);
    json_number(json, "min_ms", least(report));
    json_number(json, "p50_ms", at_percent(report, 50));
    json_number(json, "p95_ms", at_percent(report, 95));
    json_number(json, "p99_ms", at_percent(report, 99));
    json_number(json, "p999_ms", at_percent(report, 99.9));
    json_number(json, "max_ms", at_percent(report, 100));
    json_integer(json, "clients", (int64_t)report->client_count);
    json_integer(json, "pipeline", (int64_t)report->pipeline);
    json_integer(json, "payload_size", (int64_t)report->payload_size);
    json_integer(json, "threads", (int64_t)report->thread_count);
    json_integer(json, "primaries", (int64_t)report->primary_count);
    json_integer(json, "redirections", (int64_t)report->redirect_count);
    json_close(json, '}');
}

void report_begin(const struct benchmark_options *options, struct json *json)
{
    if (options->is_json) {
        json_open(json, NULL, '{');
        json_text(json, "version", EIR_VERSION);
        json_open(json, "tests", '[');
    } else if (options->is_csv) {
        printf("\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\","
               "\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n");
    }
}

void report_print(const struct report *report, struct json *json)
{
    if (report->options->is_json)
        add_json(report, json);
    else if (report->options->is_csv)
        print_csv(report);
    else if (report->options->is_quiet)
        printf("%s: %.2f requests per second, p50=%.3f msec\n", report->title, rate_of(report),
               at_percent(report, 50));
    else
        print_long(report);
    fflush(stdout);
}

void report_end(const struct benchmark_options *options, struct json *json)
{
    if (options->is_json) {
        json_close(json, ']');
        json_close(json, '}');
        json_print(json);
    } else if (!options->is_csv) {
        printf("\n");
    }
}
