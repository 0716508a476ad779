/* Transactions: commands that wait for EXEC. */
#ifndef EIR_ENGINE_MULTI_H
#define EIR_ENGINE_MULTI_H

#include "engine/table.h"

/* One allocation: this, the argv, and all bytes. */
struct queued_command {
    struct queued_command *next;
    struct command_entry *entry;
    size_t memory;
    uint32_t argc;
    struct bytes argv[];
};

void multi_queue(struct session *session, struct command_entry *entry, const struct bytes *argv,
                 uint32_t argc);
/* Ends the transaction, if there is one, and forgets all watches. */
void multi_discard(struct engine *engine, struct session *session);

#endif
