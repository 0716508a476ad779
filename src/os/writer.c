/* Files written off the loop's thread: a sync may take seconds. */
#include "os/writer.h"

#include "base/list.h"
#include "base/memory.h"
#include "os/worker.h"
#include <pthread.h>

struct writing {
    struct list_link link;
    struct writer *writer;
    char *name; /* owned */
    struct buffer content;
    enum err err;
};

struct writer {
    struct disk *disk;
    struct worker *worker; /* owned; NULL until there is something to write */
    pthread_mutex_t mutex;
    struct list written; /* owned: writings that are over */
    void (*wake)(void *context);
    void *context;
};

static void writing_run(void *context)
{
    struct writing *writing = context;
    struct writer *writer = writing->writer;
    writing->err = disk_write_synced(writer->disk, writing->name, buffer_bytes(&writing->content));
    pthread_mutex_lock(&writer->mutex);
    list_append(&writer->written, &writing->link);
    pthread_mutex_unlock(&writer->mutex);
    writer->wake(writer->context);
}

static void writing_destroy(struct writing *writing)
{
    memory_free(writing->name);
    buffer_fini(&writing->content);
    memory_free(writing);
}

struct writer *writer_create(struct disk *disk, void (*wake)(void *context), void *context)
{
    struct writer *writer = memory_alloc_zero(sizeof(*writer));
    writer->disk = disk;
    writer->wake = wake;
    writer->context = context;
    list_init(&writer->written);
    pthread_mutex_init(&writer->mutex, NULL);
    return writer;
}

void writer_destroy(struct writer *writer)
{
    if (writer->worker != NULL) worker_destroy(writer->worker);
    LIST_EACH(&writer->written, struct writing, writing, link)
    {
        list_remove(&writing->link);
        writing_destroy(writing);
    }
    pthread_mutex_destroy(&writer->mutex);
    memory_free(writer);
}

void writer_submit(struct writer *writer, char *name, struct buffer content)
{
    if (writer->worker == NULL) writer->worker = worker_create("eir-write");
    struct writing *writing = memory_alloc_zero(sizeof(*writing));
    *writing = (struct writing){ .writer = writer, .name = name, .content = content };
    worker_submit(writer->worker, writing_run, writing);
}

bool writer_take(struct writer *writer, enum err *err)
{
    pthread_mutex_lock(&writer->mutex);
    struct writing *writing = LIST_FIRST(&writer->written, struct writing, link);
    if (writing != NULL) list_remove(&writing->link);
    pthread_mutex_unlock(&writer->mutex);
    if (writing == NULL) return false;
    *err = writing->err;
    writing_destroy(writing);
    return true;
}
