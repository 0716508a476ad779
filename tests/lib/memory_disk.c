/* The disk in memory: names that point at nodes, each in a live and a durable reading.
 *
 * Files only grow at the end or are cut, so what is durable of one is described by a length and
 * by what was cut off it since the last sync:
 *
 *    live      |====== durable_size ======|.... not synced ....|
 *    durable   |====== durable_size ======|== cut ==|
 */
#include "lib/memory_disk.h"

#include "base/ensure.h"
#include "base/memory.h"

#define SECTOR_SIZE 512

struct node {
    unsigned references; /* names (live and durable each) and open files */
    bool is_directory;
    bool is_locked;
    struct buffer data;
    size_t durable_size;
    struct buffer cut;
    size_t doomed_from, doomed_to; /* a failed sync lost these; they are there until a crash */
};

struct name {
    char *text;           /* owned */
    struct node *live;    /* what open finds; NULL when removed */
    struct node *durable; /* what a crash may bring back */
};

struct memory_disk {
    struct disk disk;
    struct name *names; /* owned, in no order */
    size_t name_count;
    uint64_t era; /* files opened in an earlier one are dead */
    struct handle *handles;
    uint64_t capacity; /* 0: none */
    bool is_stalled;
    struct {
        uint64_t seen;
        uint64_t fails_at; /* 0: none planned */
        enum err err;
        enum err always;
    } operations[MEMORY_DISK_OPERATION_COUNT];
};

struct handle {
    struct file file;
    struct memory_disk *memory_disk; /* NULL once the disk is destroyed */
    struct handle *next;             /* all open files of the disk */
    struct node *node;
    uint64_t era;
    bool is_writable;
    bool is_lock;
};

static struct node *node_create(bool is_directory)
{
    struct node *node = memory_alloc_zero(sizeof(*node));
    node->is_directory = is_directory;
    return node;
}

static struct node *node_hold(struct node *node)
{
    if (node != NULL) node->references++;
    return node;
}

static void node_drop(struct node *node)
{
    if (node == NULL || --node->references > 0) return;
    buffer_fini(&node->data);
    buffer_fini(&node->cut);
    memory_free(node);
}

static void point(struct node **place, struct node *node)
{
    struct node *before = *place;
    *place = node_hold(node);
    node_drop(before);
}

static struct name *name_find(const struct memory_disk *disk, const char *text)
{
    while (text[0] == '.' && text[1] == '/') text += 2;
    for (size_t i = 0; i < disk->name_count; i++)
        if (strcmp(disk->names[i].text, text) == 0) return &disk->names[i];
    return NULL;
}

static struct node *live_find(const struct memory_disk *disk, const char *text)
{
    struct name *name = name_find(disk, text);
    return name == NULL ? NULL : name->live;
}

static struct name *name_ask(struct memory_disk *disk, const char *text)
{
    struct name *name = name_find(disk, text);
    if (name != NULL) return name;
    while (text[0] == '.' && text[1] == '/') text += 2;
    disk->names = memory_realloc(disk->names, (disk->name_count + 1) * sizeof(*disk->names));
    name = &disk->names[disk->name_count++];
    *name = (struct name){ .text = memory_copy_text(text) };
    return name;
}

/* How much of the name is its directory: 0 for the working directory. */
static size_t directory_size(const char *text)
{
    const char *slash = strrchr(text, '/');
    return slash == NULL ? 0 : (size_t)(slash - text);
}

static bool is_in_directory(const char *text, const char *directory, size_t size)
{
    return directory_size(text) == size && memcmp(text, directory, size) == 0;
}

static bool directory_exists(const struct memory_disk *disk, const char *text, size_t size)
{
    while (size >= 2 && text[0] == '.' && text[1] == '/') {
        text += 2;
        size -= 2;
    }
    if (size == 0 || (size == 1 && text[0] == '.')) return true;
    char *directory = bytes_copy_text(bytes_of(text, size));
    struct node *node = live_find(disk, directory);
    memory_free(directory);
    return node != NULL && node->is_directory;
}

static void names_tidy(struct memory_disk *disk)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->name_count; i++) {
        struct name name = disk->names[i];
        if (name.live == NULL && name.durable == NULL)
            memory_free(name.text);
        else
            disk->names[kept++] = name;
    }
    disk->name_count = kept;
}

