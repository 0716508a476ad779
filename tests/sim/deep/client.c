/* Clients: each writes growing numbers under its own keys, follows redirects, and remembers what
 * was acknowledged. */
#include "internal.h"

#include "base/log.h"
#include <stdio.h>
#include <string.h>

#define ANSWER_TIMEOUT_MS 800
#define THINK_MS          4

static void client_schedule(struct deep *deep, unsigned who, time_ms in_ms)
{
    deep_schedule(deep, in_ms, DEEP_CLIENT_TURN)->who = who;
}

void clients_create(struct deep *deep)
{
    for (unsigned who = 0; who < deep->options.clients; who++) {
        struct deep_client *client = &deep->clients[who];
        client->number = who;
        client->values = memory_alloc_zero(DEEP_KEYS * sizeof(uint64_t));
        client->acked_ms = memory_alloc_zero(DEEP_KEYS * sizeof(time_ms));
        client->next_value = 1;
        client_schedule(deep, who, prng_between(&deep->prng, 1, 50));
    }
}

void clients_destroy(struct deep *deep)
{
    for (unsigned who = 0; who < deep->options.clients; who++) {
        buffer_fini(&deep->clients[who].input);
        memory_free(deep->clients[who].values);
        memory_free(deep->clients[who].acked_ms);
    }
}

void deep_clients_pause(struct deep *deep, bool is_paused)
{
    deep->clients_paused = is_paused;
}

static void client_hang_up(struct deep *deep, struct deep_client *client)
{
    struct wire *wire = client->wire ? wire_find(deep, client->wire) : NULL;
    client->wire = 0;
    client->is_waiting = false;
    buffer_clear(&client->input);
    if (wire != NULL && wire->ends[0].is_open) wire_close(deep, wire, 0, CLOSE_BY_PEER);
}

void client_closed(struct deep *deep, unsigned who)
{
    struct deep_client *client = &deep->clients[who];
    client->wire = 0;
    client->is_waiting = false;
    buffer_clear(&client->input);
    client->target = (unsigned)prng_below(&deep->prng, deep->node_count);
}

static void client_print_key(const struct deep_client *client, uint64_t key, struct buffer *into)
{
    buffer_printf(into, "c%u:%llu", client->number, (unsigned long long)key);
}

static void client_write(struct deep *deep, struct deep_client *client, struct wire *wire)
{
    struct buffer key = { 0 };
    struct buffer text = { 0 };
    client->key = prng_below(&deep->prng, DEEP_KEYS);
    client->value = client->next_value++;
    client_print_key(client, client->key, &key);
    buffer_printf(&text, "SET %.*s %llu\r\n", (int)key.size, key.data,
                  (unsigned long long)client->value);
    if (deep->options.waits_for_replica) buffer_append_text(&text, "WAIT 1 500\r\n");
    client->is_waiting = true;
    client->awaits_wait = false;
    client->asked_ms = deep->now_ms;
    wire_send(deep, wire, 0, buffer_bytes(&text));
    buffer_fini(&key);
    buffer_fini(&text);
}

static void client_connect(struct deep *deep, struct deep_client *client)
{
    struct deep_node *shell = &deep->nodes[client->target];
    struct wire *wire = wire_open(deep, DEEP_CLIENT(client->number), 1, shell->ip, 7000);
    client->wire = wire->number;
    client->asked_ms = deep->now_ms;
}

void client_turn(struct deep *deep, unsigned who)
{
    struct deep_client *client = &deep->clients[who];
    client_schedule(deep, who, prng_between(&deep->prng, 1, 2 * THINK_MS));
    bool is_late = deep->now_ms - client->asked_ms > ANSWER_TIMEOUT_MS;
    if (client->is_waiting && !is_late) return;
    if (client->is_waiting) {
        client_hang_up(deep, client);
        client->target = (unsigned)prng_below(&deep->prng, deep->node_count);
    }
    if (deep->clients_paused) return;
    struct wire *wire = client->wire ? wire_find(deep, client->wire) : NULL;
    if (wire == NULL) {
        client->wire = 0;
        client_connect(deep, client);
    } else if (wire->ends[1].is_open) {
        client_write(deep, client, wire);
    } else if (is_late) {
        client_hang_up(deep, client);
        client->target = (unsigned)prng_below(&deep->prng, deep->node_count);
    }
}

