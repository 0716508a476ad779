/* The toy world: what toy_net.h promises. */
#include "unit/cluster/toy_net.h"

#include <stdio.h>
#include <stdlib.h>

#define TOY_LATENCY_MS 1

static void toy_options(struct cluster_options *options, int index)
{
    *options = (struct cluster_options){
        .node_timeout_ms = 2000,
        .manual_failover_timeout_ms = 5000,
        .blacklist_ttl_ms = 60000,
        .repl_ping_period_ms = 10000,
        .replica_validity_factor = 10,
        .migration_barrier = 1,
        .allow_replica_migration = true,
        .require_full_coverage = true,
    };
    options->announced.port = (uint16_t)(7000 + index);
    options->announced.bus_port = (uint16_t)(17000 + index);
}

void toy_create_core(struct toy *toy, int index)
{
    struct toy_node *node = &toy->nodes[index];
    char why[256] = "";
    enum err err = cluster_create(&node->options, buffer_bytes(&node->disk),
                                  node->seed + 1000 * node->starts++, toy->now_ms,
                                  TOY_WALL_MS + toy->now_ms, &node->core, why);
    if (err) printf("node %d: %s\n", index, why);
    ensure(!err);
}

struct toy *toy_create(int count, uint64_t seed)
{
    ensure(count <= TOY_NODES_MAX);
    struct toy *toy = memory_alloc_zero(sizeof(*toy));
    toy->now_ms = 1000;
    toy->node_count = count;
    for (int i = 0; i < count; i++) {
        struct toy_node *node = &toy->nodes[i];
        toy_options(&node->options, i);
        node->seed = seed * 100 + (uint64_t)i;
        node->next_inbound = 2;
        cluster_effects_init(&node->effects);
        toy_create_core(toy, i);
    }
    return toy;
}

void toy_destroy(struct toy *toy)
{
    for (size_t i = 0; i < toy->event_count; i++) message_destroy(toy->events[i].message);
    for (int i = 0; i < toy->node_count; i++) {
        if (toy->nodes[i].core != NULL) cluster_destroy(toy->nodes[i].core);
        cluster_effects_fini(&toy->nodes[i].effects);
        buffer_fini(&toy->nodes[i].disk);
        buffer_fini(&toy->nodes[i].trace);
    }
    memory_free(toy->events);
    memory_free(toy->wires);
    memory_free(toy);
}

static void toy_post(struct toy *toy, int node, time_ms delay_ms, struct cluster_event event,
                     struct cluster_message *message)
{
    if (toy->event_count == toy->event_capacity) {
        toy->event_capacity = toy->event_capacity == 0 ? 64 : toy->event_capacity * 2;
        toy->events = memory_realloc(toy->events, toy->event_capacity * sizeof(*toy->events));
    }
    size_t at = toy->event_count++;
    time_ms at_ms = toy->now_ms + delay_ms;
    while (at > 0 && toy->events[at - 1].at_ms > at_ms) {
        toy->events[at] = toy->events[at - 1];
        at--;
    }
    toy->events[at] = (struct toy_event){
        .at_ms = at_ms, .order = toy->order++, .node = node, .event = event, .message = message
    };
}

/* The wire of a node's link, and which end that is. */
static struct toy_wire *toy_wire_of(struct toy *toy, int node, link_number link, bool *is_out)
{
    for (size_t i = 0; i < toy->wire_count; i++) {
        struct toy_wire *wire = &toy->wires[i];
        if (!wire->is_up) continue;
        *is_out = wire->from == node && wire->out == link;
        if (*is_out || (wire->to == node && wire->in == link)) return wire;
    }
    return NULL;
}

/* The node that lives behind this bus port, or -1. */
static int toy_at_port(const struct toy *toy, uint16_t bus_port)
{
    for (int i = 0; i < toy->node_count; i++)
        if (toy->nodes[i].options.announced.bus_port == bus_port) return i;
    return -1;
}

