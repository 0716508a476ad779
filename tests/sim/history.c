/* Draws histories and runs them. The world's seed and the faults are kept apart, so that faults
 * can be left out one by one while the rest stays the same: that is all of shrinking. */
#include "sim/history.h"

#include "sim/world.h"

#include <stdio.h>

#define POLL_MS 200
#define UNDO    1u /* lowest bit of a story event's number */

struct run {
    const struct history *history;
    bool is_active[HISTORY_FAULTS_MAX]; /* cuts that hold now */
};

/* --- doing and undoing --- */

static void crash(struct sim *sim, const struct fault *fault)
{
    sim_crash(sim, fault->a);
}

static void swap_crash(struct sim *sim, const struct fault *fault)
{
    sim_crash(sim, fault->a);
    sim_crash(sim, fault->b);
}

static void power(struct sim *sim, const struct fault *fault)
{
    sim_power_off(sim, fault->a);
}

static void crash_shards(struct sim *sim, const struct fault *fault)
{
    unsigned left = fault->number;
    for (uint32_t i = 0; i < sim->member_count && left > 0; i++) {
        uint32_t at = (fault->a + i) % sim->member_count;
        if (!sim_is_primary(sim, at)) continue;
        sim_crash(sim, at);
        left--;
    }
}

static void restart_if_down(struct sim *sim, uint32_t index, enum sim_restart how)
{
    if (sim->nodes[index].state == NODE_DOWN) sim_restart(sim, index, how);
}

static void back(struct sim *sim, const struct fault *fault)
{
    restart_if_down(sim, fault->a, RESTART_WITH_DATA);
}

static void back_empty(struct sim *sim, const struct fault *fault)
{
    restart_if_down(sim, fault->a, RESTART_EMPTY);
}

static void back_all(struct sim *sim, const struct fault *fault)
{
    (void)fault;
    for (uint32_t i = 0; i < sim->node_count; i++) restart_if_down(sim, i, RESTART_WITH_DATA);
}

/* A node that comes back as somebody else is introduced to the first one that runs. */
static void introduce(struct sim *sim, uint32_t index)
{
    for (uint32_t i = 0; i < sim->member_count; i++) {
        if (i == index || sim->nodes[i].state != NODE_RUNNING) continue;
        sim_meet(sim, index, i);
        return;
    }
}

static void back_wiped(struct sim *sim, const struct fault *fault)
{
    if (sim->nodes[fault->a].state != NODE_DOWN) return;
    sim_restart(sim, fault->a, RESTART_WIPED);
    introduce(sim, fault->a);
}

static void back_older(struct sim *sim, const struct fault *fault)
{
    restart_if_down(sim, fault->a, RESTART_ROLLED_BACK);
}

static void back_elsewhere(struct sim *sim, const struct fault *fault)
{
    if (sim->nodes[fault->a].state != NODE_DOWN) return;
    sim_readdress(sim, fault->a);
    sim_restart(sim, fault->a, RESTART_WITH_DATA);
}

static void back_swapped(struct sim *sim, const struct fault *fault)
{
    bool are_down = sim->nodes[fault->a].state == NODE_DOWN &&
                    sim->nodes[fault->b].state == NODE_DOWN && fault->a != fault->b;
    if (are_down) sim_swap_addresses(sim, fault->a, fault->b);
    restart_if_down(sim, fault->a, RESTART_WITH_DATA);
    restart_if_down(sim, fault->b, RESTART_WITH_DATA);
}

static void bounce(struct sim *sim, const struct fault *fault)
{
    sim_crash(sim, fault->a);
    sim_restart(sim, fault->a, fault->number % 2 ? RESTART_WITH_DATA : RESTART_EMPTY);
}

static void freeze(struct sim *sim, const struct fault *fault)
{
    sim_freeze(sim, fault->a, 1 + (time_ms)(fault->mask % 6000));
}

