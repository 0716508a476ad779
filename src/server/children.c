/* Children: a forked copy of the process that writes a snapshot, to the disk or to a pipe. */
#include "server/internal.h"

#include "base/ensure.h"
#include "base/log.h"
#include "base/sink.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/process.h"

struct pipe_sink {
    struct sink sink;
    int fd;
};

static enum err pipe_write(struct sink *sink, struct bytes bytes)
{
    struct pipe_sink *pipe = CONTAINER_OF(sink, struct pipe_sink, sink);
    return process_write_all(pipe->fd, bytes.data, bytes.size);
}

/* First thing in the child: nothing that it inherited may outlive the parent. */
static _Noreturn void child_run(struct server *server, enum child_job job, int pipe_fd)
{
    loop_abandon(server->loop);
    os_disk_abandon_locks(server->disk);
    process_be_nice();
    struct pipe_sink pipe = { .sink.write = pipe_write, .fd = pipe_fd };
    process_exit_child(node_child_run(server->node, job, &pipe.sink));
}

static void child_ended(struct server *server, int code)
{
    struct node_input *input = server_add_input(server, NODE_CHILD_EXITED);
    input->count = (size_t)code;
    server->child = (struct child){ .pid = 0 };
}

void child_start(struct server *server, enum child_job job)
{
    ensure(server->child.pid == 0);
    int pipe_fd = -1;
    uint64_t start = clock_ticks();
    long pid = process_fork(job == CHILD_STREAM, &pipe_fd);
    if (pid == 0) child_run(server, job, pipe_fd);
    if (pid < 0) {
        log_warning("Can't save in background: fork failed");
        child_ended(server, 1);
        return;
    }
    server->child = (struct child){ .pid = pid, .pipe = LOOP_HANDLE_NONE };
    server_add_input(server, NODE_CHILD_STARTED)->count = (clock_ticks() - start) / 1000;
    if (job != CHILD_STREAM) return;
    enum err err = loop_adopt(server->loop, pipe_fd, TAG_CHILD, &server->child.pipe);
    ensure(err == ERR_NONE);
}

void child_hold(struct server *server, bool is_held)
{
    if (server->child.pid == 0 || server->child.pipe == LOOP_HANDLE_NONE) return;
    server->child.is_held = is_held;
    loop_hold(server->loop, server->child.pipe, is_held);
}

void child_kill(struct server *server)
{
    if (server->child.pid != 0) process_kill(server->child.pid);
}

void child_event(struct server *server, const struct loop_event *event)
{
    if (event->type == LOOP_RECEIVED) {
        struct node_input *input = server_add_input(server, NODE_CHILD_BYTES);
        input->bytes = event->bytes;
    } else if (event->type == LOOP_CLOSED) {
        /* The last bytes are in: only now may its exit be told. */
        server->child.pipe = LOOP_HANDLE_NONE;
        child_reap(server);
    }
}

void child_reap(struct server *server)
{
    if (server->child.pid == 0 || server->child.pipe != LOOP_HANDLE_NONE) return;
    int code;
    if (process_reap(server->child.pid, &code)) child_ended(server, code);
}
