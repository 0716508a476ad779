/* What a test can do to the world, and read from it, by the names of nodes. */
#include "sim/world.h"

#include <stdio.h>

unsigned sim_index(const struct sim *sim, sim_who who)
{
    if (!(who & SIM_REPLICA)) return who;
    unsigned shard = (who & ~SIM_REPLICA) >> 8;
    unsigned replica = who & 255;
    ensure(replica < sim->options.replicas);
    return sim->options.primaries + shard * sim->options.replicas + replica;
}

struct sim_node *sim_node(struct sim *sim, sim_who who)
{
    unsigned index = sim_index(sim, who);
    ensure(index < sim->node_count);
    return &sim->nodes[index];
}

/* --- faults --- */

void sim_crash(struct sim *sim, sim_who who)
{
    node_die(sim, sim_node(sim, who), false);
}

void sim_power_off(struct sim *sim, sim_who who)
{
    node_die(sim, sim_node(sim, who), true);
}

void sim_restart(struct sim *sim, sim_who who, enum sim_restart how)
{
    struct sim_node *node = sim_node(sim, who);
    if (node->state != NODE_DOWN) node_die(sim, node, false);
    bool keeps_data = how == RESTART_WITH_DATA;
    if (how == RESTART_WIPED || how == RESTART_ROLLED_BACK) check_forgiven(sim, node);
    if (how == RESTART_WIPED) buffer_clear(&node->disk);
    if (how == RESTART_ROLLED_BACK && node->disk_older.size > 0) {
        buffer_clear(&node->disk);
        buffer_append(&node->disk, buffer_bytes(&node->disk_older));
    }
    data_start(sim, node, keeps_data);
    node_start(sim, node);
    sim_disturb(sim, node);
}

void sim_freeze(struct sim *sim, sim_who who, time_ms duration_ms)
{
    node_freeze(sim, sim_node(sim, who), duration_ms);
}

void sim_cut(struct sim *sim, sim_who from, sim_who to)
{
    unsigned a = sim_index(sim, from), b = sim_index(sim, to);
    sim->cuts[(size_t)a * sim->node_count + b] = 1;
    sim->has_cuts = true;
    sim_disturb(sim, &sim->nodes[a]);
    sim_disturb(sim, &sim->nodes[b]);
}

void sim_partition(struct sim *sim, uint64_t side)
{
    for (unsigned i = 0; i < sim->node_count; i++) {
        for (unsigned j = 0; j < sim->node_count; j++) {
            bool a = i < 64 && side >> i & 1, b = j < 64 && side >> j & 1;
            if (a != b) sim_cut(sim, i, j);
        }
    }
}

void sim_isolate(struct sim *sim, sim_who who)
{
    unsigned index = sim_index(sim, who);
    for (unsigned i = 0; i < sim->node_count; i++) {
        if (i == index) continue;
        sim_cut(sim, index, i);
        sim_cut(sim, i, index);
    }
}

void sim_heal(struct sim *sim)
{
    if (!sim->has_cuts) return;
    for (unsigned i = 0; i < sim->node_count; i++) {
        for (unsigned j = 0; j < sim->node_count; j++) {
            uint8_t *cut = &sim->cuts[(size_t)i * sim->node_count + j];
            if (*cut) sim_disturb(sim, &sim->nodes[i]);
            if (*cut) sim_disturb(sim, &sim->nodes[j]);
            *cut = 0;
        }
    }
    sim->has_cuts = false;
    net_release(sim);
}

void sim_set_disk(struct sim *sim, sim_who who, bool fails, time_ms stall_ms)
{
    struct sim_node *node = sim_node(sim, who);
    node->disk_fails = fails;
    node->disk_stall_ms = stall_ms;
    sim_disturb(sim, node);
}

void sim_swap_addresses(struct sim *sim, sim_who who_a, sim_who who_b)
{
    struct sim_node *a = sim_node(sim, who_a), *b = sim_node(sim, who_b);
    ensure(a->state == NODE_DOWN && b->state == NODE_DOWN);
    uint32_t number = a->ip_number;
    node_set_ip(sim, a, b->ip_number);
    node_set_ip(sim, b, number);
}

void sim_readdress(struct sim *sim, sim_who who)
{
    struct sim_node *node = sim_node(sim, who);
    ensure(node->state == NODE_DOWN);
    for (uint32_t number = sim->node_count + 1; number < sim->ip_count; number++) {
        if (sim->node_of_ip[number] != NOBODY) continue;
        node_set_ip(sim, node, number);
        return;
    }
}

void sim_stop(struct sim *sim, sim_who who)
{
    struct sim_node *node = sim_node(sim, who);
    node->data.is_stopping = true;
    sim_disturb(sim, node);
    node_tell_facts(sim, node);
}

/* --- operators --- */

struct node_id sim_id(struct sim *sim, sim_who who)
{
    return sim_node(sim, who)->id;
}

bool sim_order(struct sim *sim, sim_who who, struct cluster_order *order, char *text)
{
    struct sim_node *node = sim_node(sim, who);
    struct cluster_answer answer = { .is_error = true };
    sim_disturb(sim, node);
    bool is_done = node_order(sim, node, order, &answer);
    if (text != NULL) memcpy(text, answer.text, sizeof(answer.text));
    return is_done;
}

bool sim_failover(struct sim *sim, sim_who who, enum failover_kind kind)
{
    struct cluster_order order = { .type = ORDER_FAILOVER, .failover = kind };
    return sim_order(sim, who, &order, NULL);
}

bool sim_meet(struct sim *sim, sim_who who, sim_who whom)
{
    struct cluster_order order = { .type = ORDER_MEET };
    memcpy(order.address.ip, sim_node(sim, whom)->ip, ADDRESS_IP_SIZE);
    order.address.port = 6379;
    order.address.bus_port = 16379;
    return sim_order(sim, who, &order, NULL);
}

/* --- what is seen --- */

unsigned sim_node_count(const struct sim *sim)
{
    return sim->node_count;
}

const struct cluster *sim_core(struct sim *sim, sim_who who)
{
    return sim_node(sim, who)->core;
}

void sim_status(struct sim *sim, sim_who who, struct cluster_status *status)
{
    struct sim_node *node = sim_node(sim, who);
    ensure(node->core != NULL);
    cluster_status(node->core, status);
}

bool sim_is_primary(struct sim *sim, sim_who who)
{
    struct sim_node *node = sim_node(sim, who);
    if (node->core == NULL) return false;
    struct cluster_peer_view view;
    cluster_peer_view(node->core, 0, &view);
    return (view.flags & NODE_PRIMARY) && view.slot_count > 0;
}

unsigned sim_owner_of(struct sim *sim, unsigned slot)
{
    unsigned found = NOBODY;
    uint64_t epoch = 0;
    for (uint32_t i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        if (node->core == NULL || cluster_slot_owners(node->core)[slot] != 0) continue;
        node_refresh(sim, node);
        if (found != NOBODY && node->status.config_epoch < epoch) continue;
        found = i;
        epoch = node->status.config_epoch;
    }
    return found;
}

uint64_t sim_offset(struct sim *sim, sim_who who)
{
    return sim_node(sim, who)->data.offset;
}

void sim_set_offset(struct sim *sim, sim_who who, uint64_t offset)
{
    struct sim_node *node = sim_node(sim, who);
    node->data.offset = node->data.received = offset;
    node->data.has_keys = offset > 0;
    node_tell_facts(sim, node);
}
