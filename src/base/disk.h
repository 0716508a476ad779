/* The disk as the code above the operating system sees it: names in one directory tree.
 *
 * `os/disk.c` is the real one, `tests/lib` has one in memory that loses what was not synced,
 * fails, fills up and stalls on command. Names are relative to the working directory, with '/'
 * between parts. */
#ifndef EIR_BASE_DISK_H
#define EIR_BASE_DISK_H

#include "base/buffer.h"
#include "base/err.h"

struct disk;
struct file;

enum disk_mode {
    DISK_READ,   /* must exist */
    DISK_APPEND, /* created when absent; writes go to the end */
    DISK_CREATE, /* created or emptied, for writing */
};

/* Implementations embed these as their first member. Every function may be called through the
 * wrappers below only. */
struct disk_ops {
    enum err (*open)(struct disk *disk, const char *name, enum disk_mode mode, struct file **file);
    enum err (*rename)(struct disk *disk, const char *from, const char *to, bool is_synced);
    enum err (*remove)(struct disk *disk, const char *name);
    enum err (*list)(struct disk *disk, const char *directory,
                     void (*visit)(void *context, const char *name), void *context);
    enum err (*make_directory)(struct disk *disk, const char *name);
    enum err (*lock)(struct disk *disk, const char *name, struct file **file);
};

struct file_ops {
    enum err (*append)(struct file *file, struct bytes bytes);
    enum err (*read)(struct file *file, uint64_t offset, char *into, size_t capacity, size_t *got);
    enum err (*truncate)(struct file *file, uint64_t size);
    enum err (*size)(struct file *file, uint64_t *size);
    enum err (*sync)(struct file *file);
    void (*close)(struct file *file);
};

struct disk {
    const struct disk_ops *ops;
};

struct file {
    const struct file_ops *ops;
};

NODISCARD enum err disk_open(struct disk *disk, const char *name, enum disk_mode mode,
                             struct file **file);
/* Atomic; the directory is synced before it returns. */
NODISCARD enum err disk_rename(struct disk *disk, const char *from, const char *to);
/* Atomic too, and without waiting for the disk: after a crash `to` may be what it was before. */
NODISCARD enum err disk_rename_unsynced(struct disk *disk, const char *from, const char *to);
NODISCARD enum err disk_remove(struct disk *disk, const char *name);
/* Calls visit for every name in the directory; "." is the working directory. */
NODISCARD enum err disk_list(struct disk *disk, const char *directory,
                             void (*visit)(void *context, const char *name), void *context);
NODISCARD enum err disk_make_directory(struct disk *disk, const char *name);
/* An exclusive advisory lock on the name, held until the file is closed; ERR_LOCKED when another
 * process holds it. Children of this process must close it first thing. */
NODISCARD enum err disk_lock(struct disk *disk, const char *name, struct file **file);

NODISCARD enum err file_append(struct file *file, struct bytes bytes);
/* Reads up to capacity bytes; *got is 0 at the end of the file. */
NODISCARD enum err file_read(struct file *file, uint64_t offset, char *into, size_t capacity,
                             size_t *got);
NODISCARD enum err file_truncate(struct file *file, uint64_t size);
NODISCARD enum err file_size(struct file *file, uint64_t *size);
NODISCARD enum err file_sync(struct file *file);
void file_close(struct file *file); /* NULL is allowed */

/* The whole file at the end of `into`; ERR_TOO_LARGE over size_max. */
NODISCARD enum err disk_read_whole(struct disk *disk, const char *name, size_t size_max,
                                   struct buffer *into);
/* Created or replaced in place, and synced. */
NODISCARD enum err disk_write_synced(struct disk *disk, const char *name, struct bytes content);
/* Crash-safe: written to `name`.tmp, synced, renamed over `name`. */
NODISCARD enum err disk_replace(struct disk *disk, const char *name, struct bytes content);

#endif
