/* One value as DUMP prints it and RESTORE reads it: type, value, version, CRC-64.
 *
 *   | type 1 | value as in a snapshot | version 2, little-endian | crc64 8, little-endian |
 */
#ifndef EIR_PERSIST_DUMP_H
#define EIR_PERSIST_DUMP_H

#include "base/buffer.h"
#include "base/err.h"
#include "keyspace/keyspace.h"

/* Appends the payload; ERR_UNSUPPORTED for a value that has no form yet. */
NODISCARD enum err dump_write(const struct entry *entry, bool is_compressed, struct buffer *into);

/* ERR_CHECKSUM unless version and checksum are right ("DUMP payload version or checksum are
 * wrong"). */
NODISCARD enum err dump_verify(struct bytes payload, bool is_relaxed, bool ignores_checksum);

/* Reads a verified payload and puts its value under the key, over what it held. ERR_MALFORMED
 * ("Bad data format") and ERR_UNSUPPORTED leave the keyspace as it was. */
NODISCARD enum err dump_restore(struct keyspace *keyspace, const struct access *access,
                                const struct key *key, struct bytes payload, const struct put *put);

#endif
