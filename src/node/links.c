/* Connections and their numbers: a dense table whose places are used again under new numbers. */
#include "base/memory.h"
#include "node/parts.h"
#include <stdio.h>

#define PLACE_NONE UINT32_MAX

void node_links_init(struct node *node)
{
    node->first_free_link = PLACE_NONE;
    client_memory_init(node);
}

void node_links_fini(struct node *node)
{
    for (uint32_t place = 0; place < node->link_count; place++) {
        struct link *link = node->links[place];
        if (link->number == 0) continue;
        ensure(link->follower == NULL && link->session == NULL);
        node_link_release(node, link);
    }
    for (uint32_t place = 0; place < node->link_count; place++) memory_free(node->links[place]);
    memory_free(node->links);
    number_list_fini(&node->sends);
    number_list_fini(&node->held);
    number_list_fini(&node->over_soft);
}

static void links_grow(struct node *node)
{
    uint32_t count = node->link_count ? node->link_count * 2 : 64;
    ensure(count <= CONNECTION_PLACE_MASK + 1);
    node->links = memory_realloc(node->links, count * sizeof(struct link *));
    /* Each on its own: followers and cores hold on to the outputs, which therefore never move. */
    for (uint32_t place = count; place-- > node->link_count;) {
        node->links[place] = memory_alloc_zero(sizeof(struct link));
        node->links[place]->next_free = node->first_free_link;
        node->first_free_link = place;
    }
    node->link_count = count;
}

struct link *node_link_create(struct node *node, enum connection_kind kind)
{
    if (node->first_free_link == PLACE_NONE) links_grow(node);
    uint32_t place = node->first_free_link;
    struct link *link = node->links[place];
    node->first_free_link = link->next_free;
    uint32_t uses = link->uses + 1; /* from 1: number 0 means none */
    *link = (struct link){ .kind = kind, .uses = uses, .created_wall_ms = node->clock.wall_ms };
    link->number = (uint64_t)uses << CONNECTION_PLACE_BITS | place;
    output_init(&link->output);
    if (kind == CONNECTION_BUS) node->bus_link_count++;
    return link;
}

struct link *node_link_find(const struct node *node, connection_number number)
{
    size_t place = number & CONNECTION_PLACE_MASK;
    if (number == 0 || place >= node->link_count) return NULL;
    struct link *link = node->links[place];
    return link->number == number ? link : NULL;
}

void node_link_release(struct node *node, struct link *link)
{
    ensure(link->number != 0);
    uint32_t place = (uint32_t)(link->number & CONNECTION_PLACE_MASK);
    if (link->bus_link != 0) number_map_remove(&node->bus_links, link->bus_link);
    if (link->kind == CONNECTION_BUS) node->bus_link_count--;
    output_fini(&link->output);
    buffer_fini(&link->input);
    link->number = 0;
    link->session = NULL;
    link->follower = NULL;
    link->next_free = node->first_free_link;
    node->first_free_link = place;
}

void node_link_close(struct node *node, struct link *link)
{
    if (node->effects != NULL) node_add_effect(node, NODE_CLOSE)->connection = link->number;
    node_link_release(node, link);
}

void node_link_close_flushed(struct node *node, struct link *link)
{
    link->is_closing = true;
    node_link_wants_send(node, link);
}

void node_link_wants_send(struct node *node, struct link *link)
{
    if (link->wants_send) return;
    link->wants_send = true;
    number_list_add(&node->sends, link->number);
}

void node_links_flush(struct node *node)
{
    for (size_t i = 0; i < node->sends.count; i++) {
        struct link *link = node_link_find(node, node->sends.items[i]);
        if (link == NULL) continue; /* closed later in the same turn */
        link->wants_send = false;
        enum node_effect_type type = link->is_closing ? NODE_CLOSE_FLUSHED : NODE_SEND;
        node_add_effect(node, type)->connection = link->number;
    }
    node->sends.count = 0;
}

static void print_address(const char *ip, uint16_t port, char text[LINK_ADDRESS_SIZE])
{
    const char *format = strchr(ip, ':') != NULL ? "[%s]:%u" : "%s:%u";
    snprintf(text, LINK_ADDRESS_SIZE, format, ip, port);
}

void node_link_print_remote(const struct link *link, char text[LINK_ADDRESS_SIZE])
{
    print_address(link->names.remote_ip, link->names.remote_port, text);
}

void node_link_print_local(const struct link *link, char text[LINK_ADDRESS_SIZE])
{
    print_address(link->names.local_ip, link->names.local_port, text);
}
