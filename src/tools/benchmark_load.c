/* Connections that send prepared requests and count the replies.
 *
 * All connections of a load share one prepared pipeline: it is patched and sent, and only what the
 * socket did not take at once is copied. So five thousand connections do not mean five thousand
 * cold buffers. */
#include "tools/benchmark_load.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "os/clock.h"
#include "resp/read.h"
#include <ctype.h>
#include <stdio.h>

#define EVENTS         256
#define CONNECTING_MAX 64 /* at once: below every listen backlog */
#define TICK_NS        250000000u

enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING,
    CLIENT_GREETING,
    CLIENT_IDLE,
    CLIENT_BUSY,
};

struct client {
    loop_handle handle;
    enum client_state state;
    uint32_t awaited; /* replies */
    uint32_t copies;  /* of the request, in the pipeline on its way */
    uint64_t started_ns;
    const struct load_target *target;
    struct buffer unsent;
    size_t unsent_from;
    struct buffer rest; /* the beginning of a reply */
};

struct load {
    struct load_options options;
    struct loop *loop;      /* owned */
    struct client *clients; /* owned */
    uint32_t *idle;         /* owned: stack of clients that could send */
    size_t idle_count;
    size_t connecting_count;
    size_t unconnected_next; /* clients from here on were never connected */
    struct buffer pipeline;
    struct prng prng;
    struct loop_event *events; /* owned */
    char failure[480];
    /* Of the run at hand. */
    const struct load_work *work;
    struct load_tally *tally;
    struct histogram *latency_us;
    uint64_t now_ns;
};

struct load *load_create(const struct load_options *options)
{
    struct load *load = memory_alloc_zero(sizeof(*load));
    load->options = *options;
    load->loop = loop_create(LOOP_EPOLL);
    load->clients = memory_alloc_zero(options->connection_count * sizeof(struct client));
    load->idle = memory_alloc(options->connection_count * sizeof(uint32_t));
    load->events = memory_alloc(EVENTS * sizeof(struct loop_event));
    prng_init(&load->prng, options->seed);
    for (size_t i = 0; i < options->connection_count; i++)
        load->clients[i].target =
            &options->targets[(options->target_first + i) % options->target_count];
    return load;
}

void load_destroy(struct load *load)
{
    if (load == NULL) return;
    loop_destroy(load->loop);
    for (size_t i = 0; i < load->options.connection_count; i++) {
        buffer_fini(&load->clients[i].unsent);
        buffer_fini(&load->clients[i].rest);
    }
    buffer_fini(&load->pipeline);
    memory_free(load->clients);
    memory_free(load->idle);
    memory_free(load->events);
    memory_free(load);
}

const char *load_failure(const struct load *load)
{
    return load->failure;
}

static void fail(struct load *load, const char *what, struct bytes why)
{
    if (load->failure[0] != 0) return;
    snprintf(load->failure, sizeof(load->failure), "%s%.*s", what, (int)MIN(why.size, 250),
             why.data);
    if (load->tally != NULL) __atomic_store_n(&load->tally->is_stopped, true, __ATOMIC_RELAXED);
}

static void print_address(const struct client *client, char *text, size_t capacity)
{
    const struct socket_address *address = &client->target->address;
    if (address->is_unix)
        snprintf(text, capacity, "%s", address->ip);
    else
        snprintf(text, capacity, "%s:%u", address->ip, address->port);
}

static void fail_to_connect(struct load *load, const struct client *client, enum err err)
{
    char address[120];
    char what[200];
    char why[64];
    print_address(client, address, sizeof(address));
    snprintf(what, sizeof(what), "Could not connect to server at %s: ", address);
    snprintf(why, sizeof(why), "%s", err_text(err));
    why[0] = (char)toupper((unsigned char)why[0]);
    fail(load, what, bytes_text(why));
}