static void set_trap(struct sim *sim, const struct fault *fault)
{
    struct trap *trap = &sim->nodes[fault->a].trap;
    trap->place = fault->kind == FAULT_TRAP_SAVE ? TRAP_AFTER_SAVE : TRAP_ANYWHERE;
    trap->countdown = 1 + fault->number % 4;
    trap->freeze_ms = fault->kind == FAULT_TRAP_FREEZE ? 1 + (time_ms)(fault->mask % 4000) : 0;
    sim_disturb(sim, &sim->nodes[fault->a]);
}

static void cut_again(struct sim *sim, const struct fault *fault)
{
    if (fault->kind == FAULT_CUT) sim_cut(sim, fault->a, fault->b);
    for (uint32_t i = 0; i < sim->node_count; i++) {
        if (i == fault->a) continue;
        if (fault->kind == FAULT_MUTE) sim_cut(sim, fault->a, i);
        if (fault->kind == FAULT_DEAF) sim_cut(sim, i, fault->a);
    }
    if (fault->kind == FAULT_ISOLATE) sim_isolate(sim, fault->a);
    if (fault->kind == FAULT_PARTITION) sim_partition(sim, fault->mask);
}

static void break_links(struct sim *sim, const struct fault *fault)
{
    struct sim_node *node = &sim->nodes[fault->a];
    sim_disturb(sim, node);
    for (unsigned i = 0; i < 1 + fault->number % 6; i++)
        net_break(sim, node, fault->mask + i * 7, fault->kind == FAULT_HALF_OPEN);
}

static void refuse_falsely(struct sim *sim, const struct fault *fault)
{
    sim->nodes[fault->a].false_refusals = 1 + fault->number % 8;
    break_links(sim, fault);
}

/* A process that loses its listener exits; for a moment it goes on without. */
static void lose_listener(struct sim *sim, const struct fault *fault)
{
    struct sim_node *node = &sim->nodes[fault->a];
    if (node->state == NODE_DOWN) return;
    node->listens = false;
    sim_disturb(sim, node);
    sim_put(sim, EVENT_EXIT, node->index, sim->now_us + (time_us)(fault->mask % 100) * MS,
            node->process);
}

static void disk_bad(struct sim *sim, const struct fault *fault)
{
    bool fails = fault->kind == FAULT_DISK_FAILS;
    sim_set_disk(sim, fault->a, fails, fails ? 0 : 1 + (time_ms)(fault->mask % 3000));
}

static void disk_good(struct sim *sim, const struct fault *fault)
{
    sim_set_disk(sim, fault->a, false, 0);
}

static void wall_clock(struct sim *sim, const struct fault *fault)
{
    sim->nodes[fault->a].wall_offset_ms = (time_ms)(fault->mask % 200000000) - 100000000;
}

static void stop(struct sim *sim, const struct fault *fault)
{
    sim_stop(sim, fault->a);
}

static void order_failover(struct sim *sim, const struct fault *fault)
{
    static const enum failover_kind kinds[] = { FAILOVER_PLAIN, FAILOVER_FORCE, FAILOVER_TAKEOVER };
    unsigned kind = fault->kind - FAULT_FAILOVER;
    ensure(kind < COUNT_OF(kinds));
    if (kind != 0) sim->checker.lease_holds = false; /* by the operator's order */
    sim_failover(sim, fault->a, kinds[kind]);
}

static void bump_epoch(struct sim *sim, const struct fault *fault)
{
    struct cluster_status status = { 0 };
    if (sim->nodes[fault->a].core != NULL) sim_status(sim, fault->a, &status);
    if (!status.serves) return; /* a node with an epoch is not fresh: it would never form */
    struct cluster_order order = { .type = ORDER_BUMP_EPOCH };
    sim_order(sim, fault->a, &order, NULL);
}

static void order_reset(struct sim *sim, const struct fault *fault)
{
    if (sim_is_primary(sim, fault->a)) return;
    struct cluster_order order = { .type = ORDER_RESET, .is_hard = fault->number % 2 };
    check_forgiven(sim, &sim->nodes[fault->a]);
    sim_order(sim, fault->a, &order, NULL);
    introduce(sim, fault->a);
}