/* Counts the operation; what it must answer instead of happening. */
static enum err operation(struct memory_disk *disk, enum memory_disk_operation kind)
{
    uint64_t seen = ++disk->operations[kind].seen;
    if (seen == disk->operations[kind].fails_at) return disk->operations[kind].err;
    return disk->operations[kind].always;
}

static uint64_t bytes_taken(const struct memory_disk *disk)
{
    uint64_t taken = 0;
    for (size_t i = 0; i < disk->name_count; i++)
        if (disk->names[i].live != NULL) taken += disk->names[i].live->data.size;
    return taken;
}

/* The handle's disk, or NULL when the file belongs to a process that has ended. */
static struct memory_disk *handle_disk(const struct handle *handle)
{
    if (handle->memory_disk == NULL || handle->era != handle->memory_disk->era) return NULL;
    return handle->memory_disk;
}

static enum err file_append_op(struct file *file, struct bytes bytes)
{
    struct handle *handle = (struct handle *)file;
    struct memory_disk *disk = handle_disk(handle);
    if (disk == NULL || !handle->is_writable) return ERR_IO;
    enum err err = operation(disk, MEMORY_DISK_APPEND);
    if (err) bytes.size /= 2; /* a short write comes before the error */
    if (disk->capacity != 0) {
        uint64_t taken = bytes_taken(disk);
        uint64_t room = disk->capacity > taken ? disk->capacity - taken : 0;
        if (bytes.size > room) {
            bytes.size = (size_t)room;
            if (!err) err = ERR_NO_SPACE;
        }
    }
    buffer_append(&handle->node->data, bytes);
    return err;
}

static enum err file_read_op(struct file *file, uint64_t offset, char *into, size_t capacity,
                             size_t *got)
{
    struct handle *handle = (struct handle *)file;
    struct memory_disk *disk = handle_disk(handle);
    if (disk == NULL) return ERR_IO;
    enum err err = operation(disk, MEMORY_DISK_READ);
    if (err) return err;
    const struct buffer *data = &handle->node->data;
    if (offset >= data->size) return ERR_NONE;
    *got = MIN(capacity, data->size - (size_t)offset);
    if (*got > 0) memcpy(into, data->data + offset, *got);
    return ERR_NONE;
}

static void node_cut(struct node *node, size_t size)
{
    if (size < node->durable_size) {
        struct buffer cut = { 0 };
        buffer_append(&cut, bytes_of(node->data.data + size, node->durable_size - size));
        buffer_append(&cut, buffer_bytes(&node->cut));
        buffer_fini(&node->cut);
        node->cut = cut;
        node->durable_size = size;
    }
    node->data.size = size;
    node->doomed_to = MIN(node->doomed_to, size);
}

static enum err file_truncate_op(struct file *file, uint64_t size)
{
    struct handle *handle = (struct handle *)file;
    struct memory_disk *disk = handle_disk(handle);
    if (disk == NULL || !handle->is_writable) return ERR_IO;
    enum err err = operation(disk, MEMORY_DISK_TRUNCATE);
    if (err) return err;
    struct node *node = handle->node;
    if (size <= node->data.size) {
        node_cut(node, (size_t)size);
        return ERR_NONE;
    }
    size_t more = (size_t)size - node->data.size;
    memset(buffer_reserve(&node->data, more), 0, more);
    node->data.size += more;
    return ERR_NONE;
}

static enum err file_size_op(struct file *file, uint64_t *size)
{
    struct handle *handle = (struct handle *)file;
    if (handle_disk(handle) == NULL) return ERR_IO;
    *size = handle->node->data.size;
    return ERR_NONE;
}

static enum err file_sync_op(struct file *file)
{
    struct handle *handle = (struct handle *)file;
    struct memory_disk *disk = handle_disk(handle);
    if (disk == NULL) return ERR_IO;
    struct node *node = handle->node;
    enum err err = operation(disk, MEMORY_DISK_SYNC);
    if (err) {
        if (node->doomed_from >= node->doomed_to) node->doomed_from = node->durable_size;
        node->doomed_to = node->data.size;
        return err;
    }
    node->durable_size = node->data.size;
    buffer_clear(&node->cut);
    return ERR_NONE;
}

static void file_close_op(struct file *file)
{
    struct handle *handle = (struct handle *)file;
    if (handle->memory_disk != NULL) {
        struct handle **link = &handle->memory_disk->handles;
        while (*link != handle) link = &(*link)->next;
        *link = handle->next;
        if (handle->is_lock && handle_disk(handle) != NULL) handle->node->is_locked = false;
    }
    node_drop(handle->node);
    memory_free(handle);
}

