/* Files that are written and synced off the loop's thread, one after the other. */
#ifndef EIR_OS_WRITER_H
#define EIR_OS_WRITER_H

#include "base/disk.h"

struct writer;

/* `wake` is called from another thread when an answer waits. Borrows the disk. */
struct writer *writer_create(struct disk *disk, void (*wake)(void *context), void *context);
/* Whatever was submitted is written before it returns. */
void writer_destroy(struct writer *writer);
/* Adopts the name and the content. */
void writer_submit(struct writer *writer, char *name, struct buffer content);
/* How the oldest one went that has been written; false when none waits. */
bool writer_take(struct writer *writer, enum err *err);

#endif
