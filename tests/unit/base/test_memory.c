/* Memory is counted by what it takes, on every thread; and the small doors beside it: errors, the
 * log, compression, the wrappers of the disk. */
#include "base/memory.h"

#include "base/compress.h"
#include "base/disk.h"
#include "base/ensure.h"
#include "base/err.h"
#include "base/log.h"
#include "base/prng.h"
#include "lib/expect.h"
#include "lib/memory_disk.h"
#include "lib/suite.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

START_TEST(every_block_is_counted_by_its_class)
{
    size_t before = memory_used();
    for (size_t size = 0; size < 70000; size += size / 9 + 1) {
        char *block = memory_alloc(size);
        expect(memory_used() - before == memory_usable(block));
        expect(memory_class(size) == memory_usable(block));
        expect(memory_class(size) >= size);
        block = memory_realloc(block, size + 100);
        expect(memory_used() - before == memory_usable(block));
        memory_free_sized(block, size + 100);
        expect(memory_used() == before);
        block = memory_alloc_zero(size + 1);
        for (size_t i = 0; i <= size; i++) expect(block[i] == 0);
        memory_free(block);
        expect(memory_used() == before);
    }
    memory_free(NULL);
    memory_free_sized(NULL, 7);
    char *text = memory_copy_text("abc");
    ck_assert_str_eq(text, "abc");
    memory_free(text);
    ck_assert_uint_eq(memory_used(), before);
}
END_TEST

static void *free_elsewhere(void *blocks)
{
    for (int i = 0; i < 1000; i++) memory_free_sized(((void **)blocks)[i], 100);
    return NULL;
}

START_TEST(a_block_may_be_freed_on_another_thread)
{
    size_t before = memory_used();
    static void *blocks[1000];
    for (int round = 0; round < 80; round++) { /* more threads than there are counters */
        for (int i = 0; i < 1000; i++) blocks[i] = memory_alloc(100);
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, free_elsewhere, blocks), 0);
        pthread_join(thread, NULL);
        ck_assert_uint_eq(memory_used(), before);
    }
}
END_TEST

START_TEST(the_peak_is_remembered)
{
    memory_peak_reset();
    size_t before = memory_peak();
    void *block = memory_alloc(10 * MIB);
    memory_free(block);
    ck_assert_uint_ge(memory_peak(), before + 10 * MIB);
    memory_peak_reset();
    ck_assert_uint_lt(memory_peak(), before + 1 * MIB);
    struct memory_stats stats;
    memory_stats_read(&stats);
    ck_assert_uint_gt(strlen(stats.allocator), 0);
    ck_assert_uint_ge(stats.resident, stats.allocated);
}
END_TEST

START_TEST(every_error_has_words)
{
    for (int err = 0; err < ERR_COUNT; err++) ck_assert_uint_gt(strlen(err_text(err)), 0);
    ck_assert_int_eq(err_from_errno(0), ERR_NONE);
    ck_assert_int_eq(err_from_errno(ENOSPC), ERR_NO_SPACE);
    ck_assert_int_eq(err_from_errno(ECONNREFUSED), ERR_REFUSED);
    ck_assert_int_eq(err_from_errno(EAGAIN), ERR_LOCKED);
    ck_assert_int_eq(err_from_errno(12345), ERR_IO);
}
END_TEST

static void say_trace(void)
{
    fputs("the trace\n", stderr);
}

START_TEST(a_broken_invariant_ends_the_process)
{
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); /* what it says is expected */
    ensure_on_failure(say_trace);
    volatile int one = 1;
    ensure(one == 1);
    ensure(one == 2);
}
END_TEST

struct heard {
    enum log_level level;
    size_t size;
    int count;
};

static void hear(void *context, enum log_level level, const char *message)
{
    struct heard *heard = context;
    heard->level = level;
    heard->size = strlen(message);
    heard->count++;
}

