/* Slabs: pages of 64 KiB, each cut into objects of one size.
 *
 *   +----------------- page -----------------+
 *   | head (64 bytes) | object | object | ... |
 *   +-----------------------------------------+
 *
 * Pages are cut from regions of 2 MiB, for which all but the first ask for a large page of the
 * system: a small store stays small, and a large one is reached without walks through cold page
 * tables. An object's page and region are found by its address; a region is described in the head
 * of its first page. A page may also be given out whole, without a head, then never the first of
 * its region. A page with room stands in the list of its class. Freed objects of a page are chained
 * through their first two bytes. Counted as memory in use are the objects alone: heads and holes
 * are the allocator's, here as elsewhere.
 *
 * A sanitizer build hands every object to the C library instead, which then watches it. */
#include "base/slabs.h"

#include "base/ensure.h"
#include "base/list.h"
#include "base/memory.h"
#include <stdatomic.h>
#include <string.h>

#define PAGE_BYTES   SLAB_PAGE_BYTES
#define REGION_PAGES (MEMORY_REGION_BYTES / PAGE_BYTES)
#define ALL_FREE     UINT32_MAX
#define HEAD_BYTES   ((size_t)64)
#define FINE_CLASSES (SLAB_FINE_MAX / SLAB_STEP + 1)
#define CLASSES      (FINE_CLASSES + (SLAB_SIZE_MAX - SLAB_FINE_MAX) / SLAB_WIDE_STEP)
#define NO_OBJECT    UINT16_MAX

/* Taken in by one call: some hundred microseconds. */
#define COLLECT_OBJECTS 4096
#define COLLECT_PAGES   64
_Static_assert(REGION_PAGES == 32, "a bit for each page");

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

void *slabs_page_alloc(void)
{
    memory_counted_new((int64_t)PAGE_BYTES);
    return memory_alloc_aligned(PAGE_BYTES, PAGE_BYTES);
}

void slabs_page_free(void *page)
{
    memory_counted(-(int64_t)PAGE_BYTES);
    memory_free_aligned(page, PAGE_BYTES, PAGE_BYTES);
}

bool slabs_collect(void)
{
    return true;
}

bool slabs_wants_region(void)
{
    return false;
}

void slabs_prepare(void *nothing)
{
    (void)nothing;
}

void slabs_unprepare(void)
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

static bool all_leave; /* so that whoever keeps a pointer too long is found */

void slabs_vacate_begin(void)
{
}

enum slabs_vacating slabs_vacate_plan(void)
{
    all_leave = true;
    return SLABS_LEAVING;
}

static bool should_leave(const void *object)
{
    (void)object;
    return all_leave;
}

void *slabs_page_vacate(void *page)
{
    return page;
}

bool slabs_vacate_end(void)
{
    all_leave = false;
    return true;
}

#else

struct page {
    struct list_link link; /* among those of its class that have room */
    uint32_t used;
    uint16_t object_bytes;
    uint16_t capacity;
    uint16_t fresh;      /* objects from here on were never given out */
    uint16_t free_first; /* of the chain of freed ones */
};

/* At the very start of its memory. */
struct region {
    struct page first;     /* the head of the first page, while it holds objects */
    struct list_link link; /* among those that have a free page */
    uint32_t free_pages;   /* a bit for each */
    uint32_t whole_pages;  /* those given out whole */
    uint32_t index;        /* in the array of all */
    uint8_t fill;          /* of FILLS, when it was last looked at */
    bool is_large;
    bool is_leaving; /* is in no list, and neither are its pages */
};
_Static_assert(sizeof(struct region) <= HEAD_BYTES, "the head has its place");

struct pages_of_class {
    struct list with_room;
    size_t page_count;
    size_t object_count;
};

#define FILLS 64 /* steps in which it is told how full a region is */

struct vacating {
    enum slabs_vacating state;
    bool is_choosing; /* else still counting */
    size_t next;      /* region to look at */
    size_t live_bytes;
    size_t counts[FILLS + 1]; /* of regions, by their fill */
    unsigned fill_leaving;    /* below this all leave, and of this */
    size_t more_leaving;      /* so many */
};

static struct slabs {
    bool is_ready;
    struct pages_of_class classes[CLASSES];
    struct list regions;  /* with a free page */
    void *returned;       /* a chain of what other threads have freed and is not taken in yet */
    void *returned_pages; /* the same of whole pages */
    struct region **all;  /* owned */
    bool is_asked;        /* for a region that is prepared, and that was not needed yet */
    size_t pages_unasked; /* in use when the last one was not needed */
    size_t region_count;
    size_t region_places;
    struct vacating vacating;
    size_t page_count;
    size_t whole_count; /* of these, given out whole */
    size_t object_bytes;
} slabs;
static _Thread_local bool is_owner;
static _Atomic(void *) freed_elsewhere; /* a chain through the objects' first eight bytes */
static _Atomic(void *) pages_freed_elsewhere;
static _Atomic(void *) prepared; /* a region, owned */

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

