/* Short sentences about what the node decided: for the log, the event ring and the tests. */
#include "cluster/internal.h"

#include <stdarg.h>
#include <stdio.h>

#define TRACE_TEXT_MAX 256

void trace(struct cluster *cluster, enum log_level level, const char *format, ...)
{
    char text[TRACE_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ensure(length > 0);

    struct cluster_effect *effect = effects_add(cluster, CLUSTER_TRACE);
    effect->needs_save = false; /* what failed to be saved is worth a line, too */
    effect->level = (int)level;
    effect->text = memory_copy_text(text);
}
