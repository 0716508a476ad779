/* A `struct disk` in memory that behaves as badly as a real one may: a crash loses what was not
 * synced, tears writes and forgets names; it fails, fills up and stalls on command.
 *
 * What is durable: the content of a file up to its last sync that succeeded, and the names of a
 * directory as they were at the last rename in it. Nothing else. */
#ifndef EIR_TESTS_LIB_MEMORY_DISK_H
#define EIR_TESTS_LIB_MEMORY_DISK_H

#include "base/disk.h"
#include "base/prng.h"

struct memory_disk;

struct memory_disk *memory_disk_create(void);
/* Files that are still open may be closed later, and only that. */
void memory_disk_destroy(struct memory_disk *memory_disk);
/* The disk for the code under test; borrowed. */
struct disk *memory_disk_disk(struct memory_disk *memory_disk);

/* ---- Ends of processes and machines ---- */

/* The machine lost power: unsynced bytes survive in part, with holes, or not at all, unsynced
 * names by chance. Open files fail from now on, locks are gone, faults and limits stay set. */
void memory_disk_crash(struct memory_disk *memory_disk, struct prng *prng);
/* The process ended, the machine lives on: open files fail, locks are gone, nothing is lost. */
void memory_disk_process_end(struct memory_disk *memory_disk);
/* A new, empty disk in its place. */
void memory_disk_wipe(struct memory_disk *memory_disk);
/* A copy of all that is there, with what is and is not durable; no open files, no faults. */
struct memory_disk *memory_disk_snapshot(const struct memory_disk *memory_disk);
/* The content of the snapshot takes the place of this disk's: a rolled-back volume. */
void memory_disk_restore(struct memory_disk *memory_disk, const struct memory_disk *snapshot);

/* ---- Faults ---- */

enum memory_disk_operation {
    MEMORY_DISK_OPEN,
    MEMORY_DISK_APPEND,
    MEMORY_DISK_READ,
    MEMORY_DISK_TRUNCATE,
    MEMORY_DISK_SYNC,
    MEMORY_DISK_RENAME,
    MEMORY_DISK_REMOVE,
    MEMORY_DISK_OPERATION_COUNT
};

/* The `nth` operation of this kind from now on (1 is the next) answers `err`, once. An append
 * that fails leaves a part of its bytes behind. A sync that fails loses the unsynced bytes for
 * good: a later one succeeds and does not bring them back, as on Linux. */
void memory_disk_fail(struct memory_disk *memory_disk, enum memory_disk_operation operation,
                      uint64_t nth, enum err err);
/* Every operation of this kind fails until set to ERR_NONE. */
void memory_disk_fail_always(struct memory_disk *memory_disk, enum memory_disk_operation operation,
                             enum err err);
/* ERR_NO_SPACE for what would take all files together over this; 0 lifts the limit. */
void memory_disk_set_capacity(struct memory_disk *memory_disk, uint64_t bytes_max);
/* A mark that whoever drives the world reads: it holds back answers while the disk stalls. */
void memory_disk_set_stalled(struct memory_disk *memory_disk, bool is_stalled);
bool memory_disk_is_stalled(const struct memory_disk *memory_disk);
/* One bit of a file changes, durable or not; false when there is no such byte. */
bool memory_disk_flip_bit(struct memory_disk *memory_disk, const char *name, uint64_t offset,
                          unsigned bit);

/* ---- Looking at it ---- */

/* How often this was asked for, refused or not. */
uint64_t memory_disk_operations(const struct memory_disk *memory_disk,
                                enum memory_disk_operation operation);
bool memory_disk_exists(const struct memory_disk *memory_disk, const char *name);
/* What a reader would see; borrowed; empty when there is no such file. */
struct bytes memory_disk_content(const struct memory_disk *memory_disk, const char *name);
/* Puts a durable file there, and the directories above it. */
void memory_disk_put(struct memory_disk *memory_disk, const char *name, struct bytes content);

#endif