static struct region *region_of(const void *page)
{
    return (struct region *)((uintptr_t)page & ~(uintptr_t)(MEMORY_REGION_BYTES - 1));
}

static uint32_t page_bit(const void *page)
{
    return 1u << ((uintptr_t)page & (MEMORY_REGION_BYTES - 1)) / PAGE_BYTES;
}

static void become_owner(void)
{
    ensure(!slabs.is_ready); /* one thread allocates */
    for (size_t i = 0; i < CLASSES; i++) list_init(&slabs.classes[i].with_room);
    list_init(&slabs.regions);
    slabs.is_ready = true;
    is_owner = true;
}

/* ---- Regions and pages ---- */

/* Not counted, as little as the regions are. */
static void all_grow(void)
{
    size_t size = slabs.region_places * sizeof(*slabs.all);
    slabs.region_places = MAX(2 * slabs.region_places, (size_t)64);
    struct region **all =
        memory_alloc_aligned(slabs.region_places * sizeof(*slabs.all), sizeof(*slabs.all));
    if (size > 0) {
        memcpy(all, slabs.all, size);
        memory_free_aligned(slabs.all, size, sizeof(*slabs.all));
    }
    slabs.all = all;
}

static struct region *region_open(void)
{
    bool is_large = slabs.region_count > 0;
    struct region *region = is_large ? atomic_exchange(&prepared, NULL) : NULL;
    if (region != NULL)
        slabs.is_asked = false;
    else
        region = memory_region_alloc(is_large);
    *region = (struct region){ .free_pages = ALL_FREE,
                               .index = (uint32_t)slabs.region_count,
                               .fill = FILLS,
                               .is_large = is_large };
    list_append(&slabs.regions, &region->link);
    if (slabs.region_count == slabs.region_places) all_grow();
    slabs.all[slabs.region_count++] = region;
    return region;
}

static void region_close(struct region *region)
{
    struct region *last = slabs.all[--slabs.region_count];
    slabs.all[region->index] = last;
    last->index = region->index;
    memory_region_free(region, region->is_large);
}

/* A page that is none of those in `except`, a bit for each place. */
static void *page_take_free(uint32_t except)
{
    struct region *region = NULL;
    LIST_EACH(&slabs.regions, struct region, candidate, link)
    {
        if ((candidate->free_pages & ~except) == 0) continue;
        region = candidate;
        break;
    }
    if (region == NULL) region = region_open();
    unsigned place = (unsigned)__builtin_ctz(region->free_pages & ~except);
    region->free_pages &= ~(1u << place);
    if (region->free_pages == 0) list_remove(&region->link);
    slabs.page_count++;
    return (char *)region + place * PAGE_BYTES;
}

static void page_put_free(void *page)
{
    struct region *region = region_of(page);
    /* In front of one that is free altogether, which stays as long as no other has room. */
    if (region->free_pages == 0 && !region->is_leaving) list_prepend(&slabs.regions, &region->link);
    region->free_pages |= page_bit(page);
    slabs.page_count--;
    if (region->free_pages != ALL_FREE) return;
    list_remove(&region->link);
    if (list_is_empty(&slabs.regions) && !region->is_leaving) {
        list_append(&slabs.regions, &region->link);
        return;
    }
    region_close(region);
}

static struct page *page_open(size_t object_bytes)
{
    struct page *page = page_take_free(0);
    *page = (struct page){
        .object_bytes = (uint16_t)object_bytes,
        .capacity = (uint16_t)((PAGE_BYTES - HEAD_BYTES) / object_bytes),
        .free_first = NO_OBJECT,
    };
    struct pages_of_class *class = class_of(object_bytes);
    list_append(&class->with_room, &page->link);
    class->page_count++;
    return page;
}

static void page_close(struct page *page)
{
    struct pages_of_class *class = class_of(page->object_bytes);
    list_remove(&page->link);
    class->page_count--;
    page_put_free(page);
}

static void chain_push(_Atomic(void *) *chain, void *object)
{
    void *first = atomic_load_explicit(chain, memory_order_relaxed);
    do {
        memcpy(object, &first, sizeof(first));
    } while (!atomic_compare_exchange_weak_explicit(chain, &first, object, memory_order_release,
                                                    memory_order_relaxed));
}

