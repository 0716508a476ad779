/* Tests one after the other: threads with their loads, progress, report. */
#include "tools/benchmark_run.h"

#include "base/memory.h"
#include "base/number.h"
#include "os/append.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/terminal.h"
#include "os/worker.h"
#include "tools/benchmark_targets.h"
#include "tools/benchmark_tests.h"
#include <stdio.h>

#define CLIENTS_DEFAULT  50
#define REQUESTS_DEFAULT 100000
#define SIZE_DEFAULT     3
#define TICKS_A_SECOND   4.0

struct bench_thread {
    struct worker *worker;        /* owned; NULL for the first, which is the main thread */
    struct load *load;            /* owned */
    struct histogram *latency_us; /* owned */
    const struct load_work *work;
    struct load_tally *tally;
};

struct bench {
    const struct benchmark_options *options;
    struct targets targets;
    struct bench_thread *threads; /* owned */
    size_t thread_count;
    size_t client_count;
    struct buffer data;
    uint64_t seed;
    struct load_tally tally;
    struct json json;
    /* Of the test at hand. */
    const char *title;
    uint64_t took_ns;
    uint32_t command_count;
    uint64_t done_at_tick;
    uint64_t redirected_at_tick;
    bool shows_progress;
    bool has_line;
};

/* --- Threads --- */

static bool connect_threads(struct bench *bench)
{
    for (size_t i = 0; i < bench->thread_count; i++) {
        size_t from = bench->client_count * i / bench->thread_count;
        size_t to = bench->client_count * (i + 1) / bench->thread_count;
        struct load_options options = {
            .targets = bench->targets.list,
            .target_count = bench->targets.count,
            .target_first = from,
            .connection_count = to - from,
            .greeting = buffer_bytes(&bench->targets.greeting),
            .greeting_count = bench->targets.greeting_count,
            .names_servers = bench->options->is_cluster,
            .reconnects = bench->options->keep_alive == 0,
            .seed = bench->seed + i,
        };
        struct bench_thread *thread = &bench->threads[i];
        thread->load = load_create(&options);
        thread->latency_us = histogram_create();
        if (!load_connect(thread->load)) {
            fprintf(stderr, "%s\n", load_failure(thread->load));
            return false;
        }
    }
    return true;
}

static void thread_run(void *context)
{
    struct bench_thread *thread = context;
    load_run(thread->load, thread->work, thread->tally, thread->latency_us);
}

static void clear_line(struct bench *bench)
{
    if (bench->has_line) printf("\r%*s\r", 100, "");
    bench->has_line = false;
}

/* One run of all threads; what they recorded is merged into the first one's histogram. */
static bool run_threads(struct bench *bench, const struct load_work *work)
{
    struct load_work silent = *work;
    silent.on_tick = NULL;
    for (size_t i = 0; i < bench->thread_count; i++) {
        struct bench_thread *thread = &bench->threads[i];
        histogram_reset(thread->latency_us);
        thread->work = i == 0 ? work : &silent;
        thread->tally = &bench->tally;
    }
    bench->done_at_tick = bench->redirected_at_tick = 0;
    bench->tally = (struct load_tally){ .started_ns = clock_ticks() };
    for (size_t i = 1; i < bench->thread_count; i++) {
        bench->threads[i].worker = worker_create("load");
        worker_submit(bench->threads[i].worker, thread_run, &bench->threads[i]);
    }
    thread_run(&bench->threads[0]);
    for (size_t i = 1; i < bench->thread_count; i++) worker_destroy(bench->threads[i].worker);
    bench->took_ns = clock_ticks() - bench->tally.started_ns;
    clear_line(bench);
    for (size_t i = 0; i < bench->thread_count; i++) {
        const char *failure = load_failure(bench->threads[i].load);
        if (failure[0] != 0) {
            fprintf(stderr, "%s\n", failure);
            return false;
        }
        if (i > 0) histogram_merge(bench->threads[0].latency_us, bench->threads[i].latency_us);
    }
    return true;
}

/* --- Progress --- */

static void on_tick(void *context)
{
    struct bench *bench = context;
    uint64_t redirected = __atomic_load_n(&bench->tally.redirected, __ATOMIC_RELAXED);
    if (redirected > bench->redirected_at_tick) targets_refresh(&bench->targets);
    bench->redirected_at_tick = redirected;
    if (!bench->shows_progress) return;
    uint64_t done = __atomic_load_n(&bench->tally.done, __ATOMIC_RELAXED) * bench->command_count;
    double seconds = (double)(clock_ticks() - bench->tally.started_ns) / 1e9;
    char line[200];
    snprintf(line, sizeof(line), "%s: rps=%.1f (overall: %.1f) avg_msec=%.3f %llu requests",
             bench->title, (double)(done - bench->done_at_tick) * TICKS_A_SECOND,
             (double)done / seconds, histogram_mean(bench->threads[0].latency_us) / 1e3,
             (unsigned long long)done);
    printf("\r%-100.100s", line);
    fflush(stdout);
    bench->has_line = true;
    bench->done_at_tick = done;
}

