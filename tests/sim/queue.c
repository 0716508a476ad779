/* Events in order of time: a binary heap; those of one moment come out as they were put in. */
#include "sim/world.h"

static bool comes_before(const struct sim_event *a, const struct sim_event *b)
{
    if (a->at_us != b->at_us) return a->at_us < b->at_us;
    return a->order < b->order;
}

void queue_put(struct queue *queue, struct sim_event event)
{
    if (queue->count == queue->capacity) {
        queue->capacity = MAX(256, queue->capacity * 2);
        queue->events = memory_realloc(queue->events, queue->capacity * sizeof(*queue->events));
    }
    event.order = queue->order++;
    size_t at = queue->count++;
    while (at > 0 && comes_before(&event, &queue->events[(at - 1) / 2])) {
        queue->events[at] = queue->events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->events[at] = event;
}

/* Puts the last event where the first was, and lets it sink. */
static void queue_drop_first(struct queue *queue)
{
    struct sim_event last = queue->events[--queue->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= queue->count) break;
        if (child + 1 < queue->count &&
            comes_before(&queue->events[child + 1], &queue->events[child]))
            child++;
        if (!comes_before(&queue->events[child], &last)) break;
        queue->events[at] = queue->events[child];
        at = child;
    }
    queue->events[at] = last;
}

bool queue_take(struct queue *queue, time_us until_us, struct sim_event *event)
{
    if (queue->count == 0 || queue->events[0].at_us > until_us) return false;
    *event = queue->events[0];
    queue_drop_first(queue);
    return true;
}

void queue_fini(struct queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        if (queue->events[i].packet != NULL) net_packet_free(queue->events[i].packet);
    memory_free(queue->events);
    *queue = (struct queue){ 0 };
}
