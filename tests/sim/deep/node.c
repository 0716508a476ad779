/* The shell of one node in virtual time: what server/ does with sockets and processes. */
#include "internal.h"

#include "base/sink.h"
#include "node/config.h"
#include <stdio.h>
#include <string.h>

#define CHILD_SLICE (16 * KIB)

bool node_shell_runs(const struct deep_node *shell)
{
    return shell->node != NULL && shell->stopped_since_ms == 0;
}

struct node_clock node_shell_clock(const struct deep *deep, const struct deep_node *shell)
{
    return (struct node_clock){ .now_ms = deep->now_ms,
                                .wall_ms = deep->now_ms + shell->wall_offset_ms };
}

time_ms node_shell_deadline(const struct deep_node *shell)
{
    return node_is_busy(shell->node) ? 0 : node_deadline(shell->node);
}

unsigned node_by_ip(const struct deep *deep, const char *ip)
{
    for (unsigned who = 0; who < deep->node_count; who++)
        if (strcmp(deep->nodes[who].ip, ip) == 0) return who;
    return UINT32_MAX;
}

/* ---- children ----------------------------------------------------------------------------- */

struct buffer_sink {
    struct sink sink;
    struct buffer *into;
};

static enum err buffer_sink_write(struct sink *sink, struct bytes bytes)
{
    buffer_append(CONTAINER_OF(sink, struct buffer_sink, sink)->into, bytes);
    return ERR_NONE;
}

static struct deep_event *schedule_at_node(struct deep *deep, struct deep_node *shell,
                                           time_ms in_ms, enum deep_event_type type)
{
    struct deep_event *event = deep_schedule(deep, in_ms, type);
    event->who = shell->number;
    event->incarnation = shell->incarnation;
    return event;
}

static void child_fork(struct deep *deep, struct deep_node *shell, enum child_job job)
{
    ensure(!shell->child.runs);
    shell->child.runs = true;
    shell->child.job = job;
    shell->child.is_held = false;
    buffer_clear(&shell->child.bytes);
    /* Its view is that of the fork: it runs at once, and is heard over time. */
    struct buffer_sink sink = { .sink.write = buffer_sink_write, .into = &shell->child.bytes };
    shell->child.code = node_child_run(shell->node, job, &sink.sink);
    schedule_at_node(deep, shell, prng_between(&deep->prng, 1, 200), DEEP_CHILD_BYTES);
}

static void child_event(struct deep *deep, struct deep_node *shell, struct deep_event *event)
{
    if (!shell->child.runs) return;
    if (event->type == DEEP_CHILD_EXIT) {
        shell->child.runs = false;
        struct node_input input = { .type = NODE_CHILD_EXITED, .count = event->number };
        node_shell_turn(deep, shell, &input, 1);
        return;
    }
    if (shell->child.is_held) {
        schedule_at_node(deep, shell, 5, DEEP_CHILD_BYTES);
        return;
    }
    size_t size = MIN(shell->child.bytes.size, CHILD_SLICE);
    if (size == 0) {
        schedule_at_node(deep, shell, 0, DEEP_CHILD_EXIT)->number = (uint64_t)shell->child.code;
        return;
    }
    char slice[CHILD_SLICE];
    memcpy(slice, shell->child.bytes.data, size);
    buffer_consume(&shell->child.bytes, size);
    schedule_at_node(deep, shell, 1, DEEP_CHILD_BYTES);
    struct node_input input = { .type = NODE_CHILD_BYTES, .bytes = bytes_of(slice, size) };
    node_shell_turn(deep, shell, &input, 1);
}

/* ---- effects ------------------------------------------------------------------------------ */

static void send_output(struct deep *deep, struct deep_node *shell, connection_number connection)
{
    int side;
    struct wire *wire = wire_of(deep, shell->number, connection, &side);
    const struct output *output = node_output(shell->node, connection);
    /* Without a wire it is a question of deep_ask, which takes the answer itself. */
    if (wire == NULL || output == NULL || output->size == 0) return;
    struct buffer bytes = { 0 };
    output_copy(output, &bytes);
    node_sent(shell->node, connection, bytes.size);
    wire_send(deep, wire, side, buffer_bytes(&bytes));
    buffer_fini(&bytes);
}

static void close_connection(struct deep *deep, struct deep_node *shell,
                             connection_number connection)
{
    int side;
    struct wire *wire = wire_of(deep, shell->number, connection, &side);
    if (wire != NULL) wire_close(deep, wire, side, CLOSE_BY_PEER);
}

static void hold_connection(struct deep *deep, struct deep_node *shell,
                            connection_number connection, bool is_held)
{
    if (connection == 0) {
        shell->child.is_held = is_held;
        return;
    }
    int side;
    struct wire *wire = wire_of(deep, shell->number, connection, &side);
    if (wire == NULL) return;
    wire->ends[side].is_held = is_held;
    /* Not at once: a turn must not run inside a turn. */
    if (!is_held) {
        struct deep_event *event = deep_schedule(deep, 0, DEEP_BYTES);
        event->wire = wire->number;
        event->side = side;
    }
}