/* --- One test --- */

static bool run_test(struct bench *bench, const char *title, struct request_template *request,
                     size_t payload_size)
{
    const struct benchmark_options *options = bench->options;
    uint64_t next[PLACE_KINDS] = { 0 };
    uint64_t commands = request->command_count;
    uint64_t count =
        options->request_count > 0 ? (uint64_t)options->request_count : REQUESTS_DEFAULT;
    size_t pipeline = options->pipelines.count > 0 ? (size_t)options->pipelines.numbers[0] : 1;
    struct load_work work = {
        .request = request,
        .numbers = { .keyspace = (uint64_t)options->keyspace,
                     .is_sequential = options->is_sequential,
                     .next = next },
        .pipeline = pipeline,
        .request_count = options->duration_s > 0 ? 0 : (count + commands - 1) / commands,
        .duration_ms = (uint64_t)options->duration_s * 1000,
        .rate = (double)options->rate / (double)commands,
        .tolerates_redirects = options->is_cluster && request->has_kind[PLACE_TAG],
        .on_tick = bench->shows_progress || options->is_cluster ? on_tick : NULL,
        .context = bench,
    };
    bench->title = title;
    bench->command_count = request->command_count;
    if (options->warmup_s > 0) {
        struct load_work warm_up = work;
        warm_up.request_count = 0;
        warm_up.duration_ms = (uint64_t)options->warmup_s * 1000;
        if (!run_threads(bench, &warm_up)) return false;
        memset(next, 0, sizeof(next));
    }
    if (!run_threads(bench, &work)) return false;
    struct report report = {
        .options = options,
        .title = title,
        .request_count = bench->tally.done * commands,
        .redirect_count = bench->tally.redirected,
        .took_ns = bench->took_ns,
        .payload_size = payload_size,
        .client_count = bench->client_count,
        .pipeline = pipeline,
        .thread_count = bench->thread_count,
        .primary_count = bench->targets.primary_count,
        .nodes = bench->targets.nodes,
        .node_count = bench->targets.count,
        .latency_us = bench->threads[0].latency_us,
    };
    report_print(&report, &bench->json);
    return true;
}

/* --- The standard tests --- */

/* FCALL needs its function first. */
static bool prepare(struct bench *bench, const struct benchmark_test *test)
{
    if (strcmp(test->title, "FCALL") != 0) return true;
    struct request_template library;
    struct benchmark_values values = { .function_count = 1 };
    for (size_t i = 0; i < benchmark_test_count; i++)
        if (strcmp(benchmark_tests[i].title, "FUNCTION LOAD") == 0)
            benchmark_test_write(&benchmark_tests[i], &values, &library);
    bool is_good = targets_order(&bench->targets, buffer_bytes(&library.text));
    request_template_fini(&library);
    return is_good;
}

static bool run_standard(struct bench *bench)
{
    const struct benchmark_options *options = bench->options;
    struct benchmark_values values = { .data = buffer_bytes(&bench->data),
                                       .has_numbers = options->keyspace > 0,
                                       .is_cluster = options->is_cluster,
                                       .function_count = (uint32_t)options->function_count,
                                       .function_keys = (uint32_t)options->function_keys };
    bool is_good = true;
    for (size_t i = 0; i < benchmark_test_count && is_good; i++) {
        const struct benchmark_test *test = &benchmark_tests[i];
        if (!benchmark_test_is_selected(test, options->tests)) continue;
        struct request_template request;
        benchmark_test_write(test, &values, &request);
        is_good = prepare(bench, test) && run_test(bench, test->title, &request, bench->data.size);
        request_template_fini(&request);
    }
    return is_good;
}

/* --- Commands of the command line --- */

struct sequence {
    struct bytes *argv;             /* owned */
    struct request_words *commands; /* owned; borrow from argv */
    size_t command_count;
    struct buffer title;
    struct buffer last; /* what standard input said */
};

