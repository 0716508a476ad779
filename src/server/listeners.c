/* Listeners: the addresses and ports on which clients and peers are accepted. */
#include "server/internal.h"

#include "base/log.h"
#include "os/connect.h"
#include "os/process.h"

/* "*" is every IPv4 address, "::*" every IPv6 one, a name the address it stands for; a leading '-'
 * forgives an address that the machine does not have. */
static enum err address_of(const char *word, uint16_t port, struct socket_address *address)
{
    if (word[0] == '-') word++;
    *address = (struct socket_address){ .port = port };
    if (strcmp(word, "*") == 0) word = "0.0.0.0";
    if (strcmp(word, "::*") == 0) word = "::";
    /* Numbers are what they are; only names are looked up, which may take its time. */
    return connect_resolve(word, address->ip, sizeof(address->ip));
}

/* As the system says it: operators look for these words. */
static const char *reason_text(enum err err)
{
    switch (err) {
    case ERR_EXISTS: return "Address already in use";
    case ERR_UNREACHABLE: return "Cannot assign requested address";
    case ERR_PERMISSION: return "Permission denied";
    case ERR_NOT_FOUND: return "No such file or directory";
    default: return err_text(err);
    }
}

static enum err listeners_add(struct server *server, const struct socket_address *address,
                              bool is_bus)
{
    const struct config *config = node_config(server->node);
    if (server->listener_count == LISTENERS_MAX) return ERR_TOO_LARGE;
    struct listener *listener = &server->listeners[server->listener_count];
    enum err err = loop_listen(server->loop, address, (int)config->tcp_backlog,
                               is_bus ? TAG_BUS_LISTENER : TAG_CLIENT_LISTENER, &listener->handle);
    if (err) return err;
    listener->is_bus = is_bus;
    server->listener_count++;
    return ERR_NONE;
}

static bool listeners_add_port(struct server *server, uint16_t port, bool is_bus)
{
    const struct config *config = node_config(server->node);
    for (size_t i = 0; i < config->bind.count; i++) {
        const char *word = config->bind.items[i];
        bool is_optional = word[0] == '-';
        struct socket_address address;
        enum err err = address_of(word, port, &address);
        bool is_known = err == ERR_NONE;
        if (is_known) err = listeners_add(server, &address, is_bus);
        if (!err) continue;
        log_warning("Warning: Could not create server TCP listening socket %s:%u: %s%s",
                    word + is_optional, port, is_known ? "bind: " : "",
                    is_known ? reason_text(err) : "Name or service not known");
        /* Only an address that is not there is forgiven, not one that somebody else has. */
        if (!is_optional || err == ERR_EXISTS || err == ERR_PERMISSION) return false;
    }
    return true;
}

static bool listeners_add_unix(struct server *server)
{
    const struct config *config = node_config(server->node);
    struct socket_address address = { .is_unix = true,
                                      .permissions = (unsigned)config->unixsocketperm,
                                      .has_group = config->unixsocketgroup[0] != 0 };
    if (!bytes_to_text(bytes_text(config->unixsocket), address.ip, sizeof(address.ip))) {
        log_warning("Failed opening Unix socket: path is too long");
        return false;
    }
    if (address.has_group && process_find_group(config->unixsocketgroup, &address.group)) {
        log_warning("Failed opening Unix socket: getgrnam error for group '%s'",
                    config->unixsocketgroup);
        return false;
    }
    enum err err = listeners_add(server, &address, false);
    if (err) log_warning("Failed opening Unix socket: bind: %s", reason_text(err));
    return err == ERR_NONE;
}

static bool listeners_add_all(struct server *server)
{
    const struct config *config = node_config(server->node);
    if (config->port > 0 && !listeners_add_port(server, (uint16_t)config->port, false)) {
        log_warning("Failed listening on port %d (tcp), aborting.", (int)config->port);
        return false;
    }
    if (config->unixsocket[0] != 0 && !listeners_add_unix(server)) return false;
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
    if (before_count > 0)
        log_warning("Failed applying new configuration of listeners. Restoring previous settings.");
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
