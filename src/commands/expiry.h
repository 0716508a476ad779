/* Times to live as commands take them: relative or absolute, in seconds or milliseconds. */
#ifndef EIR_COMMANDS_EXPIRY_H
#define EIR_COMMANDS_EXPIRY_H

#include "engine/call.h"

/* The words EX PX EXAT PXAT, or -1. */
enum expiry_unit { EXPIRY_SECONDS, EXPIRY_MS, EXPIRY_AT_SECONDS, EXPIRY_AT_MS };
int expiry_unit_parse(struct bytes word);

/* Absolute milliseconds from the argument; false when an error was answered. A value that is not
 * above zero is an error here; EXPIRE and its family have rules of their own. */
bool expiry_parse(struct call *call, uint32_t index, enum expiry_unit unit, time_ms *expiry_ms);
/* The same sum with any value; false when it does not fit. */
bool expiry_add(const struct call *call, int64_t value, enum expiry_unit unit, time_ms *expiry_ms);
void expiry_error(struct call *call);

/* The time has come already: nobody would ever see the key. Not so on a replica, which waits for
 * its primary's word, nor while an append log is loaded. */
bool expiry_is_past(const struct call *call, time_ms expiry_ms);

/* Propagates DEL or UNLINK of one key. */
void propagate_removal(struct call *call, struct bytes key, bool is_lazy);
/* For a time that has passed: deletes the key, if there is one, and propagates that. */
void delete_as_expired(struct call *call, const struct key *key);
/* Propagates PEXPIREAT key ms. */
void propagate_expiry(struct call *call, struct bytes key, time_ms expiry_ms);

#endif
