/* The clocks and the entropy of the machine.
 *
 * CLOCK_BOOTTIME rather than CLOCK_MONOTONIC: a lease must run out while the machine sleeps. */
#include "os/clock.h"

#include "base/ensure.h"
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

static struct timespec clock_read(clockid_t id)
{
    struct timespec at;
    int result = clock_gettime(id, &at);
    ensure(result == 0);
    return at;
}

time_ms clock_now_ms(void)
{
    struct timespec at = clock_read(CLOCK_BOOTTIME);
    return (time_ms)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

time_us clock_wall_us(void)
{
    struct timespec at = clock_read(CLOCK_REALTIME);
    return (time_us)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

time_ms clock_wall_ms(void)
{
    return clock_wall_us() / 1000;
}

uint64_t clock_ticks(void)
{
    struct timespec at = clock_read(CLOCK_MONOTONIC);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

uint64_t clock_entropy(void)
{
    uint64_t value = 0;
    ssize_t got = getrandom(&value, sizeof(value), 0);
    ensure(got == sizeof(value));
    return value;
}

static time_us timeval_us(struct timeval at)
{
    return (time_us)at.tv_sec * 1000000 + at.tv_usec;
}

void clock_cpu(bool of_children, time_us *user, time_us *system)
{
    struct rusage usage;
    int result = getrusage(of_children ? RUSAGE_CHILDREN : RUSAGE_SELF, &usage);
    ensure(result == 0);
    *user = timeval_us(usage.ru_utime);
    *system = timeval_us(usage.ru_stime);
}

uint64_t clock_cpu_of(long pid)
{
    clockid_t id;
    struct timespec at;
    if (clock_getcpuclockid((pid_t)pid, &id) != 0 || clock_gettime(id, &at) < 0) return 0;
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

void clock_print_local(time_ms wall_ms, char *text)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    localtime_r(&seconds, &parts);
    size_t length = strftime(text, 24, "%d %b %Y %H:%M:%S", &parts);
    snprintf(text + length, 32 - length, ".%03d", (int)(wall_ms % 1000));
}

void clock_print_iso(time_ms wall_ms, char *text)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    localtime_r(&seconds, &parts);
    size_t length = strftime(text, 24, "%Y-%m-%dT%H:%M:%S", &parts);
    length += (size_t)snprintf(text + length, 40 - length, ".%03d", (int)(wall_ms % 1000));
    int offset = (int)(parts.tm_gmtoff / 60);
    int minutes = offset < 0 ? -offset : offset;
    snprintf(text + length, 40 - length, "%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60 % 100,
             minutes % 60);
}
