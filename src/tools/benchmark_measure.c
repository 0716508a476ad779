/* Measuring one server: fill it, run against it, read what the kernel counted. */
#include "tools/benchmark_measure.h"

#include "base/memory.h"
#include "os/clock.h"
#include "os/probe.h"
#include "os/process.h"
#include <stdio.h>
#include <stdlib.h>

#define FILL_CONNECTIONS 8
#define FILL_PIPELINE    64
#define SETTLE_MS        20000

bool contestant_start(struct contestant *contestant, const struct server_setup *setup,
                      const char *label)
{
    *contestant = (struct contestant){ 0 };
    snprintf(contestant->label, sizeof(contestant->label), "%s", label);
    if (!measured_server_start(&contestant->server, setup)) return false;
    contestant->target.address = contestant->server.address;
    contestant->latency_us = histogram_create();
    return true;
}

void contestant_stop(struct contestant *contestant)
{
    contestant_disconnect(contestant);
    if (contestant->latency_us == NULL) return; /* it never started */
    histogram_destroy(contestant->latency_us);
    contestant->latency_us = NULL;
    measured_server_stop(&contestant->server);
}

bool contestant_connect(struct contestant *contestant, size_t connection_count, uint64_t seed)
{
    contestant_disconnect(contestant);
    contestant->load = load_create(&(struct load_options){ .targets = &contestant->target,
                                                           .target_count = 1,
                                                           .connection_count = connection_count,
                                                           .seed = seed });
    if (load_connect(contestant->load)) return true;
    fprintf(stderr, "%s: %s\n", contestant->label, load_failure(contestant->load));
    return false;
}

void contestant_disconnect(struct contestant *contestant)
{
    load_destroy(contestant->load);
    contestant->load = NULL;
}

bool contestant_run(struct contestant *contestant, const struct load_work *work, size_t round)
{
    struct load_tally tally = { .started_ns = clock_ticks() };
    long pid = contestant->server.pid;
    histogram_reset(contestant->latency_us);
    uint64_t cpu_before_ns = clock_cpu_of(pid);
    if (!load_run(contestant->load, work, &tally, contestant->latency_us)) {
        fprintf(stderr, "%s: %s\n", contestant->label, load_failure(contestant->load));
        return false;
    }
    uint64_t took_ns = MAX(clock_ticks() - tally.started_ns, (uint64_t)1);
    uint64_t cpu_ns = clock_cpu_of(pid) - cpu_before_ns;
    double requests = (double)MAX(tally.done, (uint64_t)1);
    const struct histogram *latency_us = contestant->latency_us;
    double(*samples)[ROUNDS_MAX] = contestant->samples;
    samples[FIGURE_CPU][round] = (double)cpu_ns / 1e3 / requests;
    samples[FIGURE_RATE][round] = requests * 1e9 / (double)took_ns;
    samples[FIGURE_P50][round] = (double)histogram_percentile(latency_us, 50) / 1e3;
    samples[FIGURE_P99][round] = (double)histogram_percentile(latency_us, 99) / 1e3;
    samples[FIGURE_P999][round] = (double)histogram_percentile(latency_us, 99.9) / 1e3;
    return true;
}

void contestant_begin_row(struct contestant *contestant)
{
    probe_cpu_parts(contestant->server.pid, &contestant->user_at, &contestant->system_at);
}

void contestant_end_row(struct contestant *contestant)
{
    time_us user, system;
    probe_cpu_parts(contestant->server.pid, &user, &system);
    user -= contestant->user_at;
    system -= contestant->system_at;
    contestant->user_share = user + system > 0 ? (double)user / (double)(user + system) : 0;
}

/* --- Filling --- */

/* Buffers of connections that are gone, and tables that are being moved, would be counted as
 * data: wait until two looks agree. */
static uint64_t settled_memory(struct contestant *contestant)
{
    time_ms deadline_ms = clock_now_ms() + SETTLE_MS;
    uint64_t before = 0;
    for (;;) {
        uint64_t now = measured_server_info(&contestant->server, "used_memory");
        uint64_t clients = measured_server_info(&contestant->server, "connected_clients");
        uint64_t difference = now > before ? now - before : before - now;
        if (clients <= 1 && difference * 2000 < now) return now;
        if (clock_now_ms() > deadline_ms) return now;
        before = now;
        process_stall(300);
    }
}

void contestant_write_set(struct request_template *request, const struct fill *fill)
{
    struct buffer data = { 0 };
    struct buffer expiry = { 0 };
    benchmark_data_write(&data, fill->value_size, fill->seed);
    buffer_append_int(&expiry, (int64_t)fill->expires_ms);
    struct bytes argv[] = { BYTES("SET"), BYTES("key:__rand_int__"), BYTES("__data__"), BYTES("PX"),
                            buffer_bytes(&expiry) };
    struct request_words command = { .argc = fill->expires_ms > 0 ? 5 : 3,
                                     .argv = argv,
                                     .times = 1 };
    request_template_init(request, &command, 1, buffer_bytes(&data), true, false);
    buffer_fini(&data);
    buffer_fini(&expiry);
}

bool contestant_fill_with(struct contestant *contestant, const struct request_template *request,
                          uint64_t count, uint64_t seed)
{
    uint64_t next[PLACE_KINDS] = { 0 };
    if (!measured_server_order(&contestant->server, "FLUSHALL", NULL)) return false;
    uint64_t used_before = settled_memory(contestant);
    size_t resident_before = probe_resident(contestant->server.pid);
    struct load_work work = {
        .request = request,
        .numbers = { .keyspace = count, .is_sequential = true, .next = next },
        .pipeline = FILL_PIPELINE,
        .request_count = count,
    };
    bool is_good = contestant_connect(contestant, FILL_CONNECTIONS, seed) &&
                   contestant_run(contestant, &work, 0);
    contestant_disconnect(contestant);
    if (!is_good) return false;
    uint64_t used = settled_memory(contestant);
    size_t resident = probe_resident(contestant->server.pid);
    contestant->used_per_key = ((double)used - (double)used_before) / (double)count;
    contestant->resident_per_key = ((double)resident - (double)resident_before) / (double)count;
    return true;
}

bool contestant_fill(struct contestant *contestant, const struct fill *fill)
{
    struct request_template request;
    contestant_write_set(&request, fill);
    bool is_good = contestant_fill_with(contestant, &request, fill->key_count, fill->seed);
    request_template_fini(&request);
    return is_good;
}

/* --- Statistics --- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double quantile(const double *values, size_t count, double percent)
{
    if (count == 0) return 0;
    double *sorted = memory_alloc(count * sizeof(*sorted));
    memcpy(sorted, values, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_doubles);
    double at = percent / 100 * (double)(count - 1);
    size_t low = (size_t)at;
    size_t high = MIN(low + 1, count - 1);
    double result = sorted[low] + (sorted[high] - sorted[low]) * (at - (double)low);
    memory_free(sorted);
    return result;
}

double ratio_quantile(const double *a, const double *b, size_t count, double percent)
{
    double *ratios = memory_alloc((count + 1) * sizeof(*ratios));
    for (size_t i = 0; i < count; i++) ratios[i] = b[i] > 0 ? a[i] / b[i] : 0;
    double result = quantile(ratios, count, percent);
    memory_free(ratios);
    return result;
}
