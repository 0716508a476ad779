/* What a value is put over, as notifications see it. */
#ifndef EIR_COMMANDS_OVERWRITE_H
#define EIR_COMMANDS_OVERWRITE_H

#include "engine/call.h"

/* For RENAME, MOVE, COPY and RESTORE what was there counts as gone, so that the key is told as
 * new in any case; true when the keyspace will not say so by itself. Asked before the change. */
static inline bool overwrites_as_new(struct call *call, const struct key *to)
{
    return call->notified & NOTIFY_NEW && keyspace_peek(call->keyspace, call->access, to) != NULL;
}

#endif
