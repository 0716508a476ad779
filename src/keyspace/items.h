/* Which hashes have fields that end, and when: an index beside that of keys.
 *
 * It stands apart from the index of keys because eviction and INFO ask that one about keys alone,
 * and because a hash, unlike its key's entry, never moves: its place in a heap costs 24 bytes in
 * the hash and no look-up. With slots each has a heap, so that a slot is dropped at once. An
 * entry's ENTRY_HAS_ITEMS says that its hash is in here. */
#ifndef EIR_KEYSPACE_ITEMS_H
#define EIR_KEYSPACE_ITEMS_H

#include "base/heap.h"
#include "base/minima.h"
#include "types/hash.h"

struct items;

/* *items is NULL until there is one. */
void items_set(struct items **items, bool has_slots, uint32_t slot, uint64_t key_hash,
               struct hash *hash);
void items_remove(struct items **items, uint32_t slot, struct hash *hash);
/* The hashes are on their way to the garbage. */
void items_drop_slot(struct items **items, uint32_t slot);
void items_drop(struct items **items);

/* How many hashes are in it. */
size_t items_count(const struct items *items);
/* No field ends before; TIME_NEVER when none does. */
time_ms items_due_ms(const struct items *items);
/* One that may have fields which are due, not changed by this; NULL when there is none. */
struct hash *items_find_due(const struct items *items, time_ms limit_ms, uint32_t *slot);
size_t items_memory(const struct items *items);

#endif
