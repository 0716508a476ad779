/* Units that are types, and the few macros that everybody needs. */
#ifndef EIR_BASE_UNITS_H
#define EIR_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t time_ms; /* monotonic or wall milliseconds: the parameter's name says which */
typedef int64_t time_us;

#define TIME_NEVER INT64_MAX

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
