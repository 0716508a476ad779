/* Links: streams that keep their order, and break. A cut path holds packets back, as TCP does
 * by sending them again; a dead process closes its streams, a dead machine leaves them hanging. */
#include "sim/world.h"

#include <stdio.h>

/* Addresses are 10.a.b.c, and abc is the number. */
void net_print_ip(uint32_t number, char *ip)
{
    memset(ip, 0, ADDRESS_IP_SIZE);
    snprintf(ip, ADDRESS_IP_SIZE, "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
             number & 255);
}

uint32_t net_parse_ip(const char *ip)
{
    unsigned a, b, c;
    if (sscanf(ip, "10.%u.%u.%u", &a, &b, &c) != 3) return NOBODY;
    return a << 16 | b << 8 | c;
}

bool net_reaches(const struct sim *sim, uint32_t from, uint32_t to)
{
    return !sim->has_cuts || !sim->cuts[(size_t)from * sim->node_count + to];
}

void net_release_link(struct sim_link *link)
{
    if (link == NULL) return;
    ensure(link->users > 0);
    if (--link->users == 0 && link->is_gone) memory_free(link);
}

struct sim_link *net_link_of(struct sim *sim, struct sim_node *node, link_number number,
                             unsigned *side)
{
    struct sim_link *link = directory_find(&node->links, number);
    if (link == NULL) return NULL;
    *side = link->ends[0].node == node->index && link->ends[0].number == number ? 0 : 1;
    ensure(link->ends[*side].node == node->index);
    ensure(link->ends[*side].number == number);
    return link;
}

static time_us net_latency(struct sim *sim)
{
    return sim->latency_us + (time_us)prng_below(&sim->prng, 3 * sim->latency_us + 1);
}

void net_packet_free(struct packet *packet)
{
    message_destroy(packet->message);
    net_release_link(packet->link);
    memory_free(packet);
}

static void net_drop_held(struct link_end *end)
{
    LIST_EACH(&end->held, struct packet, packet, in_held)
    {
        list_remove(&packet->in_held);
        net_packet_free(packet);
    }
}

static void net_free(struct sim_link *link)
{
    link->users++;
    for (unsigned side = 0; side < 2; side++) {
        net_drop_held(&link->ends[side]);
        list_remove(&link->places[side].in_list);
    }
    list_remove(&link->in_all);
    link->is_gone = true;
    net_release_link(link);
}

static bool end_is_over(const struct link_end *end)
{
    return end->state == END_NONE || end->state == END_CLOSED;
}

/* Frees the link when neither side has it any more: not in the kernel, not in a core's mind. */
static void net_settle(struct sim_link *link)
{
    if (link->is_connecting || link->is_gone) return;
    for (unsigned side = 0; side < 2; side++) {
        if (!end_is_over(&link->ends[side])) return;
        if (link->ends[side].is_known) return;
    }
    net_free(link);
}

/* --- sending --- */

static void net_put_packet(struct sim *sim, const struct link_end *end, struct packet *packet)
{
    queue_put(&sim->queue, (struct sim_event){ .at_us = end->arrives_us,
                                               .type = EVENT_PACKET,
                                               .node = end->node,
                                               .packet = packet });
}

static void net_post(struct sim *sim, struct sim_link *link, unsigned side, enum packet_kind kind,
                     struct cluster_message *message)
{
    struct link_end *end = &link->ends[side];
    struct packet *packet = memory_alloc_zero(sizeof(*packet));
    packet->kind = kind;
    packet->side = (uint8_t)side;
    packet->link = link;
    link->users++;
    packet->message = message;
    list_link_init(&packet->in_held);
    end->arrives_us = MAX(end->arrives_us, sim->now_us + net_latency(sim));
    net_put_packet(sim, end, packet);
}

/* One user more. */
static struct sim_link *net_use(struct sim_link *link)
{
    link->users++;
    return link;
}

void net_send(struct sim *sim, struct sim_node *node, link_number number,
              struct cluster_message *message)
{
    unsigned side;
    struct sim_link *link = net_link_of(sim, node, number, &side);
    if (link == NULL || link->ends[side].state != END_OPEN) {
        message_destroy(message);
        return;
    }
    check_sent(sim, node, &sim->nodes[link->ends[1 - side].node], message);
    net_post(sim, link, 1 - side, PACKET_MESSAGE, message);
}

void net_close(struct sim *sim, struct sim_node *node, link_number number)
{
    unsigned side;
    struct sim_link *link = net_link_of(sim, node, number, &side);
    if (link == NULL) return;
    struct link_end *end = &link->ends[side];
    directory_remove(&node->links, number);
    end->is_known = false;
    if (end->state == END_OPEN) net_post(sim, link, 1 - side, PACKET_END, NULL);
    end->state = END_CLOSED;
    net_settle(link);
}

