/* The comparison of memory that collections take. */
#ifndef EIR_TOOLS_BENCHMARK_ELEMENTS_H
#define EIR_TOOLS_BENCHMARK_ELEMENTS_H

#include "tools/benchmark_compare.h"

/* A row for each kind of collection, large and small; -r says how many elements, -t which. */
bool benchmark_elements(struct comparison *comparison);

#endif
