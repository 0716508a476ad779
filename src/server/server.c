/* A running server: one loop, one node, and the effects between them.
 *
 * A turn: wait; gather everything that is ready into inputs; one call of node_turn; perform its
 * effects in their order; send once per connection. Nothing else touches the node. */
#include "server/server.h"

#include "base/ensure.h"
#include "base/log.h"
#include "base/memory.h"
#include "os/append.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/pages.h"
#include "os/process.h"
#include "server/internal.h"
#include "server/log_file.h"
#include <signal.h>
#include <stdio.h>

/* A wait that ends this much late means that we were stopped, or the machine slept. */
#define GAP_MS 200
/* Files beside the clients' sockets: listeners, disk, pipes and the links of a large bus. */
#define FILES_RESERVED 2048

static struct node_clock server_read_clock(void)
{
    return (struct node_clock){ .now_ms = clock_now_ms(), .wall_ms = clock_wall_ms() };
}

/* What of the configuration the shell carries out; all of it or, told as failed, none. */
static void server_apply(struct server *server, uint32_t areas)
{
    const struct config *config = node_config(server->node);
    bool is_done = true;
    if (areas & CONFIG_AREA_DIRECTORY) is_done = process_change_directory(config->dir) == ERR_NONE;
    if (is_done && areas & CONFIG_AREA_LISTEN) is_done = listeners_open(server);
    server_add_input(server, NODE_APPLIED)->count = is_done ? 0 : 1;
}

static void server_write(struct server *server, struct node_write *write)
{
    writer_submit(server->writer, write->name, write->content);
    write->name = NULL;
    write->content = (struct buffer){ 0 };
    node_write_destroy(write);
}

static void server_perform(struct server *server, const struct node_effect *effect)
{
    switch (effect->type) {
    case NODE_SEND: connection_send(server, effect->connection); break;
    case NODE_CONNECT: connection_open(server, effect); break;
    case NODE_CLOSE: connection_close(server, effect->connection); break;
    case NODE_CLOSE_FLUSHED: connection_close_flushed(server, effect->connection); break;
    case NODE_HOLD:
    case NODE_UNHOLD: {
        bool is_held = effect->type == NODE_HOLD;
        struct connection *connection = connection_find(server, effect->connection);
        if (effect->connection == 0)
            child_hold(server, is_held);
        else if (connection != NULL && connection->is_up)
            loop_hold(server->loop, connection->handle, is_held);
        break;
    }
    case NODE_RESOLVE: resolver_ask(server->resolver, effect->token, effect->host); break;
    case NODE_FORK:
        node_mark(server->node, "sending");
        child_start(server, effect->job);
        node_mark(server->node, "fork");
        break;
    case NODE_KILL_CHILD: child_kill(server); break;
    case NODE_FREE: worker_submit(server->freeing, effect->garbage_free, effect->garbage); break;
    case NODE_WRITE: server_write(server, effect->write); break;
    case NODE_APPLY: server_apply(server, (uint32_t)effect->count); break;
    case NODE_STALL:
        process_stall(effect->count);
        node_mark(server->node, "DEBUG SLEEP");
        break;
    case NODE_EXIT:
        server->wants_exit = true;
        server->exit_code = effect->count;
        break;
    }
}

static void server_add_resolved(struct server *server)
{
    /* One a turn: the answer is borrowed from the server. The wake-up repeats for the rest. */
    if (!resolver_take(server->resolver, &server->resolved)) return;
    struct node_input *input = server_add_input(server, NODE_RESOLVED);
    input->token = server->resolved.token;
    input->count = server->resolved.count;
    input->addresses = (const char(*)[46])server->resolved.addresses;
    loop_wake(server->loop);
}

static void server_add_written(struct server *server)
{
    enum err err;
    while (writer_take(server->writer, &err))
        server_add_input(server, NODE_WRITTEN)->count = (size_t)err;
}

static void server_add_signal(struct server *server, int signal)
{
    struct node_input *input = server_add_input(server, NODE_SIGNAL);
    input->count = signal == SIGINT ? NODE_INTERRUPT : NODE_TERMINATE;
}

