/* Runs histories: sim --seed 1 --histories 300. A failing one is shrunk, printed and told again.
 *
 *   --seed S         of the first history; the next ones count up
 *   --histories N    how many (--count is the same)
 *   --primaries P --replicas R --classic C --timeout MS --formation --by-conf
 *                    instead of what the seed would draw
 *   --only NAME      faults of this kind alone
 *   --plant NAME     plants a bug: succeeds when a history catches it, and prints the seed
 *   --tell           tells every fault and trace of what a failure was shrunk to
 *   --verbose        the same of each history
 *   --packets        with these: every input and effect too
 *   --keep-going     counts failures instead of stopping at the first */
#include "base/ensure.h"
#include "sim/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct arguments {
    uint64_t seed;
    uint64_t histories;
    bool keeps_going;
    bool tells;
    struct sim_options given;
};

static const char *const plants[] = {
    [PLANT_NONE] = "none",
    [PLANT_VOTE_NOT_SYNCED] = "vote-not-synced",
    [PLANT_EPOCH_NOT_RAISED] = "epoch-not-raised",
    [PLANT_RANK_IGNORED] = "rank-ignored",
    [PLANT_LEASE_NEVER_EXPIRES] = "lease-never-expires",
    [PLANT_FORMATION_WITHOUT_LOCKS] = "formation-without-locks",
    [PLANT_EMPTY_RESTART_ALLOWED] = "empty-restart-allowed",
    [PLANT_ELECTION_LATE] = "election-late",
};

/* What is running when an ensure() of the core ends the program. */
static uint64_t seed_at_hand;
static bool is_planted;

static void tell_seed(void)
{
    printf("ABORTED seed %llu\n", (unsigned long long)seed_at_hand);
    if (is_planted) _exit(EXIT_SUCCESS); /* that is one way to catch a bug */
}

static bool set_plant(struct arguments *arguments, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(plants); i++) {
        if (strcmp(plants[i], name) != 0) continue;
        arguments->given.plant = (enum cluster_plant)i;
        return true;
    }
    return false;
}

static bool set_only(struct arguments *arguments, const char *name)
{
    enum fault_kind kind;
    if (!history_find_fault(name, &kind)) return false;
    arguments->given.only_fault = 1 + (unsigned)kind;
    return true;
}

static bool set_option(struct arguments *arguments, const char *name, const char *value)
{
    unsigned long long number = strtoull(value, NULL, 10);
    if (strcmp(name, "--seed") == 0)
        arguments->seed = number;
    else if (strcmp(name, "--histories") == 0 || strcmp(name, "--count") == 0)
        arguments->histories = number;
    else if (strcmp(name, "--primaries") == 0)
        arguments->given.primaries = (unsigned)number;
    else if (strcmp(name, "--replicas") == 0)
        arguments->given.replicas = (unsigned)number;
    else if (strcmp(name, "--classic") == 0)
        arguments->given.classic = (unsigned)number;
    else if (strcmp(name, "--timeout") == 0)
        arguments->given.node_timeout_ms = (time_ms)number;
    else if (strcmp(name, "--only") == 0)
        return set_only(arguments, value);
    else if (strcmp(name, "--plant") == 0)
        return set_plant(arguments, value);
    else
        return false;
    return true;
}

static bool parse(struct arguments *arguments, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            arguments->given.is_verbose = true;
        else if (strcmp(argv[i], "--tell") == 0)
            arguments->tells = true;
        else if (strcmp(argv[i], "--packets") == 0)
            arguments->given.shows_packets = true;
        else if (strcmp(argv[i], "--keep-going") == 0)
            arguments->keeps_going = true;
        else if (strcmp(argv[i], "--formation") == 0)
            arguments->given.by_formation = true;
        else if (strcmp(argv[i], "--by-conf") == 0)
            arguments->given.never_by_formation = true;
        else if (i + 1 == argc || !set_option(arguments, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return true;
}

static void tell_failure(struct history *history, const struct verdict *verdict, bool tells)
{
    printf("FAILED seed %llu: %s\n", (unsigned long long)history->seed, verdict->text);
    history_shrink(history);
    printf("shrunk to:\n");
    history_print(history);
    struct verdict again;
    history->options.is_verbose = tells;
    history_run(history, &again);
    printf("  %s\n", again.text);
}

int main(int argc, char **argv)
{
    struct arguments arguments = { .seed = 1, .histories = 100 };
    if (!parse(&arguments, argc, argv)) {
        fprintf(stderr, "usage: see the first lines of tests/sim/main.c\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    is_planted = arguments.given.plant != PLANT_NONE;
    ensure_on_failure(tell_seed);
    uint64_t failures = 0, events = 0, ran = 0, by_evidence = 0, by_silence = 0;
    time_ms virtual_ms = 0;
    for (uint64_t i = 0; i < arguments.histories; i++) {
        struct history history;
        struct verdict verdict;
        seed_at_hand = arguments.seed + i;
        history_draw(&history, seed_at_hand, &arguments.given);
        if (arguments.given.is_verbose) history_print(&history);
        history_run(&history, &verdict);
        events += verdict.events;
        virtual_ms += verdict.virtual_ms;
        by_evidence += verdict.replaced_by_evidence;
        by_silence += verdict.replaced_by_silence;
        ran++;
        if (verdict.is_kept) continue;
        failures++;
        tell_failure(&history, &verdict, arguments.tells);
        if (!arguments.keeps_going) break;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%llu histories, %llu failed, %lld virtual seconds, %llu events in %.1f s\n",
           (unsigned long long)ran, (unsigned long long)failures, (long long)virtual_ms / 1000,
           (unsigned long long)events, seconds);
    printf("primaries replaced in time: %llu by hard evidence, %llu by silence\n",
           (unsigned long long)by_evidence, (unsigned long long)by_silence);
    return is_planted == (failures > 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
