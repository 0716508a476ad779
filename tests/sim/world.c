/* Making the world and turning its wheel: events in order of time, each handed to its place. */
#include "sim/world.h"

#include "cluster/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* More events than this within a virtual second are a storm. A pair of nodes exchanges about four
 * packets a second at a time-out of 1000 ms. */
#define EVENTS_OF_NODE 100000
#define EVENTS_OF_PAIR 20
#define TRACE_MAX      (256 * KIB) /* of a node; what is older is dropped */

/* --- small helpers of all files --- */

void sim_put(struct sim *sim, enum sim_event_type type, uint32_t node, time_us at_us,
             uint64_t number)
{
    ensure(at_us >= sim->now_us);
    queue_put(&sim->queue,
              (struct sim_event){ .at_us = at_us, .type = type, .node = node, .number = number });
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    if (sim->violation != NULL) return; /* the first one is the cause */
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    struct buffer buffer = { 0 };
    buffer_printf(&buffer, "[%8lld ms] ", (long long)(sim->now_us / MS));
    buffer_append(&buffer, bytes_of(text, MIN((size_t)size, sizeof(text) - 1)));
    buffer_append_byte(&buffer, 0);
    sim->violation = buffer_take(&buffer, NULL);
    if (sim->options.is_verbose) printf("%s\n", sim->violation);
}

void sim_hash(struct sim *sim, uint64_t word)
{
    sim->digest = (sim->digest ^ word) * 0x9e3779b97f4a7c15u;
    sim->digest ^= sim->digest >> 29;
}

/* "node 3" for each id of a node in the text. */
static void append_readable(struct sim *sim, struct bytes text, struct buffer *into)
{
    while (text.size > 0) {
        struct node_id id;
        uint32_t who = NOBODY;
        if (text.size >= NODE_ID_SIZE && node_id_parse(bytes_of(text.data, NODE_ID_SIZE), &id))
            for (uint32_t i = 0; i < sim->node_count && who == NOBODY; i++)
                if (node_id_equal(&sim->nodes[i].id, &id)) who = i;
        if (who != NOBODY)
            buffer_printf(into, "node %u", who);
        else
            buffer_append_byte(into, text.data[0]);
        text = bytes_from(text, who != NOBODY ? NODE_ID_SIZE : 1);
    }
}

void sim_note(struct sim *sim, struct sim_node *node, const char *text)
{
    if (sim->options.keeps_no_disk) return;
    if (node->trace.size > TRACE_MAX) buffer_consume(&node->trace, node->trace.size / 2);
    size_t start = node->trace.size;
    buffer_printf(&node->trace, "%lld ", (long long)(sim->now_us / MS));
    append_readable(sim, bytes_text(text), &node->trace);
    buffer_append_byte(&node->trace, '\n');
    if (sim->options.is_verbose)
        printf("node %2u: %.*s", node->index, (int)(node->trace.size - start),
               node->trace.data + start);
}

void sim_disturb(struct sim *sim, struct sim_node *node)
{
    node->disturbed_us = sim->disturbed_us = sim->now_us;
}

/* --- making the world --- */

static void options_of_node(struct sim *sim, struct sim_node *node)
{
    const struct sim_options *options = &sim->options;
    node->options = (struct cluster_options){
        .node_timeout_ms = options->node_timeout_ms,
        .manual_failover_timeout_ms = 5000,
        .blacklist_ttl_ms = 5000,
        .repl_ping_period_ms = 10000,
        .replica_validity_factor = 10,
        .migration_barrier = 1,
        .allow_replica_migration = true,
        .require_full_coverage = true,
        .is_classic = node->is_classic,
        .plant = options->plant,
        .announced = { .port = 6379, .bus_port = 16379 },
    };
    if (!options->by_formation || node->is_classic) return;
    node->is_foreign = options->has_foreigners && node->index >= sim->member_count;
    snprintf(node->options.name, sizeof(node->options.name), "%s",
             node->is_foreign ? "abroad" : "world");
    node->options.shards = node->is_foreign ? options->spares : options->primaries;
    node->options.replicas_per_shard = node->is_foreign ? 0 : options->replicas;
    /* The last seed is the first foreigner. */
    node->options.seeds = node->is_foreign ? sim->seeds + sim->seed_count : sim->seeds;
    node->options.seed_count = node->is_foreign ? 1 : sim->seed_count;
}