START_TEST(the_log_reaches_its_sink_from_its_level_on)
{
    struct heard heard = { 0 };
    log_set_sink(hear, &heard);
    log_verbose("unheard");
    ck_assert_int_eq(heard.count, 0);
    log_warning("%0*d", 5000, 7);
    ck_assert_int_eq(heard.count, 1);
    ck_assert_int_eq(heard.level, LOG_LEVEL_WARNING);
    ck_assert_uint_eq(heard.size, 1024);
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("now");
    ck_assert_int_eq(heard.count, 2);
    log_set_level(LOG_LEVEL_NOTHING);
    log_warning("silent");
    ck_assert_int_eq(heard.count, 2);
    log_set_level(LOG_LEVEL_NOTICE);
    log_set_sink(NULL, NULL);
}
END_TEST

START_TEST(what_is_packed_comes_out_again)
{
    struct prng prng;
    prng_init(&prng, 3);
    static char text[20000], packed[20000], back[20000];
    size_t fits = 0;
    for (int i = 0; i < 300; i++) {
        size_t size = 1 + (size_t)prng_below(&prng, sizeof(text));
        uint64_t letters = prng_chance(&prng, 1, 4) ? 256 : 3;
        for (size_t j = 0; j < size; j++) text[j] = (char)prng_below(&prng, letters);
        size_t packed_size = lzf_pack(bytes_of(text, size), packed, size);
        if (packed_size == 0) continue;
        fits++;
        expect(packed_size <= size);
        expect(lzf_unpack(bytes_of(packed, packed_size), back, size));
        expect(memcmp(text, back, size) == 0);
        expect(!lzf_unpack(bytes_of(packed, packed_size), back, size - 1));
        expect(!lzf_unpack(bytes_of(packed, packed_size / 2), back, size));
    }
    ck_assert_uint_gt(fits, 150);
    ck_assert_uint_eq(lzf_pack(BYTES(""), packed, 10), 0);
    ck_assert_uint_eq(lzf_pack(BYTES("abcdefgh"), packed, 2), 0);
    ck_assert(!lzf_unpack(BYTES(""), back, 0));
}
END_TEST

START_TEST(a_file_is_replaced_as_a_whole_or_not_at_all)
{
    struct memory_disk *memory_disk = memory_disk_create();
    struct disk *disk = memory_disk_disk(memory_disk);
    ck_assert_int_eq(disk_replace(disk, "f", BYTES("one")), ERR_NONE);
    memory_disk_fail(memory_disk, MEMORY_DISK_SYNC, 1, ERR_IO);
    ck_assert_int_eq(disk_replace(disk, "f", BYTES("two")), ERR_IO);
    memory_disk_fail(memory_disk, MEMORY_DISK_APPEND, 1, ERR_NO_SPACE);
    ck_assert_int_eq(disk_replace(disk, "f", BYTES("two")), ERR_NO_SPACE);
    memory_disk_fail(memory_disk, MEMORY_DISK_RENAME, 1, ERR_PERMISSION);
    ck_assert_int_eq(disk_replace(disk, "f", BYTES("two")), ERR_PERMISSION);

    struct buffer content = { 0 };
    buffer_append_text(&content, "before ");
    ck_assert_int_eq(disk_read_whole(disk, "f", 3, &content), ERR_NONE);
    ck_assert(bytes_equal(buffer_bytes(&content), BYTES("before one")));
    ck_assert_int_eq(disk_read_whole(disk, "f", 2, &content), ERR_TOO_LARGE);
    ck_assert_int_eq(disk_read_whole(disk, "none", 2, &content), ERR_NOT_FOUND);
    ck_assert(bytes_equal(buffer_bytes(&content), BYTES("before one")));
    buffer_fini(&content);
    file_close(NULL);
    memory_disk_destroy(memory_disk);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("memory");
    tcase_add_test(tests, every_block_is_counted_by_its_class);
    tcase_add_test(tests, a_block_may_be_freed_on_another_thread);
    tcase_add_test(tests, the_peak_is_remembered);
    tcase_add_test(tests, every_error_has_words);
    tcase_add_test_raise_signal(tests, a_broken_invariant_ends_the_process, SIGABRT);
    tcase_add_test(tests, the_log_reaches_its_sink_from_its_level_on);
    tcase_add_test(tests, what_is_packed_comes_out_again);
    tcase_add_test(tests, a_file_is_replaced_as_a_whole_or_not_at_all);
    return suite_run("base/memory", tests);
}
