/* All allocation of the process, counted. jemalloc's only door.
 *
 * Nothing here returns NULL: out of memory ends the process with a report. Whoever takes a size
 * from outside checks it against a named limit first. A sanitizer build uses the C library's
 * malloc (option EIR_SYSTEM_MALLOC). */
#ifndef EIR_BASE_MEMORY_H
#define EIR_BASE_MEMORY_H

#include "base/units.h"

void *memory_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_alloc_zero(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_realloc(void *block, size_t size) __attribute__((returns_nonnull));
void memory_free(void *block); /* NULL is allowed */
char *memory_copy_text(const char *text);

/* Frees a block whose allocated size the caller still knows: cheaper than memory_free, because
 * the allocator is not asked. `size` is what was passed to memory_alloc or memory_realloc. */
void memory_free_sized(void *block, size_t size);

/* For an allocator that cuts blocks up itself: a block that is not counted, freed with the same
 * size and alignment, and a word about what of it is in use. memory_counted_new counts as an
 * allocation too. */
void *memory_alloc_aligned(size_t size, size_t alignment) __attribute__((returns_nonnull));
void memory_free_aligned(void *block, size_t size, size_t alignment);
void memory_counted(int64_t change);
void memory_counted_new(int64_t size);

/* Regions: blocks of this size at a boundary of as much, which the system can back with one large
 * page each, so that reaching into one of a million entries costs no walk through cold page
 * tables. Not counted. `advise` asks the system for that, and takes the wish back when the region
 * is given up; base makes no system calls, so somebody above hands it in before the first region
 * is taken. Without it nothing is asked. False: this build takes no regions, for every object is
 * the C library's own. */
#define MEMORY_REGION_BYTES ((size_t)(2 * MIB))
typedef void (*memory_advise)(void *region, size_t bytes, bool wants_large);
bool memory_use_large_pages(memory_advise advise);
void *memory_region_alloc(bool wants_large) __attribute__((returns_nonnull));
void memory_region_free(void *region, bool wanted_large);
/* Bytes of the regions for which large pages were asked. */
size_t memory_large_bytes(void);

/* Bytes that an allocation of `size` really takes (the allocator's size class). */
size_t memory_class(size_t size);
/* Bytes that this block really takes. */
size_t memory_usable(const void *block);

/* Bytes in use now, by size class, and the highest value of that. */
size_t memory_used(void);
size_t memory_peak(void);
void memory_peak_reset(void);

/* Allocations and reallocations that the calling thread has asked for so far: for tests of what a
 * path costs. */
uint64_t memory_allocation_count(void);

struct memory_stats {
    const char *allocator; /* "jemalloc-5.3.0" or "libc" */
    size_t allocated;      /* the allocator's own view of the same */
    size_t active;         /* bytes in active pages */
    size_t resident;       /* resident bytes of the allocator */
    size_t muzzy;          /* given back lazily */
};
/* Asks the allocator; takes microseconds, not for the hot path. */
void memory_stats_read(struct memory_stats *stats);

/* The block, or the same bytes in another one when it stands where most others of its size are
 * free. Takes about a microsecond. */
void *memory_vacate(void *block, size_t size) __attribute__((returns_nonnull));
/* Lets the allocator give memory back on a thread of its own. */
void memory_use_background_thread(bool is_on);

/* A number or a text of the allocator by its name, and a new value for the number (NULL: none).
 * False: it knows no such name, or it is of another kind. */
bool memory_control(const char *name, const int64_t *wanted, int64_t *value);
bool memory_control_text(const char *name, const char **value);

/* The allocator's own account, in pieces of text. */
void memory_report(void (*write)(void *context, const char *text), void *context);
/* Gives free pages back to the system. */
void memory_purge(void);

#endif
