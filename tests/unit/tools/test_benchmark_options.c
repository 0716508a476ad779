/* The command line of eir-benchmark. */
#include "tools/benchmark_options.h"

#include "lib/suite.h"
#include <stdio.h>

static struct benchmark_options options;

/* Splits at spaces; the words stay valid until the next call. */
static bool read_line(const char *line)
{
    static char text[512];
    static char *argv[32];
    int argc = 0;
    snprintf(text, sizeof(text), "eir-benchmark %s", line);
    for (char *at = text; *at != 0;) {
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at == ' ') *at++ = 0;
    }
    return benchmark_options_read(&options, argc, argv);
}

static void expect_refusal(const char *line)
{
    ck_assert_msg(!read_line(line), "accepted: %s", line);
    benchmark_options_fini(&options);
}

START_TEST(options_of_valkey_benchmark_are_read)
{
    ck_assert(
        read_line("-h example.org -p 7000 -a secret --user anna -c 20 -n 5000 -d 100 --dbnum 3 "
                  "-3 --threads 4 -k 0 -r 1000 --sequential -P 16 -q -t set,get --rps 10"));
    ck_assert_str_eq(options.host, "example.org");
    ck_assert_int_eq(options.port, 7000);
    ck_assert_str_eq(options.password, "secret");
    ck_assert_str_eq(options.user, "anna");
    ck_assert_uint_eq(options.clients.count, 1);
    ck_assert_int_eq(options.clients.numbers[0], 20);
    ck_assert_int_eq(options.request_count, 5000);
    ck_assert_int_eq(options.sizes.numbers[0], 100);
    ck_assert_int_eq(options.database, 3);
    ck_assert(options.speaks_resp3 && options.is_sequential && options.is_quiet);
    ck_assert_int_eq(options.thread_count, 4);
    ck_assert_int_eq(options.keep_alive, 0);
    ck_assert_int_eq(options.pipelines.numbers[0], 16);
    ck_assert_str_eq(options.tests, "set,get");
    ck_assert_int_eq(options.rate, 10);
    ck_assert_uint_eq(options.argc, 0);
    benchmark_options_fini(&options);
}
END_TEST

START_TEST(a_command_follows_the_options)
{
    ck_assert(read_line("-q lpush list -x"));
    ck_assert_uint_eq(options.argc, 3);
    ck_assert_str_eq(options.argv[2], "-x");
    ck_assert(!options.reads_last_argument);
    benchmark_options_fini(&options);
    ck_assert(read_line("-q -- -odd-command"));
    ck_assert_uint_eq(options.argc, 1);
    benchmark_options_fini(&options);
}
END_TEST

START_TEST(a_uri_says_everything_at_once)
{
    ck_assert(read_line("-u valkey://anna:secret@example.org:7001/5"));
    ck_assert_str_eq(options.host, "example.org");
    ck_assert_int_eq(options.port, 7001);
    ck_assert_str_eq(options.user, "anna");
    ck_assert_str_eq(options.password, "secret");
    ck_assert_int_eq(options.database, 5);
    benchmark_options_fini(&options);
    ck_assert(read_line("-u redis://example.org"));
    ck_assert_str_eq(options.host, "example.org");
    ck_assert_int_eq(options.port, 6379);
    ck_assert_ptr_null(options.password);
    benchmark_options_fini(&options);
    expect_refusal("-u http://example.org");
    expect_refusal("-u valkeys://example.org");
    expect_refusal("-u valkey:example.org");
    expect_refusal("-u valkey://example.org:many");
}
END_TEST

START_TEST(a_comparison_takes_lists_of_numbers)
{
    ck_assert(read_line("--compare other -c 50,500,5000 -P 1,16 -d 3 --rounds 5"));
    ck_assert_uint_eq(options.clients.count, 3);
    ck_assert_int_eq(options.clients.numbers[2], 5000);
    ck_assert_uint_eq(options.pipelines.count, 2);
    ck_assert_int_eq(options.rounds, 5);
    benchmark_options_fini(&options);
    expect_refusal("-c 50,500");
    expect_refusal("--compare other -c 50,");
    expect_refusal("--compare other -P 1,2,3,4,5,6,7,8,9");
    expect_refusal("--compare other set a b");
}
END_TEST

START_TEST(nonsense_is_refused)
{
    expect_refusal("--frobnicate");
    expect_refusal("-n");
    expect_refusal("-n 0");
    expect_refusal("-n 10x");
    expect_refusal("-p 70000");
    expect_refusal("-P 0");
    expect_refusal("-n 5 --duration 5");
    expect_refusal("--user anna");
    expect_refusal("--rfr maybe --cluster");
    expect_refusal("--rfr yes");
    expect_refusal("--tls");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("benchmark_options");
    tcase_add_test(tests, options_of_valkey_benchmark_are_read);
    tcase_add_test(tests, a_command_follows_the_options);
    tcase_add_test(tests, a_uri_says_everything_at_once);
    tcase_add_test(tests, a_comparison_takes_lists_of_numbers);
    tcase_add_test(tests, nonsense_is_refused);
    return suite_run("tools/benchmark_options", tests);
}
