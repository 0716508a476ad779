/* Wires: two ends, bytes in order, delays, cuts and ends.
 *
 * A cut holds bytes back, as TCP would send them again; it does not lose them. A host without
 * power says nothing; a killed process's host closes its sockets. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 2000

static time_ms draw_delay(struct deep *deep)
{
    return prng_chance(&deep->prng, 1, 50) ? prng_between(&deep->prng, 2, 20)
                                           : prng_between(&deep->prng, 0, 1);
}

struct wire *wire_find(struct deep *deep, uint64_t number)
{
    LIST_EACH(&deep->wires, struct wire, wire, link)
    {
        if (wire->number == number) return wire;
    }
    return NULL;
}

struct wire *wire_of(struct deep *deep, unsigned who, connection_number connection, int *side)
{
    LIST_EACH(&deep->wires, struct wire, wire, link)
    {
        for (*side = 0; *side < 2; ++*side) {
            const struct wire_end *end = &wire->ends[*side];
            if (end->who == who && end->is_open && end->connection == connection) return wire;
        }
    }
    return NULL;
}

static void wire_destroy(struct wire *wire)
{
    list_remove(&wire->link);
    buffer_fini(&wire->ends[0].waiting);
    buffer_fini(&wire->ends[1].waiting);
    memory_free(wire);
}

void wires_destroy(struct deep *deep)
{
    LIST_EACH(&deep->wires, struct wire, wire, link)
    {
        wire_destroy(wire);
    }
}

static bool end_is_node(const struct wire_end *end)
{
    return end->who < DEEP_NODES_MAX;
}

bool wire_is_cut(const struct deep *deep, const struct wire *wire, int to_side)
{
    const struct wire_end *from = &wire->ends[1 - to_side];
    const struct wire_end *to = &wire->ends[to_side];
    return end_is_node(from) && end_is_node(to) && deep->cut[from->who][to->who];
}

/* An end hears of something: its event, never before what is already on its way there. */
static struct deep_event *schedule_at_end(struct deep *deep, struct wire *wire, int side,
                                          enum deep_event_type type)
{
    struct wire_end *end = &wire->ends[side];
    time_ms at_ms = MAX(deep->now_ms + draw_delay(deep), end->last_ms);
    end->last_ms = at_ms;
    struct deep_event *event = deep_schedule(deep, at_ms - deep->now_ms, type);
    event->wire = wire->number;
    event->side = side;
    event->who = end->who;
    return event;
}

static void wire_fail(struct deep *deep, struct wire *wire, enum close_cause cause, time_ms in_ms)
{
    wire->ends[0].last_ms = deep->now_ms + in_ms;
    struct deep_event *event = schedule_at_end(deep, wire, 0, DEEP_CLOSED);
    event->cause = cause;
}

struct wire *wire_open(struct deep *deep, unsigned who, connection_number connection,
                       const char *ip, uint16_t port)
{
    struct wire *wire = memory_alloc_zero(sizeof(*wire));
    wire->number = deep->next_wire++;
    list_append(&deep->wires, &wire->link);
    wire->is_bus = port >= 10000;
    uint32_t incarnation = who < DEEP_NODES_MAX ? deep->nodes[who].incarnation : 0;
    wire->ends[0] = (struct wire_end){
        .who = who, .incarnation = incarnation, .connection = connection, .is_open = true
    };
    unsigned target = node_by_ip(deep, ip);
    wire->ends[1].who = target;
    if (target == UINT32_MAX) {
        wire_fail(deep, wire, CLOSE_UNREACHABLE, CONNECT_TIMEOUT_MS);
        return wire;
    }
    const struct deep_node *shell = &deep->nodes[target];
    wire->ends[1].incarnation = shell->incarnation;
    bool is_cut = wire_is_cut(deep, wire, 0) || wire_is_cut(deep, wire, 1);
    if (is_cut || shell->has_no_power)
        wire_fail(deep, wire, CLOSE_UNREACHABLE, CONNECT_TIMEOUT_MS);
    else if (shell->node == NULL)
        wire_fail(deep, wire, CLOSE_REFUSED, 0);
    else
        schedule_at_end(deep, wire, 0, DEEP_OPENED);
    return wire;
}

void wire_send(struct deep *deep, struct wire *wire, int from_side, struct bytes bytes)
{
    int to = 1 - from_side;
    if (!wire->ends[to].is_open) {
        /* Nobody is there any more: the host answers with a reset, unless it is silent. */
        unsigned who = wire->ends[to].who;
        bool is_silent = who < DEEP_NODES_MAX && deep->nodes[who].has_no_power;
        if (is_silent || wire->ends[from_side].has_ended) return;
        schedule_at_end(deep, wire, from_side, DEEP_CLOSED)->cause = CLOSE_RESET;
        return;
    }
    buffer_append(&schedule_at_end(deep, wire, to, DEEP_BYTES)->bytes, bytes);
}

void wire_close(struct deep *deep, struct wire *wire, int side, enum close_cause cause)
{
    struct wire_end *mine = &wire->ends[side];
    struct wire_end *other = &wire->ends[1 - side];
    mine->is_open = false;
    if (other->is_open) {
        schedule_at_end(deep, wire, 1 - side, DEEP_CLOSED)->cause = cause;
        return;
    }
    /* Events that still name it find nothing. */
    wire_destroy(wire);
}

void wires_of_dead(struct deep *deep, unsigned who, bool is_silent)
{
    LIST_EACH(&deep->wires, struct wire, wire, link)
    {
        int side = wire->ends[0].who == who ? 0 : wire->ends[1].who == who ? 1 : -1;
        if (side < 0 || !wire->ends[side].is_open) continue;
        if (is_silent)
            wire->ends[side].is_open = false;
        else
            wire_close(deep, wire, side, CLOSE_BY_PEER);
    }
}