static void make_seed(struct cluster_seed *seed, uint32_t index)
{
    snprintf(seed->host, sizeof(seed->host), "host-%u", index);
    seed->port = 6379;
    seed->bus_port = 16379;
}

static void make_seeds(struct sim *sim)
{
    sim->seed_count = MIN(sim->member_count, 3);
    sim->seeds = memory_alloc_zero((sim->seed_count + 1) * sizeof(*sim->seeds));
    for (uint32_t i = 0; i < sim->seed_count; i++) make_seed(&sim->seeds[i], i);
    make_seed(&sim->seeds[sim->seed_count], sim->member_count);
}

static void make_node(struct sim *sim, uint32_t index)
{
    struct sim_node *node = &sim->nodes[index];
    *node = (struct sim_node){ .index = index, .ip_number = NOBODY };
    node->is_classic =
        index < sim->member_count && index + sim->options.classic >= sim->member_count;
    prng_hex(&sim->prng, node->id.hex, NODE_ID_SIZE);
    node->clock_base_ms = 1000 + (time_ms)prng_below(&sim->prng, 100000);
    node->clock_rate = sim->options.drifts ? (int)prng_between(&sim->prng, 950, 1050) : 1000;
    list_init(&node->links_list);
    node_set_ip(sim, node, index + 1);
    options_of_node(sim, node);
    data_start(sim, node, false);
}

static struct conf_node conf_node_of(struct sim *sim, uint32_t index, uint32_t myself)
{
    const struct sim_options *options = &sim->options;
    struct sim_node *node = &sim->nodes[index];
    bool is_primary = index < options->primaries;
    uint32_t shard = is_primary ? index : (index - options->primaries) / options->replicas;
    struct conf_node line = { .id = node->id, .is_connected = true, .config_epoch = shard + 1 };
    memcpy(line.address.ip, node->ip, ADDRESS_IP_SIZE);
    line.address.port = 6379;
    line.address.bus_port = 16379;
    line.flags = (is_primary ? NODE_PRIMARY : NODE_REPLICA) | (index == myself ? NODE_MYSELF : 0);
    line.shard_id = sim->nodes[shard].id;
    if (!is_primary) line.primary_id = sim->nodes[shard].id;
    if (!is_primary) return line;
    unsigned first = SLOT_COUNT * shard / options->primaries;
    unsigned end = SLOT_COUNT * (shard + 1) / options->primaries;
    for (unsigned slot = first; slot < end; slot++) slot_set_add(&line.slots, slot);
    return line;
}

/* The nodes.conf that a cluster of this shape would have written, so that a story need not begin
 * with its founding. */
static void make_disk(struct sim *sim, uint32_t myself)
{
    struct conf_node *lines = sim->conf_lines;
    struct buffer *disk = &sim->nodes[myself].disk;
    for (uint32_t i = 0; i < sim->member_count; i++) {
        uint16_t flags = lines[i].flags;
        if (i == myself) lines[i].flags |= NODE_MYSELF;
        conf_print_node(&lines[i], NULL, 0, disk);
        lines[i].flags = flags;
    }
    conf_print_vars_begin(sim->options.primaries, 0, disk);
    conf_print_vars_end(disk);
}

static void make_disks(struct sim *sim)
{
    sim->conf_lines = memory_alloc(sim->member_count * sizeof(*sim->conf_lines));
    for (uint32_t i = 0; i < sim->member_count; i++)
        sim->conf_lines[i] = conf_node_of(sim, i, NOBODY);
    for (uint32_t i = 0; i < sim->member_count; i++) make_disk(sim, i);
    memory_free(sim->conf_lines);
    sim->conf_lines = NULL;
}

