/* Seconds with decimals, as a deadline. */
#include "commands/timeout.h"

#include "commands/long_double.h"

#include <math.h>

#define TIMEOUT_MAX_MS ((time_ms)1 << 60) /* far behind any clock, and sums do not overflow */

bool timeout_seconds_parse(struct call *call, uint32_t index, time_ms *deadline_ms)
{
    long double seconds;
    if (!long_double_parse(call_arg(call, index), &seconds)) {
        reply_error(call, "ERR timeout is not a float or out of range");
        return false;
    }
    /* Valkey adds it to the wall clock. */
    long double timeout_ms = ceill(seconds * 1000);
    if (timeout_ms > (long double)(INT64_MAX - call->wall_ms)) {
        reply_error(call, "ERR timeout is out of range");
        return false;
    }
    if (timeout_ms < 0) {
        reply_error(call, "ERR timeout is negative");
        return false;
    }
    time_ms whole_ms = (time_ms)timeout_ms;
    *deadline_ms = whole_ms == 0 ? TIME_NEVER : call->now_ms + MIN(whole_ms, TIMEOUT_MAX_MS);
    return true;
}