static const struct file_ops memory_file_ops = {
    .append = file_append_op,
    .read = file_read_op,
    .truncate = file_truncate_op,
    .size = file_size_op,
    .sync = file_sync_op,
    .close = file_close_op,
};

static struct handle *handle_create(struct memory_disk *disk, struct node *node)
{
    struct handle *handle = memory_alloc_zero(sizeof(*handle));
    handle->file.ops = &memory_file_ops;
    handle->memory_disk = disk;
    handle->next = disk->handles;
    disk->handles = handle;
    handle->node = node_hold(node);
    handle->era = disk->era;
    return handle;
}

static enum err disk_open_op(struct disk *base, const char *name, enum disk_mode mode,
                             struct file **file)
{
    struct memory_disk *disk = (struct memory_disk *)base;
    enum err err = operation(disk, MEMORY_DISK_OPEN);
    if (err) return err;
    struct node *node = live_find(disk, name);
    if (node == NULL && (mode == DISK_READ || !directory_exists(disk, name, directory_size(name))))
        return ERR_NOT_FOUND;
    if (node != NULL && node->is_directory) return ERR_IO;
    if (node == NULL) point(&name_ask(disk, name)->live, node = node_create(false));
    if (mode == DISK_CREATE) node_cut(node, 0);

    struct handle *handle = handle_create(disk, node);
    handle->is_writable = mode != DISK_READ;
    *file = &handle->file;
    return ERR_NONE;
}

static void directory_sync(struct memory_disk *disk, const char *text)
{
    size_t size = directory_size(text);
    for (size_t i = 0; i < disk->name_count; i++)
        if (is_in_directory(disk->names[i].text, text, size))
            point(&disk->names[i].durable, disk->names[i].live);
}

static enum err disk_rename_op(struct disk *base, const char *from, const char *to, bool is_synced)
{
    struct memory_disk *disk = (struct memory_disk *)base;
    enum err err = operation(disk, MEMORY_DISK_RENAME);
    if (err) return err;
    struct node *node = live_find(disk, from);
    if (node == NULL || !directory_exists(disk, to, directory_size(to))) return ERR_NOT_FOUND;
    ensure(!node->is_directory); /* nobody here moves directories */
    if (name_find(disk, from) != name_find(disk, to)) {
        point(&name_ask(disk, to)->live, node);
        point(&name_find(disk, from)->live, NULL);
    }
    if (is_synced) directory_sync(disk, name_find(disk, to)->text);
    names_tidy(disk);
    return ERR_NONE;
}

static enum err disk_remove_op(struct disk *base, const char *name)
{
    struct memory_disk *disk = (struct memory_disk *)base;
    enum err err = operation(disk, MEMORY_DISK_REMOVE);
    if (err) return err;
    struct node *node = live_find(disk, name);
    if (node == NULL) return ERR_NOT_FOUND;
    if (node->is_directory) return ERR_IO;
    point(&name_find(disk, name)->live, NULL);
    names_tidy(disk);
    return ERR_NONE;
}

static enum err disk_list_op(struct disk *base, const char *directory,
                             void (*visit)(void *context, const char *name), void *context)
{
    struct memory_disk *disk = (struct memory_disk *)base;
    while (directory[0] == '.' && directory[1] == '/') directory += 2;
    if (strcmp(directory, ".") == 0) directory = "";
    size_t size = strlen(directory);
    if (!directory_exists(disk, directory, size)) return ERR_NOT_FOUND;
    for (size_t i = 0; i < disk->name_count; i++) {
        const char *text = disk->names[i].text;
        if (disk->names[i].live == NULL || !is_in_directory(text, directory, size)) continue;
        visit(context, size == 0 ? text : text + size + 1);
    }
    return ERR_NONE;
}

static enum err disk_make_directory_op(struct disk *base, const char *name)
{
    struct memory_disk *disk = (struct memory_disk *)base;
    if (live_find(disk, name) != NULL) return ERR_EXISTS;
    if (!directory_exists(disk, name, directory_size(name))) return ERR_NOT_FOUND;
    point(&name_ask(disk, name)->live, node_create(true));
    return ERR_NONE;
}

