/* All allocation, counted by what the allocator really takes.
 *
 * Each thread counts in a slot of its own and alone writes it, so counting needs no locked
 * instruction; a block that one thread allocates and another frees makes one slot too high and
 * the other too low (they wrap), and the sum right. Threads beyond the last slot share slot 0.
 * The peak is taken when a slot has grown by PEAK_STEP, so it may miss up to that much. */
#include "base/memory.h"

#include "base/ensure.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef EIR_SYSTEM_MALLOC
#include <malloc.h>
#else
#include <jemalloc/jemalloc.h>
#endif

#define COUNTER_SLOTS 64
#define PEAK_STEP     ((int64_t)(64 * KIB))

struct counter {
    _Alignas(64) _Atomic int64_t used;
    int64_t peak_checked_at; /* touched by the slot's own thread only */
};

static struct counter counters[COUNTER_SLOTS]; /* slot 0 is shared by all who came too late */
static atomic_uint counter_slots_taken;
static atomic_size_t peak;
static atomic_size_t large_bytes;
static memory_advise large_pages_advise;    /* set once, before the first region is taken */
static _Thread_local unsigned counter_slot; /* 0: none yet, or the shared one */
static _Thread_local bool counter_slot_asked;
static _Thread_local uint64_t allocation_count; /* of this thread */

static int64_t counters_sum(void)
{
    unsigned taken = atomic_load_explicit(&counter_slots_taken, memory_order_relaxed);
    int64_t sum = 0;
    for (unsigned i = 0; i <= taken && i < COUNTER_SLOTS; i++)
        sum += atomic_load_explicit(&counters[i].used, memory_order_relaxed);
    return sum < 0 ? 0 : sum; /* a free seen before its allocation, on other threads */
}

static void peak_raise(size_t used)
{
    size_t seen = atomic_load_explicit(&peak, memory_order_relaxed);
    while (used > seen && !atomic_compare_exchange_weak_explicit(
                              &peak, &seen, used, memory_order_relaxed, memory_order_relaxed)) {}
}

static void counter_slot_ask(void)
{
    counter_slot_asked = true;
    unsigned slot = atomic_fetch_add_explicit(&counter_slots_taken, 1, memory_order_relaxed) + 1;
    counter_slot = slot < COUNTER_SLOTS ? slot : 0;
}

static void count(int64_t change)
{
    if (__builtin_expect(!counter_slot_asked, 0)) counter_slot_ask();
    struct counter *counter = &counters[counter_slot];
    if (__builtin_expect(counter_slot == 0, 0)) {
        atomic_fetch_add_explicit(&counter->used, change, memory_order_relaxed);
        if (change >= PEAK_STEP) peak_raise((size_t)counters_sum());
        return;
    }
    int64_t used = atomic_load_explicit(&counter->used, memory_order_relaxed) + change;
    atomic_store_explicit(&counter->used, used, memory_order_relaxed);
    if (__builtin_expect(used - counter->peak_checked_at >= PEAK_STEP, 0)) {
        counter->peak_checked_at = used;
        peak_raise((size_t)counters_sum());
    } else if (used < counter->peak_checked_at - PEAK_STEP) {
        counter->peak_checked_at = used;
    }
}

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "out of memory: %zu bytes asked, %zu in use\n", size, memory_used());
    fflush(stderr);
    abort();
}

size_t memory_usable(const void *block)
{
    return malloc_usable_size((void *)(uintptr_t)block);
}

size_t memory_class(size_t size)
{
    if (size == 0) size = 1;
#ifdef EIR_SYSTEM_MALLOC
    return size; /* the sanitizers' allocator takes, as far as anybody can see, what was asked */
#else
    return nallocx(size, 0);
#endif
}

/* What a fresh block takes: from the size where that is cheaper than asking for the block. */
static size_t taken(void *block, size_t size)
{
#ifdef EIR_SYSTEM_MALLOC
    (void)size;
    return malloc_usable_size(block);
#else
    (void)block;
    return nallocx(size, 0);
#endif
}

