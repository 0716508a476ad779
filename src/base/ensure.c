/* Where a broken invariant ends: a line on standard error, the trace, abort. */
#include "base/ensure.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static void (*failure_dump)(void); /* set once at start; a fault inside it must not recurse */

void ensure_on_failure(void (*dump)(void))
{
    failure_dump = dump;
}

_Noreturn void ensure_failed(const char *condition, const char *file, int line)
{
    void (*dump)(void) = failure_dump;
    failure_dump = NULL;
    fprintf(stderr, "ensure failed: %s at %s:%d\n", condition, file, line);
    fflush(stderr);
    if (dump != NULL) dump();
    abort();
}