/* A server's error, in the words of valkey-benchmark. */
static void fail_by_reply(struct load *load, const struct client *client, struct bytes line)
{
    char address[120];
    char what[200];
    print_address(client, address, sizeof(address));
    if (client->state == CLIENT_GREETING)
        snprintf(what, sizeof(what), "Node %s replied with error:\n", address);
    else if (load->options.names_servers)
        snprintf(what, sizeof(what), "Error from server %s: ", address);
    else
        snprintf(what, sizeof(what), "Error from server: ");
    fail(load, what, line);
}

/* --- Sending --- */

static void client_send_rest(struct load *load, struct client *client)
{
    struct iovec slice = { .iov_base = client->unsent.data + client->unsent_from,
                           .iov_len = client->unsent.size - client->unsent_from };
    if (slice.iov_len == 0) return;
    client->unsent_from += loop_send(load->loop, client->handle, &slice, 1);
    if (client->unsent_from == client->unsent.size) {
        buffer_clear(&client->unsent);
        client->unsent_from = 0;
    }
}

static void client_send(struct load *load, struct client *client, struct bytes bytes)
{
    struct iovec slice = { .iov_base = (char *)bytes.data, .iov_len = bytes.size };
    size_t sent = loop_send(load->loop, client->handle, &slice, 1);
    if (sent < bytes.size) buffer_append(&client->unsent, bytes_from(bytes, sent));
}

/* How many copies of the request may be sent now. */
static size_t claim(struct load *load)
{
    const struct load_work *work = load->work;
    struct load_tally *tally = load->tally;
    uint64_t elapsed_ns = load->now_ns - tally->started_ns;
    if (__atomic_load_n(&tally->is_stopped, __ATOMIC_RELAXED)) return 0;
    if (work->duration_ms > 0 && elapsed_ns >= work->duration_ms * 1000000) return 0;
    if (work->rate > 0) {
        double due = (double)elapsed_ns / 1e9 * work->rate;
        if ((double)__atomic_load_n(&tally->issued, __ATOMIC_RELAXED) > due) return 0;
    }
    uint64_t before = __atomic_fetch_add(&tally->issued, work->pipeline, __ATOMIC_RELAXED);
    if (work->request_count == 0) return work->pipeline;
    if (before >= work->request_count) return 0;
    return (size_t)MIN(work->pipeline, work->request_count - before);
}

static void client_issue(struct load *load, struct client *client, size_t copies)
{
    const struct request_template *request = load->work->request;
    request_template_patch(request, load->pipeline.data, copies, &load->work->numbers,
                           __atomic_load_n(&client->target->tags, __ATOMIC_ACQUIRE), &load->prng);
    client->state = CLIENT_BUSY;
    client->copies = (uint32_t)copies;
    client->awaited = (uint32_t)copies * request->command_count;
    if (!load->options.reconnects) client->started_ns = load->now_ns;
    client_send(load, client, bytes_of(load->pipeline.data, copies * request->text.size));
}

static void client_rest(struct load *load, struct client *client)
{
    client->state = CLIENT_IDLE;
    load->idle[load->idle_count++] = (uint32_t)(client - load->clients);
}

static void client_go_on(struct load *load, struct client *client)
{
    size_t copies = load->work != NULL ? claim(load) : 0;
    if (copies > 0)
        client_issue(load, client, copies);
    else
        client_rest(load, client);
}

static void feed_idle(struct load *load)
{
    while (load->idle_count > 0) {
        size_t copies = claim(load);
        if (copies == 0) return;
        client_issue(load, &load->clients[load->idle[--load->idle_count]], copies);
    }
}

/* --- Connecting --- */

static void client_connect(struct load *load, struct client *client)
{
    client->started_ns = load->now_ns;
    buffer_clear(&client->rest);
    buffer_clear(&client->unsent);
    client->unsent_from = 0;
    uint64_t tag = (uint64_t)(client - load->clients);
    enum err err = loop_connect(load->loop, &client->target->address, NULL, tag, &client->handle);
    if (err) {
        client->state = CLIENT_CLOSED;
        fail_to_connect(load, client, err);
        return;
    }
    client->state = CLIENT_CONNECTING;
    load->connecting_count++;
}

