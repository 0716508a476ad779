/* Compression: the only door of liblzf (strings in snapshots) and, later, lz4. */
#ifndef EIR_BASE_COMPRESS_H
#define EIR_BASE_COMPRESS_H

#include "base/bytes.h"

/* Bytes written to `into`, 0 when it does not fit into `capacity`. */
size_t lzf_pack(struct bytes bytes, char *into, size_t capacity);
/* True when exactly `size` bytes came out. */
bool lzf_unpack(struct bytes packed, char *into, size_t size);

#endif
