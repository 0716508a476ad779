/* Measuring another process: where it runs, what CPU time and memory it has taken. */
#ifndef EIR_OS_PROBE_H
#define EIR_OS_PROBE_H

#include "base/err.h"
#include "base/units.h"

/* Cores that this process may run on, in their order; returns how many, at most `capacity`. */
size_t probe_cores(int *cores, size_t capacity);
/* From now on this thread, and what it starts, runs on this core alone. */
NODISCARD enum err probe_pin(int core);
/* CPU time of a process in its two parts, utime and stime; as coarse as the kernel's tick.
 * (clock_cpu_of tells the sum in nanoseconds.) */
void probe_cpu_parts(long pid, time_us *user, time_us *system);
/* Resident bytes of a process; 0 when it is gone. */
size_t probe_resident(long pid);

struct probe_program {
    char *const *argv;       /* the path first, NULL last */
    const char *directory;   /* where it runs, or NULL */
    const char *output_path; /* where its standard output and errors go, or NULL: here */
    int core;                /* -1: any */
};
/* The absolute path of a program: of this path, or of this name in PATH. False: there is none. */
bool probe_find_program(const char *name, char *path, size_t capacity);
/* Starts a program that dies with this process; its pid, or -1. */
long probe_start(const struct probe_program *program);

/* A port of the loopback that nobody listens on, nor on the one 10,000 above it; 0 if none was
 * found. `from` says how far behind PROBE_PORT_FIRST to look first. */
#define PROBE_PORT_FIRST 20000
uint16_t probe_free_port(uint16_t from);
/* A new empty directory under the place for temporary files. */
NODISCARD enum err probe_make_directory(char *path, size_t capacity);
/* Removes a directory and the files in it (and in one level of folders below it). */
void probe_remove_directory(const char *path);

#endif