/* A disk that is mostly quick, and sometimes busy with others. */
static void write_later(struct deep *deep, struct deep_node *shell, struct node_write *write)
{
    time_ms in_ms = prng_between(&deep->prng, 0, prng_chance(&deep->prng, 1, 8) ? 2000 : 20);
    struct deep_event *event = schedule_at_node(deep, shell, in_ms, DEEP_WRITE);
    snprintf(event->host, sizeof(event->host), "%s", write->name);
    buffer_append(&event->bytes, buffer_bytes(&write->content));
    node_write_destroy(write);
}

static void write_now(struct deep *deep, struct deep_node *shell, const struct deep_event *event)
{
    struct disk *disk = memory_disk_disk(shell->disk);
    enum err err = disk_write_synced(disk, event->host, buffer_bytes(&event->bytes));
    struct node_input input = { .type = NODE_WRITTEN, .count = err };
    node_shell_turn(deep, shell, &input, 1);
}

static void perform(struct deep *deep, struct deep_node *shell, const struct node_effect *effect)
{
    switch (effect->type) {
    case NODE_SEND: send_output(deep, shell, effect->connection); break;
    case NODE_CONNECT:
        wire_open(deep, shell->number, effect->connection, effect->host, effect->port);
        break;
    case NODE_CLOSE: close_connection(deep, shell, effect->connection); break;
    case NODE_CLOSE_FLUSHED: {
        send_output(deep, shell, effect->connection);
        int side;
        struct wire *wire = wire_of(deep, shell->number, effect->connection, &side);
        if (wire == NULL) break;
        /* Heard by itself as the end that it made. */
        wire->ends[side].has_ended = true;
        wire->ends[side].ended = CLOSE_LOCAL;
        struct deep_event *event = deep_schedule(deep, 0, DEEP_CLOSED);
        event->wire = wire->number;
        event->side = side;
        event->cause = CLOSE_LOCAL;
        break;
    }
    case NODE_HOLD: hold_connection(deep, shell, effect->connection, true); break;
    case NODE_UNHOLD: hold_connection(deep, shell, effect->connection, false); break;
    case NODE_RESOLVE: {
        struct deep_event *event = schedule_at_node(deep, shell, 1, DEEP_RESOLVED);
        event->number = effect->token;
        snprintf(event->host, sizeof(event->host), "%s", effect->host);
        break;
    }
    case NODE_FORK: child_fork(deep, shell, effect->job); break;
    case NODE_KILL_CHILD:
        buffer_clear(&shell->child.bytes);
        shell->child.code = 137;
        break;
    case NODE_FREE: effect->garbage_free(effect->garbage); break;
    case NODE_WRITE: write_later(deep, shell, effect->write); break;
    case NODE_APPLY:
    case NODE_STALL: break;
    case NODE_EXIT: shell->wants_exit = true; break;
    }
}

void node_shell_turn(struct deep *deep, struct deep_node *shell, const struct node_input *inputs,
                     size_t count)
{
    ensure(node_shell_runs(shell));
    struct node_clock clock = node_shell_clock(deep, shell);
    node_turn(shell->node, clock, inputs, count, &shell->effects);
    node_before_send(shell->node, clock, &shell->effects);
    for (size_t i = 0; i < shell->effects.count; i++)
        perform(deep, shell, &shell->effects.items[i]);
    node_effects_clear(&shell->effects);
    if (!shell->wants_exit) return;
    shell->wants_exit = false;
    deep_kill(deep, shell->number);
}

/* ---- events ------------------------------------------------------------------------------- */

static void resolved(struct deep *deep, struct deep_node *shell, struct deep_event *event)
{
    char addresses[1][46];
    memset(addresses, 0, sizeof(addresses));
    unsigned who = UINT32_MAX;
    if (sscanf(event->host, "node%u", &who) != 1 || who >= deep->node_count) who = UINT32_MAX;
    struct node_input input = { .type = NODE_RESOLVED, .token = (uint32_t)event->number };
    if (who != UINT32_MAX) {
        snprintf(addresses[0], sizeof(addresses[0]), "%s", deep->nodes[who].ip);
        input.addresses = (const char(*)[46])addresses;
        input.count = 1;
    }
    node_shell_turn(deep, shell, &input, 1);
}

static void resumed(struct deep *deep, struct deep_node *shell)
{
    time_ms gap_ms = deep->now_ms - shell->stopped_since_ms;
    shell->stopped_since_ms = 0;
    struct node_input input = { .type = NODE_GAP, .count = (size_t)gap_ms };
    node_shell_turn(deep, shell, &input, 1);
    uint64_t last = deep->next_wire;
    uint32_t incarnation = shell->incarnation;
    for (uint64_t number = 1; number < last; number++)
        for (int side = 0; side < 2; side++) {
            struct wire *wire = wire_find(deep, number);
            bool is_its = wire != NULL && wire->ends[side].who == shell->number;
            if (shell->node == NULL || shell->incarnation != incarnation) return;
            if (is_its && wire->ends[side].is_open) wire_release(deep, wire, side);
        }
}

