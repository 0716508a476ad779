/* Histories: formation, then faults one after another under load, then peace and judgement.
 *
 * With WAIT 1 and one thing going wrong at a time, no write that was acknowledged may be missing
 * at the end. The next fault comes when the cluster is whole again, as that promise needs. */
#include "history.h"

#include "base/log.h"
#include "internal.h"
#include <stdio.h>
#include <string.h>

#define FORM_MS 20000
#define HEAL_MS 60000

enum fault {
    FAULT_KILL_PRIMARY,
    FAULT_KILL_REPLICA,
    FAULT_POWER_OFF,
    FAULT_TERMINATE,
    FAULT_STOP,
    FAULT_CUT,
    FAULT_FAILOVER,
    FAULT_KILL_AT_ONCE_AGAIN, /* killed and started within milliseconds */
    FAULT_COUNT
};

static bool is_primary(struct deep *deep, unsigned who)
{
    const char *replication = deep_ask(deep, who, "INFO replication");
    return strstr(replication, "role:master") != NULL;
}

static unsigned draw_node(struct deep *deep, bool wants_primary)
{
    unsigned start = (unsigned)prng_below(&deep->prng, deep->node_count);
    for (unsigned i = 0; i < deep->node_count; i++) {
        unsigned who = (start + i) % deep->node_count;
        if (is_primary(deep, who) == wants_primary) return who;
    }
    return start;
}

static void cut_off(struct deep *deep, unsigned who)
{
    bool outward = !prng_chance(&deep->prng, 1, 4);
    bool inward = !outward || !prng_chance(&deep->prng, 1, 4);
    for (unsigned other = 0; other < deep->node_count; other++) {
        if (other == who) continue;
        if (outward) deep_cut(deep, who, other);
        if (inward) deep_cut(deep, other, who);
    }
}

static void inject(struct deep *deep, enum fault fault)
{
    time_ms timeout_ms = deep->options.node_timeout_ms;
    time_ms pause_ms = prng_between(&deep->prng, 10, 4 * timeout_ms);
    unsigned who = draw_node(deep, fault != FAULT_KILL_REPLICA && fault != FAULT_FAILOVER);
    if (deep->options.is_verbose)
        log_notice("---- at %lld ms: fault %d on node %u for %lld ms", (long long)deep->now_ms,
                   (int)fault, who, (long long)pause_ms);
    switch (fault) {
    case FAULT_KILL_PRIMARY:
    case FAULT_KILL_REPLICA: deep_kill(deep, who); break;
    case FAULT_POWER_OFF: deep_power_off(deep, who); break;
    case FAULT_TERMINATE: deep_terminate(deep, who); break;
    case FAULT_STOP: deep_stop(deep, who, pause_ms); break;
    case FAULT_CUT: cut_off(deep, who); break;
    case FAULT_FAILOVER: deep_ask(deep, who, "CLUSTER FAILOVER"); break;
    case FAULT_KILL_AT_ONCE_AGAIN:
        deep_kill(deep, who);
        deep_run(deep, prng_between(&deep->prng, 0, 100));
        deep_start(deep, who);
        break;
    case FAULT_COUNT: break;
    }
    deep_run(deep, pause_ms);
    deep_heal(deep);
    for (unsigned at = 0; at < deep->node_count; at++) deep_start(deep, at);
}

static void fail(struct deep *deep, struct history_result *result, const char *text)
{
    result->is_kept = false;
    const char *violation = deep_violation(deep);
    snprintf(result->why, sizeof(result->why), "%.200s%s%.250s", text, violation ? ": " : "",
             violation ? violation : "");
}

static bool heal(struct deep *deep, struct history_result *result, const char *after)
{
    if (deep_run_until(deep, deep_is_healthy, HEAL_MS)) return true;
    char text[256];
    snprintf(text, sizeof(text), "not healthy %d s after %s, at %lld ms", HEAL_MS / 1000, after,
             (long long)deep->now_ms);
    fail(deep, result, text);
    if (deep->options.is_verbose)
        for (unsigned who = 0; who < deep->node_count; who++) {
            printf("node %u: %s", who, deep_ask(deep, who, "CLUSTER INFO"));
            printf("%s", deep_ask(deep, who, "INFO replication"));
            printf("%s", deep_ask(deep, who, "CLUSTER NODES"));
        }
    return false;
}

static bool play(struct deep *deep, struct history_result *result)
{
    if (!heal(deep, result, "the start")) return false;
    unsigned faults = 2 + (unsigned)prng_below(&deep->prng, 4);
    for (unsigned i = 0; i < faults; i++) {
        deep_run(deep, prng_between(&deep->prng, 50, 1000));
        enum fault fault = (enum fault)prng_below(&deep->prng, FAULT_COUNT);
        inject(deep, fault);
        char after[32];
        snprintf(after, sizeof(after), "fault %d", (int)fault);
        if (!heal(deep, result, after)) return false;
    }
    return true;
}

static void judge(struct deep *deep, struct history_result *result)
{
    struct deep_counts counts;
    deep_clients_pause(deep, true);
    deep_run(deep, 2000);
    deep_verify(deep, &counts);
    result->acknowledged = counts.acknowledged;
    result->lost = counts.lost;
    if (counts.lost > 0 && deep->options.waits_for_replica)
        fail(deep, result, "acknowledged writes are missing");
}

void history_run(uint64_t seed, bool is_verbose, struct history_result *result)
{
    struct prng prng;
    prng_init(&prng, seed);
    struct deep_options options = {
        .seed = seed,
        .shards = 3,
        .replicas = 1 + (unsigned)prng_below(&prng, 2),
        .clients = 1 + (unsigned)prng_below(&prng, 4),
        .node_timeout_ms = prng_chance(&prng, 1, 2) ? 1000 : 3000,
        .waits_for_replica = prng_chance(&prng, 3, 4),
        .saves = prng_chance(&prng, 1, 2),
        .is_verbose = is_verbose,
    };
    *result = (struct history_result){ .is_kept = true };
    struct deep *deep = deep_create(&options);
    if (play(deep, result)) judge(deep, result);
    if (deep_violation(deep) != NULL && result->is_kept) fail(deep, result, "");
    result->digest = deep_digest(deep);
    deep_destroy(deep);
}
