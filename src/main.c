/* Reads the arguments, starts a server. */
#include "base/log.h"
#include "base/memory.h"
#include "node/config.h"
#include "os/append.h"
#include "os/disk.h"
#include "os/process.h"
#include "server/log_file.h"
#include "server/server.h"
#include <stdio.h>

#define VALKEY_VERSION "9.1.2" /* what we are compatible with */

static int print_version(void)
{
    struct memory_stats stats;
    memory_stats_read(&stats);
    printf("Eir server v=%s (compatible with Valkey %s) malloc=%s bits=64\n", EIR_VERSION,
           VALKEY_VERSION, stats.allocator);
    return 0;
}

static int print_usage(int code)
{
    printf("Usage: eir-server [/path/to/valkey.conf] [options] [-]\n"
           "       eir-server - (read the configuration from standard input)\n"
           "       eir-server -v or --version\n"
           "       eir-server -h or --help\n"
           "\n"
           "Every option of the configuration file may be given as --option value.\n"
           "\n"
           "Examples:\n"
           "       eir-server                 a server on port 6379\n"
           "       eir-server --port 7777     on another port\n"
           "       eir-server /etc/eir/valkey.conf --loglevel verbose\n"
           "       eir-server --port 7000 --cluster-enabled yes \\\n"
           "           --cluster-seeds 127.0.0.1:7000 --cluster-shards 3 \\\n"
           "           --cluster-replicas-per-shard 1\n"
           "                                  one of six nodes that form a cluster themselves\n");
    return code;
}

static void warn(void *context, bool is_grave, const char *message)
{
    (void)context;
    if (is_grave)
        log_warning("%s", message);
    else
        log_notice("%s", message);
}

static bool load(struct config *config, int count, char *const *words)
{
    struct config_arguments arguments;
    struct config_error error;
    config_arguments_init(&arguments, count, words);
    config_error_init(&error);
    struct buffer input = { 0 };
    if (arguments.wants_input) os_read_input(&input);

    char directory[4096] = "";
    enum err err = process_working_directory(directory, sizeof(directory));
    struct disk *disk = os_disk_create();
    bool is_loaded = err == ERR_NONE &&
                     config_load(config, disk, directory, &arguments, buffer_bytes(&input), &error);
    if (!is_loaded) {
        struct buffer report = { 0 };
        config_error_print(&error, &report);
        fwrite(report.data, 1, report.size, stderr);
        buffer_fini(&report);
    }
    os_disk_destroy(disk);
    buffer_fini(&input);
    config_error_fini(&error);
    config_arguments_fini(&arguments);
    return is_loaded;
}

static bool settle(const struct config *config)
{
    if (config->dir[0] != 0) {
        enum err err = process_change_directory(config->dir);
        if (err) {
            fprintf(stderr, "Can't chdir to '%s': %s\n", config->dir, err_text(err));
            return false;
        }
    }
    const char *refusal = config->logfile[0] != 0 ? os_append_refusal(config->logfile) : NULL;
    if (refusal != NULL) {
        fprintf(stderr,
                "\n*** FATAL CONFIG FILE ERROR (Version " VALKEY_VERSION ") ***\n"
                "Can't open the log file: %s\n",
                refusal);
        return false;
    }
    if (config->daemonize) {
        enum err err = process_daemonize();
        if (err) {
            fprintf(stderr, "Can't become a daemon: %s\n", err_text(err));
            return false;
        }
    }
    return true;
}

/* A daemon has a pid file even where none is configured. */
static const char *pid_file_of(const struct config *config)
{
    if (config->pidfile[0] != 0) return config->pidfile;
    return config->daemonize ? "/var/run/valkey.pid" : "";
}

static int serve(struct config *config)
{
    struct log_file *log_file = log_file_open(config);
    char *pid_file = memory_copy_text(pid_file_of(config));
    char text[32];
    snprintf(text, sizeof(text), "%ld\n", process_id());
    if (pid_file[0] != 0 && !os_write_file(pid_file, bytes_text(text)))
        log_warning("Failed to write the pid file %s", pid_file);
    log_notice("Eir %s is starting, compatible with Valkey %s, PID: %ld", EIR_VERSION,
               VALKEY_VERSION, process_id());
    config_warnings(config, warn, NULL);
    log_notice("Running mode=%s, port=%d.", config->cluster_enabled ? "cluster" : "standalone",
               (int)config->port);
    int code = server_run(config, log_file);
    if (pid_file[0] != 0) os_remove_file(pid_file);
    memory_free(pid_file);
    log_file_close(log_file);
    return code;
}

/* How it was started, to be started so again (DEBUG RESTART). */
struct start {
    char executable[4096];
    char directory[4096];
};

static void start_init(struct start *start)
{
    process_executable(start->executable, sizeof(start->executable));
    if (process_working_directory(start->directory, sizeof(start->directory)))
        start->directory[0] = '\0';
}

int main(int count, char **words)
{
    if (count == 2) {
        if (strcmp(words[1], "-v") == 0 || strcmp(words[1], "--version") == 0)
            return print_version();
        if (strcmp(words[1], "-h") == 0 || strcmp(words[1], "--help") == 0) return print_usage(0);
    }
    struct start start;
    start_init(&start);
    struct config *config = config_create();
    if (!load(config, count - 1, words + 1) || !settle(config)) {
        config_destroy(config);
        return 1;
    }
    int code = serve(config);
    if (code != NODE_RESTARTS) return code;
    process_restart(start.executable, start.directory, words);
    return 1;
}
