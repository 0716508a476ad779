/* Time in the deep world: the earliest of all events and all deadlines comes next. */
#include "internal.h"

#include "base/digest.h"
#include "base/hash.h"
#include <stdarg.h>
#include <stdio.h>

void deep_note(struct deep *deep, uint64_t number)
{
    deep->digest = hash_integer(deep->digest * 31 + number);
}

void deep_violate(struct deep *deep, const char *format, ...)
{
    if (deep->violation[0] != 0) return; /* the first one counts */
    va_list arguments;
    va_start(arguments, format);
    int size = snprintf(deep->violation, sizeof(deep->violation),
                        "seed %llu, at %lld ms: ", (unsigned long long)deep->options.seed,
                        (long long)deep->now_ms);
    vsnprintf(deep->violation + size, sizeof(deep->violation) - (size_t)size, format, arguments);
    va_end(arguments);
}

/* Two events of one moment are done in the order in which they were made: the heap knows times
 * only, so the order rides in the low digits of a finer time. */
#define TICKS_A_MS 1000000

struct deep_event *deep_schedule(struct deep *deep, time_ms in_ms, enum deep_event_type type)
{
    struct deep_event *event = memory_alloc_zero(sizeof(*event));
    event->type = type;
    event->order = deep->next_order++;
    heap_node_init(&event->node);
    time_ms at = (deep->now_ms + MAX(in_ms, 0)) * TICKS_A_MS + (time_ms)(event->order % TICKS_A_MS);
    heap_set(&deep->events, &event->node, at);
    return event;
}

struct deep *deep_create(const struct deep_options *options)
{
    struct deep *deep = memory_alloc_zero(sizeof(*deep));
    deep->options = *options;
    deep->now_ms = 1000000;
    deep->next_wire = 1;
    prng_init(&deep->prng, options->seed);
    heap_init(&deep->events);
    list_init(&deep->wires);
    deep->node_count = options->shards * (options->replicas + 1);
    ensure(deep->node_count <= DEEP_NODES_MAX);
    ensure(options->clients <= DEEP_CLIENTS_MAX);
    for (unsigned who = 0; who < deep->node_count; who++) {
        struct deep_node *shell = &deep->nodes[who];
        shell->number = who;
        shell->disk = memory_disk_create();
        shell->wall_offset_ms = 1700000000000 + prng_between(&deep->prng, -2000, 2000);
        node_effects_init(&shell->effects);
        snprintf(shell->ip, sizeof(shell->ip), "10.0.0.%u", who + 1);
        node_shell_create(deep, who);
    }
    clients_create(deep);
    return deep;
}

void deep_destroy(struct deep *deep)
{
    for (unsigned who = 0; who < deep->node_count; who++) {
        node_shell_destroy(deep, who);
        node_effects_fini(&deep->nodes[who].effects);
        memory_disk_destroy(deep->nodes[who].disk);
    }
    clients_destroy(deep);
    wires_destroy(deep);
    for (struct heap_node *at; (at = heap_peek(&deep->events)) != NULL;) {
        struct deep_event *event = CONTAINER_OF(at, struct deep_event, node);
        heap_remove(&deep->events, at);
        buffer_fini(&event->bytes);
        memory_free(event);
    }
    heap_fini(&deep->events);
    buffer_fini(&deep->answer);
    memory_free(deep);
}

static void do_event(struct deep *deep, struct deep_event *event)
{
    deep_note(deep, (uint64_t)deep->now_ms);
    deep_note(deep, (uint64_t)event->type << 32 | event->who);
    deep_note(deep, crc64(0, buffer_bytes(&event->bytes)));
    switch (event->type) {
    case DEEP_BYTES:
    case DEEP_OPENED:
    case DEEP_CLOSED: wire_event(deep, event); break;
    case DEEP_CLIENT_TURN: client_turn(deep, event->who); break;
    default: node_shell_event(deep, event); break;
    }
}

/* The node whose deadline is first, or NULL; its time in *due_ms. */
static struct deep_node *next_deadline(struct deep *deep, time_ms *due_ms)
{
    struct deep_node *next = NULL;
    *due_ms = TIME_NEVER;
    for (unsigned who = 0; who < deep->node_count; who++) {
        struct deep_node *shell = &deep->nodes[who];
        if (!node_shell_runs(shell)) continue;
        time_ms at_ms = node_shell_deadline(shell);
        if (at_ms >= *due_ms) continue;
        *due_ms = at_ms;
        next = shell;
    }
    return next;
}

/* One step; false when nothing happens before `until_ms`. */
static bool deep_step(struct deep *deep, time_ms until_ms)
{
    time_ms due_ms;
    struct deep_node *shell = next_deadline(deep, &due_ms);
    struct heap_node *first = heap_peek(&deep->events);
    time_ms event_ms = first != NULL ? first->due_ms / TICKS_A_MS : TIME_NEVER;
    if (MIN(due_ms, event_ms) > until_ms) return false;
    if (event_ms <= due_ms) {
        struct deep_event *event = CONTAINER_OF(first, struct deep_event, node);
        heap_remove(&deep->events, first);
        deep->now_ms = MAX(deep->now_ms, event_ms);
        do_event(deep, event);
        buffer_fini(&event->bytes);
        memory_free(event);
    } else {
        /* A turn takes time: a node that is always due must not stop the clock. */
        deep->now_ms = MAX(deep->now_ms, due_ms);
        deep_note(deep, shell->number);
        node_shell_turn(deep, shell, NULL, 0);
    }
    return true;
}

void deep_run(struct deep *deep, time_ms duration_ms)
{
    time_ms until_ms = deep->now_ms + duration_ms;
    while (deep->violation[0] == 0 && deep_step(deep, until_ms)) continue;
    deep->now_ms = MAX(deep->now_ms, until_ms);
}

bool deep_run_until(struct deep *deep, bool (*holds)(struct deep *deep), time_ms duration_ms)
{
    time_ms until_ms = deep->now_ms + duration_ms;
    while (deep->now_ms < until_ms && deep->violation[0] == 0) {
        if (holds(deep)) return true;
        deep_run(deep, 20);
    }
    return holds(deep);
}

time_ms deep_now_ms(const struct deep *deep)
{
    return deep->now_ms;
}

uint64_t deep_digest(const struct deep *deep)
{
    return deep->digest;
}

const char *deep_violation(const struct deep *deep)
{
    return deep->violation[0] ? deep->violation : NULL;
}

unsigned deep_node_count(const struct deep *deep)
{
    return deep->node_count;
}
