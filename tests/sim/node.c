/* One process: its clock, its steps, its effects one by one, its disk. It can stop between any
 * two effects, and what it could not do then is done when it goes on, or never. */
#include "sim/world.h"

#include <stdio.h>

#define WALL_START_MS  1800000000000
#define TIMER_SPIN_MAX 1000

/* --- clocks --- */

time_ms node_local_ms(const struct sim *sim, const struct sim_node *node)
{
    return node->clock_base_ms + (sim->now_us - node->clock_since_us) * node->clock_rate / 1000000;
}

time_ms node_wall_ms(const struct sim *sim, const struct sim_node *node)
{
    return WALL_START_MS + sim->now_us / MS + node->wall_offset_ms;
}

/* The first moment at which the node's clock shows `local_ms`. */
static time_us node_when(const struct sim_node *node, time_ms local_ms)
{
    time_ms ahead_ms = local_ms - node->clock_base_ms;
    return node->clock_since_us + (ahead_ms * 1000000 + node->clock_rate - 1) / node->clock_rate;
}

static void node_arm(struct sim *sim, struct sim_node *node)
{
    if (node->state != NODE_RUNNING) return;
    time_ms due_ms = cluster_deadline(node->core);
    if (due_ms == TIME_NEVER) return;
    /* A deadline that is due already fires a little later: a loop turns in no time. */
    time_us at_us = MAX(node_when(node, due_ms), sim->now_us + 100);
    if (at_us >= node->timer_us) return;
    node->timer_us = at_us;
    sim_put(sim, EVENT_TIMER, node->index, at_us, 0);
}

/* --- life and death --- */

void node_set_ip(struct sim *sim, struct sim_node *node, uint32_t ip_number)
{
    ensure(ip_number < sim->ip_count);
    if (node->ip_number < sim->ip_count && sim->node_of_ip[node->ip_number] == node->index)
        sim->node_of_ip[node->ip_number] = NOBODY;
    node->ip_number = ip_number;
    sim->node_of_ip[ip_number] = node->index;
    net_print_ip(ip_number, node->ip);
}

static void node_learn_id(struct sim_node *node)
{
    struct cluster_peer_view view;
    cluster_peer_view(node->core, 0, &view);
    node->id = view.id;
}

void node_start(struct sim *sim, struct sim_node *node)
{
    ensure(node->state == NODE_DOWN);
    ensure(node->core == NULL);
    char why[256] = "";
    node->process++;
    enum err err =
        cluster_create(&node->options, buffer_bytes(&node->disk), prng_next(&sim->prng),
                       node_local_ms(sim, node), node_wall_ms(sim, node), &node->core, why);
    if (err) {
        sim_fail(sim, "node %u does not accept its own nodes.conf: %s", node->index, why);
        if (sim->options.is_verbose) printf("%.*s\n", (int)node->disk.size, node->disk.data);
        return;
    }
    node->state = NODE_RUNNING;
    node->is_powered = true;
    node->listens = true;
    node->timer_us = TIME_NEVER;
    node->view_is_new = true;
    node->facts_told = false;
    node->facts_due = true;
    node->gap_ms = 0;
    node->save_failed = node->drops_unsaved = node->has_stalled = false;
    node_learn_id(node);
    sim_note(sim, node, "-- process starts");
    check_started(sim, node);
    sim_put(sim, EVENT_TICK, node->index, sim->now_us + (time_us)prng_below(&sim->prng, TICK_US),
            node->process);
    node_input(sim, node, (struct sim_input){ .type = CLUSTER_FACTS });
}

static void node_drop_input(struct sim_input *input)
{
    message_destroy(input->message);
    net_release_link(input->link);
}

static void node_empty_inbox(struct sim_node *node)
{
    for (size_t i = node->inbox_first; i < node->inbox_count; i++) node_drop_input(&node->inbox[i]);
    node->inbox_first = node->inbox_count = 0;
}

void node_die(struct sim *sim, struct sim_node *node, bool is_silent)
{
    if (node->state == NODE_DOWN) {
        if (is_silent) node->is_powered = false;
        return;
    }
    sim_note(sim, node, is_silent ? "-- machine is gone" : "-- process is gone");
    check_died(sim, node, is_silent);
    node->state = NODE_DOWN;
    node->is_powered = !is_silent;
    node->down_us = sim->now_us;
    node->trap.place = TRAP_NONE;
    node->died_with_input = node->inbox_first < node->inbox_count;
    node_empty_inbox(node);
    cluster_effects_clear(&node->effects);
    node->effect_next = 0;
    cluster_destroy(node->core);
    node->core = NULL;
    net_process_died(sim, node, is_silent);
    sim_disturb(sim, node);
}