static enum err disk_lock_op(struct disk *base, const char *name, struct file **file)
{
    struct memory_disk *disk = (struct memory_disk *)base;
    if (!directory_exists(disk, name, directory_size(name))) return ERR_NOT_FOUND;
    struct node *node = live_find(disk, name);
    if (node != NULL && node->is_locked) return ERR_LOCKED;
    if (node == NULL) point(&name_ask(disk, name)->live, node = node_create(false));
    node->is_locked = true;
    struct handle *handle = handle_create(disk, node);
    handle->is_lock = true;
    *file = &handle->file;
    return ERR_NONE;
}

static const struct disk_ops memory_disk_ops = {
    .open = disk_open_op,
    .rename = disk_rename_op,
    .remove = disk_remove_op,
    .list = disk_list_op,
    .make_directory = disk_make_directory_op,
    .lock = disk_lock_op,
};

struct memory_disk *memory_disk_create(void)
{
    struct memory_disk *disk = memory_alloc_zero(sizeof(*disk));
    disk->disk.ops = &memory_disk_ops;
    return disk;
}

static void names_clear(struct memory_disk *disk)
{
    for (size_t i = 0; i < disk->name_count; i++) {
        point(&disk->names[i].live, NULL);
        point(&disk->names[i].durable, NULL);
    }
    names_tidy(disk);
}

void memory_disk_destroy(struct memory_disk *memory_disk)
{
    if (memory_disk == NULL) return;
    for (struct handle *handle = memory_disk->handles; handle != NULL; handle = handle->next)
        handle->memory_disk = NULL;
    names_clear(memory_disk);
    memory_free(memory_disk->names);
    memory_free(memory_disk);
}

struct disk *memory_disk_disk(struct memory_disk *memory_disk)
{
    return &memory_disk->disk;
}

void memory_disk_process_end(struct memory_disk *memory_disk)
{
    memory_disk->era++;
    for (size_t i = 0; i < memory_disk->name_count; i++)
        if (memory_disk->names[i].live != NULL) memory_disk->names[i].live->is_locked = false;
}

/* Sectors of [from, to) become zero, each by this chance of sixteen. */
static void sectors_lose(struct node *node, size_t from, size_t to, struct prng *prng,
                         uint64_t chance)
{
    to = MIN(to, node->data.size);
    while (from < to) {
        size_t end = MIN((from / SECTOR_SIZE + 1) * SECTOR_SIZE, to);
        if (prng_chance(prng, chance, 16)) memset(node->data.data + from, 0, end - from);
        from = end;
    }
}

static void node_crash(struct node *node, struct prng *prng)
{
    if (node->is_directory) return;
    if (node->cut.size > 0 && prng_chance(prng, 1, 2)) {
        node->data.size = node->durable_size; /* the cut never reached the disk */
        buffer_append(&node->data, buffer_bytes(&node->cut));
    } else if (node->data.size > node->durable_size) {
        size_t unsynced = node->data.size - node->durable_size;
        uint64_t fate = prng_below(prng, 4);
        if (fate == 0) node->data.size = node->durable_size;
        if (fate > 1) node->data.size -= (size_t)prng_below(prng, unsynced + 1);
        /* The size may be on disk before the bytes are; most often they go together. */
        uint64_t chance = prng_chance(prng, 1, 4) ? 8 : 0;
        sectors_lose(node, node->durable_size, node->data.size, prng, chance);
    }
    if (node->doomed_from < node->doomed_to)
        sectors_lose(node, node->doomed_from, node->doomed_to, prng, 16);
    node->doomed_from = node->doomed_to = 0;
    node->durable_size = node->data.size;
    buffer_clear(&node->cut);
}

/* Names whose directory did not survive are gone as well. */
static void names_drop_orphans(struct memory_disk *disk)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < disk->name_count; i++) {
            struct name *name = &disk->names[i];
            if (name->live == NULL) continue;
            if (directory_exists(disk, name->text, directory_size(name->text))) continue;
            point(&name->live, NULL);
            point(&name->durable, NULL);
            again = true;
        }
    }
}

void memory_disk_crash(struct memory_disk *memory_disk, struct prng *prng)
{
    memory_disk_process_end(memory_disk);
    for (size_t i = 0; i < memory_disk->name_count; i++) {
        struct name *name = &memory_disk->names[i];
        if (name->live == name->durable) continue;
        if (prng_chance(prng, 1, 2))
            point(&name->durable, name->live);
        else
            point(&name->live, name->durable);
    }
    names_drop_orphans(memory_disk);
    names_tidy(memory_disk);
    for (size_t i = 0; i < memory_disk->name_count; i++) {
        memory_disk->names[i].live->is_locked = false;
        node_crash(memory_disk->names[i].live, prng);
    }
}