void *slabs_page_alloc(void)
{
    if (__builtin_expect(!is_owner, 0)) become_owner();
    slabs_collect();
    slabs.whole_count++;
    memory_counted_new((int64_t)PAGE_BYTES);
    void *page = page_take_free(1); /* in the first page stands what the region is */
    region_of(page)->whole_pages |= page_bit(page);
    return page;
}

static void whole_page_give(void *page)
{
    region_of(page)->whole_pages &= ~page_bit(page);
    slabs.whole_count--;
    page_put_free(page);
}

void slabs_page_free(void *page)
{
    memory_counted(-(int64_t)PAGE_BYTES);
    if (!is_owner) {
        chain_push(&pages_freed_elsewhere, page);
        return;
    }
    whole_page_give(page);
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
    if (page->used-- == page->capacity && !region_of(page)->is_leaving)
        list_prepend(&class->with_room, &page->link);
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
        chain_push(&freed_elsewhere, object);
}

/* The next of a chain; what other threads have freed follows when it is at its end. */
static void *chain_take(void **chain, _Atomic(void *) *elsewhere)
{
    if (*chain == NULL && atomic_load_explicit(elsewhere, memory_order_relaxed) != NULL)
        *chain = atomic_exchange_explicit(elsewhere, NULL, memory_order_acquire);
    void *first = *chain;
    if (first != NULL) memcpy(chain, first, sizeof(*chain));
    return first;
}

bool slabs_collect(void)
{
    if (!is_owner) return true;
    void *object = NULL, *page = NULL;
    for (int i = 0; i < COLLECT_OBJECTS; i++) {
        object = chain_take(&slabs.returned, &freed_elsewhere);
        if (object == NULL) break;
        page_give(page_of(object), object);
    }
    for (int i = 0; i < COLLECT_PAGES; i++) {
        page = chain_take(&slabs.returned_pages, &pages_freed_elsewhere);
        if (page == NULL) break;
        whole_page_give(page);
    }
    return object == NULL && page == NULL;
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
    size_t pages = slabs.page_count - slabs.whole_count;
    *stats = (struct slabs_stats){ .pages = pages,
                                   .page_bytes = pages * PAGE_BYTES,
                                   .object_bytes = slabs.object_bytes,
                                   .whole_pages = slabs.whole_count,
                                   .regions = slabs.region_count };
}

/* ---- Regions made ready by another thread ---- */

#define PREPARED_FROM  8 /* regions: in a smaller store one more would show */
#define PREPARED_PAGES 8 /* that are left when the next region is asked for: 16,000 small keys */

bool slabs_wants_region(void)
{
    if (!is_owner || slabs.is_asked || slabs.region_count < PREPARED_FROM) return false;
    size_t free_pages = slabs.region_count * REGION_PAGES - slabs.page_count;
    if (free_pages > PREPARED_PAGES || slabs.page_count == slabs.pages_unasked) return false;
    slabs.is_asked = true;
    return true;
}

void slabs_prepare(void *nothing)
{
    (void)nothing;
    void *region = memory_region_alloc(true);
    memset(region, 0, MEMORY_REGION_BYTES);
    void *other = atomic_exchange(&prepared, region);
    if (other != NULL) memory_region_free(other, true);
}

void slabs_unprepare(void)
{
    void *region = atomic_exchange(&prepared, NULL);
    if (region == NULL) return;
    memory_region_free(region, true);
    slabs.is_asked = false;
    slabs.pages_unasked = slabs.page_count;
}

/* ---- Vacating ---- */

#define REGIONS_A_STEP 8

static struct page *page_at(const struct region *region, unsigned place)
{
    return (struct page *)(void *)((uintptr_t)region + place * PAGE_BYTES);
}

/* It has a head, and objects. */
static bool page_has_objects(const struct region *region, unsigned place)
{
    return !((region->free_pages | region->whole_pages) >> place & 1);
}

static size_t region_live_bytes(const struct region *region)
{
    size_t bytes = (size_t)__builtin_popcount(region->whole_pages) * PAGE_BYTES;
    for (unsigned i = 0; i < REGION_PAGES; i++) {
        if (!page_has_objects(region, i)) continue;
        const struct page *page = page_at(region, i);
        bytes += (size_t)page->used * page->object_bytes;
    }
    return bytes;
}

static void region_leave(struct region *region)
{
    region->is_leaving = true;
    if (region->free_pages != 0) list_remove(&region->link);
    for (unsigned i = 0; i < REGION_PAGES; i++) {
        if (!page_has_objects(region, i)) continue;
        struct page *page = page_at(region, i);
        if (page->used < page->capacity) list_remove(&page->link);
    }
}