void node_freeze(struct sim *sim, struct sim_node *node, time_ms duration_ms)
{
    if (node->state == NODE_DOWN) return;
    if (node->state == NODE_RUNNING) node->frozen_since_us = sim->now_us;
    node->state = NODE_FROZEN;
    node->thaw_us = MAX(node->thaw_us, sim->now_us + duration_ms * MS);
    sim_disturb(sim, node);
    sim_put(sim, EVENT_THAW, node->index, node->thaw_us, node->process);
}

void node_thaw(struct sim *sim, struct sim_node *node)
{
    if (node->state != NODE_FROZEN || sim->now_us < node->thaw_us) return;
    node->state = NODE_RUNNING;
    time_ms gap_ms = (sim->now_us - node->frozen_since_us) * node->clock_rate / 1000000;
    if (gap_ms >= GAP_MS) node->gap_ms = gap_ms;
    sim_disturb(sim, node);
    node->timer_us = TIME_NEVER;
    node_pump(sim, node);
}

/* --- effects --- */

static bool node_save(struct sim *sim, struct sim_node *node)
{
    if (node->disk_stall_ms > 0 && !node->has_stalled) {
        node->has_stalled = true;
        node->effect_next--; /* the same effect again, when the disk answers */
        node_freeze(sim, node, node->disk_stall_ms);
        return false;
    }
    node->has_stalled = false;
    if (node->disk_fails) {
        node->drops_unsaved = node->save_failed = true;
        sim_disturb(sim, node);
        return true;
    }
    node->drops_unsaved = false;
    if (sim->options.keeps_no_disk) return true;
    if (node->disk_saves++ % 3 == 0) {
        buffer_clear(&node->disk_older);
        buffer_append(&node->disk_older, buffer_bytes(&node->disk));
    }
    buffer_clear(&node->disk);
    cluster_conf_write(node->core, &node->disk);
    node_learn_id(node);
    check_saved(sim, node);
    return true;
}

static void node_resolve(struct sim *sim, struct sim_node *node, size_t seed_index)
{
    time_us delay_us = MS + (time_us)prng_below(&sim->prng, 20 * MS);
    sim_put(sim, EVENT_RESOLVED, node->index, sim->now_us + delay_us,
            (uint64_t)node->process << 32 | seed_index);
}

static void node_hash_effect(struct sim *sim, struct sim_node *node,
                             const struct cluster_effect *effect)
{
    sim_hash(sim, (uint64_t)effect->type << 32 | node->index);
    sim_hash(sim, effect->link);
    const struct cluster_message *message = effect->message;
    if (message != NULL) {
        sim_hash(sim, (uint64_t)message->type << 32 | message->flags);
        sim_hash(sim, message->current_epoch << 32 ^ message->config_epoch);
        sim_hash(sim, message->offset ^ (uint64_t)message->gossip_count << 48);
    }
    if (effect->text != NULL)
        for (const char *at = effect->text; *at != 0; at++) sim_hash(sim, (unsigned char)*at);
}

static void node_send(struct sim *sim, struct sim_node *node, struct cluster_effect *effect)
{
    struct cluster_message *message = effect->message;
    effect->message = NULL;
    if (effect->needs_save && node->drops_unsaved)
        message_destroy(message);
    else
        net_send(sim, node, effect->link, message);
}

/* What concerns the data side. */
static void node_do_data(struct sim *sim, struct sim_node *node,
                         const struct cluster_effect *effect)
{
    struct sim_data *data = &node->data;
    switch (effect->type) {
    case CLUSTER_FOLLOW: data_follow(sim, node, &effect->node, &effect->address); break;
    case CLUSTER_LEAD: data_lead(sim, node); break;
    case CLUSTER_DRAIN: data_drain(sim, node); break;
    case CLUSTER_FLUSH: data_flush(sim, node); break;
    case CLUSTER_PAUSE_WRITES: data->paused_until_ms = effect->until_ms; break;
    case CLUSTER_RESUME_WRITES: data->paused_until_ms = 0; break;
    default: break;
    }
}

static void node_show(struct sim *sim, struct sim_node *node, const char *what, unsigned type,
                      uint64_t link, const struct cluster_message *message)
{
    if (!sim->options.is_verbose || !sim->options.shows_packets) return;
    printf("  %.3f node %u %s %u link %llu", (double)sim->now_us / MS, node->index, what, type,
           (unsigned long long)link);
    unsigned side;
    struct sim_link *at = net_link_of(sim, node, link, &side);
    if (at != NULL) printf(" with %u", at->ends[1 - side].node);
    if (message != NULL)
        printf(" message %u.%u flags %x epochs %llu %llu", message->type, message->eir_type,
               message->flags, (unsigned long long)message->current_epoch,
               (unsigned long long)message->config_epoch);
    printf("\n");
}

