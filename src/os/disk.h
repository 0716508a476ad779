/* The real disk behind `struct disk`: names are relative to the working directory. */
#ifndef EIR_OS_DISK_H
#define EIR_OS_DISK_H

#include "base/disk.h"

struct disk *os_disk_create(void);
void os_disk_destroy(struct disk *disk);
/* In a forked child, first thing: closes the lock files that it inherited, so that the locks do
 * not outlive the parent. (Closing does not release them for the parent: they are flock locks of
 * one open file.) */
void os_disk_abandon_locks(struct disk *disk);

#endif
