/* One key with its value: a single allocation.
 *
 *    0    1 2 3   4          5
 *   +----+-------+----------+- - - - - - -+ - - +- - - - - - - - - - - - - - - -+
 *   |kind| clock | key size | expiry (8)  | key | value: integer (8), size + text, |
 *   |    |       | (1 or 4) | if it has   |     | or pointer (8)                 |
 *   +----+-------+----------+- - - - - - -+ - - +- - - - - - - - - - - - - - - -+
 *   kind: type 3 bits, form 2 bits, has expiry, was edited ("raw"), key size takes 4 bytes
 *
 * Nothing is aligned; fields are copied out. So a key of 16 bytes with a text of 8 takes 30 bytes
 * and lands in the allocator's class of 32. An entry moves when its size changes: a pointer to it
 * is valid until the next change of its key. */
#ifndef EIR_KEYSPACE_ENTRY_H
#define EIR_KEYSPACE_ENTRY_H

#include "types/string.h"
#include "types/value.h"

struct entry;

#define EXPIRY_NONE ((time_ms)-1)

enum value_type entry_type(const struct entry *entry);
struct bytes entry_key(const struct entry *entry);
/* Wall milliseconds, or EXPIRY_NONE. */
time_ms entry_expiry_ms(const struct entry *entry);

/* The text of a string; integers are printed into the scratch. Borrowed. */
struct bytes entry_string(const struct entry *entry, struct scratch *scratch);
size_t entry_string_size(const struct entry *entry);
/* True when the string is an integer, kept as one or as text that is one. */
bool entry_string_integer(const struct entry *entry, int64_t *value);
/* True when it is kept as an integer. */
bool entry_is_integer(const struct entry *entry);
/* The counted bytes of a string of STRING_SHARE_MIN or more, to be sent without a copy; NULL for
 * a smaller one. Borrowed: output_append_shared takes its own reference. */
struct shared *entry_string_shared(struct entry *entry);

/* The object of a value that is not in place: the collections. Borrowed. */
void *entry_value(const struct entry *entry);
/* A collection that was converted or moved while it was edited: takes the old one's place, which
 * the caller has freed already. */
void entry_value_set(struct entry *entry, void *value);

/* What OBJECT ENCODING answers. Static storage. */
const char *entry_encoding(const struct entry *entry);
/* What MEMORY USAGE answers without the table's share. */
size_t entry_memory(const struct entry *entry, size_t samples);

/* The access clock, 24 bits: seconds of the last access, or under LFU 16 bits of minutes and the
 * logarithmic counter. keyspace.h reads and writes it; a snapshot asks for the raw form. */
uint32_t entry_clock(const struct entry *entry);

#endif
