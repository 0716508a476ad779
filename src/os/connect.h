/* Connections that wait: for programs that do one thing at a time, such as the cli. */
#ifndef EIR_OS_CONNECT_H
#define EIR_OS_CONNECT_H

#include "base/bytes.h"
#include "base/err.h"

enum connect_family {
    CONNECT_ANY,
    CONNECT_IP4_FIRST,
    CONNECT_IP6_FIRST,
};

/* Tries every address of the name; `timeout_ms` is for each of them, 0: as long as it takes.
 * ERR_NOT_FOUND when the name is not known. */
NODISCARD enum err connect_tcp(const char *host, uint16_t port, enum connect_family family,
                               time_ms timeout_ms, int *fd);
/* The numeric address that a name stands for; `ip` holds `capacity` bytes. */
NODISCARD enum err connect_resolve(const char *host, char *ip, size_t capacity);
NODISCARD enum err connect_unix(const char *path, int *fd);
void connect_close(int fd);

/* Everything is sent when it returns. */
NODISCARD enum err connect_send(int fd, struct bytes bytes);
/* Waits for at least one byte; ERR_CLOSED at the end of the stream. */
NODISCARD enum err connect_receive(int fd, char *into, size_t capacity, size_t *got);

struct connect_ready {
    bool can_read;
    bool can_write;
};
/* Waits until the descriptor can be read (or written, if that is wanted too) without waiting.
 * Both false after the time-out; TIME_NEVER waits for ever. */
NODISCARD enum err connect_wait(int fd, bool wants_write, time_ms timeout_ms,
                                struct connect_ready *ready);
/* Sends what goes without waiting. */
NODISCARD enum err connect_send_some(int fd, struct bytes bytes, size_t *sent);

#endif