static void toy_connect(struct toy *toy, int from, const struct cluster_effect *effect)
{
    struct cluster_event answer = { .type = CLUSTER_LINK_REFUSED,
                                    .link = effect->link,
                                    .cause = LINK_CONNECT_REFUSED };
    int to = toy_at_port(toy, effect->address.bus_port);
    if (to >= 0 && (toy->nodes[to].is_cut || toy->nodes[from].is_cut)) return; /* a black hole */
    if (to < 0 || toy->nodes[to].core == NULL || toy->nodes[to].refuses) {
        toy_post(toy, from, TOY_LATENCY_MS, answer, NULL);
        return;
    }
    if (toy->wire_count == toy->wire_capacity) {
        toy->wire_capacity = toy->wire_capacity == 0 ? 64 : toy->wire_capacity * 2;
        toy->wires = memory_realloc(toy->wires, toy->wire_capacity * sizeof(*toy->wires));
    }
    struct toy_wire *wire = &toy->wires[toy->wire_count++];
    *wire = (struct toy_wire){ .from = from,
                               .to = to,
                               .out = effect->link,
                               .in = toy->nodes[to].next_inbound,
                               .is_up = true };
    toy->nodes[to].next_inbound += 2;
    struct cluster_event up = { .type = CLUSTER_LINK_UP,
                                .link = wire->in,
                                .is_inbound = true,
                                .remote_ip = "127.0.0.1",
                                .local_ip = "127.0.0.1" };
    toy_post(toy, to, TOY_LATENCY_MS, up, NULL);
    up.link = wire->out;
    up.is_inbound = false;
    toy_post(toy, from, TOY_LATENCY_MS, up, NULL);
}

static void toy_send(struct toy *toy, int from, struct cluster_effect *effect)
{
    bool is_out = false;
    struct toy_wire *wire = toy_wire_of(toy, from, effect->link, &is_out);
    toy->sent++;
    if (wire == NULL) return;
    int to = is_out ? wire->to : wire->from;
    if (toy->nodes[to].is_cut || toy->nodes[from].is_cut) return;
    struct cluster_event event = { .type = CLUSTER_RECEIVED,
                                   .link = is_out ? wire->in : wire->out };
    toy_post(toy, to, TOY_LATENCY_MS, event, message_share(effect->message));
}

static void toy_close(struct toy *toy, int node, link_number link, enum link_cause cause)
{
    bool is_out = false;
    struct toy_wire *wire = toy_wire_of(toy, node, link, &is_out);
    if (wire == NULL) return;
    wire->is_up = false;
    int to = is_out ? wire->to : wire->from;
    if (toy->nodes[to].is_cut || toy->nodes[node].is_cut) return;
    struct cluster_event down = { .type = CLUSTER_LINK_DOWN,
                                  .cause = cause,
                                  .link = is_out ? wire->in : wire->out };
    toy_post(toy, to, TOY_LATENCY_MS, down, NULL);
}

/* The stream of the dead primary is at its end a millisecond later. */
static void toy_drain(struct toy *toy, int index)
{
    struct toy_node *node = &toy->nodes[index];
    node->drains++;
    node->facts.is_drained = true;
    struct cluster_event event = { .type = CLUSTER_FACTS, .facts = &node->facts };
    toy_post(toy, index, TOY_LATENCY_MS, event, NULL);
}

/* Every host is this one. */
static void toy_resolve(struct toy *toy, int index, size_t seed_index)
{
    static const char local[1][ADDRESS_IP_SIZE] = { "127.0.0.1\0and what was there before" };
    struct cluster_event event = {
        .type = CLUSTER_RESOLVED, .seed_index = seed_index, .addresses = local, .address_count = 1
    };
    toy_post(toy, index, TOY_LATENCY_MS, event, NULL);
}