/* "MOVED 1234 10.0.0.3:7000" */
static void client_redirect(struct deep *deep, struct deep_client *client, struct bytes error)
{
    char text[128];
    char ip[46];
    bytes_to_text(error, text, sizeof(text));
    unsigned slot;
    unsigned target = UINT32_MAX;
    if (sscanf(text, "MOVED %u %45[^:]", &slot, ip) == 2) target = node_by_ip(deep, ip);
    client_hang_up(deep, client);
    if (target == UINT32_MAX) target = (unsigned)prng_below(&deep->prng, deep->node_count);
    client->target = target;
}

static void client_acknowledged(struct deep *deep, struct deep_client *client)
{
    client->values[client->key] = client->value;
    client->acked_ms[client->key] = deep->now_ms;
}

/* One line of an answer; true when the write is over, well or not. */
static bool client_line(struct deep *deep, struct deep_client *client, struct bytes line)
{
    if (line.data[0] == '-') {
        struct bytes error = bytes_from(line, 1);
        if (bytes_starts_with(error, BYTES("MOVED"))) {
            client_redirect(deep, client, error);
            return true;
        }
        /* The WAIT behind a refused SET still answers: hang up rather than count lines. */
        client_hang_up(deep, client);
        return true;
    }
    if (!deep->options.waits_for_replica) {
        client_acknowledged(deep, client);
        return true;
    }
    if (line.data[0] == '+') {
        client->awaits_wait = true;
        return false;
    }
    if (client->awaits_wait && line.data[0] == ':' && line.data[1] != '0')
        client_acknowledged(deep, client);
    return true;
}

void client_received(struct deep *deep, unsigned who, struct bytes bytes)
{
    struct deep_client *client = &deep->clients[who];
    if (!client->is_waiting) return;
    buffer_append(&client->input, bytes);
    for (;;) {
        struct bytes all = buffer_bytes(&client->input);
        ptrdiff_t end = bytes_index_of(all, '\n');
        if (end < 1) return;
        struct bytes line = bytes_of(all.data, (size_t)end - 1);
        bool is_over = client_line(deep, client, line);
        if (client->wire == 0) return; /* hung up: the input is gone */
        buffer_consume(&client->input, (size_t)end + 1);
        if (is_over) client->is_waiting = false;
    }
}

/* ---- at the end --------------------------------------------------------------------------- */

static void verify_key(struct deep *deep, const struct deep_client *client, uint64_t key,
                       struct deep_counts *counts)
{
    uint64_t expected = client->values[key];
    if (expected == 0) return;
    counts->acknowledged++;
    struct buffer name = { 0 };
    client_print_key(client, key, &name);
    unsigned owner = deep_owner_of(deep, key_slot(buffer_bytes(&name)));
    char command[64];
    snprintf(command, sizeof(command), "GET %.*s", (int)name.size, name.data);
    buffer_fini(&name);
    /* A later write may be there, unacknowledged; an earlier one means loss. */
    unsigned long long found = 0;
    const char *answer = owner == UINT32_MAX ? "" : deep_ask(deep, owner, command);
    const char *line = strchr(answer, '\n');
    if (answer[0] == '$' && line != NULL) sscanf(line + 1, "%llu", &found);
    if (found >= expected) return;
    counts->lost++;
    if (deep->options.is_verbose)
        log_notice("key c%u:%llu at node %u: %llu, acknowledged was %llu at %lld ms",
                   client->number, (unsigned long long)key, owner, found,
                   (unsigned long long)expected, (long long)client->acked_ms[key]);
}

void deep_verify(struct deep *deep, struct deep_counts *counts)
{
    memset(counts, 0, sizeof(*counts));
    for (unsigned who = 0; who < deep->options.clients; who++)
        for (uint64_t key = 0; key < DEEP_KEYS; key++)
            verify_key(deep, &deep->clients[who], key, counts);
}