static void order_forget(struct sim *sim, const struct fault *fault)
{
    struct cluster_order order = { .type = ORDER_FORGET, .id = sim->nodes[fault->b].id };
    /* To forget an owner is to forget its epoch, and a replica's data: the operator's choice. */
    sim->checker.lease_holds = false;
    sim->checker.forgot_us = sim->now_us;
    sim_order(sim, fault->a, &order, NULL);
}

static void serve_empty(struct sim *sim, const struct fault *fault)
{
    struct cluster_order order = { .type = ORDER_SERVE_EMPTY };
    if (!sim_order(sim, fault->a, &order, NULL)) return; /* it serves already */
    sim->nodes[fault->a].data.was_emptied = false;       /* whatever others hold may go */
}

static void meet_foreign(struct sim *sim, const struct fault *fault)
{
    if (sim->node_count == sim->member_count) return;
    sim_meet(sim, fault->a, sim->member_count + fault->b % sim->options.spares);
}

/* --- the table of faults --- */

typedef void (*fault_function)(struct sim *sim, const struct fault *fault);

static const struct fault_row {
    const char *name;
    fault_function run;
    fault_function undo;
    unsigned weight;
    bool is_cut;         /* undone by doing the other cuts again */
    bool is_destructive; /* members or data change for good */
} rows[FAULT_KIND_COUNT] = {
    // clang-format off
    [FAULT_CRASH]             = { "crash",             crash,           back,           10, 0, 0 },
    [FAULT_CRASH_EMPTY]       = { "crash-empty",       crash,           back_empty,      4, 0, 0 },
    [FAULT_CRASH_WIPED]       = { "crash-wiped",       crash,           back_wiped,      1, 0, 1 },
    [FAULT_CRASH_ROLLED_BACK] = { "crash-rolled-back", crash,           back_older,      1, 0, 1 },
    [FAULT_CRASH_ELSEWHERE]   = { "crash-elsewhere",   crash,           back_elsewhere,  3, 0, 0 },
    [FAULT_SWAP]              = { "swap-addresses",    swap_crash,      back_swapped,    2, 0, 0 },
    [FAULT_POWER]             = { "power",             power,           back,            8, 0, 0 },
    [FAULT_CRASH_SHARDS]      = { "crash-shards",      crash_shards,    back_all,        4, 0, 0 },
    [FAULT_BOUNCE]            = { "bounce",            bounce,          NULL,            4, 0, 0 },
    [FAULT_FREEZE]            = { "freeze",            freeze,          NULL,            8, 0, 0 },
    [FAULT_TRAP_CRASH]        = { "trap-crash",        set_trap,        back,            4, 0, 0 },
    [FAULT_TRAP_SAVE]         = { "trap-save",         set_trap,        back,            6, 0, 0 },
    [FAULT_TRAP_FREEZE]       = { "trap-freeze",       set_trap,        NULL,            4, 0, 0 },
    [FAULT_CUT]               = { "cut",               cut_again,       NULL,            6, 1, 0 },
    [FAULT_MUTE]              = { "mute",              cut_again,       NULL,            4, 1, 0 },
    [FAULT_DEAF]              = { "deaf",              cut_again,       NULL,            4, 1, 0 },
    [FAULT_ISOLATE]           = { "isolate",           cut_again,       NULL,            8, 1, 0 },
    [FAULT_PARTITION]         = { "partition",         cut_again,       NULL,            8, 1, 0 },
    [FAULT_BREAK]             = { "break",             break_links,     NULL,            4, 0, 0 },
    [FAULT_HALF_OPEN]         = { "half-open",         break_links,     NULL,            4, 0, 0 },
    [FAULT_FALSE_REFUSALS]    = { "false-refusals",    refuse_falsely,  NULL,            3, 0, 0 },
    [FAULT_LISTENER]          = { "listener-lost",     lose_listener,   back,            2, 0, 0 },
    [FAULT_DISK_FAILS]        = { "disk-fails",        disk_bad,        disk_good,       4, 0, 0 },
    [FAULT_DISK_STALLS]       = { "disk-stalls",       disk_bad,        disk_good,       4, 0, 0 },
    [FAULT_WALL_CLOCK]        = { "wall-clock",        wall_clock,      NULL,            2, 0, 0 },
    [FAULT_STOP]              = { "stop",              stop,            back,            3, 0, 0 },
    [FAULT_FAILOVER]          = { "failover",          order_failover,  NULL,            6, 0, 0 },
    [FAULT_FAILOVER_FORCE]    = { "failover-force",    order_failover,  NULL,            1, 0, 0 },
    [FAULT_TAKEOVER]          = { "takeover",          order_failover,  NULL,            1, 0, 0 },
    [FAULT_BUMP_EPOCH]        = { "bump-epoch",        bump_epoch,      NULL,            1, 0, 0 },
    [FAULT_RESET]             = { "reset",             order_reset,     NULL,            1, 0, 1 },
    [FAULT_FORGET]            = { "forget",            order_forget,    NULL,            1, 0, 1 },
    [FAULT_MEET_FOREIGN]      = { "meet-foreign",      meet_foreign,    NULL,            1, 0, 1 },
    [FAULT_SERVE_EMPTY]       = { "serve-empty",       serve_empty,     NULL,            0, 0, 0 },
    // clang-format on
};

