/* Shared sets of slots: counted, and freed with their last owner. */
#include "cluster/slot_map.h"

#include "base/ensure.h"
#include "base/memory.h"

static const struct slot_set no_slots;

struct slot_map *slot_map_create(const struct slot_set *set)
{
    if (slot_set_is_empty(set)) return NULL;
    struct slot_map *map = memory_alloc(sizeof(*map));
    map->references = 0;
    map->set = *set;
    return map;
}

struct slot_map *slot_map_share(struct slot_map *map)
{
    if (map == NULL) return NULL;
    ensure(map->references < UINT32_MAX);
    map->references++;
    return map;
}

void slot_map_destroy(struct slot_map *map)
{
    if (map == NULL) return;
    if (map->references > 0) {
        map->references--;
        return;
    }
    memory_free(map);
}

const struct slot_set *slot_map_set(const struct slot_map *map)
{
    return map == NULL ? &no_slots : &map->set;
}