/* --- connecting --- */

static void end_init(struct link_end *end, const struct sim_node *node, link_number number,
                     enum end_state state)
{
    end->node = node->index;
    end->process = node->process;
    end->number = number;
    end->state = state;
    end->is_known = true;
}

static void net_put(struct sim *sim, enum sim_event_type type, struct sim_link *link,
                    time_us delay_us)
{
    queue_put(&sim->queue, (struct sim_event){ .at_us = sim->now_us + delay_us,
                                               .type = type,
                                               .node = link->ends[0].node,
                                               .link = link });
}

void net_connect(struct sim *sim, struct sim_node *node, link_number number,
                 const struct address *address)
{
    struct sim_link *link = memory_alloc_zero(sizeof(*link));
    link->is_connecting = true;
    link->target_ip = net_parse_ip(address->ip);
    list_append(&sim->links, &link->in_all);
    for (unsigned side = 0; side < 2; side++) {
        list_init(&link->ends[side].held);
        link->places[side].link = link;
        link->places[side].side = (uint8_t)side;
        list_link_init(&link->places[side].in_list);
    }
    end_init(&link->ends[0], node, number, END_WAITING);
    list_append(&node->links_list, &link->places[0].in_list);
    directory_put(&node->links, number, link);
    net_put(sim, EVENT_CONNECT, link, net_latency(sim));
}

static void net_answer(struct sim *sim, struct sim_link *link, bool is_up, enum link_cause cause,
                       time_us delay_us)
{
    link->is_accepted = is_up;
    link->answer = cause;
    link->ends[0].arrives_us = sim->now_us + delay_us;
    net_put(sim, EVENT_CONNECTED, link, delay_us);
}

static void net_accept(struct sim *sim, struct sim_link *link, struct sim_node *target)
{
    target->accept_next += 2;
    end_init(&link->ends[1], target, target->accept_next, END_OPEN);
    list_append(&target->links_list, &link->places[1].in_list);
    directory_put(&target->links, link->ends[1].number, link);
    link->ends[1].arrives_us = sim->now_us;

    struct sim_input input = { .type = CLUSTER_LINK_UP,
                               .number = link->ends[1].number,
                               .link = net_use(link),
                               .side = 1,
                               .is_inbound = true };
    memcpy(input.remote_ip, sim->nodes[link->ends[0].node].ip, ADDRESS_IP_SIZE);
    node_input(sim, target, input);
}

void net_on_connect(struct sim *sim, struct sim_link *link)
{
    ensure(link->is_connecting);
    uint32_t origin = link->ends[0].node;
    uint32_t target_index =
        link->target_ip < sim->ip_count ? sim->node_of_ip[link->target_ip] : NOBODY;
    struct sim_node *target = target_index == NOBODY ? NULL : &sim->nodes[target_index];
    bool is_silent = target == NULL || (target->state == NODE_DOWN && !target->is_powered) ||
                     !net_reaches(sim, origin, target_index) ||
                     !net_reaches(sim, target_index, origin);
    if (is_silent) {
        net_answer(sim, link, false, LINK_CONNECT_FAILED, CONNECT_TIMEOUT_US);
        return;
    }
    bool is_refused = target->state == NODE_DOWN || !target->listens;
    if (!is_refused && target->false_refusals > 0) {
        target->false_refusals--;
        is_refused = true;
    }
    time_us delay_us = net_latency(sim);
    if (is_refused) {
        net_answer(sim, link, false, LINK_CONNECT_REFUSED, delay_us);
        return;
    }
    net_answer(sim, link, true, LINK_CLOSED_BY_PEER, delay_us);
    net_accept(sim, link, target);
}

void net_on_connected(struct sim *sim, struct sim_link *link)
{
    ensure(link->is_connecting);
    struct link_end *end = &link->ends[0];
    struct sim_node *origin = &sim->nodes[end->node];
    link->is_connecting = false;
    if (end->state != END_WAITING) { /* given up meanwhile */
        if (link->is_accepted && link->ends[1].state == END_OPEN)
            net_post(sim, link, 1, PACKET_END, NULL);
        net_settle(link);
        return;
    }
    struct sim_input input = { .number = end->number,
                               .link = net_use(link),
                               .cause = link->answer };
    input.type = link->is_accepted ? CLUSTER_LINK_UP : CLUSTER_LINK_REFUSED;
    end->state = link->is_accepted ? END_OPEN : END_CLOSED;
    if (link->is_accepted)
        memcpy(input.remote_ip, sim->nodes[link->ends[1].node].ip, ADDRESS_IP_SIZE);
    node_input(sim, origin, input);
}

/* --- arriving --- */

