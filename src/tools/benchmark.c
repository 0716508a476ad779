/* eir-benchmark: puts load on a server, or compares servers. Its options are those of
 * valkey-benchmark, and a few more. */
#include "tools/benchmark_options.h"
#include "tools/benchmark_run.h"
#include "tools/benchmark_scenarios.h"
#include <stdio.h>

static int run(const struct benchmark_options *options)
{
    if (options->shows_help) {
        benchmark_options_print_help();
        return 0;
    }
    if (options->shows_version) {
        printf("eir-benchmark %s\n", EIR_VERSION);
        return 0;
    }
    if (options->other != NULL || options->scenario != NULL) return benchmark_scenario(options);
    return benchmark_run(options);
}

int main(int argc, char **argv)
{
    struct benchmark_options options;
    int status = benchmark_options_read(&options, argc, argv) ? run(&options) : 1;
    benchmark_options_fini(&options);
    return status;
}