void *memory_alloc(size_t size)
{
    if (size == 0) size = 1;
    allocation_count++;
    void *block = malloc(size);
    if (__builtin_expect(block == NULL, 0)) out_of_memory(size);
    count((int64_t)taken(block, size));
    return block;
}

void *memory_alloc_zero(size_t size)
{
    if (size == 0) size = 1;
    allocation_count++;
    void *block = calloc(1, size);
    if (__builtin_expect(block == NULL, 0)) out_of_memory(size);
    count((int64_t)taken(block, size));
    return block;
}

void *memory_realloc(void *block, size_t size)
{
    if (size == 0) size = 1;
    allocation_count++;
    int64_t before = block == NULL ? 0 : (int64_t)memory_usable(block);
    void *moved = realloc(block, size);
    if (__builtin_expect(moved == NULL, 0)) out_of_memory(size);
    count((int64_t)taken(moved, size) - before);
    return moved;
}

void memory_free(void *block)
{
    if (block == NULL) return;
    count(-(int64_t)memory_usable(block));
    free(block);
}

void memory_free_sized(void *block, size_t size)
{
    if (block == NULL) return;
    if (size == 0) size = 1;
    count(-(int64_t)taken(block, size));
#ifdef EIR_SYSTEM_MALLOC
    free(block);
#else
    sdallocx(block, size, 0);
#endif
}

void *memory_alloc_aligned(size_t size, size_t alignment)
{
#ifdef EIR_SYSTEM_MALLOC
    void *block = aligned_alloc(alignment, size);
#else
    void *block = mallocx(size, MALLOCX_ALIGN(alignment));
#endif
    if (block == NULL) out_of_memory(size);
    return block;
}

void memory_free_aligned(void *block, size_t size, size_t alignment)
{
#ifdef EIR_SYSTEM_MALLOC
    free(block);
#else
    sdallocx(block, size, MALLOCX_ALIGN(alignment));
#endif
}

bool memory_use_large_pages(memory_advise advise)
{
#ifdef EIR_SYSTEM_MALLOC
    (void)advise;
    return false;
#else
    large_pages_advise = advise;
    return true;
#endif
}

void *memory_region_alloc(bool wants_large)
{
    void *region = memory_alloc_aligned(MEMORY_REGION_BYTES, MEMORY_REGION_BYTES);
    if (!wants_large || large_pages_advise == NULL) return region;
    large_pages_advise(region, MEMORY_REGION_BYTES, true);
    atomic_fetch_add_explicit(&large_bytes, MEMORY_REGION_BYTES, memory_order_relaxed);
    return region;
}

void memory_region_free(void *region, bool wanted_large)
{
    if (wanted_large && large_pages_advise != NULL) {
        large_pages_advise(region, MEMORY_REGION_BYTES, false);
        atomic_fetch_sub_explicit(&large_bytes, MEMORY_REGION_BYTES, memory_order_relaxed);
    }
    memory_free_aligned(region, MEMORY_REGION_BYTES, MEMORY_REGION_BYTES);
}

size_t memory_large_bytes(void)
{
    return atomic_load_explicit(&large_bytes, memory_order_relaxed);
}

void memory_counted(int64_t change)
{
    count(change);
}

void memory_counted_new(int64_t size)
{
    allocation_count++;
    count(size);
}

char *memory_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(memory_alloc(size), text, size);
}

uint64_t memory_allocation_count(void)
{
    return allocation_count;
}

size_t memory_used(void)
{
    return (size_t)counters_sum();
}

size_t memory_peak(void)
{
    peak_raise(memory_used());
    return atomic_load_explicit(&peak, memory_order_relaxed);
}

void memory_peak_reset(void)
{
    atomic_store_explicit(&peak, memory_used(), memory_order_relaxed);
}

#ifdef EIR_SYSTEM_MALLOC
void memory_report(void (*write)(void *context, const char *text), void *context)
{
    write(context, "Stats are not supported by the allocator of the C library\n");
}

void memory_purge(void)
{
}

void *memory_vacate(void *block, size_t size)
{
    (void)size;
    return block;
}

void memory_use_background_thread(bool is_on)
{
    (void)is_on;
}

