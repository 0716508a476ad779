/* The comparison of commands on collections. */
#ifndef EIR_TOOLS_BENCHMARK_TYPES_H
#define EIR_TOOLS_BENCHMARK_TYPES_H

#include "tools/benchmark_compare.h"

/* A row for each command and size; -r narrows it to one size, -t to some commands. */
bool benchmark_types(struct comparison *comparison);

#endif
