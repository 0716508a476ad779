/* liblzf's only door. */
#include "base/compress.h"

#include <lzf.h>

/* lzf takes unsigned int lengths; more than this is not worth one run of it anyway. */
#define LZF_SIZE_MAX ((size_t)INT32_MAX)

size_t lzf_pack(struct bytes bytes, char *into, size_t capacity)
{
    if (bytes.size == 0 || bytes.size > LZF_SIZE_MAX || capacity == 0) return 0;
    return lzf_compress(bytes.data, (unsigned)bytes.size, into,
                        (unsigned)MIN(capacity, LZF_SIZE_MAX));
}

bool lzf_unpack(struct bytes packed, char *into, size_t size)
{
    if (packed.size == 0 || size == 0) return false;
    if (packed.size > LZF_SIZE_MAX || size > LZF_SIZE_MAX) return false;
    return lzf_decompress(packed.data, (unsigned)packed.size, into, (unsigned)size) == size;
}