static void region_return(struct region *region)
{
    region->is_leaving = false;
    if (region->free_pages != 0) list_append(&slabs.regions, &region->link);
    for (unsigned i = 0; i < REGION_PAGES; i++) {
        if (!page_has_objects(region, i)) continue;
        struct page *page = page_at(region, i);
        if (page->used < page->capacity)
            list_append(&class_of(page->object_bytes)->with_room, &page->link);
    }
}

/* Regions that all objects need when they stand close, each class with a page that is not full. */
static size_t regions_needed(size_t live_bytes)
{
    size_t bytes = live_bytes + live_bytes / 16;
    for (size_t i = 0; i < CLASSES; i++)
        if (slabs.classes[i].page_count > 0) bytes += PAGE_BYTES;
    return bytes / MEMORY_REGION_BYTES + 1;
}

/* All regions are counted: which may leave? False: none. */
static bool vacate_choose(struct vacating *vacating)
{
    size_t needed = regions_needed(vacating->live_bytes);
    if (slabs.region_count <= needed) return false;
    size_t leaving = slabs.region_count - needed;
    unsigned fill = 0;
    /* What is nearly full stays: it would only go to another place. */
    while (fill < FILLS * 7 / 8 && vacating->counts[fill] <= leaving)
        leaving -= vacating->counts[fill++];
    vacating->fill_leaving = fill;
    vacating->more_leaving = fill == FILLS * 7 / 8 ? 0 : leaving;
    return true;
}

void slabs_vacate_begin(void)
{
    ensure(slabs.vacating.state == SLABS_ALL_STAY);
    slabs.vacating = (struct vacating){ .state = SLABS_PLANNING };
}

static void vacate_look(struct vacating *vacating, struct region *region)
{
    if (!vacating->is_choosing) {
        size_t live_bytes = region_live_bytes(region);
        region->fill = (uint8_t)(live_bytes * FILLS / MEMORY_REGION_BYTES);
        vacating->live_bytes += live_bytes;
        vacating->counts[region->fill]++;
    } else if (region->fill < vacating->fill_leaving) {
        region_leave(region);
    } else if (region->fill == vacating->fill_leaving && vacating->more_leaving > 0) {
        vacating->more_leaving--;
        region_leave(region);
    }
}

enum slabs_vacating slabs_vacate_plan(void)
{
    struct vacating *vacating = &slabs.vacating;
    if (vacating->state != SLABS_PLANNING) return vacating->state;
    for (int i = 0; i < REGIONS_A_STEP && vacating->next < slabs.region_count; i++)
        vacate_look(vacating, slabs.all[vacating->next++]);
    if (vacating->next < slabs.region_count) return SLABS_PLANNING;
    vacating->next = 0;
    if (vacating->is_choosing)
        vacating->state = SLABS_LEAVING;
    else if (!vacate_choose(vacating))
        vacating->state = SLABS_ALL_STAY;
    vacating->is_choosing = true;
    return vacating->state;
}

static bool should_leave(const void *object)
{
    return slabs.vacating.state == SLABS_LEAVING && region_of(object)->is_leaving;
}

bool slabs_vacate_end(void)
{
    struct vacating *vacating = &slabs.vacating;
    if (vacating->state != SLABS_ALL_STAY) vacating->next = 0;
    vacating->state = SLABS_ALL_STAY;
    for (int i = 0; i < REGIONS_A_STEP && vacating->next < slabs.region_count; i++) {
        struct region *region = slabs.all[vacating->next++];
        if (region->is_leaving) region_return(region);
    }
    return vacating->next >= slabs.region_count;
}

void *slabs_page_vacate(void *page)
{
    if (!should_leave(page)) return page;
    void *moved = slabs_page_alloc();
    memcpy(moved, page, PAGE_BYTES);
    slabs_page_free(page);
    return moved;
}

#endif

void *slabs_vacate(void *object, size_t size)
{
    if (size > SLAB_SIZE_MAX) return memory_vacate(object, size);
    if (!should_leave(object)) return object;
    void *moved = slabs_alloc(size);
    memcpy(moved, object, size);
    slabs_free(object, size);
    return moved;
}

void *slabs_resize(void *object, size_t before, size_t after)
{
    if (slabs_class(before) == slabs_class(after)) return object;
    void *moved = slabs_alloc(after);
    memcpy(moved, object, MIN(before, after));
    slabs_free(object, before);
    return moved;
}
