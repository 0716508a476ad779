/* Sockets: the system calls behind the loop, each as one small function. */
#include "os/socket.h"

#include "base/ensure.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union any_address {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
};

static socklen_t any_address_from(const struct socket_address *address, union any_address *to)
{
    memset(to, 0, sizeof(*to));
    if (address->is_unix) {
        to->local.sun_family = AF_UNIX;
        if (strlen(address->ip) >= sizeof(to->local.sun_path)) return 0;
        memcpy(to->local.sun_path, address->ip, strlen(address->ip) + 1);
        return sizeof(to->local);
    }
    if (inet_pton(AF_INET, address->ip, &to->ip4.sin_addr) == 1) {
        to->ip4.sin_family = AF_INET;
        to->ip4.sin_port = htons(address->port);
        return sizeof(to->ip4);
    }
    if (inet_pton(AF_INET6, address->ip, &to->ip6.sin6_addr) == 1) {
        to->ip6.sin6_family = AF_INET6;
        to->ip6.sin6_port = htons(address->port);
        return sizeof(to->ip6);
    }
    return 0;
}

static void any_address_to(const union any_address *from, struct socket_address *address)
{
    memset(address, 0, sizeof(*address));
    if (from->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &from->ip4.sin_addr, address->ip, sizeof(address->ip));
        address->port = ntohs(from->ip4.sin_port);
    } else if (from->any.sa_family == AF_INET6) {
        /* A client of a dual socket shows as IPv4, which is what it is. */
        if (IN6_IS_ADDR_V4MAPPED(&from->ip6.sin6_addr))
            inet_ntop(AF_INET, &from->ip6.sin6_addr.s6_addr[12], address->ip, sizeof(address->ip));
        else
            inet_ntop(AF_INET6, &from->ip6.sin6_addr, address->ip, sizeof(address->ip));
        address->port = ntohs(from->ip6.sin6_port);
    } else if (from->any.sa_family == AF_UNIX) {
        address->is_unix = true;
    }
}

enum err socket_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return err_from_errno(errno);
    return ERR_NONE;
}

static enum err socket_open(const union any_address *address, int *fd)
{
    *fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return *fd < 0 ? err_from_errno(errno) : ERR_NONE;
}

static enum err fail_and_close(int fd)
{
    enum err err = err_from_errno(errno);
    close(fd);
    return err;
}

enum err socket_listen(const struct socket_address *address, int backlog, int *fd)
{
    union any_address to;
    socklen_t size = any_address_from(address, &to);
    if (size == 0) return ERR_INVALID;
    enum err err = socket_open(&to, fd);
    if (err) return err;

    int yes = 1;
    if (address->is_unix)
        unlink(address->ip);
    else
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (to.any.sa_family == AF_INET6) setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
    if (bind(*fd, &to.any, size) < 0) return fail_and_close(*fd);
    /* Before anybody can connect. */
    if (address->is_unix && address->permissions != 0 &&
        chmod(address->ip, address->permissions) < 0)
        return fail_and_close(*fd);
    if (address->is_unix && address->has_group &&
        chown(address->ip, (uid_t)-1, (gid_t)address->group) < 0)
        return fail_and_close(*fd);
    if (listen(*fd, backlog) < 0) return fail_and_close(*fd);
    return ERR_NONE;
}

enum err socket_accept(int listener, int *fd)
{
    *fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (*fd < 0) return err_from_errno(errno);
    int yes = 1;
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); /* fails on a unix socket */
    return ERR_NONE;
}

enum err socket_connect_begin(const struct socket_address *address, const char *source, int *fd)
{
    union any_address to;
    union any_address from;
    socklen_t size = any_address_from(address, &to);
    if (size == 0) return ERR_INVALID;
    enum err err = socket_open(&to, fd);
    if (err) return err;

    int yes = 1;
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (source != NULL) {
        struct socket_address source_address = { .port = 0 };
        snprintf(source_address.ip, sizeof(source_address.ip), "%s", source);
        socklen_t source_size = any_address_from(&source_address, &from);
        if (source_size == 0 || bind(*fd, &from.any, source_size) < 0) return fail_and_close(*fd);
    }
    if (connect(*fd, &to.any, size) < 0 && errno != EINPROGRESS) return fail_and_close(*fd);
    return ERR_NONE;
}

enum err socket_connect_result(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return err_from_errno(errno);
    return error ? err_from_errno(error) : ERR_NONE;
}

void socket_names(int fd, struct socket_address *remote, struct socket_address *local)
{
    /* One that is gone already has no name; it must not pass for a local one. */
    union any_address name;
    socklen_t size = sizeof(name);
    if (getpeername(fd, &name.any, &size) < 0) name.any.sa_family = AF_UNSPEC;
    any_address_to(&name, remote);
    size = sizeof(name);
    if (getsockname(fd, &name.any, &size) < 0) name.any.sa_family = AF_UNSPEC;
    any_address_to(&name, local);
}

void socket_set_keepalive(int fd, int seconds)
{
    int yes = seconds > 0;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    if (!yes) return;
    int interval = MAX(seconds / 3, 1);
    int probes = 3;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static enum err read_result(ssize_t got, size_t *count)
{
    *count = got > 0 ? (size_t)got : 0;
    if (got > 0) return ERR_NONE;
    if (got == 0) return ERR_CLOSED;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return ERR_NONE;
    return err_from_errno(errno);
}

enum err socket_read(int fd, char *into, size_t capacity, size_t *got)
{
    return read_result(recv(fd, into, capacity, 0), got);
}

enum err socket_read_pipe(int fd, char *into, size_t capacity, size_t *got)
{
    return read_result(read(fd, into, capacity), got);
}

size_t socket_send(int fd, const struct iovec *slices, size_t count)
{
    /* The usual reply is one piece, for which the kernel has less to copy and check. */
    if (count == 1) {
        ssize_t sent = send(fd, slices[0].iov_base, slices[0].iov_len, MSG_NOSIGNAL);
        return sent > 0 ? (size_t)sent : 0;
    }
    struct msghdr message = { .msg_iov = (struct iovec *)slices, .msg_iovlen = count };
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    return sent > 0 ? (size_t)sent : 0;
}