void memory_disk_wipe(struct memory_disk *memory_disk)
{
    memory_disk_process_end(memory_disk);
    names_clear(memory_disk);
}

static struct node *node_copy(const struct node *node)
{
    struct node *copy = node_create(node->is_directory);
    buffer_append(&copy->data, buffer_bytes(&node->data));
    buffer_append(&copy->cut, buffer_bytes(&node->cut));
    copy->durable_size = node->durable_size;
    copy->doomed_from = node->doomed_from;
    copy->doomed_to = node->doomed_to;
    return copy;
}

/* The copy of `node`, made before when another name of `from` points at it too. */
static struct node *node_copy_once(struct memory_disk *into, const struct memory_disk *from,
                                   size_t count, const struct node *node)
{
    if (node == NULL) return NULL;
    for (size_t i = 0; i < count; i++) {
        if (from->names[i].live == node && into->names[i].live) return into->names[i].live;
        if (from->names[i].durable == node && into->names[i].durable) return into->names[i].durable;
    }
    return node_copy(node);
}

static void names_copy(struct memory_disk *into, const struct memory_disk *from)
{
    for (size_t i = 0; i < from->name_count; i++) {
        struct name *name = name_ask(into, from->names[i].text);
        ensure(name == &into->names[i]);
        point(&name->live, node_copy_once(into, from, i, from->names[i].live));
        point(&name->durable, node_copy_once(into, from, i + 1, from->names[i].durable));
    }
}

struct memory_disk *memory_disk_snapshot(const struct memory_disk *memory_disk)
{
    struct memory_disk *copy = memory_disk_create();
    names_copy(copy, memory_disk);
    return copy;
}

void memory_disk_restore(struct memory_disk *memory_disk, const struct memory_disk *snapshot)
{
    memory_disk_wipe(memory_disk);
    names_copy(memory_disk, snapshot);
}

void memory_disk_fail(struct memory_disk *memory_disk, enum memory_disk_operation kind,
                      uint64_t nth, enum err err)
{
    ensure(nth > 0);
    memory_disk->operations[kind].fails_at = memory_disk->operations[kind].seen + nth;
    memory_disk->operations[kind].err = err;
}

void memory_disk_fail_always(struct memory_disk *memory_disk, enum memory_disk_operation kind,
                             enum err err)
{
    memory_disk->operations[kind].always = err;
}

void memory_disk_set_capacity(struct memory_disk *memory_disk, uint64_t bytes_max)
{
    memory_disk->capacity = bytes_max;
}

void memory_disk_set_stalled(struct memory_disk *memory_disk, bool is_stalled)
{
    memory_disk->is_stalled = is_stalled;
}

bool memory_disk_is_stalled(const struct memory_disk *memory_disk)
{
    return memory_disk->is_stalled;
}

bool memory_disk_flip_bit(struct memory_disk *memory_disk, const char *name, uint64_t offset,
                          unsigned bit)
{
    struct node *node = live_find(memory_disk, name);
    if (node == NULL || offset >= node->data.size) return false;
    node->data.data[offset] = (char)(node->data.data[offset] ^ 1 << (bit & 7));
    return true;
}

uint64_t memory_disk_operations(const struct memory_disk *memory_disk,
                                enum memory_disk_operation kind)
{
    return memory_disk->operations[kind].seen;
}

bool memory_disk_exists(const struct memory_disk *memory_disk, const char *name)
{
    return live_find(memory_disk, name) != NULL;
}

struct bytes memory_disk_content(const struct memory_disk *memory_disk, const char *name)
{
    struct node *node = live_find(memory_disk, name);
    return node == NULL ? BYTES_EMPTY : buffer_bytes(&node->data);
}

void memory_disk_put(struct memory_disk *memory_disk, const char *name, struct bytes content)
{
    struct node *node = node_create(false);
    buffer_append(&node->data, content);
    node->durable_size = content.size;
    struct name *file = name_ask(memory_disk, name);
    point(&file->live, node);
    point(&file->durable, node);
    for (const char *at = strchr(name, '/'); at != NULL; at = strchr(at + 1, '/')) {
        char *directory = bytes_copy_text(bytes_of(name, (size_t)(at - name)));
        struct name *above = name_ask(memory_disk, directory);
        if (above->live == NULL) point(&above->live, node_create(true));
        point(&above->durable, above->live);
        memory_free(directory);
    }
}