struct sim *sim_create(const struct sim_options *options)
{
    struct sim *sim = memory_alloc_zero(sizeof(*sim));
    sim->options = *options;
    /* For whoever looks into a failing story. */
    if (getenv("SIM_VERBOSE") != NULL) sim->options.is_verbose = true;
    if (sim->options.is_verbose) setvbuf(stdout, NULL, _IOLBF, 0);
    if (getenv("SIM_PACKETS") != NULL) sim->options.shows_packets = true;
    if (sim->options.node_timeout_ms == 0) sim->options.node_timeout_ms = 2000;
    if (sim->options.poll_ms == 0) sim->options.poll_ms = 10;
    prng_init(&sim->prng, options->seed);
    sim->now_us = 1000000 * MS;
    sim->member_count = options->primaries * (1 + options->replicas);
    sim->node_count = sim->member_count + options->spares;
    sim->ip_count = sim->node_count * 4 + 16;
    sim->node_of_ip = memory_alloc(sim->ip_count * sizeof(*sim->node_of_ip));
    memset(sim->node_of_ip, 0xff, sim->ip_count * sizeof(*sim->node_of_ip));
    sim->cuts = memory_alloc_zero((size_t)sim->node_count * sim->node_count);
    sim->latency_us = 100 + (unsigned)prng_below(&sim->prng, 1000);
    list_init(&sim->links);
    make_seeds(sim);
    sim->nodes = memory_alloc_zero(sim->node_count * sizeof(*sim->nodes));
    for (uint32_t i = 0; i < sim->node_count; i++) make_node(sim, i);
    if (!options->by_formation) make_disks(sim);
    check_init(sim);
    for (uint32_t i = 0; i < sim->node_count; i++) {
        time_us delay_us =
            (time_us)prng_below(&sim->prng, (uint64_t)options->start_spread_ms * MS + 1);
        if (delay_us > 0)
            sim_put(sim, EVENT_START, i, sim->now_us + delay_us, 0);
        else
            node_start(sim, &sim->nodes[i]);
        if (options->keeps_no_disk) buffer_fini(&sim->nodes[i].disk);
    }
    sim->mark_us = sim->now_us;
    sim_put(sim, EVENT_SECOND, NOBODY, sim->now_us + 1000 * MS, 0);
    return sim;
}

void sim_destroy(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        node_die(sim, node, true);
        cluster_effects_fini(&node->effects);
        directory_fini(&node->links);
        memory_free(node->inbox);
        buffer_fini(&node->disk);
        buffer_fini(&node->disk_older);
        buffer_fini(&node->trace);
    }
    net_fini(sim);
    queue_fini(&sim->queue);
    check_fini(sim);
    buffer_fini(&sim->text);
    memory_free(sim->violation);
    memory_free(sim->seeds);
    memory_free(sim->cuts);
    memory_free(sim->node_of_ip);
    memory_free(sim->nodes);
    memory_free(sim);
}

/* --- the wheel --- */

static void on_resolved(struct sim *sim, struct sim_node *node, uint64_t number)
{
    if (number >> 32 != node->process) return;
    size_t seed_index = (size_t)(number & UINT32_MAX);
    /* Seed n is the host of node n, wherever its address is now. */
    uint32_t resolved = (uint32_t)seed_index + (node->is_foreign ? sim->member_count : 0);
    if (resolved >= sim->node_count) resolved = NOBODY;
    if (prng_chance(&sim->prng, 1, 10)) resolved = NOBODY;
    node_input(sim, node,
               (struct sim_input){
                   .type = CLUSTER_RESOLVED, .seed_index = seed_index, .resolved = resolved });
}