/* The stream is over at this side: its core hears of it. */
static void net_end_down(struct sim *sim, struct sim_link *link, unsigned side,
                         enum link_cause cause)
{
    struct link_end *end = &link->ends[side];
    if (end->state != END_OPEN) return;
    end->state = END_CLOSED;
    struct sim_input input = { .type = CLUSTER_LINK_DOWN,
                               .number = end->number,
                               .link = net_use(link),
                               .side = (uint8_t)side,
                               .cause = cause };
    node_input(sim, &sim->nodes[end->node], input);
}

void net_on_packet(struct sim *sim, struct packet *packet)
{
    struct sim_link *link = packet->link;
    if (link->is_gone) {
        net_packet_free(packet);
        return;
    }
    struct link_end *end = &link->ends[packet->side];
    struct link_end *other = &link->ends[1 - packet->side];
    if (!net_reaches(sim, other->node, end->node) || !list_is_empty(&end->held)) {
        list_append(&end->held, &packet->in_held);
        return;
    }
    struct sim_node *node = &sim->nodes[end->node];
    bool is_dead = end->process != node->process || end->state != END_OPEN;
    bool answers = node->state != NODE_DOWN || node->is_powered;
    if (is_dead) {
        /* Bytes for a stream that is no more are answered with a reset. */
        if (answers && packet->kind == PACKET_MESSAGE && other->state == END_OPEN)
            net_post(sim, link, 1 - packet->side, PACKET_RESET, NULL);
    } else if (packet->kind == PACKET_MESSAGE) {
        struct sim_input input = { .type = CLUSTER_RECEIVED,
                                   .number = end->number,
                                   .link = net_use(link),
                                   .side = packet->side,
                                   .message = packet->message };
        packet->message = NULL;
        net_packet_free(packet);
        node_input(sim, node, input);
        return;
    } else {
        net_end_down(sim, link, packet->side,
                     packet->kind == PACKET_END ? LINK_CLOSED_BY_PEER : LINK_RESET);
    }
    net_settle(link);
    net_packet_free(packet);
}

/* A core has heard that the link is gone, and forgets its number. */
void net_forget(struct sim *sim, struct sim_node *node, link_number number)
{
    unsigned side;
    struct sim_link *link = net_link_of(sim, node, number, &side);
    if (link == NULL) return;
    directory_remove(&node->links, number);
    link->ends[side].is_known = false;
    net_settle(link);
}

/* --- faults --- */

void net_process_died(struct sim *sim, struct sim_node *node, bool is_silent)
{
    while (!list_is_empty(&node->links_list)) {
        struct link_place *place = LIST_FIRST(&node->links_list, struct link_place, in_list);
        struct sim_link *link = place->link;
        struct link_end *end = &link->ends[place->side];
        list_remove(&place->in_list);
        directory_remove(&node->links, end->number);
        bool was_open = end->state == END_OPEN;
        end->is_known = false;
        end->state = END_CLOSED;
        /* Who dies with input unread resets its streams: busy processes mostly, idle ones seldom.
         */
        bool is_reset = prng_chance(&sim->prng, 1, node->died_with_input ? 2 : 64);
        if (was_open && is_reset) check_link_reset(node);
        if (was_open && !is_silent)
            net_post(sim, link, 1 - place->side, is_reset ? PACKET_RESET : PACKET_END, NULL);
        net_settle(link);
    }
    ensure(node->links.count == 0);
}

void net_release(struct sim *sim)
{
    LIST_EACH(&sim->links, struct sim_link, link, in_all)
    {
        for (unsigned side = 0; side < 2; side++) {
            struct link_end *end = &link->ends[side];
            if (list_is_empty(&end->held)) continue;
            if (!net_reaches(sim, link->ends[1 - side].node, end->node)) continue;
            LIST_EACH(&end->held, struct packet, packet, in_held)
            {
                list_remove(&packet->in_held);
                list_link_init(&packet->in_held);
                end->arrives_us = MAX(end->arrives_us, sim->now_us + net_latency(sim));
                net_put_packet(sim, end, packet);
            }
        }
    }
}

void net_break(struct sim *sim, struct sim_node *node, uint64_t choice, bool is_half_open)
{
    unsigned count = 0;
    LIST_EACH(&node->links_list, struct link_place, any, in_list) count += any->link != NULL;
    if (count == 0) return;
    struct list_link *at = node->links_list.head.next;
    for (uint64_t skip = choice % count; skip > 0; skip--) at = at->next;
    struct link_place *place = CONTAINER_OF(at, struct link_place, in_list);
    struct sim_link *link = place->link;
    unsigned side = place->side;
    link->users++;
    net_end_down(sim, link, side, LINK_RESET);
    if (!link->is_gone && !is_half_open) net_end_down(sim, link, 1 - side, LINK_RESET);
    net_release_link(link);
}

void net_fini(struct sim *sim)
{
    LIST_EACH(&sim->links, struct sim_link, link, in_all) net_free(link);
}
