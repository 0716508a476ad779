/* Slabs: pages of 64 KiB, each cut into objects of one size.
 *
 *   +----------------- page -----------------+
 *   | head (64 bytes) | object | object | ... |
 *   +-----------------------------------------+
 *
 * Pages are cut from chunks of 1 MiB, so that the allocator below sees few large blocks; an
 * object's page is found by its address. A page with room stands in the list of its class. Freed
 * objects of a page are chained through their first two bytes. Counted as memory in use are the
 * objects alone: heads and holes are the allocator's, here as elsewhere.
 *
 * A sanitizer build hands every object to the C library instead, which then watches it. */
#include "base/slabs.h"

#include "base/ensure.h"
#include "base/list.h"
#include "base/memory.h"
#include <stdatomic.h>
#include <string.h>

#define PAGE_BYTES   ((size_t)(64 * KIB))
#define CHUNK_PAGES  16
#define CHUNK_BYTES  (CHUNK_PAGES * PAGE_BYTES)
#define HEAD_BYTES   ((size_t)64)
#define FINE_CLASSES (SLAB_FINE_MAX / SLAB_STEP + 1)
#define CLASSES      (FINE_CLASSES + (SLAB_SIZE_MAX - SLAB_FINE_MAX) / SLAB_WIDE_STEP)
#define NO_OBJECT    UINT16_MAX

static inline size_t step_up(size_t size)
{
    if (size > SLAB_FINE_MAX) return (size + SLAB_WIDE_STEP - 1) / SLAB_WIDE_STEP * SLAB_WIDE_STEP;
    return size == 0 ? SLAB_STEP : (size + SLAB_STEP - 1) / SLAB_STEP * SLAB_STEP;
}

size_t slabs_class(size_t size)
{
#ifdef EIR_SYSTEM_MALLOC
    return memory_class(size); /* exact, so that a sanitizer sees every byte too far */
#else
    return size > SLAB_SIZE_MAX ? memory_class(size) : step_up(size);
#endif
}

#ifdef EIR_SYSTEM_MALLOC

void *slabs_alloc(size_t size)
{
    return memory_alloc(size);
}

void slabs_free(void *object, size_t size)
{
    memory_free_sized(object, size);
}

void slabs_collect(void)
{
}

bool slabs_should_move(const void *object, size_t size)
{
    (void)object;
    (void)size;
    return false;
}

void slabs_stats_read(struct slabs_stats *stats)
{
    *stats = (struct slabs_stats){ 0 };
}

#else

struct chunk {
    struct list_link link; /* among those that have a free page */
    char *pages;           /* owned */
    uint32_t free_pages;   /* a bit for each */
};

struct page {
    struct list_link link; /* among those of its class that have room */
    struct chunk *chunk;
    uint32_t used;
    uint16_t object_bytes;
    uint16_t capacity;
    uint16_t fresh;      /* objects from here on were never given out */
    uint16_t free_first; /* of the chain of freed ones */
};
_Static_assert(sizeof(struct page) <= HEAD_BYTES, "the head has its place");
_Static_assert(sizeof(struct chunk) <= HEAD_BYTES, "a chunk is described in a line");

struct pages_of_class {
    struct list with_room;
    size_t page_count;
    size_t object_count;
};

static struct slabs {
    bool is_ready;
    struct pages_of_class classes[CLASSES];
    struct list chunks; /* with a free page */
    size_t page_count;
    size_t object_bytes;
} slabs;
static _Thread_local bool is_owner;
static _Atomic(void *) freed_elsewhere; /* a chain through the objects' first eight bytes */

static inline struct pages_of_class *class_of(size_t object_bytes)
{
    size_t fine = object_bytes / SLAB_STEP;
    size_t wide = FINE_CLASSES - 1 + (object_bytes - SLAB_FINE_MAX) / SLAB_WIDE_STEP;
    return &slabs.classes[object_bytes > SLAB_FINE_MAX ? wide : fine];
}

static struct page *page_of(const void *object)
{
    return (struct page *)((uintptr_t)object & ~(uintptr_t)(PAGE_BYTES - 1));
}

static void become_owner(void)
{
    ensure(!slabs.is_ready); /* one thread allocates */
    for (size_t i = 0; i < CLASSES; i++) list_init(&slabs.classes[i].with_room);
    list_init(&slabs.chunks);
    slabs.is_ready = true;
    is_owner = true;
}

/* ---- Chunks and pages ---- */

static struct chunk *chunk_open(void)
{
    struct chunk *chunk = memory_alloc_aligned(HEAD_BYTES, HEAD_BYTES);
    *chunk = (struct chunk){ .pages = memory_alloc_aligned(CHUNK_BYTES, PAGE_BYTES),
                             .free_pages = (1u << CHUNK_PAGES) - 1 };
    list_append(&slabs.chunks, &chunk->link);
    return chunk;
}

static struct page *page_open(size_t object_bytes)
{
    struct chunk *chunk = LIST_FIRST(&slabs.chunks, struct chunk, link);
    if (chunk == NULL) chunk = chunk_open();
    unsigned place = (unsigned)__builtin_ctz(chunk->free_pages);
    chunk->free_pages &= chunk->free_pages - 1;
    if (chunk->free_pages == 0) list_remove(&chunk->link);

