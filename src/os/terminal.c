/* The terminal: whether it is there, reading from it, hiding what is typed, pausing. */
#include "os/terminal.h"

#include <errno.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE (64 * KIB)

bool terminal_is_attached(enum terminal_stream stream)
{
    return isatty((int)stream) == 1;
}

enum err terminal_read(struct buffer *into)
{
    ssize_t got;
    char *room = buffer_reserve(into, READ_SIZE);
    do {
        got = read(STDIN_FILENO, room, READ_SIZE);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return err_from_errno(errno);
    into->size += (size_t)got;
    return got == 0 ? ERR_CLOSED : ERR_NONE;
}

static void write_text(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored; /* a prompt that cannot be shown is no reason to stop */
}

enum err terminal_read_secret(const char *prompt, struct buffer *into)
{
    struct termios before;
    bool has_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (has_terminal) {
        struct termios hidden = before;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        write_text(prompt);
    }
    enum err err = ERR_NONE;
    for (char byte; !err;) {
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0) err = err_from_errno(errno);
        if (got <= 0 || byte == '\n') break;
        buffer_append_byte(into, byte);
    }
    if (has_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        write_text("\n");
    }
    return err;
}

void terminal_pause(time_us pause_us)
{
    struct timespec left = { .tv_sec = pause_us / 1000000, .tv_nsec = pause_us % 1000000 * 1000 };
    while (nanosleep(&left, &left) < 0 && errno == EINTR) {}
}
