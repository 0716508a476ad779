/* Measuring another process, and starting it so that it can be measured. */
#include "os/probe.h"

#include "os/process.h"
#include "os/socket.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

size_t probe_cores(int *cores, size_t capacity)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) < 0) return 0;
    size_t count = 0;
    for (int core = 0; core < CPU_SETSIZE && count < capacity; core++)
        if (CPU_ISSET(core, &set)) cores[count++] = core;
    return count;
}

enum err probe_pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return sched_setaffinity(0, sizeof(set), &set) < 0 ? err_from_errno(errno) : ERR_NONE;
}

/* A file of /proc, terminated; false when the process is gone. */
static bool read_of_process(long pid, const char *name, char *text, size_t capacity)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t got = read(fd, text, capacity - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    return got > 0;
}

void probe_cpu_parts(long pid, time_us *user, time_us *system)
{
    char text[1024];
    unsigned long user_ticks = 0;
    unsigned long system_ticks = 0;
    if (read_of_process(pid, "stat", text, sizeof(text))) {
        const char *behind_name = strrchr(text, ')');
        /* Fields 14 and 15; the state behind the name is the third. */
        if (behind_name == NULL ||
            sscanf(behind_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                   &user_ticks, &system_ticks) != 2)
            user_ticks = system_ticks = 0;
    }
    time_us tick = 1000000 / (time_us)sysconf(_SC_CLK_TCK);
    *user = (time_us)user_ticks * tick;
    *system = (time_us)system_ticks * tick;
}

size_t probe_resident(long pid)
{
    char text[128];
    unsigned long resident = 0;
    if (!read_of_process(pid, "statm", text, sizeof(text)) ||
        sscanf(text, "%*u %lu", &resident) != 1)
        return 0;
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* As realpath(3), which wants a buffer of PATH_MAX. */
static bool is_program(const char *path, char *absolute, size_t capacity)
{
    char real[PATH_MAX];
    struct stat about;
    if (realpath(path, real) == NULL || access(real, X_OK) < 0) return false;
    if (stat(real, &about) < 0 || !S_ISREG(about.st_mode)) return false;
    int size = snprintf(absolute, capacity, "%s", real);
    return size > 0 && (size_t)size < capacity;
}

bool probe_find_program(const char *name, char *path, size_t capacity)
{
    if (strchr(name, '/') != NULL) return is_program(name, path, capacity);
    const char *at = getenv("PATH");
    while (at != NULL && *at != 0) {
        size_t size = strcspn(at, ":");
        char candidate[PATH_MAX];
        snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)size, at, name);
        if (is_program(candidate, path, capacity)) return true;
        at += size + (at[size] == ':');
    }
    return false;
}

static _Noreturn void become_program(const struct probe_program *program)
{
    if (program->core >= 0 && probe_pin(program->core) != ERR_NONE) _exit(126);
    int in = open("/dev/null", O_RDONLY);
    if (in >= 0) dup2(in, STDIN_FILENO);
    if (program->output_path != NULL) {
        int out = open(program->output_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (out < 0) _exit(126);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        if (out > STDERR_FILENO) close(out);
    }
    if (in > STDERR_FILENO) close(in);
    if (program->directory != NULL && chdir(program->directory) < 0) _exit(126);
    execv(program->argv[0], program->argv);
    _exit(127);
}

long probe_start(const struct probe_program *program)
{
    int no_pipe;
    long pid = process_fork(false, &no_pipe);
    if (pid == 0) become_program(program);
    return pid;
}

static bool is_free(uint16_t port)
{
    struct socket_address address = { .ip = "127.0.0.1", .port = port };
    int fd;
    if (socket_listen(&address, 1, &fd) != ERR_NONE) return false;
    close(fd);
    return true;
}

uint16_t probe_free_port(uint16_t from)
{
    enum { COUNT = 2700 }; /* with their bus ports below the ephemeral range */
    for (unsigned i = 0; i < COUNT; i++) {
        uint16_t port = (uint16_t)(PROBE_PORT_FIRST + ((unsigned)from + i) % COUNT);
        if (is_free(port) && is_free((uint16_t)(port + 10000))) return port;
    }
    return 0;
}

enum err probe_make_directory(char *path, size_t capacity)
{
    const char *place = getenv("TMPDIR");
    snprintf(path, capacity, "%s/eir-benchmark-XXXXXX", place != NULL ? place : "/tmp");
    return mkdtemp(path) == NULL ? err_from_errno(errno) : ERR_NONE;
}

static void remove_files(const char *path, int depth)
{
    DIR *directory = opendir(path);
    if (directory == NULL) return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char below[512];
        int size = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (size < 0 || (size_t)size >= sizeof(below)) continue;
        if (unlink(below) < 0 && errno == EISDIR && depth > 0) {
            remove_files(below, depth - 1);
            rmdir(below);
        }
    }
    closedir(directory);
}

void probe_remove_directory(const char *path)
{
    remove_files(path, 1);
    rmdir(path);
}
