/* Connections that wait, made of non-blocking sockets and poll. */
#include "os/connect.h"

#include "os/socket.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int poll_timeout(time_ms timeout_ms)
{
    return timeout_ms == TIME_NEVER ? -1 : (int)MIN(timeout_ms, INT32_MAX);
}

enum err connect_wait(int fd, bool wants_write, time_ms timeout_ms, struct connect_ready *ready)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    if (wants_write) poll_fd.events |= POLLOUT;
    int count = poll(&poll_fd, 1, poll_timeout(timeout_ms));
    *ready = (struct connect_ready){ 0 };
    if (count < 0 && errno != EINTR) return err_from_errno(errno);
    if (count <= 0) return ERR_NONE;
    ready->can_read = (poll_fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    ready->can_write = (poll_fd.revents & (POLLOUT | POLLERR)) != 0;
    return ERR_NONE;
}

static enum err wait_writable(int fd, time_ms timeout_ms)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
    int count;
    do {
        count = poll(&poll_fd, 1, poll_timeout(timeout_ms));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return err_from_errno(errno);
    return count == 0 ? ERR_UNREACHABLE : ERR_NONE;
}

static enum err connect_address(const struct sockaddr *address, socklen_t size, time_ms timeout_ms,
                                int *fd)
{
    *fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) return err_from_errno(errno);
    enum err err = ERR_NONE;
    if (connect(*fd, address, size) < 0) {
        err = err_from_errno(errno);
        if (errno == EINPROGRESS) {
            err = wait_writable(*fd, timeout_ms > 0 ? timeout_ms : TIME_NEVER);
            if (!err) err = socket_connect_result(*fd);
        }
    }
    if (err) close(*fd);
    return err;
}

/* Addresses of the wanted family come first; the others are tried after them. */
static enum err connect_each(const struct addrinfo *list, int family, bool is_wanted,
                             time_ms timeout_ms, int *fd)
{
    enum err err = ERR_NOT_FOUND;
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        if ((family == AF_UNSPEC || at->ai_family == family) != is_wanted) continue;
        err = connect_address(at->ai_addr, at->ai_addrlen, timeout_ms, fd);
        if (!err) return ERR_NONE;
    }
    return err;
}

enum err connect_tcp(const char *host, uint16_t port, enum connect_family family,
                     time_ms timeout_ms, int *fd)
{
    static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6 };
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(host, service, &hints, &list) != 0) return ERR_NOT_FOUND;

    enum err err = connect_each(list, families[family], true, timeout_ms, fd);
    if (err && family != CONNECT_ANY) {
        enum err other = connect_each(list, families[family], false, timeout_ms, fd);
        if (other != ERR_NOT_FOUND) err = other;
    }
    freeaddrinfo(list);
    if (!err) setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    return err;
}

enum err connect_resolve(const char *host, char *ip, size_t capacity)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    if (getaddrinfo(host, NULL, &hints, &list) != 0) return ERR_NOT_FOUND;
    int result = getnameinfo(list->ai_addr, list->ai_addrlen, ip, (socklen_t)capacity, NULL, 0,
                             NI_NUMERICHOST);
    freeaddrinfo(list);
    return result != 0 ? ERR_NOT_FOUND : ERR_NONE;
}

enum err connect_unix(const char *path, int *fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!bytes_to_text(bytes_text(path), address.sun_path, sizeof(address.sun_path)))
        return ERR_INVALID;
    return connect_address((struct sockaddr *)&address, sizeof(address), 0, fd);
}

void connect_close(int fd)
{
    close(fd);
}

enum err connect_send_some(int fd, struct bytes bytes, size_t *sent)
{
    ssize_t count = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    *sent = count > 0 ? (size_t)count : 0;
    if (count >= 0 || errno == EAGAIN || errno == EINTR) return ERR_NONE;
    return err_from_errno(errno);
}

enum err connect_send(int fd, struct bytes bytes)
{
    while (bytes.size > 0) {
        size_t sent;
        enum err err = connect_send_some(fd, bytes, &sent);
        if (!err && sent == 0) err = wait_writable(fd, TIME_NEVER);
        if (err) return err;
        bytes = bytes_from(bytes, sent);
    }
    return ERR_NONE;
}

enum err connect_receive(int fd, char *into, size_t capacity, size_t *got)
{
    for (;;) {
        ssize_t count = recv(fd, into, capacity, 0);
        *got = count > 0 ? (size_t)count : 0;
        if (count > 0) return ERR_NONE;
        if (count == 0) return ERR_CLOSED;
        if (errno != EAGAIN && errno != EINTR) return err_from_errno(errno);
        struct connect_ready ready;
        enum err err = connect_wait(fd, false, TIME_NEVER, &ready);
        if (err) return err;
    }
}
