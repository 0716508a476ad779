/* The clocks and the entropy of the machine: read here and nowhere else. */
#ifndef EIR_OS_CLOCK_H
#define EIR_OS_CLOCK_H

#include "base/units.h"

/* CLOCK_BOOTTIME: monotonic, and it counts the time that the machine slept. */
time_ms clock_now_ms(void);
/* Unix time. */
time_ms clock_wall_ms(void);
time_us clock_wall_us(void);
/* Monotonic nanoseconds; only to measure and to end turns. */
uint64_t clock_ticks(void);
/* From the kernel's generator. */
uint64_t clock_entropy(void);
/* CPU time in microseconds, of this process or of its ended children. */
void clock_cpu(bool of_children, time_us *user, time_us *system);
/* CPU time of any process with all its threads, ended ones too, in nanoseconds: utime and stime,
 * without their coarse tick. 0 when it is gone. */
uint64_t clock_cpu_of(long pid);
/* Local time as "22 Nov 2026 10:25:50.123" for log lines; `text` holds 32 bytes. */
void clock_print_local(time_ms wall_ms, char *text);
/* "2026-11-22T10:25:50.123+01:00"; `text` holds 40 bytes. */
void clock_print_iso(time_ms wall_ms, char *text);

#endif
