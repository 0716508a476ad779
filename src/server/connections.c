/* Connections: numbers of the node on one side, places of the loop on the other. */
#include "server/internal.h"

#include "base/ensure.h"
#include "base/memory.h"

#define SLICES_A_SEND 64

struct connection *connection_find(struct server *server, connection_number number)
{
    size_t place = number & CONNECTION_PLACE_MASK;
    if (number == 0 || place >= server->connection_capacity) return NULL;
    struct connection *connection = &server->connections[place];
    return connection->number == number ? connection : NULL;
}

struct connection *connection_put(struct server *server, connection_number number,
                                  loop_handle handle)
{
    size_t place = number & CONNECTION_PLACE_MASK;
    if (place >= server->connection_capacity) {
        size_t capacity = MAX(place + 1, MAX(server->connection_capacity * 2, 64));
        server->connections =
            memory_realloc(server->connections, capacity * sizeof(struct connection));
        memset(server->connections + server->connection_capacity, 0,
               (capacity - server->connection_capacity) * sizeof(struct connection));
        server->connection_capacity = capacity;
    }
    struct connection *connection = &server->connections[place];
    *connection = (struct connection){ .number = number, .handle = handle };
    return connection;
}

static void connection_forget(struct server *server, struct connection *connection)
{
    if (connection->handle != LOOP_HANDLE_NONE) loop_close(server->loop, connection->handle);
    *connection = (struct connection){ .handle = LOOP_HANDLE_NONE };
}

void connection_send(struct server *server, connection_number number)
{
    struct connection *connection = connection_find(server, number);
    if (connection == NULL || connection->is_sending || !connection->is_up) return;
    if (connection->handle == LOOP_HANDLE_NONE) return;

    for (;;) {
        const struct output *output = node_output(server->node, number);
        if (output == NULL || output->size == 0) break;
        struct iovec slices[SLICES_A_SEND];
        size_t count = output_slices(output, slices, SLICES_A_SEND);
        size_t total = 0;
        for (size_t i = 0; i < count; i++) total += slices[i].iov_len;
        size_t sent = loop_send(server->loop, connection->handle, slices, count);
        if (sent > 0) node_sent(server->node, number, sent);
        if (sent == total) continue;
        connection->is_sending = true;
        return;
    }
    if (!connection->closes_when_sent) return;
    connection_forget(server, connection);
    struct node_input *input = server_add_input(server, NODE_CLOSED);
    input->connection = number;
    input->cause = CLOSE_LOCAL;
}

/* It never came up: the node hears it with the coming turn. */
static void connection_fail(struct server *server, connection_number number, enum err err)
{
    struct node_input *input = server_add_input(server, NODE_CLOSED);
    input->connection = number;
    input->cause = err == ERR_REFUSED ? CLOSE_REFUSED : CLOSE_UNREACHABLE;
}

void connection_open(struct server *server, const struct node_effect *effect)
{
    struct socket_address address = { .port = effect->port };
    bytes_to_text(bytes_text(effect->host), address.ip, sizeof(address.ip));
    const char *source = node_config(server->node)->bind_source_addr;
    loop_handle handle;
    enum err err = loop_connect(server->loop, &address, source[0] ? source : NULL,
                                effect->connection, &handle);
    if (err) {
        connection_fail(server, effect->connection, err);
        return;
    }
    connection_put(server, effect->connection, handle);
}

void connection_close(struct server *server, connection_number number)
{
    struct connection *connection = connection_find(server, number);
    if (connection != NULL) connection_forget(server, connection);
}

void connection_close_flushed(struct server *server, connection_number number)
{
    struct connection *connection = connection_find(server, number);
    if (connection == NULL) return;
    connection->closes_when_sent = true;
    connection_send(server, number);
}

static struct endpoint_names *names_of(struct server *server, const struct loop_event *event)
{
    ensure(server->names_used < EVENTS_A_TURN);
    struct endpoint_names *names = &server->names[server->names_used++];
    memset(names, 0, sizeof(*names));
    struct socket_address remote;
    struct socket_address local;
    names->fd = loop_names(server->loop, event->handle, &remote, &local);
    names->is_unix = remote.is_unix;
    if (names->is_unix) return names;
    bytes_to_text(bytes_text(remote.ip), names->remote_ip, sizeof(names->remote_ip));
    bytes_to_text(bytes_text(local.ip), names->local_ip, sizeof(names->local_ip));
    names->remote_port = remote.port;
    names->local_port = local.port;
    return names;
}

void connection_accepted(struct server *server, const struct loop_event *event)
{
    bool is_bus = event->tag == TAG_BUS_LISTENER;
    struct endpoint_names *names = names_of(server, event);
    connection_number number = node_accept(
        server->node, is_bus ? CONNECTION_BUS : CONNECTION_CLIENT, names, server->clock);
    loop_set_tag(server->loop, event->handle, number);
    struct connection *connection = connection_put(server, number, event->handle);
    connection->is_up = true;
    int64_t keepalive_s = node_config(server->node)->tcp_keepalive_s;
    if (keepalive_s > 0 && !names->is_unix)
        loop_set_keepalive(server->loop, event->handle, (int)keepalive_s);
}

static enum close_cause close_cause_of(enum err err)
{
    switch (err) {
    case ERR_CLOSED: return CLOSE_BY_PEER;
    case ERR_REFUSED: return CLOSE_REFUSED;
    case ERR_UNREACHABLE: return CLOSE_UNREACHABLE;
    default: return CLOSE_RESET;
    }
}

static void connection_lost(struct server *server, struct connection *connection,
                            const struct loop_event *event)
{
    /* The handle is free already: it must not be closed again. */
    *connection = (struct connection){ .handle = LOOP_HANDLE_NONE };
    struct node_input *input = server_add_input(server, NODE_CLOSED);
    input->connection = event->tag;
    input->cause = close_cause_of(event->cause);
}

void connection_event(struct server *server, const struct loop_event *event)
{
    struct connection *connection = connection_find(server, event->tag);
    if (connection == NULL) return; /* the node closed it meanwhile */

    struct node_input *input;
    switch (event->type) {
    case LOOP_CONNECTED:
        connection->is_up = true;
        input = server_add_input(server, NODE_CONNECTED);
        input->connection = event->tag;
        input->names = names_of(server, event);
        break;
    case LOOP_RECEIVED:
        if (connection->closes_when_sent) break;
        input = server_add_input(server, NODE_RECEIVED);
        input->connection = event->tag;
        input->bytes = event->bytes;
        break;
    case LOOP_SENT:
        connection->is_sending = false;
        if (event->count > 0) node_sent(server->node, event->tag, event->count);
        connection_send(server, event->tag);
        break;
    case LOOP_CLOSED: connection_lost(server, connection, event); break;
    default: ensure_unreachable();
    }
}
