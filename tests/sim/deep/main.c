/* The deep simulator as a program: any number of histories from any seed.
 *
 *   deep [--seed S] [--histories N] [--verbose] [--repeat] */
#include "history.h"

#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    uint64_t seed;
    unsigned histories;
    bool is_verbose;
    bool repeats; /* each seed twice: the digests must be equal */
};

static void quiet(void *context, enum log_level level, const char *message)
{
    (void)context;
    (void)level;
    (void)message;
}

static bool parse(int count, char **words, struct arguments *arguments)
{
    for (int i = 1; i < count; i++) {
        bool has_value = i + 1 < count;
        if (strcmp(words[i], "--seed") == 0 && has_value)
            arguments->seed = strtoull(words[++i], NULL, 10);
        else if (strcmp(words[i], "--histories") == 0 && has_value)
            arguments->histories = (unsigned)strtoul(words[++i], NULL, 10);
        else if (strcmp(words[i], "--verbose") == 0)
            arguments->is_verbose = true;
        else if (strcmp(words[i], "--repeat") == 0)
            arguments->repeats = true;
        else
            return false;
    }
    return true;
}

static bool run_seed(uint64_t seed, const struct arguments *arguments)
{
    struct history_result result;
    history_run(seed, arguments->is_verbose, &result);
    if (!result.is_kept) {
        printf("seed %llu: %s\n", (unsigned long long)seed, result.why);
        return false;
    }
    if (!arguments->repeats) return true;
    uint64_t digest = result.digest;
    history_run(seed, false, &result);
    if (result.digest == digest) return true;
    printf("seed %llu: two runs differ\n", (unsigned long long)seed);
    return false;
}

int main(int count, char **words)
{
    struct arguments arguments = { .seed = 1, .histories = 10 };
    if (!parse(count, words, &arguments)) {
        fprintf(stderr, "usage: deep [--seed S] [--histories N] [--verbose] [--repeat]\n");
        return 2;
    }
    if (!arguments.is_verbose) log_set_sink(quiet, NULL);
    unsigned failed = 0;
    for (unsigned i = 0; i < arguments.histories; i++)
        failed += !run_seed(arguments.seed + i, &arguments);
    printf("%u histories, %u broke a promise\n", arguments.histories, failed);
    return failed > 0;
}
