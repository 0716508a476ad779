/* Running tests, or one sequence of commands, against servers that run already. */
#ifndef EIR_TOOLS_BENCHMARK_RUN_H
#define EIR_TOOLS_BENCHMARK_RUN_H

#include "tools/benchmark_options.h"

/* The exit status. */
int benchmark_run(const struct benchmark_options *options);

#endif