void node_shell_event(struct deep *deep, struct deep_event *event)
{
    struct deep_node *shell = &deep->nodes[event->who];
    if (shell->node == NULL || shell->incarnation != event->incarnation) return;
    if (event->type == DEEP_RESUME) {
        if (shell->stopped_since_ms != 0) resumed(deep, shell);
        return;
    }
    if (shell->stopped_since_ms != 0) {
        /* It waits until the process runs again. */
        struct deep_event *later = schedule_at_node(deep, shell, 50, event->type);
        later->number = event->number;
        memcpy(later->host, event->host, sizeof(later->host));
        buffer_append(&later->bytes, buffer_bytes(&event->bytes));
        return;
    }
    if (event->type == DEEP_RESOLVED)
        resolved(deep, shell, event);
    else if (event->type == DEEP_WRITE)
        write_now(deep, shell, event);
    else
        child_event(deep, shell, event);
}

/* ---- life and death ----------------------------------------------------------------------- */

static struct config *node_shell_config(const struct deep *deep)
{
    const struct deep_options *options = &deep->options;
    struct buffer text = { 0 };
    buffer_printf(&text,
                  "port 7000\ncluster-enabled yes\ncluster-node-timeout %lld\n"
                  "cluster-shards %u\ncluster-replicas-per-shard %u\n"
                  "cluster-seeds node0:7000 node1:7000\n"
                  "protected-mode no\nrepl-backlog-size 64kb\nsave %s\n",
                  (long long)options->node_timeout_ms, options->shards, options->replicas,
                  options->saves ? "1 1" : "\"\"");
    struct config *config = config_create();
    struct config_error error;
    config_error_init(&error);
    bool is_parsed = config_parse(config, NULL, buffer_bytes(&text), &error);
    ensure(is_parsed);
    config_error_fini(&error);
    buffer_fini(&text);
    return config;
}

/* Nothing in the node may depend on it: it only measures. */
static uint64_t no_ticks(void)
{
    return 0;
}

void node_shell_create(struct deep *deep, unsigned who)
{
    struct deep_node *shell = &deep->nodes[who];
    ensure(shell->node == NULL);
    shell->incarnation++;
    shell->has_no_power = false;
    shell->stopped_since_ms = 0;
    struct node_options options = {
        .config = node_shell_config(deep),
        .disk = memory_disk_disk(shell->disk),
        .seed = prng_next(&deep->prng),
        .ticks = no_ticks,
        .process_id = 100 + who,
        .executable = "eir-server",
        .config_path = "",
        .memory_total = 1 * GIB,
    };
    char why[256];
    enum err err = node_create(&options, node_shell_clock(deep, shell), &shell->node, why);
    if (err) deep_violate(deep, "node %u does not start: %s", who, why);
}

void node_shell_destroy(struct deep *deep, unsigned who)
{
    struct deep_node *shell = &deep->nodes[who];
    if (shell->node != NULL) node_destroy(shell->node);
    shell->node = NULL;
    shell->child.runs = false;
    buffer_fini(&shell->child.bytes);
}

bool deep_is_up(const struct deep *deep, unsigned who)
{
    return deep->nodes[who].node != NULL;
}

void deep_kill(struct deep *deep, unsigned who)
{
    if (!deep_is_up(deep, who)) return;
    node_shell_destroy(deep, who);
    memory_disk_process_end(deep->nodes[who].disk);
    wires_of_dead(deep, who, false);
}

void deep_power_off(struct deep *deep, unsigned who)
{
    if (!deep_is_up(deep, who)) return;
    node_shell_destroy(deep, who);
    memory_disk_crash(deep->nodes[who].disk, &deep->prng);
    deep->nodes[who].has_no_power = true;
    wires_of_dead(deep, who, true);
}

void deep_terminate(struct deep *deep, unsigned who)
{
    struct deep_node *shell = &deep->nodes[who];
    if (!node_shell_runs(shell)) return;
    struct node_input input = { .type = NODE_SIGNAL, .count = NODE_TERMINATE };
    node_shell_turn(deep, shell, &input, 1);
}

void deep_start(struct deep *deep, unsigned who)
{
    if (!deep_is_up(deep, who)) node_shell_create(deep, who);
}

void deep_stop(struct deep *deep, unsigned who, time_ms duration_ms)
{
    struct deep_node *shell = &deep->nodes[who];
    if (!node_shell_runs(shell)) return;
    shell->stopped_since_ms = deep->now_ms;
    schedule_at_node(deep, shell, duration_ms, DEEP_RESUME);
}

struct memory_disk *deep_disk(struct deep *deep, unsigned who)
{
    return deep->nodes[who].disk;
}
