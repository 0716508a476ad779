/* Small objects in steps of eight bytes, larger ones in steps of 64: the entries of keys, and the
 * lines of small tables.
 *
 * The allocator's own classes go 32, 48, 64, 80, 96, 112, 128, 160, ...: a key of 16 bytes with an
 * expiry and a value of 8 takes 38 bytes and would be given 48. Here it takes 40. One whose size is
 * a multiple of 64 stands on a cache line's start. Whoever frees an object knows its size.
 *
 * One thread allocates: the first that does. Any thread may free; what another one frees comes
 * back when slabs_collect is called. */
#ifndef EIR_BASE_SLABS_H
#define EIR_BASE_SLABS_H

#include "base/units.h"

#define SLAB_STEP      8
#define SLAB_FINE_MAX  256
#define SLAB_WIDE_STEP 64
#define SLAB_SIZE_MAX  2048 /* larger ones are the allocator's */

/* Bytes that an object of this size really takes. */
size_t slabs_class(size_t size);
void *slabs_alloc(size_t size) __attribute__((returns_nonnull));
void slabs_free(void *object, size_t size);
/* A larger or smaller one with the same bytes at its start; `object` is gone. */
void *slabs_resize(void *object, size_t before, size_t after) __attribute__((returns_nonnull));

/* A whole page, at a boundary of its size: for arrays that belong near the objects. */
#define SLAB_PAGE_BYTES ((size_t)(64 * KIB))
void *slabs_page_alloc(void) __attribute__((returns_nonnull));
void slabs_page_free(void *page);

/* Takes in what other threads have freed, some of it; true when that was all. Cheap when there is
 * nothing. */
bool slabs_collect(void);
/* The object stands on a page that is mostly empty while others of its class could take it: who
 * can move it (allocate, copy, free) should. */
bool slabs_should_move(const void *object, size_t size);

/* A region will be needed soon: then somebody should call slabs_prepare on another thread, which
 * makes the system find the memory for it. Where a virtual machine's host has to, that takes 5 ms,
 * and whoever writes would wait for it. Says so once for each region. */
bool slabs_wants_region(void);
void slabs_prepare(void *nothing);
/* It was not needed after all, for now. */
void slabs_unprepare(void);

struct slabs_stats {
    size_t pages;        /* in use */
    size_t page_bytes;   /* of these */
    size_t object_bytes; /* that stand on them */
    size_t whole_pages;  /* given out as such, not counted above */
    size_t regions;      /* of MEMORY_REGION_BYTES, out of which all of them are cut */
};
void slabs_stats_read(struct slabs_stats *stats);

/* ---- Giving memory back: the emptiest regions are vacated into the holes of all others ---- */

enum slabs_vacating {
    SLABS_ALL_STAY, /* nothing would be won */
    SLABS_PLANNING,
    SLABS_LEAVING, /* what stands in some regions should move, and nothing new is put there */
};
void slabs_vacate_begin(void);
/* One short step of choosing the regions; to be called until it does not answer SLABS_PLANNING. */
enum slabs_vacating slabs_vacate_plan(void);
/* The object, moved with its bytes if it should; also one that is larger than slabs are. */
void *slabs_vacate(void *object, size_t size) __attribute__((returns_nonnull));
void *slabs_page_vacate(void *page) __attribute__((returns_nonnull));
/* Whoever is left stays. One short step; true when done. */
bool slabs_vacate_end(void);

#endif
