/* Listeners: the addresses and ports on which clients and peers are accepted. */
#include "server/internal.h"

#include "base/log.h"
#include <stdio.h>

/* "*" is every IPv4 address, "::*" every IPv6 one; a leading '-' forgives an address that the
 * machine does not have. */
static bool address_of(const char *word, uint16_t port, struct socket_address *address)
{
    bool is_optional = word[0] == '-';
    if (is_optional) word++;
    if (word[0] == '*' && word[1] == 0)
        word = "0.0.0.0";
    else if (strcmp(word, "::*") == 0)
        word = "::";
    *address = (struct socket_address){ .port = port };
    snprintf(address->ip, sizeof(address->ip), "%s", word);
    return is_optional;
}

static bool listeners_add(struct server *server, const struct socket_address *address, bool is_bus,
                          bool is_optional)
{
    const struct config *config = node_config(server->node);
    if (server->listener_count == LISTENERS_MAX) return false;
    struct listener *listener = &server->listeners[server->listener_count];
    enum err err = loop_listen(server->loop, address, (int)config->tcp_backlog,
                               is_bus ? TAG_BUS_LISTENER : TAG_CLIENT_LISTENER, &listener->handle);
    if (err) {
        if (is_optional) return true;
        if (address->is_unix)
            log_warning("Could not create server unix socket %s: %s", address->ip, err_text(err));
        else
            log_warning("Could not create server TCP listening socket %s:%u: bind: %s", address->ip,
                        address->port,
                        err == ERR_EXISTS ? "Address already in use" : err_text(err));
        return false;
    }
    listener->is_bus = is_bus;
    server->listener_count++;
    return true;
}

static bool listeners_add_port(struct server *server, uint16_t port, bool is_bus)
{
    const struct config *config = node_config(server->node);
    for (size_t i = 0; i < config->bind.count; i++) {
        struct socket_address address;
        bool is_optional = address_of(config->bind.items[i], port, &address);
        if (!listeners_add(server, &address, is_bus, is_optional)) return false;
    }
    return true;
}

static bool listeners_add_all(struct server *server)
{
    const struct config *config = node_config(server->node);
    if (config->port > 0 && !listeners_add_port(server, (uint16_t)config->port, false)) {
        log_warning("Failed listening on port %d (tcp), aborting.", (int)config->port);
        return false;
    }
    if (config->unixsocket[0] != 0) {
        struct socket_address address = { .is_unix = true,
                                          .permissions = (unsigned)config->unixsocketperm };
        snprintf(address.ip, sizeof(address.ip), "%s", config->unixsocket);
        if (!listeners_add(server, &address, false, false)) return false;
    }
    if (!config->cluster_enabled) return true;
    int64_t bus_port = config->cluster_port ? config->cluster_port : config->port + 10000;
    if (bus_port > 65535) {
        log_warning(
            "Cluster bus port number out of range. Set cluster-port to a port below 65536.");
        return false;
    }
    if (!listeners_add_port(server, (uint16_t)bus_port, true)) {
        log_warning("Failed listening on port %d (cluster), aborting.", (int)bus_port);
        return false;
    }
    return true;
}

bool listeners_open(struct server *server)
{
    /* The new ones first: an address that stays must be closed before it can be opened again, so
     * the old ones are closed, and opened again if the new ones fail. */
    struct listener before[LISTENERS_MAX];
    size_t before_count = server->listener_count;
    memcpy(before, server->listeners, sizeof(before));
    for (size_t i = 0; i < before_count; i++) loop_close(server->loop, before[i].handle);
    server->listener_count = 0;
    if (listeners_add_all(server)) return true;
    listeners_close(server);
    return false;
}

void listeners_close(struct server *server)
{
    /* The bus listener last: while it is open, others hold this node for alive. */
    for (int is_bus = 0; is_bus <= 1; is_bus++)
        for (size_t i = 0; i < server->listener_count; i++)
            if (server->listeners[i].is_bus == (is_bus == 1))
                loop_close(server->loop, server->listeners[i].handle);
    server->listener_count = 0;
}
