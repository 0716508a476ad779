/* Numbers by number: linear probing, at most half full, gaps closed on removal. */
#include "node/number_map.h"

#include "base/ensure.h"
#include "base/hash.h"
#include "base/memory.h"

static size_t place_of(const struct number_map *map, uint64_t key)
{
    size_t place = hash_integer(key) & (map->capacity - 1);
    while (map->slots[place].key != 0 && map->slots[place].key != key)
        place = (place + 1) & (map->capacity - 1);
    return place;
}

void number_map_fini(struct number_map *map)
{
    memory_free(map->slots);
    *map = (struct number_map){ .slots = NULL };
}

static void number_map_grow(struct number_map *map)
{
    struct number_map old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : 16;
    map->slots = memory_alloc_zero(map->capacity * sizeof(*map->slots));
    map->count = 0;
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].key != 0) number_map_put(map, old.slots[i].key, old.slots[i].value);
    memory_free(old.slots);
}

void number_map_put(struct number_map *map, uint64_t key, uint64_t value)
{
    ensure(key != 0);
    if (map->count * 2 >= map->capacity) number_map_grow(map);
    struct number_map_slot *slot = &map->slots[place_of(map, key)];
    if (slot->key == 0) map->count++;
    *slot = (struct number_map_slot){ .key = key, .value = value };
}

uint64_t number_map_get(const struct number_map *map, uint64_t key)
{
    if (map->count == 0) return 0;
    const struct number_map_slot *slot = &map->slots[place_of(map, key)];
    return slot->key == key ? slot->value : 0;
}

void number_map_remove(struct number_map *map, uint64_t key)
{
    if (map->count == 0) return;
    size_t place = place_of(map, key);
    if (map->slots[place].key != key) return;
    map->slots[place].key = 0;
    map->count--;
    /* What was pushed behind the gap moves up: otherwise it would not be found any more. */
    for (size_t at = (place + 1) & (map->capacity - 1); map->slots[at].key != 0;
         at = (at + 1) & (map->capacity - 1)) {
        struct number_map_slot moved = map->slots[at];
        map->slots[at].key = 0;
        map->slots[place_of(map, moved.key)] = moved;
    }
}
