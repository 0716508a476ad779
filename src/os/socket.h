/* Sockets: the system calls behind the loop, each as one small function. */
#ifndef EIR_OS_SOCKET_H
#define EIR_OS_SOCKET_H

#include "base/err.h"
#include "os/loop.h"

NODISCARD enum err socket_listen(const struct socket_address *address, int backlog, int *fd);
NODISCARD enum err socket_accept(int listener, int *fd);
/* Starts connecting without waiting; `source` is NULL or the address to connect from. */
NODISCARD enum err socket_connect_begin(const struct socket_address *address, const char *source,
                                        int *fd);
/* After the socket became writable. */
NODISCARD enum err socket_connect_result(int fd);
void socket_names(int fd, struct socket_address *remote, struct socket_address *local);
NODISCARD enum err socket_set_nonblocking(int fd);
void socket_set_keepalive(int fd, int seconds);

/* *got is 0 when nothing is there now; ERR_CLOSED at the end of the stream. */
NODISCARD enum err socket_read(int fd, char *into, size_t capacity, size_t *got);
NODISCARD enum err socket_read_pipe(int fd, char *into, size_t capacity, size_t *got);
/* Bytes that went; less than all when the socket is full or broken. */
size_t socket_send(int fd, const struct iovec *slices, size_t count);

#endif