static void server_add_event(struct server *server, const struct loop_event *event)
{
    switch (event->type) {
    case LOOP_ACCEPTED: connection_accepted(server, event); break;
    case LOOP_SIGNALLED:
        if (event->count == SIGCHLD)
            child_reap(server);
        else
            server_add_signal(server, (int)event->count);
        break;
    case LOOP_WOKEN:
        server_add_resolved(server);
        server_add_written(server);
        break;
    default:
        if (event->tag == TAG_CHILD)
            child_event(server, event);
        else
            connection_event(server, event);
    }
}

static int server_wait_ms(struct server *server)
{
    /* Inputs that arose while effects were performed do not wait. */
    if (server->input_count > 0 || node_is_busy(server->node)) return 0;
    time_ms deadline_ms = node_deadline(server->node);
    /* The clock of before the sends: late by what they took, which is well below a deadline's
     * grain, and a clock call less a turn. */
    time_ms now_ms = server->clock.now_ms;
    if (deadline_ms <= now_ms) return 0;
    return (int)MIN(deadline_ms - now_ms, 1000);
}

static void server_check_gap(struct server *server, time_ms before_ms, int wait_ms)
{
    time_ms late_ms = server->clock.now_ms - before_ms - wait_ms;
    if (late_ms < GAP_MS) return;
    /* It must be the first input of the turn: what follows may depend on it. */
    server_add_input(server, NODE_GAP);
    memmove(server->inputs + 1, server->inputs,
            (server->input_count - 1) * sizeof(struct node_input));
    server->inputs[0] = (struct node_input){ .type = NODE_GAP, .count = (size_t)late_ms };
}

static void server_turn(struct server *server)
{
    struct loop_event events[EVENTS_A_TURN];
    int wait_ms = server_wait_ms(server);
    time_ms before_ms = server->clock.now_ms;
    size_t count = loop_wait(server->loop, wait_ms, events, EVENTS_A_TURN);
    server->clock = server_read_clock();
    server_check_gap(server, before_ms, wait_ms);
    for (size_t i = 0; i < count; i++) server_add_event(server, &events[i]);

    node_turn(server->node, server->clock, server->inputs, server->input_count, &server->effects);
    server->input_count = 0;
    server->names_used = 0;
    server->clock.now_ms = clock_now_ms();
    node_before_send(server->node, server->clock, &server->effects);
    for (size_t i = 0; i < server->effects.count; i++)
        server_perform(server, &server->effects.items[i]);
    node_effects_clear(&server->effects);
    node_turn_done(server->node);

    if (!server->was_ready && node_is_ready(server->node)) {
        server->was_ready = true;
        const struct config *config = node_config(server->node);
        if (config->port > 0) log_notice("Ready to accept connections tcp");
        if (config->unixsocket[0] != 0) log_notice("Ready to accept connections unix");
    }
}

static void server_wake(void *context)
{
    struct server *server = context;
    loop_wake(server->loop);
}

static void server_measure(struct node_measures *measures)
{
    measures->resident_bytes = process_resident();
    clock_cpu(false, &measures->cpu_user_us, &measures->cpu_system_us);
    clock_cpu(true, &measures->cpu_user_children_us, &measures->cpu_system_children_us);
}

static bool server_create_node(struct server *server, struct config *config)
{
    process_executable(server->executable, sizeof(server->executable));
    process_system(server->system, sizeof(server->system));
    struct node_options options = {
        .measure = server_measure,
        .raise_files = process_raise_file_limit,
        .system = server->system,
        .loop = loop_backend_name(server->loop),
        .config = config,
        .disk = server->disk,
        .seed = clock_entropy(),
        .ticks = clock_ticks,
        .process_id = process_id(),
        .executable = server->executable,
        .config_path = config->file,
        .memory_total = process_memory_total(),
    };
    char why[256];
    server->clock = server_read_clock();
    enum err err = node_create(&options, server->clock, &server->node, why);
    if (err) log_warning("%s", why);
    return err == ERR_NONE;
}

static enum loop_choice loop_choice_of(enum config_loop word)
{
    switch (word) {
    case CONFIG_LOOP_EPOLL: return LOOP_EPOLL;
    case CONFIG_LOOP_URING: return LOOP_URING;
    case CONFIG_LOOP_AUTO: break;
    }
    return LOOP_AUTO;
}