static void node_do(struct sim *sim, struct sim_node *node, struct cluster_effect *effect)
{
    node_hash_effect(sim, node, effect);
    node_show(sim, node, "does", effect->type, effect->link, effect->message);
    if (effect->type == CLUSTER_SEND) {
        node_send(sim, node, effect);
        return;
    }
    if (effect->type == CLUSTER_SAVE) {
        node_save(sim, node);
        return;
    }
    if (effect->type == CLUSTER_TRACE) {
        sim_note(sim, node, effect->text);
        return;
    }
    if (effect->needs_save && node->drops_unsaved) return;
    switch (effect->type) {
    case CLUSTER_CONNECT: net_connect(sim, node, effect->link, &effect->address); break;
    case CLUSTER_CLOSE: net_close(sim, node, effect->link); break;
    case CLUSTER_RESOLVE: node_resolve(sim, node, effect->seed_index); break;
    case CLUSTER_CHANGED: break; /* node_step has seen it */
    case CLUSTER_HANDED_OVER:
        sim_put(sim, EVENT_EXIT, node->index, sim->now_us + MS, node->process);
        break;
    default: node_do_data(sim, node, effect); break;
    }
}

/* True when the trap sprang: the process is dead or frozen now. */
static bool node_springs_trap(struct sim *sim, struct sim_node *node, bool was_save)
{
    struct trap *trap = &node->trap;
    if (trap->place == TRAP_NONE) return false;
    if (trap->place == TRAP_AFTER_SAVE && !was_save) return false;
    if (--trap->countdown > 0) return false;
    trap->place = TRAP_NONE;
    if (trap->freeze_ms > 0)
        node_freeze(sim, node, trap->freeze_ms);
    else
        node_die(sim, node, false);
    return true;
}

static void node_perform(struct sim *sim, struct sim_node *node)
{
    while (node->state == NODE_RUNNING && node->effect_next < node->effects.count) {
        struct cluster_effect *effect = &node->effects.items[node->effect_next++];
        bool was_save = effect->type == CLUSTER_SAVE;
        node_do(sim, node, effect);
        if (node->state == NODE_RUNNING) node_springs_trap(sim, node, was_save);
    }
}

/* --- steps --- */

/* Whatever becomes of its effects, the core has changed. */
static void node_look_for_change(struct sim_node *node)
{
    for (size_t i = 0; i < node->effects.count; i++)
        if (node->effects.items[i].type == CLUSTER_CHANGED) node->view_is_new = true;
}

static void node_step(struct sim *sim, struct sim_node *node, struct cluster_event *event)
{
    ensure(node->state == NODE_RUNNING);
    ensure(node->effect_next == node->effects.count);
    event->now_ms = node_local_ms(sim, node);
    event->wall_ms = node_wall_ms(sim, node);
    cluster_effects_clear(&node->effects);
    node->effect_next = 0;
    sim_hash(sim, (uint64_t)event->type << 32 | node->index);
    cluster_step(node->core, event, &node->effects);
    node_look_for_change(node);
    node_perform(sim, node);
}

static void node_step_resolved(struct sim *sim, struct sim_node *node,
                               const struct sim_input *input)
{
    char addresses[1][ADDRESS_IP_SIZE] = { { 0 } };
    struct cluster_event event = { .type = CLUSTER_RESOLVED, .seed_index = input->seed_index };
    if (input->resolved != NOBODY) {
        memcpy(addresses[0], sim->nodes[input->resolved].ip, ADDRESS_IP_SIZE);
        event.addresses = (const char(*)[ADDRESS_IP_SIZE])addresses;
        event.address_count = 1;
    }
    node_step(sim, node, &event);
}

static void node_step_input(struct sim *sim, struct sim_node *node, struct sim_input *input)
{
    node_show(sim, node, input->cause == LINK_CLOSED_BY_PEER ? "gets" : "gets for trouble",
              input->type, input->number, input->message);
    if (input->link != NULL && !input->link->ends[input->side].is_known) return;
    if (input->type == CLUSTER_LINK_DOWN || input->type == CLUSTER_LINK_REFUSED)
        net_forget(sim, node, input->number);
    if (input->type == CLUSTER_FACTS) {
        node->facts_due = true;
        return;
    }
    if (input->type == CLUSTER_RESOLVED) {
        node_step_resolved(sim, node, input);
        return;
    }
    struct cluster_event event = { .type = input->type,
                                   .link = input->number,
                                   .message = input->message,
                                   .is_inbound = input->is_inbound,
                                   .remote_ip = input->remote_ip,
                                   .local_ip = node->ip,
                                   .cause = input->cause };
    node_step(sim, node, &event);
}

