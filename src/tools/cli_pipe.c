/* Mass insertion. Behind the last request goes an ECHO of a random word: when that comes back,
 * every reply before it has come too, however many there are. */
#include "tools/cli_pipe.h"

#include "base/prng.h"
#include "os/clock.h"
#include "os/connect.h"
#include "os/terminal.h"
#include "resp/reply.h"
#include <stdio.h>

#define MARK_SIZE 20
#define READ_SIZE (64 * KIB)

struct pipe {
    struct cli_link *link;
    struct buffer pending; /* to be sent */
    char mark[MARK_SIZE];
    bool has_ended_input;
    bool is_done;
    int64_t replies;
    int64_t errors;
};

static void append_mark(struct pipe *pipe)
{
    struct prng prng;
    prng_init(&prng, clock_entropy());
    prng_hex(&prng, pipe->mark, MARK_SIZE);
    struct bytes argv[] = { BYTES("ECHO"), bytes_of(pipe->mark, MARK_SIZE) };
    /* The line end finishes an inline request that has none. */
    buffer_append_text(&pipe->pending, "\r\n");
    resp_write_command(&pipe->pending, 2, argv);
}

static void count_reply(struct pipe *pipe, const struct resp_value *value)
{
    if (value->type == RESP_PUSH) return;
    if (value->type == RESP_ERROR) {
        fprintf(stderr, "%s\n", value->text.data);
        ++pipe->errors;
    }
    struct bytes mark = bytes_of(pipe->mark, MARK_SIZE);
    if (pipe->has_ended_input && value->type == RESP_BULK && bytes_equal(value->text, mark)) {
        printf("Last reply received from server.\n");
        pipe->is_done = true;
    } else {
        ++pipe->replies;
    }
}

static enum err receive(struct pipe *pipe)
{
    char piece[READ_SIZE];
    size_t got;
    enum err err = connect_receive(pipe->link->fd, piece, sizeof(piece), &got);
    if (err) return err;
    resp_reader_feed(pipe->link->reader, bytes_of(piece, got));
    for (;;) {
        struct resp_value *value;
        enum resp_result result = resp_reader_next(pipe->link->reader, &value);
        if (result == RESP_BROKEN) return ERR_MALFORMED;
        if (result == RESP_MORE) return ERR_NONE;
        count_reply(pipe, value);
        resp_value_destroy(value);
    }
}

static enum err send_pending(struct pipe *pipe)
{
    size_t sent;
    enum err err = connect_send_some(pipe->link->fd, buffer_bytes(&pipe->pending), &sent);
    buffer_consume(&pipe->pending, sent);
    if (!err && pipe->has_ended_input && pipe->pending.size == 0)
        printf("All data transferred. Waiting for the last reply...\n");
    fflush(stdout);
    return err;
}

static enum err refill(struct pipe *pipe)
{
    enum err err = terminal_read(&pipe->pending);
    if (err != ERR_CLOSED) return err;
    pipe->has_ended_input = true;
    append_mark(pipe);
    return ERR_NONE;
}

/* One round: read ahead, then wait for the socket in both directions. */
static enum err step(struct pipe *pipe, bool *has_timed_out)
{
    enum err err = ERR_NONE;
    if (!pipe->has_ended_input && pipe->pending.size == 0) err = refill(pipe);
    if (err) return err;
    bool wants_write = pipe->pending.size > 0;
    time_ms timeout_ms = wants_write ? TIME_NEVER : pipe->link->options->pipe_timeout_ms;
    struct connect_ready ready;
    err = connect_wait(pipe->link->fd, wants_write, timeout_ms, &ready);
    *has_timed_out = !err && !ready.can_read && !ready.can_write;
    if (!err && ready.can_read) err = receive(pipe);
    if (!err && ready.can_write && wants_write) err = send_pending(pipe);
    return err;
}

int cli_pipe(struct cli_link *link)
{
    struct pipe pipe = { .link = link };
    if (cli_link_open(link)) return 1;
    enum err err = ERR_NONE;
    bool has_timed_out = false;
    while (!err && !pipe.is_done && !has_timed_out) err = step(&pipe, &has_timed_out);
    if (has_timed_out) {
        fprintf(stderr, "No replies for %lld seconds: exiting.\n",
                (long long)(link->options->pipe_timeout_ms / 1000));
        ++pipe.errors;
    }
    if (err == ERR_CLOSED)
        fprintf(stderr, "Error reading from the server: closed\n");
    else if (err)
        fprintf(stderr, "Error: %s\n", err_text(err));
    buffer_fini(&pipe.pending);
    printf("errors: %lld, replies: %lld\n", (long long)pipe.errors, (long long)pipe.replies);
    return err || pipe.errors > 0 ? 1 : 0;
}
