/* Small files beside the data: log, pid file, standard input. */
#include "os/append.h"

#include "base/buffer.h"
#include "os/process.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool write_to(const char *path, int flags, struct bytes content)
{
    int fd = open(path, flags | O_CLOEXEC, 0644);
    if (fd < 0) return false;
    enum err err = process_write_all(fd, content.data, content.size);
    close(fd);
    return err == ERR_NONE;
}

void os_append_line(const char *path, struct bytes line)
{
    if (path[0] != 0) {
        write_to(path, O_WRONLY | O_CREAT | O_APPEND, line);
        return;
    }
    enum err err = process_write_all(STDOUT_FILENO, line.data, line.size);
    (void)err;
}

bool os_write_file(const char *path, struct bytes content)
{
    return write_to(path, O_WRONLY | O_CREAT | O_TRUNC, content);
}

const char *os_append_refusal(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) return strerror(errno);
    close(fd);
    return NULL;
}

void os_remove_file(const char *path)
{
    int result = unlink(path);
    (void)result;
}

void os_read_input(struct buffer *into)
{
    for (;;) {
        char *room = buffer_reserve(into, 4096);
        ssize_t got = read(STDIN_FILENO, room, 4096);
        if (got <= 0) return;
        into->size += (size_t)got;
    }
}