static void sim_dispatch(struct sim *sim, struct sim_event *event)
{
    struct sim_node *node = event->node == NOBODY ? NULL : &sim->nodes[event->node];
    switch ((enum sim_event_type)event->type) {
    case EVENT_START:
        if (node->process == 0) node_start(sim, node);
        break;
    case EVENT_TIMER: node_on_timer(sim, node, event->at_us); break;
    case EVENT_PACKET: net_on_packet(sim, event->packet); break;
    case EVENT_CONNECT: net_on_connect(sim, event->link); break;
    case EVENT_CONNECTED: net_on_connected(sim, event->link); break;
    case EVENT_RESOLVED: on_resolved(sim, node, event->number); break;
    case EVENT_TICK:
        if (event->number == node->process) data_tick(sim, node);
        break;
    case EVENT_DRAINED:
        if (event->number == node->process && node->core != NULL) data_drained(sim, node);
        break;
    case EVENT_THAW:
        if (event->number == node->process) node_thaw(sim, node);
        break;
    case EVENT_EXIT:
        if (event->number == node->process) node_die(sim, node, false);
        break;
    case EVENT_STORY:
        if (sim->on_story != NULL) sim->on_story(sim, event->number, sim->story_context);
        break;
    case EVENT_SECOND:
        sim->second_events = 0;
        check_second(sim);
        sim_put(sim, EVENT_SECOND, NOBODY, sim->now_us + 1000 * MS, 0);
        break;
    }
}

static bool sim_turn(struct sim *sim, time_us until_us)
{
    struct sim_event event;
    if (sim->violation != NULL || !queue_take(&sim->queue, until_us, &event)) return false;
    ensure(event.at_us >= sim->now_us);
    sim->now_us = event.at_us;
    sim->event_count++;
    if (++sim->second_events > EVENTS_OF_NODE + EVENTS_OF_PAIR * sim->node_count * sim->node_count)
        sim_fail(sim, "node %u: too much happens within a second", event.node);
    sim_hash(sim, (uint64_t)event.at_us << 8 ^ (uint64_t)event.type << 4 ^ event.node);
    sim_dispatch(sim, &event);
    check_vacancies(sim);
    return true;
}

void sim_run(struct sim *sim, time_ms duration_ms)
{
    time_us until_us = sim->now_us + duration_ms * MS;
    while (sim_turn(sim, until_us)) continue;
    if (sim->violation == NULL) sim->now_us = until_us;
}

bool sim_run_until(struct sim *sim, sim_condition condition, time_ms duration_ms)
{
    time_us until_us = sim->now_us + duration_ms * MS;
    while (sim->now_us < until_us && sim->violation == NULL) {
        if (condition(sim)) return true;
        sim_run(sim, MIN(sim->options.poll_ms, MAX(1, (until_us - sim->now_us) / MS)));
    }
    return sim->violation == NULL && condition(sim);
}

time_ms sim_now_ms(const struct sim *sim)
{
    return sim->now_us / MS;
}

const char *sim_violation(const struct sim *sim)
{
    return sim->violation;
}

uint64_t sim_digest(const struct sim *sim)
{
    return sim->digest;
}

uint64_t sim_event_count(const struct sim *sim)
{
    return sim->event_count;
}

/* --- traces --- */

void sim_mark(struct sim *sim)
{
    sim->mark_us = sim->now_us;
}

const char *sim_trace(struct sim *sim, sim_who who)
{
    struct sim_node *node = sim_node(sim, who);
    struct bytes rest = buffer_bytes(&node->trace);
    buffer_clear(&sim->text);
    while (rest.size > 0) {
        ptrdiff_t end = bytes_index_of(rest, '\n');
        ensure(end > 0);
        struct bytes line = bytes_of(rest.data, (size_t)end);
        ptrdiff_t space = bytes_index_of(line, ' ');
        long long at_ms = atoll(line.data);
        rest = bytes_from(rest, (size_t)end + 1);
        if (at_ms < sim->mark_us / MS) continue;
        buffer_printf(&sim->text, "[%6lld] ", at_ms - (long long)(sim->mark_us / MS));
        buffer_append(&sim->text, bytes_from(line, (size_t)space + 1));
        buffer_append_byte(&sim->text, '\n');
    }
    buffer_append_byte(&sim->text, 0);
    return sim->text.data;
}

const char *sim_trace_lacks(struct sim *sim, sim_who who, const char *expected)
{
    const char *at = sim_trace(sim, who);
    while (*expected != 0) {
        const char *end = strchr(expected, '\n');
        size_t size = end != NULL ? (size_t)(end - expected) : strlen(expected);
        const char *found = memmem(at, strlen(at), expected, size);
        if (found == NULL) return expected;
        at = found + size;
        expected += size + (end != NULL);
    }
    return NULL;
}
