/* The disk in memory keeps what a real one must keep, and loses what a real one may lose. */
#include "lib/memory_disk.h"

#include "base/memory.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct memory_disk *memory_disk;
static struct disk *disk;
static struct prng prng;

static void set_up(void)
{
    memory_disk = memory_disk_create();
    disk = memory_disk_disk(memory_disk);
    prng_init(&prng, 7);
}

static void tear_down(void)
{
    memory_disk_destroy(memory_disk);
}

static struct file *opened(const char *name, enum disk_mode mode)
{
    struct file *file;
    ck_assert_int_eq(disk_open(disk, name, mode, &file), ERR_NONE);
    return file;
}

static void expect_content(const char *name, struct bytes expected)
{
    struct buffer content = { 0 };
    ck_assert_int_eq(disk_read_whole(disk, name, 1 * MIB, &content), ERR_NONE);
    ck_assert(bytes_equal(buffer_bytes(&content), expected));
    buffer_fini(&content);
}

START_TEST(what_was_replaced_survives_every_crash)
{
    for (int i = 0; i < 50; i++) {
        char text[16];
        struct bytes content = bytes_of(text, (size_t)snprintf(text, sizeof(text), "text %d", i));
        ck_assert_int_eq(disk_replace(disk, "nodes.conf", content), ERR_NONE);
        memory_disk_crash(memory_disk, &prng);
        expect_content("nodes.conf", content);
        ck_assert(!memory_disk_exists(memory_disk, "nodes.conf.tmp"));
    }
}
END_TEST

START_TEST(unsynced_bytes_survive_in_part_or_not)
{
    char block[4096];
    memset(block, 'x', sizeof(block));
    ck_assert_int_eq(disk_replace(disk, "log", BYTES("durable")), ERR_NONE);
    bool lost_all = false, lost_none = false, torn = false, holed = false;
    for (int i = 0; i < 300; i++) {
        struct memory_disk *before = memory_disk_snapshot(memory_disk);
        struct file *file = opened("log", DISK_APPEND);
        ck_assert_int_eq(file_append(file, bytes_of(block, 1000)), ERR_NONE);
        memory_disk_crash(memory_disk, &prng);
        ck_assert_int_eq(file_append(file, BYTES("late")), ERR_IO);
        file_close(file);
        struct bytes left = memory_disk_content(memory_disk, "log");
        ck_assert(bytes_starts_with(left, BYTES("durable")));
        ck_assert_uint_le(left.size, 1007);
        lost_all |= left.size == 7;
        lost_none |= left.size == 1007;
        torn |= left.size > 7 && left.size < 1007;
        holed |= bytes_index_of(left, '\0') >= 0;
        memory_disk_restore(memory_disk, before);
        memory_disk_destroy(before);
    }
    ck_assert(lost_all && lost_none && torn && holed);
}
END_TEST

START_TEST(names_are_durable_by_a_rename_in_their_directory_only)
{
    int lost = 0;
    for (int i = 0; i < 40; i++) {
        struct file *file = opened("fresh", DISK_CREATE);
        ck_assert_int_eq(file_append(file, BYTES("a")), ERR_NONE);
        ck_assert_int_eq(file_sync(file), ERR_NONE);
        file_close(file);
        memory_disk_crash(memory_disk, &prng);
        lost += !memory_disk_exists(memory_disk, "fresh");
        memory_disk_wipe(memory_disk);
    }
    ck_assert_int_gt(lost, 0);
    ck_assert_int_lt(lost, 40);

    file_close(opened("fresh", DISK_CREATE));
    ck_assert_int_eq(disk_replace(disk, "other", BYTES("")), ERR_NONE);
    memory_disk_crash(memory_disk, &prng);
    ck_assert(memory_disk_exists(memory_disk, "fresh"));
}
END_TEST

START_TEST(a_cut_that_was_not_synced_may_come_undone)
{
    int undone = 0;
    for (int i = 0; i < 40; i++) {
        memory_disk_put(memory_disk, "log", BYTES("0123456789"));
        struct file *file = opened("log", DISK_APPEND);
        ck_assert_int_eq(file_truncate(file, 4), ERR_NONE);
        file_close(file);
        expect_content("log", BYTES("0123"));
        memory_disk_crash(memory_disk, &prng);
        struct bytes left = memory_disk_content(memory_disk, "log");
        undone += left.size == 10;
        ck_assert(left.size == 10 || left.size == 4);
    }
    ck_assert_int_gt(undone, 0);
    ck_assert_int_lt(undone, 40);
}
END_TEST

