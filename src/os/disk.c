/* The real disk: plain system calls, errors mapped to `enum err`, directories synced on rename.
 *
 * Locks are flock(2) locks: they belong to the open file, so a child that closes its copy leaves
 * the parent's lock alone, and a killed parent's lock is gone once its children closed theirs. */
#include "os/disk.h"

#include "base/ensure.h"
#include "base/memory.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCKS_MAX  4
#define FILE_MAGIC 0x66696c65u

struct os_disk {
    struct disk disk;
    int lock_fds[LOCKS_MAX]; /* -1 where free */
};

struct os_file {
    struct file file;
    unsigned magic;
    int fd;
    struct os_disk *lock_owner; /* NULL when it is no lock */
};

static struct os_file *os_file_of(struct file *file)
{
    struct os_file *os_file = (struct os_file *)file;
    ensure(os_file->magic == FILE_MAGIC);
    return os_file;
}

static enum err os_file_append(struct file *file, struct bytes bytes)
{
    int fd = os_file_of(file)->fd;
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return err_from_errno(errno);
        bytes = bytes_from(bytes, (size_t)written);
    }
    return ERR_NONE;
}

static enum err os_file_read(struct file *file, uint64_t offset, char *into, size_t capacity,
                             size_t *got)
{
    ssize_t count;
    do count = pread(os_file_of(file)->fd, into, capacity, (off_t)offset);
    while (count < 0 && errno == EINTR);
    *got = count > 0 ? (size_t)count : 0;
    return count < 0 ? err_from_errno(errno) : ERR_NONE;
}

static enum err os_file_truncate(struct file *file, uint64_t size)
{
    return ftruncate(os_file_of(file)->fd, (off_t)size) < 0 ? err_from_errno(errno) : ERR_NONE;
}

static enum err os_file_size(struct file *file, uint64_t *size)
{
    struct stat about;
    if (fstat(os_file_of(file)->fd, &about) < 0) return err_from_errno(errno);
    *size = (uint64_t)about.st_size;
    return ERR_NONE;
}

static enum err os_file_sync(struct file *file)
{
    return fdatasync(os_file_of(file)->fd) < 0 ? err_from_errno(errno) : ERR_NONE;
}

static void os_file_close(struct file *file)
{
    struct os_file *os_file = os_file_of(file);
    if (os_file->lock_owner != NULL)
        for (int i = 0; i < LOCKS_MAX; i++)
            if (os_file->lock_owner->lock_fds[i] == os_file->fd)
                os_file->lock_owner->lock_fds[i] = -1;
    if (os_file->fd >= 0) close(os_file->fd);
    os_file->magic = 0;
    memory_free(os_file);
}

static const struct file_ops os_file_ops = {
    .append = os_file_append,
    .read = os_file_read,
    .truncate = os_file_truncate,
    .size = os_file_size,
    .sync = os_file_sync,
    .close = os_file_close,
};

static struct file *os_file_create(int fd, struct os_disk *lock_owner)
{
    struct os_file *os_file = memory_alloc_zero(sizeof(*os_file));
    *os_file = (struct os_file){
        .file.ops = &os_file_ops, .magic = FILE_MAGIC, .fd = fd, .lock_owner = lock_owner
    };
    return &os_file->file;
}

static enum err os_disk_open(struct disk *disk, const char *name, enum disk_mode mode,
                             struct file **file)
{
    (void)disk;
    static const int flags_of[] = {
        [DISK_READ] = O_RDONLY,
        [DISK_APPEND] = O_RDWR | O_CREAT | O_APPEND,
        [DISK_CREATE] = O_RDWR | O_CREAT | O_TRUNC | O_APPEND,
    };
    int fd = open(name, flags_of[mode] | O_CLOEXEC, 0644);
    if (fd < 0) return err_from_errno(errno);
    struct stat about;
    if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
        close(fd);
        return ERR_IO;
    }
    *file = os_file_create(fd, NULL);
    return ERR_NONE;
}

/* A rename is durable only when the directory that holds the name is. */
static enum err sync_directory_of(const char *name)
{
    char directory[4096] = ".";
    const char *slash = strrchr(name, '/');
    if (slash != NULL) {
        size_t size = slash == name ? 1 : (size_t)(slash - name);
        if (size >= sizeof(directory)) return ERR_TOO_LARGE;
        memcpy(directory, name, size);
        directory[size] = 0;
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_from_errno(errno);
    enum err err = fsync(fd) < 0 ? err_from_errno(errno) : ERR_NONE;
    close(fd);
    return err;
}

/* What replaces a file is as open to others as the file was: a configuration with a password must
 * not become readable because it was rewritten. Where that fails the new file is as it is. */
static void keep_mode(const char *from, const char *to)
{
    struct stat now;
    if (stat(to, &now) < 0 || !S_ISREG(now.st_mode)) return;
    int ignored = chmod(from, now.st_mode & 07777);
    (void)ignored;
}

static enum err os_disk_rename(struct disk *disk, const char *from, const char *to, bool is_synced)
{
    (void)disk;
    keep_mode(from, to);
    if (rename(from, to) < 0) return err_from_errno(errno);
    return is_synced ? sync_directory_of(to) : ERR_NONE;
}

static enum err os_disk_remove(struct disk *disk, const char *name)
{
    (void)disk;
    return unlink(name) < 0 ? err_from_errno(errno) : ERR_NONE;
}

static enum err os_disk_list(struct disk *disk, const char *directory,
                             void (*visit)(void *context, const char *name), void *context)
{
    (void)disk;
    DIR *open_directory = opendir(directory);
    if (open_directory == NULL) return err_from_errno(errno);
    for (struct dirent *at; (at = readdir(open_directory)) != NULL;)
        if (strcmp(at->d_name, ".") != 0 && strcmp(at->d_name, "..") != 0)
            visit(context, at->d_name);
    closedir(open_directory);
    return ERR_NONE;
}

static enum err os_disk_make_directory(struct disk *disk, const char *name)
{
    (void)disk;
    return mkdir(name, 0755) < 0 ? err_from_errno(errno) : ERR_NONE;
}

static enum err os_disk_lock(struct disk *disk, const char *name, struct file **file)
{
    struct os_disk *os_disk = (struct os_disk *)disk;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return err_from_errno(errno);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        enum err err = errno == EWOULDBLOCK ? ERR_LOCKED : err_from_errno(errno);
        close(fd);
        return err;
    }
    for (int i = 0; i < LOCKS_MAX; i++) {
        if (os_disk->lock_fds[i] >= 0) continue;
        os_disk->lock_fds[i] = fd;
        *file = os_file_create(fd, os_disk);
        return ERR_NONE;
    }
    ensure_unreachable();
}

static const struct disk_ops os_disk_ops = {
    .open = os_disk_open,
    .rename = os_disk_rename,
    .remove = os_disk_remove,
    .list = os_disk_list,
    .make_directory = os_disk_make_directory,
    .lock = os_disk_lock,
};

struct disk *os_disk_create(void)
{
    struct os_disk *os_disk = memory_alloc_zero(sizeof(*os_disk));
    os_disk->disk.ops = &os_disk_ops;
    for (int i = 0; i < LOCKS_MAX; i++) os_disk->lock_fds[i] = -1;
    return &os_disk->disk;
}

void os_disk_destroy(struct disk *disk)
{
    memory_free(disk);
}

void os_disk_abandon_locks(struct disk *disk)
{
    struct os_disk *os_disk = (struct os_disk *)disk;
    for (int i = 0; i < LOCKS_MAX; i++)
        if (os_disk->lock_fds[i] >= 0) close(os_disk->lock_fds[i]);
}
