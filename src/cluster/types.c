/* Sets of slots and the text of node ids: what the plain values of types.h need beyond inlines. */
#include "cluster/types.h"

#include "base/ensure.h"

bool node_id_parse(struct bytes text, struct node_id *id)
{
    if (text.size != NODE_ID_SIZE) return false;
    for (size_t i = 0; i < NODE_ID_SIZE; i++) {
        char c = text.data[i];
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (!is_hex) return false;
    }
    memcpy(id->hex, text.data, NODE_ID_SIZE);
    return true;
}

/* 64 slots at a time: byte k of the word holds slots 8k and up, least significant bit first, so
 * on a little-endian machine bit i of the word is slot i of the group. */
static uint64_t slot_set_word(const struct slot_set *set, unsigned index)
{
    uint64_t word;
    memcpy(&word, set->bits + index * 8, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

unsigned slot_set_count(const struct slot_set *set)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SLOT_COUNT / 64; i++)
        count += (unsigned)__builtin_popcountll(slot_set_word(set, i));
    ensure(count <= SLOT_COUNT);
    return count;
}

bool slot_set_is_empty(const struct slot_set *set)
{
    for (unsigned i = 0; i < SLOT_COUNT / 64; i++)
        if (slot_set_word(set, i) != 0) return false;
    return true;
}

/* The first slot at or after `slot` whose bit is `wanted`; SLOT_COUNT when there is none. */
static unsigned slot_set_seek(const struct slot_set *set, unsigned slot, bool wanted)
{
    ensure(slot <= SLOT_COUNT);
    while (slot < SLOT_COUNT) {
        uint64_t word = slot_set_word(set, slot / 64);
        if (!wanted) word = ~word;
        word >>= slot % 64;
        if (word != 0) return slot + (unsigned)__builtin_ctzll(word);
        slot = (slot / 64 + 1) * 64;
    }
    return SLOT_COUNT;
}

bool slot_set_next_range(const struct slot_set *set, unsigned *slot, unsigned *first,
                         unsigned *last)
{
    unsigned start = slot_set_seek(set, *slot, true);
    if (start == SLOT_COUNT) return false;
    unsigned end = slot_set_seek(set, start, false);
    ensure(end > start);

    *first = start;
    *last = end - 1;
    *slot = end;
    return true;
}