bool history_find_fault(const char *name, enum fault_kind *kind)
{
    for (unsigned i = 0; i < FAULT_KIND_COUNT; i++) {
        if (strcmp(rows[i].name, name) != 0) continue;
        *kind = (enum fault_kind)i;
        return true;
    }
    return false;
}

/* --- drawing --- */

static enum fault_kind draw_kind(struct prng *prng)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < FAULT_KIND_COUNT; i++) total += rows[i].weight;
    uint64_t at = prng_below(prng, total);
    unsigned kind = 0;
    while (at >= rows[kind].weight) at -= rows[kind++].weight;
    return (enum fault_kind)kind;
}

static void draw_fault(struct history *history, struct prng *prng, uint32_t node_count)
{
    struct fault *fault = &history->faults[history->fault_count++];
    time_ms timeout_ms = history->options.node_timeout_ms;
    fault->kind = draw_kind(prng);
    if (history->options.only_fault > 0)
        fault->kind = (enum fault_kind)(history->options.only_fault - 1);
    fault->at_ms = history->options.by_formation ? 0 : 1000;
    fault->at_ms += (time_ms)prng_below(prng, (uint64_t)history->active_ms - 1000);
    fault->a = (uint32_t)prng_below(prng, node_count);
    fault->b = (uint32_t)prng_below(prng, node_count);
    /* Addresses are reused by strangers, too. */
    if (fault->kind == FAULT_SWAP && history->options.spares > 0 && prng_chance(prng, 1, 2))
        fault->b = node_count + (uint32_t)prng_below(prng, history->options.spares);
    fault->mask = prng_next(prng);
    fault->number = 1 + (unsigned)prng_below(prng, history->options.primaries / 2 + 1);
    /* Half of the troubles end before anybody may notice, half after. */
    bool is_short = prng_chance(prng, 1, 2);
    fault->duration_ms = 10 + (time_ms)prng_below(prng, (uint64_t)timeout_ms * (is_short ? 1 : 5));
    if (rows[fault->kind].is_destructive) history->members_may_change = true;
}

/* Its replicas are away when it comes back: it waits for them, and the operator does not. */
static void draw_absent_heirs(struct history *history, struct prng *prng, const struct fault *crash)
{
    uint32_t replicas = history->options.replicas;
    uint32_t nodes = history->options.primaries * (1 + replicas);
    for (uint32_t replica = 0; replica < replicas; replica++) {
        struct fault *absence = &history->faults[history->fault_count];
        draw_fault(history, prng, nodes);
        absence->kind = prng_chance(prng, 1, 2) ? FAULT_CRASH : FAULT_ISOLATE;
        absence->a = history->options.primaries + crash->a * replicas + replica;
        time_ms earlier_ms = (time_ms)prng_below(prng, 100);
        absence->at_ms = MAX(crash->at_ms - earlier_ms, 0);
    }
}

