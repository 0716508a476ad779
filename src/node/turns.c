/* Measuring turns: a mark behind each part says what the time since the last one was spent on.
 *
 * The usual turn has five marks, which is 0.1 us; parts that are rare (a save, a fork, expiry) set
 * theirs when they come. */
#include "base/memory.h"
#include "node/info.h"
#include "node/parts.h"
#include <stdio.h>

void turns_init(struct node *node)
{
    node->turns.durations = histogram_create();
}

void turns_fini(struct node *node)
{
    histogram_destroy(node->turns.durations);
}

void turns_reset(struct node *node)
{
    struct turns *turns = &node->turns;
    histogram_reset(turns->durations);
    turns->count = turns->ns = 0;
    turns->worst_ns = 0;
    turns->worst_cause[0] = 0;
    turns->worst_wall_ms = 0;
    memset(turns->rates, 0, sizeof(turns->rates));
}

void turns_begin(struct node *node)
{
    struct turns *turns = &node->turns;
    turns->started_at = turns->marked_at = node->ticks();
    turns->longest_ns = 0;
    turns->longest_part = "";
}

static uint64_t mark(struct turns *turns, const char *part, uint64_t now)
{
    uint64_t taken = now - turns->marked_at;
    turns->marked_at = now;
    if (taken <= turns->longest_ns) return taken;
    turns->longest_ns = taken;
    turns->longest_part = part;
    turns->command[0] = 0;
    return taken;
}

void node_mark(struct node *node, const char *part)
{
    if (node->turns.started_at != 0) mark(&node->turns, part, node->ticks());
}

void turns_mark_commands(struct node *node)
{
    struct turns *turns = &node->turns;
    struct engine_counters *counters = engine_counters(node->engine);
    uint64_t taken = mark(turns, "commands", node->ticks());
    /* One command is named when it made at least half of it. */
    if (taken == turns->longest_ns && counters->longest_ns >= taken / 2 &&
        counters->longest_name != NULL)
        snprintf(turns->command, sizeof(turns->command), "%s", counters->longest_name);
    counters->longest_ns = 0;
    counters->longest_name = NULL;
}

void node_turn_done(struct node *node)
{
    struct turns *turns = &node->turns;
    if (turns->started_at == 0) return;
    uint64_t now = node->ticks();
    mark(turns, "sending", now);
    uint64_t taken = now - turns->started_at;
    turns->started_at = 0;
    turns->count++;
    turns->ns += taken;
    histogram_record(turns->durations, MAX(taken, (uint64_t)1));
    if (taken <= turns->worst_ns) return;
    turns->worst_ns = taken;
    turns->worst_wall_ms = node->clock.wall_ms;
    if (turns->command[0] != 0)
        snprintf(turns->worst_cause, sizeof(turns->worst_cause), "command %s", turns->command);
    else
        snprintf(turns->worst_cause, sizeof(turns->worst_cause), "%s", turns->longest_part);
}

/* ---- rates -------------------------------------------------------------------------------- */

static void rate_sample(struct turns *turns, enum turn_rate which, uint64_t counter,
                        time_ms passed_ms)
{
    struct rate *rate = &turns->rates[which];
    uint64_t more = counter >= rate->before ? counter - rate->before : counter; /* it was reset */
    rate->before = counter;
    rate->samples[turns->rate_next] = more * 1000 / (uint64_t)passed_ms;
}

void turns_cron(struct node *node)
{
    struct turns *turns = &node->turns;
    time_ms passed_ms = node->clock.now_ms - turns->rated_ms;
    if (passed_ms <= 0) return;
    turns->rated_ms = node->clock.now_ms;
    rate_sample(turns, RATE_COMMANDS, engine_counters(node->engine)->commands, passed_ms);
    rate_sample(turns, RATE_NET_IN, node->net_in, passed_ms);
    rate_sample(turns, RATE_NET_OUT, node->net_out, passed_ms);
    rate_sample(turns, RATE_REPL_IN, node->net_repl_in, passed_ms);
    rate_sample(turns, RATE_REPL_OUT, node->net_repl_out, passed_ms);
    rate_sample(turns, RATE_TURNS, turns->count, passed_ms);
    rate_sample(turns, RATE_TURN_NS, turns->ns, passed_ms);
    turns->rate_next = (turns->rate_next + 1) % RATE_SAMPLES;
}

uint64_t turns_rate(const struct node *node, enum turn_rate which)
{
    const struct rate *rate = &node->turns.rates[which];
    uint64_t sum = 0;
    for (size_t i = 0; i < RATE_SAMPLES; i++) sum += rate->samples[i];
    return sum / RATE_SAMPLES;
}

/* ---- INFO --------------------------------------------------------------------------------- */

void turns_print_rates(const struct node *node, struct buffer *into)
{
    static const struct {
        const char *name;
        enum turn_rate rate;
    } fields[] = {
        { "instantaneous_input_kbps", RATE_NET_IN },
        { "instantaneous_output_kbps", RATE_NET_OUT },
        { "instantaneous_input_repl_kbps", RATE_REPL_IN },
        { "instantaneous_output_repl_kbps", RATE_REPL_OUT },
    };
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        buffer_printf(into, "%s:%.2f\r\n", fields[i].name,
                      (double)turns_rate(node, fields[i].rate) / 1024);
}

static void print_us(struct buffer *into, const char *name, uint64_t ns)
{
    buffer_printf(into, "%s:%.1f\r\n", name, (double)ns / 1000);
}

void turns_print(const struct node *node, struct buffer *into)
{
    const struct turns *turns = &node->turns;
    uint64_t a_second = turns_rate(node, RATE_TURNS);
    info_int(into, "eventloop_cycles", (int64_t)turns->count);
    info_int(into, "eventloop_duration_sum", (int64_t)(turns->ns / 1000));
    info_int(into, "eventloop_duration_cmd_sum",
             (int64_t)(engine_counters(node->engine)->command_ns / 1000));
    info_int(into, "instantaneous_eventloop_cycles_per_sec", (int64_t)a_second);
    info_int(into, "instantaneous_eventloop_duration_usec",
             a_second > 0 ? (int64_t)(turns_rate(node, RATE_TURN_NS) / a_second / 1000) : 0);
    print_us(into, "eir_turn_p50_us", histogram_percentile(turns->durations, 50));
    print_us(into, "eir_turn_p99_us", histogram_percentile(turns->durations, 99));
    print_us(into, "eir_turn_p999_us", histogram_percentile(turns->durations, 99.9));
    print_us(into, "eir_turn_max_us", turns->worst_ns);
    info_text(into, "eir_turn_worst_cause",
              turns->worst_cause[0] != 0 ? turns->worst_cause : "none");
    info_int(into, "eir_turn_worst_time", turns->worst_wall_ms / 1000);
}
