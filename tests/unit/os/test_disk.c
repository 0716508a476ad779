/* The real disk, in a directory of its own. */
#include "os/disk.h"

#include "base/buffer.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[64];

static void enter(void)
{
    snprintf(directory, sizeof(directory), "/tmp/eir-disk-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static void leave(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(what_was_written_is_read)
{
    struct disk *disk = os_disk_create();
    struct file *file;
    ck_assert_int_eq(disk_open(disk, "a", DISK_READ, &file), ERR_NOT_FOUND);
    ck_assert_int_eq(disk_open(disk, "a", DISK_CREATE, &file), ERR_NONE);
    ck_assert_int_eq(file_append(file, BYTES("hello ")), ERR_NONE);
    ck_assert_int_eq(file_append(file, BYTES("world")), ERR_NONE);
    ck_assert_int_eq(file_sync(file), ERR_NONE);
    ck_assert_int_eq(file_truncate(file, 8), ERR_NONE);
    uint64_t size;
    ck_assert_int_eq(file_size(file, &size), ERR_NONE);
    ck_assert_uint_eq(size, 8);
    file_close(file);
    struct buffer content = { 0 };
    ck_assert_int_eq(disk_read_whole(disk, "a", 100, &content), ERR_NONE);
    ck_assert_uint_eq(content.size, 8);
    ck_assert_mem_eq(content.data, "hello wo", 8);
    buffer_clear(&content);
    ck_assert_int_eq(disk_read_whole(disk, "a", 7, &content), ERR_TOO_LARGE);
    buffer_fini(&content);
    os_disk_destroy(disk);
}
END_TEST

START_TEST(a_replaced_file_is_whole)
{
    struct disk *disk = os_disk_create();
    ck_assert_int_eq(disk_replace(disk, "conf", BYTES("one")), ERR_NONE);
    ck_assert_int_eq(disk_replace(disk, "conf", BYTES("second")), ERR_NONE);
    struct buffer content = { 0 };
    ck_assert_int_eq(disk_read_whole(disk, "conf", 100, &content), ERR_NONE);
    ck_assert_uint_eq(content.size, 6);
    ck_assert_mem_eq(content.data, "second", 6);
    ck_assert_int_ne(access("conf.tmp", F_OK), 0);
    buffer_fini(&content);
    os_disk_destroy(disk);
}
END_TEST

START_TEST(a_lock_is_held_once)
{
    struct disk *disk = os_disk_create();
    struct disk *other = os_disk_create();
    struct file *lock;
    struct file *second;
    ck_assert_int_eq(disk_lock(disk, "lock", &lock), ERR_NONE);
    ck_assert_int_eq(disk_lock(other, "lock", &second), ERR_LOCKED);
    file_close(lock);
    ck_assert_int_eq(disk_lock(other, "lock", &second), ERR_NONE);
    file_close(second);
    os_disk_destroy(disk);
    os_disk_destroy(other);
}
END_TEST

START_TEST(a_directory_is_no_file)
{
    struct disk *disk = os_disk_create();
    struct file *file;
    ck_assert_int_eq(disk_make_directory(disk, "d"), ERR_NONE);
    ck_assert_int_eq(disk_make_directory(disk, "d"), ERR_EXISTS);
    ck_assert_int_ne(disk_open(disk, "d", DISK_READ, &file), ERR_NONE);
    os_disk_destroy(disk);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("os/disk");
    TCase *disk = tcase_create("disk");
    tcase_set_timeout(disk, 60);
    tcase_add_checked_fixture(disk, enter, leave);
    tcase_add_test(disk, what_was_written_is_read);
    tcase_add_test(disk, a_replaced_file_is_whole);
    tcase_add_test(disk, a_lock_is_held_once);
    tcase_add_test(disk, a_directory_is_no_file);
    suite_add_tcase(suite, disk);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
