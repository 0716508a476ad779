/* The process and its machine: forking, limits, daemon, pid file. */
#ifndef EIR_OS_PROCESS_H
#define EIR_OS_PROCESS_H

#include "base/err.h"
#include "base/units.h"

long process_id(void);
/* Absolute path of the running program; `path` holds `capacity` bytes. */
void process_executable(char *path, size_t capacity);
NODISCARD enum err process_change_directory(const char *path);
NODISCARD enum err process_working_directory(char *path, size_t capacity);
/* Detaches from the terminal; the parent exits with 0. */
NODISCARD enum err process_daemonize(void);
/* Raises the limit of open files to at least `wanted` where allowed; returns what it is now. */
size_t process_raise_file_limit(size_t wanted);
size_t process_memory_total(void);
/* "Linux 6.1.0-20-amd64 x86_64"; `text` holds `capacity` bytes. */
void process_system(char *text, size_t capacity);
/* Resident bytes of this process. */
size_t process_resident(void);

/* Forks a child whose standard output side of a pipe is *pipe in the parent (read end), or -1
 * when no pipe is wanted. In the child it returns 0 and *pipe is the write end. The child gets
 * SIGKILL when the parent dies. Returns the pid, or -1. */
long process_fork(bool wants_pipe, int *pipe_fd);
void process_kill(long pid);
/* The child of this pid if it ended: its exit code, or 128 + signal. */
bool process_reap(long pid, int *code);
_Noreturn void process_exit_child(int code);
/* Writes everything to a descriptor, waiting as needed. */
NODISCARD enum err process_write_all(int fd, const char *data, size_t size);
/* Stands still, for DEBUG SLEEP. */
void process_stall(time_ms duration_ms);
/* Becomes the program anew, started in this folder; returns only if that failed. Whatever is not
 * meant to be inherited is closed. */
void process_restart(const char *executable, const char *directory, char *const *words);
/* Lower priority for a snapshot child. */
void process_be_nice(void);
/* Ignore SIGPIPE and SIGHUP; print a report on a crash. */
void process_prepare_signals(void);

/* The number of a group of users; ERR_NOT_FOUND when there is none of this name. */
NODISCARD enum err process_find_group(const char *name, unsigned *id);

#endif
