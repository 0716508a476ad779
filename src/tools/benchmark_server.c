/* Starting servers for a measurement: alike in everything but the program. */
#include "tools/benchmark_server.h"

#include "base/memory.h"
#include "base/number.h"
#include "os/clock.h"
#include "os/disk.h"
#include "os/probe.h"
#include "os/process.h"
#include "resp/request.h"
#include <stdio.h>

#define START_MS 60000
#define TRIES    5
#define ARGS_MAX 200
#define LOG_MAX  (64 * KIB)

/* Nothing that runs beside the requests: no snapshots, no log. */
static const char *const common_words[] = {
    "--bind",           "127.0.0.1", "--save",      "",   "--appendonly", "no",
    "--protected-mode", "no",        "--daemonize", "no", "--maxclients", "12000",
    "--loglevel",       "warning",
};

static long launch(struct measured_server *server, struct request *extra, const char *log_path)
{
    char port[8];
    snprintf(port, sizeof(port), "%u", server->address.port);
    char *argv[ARGS_MAX];
    size_t argc = 0;
    argv[argc++] = memory_copy_text(server->program);
    argv[argc++] = memory_copy_text("--port");
    argv[argc++] = memory_copy_text(port);
    for (size_t i = 0; i < COUNT_OF(common_words); i++)
        argv[argc++] = memory_copy_text(common_words[i]);
    if (server->setup.is_clustered) {
        argv[argc++] = memory_copy_text("--cluster-enabled");
        argv[argc++] = memory_copy_text("yes");
    }
    for (uint32_t i = 0; i < extra->argc && argc < ARGS_MAX - 1; i++)
        argv[argc++] = bytes_copy_text(extra->argv[i]);
    argv[argc] = NULL;
    long pid = probe_start(&(struct probe_program){ .argv = argv,
                                                    .directory = server->directory,
                                                    .output_path = log_path,
                                                    .core = server->setup.core });
    for (size_t i = 0; i < argc; i++) memory_free(argv[i]);
    return pid;
}

static bool answers(struct measured_server *server)
{
    if (server->link.fd < 0 && benchmark_link_open(&server->link, &server->address) != ERR_NONE)
        return false;
    struct resp_value *pong = benchmark_link_ask(&server->link, "PING", NULL);
    bool is_ready = pong != NULL && pong->type == RESP_SIMPLE;
    if (pong == NULL) benchmark_link_close(&server->link);
    resp_value_destroy(pong);
    return is_ready;
}

/* One node alone with all slots. */
static bool form(struct measured_server *server)
{
    struct bytes slots[] = { BYTES("CLUSTER"), BYTES("ADDSLOTSRANGE"), BYTES("0"), BYTES("16383") };
    if (!benchmark_link_order(&server->link, COUNT_OF(slots), slots)) return false;
    time_ms deadline_ms = clock_now_ms() + START_MS;
    while (clock_now_ms() < deadline_ms) {
        struct resp_value *info = benchmark_link_ask(&server->link, "CLUSTER", "INFO", NULL);
        bool is_ok = info != NULL && info->text.data != NULL &&
                     strstr(info->text.data, "cluster_state:ok") != NULL;
        resp_value_destroy(info);
        if (is_ok) return true;
        process_stall(20);
    }
    return false;
}

static void say_ended(const struct measured_server *server, int code)
{
    fprintf(stderr, "%s ended with %d; it said:\n", server->setup.program, code);
    struct disk *disk = os_disk_create();
    struct buffer log = { 0 };
    char path[300];
    snprintf(path, sizeof(path), "%s/log", server->directory);
    if (disk_read_whole(disk, path, LOG_MAX, &log) == ERR_NONE)
        fprintf(stderr, "%.*s\n", (int)log.size, log.data);
    buffer_fini(&log);
    os_disk_destroy(disk);
}

enum start {
    START_GOOD,
    START_AGAIN, /* somebody else has taken the port meanwhile */
    START_BAD,   /* standard error was told */
};

static enum start wait_until_it_answers(struct measured_server *server, uint64_t launched_ns)
{
    int code;
    while (!answers(server)) {
        if (process_reap(server->pid, &code)) {
            server->pid = -1;
            if (probe_free_port((uint16_t)(server->address.port - PROBE_PORT_FIRST)) !=
                server->address.port)
                return START_AGAIN;
            say_ended(server, code);
            return START_BAD;
        }
        if (clock_ticks() - launched_ns > START_MS * UINT64_C(1000000)) {
            fprintf(stderr, "%s does not answer on port %u\n", server->setup.program,
                    server->address.port);
            return START_BAD;
        }
        process_stall(1);
    }
    server->start_ns = clock_ticks() - launched_ns;
    /* Somebody else's server would be measured with the CPU time of ours. */
    return measured_server_info(server, "process_id") == (uint64_t)server->pid ? START_GOOD
                                                                               : START_AGAIN;
}

static void end_process(struct measured_server *server)
{
    benchmark_link_close(&server->link);
    int code;
    if (server->pid > 0) {
        process_kill(server->pid);
        while (!process_reap(server->pid, &code)) process_stall(1);
    }
    server->pid = -1;
}

static bool start(struct measured_server *server, struct request *extra)
{
    char log_path[300];
    snprintf(log_path, sizeof(log_path), "%s/log", server->directory);
    enum start result = START_AGAIN;
    for (int tries = 0; tries < TRIES && result == START_AGAIN; tries++) {
        end_process(server);
        server->address.port = probe_free_port((uint16_t)(clock_entropy() % 2700));
        uint64_t launched_ns = clock_ticks();
        server->pid = launch(server, extra, log_path);
        result = server->pid > 0 ? wait_until_it_answers(server, launched_ns) : START_BAD;
    }
    if (result == START_AGAIN)
        fprintf(stderr, "%s is not the process that answers on its port\n", server->setup.program);
    if (result != START_GOOD) return false;
    if (!server->setup.is_clustered || form(server)) return true;
    fprintf(stderr, "%s does not serve all slots of a cluster\n", server->setup.program);
    return false;
}

bool measured_server_start(struct measured_server *server, const struct server_setup *setup)
{
    *server = (struct measured_server){ .setup = *setup, .pid = -1, .link.fd = -1 };
    snprintf(server->address.ip, sizeof(server->address.ip), "127.0.0.1");
    if (!probe_find_program(setup->program, server->program, sizeof(server->program))) {
        fprintf(stderr, "There is no program %s\n", setup->program);
        return false;
    }
    struct request extra;
    request_init(&extra);
    bool is_good = request_split_line(bytes_text(setup->arguments), &extra);
    if (!is_good) fprintf(stderr, "Unbalanced quotes in \"%s\"\n", setup->arguments);
    if (is_good && probe_make_directory(server->directory, sizeof(server->directory))) {
        fprintf(stderr, "Can't make a directory for %s\n", setup->program);
        server->directory[0] = 0;
        is_good = false;
    }
    is_good = is_good && start(server, &extra);
    request_fini(&extra);
    if (!is_good) measured_server_stop(server);
    return is_good;
}

void measured_server_stop(struct measured_server *server)
{
    end_process(server);
    if (server->directory[0] != 0) probe_remove_directory(server->directory);
    server->directory[0] = 0;
}

uint64_t measured_server_info(struct measured_server *server, const char *name)
{
    return benchmark_link_info(&server->link, name);
}

bool measured_server_order(struct measured_server *server, const char *first, const char *second)
{
    struct resp_value *value = benchmark_link_ask(&server->link, first, second, NULL);
    bool is_good = value != NULL && value->type != RESP_ERROR;
    resp_value_destroy(value);
    return is_good;
}
