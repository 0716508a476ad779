/* A cluster of many nodes is cut in two, and heals: all agree again within two node timeouts.
 *
 *   sim_huge 1000 */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define TIMEOUT_MS 15000

/* A twentieth of the nodes, primaries and replicas alike, is cut off. */
static bool is_cut_off(unsigned index)
{
    return index % 20 == 3;
}

static void cut_in_two(struct sim *sim)
{
    for (unsigned i = 0; i < sim_node_count(sim); i++)
        for (unsigned j = 0; j < sim_node_count(sim); j++)
            if (is_cut_off(i) != is_cut_off(j)) sim_cut(sim, i, j);
}

static bool some_primaries_are_replaced(struct sim *sim)
{
    return sim_owner_of(sim, 0) != 3 && !sim_agrees(sim);
}

static bool expect(struct sim *sim, const char *what, sim_condition condition, time_ms within_ms)
{
    time_ms start_ms = sim_now_ms(sim);
    uint64_t events = sim_event_count(sim);
    bool holds = sim_run_until(sim, condition, within_ms);
    printf("%s: %s after %lld ms of at most %lld, %llu events\n", what, holds ? "yes" : "NO",
           (long long)(sim_now_ms(sim) - start_ms), (long long)within_ms,
           (unsigned long long)(sim_event_count(sim) - events));
    if (!holds) printf("  %s\n", sim_complaint(sim));
    fflush(stdout);
    return holds;
}

/* What a run costs, so that a test's log shows when it grows. */
static void print_cost(const struct sim *sim, time_ms began_ms)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return;
    printf("%u nodes, %lld virtual ms, %llu events: %lld s of CPU, %ld MB at most\n",
           sim_node_count(sim), (long long)(sim_now_ms(sim) - began_ms),
           (unsigned long long)sim_event_count(sim),
           (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec), usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    unsigned nodes = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    struct sim *sim = sim_create(&(struct sim_options){ .primaries = nodes / 4,
                                                        .replicas = 3,
                                                        .seed = 1,
                                                        .node_timeout_ms = TIMEOUT_MS,
                                                        .poll_ms = 250,
                                                        .no_writes = true,
                                                        .keeps_no_disk = true });
    time_ms began_ms = sim_now_ms(sim);
    bool is_kept = expect(sim, "healthy after the start", sim_is_healthy, 10000);
    if (is_kept) {
        sim_run(sim, 2000);
        cut_in_two(sim);
        is_kept = expect(sim, "the majority replaces primaries", some_primaries_are_replaced,
                         TIMEOUT_MS * 3 / 2 + 5000);
    }
    if (is_kept) {
        sim_run(sim, 2000);
        sim_heal(sim);
        is_kept = expect(sim, "all agree again", sim_agrees, 2 * TIMEOUT_MS);
    }
    print_cost(sim, began_ms);
    if (sim_violation(sim) != NULL) printf("%s\n", sim_violation(sim));
    is_kept = is_kept && sim_violation(sim) == NULL;
    sim_destroy(sim);
    return is_kept ? EXIT_SUCCESS : EXIT_FAILURE;
}
