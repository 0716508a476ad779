/* Digests and checksums that a format or a protocol names. */
#ifndef EIR_BASE_DIGEST_H
#define EIR_BASE_DIGEST_H

#include "base/bytes.h"

/* CRC-16/XMODEM: polynomial 0x1021, initial 0. "123456789" gives 0x31c3. */
uint16_t crc16(struct bytes bytes);
/* CRC-64/Jones, reflected, chainable: start with 0. "123456789" gives 0xe9c6d914c4b8d9ca. */
uint64_t crc64(uint64_t crc, struct bytes bytes);

#define SLOT_COUNT 16384
/* The cluster slot of a key: CRC-16 of the key, or of its hash tag, modulo SLOT_COUNT. */
uint16_t key_slot(struct bytes key);

#define SHA1_SIZE 20
void sha1(struct bytes bytes, uint8_t digest[SHA1_SIZE]);
#define SHA256_SIZE 32
void sha256(struct bytes bytes, uint8_t digest[SHA256_SIZE]);
/* Lower-case hex of `size` bytes, not terminated. */
void digest_hex(const uint8_t *digest, size_t size, char *hex);

#endif