/* An owner that comes back empty, and an operator who knows better: most often about that node, and
 * soon after its return, because a replica takes over within milliseconds; else anywhere, at any
 * time. Drawn behind everything else, so that what a seed stood for before there was this stays the
 * same. */
static void draw_empty_owner(struct history *history, struct prng *prng, uint32_t node_count)
{
    time_ms timeout_ms = history->options.node_timeout_ms;
    struct fault *crash = &history->faults[history->fault_count];
    draw_fault(history, prng, node_count);
    crash->kind = FAULT_CRASH_EMPTY;
    crash->a = (uint32_t)prng_below(prng, history->options.primaries);
    /* Back before anybody has held it for dead. */
    if (prng_chance(prng, 3, 4)) crash->duration_ms = 1 + (time_ms)prng_below(prng, 60);
    if (prng_chance(prng, 1, 2)) draw_absent_heirs(history, prng, crash);
    for (uint64_t orders = 1 + prng_below(prng, 3); orders > 0; orders--) {
        struct fault *order = &history->faults[history->fault_count];
        draw_fault(history, prng, node_count);
        order->kind = FAULT_SERVE_EMPTY;
        if (prng_chance(prng, 1, 3)) continue;
        order->a = crash->a;
        order->at_ms = crash->at_ms + crash->duration_ms;
        order->at_ms += (time_ms)prng_below(prng, prng_chance(prng, 1, 2) ? 20 : 2 * timeout_ms);
    }
}

static void draw_options(struct sim_options *options, struct prng *prng)
{
    static const time_ms timeouts[] = { 1000, 2000, 3000 };
    unsigned primaries = 3 + (unsigned)prng_below(prng, 3);
    unsigned replicas =
        primaries == 3 ? 1 + (unsigned)prng_below(prng, 3) : 1 + (unsigned)prng_below(prng, 2);
    time_ms timeout_ms = timeouts[prng_below(prng, COUNT_OF(timeouts))];
    bool is_mixed = prng_chance(prng, 1, 5);
    unsigned classic = 1 + (unsigned)prng_below(prng, primaries * (1 + replicas));
    bool by_formation = prng_chance(prng, 1, 6);
    if (options->primaries == 0) {
        options->primaries = primaries;
        options->replicas = replicas;
    }
    if (options->node_timeout_ms == 0) options->node_timeout_ms = timeout_ms;
    options->by_formation = options->by_formation || (by_formation && !options->never_by_formation);
    if (options->classic == 0 && is_mixed && !options->by_formation) options->classic = classic;
    if (options->by_formation && prng_chance(prng, 1, 2))
        options->start_spread_ms = 1 + (time_ms)prng_below(prng, 4000);
    options->poll_ms = 200;
    options->drifts = prng_chance(prng, 1, 3);
    /* Fresh nodes beyond the plan make rival sets; beside a formed cluster they are strangers. */
    unsigned spares = (unsigned)prng_below(prng, options->by_formation ? 5 : 2);
    if (options->spares == 0) options->spares = spares;
    options->has_foreigners =
        options->by_formation && options->spares > 0 && prng_chance(prng, 1, 3);
}