/* ---- at the end --------------------------------------------------------------------------- */

static bool end_can_hear(const struct deep *deep, const struct wire *wire, int side)
{
    const struct wire_end *end = &wire->ends[side];
    if (end->is_held || wire_is_cut(deep, wire, side)) return false;
    if (!end_is_node(end)) return true;
    return node_shell_runs(&deep->nodes[end->who]);
}

static void hear_bytes(struct deep *deep, struct wire *wire, int side, struct bytes bytes)
{
    struct wire_end *end = &wire->ends[side];
    if (!end_is_node(end)) {
        client_received(deep, end->who - DEEP_NODES_MAX, bytes);
        return;
    }
    struct node_input input = { .type = NODE_RECEIVED,
                                .connection = end->connection,
                                .bytes = bytes };
    node_shell_turn(deep, &deep->nodes[end->who], &input, 1);
}

static void hear_end(struct deep *deep, struct wire *wire, int side, enum close_cause cause)
{
    struct wire_end *end = &wire->ends[side];
    unsigned who = end->who;
    connection_number connection = end->connection;
    end->is_open = false;
    end->has_ended = true;
    if (!wire->ends[1 - side].is_open) wire_destroy(wire);
    if (who >= DEEP_NODES_MAX) {
        client_closed(deep, who - DEEP_NODES_MAX);
        return;
    }
    struct node_input input = { .type = NODE_CLOSED, .connection = connection, .cause = cause };
    node_shell_turn(deep, &deep->nodes[who], &input, 1);
}

void wire_release(struct deep *deep, struct wire *wire, int side)
{
    struct wire_end *end = &wire->ends[side];
    uint64_t number = wire->number;
    if (end->waiting.size > 0 && end_can_hear(deep, wire, side)) {
        struct buffer bytes = end->waiting;
        buffer_init(&end->waiting);
        hear_bytes(deep, wire, side, buffer_bytes(&bytes));
        buffer_fini(&bytes);
        wire = wire_find(deep, number);
        if (wire == NULL) return;
        end = &wire->ends[side];
    }
    if (end->is_open && end->has_ended && end->waiting.size == 0 && end_can_hear(deep, wire, side))
        hear_end(deep, wire, side, end->ended);
}

static void accept_wire(struct deep *deep, struct wire *wire)
{
    struct wire_end *near = &wire->ends[0];
    struct wire_end *far = &wire->ends[1];
    struct deep_node *shell = &deep->nodes[far->who];
    struct endpoint_names names = { .remote_port = (uint16_t)(30000 + wire->number % 30000),
                                    .local_port = wire->is_bus ? 17000 : 7000,
                                    .fd = 10 };
    const char *remote = end_is_node(near) ? deep->nodes[near->who].ip : "10.0.1.1";
    snprintf(names.remote_ip, sizeof(names.remote_ip), "%s", remote);
    snprintf(names.local_ip, sizeof(names.local_ip), "%s", shell->ip);
    far->is_open = true;
    far->connection = node_accept(shell->node, wire->is_bus ? CONNECTION_BUS : CONNECTION_CLIENT,
                                  &names, node_shell_clock(deep, shell));
    if (!end_is_node(near)) return;
    struct endpoint_names mine = names;
    snprintf(mine.remote_ip, sizeof(mine.remote_ip), "%s", shell->ip);
    snprintf(mine.local_ip, sizeof(mine.local_ip), "%s", remote);
    struct node_input input = { .type = NODE_CONNECTED,
                                .connection = near->connection,
                                .names = &mine };
    node_shell_turn(deep, &deep->nodes[near->who], &input, 1);
}

static void wire_opened(struct deep *deep, struct wire *wire)
{
    struct wire_end *near = &wire->ends[0];
    struct wire_end *far = &wire->ends[1];
    if (!near->is_open) return;
    if (end_is_node(near) && !node_shell_runs(&deep->nodes[near->who])) {
        /* A stopped process learns of it when it runs again. */
        struct deep_event *again = deep_schedule(deep, 50, DEEP_OPENED);
        again->wire = wire->number;
        return;
    }
    const struct deep_node *shell = &deep->nodes[far->who];
    if (shell->node == NULL || shell->incarnation != far->incarnation) {
        far->incarnation = shell->incarnation;
        wire_fail(deep, wire, CLOSE_REFUSED, 0);
        return;
    }
    accept_wire(deep, wire);
}

void wire_event(struct deep *deep, struct deep_event *event)
{
    struct wire *wire = wire_find(deep, event->wire);
    if (wire == NULL) return;
    if (event->type == DEEP_OPENED) {
        wire_opened(deep, wire);
        return;
    }
    struct wire_end *end = &wire->ends[event->side];
    if (!end->is_open) return;
    if (event->type == DEEP_CLOSED) {
        end->has_ended = true;
        end->ended = event->cause;
    } else {
        buffer_append(&end->waiting, buffer_bytes(&event->bytes));
    }
    wire_release(deep, wire, event->side);
}

/* ---- faults ------------------------------------------------------------------------------- */

void deep_cut(struct deep *deep, unsigned from, unsigned to)
{
    deep->cut[from][to] = true;
}

void deep_heal(struct deep *deep)
{
    memset(deep->cut, 0, sizeof(deep->cut));
    /* Releasing may end wires: by number, not by place. */
    uint64_t last = deep->next_wire;
    for (uint64_t number = 1; number < last; number++)
        for (int side = 0; side < 2; side++) {
            struct wire *wire = wire_find(deep, number);
            if (wire != NULL && wire->ends[side].is_open) wire_release(deep, wire, side);
        }
}