START_TEST(faults_come_when_they_were_ordered)
{
    struct file *file = opened("log", DISK_CREATE);
    memory_disk_fail(memory_disk, MEMORY_DISK_APPEND, 2, ERR_IO);
    ck_assert_int_eq(file_append(file, BYTES("1234")), ERR_NONE);
    ck_assert_int_eq(file_append(file, BYTES("5678")), ERR_IO);
    ck_assert_int_eq(file_append(file, BYTES("9")), ERR_NONE);
    expect_content("log", BYTES("1234569")); /* half of the failed write is there */
    memory_disk_set_capacity(memory_disk, 9);
    ck_assert_int_eq(file_append(file, BYTES("abcd")), ERR_NO_SPACE);
    expect_content("log", BYTES("1234569ab"));
    memory_disk_set_capacity(memory_disk, 0);
    memory_disk_fail_always(memory_disk, MEMORY_DISK_SYNC, ERR_IO);
    ck_assert_int_eq(file_sync(file), ERR_IO);
    ck_assert_int_eq(file_sync(file), ERR_IO);
    memory_disk_fail_always(memory_disk, MEMORY_DISK_SYNC, ERR_NONE);
    ck_assert_int_eq(file_sync(file), ERR_NONE);
    file_close(file);
    ck_assert_uint_eq(memory_disk_operations(memory_disk, MEMORY_DISK_SYNC), 3);

    ck_assert_int_eq(disk_replace(disk, "x", BYTES("")), ERR_NONE); /* makes the name durable */
    memory_disk_crash(memory_disk, &prng);
    struct bytes left = memory_disk_content(memory_disk, "log");
    ck_assert(bytes_equal(left, BYTES("\0\0\0\0\0\0\0\0\0"))); /* what the failed sync lost */
}
END_TEST

START_TEST(locks_hold_until_their_file_or_process_ends)
{
    struct file *first, *second;
    ck_assert_int_eq(disk_lock(disk, "lock", &first), ERR_NONE);
    ck_assert_int_eq(disk_lock(disk, "lock", &second), ERR_LOCKED);
    file_close(first);
    ck_assert_int_eq(disk_lock(disk, "lock", &first), ERR_NONE);
    memory_disk_process_end(memory_disk);
    ck_assert_int_eq(disk_lock(disk, "lock", &second), ERR_NONE);
    file_close(first); /* a dead process's file takes nobody's lock */
    ck_assert_int_eq(disk_lock(disk, "lock", &first), ERR_LOCKED);
    file_close(second);
}
END_TEST

static void count_name(void *context, const char *name)
{
    ck_assert_str_eq(name, "part");
    ++*(int *)context;
}

START_TEST(directories_hold_names)
{
    struct file *file;
    ck_assert_int_eq(disk_open(disk, "aof/part", DISK_CREATE, &file), ERR_NOT_FOUND);
    ck_assert_int_eq(disk_make_directory(disk, "aof"), ERR_NONE);
    ck_assert_int_eq(disk_make_directory(disk, "aof"), ERR_EXISTS);
    file_close(opened("aof/part", DISK_CREATE));
    int count = 0;
    ck_assert_int_eq(disk_list(disk, "aof", count_name, &count), ERR_NONE);
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(disk_list(disk, "none", count_name, &count), ERR_NOT_FOUND);
    ck_assert_int_eq(disk_rename(disk, "aof/part", "top"), ERR_NONE);
    ck_assert(!memory_disk_exists(memory_disk, "aof/part"));
    ck_assert_int_eq(disk_remove(disk, "top"), ERR_NONE);
    ck_assert_int_eq(disk_remove(disk, "top"), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_snapshot_brings_the_old_disk_back)
{
    ck_assert_int_eq(disk_replace(disk, "a", BYTES("old")), ERR_NONE);
    struct memory_disk *snapshot = memory_disk_snapshot(memory_disk);
    ck_assert_int_eq(disk_replace(disk, "a", BYTES("new")), ERR_NONE);
    ck_assert(memory_disk_flip_bit(memory_disk, "a", 0, 1));
    expect_content("a", BYTES("lew"));
    memory_disk_restore(memory_disk, snapshot);
    expect_content("a", BYTES("old"));
    memory_disk_crash(memory_disk, &prng);
    expect_content("a", BYTES("old"));
    memory_disk_destroy(snapshot);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("memory_disk");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_was_replaced_survives_every_crash);
    tcase_add_test(tests, unsynced_bytes_survive_in_part_or_not);
    tcase_add_test(tests, names_are_durable_by_a_rename_in_their_directory_only);
    tcase_add_test(tests, a_cut_that_was_not_synced_may_come_undone);
    tcase_add_test(tests, faults_come_when_they_were_ordered);
    tcase_add_test(tests, locks_hold_until_their_file_or_process_ends);
    tcase_add_test(tests, directories_hold_names);
    tcase_add_test(tests, a_snapshot_brings_the_old_disk_back);
    Suite *suite = suite_create("base/memory_disk");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