void history_draw(struct history *history, uint64_t seed, const struct sim_options *given)
{
    struct prng prng;
    prng_init(&prng, seed);
    *history = (struct history){ .seed = seed, .options = *given };
    history->options.seed = prng_next(&prng);
    draw_options(&history->options, &prng);
    history->active_ms = 5000 + (time_ms)prng_below(&prng, 25000);
    unsigned count = 1 + (unsigned)prng_below(&prng, 8);
    uint32_t nodes = history->options.primaries * (1 + history->options.replicas);
    for (unsigned i = 0; i < count; i++) draw_fault(history, &prng, nodes);
    bool may_change = history->members_may_change;
    unsigned only = history->options.only_fault;
    bool is_about_it = only == 1 + FAULT_SERVE_EMPTY;
    if (only == 0 && prng_chance(&prng, 1, 8)) draw_empty_owner(history, &prng, nodes);
    for (unsigned i = 0; is_about_it && i < 3; i++) draw_empty_owner(history, &prng, nodes);
    history->members_may_change = may_change; /* kinds that draw_empty_owner did not take */
}

/* --- running --- */

static void redo_cuts(struct sim *sim, const struct run *run)
{
    sim_heal(sim);
    for (unsigned i = 0; i < run->history->fault_count; i++)
        if (run->is_active[i]) cut_again(sim, &run->history->faults[i]);
}

static void on_story(struct sim *sim, uint64_t number, void *context)
{
    struct run *run = context;
    unsigned index = (unsigned)(number >> 1);
    const struct fault *fault = &run->history->faults[index];
    const struct fault_row *row = &rows[fault->kind];
    bool is_undo = number & UNDO;
    if (sim->options.is_verbose)
        printf("[%8lld ms] %s %s %u %u\n", (long long)sim_now_ms(sim), is_undo ? "end of" : "fault",
               row->name, fault->a, fault->b);
    if (row->is_cut) {
        run->is_active[index] = !is_undo;
        redo_cuts(sim, run);
    } else if (is_undo && row->undo != NULL) {
        row->undo(sim, fault);
    } else if (!is_undo) {
        row->run(sim, fault);
    }
}

static void schedule(struct sim *sim, struct run *run)
{
    sim->on_story = on_story;
    sim->story_context = run;
    for (unsigned i = 0; i < run->history->fault_count; i++) {
        const struct fault *fault = &run->history->faults[i];
        if (fault->is_off) continue;
        time_us at_us = sim->now_us + fault->at_ms * MS;
        sim_put(sim, EVENT_STORY, NOBODY, at_us, i * 2);
        sim_put(sim, EVENT_STORY, NOBODY, at_us + fault->duration_ms * MS, i * 2 | UNDO);
    }
}

/* Everything that was broken is whole again, and nobody breaks anything any more. */
static void heal_all(struct sim *sim)
{
    sim->on_story = NULL;
    sim_heal(sim);
    for (uint32_t i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        node->trap.place = TRAP_NONE;
        node->false_refusals = 0;
        if (node->disk_fails || node->disk_stall_ms > 0) sim_set_disk(sim, i, false, 0);
        node->thaw_us = sim->now_us;
        node_thaw(sim, node);
        restart_if_down(sim, i, RESTART_WITH_DATA);
    }
}

/* An operator whose MEET went nowhere, because of a cut, would try again. */
static void introduce_the_lonely(struct sim *sim)
{
    if (sim->options.by_formation) return;
    for (uint32_t i = 0; i < sim->member_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        if (node->core != NULL && cluster_peer_count(node->core) == 1) introduce(sim, i);
    }
}

/* An Eir owner that lost its data waits until a Valkey replica takes over. One that restarted, too,
 * and has not been connected to its primary since, does not stand by Valkey's own rule: it does not
 * know the age of its data, which counts as too old (spec 15; `active_ms` is 0). Then the shard
 * waits for an operator, and both logs say so. This one sends the replica that has most. */
static void help_valkey_replicas(struct sim *sim, uint32_t owner)
{
    struct sim_node *lost = &sim->nodes[owner], *best = NULL;
    if (!sim_is_primary(sim, owner) || lost->is_classic) return;
    node_refresh(sim, lost);
    if (lost->status.serves) return;
    for (uint32_t i = 0; i < sim->member_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        if (node->core == NULL || node->data.follows != owner) continue;
        if (node->data.offset <= lost->data.offset) continue;
        bool may_stand = !node->is_classic || node->data.active_ms > 0;
        if (may_stand) return;
        if (best == NULL || node->data.offset > best->data.offset) best = node;
    }
    if (best == NULL) return;
    node_refresh(sim, best);
    if (!best->status.manual_failover_runs) sim_failover(sim, best->index, FAILOVER_FORCE);
}

