/* Events in order of time; those of one moment come out as they were put in.
 *
 * A thousand nodes have a million events on their way, and most of them are seconds off. So only
 * the next half millisecond stands in a heap. What comes later lies unsorted in a ring of buckets
 * of that length each, and what comes later than the whole ring in its last bucket, to be put
 * again when that one's turn comes. */
#include "sim/world.h"

#define BUCKET_SHIFT 9 /* microseconds of a bucket, as a power of two */
#define RING_SIZE    16384u

static bool comes_before(const struct sim_event *a, const struct sim_event *b)
{
    if (a->at_us != b->at_us) return a->at_us < b->at_us;
    return a->order < b->order;
}

static struct sim_event *add(struct event_list *list)
{
    if (list->count == list->capacity) {
        list->capacity = MAX(16, list->capacity * 2);
        list->events = memory_realloc(list->events, list->capacity * sizeof(*list->events));
    }
    return &list->events[list->count++];
}

/* --- the heap of what is near --- */

static void rise(struct event_list *heap, const struct sim_event *event)
{
    add(heap);
    size_t at = heap->count - 1;
    while (at > 0 && comes_before(event, &heap->events[(at - 1) / 2])) {
        heap->events[at] = heap->events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->events[at] = *event;
}

/* Puts the last event where the first was, and lets it sink. */
static void drop_first(struct event_list *heap)
{
    struct sim_event last = heap->events[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count && comes_before(&heap->events[child + 1], &heap->events[child]))
            child++;
        if (!comes_before(&heap->events[child], &last)) break;
        heap->events[at] = heap->events[child];
        at = child;
    }
    heap->events[at] = last;
}

/* --- the ring of what is far --- */

static void place(struct queue *queue, const struct sim_event *event)
{
    uint64_t bucket = (uint64_t)event->at_us >> BUCKET_SHIFT;
    if (bucket <= queue->bucket) {
        rise(&queue->near, event);
        return;
    }
    bucket = MIN(bucket, queue->bucket + RING_SIZE - 1);
    if (queue->ring == NULL) queue->ring = memory_alloc_zero(RING_SIZE * sizeof(*queue->ring));
    *add(&queue->ring[bucket % RING_SIZE]) = *event;
    queue->far_count++;
}

/* The next bucket that holds anything becomes the near one. */
static void advance(struct queue *queue)
{
    while (queue->near.count == 0 && queue->far_count > 0) {
        queue->bucket++;
        struct event_list *list = &queue->ring[queue->bucket % RING_SIZE];
        if (list->count == 0) continue;
        struct event_list due = *list;
        *list = (struct event_list){ 0 };
        queue->far_count -= due.count;
        for (size_t i = 0; i < due.count; i++) place(queue, &due.events[i]);
        memory_free(due.events);
    }
}

void queue_put(struct queue *queue, struct sim_event event)
{
    event.order = queue->order++;
    bool is_empty = queue->near.count == 0 && queue->far_count == 0;
    if (is_empty) queue->bucket = (uint64_t)event.at_us >> BUCKET_SHIFT;
    place(queue, &event);
}

bool queue_take(struct queue *queue, time_us until_us, struct sim_event *event)
{
    if (queue->near.count == 0) advance(queue);
    if (queue->near.count == 0 || queue->near.events[0].at_us > until_us) return false;
    *event = queue->near.events[0];
    drop_first(&queue->near);
    return true;
}

static void list_free(struct event_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->events[i].type == EVENT_PACKET) net_packet_free(list->events[i].packet);
    memory_free(list->events);
}

void queue_fini(struct queue *queue)
{
    list_free(&queue->near);
    for (size_t i = 0; queue->ring != NULL && i < RING_SIZE; i++) list_free(&queue->ring[i]);
    memory_free(queue->ring);
    *queue = (struct queue){ 0 };
}
