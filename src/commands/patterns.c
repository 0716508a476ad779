/* Patterns of keys: SCAN, KEYS, SORT. */
#include "commands/patterns.h"

#include "base/digest.h"

int32_t pattern_slot(const struct call *call, struct bytes pattern)
{
    if (!keyspace_is_clustered(call->keyspace)) return -1;
    ptrdiff_t open = bytes_index_of(pattern, '{');
    if (open < 0) return -1;
    ptrdiff_t size = bytes_index_of(bytes_from(pattern, (size_t)open + 1), '}');
    if (size <= 0) return -1;
    struct bytes fixed = bytes_of(pattern.data, (size_t)(open + size) + 2);
    for (size_t i = 0; i < fixed.size; i++)
        if (memchr("*?[\\", fixed.data[i], 4) != NULL) return -1;
    return key_slot(fixed);
}