static void node_step_facts(struct sim *sim, struct sim_node *node)
{
    struct cluster_facts facts;
    data_facts(sim, node, &facts);
    node->facts_due = false;
    if (node->facts_told && memcmp(&facts, &node->facts, sizeof(facts)) == 0) return;
    node->facts = facts;
    node->facts_told = true;
    struct cluster_event event = { .type = CLUSTER_FACTS, .facts = &node->facts };
    node_step(sim, node, &event);
}

/* Does one thing that waits, in the order in which a process would; false when nothing does. */
static bool node_pump_one(struct sim *sim, struct sim_node *node)
{
    if (node->effect_next < node->effects.count) {
        node_perform(sim, node);
    } else if (node->save_failed) {
        node->save_failed = node->drops_unsaved = false;
        cluster_save_failed(node->core);
    } else if (node->gap_ms > 0) {
        struct cluster_event event = { .type = CLUSTER_SUSPENDED, .gap_ms = node->gap_ms };
        node->gap_ms = 0;
        node_step(sim, node, &event);
    } else if (node->facts_due) {
        node_step_facts(sim, node);
    } else if (node->inbox_first < node->inbox_count) {
        struct sim_input input = node->inbox[node->inbox_first++];
        if (node->inbox_first == node->inbox_count) node->inbox_first = node->inbox_count = 0;
        node_step_input(sim, node, &input);
        node_drop_input(&input);
    } else {
        return false;
    }
    return true;
}

void node_pump(struct sim *sim, struct sim_node *node)
{
    if (node->is_busy) return;
    node->is_busy = true;
    while (node->state == NODE_RUNNING && node_pump_one(sim, node)) continue;
    node->is_busy = false;
    node_arm(sim, node);
}

void node_input(struct sim *sim, struct sim_node *node, struct sim_input input)
{
    if (node->state == NODE_DOWN) {
        node_drop_input(&input);
        return;
    }
    if (node->inbox_count == node->inbox_capacity) {
        node->inbox_capacity = MAX(8, node->inbox_capacity * 2);
        node->inbox = memory_realloc(node->inbox, node->inbox_capacity * sizeof(*node->inbox));
    }
    node->inbox[node->inbox_count++] = input;
    if (node->state == NODE_RUNNING) node_pump(sim, node);
}

void node_on_timer(struct sim *sim, struct sim_node *node, time_us at_us)
{
    if (node->state != NODE_RUNNING || at_us != node->timer_us) return;
    node->timer_us = TIME_NEVER;
    if (cluster_deadline(node->core) <= node_local_ms(sim, node)) {
        struct cluster_event event = { .type = CLUSTER_TIMEOUT };
        node->is_busy = true;
        node_step(sim, node, &event);
        node->is_busy = false;
        bool is_due_again =
            node->state == NODE_RUNNING && cluster_deadline(node->core) <= node_local_ms(sim, node);
        node->timer_spins = is_due_again ? node->timer_spins + 1 : 0;
        if (node->timer_spins > TIMER_SPIN_MAX)
            sim_fail(sim, "node %u: its deadline is always due", node->index);
    }
    node_pump(sim, node);
}

void node_tell_facts(struct sim *sim, struct sim_node *node)
{
    if (node->state == NODE_DOWN) return;
    node->facts_due = true;
    if (node->state == NODE_RUNNING) node_pump(sim, node);
}

bool node_order(struct sim *sim, struct sim_node *node, struct cluster_order *order,
                struct cluster_answer *answer)
{
    if (node->state != NODE_RUNNING || node->effect_next < node->effects.count) return false;
    order->now_ms = node_local_ms(sim, node);
    order->wall_ms = node_wall_ms(sim, node);
    order->has_keys = node->data.has_keys;
    order->slot_has_keys = node->data.has_keys;
    cluster_effects_clear(&node->effects);
    node->effect_next = 0;
    sim_hash(sim, (uint64_t)order->type << 32 | node->index);
    node->is_busy = true;
    cluster_order(node->core, order, &node->effects, answer);
    node_look_for_change(node);
    node_perform(sim, node);
    node->is_busy = false;
    node_pump(sim, node);
    return !answer->is_error;
}

void node_refresh(struct sim *sim, struct sim_node *node)
{
    (void)sim;
    if (node->core == NULL) return;
    cluster_status(node->core, &node->status);
}