void memory_stats_read(struct memory_stats *stats)
{
    size_t used = memory_used();
    *stats = (struct memory_stats){
        .allocator = "libc", .allocated = used, .active = used, .resident = used
    };
}

bool memory_control(const char *name, const int64_t *wanted, int64_t *value)
{
    (void)name, (void)wanted, (void)value;
    return false;
}

bool memory_control_text(const char *name, const char **value)
{
    (void)name, (void)value;
    return false;
}
#else
void memory_report(void (*write)(void *context, const char *text), void *context)
{
    malloc_stats_print(write, context, NULL);
}

void memory_purge(void)
{
#define TEXT_OF(x)  #x
#define TEXT_OF2(x) TEXT_OF(x)
    (void)mallctl("arena." TEXT_OF2(MALLCTL_ARENAS_ALL) ".purge", NULL, NULL, NULL, 0);
}

/* What jemalloc 5 tells of the run that a block stands in. */
struct utilization {
    void *current; /* the run that its size class allocates from now */
    size_t free_count, count;
    size_t run_bytes;
    size_t class_free_count, class_count;
};

static bool should_move(const void *block)
{
    struct utilization at;
    size_t size = sizeof(at);
    if (mallctl("experimental.utilization.query", &at, &size, &block, sizeof(block)) != 0)
        return false;
    bool is_current = (uintptr_t)block - (uintptr_t)at.current < at.run_bytes;
    if (at.count <= 1 || is_current || at.class_count == 0) return false; /* a run of its own */
    /* Emptier than its class on the average, which has room for it elsewhere. */
    return at.class_free_count >= 2 * at.count &&
           at.free_count * at.class_count >= at.class_free_count * at.count;
}

void *memory_vacate(void *block, size_t size)
{
    if (!should_move(block)) return block;
    /* Past the caches of the thread, which would give back the very same places. */
    void *moved = mallocx(size, MALLOCX_TCACHE_NONE);
    if (moved == NULL) out_of_memory(size);
    memcpy(moved, block, size);
    dallocx(block, MALLOCX_TCACHE_NONE);
    return moved;
}

void memory_use_background_thread(bool is_on)
{
    (void)mallctl("background_thread", NULL, NULL, &is_on, sizeof(is_on));
}

/* The allocator knows its numbers by their size. */
bool memory_control(const char *name, const int64_t *wanted, int64_t *value)
{
    static const size_t sizes[] = { 8, 4, 1 };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        int64_t found = 0, given = wanted != NULL ? *wanted : 0;
        size_t size = sizes[i];
        int error = wanted != NULL ? mallctl(name, &found, &size, &given, size)
                                   : mallctl(name, &found, &size, NULL, 0);
        if (error != 0) continue;
        *value = found;
        return true;
    }
    return false;
}

bool memory_control_text(const char *name, const char **value)
{
    static const char *const texts[] = { "version", "config.malloc_conf" };
    size_t size = sizeof(*value);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (strcmp(name, texts[i]) == 0) return mallctl(name, value, &size, NULL, 0) == 0;
    return false; /* other names are of numbers, which are as wide as a pointer */
}

static size_t allocator_size(const char *name)
{
    size_t value = 0;
    size_t size = sizeof(value);
    if (mallctl(name, &value, &size, NULL, 0) != 0) return 0;
    return value;
}

void memory_stats_read(struct memory_stats *stats)
{
    uint64_t epoch = 1; /* writing it makes jemalloc refresh what the names below return */
    size_t size = sizeof(epoch);
    (void)mallctl("epoch", &epoch, &size, &epoch, size);
    size_t page = allocator_size("arenas.page");
    *stats = (struct memory_stats){
        .allocator = "jemalloc-" TEXT_OF2(JEMALLOC_VERSION_MAJOR) "." TEXT_OF2(
            JEMALLOC_VERSION_MINOR) "." TEXT_OF2(JEMALLOC_VERSION_BUGFIX),
        .allocated = allocator_size("stats.allocated"),
        .active = allocator_size("stats.active"),
        .resident = allocator_size("stats.resident"),
        .muzzy = allocator_size("stats.arenas." TEXT_OF2(MALLCTL_ARENAS_ALL) ".pmuzzy") * page,
    };
}
#endif
