/* The process and its machine: forking, limits, daemon, pid file.
 *
 * A child must never keep alive what belongs to its parent: it dies with it (PR_SET_PDEATHSIG),
 * and the server closes sockets and locks first thing in it. Otherwise a killed primary with a
 * snapshot child would still hold its bus listener, and nobody could be sure that it is dead. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

long process_id(void)
{
    return (long)getpid();
}

void process_executable(char *path, size_t capacity)
{
    ssize_t size = readlink("/proc/self/exe", path, capacity - 1);
    path[size > 0 ? size : 0] = 0;
}

enum err process_change_directory(const char *path)
{
    return chdir(path) < 0 ? err_from_errno(errno) : ERR_NONE;
}

enum err process_working_directory(char *path, size_t capacity)
{
    return getcwd(path, capacity) == NULL ? err_from_errno(errno) : ERR_NONE;
}

enum err process_daemonize(void)
{
    pid_t pid = fork();
    if (pid < 0) return err_from_errno(errno);
    if (pid > 0) _exit(0);
    if (setsid() < 0) return err_from_errno(errno);
    int null = open("/dev/null", O_RDWR);
    if (null < 0) return err_from_errno(errno);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO) close(null);
    return ERR_NONE;
}

size_t process_raise_file_limit(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
    if (limit.rlim_cur >= wanted) return limit.rlim_cur;
    struct rlimit higher = { .rlim_cur = wanted, .rlim_max = MAX(limit.rlim_max, wanted) };
    if (setrlimit(RLIMIT_NOFILE, &higher) == 0) return wanted;
    higher = (struct rlimit){ .rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max };
    if (setrlimit(RLIMIT_NOFILE, &higher) == 0) return limit.rlim_max;
    return limit.rlim_cur;
}

size_t process_memory_total(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (size_t)pages * (size_t)size : 0;
}

void process_system(char *text, size_t capacity)
{
    struct utsname name;
    if (uname(&name) < 0) memset(&name, 0, sizeof(name));
    snprintf(text, capacity, "%s %s %s", name.sysname, name.release, name.machine);
}

size_t process_resident(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    unsigned long total = 0;
    unsigned long resident = 0;
    if (sscanf(text, "%lu %lu", &total, &resident) != 2) return 0;
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void become_child(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1); /* it died before the line above */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
}

long process_fork(bool wants_pipe, int *pipe_fd)
{
    int ends[2] = { -1, -1 };
    if (wants_pipe && pipe2(ends, O_CLOEXEC) < 0) return -1;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        if (wants_pipe) {
            close(ends[0]);
            close(ends[1]);
        }
        return -1;
    }
    if (pid == 0) become_child(parent);
    if (wants_pipe) close(pid == 0 ? ends[0] : ends[1]);
    *pipe_fd = pid == 0 ? ends[1] : ends[0];
    return (long)pid;
}

void process_kill(long pid)
{
    kill((pid_t)pid, SIGKILL);
}

bool process_reap(long pid, int *code)
{
    int status;
    pid_t got = waitpid((pid_t)pid, &status, WNOHANG);
    if (got != (pid_t)pid) return false;
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

void process_exit_child(int code)
{
    _exit(code);
}

enum err process_write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return err_from_errno(errno);
        data += written;
        size -= (size_t)written;
    }
    return ERR_NONE;
}

void process_stall(time_ms duration_ms)
{
    struct timespec left = { .tv_sec = duration_ms / 1000,
                             .tv_nsec = duration_ms % 1000 * 1000000 };
    while (nanosleep(&left, &left) < 0 && errno == EINTR) continue;
}

void process_restart(const char *executable, const char *directory, char *const *words)
{
    if (directory[0] != '\0' && chdir(directory) != 0) return;
    execv(executable, words);
}

void process_be_nice(void)
{
    /* A snapshot must not take the core from the parent that serves. */
    if (nice(10) < 0) return;
}

void process_prepare_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

enum err process_find_group(const char *name, unsigned *id)
{
    const struct group *group = getgrnam(name);
    if (group == NULL) return ERR_NOT_FOUND;
    *id = (unsigned)group->gr_gid;
    return ERR_NONE;
}