/* "2 get k" is get k twice; only a number that something follows is a count. */
static void end_command(struct sequence *sequence, size_t first, size_t end)
{
    if (end == first) return;
    int64_t times = 1;
    if (end - first > 1 && number_parse(sequence->argv[first], &times) && times > 0 &&
        times <= 1000000)
        first++;
    else
        times = 1;
    sequence->commands[sequence->command_count++] = (struct request_words){
        .argc = end - first, .argv = sequence->argv + first, .times = (uint32_t)times
    };
}

static void sequence_init(struct sequence *sequence, const struct benchmark_options *options)
{
    size_t argc = options->argc;
    *sequence = (struct sequence){
        .argv = memory_alloc((argc + 1) * sizeof(struct bytes)),
        .commands = memory_alloc((argc + 1) * sizeof(struct request_words)),
    };
    for (size_t i = 0; i < argc; i++) {
        sequence->argv[i] = bytes_text(options->argv[i]);
        if (i > 0) buffer_append_byte(&sequence->title, ' ');
        buffer_append(&sequence->title, sequence->argv[i]);
    }
    buffer_append_byte(&sequence->title, 0);
    if (options->reads_last_argument) {
        os_read_input(&sequence->last);
        sequence->argv[argc++] = buffer_bytes(&sequence->last);
    }
    size_t first = 0;
    for (size_t i = 0; i < argc; i++) {
        if (!bytes_equal(sequence->argv[i], BYTES(";"))) continue;
        end_command(sequence, first, i);
        first = i + 1;
    }
    end_command(sequence, first, argc);
}

static void sequence_fini(struct sequence *sequence)
{
    memory_free(sequence->argv);
    memory_free(sequence->commands);
    buffer_fini(&sequence->title);
    buffer_fini(&sequence->last);
}

static bool run_commands(struct bench *bench)
{
    const struct benchmark_options *options = bench->options;
    struct sequence sequence;
    struct request_template request;
    sequence_init(&sequence, options);
    request_template_init(&request, sequence.commands, sequence.command_count,
                          buffer_bytes(&bench->data), options->keyspace > 0, options->is_cluster);
    bool is_good = request.command_count > 0 &&
                   run_test(bench, sequence.title.data, &request, request.text.size);
    request_template_fini(&request);
    sequence_fini(&sequence);
    return is_good;
}

/* --- All of it --- */

static bool stay_idle(struct bench *bench)
{
    printf("Creating %zu idle connections and waiting forever (Ctrl+C when done)\n",
           bench->client_count);
    fflush(stdout);
    load_stay_idle(bench->threads[0].load);
    fprintf(stderr, "%s\n", load_failure(bench->threads[0].load));
    return false;
}

static bool run_all(struct bench *bench)
{
    const struct benchmark_options *options = bench->options;
    if (!targets_init(&bench->targets, options) || !connect_threads(bench)) return false;
    if (options->is_idle) return stay_idle(bench);
    report_begin(options, &bench->json);
    bool is_good = true;
    do {
        is_good = options->argc > 0 ? run_commands(bench) : run_standard(bench);
    } while (options->is_endless && is_good);
    if (is_good) report_end(options, &bench->json);
    return is_good;
}

int benchmark_run(const struct benchmark_options *options)
{
    struct bench bench = {
        .options = options,
        .client_count =
            options->clients.count > 0 ? (size_t)options->clients.numbers[0] : CLIENTS_DEFAULT,
        .seed = options->seed >= 0 ? (uint64_t)options->seed : clock_entropy(),
    };
    bench.thread_count =
        options->is_idle ? 1 : MIN((size_t)MAX(options->thread_count, 1), bench.client_count);
    bench.threads = memory_alloc_zero(bench.thread_count * sizeof(*bench.threads));
    bench.shows_progress =
        terminal_is_attached(TERMINAL_OUT) && !options->is_csv && !options->is_json;
    size_t size = options->sizes.count > 0 ? (size_t)options->sizes.numbers[0] : SIZE_DEFAULT;
    benchmark_data_write(&bench.data, size, bench.seed);
    process_prepare_signals();
    process_raise_file_limit(bench.client_count + 200);
    if (options->keep_alive == 0 && !options->is_csv && !options->is_json)
        fprintf(stderr, "WARNING: Keepalive disabled. Many connections may need "
                        "net.ipv4.tcp_tw_reuse=1.\n");
    bool is_good = run_all(&bench);
    for (size_t i = 0; i < bench.thread_count; i++) {
        load_destroy(bench.threads[i].load);
        histogram_destroy(bench.threads[i].latency_us);
    }
    memory_free(bench.threads);
    targets_fini(&bench.targets);
    buffer_fini(&bench.data);
    json_fini(&bench.json);
    return is_good ? 0 : 1;
}