static void report_loop(const struct loop *loop, enum config_loop word)
{
    const char *name = loop_backend_name(loop);
    const char *why = loop_why_epoll(loop);
    if (why[0] == 0)
        log_notice("Event loop: %s", name);
    else if (word == CONFIG_LOOP_URING)
        log_warning("Event loop: %s, because io_uring is not to be had (%s)", name, why);
    else
        log_notice("Event loop: %s (%s)", name, why);
}

/* Before the first key: regions that exist already stay as they are. */
static void settle_pages(const struct config *config)
{
    enum pages_policy policy = pages_policy();
    const char *what = "yes";
    if (!config->large_pages)
        what = "no (as configured)";
    else if (policy == PAGES_NEVER)
        what = "no (the system has none)";
    else if (!memory_use_large_pages(pages_advise))
        what = "no (this build leaves every object to the C library)";
    log_notice("Large pages for keys: %s", what);
    if (!config->disable_thp || policy != PAGES_UNASKED) return;
    if (!config->large_pages)
        pages_refuse_all();
    else if (!pages_refuse_unasked())
        log_notice("disable-thp: this kernel cannot refuse huge pages that nobody asked for and "
                   "keep those of large-pages; they are left as the system has them");
}

/* A connection over the system's limit would hang unanswered: fewer clients are promised then. */
static bool limit_clients(struct config *config)
{
    size_t clients = (size_t)config->maxclients;
    size_t files = process_raise_file_limit(clients + FILES_RESERVED);
    if (files >= clients + NODE_FILES_RESERVED) return true;
    if (files <= NODE_FILES_RESERVED) {
        log_warning("Only %zu files may be open, which is not enough to start; increase "
                    "'ulimit -n' to at least %zu",
                    files, clients + NODE_FILES_RESERVED);
        return false;
    }
    config->maxclients = (int64_t)(files - NODE_FILES_RESERVED);
    log_warning("Only %zu files may be open: maxclients has been reduced to %lld; if you need "
                "more, increase 'ulimit -n'",
                files, (long long)config->maxclients);
    return true;
}

static bool server_open(struct server *server, struct config *config)
{
    process_prepare_signals();
    settle_pages(config);
    memory_use_background_thread(config->jemalloc_bg_thread); /* after signals: it inherits them */
    if (!limit_clients(config)) return false;
    server->disk = os_disk_create();
    server->loop = loop_create(loop_choice_of(config->loop_backend));
    report_loop(server->loop, config->loop_backend);
    static const int signals[] = { SIGTERM, SIGINT, SIGCHLD };
    enum err err = loop_signals(server->loop, signals, COUNT_OF(signals));
    ensure(err == ERR_NONE);
    server->freeing = worker_create("eir-free");
    server->resolver = resolver_create(server_wake, server);
    server->writer = writer_create(server->disk, server_wake, server);
    node_effects_init(&server->effects);
    if (!server_create_node(server, config)) return false;
    log_file_set_node(server->log_file, server->node);
    if (!listeners_open(server)) return false;
    bool is_reached = false;
    for (size_t i = 0; i < server->listener_count; i++) is_reached |= !server->listeners[i].is_bus;
    if (!is_reached) log_warning("Configured to not listen anywhere, exiting.");
    return is_reached;
}

static void server_close(struct server *server)
{
    child_kill(server);
    /* Listeners last, the bus listener last of all (see listeners_close). */
    for (size_t i = 0; i < server->connection_capacity; i++)
        if (server->connections[i].number != 0)
            connection_close(server, server->connections[i].number);
    log_file_set_node(server->log_file, NULL);
    if (server->node != NULL) node_destroy(server->node);
    node_effects_fini(&server->effects);
    worker_destroy(server->freeing);
    resolver_destroy(server->resolver);
    writer_destroy(server->writer);
    listeners_close(server);
    loop_destroy(server->loop);
    os_disk_destroy(server->disk);
    memory_free(server->connections);
    memory_free(server->inputs);
}

int server_run(struct config *config, struct log_file *log_file)
{
    struct server *server = memory_alloc_zero(sizeof(*server));
    server->log_file = log_file;
    bool is_open = server_open(server, config);
    server->exit_code = 1;
    if (is_open) {
        log_notice("Server initialized");
        while (!server->wants_exit) server_turn(server);
        const struct config *at_end = node_config(server->node);
        if (at_end->unixsocket[0] != 0) os_remove_file(at_end->unixsocket);
    }
    int code = server->exit_code;
    server_close(server);
    memory_free(server);
    return code;
}
