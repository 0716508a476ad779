/* What all clients together take: measured, shown by INFO, and bounded by maxmemory-clients.
 *
 * Each client is measured at least once a second by the cron, a slice at a time; while there is a
 * bound also after each turn in which it took part, and when its output was sent, so that the sum
 * is exact when it decides. Those that may go stand in buckets by the power of two of what they
 * take: whoever must go is found in the highest one without looking at the others. */
#include "base/log.h"
#include "node/parts.h"

#define LIMIT_MIN     ((size_t)128 * KIB) /* as Valkey: less than this would be nobody */
#define SLICES        10                  /* the cron comes ten times a second */
#define PEAK_KEPT_MS  5000
#define RECENT_LENGTH 1000

void client_memory_init(struct node *node)
{
    for (size_t i = 0; i < COUNT_OF(node->client_memory.buckets); i++)
        list_init(&node->client_memory.buckets[i]);
}

size_t client_memory_limit(const struct node *node)
{
    int64_t limit = node->config->maxmemory_clients_bytes;
    if (limit == 0) return 0;
    if (limit < 0) { /* percent of maxmemory */
        if (node->config->maxmemory_bytes == 0) return 0;
        limit = (int64_t)((double)node->config->maxmemory_bytes * (double)-limit / 100);
    }
    return MAX((size_t)limit, LIMIT_MIN);
}

static size_t bucket_of(size_t memory)
{
    size_t power = 63 - (size_t)__builtin_clzll(memory | 1);
    if (power <= CLIENT_BUCKET_FIRST) return 0;
    return MIN(power - CLIENT_BUCKET_FIRST, (size_t)CLIENT_BUCKET_COUNT - 1);
}

static bool may_be_evicted(const struct session *session)
{
    return session->kind == SESSION_CLIENT && !(session->flags & SESSION_NO_EVICT);
}

void client_memory_forget(struct node *node, struct link *link)
{
    struct client_memory *all = &node->client_memory;
    ensure(all->of[link->memory_is_replica] >= link->memory_counted);
    all->of[link->memory_is_replica] -= link->memory_counted;
    link->memory_counted = 0;
    if (list_link_is_in(&link->memory_link)) list_remove(&link->memory_link);
}

void client_memory_measure(struct node *node, struct link *link)
{
    struct client_memory *all = &node->client_memory;
    const struct session *session = link->session;
    if (session->close == SESSION_CLOSES_NOW) return; /* as good as gone */
    size_t memory = session_memory(session);
    size_t bucket = bucket_of(memory);
    bool is_replica = session->kind == SESSION_REPLICA;
    all->of[link->memory_is_replica] -= link->memory_counted;
    all->of[is_replica] += memory;
    link->memory_is_replica = is_replica;
    link->memory_counted = memory;

    bool is_in = list_link_is_in(&link->memory_link);
    if (is_in && may_be_evicted(session) && bucket == link->memory_bucket) return;
    if (is_in) list_remove(&link->memory_link);
    if (!may_be_evicted(session)) return;
    link->memory_bucket = (uint8_t)bucket;
    list_append(&all->buckets[bucket], &link->memory_link);
}

static struct link *largest(struct client_memory *all)
{
    for (size_t i = COUNT_OF(all->buckets); i-- > 0;)
        if (!list_is_empty(&all->buckets[i]))
            return CONTAINER_OF(all->buckets[i].head.next, struct link, memory_link);
    return NULL;
}

bool client_memory_evict(struct node *node)
{
    struct client_memory *all = &node->client_memory;
    size_t limit = client_memory_limit(node);
    bool is_any = false;
    while (limit > 0 && all->of[false] > limit) {
        struct link *link = largest(all);
        if (link == NULL) break; /* the others are protected */
        log_notice("Evicting client id=%llu addr=%s name=%s: it takes %zu bytes, all of them %zu",
                   (unsigned long long)link->session->id, link->session->address,
                   link->session->name, link->memory_counted, all->of[false]);
        all->evicted++;
        client_memory_forget(node, link);
        session_close(node->engine, link->session, SESSION_CLOSES_NOW);
        is_any = true;
    }
    return is_any;
}

/* ---- The cron: a slice of all clients, and the largest buffers of the last seconds ----------- */

static struct client_peaks *peaks_now(struct node *node)
{
    struct client_memory *all = &node->client_memory;
    time_ms second = node->clock.now_ms / RECENT_LENGTH;
    struct client_peaks *peaks = &all->recent[second % CLIENT_RECENT_COUNT];
    if (peaks->second != second) *peaks = (struct client_peaks){ .second = second };
    return peaks;
}

static void sample(struct node *node, struct link *link, struct client_peaks *peaks)
{
    struct session *session = link->session;
    client_memory_measure(node, link);
    peaks->input = MAX(peaks->input, session->input.capacity);
    peaks->output = MAX(peaks->output, session->output_peak);
    time_ms kept_ms = node->debug.peak_kept_ms != 0 ? node->debug.peak_kept_ms : PEAK_KEPT_MS;
    if (link->peak_until_ms <= node->clock.now_ms + kept_ms &&
        node->clock.now_ms < link->peak_until_ms)
        return;
    link->peak_until_ms = node->clock.now_ms + kept_ms;
    struct output_shape shape;
    output_measure(&session->output, &shape);
    session->output_peak = shape.more_memory;
}

void client_memory_cron(struct node *node)
{
    struct client_memory *all = &node->client_memory;
    struct client_peaks *peaks = peaks_now(node);
    for (uint32_t left = node->link_count / SLICES + 1; left > 0; left--) {
        all->place = all->place < node->link_count ? all->place + 1 : 0;
        if (all->place >= node->link_count) continue;
        struct link *link = node->links[all->place];
        bool is_client = link->number != 0 && link->kind == CONNECTION_CLIENT;
        if (is_client && link->session != NULL) sample(node, link, peaks);
    }
    (void)client_memory_evict(node); /* the end of this turn takes them */
}

struct client_peaks client_memory_peaks(const struct node *node)
{
    struct client_peaks found = { 0 };
    for (size_t i = 0; i < CLIENT_RECENT_COUNT; i++) {
        const struct client_peaks *peaks = &node->client_memory.recent[i];
        if (peaks->second + CLIENT_RECENT_COUNT <= node->clock.now_ms / RECENT_LENGTH) continue;
        found.input = MAX(found.input, peaks->input);
        found.output = MAX(found.output, peaks->output);
    }
    return found;
}