void toy_perform(struct toy *toy, int index)
{
    struct toy_node *node = &toy->nodes[index];
    bool has_failed = false;
    for (size_t i = 0; i < node->effects.count; i++) {
        struct cluster_effect *effect = &node->effects.items[i];
        if (has_failed && effect->needs_save) continue;
        switch (effect->type) {
        case CLUSTER_SAVE:
            node->saves++;
            if (node->save_fails) {
                has_failed = true;
                break;
            }
            buffer_clear(&node->disk);
            cluster_conf_write(node->core, &node->disk);
            break;
        case CLUSTER_SEND: toy_send(toy, index, effect); break;
        case CLUSTER_CONNECT: toy_connect(toy, index, effect); break;
        case CLUSTER_CLOSE: toy_close(toy, index, effect->link, LINK_CLOSED_BY_PEER); break;
        case CLUSTER_TRACE:
            buffer_printf(&node->trace, "[%6lld] %s\n", (long long)toy->now_ms, effect->text);
            if (getenv("TOY_TRACE") != NULL)
                printf("[%6lld] %d: %s\n", (long long)toy->now_ms, index, effect->text);
            break;
        case CLUSTER_FOLLOW: node->follows++; break;
        case CLUSTER_PAUSE_WRITES:
            node->pauses++;
            node->paused_until_ms = effect->until_ms;
            break;
        case CLUSTER_RESUME_WRITES:
            node->resumes++;
            node->paused_until_ms = 0;
            break;
        case CLUSTER_HANDED_OVER: node->is_handed_over = true; break;
        case CLUSTER_DRAIN: toy_drain(toy, index); break;
        case CLUSTER_RESOLVE: toy_resolve(toy, index, effect->seed_index); break;
        case CLUSTER_LEAD: node->leads++; break;
        case CLUSTER_DROP_KEYS: node->drops++; break;
        case CLUSTER_FLUSH: node->flushes++; break;
        case CLUSTER_DELIVER: node->delivered++; break;
        case CLUSTER_CHANGED: node->changes++; break;
        default: break;
        }
    }
    cluster_effects_clear(&node->effects);
    if (has_failed) cluster_save_failed(node->core);
}

void toy_step(struct toy *toy, int index, struct cluster_event event)
{
    struct toy_node *node = &toy->nodes[index];
    if (node->core == NULL) return;
    event.now_ms = toy->now_ms;
    event.wall_ms = TOY_WALL_MS + toy->now_ms;
    cluster_step(node->core, &event, &node->effects);
    toy_perform(toy, index);
}

void toy_facts(struct toy *toy, int index)
{
    toy_step(toy, index,
             (struct cluster_event){ .type = CLUSTER_FACTS, .facts = &toy->nodes[index].facts });
}

static void toy_order(struct toy *toy, int index, struct cluster_order order,
                      struct cluster_answer *answer)
{
    order.now_ms = toy->now_ms;
    order.wall_ms = TOY_WALL_MS + toy->now_ms;
    cluster_order(toy->nodes[index].core, &order, &toy->nodes[index].effects, answer);
    toy_perform(toy, index);
}

static void toy_run_event(struct toy *toy)
{
    struct toy_event first = toy->events[0];
    toy->event_count--;
    memmove(toy->events, toy->events + 1, toy->event_count * sizeof(*toy->events));
    first.event.message = first.message;
    if (first.event.type == CLUSTER_RECEIVED && toy->nodes[first.node].is_cut) {
        message_destroy(first.message);
        return;
    }
    toy_step(toy, first.node, first.event);
    message_destroy(first.message);
}

static void toy_run_until(struct toy *toy, time_ms until_ms)
{
    for (;;) {
        time_ms next_ms = toy->event_count > 0 ? toy->events[0].at_ms : TIME_NEVER;
        int timer = -1;
        for (int i = 0; i < toy->node_count; i++) {
            if (toy->nodes[i].core == NULL) continue;
            time_ms due_ms = cluster_deadline(toy->nodes[i].core);
            if (due_ms >= next_ms) continue;
            next_ms = due_ms;
            timer = i;
        }
        if (next_ms > until_ms) break;
        if (next_ms > toy->now_ms) toy->now_ms = next_ms;
        if (timer < 0)
            toy_run_event(toy);
        else
            toy_step(toy, timer, (struct cluster_event){ .type = CLUSTER_TIMEOUT });
    }
    toy->now_ms = until_ms;
}

void toy_run(struct toy *toy, time_ms for_ms)
{
    toy_run_until(toy, toy->now_ms + for_ms);
}

/* --- what happens to nodes --- */

void toy_crash_with(struct toy *toy, int index, enum link_cause cause)
{
    struct toy_node *node = &toy->nodes[index];
    cluster_destroy(node->core);
    node->core = NULL;
    for (size_t i = 0; i < toy->wire_count; i++) {
        struct toy_wire *wire = &toy->wires[i];
        if (!wire->is_up || (wire->from != index && wire->to != index)) continue;
        link_number link = wire->from == index ? wire->out : wire->in;
        toy_close(toy, index, link, cause);
    }
    size_t kept = 0;
    for (size_t i = 0; i < toy->event_count; i++) {
        if (toy->events[i].node == index)
            message_destroy(toy->events[i].message);
        else
            toy->events[kept++] = toy->events[i];
    }
    toy->event_count = kept;
}