    struct page *page = (struct page *)(void *)(chunk->pages + place * PAGE_BYTES);
    *page = (struct page){
        .chunk = chunk,
        .object_bytes = (uint16_t)object_bytes,
        .capacity = (uint16_t)((PAGE_BYTES - HEAD_BYTES) / object_bytes),
        .free_first = NO_OBJECT,
    };
    struct pages_of_class *class = class_of(object_bytes);
    list_append(&class->with_room, &page->link);
    class->page_count++;
    slabs.page_count++;
    return page;
}

static void page_close(struct page *page)
{
    struct chunk *chunk = page->chunk;
    struct pages_of_class *class = class_of(page->object_bytes);
    list_remove(&page->link);
    class->page_count--;
    slabs.page_count--;
    /* In front of one that is free altogether, which stays as long as no other has room. */
    if (chunk->free_pages == 0) list_prepend(&slabs.chunks, &chunk->link);
    chunk->free_pages |= 1u << ((size_t)((char *)page - chunk->pages) / PAGE_BYTES);
    if (chunk->free_pages != (1u << CHUNK_PAGES) - 1) return;
    list_remove(&chunk->link);
    if (list_is_empty(&slabs.chunks)) {
        list_append(&slabs.chunks, &chunk->link);
        return;
    }
    memory_free_aligned(chunk->pages, CHUNK_BYTES, PAGE_BYTES);
    memory_free_aligned(chunk, HEAD_BYTES, HEAD_BYTES);
}

/* ---- Objects ---- */

static inline char *object_at(struct page *page, size_t place)
{
    return (char *)page + HEAD_BYTES + place * page->object_bytes;
}

static inline void *page_take(struct page *page)
{
    size_t place = page->free_first;
    char *object;
    if (place != NO_OBJECT) {
        object = object_at(page, place);
        memcpy(&page->free_first, object, sizeof(page->free_first));
    } else {
        object = object_at(page, page->fresh++);
    }
    if (++page->used == page->capacity) list_remove(&page->link);
    return object;
}

static void page_give(struct page *page, void *object)
{
    struct pages_of_class *class = class_of(page->object_bytes);
    size_t place = (size_t)((char *)object - object_at(page, 0)) / page->object_bytes;
    ensure(page->used > 0);
    memcpy(object, &page->free_first, sizeof(page->free_first));
    page->free_first = (uint16_t)place;
    /* In front: what is nearly full is filled first, so that others can become empty. */
    if (page->used-- == page->capacity) list_prepend(&class->with_room, &page->link);
    class->object_count--;
    slabs.object_bytes -= page->object_bytes;
    if (page->used == 0) page_close(page);
}

void *slabs_alloc(size_t size)
{
    if (size > SLAB_SIZE_MAX) return memory_alloc(size);
    if (__builtin_expect(!is_owner, 0)) become_owner();
    size_t bytes = step_up(size);
    struct pages_of_class *class = class_of(bytes);
    struct page *page = LIST_FIRST(&class->with_room, struct page, link);
    if (__builtin_expect(page == NULL, 0)) {
        slabs_collect();
        page = LIST_FIRST(&class->with_room, struct page, link);
        if (page == NULL) page = page_open(bytes);
    }
    class->object_count++;
    slabs.object_bytes += bytes;
    memory_counted_new((int64_t)bytes);
    return page_take(page);
}

static void free_elsewhere(void *object)
{
    void *first = atomic_load_explicit(&freed_elsewhere, memory_order_relaxed);
    do {
        memcpy(object, &first, sizeof(first));
    } while (!atomic_compare_exchange_weak_explicit(&freed_elsewhere, &first, object,
                                                    memory_order_release, memory_order_relaxed));
}

void slabs_free(void *object, size_t size)
{
    if (size > SLAB_SIZE_MAX) {
        memory_free_sized(object, size);
        return;
    }
    memory_counted(-(int64_t)step_up(size));
    if (is_owner)
        page_give(page_of(object), object);
    else
        free_elsewhere(object);
}

void slabs_collect(void)
{
    if (!is_owner || atomic_load_explicit(&freed_elsewhere, memory_order_relaxed) == NULL) return;
    void *object = atomic_exchange_explicit(&freed_elsewhere, NULL, memory_order_acquire);
    while (object != NULL) {
        void *next;
        memcpy(&next, object, sizeof(next));
        page_give(page_of(object), object);
        object = next;
    }
}

bool slabs_should_move(const void *object, size_t size)
{
    if (size > SLAB_SIZE_MAX || !is_owner) return false;
    const struct page *page = page_of(object);
    const struct pages_of_class *class = class_of(page->object_bytes);
    const struct page *filled = LIST_FIRST(&class->with_room, struct page, link);
    /* The class as a whole has a page's worth of holes, and this page is emptier than most. */
    size_t room = class->page_count * page->capacity - class->object_count;
    size_t average = class->object_count / class->page_count;
    return page != filled && room >= 2 * (size_t)page->capacity && page->used <= average;
}

void slabs_stats_read(struct slabs_stats *stats)
{
    *stats = (struct slabs_stats){ .pages = slabs.page_count,
                                   .page_bytes = slabs.page_count * PAGE_BYTES,
                                   .object_bytes = slabs.object_bytes };
}

#endif

void *slabs_resize(void *object, size_t before, size_t after)
{
    if (slabs_class(before) == slabs_class(after)) return object;
    void *moved = slabs_alloc(after);
    memcpy(moved, object, MIN(before, after));
    slabs_free(object, before);
    return moved;
}
