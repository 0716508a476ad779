/* Who serves which slot, as CLUSTER SLOTS tells it. */
#include "tools/benchmark_cluster.h"

#include "base/memory.h"
#include <stdio.h>

static struct cluster_node *node_of(struct cluster_map *map, const struct resp_value *said,
                                    const struct socket_address *asked, bool is_replica)
{
    struct socket_address address = { .port = (uint16_t)said->items[1].integer };
    struct bytes ip = said->items[0].text;
    bool is_named = said->items[0].type == RESP_BULK && ip.size > 0 && ip.data[0] != '?';
    if (!is_named) ip = bytes_text(asked->ip);
    if (!bytes_to_text(ip, address.ip, sizeof(address.ip))) return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (map->nodes[i].address.port == address.port &&
            strcmp(map->nodes[i].address.ip, address.ip) == 0)
            return &map->nodes[i];
    if (map->count == CLUSTER_NODES_MAX) return NULL;
    map->nodes = memory_realloc(map->nodes, (map->count + 1) * sizeof(*map->nodes));
    struct cluster_node *node = &map->nodes[map->count++];
    *node = (struct cluster_node){ .address = address, .is_replica = is_replica };
    if (said->count > 2) bytes_to_text(said->items[2].text, node->id, sizeof(node->id));
    return node;
}

static bool read_range(struct cluster_map *map, const struct resp_value *range,
                       const struct socket_address *asked)
{
    if (!resp_value_is_aggregate(range) || range->count < 3) return false;
    int64_t first = range->items[0].integer;
    int64_t last = range->items[1].integer;
    if (first < 0 || last >= SLOT_COUNT || first > last) return false;
    for (size_t i = 2; i < range->count; i++) {
        const struct resp_value *said = &range->items[i];
        if (!resp_value_is_aggregate(said) || said->count < 2) return false;
        struct cluster_node *node = node_of(map, said, asked, i > 2);
        if (node == NULL) return false;
        for (int64_t slot = first; slot <= last; slot++)
            node->slots[slot / 8] |= (uint8_t)(1u << slot % 8);
    }
    return true;
}

bool cluster_map_read(struct cluster_map *map, struct benchmark_link *link,
                      const struct socket_address *asked, char *failure, size_t failure_size)
{
    *map = (struct cluster_map){ 0 };
    struct resp_value *slots = benchmark_link_ask(link, "CLUSTER", "SLOTS", NULL);
    const char *why = NULL;
    if (slots == NULL)
        why = "the connection was closed";
    else if (slots->type == RESP_ERROR)
        why = slots->text.data;
    else if (!resp_value_is_aggregate(slots) || slots->count == 0)
        why = "no slot is served";
    for (size_t i = 0; why == NULL && i < slots->count; i++)
        if (!read_range(map, &slots->items[i], asked)) why = "CLUSTER SLOTS cannot be understood";
    if (why != NULL) {
        snprintf(failure, failure_size, "%s", why);
        cluster_map_fini(map);
    }
    resp_value_destroy(slots);
    return why == NULL;
}

void cluster_map_fini(struct cluster_map *map)
{
    memory_free(map->nodes);
    *map = (struct cluster_map){ 0 };
}

const struct cluster_node *cluster_map_find(const struct cluster_map *map,
                                            const struct socket_address *address)
{
    for (size_t i = 0; i < map->count; i++)
        if (map->nodes[i].address.port == address->port &&
            strcmp(map->nodes[i].address.ip, address->ip) == 0)
            return &map->nodes[i];
    return NULL;
}

/* 67 characters give 300,000 tags, 18 for each slot: none is left without. */
char *cluster_tags_create(void)
{
    static const char letters[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.+=";
    enum { COUNT = sizeof(letters) - 1 };
    char *tags = memory_alloc_zero((size_t)SLOT_COUNT * TAG_LETTERS);
    for (int i = 0; i < COUNT * COUNT * COUNT; i++) {
        char tag[TAG_LETTERS] = { letters[i % COUNT], letters[i / COUNT % COUNT],
                                  letters[i / COUNT / COUNT] };
        size_t slot = crc16(bytes_of(tag, TAG_LETTERS)) % SLOT_COUNT;
        memcpy(tags + slot * TAG_LETTERS, tag, TAG_LETTERS);
    }
    return tags;
}

struct request_tags *cluster_node_tags(const struct cluster_node *node, const char *all_tags)
{
    struct request_tags *tags = memory_alloc_zero(sizeof(*tags));
    char *letters = memory_alloc((size_t)SLOT_COUNT * TAG_LETTERS);
    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        const char *tag = all_tags + slot * TAG_LETTERS;
        if (!(node->slots[slot / 8] & 1u << slot % 8) || tag[0] == 0) continue;
        memcpy(letters + tags->count * TAG_LETTERS, tag, TAG_LETTERS);
        tags->count++;
    }
    tags->letters = letters;
    return tags;
}

void request_tags_destroy(struct request_tags *tags)
{
    if (tags == NULL) return;
    memory_free((char *)tags->letters);
    memory_free(tags);
}