void toy_crash(struct toy *toy, int index)
{
    toy_crash_with(toy, index, LINK_CLOSED_BY_PEER);
}

void toy_restart(struct toy *toy, int index)
{
    toy_create_core(toy, index);
    toy_facts(toy, index);
}

/* --- orders and questions, short --- */

struct node_id toy_id(struct toy *toy, int index)
{
    struct cluster_peer_view view;
    cluster_peer_view(toy->nodes[index].core, 0, &view);
    return view.id;
}

const char *toy_do(struct toy *toy, int index, struct cluster_order order)
{
    static struct cluster_answer answer;
    toy_order(toy, index, order, &answer);
    return answer.text;
}

const char *toy_meet(struct toy *toy, int index, int other)
{
    struct cluster_order order = { .type = ORDER_MEET };
    bytes_to_text(BYTES("127.0.0.1"), order.address.ip, sizeof(order.address.ip));
    order.address.port = (uint16_t)(7000 + other);
    order.address.bus_port = (uint16_t)(17000 + other);
    return toy_do(toy, index, order);
}

const char *toy_add_slots(struct toy *toy, int index, unsigned first, unsigned last)
{
    struct slot_set slots = { { 0 } };
    for (unsigned slot = first; slot <= last; slot++) slot_set_add(&slots, slot);
    return toy_do(toy, index, (struct cluster_order){ .type = ORDER_ADD_SLOTS, .slots = &slots });
}

struct cluster_status toy_status(struct toy *toy, int index)
{
    struct cluster_status status;
    cluster_status(toy->nodes[index].core, &status);
    return status;
}

bool toy_sees_id(struct toy *toy, int index, const struct node_id *id,
                 struct cluster_peer_view *view)
{
    ptrdiff_t at = cluster_peer_find(toy->nodes[index].core, id);
    if (at < 0) return false;
    cluster_peer_view(toy->nodes[index].core, (size_t)at, view);
    return true;
}

bool toy_sees(struct toy *toy, int index, int other, struct cluster_peer_view *view)
{
    struct node_id id = toy_id(toy, other);
    return toy_sees_id(toy, index, &id, view);
}

bool toy_trace_has(struct toy *toy, int index, const char *text)
{
    struct buffer *trace = &toy->nodes[index].trace;
    buffer_append_byte(trace, 0);
    trace->size--;
    return strstr(trace->data, text) != NULL;
}

void toy_trace_clear(struct toy *toy, int index)
{
    buffer_clear(&toy->nodes[index].trace);
}

void toy_forbid_failover(struct toy *toy, int index)
{
    toy->nodes[index].options.replica_no_failover = true;
    cluster_configure(toy->nodes[index].core, &toy->nodes[index].options);
    toy_run(toy, 1500);
}

void toy_form(struct toy *toy, int primaries)
{
    for (int i = 1; i < toy->node_count; i++) toy_meet(toy, 0, i);
    for (int i = 0; i < primaries; i++) {
        unsigned first = (unsigned)(SLOT_COUNT * i / primaries);
        unsigned last = (unsigned)(SLOT_COUNT * (i + 1) / primaries) - 1;
        toy_add_slots(toy, i, first, last);
        /* Data, which toy_restart finds again: nobody restarts empty by accident. */
        toy->nodes[i].facts = (struct cluster_facts){ .offset = 1000, .has_keys = true };
        memset(toy->nodes[i].facts.replication_id, 'a' + i % 26, 40);
        toy_facts(toy, i);
    }
    toy_run(toy, 3000);
    for (int i = primaries; i < toy->node_count; i++) {
        struct cluster_order order = { .type = ORDER_REPLICATE };
        order.id = toy_id(toy, i % primaries);
        toy_do(toy, i, order);
        toy->nodes[i].facts = (struct cluster_facts){ .offset = 1000,
                                                      .has_keys = true,
                                                      .link_is_up = true,
                                                      .has_synced = true,
                                                      .link_active_ms = toy->now_ms };
        toy_facts(toy, i);
    }
    toy_run(toy, 5000);
}
