/* Starting and measuring another process. */
#include "os/probe.h"

#include "os/clock.h"
#include "os/process.h"
#include "os/socket.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(this_process_can_be_measured)
{
    long pid = process_id();
    uint64_t before_ns = clock_cpu_of(pid);
    ck_assert_uint_gt(before_ns, 0);
    uint64_t now_ns = before_ns;
    while (now_ns == before_ns) now_ns = clock_cpu_of(pid);
    ck_assert_uint_gt(now_ns, before_ns);
    ck_assert_uint_gt(probe_resident(pid), 4096);
    time_us user, system;
    probe_cpu_parts(pid, &user, &system);
    ck_assert_int_ge(user, 0);
    ck_assert_int_ge(system, 0);
}
END_TEST

START_TEST(a_process_that_is_gone_measures_zero)
{
    ck_assert_uint_eq(clock_cpu_of(999999999), 0);
    ck_assert_uint_eq(probe_resident(999999999), 0);
    time_us user = 1, system = 1;
    probe_cpu_parts(999999999, &user, &system);
    ck_assert_int_eq(user, 0);
    ck_assert_int_eq(system, 0);
}
END_TEST

static int wait_for(long pid)
{
    int code = -1;
    while (!process_reap(pid, &code)) process_stall(1);
    return code;
}

START_TEST(a_program_runs_where_it_is_told_to)
{
    int cores[1024];
    ck_assert_uint_ge(probe_cores(cores, 1024), 1);
    char directory[256], path[300], program[300];
    ck_assert_int_eq(probe_make_directory(directory, sizeof(directory)), ERR_NONE);
    snprintf(path, sizeof(path), "%s/out", directory);
    ck_assert(probe_find_program("sh", program, sizeof(program)));
    char *argv[] = { program, "-c", "pwd; mkdir deep; echo x > deep/file; exit 3", NULL };
    long pid = probe_start(&(struct probe_program){
        .argv = argv, .directory = directory, .output_path = path, .core = cores[0] });
    ck_assert_int_gt(pid, 0);
    ck_assert_int_eq(wait_for(pid), 3);
    char line[300] = "";
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
    fclose(file);
    ck_assert_ptr_nonnull(strstr(line, "eir-benchmark-"));
    probe_remove_directory(directory);
    ck_assert_int_ne(access(directory, F_OK), 0);
}
END_TEST

START_TEST(only_programs_are_found)
{
    char path[300];
    ck_assert(!probe_find_program("/nonexistent/program", path, sizeof(path)));
    ck_assert(!probe_find_program("no-such-program-anywhere", path, sizeof(path)));
    ck_assert(!probe_find_program("/tmp", path, sizeof(path)));
}
END_TEST

START_TEST(a_free_port_can_be_listened_on)
{
    uint16_t port = probe_free_port((uint16_t)(process_id() % 2700));
    ck_assert_uint_ge(port, PROBE_PORT_FIRST);
    struct socket_address address = { .ip = "127.0.0.1", .port = port };
    int fd;
    ck_assert_int_eq(socket_listen(&address, 1, &fd), ERR_NONE);
    ck_assert_uint_ne(probe_free_port((uint16_t)(port - PROBE_PORT_FIRST)), port);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("os/probe");
    TCase *tests = tcase_create("probe");
    tcase_add_test(tests, this_process_can_be_measured);
    tcase_add_test(tests, a_process_that_is_gone_measures_zero);
    tcase_add_test(tests, a_program_runs_where_it_is_told_to);
    tcase_add_test(tests, only_programs_are_found);
    tcase_add_test(tests, a_free_port_can_be_listened_on);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
