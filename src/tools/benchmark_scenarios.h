/* The comparisons with a name: fixed sets of measurements. */
#ifndef EIR_TOOLS_BENCHMARK_SCENARIOS_H
#define EIR_TOOLS_BENCHMARK_SCENARIOS_H

#include "tools/benchmark_options.h"

/* --compare and --scenario; the exit status. */
int benchmark_scenario(const struct benchmark_options *options);

#endif
