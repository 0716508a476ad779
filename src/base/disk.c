/* The wrappers of `struct disk` and what is built from them: whole files, crash-safe replacing. */
#include "base/disk.h"

#include "base/ensure.h"

enum err disk_open(struct disk *disk, const char *name, enum disk_mode mode, struct file **file)
{
    *file = NULL;
    enum err err = disk->ops->open(disk, name, mode, file);
    ensure((err == ERR_NONE) == (*file != NULL));
    return err;
}

enum err disk_rename(struct disk *disk, const char *from, const char *to)
{
    return disk->ops->rename(disk, from, to, true);
}

enum err disk_rename_unsynced(struct disk *disk, const char *from, const char *to)
{
    return disk->ops->rename(disk, from, to, false);
}

enum err disk_remove(struct disk *disk, const char *name)
{
    return disk->ops->remove(disk, name);
}

enum err disk_list(struct disk *disk, const char *directory,
                   void (*visit)(void *context, const char *name), void *context)
{
    return disk->ops->list(disk, directory, visit, context);
}

enum err disk_make_directory(struct disk *disk, const char *name)
{
    return disk->ops->make_directory(disk, name);
}

enum err disk_lock(struct disk *disk, const char *name, struct file **file)
{
    *file = NULL;
    enum err err = disk->ops->lock(disk, name, file);
    ensure((err == ERR_NONE) == (*file != NULL));
    return err;
}

enum err file_append(struct file *file, struct bytes bytes)
{
    return bytes.size == 0 ? ERR_NONE : file->ops->append(file, bytes);
}

enum err file_read(struct file *file, uint64_t offset, char *into, size_t capacity, size_t *got)
{
    *got = 0;
    enum err err = file->ops->read(file, offset, into, capacity, got);
    ensure(*got <= capacity);
    return err;
}

enum err file_truncate(struct file *file, uint64_t size)
{
    return file->ops->truncate(file, size);
}

enum err file_size(struct file *file, uint64_t *size)
{
    return file->ops->size(file, size);
}

enum err file_sync(struct file *file)
{
    return file->ops->sync(file);
}

void file_close(struct file *file)
{
    if (file != NULL) file->ops->close(file);
}

/* Reads up to the end, whatever file_size said: the file may grow meanwhile. */
static enum err read_to_end(struct file *file, size_t size_max, struct buffer *into)
{
    uint64_t offset = 0;
    for (;;) {
        size_t got;
        char *place = buffer_reserve(into, 16 * KIB);
        enum err err = file_read(file, offset, place, 16 * KIB, &got);
        if (err) return err;
        if (got == 0) return ERR_NONE;
        if (got > size_max - offset) return ERR_TOO_LARGE;
        into->size += got;
        offset += got;
    }
}

enum err disk_read_whole(struct disk *disk, const char *name, size_t size_max, struct buffer *into)
{
    struct file *file;
    enum err err = disk_open(disk, name, DISK_READ, &file);
    if (err) return err;

    size_t size_before = into->size;
    err = read_to_end(file, size_max, into);
    file_close(file);
    if (err) into->size = size_before;
    return err;
}

enum err disk_write_synced(struct disk *disk, const char *name, struct bytes content)
{
    struct file *file;
    enum err err = disk_open(disk, name, DISK_CREATE, &file);
    if (err) return err;

    err = file_append(file, content);
    if (!err) err = file_sync(file);
    file_close(file);
    return err;
}

enum err disk_replace(struct disk *disk, const char *name, struct bytes content)
{
    struct buffer temporary;
    buffer_init(&temporary);
    buffer_append_text(&temporary, name);
    buffer_append(&temporary, bytes_of(".tmp", sizeof(".tmp"))); /* with its terminator */

    enum err err = disk_write_synced(disk, temporary.data, content);
    if (!err) err = disk_rename(disk, temporary.data, name);
    buffer_fini(&temporary);
    return err;
}