static bool has_formed(struct sim *sim)
{
    return sim_is_healthy(sim);
}

static bool has_settled(struct sim *sim)
{
    /* One that was told to stop while it stood still exits only now; supervisors restart it. */
    for (uint32_t i = 0; i < sim->node_count; i++) restart_if_down(sim, i, RESTART_WITH_DATA);
    introduce_the_lonely(sim);
    for (uint32_t i = 0; i < sim->member_count && sim->options.classic > 0; i++)
        help_valkey_replicas(sim, i);
    return sim->members_may_change ? sim_agrees(sim) : sim_is_healthy(sim);
}

static void judge(const struct history *history, struct sim *sim)
{
    /* Ten time-outs: FAIL is cleared after two, elections wait their turn, replicas sync. */
    time_ms bound_ms = 10 * history->options.node_timeout_ms + 15000;
    sim->members_may_change = history->members_may_change;
    if (!sim_run_until(sim, has_settled, bound_ms))
        sim_fail(sim, "no agreement %lld ms after everything was healed: %s", (long long)bound_ms,
                 sim->complaint);
    if (sim->violation != NULL) return;
    sim_run(sim, 2 * history->options.node_timeout_ms);
    /* Late comers may just have arrived. */
    if (history->members_may_change && sim_run_until(sim, has_settled, bound_ms)) return;
    if (!sim_agrees(sim)) sim_fail(sim, "agreement did not last: %s", sim->complaint);
}

void history_run(const struct history *history, struct verdict *verdict)
{
    struct sim *sim = sim_create(&history->options);
    struct run run = { .history = history };
    if (history->options.by_formation && history->seed % 2 == 0)
        sim_run_until(sim, has_formed, 20000);
    schedule(sim, &run);
    sim_run(sim, history->active_ms);
    if (sim->violation == NULL) {
        heal_all(sim);
        judge(history, sim);
    }
    *verdict = (struct verdict){ .is_kept = sim->violation == NULL,
                                 .digest = sim->digest,
                                 .events = sim->event_count,
                                 .replaced_by_evidence = sim->checker.replaced_by_evidence,
                                 .replaced_by_silence = sim->checker.replaced_by_silence,
                                 .virtual_ms = sim_now_ms(sim) - 1000000 };
    if (sim->violation != NULL)
        snprintf(verdict->text, sizeof(verdict->text), "%s", sim->violation);
    sim_destroy(sim);
}

void history_shrink(struct history *history)
{
    struct sim_options options = history->options;
    history->options.is_verbose = false;
    for (unsigned i = 0; i < history->fault_count; i++) {
        if (history->faults[i].is_off) continue;
        history->faults[i].is_off = true;
        struct verdict verdict;
        history_run(history, &verdict);
        if (verdict.is_kept) history->faults[i].is_off = false;
    }
    history->options.is_verbose = options.is_verbose;
}

void history_print(const struct history *history)
{
    const struct sim_options *options = &history->options;
    printf("seed %llu: %u primaries with %u replicas, %u classic, %u spare, time-out %lld ms%s%s\n",
           (unsigned long long)history->seed, options->primaries, options->replicas,
           options->classic, options->spares, (long long)options->node_timeout_ms,
           options->by_formation ? ", by formation" : "", options->drifts ? ", drifting" : "");
    for (unsigned i = 0; i < history->fault_count; i++) {
        const struct fault *fault = &history->faults[i];
        if (fault->is_off) continue;
        printf("  at %6lld for %5lld ms: %-18s a=%u b=%u number=%u mask=%llx\n",
               (long long)fault->at_ms, (long long)fault->duration_ms, rows[fault->kind].name,
               fault->a, fault->b, fault->number, (unsigned long long)fault->mask);
    }
}