static void client_connected(struct load *load, struct client *client)
{
    load->connecting_count--;
    if (load->options.greeting_count == 0) {
        client_go_on(load, client);
        return;
    }
    client->state = CLIENT_GREETING;
    client->awaited = load->options.greeting_count;
    client_send(load, client, load->options.greeting);
}

static void connect_more(struct load *load)
{
    while (load->unconnected_next < load->options.connection_count &&
           load->connecting_count < CONNECTING_MAX && load->failure[0] == 0)
        client_connect(load, &load->clients[load->unconnected_next++]);
}

/* --- Receiving --- */

/* Bytes of the first reply; 0: it is not all there, SIZE_MAX: it is no reply. The common forms are
 * measured here, the others by the parser. */
static inline size_t reply_size(const char *data, size_t size)
{
    if (size < 3) return 0; /* the shortest is the null of RESP3 */
    if (data[0] == '+' || data[0] == ':' || data[0] == '-') {
        const char *end = memchr(data, '\n', size);
        return end == NULL ? 0 : (size_t)(end - data) + 1;
    }
    if (data[0] == '$' && data[1] >= '0' && data[1] <= '9') {
        size_t length = 0;
        size_t at = 1;
        while (at < size && data[at] >= '0' && data[at] <= '9' && length < GIB)
            length = length * 10 + (size_t)(data[at++] - '0');
        size_t whole = at + 2 + length + 2;
        return whole <= size ? whole : 0;
    }
    size_t consumed;
    enum resp_result result = resp_skip(bytes_of(data, size), &consumed);
    return result == RESP_READY ? consumed : result == RESP_MORE ? 0 : SIZE_MAX;
}

static void reply_is_error(struct load *load, const struct client *client, struct bytes line)
{
    line = bytes_trim(bytes_from(line, 1));
    bool is_redirect =
        bytes_starts_with(line, BYTES("MOVED ")) || bytes_starts_with(line, BYTES("ASK ")) ||
        bytes_starts_with(line, BYTES("TRYAGAIN")) || bytes_starts_with(line, BYTES("CLUSTERDOWN"));
    if (client->state == CLIENT_BUSY && is_redirect && load->work->tolerates_redirects)
        __atomic_fetch_add(&load->tally->redirected, 1, __ATOMIC_RELAXED);
    else
        fail_by_reply(load, client, line);
}

static void client_done(struct load *load, struct client *client)
{
    if (client->state == CLIENT_GREETING) {
        client_go_on(load, client);
        return;
    }
    uint64_t latency_us = (load->now_ns - client->started_ns) / 1000;
    histogram_record_times(load->latency_us, latency_us, client->copies);
    __atomic_fetch_add(&load->tally->done, client->copies, __ATOMIC_RELAXED);
    if (load->options.reconnects) {
        loop_close(load->loop, client->handle);
        client_connect(load, client);
    } else {
        client_go_on(load, client);
    }
}

/* Counts whole replies at the start of `bytes`; returns how many bytes they took. */
static size_t client_replies(struct load *load, struct client *client, struct bytes bytes)
{
    size_t used = 0;
    while (client->awaited > 0 && used < bytes.size) {
        const char *reply = bytes.data + used;
        size_t size = reply_size(reply, bytes.size - used);
        if (size == 0) break;
        if (size == SIZE_MAX) {
            fail(load, "The server's reply is not RESP", BYTES_EMPTY);
            return bytes.size;
        }
        used += size;
        if (*reply == RESP_PUSH) continue; /* an invalidation, nobody's reply */
        if (*reply == RESP_ERROR) reply_is_error(load, client, bytes_of(reply, size));
        client->awaited--;
    }
    return used;
}

static void client_received(struct load *load, struct client *client, struct bytes bytes)
{
    if (client->state != CLIENT_BUSY && client->state != CLIENT_GREETING) return; /* a push */
    load->now_ns = clock_ticks();
    if (client->rest.size > 0) {
        buffer_append(&client->rest, bytes);
        buffer_consume(&client->rest, client_replies(load, client, buffer_bytes(&client->rest)));
    } else {
        size_t used = client_replies(load, client, bytes);
        if (used < bytes.size) buffer_append(&client->rest, bytes_from(bytes, used));
    }
    if (client->awaited == 0 && load->failure[0] == 0) client_done(load, client);
}

static void client_closed(struct load *load, struct client *client, enum err cause)
{
    if (client->state == CLIENT_CONNECTING) {
        load->connecting_count--;
        fail_to_connect(load, client, cause);
    } else {
        fail(load, "The server closed the connection: ", bytes_text(err_text(cause)));
    }
    client->state = CLIENT_CLOSED;
}

static void handle_event(struct load *load, const struct loop_event *event)
{
    if (event->type == LOOP_WOKEN) return;
    struct client *client = &load->clients[event->tag];
    if (client->handle != event->handle) return; /* of the connection before this one */
    switch (event->type) {
    case LOOP_CONNECTED: client_connected(load, client); break;
    case LOOP_RECEIVED: client_received(load, client, event->bytes); break;
    case LOOP_SENT: client_send_rest(load, client); break;
    case LOOP_CLOSED: client_closed(load, client, event->cause); break;
    default: ensure_unreachable();
    }
}

static void turn(struct load *load, int timeout_ms)
{
    size_t count = loop_wait(load->loop, timeout_ms, load->events, EVENTS);
    load->now_ns = clock_ticks();
    for (size_t i = 0; i < count && load->failure[0] == 0; i++)
        handle_event(load, &load->events[i]);
}

bool load_connect(struct load *load)
{
    load->now_ns = clock_ticks();
    while (load->failure[0] == 0 && load->idle_count < load->options.connection_count) {
        connect_more(load);
        turn(load, 1000);
    }
    return load->failure[0] == 0;
}

void load_stay_idle(struct load *load)
{
    while (load->failure[0] == 0) turn(load, -1);
}

/* Everything that was to be done is done, or cannot be. */
static bool is_over(struct load *load)
{
    if (load->failure[0] != 0) return true;
    if (load->idle_count < load->options.connection_count) return false;
    const struct load_work *work = load->work;
    if (__atomic_load_n(&load->tally->is_stopped, __ATOMIC_RELAXED)) return true;
    if (work->duration_ms > 0 &&
        load->now_ns - load->tally->started_ns >= work->duration_ms * 1000000)
        return true;
    return work->request_count > 0 &&
           __atomic_load_n(&load->tally->issued, __ATOMIC_RELAXED) >= work->request_count;
}

bool load_run(struct load *load, const struct load_work *work, struct load_tally *tally,
              struct histogram *latency_us)
{
    load->work = work;
    load->tally = tally;
    load->latency_us = latency_us;
    buffer_clear(&load->pipeline);
    request_template_repeat(work->request, work->pipeline, &load->pipeline);
    load->now_ns = clock_ticks();
    uint64_t tick_at_ns = load->now_ns + TICK_NS;
    for (;;) {
        feed_idle(load);
        if (is_over(load)) break;
        /* A rate or an end in time must be looked at often; replies wake us by themselves. */
        turn(load, work->rate > 0 ? 1 : work->duration_ms > 0 || work->on_tick != NULL ? 50 : 1000);
        if (work->on_tick != NULL && load->now_ns >= tick_at_ns) {
            work->on_tick(work->context);
            tick_at_ns = load->now_ns + TICK_NS;
        }
    }
    load->work = NULL;
    load->tally = NULL;
    return load->failure[0] == 0;
}
